//! What the service manager is told of us: `sd_notify(3)` and `sd_watchdog_enabled(3)`.
//!
//! [`Notifications`] knows what is to be said and when; [`Manager`] has the socket. Where nobody has asked
//! to be told, nothing is said and no timer runs.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::{Duration, Instant};

use log::warn;
use rustix::time::{ClockId, clock_gettime};

/// The least time between two lines of status, which are told as numbers change.
const STATUS_PAUSE: Duration = Duration::from_secs(10);

/// The pause before what the manager had no room for is told again.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// How much longer than the drain time the end may take.
const END_SLACK: Duration = Duration::from_secs(5);

/// How we do, as the line of status tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct State {
    /// Clients that are connected.
    pub(super) connections: usize,
    /// What is known of the daemon.
    pub(super) daemon: Reach,
    pub(super) phase: Phase,
}

/// What came of the last try to connect to the daemon.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Reach {
    /// There was none yet.
    #[default]
    Untried,
    Reached,
    Away,
}

/// Where we are between start and end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Serving,
    /// A new process is being started, to serve from then on.
    Reloading,
    Ending,
}

/// What is to be said, and when.
#[derive(Debug)]
struct Notifications {
    /// How often we must be heard, and when next.
    watchdog: Option<(Duration, Instant)>,
    /// The state that was told last, and when another may be told.
    told: Option<(State, Instant)>,
    /// What is to be said as soon as it can be.
    urgent: Vec<String>,
}

impl Notifications {
    fn new(watchdog: Option<Duration>, now: Instant) -> Self {
        let watchdog = watchdog.map(|every| (every, now));
        Self { watchdog, told: None, urgent: Vec::new() }
    }

    /// What is to be said now, in one datagram.
    fn due(&mut self, now: Instant, state: State) -> Option<String> {
        let mut lines = std::mem::take(&mut self.urgent);
        if let Some((every, at)) = &mut self.watchdog
            && *at <= now
        {
            *at = now + *every;
            lines.push("WATCHDOG=1".to_owned());
        }
        let may_tell = |(told, at): (State, Instant)| {
            told.phase != state.phase || (told != state && at <= now)
        };
        if self.told.is_none_or(may_tell) {
            self.told = Some((state, now + STATUS_PAUSE));
            lines.push(format!("STATUS={}", status(state)));
        }
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// How long until there may be something to say.
    fn wait(&self, now: Instant, state: State) -> Option<Duration> {
        let status = self.told.filter(|(told, _)| *told != state).map(|(_, at)| at);
        let watchdog = self.watchdog.map(|(_, at)| at);
        let urgent = (!self.urgent.is_empty()).then_some(now);
        let next = [status, watchdog, urgent].into_iter().flatten().min()?;
        Some(next.saturating_duration_since(now))
    }
}

/// The line of status, as `systemctl status` shows it.
fn status(state: State) -> String {
    let phase = match state.phase {
        Phase::Serving => "Serving",
        Phase::Reloading => "Reloading,",
        Phase::Ending => "Ending,",
    };
    let daemon = match state.daemon {
        Reach::Untried => "nobody has asked for the daemon yet",
        Reach::Reached => "the daemon was reached",
        Reach::Away => "the daemon is away",
    };
    format!("{phase} {} connections; {daemon}", state.connections)
}

/// What is said when no new clients are accepted and what runs may go on for `drain`, or for ever.
fn stopping(drain: Option<Duration>) -> String {
    match drain {
        Some(drain) => {
            let enough = drain.saturating_add(END_SLACK).as_micros();
            format!("STOPPING=1\nEXTEND_TIMEOUT_USEC={enough}")
        }
        None => "STOPPING=1".to_owned(),
    }
}

/// What is said of the process that is the service.
fn main_process(number: u32) -> String {
    format!("MAINPID={number}")
}

/// What is said when the service begins to be replaced, with the time of the monotonic clock.
fn reloading(seconds: i64, nanoseconds: i64) -> String {
    let time = seconds.saturating_mul(1_000_000).saturating_add(nanoseconds / 1000);
    format!("RELOADING=1\nMONOTONIC_USEC={time}")
}

/// How often the manager wants to hear of us: twice in the time after which it would think us dead.
/// `WATCHDOG_PID` says whom it means.
fn watchdog(env: impl Fn(&str) -> Option<OsString>, pid: u32) -> Option<Duration> {
    let number = |name| env(name)?.to_str()?.parse::<u64>().ok();
    if env("WATCHDOG_PID").is_some() && number("WATCHDOG_PID") != Some(pid.into()) {
        return None;
    }
    number("WATCHDOG_USEC").filter(|time| *time > 0).map(|time| Duration::from_micros(time) / 2)
}

/// The service manager that wants to be told, if there is one.
#[derive(Debug)]
pub struct Manager {
    link: Option<(UnixDatagram, Notifications)>,
}

impl Manager {
    /// The one that the environment names (`NOTIFY_SOCKET`, `WATCHDOG_USEC`); `env` looks a variable
    /// up.
    ///
    /// # Errors
    ///
    /// It is named, but cannot be reached there.
    pub fn named(env: impl Fn(&str) -> Option<OsString>) -> io::Result<Self> {
        let Some(name) = env("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
            return Ok(Self::nobody());
        };
        let socket = UnixDatagram::unbound()?;
        socket.connect_addr(&address(&name)?)?;
        // A manager that is stuck must not make us stick.
        socket.set_nonblocking(true)?;
        let notifications = Notifications::new(watchdog(env, std::process::id()), Instant::now());
        Ok(Self { link: Some((socket, notifications)) })
    }

