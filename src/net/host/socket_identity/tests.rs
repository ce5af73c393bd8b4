use super::*;
use std::fs;
use std::os::unix::fs::symlink;

/// Returns the relation of `path`. A look without waiting, if it gives one, must give the same.
fn at(look: &SocketIdentity, path: &str) -> Relation {
    let last = look.at_last(path).unwrap();
    assert_eq!(look.at_once(path, &Seen::default()).unwrap_or(last), last, "{path}");
    last
}

#[test]
fn the_daemons_socket_is_known_under_all_its_names() {
    let dir = std::env::temp_dir().join(format!("dcp-look-{}", std::process::id()));
    fs::create_dir_all(dir.join("in")).unwrap();
    let socket = dir.join("in/docker.sock");
    let _daemon = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    symlink(&socket, dir.join("link")).unwrap();
    symlink(dir.join("in"), dir.join("folder")).unwrap();
    fs::hard_link(&socket, dir.join("hard")).unwrap();
    let look = SocketIdentity::for_socket(socket);
    let named = |name: &str| at(&look, dir.join(name).to_str().unwrap());
    for name in ["in/docker.sock", "in/../in//./docker.sock", "link", "folder/docker.sock", "hard"]
    {
        assert_eq!(named(name), Relation::Socket, "{name}");
    }
    for name in ["in", "", "folder", "in/.."] {
        assert_eq!(named(name), Relation::Above, "{name}");
    }
    assert_eq!(named("other"), Relation::Other);
    assert_eq!(at(&look, "/"), Relation::Above);
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn several_sockets_are_recognized_at_once() {
    let dir = std::env::temp_dir().join(format!("dcp-several-{}", std::process::id()));
    fs::create_dir_all(dir.join("a")).unwrap();
    fs::create_dir_all(dir.join("b")).unwrap();
    let (one, missing) = (dir.join("a/one.sock"), dir.join("b/missing.sock"));
    let _daemon = std::os::unix::net::UnixListener::bind(&one).unwrap();
    let look = SocketIdentity::for_sockets([missing, one], &[]);
    let named = |name: &str| at(&look, dir.join(name).to_str().unwrap());
    for (name, relation) in [
        ("a/one.sock", Relation::Socket),
        ("b/missing.sock", Relation::Socket),
        ("a", Relation::Above),
        ("b", Relation::Above),
        ("b/other", Relation::Other),
        ("c", Relation::Other),
    ] {
        assert_eq!(named(name), relation, "{name}");
    }
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn links_to_sockets_in_a_folder_are_recognized() {
    let dir = std::env::temp_dir().join(format!("dcp-linked-{}", std::process::id()));
    fs::create_dir_all(dir.join("a.jobs")).unwrap();
    let bind = |name: &str| std::os::unix::net::UnixListener::bind(dir.join(name)).unwrap();
    let _sockets = [bind("a"), bind("a.jobs/1"), bind("other")];
    symlink(dir.join("a.jobs"), dir.join("folder")).unwrap();
    symlink(dir.join("folder/1"), dir.join("link")).unwrap();
    let look = SocketIdentity::for_sockets([dir.join("a")], &[dir.join("a.jobs")]);
    for (name, relation) in [
        ("a.jobs/1", Relation::Socket),
        ("folder/1", Relation::Socket),
        ("link", Relation::Socket),
        ("folder", Relation::Socket),
        ("other", Relation::Other),
    ] {
        assert_eq!(at(&look, dir.join(name).to_str().unwrap()), relation, "{name}");
    }
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_path_that_two_readers_follow_to_two_files_is_the_socket_if_one_is() {
    let dir = std::env::temp_dir().join(format!("dcp-two-{}", std::process::id()));
    fs::create_dir_all(dir.join("in/deep/er")).unwrap();
    fs::create_dir_all(dir.join("run")).unwrap();
    let socket = dir.join("run/docker.sock");
    let _daemon = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    symlink(dir.join("in/deep"), dir.join("away")).unwrap();
    symlink(dir.join("in/deep/er"), dir.join("in/away")).unwrap();
    for name in ["cleaned", "in/followed", "in/run"] {
        symlink(&socket, dir.join(name)).unwrap();
    }
    let look = SocketIdentity::for_socket(socket);
    let named = |name: &str| at(&look, dir.join(name).to_str().unwrap());
    assert_eq!(named("away/../cleaned"), Relation::Socket);
    assert_eq!(named("away/../followed"), Relation::Socket);
    // Cleaned, this is the folder above the socket.
    assert_eq!(named("in/away/../../run"), Relation::Socket);
    assert_eq!(named("run/docker.sock/"), Relation::Socket);
    assert_eq!(named("away/../other"), Relation::Other);
    fs::remove_dir_all(&dir).unwrap();
}

#[test]
fn a_socket_that_cannot_be_seen_is_known_as_it_was_spelt() {
    let look = SocketIdentity::for_socket("/var/run/nowhere/docker.sock".into());
    let at = |path: &str| at(&look, path);
    for path in [
        "/var/run/nowhere/docker.sock",
        "/run/nowhere/docker.sock",
        "/var/run/x/../nowhere/docker.sock",
    ] {
        assert_eq!(at(path), Relation::Socket, "{path}");
    }
    assert_eq!(at("/run/nowhere"), Relation::Above);
    assert_eq!(at("/nowhere/docker.sock"), Relation::Other);
}

#[test]
fn what_leads_nowhere_is_told_from_what_fails() {
    let look = SocketIdentity::for_socket("/etc/passwd".into());
    let long = format!("/{}", "x".repeat(5000));
    for path in ["/nowhere/x", "/etc/passwd/x", "/proc/self/fd/x", "/nul\0/x", &long] {
        assert_eq!(at(&look, path), Relation::Other, "{path:?}");
    }
    // Nobody is asked whether a name is too long.
    assert_eq!(look.at_once(&long, &Seen::default()), Some(Relation::Other));
    assert!(
        [Errno::IO, Errno::STALE, Errno::TIMEDOUT, Errno::INTR, Errno::NOTCONN]
            .into_iter()
            .all(|error| !leads_nowhere(error))
    );
}

/// Paths below a mapping, each with its relation.
const BELOW: &[(&str, Relation)] = &[
    ("in", Relation::Other),
    ("in/file", Relation::Other),
    ("within", Relation::Other),
    ("in/up/deep", Relation::Other),
    ("absolute", Relation::Other),
    ("around/file", Relation::Other),
    ("new", Relation::Missing),
    ("in/file/new", Relation::Missing),
    ("within/new/er", Relation::Missing),
    ("absolute/new", Relation::Missing),
    ("etc", Relation::Beyond),
    ("etc/passwd", Relation::Beyond),
    ("etc/new", Relation::Beyond),
    ("dangling", Relation::Beyond),
    ("dangling/new", Relation::Beyond),
    ("loop", Relation::Beyond),
    // Not a mere directory with the socket in it.
    ("out", Relation::Beyond),
    ("out/docker.sock", Relation::Socket),
    ("socket", Relation::Socket),
];

#[test]
fn links_out_of_a_mapping_and_missing_paths_are_known() {
    let dir = std::env::temp_dir().join(format!("dcp-below-{}", std::process::id()));
    let root = dir.join("root");
    fs::create_dir_all(root.join("in/deep")).unwrap();
    fs::create_dir_all(dir.join("run")).unwrap();
    fs::write(root.join("in/file"), "").unwrap();
    let socket = dir.join("run/docker.sock");
    let _daemon = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    for (link, to) in [
        ("within", "in/deep"),
        ("in/up", "../in"),
        ("out", "../run"),
        ("around", "../root/in"),
        ("socket", "../run/docker.sock"),
        ("loop", "loop"),
    ] {
        symlink(to, root.join(link)).unwrap();
    }
    symlink(root.join("in"), root.join("absolute")).unwrap();
    symlink("/etc", root.join("etc")).unwrap();
    symlink(dir.join("nothing"), root.join("dangling")).unwrap();
    symlink(&root, dir.join("mapped")).unwrap();
    let look = SocketIdentity::for_socket(socket);
    for mapped in ["root", "mapped"] {
        for (rest, relation) in BELOW {
            let path = format!("{}/{mapped}/./{rest}", dir.display());
            assert_eq!(at(&look, &path), *relation, "{path}");
        }
    }
    assert_eq!(at(&look, &format!("{}/nowhere/./x", dir.display())), Relation::Missing);
    assert_eq!(at(&look, "//./etc/passwd"), Relation::Other);
    // A path without a mark is only compared with the socket.
    assert_eq!(at(&look, root.join("etc").to_str().unwrap()), Relation::Other);
    assert_eq!(at(&look, root.join("new").to_str().unwrap()), Relation::Other);
    fs::remove_dir_all(&dir).unwrap();
}
