//! What several tests share.
#![allow(dead_code, unreachable_pub)] // each test uses a part of it

pub mod player;
pub mod transcript;
