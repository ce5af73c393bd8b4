//! Facts that the host knows: the files at its paths, the process of a client, the container in which
//! the proxy runs.

pub mod authz;
pub(super) mod blocking;
pub(super) mod caller;
mod cgroup;
pub(super) mod credentials;
pub mod own_container;
pub(super) mod question;
pub mod socket_identity;
