//! One server with two listeners, each with a profile and a daemon of its own: nothing of one is seen
//! by the clients of the other. And responses that a profile rewrites, through real sockets.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Once};
use std::thread;
use std::time::{Duration, Instant};

use dockerd_ci_proxy::config::{Drain, SocketAccess};
use dockerd_ci_proxy::engine::route;
use dockerd_ci_proxy::net::host::socket_identity::{LookAt, Seen, SocketIdentity};
use dockerd_ci_proxy::net::listen::Listener;
use dockerd_ci_proxy::net::service::notify::Manager;
use dockerd_ci_proxy::net::{EarlySignal, ListenerGroup, ListenerPlan, Server};
use dockerd_ci_proxy::proxy::Blind;
use dockerd_ci_proxy::reap::jobs::Rule;
use dockerd_ci_proxy::rules::reply::{Replies, Rewrite};
use dockerd_ci_proxy::rules::socket::{Relation, SocketBind};
use dockerd_ci_proxy::rules::{Injections, Label, Profile};
use log::{LevelFilter, Log, Metadata, Record};

/// Keeps the lines of the log.
struct Lines;

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

impl Log for Lines {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        LINES.lock().unwrap().push(record.args().to_string());
    }

    fn flush(&self) {}
}

fn start_log() {
    static START: Once = Once::new();
    START.call_once(|| {
        log::set_logger(&Lines).unwrap();
        log::set_max_level(LevelFilter::Info);
    });
}

/// A directory of one test, which goes at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        start_log();
        let path = std::env::temp_dir().join(format!("dcp-two-{test}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A daemon that answers what a test needs, and keeps the requests.
struct Daemon {
    requests: Arc<Mutex<Vec<String>>>,
    /// Connections on which its events are listened to.
    listeners: Arc<Mutex<Vec<UnixStream>>>,
}

impl Daemon {
    /// A daemon at `path`, whose images have a volume at `volume`.
    fn new(path: &Path, volume: &'static str) -> Self {
        let socket = UnixListener::bind(path).unwrap();
        let daemon = Self { requests: Arc::default(), listeners: Arc::default() };
        let (requests, listeners) = (Arc::clone(&daemon.requests), Arc::clone(&daemon.listeners));
        thread::spawn(move || {
            for stream in socket.incoming() {
                let (stream, requests) = (stream.unwrap(), Arc::clone(&requests));
                let listeners = Arc::clone(&listeners);
                thread::spawn(move || serve(stream, volume, &requests, &listeners));
            }
        });
        daemon
    }

    /// The requests whose first line begins so.
    fn got(&self, start: &str) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        requests.iter().filter(|request| request.starts_with(start)).cloned().collect()
    }
}

fn serve(
    stream: UnixStream,
    volume: &str,
    requests: &Mutex<Vec<String>>,
    listeners: &Mutex<Vec<UnixStream>>,
) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = next_request(&mut reader) {
        requests.lock().unwrap().push(request.clone());
        let stream = reader.get_mut();
        if request.starts_with("GET /events") {
            let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            stream.write_all(chunked.as_bytes()).unwrap();
            if request.starts_with("GET /events?since=") {
                listeners.lock().unwrap().push(stream.try_clone().unwrap());
                continue;
            }
            for piece in ["{\"n\":\"mine\"}\n{\"n\":\"th", "eirs\"}\n", "{\"n\":\"mine too\"}\n"] {
                stream.write_all(format!("{:x}\r\n{piece}\r\n", piece.len()).as_bytes()).unwrap();
            }
            stream.write_all(b"0\r\n\r\n").unwrap();
            continue;
        }
        let (status, body) = match request.split(' ').nth(1).unwrap() {
            path if path.ends_with("/images/x/json") => {
                (200, format!(r#"{{"Os":"linux","Config":{{"Volumes":{{"{volume}":{{}}}}}}}}"#))
            }
            "/containers/json" => (200, "[\"mine\",\"theirs\"]".to_owned()),
            _ => (201, "{}".to_owned()),
        };
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status} OK\r\nApi-Version: 1.51\r\nContent-Length: {length}\r\n\r\n"
        );
        if stream.write_all((head + &body).as_bytes()).is_err() {
            return;
        }
    }
}

