use super::*;
use crate::net::listen::Listener;
use crate::rules::Profile;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Mutex;

use crate::config::SocketAccess;
use crate::rules::{Injections, Label};

/// A log that panics where a labelled create is logged, which happens in the turn of its pair.
struct Bomb;

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

impl log::Log for Bomb {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = record.args().to_string();
        assert!(!line.contains("boom"), "the bomb of this test");
        LINES.lock().unwrap().push(line);
    }

    fn flush(&self) {}
}

fn serve(folder: &std::path::Path) {
    let (listen, daemon) = (folder.join("listen"), folder.join("daemon"));
    let label = Label { key: "boom".to_owned(), value: "7".to_owned() };
    let profile =
        Profile { inject: Injections::forced(&[label], &[], None, None), ..Profile::default() };
    let listener = Listener::bind(&listen, SocketAccess::default(), &daemon).unwrap();
    // Runs until the tests end.
    std::thread::spawn(move || {
        let group = ListenerGroup::new(vec![listener], profile, daemon);
        Server::new(vec![group], Drain::Never, Manager::nobody(), None).unwrap().run()
    });
}

fn end(stream: UnixStream) -> UnixStream {
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream
}

fn gets(mut end: &UnixStream, wanted: &str) {
    let mut got = vec![0; wanted.len()];
    end.read_exact(&mut got).unwrap();
    assert_eq!(str::from_utf8(&got), Ok(wanted));
}

#[test]
fn a_panic_ends_one_pair_alone() {
    log::set_logger(&Bomb).unwrap();
    log::set_max_level(log::LevelFilter::Info);
    let folder = std::env::temp_dir().join(format!("dcp-panic-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let daemon = UnixListener::bind(folder.join("daemon")).unwrap();
    serve(&folder);
    let connect = || {
        let client = UnixStream::connect(folder.join("listen")).unwrap();
        (end(client), end(daemon.accept().unwrap().0))
    };
    let (other, others_daemon) = connect();
    let (client, its_daemon) = connect();
    let create = "POST /volumes/create HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n\r\n{}";
    (&client).write_all(create.as_bytes()).unwrap();
    assert_ne!((&its_daemon).read(&mut [0; 4096]).unwrap(), 0);
    (&its_daemon).write_all(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n").unwrap();
    (&client).read_to_end(&mut Vec::new()).unwrap();
    (&its_daemon).read_to_end(&mut Vec::new()).unwrap();
    assert!(LINES.lock().unwrap().iter().any(|line| line.starts_with("a bug ended one")));
    let later = connect();
    for (client, end) in [&(other, others_daemon), &later] {
        let request = "GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n";
        (&*client).write_all(request.as_bytes()).unwrap();
        gets(end, request);
        let response = "HTTP/1.1 204 No Content\r\n\r\n";
        (&*end).write_all(response.as_bytes()).unwrap();
        gets(client, response);
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
