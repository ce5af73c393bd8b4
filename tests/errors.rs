//! The list of all that the proxy says when it answers itself, `docs/errors.md`, compared with what
//! the program says.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use dockerd_ci_proxy::http::Malformed;
use dockerd_ci_proxy::http2;
use dockerd_ci_proxy::proxy::{Away, Fault, Reason, Unreachable};
use dockerd_ci_proxy::rules::Refusal;
use dockerd_ci_proxy::rules::socket::Blind;

/// One row of the list.
struct Row {
    reason: String,
    status: u16,
    /// What is said, with `…` in each place of something that differs.
    words: Vec<String>,
}

fn rows() -> Vec<Row> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/errors.md");
    let text = fs::read_to_string(path).unwrap();
    let row = |line: &str| {
        let cells: Vec<_> = line.strip_prefix("| `")?.strip_suffix(" |")?.split(" | ").collect();
        let [reason, status, words, cure] = cells.as_slice() else { return None };
        assert!(!cure.is_empty(), "{line}");
        Some(Row {
            reason: reason.trim_end_matches('`').to_owned(),
            status: status.parse().ok()?,
            words: words.split("<br>").map(ToOwned::to_owned).collect(),
        })
    };
    text.lines().filter_map(row).collect()
}

/// Refusals of every kind.
fn refusals() -> Vec<Refusal> {
    let text = || "Labels".to_owned();
    vec![
        Refusal::EmptyBody,
        Refusal::EncodedBody,
        Refusal::Changes,
        Refusal::StartBody,
        Refusal::Libpod,
        Refusal::Unknown,
        Refusal::FormBody,
        Refusal::NotJson(text()),
        Refusal::NotAnObject(text()),
        Refusal::NotAnObject(String::new()),
        Refusal::NotAnArray(text()),
        Refusal::NotAString(text()),
        Refusal::ManyMembers(7),
        Refusal::ManyMounts(7),
        Refusal::LongDriver(7),
        Refusal::LabelValue(text()),
        Refusal::Twice(text(), text()),
        Refusal::OutsideHostConfig(text()),
        Refusal::RelativeVolume(text()),
        Refusal::LabelKey(text()),
        Refusal::OddMount(text()),
        Refusal::SocketBind(text()),
        Refusal::Template(text()),
        Refusal::Slice("org.systemd.property.Slice"),
        Refusal::Query,
        Refusal::ManyPairs(1000),
        Refusal::QueryLabels,
        Refusal::QueryKey(text()),
        Refusal::Outputs,
        Refusal::Message("a number is too large"),
        Refusal::CompressedMessage,
        Refusal::Unlabelled,
        Refusal::CallPath,
        Refusal::PlainHttp2,
    ]
}

/// Something of every kind that the proxy says.
fn faults() -> Vec<Fault> {
    let away = [
        Unreachable::Missing,
        Unreachable::Down,
        Unreachable::Denied,
        Unreachable::Slow,
        Unreachable::HangsUp,
        Unreachable::Other("too many open files".to_owned()),
    ];
    let socket = "/run/docker.sock".to_owned();
    let away = away.into_iter().map(|why| Fault::Away(Away { socket: socket.clone(), why }));
    let others = [
        Fault::Request(Malformed::BareLf),
        Fault::Request(Malformed::HeadTooLong),
        Fault::TooLarge,
        Fault::NoRoom,
        Fault::CutShort,
        Fault::SlowHead,
        Fault::Draining,
        Fault::Response(Malformed::BareLf),
        Fault::Errand,
        Fault::Unseen("/mnt/cache".to_owned(), Blind::Late),
        Fault::Unseen("/mnt/cache".to_owned(), Blind::NoThread),
        Fault::Unseen("/mnt/cache".to_owned(), Blind::Failed("Input/output error".to_owned())),
        Fault::ResponseCutShort,
        Fault::UnaskedUpgrade,
        Fault::Http2OfClient(http2::Malformed::Preface),
        Fault::Http2OfDaemon(http2::Malformed::Preface),
    ];
    away.chain(refusals().into_iter().map(Fault::Refused)).chain(others).collect()
}

/// Whether `text` is `words` with something in each place of a `…`.
fn fits(text: &str, words: &str) -> bool {
    let Some((before, rest)) = words.split_once('…') else { return text == words };
    let Some(text) = text.strip_prefix(before) else { return false };
    (1..=text.len()).any(|at| text.get(at..).is_some_and(|behind| fits(behind, rest)))
}

#[test]
fn every_reason_has_a_row_and_no_other() {
    let rows: Vec<_> = rows().into_iter().map(|row| row.reason).collect();
    let reasons: Vec<_> = Reason::ALL.iter().map(|reason| reason.name()).collect();
    assert_eq!(rows, reasons);
}

#[test]
fn the_list_says_what_the_proxy_says() {
    let rows = rows();
    for fault in faults() {
        let (reason, text) = (Reason::from(&fault).name(), fault.to_string());
        let row = rows.iter().find(|row| row.reason == reason).unwrap();
        assert!(row.words.iter().any(|words| fits(&text, words)), "{reason}: {text}");
        assert_eq!(row.status, fault.status(), "{reason}: {text}");
    }
}

#[test]
fn the_proxy_says_all_that_the_list_says() {
    let faults = faults();
    for row in rows() {
        for words in &row.words {
            let said = faults.iter().filter(|fault| fits(&fault.to_string(), words));
            let reasons: Vec<_> = said.map(|fault| Reason::from(fault).name()).collect();
            assert!(reasons.contains(&row.reason.as_str()), "{}: {words}", row.reason);
        }
    }
}

#[test]
fn words_fit_with_something_in_each_gap_alone() {
    assert!(fits("a b c", "a … c") && fits("a c c", "a …") && fits("abc", "abc"));
    assert!(!fits("a  c", "a b c") && !fits("a ", "a …") && !fits("a b d", "a … c"));
}
