//! `--check`: its output, its exit code, and that it changes nothing.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use dockerd_ci_proxy::net::host::own_container;
use rustix::net::{Shutdown, shutdown};
use rustix::process::{getegid, geteuid};

/// A folder that is removed at the end of the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("dcp-check-{test}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn at(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    /// Returns the names of its files.
    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Starts a daemon with a version and the cgroup driver systemd.
pub(crate) fn daemon(path: &str) {
    daemon_with(path, "systemd");
}

fn daemon_with(path: &str, driver: &'static str) {
    let listener = UnixListener::bind(path).unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 1024];
            assert!(stream.read(&mut request).unwrap() > 0);
            let asks_for_container = request.starts_with(b"GET /containers/");
            let status = if asks_for_container { "404 Not Found" } else { "200 OK" };
            let body = r#"{"Version":"26.1.5","ApiVersion":"1.45","CgroupDriver":"#;
            let answer = format!("HTTP/1.0 {status}\r\n\r\n{body}\"{driver}\"}}");
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
}

/// The exit code, the lines of standard output, the text on standard error.
fn check(words: &[&str]) -> (i32, Vec<String>, String) {
    let output = super::run(&[words, &["--check"]].concat(), &[]);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let lines = text(output.stdout).lines().map(ToOwned::to_owned).collect();
    (output.status.code().unwrap(), lines, text(output.stderr))
}

#[test]
fn a_check_prints_the_plan_and_changes_nothing() {
    let folder = Folder::new("plan");
    let (ds, ls) = (folder.at("d"), folder.at("l"));
    daemon(&ds);
    let words = ["--ds", &ds, "--ls", &ls, "--label", "a=1", "--cgroup-parent", "ci.slice"];
    let (owner, group) = (geteuid().to_string(), getegid().to_string());
    let access = ["--socket-mode", "0600", "--socket-owner", &owner, "--socket-group", &group];
    let (code, lines, errors) = check(&[&words[..], &access].concat());
    let wanted = [
        format!("daemon {ds}: version 26.1.5, API 1.45, cgroup driver systemd"),
        format!("listening socket {ls}: will be created; mode 0600, owner {owner}, group {group}"),
        "label a=\"1\"".to_owned(),
        "cgroup parent \"ci.slice\"".to_owned(),
        "cgroup parent of builds \"ci.slice\"".to_owned(),
        format!("mounts of the daemon's socket are replaced by mounts of {ls}"),
    ];
    assert_eq!((code, &lines[..], errors.as_str()), (0, &wanted[..], ""));
    assert_eq!(folder.names(), ["d"]);
}

#[test]
fn an_unreachable_daemon_has_its_own_exit_code() {
    let folder = Folder::new("away");
    let (ds, ls) = (folder.at("d"), folder.at("l"));
    let (code, lines, errors) = check(&["--ds", &ds, "--ls", &ls]);
    assert_eq!(code, 3);
    assert!(lines[0].starts_with(&format!("listening socket {ls}: will be created; mode 0660")));
    let why = "the daemon cannot be reached: No such file or directory (os error 2)";
    assert_eq!(errors, format!("dockerd-ci-proxy: {ds}: {why}\n"));
}

#[test]
fn an_unusable_path_is_an_error() {
    let folder = Folder::new("place");
    let ds = folder.at("d");
    daemon(&ds);
    fs::write(folder.at("file"), "").unwrap();
    for (place, why) in [("file", "is no socket"), ("none/l", "does not exist")] {
        let (code, _, errors) = check(&["--ds", &ds, "--ls", &folder.at(place)]);
        assert_eq!(code, 1, "{errors}");
        assert!(errors.contains(why), "{errors}");
    }
    let stats = folder.at("none/s");
    let words = ["--ds", &ds, "--ls", &folder.at("l"), "--stats-socket", &stats];
    let why = format!(
        "the directory {}, in which the socket {stats} is to be made, does not exist\n",
        folder.at("none")
    );
    let (code, _, errors) = check(&words);
    assert!(code == 1 && errors.ends_with(&why), "{errors}");
    let errors = String::from_utf8(super::run(&words, &[]).stderr).unwrap();
    assert!(errors.ends_with(&why), "{errors}");
}

