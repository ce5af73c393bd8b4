use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use super::*;

/// Moves everything that is available.
fn fill(pipe: &mut Pipe, ends: &(UnixStream, UnixStream), n: usize) -> io::Result<usize> {
    (&ends.0).write_all(&vec![b'x'; n]).unwrap();
    pipe.fill(&ends.1, u64::MAX)
}

#[test]
fn a_pipe_gathers_at_most_its_size_of_large_pages() {
    let mut pipe = Pipes::new(1).lend().unwrap();
    let source = UnixStream::pair().unwrap();
    let sink = UnixStream::pair().unwrap();
    source.1.set_nonblocking(true).unwrap();
    while fill(&mut pipe, &source, 32 * 1024).is_ok() {}
    let held = pipe.held();
    assert!(pipe.is_full() && held < SIZE + 32 * 1024, "{held}");
    let (out, mut into) = sink;
    while pipe.held() > 0 {
        let n = pipe.drain(&out).unwrap();
        into.read_exact(&mut vec![0; n]).unwrap();
    }
    assert!(pipe.fill(&source.1, u64::MAX).is_ok() && !pipe.is_full());
}

#[test]
fn the_number_of_lent_pipes_is_limited() {
    let mut pipes = Pipes::new(3);
    let mut lent: Vec<_> = (0..3).map(|_| pipes.lend().unwrap()).collect();
    assert!(pipes.lend().is_none());
    pipes.reclaim(lent.pop().unwrap());
    lent.push(pipes.lend().unwrap());
    assert!(pipes.lend().is_none());
    drop(lent.pop());
    assert!(pipes.lend().is_some());
}
