//! Responses that are rewritten on their way to the client, whole or line by line.

use std::fmt;
use std::mem;
use std::rc::Rc;

use memchr::memchr;

use super::collect::{Budget, Collect};
use super::fault::Fault;
use super::lane::{LANE_LIMIT, Lane};
use crate::http::body::{Body, Framing, Next};
use crate::http::render;
use crate::rules::reply::Rewrite;

/// Maximum size in bytes of one line. Events have some hundreds.
const LINE_LIMIT: usize = 1024 * 1024;

/// A response that is gathered whole before any of it is sent.
pub(super) struct GatheredReply {
    head: Vec<u8>,
    collect: Collect,
    framing: Framing,
    /// The edit of the document, if there is one.
    rewrite: Option<Rewrite>,
}

/// A response for the client.
#[derive(Debug)]
pub(super) struct Complete {
    pub(super) head: Vec<u8>,
    pub(super) content: Vec<u8>,
}

impl GatheredReply {
    /// Begins to gather the response with this head and framing.
    ///
    /// # Errors
    /// A length above the limit.
    pub(super) fn new(
        head: Vec<u8>,
        framing: Framing,
        rewrite: Option<Rewrite>,
        budget: &Rc<Budget>,
    ) -> Result<Self, Fault> {
        let collect = Collect::new(framing, budget).map_err(of_response)?;
        Ok(Self { head, collect, framing, rewrite })
    }

    /// Takes the received bytes. Returns the head and the content for the client once they are complete.
    ///
    /// # Errors
    /// A malformed body, or one above the limit.
    pub(super) fn advance(&mut self, down: &mut Lane) -> Result<Option<Complete>, Fault> {
        if !self.collect.advance(down).map_err(of_response)? {
            return Ok(None);
        }
        let content = self.collect.content();
        let rewritten = self.rewrite.as_ref().and_then(|rewrite| rewrite(content));
        let content = rewritten.unwrap_or_else(|| content.to_vec());
        let head = match self.framing {
            // The response to a HEAD has a length and no content.
            Framing::None => mem::take(&mut self.head),
            _ => render::with_length(&self.head, content.len()),
        };
        Ok(Some(Complete { head, content }))
    }
}

/// Returns `content` with each of its lines rewritten.
pub(super) fn each_line(content: &[u8], rewrite: &Rewrite) -> Vec<u8> {
    let mut rewritten = Vec::with_capacity(content.len());
    for line in content.split_inclusive(|byte| *byte == b'\n') {
        match rewrite(line) {
            Some(line) => rewritten.extend(line),
            None => rewritten.extend_from_slice(line),
        }
    }
    rewritten
}

/// Returns the fault of a response for that of a request.
fn of_response(fault: Fault) -> Fault {
    match fault {
        Fault::TooLarge(limit) => Fault::ResponseTooLarge(limit),
        Fault::Request(malformed) => Fault::Response(malformed),
        fault => fault,
    }
}

/// A body whose lines are rewritten as they arrive. It keeps its framing: chunked, or until the
/// connection ends.
pub(super) struct Lines {
    body: Body,
    /// Missing bytes of the current chunk.
    awaited: u64,
    /// The incomplete line.
    line: Vec<u8>,
    rewrite: Rewrite,
}

/// A body of lines that cannot continue: its framing is malformed, or a line is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken;

impl Lines {
    /// Rewrites the lines of a body with this framing.
    pub(super) fn new(framing: Framing, rewrite: Rewrite) -> Self {
        Self { body: framing.into(), awaited: 0, line: Vec::new(), rewrite }
    }

    /// Takes the received bytes, and sends complete lines. Sends no more while the client does not read.
    /// Returns `true` once all of the body is in the client's outbox.
    ///
    /// # Errors
    /// The client cannot get more than was sent.
    pub(super) fn advance(&mut self, down: &mut Lane) -> Result<bool, Broken> {
        while down.backlog() <= LANE_LIMIT {
            let unseen = down.unseen();
            if self.awaited > 0 {
                let length = usize::try_from(self.awaited).unwrap_or(usize::MAX).min(unseen.len());
                if length == 0 {
                    return self.waits(down);
                }
                let content = unseen.get(..length).unwrap_or_default().to_vec();
                down.take(length);
                self.awaited -= length as u64;
                self.content(&content, down)?;
                continue;
            }
            match self.body.next(unseen).map_err(|_| Broken)? {
                Next::Piece { framing, data } => {
                    down.take(framing);
                    self.awaited = data;
                }
                Next::Everything if unseen.is_empty() => return self.waits(down),
                Next::Everything => self.awaited = unseen.len() as u64,
                Next::More => return self.waits(down),
                Next::Done => {
                    self.last_line(down);
                    self.queue(&[], down);
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Waits for more, unless the connection and the body have ended.
    fn waits(&mut self, down: &mut Lane) -> Result<bool, Broken> {
        if !down.has_ended() {
            return Ok(false);
        }
        if self.body != Body::UntilClose {
            return Err(Broken);
        }
        self.last_line(down);
        Ok(true)
    }

    fn content(&mut self, mut content: &[u8], down: &mut Lane) -> Result<(), Broken> {
        while let Some(end) = memchr(b'\n', content) {
            let (line, rest) = content.split_at(end + 1);
            self.line.extend_from_slice(line);
            self.last_line(down);
            content = rest;
        }
        self.line.extend_from_slice(content);
        if self.line.len() > LINE_LIMIT { Err(Broken) } else { Ok(()) }
    }

    /// Sends the last received line.
    fn last_line(&mut self, down: &mut Lane) {
        let line = mem::take(&mut self.line);
        if line.is_empty() {
            return;
        }
        let rewritten = (self.rewrite)(&line);
        let line = rewritten.as_deref().unwrap_or(&line);
        if !line.is_empty() {
            self.queue(line, down);
        }
    }

    /// Sends `data` in the framing of the body; an empty chunk ends it.
    fn queue(&self, data: &[u8], down: &mut Lane) {
        if self.body == Body::UntilClose {
            return down.queue(data.to_vec());
        }
        let size = format!("{:x}\r\n", data.len());
        down.queue([size.as_bytes(), data, b"\r\n"].concat());
    }
}

impl fmt::Debug for GatheredReply {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("GatheredReply").field("collect", &self.collect).finish_non_exhaustive()
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Lines").field("body", &self.body).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
