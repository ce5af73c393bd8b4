//! Encodes HTTP/2 in transcripts, without the program's own code.
//!
//! ```text
//! <preface>                                         the client's preface
//! <headers 1 end: :method=POST, :path=/x>           a field block, all literals, in one frame
//! <headers 1 open: :method=POST>                    one that a CONTINUATION follows
//! <continuation 1: :path=/x>                        the end of such a block
//! <data 1 end: \x00\x00...>                         DATA, the last of the stream
//! <data 1 repeated 100: x>                          the same byte 100 times
//! <data 1 padded: \x00\x00...>                      with 3 bytes of padding, which count
//! <settings: \x00\x04...> <settings ack>            SETTINGS
//! <window 1 100>                                    WINDOW_UPDATE
//! <reset 1 8>                                       RST_STREAM with an error code
//! <goaway 1 0: why>                                 GOAWAY: newest stream, error code, text
//! <frame 21 0 1: x>                                 any other: type, flags, stream, payload
//! ```

use super::transcript::unescape;

/// Returns the bytes of a mark without its angle brackets, if it is one of HTTP/2.
pub fn bytes(mark: &str) -> Option<Vec<u8>> {
    let (head, rest) = mark.split_once(": ").unwrap_or((mark, ""));
    let words: Vec<&str> = head.split(' ').collect();
    let number = |word: &str| word.parse().unwrap();
    Some(match words[..] {
        ["preface"] => b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        ["headers", stream] => frame(1, 4, number(stream), &fields(rest)),
        ["headers", stream, "end"] => frame(1, 5, number(stream), &fields(rest)),
        ["headers", stream, "open"] => frame(1, 0, number(stream), &fields(rest)),
        ["continuation", stream] => frame(9, 4, number(stream), &fields(rest)),
        ["data", stream] => frame(0, 0, number(stream), &unescape(rest)),
        ["data", stream, "end"] => frame(0, 1, number(stream), &unescape(rest)),
        ["data", stream, "padded"] => {
            let payload = [&[3], &*unescape(rest), &[0; 3]].concat();
            frame(0, 8, number(stream), &payload)
        }
        ["data", stream, "repeated", times] => {
            frame(0, 0, number(stream), &unescape(rest).repeat(times.parse().unwrap()))
        }
        ["settings"] => frame(4, 0, 0, &unescape(rest)),
        ["settings", "ack"] => frame(4, 1, 0, b""),
        ["window", stream, increment] => {
            let increment: u32 = increment.parse().unwrap();
            frame(8, 0, number(stream), &increment.to_be_bytes())
        }
        ["reset", stream, code] => frame(3, 0, number(stream), &number(code).to_be_bytes()),
        ["goaway", newest, code] => {
            let (newest, code) = (number(newest).to_be_bytes(), number(code).to_be_bytes());
            frame(7, 0, 0, &[&newest, &code, &*unescape(rest)].concat())
        }
        ["frame", kind, flags, stream] => {
            let small = |word: &str| word.parse().unwrap();
            frame(small(kind), small(flags), number(stream), &unescape(rest))
        }
        ["frame", kind, flags, stream, "repeated", times] => {
            let small = |word: &str| word.parse().unwrap();
            let payload = unescape(rest).repeat(times.parse().unwrap());
            frame(small(kind), small(flags), number(stream), &payload)
        }
        _ => return None,
    })
}

/// One frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Encodes `name=value, ...` as literals without indexing. A comma without a following name is part of a
/// value.
fn fields(text: &str) -> Vec<u8> {
    let mut fields: Vec<String> = Vec::new();
    for piece in text.split(", ").filter(|piece| !piece.is_empty()) {
        match fields.last_mut() {
            Some(last) if !piece.contains('=') => last.extend([", ", piece]),
            _ => fields.push(piece.to_owned()),
        }
    }
    let mut block = Vec::new();
    for field in &fields {
        let (name, value) = field.split_once('=').unwrap();
        block.push(0);
        for text in [name, value] {
            let text = unescape(text);
            let length = u8::try_from(text.len()).unwrap();
            match length.checked_sub(127) {
                None => block.push(length),
                Some(rest) if rest < 128 => block.extend([127, rest]),
                Some(rest) => block.extend([127, rest, 1]),
            }
            block.extend(text);
        }
    }
    block
}
