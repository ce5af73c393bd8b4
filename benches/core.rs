//! Speed of the pure core in bytes per second: reading a head, deciding about it, following chunks,
//! editing a body. The bytes come from the transcripts.

#![allow(missing_docs, reason = "criterion's macros make the items")]
#![allow(clippy::unwrap_used, reason = "a bench may fail so")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dockerd_ci_proxy::engine::shapes::CONTAINER;
use dockerd_ci_proxy::http::body::{Body, Framing, Next};
use dockerd_ci_proxy::http::head::{self, Scan};
use dockerd_ci_proxy::proxy::decide;
use std::hint::black_box;

#[path = "../tests/support/mod.rs"]
mod support;

use support::bodies::edited;
use support::player::profile;
use support::transcript::{Line, What, all};

/// Returns the first bytes that the client sends in the transcript of this name.
fn first_bytes(name: &str) -> Vec<u8> {
    let page = all().into_iter().find(|page| page.path.ends_with(name)).unwrap();
    page.lines
        .into_iter()
        .find_map(|(line, what)| match (line, what) {
            (Line::ClientSends, What::Bytes(bytes)) => Some(bytes),
            _ => None,
        })
        .unwrap()
}

fn split_head(bytes: &[u8]) -> (&[u8], &[u8]) {
    bytes.split_at(Scan::default().end_of_head(bytes).unwrap().unwrap())
}

fn heads(criterion: &mut Criterion) {
    let create = first_bytes("injection/a_container_gets_labels_and_cgroup_parent.txt");
    let ping = first_bytes("forwarding/keep_alive.txt");
    let profile = profile();
    let mut group = criterion.benchmark_group("head");
    for (name, bytes) in [("create", split_head(&create).0), ("ping", split_head(&ping).0)] {
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(format!("scan/{name}"), |bench| {
            bench.iter(|| Scan::default().end_of_head(black_box(bytes)).unwrap());
        });
        group.bench_function(format!("read/{name}"), |bench| {
            bench.iter(|| head::request(black_box(bytes)).unwrap().framing);
        });
        group.bench_function(format!("decide/{name}"), |bench| {
            bench.iter(|| decide(&profile, black_box(bytes)).unwrap().operation);
        });
    }
}

fn bodies(criterion: &mut Criterion) {
    let create = first_bytes("injection/a_container_gets_labels_and_cgroup_parent.txt");
    let body = split_head(&create).1;
    let profile = profile();
    let mut group = criterion.benchmark_group("body");
    // The create of a CI job is the one of the wire bench.
    for (name, body) in [("create", body), ("create-of-a-job", include_bytes!("stage/create.json"))]
    {
        group.throughput(Throughput::Bytes(body.len() as u64));
        group.bench_function(format!("rewrite/{name}"), |bench| {
            bench.iter(|| edited(&profile, &CONTAINER, black_box(body)).unwrap());
        });
    }
    for size in [100_usize, 32 * 1024] {
        let chunk = [format!("{size:x}\r\n").as_bytes(), &vec![b'x'; size], b"\r\n"].concat();
        group.throughput(Throughput::Bytes(chunk.len() as u64));
        group.bench_function(format!("chunk/{size}"), |bench| {
            bench.iter(|| follow(black_box(&chunk)));
        });
    }
}

/// Follows the chunks in `bytes`; returns the length of their content.
fn follow(mut bytes: &[u8]) -> u64 {
    let mut chunked = Body::from(Framing::Chunked);
    let mut content = 0;
    while let Next::Piece { framing, data } = chunked.next(bytes).unwrap() {
        content += data;
        let passed = framing + usize::try_from(data).unwrap();
        bytes = bytes.get(passed..).unwrap_or_default();
    }
    content
}

criterion_group!(benches, heads, bodies);
criterion_main!(benches);
