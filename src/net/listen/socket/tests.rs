use super::*;
use std::os::unix::fs::symlink;
use std::os::unix::net::{UnixDatagram, UnixListener as Daemon, UnixStream as Client};

/// A directory of one test, which goes at its end.
struct Dir(PathBuf);

impl Dir {
    fn new(test: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("dcp-{test}-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn bind(&self) -> Result<Listener, Error> {
        let access = SocketAccess::default();
        Listener::bind(&self.file("listen"), access, &self.file("daemon"))
    }

    fn mode(&self) -> u32 {
        fs::metadata(self.file("listen")).unwrap().mode() & 0o777
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn clients_can_connect_and_the_file_goes_at_the_end() {
    let dir = Dir::new("connect");
    let listener = dir.bind().unwrap();
    assert_eq!(listener.path(), dir.file("listen"));
    assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    let _client = Client::connect(listener.path()).unwrap();
    listener.accept().unwrap();
    drop(listener);
    assert!(!dir.file("listen").exists());
}

#[test]
fn a_passed_socket_keeps_its_file_and_its_mode() {
    let dir = Dir::new("passed");
    let socket = Daemon::bind(dir.file("listen")).unwrap();
    let mode = dir.mode();
    let listener = Listener::passed(socket).unwrap();
    assert_eq!(listener.path(), dir.file("listen"));
    assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    let _client = Client::connect(listener.path()).unwrap();
    listener.accept().unwrap();
    drop(listener);
    assert_eq!(dir.mode(), mode);
}

#[test]
fn a_file_that_is_left_to_another_is_removed_by_that_one() {
    let dir = Dir::new("left");
    let mut old = dir.bind().unwrap();
    let next = || {
        let copy = old.as_fd().try_clone_to_owned().unwrap();
        Listener::passed(copy.into()).unwrap().with_file(old.identity())
    };
    // This one fails before it has taken the file.
    drop(next());
    Client::connect(dir.file("listen")).unwrap();
    let mut new = next();
    assert!(!new.is_passed());
    old.leave_file();
    drop(old);
    Client::connect(dir.file("listen")).unwrap();
    new.take_file();
    drop(new);
    assert!(!dir.file("listen").exists());
}

#[test]
fn a_passed_socket_must_listen_and_have_a_path() {
    let why = |socket: OwnedFd| Listener::passed(socket.into()).unwrap_err().to_string();
    assert_eq!(why(new_socket(SocketFlags::CLOEXEC).unwrap()), "it does not listen");
    let socket = new_socket(SocketFlags::CLOEXEC).unwrap();
    let name = format!("dcp-unnamed-{}", std::process::id());
    let address = SocketAddrUnix::new_abstract_name(name.as_bytes()).unwrap();
    rustix::net::bind(&socket, &address).unwrap();
    rustix::net::listen(&socket, 1).unwrap();
    assert_eq!(why(socket), "it has no path");
}

#[test]
fn a_live_socket_is_not_stolen() {
    let dir = Dir::new("live");
    let daemon = Daemon::bind(dir.file("listen")).unwrap();
    assert!(matches!(dir.bind(), Err(Error::InUse(_))));
    // Also when its queue is full: it hangs, but it is alive.
    rustix::net::listen(&daemon, 0).unwrap();
    while probe(&dir.file("listen")) != Err(Errno::AGAIN) {}
    assert!(matches!(dir.bind(), Err(Error::InUse(_))));
    assert!(dir.file("listen").exists());
}

#[test]
fn a_stale_socket_is_replaced() {
    let dir = Dir::new("stale");
    drop(Daemon::bind(dir.file("listen")).unwrap());
    assert!(dir.file("listen").exists());
    let listener = dir.bind().unwrap();
    Client::connect(listener.path()).unwrap();
}

#[test]
fn what_is_no_stale_socket_is_left_alone() {
    let dir = Dir::new("other");
    let refused = |wanted: &str| {
        let error = dir.bind().unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
        assert!(fs::symlink_metadata(dir.file("listen")).is_ok());
    };
    fs::write(dir.file("listen"), "").unwrap();
    refused("is no socket");
    fs::remove_file(dir.file("listen")).unwrap();
    symlink("nowhere", dir.file("listen")).unwrap();
    refused("is no socket");
    fs::remove_file(dir.file("listen")).unwrap();
    let _datagrams = UnixDatagram::bind(dir.file("listen")).unwrap();
    refused("cannot find out who is at");
}

#[test]
fn a_missing_directory_is_named() {
    let dir = Dir::new("missing");
    let path = dir.file("no/listen");
    let error = Listener::bind(&path, SocketAccess::default(), &dir.file("daemon"));
    let error = error.unwrap_err();
    assert!(matches!(&error, Error::NoDirectory(named) if *named == path));
    let wanted = format!("the directory {}, in which", dir.file("no").display());
    assert!(error.to_string().starts_with(&wanted), "{error}");
}

#[test]
fn mode_and_group_are_those_of_the_daemons_socket() {
    let dir = Dir::new("mode");
    let listener = dir.bind().unwrap();
    assert_eq!(dir.mode(), DEFAULT_MODE);
    drop(listener);
    let _daemon = Daemon::bind(dir.file("daemon")).unwrap();
    let permissions = fs::Permissions::from_mode(0o606);
    fs::set_permissions(dir.file("daemon"), permissions).unwrap();
    // Only root may give a file to a foreign group.
    let _ = lchown(dir.file("daemon"), None, Some(4242));
    let _listener = dir.bind().unwrap();
    assert_eq!(dir.mode(), 0o606);
    let group = |name| fs::metadata(dir.file(name)).unwrap().gid();
    assert_eq!(group("listen"), group("daemon"));
}

#[test]
fn mode_is_what_the_operator_wants() {
    let dir = Dir::new("access");
    let mode = Some(0o622);
    let access = SocketAccess { mode, ..SocketAccess::default() };
    let _listener = Listener::bind(&dir.file("listen"), access, &dir.file("daemon")).unwrap();
    assert_eq!(dir.mode(), 0o622);
}

#[test]
fn the_file_is_ours_alone_until_its_owner_is_set() {
    let dir = Dir::new("moment");
    let socket = new_socket(SocketFlags::CLOEXEC).unwrap();
    rustix::fs::fchmod(&socket, Mode::RUSR | Mode::WUSR).unwrap();
    rustix::net::bind(&socket, &SocketAddrUnix::new(dir.file("listen")).unwrap()).unwrap();
    assert_eq!(dir.mode() & 0o077, 0);
}

#[test]
fn the_file_of_a_successor_is_left_alone() {
    let dir = Dir::new("successor");
    let listener = dir.bind().unwrap();
    fs::remove_file(dir.file("listen")).unwrap();
    let _successor = Daemon::bind(dir.file("listen")).unwrap();
    drop(listener);
    assert!(dir.file("listen").exists());
}
