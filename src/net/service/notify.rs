//! Notifications for the service manager: `sd_notify(3)` and `sd_watchdog_enabled(3)`.
//!
//! `Notifications` decides about content and time; [`Manager`] has the socket. Without a
//! `NOTIFY_SOCKET` nothing is sent and no timer runs.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

use log::warn;
use rustix::time::{ClockId, clock_gettime};

use super::store::Changes;

/// Minimum time between two status lines.
const STATUS_PAUSE: Duration = Duration::from_secs(10);

/// Delay before a message is repeated for which the manager's socket had no room.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// Time in addition to the drain time that the shutdown may take.
const END_SLACK: Duration = Duration::from_secs(5);

/// Time that each step of a removal may take at the end.
const STEP: Duration = Duration::from_mins(1);

/// The content of the status line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::net) struct State {
    /// Number of connected clients.
    pub(in crate::net) connections: usize,
    /// The result of the last connection attempt to the daemon.
    pub(in crate::net) daemon: Reach,
    pub(in crate::net) phase: Phase,
}

/// The result of the last connection attempt to a daemon, from the best to the worst.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::net) enum Reach {
    /// No attempt was made yet.
    #[default]
    Untried,
    Reached,
    Away,
}

/// The phase of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::net) enum Phase {
    Serving,
    /// A new process is being started to take over.
    Reloading,
    Ending,
}

/// Pending notifications and their times.
#[derive(Debug)]
struct Notifications {
    /// The watchdog interval, and the time of the next message.
    watchdog: Option<(Duration, Instant)>,
    /// The last reported state, and the time from which another may be reported.
    reported: Option<(State, Instant)>,
    /// Messages to be sent as soon as possible.
    urgent: Vec<String>,
    /// Changes of the manager's store, to be sent as soon as possible.
    store: Changes,
}

impl Notifications {
    fn new(watchdog: Option<Duration>, now: Instant) -> Self {
        let watchdog = watchdog.map(|every| (every, now));
        Self { watchdog, reported: None, urgent: Vec::new(), store: Changes::default() }
    }

    /// Returns the messages that are due now, as one datagram.
    fn due(&mut self, now: Instant, state: State) -> Option<String> {
        let mut lines = std::mem::take(&mut self.urgent);
        if let Some((every, at)) = &mut self.watchdog
            && *at <= now
        {
            *at = now + *every;
            lines.push("WATCHDOG=1".to_owned());
        }
        let may_report = |(reported, at): (State, Instant)| {
            reported.phase != state.phase || (reported != state && at <= now)
        };
        if self.reported.is_none_or(may_report) {
            self.reported = Some((state, now + STATUS_PAUSE));
            lines.push(format!("STATUS={}", status(state)));
        }
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// Returns `true` if a message is to be sent as soon as possible.
    fn is_urgent(&self) -> bool {
        !self.urgent.is_empty() || !self.store.is_empty()
    }

    /// Returns the duration until messages may be due.
    fn wait(&self, now: Instant, state: State) -> Option<Duration> {
        let status = self.reported.filter(|(reported, _)| *reported != state).map(|(_, at)| at);
        let watchdog = self.watchdog.map(|(_, at)| at);
        let urgent = self.is_urgent().then_some(now);
        let next = [status, watchdog, urgent].into_iter().flatten().min()?;
        Some(next.saturating_duration_since(now))
    }
}

/// Returns the status line, as `systemctl status` shows it.
fn status(state: State) -> String {
    let phase = match state.phase {
        Phase::Serving => "Serving",
        Phase::Reloading => "Reloading,",
        Phase::Ending => "Shutting down,",
    };
    let daemon = match state.daemon {
        Reach::Untried => "no connection to the daemon yet",
        Reach::Reached => "the daemon is reachable",
        Reach::Away => "the daemon is unreachable",
    };
    format!("{phase} {} connections; {daemon}", state.connections)
}

/// Returns the message that no new clients are accepted, and that running exchanges may take
/// `drain`, or have no limit.
fn stopping(drain: Option<Duration>) -> String {
    match drain {
        Some(drain) => {
            let enough = drain.saturating_add(END_SLACK).as_micros();
            format!("STOPPING=1\nEXTEND_TIMEOUT_USEC={enough}")
        }
        None => "STOPPING=1".to_owned(),
    }
}

/// Returns the message that stopping goes on, and may take [`STEP`] from now on until the next one.
fn extend() -> String {
    format!("EXTEND_TIMEOUT_USEC={}\nWATCHDOG=1", STEP.as_micros())
}

/// Returns the message that names the main process of the service.
fn main_process(number: u32) -> String {
    format!("MAINPID={number}")
}

/// Returns the message that a reload begins, with the time of the monotonic clock.
fn reloading(seconds: i64, nanoseconds: i64) -> String {
    let time = seconds.saturating_mul(1_000_000).saturating_add(nanoseconds / 1000);
    format!("RELOADING=1\nMONOTONIC_USEC={time}")
}

/// Returns the interval of watchdog messages: half the manager's timeout. `None` if there is no
/// watchdog, or if `WATCHDOG_PID` names another process.
fn watchdog(env: impl Fn(&str) -> Option<OsString>, pid: u32) -> Option<Duration> {
    let number = |name| env(name)?.to_str()?.parse::<u64>().ok();
    if env("WATCHDOG_PID").is_some() && number("WATCHDOG_PID") != Some(pid.into()) {
        return None;
    }
    number("WATCHDOG_USEC").filter(|time| *time > 0).map(|time| Duration::from_micros(time) / 2)
}

/// The service manager, if it wants notifications.
#[derive(Debug)]
pub struct Manager {
    link: Option<(UnixDatagram, Notifications)>,
}

impl Manager {
    /// Connects to the manager that the environment names (`NOTIFY_SOCKET`, `WATCHDOG_USEC`); `env`
    /// returns the value of a variable.
    ///
    /// # Errors
    ///
    /// The named socket cannot be reached.
    pub fn named(env: impl Fn(&str) -> Option<OsString>) -> io::Result<Self> {
        let Some(name) = env("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
            return Ok(Self::nobody());
        };
        let socket = UnixDatagram::unbound()?;
        socket.connect_addr(&address(&name)?)?;
        // A manager that does not read must not block the proxy.
        socket.set_nonblocking(true)?;
        let notifications = Notifications::new(watchdog(env, std::process::id()), Instant::now());
        Ok(Self { link: Some((socket, notifications)) })
    }

