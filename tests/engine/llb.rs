//! BuildKit's calls as bytes: a build of plain LLB, whose image has the config that the client passes to
//! Docker's own exporter, `moby`.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use crate::support::http2::{bytes, frame};
use crate::support::{Kind, Lab, Proxy};

const UPGRADE: &str =
    "POST /grpc HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
pub(crate) const SOLVE: &str = "/moby.buildkit.v1.Control/Solve";
const CONFIG: &str = r#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers"},
                        "config":{"Labels":{"ci.job":"evil","mine":"kept"}}}"#;

/// Encodes field `number` of a protobuf message.
pub(crate) fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let length = match u8::try_from(length) {
        Ok(length @ ..128) => vec![length],
        _ => [(length & 127) | 128, length >> 7].map(|part| u8::try_from(part).unwrap()).to_vec(),
    };
    [&[number << 3 | 2], &length[..], content].concat()
}

pub(crate) fn pair(number: u8, key: &str, value: &str) -> Vec<u8> {
    field(number, &[field(1, key.as_bytes()), field(2, value.as_bytes())].concat())
}

/// Encodes an empty build that `moby` exports as image `name`, in the fields of old and new daemons.
fn solve(name: &str) -> Vec<u8> {
    let attributes = |number| {
        [pair(number, "name", name), pair(number, "containerimage.config", CONFIG)].concat()
    };
    let exporter = [field(1, b"moby"), attributes(2)].concat();
    let old = [field(3, b"moby"), attributes(4)].concat();
    [field(1, name.as_bytes()), field(2, b""), old, field(13, &exporter)].concat()
}

/// Opens a connection that carries calls.
pub(crate) fn connect(socket: &Path) -> UnixStream {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(UPGRADE.as_bytes()).unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", head.escape_ascii());
    stream.write_all(&["preface", "settings"].map(|mark| bytes(mark).unwrap()).concat()).unwrap();
    stream
}

/// Makes a call on a stream, with `more` fields in its head.
pub(crate) fn begin(stream: &mut UnixStream, number: u32, path: &str, more: &str, message: &[u8]) {
    let head = format!(
        "headers {number}: :method=POST, :scheme=http, :path={path}, :authority=d, \
         content-type=application/grpc, te=trailers{more}"
    );
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let message = [&[0], &length[..], message].concat();
    let call = [bytes(&head).unwrap(), frame(0, 1, number, &message)].concat();
    stream.write_all(&call).unwrap();
}

/// Reads up to the end of the answer on a stream. Returns all read bytes, and `true` if there is a message.
pub(crate) fn answer(stream: &mut UnixStream, number: u32) -> (Vec<u8>, bool) {
    let (mut read, mut answered) = (Vec::new(), false);
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).unwrap();
        let [a, b, c, kind, flags, of @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        stream.read_exact(&mut payload).unwrap();
        read.extend(payload);
        let is_here = u32::from_be_bytes(of) == number;
        answered |= is_here && kind == 0;
        // The trailers end the stream.
        if is_here && kind == 1 && flags & 1 == 1 {
            return (read, answered);
        }
    }
}

/// Makes a `Control/Solve` and waits for its answer; returns it, and `true` if the build has succeeded.
pub(crate) fn call(socket: &Path, message: &[u8]) -> (Vec<u8>, bool) {
    let mut stream = connect(socket);
    begin(&mut stream, 1, SOLVE, "", message);
    answer(&mut stream, 1)
}

/// Starts a proxy with the labels of `lab` and more flags.
fn proxy(lab: &Lab, name: &str, flags: &[&str]) -> Proxy {
    let job = format!("ci.job={}", lab.name);
    let labels = ["--label", &job, "--label", "ci.team=web"];
    let arguments = [&labels[..], flags].concat();
    Proxy::start(&lab.engine.socket, &format!("{}-{name}", lab.name), &arguments)
}

/// The config counts with containerd's image store, and is ignored with a graph driver.
#[test]
fn a_config_for_dockers_own_exporter_counts_where_the_daemon_reads_it() {
    let Some(lab) = Lab::open() else { return };
    let driver = lab.direct.ok(&["info", "--format", "{{.DriverStatus}}"]);
    let reads = driver.contains("io.containerd.snapshotter.v1");
    let warning = "without a config that its exporter reads; it has no labels";
    for (name, flags, made) in [("lax", &[][..], true), ("strict", &["--strict"], reads)] {
        let image = lab.reserve(Kind::Image, name);
        let proxy = proxy(&lab, name, flags);
        call(&proxy.socket(), &solve(&image));
        let log = fs::read_to_string(proxy.folder().join("log")).unwrap();
        let found = lab.direct.run(&["image", "inspect", &image]);
        assert_eq!(found.code == Some(0), made, "{name}: {log}");
        assert_eq!(log.contains(warning), made && !reads, "{name}: {log}");
        assert_eq!(log.contains("so it may have no labels"), !made, "{name}: {log}");
        if reads {
            lab.assert_labels(Kind::Image, &image, &[("mine", "kept")]);
        } else if made {
            assert_eq!(lab.inspect(Kind::Image, &image, "{{json .Config.Labels}}"), "null");
        }
    }
}
