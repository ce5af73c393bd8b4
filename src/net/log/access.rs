//! The access line about an exchange. As text it is a sentence; in JSON the facts are members of
//! their own beside the sentence.

use std::cell::OnceCell;
use std::fmt;
use std::time::{Duration, Instant};

use log::kv::{Error, Key, Source, Value, VisitSource};
use log::{Level, LevelFilter, Record};

use super::recent::Recent;
use crate::net::host::credentials::Credentials;
use crate::net::wire::peer::Peer;
use crate::proxy::{Fault, ListenerSettings, Outcome, Verdict};
use crate::rules::policy::Rule;
use crate::rules::socket::Note;
use crate::rules::{Forced, Label, Reason, Refusal};

/// Writes the access line: at `info` for edited and refused requests, at `debug` for requests that
/// passed, at `warn` for failures that are not the client's fault. The caller is looked up only if
/// the line is written.
pub(in crate::net) fn log(outcome: &Outcome, settings: &ListenerSettings, client: &Peer) {
    let level = match &outcome.verdict {
        Verdict::Forwarded(Forced::NOTHING) => Level::Debug,
        Verdict::Refused(fault) if fault.status() >= 500 => Level::Warn,
        // A log of warnings alone still has the refusals.
        Verdict::Refused(_) if log::max_level() == LevelFilter::Warn => Level::Warn,
        Verdict::Forwarded(_) | Verdict::Refused(_) => Level::Info,
    };
    if level > log::max_level() {
        return;
    }
    let line = Line::new(outcome, settings, client.caller());
    let mut record = Record::builder();
    record.level(level).target(module_path!()).key_values(&line);
    log::logger().log(&record.args(format_args!("{line}")).build());
}

/// Writes a warning about an operation, with its caller and its listener. A warning of the policy that is
/// among the recent ones is left out.
pub(in crate::net) fn warn(
    note: &Note,
    operation: Option<&str>,
    settings: &ListenerSettings,
    client: &Peer,
    (recent, now): (&mut Recent, Instant),
) {
    let origin = Origin::new(settings, client.caller());
    let warning = Warning { note, operation, origin };
    if let Note::Policy(warned) = note {
        // Not the pid: each command has another one.
        let caller = (origin.caller.uid(), origin.container, origin.listener);
        if !recent.is_new(&(&warned.rule.from, &warned.text, caller), now) {
            return;
        }
    }
    let mut record = Record::builder();
    record.level(Level::Warn).target(module_path!()).key_values(&warning);
    log::logger().log(&record.args(format_args!("{warning}")).build());
}

/// A warning.
struct Warning<'w> {
    note: &'w Note,
    operation: Option<&'w str>,
    origin: Origin<'w>,
}

impl fmt::Display for Warning<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Note::Way(_), Some(operation)) = (self.note, self.operation) {
            write!(out, "{operation}: ")?;
        }
        write!(out, "{}; {}", self.note, self.origin)
    }
}

impl Source for Warning<'_> {
    fn visit<'kvs>(&'kvs self, to: &mut dyn VisitSource<'kvs>) -> Result<(), Error> {
        if let Some(operation) = self.operation {
            to.visit_pair("operation".into(), operation.into())?;
        }
        if let Note::Policy(warned) = self.note {
            for (key, value) in members(&warned.rule) {
                to.visit_pair(key.into(), value.into())?;
            }
        }
        self.origin.visit(to)
    }
}

/// Returns the members about a rule of the policy.
fn members(rule: &Rule) -> [(&'static str, &str); 2] {
    [("rule", &rule.name), ("rule_at", &rule.from)]
}

/// The caller of an exchange, its container, and the listener to which it connected.
#[derive(Debug, Clone, Copy)]
struct Origin<'o> {
    caller: Credentials,
    /// The id of the caller's container, if rules needed it.
    container: Option<&'o str>,
    /// The name; may be empty.
    listener: &'o str,
}

impl fmt::Display for Origin<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.caller)?;
        if let Some(id) = self.container {
            // As `docker ps` shows it.
            write!(out, ", container {}", id.get(..12).unwrap_or(id))?;
        }
        if self.listener.is_empty() { Ok(()) } else { write!(out, ", listener {}", self.listener) }
    }
}

impl<'o> Origin<'o> {
    fn new(settings: &'o ListenerSettings, caller: Credentials) -> Self {
        Self { caller, container: settings.container.as_deref(), listener: &settings.name }
    }

    /// Visits the members about it.
    fn visit<'kvs>(&self, to: &mut dyn VisitSource<'kvs>) -> Result<(), Error>
    where
        'o: 'kvs,
    {
        match self.caller {
            Credentials::Known { uid, pid, .. } => {
                to.visit_pair("uid".into(), uid.into())?;
                to.visit_pair("pid".into(), Value::from(pid.get()))?;
            }
            Credentials::Foreign { uid, .. } => to.visit_pair("uid".into(), uid.into())?,
            Credentials::Unknown => {}
        }
        if let Some(id) = self.container {
            to.visit_pair("container".into(), id.into())?;
        }
        if self.listener.is_empty() {
            return Ok(());
        }
        to.visit_pair("listener".into(), self.listener.into())
    }
}

