use super::super::protobuf::put;
use super::super::{EditedMessage, Method, edit};
use crate::rules::inject::build_options::tests::inject;
use crate::rules::inject::{How, Inject, Value};
use crate::rules::{Forced, Label, Profile, Reason, Refusal};

fn profile(list: &[(&str, How, Value)]) -> Profile {
    let inject = list.iter().map(|(key, how, value)| inject(key, *how, value.clone()));
    let label = Inject::image_label(Label { key: "a".to_owned(), value: "1".to_owned() });
    Profile { inject: inject.chain([label]).collect(), ..Profile::default() }
}

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

/// A solve with a frontend and with attributes around it.
fn solve((frontend, map): (u64, u64), attributes: &[(&str, &str)]) -> Vec<u8> {
    let mut solve = message(&[(frontend, b"dockerfile.v0"), (99, b"unknown")]);
    for (key, value) in attributes {
        put(&mut solve, map, &pair(key, value));
    }
    solve
}

const BRIDGE: (u64, u64) = (2, 3);
const CONTROL: (u64, u64) = (6, 7);
const SOLVES: [(Method, (u64, u64)); 2] =
    [(Method::BridgeSolve, BRIDGE), (Method::ControlSolve, CONTROL)];

#[test]
fn edited_options_follow_the_clients_other_attributes() {
    let arguments = Value::Map(vec![Label { key: "P".to_owned(), value: "ours".to_owned() }]);
    let profile = profile(&[
        ("memory", How::Cap, Value::Number(9)),
        ("buildargs", How::Append, arguments),
        ("nocache", How::Force, Value::Switch(false)),
        ("shmsize", How::Default, Value::Number(64)),
    ]);
    let theirs = [
        ("memory", "10"),
        ("build-arg:P", "theirs"),
        ("filename", "x"),
        ("no-cache", ""),
        ("build-arg:Q", "q"),
        ("shm-size", "1"),
        ("memory", "8000000000"),
    ];
    // The attributes of an option that is not edited stay in their place.
    let wanted = [
        ("filename", "x"),
        ("shm-size", "1"),
        ("build-arg:Q", "q"),
        ("build-arg:P", "ours"),
        ("memory", "9"),
        ("label:a", "1"),
    ];
    for (method, places) in SOLVES {
        let edited = edit(&profile, method, &solve(places, &theirs), None).unwrap();
        assert_eq!(edited.message, solve(places, &wanted), "{method:?}");
        assert_eq!(edited.forced, Forced::LABELS | Forced::FIELDS);
        // Without a frontend there are no attributes.
        let bare = message(&[(places.1, &pair("memory", "x")), (1, b"LLB")]);
        let edited = edit(&profile, method, &bare, None).unwrap();
        assert_eq!((edited.message, edited.forced), (bare, Forced::NOTHING), "{method:?}");
    }
}

#[test]
fn options_that_stay_are_not_reported() {
    let profile = profile(&[("memory", How::Cap, Value::Number(9))]);
    for (method, places) in SOLVES {
        let attributes = [("memory", "9"), ("label:a", "1")];
        let edited = edit(&profile, method, &solve(places, &attributes[..1]), None).unwrap();
        assert_eq!((edited.message, edited.forced), (solve(places, &attributes), Forced::LABELS));
    }
}

#[test]
fn a_value_that_cannot_be_read_is_refused() {
    let profile = profile(&[("ulimits", How::Append, Value::Objects(Vec::new()))]);
    let text = "the option \"ulimit\" of the build cannot be read; a list of entries without quotes and \
                line breaks, separated by commas is wanted";
    for (method, places) in SOLVES {
        let solve = solve(places, &[("ulimit", "\"nofile=1\"")]);
        let refused = Err(Refusal::new(Reason::BuildMessage, text));
        assert_eq!(edit(&profile, method, &solve, None), refused, "{method:?}");
    }
}

#[test]
fn the_grant_of_the_hosts_network_follows_the_network_mode() {
    let solve = |grants: &[&str]| {
        let mut solve = message(&[(1, b"ref")]);
        for grant in grants {
            put(&mut solve, 9, grant.as_bytes());
        }
        solve
    };
    let both = ["network.host", "security.insecure", "network.host"];
    for (how, mode, grants, wanted, fields) in [
        (How::Force, "none", &both[..], &both[1..2], true),
        (How::Force, "default", &both, &both[1..2], true),
        (How::Force, "none", &both[1..2], &both[1..2], false),
        (How::Force, "host", &both, &both[1..], true),
        (How::Default, "host", &[], &both[..1], true),
        (How::Default, "none", &both, &both, false),
    ] {
        let profile = profile(&[("networkmode", how, Value::Text(mode.to_owned()))]);
        let edited = edit(&profile, Method::ControlSolve, &solve(grants), None).unwrap();
        let EditedMessage { message, forced, .. } = edited;
        assert_eq!(message, solve(wanted), "{how:?} {mode} {grants:?}");
        assert_eq!(forced, Forced::FIELDS.when(fields), "{how:?} {mode} {grants:?}");
    }
}
