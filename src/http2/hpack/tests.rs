use super::*;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let byte = |two: &[u8]| u8::from_str_radix(str::from_utf8(two).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn decode(decoder: &mut Decoder, block: &[u8]) -> Result<Vec<String>, Malformed> {
    let mut fields = Vec::new();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    decoder.decode(block, |name, value| {
        fields.push(format!("{}: {}", text(name), text(value)));
    })?;
    Ok(fields)
}

fn check(decoder: &mut Decoder, block: &str, fields: &[&str], size: usize) {
    assert_eq!(decode(decoder, &bytes(block)).unwrap(), fields);
    assert_eq!(decoder.size, size);
}

/// RFC 7541 C.2.
#[test]
fn the_kinds_of_fields() {
    let custom = "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572";
    check(&mut Decoder::default(), custom, &["custom-key: custom-header"], 55);
    let path = "040c 2f73 616d 706c 652f 7061 7468";
    check(&mut Decoder::default(), path, &[":path: /sample/path"], 0);
    let secret = "1008 7061 7373 776f 7264 0673 6563 7265 74";
    check(&mut Decoder::default(), secret, &["password: secret"], 0);
    check(&mut Decoder::default(), "82", &[":method: GET"], 0);
}

/// RFC 7541 C.3 and, with Huffman coding, C.4.
#[test]
fn requests_on_one_connection() {
    let plain = [
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    ];
    let coded = [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ];
    for [first, second, third] in [plain, coded] {
        let mut decoder = Decoder::default();
        let host = ":authority: www.example.com";
        let fields = [":method: GET", ":scheme: http", ":path: /", host];
        check(&mut decoder, first, &fields, 57);
        let fields = [":method: GET", ":scheme: http", ":path: /", host, "cache-control: no-cache"];
        check(&mut decoder, second, &fields, 110);
        let custom = "custom-key: custom-value";
        let fields = [":method: GET", ":scheme: https", ":path: /index.html", host, custom];
        check(&mut decoder, third, &fields, 164);
    }
}

/// RFC 7541 C.6: responses that evict entries from a table of 256 bytes.
#[test]
fn entries_are_evicted() {
    let mut decoder = Decoder::default();
    decoder.resize(256).unwrap();
    let (private, date) = ("cache-control: private", "date: Mon, 21 Oct 2013 20:13:21 GMT");
    let location = "location: https://www.example.com";
    check(
        &mut decoder,
        "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b \
         ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
        &[":status: 302", private, date, location],
        222,
    );
    check(&mut decoder, "4883 640e ffc1 c0bf", &[":status: 307", private, date, location], 222);
    check(
        &mut decoder,
        "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad \
         94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 \
         65c0 03ed 4ee5 b106 3d50 07",
        &[
            ":status: 200",
            private,
            "date: Mon, 21 Oct 2013 20:13:22 GMT",
            location,
            "content-encoding: gzip",
            "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
        ],
        215,
    );
}

#[test]
fn malformed_blocks_are_refused() {
    for bad in [
        "80",             // index 0
        "be",             // nothing in the dynamic table
        "7e 01 61",       // nor its name
        "40 01 61",       // no value
        "40 02 61",       // a cut string
        "ff 80808080 01", // a number that is too large
        "ff 80",          // a cut number
        "82 20",          // a new size behind a field
        "3f e2 1f",       // a size of 4097
        "00 81 ff 00",    // a Huffman code that is all padding
    ] {
        let decoded = decode(&mut Decoder::default(), &bytes(bad));
        assert_eq!(decoded, Err(Malformed::Compression), "{bad}");
    }
}

#[test]
fn a_larger_table_must_be_allowed() {
    let mut decoder = Decoder::default();
    decoder.allow(4097);
    decoder.allow(100);
    assert_eq!(decode(&mut decoder, &bytes("20 3f e2 1f 82")).unwrap(), [":method: GET"]);
    // An entry that does not fit empties the table, and that is no error (§4.4).
    decoder.resize(40).unwrap();
    assert_eq!(decode(&mut decoder, &bytes("40 01 61 01 62")).unwrap(), ["a: b"]);
    assert_eq!(decoder.size, 34);
    let custom = "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572";
    assert_eq!(decode(&mut decoder, &bytes(custom)).unwrap().len(), 1);
    assert_eq!(decoder.size, 0);
}

#[test]
fn encoded_blocks_are_readable_and_leave_the_table_unchanged() {
    for length in [0, 1, 126, 127, 128, 300, 20_000] {
        let value = "x".repeat(length);
        let block = encode(&[(":status", "200"), ("grpc-message", &value)]);
        let mut decoder = Decoder::default();
        let fields = decode(&mut decoder, &block).unwrap();
        assert_eq!(fields, [":status: 200".to_owned(), format!("grpc-message: {value}")]);
        assert_eq!(decoder.size, 0);
    }
}
