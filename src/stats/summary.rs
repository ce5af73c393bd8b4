//! A summary of the metrics in a few lines, as `dockerd-ci-proxy status` prints it.

use std::time::Duration;

use super::calendar::rfc3339;

/// One value of the page.
#[derive(Debug, PartialEq)]
struct Sample<'p> {
    /// The name without the common prefix.
    name: &'p str,
    /// The labels.
    labels: Vec<(&'p str, &'p str)>,
    value: f64,
}

/// Summarizes `page` at the time `now` since the Unix epoch; `ready` is the proxy's report about
/// the daemon. Returns `None` if the page is not one of this program.
#[must_use]
pub fn summary(page: &str, ready: &str, now: Duration) -> Option<String> {
    let samples = samples(page)?;
    let one = |name| samples.iter().find(|sample| sample.name == name);
    let number = |name| one(name).map(|sample| sample.value);
    let started = Duration::try_from_secs_f64(number("start_time_seconds")?).ok()?;
    let version = one("build_info")?.label("version")?;
    let state = if number("draining")? > 0.0 { ", shutting down" } else { "" };
    let mut lines = vec![
        format!(
            "version:   {version}, up since {} ({}){state}",
            rfc3339(Duration::from_secs(started.as_secs())).replace(".000Z", "Z"),
            long(now.saturating_sub(started)),
        ),
        format!("daemon:    {ready}"),
        format!(
            "clients:   {} connected, {} since startup, {} at most",
            number("connections_open")?,
            number("connections_total")?,
            number("connections_max")?,
        ),
        format!("requests:  {}", sums(&samples, "requests_total", "verdict")),
        format!("refused:   {}", sums(&samples, "refusals_total", "reason")),
        format!("failures:  {}", sums(&samples, CONNECTS, "reason")),
        format!("bytes:     {}", sums(&samples, "bytes_total", "direction")),
    ];
    lines.push(match number("added_seconds_count")? {
        0.0 => "added:     no request measured yet".to_owned(),
        all => {
            let (half, most) = (within(&samples, all * 0.5)?, within(&samples, all * 0.99)?);
            format!("added:     50 % of requests within {half} s, 99 % within {most} s")
        }
    });
    Some(lines.join("\n") + "\n")
}

const CONNECTS: &str = "daemon_connect_failures_total";

impl Sample<'_> {
    fn label(&self, name: &str) -> Option<&str> {
        self.labels.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }
}

/// Parses all samples of a page; `None` if a line is malformed.
fn samples(page: &str) -> Option<Vec<Sample<'_>>> {
    page.lines().filter(|line| !line.starts_with('#')).map(sample).collect()
}

fn sample(line: &str) -> Option<Sample<'_>> {
    let (series, value) = line.rsplit_once(' ')?;
    let (name, labels) = match series.split_once('{') {
        Some((name, labels)) => (name, labels.strip_suffix('}')?),
        None => (series, ""),
    };
    let labels: Option<Vec<_>> = labels.split_terminator(',').map(label).collect();
    let name = name.strip_prefix("dockerd_ci_proxy_")?;
    Some(Sample { name, labels: labels?, value: value.parse().ok()? })
}

fn label(text: &str) -> Option<(&str, &str)> {
    let (key, value) = text.split_once('=')?;
    Some((key, value.strip_prefix('"')?.strip_suffix('"')?))
}

/// Sums the samples of `name` by the values of `label`, and omits those that are 0.
fn sums(samples: &[Sample<'_>], name: &str, label: &str) -> String {
    let mut sums: Vec<(&str, f64)> = Vec::new();
    for sample in samples.iter().filter(|sample| sample.name == name && sample.value > 0.0) {
        let of = sample.label(label).unwrap_or_default();
        match sums.iter_mut().find(|(known, _)| *known == of) {
            Some((_, sum)) => *sum += sample.value,
            None => sums.push((of, sample.value)),
        }
    }
    if sums.is_empty() {
        return "none".to_owned();
    }
    let texts: Vec<_> = sums.iter().map(|(of, sum)| format!("{sum} {of}")).collect();
    texts.join(", ")
}

/// Returns the smallest bound within which `count` requests were held.
fn within<'p>(samples: &[Sample<'p>], count: f64) -> Option<&'p str> {
    let mut buckets = samples.iter().filter(|sample| sample.name == "added_seconds_bucket");
    let bucket = buckets.find(|bucket| bucket.value >= count)?;
    bucket.labels.iter().find(|(key, _)| *key == "le").map(|(_, bound)| *bound)
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
