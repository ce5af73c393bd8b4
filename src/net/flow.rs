//! How the bytes of one direction move from one socket to the other: by copy or by splice.
//!
//! Both obey the same permits of the same [`Lane`]. A copy goes through its inbox, where the core
//! sees it. What is permitted before it has come may pass by, in a pipe. When that pays is decided
//! here, by what came last: large pieces are spliced, small ones are copied.
//!
//! The chunk line behind a large piece is looked at where it lies, in the socket, so that it can pass
//! by together with the next piece; the pipe gathers many of them before it is emptied. A line of which
//! only the beginning has come stays there until there is an event for the rest.

use mio::Registry;

use super::peer::{Moved, Peer};
use super::pipe::{Pipe, Pipes};
use super::stores::Stores;
use crate::buffer::Pool;
use crate::proxy::Lane;

/// From this size on pieces are spliced: there, both ways cost the same.
const LARGE: usize = 16 * 1024;

/// Below this size a splice costs more than a copy.
const SMALL: usize = 4 * 1024;

/// Bytes that are looked at for a chunk line: the end of the chunk before, 16 digits, the end of the
/// line, and some extension.
const LOOK: usize = 32;

/// How the bytes of one direction move.
#[derive(Debug, Default)]
pub(super) enum Flow {
    /// By copy.
    #[default]
    Copying,
    /// By splice; nothing is on its way.
    Splicing,
    /// By splice, through this pipe.
    Piping(Pipe),
    /// By copy, as soon as this pipe is empty.
    Emptying(Pipe),
}

impl Flow {
    /// Takes bytes out of `source`, as far as `lane` has room or a permit for them. The core is to
    /// look at them next; then [`settle`](Self::settle) is to be called. While the sink is `stuck`,
    /// nothing is put behind what is in a pipe: it would not leave sooner.
    pub(super) fn fill(
        &mut self,
        source: &mut Peer,
        lane: &mut Lane,
        limit: usize,
        stuck: bool,
        stores: &mut Stores,
    ) -> Moved {
        if !source.is_readable() {
            return Moved::Nothing;
        }
        self.prepare(lane, &mut stores.pipes);
        match (&mut *self, lane.ahead()) {
            (Self::Copying, _) => copy(source, lane, limit, &mut stores.pool),
            (Self::Splicing, _) | (Self::Piping(_), Some(0)) => {
                peek(source, lane, &mut stores.pool)
            }
            (Self::Piping(pipe), Some(_)) if stuck && pipe.held() > 0 => Moved::Nothing,
            (Self::Piping(pipe), Some(most)) => {
                let moved = pass(source, lane, pipe, most);
                match moved {
                    Moved::Bytes(n) if n == pipe.held() && is_small(n, most) => self.leave(),
                    // The core is to see the line behind it without another round.
                    Moved::Bytes(n) if n as u64 == most => {
                        source.glance(|source| peek(source, lane, &mut stores.pool));
                    }
                    _ => {}
                }
                moved
            }
            (Self::Piping(_), None) | (Self::Emptying(_), _) => Moved::Nothing,
        }
    }

    /// Decides how to go on, now that the core has looked at what [`fill`](Self::fill) brought.
    pub(super) fn settle(&mut self, source: &mut Peer, lane: &mut Lane, filled: Moved) {
        // A writer whose socket is full stops anywhere, in the middle of a chunk line, too.
        if lane.peeked() < LOOK && source.talks() && lane.forget_cut() {
            if lane.ahead() == Some(0) {
                source.wait();
            }
            return;
        }
        let thrown_away = lane.unpeek(LARGE as u64);
        if thrown_away > 0 {
            source.discard(thrown_away);
            self.leave();
        }
        let large = matches!(filled, Moved::Bytes(n) if n >= LARGE);
        if matches!(self, Self::Copying) && large && lane.piece() >= LARGE as u64 {
            *self = Self::Splicing;
        }
    }

    /// Lets bytes leave into `sink`, in order, and passes the end on. While `more` is to be had at
    /// once, a pipe gathers.
    #[inline]
    pub(super) fn flush(
        &mut self,
        sink: &mut Peer,
        lane: &mut Lane,
        more: bool,
        registry: &Registry,
    ) -> Moved {
        if lane.is_flushed() && !lane.to_finish() {
            return Moved::Nothing;
        }
        self.give(sink, lane, more, registry)
    }

