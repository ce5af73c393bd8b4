use super::exporters::UNSURE;
use super::*;
use crate::rules::{Injections, Label};

fn profile() -> Profile {
    let label = |key: &str, value: &str| Label { key: key.into(), value: value.into() };
    let labels = [label("a", "1"), label("b", "")];
    injecting(&labels, Some("/ci"))
}

fn injecting(image_labels: &[Label], build_cgroup_parent: Option<&str>) -> Profile {
    let inject = Injections::forced(&[], image_labels, None, build_cgroup_parent);
    Profile { inject, ..Profile::default() }
}

/// The message for a daemon with a graph driver.
fn edit(profile: &Profile, method: Method, message: &[u8]) -> Result<EditedMessage, Refusal> {
    super::edit(profile, method, message, Some(Store::GraphDriver))
}

/// A message of fields of bytes.
fn message(fields: &[(u64, &[u8])]) -> Vec<u8> {
    let mut message = Vec::new();
    for (number, bytes) in fields {
        put(&mut message, *number, bytes);
    }
    message
}

fn pair(key: &str, value: &str) -> Vec<u8> {
    message(&[(1, key.as_bytes()), (2, value.as_bytes())])
}

/// The cgroup parent, as an entry of the map `number`.
fn cgroup_parent(number: u64) -> Vec<u8> {
    message(&[(number, &pair("cgroup-parent", "/ci"))])
}

/// Returns the forced values as entries of the map `number`.
fn forced(number: u64) -> Vec<u8> {
    let pairs = [("label:a", "1"), ("label:b", ""), ("cgroup-parent", "/ci")];
    pairs.map(|(key, value)| message(&[(number, &pair(key, value))])).concat()
}

#[test]
fn forced_values_follow_the_clients_in_a_frontends_map() {
    let client = [pair("label:a", "client"), pair("filename", "x")];
    for (method, frontend, map) in [(Method::BridgeSolve, 2, 3), (Method::ControlSolve, 6, 7)] {
        let solve = message(&[(map, &client[0]), (frontend, b"dockerfile.v0"), (map, &client[1])]);
        let edited = edit(&profile(), method, &solve).unwrap();
        assert_eq!(edited.message, [solve, forced(map)].concat(), "{method:?}");
        assert_eq!((edited.forced, edited.note), (Forced::LABELS | Forced::CGROUP_PARENT, None));
        let without = message(&[(map, &client[0]), (frontend, b"")]);
        let edited = edit(&profile(), method, &without).unwrap();
        assert_eq!((edited.message, edited.forced), (without, Forced::NOTHING), "{method:?}");
    }
}

#[test]
fn a_slice_becomes_a_path_for_buildkit() {
    for (parent, path) in [
        ("/ci/7", "/ci/7"),
        ("/ci-7.slice", "/ci-7.slice"),
        ("/a/ci-7.slice", "/a/ci-7.slice"),
        ("ci.slice", "/ci.slice"),
        ("ci-7.slice", "/ci.slice/ci-7.slice"),
        ("ci-team-7.slice", "/ci.slice/ci-team.slice/ci-team-7.slice"),
    ] {
        let profile = injecting(&[], Some(parent));
        let solve = message(&[(2, b"dockerfile.v0")]);
        let edited = edit(&profile, Method::BridgeSolve, &solve).unwrap();
        let entry = message(&[(3, &pair("cgroup-parent", path))]);
        assert_eq!(edited.message, [solve, entry].concat(), "{parent}");
    }
}

#[test]
fn values_that_are_not_forced_stay_the_clients() {
    let labels = injecting(profile().inject.image_labels(), None);
    let parent = Profile { strict: true, ..injecting(&[], Some("/ci")) };
    let neither = Profile { strict: true, ..Profile::default() };
    for (method, frontend, map) in [(Method::BridgeSolve, 2, 3), (Method::ControlSolve, 6, 7)] {
        let client = [pair("cgroup-parent", "/mine"), pair("label:a", "client")];
        let solve = message(&[(frontend, b"dockerfile.v0"), (map, &client[0]), (map, &client[1])]);
        let both = forced(map);
        let (ours, moved) = both.split_at(both.len() - cgroup_parent(map).len());
        for (profile, put, forced) in [
            (&labels, ours, Forced::LABELS),
            (&parent, moved, Forced::CGROUP_PARENT),
            (&neither, &b""[..], Forced::NOTHING),
        ] {
            let edited = edit(profile, method, &solve).unwrap();
            assert_eq!(edited.message, [&solve, put].concat(), "{method:?}");
            assert_eq!((edited.forced, edited.note), (forced, None));
        }
    }
    // Images without a frontend or with a config of the client's, and exporters of its session.
    let (config, image) = (pair(CONFIG, "no config"), exporter(b"image", CONFIG, "{}"));
    let platforms = exporter(b"image", "refs.platforms", "{}");
    let result = message(&[(10, &config), (3, b"\x0a\x01r")]);
    for (method, odd) in [
        (Method::ControlSolve, message(&[(2, b"LLB"), (13, &message(&[(1, b"moby")]))])),
        (Method::ControlSolve, message(&[(3, b"image"), (4, &config), (13, &image)])),
        (Method::ControlSolve, message(&[(2, b"LLB"), (13, &platforms)])),
        (Method::ControlSolve, b"\x70\x01".to_vec()),
        (Method::BridgeReturn, message(&[(1, &result)])),
    ] {
        for profile in [&parent, &neither] {
            let edited = edit(profile, method, &odd).unwrap();
            assert_eq!((edited.message, edited.forced), (odd.clone(), Forced::NOTHING));
            assert_eq!(edited.note, None, "{odd:?}");
        }
        let strict = Profile { strict: true, ..labels.clone() };
        assert!(edit(&strict, method, &odd).is_err(), "{odd:?}");
    }
}

