use super::*;
use std::os::unix::fs::symlink;

#[test]
fn a_program_is_found_where_it_was_started() {
    let folder = std::env::temp_dir().join(format!("dcp-found-{}", std::process::id()));
    let at = |name: &str| folder.join(name);
    for name in ["empty", "other", "links", "later", "own"] {
        fs::create_dir_all(at(name)).unwrap();
    }
    fs::write(at("own/v1"), "").unwrap();
    fs::write(at("other/name"), "").unwrap();
    symlink("../own/v1", at("links/name")).unwrap();
    symlink("../own/v1", at("later/name")).unwrap();
    let folders = ["empty", "other", "links", "later"].map(at);
    let folders = std::env::join_paths(folders).unwrap();
    let find = |name: &str| found(name.as_ref(), &folders, &at("own/v1"));
    assert_eq!(find("name"), Some(at("links/name")));
    assert_eq!(find("v1"), None);
    assert_eq!(find(""), None);
    fs::remove_dir_all(&folder).unwrap();
}
