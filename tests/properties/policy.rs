//! Policies: the verdict about a body does not depend on how it is spelled, or on how it comes.

use std::cell::Cell;

use dockerd_ci_proxy::cli::Exit;
use dockerd_ci_proxy::cli::explain::explain;
use dockerd_ci_proxy::engine::options::{Form, GROUPS, Part};
use dockerd_ci_proxy::engine::route;
use dockerd_ci_proxy::rules::Profile;
use dockerd_ci_proxy::rules::paths::PathRules;

use crate::support::player::{Pace, Player};
use crate::support::policies::{self, TARGETS, WORDS, respelled, shown, verdict};
use crate::support::random::{Random, check};

/// Returns a value for an option, of its type or of another.
fn value(form: Form, random: &mut Random) -> String {
    let word = |random: &mut Random| format!("{:?}", random.pick(WORDS));
    let empty = ["null", "\"\"", "[]", "{}", "0", "false", "[\"\"]", "[null]"];
    match (random.below(8), form) {
        (0, _) => random.pick(&empty).to_owned(),
        (1, _) => random.pick(&["1e3", "-0", "true", "[[\"ALL\"]]", "[{}]"]).to_owned(),
        (_, Form::Switch) => random.pick(&["true", "true", "false"]).to_owned(),
        (_, Form::Number | Form::Bytes | Form::Cpus) => {
            random.pick(&["1", "4097", "-1", "0"]).to_owned()
        }
        // Keys of maps have one spelling, so none is the name of an option.
        (_, Form::Keys) => {
            format!("{{{:?}:\"x\",\"a.b\":null}}", random.pick(&["host", "x", "local"]))
        }
        (_, Form::Members) => format!("{{\"New\":{}}}", word(random)),
        (2..4, _) => format!("[{}]", random.some(3, word).join(",")),
        _ => word(random),
    }
}

/// Returns a body with some of the options that a request has.
fn body(target: &str, random: &mut Random) -> String {
    let operation = route("POST", target.as_bytes()).name;
    let groups = GROUPS
        .iter()
        .filter(|group| group.part == Part::Body && group.operations.contains(&operation));
    let options: Vec<_> = groups.flat_map(|group| group.options).collect();
    let mut members: Vec<(&str, String)> = Vec::new();
    for _ in 0..random.below(6) {
        let binds = &("HostConfig.Binds", Form::Text);
        let is_bind = operation == "ContainerCreate" && random.once_in(4);
        let (path, form) = *if is_bind { binds } else { random.pick(&options) };
        // A body has no other values below or above one.
        let clashes = |other: &str| {
            let shorter = path.len().min(other.len());
            path.as_bytes()[..shorter] == other.as_bytes()[..shorter]
        };
        if !members.iter().any(|(other, _)| clashes(other)) && !path.contains('*') {
            members.push((path, value(form, random)));
        }
    }
    nested(&members, "")
}

/// Writes the members below the path `above`.
fn nested(members: &[(&str, String)], above: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for (path, value) in members {
        let Some(rest) = path.strip_prefix(above) else { continue };
        match rest.split_once('.') {
            None => parts.push(format!("\"{rest}\":{value}")),
            Some((name, _)) if !seen.contains(&name) => {
                seen.push(name);
                let inner = nested(members, &format!("{above}{name}."));
                let lists = ["Mounts", "Devices", "DeviceRequests", "Ulimits", "Networks", "Ports"];
                let inner = if lists.contains(&name) { format!("[{inner}]") } else { inner };
                parts.push(format!("\"{name}\":{inner}"));
            }
            Some(_) => {}
        }
    }
    format!("{{{}}}", parts.join(","))
}

/// Sends a request in pieces. Returns `true` if it gets to the daemon, and the status of an answer of the proxy.
fn sent(profile: &Profile, target: &str, body: &str, random: &mut Random) -> (bool, bool) {
    let head = format!("POST {target} HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n");
    let request = if random.once_in(2) {
        let (one, other) = body.split_at(1);
        format!(
            "{head}Transfer-Encoding: chunked\r\n\r\n1\r\n{one}\r\n{:x}\r\n{other}\r\n0\r\n\r\n",
            other.len()
        )
    } else {
        format!("{head}Expect: 100-continue\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    };
    let mut player = Player::with(profile.clone(), Pace::WHOLE);
    player.answers_questions = true;
    let mut rest = request.as_bytes();
    let most = random.pick(&[1, 7, 1000]);
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(most.min(rest.len()));
        rest = behind;
        player.client.sends.extend(piece);
        player.settle();
    }
    let line = format!("POST {target} HTTP/1.1");
    let is_there = player.daemon.got.windows(line.len()).any(|bytes| bytes == line.as_bytes());
    let answer =
        String::from_utf8_lossy(&player.client.got).replace("HTTP/1.1 100 Continue\r\n\r\n", "");
    (is_there, answer.starts_with("HTTP/1.1 4"))
}

#[test]
fn a_verdict_depends_neither_on_the_spelling_nor_on_the_pieces() {
    let (passed, refused) = (Cell::new(0), Cell::new(0));
    check(1_200, |random| {
        let target = random.pick(TARGETS);
        let profile = policies::profile(policies::random(target, random), random);
        let body = body(target, random);
        let plain = verdict(&profile, target, body.as_bytes());
        let other = respelled(&body, random);
        let of_other = verdict(&profile, target, other.as_bytes());
        assert_eq!(shown(&plain), shown(&of_other), "{body}\n{other}");
        let count = if plain.is_ok() { &passed } else { &refused };
        count.set(count.get() + 1);
        if random.once_in(5) {
            let got = sent(&profile, target, &other, random);
            assert_eq!(got, (plain.is_ok(), plain.is_err()), "{target} {other}: {plain:?}");
            let explained =
                explain(&profile, &PathRules::default(), "POST", target, Some(other.as_bytes()));
            let exit = explained.unwrap().exit;
            assert_eq!(matches!(exit, Exit::Failed), plain.is_err(), "{target} {other}: {plain:?}");
        }
    });
    assert!(passed.get() > 200 && refused.get() > 200, "{} {}", passed.get(), refused.get());
}
