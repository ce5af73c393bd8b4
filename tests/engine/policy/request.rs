//! The requests of rows.

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::support::{exchange, until};

/// An operation whose options are in its JSON body.
#[derive(Debug)]
pub(super) struct Made {
    operation: &'static str,
    /// The target of the request, and the body without the option.
    pub(super) target: &'static str,
    pub(super) body: &'static str,
    /// The operation that makes the thing which this one changes.
    pub(super) first: Option<&'static str>,
    /// The target of the inspection.
    pub(super) inspect: &'static str,
    /// The part of the inspection that has the options.
    seen_in: &'static str,
    /// The target of the removal; may be empty.
    pub(super) delete: &'static str,
}

const MADE: &[Made] = &[
    Made {
        operation: "ContainerCreate",
        target: "/containers/create?name=NAME",
        body: r#"{"Image":"IMAGE","Cmd":["sleep","1000"]}"#,
        first: None,
        inspect: "/containers/NAME/json",
        seen_in: "",
        delete: "/containers/NAME?force=1&v=1",
    },
    Made {
        operation: "ContainerUpdate",
        target: "/containers/NAME/update",
        body: "{}",
        first: Some("ContainerCreate"),
        inspect: "/containers/NAME/json",
        seen_in: "HostConfig",
        delete: "/containers/NAME?force=1&v=1",
    },
    Made {
        operation: "ContainerExec",
        target: "/containers/MAIN/exec",
        body: r#"{"Cmd":["true"]}"#,
        first: None,
        inspect: "/exec/ID/json",
        seen_in: "",
        delete: "",
    },
    Made {
        operation: "VolumeCreate",
        target: "/volumes/create",
        body: r#"{"Name":"NAME"}"#,
        first: None,
        inspect: "/volumes/NAME",
        seen_in: "",
        delete: "/volumes/NAME?force=1",
    },
    Made {
        operation: "NetworkCreate",
        target: "/networks/create",
        body: r#"{"Name":"NAME"}"#,
        first: None,
        inspect: "/networks/NAME",
        seen_in: "",
        delete: "/networks/NAME",
    },
    Made {
        operation: "ServiceCreate",
        target: "/services/create",
        body: SERVICE,
        first: None,
        inspect: "/services/NAME",
        seen_in: "Spec",
        delete: "/services/NAME",
    },
    Made {
        operation: "ServiceUpdate",
        target: "/services/NAME/update?version=VERSION",
        body: SERVICE,
        first: Some("ServiceCreate"),
        inspect: "/services/NAME",
        seen_in: "Spec",
        delete: "/services/NAME",
    },
    Made {
        operation: "SecretCreate",
        target: "/secrets/create",
        body: r#"{"Name":"NAME","Data":"eA=="}"#,
        first: None,
        inspect: "/secrets/NAME",
        seen_in: "Spec",
        delete: "/secrets/NAME",
    },
    Made {
        operation: "ConfigCreate",
        target: "/configs/create",
        body: r#"{"Name":"NAME","Data":"eA=="}"#,
        first: None,
        inspect: "/configs/NAME",
        seen_in: "Spec",
        delete: "/configs/NAME",
    },
];

/// A service without tasks.
const SERVICE: &str = r#"{"Name":"NAME","Mode":{"Replicated":{"Replicas":0}},
    "TaskTemplate":{"ContainerSpec":{"Image":"IMAGE","Command":["sleep","1000"]}}}"#;

impl Made {
    pub(super) fn by(operation: &str) -> Option<&'static Self> {
        MADE.iter().find(|made| made.operation == operation)
    }

    /// Returns the inspection's part that shows this value of an option.
    pub(super) fn shown(&self, at: &str, value: Value) -> Value {
        let at = at.replace("DriverOpts", "Options");
        nested(&[self.seen_in, &at].join(".").replace("..", "."), value)
    }
}

/// Returns the value inside of objects along a path.
pub(super) fn nested(path: &str, value: Value) -> Value {
    path.split('.')
        .rev()
        .filter(|name| !name.is_empty())
        .fold(value, |inner, name| json!({ name: inner }))
}

/// Adds the members of one object to another one.
pub(super) fn merge(into: &mut Value, value: Value) {
    match (into, value) {
        (Value::Object(into), Value::Object(members)) => {
            for (name, member) in members {
                merge(into.entry(name).or_insert(Value::Object(Map::new())), member);
            }
        }
        (into, value) => *into = value,
    }
}

/// Returns `true` if the inspection has all of this.
pub(super) fn contains(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => wanted.iter().all(|(name, wanted)| {
            found.get(name).map_or(wanted.is_null(), |found| contains(found, wanted))
        }),
        (Value::Array(found), Value::Array(wanted)) => {
            let pairs = || found.iter().zip(wanted);
            found.len() == wanted.len() && pairs().all(|(found, wanted)| contains(found, wanted))
        }
        _ => found == wanted,
    }
}

/// A request as a row has it: the method, the target and the body.
pub(super) fn parsed(text: &str, image: &str) -> (String, String, Vec<u8>) {
    let mut parts = text.splitn(3, ' ');
    let mut next = || parts.next().unwrap_or_default();
    let (method, target, body) = (next().to_owned(), encoded(next()), next());
    let content = match body.strip_prefix('<').and_then(|body| body.strip_suffix('>')) {
        Some("") | None => body.trim_start_matches("<>").as_bytes().to_vec(),
        Some(lines) => match lines.strip_prefix("plugin ") {
            Some(content) => tar(&[("config.json", PLUGIN), ("rootfs/file", content)]),
            None => tar(&[("Dockerfile", &format!("FROM {image}\n{lines}\n"))]),
        },
    };
    (method, target, content)
}

/// Messages of a daemon that is disturbed by another prune, or by another removal from containerd's store.
const BUSY: [&str; 3] =
    ["prune operation is already running", "lease does not exist", "unable to find image"];

/// Sends a request until the daemon is not disturbed; returns status and content of the response.
pub(super) fn sent(socket: &Path, method: &str, target: &str, content: &[u8]) -> (u16, String) {
    until("the daemon is not disturbed", || {
        let answer = exchange(socket, method, target, content);
        let is_busy = BUSY.into_iter().any(|text| answer.1.contains(text));
        (!is_busy).then_some(answer)
    })
}

/// The configuration of a plugin that cannot be enabled.
const PLUGIN: &str = r#"{"entrypoint":["/none"],"interface":{"types":["docker.volumedriver/1.0"],"socket":"x.sock"},
    "env":[{"name":"A","settable":["value"],"value":"0"}]}"#;

/// Encodes what no target may have.
fn encoded(target: &str) -> String {
    let encode = |byte: u8| match byte {
        b'"' | b'{' | b'}' | b'[' | b']' | b'!' => format!("%{byte:02X}"),
        _ => char::from(byte).to_string(),
    };
    target.bytes().map(encode).collect()
}

/// Returns a tar of these files.
fn tar(files: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (name, content) in files {
        let mut header = [0; 512];
        let mut put = |at: usize, text: &str| {
            header[at..at + text.len()].copy_from_slice(text.as_bytes());
        };
        put(0, name);
        put(100, "0000644\0");
        put(124, &format!("{:011o}\0", content.len()));
        put(148, "        ");
        put(156, "0");
        put(257, "ustar\x0000");
        let sum: u32 = header.iter().copied().map(u32::from).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        tar.extend(header);
        tar.extend(content.as_bytes());
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.extend([0; 1024]);
    tar
}
