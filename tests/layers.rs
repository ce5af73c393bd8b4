//! The layers: which module may use which, where circles are, and how long a file may be.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The layers, bottom to top. A file may use what stands lower, never what stands higher.
const LAYERS: &[&str] = &[
    "buffer", "json", "http", "http2", "engine", "rules", "proxy", "stats", "config", "reap",
    "net", "cli", "main",
];

/// Circles of modules that use each other. A circle is one concept in several files; each stands
/// here with the reason.
const CIRCLES: &[(&[&str], &str)] = &[(
    &["proxy::grpc::down", "proxy::grpc::opening", "proxy::grpc::tunnel"],
    "flow control couples both directions",
)];

/// Lines that a file may have, tests not counted: what one can read in one go.
const FILE_LINES: usize = 400;

/// What only `net` and `main` may touch: the core has no socket, and only values of time.
const OUTSIDE: &[&str] = &["mio::", "log::", "Instant::now", "std::net", "std::os::unix::net"];

/// A source file.
struct File {
    path: PathBuf,
    /// The place of its layer in [`LAYERS`].
    layer: usize,
    /// The names that lead to its module.
    module: Vec<String>,
}

impl File {
    /// Returns the names that lead to the module in which `super::` is looked up.
    fn parent(&self) -> &[String] {
        self.module.split_last().map_or(&[], |(_, parent)| parent)
    }

    fn name(&self) -> String {
        self.module.join("::")
    }
}

/// All source files but those of unit tests, each with its layer.
fn files() -> Vec<File> {
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
            let mut module: Vec<String> = path
                .strip_prefix(&source)
                .unwrap()
                .iter()
                .map(|name| name.to_str().unwrap().trim_end_matches(".rs").to_owned())
                .collect();
            let last = module.last().unwrap();
            if last == "tests" || module == ["lib"] {
                continue;
            }
            if last == "mod" {
                module.pop();
            }
            let layer = LAYERS.iter().position(|layer| *layer == module[0]);
            files.push(File { path, layer: layer.expect("a file belongs to a layer"), module });
        }
    }
    assert!(files.len() > LAYERS.len());
    files
}

/// Returns the file without its unit tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.split("\n#[cfg(test)]\nmod tests").next().unwrap().to_owned()
}

/// Returns the paths that the `use` lines of a text name, with braces resolved.
fn uses(text: &str) -> Vec<Vec<String>> {
    let mut paths = Vec::new();
    for (at, _) in text.match_indices("use ") {
        let begins = text[..at].rsplit('\n').next().unwrap().trim();
        if !matches!(begins, "" | "pub" | "pub(super)" | "pub(crate)") {
            continue;
        }
        let statement = text[at + 4..].split(';').next().unwrap();
        spread(&[], &statement.split_whitespace().collect::<String>(), &mut paths);
    }
    paths
}

/// Spreads one tree of a `use` line into `paths`.
fn spread(before: &[String], tree: &str, paths: &mut Vec<Vec<String>>) {
    let (head, group) = match tree.split_once('{') {
        Some((head, group)) => (head.trim_end_matches("::"), group.strip_suffix('}')),
        None => (tree, None),
    };
    let path: Vec<String> = before
        .iter()
        .cloned()
        .chain(head.split("::").filter(|name| !name.is_empty()).map(ToOwned::to_owned))
        .collect();
    let Some(group) = group else { return paths.push(path) };
    let (mut depth, mut start) = (0, 0);
    for (at, letter) in group.char_indices().chain([(group.len(), ',')]) {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if start < at {
                    spread(&path, &group[start..at], paths);
                }
                start = at + 1;
            }
            _ => {}
        }
    }
}