/// Reads a head and a body with a length; `None` at the end.
fn next_request(reader: &mut impl BufRead) -> Option<String> {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head += &line;
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(head + str::from_utf8(&body).unwrap())
}

/// Serves until the tests end: each service listens at a path, for the daemon at another.
fn serve_all(groups: impl IntoIterator<Item = (PathBuf, PathBuf, Profile)>) {
    run(groups.into_iter().map(group).collect());
}

fn group((listen, daemon, profile): (PathBuf, PathBuf, Profile)) -> ListenerGroup {
    let listener = Listener::bind(&listen, SocketAccess::default(), &daemon).unwrap();
    ListenerGroup::new(vec![listener], profile, daemon)
}

fn run(groups: Vec<ListenerGroup>) {
    thread::spawn(move || {
        Server::new(groups, Drain::Never, Manager::nobody(), None).unwrap().run()
    });
}

fn labelled(key: &str) -> Profile {
    let labels = vec![Label { key: key.into(), value: "yes".into() }];
    Profile { inject: Injections::forced(&labels, &[], None, None), ..Profile::default() }
}

/// A client, which keeps its connection.
struct Client(BufReader<UnixStream>);

impl Client {
    fn new(path: &Path) -> Self {
        let stream = UnixStream::connect(path).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self(BufReader::new(stream))
    }

