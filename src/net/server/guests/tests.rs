use super::*;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream as Client;
use std::path::PathBuf;

use mio::Events;

use crate::config::{Drain, SocketAccess};
use crate::net::server::ListenerGroup;
use crate::net::service::notify::Manager;
use crate::rules::Profile;

/// A server with a stats socket, and a listening socket at which it accepts nobody.
struct Lab {
    server: Server,
    folder: PathBuf,
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Lab {
    fn new(test: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("dcp-guests-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let daemon = folder.join("daemon");
        let bind = |name: &str| {
            Listener::bind(&folder.join(name), SocketAccess::default(), &daemon).unwrap()
        };
        let group = ListenerGroup::new(vec![bind("listen")], Profile::default(), daemon.clone());
        let nobody = Manager::nobody();
        let mut server = Server::new(vec![group], Drain::Never, nobody, None).unwrap();
        server.answer_at(bind("stats"), &daemon).unwrap();
        Self { server, folder }
    }

    /// A guest that has asked.
    fn guest(&self) -> Client {
        let mut guest = Client::connect(self.folder.join("stats")).unwrap();
        guest.write_all(b"GET /healthz HTTP/1.1\r\n\r\n").unwrap();
        guest
    }

    /// One turn of the event loop.
    fn turn(&mut self) {
        let mut events = Events::with_capacity(64);
        self.server.poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
        events.iter().for_each(|event| self.server.note(event));
        self.server.tick();
        self.server.accept_guest();
        for _ in 0..self.server.ready.len() {
            if let Some(slot) = self.server.ready.pop_front() {
                self.server.turn(slot);
            }
        }
    }

    /// Turns while there is something to do.
    fn turns(&mut self) {
        for _ in 0..1000 {
            self.turn();
        }
    }
}

/// Reports whether a response has come.
fn is_answered(mut guest: &Client) -> bool {
    guest.set_nonblocking(true).unwrap();
    guest.read(&mut [0; 64]).is_ok_and(|n| n > 0)
}

#[test]
fn guests_who_come_without_end_are_let_in_one_in_a_turn() {
    let mut lab = Lab::new("turns");
    let guests: Vec<_> = (0..3 * GUESTS).map(|_| lab.guest()).collect();
    let mut answered = 0;
    for turn in 0..100 {
        lab.turn();
        let now = guests.iter().skip(answered).filter(|guest| is_answered(guest)).count();
        assert!(now <= 1, "{now} in turn {turn}");
        answered += now;
    }
    assert_eq!((answered, lab.server.clients(), lab.server.guests.count()), (guests.len(), 0, 0));
    // Then nothing is left to be done.
    assert_eq!(lab.server.guests.wait(lab.server.woke), None);
}

#[test]
fn guests_are_answered_where_there_is_no_room_for_clients_and_take_none() {
    let mut lab = Lab::new("room");
    lab.server.max_pairs = 1;
    let client = Client::connect(lab.folder.join("listen")).unwrap();
    lab.server.accept_all();
    assert_eq!((lab.server.clients(), lab.server.has_room()), (1, false));
    let silent: Vec<_> =
        (0..GUESTS).map(|_| Client::connect(lab.folder.join("stats")).unwrap()).collect();
    lab.turns();
    assert_eq!((lab.server.clients(), lab.server.guests.count()), (1, GUESTS));
    // One more waits until another has left.
    let late = lab.guest();
    lab.turns();
    assert!(!is_answered(&late));
    drop(silent);
    lab.turns();
    assert!(is_answered(&late));
    assert_eq!((lab.server.clients(), lab.server.guests.count()), (1, 0));
    drop(client);
}

#[test]
fn a_client_that_is_handed_over_is_never_a_guest() {
    let mut lab = Lab::new("adopted");
    let _guest = Client::connect(lab.folder.join("stats")).unwrap();
    let (accepted, _) = lab.server.guests.listeners.as_mut().unwrap().iter().next().unwrap();
    let accepted = accepted.accept().unwrap();
    lab.server.welcome_adopted(accepted);
    assert_eq!(lab.server.pairs.len(), 0);
}
