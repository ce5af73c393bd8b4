//! A response read whole: the answer to a request of the proxy's own.

use std::fmt;

use super::Malformed;
use super::gather::{self, Gather};
use super::head::{self, Response, Scan};

/// A response that is being read. Interim responses (RFC 9110 §15.2) are not expected: only a
/// request that asks for them gets any.
#[derive(Debug)]
pub struct Reply {
    stage: Stage,
    /// Bytes that the content may have.
    limit: usize,
}

#[derive(Debug)]
enum Stage {
    Head(Scan, Vec<u8>),
    Body { head: Vec<u8>, response: Response, content: Gather },
}

/// A response that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// The head is not understood.
    Head(Malformed),
    /// The response is an interim one.
    Interim,
    /// The body is not understood, or too large.
    Body(gather::Error),
    /// The connection ended before the response did.
    CutShort,
}

/// A response that has come whole.
#[derive(Debug, PartialEq, Eq)]
pub struct Whole<'r> {
    /// The head, with its empty line.
    pub head: &'r [u8],
    /// The parsed head.
    pub response: Response,
    /// The content, without its framing.
    pub content: &'r [u8],
}

impl Reply {
    /// Begins to read a response whose content may have `limit` bytes, into the room of `storage`.
    #[must_use]
    pub fn new(limit: usize, storage: Vec<u8>) -> Self {
        Self { stage: Stage::Head(Scan::default(), storage), limit }
    }

    /// Takes the bytes at the start of `bytes` that belong to the response. Returns their number.
    /// The head is taken whole: as long as it is not complete, call again with the same bytes and
    /// more after them.
    ///
    /// # Errors
    /// A malformed response, or one above a limit.
    pub fn take(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        let mut taken = 0;
        if let Stage::Head(scan, storage) = &mut self.stage {
            let Some(end) = scan.end_of_head(bytes).map_err(Error::Head)? else {
                return Ok(0);
            };
            let head = bytes.get(..end).unwrap_or_default().to_vec();
            let response = head::response(&head, false).map_err(Error::Head)?;
            if response.status < 200 {
                return Err(Error::Interim);
            }
            let storage = std::mem::take(storage);
            let content =
                Gather::new(response.framing, self.limit, storage).map_err(Error::Body)?;
            self.stage = Stage::Body { head, response, content };
            taken = end;
        }
        if let Stage::Body { content, .. } = &mut self.stage {
            taken += content.take(bytes.get(taken..).unwrap_or_default()).map_err(Error::Body)?;
        }
        Ok(taken)
    }

    /// Records the end of the connection.
    ///
    /// # Errors
    /// The response is not complete.
    pub fn end(&mut self) -> Result<(), Error> {
        if let Stage::Body { content, .. } = &mut self.stage {
            content.end();
        }
        if self.whole().is_some() { Ok(()) } else { Err(Error::CutShort) }
    }

    /// Returns the response, once it is complete.
    #[must_use]
    pub fn whole(&self) -> Option<Whole<'_>> {
        match &self.stage {
            Stage::Body { head, response, content } if content.is_complete() => {
                Some(Whole { head, response: *response, content: content.content() })
            }
            Stage::Head(..) | Stage::Body { .. } => None,
        }
    }

    /// Returns the number of bytes that are held.
    #[must_use]
    pub fn held(&self) -> usize {
        match &self.stage {
            Stage::Head(..) => 0,
            Stage::Body { head, content, .. } => head.len() + content.content().len(),
        }
    }

    /// Takes the storage out, to be used again.
    pub fn take_storage(&mut self) -> Vec<u8> {
        match &mut self.stage {
            Stage::Head(_, storage) => std::mem::take(storage),
            Stage::Body { content, .. } => content.take_storage(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head(malformed) => malformed.fmt(out),
            Self::Interim => out.write_str("it is an interim response"),
            Self::Body(error) => error.fmt(out),
            Self::CutShort => out.write_str("the connection ended before it was complete"),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests;
