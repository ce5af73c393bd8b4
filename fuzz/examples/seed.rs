//! Writes seeds for all targets into `fuzz/corpus`, from the transcripts and from any files with
//! what clients have sent:
//!
//! ```text
//! cargo run --manifest-path fuzz/Cargo.toml --example seed -- [captured_client_bytes ...]
//! ```

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::Path;
use std::{env, fs};

use support::naive;
use support::transcript::{Line, Transcript, What, all_in};

#[path = "../../tests/support/mod.rs"]
mod support;

/// Longer ones slow the fuzzer down more than they teach it.
const LONGEST: usize = 8 * 1024;

fn main() {
    let transcripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/transcripts");
    for transcript in all_in(&transcripts) {
        seed_calls(&transcript);
        let sent = transcript.lines.into_iter().filter_map(|(line, what)| match (line, what) {
            (Line::ClientSends, What::Bytes(bytes)) => Some(bytes),
            _ => None,
        });
        seed(&sent.collect::<Vec<_>>().concat());
    }
    for path in env::args().skip(1) {
        seed(&fs::read(path).unwrap());
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
fn seed(client: &[u8]) {
    write("session", client);
    write("head", client);
    let mut rest = client;
    while let Some((request, behind)) = naive::request(rest) {
        write("target", request.target.as_bytes());
        if naive::creates(&request.method, &request.target) == Some("/build") {
            write("build_query", request.target.split('?').nth(1).unwrap_or("").as_bytes());
        }
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
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(format!("{:016x}", hasher.finish())), bytes).unwrap();
}