#[test]
fn a_group_that_the_socket_cannot_get_is_an_error() {
    let folder = Folder::new("group");
    let (ds, ls, binary) = (folder.at("d"), folder.at("l"), folder.at("proxy"));
    daemon(&ds);
    // Copied by another process: a child of another test could inherit our descriptor, and a file that is
    // open for writing cannot be executed.
    let copied =
        Command::new("cp").args([env!("CARGO_BIN_EXE_dockerd-ci-proxy"), &binary]).status();
    assert!(copied.unwrap().success());
    fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o777)).unwrap();
    fs::set_permissions(&ds, fs::Permissions::from_mode(0o777)).unwrap();
    let start = |words: &[&str]| {
        let mut proxy = Command::new(&binary);
        // Root may give a socket to any group, an ordinary user may not.
        if geteuid().is_root() {
            proxy.uid(65534).gid(65534);
        }
        let output = proxy.args(["--ds", &ds, "--ls", &ls]).args(words).output().unwrap();
        assert!(!Path::new(&ls).exists());
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let refused = |words: &[&str], why: &str| {
        // First a start, then a check.
        for words in [words, &[words, &["--check"]].concat()] {
            let (code, errors) = start(words);
            assert!(code == 1 && errors.contains(why), "{errors}");
        }
    };
    let why = format!("cannot give {ls} to group root (0)");
    let denied = "Operation not permitted (os error 1)";
    let rule =
        "only root may give it to another user, and others to a group only if they are in it";
    refused(&["--socket-group", "0"], &format!("{why}: {denied}; {rule}"));
    if geteuid().is_root() {
        // By default, the socket gets the group of the daemon's socket, here root.
        let rule = "the user that runs the proxy has to be in that group";
        refused(&[], &format!("{why}, which the daemon's socket {ds} has: {denied}; {rule}"));
        // Now new files in the folder have that group.
        fs::set_permissions(&folder.0, fs::Permissions::from_mode(0o2777)).unwrap();
        let (code, errors) = start(&["--socket-group", "0", "--check"]);
        assert_eq!(code, 0, "{errors}");
    }
}

#[test]
fn a_socket_in_use_is_no_error_and_a_stale_socket_stays() {
    let folder = Folder::new("taken");
    let (ds, ls) = (folder.at("d"), folder.at("l"));
    daemon(&ds);
    let listener = UnixListener::bind(&ls).unwrap();
    let (code, lines, _) = check(&["--ds", &ds, "--ls", &ls]);
    assert!(code == 0 && lines[1].contains("another program listens there"), "{lines:?}");
    // A process that another test is starting has the socket open, too, until it runs its program.
    shutdown(&listener, Shutdown::Both).unwrap();
    let (code, lines, _) = check(&["--ds", &ds, "--ls", &ls]);
    assert!(code == 0 && lines[1].contains("on which no program listens"), "{lines:?}");
    assert!(Path::new(&ls).exists());
}

#[test]
fn an_unusable_cgroup_parent_is_an_error() {
    let folder = Folder::new("parent");
    let (ds, ls) = (folder.at("d"), folder.at("l"));
    daemon(&ds);
    let (code, _, errors) = check(&["--ds", &ds, "--ls", &ls, "--cgroup-parent", "/ci"]);
    assert!(code == 2 && errors.contains("driver is systemd"), "{errors}");
    let (code, lines, errors) = check(&["--ds", &ds, "--ls", &ls, "--build-cgroup-parent", "/ci"]);
    let told = "dockerd-ci-proxy: --build-cgroup-parent: the daemon's cgroup driver is systemd";
    assert!(code == 2 && errors.starts_with(told), "{errors}");
    assert!(lines.iter().all(|line| !line.contains("cgroup parent")), "{lines:?}");
    // A start fails the same way.
    fs::write(&ls, "").unwrap();
    let output = super::run(&["--ds", &ds, "--ls", &ls, "--build-cgroup-parent", "/ci"], &[]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("--build-cgroup-parent: the daemon's cgroup driver is systemd"),
        "{told}"
    );
    assert_eq!(output.status.code(), Some(2));
    fs::remove_file(&ls).unwrap();
    let (code, _, errors) = check(&["--ds", &ds, "--ls", &ls, "--cgroup-parent", "self"]);
    assert!(code == 1 && errors.contains("runs in no container"), "{errors}");
}

