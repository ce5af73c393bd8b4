use super::*;

#[test]
fn a_length_is_digits_and_nothing_else() {
    assert_eq!(read_length(b"0"), Ok(0));
    assert_eq!(read_length(b"007"), Ok(7));
    assert_eq!(read_length(b"9223372036854775807"), Ok(u64::MAX / 2));
    for bad in ["", "+5", "-1", "0x10", "5 5", "9223372036854775808", "1e3", "٣"] {
        assert_eq!(read_length(bad.as_bytes()), Err(Malformed::Length), "{bad:?}");
    }
    assert_eq!(read_length(b"5, 5"), Err(Malformed::ManyLengths));
}
