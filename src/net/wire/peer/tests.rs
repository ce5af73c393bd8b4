use super::*;
use mio::Poll;
use rustix::io::Errno;
use rustix::net::{SendFlags, send};

/// Spliced bytes must be those that were peeked at and permitted. Otherwise the daemon would read
/// other chunks than the proxy.
#[test]
fn urgent_bytes_are_peeked_and_spliced_in_order() {
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
    // A second urgent byte turns the first into a normal one.
    assert_eq!(send(&other, b"2", SendFlags::OOB), Ok(1));
    assert_eq!(peer.read(&mut taken[..seen]), Moved::Bytes(seen));
    assert_eq!(taken, peeked);
    assert_eq!(peeked.get(..seen), Some(&b"15000\r\n"[..]));
}
