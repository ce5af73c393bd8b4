//! Writes seeds for all targets into `fuzz/corpus`, from the transcripts and from what real clients
//! and daemons said to each other (`tests/corpus`).

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};

use support::conversation::Script;
use support::corpus::{self, Side};
use support::naive;
use support::transcript::{self, Line, Transcript, What, tests};

#[path = "../../tests/support/mod.rs"]
mod support;

/// Longer ones slow the fuzzer down more than they teach it.
const LONGEST: usize = 4 * 1024;

fn main() {
    for page in transcript::all() {
        seed_calls(&page);
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

/// Writes what both sides say behind their prefaces, for calls of BuildKit.
fn seed_calls(transcript: &Transcript) {
    let said = |side: Line, preface: &[u8]| {
        let lines = transcript.lines.iter().filter(|(line, _)| *line == side);
        let bytes = lines.filter_map(|(_, what)| match what {
            What::Bytes(bytes) => Some(&bytes[..]),
            What::Mark(_) => None,
        });
        let all = bytes.collect::<Vec<_>>().concat();
        let begin = all.windows(preface.len()).position(|bytes| bytes == preface)?;
        Some(all[begin + preface.len()..].to_vec())
    };
    let client = said(Line::ClientSends, b"SM\r\n\r\n\0\0\0\x04\0\0\0\0\0");
    if let (Some(client), Some(daemon)) = (client, said(Line::DaemonSends, b"\r\n\r\n")) {
        write("grpc", &[&client, &b"D> "[..], &daemon].concat());
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
        // The blanks choose the rules on options.
        for blanks in 0..8 {
            write("body", &[&b" ".repeat(blanks), &*request.body].concat());
            write("policy", &[&b" ".repeat(blanks), &*request.body].concat());
        }
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
