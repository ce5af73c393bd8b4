use super::*;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use crate::config::SocketAccess;
use crate::net::listen::Listener;
use crate::net::server::{EarlySignal, ListenerGroup};
use crate::net::service::notify::{Manager, Phase};
use crate::rules::Profile;

/// A server with one client that has asked for nothing, and which another process has superseded.
struct Old {
    server: Server,
    _client: UnixStream,
    _daemon: UnixListener,
    folder: PathBuf,
}

impl Old {
    fn new(test: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("dcp-{test}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let at = |name: &str| folder.join(name);
        let daemon = UnixListener::bind(at("daemon")).unwrap();
        let bind = |path: &Path| Listener::bind(path, SocketAccess::default(), &at("daemon"));
        let listeners = vec![bind(&at("listen")).unwrap()];
        let profile = Profile::default();
        let group = ListenerGroup::new(listeners, profile, at("daemon"));
        let (drain, nobody) = (Drain::Never, Manager::nobody());
        let mut server = Server::new(vec![group], drain, nobody, None).unwrap();
        let client = UnixStream::connect(at("listen")).unwrap();
        server.accept_all();
        let mut old = Self { server, _client: client, _daemon: daemon, folder };
        old.turns();
        assert_eq!(old.server.pairs.len(), 1);
        old
    }

    fn turns(&mut self) {
        while let Some(slot) = self.server.ready.pop_front() {
            self.server.turn(slot);
        }
    }

    /// Returns the number of clients left at `now` by a process that sweeps and closes at these times.
    fn left_at(&mut self, now: Instant, sweep: Instant, busy: Instant) -> usize {
        self.server.accept_no_more(Accepting::Superseded(Superseded { sweep, busy }));
        self.server.woke = now;
        self.server.next_stages();
        self.turns();
        self.server.pairs.len()
    }
}

impl Drop for Old {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn who_was_quiet_between_two_sweeps_is_let_go() {
    let mut old = Old::new("sweep");
    let now = Instant::now();
    // It has just come.
    assert_eq!(old.left_at(now, now, now + BUSY), 1);
    assert_eq!(old.left_at(now, now + QUIET, now + BUSY), 1);
    assert_eq!(old.left_at(now + QUIET, now + QUIET, now + BUSY), 0);
    assert!(old.server.is_done());
}

#[test]
fn in_the_end_connections_are_closed_between_two_exchanges() {
    let mut old = Old::new("busy");
    let now = Instant::now();
    assert_eq!(old.left_at(now, now + QUIET, now + QUIET), 1);
    assert!(!old.server.shared.draining.get());
    assert_eq!(old.left_at(now + BUSY, now + BUSY, now + BUSY), 0);
    assert!(old.server.shared.draining.get() && old.server.is_done());
}

#[test]
fn what_was_read_for_a_process_that_stops_has_no_effect() {
    let mut old = Old::new("reading");
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let read = move || {
        gate.lock().unwrap().recv().unwrap();
        Err(Vec::new())
    };
    old.server.reload_by(read, &EarlySignal::catch().unwrap());
    old.server.start_reload();
    assert_eq!(old.server.state().phase, Phase::Reloading);
    assert!(old.server.reload.is_running());
    old.server.begin_to_stop();
    go.send(()).unwrap();
    while old.server.reload.is_running() {
        std::thread::yield_now();
        old.server.reloaded();
    }
    assert_eq!(old.server.reload.done.failed, 0);
}
