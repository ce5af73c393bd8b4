use super::*;
use std::collections::HashMap;
use std::ops::Deref;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::thread;

/// The socket of a scripted daemon, which goes at the end of the test.
pub(in crate::net) struct Daemon(PathBuf);

impl Deref for Daemon {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A daemon that answers each target with these bytes, and all others with 404.
pub(in crate::net) fn daemon(test: &str, answers: &[(&str, Vec<u8>)]) -> Daemon {
    let name = format!("dcp-client-{test}-{}", std::process::id());
    let path = std::env::temp_dir().join(name);
    let listener = UnixListener::bind(&path).unwrap();
    let owned = |(target, answer): &(&str, Vec<u8>)| ((*target).to_owned(), answer.clone());
    let answers: HashMap<String, Vec<u8>> = answers.iter().map(owned).collect();
    thread::spawn(move || {
        for stream in listener.incoming() {
            serve(stream.unwrap(), &answers);
        }
    });
    Daemon(path)
}

fn serve(mut stream: UnixStream, answers: &HashMap<String, Vec<u8>>) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        request.extend(byte);
    }
    let request = String::from_utf8(request).unwrap();
    let target = request.split(' ').nth(1).unwrap();
    let not_found = b"HTTP/1.0 404 Not Found\r\n\r\n{}".to_vec();
    // A client that had enough hangs up.
    let _ = stream.write_all(answers.get(target).unwrap_or(&not_found));
}

pub(in crate::net) fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n{body}").into()
}

#[test]
fn the_driver_is_that_of_info() {
    let driver = |test, body| cgroup_driver(&daemon(test, &[("/info", ok(body))])).unwrap();
    assert_eq!(driver("driver", r#"{"CgroupDriver":"systemd"}"#), Some("systemd".into()));
    assert_eq!(driver("silent", "{}"), None);
}

#[test]
fn a_daemon_tells_its_versions() {
    let version = ok(r#"{"Version":"26.1\u001b[2J","ApiVersion":"1.45"}"#);
    let answers = [("/version", version), ("/info", ok(r#"{"CgroupDriver":"systemd"}"#))];
    let text = super::daemon(&daemon("version", &answers)).unwrap().to_string();
    assert_eq!(text, "version 26.1\\u{1b}[2J, API 1.45, cgroup driver systemd");
    let error = super::daemon(&daemon("versionless", &[("/version", ok("{}"))])).unwrap_err();
    assert_eq!(error.to_string(), "the daemon's answer cannot be read: /version has no Version");
}

#[test]
fn a_daemon_that_is_away_has_no_driver_yet() {
    assert_eq!(cgroup_driver(Path::new("/nowhere/docker.sock")).unwrap(), None);
}

#[test]
fn answers_that_cannot_be_read_are_told_apart() {
    let why = |test, answer: &[u8]| {
        let daemon = daemon(test, &[("/info", answer.to_vec())]);
        cgroup_driver(&daemon).unwrap_err()
    };
    assert!(matches!(why("empty", b""), Error::Nonsense(_)));
    assert!(matches!(why("html", &ok("<html>")), Error::Nonsense(_)));
    assert!(matches!(why("cut", &ok(r#"{"CgroupDriver":"#)), Error::Nonsense(_)));
    assert!(matches!(why("500", b"HTTP/1.0 500 Oh\r\n\r\n{}"), Error::Status(500)));
    assert!(matches!(why("large", &ok(&" ".repeat(MAX_ANSWER + 1))), Error::TooLarge));
}

#[test]
fn a_daemon_that_is_stuck_is_not_waited_for() {
    let (mine, _theirs) = UnixStream::pair().unwrap();
    let deadline = Instant::now() + Duration::from_millis(20);
    assert!(matches!(read(mine, deadline, MAX_ANSWER), Err(Error::TimedOut)));
}

#[test]
fn a_daemon_whose_queue_is_full_is_not_waited_for() {
    let path = std::env::temp_dir().join(format!("dcp-client-full-{}", std::process::id()));
    let listener = UnixListener::bind(&path).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let timeout = Duration::from_millis(20);
    let _first = connect(&path, timeout).unwrap();
    assert!(matches!(connect(&path, timeout), Err(Error::TimedOut)));
    std::fs::remove_file(path).unwrap();
}
