use std::collections::BTreeSet;
use std::sync::Arc;

use super::*;
use crate::engine::options::{GROUPS, Part, named as options};
use crate::rules::buildkit::protobuf::{put, put_entry};
use crate::rules::policy::{Act, Policy, Rule, Subject, Test};
use crate::rules::{How, Inject, Injections, Label, Reason};

const SOLVE: &str = "BuildkitSolve";

/// A message of fields of bytes.
fn fields(fields: &[(u64, &[u8])]) -> Vec<u8> {
    let mut message = Vec::new();
    for (number, bytes) in fields {
        put(&mut message, *number, bytes);
    }
    message
}

fn pair(key: &str, value: &str) -> Vec<u8> {
    fields(&[(1, key.as_bytes()), (2, value.as_bytes())])
}

/// A number, in one byte.
fn number(field: u8, value: u8) -> Vec<u8> {
    vec![field << 3, value]
}

/// A `Control/Solve` with a definition of these steps.
fn solve(steps: &[&[u8]]) -> Vec<u8> {
    let steps: Vec<_> = steps.iter().map(|step| (1, *step)).collect();
    fields(&[(2, &fields(&steps))])
}

fn rule(act: Act, operations: &[&'static str], subject: Subject) -> Arc<Rule> {
    let (name, from, reason) = ("r".to_owned(), "here".to_owned(), String::new());
    Arc::new(Rule { name, from, act, operations: operations.to_vec(), subject, reason })
}

fn option(path: &str, test: Test) -> Subject {
    let (_, path, form) = options(path).next().unwrap();
    Subject::Option { path, form, test }
}

fn profile(rules: Vec<Arc<Rule>>) -> Profile {
    let policy = Policy { rules, ..Policy::default() };
    Profile { policy: Some(Arc::new(policy)), ..Profile::default() }
}

/// A profile that refuses an option if it passes a test.
fn refusing(path: &str, test: Test) -> Profile {
    profile(vec![rule(Act::Refuse, &[], option(path, test))])
}

/// Returns `true` if the policy refuses a message.
fn refused(profile: &Profile, name: &'static str, message: &[u8]) -> bool {
    match decided(profile, name, Some(message)) {
        Ok(notes) => {
            assert_eq!(notes, []);
            false
        }
        Err(Lack::Unclear(refusal)) => {
            assert_eq!(refusal.reason, Reason::Policy, "{refusal}");
            true
        }
        Err(Lack::Body) => panic!("the message is there"),
    }
}

/// The sentence about a message that is refused because it cannot be read.
fn odd(profile: &Profile, name: &'static str, message: &[u8]) -> String {
    match decided(profile, name, Some(message)) {
        Err(Lack::Unclear(refusal)) if refusal.reason == Reason::BuildMessage => {
            refusal.text.into_owned()
        }
        other => panic!("{other:?}"),
    }
}

/// A message of each option, and a twin without it.
#[test]
fn each_option_is_found_in_its_message() {
    let text = |number, text: &str| fields(&[(number, text.as_bytes())]);
    let map = |number, key: &str, value: &str| fields(&[(number, &pair(key, value))]);
    let inner = |numbers: &[u64], content: &[u8]| {
        numbers.iter().rev().fold(content.to_vec(), |inner, number| fields(&[(*number, &inner)]))
    };
    let attributes = |key: &str, value: &str| {
        [(SOLVE, map(7, key, value)), ("BuildkitBridgeSolve", map(3, key, value))]
    };
    // The way to a step's field, in a definition and in an input.
    let step = |way: &[u64], content: &[u8]| {
        let step = inner(way, content);
        [
            (SOLVE, inner(&[2, 1], &step)),
            (SOLVE, inner(&[10, 2, 1], &step)),
            ("BuildkitBridgeSolve", inner(&[1, 1], &step)),
            ("BuildkitBridgeSolve", inner(&[13, 2, 1], &step)),
        ]
    };
    let mut all: Vec<(&str, &'static str, Vec<u8>, Vec<u8>)> = Vec::new();
    let mut add = |path: &'static str, name: &'static str, set: Vec<u8>, unset: Vec<u8>| {
        all.push((path, name, set, unset));
    };
    add("Entitlements", SOLVE, text(9, "network.host"), text(9, ""));
    add("EnableSessionExporter", SOLVE, number(14, 1), number(14, 0));
    add("Exporters.Type", SOLVE, text(3, "moby"), text(3, ""));
    add("Exporters.Type", SOLVE, inner(&[13, 1], b"image"), inner(&[13, 1], b""));
    for way in [&[4][..], &[13, 2]] {
        let entry = |key, value| inner(way, &pair(key, value));
        add("Exporters.Attrs", SOLVE, entry("k", "v"), Vec::new());
        add("Exporters.Attrs.name", SOLVE, entry("name", "v"), entry("name", ""));
        add("Exporters.Attrs.push", SOLVE, entry("push", "true"), entry("Push", "true"));
    }
    add("Cache.Exports.Type", SOLVE, inner(&[8, 1], b"x/y"), inner(&[8, 1], b""));
    add("Cache.Exports.Type", SOLVE, inner(&[8, 4, 1], b"local"), inner(&[8, 4, 1], b""));
    add("Cache.Exports.Attrs", SOLVE, inner(&[8, 3], &pair("k", "v")), Vec::new());
    add("Cache.Exports.Attrs", SOLVE, inner(&[8, 4, 2], &pair("k", "v")), Vec::new());
    add("Cache.Imports.Type", SOLVE, inner(&[8, 2], b"x/y"), inner(&[8, 2], b""));
    add("Cache.Imports.Type", SOLVE, inner(&[8, 5, 1], b"local"), inner(&[8, 5, 1], b""));
    add("Cache.Imports.Attrs", SOLVE, inner(&[8, 5, 2], &pair("k", "v")), Vec::new());
    let bridge = "BuildkitBridgeSolve";
    add("Cache.Imports.Type", bridge, text(4, "x/y"), text(4, ""));
    add("Cache.Imports.Type", bridge, inner(&[12, 1], b"local"), Vec::new());
    add("Cache.Imports.Attrs", bridge, inner(&[12, 2], &pair("k", "v")), Vec::new());
    add("ProxyNetwork", SOLVE, vec![0x88, 1, 1], vec![0x88, 1, 0]);
    add("SourcePolicySession", SOLVE, text(15, "s"), text(15, ""));
    for (name, number) in [(SOLVE, 2), (bridge, 1)] {
        add("Definition", name, inner(&[number, 1], b""), text(number, ""));
    }
    for (name, number) in [(SOLVE, 6), (bridge, 2)] {
        add("Frontend", name, text(number, "gateway.v0"), text(number, ""));
    }
    for (name, number) in [(SOLVE, 10), (bridge, 13)] {
        add("FrontendInputs", name, map(number, "context", ""), Vec::new());
    }
    for (name, set) in attributes("k", "v") {
        add("FrontendAttrs", name, set, Vec::new());
    }
    for (path, _) in GROUPS.iter().flat_map(|group| group.options) {
        let Some(key) = path.strip_prefix("FrontendAttrs.") else { continue };
        let [first, second] = attributes(key, "1");
        let [no, nor] = attributes(&format!("x{key}"), "1");
        add(path, first.0, first.1, no.1);
        add(path, second.0, second.1, nor.1);
    }
    let policies = [
        (SOLVE, 12),
        (bridge, 15),
        ("BuildkitResolveImageConfig", 8),
        ("BuildkitResolveSourceMeta", 8),
    ];
    for (name, number) in policies {
        add("SourcePolicy", name, text(number, "p"), text(number, ""));
    }
    for (name, set) in step(&[3, 1], b"local://x") {
        add("Source.Identifier", name, set, Vec::new());
    }
    for (name, set) in step(&[3, 2], &pair("k", "v")) {
        add("Source.Attrs", name, set, Vec::new());
    }
    let meta = "BuildkitResolveSourceMeta";
    add("Source.Identifier", meta, inner(&[1, 1], b"local://x"), inner(&[1, 1], b""));
    add("Source.Attrs", meta, inner(&[1, 2], &pair("k", "v")), Vec::new());
    let exec =
        |field: u8| step(&[2], &number(field, 1)).into_iter().zip(step(&[2], &number(field, 0)));
    for ((name, set), (_, unset)) in exec(3) {
        add("Exec.Network", name, set, unset);
    }
    for ((name, set), (_, unset)) in exec(4) {
        add("Exec.Security", name, set, unset);
    }
    for (name, set) in step(&[2, 6, 1], b"vendor.com/gpu=0") {
        add("Exec.CdiDevices", name, set, Vec::new());
    }
    for (name, set) in step(&[2, 1, 10], b"/else") {
        add("Exec.CgroupParent", name, set, Vec::new());
    }
    for (name, set) in step(&[2, 1, 6, 1], b"host") {
        add("Exec.ExtraHosts", name, set, Vec::new());
    }
    for (name, set) in step(&[2, 2], &number(6, 3)) {
        add("Exec.Mounts.MountType", name, set, Vec::new());
    }
    for (name, set) in step(&[2, 2, 20, 1], b"id") {
        add("Exec.Mounts.CacheOpt.ID", name, set, Vec::new());
    }
    let container = "BuildkitNewContainer";
    add("Exec.Network", container, number(3, 1), number(3, 0));
    add("Exec.ExtraHosts", container, inner(&[6, 1], b"host"), Vec::new());
    add("Exec.Mounts.MountType", container, inner(&[2], &number(6, 1)), inner(&[2], &number(6, 0)));
    add("Exec.Mounts.CacheOpt.ID", container, inner(&[2, 20, 1], b"id"), Vec::new());
    let process = "BuildkitExecProcess";
    add("Exec.Security", process, inner(&[2], &number(5, 1)), inner(&[2], &number(5, 0)));
    add("Exec.CgroupParent", process, inner(&[2, 2, 10], b"/else"), Vec::new());
    add("All", "BuildkitPrune", number(2, 1), number(2, 0));
    add("Filter", "BuildkitPrune", text(1, "until=1h"), text(1, ""));
    add("Delete", "BuildkitUpdateBuildHistory", number(3, 1), number(3, 0));
    add("Pinned", "BuildkitUpdateBuildHistory", number(2, 1), number(2, 0));

    let mut seen = BTreeSet::new();
    for (path, name, set, unset) in all {
        for (test, is_set) in [(Test::Set, true), (Test::Missing, false)] {
            let profile = refusing(path, test);
            assert_eq!(refused(&profile, name, &set), is_set, "{path} in {name}: {set:?}");
            assert_eq!(refused(&profile, name, &unset), !is_set, "{path} in {name}: {unset:?}");
        }
        seen.insert((name, path));
    }
    let messages = GROUPS.iter().filter(|group| group.part == Part::Message);
    let of_table: BTreeSet<(&str, &str)> = messages
        .flat_map(|group| group.operations.iter().map(move |name| (group, *name)))
        .flat_map(|(group, name)| group.options.iter().map(move |(path, _)| (name, *path)))
        .collect();
    assert_eq!(seen, of_table);
}

#[test]
fn words_are_those_of_the_protocol() {
    for (path, field, value, word) in [
        ("Exec.Network", 3, 1, "host"),
        ("Exec.Network", 3, 2, "none"),
        ("Exec.Network", 3, 3, "3"),
        ("Exec.Security", 4, 1, "insecure"),
    ] {
        let message = solve(&[&fields(&[(2, &number(field, value))])]);
        assert!(refused(&refusing(path, Test::In(vec![word.into()])), SOLVE, &message), "{word}");
        assert!(
            !refused(&refusing(path, Test::NotIn(vec![word.into()])), SOLVE, &message),
            "{word}"
        );
    }
    // The daemon reads 32 bits of a number.
    let host = [&[3 << 3][..], b"\x81\x80\x80\x80\x10"].concat();
    let message = solve(&[&fields(&[(2, &host)])]);
    assert!(refused(&refusing("Exec.Network", Test::In(vec!["host".into()])), SOLVE, &message));
}

#[test]
fn a_message_that_parsers_may_read_in_two_ways_is_refused() {
    let twice = "a field that has one value is there twice";
    let unknown = "a step is a nested build, or has a part that is not known";
    let exec = |content: &[u8]| fields(&[(2, content)]);
    let host = number(3, 1);
    for (path, message, why) in [
        ("Exec.Network", solve(&[&exec(&[number(3, 1), number(3, 0)].concat())]), twice),
        ("Exec.Network", solve(&[&[exec(&host), exec(b"")].concat()]), twice),
        ("Exec.Network", [solve(&[&exec(&host)]), solve(&[])].concat(), twice),
        ("Exec.Network", solve(&[&exec(&fields(&[(3, b"\x01")]))]), "another type"),
        ("Exec.Network", solve(&[&exec(&[3 << 3, 0x81, 0])]), "more bytes than it needs"),
        (
            "Exec.Network",
            solve(&[&exec(&[3 << 3 | 3, 3 << 3 | 4])]),
            "a group or of an unknown type",
        ),
        ("Exec.Network", solve(&[&exec(&[3 << 3 | 5, 1, 0, 0, 0])]), "another type"),
        ("Exec.Network", solve(&[b"\x12\x7f"]), "the middle of a field"),
        ("Exec.Network", solve(&[&fields(&[(5, b"")])]), unknown),
        ("Exec.Network", solve(&[&fields(&[(9, b"")])]), unknown),
        ("Exec.Network", solve(&[&exec(&number(7, 1))]), unknown),
        ("Source.Identifier", solve(&[&fields(&[(3, &fields(&[(1, b"\xff")]))])]), "not UTF-8"),
        ("Frontend", fields(&[(6, b"a"), (6, b"")]), twice),
        ("FrontendAttrs", fields(&[(7, &fields(&[(1, b"a"), (1, b"b")]))]), "key or value twice"),
    ] {
        let odd = odd(&refusing(path, Test::Set), SOLVE, &message);
        assert!(odd.contains(why), "{path}, {message:?}: {odd}");
    }
    // No rule needs the steps.
    let nested = solve(&[&fields(&[(5, b"")])]);
    assert!(!refused(&refusing("Frontend", Test::Set), SOLVE, &nested));
}

#[test]
fn the_last_entry_of_a_key_counts() {
    let mode = |value| fields(&[(7, &pair("force-network-mode", value))]);
    let host = refusing("FrontendAttrs.force-network-mode", Test::In(vec!["host".into()]));
    assert!(refused(&host, SOLVE, &[mode("none"), mode("host")].concat()));
    assert!(!refused(&host, SOLVE, &[mode("host"), mode("none")].concat()));
    // Each exporter has a map of its own.
    let exporter = |value| fields(&[(13, &fields(&[(2, &pair("push", value))]))]);
    let push = refusing("Exporters.Attrs.push", Test::In(vec!["true".into()]));
    assert!(refused(&push, SOLVE, &[exporter("true"), exporter("false")].concat()));
}

#[test]
fn an_exemption_is_for_one_value() {
    let allow = option("Source.Identifier", Test::Prefix(vec!["docker-image://".into()]));
    let rest = option("Source.Identifier", Test::Set);
    let profile = profile(vec![rule(Act::Allow, &[], allow), rule(Act::Refuse, &[], rest)]);
    let source = |text: &str| fields(&[(3, &fields(&[(1, text.as_bytes())]))]);
    let image = source("docker-image://docker.io/library/alpine");
    assert!(!refused(&profile, SOLVE, &solve(&[&image, &image])));
    assert!(refused(&profile, SOLVE, &solve(&[&image, &source("git://x")])));
}

#[test]
fn values_of_the_operator_pass() {
    let label = Label { key: "a".into(), value: "1".into() };
    let inject = Injections::forced(&[], &[label], None, Some("/ci"));
    let rules = vec![rule(Act::Refuse, &[], option("FrontendAttrs", Test::Set))];
    let with = Profile { inject, ..profile(rules) };
    let call = called(&with, b"/moby.buildkit.v1.Control/Solve").unwrap().0.unwrap();
    let mut message = fields(&[(6, b"dockerfile.v0")]);
    let edited = call.edit(&with, &message, None).unwrap();
    assert!(edited.message.ends_with(b"/ci"));
    put_entry(&mut message, 7, b"target", b"x");
    let refusal = call.edit(&with, &message, None).unwrap_err();
    assert!(refusal.text.contains("FrontendAttrs \"target\" in BuildkitSolve"), "{refusal}");
}

#[test]
fn a_network_that_the_operator_gives_passes() {
    let field =
        crate::engine::fields::FIELDS.iter().find(|field| field.path == "networkmode").unwrap();
    let inject = Inject {
        at: crate::engine::shapes::Place::Field(field),
        how: How::Force,
        value: crate::rules::Value::Text("host".into()),
        from: "here".into(),
    };
    let paths = ["Entitlements", "FrontendAttrs.force-network-mode"];
    let rules = paths.map(|path| rule(Act::Refuse, &[], option(path, Test::Set))).to_vec();
    let with = Profile { inject: [inject].into_iter().collect(), ..profile(rules) };
    let call = called(&with, b"/moby.buildkit.v1.Control/Solve").unwrap().0.unwrap();
    let frontend = fields(&[(6, b"dockerfile.v0")]);
    assert!(call.edit(&with, &frontend, None).is_ok());
    let insecure = [frontend, fields(&[(9, b"security.insecure")])].concat();
    assert!(call.edit(&with, &insecure, None).is_err());
}

#[test]
fn a_call_is_decided_by_its_name_if_no_option_decides() {
    let solve = b"/moby.buildkit.v1.Control/Solve";
    let prune = b"/moby.buildkit.v1.Control/Prune";
    let (pass, notes) = called(&Profile::default(), prune).unwrap();
    assert!(pass.is_none() && notes.is_empty());
    let with = profile(vec![rule(Act::Refuse, &["BuildkitPrune"], Subject::Request)]);
    let refusal = called(&with, prune).unwrap_err();
    assert!(refusal.text.contains("BuildkitPrune"), "{refusal}");
    assert!(called(&with, b"/moby.buildkit.v1.Control/Status").unwrap().0.is_none());
    assert!(called(&with, b"/a.b/c").unwrap().0.is_none());
    let with = profile(vec![rule(Act::Refuse, &["BuildkitOther"], Subject::Request)]);
    assert!(called(&with, b"/a.b/c").is_err());
    let with = profile(vec![rule(Act::Warn, &["BuildkitPrune"], Subject::Request)]);
    let (pass, notes) = called(&with, prune).unwrap();
    assert!(pass.is_none());
    assert!(matches!(&notes[..], [Note::Policy(warned)] if warned.text == "BuildkitPrune"));
    // A call that is not edited is decided about all the same.
    let entitled = refusing("Entitlements", Test::Set);
    let with = Profile { no_buildkit: true, ..entitled };
    let call = called(&with, solve).unwrap().0.unwrap();
    assert!(call.edit(&with, &fields(&[(9, b"network.host")]), None).is_err());
    let frontend = fields(&[(6, b"dockerfile.v0")]);
    assert_eq!(call.edit(&with, &frontend, None).unwrap().message, frontend);
}

#[test]
fn a_connection_of_http2_is_an_operation() {
    let with = profile(vec![rule(Act::Refuse, &["Http2"], Subject::Request)]);
    assert!(connected(&with).is_err());
    assert_eq!(connected(&profile(Vec::new())), Ok(Vec::new()));
}
