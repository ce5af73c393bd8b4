//! File trees that docker copies.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{Kind, Lab, noise};

#[test]
fn cp_takes_a_tree_in_and_out_again() {
    let Some(lab) = Lab::open() else { return };
    let original = lab.proxy.folder().join("original");
    plant(&original);
    let container = lab.reserve(Kind::Container, "store");
    lab.docker.ok(&["create", "--name", &container, lab.image(), "true"]);
    let inside = format!("{container}:/tree");
    lab.docker.ok(&["cp", original.to_str().unwrap(), &inside]);
    let copy = lab.proxy.folder().join("copy");
    lab.docker.ok(&["cp", &inside, copy.to_str().unwrap()]);
    let compared = Command::new("diff").arg("-r").arg(&original).arg(&copy).output().unwrap();
    assert!(compared.status.success(), "{}", String::from_utf8_lossy(&compared.stdout));
}

/// Creates a large file, an empty one, and many small ones.
fn plant(root: &Path) {
    let many = root.join("many");
    fs::create_dir_all(&many).unwrap();
    fs::write(root.join("large"), noise(8_000_000)).unwrap();
    fs::write(root.join("empty"), "").unwrap();
    for number in 0..300 {
        fs::write(many.join(number.to_string()), noise(number)).unwrap();
    }
}

#[test]
fn cp_of_what_is_not_there_fails_in_the_daemons_words() {
    let Some(lab) = Lab::open() else { return };
    let container = lab.reserve(Kind::Container, "store");
    lab.docker.ok(&["create", "--name", &container, lab.image(), "true"]);
    let finished = lab.same(&["cp", &format!("{container}:/nowhere"), "-"]);
    assert_eq!(finished.code, Some(1));
}

#[test]
fn export_streams_the_whole_file_system() {
    let Some(lab) = Lab::open() else { return };
    let container = lab.reserve(Kind::Container, "store");
    lab.docker.ok(&["create", "--name", &container, lab.image(), "true"]);
    let finished = lab.same(&["export", &container]);
    assert!(finished.stdout.len() > 1_000_000, "{} bytes", finished.stdout.len());
}
