//! Attacks as bytes.

use super::exceptions::{STEPS, VOLUMES};
use super::stage::Wanted::{self, Labelled, Leaves, Nothing, Refused};

/// Engines on which an attack works without the proxy.
const ALL: &str = "20 28 29 podman";
const DOCKER: &str = "20 28 29";
const OLD: &str = "20";

const BODY: &str =
    r#"{"Image":"$IMAGE","Labels":{"ci.job":"mine"},"HostConfig":{"CgroupParent":"/mine"}}"#;

/// Description; request line without version, and fields after `|`; body; expected result; engines on which
/// it works without the proxy.
#[rustfmt::skip]
pub(crate) const ATTACKS: &[(&str, &str, &str, Wanted, &str)] = &[
    // Spellings of the path.
    ("a container", "POST /containers/create", BODY, Labelled, ALL),
    ("with a version", "POST /v1.41/containers/create", BODY, Labelled, ALL),
    ("an odd version", "POST /v01.41/containers/create", BODY, Labelled, ALL),
    ("a dotted version", "POST /v1.41./containers/create", BODY, Labelled, ALL),
    ("a long version", "POST /v1.41.0/containers/create", BODY, Labelled, ALL),
    ("an encoded letter", "POST /containers/%63reate", BODY, Labelled, DOCKER),
    ("an encoded slash", "POST /containers%2Fcreate", BODY, Labelled, DOCKER),
    ("all encoded", "POST /%76%31.41%2Fcontainers%2fcreate", BODY, Labelled, DOCKER),
    ("absolute form", "POST http://any/containers/create", BODY, Labelled, ALL),
    ("capitals in the scheme", "POST HTTP://any/containers/create", BODY, Labelled, ALL),
    ("another scheme", "POST unix:///containers/create", BODY, Labelled, ALL),
    ("a scheme alone", "POST docker:/containers/create", BODY, Labelled, ALL),
    ("an empty query", "POST /containers/create?", BODY, Labelled, ALL),
    ("a network", "POST /networks/create", r#"{"Name":"$NAME"}"#, Labelled, ALL),
    ("a network's old version", "POST /v1.24/networks/create", r#"{"Name":"$NAME","CheckDuplicate":true}"#, Labelled, ALL),
    ("a volume", "POST /volumes/create", "{}", Labelled, ALL),
    ("a volume by name", "POST /v1.24/volumes/create", r#"{"Name":"$NAME"}"#, Labelled, ALL),
    // Keys and values of JSON as Go reads them.
    ("null as a document", "POST /volumes/create", "null", Labelled, ALL),
    ("keys in capitals", "POST /containers/create", r#"{"IMAGE":"$IMAGE","LABELS":{"ci.job":"x"},"HOSTCONFIG":{"CGROUPPARENT":"/x"}}"#, Labelled, ALL),
    ("keys with a long s", "POST /volumes/create", "{\"Label\u{17f}\":{\"ci.job\":\"x\"}}", Labelled, ALL),
    ("keys with a Kelvin sign", "POST /containers/create", "{\"Image\":\"$IMAGE\",\"HostConfig\":{\"Networ\u{212a}Mode\":\"none\",\"CgroupParent\":\"/x\"}}", Labelled, ALL),
    ("keys with escapes", "POST /volumes/create", r#"{"\u004c\u0061bels":{"ci\u002ejob":"x"}}"#, Labelled, ALL),
    ("labels that are null", "POST /volumes/create", r#"{"Labels":null}"#, Labelled, ALL),
    ("a HostConfig that is null", "POST /containers/create", r#"{"Image":"$IMAGE","HostConfig":null}"#, Labelled, ALL),
    ("a cgroup parent that is null", "POST /containers/create", r#"{"Image":"$IMAGE","HostConfig":{"CgroupParent":null}}"#, Labelled, ALL),
    ("labels twice", "POST /volumes/create", r#"{"Labels":{"ci.job":"x"},"labels":null}"#, Refused, ALL),
    ("a HostConfig twice", "POST /containers/create", r#"{"Image":"$IMAGE","HostConfig":{},"hostconfig":{"CgroupParent":"/x"}}"#, Refused, ALL),
    ("one label twice", "POST /volumes/create", r#"{"Labels":{"ci.job":"x","ci\u002ejob":"y"}}"#, Labelled, ALL),
    ("a label in capitals", "POST /volumes/create", r#"{"Labels":{"CI.JOB":"x"}}"#, Labelled, ALL),
    ("a label that Podman cuts", "POST /containers/create", r#"{"Image":"$IMAGE","Labels":{"ci.job=x":"y"}}"#, Refused, ALL),
    ("a mount of a type that Podman has", "POST /containers/create", r#"{"Image":"$IMAGE","HostConfig":{"Mounts":[{"Type":"glob","Source":"/etc/host*","Target":"/s"}]}}"#, Refused, "podman"),
    ("a mount of one option more", "POST /containers/create", r#"{"Image":"$IMAGE","HostConfig":{"Mounts":[{"Type":"bind","Target":"/s,src=/etc"}]}}"#, Refused, "podman"),
    ("a type of one option more", "POST /containers/create", r#"{"Image":"$IMAGE","HostConfig":{"Mounts":[{"Type":"bind,src=/etc","Target":"/s"}]}}"#, Refused, "podman"),
    ("a bind from where the daemon is", "POST /containers/create", r#"{"Image":"$IMAGE","HostConfig":{"Mounts":[{"Type":"bind","Source":"./","Target":"/s"}]}}"#, Refused, "podman"),
    ("a volume that Podman binds", "POST /containers/create", r#"{"Image":"$IMAGE","Volumes":{"/etc:/s":{}}}"#, Refused, ALL),
    ("a bind of one option more", "POST /containers/create", r#"{"Image":"$IMAGE","HostConfig":{"Binds":["/s,src=$NAME"]}}"#, Refused, ALL),
    ("a second document", "POST /volumes/create", r#"{}{"Labels":null}"#, Refused, "20 podman"),
    ("garbage behind the document", "POST /volumes/create", "{} x", Refused, "20 podman"),
    ("numbers that are long", "POST /volumes/create", r#"{"X":123456789012345678901234567890e999,"Y":-0.0E+1}"#, Labelled, ALL),
    ("depths", "POST /volumes/create", DEEP, Labelled, ALL),
    ("surrogates alone", "POST /volumes/create", r#"{"\ud800":1}"#, Refused, ALL),
    ("fields at the top", "POST /containers/create", r#"{"Image":"$IMAGE","CgroupParent":"/x","Binds":["$NAME:/x"]}"#, Refused, ALL),
    ("blanks around", "POST /volumes/create", " \t\r\n{ } \n", Labelled, ALL),
    // Fields of the head.
    ("chunked", "POST /volumes/create|Transfer-Encoding: chunked", "2\r\n{}\r\n0\r\n\r\n", Labelled, ALL),
    ("chunks of a byte", "POST /volumes/create|Transfer-Encoding: Chunked", "1;a=b\r\n{\r\n1\r\n}\r\n0\r\nX: y\r\n\r\n", Labelled, ALL),
    ("both lengths", "POST /volumes/create|Transfer-Encoding: chunked|Content-Length: 12", "2\r\n{}\r\n0\r\n\r\n", Refused, ALL),
    ("equal lengths", "POST /volumes/create|Content-Length: 2|Content-Length: 2", "{}", Refused, ALL),
    ("an obs-fold", "POST /volumes/create|X: a\r\n b|Content-Length: 2", "{}", Refused, ALL),
    ("a charset", "POST /volumes/create|Content-Type: Application/JSON ; charset=utf-16", "{}", Labelled, ALL),
    ("a coding that Docker ignores", "POST /volumes/create|Content-Encoding: gzip", "{}", Refused, ALL),
    ("an Expect", "POST /volumes/create|Expect: 100-continue", "{}", Labelled, ALL),
    ("an Upgrade on what does not hijack", "POST /volumes/create|Connection: Upgrade, close|Upgrade: tcp", "{}", Labelled, ALL),
    ("an Upgrade to HTTP/2", "POST /volumes/create|Connection: Upgrade, close|Upgrade: h2c", "{}", Labelled, ALL),
    ("another method", "POST /volumes/create|X-HTTP-Method-Override: GET", "{}", Labelled, ALL),
    // Whole requests.
    ("lines that end in LF", RAW, "POST /volumes/create HTTP/1.1\nHost: d\nContent-Type: application/json\nConnection: close\nContent-Length: 2\n\n{}", Refused, ALL),
    ("HTTP/1.0", RAW, "POST /volumes/create HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", Labelled, ALL),
    ("HTTP/1.2", RAW, "POST /volumes/create HTTP/1.2\r\nHost: d\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", Refused, ALL),
    ("behind another request", RAW, "GET /_ping HTTP/1.1\r\nHost: d\r\n\r\nPOST /volumes/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", Labelled, ALL),
    ("behind the body of a GET", RAW, "GET /_ping HTTP/1.1\r\nHost: d\r\nContent-Length: 3\r\n\r\nabcPOST /volumes/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", Labelled, ALL),
    ("behind an upgrade that fails", RAW, "POST /exec/none/start HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}POST /volumes/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", Labelled, ALL),
    ("behind an upgrade to HTTP/2", RAW, "POST /volumes/prune HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\nPOST /volumes/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}", Labelled, ALL),
    // Engine 29.2 and later serve the whole API over HTTP/2. The engines here do not, so nothing can be created.
    ("HTTP/2 with prior knowledge", RAW, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Nothing, ""),
    // Volumes of containers.
    ("a bind of a name", "POST /containers/create", r#"{"Image":"$IMAGE","HostConfig":{"Binds":["$NAME:/x:ro"]}}"#, Labelled, ALL),
    ("a bind of a path alone", "POST /containers/create", r#"{"Image":"$IMAGE","HostConfig":{"Binds":["/x"]}}"#, Leaves(&[VOLUMES]), ALL),
    ("a volume of the config", "POST /containers/create", r#"{"Image":"$IMAGE","Volumes":{"/x":{}}}"#, Leaves(&[VOLUMES]), ALL),
    // Podman takes the proxy's mount and the client's path for two mounts at one target, and refuses them.
    ("a volume of the config, with dots", "POST /containers/create", r#"{"Image":"$IMAGE","Volumes":{"/x/../y":{}}}"#, Leaves(&[]), ALL),
    ("a volume of the image", "POST /containers/create", r#"{"Image":"$VOLUMES"}"#, Leaves(&[VOLUMES]), ALL),
    ("a mount", "POST /containers/create", r#"{"Image":"$IMAGE","HostConfig":{"Mounts":[{"Type":"volume","Target":"/x"}]}}"#, Leaves(&[VOLUMES]), ALL),
    ("a mount by name", "POST /containers/create", r#"{"Image":"$IMAGE","HostConfig":{"Mounts":[{"type":"volume","target":"/x","source":"$NAME"}]}}"#, Leaves(&[VOLUMES]), ALL),
    ("a relative volume", "POST /containers/create", r#"{"Image":"$IMAGE","Volumes":{"x":{}}}"#, Refused, DOCKER),
    ("a slice by an annotation", "POST /containers/create", r#"{"Image":"$IMAGE","HostConfig":{"Annotations":{"org.systemd.property.Slice":"'x.slice'"}}}"#, Refused, ALL),
    // The daemon's socket.
    ("the socket as a bind", "POST /containers/create", r#"{"Image":"$IMAGE","HostConfig":{"Binds":["$DAEMON:/s"]}}"#, Labelled, ALL),
    ("the socket as a mount", "POST /containers/create", r#"{"Image":"$IMAGE","HostConfig":{"Mounts":[{"Type":"bind","Source":"$DAEMON","Target":"/s"}]}}"#, Labelled, ALL),
    ("the socket with dots", "POST /containers/create", r#"{"Image":"$IMAGE","HostConfig":{"Binds":["$SOCKETS/../..//.$DAEMON:/s"]}}"#, Labelled, ALL),
    ("the socket with escapes", "POST /containers/create", r#"{"Image":"$IMAGE","HostConfig":{"Bind\u0073":["\u002f.$DAEMON:/s"]}}"#, Labelled, ALL),
    ("the socket behind a link", "POST /containers/create", r#"{"Image":"$IMAGE","HostConfig":{"Binds":["$FOLDER/link:/s"]}}"#, Labelled, ALL),
    ("the socket behind a way that leads elsewhere", "POST /containers/create", r#"{"Image":"$IMAGE","HostConfig":{"Binds":["$FOLDER/away/../link:/s"]}}"#, Labelled, ALL),
    // Queries.
    ("a commit", "POST /commit?container=$FOREIGN", "", Labelled, ALL),
    ("a commit with labels", "POST /commit?container=$FOREIGN&changes=LABEL%20ci.job%3Dx&chang%65s=LABEL%20ci.team%3Dx", "{\"Labels\":{\"ci.job\":\"x\"}}", Labelled, ALL),
    ("a commit that swallows a line", "POST /commit?container=$FOREIGN&changes=CMD%20echo%20%5C", "", Refused, ALL),
    ("a commit that swallows over a comment", "POST /commit?container=$FOREIGN&changes=CMD%20echo%20%5C%0A%23%20x%0A%0A", "", Refused, ALL),
    ("a commit with another escape", "POST /commit?container=$FOREIGN&changes=%23%20escape%3D%60%0ACMD%20echo%20%60", "", Refused, ALL),
    ("a commit with a bad query", "POST /commit?container=$FOREIGN&changes=a;b", "", Refused, "podman"),
    ("an import", "POST /images/create?fromSrc=-&repo=$NAME|Content-Type: application/x-tar", TAR, Labelled, ALL),
    ("an import as a form", "POST /images/create|Content-Type: application/x-www-form-urlencoded", "fromSrc=-&repo=$NAME", Refused, DOCKER),
    ("a build", "POST /build?t=$NAME|Content-Type: application/x-tar", TAR, Leaves(&[STEPS]), ALL),
    ("a build with labels", "POST /build?t=$NAME&labels=%7B%22ci.job%22%3A%22x%22%7D&labels=|Content-Type: application/x-tar", TAR, Leaves(&[STEPS]), DOCKER),
    ("a build with an encoded key", "POST /build?t=$NAME&%6cabels=%7B%22ci.job%22%3A%22x%22%7D|Content-Type: application/x-tar", TAR, Leaves(&[STEPS]), ALL),
    ("a build with empty labels", "POST /build?t=$NAME&labels&cgroupparent=|Content-Type: application/x-tar", TAR, Leaves(&[STEPS]), DOCKER),
    ("a build by BuildKit", "POST /build?t=$NAME&version=2|Content-Type: application/x-tar", TAR, Leaves(&["images of steps of a build by BuildKit"]), ALL),
    ("a build with a semicolon", "POST /build?t=$NAME&a;b=c|Content-Type: application/x-tar", TAR, Refused, ALL),
    ("a build as a form", "POST /build?t=$NAME|Content-Type: application/x-www-form-urlencoded", TAR, Refused, DOCKER),
    // Containerd's store reads the config, which needs an os; a graph driver ignores it.
    ("a build with a config of its own", "POST /build?t=$NAME&version=2&outputs=%5B%7B%22Type%22%3A%22moby%22%2C%22Attrs%22%3A%7B%22containerimage.config%22%3A%22%7B%5C%22architecture%5C%22%3A%5C%22amd64%5C%22%2C%5C%22os%5C%22%3A%5C%22linux%5C%22%2C%5C%22rootfs%5C%22%3A%7B%5C%22type%5C%22%3A%5C%22layers%5C%22%7D%7D%22%7D%7D%5D|Content-Type: application/x-tar", TAR, Refused, ALL),
    ("a build that takes labels away", "POST /build?t=$NAME&unsetlabel=ci.job&unsetLabel=ci.team|Content-Type: application/x-tar", TAR, Refused, ALL),
    ("a build with a folder of the host", "POST /build?t=$NAME&volume=/tmp:/x|Content-Type: application/x-tar", TAR, Refused, ALL),
    ("a commit with changes in capitals", "POST /commit?container=$FOREIGN&repo=$NAME&Changes=CMD%20x", "", Refused, ALL),
    ("an import with changes with a long s", "POST /images/create?fromSrc=-&repo=$NAME&change%C5%BF=CMD%20x|Content-Type: application/x-tar", TAR, Refused, ALL),
    // Missing bodies.
    ("nothing", "POST /containers/create|Content-Length: 0", "", Refused, ""),
    ("an empty chunked body", "POST /volumes/create|Transfer-Encoding: chunked", "0\r\n\r\n", Refused, ""),
    // Podman's own API.
    ("Podman's container", "POST /v5.0.0/libpod/containers/create", r#"{"image":"$IMAGE"}"#, Refused, "podman"),
    ("Podman's volume", "POST /libpod/volumes/create", "{}", Refused, ""),
    ("Podman's volume, encoded", "POST /lib%70od/volumes/create", "{}", Refused, ""),
    ("Podman's volume, with a suffix", "POST /v5.0.0-rc1/libpod/volumes/create", "{}", Refused, "podman"),
    ("Podman's network", "POST /v5.0.0/libpod/networks/create", r#"{"name":"$NAME"}"#, Refused, "podman"),
    ("Podman's pod", "POST /v5.0.0/libpod/pods/create", r#"{"name":"$NAME"}"#, Refused, "podman"),
    // A HostConfig in a start request, which API versions before 1.24 had; this container is labelled.
    ("a start with a HostConfig", "POST /v1.23/containers/$FOREIGN/start", r#"{"CgroupParent":"/x","Binds":["$NAME:/x"]}"#, Refused, OLD),
];

/// In place of a request line: only the body is sent.
const RAW: &str = "";
/// Placeholder for an archive with a Dockerfile.
const TAR: &str = "$TAR";
/// Placeholder for nesting as deep as Go accepts it, unlike other parsers.
const DEEP: &str = "$DEEP";

/// Builds the bytes of a request.
pub(crate) fn bytes(request: &str, body: &str) -> Vec<u8> {
    let body = match body {
        TAR => archive(),
        DEEP => format!("{{\"X\":{}{}}}", "[".repeat(9000), "]".repeat(9000)).into_bytes(),
        body => body.as_bytes().to_vec(),
    };
    if request.is_empty() {
        return body;
    }
    let mut fields: Vec<&str> = request.split('|').collect();
    let line = format!("{} HTTP/1.1", fields.remove(0));
    let has = |name: &str| fields.iter().any(|field| field.starts_with(name));
    let mut head = vec![line, "Host: d".to_owned()];
    if !has("Connection") {
        head.push("Connection: close".to_owned());
    }
    if !has("Content-Type") {
        head.push("Content-Type: application/json".to_owned());
    }
    if !has("Content-Length") && !has("Transfer-Encoding") {
        head.push(format!("Content-Length: {}", body.len()));
    }
    head.extend(fields.into_iter().map(ToOwned::to_owned));
    let mut bytes = format!("{}\r\n\r\n", head.join("\r\n")).into_bytes();
    bytes.extend(body);
    bytes
}

/// Builds a tar archive with a Dockerfile that makes a new image each time.
fn archive() -> Vec<u8> {
    static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let content = format!("FROM scratch\nENV NUMBER={}-{number}\n", std::process::id());
    let mut header = [0; 512];
    let mut put =
        |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, "Dockerfile");
    put(100, "0000644\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{:011o}\0", content.len()));
    put(136, "00000000000\0");
    put(148, "        ");
    put(156, "0");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut archive = header.to_vec();
    archive.extend(content.as_bytes());
    archive.resize(1024 + 1024, 0);
    archive
}