    /// Makes a manager that ignores notifications.
    #[must_use]
    pub fn nobody() -> Self {
        Self { link: None }
    }

    /// Reports that clients are accepted.
    pub(in crate::net) fn ready(&mut self) {
        self.queue(|| "READY=1".to_owned());
    }

    /// Reports that no more clients are accepted; see [`stopping`].
    pub(in crate::net) fn stopping(&mut self, drain: Option<Duration>) {
        self.queue(|| stopping(drain));
    }

    /// Reports that stopping goes on, and needs more time. Ignores a failure: the manager may have its reasons.
    pub fn extend(&self) {
        if let Some((socket, _)) = &self.link {
            let _ = socket.send(extend().as_bytes());
        }
    }

    /// Reports that a new process is being started, which may take over.
    pub(in crate::net) fn reloading(&mut self) {
        let now = clock_gettime(ClockId::Monotonic);
        self.queue(|| reloading(now.tv_sec, now.tv_nsec));
    }

    /// Has the manager keep a copy of this socket, and pass it by this name to the next process that it
    /// starts. The name must have at most 255 ASCII characters and no colon. A manager whose store is full
    /// or not enabled closes the copy without a report.
    pub(in crate::net) fn store(&mut self, name: &str, socket: &impl AsFd) {
        if let Some((_, notifications)) = &mut self.link {
            notifications.store.store(name, socket);
        }
    }

    /// Has the manager close its copy of the socket that was stored by this name.
    pub(in crate::net) fn forget(&mut self, name: &str) {
        if let Some((_, notifications)) = &mut self.link {
            notifications.store.forget(name);
        }
    }

    /// Names the process `number` as the main process.
    ///
    /// # Errors
    /// The manager cannot be notified.
    pub(in crate::net) fn succeeded_by(&mut self, number: u32) -> io::Result<()> {
        if let Some((socket, notifications)) = &mut self.link {
            // The manager ignores what another process sends later.
            notifications.store.send(socket);
            socket.send(main_process(number).as_bytes())?;
        }
        Ok(())
    }

    /// Ends notifications, since the new main process sends its own.
    pub(in crate::net) fn leave(&mut self) {
        self.link = None;
    }

    /// Names this process as the main process again, after a failed takeover.
    pub(in crate::net) fn not_succeeded(&mut self) {
        self.queue(|| main_process(std::process::id()));
    }

    fn queue(&mut self, text: impl FnOnce() -> String) {
        if let Some((_, notifications)) = &mut self.link {
            notifications.urgent.push(text());
        }
    }

    /// Returns `true` if there is a manager.
    pub(in crate::net) fn is_there(&self) -> bool {
        self.link.is_some()
    }

    /// Sends the messages that are due.
    pub(in crate::net) fn notify(&mut self, state: State) {
        let Some((socket, notifications)) = &mut self.link else {
            return;
        };
        notifications.store.send(socket);
        let Some(text) = notifications.due(Instant::now(), state) else {
            return;
        };
        match socket.send(text.as_bytes()) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                notifications.urgent.push(text);
            }
            Err(error) => warn!("cannot notify the service manager of {text:?}: {error}"),
        }
    }

    /// Returns the duration until the next call of [`notify`](Self::notify) is due.
    pub(in crate::net) fn wait(&self, now: Instant, state: State) -> Option<Duration> {
        let (_, notifications) = self.link.as_ref()?;
        let wait = notifications.wait(now, state)?;
        // A rejected message is not repeated in a busy loop.
        Some(if notifications.is_urgent() { wait.max(RETRY_PAUSE) } else { wait })
    }
}

/// Parses an absolute path, or `@` and an abstract name.
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes().split_first() {
        Some((b'@', name)) => SocketAddr::from_abstract_name(name),
        _ => SocketAddr::from_pathname(name),
    }
}

#[cfg(test)]
mod tests;
