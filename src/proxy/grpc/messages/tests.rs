use super::*;

#[test]
fn messages_are_found_however_they_are_cut() {
    let wire = [prefixed(b"one"), prefixed(b""), prefixed(&[7; 1000])].concat();
    for piece in [1, 2, 5, 8, 100, wire.len()] {
        let mut messages = Messages::new(&Rc::default());
        let mut found = Vec::new();
        for content in wire.chunks(piece) {
            messages.push(content).unwrap();
            while let Some(message) = messages.next().unwrap() {
                found.push(message);
            }
        }
        assert_eq!(found, [b"one".to_vec(), Vec::new(), vec![7; 1000]], "{piece}");
        assert!(messages.is_empty());
    }
}

#[test]
fn taking_a_message_does_not_copy_later_ones() {
    const MESSAGES: usize = 10_000;
    let taken = allocation_counter::measure(|| {
        let mut messages = Messages::new(&Rc::default());
        messages.push(&prefixed(b"m").repeat(MESSAGES)).unwrap();
        while messages.next().unwrap().is_some() {}
    });
    assert!(taken.bytes_total < 100 * MESSAGES as u64, "{taken:?}");
}

#[test]
fn unsupported_messages_are_refused_by_their_prefix() {
    for (prefix, fault) in [
        (b"\x01\0\0\0\x01", Fault::Refused(buildkit::compressed())),
        (b"\x02\0\0\0\x01", Fault::Refused(buildkit::odd_message("its flags are unknown"))),
        (b"\0\x01\0\0\x01", Fault::TooLarge(COLLECTED_LIMIT)),
    ] {
        let mut messages = Messages::new(&Rc::default());
        messages.push(prefix).unwrap();
        assert_eq!(messages.next(), Err(fault));
    }
}
