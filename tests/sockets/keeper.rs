//! The removal of what containers created, after their end, and of what clients created, when the proxy stops.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::ends::End;
use super::lab::{CHUNKED, Folder, LOGS};
use super::manager::Manager;
use super::proxy::{Proxy, binary, until};
use super::upgrade::Next;

/// The state of a daemon that has one volume for each container.
#[derive(Default)]
struct State {
    /// Volumes by name, each with the id of the container whose process created it, and the listener.
    volumes: BTreeMap<String, (String, String)>,
    /// The answers about containers by id. There are no others.
    containers: BTreeMap<String, String>,
    /// The times at which volumes were removed.
    removed: BTreeMap<String, Instant>,
    events: Vec<UnixStream>,
    /// The number of lists of volumes.
    lists: usize,
    /// `true` if removals are not answered.
    hangs: bool,
}

/// A daemon.
#[derive(Clone, Default)]
struct Daemon(Arc<Mutex<State>>);

impl Daemon {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    /// Answers at the socket of this path. Returns the listening socket.
    fn answer_at(&self, path: &Path) -> UnixListener {
        let listener = UnixListener::bind(path).unwrap();
        let (own, daemon) = (listener.try_clone().unwrap(), self.clone());
        thread::spawn(move || {
            while let Ok((stream, _)) = own.accept() {
                let daemon = daemon.clone();
                thread::spawn(move || daemon.serve(stream));
            }
        });
        listener
    }

    /// Answers no more.
    fn goes(&self, listener: &UnixListener, path: &Path) {
        // It ends accept(2) in the other thread.
        let _ = rustix::net::shutdown(listener, rustix::net::Shutdown::Both);
        fs::remove_file(path).unwrap();
        for stream in self.state().events.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn serve(&self, mut stream: UnixStream) {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            match stream.read(&mut byte) {
                Ok(1) => request.extend(byte),
                _ => return,
            }
        }
        let request = String::from_utf8(request).unwrap();
        let mut words = request.split(' ');
        let (method, target) = (words.next().unwrap(), words.next().unwrap());
        if target.starts_with("/events?") || target.ends_with("/logs?follow=1") {
            let _ = stream.write_all(CHUNKED.as_bytes());
        }
        if target.ends_with("/logs?follow=1") {
            // Until the client ends.
            let _ = stream.read(&mut [0]);
            return;
        }
        if target.starts_with("/events?") {
            self.state().events.push(stream);
            return;
        }
        if method == "DELETE" && self.state().hangs {
            thread::park();
        }
        let (status, body) = self.answer(method, target);
        let length = body.len();
        let answer = format!("HTTP/1.1 {status} Any\r\nContent-Length: {length}\r\n\r\n{body}");
        let _ = stream.write_all(answer.as_bytes());
    }

