use super::*;
use crate::engine::fields::{FIELDS, Field};
use crate::rules::Label;

/// Makes the injection of an option of builds.
pub(in crate::rules::inject) fn inject(key: &str, how: How, value: Value) -> Inject {
    let is_it = |field: &&Field| field.section == Section::Build && field.path == key;
    let at = Place::Field(FIELDS.iter().find(is_it).unwrap());
    Inject { at, how, value, from: String::new() }
}

/// Returns the new values of the option on both wires, of which `None` stays the client's. A part of a key is
/// written before its value.
fn edited(
    list: &[Inject],
    query: &[&str],
    attributes: &[(&str, &str)],
) -> [Option<Vec<String>>; 2] {
    let options = BuildOptions::of(list);
    let ([in_query], [attribute]) = (options.query(), options.attributes()) else {
        panic!("{options:?}")
    };
    let query: Vec<_> = query.iter().map(|value| (&b""[..], value.as_bytes())).collect();
    let given = attributes
        .iter()
        .filter_map(|(key, value)| Some((attribute.behind(key.as_bytes())?, value.as_bytes())));
    let given: Vec<_> = given.collect();
    [in_query.edited(&query), attribute.edited(&given)].map(|edited| {
        let entries = edited.unwrap()?.into_iter();
        Some(entries.map(|(behind, value)| behind + &value).collect())
    })
}

/// One value of the client's, in the query and in the attribute, and the new ones.
type Case<'c> = (&'c str, &'c str, Option<&'c str>, Option<&'c str>);

