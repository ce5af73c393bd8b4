//! A creating request on its way to the daemon: its body is gathered and rewritten, what must be looked
//! at, asked or ordered first is (see [`Errand`](crate::rules::errands::Errand)), then it is sent.

use std::time::Instant;

use super::Common;
use super::asking::Asking;
use super::collect::{Collect, Share};
use super::exchange::{Exchange, Lanes, Turn};
use super::fault::Fault;
use super::outcome::{Call, Verdict};
use super::relay::Relaying;
use crate::engine::JsonCarrier;
use crate::http::render;
use crate::rules::Forced;
use crate::rules::body::{self, Prepared, Rewritten};
use crate::rules::errands::Errand;

/// What is known of a creating request before its body.
#[derive(Debug)]
pub(super) struct Create {
    pub(super) call: Call,
    /// When all of it had come that we had waited for: the head, then the body.
    pub(super) complete: Instant,
    pub(super) head: Vec<u8>,
    pub(super) persistent: bool,
    pub(super) carrier: &'static JsonCarrier,
    /// Whether there is no body, which some daemons take for an empty document.
    pub(super) empty: bool,
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
        let content = if create.empty { b"{}" } else { collect.content() };
        match body::prepare(&common.injection, create.carrier, content) {
            Ok(mut prepared) if create.empty => {
                prepared.errands.push(Errand::Version);
                Asking::begin(create, collect, prepared, lanes, common)
            }
            Ok(Prepared { errands, rewritten })
                if errands.is_empty() && rewritten.unseen.is_empty() =>
            {
                drop(collect);
                create.send(rewritten, Share::of(&common.budget), lanes)
            }
            Ok(prepared) => Asking::begin(create, collect, prepared, lanes, common),
            Err(refusal) => Turn::Answer(create.call, Fault::Refused(refusal)),
        }
    }
}

impl Create {
    /// Sends the request as it came, without a body.
    pub(super) fn pass(mut self, lanes: &mut Lanes) -> Turn {
        self.call.verdict = Verdict::Forwarded(Forced::NOTHING);
        lanes.hand(self.complete, self.head.len());
        lanes.up.say(self.head);
        Turn::Again(Exchange::Relaying(Relaying::sent(self.call, self.persistent)))
    }

    /// Sends the request with this body; its `share` is what it takes until it has left.
    pub(super) fn send(self, rewritten: Rewritten, mut share: Share, lanes: &mut Lanes) -> Turn {
        let mut request = rewritten.body;
        // There is room for the head: a second block as large as the body would cost more.
        request.splice(..0, render::with_length(&self.head, request.len()));
        if let Err(fault) = share.hold(request.len()) {
            return Turn::Answer(self.call, fault);
        }
        lanes.hand(self.complete, request.len());
        lanes.up.say(request);
        let operation = self.call.operation;
        let relaying = Exchange::Relaying(Relaying::said(self.call, share, self.persistent));
        Turn::Noted(operation, rewritten.notes, relaying)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    use crate::proxy::collect::COLLECTED_TOTAL;
    use crate::proxy::{Session, Step};
    use crate::rules::{Injection, Injections, Label};

    const BODY: usize = 128 * 1024;

    /// A client that sends a volume create of this size; the status, if it has been answered.
    fn creates(common: &Rc<Common>) -> (Session, Option<u16>) {
        let head =
            format!("POST /volumes/create HTTP/1.1\r\nHost: d\r\nContent-Length: {BODY}\r\n\r\n");
        let body = format!("{{\"Name\":\"{}\"}}", "n".repeat(BODY - 11));
        let request = [head, body].concat();
        let mut session = Session::new(Rc::clone(common));
        session.connected();
        let mut rest = request.as_bytes();
        while !rest.is_empty() {
            let limit = session.up_limit();
            let room = session.up().room(limit);
            let (some, behind) = rest.split_at(room.len().min(rest.len()));
            room[..some.len()].copy_from_slice(some);
            session.up().received(some.len());
            rest = behind;
            if let Some(status) = advance(&mut session) {
                return (session, Some(status));
            }
        }
        (session, None)
    }

    fn advance(session: &mut Session) -> Option<u16> {
        loop {
            match session.advance(Instant::now()) {
                Step::Wait => return None,
                Step::Report(outcome) => return outcome.status,
                _ => {}
            }
        }
    }

    #[test]
    fn a_request_takes_room_until_it_has_left() {
        let labels = vec![Label { key: "a".into(), value: "b".into() }];
        let inject = Injections::forced(&labels, &[], None, None);
        let injection = Injection { inject, ..Injection::default() };
        let common = Rc::new(Common { injection, ..Common::default() });
        let mut others = Share::of(&common.budget);
        others.hold(COLLECTED_TOTAL - 2 * BODY).unwrap();
        let (mut stuck, none) = creates(&common);
        assert_eq!(none, None);
        assert_eq!(creates(&common).1, Some(503));
        let all = stuck.up().leaving().len();
        assert!(all > BODY);
        stuck.up().left(all);
        assert_eq!(advance(&mut stuck), None);
        assert_eq!(creates(&common).1, None);
    }
}
