use super::*;

#[test]
fn a_head_is_read_and_written() {
    let bytes = [0x01, 0x02, 0x03, 0x01, 0x25, 0x80, 0x00, 0x00, 0x07, 0xff];
    let head = Head::read(&bytes).unwrap();
    let wanted = Head { length: 0x01_0203, kind: FrameType::HEADERS, flags: 0x25, stream: 7 };
    assert_eq!(head, wanted);
    assert_eq!(head.write(), [0x01, 0x02, 0x03, 0x01, 0x25, 0x00, 0x00, 0x00, 0x07]);
    assert_eq!(Head::read(&bytes[..8]), None);
    for code in 0..=255 {
        let head = Head { kind: FrameType(code), ..wanted };
        assert_eq!(Head::read(&head.write()), Some(head));
    }
}

#[test]
fn lengths_and_streams_are_checked() {
    let check =
        |kind, flags, length, stream| Head { length, kind, flags, stream }.check(USUAL_LENGTH);
    assert_eq!(check(FrameType::DATA, 0, 16_384, 1), Ok(()));
    assert_eq!(check(FrameType::DATA, 0, 16_385, 1), Err(Malformed::FrameSize));
    assert_eq!(check(FrameType::DATA, 0, 0, 0), Err(Malformed::Stream));
    assert_eq!(check(FrameType::SETTINGS, 0, 12, 0), Ok(()));
    assert_eq!(check(FrameType::SETTINGS, 0, 12, 1), Err(Malformed::Stream));
    assert_eq!(check(FrameType::SETTINGS, ACK, 6, 0), Err(Malformed::FrameLength));
    assert_eq!(check(FrameType::SETTINGS, 0, 7, 0), Err(Malformed::FrameLength));
    assert_eq!(check(FrameType::WINDOW_UPDATE, 0, 4, 0), Ok(()));
    assert_eq!(check(FrameType::WINDOW_UPDATE, 0, 3, 0), Err(Malformed::FrameLength));
    assert_eq!(check(FrameType(77), 9, 100, 0), Ok(()));
}

#[test]
fn padding_and_priority_are_no_content() {
    let head = |kind, flags| Head { length: 0, kind, flags, stream: 1 };
    let content = |kind, flags, payload| content(&head(kind, flags), payload);
    assert_eq!(content(FrameType::DATA, 0, b"abc"), Ok(&b"abc"[..]));
    assert_eq!(content(FrameType::DATA, PADDED, b"\x02abcd"), Ok(&b"ab"[..]));
    assert_eq!(content(FrameType::DATA, PADDED, b"\x04abcd"), Ok(&b""[..]));
    assert_eq!(content(FrameType::DATA, PADDED, b"\x05abcd"), Err(Malformed::Padding));
    assert_eq!(content(FrameType::DATA, PADDED, b""), Err(Malformed::Padding));
    assert_eq!(content(FrameType::DATA, PRIORITY, b"abcdef"), Ok(&b"abcdef"[..]));
    assert_eq!(content(FrameType::HEADERS, PRIORITY, b"abcdef"), Ok(&b"f"[..]));
    assert_eq!(content(FrameType::HEADERS, PRIORITY | PADDED, b"\x01abcdefg"), Ok(&b"f"[..]));
    assert_eq!(content(FrameType::HEADERS, PRIORITY, b"abcd"), Err(Malformed::Padding));
}

#[test]
fn relevant_settings_are_read() {
    let payload =
        b"\0\x01\0\0\x20\0\0\x01\0\0\x10\0\0\x04\0\x10\0\0\0\x05\0\x10\0\0\0\x03\0\0\0\xfa";
    let settings = Settings::read(payload).unwrap();
    assert_eq!(settings.table_size, Some(8192));
    assert_eq!(settings.initial_window, Some(1 << 20));
    assert_eq!(settings.frame_size, Some(1 << 20));
    for bad in [b"\0\x04\x80\0\0\0", b"\0\x05\0\0\x3f\xff", b"\0\x05\x01\0\0\0"] {
        assert_eq!(Settings::read(bad), Err(Malformed::Setting), "{bad:?}");
    }
}

#[test]
fn an_increment_of_zero_is_refused() {
    assert_eq!(increment(&[0x80, 0, 0, 1]), Ok(1));
    assert_eq!(increment(&[0x80, 0, 0, 0]), Err(Malformed::Window));
}
