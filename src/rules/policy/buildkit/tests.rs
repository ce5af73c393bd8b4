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

const BRIDGE: &str = "BuildkitBridgeSolve";
const CONTAINER: &str = "BuildkitNewContainer";
const PROCESS: &str = "BuildkitExecProcess";
const META: &str = "BuildkitResolveSourceMeta";
const CONFIG: &str = "BuildkitResolveImageConfig";
const HISTORY: &str = "BuildkitUpdateBuildHistory";
/// The steps of a build, in all places.
const STEP: &str = "";
/// An entry of a map.
const ENTRY: &[u8] = b"\x0a\x01k\x12\x01v";

/// Options, with the call, the fields that lead to them, and their content when they are set and when they are
/// not.
type Rows = &'static [(&'static str, &'static str, &'static [u64], &'static [u8], &'static [u8])];

#[rustfmt::skip]
const ROWS: Rows = &[
    ("Entitlements", SOLVE, &[9], b"network.host", b""),
    ("EnableSessionExporter", SOLVE, &[], b"\x70\x01", b"\x70\x00"),
    ("Exporters.Type", SOLVE, &[3], b"moby", b""),
    ("Exporters.Type", SOLVE, &[13, 1], b"image", b""),
    ("Exporters.Attrs", SOLVE, &[4], ENTRY, b""),
    ("Exporters.Attrs", SOLVE, &[13, 2], ENTRY, b""),
    ("Exporters.Attrs.name", SOLVE, &[4], b"\x0a\x04name\x12\x01v", b"\x0a\x04name\x12\x00"),
    ("Exporters.Attrs.name", SOLVE, &[13, 2], b"\x0a\x04name\x12\x01v", b"\x0a\x04name"),
    ("Exporters.Attrs.push", SOLVE, &[13, 2], b"\x0a\x04push\x12\x01v", b"\x0a\x04Push\x12\x01v"),
    ("Cache.Exports.Type", SOLVE, &[8, 1], b"x/y", b""),
    ("Cache.Exports.Type", SOLVE, &[8, 4, 1], b"local", b""),
    ("Cache.Exports.Attrs", SOLVE, &[8, 3], ENTRY, b""),
    ("Cache.Exports.Attrs", SOLVE, &[8, 4, 2], ENTRY, b""),
    ("Cache.Imports.Type", SOLVE, &[8, 2], b"x/y", b""),
    ("Cache.Imports.Type", SOLVE, &[8, 5, 1], b"local", b""),
    ("Cache.Imports.Attrs", SOLVE, &[8, 5, 2], ENTRY, b""),
    ("Cache.Imports.Type", BRIDGE, &[4], b"x/y", b""),
    ("Cache.Imports.Type", BRIDGE, &[12, 1], b"local", b""),
    ("Cache.Imports.Attrs", BRIDGE, &[12, 2], ENTRY, b""),
    ("ProxyNetwork", SOLVE, &[], b"\x88\x01\x01", b"\x88\x01\x00"),
    ("SourcePolicySession", SOLVE, &[15], b"s", b""),
    ("Definition", SOLVE, &[2], b"\x0a\x00", b""),
    ("Definition", BRIDGE, &[1], b"\x0a\x00", b""),
    ("Frontend", SOLVE, &[6], b"gateway.v0", b""),
    ("Frontend", BRIDGE, &[2], b"gateway.v0", b""),
    ("FrontendInputs", SOLVE, &[10], ENTRY, b""),
    ("FrontendInputs", BRIDGE, &[13], ENTRY, b""),
    ("FrontendAttrs", SOLVE, &[7], ENTRY, b""),
    ("FrontendAttrs", BRIDGE, &[3], ENTRY, b""),
    ("SourcePolicy", SOLVE, &[12], b"p", b""),
    ("SourcePolicy", BRIDGE, &[15], b"p", b""),
    ("SourcePolicy", CONFIG, &[8], b"p", b""),
    ("SourcePolicy", META, &[8], b"p", b""),
    ("Source.Identifier", STEP, &[3, 1], b"local://x", b""),
    ("Source.Identifier", META, &[1, 1], b"local://x", b""),
    ("Source.Attrs", STEP, &[3, 2], ENTRY, b""),
    ("Source.Attrs", META, &[1, 2], ENTRY, b""),
    ("Exec.Network", STEP, &[2], b"\x18\x01", b"\x18\x00"),
    ("Exec.Network", CONTAINER, &[], b"\x18\x01", b"\x18\x00"),
    ("Exec.Security", STEP, &[2], b"\x20\x01", b"\x20\x00"),
    ("Exec.Security", PROCESS, &[2], b"\x28\x01", b"\x28\x00"),
    ("Exec.CdiDevices", STEP, &[2, 6, 1], b"vendor.com/gpu=0", b""),
    ("Exec.CgroupParent", STEP, &[2, 1, 10], b"/else", b""),
    ("Exec.CgroupParent", PROCESS, &[2, 2, 10], b"/else", b""),
    ("Exec.ExtraHosts", STEP, &[2, 1, 6, 1], b"host", b""),
    ("Exec.ExtraHosts", CONTAINER, &[6, 1], b"host", b""),
    ("Exec.Mounts.MountType", STEP, &[2, 2], b"\x30\x03", b"\x30\x00"),
    ("Exec.Mounts.MountType", CONTAINER, &[2], b"\x30\x01", b"\x30\x00"),
    ("Exec.Mounts.CacheOpt.ID", STEP, &[2, 2, 20, 1], b"id", b""),
    ("Exec.Mounts.CacheOpt.ID", CONTAINER, &[2, 20, 1], b"id", b""),
    ("All", "BuildkitPrune", &[], b"\x10\x01", b"\x10\x00"),
    ("Filter", "BuildkitPrune", &[1], b"until=1h", b""),
    ("Delete", HISTORY, &[], b"\x18\x01", b"\x18\x00"),
    ("Pinned", HISTORY, &[], b"\x10\x01", b"\x10\x00"),
];

