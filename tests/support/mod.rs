//! What several tests share.
#![allow(dead_code, unreachable_pub)] // each test uses a part of it
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)] // a test may fail so

use std::path::{Path, PathBuf};

pub mod conversation;
pub mod corpus;
pub mod errands;
pub mod forced;
pub mod go;
pub mod go_json;
pub mod judge;
pub mod labelled;
pub mod naive;
pub mod player;
pub mod random;
pub mod transcript;

/// The folder `tests`; the fuzz targets, which are a package of their own, lie beside it.
pub fn tests() -> PathBuf {
    let mut folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|at| at.join("tests"));
    folders.find(|folder| folder.join("support").is_dir()).unwrap()
}
