use super::*;
use crate::rules::Reason;
use std::io::Write;
use std::os::unix::net::UnixListener;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

/// A plugin that gives each connection the next answer, and records the requests.
struct Double {
    socket: PathBuf,
    seen: Receiver<String>,
}

fn http(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn active() -> String {
    http("200 OK", r#"{"Implements":["authz"]}"#)
}

fn allows() -> String {
    http("200 OK", r#"{"Allow":true}"#)
}

impl Double {
    fn start(folder: &Path, answers: Vec<String>) -> Self {
        let socket = folder.join("plugin.sock");
        let _ = fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).unwrap();
        let (sender, seen) = channel();
        thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut request = Vec::new();
                let mut piece = [0; 4096];
                // The message is one line, or empty.
                while !request.ends_with(b"}\n") && !request.ends_with(b"Content-Length: 0\r\n\r\n")
                {
                    let count = stream.read(&mut piece).unwrap();
                    assert!(count > 0);
                    request.extend(&piece[..count]);
                }
                let _ = stream.write_all(answer.as_bytes());
                sender.send(String::from_utf8(request).unwrap()).unwrap();
            }
        });
        Self { socket, seen }
    }

    fn question(&self) -> Authorization {
        Authorization {
            method: "AuthZPlugin.AuthZReq",
            plugins: vec![self.socket.to_str().unwrap().to_owned()],
            message: r#"{"RequestMethod":"GET"}"#.into(),
        }
    }

    fn saw(&self) -> String {
        self.seen.recv_timeout(Duration::from_secs(10)).unwrap()
    }
}

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("dcp-authz-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_plugin_is_activated_once_and_again_after_a_restart() {
    let folder = Folder::new("restart");
    let plugins = Plugins::default();
    let double = Double::start(&folder.0, vec![active(), allows(), allows()]);
    for _ in 0..2 {
        assert_eq!(plugins.decide(&double.question()), Ok(()));
    }
    let head = "Host: plugin.moby.localhost\r\nAccept: application/vnd.docker.plugins.v1.2+json\r\n\
                Connection: close\r\n";
    let activate = format!("POST /Plugin.Activate HTTP/1.1\r\n{head}Content-Length: 0\r\n\r\n");
    let request = format!(
        "POST /AuthZPlugin.AuthZReq HTTP/1.1\r\n{head}Content-Length: 24\r\n\r\n{{\"RequestMethod\":\"GET\"}}\n"
    );
    assert_eq!(
        [double.saw(), double.saw(), double.saw()],
        [activate.clone(), request.clone(), request]
    );
    let double = Double::start(&folder.0, vec![active(), allows()]);
    assert_eq!(plugins.decide(&double.question()), Ok(()));
    assert_eq!(double.saw(), activate);
}

/// Returns the refusal by a plugin with these answers.
fn refused(name: &str, answers: Vec<String>) -> (Reason, String) {
    let folder = Folder::new(name);
    let double = Double::start(&folder.0, answers);
    let refusal = Plugins::default().decide(&double.question()).unwrap_err();
    let text = refusal.to_string().replace(double.socket.to_str().unwrap(), "P");
    (refusal.reason, text)
}

