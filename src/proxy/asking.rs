//! A creating request that waits until what must be asked or ordered first has been: on the same
//! daemon connection, unseen by the client.

use std::mem;

use super::Common;
use super::collect::{Collect, Share};
use super::create::Create;
use super::exchange::{Exchange, Lanes, Turn};
use super::fault::Fault;
use super::outcome::Call;
use super::relay::Relaying;
use crate::http::head::{self, Scan};
use crate::http::render;
use crate::rules::body::{self, Prepared, Rewritten};
use crate::rules::errands::{Errand, Known, Meaning};

/// A creating request that waits for the answer to an errand.
#[derive(Debug)]
pub(super) struct Asking {
    create: Create,
    /// The gathered body.
    body: Collect,
    /// What is sent if the answers tell nothing new, and its share of the room.
    rewritten: Rewritten,
    share: Share,
    /// The errand that is under way, and those behind it.
    errands: std::vec::IntoIter<Errand>,
    known: Known,
    answer: Answer,
}

/// The daemon's answer to an errand.
#[derive(Debug)]
enum Answer {
    /// Its head is awaited.
    Head(Scan),
    /// Its body is gathered.
    Body { status: u16, head: Vec<u8>, content: Collect },
}

impl Asking {
    /// Goes about the first errand.
    pub(super) fn begin(
        create: Create,
        body: Collect,
        prepared: Prepared,
        lanes: &mut Lanes,
        common: &Common,
    ) -> Turn {
        let Prepared { errands, rewritten } = prepared;
        let mut share = Share::of(&common.budget);
        if let Err(fault) = share.hold(rewritten.body.len()) {
            return Turn::Answer(create.call, fault);
        }
        let (errands, known) = (errands.into_iter(), Known::default());
        let answer = Answer::Head(Scan::default());
        let asking = Self { create, body, rewritten, share, errands, known, answer };
        asking.next(lanes, common)
    }

    pub(super) fn into_call(self) -> Call {
        self.create.call
    }

    /// Goes about the next errand, or sends the request when there is none.
    fn next(mut self, lanes: &mut Lanes, common: &Common) -> Turn {
        let Some(errand) = self.errands.as_slice().first() else {
            return self.send(lanes, common);
        };
        lanes.up.say(errand.request(&common.injection));
        self.answer = Answer::Head(Scan::default());
        Turn::Again(Exchange::Asking(Box::new(self)))
    }

    fn send(self, lanes: &mut Lanes, common: &Common) -> Turn {
        let Self { create, body, share, .. } = self;
        let rewritten = if self.known == Known::default() {
            self.rewritten
        } else {
            drop(self.rewritten);
            let content = body.content();
            match body::rewrite(&common.injection, create.carrier, &self.known, content) {
                Ok(rewritten) => rewritten,
                Err(refusal) => return Turn::Answer(create.call, Fault::Refused(refusal)),
            }
        };
        drop(body);
        create.send(rewritten, share, lanes)
    }

    pub(super) fn advance(mut self: Box<Self>, lanes: &mut Lanes, common: &Common) -> Turn {
        let answer = mem::replace(&mut self.answer, Answer::Head(Scan::default()));
        let read = match answer {
            Answer::Head(scan) => read_head(scan, lanes, common),
            Answer::Body { status, head, content } => read_body(status, head, content, lanes),
        };
        match read {
            Ok(Read::Partly(_)) if lanes.down.has_ended() => {
                Turn::Answer(self.create.call, Fault::Errand)
            }
            Ok(Read::Partly(answer)) => {
                self.answer = answer;
                Turn::Wait(Exchange::Asking(self))
            }
            Ok(Read::Again(answer)) => {
                self.answer = answer;
                Turn::Again(Exchange::Asking(self))
            }
            Ok(Read::Whole { status, head, content }) => {
                self.answered(status, &head, &content, lanes, common)
            }
            Err(fault) => Turn::Answer(self.create.call, fault),
        }
    }

    fn answered(
        mut self,
        status: u16,
        head: &[u8],
        content: &Collect,
        lanes: &mut Lanes,
        common: &Common,
    ) -> Turn {
        let Some(errand) = self.errands.next() else {
            return Turn::Answer(self.create.call, Fault::Errand);
        };
        match errand.answered(status, content.content(), &mut self.known) {
            Meaning::GoOn => self.next(lanes, common),
            Meaning::Refused => self.send(lanes, common),
            Meaning::Failed => {
                let mut answer = render::with_length(head, content.content().len());
                answer.extend_from_slice(content.content());
                lanes.down.say(answer);
                self.create.call.status = Some(status);
                if !self.create.persistent {
                    // The daemon was not told that it is to close behind this answer.
                    lanes.up.finish();
                }
                let relaying = Relaying::answered(self.create.call, self.create.persistent);
                Turn::Again(Exchange::Relaying(relaying))
            }
            Meaning::Nonsense => Turn::Answer(self.create.call, Fault::Errand),
        }
    }
}

/// What has been read of an answer.
enum Read {
    Partly(Answer),
    Again(Answer),
    Whole { status: u16, head: Vec<u8>, content: Collect },
}

fn read_head(mut scan: Scan, lanes: &mut Lanes, common: &Common) -> Result<Read, Fault> {
    let unseen = lanes.down.unseen();
    let Some(end) = scan.end_of_head(unseen).map_err(Fault::Response)? else {
        return Ok(Read::Partly(Answer::Head(scan)));
    };
    let head = unseen.get(..end).unwrap_or_default().to_vec();
    lanes.down.take(end);
    let response = head::response(&head, false).map_err(Fault::Response)?;
    // The request goes out on this connection; a daemon that ends it leaves no way to do that.
    if !response.persistent || response.status < 200 {
        return Err(Fault::Errand);
    }
    let content = Collect::new(response.framing, &common.budget).map_err(|_| Fault::Errand)?;
    Ok(Read::Again(Answer::Body { status: response.status, head, content }))
}

fn read_body(
    status: u16,
    head: Vec<u8>,
    mut content: Collect,
    lanes: &mut Lanes,
) -> Result<Read, Fault> {
    match content.advance(&mut lanes.down) {
        Ok(true) => Ok(Read::Whole { status, head, content }),
        Ok(false) => Ok(Read::Partly(Answer::Body { status, head, content })),
        Err(_) => Err(Fault::Errand),
    }
}
