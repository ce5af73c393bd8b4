//! Moves the bytes of one direction from one socket to the other, by copy or by splice.
//!
//! Both follow the permits of the same [`Lane`]. A copy goes through the inbox, where the core
//! reads it. Permitted bytes that have not arrived can skip the inbox, in a pipe. The last piece
//! decides: large pieces are spliced, small ones are copied.
//!
//! The chunk line after a large piece is peeked at in the socket, so that it can be spliced
//! together with the next piece; the pipe gathers many pieces before it is drained. An incomplete
//! line stays in the socket until an event announces the rest.

use mio::Registry;

use super::peer::{Moved, Peer};
use super::pipe::{Pipe, Pipes};
use super::pools::Pools;
use crate::buffer::Pool;
use crate::proxy::Lane;

/// Minimum size in bytes of pieces that are spliced. At this size, splicing and copying cost the
/// same.
const LARGE: usize = 16 * 1024;

/// Size in bytes below which splicing costs more than copying.
const SMALL: usize = 4 * 1024;

/// Bytes that are peeked for a chunk line: the end of the previous chunk, 16 digits, the end of the
/// line, and some extension.
const PEEKED: usize = 32;

/// The way in which the bytes of one direction move.
#[derive(Debug, Default)]
pub(super) enum Transfer {
    /// By copy.
    #[default]
    Copying,
    /// By splice, with no pipe in use.
    Splicing,
    /// By splice, through this pipe.
    Piping(Pipe),
    /// By copy, once this pipe is empty.
    Emptying(Pipe),
}

impl Transfer {
    /// Takes bytes from `source`, as far as `lane` has room or a permit for them. The core must
    /// read them next; then [`settle`](Self::settle) must be called. While the sink is `stuck`, a
    /// pipe that holds bytes is not filled further, since they would not leave sooner.
    pub(super) fn fill(
        &mut self,
        source: &mut Peer,
        lane: &mut Lane,
        limit: usize,
        stuck: bool,
        pools: &mut Pools,
    ) -> Moved {
        if !source.is_readable() {
            return Moved::Nothing;
        }
        self.prepare(lane, &mut pools.pipes);
        match (&mut *self, lane.ahead()) {
            (Self::Copying, _) => copy(source, lane, limit, &mut pools.pool),
            (Self::Splicing, _) | (Self::Piping(_), Some(0)) => peek(source, lane, &mut pools.pool),
            (Self::Piping(pipe), Some(_)) if stuck && pipe.held() > 0 => Moved::Nothing,
            (Self::Piping(pipe), Some(most)) => {
                let moved = pass(source, lane, pipe, most);
                match moved {
                    // The piece is small, and not merely limited by `most`.
                    Moved::Bytes(n) if n == pipe.held() && n < SMALL && (n as u64) < most => {
                        self.leave();
                    }
                    // Peeks at the line now to save a round.
                    Moved::Bytes(n) if n as u64 == most => {
                        source.glance(|source| peek(source, lane, &mut pools.pool));
                    }
                    _ => {}
                }
                moved
            }
            (Self::Piping(_), None) | (Self::Emptying(_), _) => Moved::Nothing,
        }
    }

    /// Chooses between copy and splice, after the core has read the bytes that [`fill`](Self::fill)
    /// took.
    pub(super) fn settle(&mut self, source: &mut Peer, lane: &mut Lane, filled: Moved) {
        // A writer whose socket is full may stop in the middle of a chunk line.
        if lane.peeked() < PEEKED && source.talks() && lane.forget_cut() {
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

    /// Writes bytes that may leave into `sink`, in order, then passes the end on. While the source
    /// has `more` bytes ready, a pipe gathers instead.
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

    // Kept out of line: in most turns at least one direction has nothing to write.
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

    /// Returns storage and pipe until more bytes arrive.
    pub(super) fn rest(&mut self, lane: &mut Lane, pools: &mut Pools) {
        lane.reclaim(&mut pools.pool);
        self.release(lane, &mut pools.pipes);
    }

    /// Returns the pipe if no bytes are passing.
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
            same @ (Self::Copying | Self::Splicing) => same,
        };
    }

    /// Borrows a pipe if there is something to splice; copies if no pipe is available.
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

    /// Moves some of the bytes that may leave; `None` if there are none.
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

    /// Switches to copying.
    fn leave(&mut self) {
        *self = match std::mem::take(self) {
            Self::Copying | Self::Splicing => Self::Copying,
            Self::Piping(pipe) | Self::Emptying(pipe) => Self::Emptying(pipe),
        };
    }
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
    let Some(room) = lane.room(PEEKED).get_mut(..PEEKED) else {
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
