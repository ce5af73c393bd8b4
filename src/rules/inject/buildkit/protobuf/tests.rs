use super::*;

#[test]
fn fields_are_read_in_order_and_written_the_same() {
    let mut message = Vec::new();
    put(&mut message, 3, b"abc");
    put(&mut message, 2000, &[7; 300]);
    message.extend(b"\x08\x96\x01\x11abcdefgh\x1dabcd");
    let fields = fields(&message).unwrap();
    let values: Vec<_> = fields.iter().map(|field| (field.number, field.value)).collect();
    let wanted = [
        (3, Value::Bytes(b"abc")),
        (2000, Value::Bytes(&[7; 300])),
        (1, Value::Varint(150)),
        (2, Value::Fixed),
        (3, Value::Fixed),
    ];
    assert_eq!(values, wanted);
    assert_eq!(fields.iter().map(|field| field.text).collect::<Vec<_>>().concat(), message);
}

#[test]
fn a_message_has_a_limit_of_fields() {
    assert_eq!(fields(&b"\x08\0".repeat(FIELDS)).unwrap().len(), FIELDS);
    assert!(fields(&b"\x08\0".repeat(FIELDS + 1)).is_err());
}

#[test]
fn an_entry_has_one_key_and_one_value() {
    let mut message = Vec::new();
    put_entry(&mut message, 1, b"k", b"v");
    assert_eq!(message, b"\x0a\x06\x0a\x01k\x12\x01v");
    assert_eq!(entry(b"\x0a\x01k\x12\x01v"), Ok((&b"k"[..], &b"v"[..])));
    assert_eq!(entry(b"\x12\x01v\x0a\x01k"), Ok((&b"k"[..], &b"v"[..])));
    assert_eq!(entry(b"\x0a\x01k"), Ok((&b"k"[..], &b""[..])));
    assert_eq!(entry(b""), Ok((&b""[..], &b""[..])));
    for odd in [&b"\x0a\x01k\x0a\x01k"[..], b"\x0a\x01k\x1a\x01x", b"\x08\x01"] {
        assert!(entry(odd).is_err(), "{odd:?}");
    }
}

#[test]
fn ambiguous_messages_are_refused() {
    for odd in [
        &b"\x0a"[..],                                    // no length
        b"\x0a\x02k",                                    // cut
        b"\x0b\x0c",                                     // a group
        b"\x0e",                                         // wire type 6
        b"\x02\x00",                                     // number 0
        b"\x8a\x00\x00",                                 // a tag in two bytes
        b"\x0a\x80\x00",                                 // a length in two bytes
        b"\x08\x80\x80\x80\x00",                         // a value in more bytes than it needs
        b"\x82\x80\x80\x80\x20\x00",                     // number 2^29 and more
        b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", // 65 bits
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", // a length that does not fit
    ] {
        assert!(fields(odd).is_err(), "{odd:?}");
    }
    let largest = b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    assert_eq!(fields(largest).unwrap()[0].value, Value::Varint(u64::MAX));
}
