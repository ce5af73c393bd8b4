//! Facts that the host knows.

pub(super) mod caller;
