use std::rc::Rc;

use super::*;
use crate::engine::JsonShape;
use crate::engine::shapes::{CONTAINER, SERVICE};
use crate::rules::body::judge;
use crate::rules::caller::{Caller, Container, Mount, Source};
use crate::rules::facts::{HostQuestion, Need, Question};
use crate::rules::paths::{FixedPath, PathRules};
use crate::rules::socket::{Note, SocketBind};
use crate::rules::{Edited, Judgement, Label};

const SOCKET: &str = "/var/run/docker.sock";

/// A profile for a caller in a container, with the mounts of a job.
fn profile(strict: bool) -> Profile {
    let path = |target: &str, host: &str| (target.to_owned(), Source::Path(host.to_owned()));
    let volume = |target: &str, name: &str, place: &str| {
        (target.to_owned(), Source::Volume { name: name.to_owned(), place: place.to_owned() })
    };
    let mounts = [
        path("/workspace", "/srv/jobs/7"),
        path("/workspace/lib", "/srv/lib"),
        path("/same", "/same"),
        path(SOCKET, "/run/ci.sock"),
        path("/colon", "/srv/a:b"),
        path("/comma", "/srv/a,src=/etc"),
        volume("/cache", "cache", "/volumes/cache"),
        volume("/far", "far", ""),
        ("/workspace/tmp".to_owned(), Source::Nothing),
    ];
    let mounts = mounts.map(|(target, source)| Mount { target, source, read_only: false });
    let container = Container { mounts: mounts.into(), ..Container::default() };
    let caller = Caller { container: Some(Rc::new(container)), ..Caller::default() };
    let fixed = FixedPath { seen: "/builds".into(), host: "/srv/b".into(), from: String::new() };
    let paths = PathRules { of_caller: true, fixed: vec![fixed], strict };
    Profile::default().with(Vec::new(), paths, "").for_caller(&caller).unwrap()
}

fn host(path: &str) -> Relation {
    match path {
        "/run/docker.sock" | "/srv/jobs/7/./docker.sock" | "/volumes/cache/./docker.sock" => {
            Relation::Socket
        }
        "/" | "/srv/jobs/7/./run" => Relation::Above,
        path if path.contains("/./missing") => Relation::Missing,
        path if path.contains("/./link") => Relation::Beyond,
        _ => Relation::Other,
    }
}

/// Judges `body` until nothing is missing. The daemon has this version of the API, and must be asked for it only
/// if it is given.
fn judged(
    profile: &Profile,
    shape: &JsonShape,
    (target, mut version): (&str, Option<&str>),
    body: &str,
) -> Result<(String, Vec<Note>), Refusal> {
    let mut facts = Facts::default();
    facts.recall_image(Vec::new());
    loop {
        match judge(profile, shape, target, body.as_bytes(), &facts)? {
            Judgement::Edit(Edited { body, notes, .. }) => {
                assert_eq!(version, None, "the version was not asked for");
                return Ok((String::from_utf8(body.unwrap()).unwrap(), notes));
            }
            Judgement::Need { needs, .. } => match needs.first().unwrap() {
                Need::Host(HostQuestion::Paths(paths)) => {
                    let seen = |path: &String| (path.clone(), host(path));
                    facts.learn_paths(paths.iter().map(seen).collect());
                }
                Need::Daemon(Question::Version) => {
                    facts.version = Some(version.take().unwrap().into());
                }
                need => panic!("{need:?}"),
            },
            judgement => panic!("{judgement:?}"),
        }
    }
}

/// A request to a daemon whose version does not matter.
const ANY: (&str, Option<&str>) = ("/containers/create", None);

/// A request to a daemon that has subpaths.
const NEW: (&str, Option<&str>) = ("/v1.45/containers/create", Some("1.45"));

