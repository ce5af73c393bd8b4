//! The sockets of jobs, which continue while the proxy is replaced.

use std::cell::RefCell;
use std::fs;
use std::io::Read;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::net::sockopt::socket_peercred;
use rustix::net::{RecvFlags, recv};
use rustix::process::Signal;

use super::ends::End;
use super::lab::{Folder, PING, PONG};
use super::manager::Manager;
use super::proxy::{Proxy, binary, until};
use super::upgrade::{Next, replace, with_flags};

const FLAGS: [&str; 4] = ["--label", "ci.job=7", "--job-socket", "/var/run/docker.sock"];

/// The daemon, which the proxy itself asks, too. That gets no answers here.
struct Daemon {
    listener: UnixListener,
    /// Connections whose requests are not of interest yet.
    others: RefCell<Vec<End>>,
}

impl Daemon {
    fn new(listener: UnixListener) -> Self {
        listener.set_nonblocking(true).unwrap();
        Self { listener, others: RefCell::default() }
    }

    /// Returns the connection of a client whose request begins like this.
    fn asked(&self, begin: &str) -> End {
        until("there is such a request", || self.find(begin))
    }

    /// Returns the same if there is one.
    fn find(&self, begin: &str) -> Option<End> {
        let mut others = self.others.borrow_mut();
        while let Ok((stream, _)) = self.listener.accept() {
            others.push(End::new(stream));
        }
        let is_it = |end: &End| {
            let mut bytes = vec![0; begin.len()];
            let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
            recv(&end.stream, bytes.as_mut_slice(), flags).is_ok() && bytes == begin.as_bytes()
        };
        others.iter().position(is_it).map(|place| others.remove(place))
    }
}

/// Makes an exchange of a client that has connected; returns the pid of the process that serves it.
fn ping(client: &mut End, daemon: &Daemon) -> i32 {
    client.sends(PING);
    let mut end = daemon.asked("GET /_ping");
    end.gets(PING);
    end.sends(PONG);
    client.gets(PONG);
    socket_peercred(&end.stream).unwrap().pid.as_raw_nonzero().get()
}

/// The body of a request that creates a container.
const BODY: &str = r#"{"Image":""}"#;

/// Begins to create a container.
fn begins(folder: &Path) -> End {
    let mut client = End::new(UnixStream::connect(folder.join("listen")).unwrap());
    let length = BODY.len();
    client.sends(format!(
        "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: {length}\r\n\r\n"
    ));
    client
}

/// Creates a container; returns the socket that it gets.
fn created(folder: &Path, daemon: &Daemon) -> PathBuf {
    let mut client = begins(folder);
    client.sends(BODY);
    socket_of(folder, daemon)
}

/// Returns the socket of the container that the daemon is to create.
fn socket_of(folder: &Path, daemon: &Daemon) -> PathBuf {
    socket_in(&mut daemon.asked("POST /containers/create"), folder)
}

/// Returns the socket in the request that an end of the daemon gets.
fn socket_in(end: &mut End, folder: &Path) -> PathBuf {
    end.gets_head();
    let mut body = String::new();
    while !body.contains(":/var/run/docker.sock") {
        let mut byte = [0];
        end.stream.read_exact(&mut byte).unwrap();
        body.push(char::from(byte[0]));
    }
    let begin = body.rfind(folder.to_str().unwrap()).unwrap();
    let end = body.find(":/var/run/docker.sock").unwrap();
    body[begin..end].into()
}

#[test]
fn the_socket_of_a_container_that_is_not_created_is_closed() {
    let folder = Folder::new();
    let mut proxy = Proxy::spawn(folder.path(), &FLAGS, None);
    proxy.await_listening();
    let daemon = Daemon::new(UnixListener::bind(folder.join("daemon")).unwrap());
    let mut client = begins(folder.path());
    client.sends(BODY);
    let mut end = daemon.asked("POST /containers/create");
    let path = socket_in(&mut end, folder.path());
    assert!(path.exists());
    let answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    end.sends(answer);
    client.gets(answer);
    until("the socket is closed", || (!path.exists()).then_some(()));
    // Without an answer it may have been created.
    let kept = created(folder.path(), &daemon);
    ping(&mut End::new(UnixStream::connect(&kept).unwrap()), &daemon);
    assert!(kept.exists());
    proxy.signal(Signal::TERM);
    proxy.await_exit();
}

