//! Facts that the host knows.

pub(super) mod caller;
pub mod own_container;
