//! Startup and shutdown of the process.

use std::fs;
use std::os::unix::net::{UnixListener, UnixStream};

use rustix::process::Signal;

use super::ends::accept;
use super::lab::{ATTACH, CHUNKED, Folder, LOGS, Lab, PING, PONG, UPGRADED};
use super::proxy::{Proxy, until};

/// Makes an exchange between client and daemon.
fn ping(lab: &Lab) {
    let (mut client, mut daemon) = lab.asked(PING);
    daemon.sends(PONG);
    client.gets(PONG);
}

#[test]
fn idle_connections_do_not_delay_the_end() {
    let mut lab = Lab::with(&["--drain-time", "infinity"]);
    let (mut unused, _daemon) = lab.pair();
    let (mut used, mut daemon) = lab.asked(PING);
    daemon.sends(PONG);
    used.gets(PONG);
    lab.proxy.terminate();
    unused.is_closed();
    used.is_closed();
    daemon.is_closed();
    assert_eq!(lab.proxy.await_exit().code(), Some(0));
    assert!(!lab.listen().exists());
    assert!(lab.proxy.log().contains("stopped; 0 connections were cut off"));
}

#[test]
fn clients_who_are_there_finish_what_they_are_about() {
    let mut lab = Lab::with(&["--drain-time", "infinity"]);
    let (mut streams, mut its_daemon) = lab.asked(LOGS);
    let (mut tunnels, mut other_daemon) = lab.tunnel();
    let (mut asks, mut third_daemon) = lab.asked(PING);
    third_daemon.sends(PONG);
    asks.gets(PONG);
    lab.proxy.signal(Signal::INT);
    lab.proxy.await_log("stopping: ");
    assert!(UnixStream::connect(lab.listen()).is_err());
    its_daemon.sends(CHUNKED);
    streams.gets(CHUNKED);
    tunnels.sends("in");
    other_daemon.gets("in");
    // A request behind the running one.
    streams.sends(PING);
    its_daemon.sends("0\r\n\r\n");
    streams.gets("0\r\n\r\n");
    its_daemon.gets(PING);
    its_daemon.sends(PONG);
    streams.gets(PONG);
    drop(streams);
    assert!(lab.proxy.is_running());
    // Like `docker exec`, which asks for the exit code after its stream, on an existing connection.
    other_daemon.sends("last words");
    drop(other_daemon);
    tunnels.gets("last words");
    asks.sends(PING);
    third_daemon.gets(PING);
    third_daemon.sends(PONG);
    asks.gets(PONG);
    drop(tunnels);
    asks.is_closed();
    assert_eq!(lab.proxy.await_exit().code(), Some(0));
}

#[test]
fn shortly_before_the_end_no_new_exchanges_begin() {
    let mut lab = Lab::with(&["--drain-time", "3"]);
    let (_tunnel, _daemon) = lab.tunnel();
    let (mut idle, mut its_daemon) = lab.pair();
    lab.proxy.terminate();
    // Although another exchange is running.
    idle.is_closed();
    its_daemon.is_closed();
    assert_eq!(lab.proxy.await_exit().code(), Some(0));
    assert!(lab.proxy.log().contains("stopped; 1 connections were cut off"));
}

#[test]
fn what_is_left_at_the_drain_time_is_cut_off() {
    let mut lab = Lab::with(&["--drain-time", "1"]);
    let (mut client, mut daemon) = lab.tunnel();
    lab.proxy.terminate();
    client.sends("still here");
    daemon.gets("still here");
    assert_eq!(lab.proxy.await_exit().code(), Some(0));
    client.is_closed();
    daemon.is_closed();
    assert!(lab.proxy.log().contains("stopped; 1 connections were cut off"));
    assert!(!lab.listen().exists());
}

#[test]
fn a_second_signal_ends_at_once() {
    let mut lab = Lab::with(&["--drain-time", "infinity"]);
    let (mut client, mut daemon) = lab.tunnel();
    lab.proxy.terminate();
    lab.proxy.signal(Signal::TERM);
    assert_eq!(lab.proxy.await_exit().code(), Some(0));
    client.is_closed();
    daemon.is_closed();
}

#[test]
fn a_stale_socket_is_replaced_and_a_live_one_is_not_stolen() {
    let folder = Folder::new();
    drop(UnixListener::bind(folder.join("listen")).unwrap());
    let mut first = Proxy::spawn(folder.path(), &[], None);
    first.await_listening();
    let mut second = Proxy::spawn(folder.path(), &["--label", "a=b"], None);
    assert_eq!(second.await_exit().code(), Some(1));
    assert!(first.log().contains("a program already listens on "), "{}", first.log());
    // The first proxy still has its socket; its daemon is not running.
    let daemon = UnixListener::bind(folder.join("daemon")).unwrap();
    UnixStream::connect(folder.join("listen")).unwrap();
    accept(&daemon);
    // A crash leaves a stale socket.
    first.signal(Signal::KILL);
    first.await_exit();
    assert!(folder.join("listen").exists());
    let mut third = Proxy::spawn(folder.path(), &["--label", "third=1"], None);
    third.await_log("label third=");
    until("the third one listens", || {
        assert!(third.is_running());
        UnixStream::connect(folder.join("listen")).ok()
    });
}

#[test]
fn a_daemon_may_come_later() {
    let folder = Folder::new();
    let mut proxy = Proxy::spawn(folder.path(), &["--cgroup-parent", "/ci"], None);
    proxy.await_listening();
    let client = || UnixStream::connect(folder.join("listen")).map(super::ends::End::new).unwrap();
    // Accepted while there is no daemon; sends its request when there is one.
    let mut patient = client();
    let mut hasty = client();
    hasty.sends(PING);
    assert!(hasty.gets_head().starts_with("HTTP/1.1 503 "));
    let socket = folder.join("daemon");
    let wanted = format!("cannot reach the Docker daemon at unix://{}", socket.display());
    assert!(String::from_utf8(hasty.gets_rest()).unwrap().contains(&wanted));
    let daemon = UnixListener::bind(&socket).unwrap();
    patient.sends(PING);
    let mut end = accept(&daemon);
    end.gets(PING);
    end.sends(PONG);
    patient.gets(PONG);
}

#[test]
fn a_daemon_may_restart() {
    let mut lab = Lab::new();
    ping(&lab);
    let (mut unused, unused_daemon) = lab.pair();
    let (mut used, mut used_daemon) = lab.asked(PING);
    used_daemon.sends(PONG);
    used.gets(PONG);
    drop((unused_daemon, used_daemon));
    let socket = lab.folder.join("daemon");
    fs::remove_file(&socket).unwrap();
    lab.daemon = UnixListener::bind(&socket).unwrap();
    // The client of a used connection sees its end, as on the daemon's own socket.
    used.is_half_closed();
    ping(&lab);
    // A client that has sent nothing yet does not notice.
    unused.sends(ATTACH);
    let mut daemon = lab.accept();
    daemon.gets(ATTACH);
    daemon.sends(UPGRADED);
    unused.gets(UPGRADED);
}

#[test]
fn a_reload_without_a_configuration_file_changes_nothing() {
    let mut lab = Lab::with(&[]);
    let (mut client, mut daemon) = lab.asked(PING);
    lab.proxy.signal(Signal::USR1);
    lab.proxy.await_log("SIGUSR1: there is no configuration file");
    daemon.sends(PONG);
    client.gets(PONG);
    assert!(lab.proxy.is_running());
}
