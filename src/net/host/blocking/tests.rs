use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use mio::{Events, Poll};

use super::*;
use crate::net::daemons::{Daemon, Daemons};

const TOKEN: Token = Token(7);

/// Look-ups that block below `/dead` until the receiver ends them.
fn look(stuck: Receiver<()>) -> SocketIdentity {
    let stuck = Mutex::new(stuck);
    SocketIdentity::new(move |path: &str| {
        if path.starts_with("/dead") {
            let _ = stuck.lock().unwrap().recv();
        }
        Relation::Above
    })
}

fn path(look: &SocketIdentity, path: impl Into<String>) -> Question {
    let daemon = Daemons::default().add("/daemon".as_ref()).id();
    Question::Path(daemon, look.clone(), path.into())
}

#[test]
fn each_daemon_has_its_own_answer_for_one_path() {
    let poll = Poll::new().unwrap();
    let looks = Blocking::new(poll.registry(), TOKEN).unwrap();
    let mut daemons = Daemons::default();
    let (free, stuck) = channel::<()>();
    let stuck = Mutex::new(stuck);
    let above = SocketIdentity::new(move |_: &str| {
        let _ = stuck.lock().unwrap().recv();
        Relation::Above
    });
    let ask = |daemon: &Daemon, look: &SocketIdentity| {
        looks.ask(Question::Path(daemon.id(), look.clone(), "/dead".to_owned()), 1)
    };
    let first = ask(daemons.add("/one".as_ref()), &above);
    let second =
        ask(daemons.add("/other".as_ref()), &SocketIdentity::new(|_: &str| Relation::Socket));
    assert_eq!(awaited(&second), Some(Fact::Path(Ok(Relation::Socket))));
    assert_eq!(first.answer(), None);
    drop(free);
    assert_eq!(awaited(&first), Some(Fact::Path(Ok(Relation::Above))));
}

/// The answer, which comes within 30 seconds.
fn awaited(asked: &Asked) -> Option<Fact> {
    let until = Instant::now() + Duration::from_secs(30);
    while asked.answer().is_none() && Instant::now() < until {
        thread::yield_now();
    }
    asked.answer()
}

#[test]
fn a_look_that_is_stuck_keeps_no_other_from_being_seen() {
    let mut poll = Poll::new().unwrap();
    let looks = Blocking::new(poll.registry(), TOKEN).unwrap();
    let (free, stuck) = channel();
    let look = look(stuck);
    let dead = looks.ask(path(&look, "/dead".to_owned()), 1);
    let other = looks.ask(path(&look, "/other".to_owned()), 2);
    let mut events = Events::with_capacity(1);
    poll.poll(&mut events, Some(Duration::from_secs(30))).unwrap();
    assert!(events.iter().all(|event| event.token() == TOKEN));
    assert_eq!((other.answer(), dead.answer()), (Some(Fact::Path(Ok(Relation::Above))), None));
    assert_eq!((looks.seen(), looks.seen()), (vec![2], vec![]));
    free.send(()).unwrap();
    poll.poll(&mut events, Some(Duration::from_secs(30))).unwrap();
    assert_eq!((looks.seen(), dead.answer()), (vec![1], Some(Fact::Path(Ok(Relation::Above)))));
}

#[test]
fn no_more_threads_are_stuck_than_there_may_be_and_who_is_given_up_takes_none() {
    let poll = Poll::new().unwrap();
    let looks = Blocking::new(poll.registry(), TOKEN).unwrap();
    let (free, stuck) = channel();
    let look = look(stuck);
    let dead: Vec<_> =
        (0..AT_ONCE).map(|pair| looks.ask(path(&look, format!("/dead/{pair}")), pair)).collect();
    let given_up = looks.ask(path(&look, "/given/up".to_owned()), AT_ONCE);
    let waits = looks.ask(path(&look, "/other".to_owned()), AT_ONCE + 1);
    assert_eq!(looks.0.board().threads, AT_ONCE);
    drop(given_up);
    free.send(()).unwrap();
    let mut seen = Vec::new();
    while waits.answer().is_none() || seen.len() < 2 {
        seen.extend(looks.seen());
        thread::yield_now();
    }
    assert_eq!(seen.last(), Some(&(AT_ONCE + 1)));
    drop((dead, free));
    while looks.0.board().threads > 0 {
        thread::yield_now();
    }
    assert_eq!(looks.0.board().tasks.len(), 0);
}

#[test]
fn nothing_is_kept_of_who_is_given_up_before_it_began() {
    let poll = Poll::new().unwrap();
    let looks = Blocking::new(poll.registry(), TOKEN).unwrap();
    let (free, stuck) = channel();
    let look = look(stuck);
    let ask = |at: String| looks.ask(path(&look, at), 1);
    let _dead: Vec<_> = (0..AT_ONCE).map(|number| ask(format!("/dead/{number}"))).collect();
    for number in 0..100 {
        drop(ask(format!("/other/{number}")));
    }
    assert_eq!(looks.0.board().tasks.len(), AT_ONCE + 1);
    drop(free);
}

#[test]
fn what_many_want_to_know_is_looked_at_once() {
    let poll = Poll::new().unwrap();
    let looks = Blocking::new(poll.registry(), TOKEN).unwrap();
    let (free, stuck) = channel();
    let look = look(stuck);
    let first = looks.ask(path(&look, "/dead".to_owned()), 0);
    while !looks.0.board().tasks[0].begun {
        thread::yield_now();
    }
    drop(first);
    let many: Vec<_> =
        (1..9).map(|pair| looks.ask(path(&look, "/dead".to_owned()), pair)).collect();
    assert_eq!(looks.0.board().threads, 1);
    drop(free);
    let mut seen = Vec::new();
    while seen.len() <= many.len() {
        seen.extend(looks.seen());
        thread::yield_now();
    }
    assert_eq!(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    assert!(many.iter().all(|asked| asked.answer() == Some(Fact::Path(Ok(Relation::Above)))));
}
