use super::*;

use std::fs::File;
use std::io::IoSliceMut;
use std::os::unix::fs::MetadataExt;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

/// Returns the next message with its descriptor.
fn next(manager: &UnixDatagram) -> (String, Option<OwnedFd>) {
    let mut text = [0; 256];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let pieces = &mut [IoSliceMut::new(&mut text)];
    let length = recvmsg(manager, pieces, &mut control, RecvFlags::empty()).unwrap().bytes;
    let file = control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut files) => files.next(),
        _ => None,
    });
    (str::from_utf8(&text[..length]).unwrap().to_owned(), file)
}

#[test]
fn the_manager_gets_the_socket_with_its_name() {
    let (proxy, manager) = UnixDatagram::pair().unwrap();
    let mut changes = Changes::default();
    changes.store("job-0123456789abcdef", &proxy);
    changes.forget("job-0123456789abcdef");
    assert!(!changes.is_empty());
    changes.send(&proxy);
    assert!(changes.is_empty());
    let (text, file) = next(&manager);
    assert_eq!(text, "FDSTORE=1\nFDNAME=job-0123456789abcdef\nFDPOLL=0");
    let number = |file: OwnedFd| File::from(file).metadata().unwrap().ino();
    assert_eq!(number(file.unwrap()), number(proxy.into()));
    let (text, file) = next(&manager);
    assert_eq!(text, "FDSTOREREMOVE=1\nFDNAME=job-0123456789abcdef");
    assert!(file.is_none());
}

#[test]
fn a_manager_that_does_not_read_is_sent_the_rest_later() {
    let (proxy, manager) = UnixDatagram::pair().unwrap();
    proxy.set_nonblocking(true).unwrap();
    let mut changes = Changes::default();
    let count = 10_000;
    for number in 0..count {
        changes.forget(&number.to_string());
    }
    changes.store("last", &manager);
    changes.send(&proxy);
    assert!(!changes.is_empty());
    for number in 0..count {
        assert_eq!(next(&manager).0, format!("FDSTOREREMOVE=1\nFDNAME={number}"));
        changes.send(&proxy);
    }
    assert!(next(&manager).1.is_some());
    assert!(changes.is_empty());
}

#[test]
fn a_manager_that_has_ended_holds_up_nothing() {
    let (proxy, manager) = UnixDatagram::pair().unwrap();
    drop(manager);
    let mut changes = Changes::default();
    changes.forget("one");
    changes.forget("two");
    changes.send(&proxy);
    assert!(changes.is_empty());
}

#[test]
fn only_sockets_of_jobs_have_a_name() {
    let name = |path: &str| name_of(Path::new(path));
    assert_eq!(name("/run/x.sock.jobs/0123456789abcdef").as_deref(), Some("job-0123456789abcdef"));
    for other in ["/run/docker.sock", "/run/0123456789ABCDEF", "/run/0123456789abcde", "/", ""] {
        assert_eq!(name(other), None, "{other}");
    }
}
