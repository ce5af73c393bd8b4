//! A creating request on its way to the daemon: its body is gathered, what must be asked or ordered
//! first is (see [`Errand`](crate::rules::errands::Errand)), then it is rewritten and sent.

use super::Common;
use super::asking::Asking;
use super::collect::Collect;
use super::exchange::{Exchange, Lanes, Turn};
use super::fault::Fault;
use super::outcome::Call;
use super::relay::Relaying;
use crate::engine::JsonCarrier;
use crate::engine::carriers::Storage;
use crate::http::render;
use crate::rules::body;
use crate::rules::errands::{Known, errands};

/// What is known of a creating request before its body.
#[derive(Debug)]
pub(super) struct Create {
    pub(super) call: Call,
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

    pub(super) fn advance(mut self: Box<Self>, lanes: &mut Lanes, common: &Common) -> Turn {
        if lanes.down.has_ended() {
            return Turn::Cut(self.create.call);
        }
        match self.collect.advance(&mut lanes.up) {
            Ok(true) => self.collected(lanes, common),
            Ok(false) if lanes.up.has_ended() => Turn::Answer(self.create.call, Fault::CutShort),
            Ok(false) => Turn::Wait(Exchange::Collecting(self)),
            Err(fault) => Turn::Answer(self.create.call, fault),
        }
    }

    fn collected(self, lanes: &mut Lanes, common: &Common) -> Turn {
        let errands = match self.create.carrier.storage {
            Storage::Container => errands(self.collect.content()),
            Storage::Nothing | Storage::Service => Ok(Vec::new()),
        };
        match errands {
            Ok(errands) => Asking::new(self.create, self.collect, errands).next(lanes, common),
            Err(refusal) => Turn::Answer(self.create.call, Fault::Refused(refusal)),
        }
    }
}

impl Create {
    /// Rewrites the body `content` and sends the request.
    pub(super) fn send(
        self,
        content: &[u8],
        known: &Known,
        lanes: &mut Lanes,
        common: &Common,
    ) -> Turn {
        let rewritten = match body::rewrite(&common.injection, self.carrier, known, content) {
            Ok(rewritten) => rewritten,
            Err(refusal) => return Turn::Answer(self.call, Fault::Refused(refusal)),
        };
        let mut request = render::with_length(&self.head, rewritten.body.len());
        request.extend_from_slice(&rewritten.body);
        lanes.up.say(request);
        let relaying = Exchange::Relaying(Relaying::sent(self.call, self.persistent));
        Turn::Noted(rewritten.notes, relaying)
    }
}
