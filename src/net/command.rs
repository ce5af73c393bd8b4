//! The command of `run`: its start, its signals, its time limit and its end.
//!
//! The command stays in the process group of the proxy, so that it has the terminal. The kernel sends the signals
//! of the terminal's keys to the whole group; these are not passed on, since the command would get them twice. SIGHUP
//! is, since at the end of a terminal the kernel sends it to the leader of the session only, which may be the proxy.

use std::fs;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use log::warn;
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::WithRawSiginfo;

/// The signals that are passed on.
const PASSED_ON: [i32; 6] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2];

/// The signals by which somebody asks for the end of the removal. SIGHUP is none: the terminal has gone, and nobody
/// is left who could remove the rest.
const ENDING: [i32; 3] = [SIGINT, SIGQUIT, SIGTERM];

/// `si_code` of signals that the kernel sends on its own, such as those of the terminal's keys.
const SI_KERNEL: i32 = 0x80;

/// The exit code of a command that ran into the time limit, as timeout(1) has it.
const TIMED_OUT: u8 = 124;

/// The times that a command has.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Time until it gets SIGTERM.
    pub timeout: Option<Duration>,
    /// Time from then until it gets SIGKILL.
    pub grace: Duration,
}

/// The signals of the process, which do not end it.
#[derive(Debug)]
pub struct Signals {
    events: Receiver<Event>,
    sender: Sender<Event>,
    /// The limit of open files at the start, which the command is to have.
    files: Rlimit,
}

/// An event that ends a wait.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// A signal came.
    Signal {
        number: i32,
        /// `true` if the kernel sent it on its own.
        by_kernel: bool,
    },
    /// The work in a thread has ended.
    Done,
}

impl Signals {
    /// Catches signals from now on, except for those that the process was started to ignore, as by nohup(1). The
    /// command will ignore these, too.
    ///
    /// # Errors
    ///
    /// The kernel gives no signal handling or no thread.
    pub fn catch() -> io::Result<Self> {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let ignored = ignored(&status);
        let caught = PASSED_ON.into_iter().filter(|number| !has(ignored, *number));
        let mut signals = SignalsInfo::<WithRawSiginfo>::new(caught.chain([SIGCHLD]))?;
        let (sender, events) = mpsc::channel();
        let to = sender.clone();
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            for info in signals.forever() {
                let event =
                    Event::Signal { number: info.si_signo, by_kernel: info.si_code == SI_KERNEL };
                if to.send(event).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { events, sender, files: getrlimit(Resource::Nofile) })
    }

    /// Runs a command to its end, and passes signals on to it. Returns its exit code, as a shell reports it.
    ///
    /// # Errors
    ///
    /// The command cannot be started.
    pub fn pass_to(&self, command: &mut Command, limits: Limits) -> io::Result<u8> {
        // The command is not there yet to get the signals of the terminal.
        let before: Vec<_> = self.events.try_iter().collect();
        let mut child = self.start(command)?;
        for event in before {
            if let Event::Signal { number, .. } = event {
                pass_on(&child, number);
            }
        }
        let mut stops_at = limits.timeout.and_then(|time| Instant::now().checked_add(time));
        let mut is_late = false;
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(if is_late { TIMED_OUT } else { code(status) });
            }
            match self.next(stops_at) {
                Some(Event::Signal { number, by_kernel }) if !by_kernel || number == SIGHUP => {
                    pass_on(&child, number);
                }
                Some(_) => {}
                None if is_late => {
                    warn!("the command has not ended within --grace, and gets SIGKILL");
                    send(&child, Signal::KILL);
                    stops_at = None;
                }
                None => {
                    warn!("the time of --timeout is over: the command gets SIGTERM");
                    send(&child, Signal::TERM);
                    is_late = true;
                    stops_at = Instant::now().checked_add(limits.grace);
                }
            }
        }
    }

    /// Starts the command with the limit of open files that the process had: programs that close all possible
    /// files would take long with a higher one.
    fn start(&self, command: &mut Command) -> io::Result<Child> {
        let own = getrlimit(Resource::Nofile);
        let _ = setrlimit(Resource::Nofile, self.files);
        let child = command.spawn();
        let _ = setrlimit(Resource::Nofile, own);
        child
    }

    /// Waits for the next event; `None` at the given time.
    fn next(&self, until: Option<Instant>) -> Option<Event> {
        let Some(until) = until else { return self.events.recv().ok() };
        let left = until.saturating_duration_since(Instant::now());
        match self.events.recv_timeout(left) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Event::Done),
        }
    }

    /// Does some `work` in a thread of its own. The first signal that asks the process to end is only `noted`; the
    /// second one ends the wait. Returns `None` if that came, or if the work panicked.
    ///
    /// # Errors
    ///
    /// No thread can be started.
    pub fn during<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
        noted: impl FnOnce(),
    ) -> io::Result<Option<T>> {
        let sender = self.sender.clone();
        let thread = thread::Builder::new().name("removal".to_owned()).spawn(move || {
            let result = catch_unwind(AssertUnwindSafe(work)).ok();
            // This fails only if nobody waits any more.
            let _ = sender.send(Event::Done);
            result
        })?;
        let mut noted = Some(noted);
        while let Ok(event) = self.events.recv() {
            match event {
                Event::Done => return Ok(thread.join().ok().flatten()),
                Event::Signal { number, .. } if ENDING.contains(&number) => match noted.take() {
                    Some(noted) => noted(),
                    None => break,
                },
                Event::Signal { .. } => {}
            }
        }
        Ok(None)
    }
}

/// Passes a signal on to the command.
fn pass_on(child: &Child, number: i32) {
    if let Some(signal) = Signal::from_named_raw(number).filter(|_| PASSED_ON.contains(&number)) {
        send(child, signal);
    }
}

/// Sends a signal to the command, which has not been waited for. This fails only if it runs as another user now,
/// which only that user or root may signal.
fn send(child: &Child, signal: Signal) {
    if let Err(why) = kill_process(Pid::from_child(child), signal) {
        warn!("cannot send {signal:?} to the command: {why}");
    }
}

/// Returns the exit code of a process as a shell reports it.
fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|number| 128 + number));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// Returns the mask of ignored signals from a `/proc/PID/status`.
fn ignored(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

/// Returns `true` if a mask has the signal.
fn has(mask: u64, number: i32) -> bool {
    mask & (1 << (number - 1)) != 0
}

#[cfg(test)]
mod tests;
