//! Options of builds: the daemon finds the operator's values, caps hold, and everything else is unchanged, in the
//! query of a classic build and in the attributes of a BuildKit frontend.

use std::fmt::Write;

use dockerd_ci_proxy::proxy::decide;
use dockerd_ci_proxy::rules::buildkit::{self, Method};
use dockerd_ci_proxy::rules::{Edited, Judgement};

use crate::support::random::{Random, check};
use crate::support::{build_rules, calls};

const KEYS: &[&str] = &[
    "networkmode",
    "NetworkMode",
    "nocache",
    "platform",
    "memory",
    "MEMORY",
    "%6demory",
    "shmsize",
    "buildargs",
    "extrahosts",
    "extrahosts",
    "ExtraHosts",
    "ulimits",
    "t",
    "rm",
];

/// Values that more than one key may have.
const VALUES: &[&str] = &["", "1", "0", "-1", "99", "1001", "1g", "host", "null"];

fn value_of(random: &mut Random, key: &str) -> &'static str {
    let own: &[&str] = match &*key.to_lowercase() {
        "buildargs" => &[
            "%7B%22A%22%3A%22x%22%2C%22B%22:null%7D",
            "{\"D\":null,\"\\u0041\":\"x\",\"A\":\"y\"}",
            "{\"D\":\"x\",\"D\":null}",
            "{\"D\":null,\"D\":\"x\",\"E\":\"\"}",
            "{\"A\":1}",
        ],
        "extrahosts" => &["mirror:1.1.1.1", "MIRROR:::2", "a:1.1.1.1", "b+c", "%6dirror:3"],
        "ulimits" => &[
            "[{\"Name\":\"nofile\",\"Soft\":9},{\"name\":\"core\",\"Hard\":1}]",
            "%5B%5D",
            "[{\"Name\":\"cpu\"}]",
        ],
        _ => VALUES,
    };
    if random.once_in(5) { random.pick(VALUES) } else { random.pick(own) }
}

#[test]
fn the_query_of_a_build_gets_the_options() {
    let profile = build_rules::profile();
    check(20_000, |random| {
        let mut target = "/v1.41/build?".to_owned();
        for _ in 0..random.below(7) {
            let key = random.pick(KEYS);
            let _ = write!(target, "{key}={}&", value_of(random, key));
        }
        let head = format!("POST {target} HTTP/1.1\r\nHost: d\r\n\r\n");
        match decide(&profile, head.as_bytes()).unwrap().judgement {
            Judgement::Edit(Edited { target: Some(edited), .. }) => {
                build_rules::assert_query(&target, &edited);
            }
            Judgement::Refuse(_) => {}
            other => panic!("{other:?}"),
        }
    });
}

const ATTRIBUTES: &[(&str, &[&str])] = &[
    ("force-network-mode", &["", "host", "sandbox"]),
    ("no-cache", &["", "a,b"]),
    ("platform", &["", "linux/amd64,linux/386"]),
    ("memory", &["", "0", "-1", "99", "1001", "1g"]),
    ("shm-size", &["", "0", "99", "101"]),
    ("build-arg:A", &["", "x"]),
    ("build-arg:D", &["", "x"]),
    ("build-arg:", &["x"]),
    ("build-arg", &["x"]),
    ("add-hosts", &["", "mirror=1.1.1.1,a=::1", "MIRROR=1.1.1.1", "a=1,a=2", "\"a=1\""]),
    ("ulimit", &["", "nofile=9", "core=1:2,nofile=1:2"]),
    ("filename", &["Dockerfile"]),
];

fn put(message: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    message.extend([number << 3 | 2, u8::try_from(bytes.len()).unwrap()]);
    message.extend(bytes);
}

#[test]
fn the_attributes_of_a_frontend_get_the_options() {
    let profile = build_rules::profile();
    check(20_000, |random| {
        let (method, frontend, map) =
            random.pick(&[(Method::BridgeSolve, 2, 3), (Method::ControlSolve, 6, 7)]);
        let mut solve = Vec::new();
        put(&mut solve, frontend, b"dockerfile.v0");
        for _ in 0..random.below(9) {
            let (key, values) = random.pick(ATTRIBUTES);
            let mut entry = Vec::new();
            put(&mut entry, 1, key.as_bytes());
            put(&mut entry, 2, random.pick(values).as_bytes());
            put(&mut solve, map, &entry);
        }
        let Ok(edited) = buildkit::edit(&profile, method, &solve, None) else { return };
        let entries = |message| calls::entries(message, map.into());
        build_rules::assert_attributes(&entries(&solve), &entries(&edited.message));
    });
}
