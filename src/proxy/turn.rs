//! One step of an exchange: what it has at hand, and what comes of it.

use std::time::Instant;

use super::fault::Fault;
use super::lanes::Lanes;
use super::outcome::Call;
use super::{Common, Notes, Step};
use crate::rules::socket::Note;

/// What an exchange has at hand while it advances.
pub(super) struct Hand<'h> {
    pub(super) lanes: &'h mut Lanes,
    pub(super) notes: &'h mut Notes,
    pub(super) common: &'h Common,
    pub(super) now: Instant,
}

/// The result of advancing an exchange.
#[derive(Debug)]
pub(super) enum Turn {
    /// It waits for bytes or ends of bytes.
    Wait,
    /// It has moved on and is to be looked at again.
    Again,
    /// The shell is to do this.
    Step(Step),
    /// The call ends, and its connection with it: behind these bytes for the client, or else behind
    /// what has come of the response.
    End(Call, Option<Vec<u8>>),
    /// The daemon spoke although nobody asked.
    Unasked,
    /// The client wants nothing more, or shall not want anything.
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
    /// Notes for the log what happens in the operation of `call`.
    pub(super) fn note(&mut self, call: &Call, notes: Vec<Note>) {
        self.notes.extend(notes.into_iter().map(|note| (note, call.operation.name)));
    }
}
