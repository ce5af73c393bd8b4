//! The bytes between a client and its daemon.
//!
//! ```text
//!  Pair ── owns ──► Sockets (client Peer, daemon Peer)
//!   └──── borrows, while it is active ───────────► Pump ── has ──► Session, Transfer up, Transfer down
//!                                                                  └─ borrow from ─► Pools
//! ```

pub(super) mod pair;
pub(super) mod peer;
mod pipe;
pub(super) mod pools;
mod pump;
pub(super) mod pumps;
pub(super) mod shell;
mod transfer;
