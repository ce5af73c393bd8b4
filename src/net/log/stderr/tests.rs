use std::io::{PipeReader, PipeWriter, Read, pipe};

use super::*;

type Piped = LossyWriter<PipeWriter, fn(u64) -> Vec<u8>>;

fn notice(lost: u64) -> Vec<u8> {
    format!("{lost} lost\n").into_bytes()
}

fn piped() -> (PipeReader, Piped) {
    let (reader, writer) = pipe().unwrap();
    (reader, LossyWriter::new(writer, notice))
}

fn line(length: usize) -> Vec<u8> {
    [vec![b'x'; length - 1], vec![b'\n']].concat()
}

/// Writes lines until one is lost; returns the number of written ones.
fn fill(writer: &mut Piped, line: &[u8]) -> usize {
    let mut written = 0;
    while writer.lost == 0 {
        writer.write_all(line).unwrap();
        written += 1;
    }
    written - 1
}

/// Reads until the writing end is closed.
fn read(mut reader: PipeReader, writer: Piped) -> String {
    drop(writer);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_stopped_reader_is_waited_for_once_and_gets_a_count_of_lost_lines() {
    let (mut reader, mut writer) = piped();
    let line = line(PIECE);
    let start = Instant::now();
    let written = fill(&mut writer, &line);
    assert!(start.elapsed() >= PATIENCE);
    let start = Instant::now();
    for _ in 1..1000 {
        writer.write_all(&line).unwrap();
    }
    assert!(start.elapsed() < PATIENCE);
    let mut taken = vec![0; written * PIECE];
    reader.read_exact(&mut taken).unwrap();
    writer.write_all(b"line\n").unwrap();
    writer.write_all(b"line\n").unwrap();
    assert_eq!(read(reader, writer), "1000 lost\nline\nline\n");
}

#[test]
fn a_line_that_is_cut_ends_before_the_next_one() {
    let (mut reader, mut writer) = piped();
    let line = line(3 * PIECE);
    let written = fill(&mut writer, &line);
    let mut taken = vec![0; written * line.len()];
    reader.read_exact(&mut taken).unwrap();
    assert_eq!(taken, line.repeat(written));
    writer.write_all(b"line\n").unwrap();
    let text = read(reader, writer);
    let (cut, rest) = text.split_once('\n').unwrap();
    assert!(line.starts_with(cut.as_bytes()) && !cut.is_empty());
    assert_eq!(rest, "1 lost\nline\n");
}

#[test]
fn a_slow_reader_costs_little_time() {
    let (mut reader, mut writer) = piped();
    let line = line(PIECE);
    fill(&mut writer, &line);
    let mut page = vec![0; PIECE];
    let start = Instant::now();
    for _ in 0..100 {
        reader.read_exact(&mut page).unwrap();
        writer.write_all(&line).unwrap();
        writer.write_all(&line).unwrap();
    }
    assert!(start.elapsed() < PATIENCE);
}

#[test]
fn a_reader_that_is_gone_is_not_waited_for() {
    let (reader, mut writer) = piped();
    drop(reader);
    let start = Instant::now();
    for _ in 0..100 {
        assert!(writer.write_all(&line(PIECE)).is_err());
    }
    assert!(start.elapsed() < PATIENCE && writer.lost == 0);
}
