//! Reading the configuration again at SIGUSR1, as part of the event loop.
//!
//! A thread reads the file, since that may need answers of the daemon. Then all [`changes`](super::changes) are
//! made between two turns of the loop, or none.

use std::io;
use std::mem;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Instant;

use log::{error, info, warn};
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::SIGUSR1;

use super::Server;
use super::changes::Changes;
use super::guests::since_epoch;
use super::jobs::JobPlan;
use crate::config::SocketAccess;
use crate::reap::jobs::Rule;
use crate::rules::Profile;
use crate::stats::Reloads;

/// A listener as the configuration file describes it now.
#[derive(Debug, Clone)]
pub struct ListenerPlan {
    /// Its name, which no other listener has.
    pub name: String,
    /// The path of its socket, which no other listener has. It has no effect if a service manager passed the
    /// socket.
    pub path: PathBuf,
    /// Permissions and owners of that socket.
    pub access: SocketAccess,
    /// The rules for the requests of its clients.
    pub profile: Profile,
    /// The path of its daemon's socket.
    pub daemon: PathBuf,
    /// The sockets that its containers get, if they get some.
    pub jobs: Option<JobPlan>,
    /// The removal of what its clients created.
    pub reaps: Rule,
}

/// The listeners of the configuration file, or all errors in it.
type Plans = Result<Vec<ListenerPlan>, Vec<String>>;

/// Catches SIGUSR1 while there is no server yet. Otherwise it would end the process.
#[derive(Debug)]
pub struct EarlySignal(Arc<AtomicBool>);

impl EarlySignal {
    /// Catches the signal from now on.
    ///
    /// # Errors
    /// The kernel gives no signal handling.
    pub fn catch() -> io::Result<Self> {
        let came = Arc::default();
        signal_hook::flag::register(SIGUSR1, Arc::clone(&came))?;
        Ok(Self(came))
    }
}

/// Reading of the configuration, and what it leaves behind.
#[derive(Default)]
pub(super) struct Reload {
    /// Reads the file; `None` if there is none.
    read: Option<Arc<dyn Fn() -> Plans + Send + Sync>>,
    running: Option<Receiver<Plans>>,
    /// `true` if the file is to be read once more.
    again: bool,
    /// The next time at which quiet clients of closed sockets are closed.
    pub(super) sweep: Option<Instant>,
    pub(super) done: Reloads,
}

impl Reload {
    /// Drops what is being read. A file system whose server is dead may delay that forever.
    pub(super) fn give_up(&mut self) {
        self.again |= self.running.take().is_some();
    }

    /// Returns `true` while the file is being read.
    pub(super) fn is_running(&self) -> bool {
        self.running.is_some()
    }
}

impl Server {
    /// Reads the configuration again with `read` at SIGUSR1. A thread calls it, so it may block. It returns
    /// all listeners, with unique names and paths, or all errors. The configuration is read once at the
    /// beginning if the signal came `early`.
    pub fn reload_by(
        &mut self,
        read: impl Fn() -> Result<Vec<ListenerPlan>, Vec<String>> + Send + Sync + 'static,
        early: &EarlySignal,
    ) {
        self.reload.read = Some(Arc::new(read));
        self.reload.again = early.0.load(Ordering::Relaxed);
    }

    /// Reads the configuration if a signal came early or during the last reading.
    pub(super) fn reload_if_missed(&mut self) {
        if mem::take(&mut self.reload.again) {
            self.start_reload();
        }
    }

    /// Has the new process `number` read the configuration if a signal came while it was starting.
    pub(super) fn reload_in(&mut self, number: u32) {
        let number = i32::try_from(number).ok().and_then(Pid::from_raw);
        if let Some(number) = number.filter(|_| mem::take(&mut self.reload.again))
            && let Err(why) = kill_process(number, Signal::USR1)
        {
            warn!("cannot have the new process read the configuration again: {why}");
        }
    }

    /// Begins to read the configuration.
    pub(super) fn start_reload(&mut self) {
        let Some(read) = self.reload.read.clone() else {
            return info!("SIGUSR1: there is no configuration file that could be read again");
        };
        if !self.accepting.serves() {
            return info!("SIGUSR1: stopping, so the configuration is not read again");
        }
        if self.upgrade.is_some() {
            // That process may have read it before the last change.
            self.reload.again = true;
            return info!("SIGUSR1: another process is being started; then the file is read");
        }
        if self.reload.is_running() {
            self.reload.again = true;
            return info!("SIGUSR1: the configuration is being read; then it is read once more");
        }
        self.manager.reloading();
        match self.blocking.run(move || read()) {
            Ok(running) => self.reload.running = Some(running),
            Err(why) => self.end_reload(Err(vec![format!("cannot start a thread: {why}")])),
        }
    }

    /// Changes the listeners if the configuration has been read.
    pub(super) fn reloaded(&mut self) {
        let plans = match self.reload.running.as_ref().map(Receiver::try_recv) {
            None | Some(Err(TryRecvError::Empty)) => return,
            Some(Ok(plans)) => plans,
            Some(Err(TryRecvError::Disconnected)) => {
                Err(vec!["a bug ended the reading; please report what stands above".to_owned()])
            }
        };
        self.reload.running = None;
        // A signal or a second reason to stop may have come meanwhile.
        if self.accepting.serves() {
            let changes = plans.and_then(|plans| self.apply(plans));
            self.end_reload(changes);
            self.reload_if_missed();
        }
    }

    fn end_reload(&mut self, changes: Result<Changes, Vec<String>>) {
        self.reload.done.ended(since_epoch(), changes.is_ok());
        match changes {
            Ok(changes) => info!("the configuration was read again: {changes}"),
            Err(errors) => {
                for why in errors {
                    error!("{why}");
                }
                warn!("the configuration has errors; the previous one stays");
            }
        }
        self.manager.ready();
    }
}

#[cfg(test)]
mod tests;
