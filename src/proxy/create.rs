//! A creating request on its way to the daemon: its body is gathered and rewritten, what must be
//! asked or ordered first is (see [`Errand`](crate::rules::errands::Errand)), then it is sent.

use std::time::Instant;

use super::Common;
use super::asking::Asking;
use super::collect::Collect;
use super::exchange::{Exchange, Lanes, Turn};
use super::fault::Fault;
use super::outcome::Call;
use super::relay::Relaying;
use crate::engine::JsonCarrier;
use crate::http::render;
use crate::rules::body::{self, Prepared, Rewritten};

/// What is known of a creating request before its body.
#[derive(Debug)]
pub(super) struct Create {
    pub(super) call: Call,
    /// When all of it had come that we had waited for: the head, then the body.
    pub(super) complete: Instant,
    pub(super) head: Vec<u8>,
    pub(super) persistent: bool,
    pub(super) carrier: &'static JsonCarrier,
}

/// A creating request whose body is gathered.
#[derive(Debug)]
pub(super) struct Collecting {
    create: Create,
    collect: Collect,
}

impl Collecting {
    pub(super) fn new(create: Create, collect: Collect) -> Self {
        Self { create, collect }
    }

    pub(super) fn into_call(self) -> Call {
        self.create.call
    }

    pub(super) fn advance(
        mut self: Box<Self>,
        lanes: &mut Lanes,
        common: &Common,
        now: Instant,
    ) -> Turn {
        if lanes.down.has_ended() {
            return Turn::Cut(self.create.call);
        }
        match self.collect.advance(&mut lanes.up) {
            Ok(true) => {
                self.create.complete = now;
                self.collected(lanes, common)
            }
            Ok(false) if lanes.up.has_ended() => Turn::Answer(self.create.call, Fault::CutShort),
            Ok(false) => Turn::Wait(Exchange::Collecting(self)),
            Err(fault) => Turn::Answer(self.create.call, fault),
        }
    }

    fn collected(self, lanes: &mut Lanes, common: &Common) -> Turn {
        let Self { create, collect } = self;
        match body::prepare(&common.injection, create.carrier, collect.content()) {
            Ok(Prepared { errands, rewritten }) if errands.is_empty() => {
                create.send(rewritten, lanes)
            }
            Ok(prepared) => Asking::begin(create, collect, prepared, lanes, common),
            Err(refusal) => Turn::Answer(create.call, Fault::Refused(refusal)),
        }
    }
}

impl Create {
    /// Sends the request with this body.
    pub(super) fn send(self, rewritten: Rewritten, lanes: &mut Lanes) -> Turn {
        let mut request = rewritten.body;
        // There is room for the head: a second block as large as the body would cost more.
        request.splice(..0, render::with_length(&self.head, request.len()));
        lanes.hand(self.complete, request.len());
        lanes.up.say(request);
        let relaying = Exchange::Relaying(Relaying::sent(self.call, self.persistent));
        Turn::Noted(rewritten.notes, relaying)
    }
}
