//! What containers mount, where the file system does not answer.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use rustix::process::Signal;

use super::ends::End;
use super::lab::{Folder, Lab, PING, PONG};

/// A file system whose server says nothing.
struct Dead {
    folder: Folder,
    _server: File,
}

impl Dead {
    /// `None` where this may not be made.
    fn mount() -> Option<Self> {
        let folder = Folder::new();
        let server = File::options().read(true).write(true).open("/dev/fuse").ok()?;
        let number = server.as_raw_fd();
        let data = format!("fd={number},rootmode=40000,user_id=0,group_id=0\0");
        let data = std::ffi::CString::from_vec_with_nul(data.into_bytes()).unwrap();
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        mount("dead", folder.path(), "fuse", flags, Some(data.as_c_str())).ok()?;
        Some(Self { folder, _server: server })
    }

    fn path(&self) -> PathBuf {
        self.folder.join("cache")
    }
}

impl Drop for Dead {
    fn drop(&mut self) {
        let _ = unmount(self.folder.path(), UnmountFlags::DETACH);
    }
}

fn create(source: &Path) -> String {
    let body = format!(r#"{{"HostConfig":{{"Binds":["{}:/x"]}}}}"#, source.display());
    let length = body.len();
    format!("POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: {length}\r\n\r\n{body}")
}

#[test]
fn a_dead_file_system_holds_up_nobody_but_who_mounts_it() {
    let Some(dead) = Dead::mount() else {
        return println!("skipped: this test needs root and /dev/fuse");
    };
    let mut lab = Lab::new();
    let begun = Instant::now();
    let (mut stuck, mut its_daemon) = lab.pair();
    stuck.sends(create(&dead.path()));
    let (mut other, mut daemon) = lab.asked(PING);
    daemon.sends(PONG);
    other.gets(PONG);
    // A mount that answers, by a path that nobody has looked at before.
    let folder = Folder::new();
    fs::create_dir(folder.join("new")).unwrap();
    other.sends(create(&folder.join("new")));
    assert!(daemon.gets_head().starts_with("POST /containers/create "));
    assert!(begun.elapsed() < Duration::from_secs(9), "it has waited");
    assert!(stuck.gets_head().starts_with("HTTP/1.1 504 "));
    assert!(begun.elapsed() > Duration::from_secs(9), "it has not waited");
    let why = String::from_utf8(stuck.gets_rest()).unwrap();
    assert!(why.contains("/cache") && why.contains("has not answered for 10 seconds"), "{why}");
    its_daemon.is_closed();
    // Nor does what is stuck keep it from ending.
    lab.proxy.signal(Signal::TERM);
    lab.proxy.signal(Signal::TERM);
    assert_eq!(lab.proxy.await_exit().code(), Some(0));
}

#[test]
fn a_client_that_does_not_wait_leaves_nothing_behind() {
    let Some(dead) = Dead::mount() else {
        return println!("skipped: this test needs root and /dev/fuse");
    };
    let lab = Lab::new();
    let gone = |lab: &Lab| {
        let (mut stuck, its_daemon): (End, End) = lab.pair();
        stuck.sends(create(&dead.path()));
        drop(stuck);
        its_daemon
    };
    let mut daemon = gone(&lab);
    // Its request would go out, as it has come whole, if it were known what it mounts.
    daemon.is_closed();
    drop(gone(&lab));
    let (mut other, mut daemon) = lab.asked(PING);
    daemon.sends(PONG);
    other.gets(PONG);
}
