use super::*;

const SERVING: State = State { connections: 0, daemon: Reach::Untried, phase: Phase::Serving };

fn variables(pairs: &[(&str, &str)]) -> impl Fn(&str) -> Option<OsString> + use<> {
    let pairs: Vec<_> = pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    move |name| pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.into())
}

#[test]
fn the_watchdog_gets_two_messages_per_timeout() {
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let mut notifications = Notifications::new(Some(Duration::from_secs(5)), start);
    assert!(notifications.due(start, SERVING).unwrap().starts_with("WATCHDOG=1\n"));
    assert_eq!(notifications.due(at(4), SERVING), None);
    assert_eq!(notifications.wait(at(4), SERVING), Some(Duration::from_secs(1)));
    assert_eq!(notifications.due(at(5), SERVING).as_deref(), Some("WATCHDOG=1"));
    // A loop that was stuck does not catch up on messages.
    assert_eq!(notifications.due(at(60), SERVING).as_deref(), Some("WATCHDOG=1"));
    assert_eq!(notifications.due(at(61), SERVING), None);
}

#[test]
fn changes_of_status_are_reported_at_a_limited_rate() {
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let mut notifications = Notifications::new(None, start);
    let first = notifications.due(start, SERVING).unwrap();
    assert_eq!(first, "STATUS=Serving 0 connections; no connection to the daemon yet");
    assert_eq!(notifications.wait(at(1), SERVING), None);
    let busy = State { connections: 3, daemon: Reach::Away, ..SERVING };
    assert_eq!(notifications.due(at(1), busy), None);
    assert_eq!(notifications.wait(at(1), busy), Some(Duration::from_secs(9)));
    let later = notifications.due(at(10), busy).unwrap();
    assert_eq!(later, "STATUS=Serving 3 connections; the daemon is unreachable");
    let ending = State { phase: Phase::Ending, daemon: Reach::Reached, ..busy };
    let last = notifications.due(at(10), ending).unwrap();
    assert_eq!(last, "STATUS=Shutting down, 3 connections; the daemon is reachable");
}

#[test]
fn urgent_messages_are_sent_at_once_with_all_others() {
    let now = Instant::now();
    let mut notifications = Notifications::new(Some(Duration::from_secs(5)), now);
    notifications.urgent.push("READY=1".to_owned());
    assert_eq!(notifications.wait(now, SERVING), Some(Duration::ZERO));
    let text = notifications.due(now, SERVING).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[..2], ["READY=1", "WATCHDOG=1"]);
    assert!(lines[2].starts_with("STATUS="));
}

#[test]
fn the_manager_is_asked_to_wait_for_the_drain_time() {
    let told = stopping(Some(Duration::from_secs(10)));
    assert_eq!(told, "STOPPING=1\nEXTEND_TIMEOUT_USEC=15000000");
    assert_eq!(stopping(None), "STOPPING=1");
}

#[test]
fn the_time_of_a_reload_is_in_microseconds() {
    assert_eq!(reloading(7, 123_456_789), "RELOADING=1\nMONOTONIC_USEC=7123456");
}

#[test]
fn a_watchdog_for_another_pid_is_ignored() {
    let time = |pairs: &[(&str, &str)]| watchdog(variables(pairs), 7);
    assert_eq!(time(&[("WATCHDOG_USEC", "3000")]), Some(Duration::from_micros(1500)));
    let ours = [("WATCHDOG_USEC", "3000"), ("WATCHDOG_PID", "7")];
    assert_eq!(time(&ours), Some(Duration::from_micros(1500)));
    assert_eq!(time(&[("WATCHDOG_USEC", "3000"), ("WATCHDOG_PID", "8")]), None);
    assert_eq!(time(&[("WATCHDOG_USEC", "3000"), ("WATCHDOG_PID", "x")]), None);
    for time_text in ["", "0", "-1", "soon"] {
        assert_eq!(time(&[("WATCHDOG_USEC", time_text)]), None);
    }
}

#[test]
fn the_manager_is_found_by_path_or_abstract_name() {
    let path = std::env::temp_dir().join(format!("dcp-notify-{}", std::process::id()));
    let name = format!("dcp-notify-{}", std::process::id());
    let abstract_name = SocketAddr::from_abstract_name(&name).unwrap();
    let sockets = [
        (path.to_str().unwrap().to_owned(), UnixDatagram::bind(&path).unwrap()),
        (format!("@{name}"), UnixDatagram::bind_addr(&abstract_name).unwrap()),
    ];
    for (address, socket) in sockets {
        let env = variables(&[("NOTIFY_SOCKET", &address)]);
        let mut manager = Manager::named(env).unwrap();
        manager.ready();
        manager.notify(SERVING);
        let mut text = [0; 256];
        let length = socket.recv(&mut text).unwrap();
        assert!(text[..length].starts_with(b"READY=1\nSTATUS=Serving "));
    }
    std::fs::remove_file(&path).unwrap();
    assert!(Manager::named(variables(&[("NOTIFY_SOCKET", path.to_str().unwrap())])).is_err());
    let mut nobody = Manager::named(variables(&[("NOTIFY_SOCKET", "")])).unwrap();
    nobody.store("job-1", &io::stderr());
    nobody.forget("job-1");
    nobody.notify(SERVING);
    assert_eq!(nobody.wait(Instant::now(), SERVING), None);
}

#[test]
fn the_store_is_changed_before_anything_else_is_reported() {
    let (socket, other) = UnixDatagram::pair().unwrap();
    socket.set_nonblocking(true).unwrap();
    let notifications = Notifications::new(None, Instant::now());
    let mut manager = Manager { link: Some((socket, notifications)) };
    let next = || {
        let mut text = [0; 256];
        let length = other.recv(&mut text).unwrap();
        str::from_utf8(&text[..length]).unwrap().to_owned()
    };
    manager.notify(SERVING);
    next();
    assert_eq!(manager.wait(Instant::now(), SERVING), None);
    manager.store("job-1", &other);
    manager.forget("job-1");
    assert!(manager.wait(Instant::now(), SERVING).is_some());
    manager.ready();
    manager.notify(SERVING);
    assert_eq!(next(), "FDSTORE=1\nFDNAME=job-1\nFDPOLL=0");
    assert_eq!(next(), "FDSTOREREMOVE=1\nFDNAME=job-1");
    assert_eq!(next(), "READY=1");
    assert_eq!(manager.wait(Instant::now(), SERVING), None);
    manager.forget("job-2");
    manager.succeeded_by(7).unwrap();
    assert_eq!(next(), "FDSTOREREMOVE=1\nFDNAME=job-2");
    assert_eq!(next(), "MAINPID=7");
}
