use super::*;
use mio::Poll;
use rustix::io::Errno;
use rustix::net::{SendFlags, send};

/// What is peeked is permitted, and then taken unseen: if that were other bytes, the daemon would
/// read other chunks than we.
#[test]
fn what_is_peeked_is_what_is_taken_though_bytes_are_urgent() {
    let poll = Poll::new().unwrap();
    let (stream, other) = UnixStream::pair().unwrap();
    let mut peer = Peer::new(stream, Token(0), poll.registry()).unwrap();
    match send(&other, b"1", SendFlags::OOB) {
        Err(Errno::OPNOTSUPP) => return println!("skipped: this kernel knows no urgent bytes"),
        sent => assert_eq!(sent, Ok(1)),
    }
    (&other).write_all(b"5000\r\n").unwrap();
    let (mut peeked, mut taken) = ([0; 64], [0; 64]);
    let Moved::Bytes(seen) = peer.peek(&mut peeked) else { panic!("nothing to peek at") };
    // A second one makes the first a byte like others.
    assert_eq!(send(&other, b"2", SendFlags::OOB), Ok(1));
    assert_eq!(peer.read(&mut taken[..seen]), Moved::Bytes(seen));
    assert_eq!(taken, peeked);
    assert_eq!(peeked.get(..seen), Some(&b"15000\r\n"[..]));
}
