//! The sockets of jobs, which continue while the proxy is replaced.

use std::fs;
use std::io::Read;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::net::sockopt::socket_peercred;
use rustix::process::Signal;

use super::ends::{End, accept};
use super::lab::{Folder, PING, PONG};
use super::manager::Manager;
use super::proxy::{Proxy, binary};
use super::upgrade::Next;

const FLAGS: [&str; 4] = ["--label", "ci.job=7", "--job-socket", "/var/run/docker.sock"];

/// Makes an exchange of a client that has connected; returns the pid of the process that serves it.
fn ping(client: &mut End, daemon: &UnixListener) -> i32 {
    client.sends(PING);
    let mut end = accept(daemon);
    end.gets(PING);
    end.sends(PONG);
    client.gets(PONG);
    socket_peercred(&end.stream).unwrap().pid.as_raw_nonzero().get()
}

/// Creates a container; returns the socket that it gets.
fn created(folder: &Path, daemon: &UnixListener) -> PathBuf {
    let mut client = End::new(UnixStream::connect(folder.join("listen")).unwrap());
    let body = r#"{"Image":""}"#;
    let length = body.len();
    client.sends(format!(
        "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: {length}\r\n\r\n{body}"
    ));
    let mut end = accept(daemon);
    end.gets_head();
    let mut body = String::new();
    while !body.contains(":/var/run/docker.sock") {
        let mut byte = [0];
        end.stream.read_exact(&mut byte).unwrap();
        body.push(char::from(byte[0]));
    }
    let begin = body.find(folder.to_str().unwrap()).unwrap();
    let end = body.find(":/var/run/docker.sock").unwrap();
    body[begin..end].into()
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
    let daemon = UnixListener::bind(folder.join("daemon")).unwrap();
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
