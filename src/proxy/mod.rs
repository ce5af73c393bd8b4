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

mod answering;
mod asking;
mod collect;
mod decide;
mod exchange;
mod fault;
mod grpc;
mod held;
mod images;
mod inquiry;
mod lane;
mod lanes;
mod outcome;
mod patience;
mod reason;
mod relay;
mod reply;
mod session;
mod turn;

use std::cell::Cell;
use std::rc::Rc;

pub use answering::QUERY_LIMIT;
pub use collect::{Budget, COLLECTED_LIMIT, COLLECTED_TOTAL};
pub use decide::{Decision, decide};
pub use fault::{Away, Blind, DIAL_LIMIT, Fault, LOOK_LIMIT, Unreachable};
pub use images::{Change, Image, Images, Moment};
pub use lane::{LANE_LIMIT, Lane};
pub use outcome::{Outcome, Traffic, Verdict};
pub use patience::Patience;
pub use session::{Rest, Session};

use crate::rules::Profile;
use crate::rules::buildkit::Store;
use crate::rules::facts::HostQuestion;
use crate::rules::socket::{Note, Relation};

/// The settings of a listener, which its connections share.
#[derive(Debug, Default)]
pub struct ListenerSettings {
    /// The rules for its requests and responses.
    pub profile: Profile,
    /// `true` if the proxy itself answers instead of forwarding requests.
    pub answers: bool,
    /// Its daemon, which may be that of other listeners, too.
    pub upstream: Rc<Upstream>,
    /// The part that all listeners have in common.
    pub shared: Rc<Shared>,
}

/// A daemon, as the core knows it.
#[derive(Debug, Default)]
pub struct Upstream {
    /// The path of its socket, for messages.
    pub socket: String,
    /// The memory of its images.
    pub images: Rc<Images>,
}

/// The part that all connections of the process have in common.
#[derive(Debug, Default)]
pub struct Shared {
    /// Room for collected bodies.
    pub budget: Rc<Budget>,
    /// `true` when the process is about to end, so that no new exchange begins.
    pub draining: Cell<bool>,
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
    /// This question is to be answered, at once or aside, since that may take long; the answer goes to
    /// [`Session::found`].
    Ask(HostQuestion),
    /// The proxy itself is to answer this request; the answer goes to [`Session::answered`].
    Answer(Query),
    /// An exchange is over, or refused: for the log.
    Report(Outcome),
    /// Something happened in this operation, if it was in one, that an operator wants to know: for the log.
    Warn(Note, Option<&'static str>),
    /// Both connections are to be closed.
    Close,
}

/// The shell's answer to a [`HostQuestion`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostFact {
    /// All paths that were asked about, each with its relation to the daemon's socket.
    Paths(Vec<(String, Relation)>),
    /// The relation of this path is not known.
    Unseen(String, Blind),
    /// The store of the daemon's images.
    Store(Store),
}

/// A request that the proxy itself answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The request, with what has come behind it; malformed, or cut at [`QUERY_LIMIT`].
    pub request: Vec<u8>,
    /// The readiness of the daemon, once it was asked.
    pub ready: Option<Readiness>,
}

/// The readiness of the daemon, or the reason why it is not ready.
pub type Readiness = Result<(), String>;

/// The shell's answer to a [`Query`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// This response.
    Response(Vec<u8>),
    /// None, before the readiness of the daemon is known.
    AskDaemon,
}

/// Notes for the log, each with the name of its operation.
type Notes = Vec<(Note, &'static str)>;
