//! The metrics page, parsed strictly by Prometheus' text format 0.0.4, and compared with `docs/metrics.md`, which
//! describes each metric.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dockerd_ci_proxy::engine;
use dockerd_ci_proxy::proxy::{Fault, Outcome, Traffic, Unreachable, Verdict};
use dockerd_ci_proxy::rules::policy::{Act, Policy, Rule, Subject};
use dockerd_ci_proxy::rules::{ByRule, Forced, Reason, Refusal};
use dockerd_ci_proxy::stats::{Counters, ListenerState, Present, Reloads, Verdicts, page};

/// A metric and its samples.
#[derive(Debug)]
struct Family {
    name: String,
    kind: String,
    samples: Vec<Sample>,
}

#[derive(Debug)]
struct Sample {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

/// Parses a page; an error contains the line.
fn read(page: &str) -> Result<Vec<Family>, String> {
    if !page.ends_with('\n') {
        return Err("the last line has no end".to_owned());
    }
    let mut families: Vec<Family> = Vec::new();
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        let wrong = |why: &str| format!("{why}: {line:?}");
        let help = line.strip_prefix("# HELP ").ok_or_else(|| wrong("HELP is wanted"))?;
        let (name, help) = help.split_once(' ').ok_or_else(|| wrong("a text is wanted"))?;
        if !is_name(name) || !help.ends_with('.') || help.contains('\\') {
            return Err(wrong("a name and a sentence are wanted"));
        }
        if families.iter().any(|family| family.name == name) {
            return Err(wrong("it was there before"));
        }
        let next = lines.next().unwrap_or_default();
        let kind = next.strip_prefix(&format!("# TYPE {name} ")).unwrap_or_default();
        if !["counter", "gauge", "histogram"].contains(&kind) {
            return Err(wrong("TYPE is wanted behind"));
        }
        let mut samples = Vec::new();
        while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
            samples.push(sample(line).ok_or_else(|| format!("no sample: {line:?}"))?);
        }
        let family = Family { name: name.to_owned(), kind: kind.to_owned(), samples };
        check(&family)?;
        families.push(family);
    }
    Ok(families)
}

fn is_name(name: &str) -> bool {
    let letters = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    letters && name.starts_with(|first: char| first.is_ascii_lowercase())
}

/// Parses `name value` or `name{key="text",key="text"} value`.
fn sample(line: &str) -> Option<Sample> {
    let (series, value) = line.rsplit_once(' ')?;
    let value = value.parse().ok()?;
    let Some((name, labels)) = series.split_once('{') else {
        return is_name(series).then(|| Sample { name: series.into(), labels: vec![], value });
    };
    let mut pairs = Vec::new();
    let mut rest = labels.strip_suffix('}')?;
    loop {
        let (key, quoted) = rest.split_once("=\"")?;
        let (text, behind) = unescaped(quoted)?;
        if !is_name(key) || text.is_empty() {
            return None;
        }
        pairs.push((key.to_owned(), text));
        if behind.is_empty() {
            break;
        }
        rest = behind.strip_prefix(',')?;
    }
    is_name(name).then(|| Sample { name: name.into(), labels: pairs, value })
}

/// Reads up to the closing quote. Returns the text, and what is behind the quote.
fn unescaped(quoted: &str) -> Option<(String, &str)> {
    let (mut text, mut rest) = (String::new(), quoted.chars());
    loop {
        text.push(match rest.next()? {
            '"' => return Some((text, rest.as_str())),
            '\\' => match rest.next()? {
                'n' => '\n',
                known @ ('"' | '\\') => known,
                _ => return None,
            },
            plain => plain,
        });
    }
}

fn check(family: &Family) -> Result<(), String> {
    let name = &family.name;
    let wrong = |why: &str| Err(format!("{name}: {why}"));
    if family.samples.is_empty() {
        return wrong("it has no sample");
    }
    let mut seen = BTreeSet::new();
    for sample in &family.samples {
        if !seen.insert((sample.name.clone(), sample.labels.clone())) {
            return wrong("a sample is there twice");
        }
        if sample.value.is_nan() || sample.value < 0.0 {
            return wrong("a value is no count");
        }
    }
    if family.kind == "histogram" {
        return check_histogram(family);
    }
    if (family.kind == "counter") != name.ends_with("_total") {
        return wrong("counters, and they alone, end in _total");
    }
    if family.samples.iter().any(|sample| sample.name != *name) {
        return wrong("a sample has another name");
    }
    Ok(())
}

