use super::*;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use mio::Events;

use crate::config::Drain;
use crate::net::server::ListenerGroup;
use crate::net::service::notify::Manager;
use crate::net::slab::MAX_SLOTS;
use crate::reap::jobs::Rule;
use crate::rules::{Injections, Label, Profile};

/// A server without a loop, with a daemon called `d`.
pub(in crate::net::server) struct Lab {
    pub(in crate::net::server) server: Server,
    daemon: UnixListener,
    folder: PathBuf,
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn labelled(key: &str) -> Profile {
    let labels = vec![Label { key: key.into(), value: "yes".into() }];
    Profile { inject: Injections::forced(&labels, &[], None, None), ..Profile::default() }
}

impl Lab {
    /// Serves one listener, called `a`, at the socket of the same name, which forces the label `first`.
    pub(in crate::net::server) fn new(test: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("dcp-reload-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("d");
        let daemon = UnixListener::bind(&path).unwrap();
        let listener = Listener::bind(&folder.join("a"), SocketAccess::default(), &path).unwrap();
        let group = ListenerGroup::new(vec![listener], labelled("first"), path);
        let group = ListenerGroup { name: "a".to_owned(), ..group };
        let nobody = Manager::nobody();
        let server = Server::new(vec![group], Drain::Never, nobody, None).unwrap();
        Self { server, daemon, folder }
    }

    /// A listener of this name at the socket called `socket`, which forces the label `key`.
    pub(in crate::net::server) fn plan(&self, name: &str, socket: &str, key: &str) -> ListenerPlan {
        ListenerPlan {
            name: name.to_owned(),
            path: self.folder.join(socket),
            access: SocketAccess::default(),
            profile: labelled(key),
            daemon: self.folder.join("d"),
            jobs: None,
            reaps: Rule::default(),
        }
    }

    /// Applies plans, each of which is a name, a socket and a label. Returns the changes, or all errors.
    fn apply(&mut self, plans: &[(&str, &str, &str)]) -> String {
        let plans = plans.iter().map(|(name, socket, key)| self.plan(name, socket, key)).collect();
        self.server.apply(plans).map_or_else(|errors| errors.join("; "), |done| done.to_string())
    }

    /// A client, and its connection to the daemon.
    pub(in crate::net::server) fn connect(&mut self, socket: &str) -> [UnixStream; 2] {
        let client = UnixStream::connect(self.folder.join(socket)).unwrap();
        self.server.accept_all();
        self.turns();
        let ends = [client, self.daemon.accept().unwrap().0];
        for end in &ends {
            end.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        }
        ends
    }

    fn turns(&mut self) {
        for _ in 0..4 {
            let mut events = Events::with_capacity(64);
            self.server.poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
            events.iter().for_each(|event| self.server.note(event));
            while let Some(slot) = self.server.ready.pop_front() {
                self.server.turn(slot);
            }
        }
    }

    /// Sends the request of a volume create, and returns what the daemon gets.
    pub(in crate::net::server) fn create(
        &mut self,
        [client, daemon]: &mut [UnixStream; 2],
    ) -> String {
        client.write_all(CREATE.as_bytes()).unwrap();
        self.turns();
        heard(daemon)
    }

    fn answer(&mut self, [client, daemon]: &mut [UnixStream; 2]) {
        daemon.write_all(CREATED.as_bytes()).unwrap();
        self.turns();
        assert_eq!(heard(client), CREATED);
    }

    fn sweep(&mut self) {
        self.server.woke = self.server.reload.sweep.unwrap();
        self.server.sweep_leaving();
        self.turns();
    }
}

const CREATE: &str = "POST /volumes/create HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n\r\n{}";
const CREATED: &str = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";

fn heard(stream: &mut UnixStream) -> String {
    let mut piece = vec![0; 4096];
    let n = stream.read(&mut piece).unwrap();
    String::from_utf8(piece[..n].to_vec()).unwrap()
}

#[test]
fn the_next_request_of_a_connection_gets_the_new_rules_and_a_running_one_keeps_its_own() {
    let mut lab = Lab::new("next");
    let mut ends = lab.connect("a");
    assert!(lab.create(&mut ends).contains("first"));
    lab.answer(&mut ends);
    // It is parked, and then its request waits for the rest of its body.
    assert_eq!(lab.apply(&[("a", "a", "second")]), "changed a");
    let (begin, rest) = CREATE.split_at(CREATE.len() - 1);
    ends[0].write_all(begin.as_bytes()).unwrap();
    lab.turns();
    assert_eq!(lab.apply(&[("a", "a", "third")]), "changed a");
    // The next request is there before the first has its response.
    ends[0].write_all((rest.to_owned() + CREATE).as_bytes()).unwrap();
    lab.turns();
    let request = heard(&mut ends[1]);
    assert!(request.contains("second") && !request.contains("third"), "{request}");
    lab.answer(&mut ends);
    let request = heard(&mut ends[1]);
    assert!(request.contains("third") && !request.contains("second"), "{request}");
    lab.answer(&mut ends);
    assert_eq!(lab.apply(&[("a", "a", "third")]), "nothing has changed");
}

#[test]
fn a_listener_that_is_added_is_served_and_one_that_is_removed_drains() {
    let mut lab = Lab::new("drain");
    let mut old = lab.connect("a");
    assert!(lab.create(&mut old).contains("first"));
    let waits = UnixStream::connect(lab.folder.join("a")).unwrap();
    assert_eq!(lab.apply(&[("b", "b", "second")]), "added b; removed a");
    assert!(!lab.folder.join("a").exists());
    let mut new = lab.connect("b");
    // The client that had connected was accepted before its socket was closed.
    assert_eq!(lab.server.clients(), 3);
    let mut its_daemon = mem::replace(&mut new[1], lab.daemon.accept().unwrap().0);
    assert!(lab.create(&mut new).contains("second"));
    lab.answer(&mut new);
    // An exchange goes on however long it takes, under its rules, and so does the next one.
    lab.sweep();
    lab.sweep();
    lab.answer(&mut old);
    assert!(lab.create(&mut old).contains("first"));
    lab.answer(&mut old);
    assert_eq!(
        lab.server.clients(),
        2,
        "the quiet client is gone, that of the new listener is not"
    );
    assert_eq!(heard(&mut its_daemon), "");
    drop(waits);
    lab.sweep();
    assert_eq!(lab.server.clients(), 2);
    lab.sweep();
    assert_eq!((lab.server.clients(), lab.server.served.len()), (1, 1));
    assert_eq!(heard(&mut old[0]), "");
    assert_eq!(lab.server.reload.sweep, None);
}

#[test]
fn a_client_of_a_removed_listener_that_is_never_quiet_begins_nothing_new_in_the_end() {
    let mut lab = Lab::new("busy");
    let mut ends = lab.connect("a");
    lab.create(&mut ends);
    assert_eq!(lab.apply(&[("b", "b", "second")]), "added b; removed a");
    lab.server.woke = Instant::now() + BUSY;
    lab.server.sweep_leaving();
    lab.turns();
    // The exchange still ends as it should.
    lab.answer(&mut ends);
    assert_eq!(heard(&mut ends[0]), "");
    assert_eq!((lab.server.clients(), lab.server.served.len()), (0, 1));
    // The others do not notice.
    let mut other = lab.connect("b");
    assert!(lab.create(&mut other).contains("second"));
}

#[test]
fn nothing_changes_if_one_socket_cannot_be_made() {
    let mut lab = Lab::new("errors");
    std::fs::write(lab.folder.join("file"), "").unwrap();
    let why =
        lab.apply(&[("b", "b", "x"), ("c", "file", "x"), ("e", "no/e", "x"), ("a", "a", "x")]);
    for name in ["file", "no/e"] {
        assert!(why.contains(lab.folder.join(name).to_str().unwrap()), "{why}");
    }
    assert!(!lab.folder.join("b").exists());
    assert_eq!(lab.server.served.len(), 1);
    let mut ends = lab.connect("a");
    assert!(lab.create(&mut ends).contains("first"));
}

#[test]
fn a_socket_goes_to_the_listener_that_has_its_path_now() {
    let mut lab = Lab::new("paths");
    assert_eq!(lab.apply(&[("a", "a", "first"), ("b", "b", "second")]), "added b");
    let mut ends = lab.connect("a");
    assert_eq!(lab.apply(&[("a", "b", "first"), ("b", "a", "second")]), "changed a, b");
    for (socket, key) in [("a", "second"), ("b", "first")] {
        let mut ends = lab.connect(socket);
        assert!(lab.create(&mut ends).contains(key));
    }
    // A client stays one of its listener.
    assert!(lab.create(&mut ends).contains("first"));
    lab.answer(&mut ends);
    // One is called differently, the other moves to a new path.
    assert_eq!(
        lab.apply(&[("a", "c", "first"), ("e", "a", "third")]),
        "added e; removed b; changed a"
    );
    assert!(!lab.folder.join("b").exists());
    for (socket, key) in [("a", "third"), ("c", "first")] {
        let mut ends = lab.connect(socket);
        assert!(lab.create(&mut ends).contains(key));
    }
    assert!(lab.create(&mut ends).contains("first"));
}

#[test]
fn clients_of_a_removed_listener_leave_even_if_its_socket_stays() {
    let mut lab = Lab::new("renamed");
    let (mut busy, mut idle) = (lab.connect("a"), lab.connect("a"));
    lab.create(&mut busy);
    assert_eq!(lab.apply(&[("b", "a", "second")]), "added b; removed a");
    let mut other = lab.connect("a");
    lab.sweep();
    lab.sweep();
    assert_eq!(heard(&mut idle[0]), "");
    lab.answer(&mut busy);
    lab.sweep();
    lab.sweep();
    assert_eq!(heard(&mut busy[0]), "");
    assert_eq!((lab.server.served.len(), lab.server.reload.sweep), (1, None));
    assert!(lab.create(&mut other).contains("second"));
}

#[test]
fn the_next_request_goes_to_the_new_daemon() {
    let mut lab = Lab::new("daemon");
    let (mut busy, mut parked) = (lab.connect("a"), lab.connect("a"));
    for ends in [&mut busy, &mut parked] {
        lab.create(ends);
        lab.answer(ends);
    }
    lab.create(&mut busy);
    let next = UnixListener::bind(lab.folder.join("next")).unwrap();
    let plan = ListenerPlan { daemon: lab.folder.join("next"), ..lab.plan("a", "a", "second") };
    assert_eq!(lab.server.apply(vec![plan]).unwrap().to_string(), "changed a");
    // The running one ends where it began.
    lab.answer(&mut busy);
    for mut ends in [busy, parked] {
        ends[0].write_all(CREATE.as_bytes()).unwrap();
        lab.turns();
        assert_eq!(heard(&mut ends[1]), "", "the old connection is closed");
        ends[1] = next.accept().unwrap().0;
        assert!(heard(&mut ends[1]).contains("second"));
        lab.answer(&mut ends);
    }
    assert_eq!(lab.apply(&[("a", "a", "second")]), "changed a");
    assert_eq!(lab.server.daemons.len(), 1);
}

#[test]
fn a_request_that_has_begun_to_arrive_is_one_for_the_new_daemon() {
    let mut lab = Lab::new("begun");
    let (mut fresh, mut used) = (lab.connect("a"), lab.connect("a"));
    lab.create(&mut used);
    lab.answer(&mut used);
    let next = UnixListener::bind(lab.folder.join("next")).unwrap();
    let (begin, rest) = CREATE.split_at(CREATE.len() / 2);
    for ends in [&mut fresh, &mut used] {
        ends[0].write_all(begin.as_bytes()).unwrap();
    }
    lab.turns();
    let plan = ListenerPlan { daemon: lab.folder.join("next"), ..lab.plan("a", "a", "second") };
    lab.server.apply(vec![plan]).unwrap();
    for mut ends in [fresh, used] {
        ends[0].write_all(rest.as_bytes()).unwrap();
        lab.turns();
        assert_eq!(heard(&mut ends[1]), "", "the old daemon gets nothing of it");
        ends[1] = next.accept().unwrap().0;
        assert!(heard(&mut ends[1]).contains("second"));
        lab.answer(&mut ends);
    }
}

#[test]
fn the_mode_of_a_socket_changes_with_the_configuration() {
    use std::os::unix::fs::MetadataExt;
    let mut lab = Lab::new("mode");
    let mode = |lab: &Lab| std::fs::metadata(lab.folder.join("a")).unwrap().mode() & 0o777;
    for wanted in [0o600, 0o666] {
        let access = SocketAccess { mode: Some(wanted), ..SocketAccess::default() };
        let plan = || ListenerPlan { access, ..lab.plan("a", "a", "first") };
        let (plan, same) = (plan(), plan());
        assert_eq!(lab.server.apply(vec![plan]).unwrap().to_string(), "changed a");
        assert_eq!(mode(&lab), wanted);
        assert_eq!(lab.server.apply(vec![same]).unwrap().to_string(), "nothing has changed");
    }
}

#[test]
fn passed_sockets_go_by_their_names_and_an_only_listener_gets_all() {
    let mut lab = Lab::new("passed");
    let passed = ["p", "q"].map(|name| {
        let socket = UnixListener::bind(lab.folder.join(name)).unwrap();
        Listener::passed(socket).unwrap().with_name(name)
    });
    let group = ListenerGroup::new(passed.into(), labelled("first"), lab.folder.join("d"));
    let group = ListenerGroup { name: "p".to_owned(), ..group };
    lab.server = Server::new(vec![group], Drain::Never, Manager::nobody(), None).unwrap();
    // Neither has a path of its own, nor owners.
    let unfit = SocketAccess { group: Some(u32::MAX - 1), ..SocketAccess::default() };
    for (names, key) in [(&["p", "q"][..], "second"), (&["p"], "third"), (&["q"], "fourth")] {
        let plan = |name: &&str| ListenerPlan { access: unfit, ..lab.plan(name, "other", key) };
        let plans = names.iter().map(plan).collect();
        lab.server.apply(plans).unwrap();
        assert!(!lab.folder.join("other").exists());
        for socket in ["p", "q"] {
            let mut ends = lab.connect(socket);
            assert!(lab.create(&mut ends).contains(key));
        }
    }
    let names: Vec<_> =
        lab.server.served.iter().map(|(_, served)| &*served.settings.name).collect();
    assert!(names.contains(&"q"), "{names:?}");
    // Nobody else can have them.
    assert!(lab.apply(&[("q", "q", "x"), ("r", "p", "x")]).contains("already listens"));
    assert!(lab.folder.join("p").exists() && lab.folder.join("q").exists());
}

#[test]
fn many_reloads_leave_nothing_behind() {
    let mut lab = Lab::new("many");
    let mut ends = lab.connect("a");
    lab.create(&mut ends);
    let old = Rc::downgrade(&lab.server.served.get(0).unwrap().settings);
    for round in 0..200 {
        let (name, key) = (format!("b{}", round % 3), format!("key-{round}"));
        let daemon = lab.folder.join(format!("daemon-{round}"));
        let other = ListenerPlan { daemon, ..lab.plan(&name, &name, &key) };
        let plans = vec![lab.plan("a", "a", &key), other];
        lab.server.apply(plans).unwrap();
        assert_eq!((lab.server.served.len(), lab.server.daemons.len()), (2, 2), "{round}");
    }
    assert!(lab.server.served.next() <= 3);
    // The running exchange holds its settings, and nothing else does.
    assert_eq!(old.strong_count(), 1);
    lab.answer(&mut ends);
    assert!(lab.create(&mut ends).contains("key-199"));
    lab.answer(&mut ends);
    assert_eq!(old.strong_count(), 0);
}

#[test]
fn listening_sockets_take_descriptors_from_clients() {
    let mut lab = Lab::new("descriptors");
    let pairs = |lab: &mut Lab| mem::replace(&mut lab.server.max_pairs, 0);
    lab.server.renew_limits();
    let before = pairs(&mut lab);
    lab.apply(&[("a", "a", "first"), ("b", "b", "first"), ("c", "c", "first")]);
    let after = pairs(&mut lab);
    assert!(after < before || after == MAX_SLOTS, "{before}, then {after}");
    lab.apply(&[("a", "a", "first")]);
    assert_eq!(pairs(&mut lab), before);
}
