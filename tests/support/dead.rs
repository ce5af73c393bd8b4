//! A file system that does not answer, like an NFS server that is down, or answers with an error.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

/// A FUSE mount whose server does not answer look-ups of most names.
pub(crate) struct Dead {
    folder: PathBuf,
}

/// Delay of the answer that [`Dead::late`] does not exist.
pub(crate) const LATE: Duration = Duration::from_secs(6);

impl Dead {
    /// Creates `folder` and mounts there; returns `None` where that is not allowed.
    pub(crate) fn mount(folder: &Path) -> Option<Self> {
        let server = File::options().read(true).write(true).open("/dev/fuse").ok()?;
        fs::create_dir(folder).unwrap();
        let number = server.as_raw_fd();
        let data = format!("fd={number},rootmode=40000,user_id=0,group_id=0\0");
        let data = std::ffi::CString::from_vec_with_nul(data.into_bytes()).unwrap();
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        mount("dead", folder, "fuse", flags, Some(data.as_c_str())).ok()?;
        thread::spawn(move || serve(server));
        Some(Self { folder: folder.to_owned() })
    }

    /// A path whose look-up is never answered.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.join("cache")
    }

    /// A path whose look-up fails.
    pub(crate) fn broken(&self) -> PathBuf {
        self.folder.join("broken")
    }

    /// A path that does not exist, reported after a delay.
    pub(crate) fn late(&self) -> PathBuf {
        self.folder.join("late")
    }
}

impl Drop for Dead {
    fn drop(&mut self) {
        let _ = unmount(&self.folder, UnmountFlags::DETACH | UnmountFlags::FORCE);
    }
}

/// Size of `fuse_in_header` of linux/fuse.h.
const HEADER: usize = 40;
const LOOKUP: u32 = 1;
const INIT: u32 = 26;

/// Answers requests until the file system is unmounted.
fn serve(mut server: File) {
    let mut request = vec![0; 1 << 17];
    while let Ok(length) = server.read(&mut request) {
        let opcode = u32::from_ne_bytes(request[4..8].try_into().unwrap());
        let unique = &request[8..16];
        let (error, body) = match (opcode, &request[HEADER..length]) {
            // Version 7.31, with the smallest maximum write.
            (INIT, _) => {
                let mut said = [7, 31, 0, 0, 0, 4096].map(u32::to_ne_bytes).concat();
                said.resize(64, 0);
                (0, said)
            }
            (LOOKUP, b"broken\0") => (Errno::IO.raw_os_error(), vec![]),
            (LOOKUP, b"late\0") => {
                thread::sleep(LATE);
                (Errno::NOENT.raw_os_error(), vec![])
            }
            (LOOKUP, _) => continue,
            _ => (Errno::NOSYS.raw_os_error(), vec![]),
        };
        let total = u32::try_from(16 + body.len()).unwrap();
        let head = [&total.to_ne_bytes()[..], &(-error).to_ne_bytes(), unique].concat();
        let _ = server.write(&[head, body].concat());
    }
}
