use super::*;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::time::Duration;

use mio::{Events, Poll, Token};

use crate::net::daemons::Daemons;
use crate::net::host::blocking::Blocking;
use crate::net::log::recent::Recent;
use crate::net::slab::token;
use crate::net::wire::pools::Pools;
use crate::rules::{Injections, Label, Profile};
use crate::stats::{Counters, Verdicts};

/// The loop around some pairs, and a daemon.
struct Lab {
    poll: Poll,
    pools: Pools,
    pumps: Pumps,
    blocking: Blocking,
    counters: Counters,
    daemon: UnixListener,
    path: PathBuf,
    daemons: Daemons,
    pairs: Vec<Pair>,
}

/// The ends of one pair.
struct Ends {
    client: UnixStream,
    daemon: UnixStream,
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Lab {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("dcp-pair-{test}-{}", std::process::id()));
        let daemon = UnixListener::bind(&path).unwrap();
        let poll = Poll::new().unwrap();
        let blocking = Blocking::new(poll.registry(), Token(0)).unwrap();
        let (pools, counters) = (Pools::new(0), Counters::default());
        Self {
            poll,
            pools,
            pumps: Pumps::default(),
            blocking,
            counters,
            daemon,
            path,
            daemons: Daemons::default(),
            pairs: Vec::new(),
        }
    }

    /// Returns settings that force a label.
    fn labels(&mut self, key: &str) -> Rc<ListenerSettings> {
        let labels = vec![Label { key: key.into(), value: "yes".into() }];
        let inject = Injections::forced(&labels, &[], None, None);
        let profile = Profile { inject, ..Profile::default() };
        let upstream = self.daemons.add(&self.path).upstream();
        Rc::new(ListenerSettings { profile, upstream, ..ListenerSettings::default() })
    }

    /// A client of a listener with these settings, whose daemon connection is made.
    fn accept(&mut self, settings: &Rc<ListenerSettings>) -> Ends {
        let (client, ours) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let ours = mio::net::UnixStream::from_std(ours);
        let slot = self.pairs.len();
        let ours = Peer::new(ours, token(slot, Side::Client, 1), self.poll.registry()).unwrap();
        let now = Instant::now();
        self.pairs.push(Pair::accepted(ours, (0, None), &mut self.pumps, settings, now));
        self.turn(slot, settings);
        let ends = Ends { client, daemon: self.daemon.accept().unwrap().0 };
        for end in [&ends.client, &ends.daemon] {
            end.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        }
        ends
    }

    /// Notes all events, and gives one pair its turn.
    fn turn(&mut self, slot: usize, settings: &Rc<ListenerSettings>) {
        let mut events = Events::with_capacity(16);
        self.poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
        for event in &events {
            for pair in &mut self.pairs {
                for side in [Side::Client, Side::Daemon] {
                    pair.note(side, event);
                }
            }
        }
        let mut shell = Shell {
            registry: self.poll.registry(),
            pools: &mut self.pools,
            settings,
            daemons: &mut self.daemons,
            present: None,
            counters: &mut self.counters,
            requests: &mut Verdicts::default(),
            recent: &mut Recent::default(),
            blocking: &self.blocking,
            jobs: None,
            has_room: true,
            opened: &mut Vec::new(),
            unneeded: &mut Vec::new(),
            daemon_token: token(slot, Side::Daemon, 1),
            now: Instant::now(),
        };
        assert_ne!(self.pairs[slot].turn(&mut self.pumps, &mut shell), Wants::Nothing);
    }

    /// Has the client of a pair create a volume; the request as the daemon gets it.
    fn creates(&mut self, slot: usize, settings: &Rc<ListenerSettings>, ends: &mut Ends) -> String {
        let create = b"POST /volumes/create HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n\r\n{}";
        ends.client.write_all(create).unwrap();
        self.turn(slot, settings);
        let mut request = vec![0; 4096];
        let n = ends.daemon.read(&mut request).unwrap();
        let created = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
        ends.daemon.write_all(created).unwrap();
        self.turn(slot, settings);
        let mut answer = vec![0; created.len()];
        ends.client.read_exact(&mut answer).unwrap();
        assert!(matches!(self.pairs[slot].work, Work::Parked(_)));
        String::from_utf8(request[..n].to_vec()).unwrap()
    }
}

#[test]
fn a_pump_follows_the_settings_of_the_listener_whose_client_it_serves() {
    let mut lab = Lab::new("settings");
    let (one, other) = (lab.labels("one"), lab.labels("other"));
    let mut first = lab.accept(&one);
    assert!(lab.creates(0, &one, &mut first).contains(r#""one":"yes""#));
    // It gets the pump of the first.
    let mut second = lab.accept(&other);
    let created = lab.creates(1, &other, &mut second);
    assert!(created.contains(r#""other":"yes""#) && !created.contains("one"), "{created}");
    // The first wakes, and gets it back.
    let created = lab.creates(0, &one, &mut first);
    assert!(created.contains(r#""one":"yes""#) && !created.contains("other"), "{created}");
    assert_eq!(lab.pumps.len(), 1);
}
