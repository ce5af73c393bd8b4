//! The command `reap`, and the removal with its report that it shares with `run`.

use std::collections::BTreeSet;
use std::io::{IsTerminal, Write, stderr};

use dockerd_ci_proxy::cli::orders::{Format, ReapOrder};
use dockerd_ci_proxy::cli::{Exit, report};
use dockerd_ci_proxy::net::reap::Removal;
use dockerd_ci_proxy::reap::{Kinds, Progress, Report};

use super::print_error;

/// Removes what carries the labels.
pub(super) fn reap(order: ReapOrder) -> Exit {
    let ReapOrder { daemon, criteria, grace, dry_run, format } = order;
    let labels = criteria.labels.iter().map(|label| format!("{}={}", label.key, label.value));
    let labels = labels.collect::<Vec<_>>().join(" and ");
    let does = if dry_run { "looking for" } else { "removing" };
    let path = daemon.path.display();
    print_error(&format_args!("{does} what carries {labels}, at {path} ({})", daemon.by));
    let removal =
        Removal { daemon: daemon.path, criteria, grace, dry_run, parents: BTreeSet::new() };
    remove(&removal, format, &mut std::io::stdout())
}

/// Runs a removal with progress on standard error, and writes the report to `out`.
pub(super) fn remove(removal: &Removal, format: Format, out: &mut dyn Write) -> Exit {
    let report = match report(removal, true) {
        Ok(report) => report,
        Err(exit) => return exit,
    };
    let text = report::render(&report, format, removal.dry_run);
    if let Err(why) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        print_error(&format_args!("cannot write the report: {why}"));
        return Exit::Failed;
    }
    if report.left.is_empty() { Exit::Done } else { Exit::Left }
}

/// Runs a removal with progress on standard error, which beside a terminal has a line for each kind if it
/// `announces` them. Prints errors and returns their exit code.
pub(super) fn report(removal: &Removal, announces: bool) -> Result<Report, Exit> {
    let rewrites = stderr().is_terminal();
    let mut line = ProgressLine { rewrites, announces, shown: Kinds::default() };
    let result = removal.run(&mut |progress| line.show(progress));
    line.clear();
    result.map_err(|why| {
        print_error(&format_args!("cannot remove: {why}"));
        if why.is_silence() { Exit::NoDaemon } else { Exit::Failed }
    })
}

/// The progress on standard error: one line that is rewritten on a terminal, else a line for each kind, or none.
struct ProgressLine {
    rewrites: bool,
    announces: bool,
    /// The kinds that had their progress shown.
    shown: Kinds,
}

impl ProgressLine {
    fn show(&mut self, progress: &Progress) {
        let text = report::progress(progress);
        if self.rewrites {
            let _ = stderr().write_all(format!("\r\x1b[K{text}").as_bytes());
        } else if self.announces && !self.shown.has(progress.kind) {
            print_error(&text);
        }
        self.shown.add(progress.kind);
    }

    /// Clears the line, unless it is that of another program.
    fn clear(&self) {
        if self.rewrites && self.shown != Kinds::default() {
            let _ = stderr().write_all(b"\r\x1b[K");
        }
    }
}
