//! The process as a service: notifications for the service manager, and the handover to a new process.

pub mod handover;
pub mod notify;
pub(in crate::net) mod store;
