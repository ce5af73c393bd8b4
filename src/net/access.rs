//! The log line of an exchange.

use log::{Level, log};

use crate::proxy::{Outcome, Verdict};
use crate::rules::Injection;

/// Writes the line: what was done to a request is told at `info`, what merely passed at `debug`.
pub(super) fn log(outcome: &Outcome, injection: &Injection) {
    let level = match outcome.verdict {
        Verdict::Passed => Level::Debug,
        Verdict::Labelled | Verdict::LabelledAndMoved | Verdict::Refused(_) => Level::Info,
    };
    if level > log::max_level() {
        return;
    }
    let status = outcome.status.map_or("none".to_owned(), |status| status.to_string());
    log!(
        level,
        "{} {}: status {status}, {} bytes up, {} bytes down, {:.1} ms",
        outcome.operation,
        verdict(&outcome.verdict, injection),
        outcome.sent,
        outcome.received,
        outcome.took.as_secs_f64() * 1000.0,
    );
}

fn verdict(verdict: &Verdict, injection: &Injection) -> String {
    match verdict {
        Verdict::Passed => "passed".to_owned(),
        Verdict::Labelled => format!("injected {}", labels(injection)),
        Verdict::LabelledAndMoved => {
            let parent = injection.cgroup_parent.as_deref().unwrap_or_default();
            format!("injected {} cgroup-parent={parent:?}", labels(injection))
        }
        Verdict::Refused(why) => format!("refused ({why})"),
    }
}

fn labels(injection: &Injection) -> String {
    let labels = injection.labels.iter().map(|label| format!("{}={:?}", label.key, label.value));
    labels.collect::<Vec<_>>().join(" ")
}
