//! The page of metrics, in Prometheus' text format 0.0.4. `docs/metrics.md` says what each means.

use std::fmt::Display;

use super::{CONNECT_REASONS, Counters, Present};
use crate::engine::Class;
use crate::proxy::{Reason, Verdict};

/// The media type of the page.
pub const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What all names begin with, but those that Prometheus has for all processes.
const PREFIX: &str = "dockerd_ci_proxy_";

/// Renders all metrics.
#[must_use]
pub fn render(counters: &Counters, present: &Present) -> String {
    let mut page = Page(String::new());
    page.requests(counters);
    page.connections(counters, present);
    page.added(counters);
    page.process(present);
    page.0
}

struct Page(String);

impl Page {
    /// Begins a metric, of which samples follow.
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.0.extend([format!("# HELP {PREFIX}{name} {help}\n# TYPE {PREFIX}{name} {kind}\n")]);
    }

    /// A value with labels; all of these are plain names, in which nothing has to be escaped.
    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let labels: Vec<_> = labels.iter().map(|(key, text)| format!("{key}=\"{text}\"")).collect();
        let labels = match labels.join(",") {
            none if none.is_empty() => none,
            some => format!("{{{some}}}"),
        };
        self.0.extend([format!("{PREFIX}{name}{labels} {value}\n")]);
    }

    /// A metric that is one value.
    fn single(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }

    fn requests(&mut self, counters: &Counters) {
        let name = "requests_total";
        self.family(name, "counter", "Exchanges that are over, by class of operation and verdict.");
        for (class, row) in Class::ALL.iter().zip(&counters.requests) {
            for (verdict, value) in Verdict::NAMES.iter().zip(row) {
                self.sample(name, &[("class", class.name()), ("verdict", verdict)], value);
            }
        }
        let name = "refusals_total";
        self.family(
            name,
            "counter",
            "Requests that were refused or answered in the daemon's place, by reason.",
        );
        for (reason, value) in Reason::ALL.iter().zip(&counters.refusals) {
            self.sample(name, &[("reason", reason.name())], value);
        }
    }

    fn connections(&mut self, counters: &Counters, present: &Present) {
        let clients = counters.clients;
        self.single("connections_total", "counter", "Clients that were accepted.", clients);
        self.single("connections_open", "gauge", "Clients that are connected.", present.open);
        let help = "Clients that can be connected, for want of file descriptors.";
        self.single("connections_max", "gauge", help, present.room);
        let name = "bytes_total";
        self.family(name, "counter", "Bytes that have reached the other side, by direction.");
        let traffic = counters.traffic;
        self.sample(name, &[("direction", "to_daemon")], traffic.to_daemon);
        self.sample(name, &[("direction", "to_client")], traffic.to_client);
        let name = "daemon_connect_failures_total";
        self.family(
            name,
            "counter",
            "Connections to the daemon that could not be made, by reason.",
        );
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
            "How long requests were held, from having come to having been handed to the daemon.",
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
        let help = "Whether the process is about to end and takes no new requests.";
        self.single("draining", "gauge", help, draining);
        self.family("build_info", "gauge", "1, with the version of the program.");
        self.sample("build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
        let started = present.started.as_secs_f64();
        let help = "When the process began to serve, in seconds since 1970 in UTC.";
        self.single("start_time_seconds", "gauge", help, started);
    }
}
