//! The removal of what clients created, when the proxy stops for good.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use dockerd_ci_proxy::net::keeper::{GRACE, has_other_nodes};
use dockerd_ci_proxy::net::reap::Removal;
use dockerd_ci_proxy::net::service::notify::Manager;
use dockerd_ci_proxy::reap::Kind;
use dockerd_ci_proxy::reap::jobs::Rule;
use dockerd_ci_proxy::reap::report::stayed;
use log::{error, info, warn};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag::register_conditional_shutdown;

/// Removes everything that clients of these listeners created. Logs what was removed and what stayed.
pub(super) fn remove(rules: &[(PathBuf, Rule)], manager: &Manager) {
    // Another signal ends the process at once: its handler does no more than that.
    for signal in [SIGTERM, SIGINT] {
        let always = Arc::new(AtomicBool::new(true));
        if let Err(why) = register_conditional_shutdown(signal, 0, always) {
            warn!("cannot handle a second signal: {why}");
        }
    }
    for (daemon, rule) in rules {
        let owner = &rule.owner;
        info!("removing what clients of {owner} created; another signal ends this");
        manager.extend();
        let (daemon, mut criteria) = (daemon.clone(), rule.criteria());
        // A proxy of another node may have a listener of the same name.
        if has_other_nodes(&daemon).unwrap_or(true) {
            for kind in [Kind::Services, Kind::Secrets, Kind::Configs] {
                criteria.keep.add(kind);
            }
        }
        let removal =
            Removal { daemon, criteria, grace: GRACE, dry_run: false, parents: BTreeSet::new() };
        match removal.run(&mut |_| manager.extend()) {
            Ok(report) => {
                let removed = report.counts().unwrap_or_else(|| "nothing was left".to_owned());
                info!("removed what clients of {owner} created: {removed}");
                for (thing, why) in report.left {
                    warn!("of what clients of {owner} created, {}", stayed(&thing, &why));
                }
            }
            Err(why) => error!("cannot remove what clients of {owner} created: {why}"),
        }
    }
}