/// The places of steps: in a definition, and in the inputs of a frontend.
const STEPS_AT: [(&str, &[u64]); 4] =
    [(SOLVE, &[2, 1]), (SOLVE, &[10, 2, 1]), (BRIDGE, &[1, 1]), (BRIDGE, &[13, 2, 1])];

/// Puts `content` into fields in each other.
fn nested(numbers: &[u64], content: &[u8]) -> Vec<u8> {
    let inner = |inner: Vec<u8>, number: &u64| fields(&[(*number, &inner)]);
    numbers.iter().rev().fold(content.to_vec(), inner)
}

/// Checks that an option is found in the first message of a call, and not in the second.
fn check(path: &str, name: &'static str, set: &[u8], unset: &[u8]) {
    for (test, of_set) in [(Test::Set, true), (Test::Missing, false)] {
        let profile = refusing(path, test);
        assert_eq!(refused(&profile, name, set), of_set, "{path} in {name}: {set:?}");
        assert_eq!(refused(&profile, name, unset), !of_set, "{path} in {name}: {unset:?}");
    }
}

#[test]
fn each_option_is_found_in_its_message() {
    let mut seen = BTreeSet::new();
    for (path, name, way, set, unset) in ROWS {
        let places: &[(&str, &[u64])] = if *name == STEP { &STEPS_AT } else { &[(name, &[])] };
        for (name, before) in places {
            let [set, unset] = [set, unset].map(|content| nested(before, &nested(way, content)));
            check(path, name, &set, &unset);
            seen.insert((*name, *path));
        }
    }
    let messages = || GROUPS.iter().filter(|group| group.part == Part::Message);
    for (path, _) in messages().flat_map(|group| group.options) {
        let Some(key) = path.strip_prefix("FrontendAttrs.") else { continue };
        for (name, map) in [(SOLVE, 7), (BRIDGE, 3)] {
            let entry = |key: &str| fields(&[(map, &pair(key, "1"))]);
            check(path, name, &entry(key), &entry(&format!("x{key}")));
            seen.insert((name, *path));
        }
    }
    let of_table: BTreeSet<(&str, &str)> = messages()
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