#[test]
fn what_is_no_decision_is_refused() {
    let failed = |why: &str| (Reason::AuthzFailed, format!("plugin P failed with error: {why}"));
    let denied = http("200 OK", r#"{"Allow":false,"Msg":"no"}"#);
    assert_eq!(
        refused("denied", vec![active(), denied]),
        (Reason::AuthzDenied, "authorization denied by plugin P: no".to_owned())
    );
    assert_eq!(
        refused("status", vec![active(), http("500 Error", r#"{"Err":"down"}"#)]),
        failed("AuthZPlugin.AuthZReq: down")
    );
    assert_eq!(
        refused("other", vec![http("200 OK", r#"{"Implements":["VolumeDriver"]}"#)]),
        failed("it does not implement \"authz\"")
    );
    for (name, answer) in [
        ("closed", String::new()),
        ("garbage", "garbage\r\n\r\n".to_owned()),
        ("cut", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".to_owned()),
        ("long", "HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n".to_owned()),
        ("null", http("200 OK", "null")),
    ] {
        let (reason, text) = refused(name, vec![active(), answer]);
        assert_eq!(reason, Reason::AuthzFailed, "{name}: {text}");
    }
}

#[test]
fn a_plugin_that_is_not_there_is_refused() {
    let question = Authorization {
        method: "AuthZPlugin.AuthZReq",
        plugins: vec!["/nowhere.sock".to_owned()],
        message: "{}".into(),
    };
    let refusal = Plugins::default().decide(&question).unwrap_err();
    assert_eq!(refusal.reason, Reason::AuthzFailed);
    let why = "plugin /nowhere.sock failed with error: Plugin.Activate: cannot connect to unix:///nowhere.sock: No such \
               file or directory";
    assert_eq!(refusal.to_string(), why);
}

#[test]
fn a_plugin_that_hangs_or_reads_nothing_has_a_time_limit() {
    let folder = Folder::new("hangs");
    let socket = folder.0.join("s");
    let _listener = UnixListener::bind(&socket).unwrap();
    let long = "x".repeat(8 * 1024 * 1024);
    for message in ["{}", &long] {
        let deadline = Instant::now() + Duration::from_millis(100);
        let error = Address::Unix(socket.clone()).call("M", message, deadline).unwrap_err();
        assert!(error.contains("no answer"), "{error}");
        assert!(deadline.elapsed() < Duration::from_secs(5));
    }
}

#[test]
fn plugins_are_found_in_the_order_of_dockerd() {
    let folder = Folder::new("find");
    let path = |name: &str| folder.0.join(name).to_str().unwrap().to_owned();
    let (sockets, etc, usr) = (path("run"), path("etc"), path("usr"));
    for base in [&sockets, &etc, &usr] {
        fs::create_dir_all(format!("{base}/x")).unwrap();
    }
    let places = Places { sockets: &sockets, specs: [&etc, &usr] };
    let found = || find_in(places, "x");
    let unix = |path: String| Ok(Address::Unix(path.into()));
    assert_eq!(found(), Err(NotFound::Missing));
    // From the last place to the first.
    fs::write(format!("{usr}/x.json"), r#"{"Name":"x","Addr":"unix:///a"}"#).unwrap();
    assert_eq!(found(), unix("/a".to_owned()));
    fs::write(format!("{etc}/x/x.json"), r#"{"addr":"tcp://127.0.0.1:80"}"#).unwrap();
    assert_eq!(found(), Ok(Address::Tcp("127.0.0.1:80".parse().unwrap())));
    fs::write(format!("{etc}/x/x.spec"), " http://localhost:81/\n").unwrap();
    assert_eq!(found(), Ok(Address::Tcp("127.0.0.1:81".parse().unwrap())));
    fs::write(format!("{etc}/x.spec"), "unix:///b\n").unwrap();
    assert_eq!(found(), unix("/b".to_owned()));
    // A file that is no socket does not count.
    fs::write(format!("{sockets}/x.sock"), "").unwrap();
    assert_eq!(found(), unix("/b".to_owned()));
    let _second = UnixListener::bind(format!("{sockets}/x/x.sock")).unwrap();
    assert_eq!(found(), unix(format!("{sockets}/x/x.sock")));
    assert_eq!(find_in(places, "/p.sock"), unix("/p.sock".to_owned()));
    assert!(!Address::Unix("/p.sock".into()).is_there());
    assert!(Address::Unix("/".into()).is_there());
}

#[test]
fn other_hosts_and_tls_are_never_used() {
    for text in
        ["https://127.0.0.1:1", "tcp://10.0.0.1:1", "http://example.org:1", "unix://a", "x", ""]
    {
        assert!(url(text).is_err(), "{text}");
    }
    assert!(
        described(r#"{"Addr":"tcp://127.0.0.1:1","TLSConfig":{}}"#).unwrap_err().contains("TLS")
    );
    assert!(described(r#"{"Addr":"tcp://127.0.0.1:1","TLSConfig":null}"#).is_ok());
    assert!(described("{}").is_err() && described("x").is_err());
}
