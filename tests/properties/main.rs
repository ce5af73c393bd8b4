//! Properties of all inputs, tested with many random ones against simple models.
//!
//! The seed of a failure is printed; `DCP_SEED` repeats it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // a test may fail so
#![allow(unreachable_pub)]

mod bodies;
mod build_options;
mod heads;
mod policy;
mod queries;
mod real_go;
mod routing;
mod rules;
mod sessions;
#[path = "../support/mod.rs"]
mod support;
mod templates;
mod transfers;
mod tunnels;
