use super::*;
use crate::proxy::{Fault, Outcome, Verdict};
use crate::rules::policy::{Act, Policy, Rule, Subject};
use crate::rules::{ByRule, Forced, Reason, Refusal};
use std::sync::Arc;

fn present() -> Present {
    let started = Duration::from_secs(1_767_225_599);
    let now = started + Duration::from_secs(3700);
    Present { open: 3, room: 500, started, now, ..Present::default() }
}

#[test]
fn the_counters_are_summarized_in_a_few_lines() {
    let mut counters = Counters::default();
    let mut exchange = |verdict| {
        let operation = crate::engine::route("POST", b"/containers/create");
        let (status, took) = (Some(201), Duration::ZERO);
        let outcome = Outcome { operation, verdict, status, sent: 1, received: 1, took };
        counters.exchange(&outcome);
    };
    exchange(Verdict::Forwarded(Forced::LABELS));
    exchange(Verdict::Forwarded(Forced::LABELS));
    exchange(Verdict::Refused(Box::new(Fault::NoRoom)));
    counters.client();
    for _ in 0..99 {
        counters.held(Duration::from_micros(20));
    }
    counters.held(Duration::from_millis(2));
    let text = render(&counters, &present(), "ready");
    let version = env!("CARGO_PKG_VERSION");
    let wanted = format!(
        "version:   {version}, up since 2025-12-31T23:59:59Z (1 h 1 min)\n\
         daemon:    ready\n\
         clients:   3 connected, 1 since startup, 500 at most\n\
         requests:  2 labelled, 1 refused\n\
         refused:   1 no_room\n\
         failures:  none\n\
         bytes:     none\n\
         added:     50 % of requests within 0.000025 s, 99 % within 0.000025 s\n"
    );
    assert_eq!(text, wanted);
}

fn rule(name: &str) -> Rule {
    Rule {
        name: name.to_owned(),
        from: "config.toml:7:3".to_owned(),
        act: Act::Refuse,
        operations: Vec::new(),
        subject: Subject::Request,
        reason: String::new(),
    }
}

#[test]
fn the_rules_that_refused_most_are_named() {
    let refused = |listener: &mut Verdicts, name: &str| {
        let operation = crate::engine::route("POST", b"/containers/create");
        let (rule, contact) = (Arc::new(rule(name)), String::new());
        let by = Some(Box::new(ByRule { rule, contact }));
        let refusal = Refusal { by, ..Refusal::new(Reason::Policy, "no") };
        let verdict = Verdict::Refused(Box::new(Fault::Refused(refusal)));
        let (status, took) = (Some(403), Duration::ZERO);
        listener.exchange(&Outcome { operation, verdict, status, sent: 0, received: 1, took });
    };
    let (mut one, mut other) = (Verdicts::default(), Verdicts::default());
    let text = |listeners: [&Verdicts; 2]| {
        let state = |requests: &Verdicts| ListenerState {
            requests: requests.clone(),
            ..ListenerState::default()
        };
        let listeners = listeners.map(state).to_vec();
        render(&Counters::default(), &Present { listeners, ..present() }, "ready")
    };
    assert!(!text([&one, &other]).contains("policy"));
    one = one.with(Some(&Policy { rules: vec![Arc::new(rule("a"))], ..Policy::default() }));
    let none = "\npolicy:    refused none; would refuse none\nlistener:  ";
    assert!(text([&one, &other]).contains(none));
    for name in ["a", "b", "c", "d", "e", "f", "g"] {
        refused(&mut one, name);
    }
    refused(&mut one, "f");
    refused(&mut other, "f");
    refused(&mut other, "e");
    other.would_refuse(&rule("e"));
    let text = text([&one, &other]);
    let wanted = "\npolicy:    refused 3 f, 2 e, 1 a, 1 b, 1 c, 2 by others; would refuse 1 e\n";
    assert!(text.contains(wanted), "{text}");
}

#[test]
fn startup_and_shutdown_are_reported() {
    let present = Present { draining: true, now: present().started, ..present() };
    let text = render(&Counters::default(), &present, "not ready");
    assert!(text.contains("(0 s), shutting down\n"), "{text}");
    assert!(text.contains("no request measured yet\n"), "{text}");
}

#[test]
fn times_have_two_units() {
    let long = |seconds| long(Duration::from_secs(seconds));
    assert_eq!((long(5), long(65)), ("5 s".to_owned(), "1 min 5 s".to_owned()));
    assert_eq!((long(7260), long(90_000)), ("2 h 1 min".to_owned(), "1 d 1 h".to_owned()));
}

#[test]
fn listeners_and_reloads_have_a_line() {
    let mut requests = Verdicts::default();
    for verdict in [
        Verdict::Forwarded(Forced::FIELDS),
        Verdict::Forwarded(Forced::LABELS | Forced::FIELDS),
        Verdict::Refused(Box::new(Fault::NoRoom)),
    ] {
        let operation = crate::engine::route("POST", b"/containers/create");
        let (status, took) = (Some(201), Duration::ZERO);
        requests.exchange(&Outcome { operation, verdict, status, sent: 1, received: 1, took });
    }
    let state = |name: &str, sockets: &[&str], clients, requests| ListenerState {
        name: name.to_owned(),
        sockets: sockets.iter().map(ToString::to_string).collect(),
        daemon: "/d".to_owned(),
        clients,
        requests,
    };
    let listeners = vec![
        state("gitlab", &["/run/g"], 2, requests),
        state("", &["/run/a", "/run/b"], 0, Verdicts::default()),
        state("old", &[], 1, Verdicts::default()),
    ];
    let mut reloads = Reloads::default();
    reloads.ended(present().started, true);
    let text = render(&Counters::default(), &Present { listeners, reloads, ..present() }, "ready");
    let wanted = "\n\
        listener:  gitlab: /run/g; daemon /d; 2 connected; 1 labelled, 1 edited, 1 refused\n\
        listener:  default: /run/a, /run/b; daemon /d; 0 connected; none\n\
        listener:  old: removed; daemon /d; 1 connected; none\n\
        reloads:   1 succeeded, 0 failed; the file as of 2025-12-31T23:59:59Z is in effect\n";
    assert!(text.ends_with(wanted), "{text}");
    reloads.ended(present().now, false);
    let text = render(&Counters::default(), &Present { reloads, ..present() }, "ready");
    let wanted = "1 succeeded, 1 failed; the file as of 2026-01-01T01:01:39Z had errors; the one before stays\n";
    assert!(text.ends_with(wanted), "{text}");
}
