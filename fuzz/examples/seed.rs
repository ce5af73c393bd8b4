//! Writes seeds for all targets into `fuzz/corpus`, from the transcripts and from what real clients
//! and daemons said to each other (`tests/corpus`).

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};

use support::conversation::Script;
use support::corpus::{self, Side};
use support::naive;
use support::transcript::{self, Line, What, tests};

#[path = "../../tests/support/mod.rs"]
mod support;

/// Longer ones slow the fuzzer down more than they teach it.
const LONGEST: usize = 4 * 1024;

fn main() {
    for page in transcript::all() {
        let mut script = Script::default();
        for (line, what) in page.lines {
            match (line, what) {
                (Line::ClientSends, What::Bytes(bytes)) => script.client.extend(bytes),
                (Line::DaemonSends, What::Bytes(bytes)) => script.replies.push(bytes),
                _ => {}
            }
        }
        seed(&script);
    }
    for connection in corpus::all().into_iter().flat_map(|recording| recording.connections) {
        let mut script = Script::default();
        for turn in &connection.turns {
            match turn.by {
                Side::Client => script.client.extend(turn.written()),
                Side::Daemon => script.replies.push(turn.written()),
            }
        }
        seed(&script);
    }
}

/// Writes what the targets can use of one conversation.
fn seed(script: &Script) {
    write("session", &script.write());
    write("head", &script.client);
    for reply in &script.replies {
        write("response", reply);
    }
    let mut rest = &*script.client;
    while let Some((request, behind)) = naive::request(rest) {
        write("target", request.target.as_bytes());
        write("body", &request.body);
        if let (Some(_), Some((_, body))) = (request.field("transfer-encoding"), naive::head(rest))
        {
            write("chunked", body);
        }
        rest = behind;
    }
}

/// Writes one seed, named after its content.
fn write(target: &str, bytes: &[u8]) {
    if bytes.is_empty() || bytes.len() > LONGEST {
        return;
    }
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    let folder = tests().join("../fuzz/corpus").join(target);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(format!("{:016x}", hasher.finish())), bytes).unwrap();
}
