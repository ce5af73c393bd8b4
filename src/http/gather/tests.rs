use super::*;

const CHUNKED: &[u8] = b"3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n";

/// Gathers `bytes`, which come in two pieces; returns the content and the bytes left over.
fn gathered(framing: Framing, bytes: &[u8], cut: usize) -> (Vec<u8>, usize, bool) {
    let mut gather = Gather::new(framing, 5, Vec::new()).unwrap();
    let mut start = gather.take(&bytes[..cut]).unwrap();
    start += gather.take(&bytes[start..]).unwrap();
    (gather.content().to_vec(), bytes.len() - start, gather.is_complete())
}

#[test]
fn a_body_is_gathered_wherever_it_is_cut() {
    for (framing, bytes) in [(Framing::Length(5), &b"abcde"[..]), (Framing::Chunked, CHUNKED)] {
        let with_next = [bytes, b"GET"].concat();
        for cut in 0..=with_next.len() {
            assert_eq!(gathered(framing, &with_next, cut), (b"abcde".to_vec(), 3, true), "{cut}");
        }
    }
    assert_eq!(gathered(Framing::None, b"GET", 1), (Vec::new(), 3, true));
}

#[test]
fn a_body_without_a_length_ends_with_the_connection() {
    let mut gather = Gather::new(Framing::UntilClose, 5, Vec::new()).unwrap();
    assert_eq!(gather.take(b"abc"), Ok(3));
    assert_eq!(gather.take(b"de"), Ok(2));
    assert!(!gather.is_complete());
    assert_eq!(gather.take(b"f"), Err(Error::TooLarge));
    gather.end();
    assert!(gather.is_complete());
    assert_eq!(gather.content(), b"abcde");
}

#[test]
fn an_end_completes_no_other_body() {
    for framing in [Framing::Length(5), Framing::Chunked] {
        let mut gather = Gather::new(framing, 5, Vec::new()).unwrap();
        gather.end();
        assert!(!gather.is_complete(), "{framing:?}");
    }
}

#[test]
fn what_is_too_large_or_malformed_is_an_error() {
    assert_eq!(Gather::new(Framing::Length(6), 5, Vec::new()).err(), Some(Error::TooLarge));
    let mut gather = Gather::new(Framing::Chunked, 5, Vec::new()).unwrap();
    assert_eq!(gather.take(b"3\r\nabc\r\n3\r\n"), Err(Error::TooLarge));
    let mut gather = Gather::new(Framing::Chunked, 5, Vec::new()).unwrap();
    assert_eq!(gather.take(b"x\r\n"), Err(Error::Malformed(Malformed::ChunkSize)));
}

#[test]
fn storage_is_used_again() {
    let mut gather = Gather::new(Framing::Length(3), 5, b"old".to_vec()).unwrap();
    assert_eq!(gather.take(b"abc"), Ok(3));
    assert_eq!(gather.take_storage(), b"abc");
}
