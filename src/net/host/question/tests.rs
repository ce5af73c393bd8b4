use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use mio::{Poll, Token};

use super::*;
use crate::net::client::tests::{daemon, ok};
use crate::net::daemons::Daemons;
use crate::net::host::caller::tests::{Fake, ID, inspected};
use crate::net::host::socket_identity::LookAt;
use crate::proxy::LOOK_LIMIT;
use crate::rules::Reason;
use crate::rules::caller::Wanted;

/// A host on which paths below `/slow` are on a disk, which fails at `/slow/broken`.
struct Disk;

impl LookAt for Disk {
    fn at_once(&self, path: &str, _: &Seen) -> Option<Relation> {
        (!path.starts_with("/slow/")).then_some(Relation::Above)
    }

    fn at_last(&self, path: &str) -> Result<Relation, Blind> {
        match path {
            "/slow/broken" => Err(Blind::Failed("broken".to_owned())),
            "/slow/dead" => {
                thread::park();
                Err(Blind::Late)
            }
            _ => Ok(Relation::Socket),
        }
    }
}

fn host<'e>(
    daemon: &'e Daemon,
    look: &'e SocketIdentity,
    blocking: &'e Blocking,
    socket: &'e UnixStream,
    fake: &Fake,
    now: Instant,
) -> Host<'e> {
    let client = Connection { socket: socket.as_fd(), since: now };
    Host { look, daemon, blocking, client, job: None, kernel: fake.kernel, pair: 1, now }
}

/// Asks about these paths, and looks for the answer until there is one, at most `later` from now.
fn answer(paths: &[&str], later: Duration) -> (HostFact, bool) {
    let poll = Poll::new().unwrap();
    let blocking = Blocking::new(poll.registry(), Token(7)).unwrap();
    let (look, mut daemons) = (SocketIdentity::new(Disk), Daemons::default());
    let daemon = daemons.add("/daemon".as_ref());
    let (now, fake) = (Instant::now(), Fake::new());
    let (socket, _other) = UnixStream::pair().unwrap();
    let host = host(daemon, &look, &blocking, &socket, &fake, now);
    let mut lookup = Lookup::default();
    let paths = paths.iter().map(|&path| path.to_owned()).collect();
    if let Some(fact) = lookup.ask(HostQuestion::Paths(paths), &host) {
        return (fact, lookup.until().is_none());
    }
    assert_eq!(lookup.until(), Some(now + LOOK_LIMIT));
    let host = Host { now: now + later, ..host };
    loop {
        if let Some(fact) = lookup.answer(&host) {
            return (fact, lookup.until().is_none());
        }
        thread::yield_now();
    }
}

fn fact(paths: &[(&str, Relation)]) -> HostFact {
    HostFact::Paths(paths.iter().map(|&(path, relation)| (path.to_owned(), relation)).collect())
}

#[test]
fn one_answer_has_what_is_known_at_once_and_what_took_longer() {
    for (paths, wanted) in [
        (&["/a", "/b"][..], fact(&[("/a", Relation::Above), ("/b", Relation::Above)])),
        (
            &["/a", "/slow/b", "/c", "/slow/d"],
            fact(&[
                ("/a", Relation::Above),
                ("/c", Relation::Above),
                ("/slow/b", Relation::Socket),
                ("/slow/d", Relation::Socket),
            ]),
        ),
        (
            &["/slow/a", "/slow/broken", "/slow/c"],
            HostFact::Unseen("/slow/broken".to_owned(), Blind::Failed("broken".to_owned())),
        ),
    ] {
        assert_eq!(answer(paths, Duration::ZERO), (wanted, true), "{paths:?}");
    }
}

#[test]
fn a_path_that_takes_too_long_is_named() {
    let late = HostFact::Unseen("/slow/dead".to_owned(), Blind::Late);
    assert_eq!(answer(&["/a", "/slow/dead"], LOOK_LIMIT), (late, true));
}

/// Answers the question who has made a connection, for two pairs that ask at once and for a third one.
fn callers(test: &str, answer: Vec<u8>) -> [HostFact; 3] {
    let poll = Poll::new().unwrap();
    let blocking = Blocking::new(poll.registry(), Token(7)).unwrap();
    let (look, mut daemons) = (SocketIdentity::new(Disk), Daemons::default());
    let socket_of_daemon = daemon(test, &[(&format!("/containers/{ID}/json"), answer)]);
    let daemon = daemons.add(&socket_of_daemon);
    let (now, fake) = (Instant::now(), Fake::new());
    for pid in [70, std::process::id()] {
        fake.process(pid, 5, &format!("0::/docker/{ID}\n"));
    }
    let (socket, _other) = UnixStream::pair().unwrap();
    let host = host(daemon, &look, &blocking, &socket, &fake, now);
    let mut lookups = [Lookup::default(), Lookup::default()];
    let question = || HostQuestion::Caller(Wanted::CONTAINER);
    let known = lookups.each_mut().map(|lookup| lookup.ask(question(), &host));
    let mut known = known.into_iter();
    let both = lookups.each_mut().map(|lookup| {
        let mut fact = known.next().unwrap();
        loop {
            if let Some(fact) = fact.or_else(|| lookup.answer(&host)) {
                return fact;
            }
            fact = None;
            thread::yield_now();
        }
    });
    let [first, second] = both;
    [first, second, Lookup::default().ask(question(), &host).unwrap_or(HostFact::Paths(vec![]))]
}

#[test]
fn the_container_of_a_caller_is_known_to_its_next_connection() {
    for fact in callers("callers", inspected(ID, 70)) {
        let HostFact::Caller(Ok(caller)) = fact else { panic!("{fact:?}") };
        assert_eq!(caller.container.unwrap().id, ID);
    }
}

#[test]
fn a_caller_whose_container_cannot_be_found_out_is_refused() {
    let [first, second, third] = callers("nobody", ok("[]"));
    for fact in [first, second] {
        let HostFact::Caller(Err(refusal)) = fact else { panic!("{fact:?}") };
        assert_eq!(refusal.reason, Reason::CallerUnknown);
    }
    // Nothing is remembered of that.
    assert_eq!(third, HostFact::Paths(vec![]));
}