    // Most turns find nothing to give in one direction at least, and need not carry this along.
    #[inline(never)]
    fn give(&mut self, sink: &mut Peer, lane: &mut Lane, more: bool, registry: &Registry) -> Moved {
        let mut total = 0;
        while let Some(moved) = self.flush_some(sink, lane, more, registry) {
            match moved {
                Moved::Bytes(n) => total += n,
                Moved::Broken => return Moved::Broken,
                Moved::Nothing | Moved::End => break,
            }
        }
        if lane.to_finish() {
            sink.finish();
            lane.finished();
            return Moved::End;
        }
        if total == 0 { Moved::Nothing } else { Moved::Bytes(total) }
    }

    /// Gives back what is not needed until more comes.
    pub(super) fn rest(&mut self, lane: &mut Lane, stores: &mut Stores) {
        lane.reclaim(&mut stores.pool);
        self.release(lane, &mut stores.pipes);
    }

    /// Gives a pipe back when nothing in it is on its way any more.
    fn release(&mut self, lane: &Lane, pipes: &mut Pipes) {
        if lane.passing() > 0 {
            return;
        }
        *self = match std::mem::take(self) {
            Self::Piping(pipe) => {
                pipes.reclaim(pipe);
                Self::Splicing
            }
            Self::Emptying(pipe) => {
                pipes.reclaim(pipe);
                Self::Copying
            }
            flow @ (Self::Copying | Self::Splicing) => flow,
        };
    }

    /// Gets a pipe if there is something to splice, and copies if there cannot be.
    fn prepare(&mut self, lane: &Lane, pipes: &mut Pipes) {
        self.release(lane, pipes);
        if matches!(self, Self::Splicing) {
            *self = match lane.ahead() {
                Some(0) => Self::Splicing,
                Some(_) => pipes.lend().map_or(Self::Copying, Self::Piping),
                None => Self::Copying,
            };
        }
    }

    /// Moves some of what may leave; `None` when there is nothing.
    fn flush_some(
        &mut self,
        sink: &mut Peer,
        lane: &mut Lane,
        more: bool,
        registry: &Registry,
    ) -> Option<Moved> {
        match self {
            Self::Piping(pipe) if more && !pipe.is_full() && lane.ahead().is_some() => None,
            Self::Piping(pipe) | Self::Emptying(pipe) if lane.passing() > 0 => {
                let moved = sink.splice_from(pipe, registry);
                if let Moved::Bytes(n) = moved {
                    lane.passed(n);
                }
                Some(moved)
            }
            _ if lane.leaving().is_empty() => None,
            _ => {
                let moved = sink.write(lane.leaving(), registry);
                if let Moved::Bytes(n) = moved {
                    lane.left(n);
                }
                Some(moved)
            }
        }
    }

    /// What comes next is better copied.
    fn leave(&mut self) {
        *self = match std::mem::take(self) {
            Self::Copying | Self::Splicing => Self::Copying,
            Self::Piping(pipe) | Self::Emptying(pipe) => Self::Emptying(pipe),
        };
    }
}

/// Whether a piece of `n` bytes is small for its own sake, and not since no more than `most` might.
fn is_small(n: usize, most: u64) -> bool {
    n < SMALL && (n as u64) < most
}

fn copy(source: &mut Peer, lane: &mut Lane, limit: usize, pool: &mut Pool) -> Moved {
    lane.lend(pool);
    let room = lane.room(limit);
    if room.is_empty() {
        return Moved::Nothing;
    }
    let moved = source.read(room);
    if let Moved::Bytes(n) = moved {
        lane.received(n);
    }
    moved
}

fn peek(source: &mut Peer, lane: &mut Lane, pool: &mut Pool) -> Moved {
    lane.lend(pool);
    let Some(room) = lane.room(LOOK).get_mut(..LOOK) else {
        return Moved::Nothing;
    };
    let moved = source.peek(room);
    if let Moved::Bytes(n) = moved {
        lane.peek(n);
    }
    moved
}

fn pass(source: &mut Peer, lane: &mut Lane, pipe: &mut Pipe, most: u64) -> Moved {
    let moved = source.splice_into(pipe, most);
    if let Moved::Bytes(n) = moved {
        lane.passes(n);
    }
    moved
}
