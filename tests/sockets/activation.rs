//! Sockets from a service manager.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Command;

use rustix::net::sockopt::set_socket_passcred;

use super::ends::{End, accept};
use super::lab::{Folder, PING, PONG};
use super::proxy::Proxy;

/// Creates the sockets `one` and `two`, which the test keeps open like a service manager.
fn sockets(folder: &Folder) -> [UnixListener; 2] {
    ["one", "two"].map(|name| UnixListener::bind(folder.join(name)).unwrap())
}

fn copies(sockets: &[UnixListener; 2]) -> [UnixListener; 2] {
    [&sockets[0], &sockets[1]].map(|socket| socket.try_clone().unwrap())
}

fn client(folder: &Folder, name: &str) -> End {
    End::new(UnixStream::connect(folder.join(name)).unwrap())
}

/// Makes an exchange between client and daemon.
fn ping(client: &mut End, daemon: &UnixListener) {
    client.sends(PING);
    let mut end = accept(daemon);
    end.gets(PING);
    end.sends(PONG);
    client.gets(PONG);
}

#[test]
fn all_passed_sockets_are_served_and_outlive_the_proxy() {
    let folder = Folder::new();
    let kept = sockets(&folder);
    fs::set_permissions(folder.join("one"), fs::Permissions::from_mode(0o604)).unwrap();
    // A client that connects before the proxy starts waits for it.
    let mut early = client(&folder, "two");
    let daemon = UnixListener::bind(folder.join("daemon")).unwrap();
    let mut proxy = Proxy::activated(folder.path(), copies(&kept), "clients:two.socket", &[]);
    proxy.await_listening();
    ping(&mut early, &daemon);
    drop(early);
    ping(&mut client(&folder, "one"), &daemon);
    proxy.terminate();
    assert_eq!(proxy.await_exit().code(), Some(0));
    let mode = fs::metadata(folder.join("one")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o604);
    // A client that connects while no proxy runs waits for the next one.
    let mut between = client(&folder, "one");
    fs::remove_file(folder.join("log")).unwrap();
    let mut next = Proxy::activated(folder.path(), copies(&kept), "", &[]);
    next.await_listening();
    ping(&mut between, &daemon);
}

/// With `PassCredentials=` in the unit, a read stops where the bytes of another process begin.
#[test]
fn what_two_processes_write_to_a_socket_with_credentials_passes() {
    let folder = Folder::new();
    let kept = sockets(&folder);
    set_socket_passcred(&kept[0], true).unwrap();
    let daemon = UnixListener::bind(folder.join("daemon")).unwrap();
    // All bytes are written before the proxy reads.
    let mut client = client(&folder, "one");
    let (begin, rest) = PING.split_at(10);
    client.sends(begin);
    let stream = client.stream.try_clone().unwrap();
    let mut other = Command::new("printf");
    other.arg("%b").arg(rest.escape_default().to_string());
    assert!(other.stdout(OwnedFd::from(stream)).status().unwrap().success());
    let mut proxy = Proxy::activated(folder.path(), copies(&kept), "", &[]);
    proxy.await_listening();
    let mut end = accept(&daemon);
    end.gets(PING);
    end.sends(PONG);
    client.gets(PONG);
}

#[test]
fn a_mount_of_the_daemons_socket_becomes_one_of_the_first_passed_socket() {
    let folder = Folder::new();
    let mut proxy = Proxy::activated(folder.path(), sockets(&folder), "", &[]);
    proxy.await_listening();
    let daemon = UnixListener::bind(folder.join("daemon")).unwrap();
    let mut client = client(&folder, "two");
    let body = format!(
        r#"{{"Image":"","HostConfig":{{"Binds":["{}:/s"]}}}}"#,
        folder.join("daemon").display()
    );
    client.sends(format!(
        "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    let mut end = accept(&daemon);
    end.gets_head();
    let wanted = format!(r#""Binds":["{}:/s"]"#, folder.join("one").display());
    let mut got = String::new();
    while !got.contains(&wanted) {
        let mut byte = [0];
        std::io::Read::read_exact(&mut end.stream, &mut byte).unwrap();
        got.push(char::from(byte[0]));
    }
}

#[test]
fn sockets_that_cannot_be_used_are_named() {
    let folder = Folder::new();
    let datagrams = std::os::unix::net::UnixDatagram::bind(folder.join("one")).unwrap();
    let first = UnixListener::from(OwnedFd::from(datagrams));
    let second = UnixListener::bind(folder.join("two")).unwrap();
    let mut proxy = Proxy::activated(folder.path(), [first, second], "jobs:more", &[]);
    assert_eq!(proxy.await_exit().code(), Some(1));
    assert!(
        proxy.log().contains("LISTEN_FDS: socket 0 \"jobs\" cannot be used"),
        "{}",
        proxy.log()
    );
}

#[test]
fn what_is_said_about_a_socket_of_our_own_is_refused_beside_passed_ones() {
    let folder = Folder::new();
    let words = ["--socket-mode", "600"];
    let mut proxy = Proxy::activated(folder.path(), sockets(&folder), "", &words);
    assert_eq!(proxy.await_exit().code(), Some(2));
    let why = "--socket-mode: has no effect, since the service manager passed";
    assert!(proxy.log().contains(why), "{}", proxy.log());
}

/// Sockets for another `LISTEN_PID` are ignored.
#[test]
fn sockets_of_another_process_are_not_taken() {
    let folder = Folder::new();
    let mut command = Command::new(super::proxy::binary());
    command.envs([("LISTEN_FDS", "2"), ("LISTEN_PID", "1")]);
    command.arg("--listensocket").arg(folder.join("no/such/folder"));
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("does not exist"), "{said}");
}

#[test]
fn a_passed_socket_called_stats_tells_how_the_proxy_does() {
    let folder = Folder::new();
    let kept = sockets(&folder);
    let mut proxy = Proxy::activated(folder.path(), copies(&kept), "clients:stats", &[]);
    proxy.await_listening();
    let mut guest = client(&folder, "two");
    guest.sends("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(guest.gets_head().starts_with("HTTP/1.1 200 OK\r\n"));
    let daemon = UnixListener::bind(folder.join("daemon")).unwrap();
    ping(&mut client(&folder, "one"), &daemon);
    proxy.terminate();
    assert_eq!(proxy.await_exit().code(), Some(0));
    assert!(folder.join("two").exists());
    // A stats socket of the proxy's own beside it is an error.
    let own = folder.join("own");
    let own = ["--stats-socket", own.to_str().unwrap()];
    let mut both = Proxy::activated(folder.path(), copies(&kept), "clients:stats", &own);
    assert_eq!(both.await_exit().code(), Some(2));
    assert!(both.log().contains(" has no effect, since "), "{}", both.log());
}
