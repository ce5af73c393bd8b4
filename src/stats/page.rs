//! The metrics in Prometheus' text format 0.0.4. `docs/metrics.md` describes each metric.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::{CONNECT_REASONS, Counters, Present, RULED, Reloads, Verdicts};
use crate::engine::Class;
use crate::proxy::Verdict;
use crate::rules::Reason;

/// The media type of the page.
pub const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Prefix of all names.
const PREFIX: &str = "dockerd_ci_proxy_";

/// Renders all metrics.
#[must_use]
pub fn render(counters: &Counters, present: &Present) -> String {
    let mut page = Page(String::new());
    page.requests(counters);
    page.listeners(present);
    page.connections(counters, present);
    page.added(counters);
    page.process(present);
    page.reloads(present);
    page.0
}

struct Page(String);

/// Escapes the value of a label. Only the place of a rule has anything to escape.
fn escaped(text: &str) -> String {
    text.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n")
}

impl Page {
    /// Begins a metric, whose samples follow.
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.0.extend([format!("# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}\n")]);
    }

    /// Adds a value with labels.
    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let label = |(key, text): &(&str, &str)| format!("{key}=\"{}\"", escaped(text));
        let labels: Vec<_> = labels.iter().map(label).collect();
        let labels = match labels.join(",") {
            none if none.is_empty() => none,
            some => format!("{{{some}}}"),
        };
        self.0.extend([format!("{PREFIX}{name}{labels} {value}\n")]);
    }

    /// Adds a metric with a single value.
    fn single(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }

    fn requests(&mut self, counters: &Counters) {
        let name = "requests_total";
        self.family(name, "counter", "Completed exchanges, by class of operation and verdict.");
        for (class, row) in Class::ALL.iter().zip(&counters.requests) {
            for (verdict, value) in Verdict::NAMES.iter().zip(row) {
                self.sample(name, &[("class", class.name()), ("verdict", verdict)], value);
            }
        }
        let name = "refusals_total";
        self.family(
            name,
            "counter",
            "Requests refused or answered in place of the daemon, by reason.",
        );
        for (reason, value) in Reason::ALL.iter().zip(&counters.refusals) {
            self.sample(name, &[("reason", reason.name())], value);
        }
    }

    fn listeners(&mut self, present: &Present) {
        let name = "listener_requests_total";
        self.family(name, "counter", "Completed exchanges, by listener and verdict.");
        let mut sums: BTreeMap<&str, Verdicts> = BTreeMap::new();
        for listener in &present.listeners {
            // Listeners without a name have series in common.
            sums.entry(listener.label()).or_default().add(&listener.requests);
        }
        for (label, sum) in &sums {
            for (verdict, value) in sum.iter() {
                self.sample(name, &[("listener", label), ("verdict", verdict)], value);
            }
        }
        if sums.values().flat_map(|sum| &sum.rules).any(|counts| !counts.is_empty()) {
            self.policies(&sums);
        }
    }

    fn policies(&mut self, sums: &BTreeMap<&str, Verdicts>) {
        let name = "policy_total";
        let help = "Requests that a rule of the policy refused or would have refused.";
        self.family(name, "counter", help);
        for (label, sum) in sums {
            for (verdict, counts) in RULED.iter().zip(&sum.rules) {
                for (rule, value) in counts {
                    let labels = [("listener", *label), ("rule", rule), ("verdict", verdict)];
                    self.sample(name, &labels, value);
                }
            }
        }
    }

    fn connections(&mut self, counters: &Counters, present: &Present) {
        let clients = counters.clients;
        self.single(
            "connections_total",
            "counter",
            "Accepted clients, and clients taken over from the previous process.",
            clients,
        );
        self.single("connections_open", "gauge", "Connected clients.", present.open);
        let help = "Maximum number of connected clients, limited by file descriptors.";
        self.single("connections_max", "gauge", help, present.room);
        let name = "bytes_total";
        self.family(name, "counter", "Bytes written to the daemon and to clients, by direction.");
        let traffic = counters.traffic;
        self.sample(name, &[("direction", "to_daemon")], traffic.to_daemon);
        self.sample(name, &[("direction", "to_client")], traffic.to_client);
        let name = "daemon_connect_failures_total";
        self.family(name, "counter", "Failed connections to the daemon, by reason.");
        for reason in CONNECT_REASONS {
            let value = counters.connect_failures.get(reason as usize).copied();
            self.sample(name, &[("reason", reason.name())], value.unwrap_or_default());
        }
    }

    fn added(&mut self, counters: &Counters) {
        let name = "added_seconds";
        self.family(
            name,
            "histogram",
            "Time from the arrival of a complete request until it was written to the daemon.",
        );
        let added = &counters.added;
        for (seconds, value) in added.cumulated() {
            self.sample("added_seconds_bucket", &[("le", seconds)], value);
        }
        self.sample("added_seconds_bucket", &[("le", "+Inf")], added.count());
        self.sample("added_seconds_sum", &[], added.sum());
        self.sample("added_seconds_count", &[], added.count());
    }

    fn process(&mut self, present: &Present) {
        let draining = u8::from(present.draining);
        let help = "1 while the proxy shuts down.";
        self.single("draining", "gauge", help, draining);
        self.family("build_info", "gauge", "Always 1; the label is the version of the program.");
        self.sample("build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
        let started = present.started.as_secs_f64();
        let help = "Time at which the process began to serve, in seconds since the Unix epoch.";
        self.single("start_time_seconds", "gauge", help, started);
    }

    fn reloads(&mut self, present: &Present) {
        let Reloads { succeeded, failed, last } = present.reloads;
        let help = "1 unless the last reload of the configuration failed.";
        let well = u8::from(last.is_none_or(|(_, succeeded)| succeeded));
        self.single("config_last_reload_successful", "gauge", help, well);
        let name = "config_reloads_total";
        self.family(name, "counter", "Reloads of the configuration, by result.");
        self.sample(name, &[("result", "success")], succeeded);
        self.sample(name, &[("result", "failure")], failed);
    }
}
