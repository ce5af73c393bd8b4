use super::*;

fn decoded(coded: &[u8]) -> Result<Vec<u8>, Malformed> {
    let mut text = Vec::new();
    decode(coded, &mut text).map(|()| text)
}

#[test]
fn the_examples_of_the_rfc() {
    let coded = [0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff];
    assert_eq!(decoded(&coded).unwrap(), b"www.example.com");
    assert_eq!(decoded(&[0xa8, 0xeb, 0x10, 0x64, 0x9c, 0xbf]).unwrap(), b"no-cache");
    assert_eq!(decoded(&[]).unwrap(), b"");
}

#[test]
fn the_code_is_complete() {
    // The last code of the longest row is all ones: nothing was left out or counted twice.
    let last = ROWS.last().unwrap();
    let count = u32::try_from(last.symbols.len()).unwrap();
    assert_eq!(last.first + count, 1 << (ROWS.len() - 1));
    let end_of_string = 256;
    assert_eq!(last.symbols.last(), Some(&end_of_string));
}

#[test]
fn padding_is_less_than_a_byte_of_ones() {
    // `0` is 00000, and three bits are left.
    assert_eq!(decoded(&[0b0000_0111]).unwrap(), b"0");
    for bad in [&[0b0000_0110][..], &[0b0000_0111, 0xff], &[0xff], &[0xff, 0xff, 0xff, 0xff]] {
        assert_eq!(decoded(bad), Err(Malformed::Compression), "{bad:?}");
    }
}
