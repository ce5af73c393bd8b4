//! What is told of the proxy while it serves: no socket, no clock.

pub mod calendar;