fn assert_edits(key: &str, attribute: &str, how: How, value: Value, cases: &[Case<'_>]) {
    assert_all(key, attribute, &[inject(key, how, value)], cases);
}

fn assert_all(key: &str, attribute: &str, list: &[Inject], cases: &[Case<'_>]) {
    for (query, given, wanted, wanted_attribute) in cases {
        let wanted = [wanted, wanted_attribute].map(|new| new.map(|new| vec![new.to_owned()]));
        assert_eq!(edited(list, &[query], &[(attribute, given)]), wanted, "{key} {query} {given}");
    }
}

#[test]
fn every_option_of_builds_has_a_row() {
    let keys: Vec<_> = ROWS.iter().map(|row| row.key).collect();
    let fields = FIELDS.iter().filter(|field| field.section == Section::Build);
    assert_eq!(keys, fields.map(|field| field.path).collect::<Vec<_>>());
}

#[test]
fn text_is_forced_or_a_default() {
    let text = || Value::Text("0-1".to_owned());
    for key in ["cpusetcpus", "cpusetmems", "platform"] {
        let forced = Some("0-1");
        let cases = [("", "", forced, forced), ("7", "8", forced, forced)];
        assert_edits(key, key, How::Force, text(), &cases);
        let cases = [("", "", forced, forced), ("7", "8", None, None)];
        assert_edits(key, key, How::Default, text(), &cases);
        let nothing = edited(&[inject(key, How::Default, text())], &[], &[]);
        assert_eq!(nothing, [Some(vec!["0-1".to_owned()]), Some(vec!["0-1".to_owned()])]);
    }
}

#[test]
fn the_default_network_mode_has_another_name_in_buildkit() {
    let (key, attribute) = ("networkmode", "force-network-mode");
    let text = |mode: &str| Value::Text(mode.to_owned());
    let (host, none) = (Some("host"), Some("none"));
    assert_edits(key, attribute, How::Force, text("none"), &[("host", "host", none, none)]);
    let unset = [("host", "host", Some("default"), Some("sandbox"))];
    assert_edits(key, attribute, How::Force, text("default"), &unset);
    let cases =
        [("default", "sandbox", host, host), ("", "", host, host), ("none", "none", None, None)];
    assert_edits(key, attribute, How::Default, text("host"), &cases);
}

#[test]
fn switches_are_forced_or_defaults() {
    let (on, off) = (Some("1"), Some("0"));
    let key = "nocache";
    let cases = [("0", "a,b", on, Some("")), ("1", "", on, Some(""))];
    assert_edits(key, "no-cache", How::Force, Value::Switch(true), &cases);
    // Its presence counts.
    let list = [inject(key, How::Force, Value::Switch(false))];
    let gone = [Some(vec!["0".to_owned()]), Some(Vec::new())];
    assert_eq!(edited(&list, &["1"], &[("no-cache", "")]), gone);
    let list = [inject(key, How::Default, Value::Switch(true))];
    assert_eq!(edited(&list, &["1"], &[("no-cache", "a")]), [None, None]);
    let set = [Some(vec!["1".to_owned()]), Some(vec![String::new()])];
    assert_eq!(edited(&list, &["no"], &[]), set);

    let (key, attribute, pull) = ("pull", "image-resolve-mode", Some("pull"));
    let cases = [("0", "local", on, pull), ("1", "pull", on, None)];
    assert_edits(key, attribute, How::Force, Value::Switch(true), &cases);
    let cases = [("1", "pull", off, Some("default")), ("0", "local", off, None)];
    assert_edits(key, attribute, How::Force, Value::Switch(false), &cases);
    let cases = [("0", "local", on, pull), ("yes", "pull", None, None)];
    assert_edits(key, attribute, How::Default, Value::Switch(true), &cases);
}

#[test]
fn numbers_are_forced_capped_or_defaults() {
    let new = Some("100");
    for (key, attribute, is_limit) in [
        ("memory", "memory", true),
        ("memswap", "memswap", true),
        ("cpuquota", "cpuquota", true),
        ("cpushares", "cpushares", false),
        ("cpuperiod", "cpuperiod", false),
        ("shmsize", "shm-size", false),
    ] {
        let number = || Value::Number(100);
        let cases = [("", "", new, new), ("7", "x", new, new)];
        assert_edits(key, attribute, How::Force, number(), &cases);
        let cases = [("0", "0", new, new), ("7", "-1", None, None)];
        assert_edits(key, attribute, How::Default, number(), &cases);
        let absent = new.filter(|_| is_limit);
        let cases = [
            ("", "", absent, absent),
            ("-1", "0", new, absent),
            ("100", "99", None, None),
            ("101", "9223372036854775807", new, new),
        ];
        assert_edits(key, attribute, How::Cap, number(), &cases);
        let both = [inject(key, How::Cap, number()), inject(key, How::Default, Value::Number(9))];
        let cases =
            [("", "0", Some("9"), Some("9")), ("7", "8", None, None), ("200", "300", new, new)];
        assert_all(key, attribute, &both, &cases);
    }
    // BuildKit refuses 0.
    let list = [inject("memory", How::Force, Value::Number(0))];
    assert_eq!(edited(&list, &["9"], &[("memory", "9")]), [Some(vec!["0".into()]), Some(vec![])]);
}

#[test]
fn hosts_are_told_apart_by_name() {
    let hosts = |how| {
        let hosts = ["mirror:10.0.0.1", "mirror:::1", "b:10.0.0.2"].map(str::to_owned);
        [inject("extrahosts", how, Value::List(hosts.to_vec()))]
    };
    let query = ["a:1.1.1.1", "Mirror:6.6.6.6"];
    let attributes = [("add-hosts", "lost=1.1.1.1"), ("add-hosts", "a=1.1.1.1,MIRROR=6.6.6.6")];
    for (how, in_query, attribute) in [
        (
            How::Force,
            &["mirror:10.0.0.1", "mirror:::1", "b:10.0.0.2"][..],
            "mirror=10.0.0.1,mirror=::1,b=10.0.0.2",
        ),
        (
            How::Append,
            &["a:1.1.1.1", "mirror:10.0.0.1", "mirror:::1", "b:10.0.0.2"],
            "a=1.1.1.1,mirror=10.0.0.1,mirror=::1,b=10.0.0.2",
        ),
        (
            How::Default,
            &["a:1.1.1.1", "Mirror:6.6.6.6", "b:10.0.0.2"],
            "a=1.1.1.1,MIRROR=6.6.6.6,b=10.0.0.2",
        ),
    ] {
        let wanted = in_query.iter().map(|host| (*host).to_owned()).collect();
        let wanted = [Some(wanted), Some(vec![attribute.to_owned()])];
        assert_eq!(edited(&hosts(how), &query, &attributes), wanted, "{how:?}");
    }
    let all = ["b:1", "mirror:2"];
    let edits = edited(&hosts(How::Default), &all, &[("add-hosts", "b=1,mirror=2")]);
    assert_eq!(edits, [None, None]);
}

#[test]
fn arguments_are_told_apart_by_name() {
    let label = |key: &str, value: &str| Label { key: key.into(), value: value.into() };
    let arguments = |how| {
        let map = Value::Map(vec![label("A", "1\""), label("B", "2")]);
        [inject("buildargs", how, map)]
    };
    let query = [r#"{"C":null,"\u0041":"6","B":null}"#];
    let attributes = [("build-arg:A", "6"), ("label:A", "no"), ("build-arg:C", "3")];
    for (how, in_query, attribute) in [
        (How::Force, r#"{"A":"1\"","B":"2"}"#, &["A1\"", "B2"][..]),
        (How::Append, r#"{"C":null,"A":"1\"","B":"2"}"#, &["C3", "A1\"", "B2"]),
        (How::Default, r#"{"C":null,"A":"6","B":"2"}"#, &["A6", "C3", "B2"]),
    ] {
        let wanted = attribute.iter().map(|argument| (*argument).to_owned()).collect();
        let wanted = [Some(vec![in_query.to_owned()]), Some(wanted)];
        assert_eq!(edited(&arguments(how), &query, &attributes), wanted, "{how:?}");
    }
}

#[test]
fn limits_are_told_apart_by_name() {
    let limits = |how| {
        let json = r#"{"Name":"nofile","Soft":1024,"Hard":4096}"#;
        [inject("ulimits", how, Value::Objects(vec![("nofile".to_owned(), json.to_owned())]))]
    };
    let query = r#"[{"Name":"nproc","Soft":1,"Hard":1},{"name":"nofile","Hard":9}]"#;
    let attribute = "nproc=1:1,nofile=9:9";
    let ours = r#"[{"Name":"nofile","Soft":1024,"Hard":4096}]"#;
    let both = r#"[{"Name":"nproc","Soft":1,"Hard":1},{"Name":"nofile","Soft":1024,"Hard":4096}]"#;
    let csv = "nofile=1024:4096";
    for (how, query, attribute, wanted) in [
        (How::Force, query, attribute, [Some(ours), Some(csv)]),
        (How::Append, query, attribute, [Some(both), Some("nproc=1:1,nofile=1024:4096")]),
        (How::Default, query, attribute, [None, None]),
        (How::Default, "", "", [Some(ours), Some(csv)]),
    ] {
        let wanted = wanted.map(|new| new.map(|new| vec![new.to_owned()]));
        assert_eq!(edited(&limits(how), &[query], &[("ulimit", attribute)]), wanted, "{how:?}");
    }
}

#[test]
fn a_forced_or_default_network_mode_decides_about_the_hosts_network() {
    for (how, mode, wanted) in [
        (How::Force, "host", Some(true)),
        (How::Default, "host", Some(true)),
        (How::Force, "none", Some(false)),
        (How::Force, "default", Some(false)),
        (How::Default, "none", None),
    ] {
        let list = [inject("networkmode", how, Value::Text(mode.to_owned()))];
        assert_eq!(BuildOptions::of(&list).host_network(), wanted, "{how:?} {mode}");
    }
    assert_eq!(BuildOptions::of(&[]).host_network(), None);
}

#[test]
fn a_value_that_cannot_be_read_is_refused_where_it_matters() {
    let list = [inject("memory", How::Cap, Value::Number(1))];
    let options = BuildOptions::of(&list);
    let text = "the option \"memory\" of the build cannot be read; a decimal number is wanted";
    for option in [&options.query()[0], &options.attributes()[0]] {
        assert_eq!(option.edited(&[(b"", b"1g")]), Err(text.to_owned()));
    }
}
