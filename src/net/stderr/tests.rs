use std::io::{PipeReader, PipeWriter, Read, pipe};

use super::*;

type Piped = LossyWriter<PipeWriter, fn(u64) -> Vec<u8>>;

fn notice(lost: u64) -> Vec<u8> {
    format!("{lost} lost\n").into_bytes()
}

fn stderr() -> (PipeReader, Piped) {
    let (reader, writer) = pipe().unwrap();
    (reader, LossyWriter::new(writer, notice))
}

fn line(length: usize) -> Vec<u8> {
    [vec![b'x'; length - 1], vec![b'\n']].concat()
}

/// Writes lines until one is lost; how many were not.
fn fill(stderr: &mut Piped, line: &[u8]) -> usize {
    let mut written = 0;
    while stderr.lost == 0 {
        stderr.write_all(line).unwrap();
        written += 1;
    }
    written - 1
}

/// All that is there and comes until the stderr is gone.
fn read(mut reader: PipeReader, stderr: Piped) -> String {
    drop(stderr);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_reader_that_takes_nothing_is_waited_for_once_and_told_what_it_has_lost() {
    let (mut reader, mut stderr) = stderr();
    let line = line(PIECE);
    let start = Instant::now();
    let written = fill(&mut stderr, &line);
    assert!(start.elapsed() >= PATIENCE);
    let start = Instant::now();
    for _ in 1..1000 {
        stderr.write_all(&line).unwrap();
    }
    assert!(start.elapsed() < PATIENCE);
    let mut taken = vec![0; written * PIECE];
    reader.read_exact(&mut taken).unwrap();
    stderr.write_all(b"line\n").unwrap();
    stderr.write_all(b"line\n").unwrap();
    assert_eq!(read(reader, stderr), "1000 lost\nline\nline\n");
}

#[test]
fn a_line_that_is_cut_ends_before_the_next_one() {
    let (mut reader, mut stderr) = stderr();
    let line = line(3 * PIECE);
    let written = fill(&mut stderr, &line);
    let mut taken = vec![0; written * line.len()];
    reader.read_exact(&mut taken).unwrap();
    assert_eq!(taken, line.repeat(written));
    stderr.write_all(b"line\n").unwrap();
    let text = read(reader, stderr);
    let (cut, rest) = text.split_once('\n').unwrap();
    assert!(line.starts_with(cut.as_bytes()) && !cut.is_empty());
    assert_eq!(rest, "1 lost\nline\n");
}

#[test]
fn a_reader_that_takes_little_now_and_then_costs_little() {
    let (mut reader, mut stderr) = stderr();
    let line = line(PIECE);
    fill(&mut stderr, &line);
    let mut page = vec![0; PIECE];
    let start = Instant::now();
    for _ in 0..100 {
        reader.read_exact(&mut page).unwrap();
        stderr.write_all(&line).unwrap();
        stderr.write_all(&line).unwrap();
    }
    assert!(start.elapsed() < PATIENCE);
}

#[test]
fn a_reader_that_is_gone_is_not_waited_for() {
    let (reader, mut stderr) = stderr();
    drop(reader);
    let start = Instant::now();
    for _ in 0..100 {
        assert!(stderr.write_all(&line(PIECE)).is_err());
    }
    assert!(start.elapsed() < PATIENCE && stderr.lost == 0);
}
