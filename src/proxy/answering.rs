//! Connections that the proxy itself answers: one request and its response, then the end.
//!
//! The shell makes the response. If that depends on the daemon, the daemon is asked first.

use super::deadline::Deadline;
use super::fault::{Away, Unreachable};
use super::lanes::Lanes;
use super::turn::Turn;
use super::{Answer, Query, Readiness, Step};
use crate::engine::client;
use crate::http::gather;
use crate::http::head::Scan;
use crate::http::reply::{self, Reply};

/// Maximum length of a request in bytes.
pub const QUERY_LIMIT: usize = 4096;

/// Maximum length in bytes of the head and of the content of the daemon's response, which has some
/// hundreds.
const PONG_LIMIT: usize = 16 * 1024;

/// One request and its response.
#[derive(Debug)]
pub(super) struct Answering {
    request: Vec<u8>,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// The request is being read.
    Reading(Scan),
    /// The shell makes the response.
    Asked,
    /// The daemon was asked for its readiness.
    Pinging(Reply),
    /// The readiness is known, but the shell does not have it yet.
    Known(Readiness),
    /// The response is being sent.
    Leaving,
}

impl Answering {
    /// Waits for a request.
    pub(super) fn new() -> Self {
        Self { request: Vec::new(), stage: Stage::Reading(Scan::default()) }
    }

    pub(super) fn advance(&mut self, lanes: &mut Lanes) -> Turn {
        match &mut self.stage {
            Stage::Reading(scan) => {
                let unseen = lanes.up.unseen();
                // The shell also answers malformed and too long requests.
                if let Ok(None) = scan.end_of_head(unseen)
                    && unseen.len() < QUERY_LIMIT
                {
                    return if lanes.up.has_ended() { Turn::Close } else { Turn::Wait };
                }
                self.request = unseen.to_vec();
                lanes.up.take(self.request.len());
                self.ask(None)
            }
            Stage::Pinging(reply) => match pong(reply, lanes) {
                Some(ready) => self.ask(Some(ready)),
                None => Turn::Wait,
            },
            Stage::Known(ready) => {
                let ready = ready.clone();
                self.ask(Some(ready))
            }
            Stage::Leaving if lanes.down.is_flushed() => Turn::Close,
            Stage::Asked | Stage::Leaving => Turn::Wait,
        }
    }

    /// Asks the shell for the response.
    fn ask(&mut self, ready: Option<Readiness>) -> Turn {
        self.stage = Stage::Asked;
        Turn::Step(Step::Answer(Query { request: self.request.clone(), ready }))
    }

    /// Takes the shell's answer.
    pub(super) fn answered(&mut self, answer: Answer, lanes: &mut Lanes) {
        self.stage = match answer {
            Answer::Response(response) => {
                lanes.down.queue(response);
                Stage::Leaving
            }
            Answer::AskDaemon => {
                lanes.up.queue(client::ping());
                Stage::Pinging(Reply::new(PONG_LIMIT, Vec::new()))
            }
        };
    }

    /// Records that the daemon cannot be reached.
    pub(super) fn away(&mut self, away: &Away, lanes: &mut Lanes) {
        let why = match &away.why {
            Unreachable::Slow => "its queue is full".to_owned(),
            why => why.to_string(),
        };
        self.unready(format!("the daemon at {} is away: {why}", away.socket), lanes);
    }

    /// Records that the daemon did not answer in time.
    pub(super) fn late(&mut self, lanes: &mut Lanes) {
        let seconds = Deadline::Pong.limit().unwrap_or_default().as_secs();
        self.unready(format!("the daemon did not answer /_ping in {seconds} seconds"), lanes);
    }

    fn unready(&mut self, why: String, lanes: &mut Lanes) {
        // Unsent bytes for the daemon are dropped.
        lanes.up.sink_broke();
        self.stage = Stage::Known(Err(why));
    }

    /// Returns the current deadline.
    pub(super) fn deadline(&self) -> Deadline {
        match self.stage {
            Stage::Reading(_) => Deadline::Query,
            Stage::Pinging(_) => Deadline::Pong,
            Stage::Asked | Stage::Known(_) | Stage::Leaving => Deadline::Reader,
        }
    }

    /// Returns the number of bytes of the client that may be held.
    pub(super) fn up_limit(&self) -> usize {
        if matches!(self.stage, Stage::Reading(_)) { QUERY_LIMIT } else { 0 }
    }

    /// Returns the number of bytes of the daemon that may be held.
    pub(super) fn down_limit() -> usize {
        PONG_LIMIT
    }
}

/// Reads the daemon's response. Returns its readiness once known.
fn pong(reply: &mut Reply, lanes: &mut Lanes) -> Option<Readiness> {
    let unseen = lanes.down.unseen();
    let held = unseen.len();
    let taken = match reply.take(unseen) {
        Ok(taken) => taken,
        Err(error) => return Some(Err(unreadable(error))),
    };
    lanes.down.take(taken);
    if lanes.down.has_ended() && reply.end().is_err() {
        return Some(Err("the daemon hung up instead of answering /_ping".to_owned()));
    }
    match reply.whole().map(|whole| whole.response.status) {
        Some(200) => Some(Ok(())),
        Some(status) => Some(Err(format!("the daemon answered /_ping with status {status}"))),
        None if taken == 0 && held >= PONG_LIMIT => Some(Err(TOO_LONG.to_owned())),
        None => None,
    }
}

const TOO_LONG: &str = "the daemon's answer to /_ping is too long";

fn unreadable(error: reply::Error) -> String {
    match error {
        reply::Error::Body(gather::Error::TooLarge) => TOO_LONG.to_owned(),
        error => format!("the daemon's answer to /_ping is malformed: {error}"),
    }
}

#[cfg(test)]
mod tests;
