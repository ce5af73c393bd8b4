//! One connection as a state machine over bytes: no socket, no clock, no log.
//!
//! ```text
//!            ┌────────────────────── Session ──────────────────────┐
//!  client ──►│ up:   inbox ─ permit ─► (outbox first, then inbox)  │──► daemon
//!         ◄──│ down: (outbox first, then inbox) ◄─ permit ─ inbox  │◄──
//!            │              Exchange: what is going on             │
//!            └─────────────────────────────────────────────────────┘
//! ```
//!
//! The shell fills inboxes from sockets, calls [`Session::advance`] until it answers
//! [`Step::Wait`], and writes what each [`Lane`] lets out. What the core wants done besides
//! that it returns as a [`Step`].

mod asking;
mod collect;
mod create;
mod decide;
mod exchange;
mod fault;
mod grpc;
mod images;
mod inquiry;
mod lane;
mod outcome;
mod patience;
mod reason;
mod relay;
mod reply;
mod session;

use std::cell::Cell;
use std::rc::Rc;

use crate::rules::socket::Note;
pub use collect::{Budget, COLLECTED_LIMIT, COLLECTED_TOTAL};
pub use decide::{Decision, Way, decide};
pub use fault::{Away, DIAL_LIMIT, Fault, LOOK_LIMIT, Unreachable};
pub use images::{Change, Image, Images, Moment};
pub use lane::{LANE_LIMIT, Lane};
pub use outcome::{Outcome, Traffic, Verdict};
pub use patience::Patience;
pub use session::{Rest, Session};

use crate::rules::Injection;

/// The settings of one listener's connections, and what these share with those of others.
#[derive(Debug, Default)]
pub struct Common {
    /// Of the listener: what is forced into creating requests.
    pub injection: Injection,
    /// Of the daemon: the path of its socket, for messages.
    pub socket: String,
    /// Of the daemon: what is remembered of its images.
    pub images: Rc<Images>,
    /// Of the process: room for collected bodies.
    pub budget: Rc<Budget>,
    /// Of the process: `true` when it is about to end, so that no new exchange begins.
    pub draining: Rc<Cell<bool>>,
}

/// What the core wants of the shell.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing, until something happens.
    Wait,
    /// A connection to the daemon; the result goes to [`Session::connected`] or [`Session::away`].
    Dial,
    /// The connection to the daemon is to be closed; the client's goes on.
    Hangup,
    /// This path of the host is to be [looked at](crate::rules::socket::LookAt::at_last) aside, since that
    /// may take long; the result goes to [`Session::looked`].
    Look(String),
    /// The daemon is to be asked aside where it keeps its images; the result goes to
    /// [`Session::learned`].
    AskForStore,
    /// An exchange is over, or refused: for the log.
    Report(Outcome),
    /// Something happened in this operation, if it was in one, that an operator wants to know: for the log.
    Warn(Note, Option<&'static str>),
    /// Both connections are to be closed.
    Close,
}
