//! The content of a message, gathered whole and without its framing.

use std::fmt;

use super::Malformed;
use super::body::{Body, Framing, Next};

/// Content that is being gathered.
#[derive(Debug)]
pub struct Gather {
    body: Body,
    content: Vec<u8>,
    /// Bytes of content that were announced and have not come.
    awaited: usize,
    /// Bytes that the content may have.
    limit: usize,
}

/// A body that cannot be gathered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// The content is longer than the limit.
    TooLarge,
    /// The framing is not understood.
    Malformed(Malformed),
}

impl Gather {
    /// Begins to gather at most `limit` bytes of a body with this framing, into the
    /// room of `storage`.
    ///
    /// # Errors
    /// A length above the limit.
    pub fn new(framing: Framing, limit: usize, mut storage: Vec<u8>) -> Result<Self, Error> {
        storage.clear();
        let mut gather = Self { body: framing.into(), content: storage, awaited: 0, limit };
        if let Framing::Length(length) = framing {
            gather.announce(length)?;
            gather.body = Body::Done;
        }
        Ok(gather)
    }

    /// Takes the bytes at the start of `bytes` that belong to the body. Returns their number.
    ///
    /// # Errors
    /// A body that is malformed or above the limit.
    pub fn take(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        let mut rest = bytes;
        loop {
            self.take_content(&mut rest);
            if self.awaited > 0 {
                break;
            }
            match self.body.next(rest).map_err(Error::Malformed)? {
                Next::Piece { framing, data } => {
                    rest = rest.get(framing..).unwrap_or_default();
                    self.announce(data)?;
                }
                Next::Everything if rest.is_empty() => break,
                Next::Everything => self.announce(rest.len() as u64)?,
                Next::More | Next::Done => break,
            }
        }
        Ok(bytes.len() - rest.len())
    }

    /// Returns whether all of the body has come.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.awaited == 0 && self.body == Body::Done
    }

    /// Records the end of the connection, which completes a body that ends with it.
    pub fn end(&mut self) {
        if self.body == Body::UntilClose {
            self.body = Body::Done;
        }
    }

    /// Returns what has come of the content.
    #[must_use]
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// Takes the storage out, to be used again.
    pub fn take_storage(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.content)
    }

    fn announce(&mut self, length: u64) -> Result<(), Error> {
        let length = usize::try_from(length).map_err(|_| Error::TooLarge)?;
        if self.content.len().saturating_add(length) > self.limit {
            return Err(Error::TooLarge);
        }
        self.awaited = length;
        Ok(())
    }

    fn take_content(&mut self, rest: &mut &[u8]) {
        let (content, behind) = rest.split_at(self.awaited.min(rest.len()));
        self.content.extend_from_slice(content);
        self.awaited -= content.len();
        *rest = behind;
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => out.write_str("its body is too large"),
            Self::Malformed(malformed) => malformed.fmt(out),
        }
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests;
