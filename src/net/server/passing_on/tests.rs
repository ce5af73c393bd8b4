use super::*;
use std::io::Write;
use std::os::unix::net::{UnixListener as Daemon, UnixStream as Client};
use std::path::{Path, PathBuf};

use crate::config::{Drain, SocketAccess};
use crate::net::listen::Listener;
use crate::net::server::ListenerGroup;
use crate::net::service::notify::Manager;
use crate::rules::{Injections, Label, Profile};

struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("dcp-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A server that listens on sockets of these names. Each has a daemon and a label called so.
fn servers(folder: &Folder, names: &[&str]) -> Server {
    let groups = names.iter().map(|name| {
        let daemon = folder.at(&format!("daemon-{name}"));
        let listener = Listener::bind(&folder.at(name), SocketAccess::default(), &daemon).unwrap();
        let labels = vec![Label { key: (*name).to_owned(), value: String::new() }];
        let profile =
            Profile { inject: Injections::forced(&labels, &[], None, None), ..Profile::default() };
        ListenerGroup::new(vec![listener], profile, daemon)
    });
    Server::new(groups.collect(), Drain::Never, Manager::nobody(), None).unwrap()
}

/// A server that listens on sockets of these names, all for one daemon.
fn server(folder: &Folder, names: &[&str]) -> Server {
    let daemon = folder.at("daemon");
    let bind = |name: &&str| Listener::bind(&folder.at(name), SocketAccess::default(), &daemon);
    let listeners = names.iter().map(|name| bind(name).unwrap()).collect();
    let group = ListenerGroup::new(listeners, Profile::default(), daemon);
    Server::new(vec![group], Drain::Never, Manager::nobody(), None).unwrap()
}

/// A server that is superseded, whose clients came by these sockets, and that passes what it can.
fn passes(
    folder: &Folder,
    listen: &[&str],
    clients: &[&Path],
) -> (UnixStream, Vec<Client>, Server) {
    let mut old = server(folder, listen);
    let clients = clients.iter().map(|path| Client::connect(path).unwrap()).collect();
    old.accept_all();
    old.accept_no_more(Accepting::superseded(Instant::now()));
    let (link, theirs) = UnixStream::pair().unwrap();
    old.follow(1, link);
    old.passing.recipient.as_mut().unwrap().taking = Taking::Now;
    old.pass_all_on();
    (theirs, clients, old)
}

/// The names of the listening sockets by which the clients of `server` came, sorted.
fn came_by(server: &mut Server) -> Vec<String> {
    let slots: Vec<_> = server.pairs.slots().collect();
    let of = |slot: usize| {
        let path = super::came_by(server.pairs.get_mut(slot).unwrap().free().unwrap()).unwrap();
        path.file_name().unwrap().to_str().unwrap().to_owned()
    };
    let mut names: Vec<_> = slots.into_iter().map(of).collect();
    names.sort_unstable();
    names
}

#[test]
fn a_client_stays_one_of_its_listening_socket() {
    let folder = Folder::new("pass-listener");
    let paths = ["a", "b", "c"].map(|name| folder.at(name));
    let clients = [&*paths[2], &*paths[1], &*paths[2]];
    let (link, _clients, old) = passes(&folder, &["a", "b", "c"], &clients);
    assert_eq!((old.pairs.len(), old.passing.handed_over), (0, 3));
    let mut new = server(&folder, &["a", "b", "c"]);
    new.take_clients(link);
    new.adopt();
    assert_eq!(came_by(&mut new), ["b", "c", "c"]);
    assert!(!new.can_adopt());
}

#[test]
fn a_client_that_is_taken_over_gets_the_settings_of_its_listening_socket() {
    let folder = Folder::new("pass-settings");
    let at = ["a", "b"].map(|name| folder.at(name));
    let (link, mut clients, _old) = passes(&folder, &["a", "b"], &[&at[1], &at[0]]);
    // Another process may have them in another order.
    let mut new = servers(&folder, &["b", "a"]);
    let daemons =
        ["a", "b"].map(|name| Daemon::bind(folder.at(&format!("daemon-{name}"))).unwrap());
    for daemon in &daemons {
        daemon.set_nonblocking(true).unwrap();
    }
    new.take_clients(link);
    new.adopt();
    for (client, (daemon, label)) in
        clients.iter_mut().zip([(&daemons[1], "b"), (&daemons[0], "a")])
    {
        client
            .write_all(b"POST /volumes/create HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n\r\n{}")
            .unwrap();
        let mut events = mio::Events::with_capacity(8);
        new.poll.poll(&mut events, Some(Duration::from_secs(30))).unwrap();
        events.iter().for_each(|event| new.note(event));
        while let Some(slot) = new.ready.pop_front() {
            new.turn(slot);
        }
        let mut request = [0; 4096];
        let n = daemon.accept().unwrap().0.read(&mut request).unwrap();
        let request = str::from_utf8(&request[..n]).unwrap();
        assert!(request.ends_with(&format!(r#"{{"Labels":{{"{label}":""}}}}"#)), "{request}");
    }
}

#[test]
fn a_client_of_a_socket_that_is_not_there_is_closed() {
    let folder = Folder::new("pass-unknown");
    let (link, clients, _old) = passes(&folder, &["a", "b"], &[&folder.at("b")]);
    let mut new = server(&folder, &["a"]);
    new.take_clients(link);
    new.adopt();
    assert_eq!(new.pairs.len(), 0);
    assert_eq!((&clients[0]).read(&mut [0]).unwrap(), 0);
}

#[test]
fn clients_wait_in_the_link_while_there_is_no_room() {
    let folder = Folder::new("pass-full");
    let (link, _clients, _old) = passes(&folder, &["a"], &[&*folder.at("a"); 3]);
    let mut new = server(&folder, &["a"]);
    new.take_clients(link);
    // The link itself is half of one.
    new.max_pairs = 3;
    new.adopt();
    assert_eq!(new.pairs.len(), 2);
    assert!(!new.can_adopt());
    new.remove(0);
    assert!(new.can_adopt());
    new.adopt();
    assert_eq!(new.pairs.len(), 2);
    // It does not ask again and again for what is not there.
    new.remove(0);
    new.adopt();
    assert!(!new.can_adopt());
}

#[test]
fn a_server_that_stops_takes_what_was_sent_and_refuses_the_rest() {
    let folder = Folder::new("pass-stop");
    let (oldest, _clients, mut first) = passes(&folder, &["a"], &[&*folder.at("a"); 2]);
    let late = Client::connect(folder.at("a"));
    assert!(late.is_err(), "nobody listens there any more");
    // Its link is on its way in another one.
    let (old, theirs) = UnixStream::pair().unwrap();
    send(&old, Kind::Link, &oldest).unwrap();
    drop(oldest);
    let mut new = server(&folder, &["a"]);
    new.take_clients(theirs);
    new.close_predecessors();
    assert_eq!(new.pairs.len(), 2);
    assert!(new.predecessors.links.is_empty());
    let to = first.passing.recipient.as_ref().unwrap();
    let refused = send(&to.link, Kind::Client(0), &old).unwrap_err();
    first.not_passed(&refused);
    assert!(first.passing.recipient.is_none());
}

#[test]
fn a_server_in_between_passes_the_links_of_its_predecessors_and_ends() {
    let folder = Folder::new("pass-chain");
    let (oldest, _clients, _first) = passes(&folder, &["a"], &[&*folder.at("a"); 2]);
    let mut middle = server(&folder, &["a"]);
    middle.take_clients(oldest);
    middle.accept_no_more(Accepting::superseded(Instant::now()));
    assert!(!middle.is_done());
    // It is read by who serves.
    middle.adopt();
    let (link, theirs) = UnixStream::pair().unwrap();
    middle.follow(1, link);
    middle.pass_all_on();
    assert!(!middle.is_done(), "nobody has said that it takes anything");
    middle.passing.recipient.as_mut().unwrap().taking = Taking::Now;
    middle.pass_all_on();
    assert!(middle.is_done());
    drop(middle);
    let mut new = server(&folder, &["a"]);
    new.take_clients(theirs);
    new.adopt();
    assert_eq!(new.pairs.len(), 2);
    // That of the middle has ended.
    assert_eq!(new.predecessors.files(), 1);
}

#[test]
fn a_server_in_between_that_nobody_relieves_lets_its_predecessors_go() {
    let folder = Folder::new("pass-alone");
    let (oldest, _clients, _first) = passes(&folder, &["a"], &[&*folder.at("a"); 2]);
    let mut middle = server(&folder, &["a"]);
    middle.take_clients(oldest);
    middle.accept_no_more(Accepting::superseded(Instant::now()));
    let (link, theirs) = UnixStream::pair().unwrap();
    middle.follow(1, link);
    drop(theirs);
    let why = middle.passing.recipient.as_mut().unwrap().hear().unwrap_err();
    middle.recipient_gone(&why);
    assert!(middle.predecessors.links.is_empty());
    assert_eq!(middle.pairs.len(), 2);
    assert!(!middle.passing.has_recipient() && middle.next_stage().is_some());
}

#[test]
fn what_waits_for_the_kernel_is_tried_again() {
    let folder = Folder::new("pass-again");
    let (link, _clients, mut old) = passes(&folder, &["a"], &[&*folder.at("a")]);
    old.not_passed(&rustix::io::Errno::TOOMANYREFS.into());
    assert!(old.passing.has_recipient() && !old.passing.is_open());
    let at = old.passing.wakes().unwrap();
    assert!(old.next_stage() == Some(at));
    old.woke = at;
    old.retry_passing();
    assert!(old.passing.is_open());
    drop(link);
}