    /// None.
    #[must_use]
    pub fn nobody() -> Self {
        Self { link: None }
    }

    /// Clients are accepted from now on.
    pub(super) fn ready(&mut self) {
        self.say(|| "READY=1".to_owned());
    }

    /// No clients are accepted any more; see [`stopping`].
    pub(super) fn stopping(&mut self, drain: Option<Duration>) {
        self.say(|| stopping(drain));
    }

    /// A new process is being started, which may take the service over.
    pub(super) fn reloading(&mut self) {
        let now = clock_gettime(ClockId::Monotonic);
        self.say(|| reloading(now.tv_sec, now.tv_nsec));
    }

    /// The process of this number is to be the service.
    ///
    /// # Errors
    /// The manager cannot be told.
    pub(super) fn succeeded_by(&self, number: u32) -> io::Result<()> {
        if let Some((socket, _)) = &self.link {
            socket.send(main_process(number).as_bytes())?;
        }
        Ok(())
    }

    /// That process is the service, and tells how it does.
    pub(super) fn leave(&mut self) {
        self.link = None;
    }

    /// It did not become the service; we still are.
    pub(super) fn not_succeeded(&mut self) {
        self.say(|| main_process(std::process::id()));
    }

    fn say(&mut self, text: impl FnOnce() -> String) {
        if let Some((_, notifications)) = &mut self.link {
            notifications.urgent.push(text());
        }
    }

    /// Says what is due.
    pub(super) fn tell(&mut self, state: State) {
        let Some((socket, notifications)) = &mut self.link else {
            return;
        };
        let Some(text) = notifications.due(Instant::now(), state) else {
            return;
        };
        match socket.send(text.as_bytes()) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                notifications.urgent.push(text);
            }
            Err(error) => warn!("cannot tell the service manager {text:?}: {error}"),
        }
    }

    /// How long the next call of [`tell`](Self::tell) may be away.
    pub(super) fn wait(&self, now: Instant, state: State) -> Option<Duration> {
        let (_, notifications) = self.link.as_ref()?;
        let wait = notifications.wait(now, state)?;
        // What was refused is not tried in a circle.
        Some(if notifications.urgent.is_empty() { wait } else { wait.max(RETRY_PAUSE) })
    }
}

/// An absolute path, or `@` and an abstract name.
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes().split_first() {
        Some((b'@', name)) => SocketAddr::from_abstract_name(name),
        _ => SocketAddr::from_pathname(name),
    }
}

#[cfg(test)]
mod tests;
