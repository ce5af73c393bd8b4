//! One connection as a state machine over bytes: no socket, no clock, no log.
//!
//! ```text
//!            ┌────────────────────── Session ──────────────────────┐
//!  client ──►│ up:   inbox ─ permit ─► (outbox first, then inbox)  │──► daemon
//!         ◄──│ down: (outbox first, then inbox) ◄─ permit ─ inbox  │◄──
//!            │            Exchange: request and response           │
//!            └─────────────────────────────────────────────────────┘
//! ```
//!
//! The shell fills inboxes from sockets, calls [`Session::advance`] until it returns [`Step::Wait`], and
//! writes the output of each [`Lane`]. Everything else that the core needs is a [`Step`].

mod answering;
mod asking;
mod authorized;
mod callers;
mod collect;
mod deadline;
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
mod reason;
mod relay;
mod reply;
mod session;
mod turn;

use std::cell::Cell;
use std::rc::{Rc, Weak};

pub use answering::QUERY_LIMIT;
pub use callers::Callers;
pub use collect::{Budget, COLLECTED_LIMIT, COLLECTED_TOTAL};
pub use deadline::Deadline;
pub use decide::{Decision, decide};
pub use fault::{Away, Blind, DIAL_LIMIT, Fault, LOOK_LIMIT, Unreachable};
pub use images::{Change, Image, Images, Moment};
pub use lane::{LANE_LIMIT, Lane};
pub use outcome::{Outcome, Traffic, Verdict};
pub use session::{Parked, Session};

use crate::rules::buildkit::Store;
use crate::rules::caller::Caller;
use crate::rules::facts::HostQuestion;
use crate::rules::socket::{Note, Relation};
use crate::rules::{Profile, Refusal};

/// The settings of a listener, which its connections share.
#[derive(Debug, Default)]
pub struct ListenerSettings {
    /// Its name for logs; empty for a listener without one.
    pub name: String,
    /// The rules for its requests and responses.
    pub profile: Profile,
    /// `true` if the proxy itself answers instead of forwarding requests.
    pub answers: bool,
    /// Its daemon, which it may share with other listeners.
    pub upstream: Rc<Upstream>,
    /// The state that all listeners share.
    pub shared: Rc<Shared>,
    /// The settings for its callers.
    pub callers: Callers,
    /// The settings that these are made of, if they are for one caller.
    pub listener: Weak<ListenerSettings>,
    /// The id of the caller's container, if these are for one caller.
    pub container: Option<String>,
}

/// A daemon, as the core knows it.
#[derive(Debug, Default)]
pub struct Upstream {
    /// The path of its socket, for messages.
    pub socket: String,
    /// The cache of its images.
    pub images: Rc<Images>,
}

/// The state that all connections of the process share.
#[derive(Debug, Default)]
pub struct Shared {
    /// The memory budget of gathered bodies.
    pub budget: Rc<Budget>,
    /// `true` once the process is shutting down, so that no new exchange begins.
    pub draining: Cell<bool>,
}

/// An action for the shell.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Wait for an event.
    Wait,
    /// Connect to the daemon; the result goes to [`Session::connected`] or [`Session::away`].
    Dial,
    /// Close the daemon connection, but not the client's.
    Hangup,
    /// Answer this question, now or later, since that may take long; the answer goes to
    /// [`Session::found`].
    Ask(HostQuestion),
    /// Answer this request; the answer goes to [`Session::answered`].
    Answer(Query),
    /// Log the outcome of an exchange.
    Report(Outcome),
    /// Log a note about this operation, if any.
    Warn(Note, Option<&'static str>),
    /// Close both connections.
    Close,
}

/// The shell's answer to a [`HostQuestion`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostFact {
    /// All paths of the question, with their relations to the daemon's socket.
    Paths(Vec<(String, Relation)>),
    /// The relation of this path is not known.
    Unseen(String, Blind),
    /// The store of the daemon's images.
    Store(Store),
    /// The host path of a new socket for a container.
    JobSocket(Result<String, Refusal>),
    /// The process that made the connection, or the reason why it is not known.
    Caller(Result<Caller, Refusal>),
    /// The decision of authorization plugins.
    Authorized(Result<(), Refusal>),
}

/// A request that the proxy itself answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The request and the bytes after it. It may be malformed, or cut at [`QUERY_LIMIT`].
    pub request: Vec<u8>,
    /// The readiness of the daemon, if known.
    pub ready: Option<Readiness>,
}

/// The readiness of the daemon, or the reason why it is not ready.
pub type Readiness = Result<(), String>;

/// The shell's answer to a [`Query`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The response.
    Response(Vec<u8>),
    /// None yet: the response depends on the readiness of the daemon.
    AskDaemon,
}

/// Notes for the log, each with the name of its operation.
type Notes = Vec<(Note, &'static str)>;