#[test]
fn what_builds_and_images_get_is_told() {
    let folder = Folder::new("builds");
    let (ds, ls) = (folder.at("d"), folder.at("l"));
    daemon_with(&ds, "cgroupfs");
    let lines = |words: &[&str]| {
        let given = ["--ds", &ds, "--ls", &ls, "--label", "ci.job=1", "--label", "ci.team=web"];
        let (code, lines, errors) = check(&[&given, words].concat());
        assert_eq!(code, 0, "{errors}");
        let told = |line: &String| line.contains("cgroup parent") || line.starts_with("images");
        (lines.into_iter().filter(told).collect::<Vec<_>>(), errors)
    };
    assert_eq!(lines(&[]).0, [""; 0]);
    let pool = ["--build-cgroup-parent", "/builds"];
    let wanted_builds = r#"cgroup parent of builds "/builds""#;
    let wanted = [wanted_builds];
    assert_eq!(lines(&pool).0, wanted);
    let job = ["--cgroup-parent", "/ci/1"];
    let wanted = [r#"cgroup parent "/ci/1""#, wanted[0]];
    assert_eq!(lines(&[job, pool].concat()).0, wanted);
    let none = ["--build-cgroup-parent", "none"];
    let wanted = [wanted[0], "builds get no cgroup parent"];
    assert_eq!(lines(&[job, none].concat()).0, wanted);
    assert_eq!(lines(&none).0, [""; 0]);
    let caller = ["--cgroup-parent", "caller"];
    let of_caller = "cgroup parent: that of the client's own container or process";
    let looked_up =
        "rules depend on the caller; looked up: its cgroup parent, from the kernel and the daemon";
    let builds = "builds run where the daemon puts them, since a cgroup parent for each caller would empty \
                  their cache; --build-cgroup-parent (build_cgroup_parent) changes that";
    assert_eq!(lines(&caller).0, [of_caller, builds, looked_up]);
    assert_eq!(lines(&[caller, pool].concat()).0, [of_caller, wanted_builds, looked_up]);
    assert_eq!(lines(&[caller, none].concat()).0, [of_caller, wanted[1], looked_up]);
    let both = "cgroup parent of builds: that of the client's own container or process, so each such parent \
                has a cache of its own";
    let of_builds = ["--build-cgroup-parent", "caller"];
    assert_eq!(lines(&[caller, of_builds].concat()).0, [of_caller, both, looked_up]);
    assert_eq!(lines(&of_builds).0, [both, looked_up]);
    let (_, errors) = lines(&["--build-cgroup-parent", "ci.slice"]);
    let slice = "warn: --build-cgroup-parent: the daemon's cgroup driver is cgroupfs, ";
    assert!(errors.contains(slice), "{errors}");
    assert_eq!(lines(&["--image-labels", "none"]).0, ["images get no labels"]);
    let team = "images get only these labels: ci.team";
    assert_eq!(lines(&["--image-labels", "ci.team"]).0, [team]);
}

#[test]
fn probable_mistakes_are_warnings() {
    let folder = Folder::new("slip");
    let (ds, ls, none) = (folder.at("d"), folder.at("l"), folder.at("none"));
    daemon_with(&ds, "cgroupfs");
    let words = ["--ds", &ds, "--ls", &ls, "--cgroup-parent", "ci.slice"];
    let (code, _, errors) = check(&[&words[..], &["--socket-bind-source", &none]].concat());
    assert_eq!(code, 0, "{errors}");
    let slice = "dockerd-ci-proxy: warn: --cgroup-parent: the daemon's cgroup driver is cgroupfs, ";
    assert!(errors.contains(slice), "{errors}");
    // In a container, the host's files are not visible.
    let place = format!("warn: --socket-bind-source: nothing exists at {none}; ");
    assert_eq!(errors.contains(&place), !own_container::is_there(), "{errors}");
}

#[test]
fn a_misspelt_variable_is_a_warning() {
    let folder = Folder::new("variable");
    let (ds, ls) = (folder.at("d"), folder.at("l"));
    daemon(&ds);
    let env = [("DCP_LABEL", "a=1"), ("DCP_FLAGS", "-d"), ("DCP_TEST_BINARY", "x")];
    let output = super::run(&["--check", "--ds", &ds, "--ls", &ls], &env);
    let errors = String::from_utf8(output.stderr).unwrap();
    let told = "warn: DCP_LABEL: unknown variable; did you mean DCP_LABELS?";
    assert_eq!(errors, format!("dockerd-ci-proxy: {told}\n"));
    assert_eq!(output.status.code(), Some(0));
    // So it is at a start, which fails at once here.
    fs::write(&ls, "").unwrap();
    let output = super::run(&["--ds", &ds, "--ls", &ls], &env);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.starts_with(&format!("dockerd-ci-proxy: {told}\n")), "{errors}");
}

#[test]
fn a_start_that_needs_an_unreachable_daemon_exits_with_3() {
    let folder = Folder::new("self");
    let (ds, ls) = (folder.at("d"), folder.at("l"));
    let output = super::run(&["--ds", &ds, "--ls", &ls, "--cgroup-parent", "self"], &[]);
    assert_eq!(output.status.code(), Some(3));
}