#[test]
fn sockets_of_containers_leave_files_for_clients() {
    let folder = Folder::new();
    let mut proxy = Proxy::spawn(folder.path(), &FLAGS, Some(90));
    proxy.await_listening();
    let daemon = Daemon::new(UnixListener::bind(folder.join("daemon")).unwrap());
    let is_made = || {
        let mut client = begins(folder.path());
        client.sends(BODY);
        client.stream.set_nonblocking(true).unwrap();
        until("the request is forwarded or refused", || {
            let is_forwarded = daemon.find("POST /containers/create").is_some();
            let is_refused = client.stream.read(&mut [0; 12]).is_ok();
            (is_forwarded || is_refused).then_some(is_forwarded)
        })
    };
    let made = std::iter::repeat_with(is_made).take(60).take_while(|made| *made).count();
    assert!((10..40).contains(&made), "{made}");
    proxy.await_log("too many for the limit of open files");
    assert_eq!(fs::read_dir(folder.join("listen.jobs")).unwrap().count(), made);
    proxy.signal(Signal::TERM);
    proxy.await_exit();
}

#[test]
fn a_socket_of_a_job_outlives_a_crash_and_an_upgrade() {
    let (manager, folder) = (Manager::new(), Folder::new());
    let notify = manager.path();
    let variable = format!("NOTIFY_SOCKET={}", notify.display());
    let tracer = ["env", &variable];
    let program = binary();
    let mut first = Proxy::spawn_under(&tracer, Path::new(&program), folder.path(), &FLAGS, None);
    first.await_listening();
    let daemon = Daemon::new(UnixListener::bind(folder.join("daemon")).unwrap());
    let path = created(folder.path(), &daemon);
    let (socket, name) = manager.awaits_socket();
    assert_eq!(name, format!("job-{}", path.file_name().unwrap().to_str().unwrap()));
    let client = || End::new(UnixStream::connect(&path).unwrap());
    ping(&mut client(), &daemon);
    first.signal(Signal::KILL);
    first.await_exit();
    // A client that connects while no proxy runs waits for the next one.
    let mut between = client();
    fs::remove_file(folder.join("log")).unwrap();
    let environment = [("NOTIFY_SOCKET", notify.as_path())];
    let mut second = Proxy::restarted(folder.path(), (socket, &name), &environment, &FLAGS);
    second.await_listening();
    ping(&mut between, &daemon);
    second.signal(Signal::HUP);
    let next = Next::of(&second, 1);
    assert_eq!(ping(&mut client(), &daemon), next.number);
    next.signal(Signal::TERM);
    next.await_end();
    // A container that was stopped may be started again.
    assert!(path.exists());
}

/// One socket is made after the sockets were passed, the other one when the new process serves already.
#[test]
fn sockets_of_jobs_that_are_made_during_an_upgrade_move_to_the_new_process() {
    let folder = Folder::new();
    let (mut lab, program) = with_flags(&folder, &[], &FLAGS);
    let own = lab.folder.path().to_owned();
    let daemon = Daemon::new(lab.daemon.try_clone().unwrap());
    let slow = format!(
        "#!/bin/sh\nwhile [ ! -e {}/go ]; do sleep 0.01; done\nexec {} \"$@\"\n",
        own.display(),
        binary()
    );
    replace(&program, slow.as_bytes());
    lab.proxy.signal(Signal::HUP);
    lab.proxy.await_log("starting ");
    let early = created(&own, &daemon);
    // This exchange ends in the old process.
    let mut client = begins(&own);
    fs::write(own.join("go"), "").unwrap();
    let next = Next::of(&lab.proxy, 1);
    let at = |path: &Path| End::new(UnixStream::connect(path).unwrap());
    assert_eq!(ping(&mut at(&early), &daemon), next.number);
    client.sends(BODY);
    let late = socket_of(&own, &daemon);
    assert_eq!(ping(&mut at(&late), &daemon), next.number);
    drop(client);
    assert_eq!(lab.proxy.await_exit().code(), Some(0));
    assert_eq!(ping(&mut at(&late), &daemon), next.number);
}
