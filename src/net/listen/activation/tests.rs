use super::*;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixListener;

#[test]
fn sockets_are_sorted_by_their_names() {
    let folder = std::env::temp_dir().join(format!("dcp-activation-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let at = |file: &str| folder.join(file);
    let passed = |file: &str| Listener::passed(UnixListener::bind(at(file)).unwrap()).unwrap();
    let mut sockets = Sockets::default();
    let pairs = [
        ("docker.sock", "gitlab"),
        ("0123456789abcdef", "job-0123456789abcdef"),
        ("stats.sock", "stats"),
        // The listener of an operator, be it called like this.
        ("build.sock", "job-build"),
        ("00112233445566aa", "job-00112233445566ab"),
        ("fedcba9876543210", "job-fedcba9876543210"),
    ];
    for (file, name) in pairs {
        let listener = passed(file).with_name(name);
        if file == "fedcba9876543210" {
            fs::remove_file(at(file)).unwrap();
        }
        sockets.add(name, listener).unwrap();
    }
    let names = |listeners: &[Listener]| {
        listeners.iter().map(|listener| listener.name().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&sockets.clients), ["gitlab", "job-build", "job-00112233445566ab"]);
    assert_eq!(names(&sockets.jobs), ["job-0123456789abcdef", "job-fedcba9876543210"]);
    assert!(matches!(sockets.add("stats", passed("other.sock")), Err(Error::StatsTwice)));
    // The file of a job is this program's, unless it was removed.
    let meta = fs::symlink_metadata(at("0123456789abcdef")).unwrap();
    assert_eq!(sockets.jobs[0].identity(), Some((meta.dev(), meta.ino())));
    assert_eq!(sockets.jobs[1].identity(), None);
    // A startup may fail, and the next one gets the sockets again.
    drop(sockets);
    assert!(at("docker.sock").exists() && at("0123456789abcdef").exists());
    fs::remove_dir_all(&folder).unwrap();
}
