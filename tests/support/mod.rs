//! Code that several tests share.
#![allow(dead_code, unreachable_pub)] // each test uses a part of it
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // a test may fail so

pub mod bodies;
pub mod build_rules;
pub mod calls;
pub mod conversation;
pub mod corpus;
pub mod forced;
pub mod go;
pub mod go_json;
pub mod http2;
pub mod judge;
pub mod labelled;
pub mod naive;
pub mod option_bodies;
pub mod options;
pub mod player;
pub mod policies;
pub mod policy_rows;
pub mod questions;
pub mod random;
pub mod rules;
pub mod skip;
pub mod transcript;