#[test]
fn returned_image_configs_get_the_labels() {
    let result = |config: &str, other: &str| {
        message(&[
            (10, &pair("containerimage.config", config)),
            (3, b"\x0a\x03ref"),
            (10, &pair("containerimage.config/linux/amd64", config)),
            (10, &pair("containerimage.configs", other)),
            (10, &pair("refs.platforms", other)),
        ])
    };
    for (config, labelled) in [
        (r#"{"os":"linux"}"#, r#"{"os":"linux","config":{"Labels":{"a":"1","b":""}}}"#),
        (r#"{"config":null}"#, r#"{"config":{"Labels":{"a":"1","b":""}}}"#),
        (r#"{"Config":null}"#, r#"{"config":{"Labels":{"a":"1","b":""}}}"#),
        (r#"{"Config":{"labels":{}}}"#, r#"{"config":{"Labels":{"a":"1","b":""}}}"#),
        (
            r#"{"config":{"Labels":{"a":"x","c":"y"}}}"#,
            r#"{"config":{"Labels":{"a":"1","c":"y","b":""}}}"#,
        ),
    ] {
        let returned = message(&[(1, &result(config, "{}"))]);
        let edited = edit(&profile(), Method::BridgeReturn, &returned).unwrap();
        assert_eq!(edited.message, message(&[(1, &result(labelled, "{}"))]), "{config}");
        assert_eq!((edited.forced, edited.note), (Forced::LABELS, None));
    }
    for bad in ["", "null", "[]", "{", r#"{"config":[]}"#, r#"{"config":{},"Config":{}}"#] {
        let returned = message(&[(1, &result(bad, ""))]);
        assert!(edit(&profile(), Method::BridgeReturn, &returned).is_err(), "{bad}");
    }
}

/// An exporter of `kind` with one attribute.
fn exporter(kind: &[u8], key: &str, value: &str) -> Vec<u8> {
    message(&[(2, &pair("name", "x")), (1, kind), (2, &pair(key, value))])
}

const CONFIG: &str = "containerimage.config";

#[test]
fn an_exporter_can_bring_a_config_of_its_own() {
    let (config, labelled) = ("{}", r#"{"config":{"Labels":{"a":"1","b":""}}}"#);
    let solve = |config: &str| {
        let (attr, other) = (pair(CONFIG, config), exporter(b"oci", CONFIG, config));
        message(&[(2, b"LLB"), (3, b"image"), (4, &attr), (13, &other), (1, b"ref")])
    };
    let edited = edit(&profile(), Method::ControlSolve, &solve(config)).unwrap();
    assert_eq!(edited.message, solve(labelled));
    assert_eq!((edited.forced, edited.note), (Forced::LABELS, None));
}

#[test]
fn a_config_counts_where_the_daemon_reads_it() {
    let strict = Profile { strict: true, ..profile() };
    let attr = pair(CONFIG, "{}");
    let labelled = exporter(b"image", CONFIG, "{}");
    let plain = message(&[(1, b"image")]);
    for (fields, forced) in [
        // Nobody reads such a key.
        (&[(13, &*exporter(b"image", "containerimage.configs", "{}"))], Forced::NOTHING),
        // Docker's own exporter reads no attributes where the store is a graph driver.
        (&[(13, &*exporter(b"moby", "containerimage.config/linux/amd64", "{}"))], Forced::NOTHING),
        (&[(13, &*exporter(b"moby", CONFIG, "{}"))], Forced::NOTHING),
        (&[(3, &b"moby"[..]), (4, &*attr)][..], Forced::NOTHING),
        // The config is one of another exporter.
        (&[(13, &*exporter(b"local", CONFIG, "{}")), (13, &*plain)], Forced::NOTHING),
        (&[(13, &*labelled), (13, &*plain)], Forced::LABELS),
        (&[(4, &*attr), (13, &*plain)], Forced::NOTHING),
        (&[(3, &b"image"[..]), (4, &*attr), (13, &*plain)], Forced::LABELS),
        (&[(3, &b"image"[..]), (13, &*labelled)], Forced::LABELS),
    ] as [(&[(u64, &[u8])], _); _]
    {
        let solve = message(&[&[(2, &b"LLB"[..])], fields].concat());
        let edited = edit(&profile(), Method::ControlSolve, &solve).unwrap();
        assert_eq!((edited.forced, edited.note), (forced, Some(UNLABELLED)), "{fields:?}");
        let refused = edit(&strict, Method::ControlSolve, &solve);
        assert_eq!(refused, Err(unlabelled()), "{fields:?}");
        // Without a definition the config comes with a Return.
        assert!(edit(&strict, Method::ControlSolve, &message(fields)).is_ok(), "{fields:?}");
    }
}

#[test]
fn a_config_for_dockers_own_exporter_counts_by_the_store() {
    let strict = Profile { strict: true, ..profile() };
    let of_platform = "containerimage.config/linux/amd64";
    let attr = |key| exporter(b"moby", key, "{}");
    let old = message(&[(3, &b"moby"[..]), (4, &*pair(CONFIG, "{}"))]);
    let new = |key| message(&[(13, &attr(key))]);
    let (read, ignored) = (Store::Containerd, Store::GraphDriver);
    for (store, exporters, forced, note) in [
        (read, old.clone(), Forced::LABELS, None),
        (read, new(CONFIG), Forced::LABELS, None),
        (read, new(of_platform), Forced::NOTHING, Some(UNSURE)),
        (ignored, old, Forced::NOTHING, Some(UNLABELLED)),
        (ignored, new(CONFIG), Forced::NOTHING, Some(UNLABELLED)),
        (ignored, new(of_platform), Forced::NOTHING, Some(UNLABELLED)),
        (Store::Unknown, new(CONFIG), Forced::NOTHING, Some(UNSURE)),
    ] {
        let solve = [message(&[(2, b"LLB")]), exporters].concat();
        let edit = |profile, store| super::edit(profile, Method::ControlSolve, &solve, store);
        let plain = profile();
        let edited = edit(&plain, Some(store)).unwrap();
        let is_labelled = note.is_none();
        assert_eq!((edited.forced, edited.note), (forced, note), "{store:?}");
        assert!(!edited.asks_for_store);
        assert_eq!(edit(&strict, Some(store)).is_ok(), is_labelled, "{store:?}");
        // Until the store was asked for, nothing is refused.
        assert!(edit(&strict, None).unwrap().asks_for_store);
    }
}

#[test]
fn the_store_is_asked_for_only_where_it_matters() {
    let moby = exporter(b"moby", CONFIG, "{}");
    for solve in [
        message(&[(2, b"LLB"), (13, &exporter(b"moby", "name", "x"))]),
        message(&[(2, b"LLB"), (13, &exporter(b"image", CONFIG, "{}"))]),
        message(&[(2, b"LLB"), (6, b"dockerfile.v0"), (13, &moby)]),
        message(&[(13, &moby)]),
    ] {
        let edited = super::edit(&profile(), Method::ControlSolve, &solve, None).unwrap();
        assert!(!edited.asks_for_store, "{solve:?}");
    }
}

#[test]
fn a_config_of_one_platform_may_not_be_read() {
    let solve = message(&[(2, b"LLB"), (13, &exporter(b"image", "containerimage.config/a", "{}"))]);
    let edited = edit(&profile(), Method::ControlSolve, &solve).unwrap();
    assert_eq!((edited.forced, edited.note), (Forced::NOTHING, Some(UNSURE)));
    let strict = Profile { strict: true, ..profile() };
    assert_eq!(edit(&strict, Method::ControlSolve, &solve), Err(unlabelled()));
}

#[test]
fn an_image_that_cannot_be_labelled_is_noted_or_refused() {
    let strict = Profile { strict: true, ..profile() };
    let exporter = |kind: &[u8]| message(&[(2, b"LLB"), (13, &message(&[(1, kind)]))]);
    let returned = |refs: &[u8]| message(&[(1, &message(&[(3, refs)]))]);
    for (method, makes, other) in [
        (Method::ControlSolve, exporter(b"moby"), exporter(b"local")),
        (Method::ControlSolve, message(&[(3, b"image"), (2, b"LLB")]), message(&[(3, b"image")])),
        (Method::BridgeReturn, returned(b"\x0a\x01r"), returned(b"")),
    ] {
        let edited = edit(&profile(), method, &makes).unwrap();
        assert_eq!((&edited.message, edited.note), (&makes, Some(UNLABELLED)));
        assert_eq!(edit(&strict, method, &makes), Err(unlabelled()));
        let edited = edit(&strict, method, &other).unwrap();
        assert_eq!((edited.message, edited.forced), (other, Forced::NOTHING));
    }
}

/// Makes a client's `Return`: `refers` and metadata.
fn returned(refers: (u64, &[u8]), metadata: &[(&str, &str)]) -> Vec<u8> {
    let metadata = metadata.iter().map(|(key, value)| message(&[(10, &pair(key, value))]));
    let result = [message(&[refers]), metadata.collect::<Vec<_>>().concat()].concat();
    message(&[(1, &result)])
}

#[test]
fn a_result_has_the_config_that_the_daemon_reads() {
    let strict = Profile { strict: true, ..profile() };
    let (one, map) = ([(1, &b"r"[..]), (3, b"\x0a\x01r")], [(2, &b"r"[..]), (4, b"r")]);
    let platforms = ("refs.platforms", r#"{"Platforms":[{"ID":"a"},{"ID":"b/c"}]}"#);
    let (a, b) = (("containerimage.config/a", "{}"), ("containerimage.config/b/c", "{}"));
    let (plain, decoy) = ((CONFIG, "{}"), ("containerimage.config/decoy", "{}"));
    for (refers, metadata, labelled) in [
        (one, &[plain][..], true),
        (one, &[decoy], false),
        (one, &[platforms, a, b], false),
        (map, &[platforms, a, b], true),
        (map, &[b, decoy, plain, a, platforms], true),
        (map, &[platforms, a, plain], false),
        (map, &[plain], false),
        (map, &[a, b, plain], false),
        // The last one counts.
        (map, &[platforms, a, ("refs.platforms", r#"{"Platforms":[{"ID":"a"}]}"#)], true),
        (map, &[a, ("refs.platforms", r#"{"Platforms":[{"ID":"a"}]}"#), platforms], false),
    ] {
        for refers in refers {
            let returned = returned(refers, metadata);
            let edited = edit(&profile(), Method::BridgeReturn, &returned).unwrap();
            let wanted =
                if labelled { (Forced::LABELS, None) } else { (Forced::NOTHING, Some(UNLABELLED)) };
            assert_eq!((edited.forced, edited.note), wanted, "{refers:?} {metadata:?}");
            let passes = edit(&strict, Method::BridgeReturn, &returned).is_ok();
            assert_eq!(passes, labelled, "{refers:?} {metadata:?}");
        }
    }
    // A map of nothing is one result of nothing.
    let empty = returned((4, b""), &[plain]);
    assert_eq!(edit(&strict, Method::BridgeReturn, &empty).unwrap().forced, Forced::LABELS);
}

#[test]
fn exporters_of_a_session_are_noted() {
    for (solve, note) in [(b"\x70\x01", Some(SESSION_EXPORTER)), (b"\x70\x00", None)] {
        let edited = edit(&profile(), Method::ControlSolve, solve).unwrap();
        assert_eq!((&*edited.message, edited.note), (&solve[..], note));
    }
}

#[test]
fn odd_spellings_are_refused() {
    let result = message(&[(10, &pair("x", "y"))]);
    for (method, odd) in [
        (Method::BridgeReturn, message(&[(1, &result), (1, &result)])),
        (Method::BridgeReturn, message(&[(1, &message(&[(10, b"\x1a\x01x")]))])),
        (Method::BridgeReturn, message(&[(1, &message(&[(3, b""), (4, b"x")]))])),
        (Method::BridgeSolve, message(&[(3, b"\x0a\x01k\x0a\x01k")])),
        // The daemon takes the last one, which is none.
        (Method::BridgeSolve, message(&[(2, b"dockerfile.v0"), (2, b"")])),
        (Method::ControlSolve, message(&[(2, b"LLB"), (6, b"dockerfile.v0"), (6, b"")])),
        (Method::BridgeSolve, b"\x50\x01".to_vec()),
        (Method::BridgeSolve, message(&[(11, br#"{"containerimage.config":""}"#)])),
        (Method::BridgeSolve, b"\x10\x01".to_vec()),
        (Method::ControlSolve, message(&[(7, b"\x0a")])),
        (Method::ControlSolve, message(&[(4, &pair("refs.platforms", "{}"))])),
        (Method::ControlSolve, message(&[(13, &exporter(b"image", "refs.platforms", "{}"))])),
        (Method::ControlSolve, b"\x6b\x6c".to_vec()),
    ] {
        let refused = edit(&profile(), method, &odd);
        assert!(
            refused
                .as_ref()
                .is_err_and(|refusal| refusal.reason == crate::rules::Reason::BuildMessage),
            "{odd:?}: {refused:?}"
        );
    }
}
