use std::os::unix::net::{self, UnixListener};
use std::path::PathBuf;

use mio::{Events, Poll};

use super::*;

const TOKEN: Token = Token(7);
const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// A watch beside a daemon.
struct Lab {
    poll: Poll,
    watch: Watch,
    images: Images,
    daemon: UnixListener,
    path: PathBuf,
    now: Instant,
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Lab {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("dcp-watch-{test}-{}", std::process::id()));
        let daemon = UnixListener::bind(&path).unwrap();
        daemon.set_nonblocking(true).unwrap();
        let images = Images::default();
        images.learn(b"HTTP/1.1 200 OK\r\nApi-Version: 1.51\r\n\r\n");
        let (poll, watch, now) = (Poll::new().unwrap(), Watch::new(TOKEN), Instant::now());
        Self { poll, watch, images, daemon, path, now }
    }

    fn tend(&mut self, later: Duration) {
        self.now += later;
        self.watch.tend(self.poll.registry(), &self.path, &self.images, self.now);
    }

    /// The watch's connection, if it has made one.
    fn accepts(&self) -> Option<net::UnixStream> {
        let (mut stream, _) = self.daemon.accept().ok()?;
        let mut asked = vec![0; question(SystemTime::now()).len()];
        stream.read_exact(&mut asked).unwrap();
        let asked = String::from_utf8(asked).unwrap();
        assert!(asked.starts_with("GET /events?since=") && asked.ends_with("\r\n\r\n"), "{asked}");
        Some(stream)
    }

    /// A create asks; then there is a connection.
    fn asks(&mut self) -> net::UnixStream {
        assert!(self.images.moment().is_none());
        self.tend(Duration::ZERO);
        self.accepts().unwrap()
    }

    /// The daemon says something, which is read.
    fn says(&mut self, stream: &mut net::UnixStream, bytes: &[u8]) {
        stream.write_all(bytes).unwrap();
        self.reads();
    }

    fn reads(&mut self) {
        let mut events = Events::with_capacity(8);
        self.poll.poll(&mut events, Some(Duration::from_secs(30))).unwrap();
        assert!(events.iter().all(|event| event.token() == TOKEN) && !events.is_empty());
        self.watch.read(&self.images, self.now);
    }
}

#[test]
fn a_connection_is_there_when_a_create_asks_and_not_before() {
    let mut lab = Lab::new("wanted");
    lab.tend(Duration::ZERO);
    assert!(lab.accepts().is_none() && lab.watch.wait(lab.now).is_none());
    let mut stream = lab.asks();
    lab.tend(Duration::ZERO);
    assert!(lab.accepts().is_none());
    lab.says(&mut stream, &HEAD[..20]);
    assert!(lab.images.moment().is_none());
    lab.says(&mut stream, &HEAD[20..]);
    assert!(lab.images.moment().is_some());
    lab.tend(Duration::ZERO);
    assert!(lab.accepts().is_none());
}

#[test]
fn an_event_and_an_end_let_all_be_forgotten() {
    let mut lab = Lab::new("event");
    let mut stream = lab.asks();
    lab.says(&mut stream, HEAD);
    let asked = lab.images.moment().unwrap();
    lab.says(&mut stream, b"2\r\n{}\r\n");
    let later = lab.images.moment().unwrap();
    assert_ne!(asked, later);
    drop(stream);
    lab.reads();
    assert!(lab.images.moment().is_none());
}

#[test]
fn a_daemon_that_ends_each_connection_is_given_more_and_more_time() {
    let mut lab = Lab::new("pauses");
    let mut pause = PAUSES.0;
    while pause < PAUSES.1 {
        let mut stream = lab.asks();
        stream.write_all(HEAD).unwrap();
        drop(stream);
        lab.reads();
        assert!(lab.images.moment().is_none());
        lab.tend(pause / 2);
        assert!(lab.accepts().is_none(), "{pause:?}");
        lab.tend(pause / 2);
        drop(lab.accepts().unwrap());
        lab.reads();
        pause *= 4;
        lab.now += PAUSES.1;
    }
    // One that lasted is made again soon.
    let stream = lab.asks();
    lab.now += PAUSES.1;
    drop(stream);
    lab.reads();
    assert!(lab.images.moment().is_none());
    lab.tend(PAUSES.0);
    assert!(lab.accepts().is_some());
}

#[test]
fn a_daemon_that_refuses_or_is_away_is_not_heard() {
    let mut lab = Lab::new("refuses");
    let mut stream = lab.asks();
    lab.says(&mut stream, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    assert!(lab.images.moment().is_none());
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    std::fs::remove_file(&lab.path).unwrap();
    lab.tend(PAUSES.1);
    assert!(!lab.images.wants_events());
}

#[test]
fn events_from_before_the_connection_are_asked_for() {
    let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
    let wanted = "GET /events?since=98&filters=%7B%22type%22%3A%5B%22image%22%5D%7D HTTP/1.1\r\n\
                  Host: docker\r\n\r\n";
    assert_eq!(question(at(100)), wanted);
    assert!(question(at(0)).starts_with("GET /events?since=0&"));
}

#[test]
fn a_connection_is_made_anew_now_and_then_and_closed_when_it_is_of_no_use() {
    let mut lab = Lab::new("life");
    let mut stream = lab.asks();
    lab.says(&mut stream, HEAD);
    assert_eq!(lab.watch.wait(lab.now), Some(LIFE));
    let asked = lab.images.moment().unwrap();
    let nearly = Duration::from_secs(299);
    lab.tend(nearly);
    assert!(lab.accepts().is_none());
    lab.tend(LIFE.saturating_sub(nearly));
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    // It was of use; what is remembered is old.
    let mut stream = lab.accepts().unwrap();
    lab.says(&mut stream, HEAD);
    lab.tend(LIFE);
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
    assert!(lab.accepts().is_none() && lab.watch.wait(lab.now).is_none());
    // The next create gets one at once.
    let mut stream = lab.asks();
    lab.says(&mut stream, HEAD);
    assert_ne!(lab.images.moment().unwrap(), asked);
}
