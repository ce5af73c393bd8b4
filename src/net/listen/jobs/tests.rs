use std::os::unix::fs::MetadataExt;

use super::*;

fn sockets(name: &str) -> JobSockets {
    let folder = std::env::temp_dir().join(format!("dcp-jobs-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let access = SocketAccess { mode: Some(0o600), ..SocketAccess::default() };
    JobSockets::beside(&folder.join("s"), Path::new("/host/s"), access, &folder.join("d"))
}

#[test]
fn each_socket_has_a_name_of_its_own_in_a_closed_directory() {
    let sockets = sockets("names");
    let (one, job) = sockets.open().unwrap();
    let (other, _) = sockets.open().unwrap();
    assert_ne!(one.path(), other.path());
    assert!(sockets.has(&one) && sockets.has(&other));
    assert_eq!(job.path().parent(), Some(Path::new("/host/s.jobs")));
    assert_eq!(job.path().file_name(), one.path().file_name());
    assert_eq!(fs::metadata(&sockets.folder).unwrap().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(one.path()).unwrap().mode() & 0o777, 0o600);
    fs::remove_dir_all(sockets.folder.parent().unwrap()).unwrap();
}

#[test]
fn files_that_no_container_mounts_are_removed() {
    let sockets = sockets("clean");
    let ((one, kept), (other, _)) = (sockets.open().unwrap(), sockets.open().unwrap());
    sockets.clean(Duration::ZERO, |path| path == kept.path());
    assert!(one.path().exists() && !other.path().exists());
    fs::remove_dir_all(sockets.folder.parent().unwrap()).unwrap();
}

#[test]
fn a_socket_is_used_until_its_container_is_gone_or_was_never_created() {
    let sockets = sockets("used");
    let (_listener, job) = sockets.open().unwrap();
    let (nobody, own) = (BTreeSet::new(), BTreeSet::from([job.path().to_owned()]));
    let made = job.since;
    assert!(job.is_used(&nobody, made), "a create may be on its way");
    assert!(!job.is_used(&nobody, made + CREATING), "nothing was created");
    assert!(job.is_used(&own, made + 2 * CREATING));
    assert!(!job.is_used(&nobody, made), "the container is gone");
    fs::remove_dir_all(sockets.folder.parent().unwrap()).unwrap();
}
