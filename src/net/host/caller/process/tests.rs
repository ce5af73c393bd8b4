use std::env;
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Command, Stdio};

use super::*;
use crate::net::host::caller::tests::{Fake, stat};
use crate::net::host::credentials::Credentials;

/// The variable that has the child process of a test connect to a socket.
const CONNECT: &str = "DCP_TEST_CONNECT";

/// Finds the process at the other end.
fn connector(socket: &UnixStream) -> Result<Process, Unknown> {
    let connection = Connection { socket: socket.as_fd(), since: Instant::now() };
    let Credentials::Known { pid, .. } = Credentials::of(socket) else { panic!("no pid") };
    KERNEL.connector(&connection, pid)
}

#[test]
fn a_process_is_known_until_it_ends() {
    if let Ok(path) = env::var(CONNECT) {
        let _connection = UnixStream::connect(path).unwrap();
        // Until the parent closes it.
        let _ = io::stdin().read(&mut [0]);
        return;
    }
    let path = env::temp_dir().join(format!("dcp-connector-{}", std::process::id()));
    let listener = UnixListener::bind(&path).unwrap();
    let name = format!("{}::a_process_is_known_until_it_ends", module_path!());
    let (_, name) = name.split_once("::").unwrap();
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", name])
        .env(CONNECT, &path)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let (socket, _) = listener.accept().unwrap();
    fs::remove_file(path).unwrap();
    let own = KERNEL.process(std::process::id()).unwrap();
    let process = connector(&socket).unwrap();
    assert_eq!(process.cgroup, own.cgroup);
    assert!(process.started >= own.started);
    let since = Instant::now();
    assert!(KERNEL.started_before(since, child.id()).is_ok());

    // First it is a zombie, which has a pid.
    child.kill().unwrap();
    let pid = child.id();
    while !fs::read_to_string(format!("/proc/{pid}/stat")).unwrap().contains(") Z ") {
        std::thread::yield_now();
    }
    assert_eq!(connector(&socket).unwrap_err(), Unknown::Ended(pid));
    assert_eq!(KERNEL.started_before(since, pid).unwrap_err(), Unknown::Ended(pid));
    child.wait().unwrap();
    assert_eq!(connector(&socket).unwrap_err(), Unknown::Ended(pid));
    assert_eq!(KERNEL.started_before(since, pid).unwrap_err(), Unknown::Ended(pid));
}

/// Describes this process with a pidfd, and without.
fn both(fake: &Fake) -> [Result<Process, Unknown>; 2] {
    let (socket, _other) = UnixStream::pair().unwrap();
    let since = Instant::now();
    let connection = Connection { socket: socket.as_fd(), since };
    let pid = NonZeroU32::new(std::process::id()).unwrap();
    [fake.kernel.connector(&connection, pid), fake.kernel.started_before(since, pid.get())]
}

#[test]
fn a_process_that_cannot_be_seen_is_not_taken_for_one_that_has_ended() {
    let (fake, pid) = (Fake::new(), std::process::id());
    for result in both(&fake) {
        assert_eq!(Cgroups::read(&result.unwrap().cgroup).unwrap().path, "/");
    }
    fake.link("proc/self", &(pid + 1).to_string());
    assert_eq!(fake.kernel.check(), Err(Unknown::NoProc));
    fake.remove("proc/self");
    assert_eq!(fake.kernel.check(), Err(Unknown::NoProc));
    fake.link("proc/self", &pid.to_string());
    fake.remove(&format!("proc/{pid}"));
    for result in both(&fake) {
        assert_eq!(result.unwrap_err(), Unknown::Hidden(pid));
    }
}

#[test]
fn a_thread_that_ends_is_in_no_cgroup_that_counts() {
    let (fake, pid) = (Fake::new(), std::process::id());
    fake.write(&format!("proc/{pid}/stat"), &stat(pid, 0x0040_0044, 0));
    for result in both(&fake) {
        assert_eq!(result.unwrap_err(), Unknown::Ended(pid));
    }
}

#[test]
fn a_process_that_was_started_after_the_connection_is_another_one() {
    let (fake, pid) = (Fake::new(), std::process::id());
    fake.process(pid, u64::from(u32::MAX), "0::/\n");
    let [held, started_before] = both(&fake);
    assert!(held.is_ok());
    assert_eq!(started_before.unwrap_err(), Unknown::Ended(pid));
}

#[test]
fn texts_of_another_form_are_not_guessed_at() {
    let (fake, pid) = (Fake::new(), std::process::id());
    for (file, text) in [("cgroup", "x\n"), ("cgroup", ""), ("stat", "1 (x) R 1\n")] {
        fake.process(pid, 0, "0::/\n");
        fake.write(&format!("proc/{pid}/{file}"), text);
        let Err(Unknown::Unreadable(path, _)) = fake.kernel.cgroups(pid) else {
            panic!("{file} {text:?}")
        };
        assert!(path.ends_with(file), "{path}");
    }
}

#[test]
fn the_name_of_a_program_may_have_any_bytes() {
    let text = [b"7 (\xff) R 1 ( ", &stat(7, 0, 42).as_bytes()[2..]].concat();
    let stat = Stat::read(&text).unwrap();
    assert_eq!((stat.is_ending, stat.started), (false, 42));
}

#[test]
fn all_users_are_those_of_the_host() {
    let (fake, pid) = (Fake::new(), std::process::id());
    assert!(!fake.kernel.has_all_users());
    for (text, wanted) in [
        ("         0          0 4294967295\n", true),
        ("         0     100000      65536\n", false),
        ("         0       1000          1\n         1     100000      65536\n", false),
    ] {
        fake.write(&format!("proc/{pid}/uid_map"), "0 0 4294967295\n");
        fake.write(&format!("proc/{pid}/gid_map"), text);
        assert_eq!(fake.kernel.has_all_users(), wanted, "{text}");
    }
}
