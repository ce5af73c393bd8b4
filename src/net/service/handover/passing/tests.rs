use super::*;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

fn link() -> (UnixStream, UnixStream) {
    let (old, new) = UnixStream::pair().unwrap();
    old.set_nonblocking(true).unwrap();
    new.set_nonblocking(true).unwrap();
    (old, new)
}

/// Receives a socket of this kind, from whose other end `word` comes.
fn gets(link: &UnixStream, wanted: Kind, word: &str) {
    let (kind, file) = receive(link).unwrap().unwrap();
    assert_eq!(kind, wanted);
    let mut said = String::new();
    UnixStream::from(file).read_to_string(&mut said).unwrap();
    assert_eq!(said, word);
}

#[test]
fn clients_arrive_one_by_one_with_what_they_have_sent_though_the_sender_has_ended() {
    let (old, new) = link();
    assert_eq!(receive(&new).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    for (listener, word) in [(0, "first"), (u32::MAX, "second")] {
        let (client, server) = UnixStream::pair().unwrap();
        (&client).write_all(word.as_bytes()).unwrap();
        send(&old, Kind::Client(listener), &server).unwrap();
    }
    drop(old);
    gets(&new, Kind::Client(0), "first");
    gets(&new, Kind::Client(u32::MAX), "second");
    assert!(receive(&new).unwrap().is_none());
}

#[test]
fn a_link_that_is_passed_on_holds_what_was_sent_before_and_takes_more() {
    let (oldest, middle) = link();
    let (old, new) = link();
    let send_one = |word: &str| {
        let (client, server) = UnixStream::pair().unwrap();
        (&client).write_all(word.as_bytes()).unwrap();
        send(&oldest, Kind::Client(7), &server).unwrap();
    };
    send_one("before");
    send(&old, Kind::Link, &middle).unwrap();
    drop((middle, old));
    send_one("on its way");
    let (kind, passed) = receive(&new).unwrap().unwrap();
    assert_eq!(kind, Kind::Link);
    send_one("behind");
    for word in ["before", "on its way", "behind"] {
        gets(&passed.try_clone().unwrap().into(), Kind::Client(7), word);
    }
    drop(passed);
    let error = send(&oldest, Kind::Link, &new).unwrap_err();
    assert_eq!(Obstacle::of(&error), Obstacle::Gone);
}

#[test]
fn a_full_link_takes_nothing_and_loses_nothing() {
    let (old, new) = link();
    let (_client, server) = UnixStream::pair().unwrap();
    let mut sent = 0;
    let error = loop {
        match send(&old, Kind::Client(sent), &server) {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(Obstacle::of(&error), Obstacle::Full);
    for number in 0..sent {
        assert_eq!(receive(&new).unwrap().unwrap().0, Kind::Client(number));
    }
    assert_eq!(receive(&new).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    send(&old, Kind::Client(sent), &server).unwrap();
}

#[test]
fn what_is_not_understood_is_refused() {
    for strange in ["c", "x0000", "l0001", "go\n"] {
        let (mut old, new) = link();
        old.write_all(strange.as_bytes()).unwrap();
        assert_eq!(receive(&new).unwrap_err().kind(), io::ErrorKind::InvalidData, "{strange}");
    }
    // Without a descriptor.
    let (mut old, new) = link();
    old.write_all(&Kind::Client(0).bytes()).unwrap();
    assert_eq!(receive(&new).unwrap_err().kind(), io::ErrorKind::InvalidData);
}
