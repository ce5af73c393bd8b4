//! The counters in a few lines, as `dockerd-ci-proxy status` prints them.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use super::calendar::rfc3339;
use super::{CONNECT_REASONS, Counters, ListenerState, Present, Reloads, Verdicts};
use crate::proxy::Verdict;
use crate::rules::Reason;

/// Summarizes the counters; `ready` is the report about the daemon.
pub(super) fn render(counters: &Counters, present: &Present, ready: &str) -> String {
    let Present { open, room, draining, started, now, .. } = *present;
    let state = if draining { ", shutting down" } else { "" };
    let requests = counters.requests.iter().flat_map(|row| Verdict::NAMES.into_iter().zip(*row));
    let refusals = Reason::ALL.iter().map(|reason| reason.name()).zip(counters.refusals);
    let failures = CONNECT_REASONS.iter().map(|reason| {
        let count = counters.connect_failures.get(*reason as usize).copied();
        (reason.name(), count.unwrap_or_default())
    });
    let bytes =
        [("to_daemon", counters.traffic.to_daemon), ("to_client", counters.traffic.to_client)];
    let mut lines = vec![
        format!(
            "version:   {}, up since {} ({}){state}",
            env!("CARGO_PKG_VERSION"),
            seconds(started),
            long(now.saturating_sub(started)),
        ),
        format!("daemon:    {ready}"),
        format!("clients:   {open} connected, {} since startup, {room} at most", counters.clients),
        format!("requests:  {}", sums(requests)),
        format!("refused:   {}", sums(refusals)),
        format!("failures:  {}", sums(failures)),
        format!("bytes:     {}", sums(bytes)),
        format!("added:     {}", added(counters)),
    ];
    lines.extend(policy(present));
    lines.extend(present.listeners.iter().map(listener));
    lines.extend(reloads(&present.reloads));
    lines.join("\n") + "\n"
}

/// Maximum number of rules in the summary.
const RULES: usize = 5;

/// Names the rules that refused most requests, or would have, if there are any rules.
fn policy(present: &Present) -> Option<String> {
    let mut all = Verdicts::default();
    present.listeners.iter().for_each(|listener| all.add(&listener.requests));
    let is_there = all.rules.iter().any(|counts| !counts.is_empty());
    let [refused, would_refuse] = all.rules.each_ref().map(most);
    is_there.then(|| format!("policy:    refused {refused}; would refuse {would_refuse}"))
}

/// Names the rules with the largest counts.
fn most(counts: &BTreeMap<String, u64>) -> String {
    let mut counts: Vec<_> = counts.iter().map(|(rule, count)| (rule.as_str(), *count)).collect();
    counts.sort_by_key(|(_, count)| Reverse(*count));
    let others = counts.iter().skip(RULES).map(|(_, count)| count).sum();
    sums(counts.into_iter().take(RULES).chain([("by others", others)]))
}

/// Describes a listener.
fn listener(listener: &ListenerState) -> String {
    let sockets = match listener.sockets.join(", ") {
        none if none.is_empty() => "removed".to_owned(),
        some => some,
    };
    let (name, daemon, clients) = (listener.label(), &listener.daemon, listener.clients);
    let requests = sums(listener.requests.iter());
    format!("listener:  {name}: {sockets}; daemon {daemon}; {clients} connected; {requests}")
}

/// Describes the reloads of the configuration, if there was one.
fn reloads(reloads: &Reloads) -> Option<String> {
    let Reloads { succeeded, failed, last } = *reloads;
    let (at, well) = last?;
    let state = if well { "is in effect" } else { "had errors; the one before stays" };
    let at = seconds(at);
    Some(format!("reloads:   {succeeded} succeeded, {failed} failed; the file as of {at} {state}"))
}

/// Formats a time since the Unix epoch, to the second.
fn seconds(since: Duration) -> String {
    rfc3339(Duration::from_secs(since.as_secs())).replace(".000Z", "Z")
}

/// Sums counts by name, and omits those that are 0.
fn sums<'n>(counts: impl IntoIterator<Item = (&'n str, u64)>) -> String {
    let mut sums: Vec<(&str, u64)> = Vec::new();
    for (name, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        match sums.iter_mut().find(|(known, _)| *known == name) {
            Some((_, sum)) => *sum += count,
            None => sums.push((name, count)),
        }
    }
    if sums.is_empty() {
        return "none".to_owned();
    }
    let texts: Vec<_> = sums.iter().map(|(name, sum)| format!("{sum} {name}")).collect();
    texts.join(", ")
}

/// Describes the time that the proxy adds to requests.
fn added(counters: &Counters) -> String {
    let all = counters.added.count();
    if all == 0 {
        return "no request measured yet".to_owned();
    }
    let within = |percent: u64| {
        let wanted = all.saturating_mul(percent);
        let mut bounds = counters.added.cumulated();
        let bound = bounds.find(|(_, count)| count.saturating_mul(100) >= wanted);
        bound.map_or("+Inf", |(seconds, _)| seconds)
    };
    format!("50 % of requests within {} s, 99 % within {} s", within(50), within(99))
}

/// Formats a duration in its two largest units.
fn long(time: Duration) -> String {
    let seconds = time.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {minutes} min"),
        (_, _, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests;