fn check_histogram(family: &Family) -> Result<(), String> {
    let wrong = |why: &str| Err(format!("{}: {why}", family.name));
    let of = |suffix: &str| {
        let name = format!("{}_{suffix}", family.name);
        family.samples.iter().filter(move |sample| sample.name == name)
    };
    let bounds: Vec<f64> =
        of("bucket").map(|sample| sample.labels.first().unwrap().1.parse().unwrap()).collect();
    if !bounds.is_sorted_by(|one, next| one < next) || bounds.last() != Some(&f64::INFINITY) {
        return wrong("the bounds do not rise to +Inf");
    }
    let counts: Vec<f64> = of("bucket").map(|sample| sample.value).collect();
    let count: Vec<f64> = of("count").map(|sample| sample.value).collect();
    if !counts.is_sorted() || counts.last() != count.first() {
        return wrong("the counts do not rise to the count of all");
    }
    if count.len() != 1 || of("sum").count() != 1 {
        return wrong("it wants one sum and one count");
    }
    if family.samples.len() != counts.len() + 2 {
        return wrong("a sample has another name");
    }
    Ok(())
}

fn present() -> Present {
    let started = Duration::from_millis(1_767_225_599_500);
    let listener = |name: &str, requests| ListenerState {
        name: name.to_owned(),
        requests,
        ..ListenerState::default()
    };
    let mut requests = Verdicts::default();
    requests.exchange(&outcome("POST", "/exec/x/start", Verdict::Forwarded(Forced::FIELDS)));
    let listeners =
        vec![listener("", requests.clone()), listener("gitlab", ruled()), listener("", requests)];
    let mut reloads = Reloads::default();
    reloads.ended(started, true);
    reloads.ended(started, false);
    Present { open: 3, room: 500, draining: true, started, now: started, listeners, reloads }
}

/// The name of a rule with everything that is to be escaped.
const ODD: &str = "C:\\a, \"b\"\nc";

/// Returns what a policy with two rules has refused.
fn ruled() -> Verdicts {
    let rule = |name: &str, act| {
        Arc::new(Rule {
            name: name.to_owned(),
            from: "config.toml:7:3".to_owned(),
            act,
            operations: Vec::new(),
            subject: Subject::Request,
            reason: String::new(),
        })
    };
    let rules = [("never", Act::Refuse), (ODD, Act::Refuse), ("allows", Act::Allow)];
    let rules = rules.map(|(name, act)| rule(name, act)).to_vec();
    let policy = Policy { rules, ..Policy::default() };
    let mut requests = Verdicts::default();
    for _ in 0..2 {
        let (rule, contact) = (policy.rules.get(1).cloned().unwrap(), String::new());
        let by = Some(Box::new(ByRule { rule, contact }));
        let refusal = Refusal { by, ..Refusal::new(Reason::Policy, "no") };
        let verdict = Verdict::Refused(Box::new(Fault::Refused(refusal)));
        requests.exchange(&outcome("POST", "/containers/create", verdict));
    }
    requests.would_refuse(&rule("tried", Act::Warn));
    requests.with(Some(&policy))
}

fn outcome(method: &str, path: &str, verdict: Verdict) -> Outcome {
    Outcome {
        operation: engine::route(method, path.as_bytes()),
        verdict,
        status: Some(200),
        sent: 1,
        received: 2,
        took: Duration::ZERO,
    }
}

/// Returns counters that have all counted something.
fn busy() -> Counters {
    let mut counters = Counters::default();
    for (method, path) in [("GET", "/_ping"), ("POST", "/build"), ("POST", "/grpc")] {
        for verdict in [
            Verdict::Forwarded(Forced::NOTHING),
            Verdict::Forwarded(Forced::LABELS),
            Verdict::Forwarded(Forced::LABELS | Forced::CGROUP_PARENT),
            Verdict::Forwarded(Forced::FIELDS),
            Verdict::Forwarded(Forced::CGROUP_PARENT | Forced::FIELDS),
            Verdict::Refused(Box::new(Fault::Draining)),
        ] {
            counters.exchange(&outcome(method, path, verdict));
        }
    }
    counters.client();
    counters.connect_failed(&Unreachable::Denied);
    counters.moved(Traffic { to_daemon: 7, to_client: 9 });
    counters.held(Duration::from_micros(30));
    counters.held(Duration::from_mins(1));
    counters
}

#[test]
fn the_page_is_what_prometheus_wants() {
    for counters in [Counters::default(), busy()] {
        let text = page::render(&counters, &present());
        let families = read(&text).unwrap_or_else(|why| panic!("{why}\n{text}"));
        assert!(families.iter().all(|family| family.name.starts_with("dockerd_ci_proxy_")));
    }
}

