//! Commit, tag, save, load and import of images.

use crate::support::{Kind, Lab};

#[test]
fn commit_tag_inspect_and_remove_an_image() {
    let Some(lab) = Lab::open() else { return };
    let container = lab.background(&["--label", "mine=kept"], "sleep 1000");
    let image = lab.reserve(Kind::Image, "committed");
    lab.docker.ok(&["commit", "--change", "ENV COMMITTED=yes", &container, &image]);
    // An image inherits the labels of the container.
    lab.assert_labels(Kind::Image, &image, &[("mine", "kept")]);
    let tag = format!("{image}:other");
    lab.remove_later(Kind::Image, &tag);
    lab.docker.ok(&["tag", &image, &tag]);
    lab.same(&["image", "inspect", &tag]);
    lab.same(&["history", "--human=false", &tag]);
    lab.docker.ok(&["rmi", &tag]);
    assert_ne!(lab.same(&["image", "inspect", &tag]).code, Some(0));
}

#[test]
fn a_saved_image_loads_again() {
    let Some(lab) = Lab::open() else { return };
    let image = lab.reserve(Kind::Image, "saved");
    let container = lab.background(&[], "sleep 1000");
    lab.docker.ok(&["commit", &container, &image]);
    let id = lab.inspect(Kind::Image, &image, "{{.Id}}");
    let saved = lab.docker.run(&["save", &image]);
    assert_eq!(saved.code, Some(0), "{}", saved.err());
    lab.docker.ok(&["rmi", &image]);
    let loaded = lab.docker.run_with(&["load"], &saved.stdout);
    assert_eq!(loaded.code, Some(0), "{}", loaded.err());
    assert_eq!(lab.inspect(Kind::Image, &image, "{{.Id}}"), id);
}

#[test]
fn an_exported_container_imports_as_an_image() {
    let Some(lab) = Lab::open() else { return };
    let container = lab.reserve(Kind::Container, "source");
    lab.docker.ok(&["create", "--name", &container, lab.image(), "true"]);
    let exported = lab.docker.run(&["export", &container]);
    let image = lab.reserve(Kind::Image, "imported");
    let change = ["import", "--change", "CMD [\"echo\", \"imported\"]", "-"];
    let imported = lab.docker.run_with(&[&change[..], &[&image]].concat(), &exported.stdout);
    assert_eq!(imported.code, Some(0), "{}", imported.err());
    assert_eq!(lab.docker.ok(&["run", "--rm", &image]), "imported");
}