    fn answer(&self, method: &str, target: &str) -> (u16, String) {
        let mut state = self.state();
        if let Some(volume) = target.strip_prefix("/volumes/") {
            assert_eq!(method, "DELETE");
            let volume = volume.split('?').next().unwrap();
            state.volumes.remove(volume).expect("the volume is there");
            state.removed.insert(volume.to_owned(), Instant::now());
            return (204, String::new());
        }
        assert_eq!(method, "GET", "{target}");
        if target == "/info" {
            return (200, "{}".to_owned());
        }
        if target.starts_with("/containers/json?") {
            return (200, "[]".to_owned());
        }
        if let Some(id) = target.strip_prefix("/containers/") {
            let id = id.strip_suffix("/json").unwrap();
            let none = (404, format!(r#"{{"message":"No such container: {id}"}}"#));
            return state.containers.get(id).map_or(none, |answer| (200, answer.clone()));
        }
        if target.starts_with("/volumes?") {
            state.lists += 1;
            let volume = |(name, (job, owner)): (&String, &(String, String))| {
                format!(
                    r#"{{"Name":"{name}","Labels":{{"dockerd-ci-proxy.job":"{job}","dockerd-ci-proxy.listener":"{owner}"}}}}"#
                )
            };
            let volumes: Vec<_> = state.volumes.iter().map(volume).collect();
            return (200, format!(r#"{{"Volumes":[{}]}}"#, volumes.join(",")));
        }
        if target.starts_with("/networks?") || target.starts_with("/images/json?") {
            return (200, "[]".to_owned());
        }
        (503, r#"{"message":"This node is not a swarm manager."}"#.to_owned())
    }

    fn has(&self, volume: &str) -> bool {
        self.state().volumes.contains_key(volume)
    }

    fn sets(&self, container: &str, runs: bool) {
        let answer = format!(
            r#"{{"Id":"{container}","State":{{"Running":{runs},"FinishedAt":"0001-01-01T00:00:00Z"}}}}"#
        );
        self.state().containers.insert(container.to_owned(), answer);
    }

    /// Sends the event that a container has ended.
    fn sends_event(&self) {
        let event = r#"{"Type":"container","Action":"die"}"#;
        let event = format!("{:x}\r\n{event}\n\r\n", event.len() + 1);
        for mut stream in &self.state().events {
            let _ = stream.write_all(event.as_bytes());
        }
    }

    /// Waits until the proxy has looked at everything once more.
    fn await_look(&self) {
        let before = self.state().lists;
        // The first one may have begun before.
        self.sends_event();
        until("the proxy looks", || (self.state().lists > before).then_some(()));
        let between = self.state().lists;
        self.sends_event();
        until("the proxy looks again", || (self.state().lists > between).then_some(()));
    }
}

/// A proxy in front of a daemon that has a volume of the running container `c`.
struct Stage {
    proxy: Proxy,
    daemon: Daemon,
    listener: UnixListener,
    folder: Folder,
}

impl Stage {
    fn new(arguments: &[&str]) -> Self {
        let folder = Folder::new();
        let daemon = Daemon::default();
        daemon.sets("c", true);
        daemon.state().volumes.insert("v".to_owned(), ("c".to_owned(), owner(&folder)));
        let listener = daemon.answer_at(&folder.join("daemon"));
        let mut proxy = Proxy::spawn(folder.path(), arguments, None);
        proxy.await_listening();
        Self { proxy, daemon, listener, folder }
    }

    fn await_removal(&self) {
        until("the volume is removed", || (!self.daemon.has("v")).then_some(()));
    }
}

/// The listener of a proxy that flags configure.
fn owner(folder: &Folder) -> String {
    on_this_host(&folder.join("listen").display().to_string())
}

fn on_this_host(listener: &str) -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    format!("{}:{listener}", host.trim())
}

const WHEN_GONE: &[&str] = &["--reap-when-gone", "--reap-delay", "1s"];

#[test]
fn what_a_container_created_is_removed_after_its_end_and_the_delay() {
    let stage = Stage::new(WHEN_GONE);
    let other = ("other".to_owned(), "another proxy".to_owned());
    stage.daemon.state().volumes.insert("of-another".to_owned(), other);
    let nobody = (String::new(), owner(&stage.folder));
    stage.daemon.state().volumes.insert("of-nobody".to_owned(), nobody);
    until("the proxy listens to events", || {
        (!stage.daemon.state().events.is_empty()).then_some(())
    });
    stage.daemon.await_look();
    assert!(stage.daemon.has("v"));
    let ended = Instant::now();
    stage.daemon.sets("c", false);
    stage.daemon.sends_event();
    stage.await_removal();
    assert!(stage.daemon.state().removed["v"] - ended >= Duration::from_secs(1));
    stage.daemon.await_look();
    assert!(stage.daemon.has("of-another") && stage.daemon.has("of-nobody"));
    stage.proxy.await_log(r#"the container "c" has ended; removed what it created: 1 volume"#);
    assert_eq!(stage.proxy.warnings(), [""; 0]);
}

#[test]
fn what_a_container_created_is_removed_at_start_if_it_is_gone() {
    let folder = Folder::new();
    let daemon = Daemon::default();
    daemon.state().volumes.insert("v".to_owned(), ("c".to_owned(), owner(&folder)));
    let _listener = daemon.answer_at(&folder.join("daemon"));
    let arguments = ["--reap-when-gone", "--reap-delay", "0"];
    let mut proxy = Proxy::spawn(folder.path(), &arguments, None);
    proxy.await_listening();
    until("the volume is removed", || (!daemon.has("v")).then_some(()));
}

#[test]
fn a_container_that_is_started_again_keeps_what_it_created() {
    let stage = Stage::new(&["--reap-when-gone", "--reap-delay", "2s"]);
    stage.daemon.await_look();
    stage.daemon.sets("c", false);
    stage.daemon.await_look();
    let ended = Instant::now();
    stage.daemon.sets("c", true);
    stage.daemon.await_look();
    while ended.elapsed() < Duration::from_secs(3) {
        stage.daemon.await_look();
        assert!(stage.daemon.has("v"));
    }
}

#[test]
fn a_daemon_that_was_away_is_asked_again() {
    let mut stage = Stage::new(WHEN_GONE);
    stage.daemon.await_look();
    let path = stage.folder.join("daemon");
    stage.daemon.goes(&stage.listener, &path);
    stage.proxy.await_log("cannot look for containers that have ended");
    stage.daemon.sets("c", false);
    stage.listener = stage.daemon.answer_at(&path);
    stage.await_removal();
    stage.proxy.await_log("looking for containers that have ended again");
    // One warning for all attempts.
    assert_eq!(stage.proxy.warnings().len(), 1, "{}", stage.proxy.log());
}

#[test]
fn what_a_listener_removes_follows_the_configuration() {
    let folder = Folder::new();
    let daemon = Daemon::default();
    daemon.state().volumes.insert("v".to_owned(), ("c".to_owned(), on_this_host("ci")));
    let _listener = daemon.answer_at(&folder.join("daemon"));
    let write = |keys: &str| {
        let text = "[[listener]]\nname = \"ci\"\nsocket = \"@/listen\"\ndaemon = \"@/daemon\"\n";
        let text = text.replace('@', folder.path().to_str().unwrap());
        fs::write(folder.join("config.toml"), text + keys).unwrap();
    };
    write("");
    let mut proxy = Proxy::configured(folder.path(), None);
    proxy.await_listening();
    assert_eq!(daemon.state().lists, 0);
    write("reap_when_gone = true\nreap_delay = \"0\"\n");
    proxy.signal(Signal::USR1);
    until("the volume is removed", || (!daemon.has("v")).then_some(()));
    write("");
    proxy.signal(Signal::USR1);
    until("the connection for events ends", || {
        let state = daemon.state();
        let mut stream = state.events.last()?;
        stream.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
        matches!(stream.read(&mut [0]), Ok(0)).then_some(())
    });
}

#[test]
fn what_clients_created_is_removed_at_the_end() {
    let folder = Folder::new();
    let daemon = Daemon::default();
    for (volume, owner) in [("v", owner(&folder)), ("of-another", "another".to_owned())] {
        daemon.state().volumes.insert(volume.to_owned(), (String::new(), owner));
    }
    let _listener = daemon.answer_at(&folder.join("daemon"));
    let mut proxy = Proxy::spawn(folder.path(), &["--reap-on-exit"], None);
    proxy.await_listening();
    assert_eq!(daemon.state().lists, 0);
    proxy.signal(Signal::TERM);
    assert!(proxy.await_exit().success());
    assert!(!daemon.has("v") && daemon.has("of-another"));
    assert!(proxy.log().contains("created: 1 volume"), "{}", proxy.log());
}

#[test]
fn another_signal_ends_a_removal() {
    let mut stage = Stage::new(&["--reap-on-exit"]);
    stage.daemon.state().hangs = true;
    stage.proxy.signal(Signal::TERM);
    stage.proxy.await_log("another signal ends this");
    until("the process ends at another signal", || {
        stage.proxy.signal(Signal::TERM);
        (!stage.proxy.is_running()).then_some(())
    });
    assert!(stage.daemon.has("v"));
}

#[test]
fn nothing_is_removed_at_an_upgrade() {
    let mut stage = Stage::new(&["--reap-on-exit"]);
    stage.proxy.signal(Signal::HUP);
    let next = Next::of(&stage.proxy, 1);
    assert!(stage.proxy.await_exit().success());
    assert!(stage.daemon.has("v"));
    next.signal(Signal::TERM);
    next.await_end();
    assert!(!stage.daemon.has("v"));
}

#[test]
fn the_threads_of_a_process_end_at_an_upgrade() {
    let mut stage = Stage::new(WHEN_GONE);
    stage.daemon.await_look();
    // A client that stays keeps the old process alive.
    let mut client = End::new(UnixStream::connect(stage.folder.join("listen")).unwrap());
    client.sends(LOGS);
    client.gets(CHUNKED);
    stage.proxy.signal(Signal::HUP);
    let _next = Next::of(&stage.proxy, 1);
    until("both processes have listened", || (stage.daemon.state().events.len() > 1).then_some(()));
    until("one connection for events has ended", || {
        let daemon = stage.daemon.state();
        let mut stream = &daemon.events[0];
        stream.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
        matches!(stream.read(&mut [0]), Ok(0)).then_some(())
    });
    assert!(stage.proxy.is_running());
    stage.daemon.sets("c", false);
    stage.daemon.sends_event();
    stage.await_removal();
}

#[test]
fn the_service_manager_waits_for_a_removal() {
    let (manager, folder, daemon) = (Manager::new(), Folder::new(), Daemon::default());
    daemon.state().volumes.insert("v".to_owned(), (String::new(), owner(&folder)));
    let _listener = daemon.answer_at(&folder.join("daemon"));
    let socket = format!("NOTIFY_SOCKET={}", manager.path().display());
    let program = binary();
    let under = ["env", socket.as_str()];
    let mut proxy =
        Proxy::spawn_under(&under, Path::new(&program), folder.path(), &["--reap-on-exit"], None);
    proxy.await_listening();
    proxy.signal(Signal::TERM);
    manager.awaits("STOPPING=1");
    manager.awaits("EXTEND_TIMEOUT_USEC=60000000");
    assert!(proxy.await_exit().success());
    assert!(!daemon.has("v"));
}
