//! Routing: a request that the daemon's router takes for a creating one is never forwarded unchanged.

use dockerd_ci_proxy::proxy::decide;
use dockerd_ci_proxy::rules::Judgement;

use crate::support::random::{Random, check};
use crate::support::{naive, player};

const PATHS: &[&str] = &[
    "/build",
    "/configs/create",
    "/containers/create",
    "/networks/create",
    "/secrets/create",
    "/services/create",
    "/volumes/create",
    "/containers/json",
    "/containers/create/exec",
];
const VERSIONS: &[&str] = &["", "", "/v1.41", "/v1.", "/v.", "/v1", "/v4.0.0-rc1", "/V1.41", "/v"];
const ORIGINS: &[&str] = &["", "", "", "http://d", "unix://", "x:", "1x:", "http://a%41", "//d"];
const QUERIES: &[&str] = &["", "", "?", "?a=b", "?/containers/json", "#x", "?labels=%7B%7D&x=%zz"];

pub(crate) fn target(random: &mut Random) -> String {
    let path = [random.pick(VERSIONS), random.pick(PATHS)].concat();
    let mut target = random.pick(ORIGINS).to_owned();
    for byte in path.bytes() {
        match random.below(30) {
            0 => target.extend(format!("%{byte:02x}").chars()),
            1 => target.extend(format!("%{byte:02X}").chars()),
            _ => target.push(char::from(byte)),
        }
    }
    if random.once_in(8) {
        let at = random.below(target.len() + 1);
        target.insert_str(at, random.pick(&["/", ".", "%", "?", ":", "%2f", "#", "\u{e9}", "1"]));
    }
    target + random.pick(QUERIES)
}

#[test]
fn nothing_that_creates_passes_as_it_came() {
    let profile = player::profile();
    let framings = ["Content-Length: 2", "Transfer-Encoding: chunked", "X: y", "Content-Type: a/b"];
    check(50_000, |random| {
        let target = target(random);
        let method = random.pick(&["POST", "POST", "POST", "GET", "PUT", "post"]);
        let framing = random.pick(&framings);
        let head = format!("{method} {target} HTTP/1.1\r\nHost: d\r\n{framing}\r\n\r\n");
        let passes = decide(&profile, head.as_bytes())
            .is_ok_and(|decision| matches!(decision.judgement, Judgement::Pass { .. }));
        assert!(!passes || naive::creates(method, &target).is_none(), "{head}");
    });
}

#[test]
fn the_plain_spellings_are_rewritten() {
    for path in &PATHS[..7] {
        let head = format!("POST /v1.41{path} HTTP/1.1\r\nContent-Length: 2\r\n\r\n");
        let decision = decide(&player::profile(), head.as_bytes()).unwrap();
        let judgement = decision.judgement;
        assert!(matches!(judgement, Judgement::Edit(_) | Judgement::Gather { .. }), "{path}");
        assert_eq!(naive::creates("POST", path), Some(*path));
    }
}
