//! A proxy for the Docker socket of a CI host that labels everything a job creates.
//!
//! Layers, bottom to top; a file may use what stands lower, never what stands higher
//! (`tests/layers.rs` holds this):
//!
//! `buffer` < `http` < `http2` < `engine` < `rules` < `proxy` < `stats` < `config` < `net` < `cli` < `main`

pub mod buffer;
pub mod cli;
pub mod config;
pub mod engine;
pub mod http;
pub mod http2;
pub mod net;
pub mod proxy;
pub mod rules;
pub mod stats;
