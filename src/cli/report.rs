//! The report of a removal: a table for people, or one JSON object per line for programs.

use serde_json::json;

use super::orders::Format;
use crate::reap::report::short;
use crate::reap::{Kind, Progress, Report, Thing};

/// Renders a report.
#[must_use]
pub fn render(report: &Report, format: Format, dry_run: bool) -> String {
    let lines = lines(report, dry_run);
    match format {
        Format::Text => table(&lines) + &summary(report, dry_run),
        Format::Json => {
            let object = |line: &Line<'_>| {
                let Thing { id, name, .. } = line.thing;
                let (kind, result, why) = (line.thing.kind.one(), line.result, line.why);
                let object =
                    json!({"kind": kind, "id": id, "name": name, "result": result, "why": why});
                format!("{object}\n")
            };
            let count = json!({
                "removed": report.removed.len(),
                "left": report.left.len(),
                "kept": report.kept.len(),
                "dry_run": dry_run,
            });
            let summary = json!({ "summary": count });
            lines.iter().map(object).collect::<String>() + &format!("{summary}\n")
        }
    }
}

/// Renders a report in few lines: the number of removed things of each kind, and each thing that stayed. It has none
/// if there was nothing to remove.
#[must_use]
pub fn brief(report: &Report) -> Vec<String> {
    let removed = report.counts().map(|counts| format!("removed {counts}"));
    let stayed = lines(report, false).into_iter().filter(|line| !line.why.is_empty());
    let stayed = stayed.map(|Line { thing, result, why }| {
        format!("{result} {} {}: {}", thing.kind.one(), short(&thing.name), short(why))
    });
    removed.into_iter().chain(stayed).collect()
}

/// Renders the state of a removal.
#[must_use]
pub fn progress(Progress { kind, left }: &Progress) -> String {
    format!("{} to remove: {left}", kind.name())
}

/// A line of the report.
struct Line<'r> {
    thing: &'r Thing,
    result: &'static str,
    why: &'r str,
}

/// Returns the lines, by kind and in the order of the removal.
fn lines(report: &Report, dry_run: bool) -> Vec<Line<'_>> {
    let result = if dry_run { "would be removed" } else { "removed" };
    let removed = report.removed.iter().map(|thing| Line { thing, result, why: "" });
    let left = report.left.iter().map(|(thing, why)| Line { thing, result: "left", why });
    let kept = report.kept.iter().map(|(thing, why)| Line { thing, result: "kept", why });
    let mut lines: Vec<Line<'_>> = removed.chain(left).chain(kept).collect();
    lines.sort_by_key(|line| line.thing.kind);
    lines
}

fn table(lines: &[Line<'_>]) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let heads = ["KIND", "NAME", "ID", "RESULT"].map(ToOwned::to_owned);
    let rows: Vec<[String; 4]> = std::iter::once(heads).chain(lines.iter().map(row)).collect();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let [kind, name, id] = [0, 1, 2].map(|column| width(column).unwrap_or_default());
    let text =
        |[a, b, c, result]: &[String; 4]| format!("{a:kind$}  {b:name$}  {c:id$}  {result}\n");
    rows.iter().map(text).collect()
}

fn row(line: &Line<'_>) -> [String; 4] {
    let Thing { kind, id, name } = line.thing;
    let none = || "-".to_owned();
    // A volume has no id, and an image may have no name.
    let (name, id) = match kind {
        Kind::Volumes | Kind::Cgroups => (short(name), none()),
        _ if name == id => (none(), short(id)),
        _ => (short(name), short(id)),
    };
    let result = match line.why {
        "" => line.result.to_owned(),
        why => format!("{}: {}", line.result, short(why)),
    };
    [kind.one().to_owned(), name, id, result]
}

fn summary(report: &Report, dry_run: bool) -> String {
    let (removed, left, kept) = (report.removed.len(), report.left.len(), report.kept.len());
    match (removed, left, kept, dry_run) {
        (0, 0, 0, _) => "nothing to remove\n".to_owned(),
        (.., true) => format!("{removed} would be removed, {left} left, {kept} kept\n"),
        _ => format!("{removed} removed, {left} left, {kept} kept\n"),
    }
}

#[cfg(test)]
mod tests;
