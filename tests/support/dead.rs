//! A file system that does not answer, as an NFS server that is down.

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

/// One whose server reads nothing and says nothing.
pub(crate) struct Dead {
    folder: PathBuf,
    _server: File,
}

impl Dead {
    /// Mounted at `folder`, which is made for it; `None` where that is not allowed.
    pub(crate) fn mount(folder: &Path) -> Option<Self> {
        let server = File::options().read(true).write(true).open("/dev/fuse").ok()?;
        fs::create_dir(folder).unwrap();
        let number = server.as_raw_fd();
        let data = format!("fd={number},rootmode=40000,user_id=0,group_id=0\0");
        let data = std::ffi::CString::from_vec_with_nul(data.into_bytes()).unwrap();
        let flags = MountFlags::NOSUID | MountFlags::NODEV;
        mount("dead", folder, "fuse", flags, Some(data.as_c_str())).ok()?;
        Some(Self { folder: folder.to_owned(), _server: server })
    }

    /// Something in it, of which nobody can tell what it is.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.join("cache")
    }
}

impl Drop for Dead {
    fn drop(&mut self) {
        let _ = unmount(&self.folder, UnmountFlags::DETACH);
    }
}