    fn asks(&mut self, line: &str, body: &str) -> String {
        let length = body.len();
        let request =
            format!("{line} HTTP/1.1\r\nHost: d\r\nContent-Length: {length}\r\n\r\n{body}");
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
        next_request(&mut self.0).expect("a response")
    }
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < until, "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn labels_and_messages_are_those_of_the_listener() {
    let folder = Folder::new("labels");
    let [one, other] = ["one", "other"].map(|name| Daemon::new(&folder.at(name), "/v"));
    serve_all(["one", "other"].map(|name| {
        (folder.at(&format!("for-{name}")), folder.at(name), labelled(&format!("of-{name}")))
    }));
    // In turns, and on connections that rest in between.
    let [mut first, mut second] =
        ["for-one", "for-other"].map(|name| Client::new(&folder.at(name)));
    for _ in 0..3 {
        for client in [&mut first, &mut second] {
            assert!(client.asks("POST /volumes/create", "{}").starts_with("HTTP/1.1 201 "));
        }
    }
    for (daemon, label, foreign) in [(&one, "of-one", "of-other"), (&other, "of-other", "of-one")] {
        let creates = daemon.got("POST /volumes/create");
        assert_eq!(creates.len(), 3);
        for create in creates {
            assert!(create.contains(&format!(r#""{label}":"yes""#)), "{create}");
            assert!(!create.contains(foreign), "{create}");
        }
    }
    // A line is written when the response has left.
    let of = |labels: &[&str]| {
        let lines = LINES.lock().unwrap();
        lines.iter().filter(|line| labels.iter().all(|label| line.contains(label))).count()
    };
    wait_until("each create is logged with the labels of its listener", || {
        (of(&["of-one="]), of(&["of-other="])) == (3, 3)
    });
    assert_eq!(of(&["of-one=", "of-other="]), 0);
    // One daemon ends; the clients of the other do not notice, and it is named by its own path.
    fs::remove_file(folder.at("other")).unwrap();
    let refused = Client::new(&folder.at("for-other")).asks("GET /_ping", "");
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    assert!(refused.contains(folder.at("other").to_str().unwrap()), "{refused}");
    assert!(!refused.contains(folder.at("one").to_str().unwrap()), "{refused}");
    assert!(Client::new(&folder.at("for-one")).asks("GET /_ping", "").contains(" 201 "));
}

/// Knows a socket by its path, but only by a look that takes long.
struct Slow(&'static str);

impl LookAt for Slow {
    fn at_once(&self, _: &str, _: &Seen) -> Option<Relation> {
        None
    }

    fn at_last(&self, path: &str) -> Result<Relation, Blind> {
        thread::sleep(Duration::from_millis(50));
        Ok(if path == self.0 { Relation::Socket } else { Relation::Other })
    }
}

#[test]
fn a_path_is_looked_at_for_the_daemon_of_the_listener() {
    let folder = Folder::new("looks");
    let _daemons = ["one", "other"].map(|name| Daemon::new(&folder.at(name), "/v"));
    let groups = [("one", "/s/one"), ("other", "/s/other")].map(|(name, socket)| {
        let profile = Profile { socket_bind: SocketBind::Refuse, ..labelled("a") };
        let group = group((folder.at(&format!("for-{name}")), folder.at(name), profile));
        ListenerGroup { look: SocketIdentity::new(Slow(socket)), ..group }
    });
    run(groups.into());
    // All four at once, so that two looks at one path are under way at the same time.
    let asked = ["for-one", "for-other"].map(|listener| {
        ["/s/one", "/s/other"].map(|path| {
            let mut client = Client::new(&folder.at(listener));
            thread::spawn(move || {
                let body = format!(r#"{{"Image":"x","HostConfig":{{"Binds":["{path}:/s"]}}}}"#);
                let answer = client.asks("POST /containers/create", &body);
                answer.split(' ').nth(1).unwrap().parse::<u16>().unwrap()
            })
        })
    });
    let statuses = asked.map(|both| both.map(|one| one.join().unwrap()));
    assert_eq!(statuses, [[403, 201], [201, 403]]);
}

#[test]
fn images_are_remembered_by_daemon() {
    let folder = Folder::new("images");
    let [one, other] = [("one", "/v/one"), ("other", "/v/other")]
        .map(|(name, v)| Daemon::new(&folder.at(name), v));
    serve_all(
        ["one", "other"]
            .map(|name| (folder.at(&format!("for-{name}")), folder.at(name), labelled("a"))),
    );
    let creates = |name: &str| {
        let mut client = Client::new(&folder.at(name));
        assert!(client.asks("POST /containers/create", r#"{"Image":"x"}"#).contains(" 201 "));
    };
    let questions = |daemon: &Daemon| {
        let questions = daemon.got("GET /").into_iter();
        questions.filter(|request| request.contains("/images/x/json ")).count()
    };
    // The events of the first daemon are listened to, and its image is remembered.
    wait_until("the image of the first daemon is remembered", || {
        let before = questions(&one);
        creates("for-one");
        questions(&one) == before
    });
    assert_eq!((questions(&other), other.got("GET /events").len()), (0, 0));
    creates("for-other");
    assert_eq!(questions(&other), 1);
    let create = other.got("POST /containers/create").pop().unwrap();
    assert!(create.contains("/v/other") && !create.contains("/v/one"), "{create}");
    wait_until("the image of the second daemon is remembered", || {
        let before = questions(&other);
        creates("for-other");
        questions(&other) == before
    });
    // An event of the second daemon says nothing about the images of the first.
    let mut events = other.listeners.lock().unwrap().pop().unwrap();
    events.write_all(b"2\r\n{}\r\n").unwrap();
    let (first, second) = (questions(&one), questions(&other));
    creates("for-other");
    creates("for-one");
    assert_eq!((questions(&one), questions(&other)), (first, second + 1));
    assert_eq!(one.got("GET /events").len(), 1);
}

/// Leaves out what has this word in it, by document or within one.
fn without(word: &'static str) -> Rewrite {
    Arc::new(move |document: &[u8]| {
        let text = str::from_utf8(document).unwrap();
        let is_list = text.starts_with('[');
        let list = || text.replace(&format!(",\"{word}\""), "").into();
        text.contains(word).then(|| if is_list { list() } else { Vec::new() })
    })
}

#[test]
fn responses_are_rewritten_as_the_profile_of_the_listener_plans() {
    let folder = Folder::new("replies");
    let _daemon = Daemon::new(&folder.at("daemon"), "/v");
    let mut replies = Replies::default();
    for path in ["/containers/json", "/events"] {
        assert!(replies.rewrite(route("GET", path.as_bytes()), without("theirs")));
    }
    serve_all([
        (folder.at("filtered"), folder.at("daemon"), Profile { replies, ..labelled("a") }),
        (folder.at("plain"), folder.at("daemon"), labelled("a")),
    ]);
    let mut client = Client::new(&folder.at("filtered"));
    let list = client.asks("GET /containers/json", "");
    assert!(list.ends_with("Content-Length: 8\r\n\r\n[\"mine\"]"), "{list}");
    // The same connection, so that nothing of one response stays for the next.
    let request =
        "GET /events HTTP/1.1\r\nHost: d\r\n\r\nGET /containers/json HTTP/1.1\r\nHost: d\r\n\r\n";
    client.0.get_mut().write_all(request.as_bytes()).unwrap();
    let mut got = Vec::new();
    while !got.ends_with(b"[\"mine\"]") {
        let mut piece = [0; 4096];
        let n = client.0.read(&mut piece).unwrap();
        assert_ne!(n, 0, "{}", String::from_utf8_lossy(&got));
        got.extend_from_slice(&piece[..n]);
    }
    let got = String::from_utf8(got).unwrap();
    let events = "\r\n\r\nd\r\n{\"n\":\"mine\"}\n\r\n".to_owned()
        + "11\r\n{\"n\":\"mine too\"}\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n";
    assert!(got.contains(&events), "{got}");
    assert!(!got.contains("theirs"), "{got}");
    // The other listener has no plan.
    let list = Client::new(&folder.at("plain")).asks("GET /containers/json", "");
    assert!(list.ends_with("[\"mine\",\"theirs\"]"), "{list}");
}

/// Returns the number of lines that contain all these words.
fn lines(words: &[&str]) -> usize {
    let lines = LINES.lock().unwrap();
    lines.iter().filter(|line| words.iter().all(|word| line.contains(word))).count()
}

#[test]
fn a_signal_makes_the_listeners_what_the_file_says() {
    let folder = Folder::new("reload");
    let daemon = Daemon::new(&folder.at("daemon"), "/v");
    let plan = |name: &str, label: &str| ListenerPlan {
        jobs: None,
        reaps: Rule::default(),
        name: name.to_owned(),
        path: folder.at(name),
        access: SocketAccess::default(),
        profile: labelled(label),
        daemon: folder.at("daemon"),
    };
    let before = plan("reload-a", "before");
    let group = group((before.path, before.daemon, before.profile));
    let group = ListenerGroup { name: before.name, ..group };
    let file: Arc<Mutex<Result<Vec<ListenerPlan>, Vec<String>>>> = Arc::new(Mutex::new(Ok(vec![])));
    let (read, early) = (Arc::clone(&file), EarlySignal::catch().unwrap());
    thread::spawn(move || {
        let mut server = Server::new(vec![group], Drain::Never, Manager::nobody(), None).unwrap();
        server.reload_by(move || read.lock().unwrap().clone(), &early);
        server.run()
    });
    let signal = || {
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::USR1)
            .unwrap();
    };
    let mut client = Client::new(&folder.at("reload-a"));
    assert!(client.asks("POST /volumes/create", "{}").contains(" 201 "));
    // A file with errors changes nothing.
    *file.lock().unwrap() = Err(vec!["x.toml:1:2: one".to_owned(), "x.toml:3:4: two".to_owned()]);
    signal();
    wait_until("the errors are logged", || lines(&["the previous one stays"]) == 1);
    assert_eq!((lines(&["x.toml:1:2: one"]), lines(&["x.toml:3:4: two"])), (1, 1));
    assert!(client.asks("POST /volumes/create", "{}").contains(" 201 "));
    *file.lock().unwrap() = Ok(vec![plan("reload-a", "after"), plan("reload-b", "other")]);
    signal();
    wait_until("the change is logged", || lines(&["added reload-b; changed reload-a"]) == 1);
    assert!(client.asks("POST /volumes/create", "{}").contains(" 201 "));
    let mut other = Client::new(&folder.at("reload-b"));
    assert!(other.asks("POST /volumes/create", "{}").contains(" 201 "));
    let labels = ["before", "before", "after", "other"];
    for (create, label) in daemon.got("POST /volumes/create").iter().zip(labels) {
        assert!(create.contains(&format!(r#""{label}":"yes""#)), "{create}");
    }
    // Each line names its listener.
    wait_until("the creates are logged", || {
        let of = |label, listener| lines(&[label, listener]);
        (of("before=", ", listener reload-a"), of("after=", ", listener reload-a")) == (2, 1)
            && of("other=", ", listener reload-b") == 1
    });
}
