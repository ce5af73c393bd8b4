//! An authorization plugin with fixed rules, which records what it gets.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// The behaviour of a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// It decides by its rules.
    Decides,
    /// It reads, and never answers.
    Hangs,
    /// It answers with something else.
    Garbage,
    /// It closes each connection.
    Closes,
}

/// A request to the plugin: the method and the message.
pub type Seen = (String, Value);

/// A running plugin.
pub struct AuthzPlugin {
    pub socket: PathBuf,
    shared: Arc<Mutex<(Mode, Vec<Seen>)>>,
}

impl AuthzPlugin {
    /// Listens at `socket`, where an earlier plugin may have listened.
    pub fn start(socket: &Path, mode: Mode) -> Self {
        let _ = fs::remove_file(socket);
        let listener = UnixListener::bind(socket).unwrap();
        let shared = Arc::new(Mutex::new((mode, Vec::new())));
        let plugin = Self { socket: socket.to_owned(), shared: Arc::clone(&shared) };
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                thread::spawn(move || serve(stream, &shared));
            }
        });
        plugin
    }

    /// Changes the behaviour.
    pub fn becomes(&self, mode: Mode) {
        self.shared().0 = mode;
    }

    /// Takes the requests until now.
    pub fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.shared().1)
    }

    fn shared(&self) -> MutexGuard<'_, (Mode, Vec<Seen>)> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn serve(mut stream: UnixStream, shared: &Mutex<(Mode, Vec<Seen>)>) {
    let Some((method, message)) = request(&mut stream) else { return };
    let mode = {
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.1.push((method.clone(), message.clone()));
        shared.0
    };
    let answer = match mode {
        Mode::Closes => return,
        Mode::Hangs if method != "Plugin.Activate" => {
            // Until the other side gives up.
            let _ = stream.read(&mut [0]);
            return;
        }
        Mode::Garbage if method != "Plugin.Activate" => "garbage".to_owned(),
        _ => answer(&method, &message).to_string(),
    };
    let length = answer.len();
    let _ = write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\
         Content-Length: {length}\r\n\r\n{answer}"
    );
}

/// Reads a request whose body has a length.
fn request(stream: &mut UnixStream) -> Option<Seen> {
    stream.set_read_timeout(Some(Duration::from_mins(1))).ok()?;
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        more(stream, &mut bytes)?;
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    let length: usize = length.map_or(0, |length| length.parse().unwrap());
    while bytes.len() < end + length {
        more(stream, &mut bytes)?;
    }
    let method = head.split(['/', ' ']).nth(2).unwrap().to_owned();
    Some((method, serde_json::from_slice(&bytes[end..]).unwrap_or_default()))
}

fn more(stream: &mut UnixStream, bytes: &mut Vec<u8>) -> Option<()> {
    let mut piece = [0; 16 * 1024];
    let count = stream.read(&mut piece).ok().filter(|count| *count > 0)?;
    bytes.extend_from_slice(&piece[..count]);
    Some(())
}

/// Decides by simple rules. Names are matched exactly, as plugins do.
fn answer(method: &str, message: &Value) -> Value {
    let body = document(message, "RequestBody");
    let target = message["RequestUri"].as_str().unwrap_or_default();
    let denied = match method {
        "Plugin.Activate" => return json!({ "Implements": ["authz"] }),
        "AuthZPlugin.AuthZReq" if body["HostConfig"]["Privileged"] == true => {
            Some("no privileged containers")
        }
        "AuthZPlugin.AuthZReq" if message["RequestMethod"] == "DELETE" => {
            Some("nothing is removed")
        }
        "AuthZPlugin.AuthZReq" if target.contains("/volumes/create") => Some("no volumes"),
        "AuthZPlugin.AuthZRes" if document(message, "ResponseBody")["Secret"] == true => {
            Some("a secret")
        }
        _ => None,
    };
    json!({ "Allow": denied.is_none(), "Msg": denied.unwrap_or_default(), "Err": "" })
}

/// Returns the JSON document that is encoded in a member.
pub fn document(message: &Value, member: &str) -> Value {
    let text = message[member].as_str().unwrap_or_default();
    serde_json::from_slice(&base64(text)).unwrap_or_default()
}

fn base64(text: &str) -> Vec<u8> {
    let digits = text.bytes().filter(|byte| *byte != b'=').map(|byte| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        other => panic!("{other} is not base64"),
    });
    let (mut bytes, mut word, mut bits) = (Vec::new(), 0_u32, 0);
    for digit in digits {
        word = word << 6 | u32::from(digit);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((word >> bits).to_be_bytes()[3]);
        }
    }
    bytes
}
