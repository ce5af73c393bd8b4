use super::*;
use crate::proxy::{Fault, Outcome, Verdict};
use crate::rules::Forced;

fn present() -> Present {
    let started = Duration::from_secs(1_767_225_599);
    let now = started + Duration::from_secs(3700);
    Present { open: 3, room: 500, draining: false, started, now }
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