/// Returns the modules whose items each module uses, by their `use` lines. What a module uses of its
/// own children, or re-exports, makes no arrow: a parent is its children.
fn arrows(files: &[File]) -> BTreeMap<String, BTreeSet<String>> {
    let names: BTreeSet<String> = files.iter().map(File::name).collect();
    let mut arrows = BTreeMap::new();
    for file in files {
        let mut used = BTreeSet::new();
        for path in uses(&code(&file.path)) {
            let absolute: Vec<String> = match path.first().map(String::as_str) {
                Some("crate") => path[1..].to_vec(),
                Some("super") => {
                    let ups = path.iter().take_while(|name| *name == "super").count();
                    let parent = file.parent();
                    let base = &parent[..parent.len() + 1 - ups];
                    [base, &path[ups..]].concat()
                }
                _ => continue,
            };
            let target = (1..=absolute.len())
                .rev()
                .map(|length| absolute[..length].join("::"))
                .find(|name| names.contains(name));
            let own = file.name();
            if let Some(target) = target
                && target != own
                && !own.starts_with(&format!("{target}::"))
                && !target.starts_with(&format!("{own}::"))
            {
                used.insert(target);
            }
        }
        arrows.insert(file.name(), used);
    }
    arrows
}

/// Returns the circles: sets of modules of which each can be reached from each other.
fn circles(arrows: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<Vec<&str>> {
    let reached = |from: &str| {
        let mut reached = BTreeSet::new();
        let mut next = vec![from.to_owned()];
        while let Some(name) = next.pop() {
            for target in arrows.get(&name).into_iter().flatten() {
                if reached.insert(target.clone()) {
                    next.push(target.clone());
                }
            }
        }
        reached
    };
    let all: BTreeMap<&str, BTreeSet<String>> =
        arrows.keys().map(|name| (name.as_str(), reached(name))).collect();
    let both = |one: &str, other: &str| all[one].contains(other) && all[other].contains(one);
    let circle_of =
        |one: &&str| all.keys().copied().filter(|other| both(one, other)).collect::<Vec<&str>>();
    all.keys().map(circle_of).filter(|circle| circle.len() > 1).collect()
}

#[test]
fn no_layer_uses_a_higher_one() {
    for File { path, layer, .. } in files() {
        let text = fs::read_to_string(&path).unwrap();
        for name in LAYERS.iter().skip(layer + 1) {
            let uses = format!("crate::{name}");
            assert!(!text.contains(&uses), "{} uses {name}", path.display());
        }
    }
}

#[test]
fn modules_use_each_other_in_no_circle_that_is_not_known() {
    let arrows = arrows(&files());
    let known: BTreeSet<Vec<&str>> = CIRCLES.iter().map(|(circle, _)| circle.to_vec()).collect();
    let found = circles(&arrows);
    for circle in &found {
        let ties = circle.iter().map(|one| {
            let to: Vec<_> =
                arrows[*one].iter().filter(|to| circle.contains(&to.as_str())).collect();
            format!("\n  {one} -> {to:?}")
        });
        assert!(known.contains(circle), "a new circle:{}", ties.collect::<String>());
    }
    assert_eq!(found, known, "a circle that is known is not there any more");
}

#[test]
fn use_lines_are_read() {
    let text = "use a::b;\npub use super::{c, d::{self, E}};\n    use crate::f::G as _;\nlet x = \"use h;\";\n";
    let joined: Vec<String> = uses(text).iter().map(|path| path.join("::")).collect();
    assert_eq!(joined, ["a::b", "super::c", "super::d::self", "super::d::E", "crate::f::Gas_"]);
}

#[test]
fn the_core_has_no_socket_no_clock_and_no_log() {
    let net = LAYERS.iter().position(|layer| *layer == "net").unwrap();
    for File { path, layer, .. } in files().into_iter().filter(|file| file.layer < net) {
        let code = code(&path);
        for outside in OUTSIDE {
            assert!(!code.contains(outside), "{} ({layer}) has {outside}", path.display());
        }
    }
}

#[test]
fn files_are_short_enough_to_be_read_in_one_go() {
    for File { path, .. } in files() {
        let lines = code(&path).lines().count();
        assert!(lines <= FILE_LINES, "{} has {lines} lines", path.display());
    }
}
