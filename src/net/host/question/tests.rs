use std::thread;
use std::time::Duration;

use mio::{Poll, Token};

use super::*;
use crate::net::daemons::Daemons;
use crate::net::host::socket_identity::LookAt;

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

/// Asks about these paths, and looks for the answer until there is one, at most `later` from now.
fn answer(paths: &[&str], later: Duration) -> (HostFact, bool) {
    let poll = Poll::new().unwrap();
    let blocking = Blocking::new(poll.registry(), Token(7)).unwrap();
    let (look, mut daemons) = (SocketIdentity::new(Disk), Daemons::default());
    let daemon = daemons.add("/daemon".as_ref());
    let now = Instant::now();
    let host = Host { look: &look, daemon, blocking: &blocking, pair: 1, now };
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