fn host_config(of: (&str, Option<&str>), members: &str) -> Result<String, Refusal> {
    let body = format!(r#"{{"Labels":{{}},"HostConfig":{{{members}}}}}"#);
    let (body, _) = judged(&profile(false), &CONTAINER, of, &body)?;
    let inner = body.strip_prefix(r#"{"Labels":{},"HostConfig":{"#).unwrap();
    Ok(inner.strip_suffix("}}").unwrap().to_owned())
}

/// The entry of `Mounts` for a bind on a volume.
fn on_volume(name: &str, part: &str, read_only: &str) -> String {
    let part = if part.is_empty() { String::new() } else { format!(r#""Subpath":"{part}","#) };
    format!(
        r#"{{"Type":"volume","Source":"{name}","Target":"/x"{read_only},"VolumeOptions":{{"NoCopy":true,{part}"Labels":{{}}}}}}"#
    )
}

#[test]
fn binds_of_paths_keep_their_mode() {
    for (source, wanted) in [
        ("/workspace", "/srv/jobs/7"),
        ("/workspace/", "/srv/jobs/7"),
        ("//workspace/./a//b/../c", "/srv/jobs/7/a/c"),
        ("/workspace/missing", "/srv/jobs/7/missing"),
        ("/workspace/lib/a", "/srv/lib/a"),
        ("/builds/a b\\\"", "/srv/b/a b\\\""),
        // The proxy's socket, as its own path says.
        (SOCKET, "/run/ci.sock"),
        ("/workspace/../etc", "/workspace/../etc"),
        ("/etc", "/etc"),
        ("/workspaces", "/workspaces"),
        ("/workspace/tmp/x", "/workspace/tmp/x"),
        ("/same/x", "/same/x"),
        ("name", "name"),
        ("workspace/x", "workspace/x"),
        ("./x", "./x"),
    ] {
        for mode in ["", ":ro", ":rw", ":z", ":ro,Z", ":rshared,nocopy", ":cached", ":odd:er", ":"]
        {
            let binds = |source: &str| format!(r#""Binds":["v:/v","{source}:/x{mode}","/o:/o"]"#);
            assert_eq!(host_config(ANY, &binds(source)), Ok(binds(wanted)));
        }
    }
    let anonymous = r#""Binds":["/workspace"]"#;
    assert!(host_config(ANY, anonymous).unwrap().contains(r#""Target":"/workspace""#));
}

#[test]
fn binds_on_volumes_become_mounts() {
    for (of, source, mode, wanted) in [
        (ANY, "/cache", "", Ok(on_volume("cache", "", ""))),
        (ANY, "/cache/./", ":rw", Ok(on_volume("cache", "", ""))),
        (ANY, "/far", ":ro", Ok(on_volume("far", "", r#","ReadOnly":true"#))),
        (NEW, "/cache/a", "", Ok(on_volume("cache", "a", ""))),
        (NEW, "/cache/a/../b/c", ":ro", Ok(on_volume("cache", "b/c", r#","ReadOnly":true"#))),
        (NEW, "/far/a", "", Ok(on_volume("far", "a", ""))),
        // No link leads out of a subpath.
        (NEW, "/cache/link", "", Ok(on_volume("cache", "link", ""))),
        (ANY, "/cache/missing/x", "", Err("/volumes/cache/missing/x:/x")),
        (ANY, "/cache/a", ":z", Err("/volumes/cache/a:/x:z")),
        (ANY, "/cache", ":ro,rslave", Err("/volumes/cache:/x:ro,rslave")),
        // The daemon refuses it for a path.
        (ANY, "/cache", ":nocopy", Err("/volumes/cache:/x:nocopy")),
        (("/v1.44/c", None), "/cache/a", ":ro", Err("/volumes/cache/a:/x:ro")),
        (("/c", Some("1.44")), "/cache/a", "", Err("/volumes/cache/a:/x")),
        // Podman accepts any version in the path.
        (("/v1.47/c", Some("1.41")), "/cache/a", "", Err("/volumes/cache/a:/x")),
        (("/v1.47/c", Some("")), "/cache/a", "", Err("/volumes/cache/a:/x")),
        (("/c", Some("1.51")), "/cache/a", "", Ok(on_volume("cache", "a", ""))),
    ] {
        let binds = format!(r#""Binds":["/o:/o","{source}:/x{mode}"]"#);
        let wanted = match wanted {
            Ok(mount) => format!(r#""Binds":["/o:/o"],"Mounts":[{mount}]"#),
            Err(bind) => format!(r#""Binds":["/o:/o","{bind}"]"#),
        };
        assert_eq!(host_config(of, &binds), Ok(wanted), "{source}{mode}");
    }
    let both = r#""Mounts":[{"Type":"tmpfs","Target":"/t"}],"Binds":["/cache:/x"]"#;
    let mount = on_volume("cache", "", "");
    let wanted = format!(r#""Mounts":[{{"Type":"tmpfs","Target":"/t"}},{mount}],"Binds":[]"#);
    assert_eq!(host_config(ANY, both), Ok(wanted));
}

#[test]
fn mounts_keep_their_options() {
    let bind = |source: &str, options: &str| {
        format!(r#"{{"Type":"bind","Source":"{source}","Target":"/x"{options}}}"#)
    };
    let volume = |name: &str, options: &str, part: &str| {
        format!(
            r#"{{"Type":"volume","Source":"{name}","Target":"/x"{options},"VolumeOptions":{{"NoCopy":true,{part}"Labels":{{}}}}}}"#
        )
    };
    let read_only = r#","ReadOnly":true,"Consistency":"cached""#;
    let propagation = r#","BindOptions":{"Propagation":"rslave"}"#;
    let part = r#""Subpath":"a","#;
    for (of, before, after) in [
        (ANY, bind("/workspace/a", read_only), bind("/srv/jobs/7/a", read_only)),
        (ANY, bind("/workspace/a", propagation), bind("/srv/jobs/7/a", propagation)),
        (ANY, bind("/etc/../opt", propagation), bind("/etc/../opt", propagation)),
        (ANY, bind("/workspace/tmp", ""), bind("/workspace/tmp", "")),
        (ANY, bind(SOCKET, ""), bind("/run/ci.sock", "")),
        (ANY, bind("/cache", read_only), volume("cache", read_only, "")),
        (NEW, bind("/cache/a", read_only), volume("cache", read_only, part)),
        (
            NEW,
            bind("/far/a", r#","BindOptions":{"NonRecursive":false,"Propagation":""}"#),
            volume("far", r#","BindOptions":null"#, part),
        ),
        (ANY, bind("/cache", propagation), bind("/volumes/cache", propagation)),
        (
            ANY,
            bind("/cache/a", r#","BindOptions":{"CreateMountpoint":true}"#),
            bind("/volumes/cache/a", r#","BindOptions":{"CreateMountpoint":true}"#),
        ),
        // The daemon refuses it, as without a map.
        (
            ANY,
            bind("/cache", r#","VolumeOptions":{}"#),
            bind("/volumes/cache", r#","VolumeOptions":{}"#),
        ),
        (ANY, bind("/cache/missing", ""), bind("/volumes/cache/missing", "")),
        (("/v1.44/c", None), bind("/cache/a", ""), bind("/volumes/cache/a", "")),
        (ANY, bind("", ""), bind("", "")),
    ] {
        let mounts = |mount: &str| format!(r#""Mounts":[{mount}]"#);
        assert_eq!(host_config(of, &mounts(&before)), Ok(mounts(&after)), "{before}");
    }
    let untyped = r#""Mounts":[{"source":"/workspace","target":"/x"}]"#;
    let wanted = r#""Mounts":[{"Source":"/srv/jobs/7","target":"/x"}]"#;
    assert_eq!(host_config(ANY, untyped).unwrap(), wanted);
}

#[test]
fn services_mount_places_on_the_host() {
    let service = |mounts: &str| {
        format!(
            r#"{{"TaskTemplate":{{"ContainerSpec":{{"Mounts":[{mounts}],"Labels":{{}}}}}},"Labels":{{}}}}"#
        )
    };
    let of = ("/v1.51/services/create", None);
    let edit = |mounts: &str| judged(&profile(false), &SERVICE, of, &service(mounts));
    for (source, wanted) in [
        ("/workspace/a", "/srv/jobs/7/a"),
        ("/cache/a", "/volumes/cache/a"),
        ("/cache", "/volumes/cache"),
        ("/etc", "/etc"),
        (SOCKET, "/run/ci.sock"),
    ] {
        for kind in [r#""Type":"Bind","#, ""] {
            let mount = |source| format!(r#"{{{kind}"Source":"{source}","Target":"/x"}}"#);
            let (body, _) = edit(&mount(source)).unwrap();
            assert_eq!(body, service(&mount(wanted)));
        }
    }
    assert_eq!(edit(r#"{"Source":"/far/a"}"#), Err(placeless("/far/a", "far")));
    let source = "/workspace/{{.Task.Slot}}";
    let mount = format!(r#"{{"Source":"{source}"}}"#);
    assert_eq!(edit(&mount), Err(template(source)));
    let options =
        r#"{"Type":"volume","VolumeOptions":{"DriverConfig":{"Options":{"o":"\u007b{x}}"}}}}"#;
    assert_eq!(edit(options), Err(template("{{x}}")));
    let named = r#"{"Type":"volume","Source":"v{{.Task.Slot}}","VolumeOptions":{"Labels":{}}}"#;
    assert_eq!(edit(named).unwrap().0, service(named));
}

#[test]
fn the_rules_about_the_socket_hold_for_the_translated_path() {
    let binds = |source: &str| format!(r#"{{"HostConfig":{{"Binds":["{source}:/x"]}}}}"#);
    let sources = ["/workspace/docker.sock", "/cache/docker.sock", "/run/docker.sock"];
    for source in sources {
        let of = |socket_bind, version| {
            let profile = Profile { socket_bind, ..profile(false) };
            judged(&profile, &CONTAINER, ("/v1.45/c", version), &binds(source))
        };
        let refused = of(SocketBind::Refuse, None);
        assert_eq!(refused, Err(socket::socket_bind(source)));
        let own = SocketBind::Rewrite("/run/own.sock".into());
        let (body, notes) = of(own, None).unwrap();
        assert_eq!((body, notes.len()), (binds("/run/own.sock"), 0), "{source}");
        let version = source.starts_with("/cache").then_some("1.45");
        let (_, notes) = of(SocketBind::Pass, version).unwrap();
        assert_eq!(notes.len(), 1, "{source}");
    }
    let above = judged(&profile(false), &CONTAINER, ANY, &binds("/workspace/run")).unwrap();
    assert_eq!((above.0, above.1.len()), (binds("/srv/jobs/7/run"), 1));
}

#[test]
fn strict_paths_are_mapped_ones_without_links_out() {
    let strict = profile(true);
    let unmapped = |path: &str| strict.paths.map(path).unwrap_err();
    for (source, refusal) in [
        ("/etc", Some(unmapped("/etc"))),
        ("/workspace/../etc", Some(unmapped("/workspace/../etc"))),
        ("/workspace/tmp/x", Some(unmapped("/workspace/tmp/x"))),
        ("/", Some(unmapped("/"))),
        ("/run/docker.sock", Some(unmapped("/run/docker.sock"))),
        ("/workspace/link", Some(beyond("/workspace/link"))),
        ("/cache/link", Some(beyond("/cache/link"))),
        ("/workspace/docker.sock", None),
        ("/workspace/missing", None),
        ("/cache", None),
        (SOCKET, None),
        ("name", None),
    ] {
        let container = format!(r#"{{"HostConfig":{{"Binds":["{source}:/x"]}}}}"#);
        assert_eq!(judged(&strict, &CONTAINER, ANY, &container).err(), refusal, "{source}");
        if source.starts_with('/') && !source.starts_with("/cache") {
            let mount = format!(r#"{{"Type":"bind","Source":"{source}","Target":"/x"}}"#);
            let container = format!(r#"{{"HostConfig":{{"Mounts":[{mount}]}}}}"#);
            assert_eq!(judged(&strict, &CONTAINER, ANY, &container).err(), refusal, "{source}");
            let service =
                format!(r#"{{"TaskTemplate":{{"ContainerSpec":{{"Mounts":[{mount}]}}}}}}"#);
            assert_eq!(judged(&strict, &SERVICE, ANY, &service).err(), refusal, "{source}");
        }
    }
    let link = r#"{"HostConfig":{"Binds":["/workspace/link:/x"]}}"#;
    let (body, notes) = judged(&profile(false), &CONTAINER, ANY, link).unwrap();
    assert_eq!((body.contains("/srv/jobs/7/link:/x"), notes.len()), (true, 1));
}

#[test]
fn what_a_form_cannot_express_is_refused() {
    let odd = super::super::odd_mount;
    for (of, members, refusal) in [
        (ANY, r#""Binds":["/colon/x:/x"]"#, colon("/colon/x")),
        (ANY, r#""Binds":["/far/x:/x:z"]"#, placeless("/far/x", "far")),
        (("/v1.44/c", None), r#""Binds":["/far/x:/x"]"#, placeless("/far/x", "far")),
        (ANY, r#""Binds":["/cache:/x,src=/etc"]"#, odd("/x,src=/etc")),
        (("/v1.45/c", None), r#""Binds":["/cache/a,src=/etc:/x"]"#, odd("a,src=/etc")),
        (ANY, r#""Mounts":[{"Type":"bind","Source":"/comma"}]"#, odd("/srv/a,src=/etc")),
    ] {
        assert_eq!(
            host_config((of.0, None), members).map_err(|why| why.reason),
            Err(refusal.reason)
        );
        assert_eq!(host_config(of, members), Err(refusal));
    }
    let mounts = |source: &str| format!(r#""Mounts":[{{"Type":"bind","Source":"{source}"}}]"#);
    assert_eq!(host_config(ANY, &mounts("/colon/x")), Ok(mounts("/srv/a:b/x")));
}

#[test]
fn the_operators_binds_are_host_paths() {
    use crate::engine::fields::{BINDS, Section, find};
    use crate::engine::shapes::Place;
    use crate::rules::{How, Inject, Value};
    let at = Place::Field(find(Section::Container, BINDS).unwrap());
    let value = Value::List(vec!["/workspace/a:/own".into()]);
    let rule = Inject { at, how: How::Append, value, from: String::new() };
    let label = Inject::label(Label { key: "j".into(), value: "7".into() });
    let inject = [rule, label].into_iter().collect();
    let profile = Profile { inject, ..profile(false) };
    let body = r#"{"HostConfig":{"Binds":["/workspace/b:/own","/cache:/x"]}}"#;
    let (body, _) = judged(&profile, &CONTAINER, ANY, body).unwrap();
    assert!(body.contains(r#""Binds":["/workspace/a:/own"]"#), "{body}");
    assert!(body.contains(r#""VolumeOptions":{"NoCopy":true,"Labels":{"j":"7"}}"#), "{body}");
}

#[test]
fn bound_devices_of_volumes_are_translated() {
    let create = |driver: &str, options: &str| {
        format!(r#"{{"Driver":"{driver}","DriverOpts":{options},"Labels":{{}}}}"#)
    };
    let mount = |driver: &str, options: &str| {
        let driver = format!(r#"{{"Name":"{driver}","Options":{options}}}"#);
        let mount = format!(r#""VolumeOptions":{{"DriverConfig":{driver},"Labels":{{}}}}"#);
        format!(r#"{{"HostConfig":{{"Mounts":[{{"Type":"volume",{mount}}}]}}}}"#)
    };
    for (driver, options, before, after, strict) in [
        ("", r#""type":"none","o":"bind""#, "/workspace/a", "/srv/jobs/7/a", true),
        ("local", r#""o":"ro,rbind""#, "/cache/a", "/volumes/cache/a", true),
        ("", r#""o":"bind""#, "/etc", "/etc", false),
        ("", r#""o":"bind""#, "etc", "etc", false),
        ("", r#""o":"bind""#, "workspace/a", "/srv/jobs/7/a", true),
        ("", r#""o":"bind""#, "", "", true),
        ("other", r#""o":"bind""#, "/workspace", "/workspace", true),
        ("", r#""type":"ext4","o":"ro""#, "/workspace/a", "/workspace/a", false),
        ("", r#""type":"overlay","o":"lowerdir=/""#, "overlay", "overlay", false),
        ("", r#""type":"tmpfs","o":"size=1m""#, "tmpfs", "tmpfs", true),
        ("", r#""type":"nfs","o":"addr=x,bindx""#, ":/workspace", ":/workspace", true),
        ("", r#""O":"bind""#, "/workspace", "/workspace", true),
    ] {
        let with = |device: &str| format!(r#"{{{options},"device":"{device}"}}"#);
        let (before, after) = (with(before), with(after));
        for (shape, before, after) in [
            (&VOLUME, create(driver, &before), create(driver, &after)),
            (&CONTAINER, mount(driver, &before), mount(driver, &after)),
        ] {
            let edit = |strict| judged(&profile(strict), shape, ANY, &before);
            assert_eq!(edit(false).unwrap().0, after);
            let refused = edit(true).err().map(|refusal| refusal.reason);
            assert_eq!(refused, (!strict).then_some(Reason::Unmapped), "{before}");
        }
    }
}

#[test]
fn without_a_map_nothing_is_asked_for_or_changed() {
    let volume = r#"{"DriverOpts":{"o":"bind","device":"/workspace"}}"#;
    let (body, _) = judged(&Profile::default(), &VOLUME, ANY, volume).unwrap();
    assert_eq!(body, volume);
    let container = r#"{"HostConfig":{"Binds":["/cache/a:/x"],"Mounts":[{"Type":"bind","Source":"/cache","BindOptions":0}]}}"#;
    let (body, _) = judged(&Profile::default(), &CONTAINER, ANY, container).unwrap();
    assert_eq!(body, container);
}
