//! A proxy for the Docker socket of a CI host that labels everything a job creates.
//!
//! Layers from bottom to top. A file may use lower layers only; `tests/layers.rs` checks this:
//!
//! `buffer` < `json` < `http` < `http2` < `engine` < `rules` < `proxy` < `stats` < `config` < `reap` < `net` < `cli` < `main`

pub mod buffer;
pub mod cli;
pub mod config;
pub mod engine;
pub mod http;
pub mod http2;
pub mod json;
pub mod net;
pub mod proxy;
pub mod reap;
pub mod rules;
pub mod stats;