/// A completed exchange with its origin and what was injected.
struct Line<'l> {
    outcome: &'l Outcome,
    origin: Origin<'l>,
    labels: &'l [Label],
    /// The names of the labels' members, made on demand.
    names: OnceCell<Vec<String>>,
    cgroup_parent: Option<&'l str>,
    /// `true` if options were injected.
    options: bool,
}

impl<'l> Line<'l> {
    fn new(outcome: &'l Outcome, settings: &'l ListenerSettings, caller: Credentials) -> Self {
        let forced = match outcome.verdict {
            Verdict::Forwarded(forced) => forced,
            Verdict::Refused(_) => Forced::NOTHING,
        };
        let (labels, parent) = settings.profile.inject.of(&outcome.operation.payload);
        let labels = if forced.has(Forced::LABELS) { labels } else { &[] };
        let cgroup_parent = parent.filter(|_| forced.has(Forced::CGROUP_PARENT));
        let options = forced.has(Forced::FIELDS);
        let origin = Origin::new(settings, caller);
        Self { outcome, origin, labels, names: OnceCell::new(), cgroup_parent, options }
    }

    fn milliseconds(&self) -> f64 {
        // Rounded to microseconds, since further digits of a float are noise.
        (self.outcome.took.as_secs_f64() * 1e6).round() / 1e3
    }
}

/// The sentence of the text form.
impl fmt::Display for Line<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcome = self.outcome;
        out.write_str(outcome.operation.name)?;
        match &outcome.verdict {
            Verdict::Forwarded(Forced::NOTHING) => out.write_str(" passed")?,
            Verdict::Refused(fault) => match &**fault {
                Fault::Refused(Refusal { text, by: Some(by), .. }) => {
                    write!(out, " refused ({text}; {})", by.rule.shown())?;
                }
                Fault::Refused(refusal) => write!(out, " refused ({refusal})")?,
                fault if fault.status() >= 500 => write!(out, " failed ({fault})")?,
                fault => write!(out, " refused ({fault})")?,
            },
            Verdict::Forwarded(_) => {
                out.write_str(" injected")?;
            }
        }
        for Label { key, value } in self.labels {
            write!(out, " {key}={value:?}")?;
        }
        if let Some(parent) = self.cgroup_parent {
            write!(out, " cgroup-parent={parent:?}")?;
        }
        if self.options {
            out.write_str(" options")?;
        }
        match outcome.status {
            Some(status) => write!(out, ": status {status}")?,
            None => out.write_str(": status none")?,
        }
        let (up, down) = (outcome.sent, outcome.received);
        let (milliseconds, tenths) = tenths(outcome.took);
        write!(
            out,
            ", {up} bytes up, {down} bytes down, {milliseconds}.{tenths} ms, {}",
            self.origin
        )
    }
}

/// Returns milliseconds and their tenths. Formatting a float would take longer than the rest of the
/// line.
fn tenths(took: Duration) -> (u64, u64) {
    let tenths = took.as_secs().saturating_mul(10_000) + u64::from(took.subsec_micros() + 50) / 100;
    (tenths / 10, tenths % 10)
}

/// The members beside the message; `docs/log.md` lists them.
impl Source for Line<'_> {
    fn visit<'kvs>(&'kvs self, to: &mut dyn VisitSource<'kvs>) -> Result<(), Error> {
        let outcome = self.outcome;
        let mut put = |key: &'kvs str, value: Value<'kvs>| to.visit_pair(Key::from(key), value);
        put("operation", outcome.operation.name.into())?;
        put("verdict", outcome.verdict.name().into())?;
        if let Verdict::Refused(fault) = &outcome.verdict {
            put("reason", Reason::from(&**fault).name().into())?;
        }
        for (key, value) in outcome.verdict.rule().into_iter().flat_map(members) {
            put(key, value.into())?;
        }
        let names = || self.labels.iter().map(|label| format!("label.{}", label.key)).collect();
        for (name, label) in self.names.get_or_init(names).iter().zip(self.labels) {
            put(name, label.value.as_str().into())?;
        }
        if let Some(parent) = self.cgroup_parent {
            put("cgroup_parent", parent.into())?;
        }
        if self.options {
            put("options", true.into())?;
        }
        if let Some(status) = outcome.status {
            put("status", status.into())?;
        }
        put("bytes_up", outcome.sent.into())?;
        put("bytes_down", outcome.received.into())?;
        put("milliseconds", self.milliseconds().into())?;
        self.origin.visit(to)
    }
}

#[cfg(test)]
mod tests;