#[test]
fn the_page_tells_what_was_counted() {
    let text = page::render(&busy(), &present());
    for line in [
        "requests_total{class=\"read\",verdict=\"passed\"} 1",
        "requests_total{class=\"create\",verdict=\"labelled_and_moved\"} 1",
        "requests_total{class=\"create\",verdict=\"edited\"} 1",
        "requests_total{class=\"create\",verdict=\"moved\"} 1",
        "requests_total{class=\"upgrade\",verdict=\"refused\"} 1",
        "listener_requests_total{listener=\"default\",verdict=\"edited\"} 2",
        "listener_requests_total{listener=\"gitlab\",verdict=\"refused\"} 2",
        r#"policy_total{listener="gitlab",rule="never",verdict="refused"} 0"#,
        r#"policy_total{listener="gitlab",rule="C:\\a, \"b\"\nc",verdict="refused"} 2"#,
        r#"policy_total{listener="gitlab",rule="tried",verdict="would_refuse"} 1"#,
        "requests_total{class=\"change\",verdict=\"passed\"} 0",
        "refusals_total{reason=\"draining\"} 3",
        "connections_total 1",
        "connections_open 3",
        "connections_max 500",
        "bytes_total{direction=\"to_daemon\"} 7",
        "bytes_total{direction=\"to_client\"} 9",
        "daemon_connect_failures_total{reason=\"daemon_denied\"} 1",
        "added_seconds_bucket{le=\"0.000025\"} 0",
        "added_seconds_bucket{le=\"0.00005\"} 1",
        "added_seconds_bucket{le=\"+Inf\"} 2",
        "added_seconds_sum 60.00003",
        "draining 1",
        "start_time_seconds 1767225599.5",
        "config_last_reload_successful 0",
        "config_reloads_total{result=\"success\"} 1",
        "config_reloads_total{result=\"failure\"} 1",
    ] {
        assert!(text.contains(&format!("\ndockerd_ci_proxy_{line}\n")), "{line} in\n{text}");
    }
    for absent in ["rule=\"allows\"", "rule=\"never\",verdict=\"would_refuse\""] {
        assert!(!text.contains(absent), "{absent} in\n{text}");
    }
    let families = read(&text).unwrap();
    let mut labels = families.iter().flat_map(|family| &family.samples).flat_map(|it| &it.labels);
    assert!(labels.any(|(key, text)| key == "rule" && text == ODD));
    for reason in Reason::ALL {
        assert!(text.contains(&format!("reason=\"{}\"", reason.name())));
    }
}

#[test]
fn the_reader_sees_what_is_wrong() {
    const HEAD: &str = "# HELP a_total A.\n# TYPE a_total counter\n";
    for page in [
        "a_total 1\n",
        "# HELP a_total A.\na_total 1\n",
        "# HELP a_total A.\n# TYPE b_total counter\na_total 1\n",
        "# HELP a_total A.\n# TYPE a_total number\na_total 1\n",
        "# HELP a A.\n# TYPE a counter\na 1\n",
        HEAD,
        &format!("{HEAD}a_total 1"),
        &format!("{HEAD}b_total 1\n"),
        &format!("{HEAD}a_total one\n"),
        &format!("{HEAD}a_total -1\n"),
        &format!("{HEAD}a_total{{x=\"1\"}} 1\na_total{{x=\"1\"}} 2\n"),
        &format!("{HEAD}a_total{{x=1}} 1\n"),
        &format!("{HEAD}a_total{{x=\"1\" 1\n"),
        &format!("{HEAD}a_total{{x=\"\\x\"}} 1\n"),
        &format!("{HEAD}a_total{{x=\"1\"y=\"2\"}} 1\n"),
        &format!("{HEAD}a_total 1\n{HEAD}a_total 1\n"),
        "# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum 1\nh_count 1\n",
        "# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 2\n",
        "# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n",
    ] {
        assert!(read(page).is_err(), "{page}");
    }
    assert!(read(&format!("{HEAD}a_total 1\n")).is_ok());
}

/// Compares the rows of the table: name, type, labels.
#[test]
fn each_metric_is_in_the_document_and_no_other() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let document = fs::read_to_string(path).unwrap();
    let rows = document.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `dockerd_ci_proxy_")?.split(" | ");
        let name = cells.next()?.trim_end_matches('`').to_owned();
        let (kind, labels) = (cells.next()?.to_owned(), cells.next()?.to_owned());
        Some((name, kind, labels))
    });
    let families = read(&page::render(&busy(), &present())).unwrap();
    let rendered = families.iter().map(|family| {
        let name = family.name.trim_start_matches("dockerd_ci_proxy_").to_owned();
        let labels = family.samples.iter().flat_map(|sample| &sample.labels);
        let mut labels: Vec<_> = labels.map(|(key, _)| format!("`{key}`")).collect();
        labels.sort();
        labels.dedup();
        let labels = if labels.is_empty() { "–".to_owned() } else { labels.join(", ") };
        (name, family.kind.clone(), labels)
    });
    assert_eq!(rows.collect::<Vec<_>>(), rendered.collect::<Vec<_>>());
}
