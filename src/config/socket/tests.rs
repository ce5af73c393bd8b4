use super::*;
use std::os::unix::fs::symlink;

fn path(text: &str) -> Result<PathBuf, Invalid> {
    socket_path(OsStr::new(text))
}

#[test]
fn a_socket_path_may_begin_with_unix() {
    assert_eq!(path("/run/a.sock"), Ok("/run/a.sock".into()));
    assert_eq!(path("unix:///run/a.sock"), Ok("/run/a.sock".into()));
    assert_eq!(path("a.sock"), Ok("a.sock".into()));
}

#[test]
fn other_socket_paths_are_refused() {
    for text in ["tcp://localhost:2375", "unix://unix:///a"] {
        assert_eq!(path(text), Err(Invalid::NotUnix(text.into())));
    }
    for text in ["", "/", "/run/", "/run/..", "/run/a\0b"] {
        assert_eq!(path(text), Err(Invalid::NotAFile(text.into())));
    }
    assert_eq!(path("unix://"), Err(Invalid::NotAFile("".into())));
}

#[test]
fn a_socket_path_has_at_most_107_bytes() {
    let longest = format!("/{}", "x".repeat(106));
    assert!(path(&longest).is_ok());
    let longer = format!("{longest}x");
    assert_eq!(path(&longer), Err(Invalid::PathTooLong(longer.into())));
}

#[test]
fn links_and_dots_lead_to_the_same_socket_even_before_it_exists() {
    let root = std::env::temp_dir().join(format!("dcp-same-{}", std::process::id()));
    fs::create_dir_all(root.join("run")).unwrap();
    symlink("run", root.join("var")).unwrap();
    symlink("run/a", root.join("link")).unwrap();
    let same = |one: &str, other: &str| same_socket(&root.join(one), &root.join(other));
    let pairs = [("run/a", "var/a"), ("run/a", "run/../var/./a"), ("run/a", "link")];
    for (one, other) in pairs {
        assert!(same(one, other), "{one} and {other}, both missing");
    }
    assert!(!same("run/a", "run/b"));
    fs::write(root.join("run/a"), "").unwrap();
    for (one, other) in pairs {
        assert!(same(one, other), "{one} and {other}, both there");
    }
    assert!(!same("run/a", "run/b"));
    fs::hard_link(root.join("run/a"), root.join("run/b")).unwrap();
    assert!(same("run/a", "run/b"));
    fs::remove_dir_all(root).unwrap();
}

#[test]
fn mode_is_octal() {
    for text in ["660", "0660", "0o660"] {
        assert_eq!(mode(text), Ok(0o660));
    }
    for text in ["", "0o", "rw", "+660", "668", "1777", "77777777777777"] {
        assert_eq!(mode(text), Err(Invalid::Mode(text.into())));
    }
}

#[test]
fn users_and_groups_are_read_from_the_lines_of_the_file() {
    let groups = "# local\nroot:x:0:\nbroken\ndocker:x:998:ci,me\n+::::\n";
    assert_eq!(id_of(groups, "docker"), Some(998));
    assert_eq!(id_of(groups, "dock"), None);
    assert_eq!(id_of(groups, "broken"), None);
    assert_eq!(id_of(groups, ""), None);
    assert_eq!((name_of(groups, 998), name_of(groups, 999)), (Some("docker"), None));
    assert_eq!(group_shown(0), "root (0)");
    assert_eq!(group_shown(4_000_000_000), "4000000000");
    assert_eq!(user_name(0).unwrap().as_deref(), Some("root"));
    assert_eq!(user_name(4_000_000_000).unwrap(), None);
}

#[test]
fn owner_is_a_name_or_a_number() {
    assert_eq!(owner("root"), Ok(0));
    assert_eq!(group("1000"), Ok(1000));
    assert_eq!(owner("4294967295"), Err(Invalid::ReservedId("4294967295".into())));
    let unknown = owner("no such user").unwrap_err().to_string();
    assert_eq!(unknown, "there is no user \"no such user\" in /etc/passwd");
}
