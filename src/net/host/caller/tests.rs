use std::fs;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::net::client::tests::{daemon, ok};

pub(in crate::net) const ID: &str =
    "3f29ce8c0b8e2b0b5ffd9d2a3a4c1a2d4c8a6c3d2e1f0a9b8c7d6e5f4a3b2c1d";

/// Folders in place of those of the kernel, which go at the end of the test.
pub(in crate::net) struct Fake {
    root: PathBuf,
    pub(in crate::net) kernel: Kernel,
}

impl Fake {
    /// Makes folders with this process alone, which is in the cgroup namespace of the host.
    pub(in crate::net) fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("dcp-caller-{}-{number}", std::process::id());
        let root = std::env::temp_dir().join(name);
        let place = |name: &str| -> &'static str {
            let path = root.join(name).to_str().unwrap().to_owned();
            fs::create_dir_all(&path).unwrap();
            path.leak()
        };
        let kernel = Kernel { proc: place("proc"), cgroup: place("cgroup") };
        let fake = Self { root, kernel };
        fake.process(std::process::id(), 0, "0::/\n");
        fake.link("proc/self", &std::process::id().to_string());
        fake.enter("cgroup:[4026531835]");
        fake
    }

    /// Writes a file.
    pub(in crate::net) fn write(&self, path: &str, text: &str) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Makes a link in place of another one.
    pub(super) fn link(&self, path: &str, target: &str) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let _ = fs::remove_file(&path);
        std::os::unix::fs::symlink(target, path).unwrap();
    }

    /// Removes a file or folder.
    pub(super) fn remove(&self, path: &str) {
        let path = self.root.join(path);
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
    }

    /// Puts this process into a cgroup namespace.
    fn enter(&self, namespace: &str) {
        self.link(&format!("proc/{}/ns/cgroup", std::process::id()), namespace);
    }

    /// Makes a process that was started at a time, with this text about its cgroups.
    pub(in crate::net) fn process(&self, pid: u32, started: u64, cgroups: &str) {
        self.write(&format!("proc/{pid}/cgroup"), cgroups);
        self.write(&format!("proc/{pid}/stat"), &stat(pid, 0x0040_0000, started));
    }

    /// Puts this process, which is the caller in tests, into these cgroups.
    fn caller(&self, cgroups: &str) {
        self.process(std::process::id(), 7, cgroups);
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// A text of `/proc/PID/stat`.
pub(super) fn stat(pid: u32, flags: u64, started: u64) -> String {
    format!(
        "{pid} (a) b) R 1 {pid} {pid} 0 -1 {flags} 254 0 0 0 0 0 0 0 20 0 1 0 {started} 0 0 18446744073709551615 \
         0 0 0 0 0 0 0 16781312 2 1 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
    )
}

/// An inspection of a container with this first process.
pub(in crate::net) fn inspected(id: &str, pid: u32) -> Vec<u8> {
    ok(&format!(
        r#"{{"Id":"{id}","Name":"/job","State":{{"Pid":{pid}}},"HostConfig":{{"CgroupParent":"/ci/7"}}}}"#
    ))
}

fn target(id: &str) -> String {
    format!("/containers/{id}/json")
}

/// Finds this process, which has made a connection to itself. Returns the number of questions to the daemon,
/// too.
fn find(wanted: Wanted, fake: &Fake, daemon: &Asked<'_>) -> (Result<Caller, Unknown>, usize) {
    let (client, _server) = UnixStream::pair().unwrap();
    let connection = Connection { socket: client.as_fd(), since: Instant::now() };
    match look(wanted, &connection, daemon, fake.kernel) {
        Ok(Found::All(caller)) => (Ok(caller), 0),
        Ok(Found::Part(part, inquiry)) => {
            (inquiry.answer().and_then(|answer| part.complete(answer, daemon)), 1)
        }
        Err(unknown) => (Err(unknown), 0),
    }
}

/// Finds this process with a daemon that has these answers.
fn found(
    wanted: Wanted,
    fake: &Fake,
    test: &str,
    answers: &[(&str, Vec<u8>)],
) -> Result<Caller, Unknown> {
    let (daemon, remembered) = (daemon(test, answers), Remembered::default());
    let daemon = Asked { path: &daemon, remembered: &remembered, now: Instant::now() };
    find(wanted, fake, &daemon).0
}

/// The answer of a daemon with this cgroup driver.
fn cgroupfs() -> (&'static str, Vec<u8>) {
    ("/info", ok(r#"{"CgroupDriver":"cgroupfs"}"#))
}

fn nowhere(remembered: &Remembered) -> Asked<'_> {
    Asked { path: Path::new("/nowhere"), remembered, now: Instant::now() }
}

#[test]
fn nothing_is_looked_at_that_is_not_wanted() {
    let (fake, remembered) = (Fake::new(), Remembered::default());
    fake.remove("proc");
    let uid = rustix::process::geteuid().as_raw();
    let (gid, pid) = (rustix::process::getegid().as_raw(), std::process::id());
    let process = Caller { uid, gid, pid, ..Caller::default() };
    for wanted in [Wanted::PROCESS, Wanted::PID] {
        assert_eq!(find(wanted, &fake, &nowhere(&remembered)), (Ok(process.clone()), 0));
    }
    let user = user_name(uid).unwrap();
    let named = Caller { user, ..process };
    assert_eq!(find(Wanted::USER, &fake, &nowhere(&remembered)), (Ok(named), 0));
    let (caller, _) = find(Wanted::CGROUP, &fake, &nowhere(&remembered));
    assert_eq!(caller, Err(Unknown::NoProc));
}

#[test]
fn a_process_in_another_namespace_has_no_number() {
    let (fake, remembered) = (Fake::new(), Remembered::default());
    let (client, _server) = UnixStream::pair().unwrap();
    let connection = Connection { socket: client.as_fd(), since: Instant::now() };
    let look = |credentials, wanted| {
        let found = look_at(credentials, wanted, &connection, &nowhere(&remembered), fake.kernel);
        found.map(|found| match found {
            Found::All(caller) => (caller.uid, caller.gid, caller.pid),
            Found::Part(..) => panic!("the daemon is asked"),
        })
    };
    let foreign = Credentials::Foreign { uid: 7, gid: 8 };
    assert_eq!(look(foreign, Wanted::PROCESS), Ok((7, 8, 0)));
    assert_eq!(look(foreign, Wanted::USER), Ok((7, 8, 0)));
    for wanted in [Wanted::PID, Wanted::CGROUP, Wanted::PARENT, Wanted::CONTAINER] {
        assert_eq!(look(foreign, wanted), Err(Unknown::OutOfSight), "{wanted:?}");
        assert_eq!(look(Credentials::Unknown, wanted), Err(Unknown::OutOfSight), "{wanted:?}");
    }
    for (uid, gid) in [(OVERFLOW, 8), (7, OVERFLOW)] {
        let nobody = Credentials::Foreign { uid, gid };
        assert_eq!(look(nobody, Wanted::PROCESS), Err(Unknown::Unmapped));
    }
    let own = std::process::id();
    for map in ["uid_map", "gid_map"] {
        fake.write(&format!("proc/{own}/{map}"), "0 0 4294967295\n");
    }
    let nobody = Credentials::Foreign { uid: OVERFLOW, gid: OVERFLOW };
    assert_eq!(look(nobody, Wanted::PROCESS), Ok((OVERFLOW, OVERFLOW, 0)));
}

#[test]
fn the_cgroup_needs_no_daemon() {
    let (fake, remembered) = (Fake::new(), Remembered::default());
    fake.caller(&format!("0::/docker/{ID}/init\n"));
    let (caller, asked) = find(Wanted::CGROUP, &fake, &nowhere(&remembered));
    assert_eq!((caller.unwrap().cgroup, asked), (Some(format!("/docker/{ID}/init")), 0));
}

#[test]
fn the_daemon_is_asked_now_and_then_whether_its_containers_have_cgroups() {
    let (fake, remembered) = (Fake::new(), Remembered::default());
    fake.caller("4:memory:/slurm/job_7/step_0\n0::/\n");
    let daemon = daemon("driver", &[cgroupfs()]);
    let daemon = Asked { path: &daemon, ..nowhere(&remembered) };
    for asks in [1, 0] {
        let (caller, asked) = find(Wanted::CONTAINER | Wanted::PARENT, &fake, &daemon);
        let Caller { parent, container, .. } = caller.unwrap();
        assert_eq!((parent.as_deref(), container, asked), (Some("/slurm/job_7"), None, asks));
    }
    let daemon = Asked { now: daemon.now + std::time::Duration::from_mins(10), ..daemon };
    assert_eq!(find(Wanted::CONTAINER, &fake, &daemon).1, 1);
}

#[test]
fn containers_without_cgroups_are_not_taken_for_none() {
    let fake = Fake::new();
    fake.caller("0::/user.slice/user-1000.slice/session-1.scope\n");
    for (test, info) in [
        ("no-driver", r#"{"CgroupDriver":"none","CgroupVersion":"2"}"#),
        (
            "rootless-1",
            r#"{"CgroupDriver":"cgroupfs","CgroupVersion":"1","SecurityOptions":["name=rootless"]}"#,
        ),
    ] {
        for wanted in [Wanted::CONTAINER, Wanted::PARENT] {
            let unknown = found(wanted, &fake, test, &[("/info", ok(info))]).unwrap_err();
            assert_eq!(unknown, Unknown::Driver("none".to_owned()), "{test}");
        }
    }
    let rootless =
        r#"{"CgroupDriver":"systemd","CgroupVersion":"2","SecurityOptions":["name=rootless"]}"#;
    let caller = found(Wanted::CONTAINER, &fake, "rootless-2", &[("/info", ok(rootless))]);
    assert_eq!(caller.unwrap().container, None);
}

#[test]
fn the_container_is_asked_for_once() {
    let (fake, remembered) = (Fake::new(), Remembered::default());
    let cgroups = format!("0::/docker/{ID}\n");
    fake.process(70, 5, &cgroups);
    fake.caller(&cgroups);
    let daemon = daemon("once", &[(&target(ID), inspected(ID, 70))]);
    let daemon = Asked { path: &daemon, ..nowhere(&remembered) };
    for asks in [1, 0] {
        let (caller, asked) = find(Wanted::CONTAINER | Wanted::PARENT, &fake, &daemon);
        let Caller { container, parent, cgroup, .. } = caller.unwrap();
        assert_eq!(container.unwrap().name, "job");
        assert_eq!((parent.as_deref(), cgroup, asked), (Some("/ci/7"), None, asks));
    }
    // Another process has got the pid of its first one: the container was started again.
    fake.process(70, 6, &cgroups);
    assert_eq!(find(Wanted::CONTAINER, &fake, &daemon).1, 1);
    assert_eq!(find(Wanted::CONTAINER, &fake, &daemon).1, 0);
}

#[test]
fn the_innermost_container_that_the_daemon_knows_counts() {
    let fake = Fake::new();
    let inner = "a".repeat(64);
    fake.process(70, 5, &format!("0::/docker/{ID}/docker/{inner}\n"));
    fake.process(60, 5, &format!("0::/docker/{ID}\n"));
    fake.caller(&format!("0::/docker/{ID}/docker/{inner}\n"));
    let (outer, inner_target) = (target(ID), target(&inner));
    let both = [cgroupfs(), (&*outer, inspected(ID, 60)), (&*inner_target, inspected(&inner, 70))];
    let id = |caller: Caller| caller.container.unwrap().id.clone();
    assert_eq!(found(Wanted::CONTAINER, &fake, "both", &both).map(id), Ok(inner));
    let one = found(Wanted::CONTAINER, &fake, "outer", &both[..2]);
    assert_eq!(one.map(id), Ok(ID.to_owned()));
    let none = found(Wanted::CONTAINER, &fake, "neither", &both[..1]).unwrap();
    assert_eq!(none.container, None);
}

#[test]
fn the_parent_of_a_container_of_another_manager_is_that_of_its_cgroup() {
    let fake = Fake::new();
    fake.caller(&format!("0::/kubepods/pod7/{ID}\n"));
    fake.write("cgroup/kubepods/pod7/cgroup.procs", "");
    let caller = found(Wanted::PARENT, &fake, "pod", &[cgroupfs()]).unwrap();
    assert_eq!((caller.parent.as_deref(), caller.container), (Some("/kubepods/pod7"), None));
}

#[test]
fn a_daemon_without_an_answer_is_no_fallback() {
    let fake = Fake::new();
    fake.caller(&format!("0::/docker/{ID}\n"));
    let answer = |test, answer: &[u8]| {
        let unknown = found(Wanted::CONTAINER, &fake, test, &[(&target(ID), answer.to_vec())]);
        unknown.unwrap_err().to_string()
    };
    let failed = "the daemon was asked about its container: the daemon";
    let error = b"HTTP/1.0 500 Oh\r\n\r\n{}";
    assert_eq!(answer("failed", error), format!("{failed} answered with status 500"));
    let nonsense = answer("nonsense", &ok("<html>"));
    assert!(nonsense.starts_with(&format!("{failed}'s answer cannot be read")), "{nonsense}");
    assert_eq!(
        answer("empty", &ok("{}")),
        format!("{failed}'s answer has no Id of the type in its API")
    );
    let remembered = Remembered::default();
    let away = find(Wanted::CONTAINER, &fake, &nowhere(&remembered)).0.unwrap_err();
    assert!(matches!(away, Unknown::Daemon(_)), "{away}");
    fake.caller("4:memory:/a/b\n");
    let silent = found(Wanted::PARENT, &fake, "silent", &[("/info", ok("{}"))]).unwrap_err();
    assert!(matches!(silent, Unknown::Daemon(_)), "{silent}");
}

/// The proxy is in a cgroup namespace of its own, and this process is the daemon, too.
#[test]
fn in_a_namespace_of_its_own_the_proxy_knows_what_it_cannot_see() {
    let fake = Fake::new();
    fake.enter("cgroup:[4026532000]");
    let own = |path: &str| Err(Unknown::OwnNamespace(path.to_owned()));
    let answers = [(&*target(ID), inspected(ID, 70)), cgroupfs()];
    let seen = |test, wanted, cgroups: &str| {
        fake.caller(&format!("4:memory:{cgroups}\n"));
        found(wanted, &fake, test, &answers)
    };
    // The daemon is outside, where the caller is.
    let outside = format!("/../docker-{ID}.scope");
    fake.process(70, 5, &format!("4:memory:{outside}\n"));
    let caller = seen("own-id", Wanted::CONTAINER | Wanted::PARENT, &outside).unwrap();
    assert_eq!((caller.container.unwrap().id.as_str(), &*caller.parent.unwrap()), (ID, "/ci/7"));
    assert_eq!(seen("own-path", Wanted::CGROUP, &outside), own(&outside));
    for wanted in [Wanted::CGROUP, Wanted::PARENT, Wanted::CONTAINER] {
        let path = "/../user.slice/user-1.slice/session-1.scope";
        assert_eq!(seen("own-login", wanted, path), own(path), "{wanted:?}");
    }
    // The daemon is in the same namespace: in a container of LXC, or beside the proxy in docker:dind.
    let caller = seen("own-inside", Wanted::CGROUP | Wanted::PARENT, "/a/b/c").unwrap();
    assert_eq!(caller.cgroup.as_deref(), Some("/a/b/c"));
    assert_eq!((caller.parent.as_deref(), caller.container), (Some("/a/b"), None));
}

#[test]
fn in_a_namespace_of_its_own_the_proxy_does_not_take_its_own_container_for_none() {
    let fake = Fake::new();
    fake.enter("cgroup:[4026532000]");
    fake.caller("0::/\n");
    for wanted in [Wanted::CGROUP, Wanted::PARENT, Wanted::CONTAINER] {
        // The daemon, this process, is not seen.
        let (daemon, remembered) = (daemon("own-container", &[cgroupfs()]), Remembered::default());
        let daemon = Asked { path: &daemon, ..nowhere(&remembered) };
        let (client, _server) = UnixStream::pair().unwrap();
        let connection = Connection { socket: client.as_fd(), since: Instant::now() };
        let found = look(wanted, &connection, &daemon, fake.kernel);
        let Ok(Found::Part(part, inquiry)) = found else { panic!("{wanted:?}") };
        fake.remove(&format!("proc/{}/cgroup", std::process::id()));
        let unknown = part.complete(inquiry.answer().unwrap(), &daemon).unwrap_err();
        assert_eq!(unknown, Unknown::OwnNamespace("/".to_owned()), "{wanted:?}");
        fake.caller("0::/\n");
    }
}
