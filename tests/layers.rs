//! The layers: which module may use which, and how long a file may be.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

/// The layers, bottom to top. A file may use what stands lower, never what stands higher.
const LAYERS: &[&str] = &[
    "buffer", "http", "http2", "engine", "rules", "proxy", "stats", "config", "net", "cli", "main",
];

/// Lines that a file may have, tests not counted: what one can read in one go.
const FILE_LINES: usize = 400;

/// What only `net` and `main` may touch: the core has no socket, and only values of time.
const OUTSIDE: &[&str] = &["mio::", "log::", "Instant::now", "std::net", "std::os::unix::net"];

/// All source files, each with its layer.
fn files() -> Vec<(PathBuf, usize)> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    let mut folders = vec![source.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let first = path.strip_prefix(&source).unwrap().iter().next().unwrap();
            let name = first.to_str().unwrap().trim_end_matches(".rs");
            if name != "lib" {
                let layer = LAYERS.iter().position(|layer| *layer == name);
                files.push((path, layer.expect("a file belongs to a layer")));
            }
        }
    }
    assert!(files.len() > LAYERS.len());
    files
}

/// The file without its unit tests; empty for a file of tests.
fn code(path: &Path) -> String {
    if path.file_name().is_some_and(|name| name == "tests.rs") {
        return String::new();
    }
    let text = fs::read_to_string(path).unwrap();
    text.split("\n#[cfg(test)]\nmod tests").next().unwrap().to_owned()
}

#[test]
fn no_layer_uses_a_higher_one() {
    for (path, layer) in files() {
        let text = fs::read_to_string(&path).unwrap();
        for name in LAYERS.iter().skip(layer + 1) {
            let uses = format!("crate::{name}");
            assert!(!text.contains(&uses), "{} uses {name}", path.display());
        }
    }
}

#[test]
fn the_core_has_no_socket_no_clock_and_no_log() {
    let net = LAYERS.iter().position(|layer| *layer == "net").unwrap();
    for (path, layer) in files().into_iter().filter(|(_, layer)| *layer < net) {
        let code = code(&path);
        for outside in OUTSIDE {
            assert!(!code.contains(outside), "{} ({layer}) has {outside}", path.display());
        }
    }
}

#[test]
fn files_are_short_enough_to_be_read_in_one_go() {
    for (path, _) in files() {
        let lines = code(&path).lines().count();
        assert!(lines <= FILE_LINES, "{} has {lines} lines", path.display());
    }
}
