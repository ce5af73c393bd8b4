//! One step of an exchange: its context and its result.

use std::time::Instant;

use super::fault::Fault;
use super::lanes::Lanes;
use super::outcome::Call;
use super::{ListenerSettings, Notes, Step};
use crate::rules::facts::HostQuestion;
use crate::rules::socket::Note;

/// The context of an exchange while it advances.
pub(super) struct Hand<'h> {
    pub(super) lanes: &'h mut Lanes,
    pub(super) notes: &'h mut Notes,
    pub(super) settings: &'h ListenerSettings,
    pub(super) now: Instant,
}

/// The result of advancing one state of an exchange, which may have to be followed by another one for the
/// reason `N`.
#[derive(Debug)]
pub(super) enum Progress<N> {
    /// It waits for bytes or for the end of a stream.
    Waits,
    /// It has changed and must advance again.
    Moved,
    /// The shell is to answer this question.
    Asks(HostQuestion),
    /// It cannot be completed: the connection ends after the received part of the response.
    Cut,
    /// Another state follows.
    Next(N),
}

/// The result of advancing an exchange.
#[derive(Debug)]
pub(super) enum Turn {
    /// It waits for bytes or for the end of a stream.
    Wait,
    /// It has changed and must advance again.
    Again,
    /// The shell performs this step.
    Step(Step),
    /// The call and its connection end: after these bytes for the client, or after the received part of
    /// the response.
    End(Call, Option<Vec<u8>>),
    /// The daemon sent something without a request.
    Unasked,
    /// The client has ended, or the proxy accepts no more requests.
    Close,
}

impl Turn {
    /// Ends a call with the proxy's own answer.
    pub(super) fn refused(mut call: Call, fault: &Fault) -> Self {
        call.refused(fault);
        let answer = fault.answer(call.to_head);
        Self::End(call, Some(answer))
    }
}

impl Hand<'_> {
    /// Adds notes for the log about the operation of `call`.
    pub(super) fn note(&mut self, call: &Call, notes: Vec<Note>) {
        self.notes.extend(notes.into_iter().map(|note| (note, call.operation.name)));
    }
}
