//! Compares rewritten calls of BuildKit by other means than the program's own: frames as a list, messages as
//! trees of fields, configs as `serde_json::Value`.

use serde_json::{Value, json};

use super::player::profile;

/// Type, flags and stream of a frame, and its payload.
type Frame<'b> = (u8, u8, u32, &'b [u8]);

/// Number and bytes of a field of a message; for a field without a length, its raw bytes.
type Field<'b> = (u64, &'b [u8]);

/// Returns `true` if these frames contain a rewritten call.
pub fn creates(frames: &[u8]) -> bool {
    let solve = b"\x12\x0ddockerfile.v0";
    frames.windows(solve.len()).any(|bytes| bytes == solve)
}

/// Compares the client's frames with those that the daemon got instead.
pub fn judge(written: &[u8], edited: &[u8]) -> Result<(), String> {
    let (written, edited) = (frames(written)?, frames(edited)?);
    if written.len() != edited.len() {
        return Err("other frames".to_owned());
    }
    for (written, edited) in written.into_iter().zip(edited) {
        if written == edited {
            continue;
        }
        let (kind, flags, stream, payload) = written;
        if kind != 0 || (edited.0, edited.1, edited.2) != (kind, flags, stream) {
            return Err(format!("{written:?} became {edited:?}"));
        }
        let (written, edited) = (message(payload)?, message(edited.3)?);
        if !solves(written, edited) {
            returns(written, edited)?;
        }
    }
    Ok(())
}

fn frames(mut bytes: &[u8]) -> Result<Vec<Frame<'_>>, String> {
    let mut frames = Vec::new();
    while let [l0, l1, l2, kind, flags, s0, s1, s2, s3, rest @ ..] = bytes {
        let length = u32::from_be_bytes([0, *l0, *l1, *l2]) as usize;
        let stream = u32::from_be_bytes([*s0, *s1, *s2, *s3]);
        let (payload, rest) = rest.split_at_checked(length).ok_or("a frame is cut")?;
        frames.push((*kind, *flags, stream, payload));
        bytes = rest;
    }
    if bytes.is_empty() { Ok(frames) } else { Err("a head is cut".to_owned()) }
}

/// Returns the only message of a frame.
fn message(payload: &[u8]) -> Result<&[u8], String> {
    match payload {
        [0, l0, l1, l2, l3, rest @ ..]
            if u32::from_be_bytes([*l0, *l1, *l2, *l3]) as usize == rest.len() =>
        {
            Ok(rest)
        }
        _ => Err(format!("not one message: {}", payload.escape_ascii())),
    }
}

/// Returns `true` if the only change is the forced values at the end, in field 3.
fn solves(written: &[u8], edited: &[u8]) -> bool {
    let profile = profile();
    let labels = profile
        .inject
        .image_labels()
        .iter()
        .map(|label| (format!("label:{}", label.key), &label.value));
    let parent = profile.inject.build_cgroup_parent().map(str::to_owned);
    let parent = parent.iter().map(|parent| ("cgroup-parent".to_owned(), parent));
    let Some(behind) = edited.strip_prefix(written) else { return false };
    let entries = fields(behind).into_iter();
    let pairs = entries.map(|(number, entry)| (number, fields(entry)));
    pairs.eq(labels.chain(parent).map(|(key, value)| {
        let (key, value): (&[u8], &[u8]) = (key.leak().as_bytes(), value.clone().leak().as_bytes());
        (3, vec![(1, key), (2, value)])
    }))
}

/// Compares messages whose image configs have changed.
fn returns(written: &[u8], edited: &[u8]) -> Result<(), String> {
    let (written, edited) = (fields(written), fields(edited));
    let ([(1, written)], [(1, edited)]) = (&written[..], &edited[..]) else {
        return Err("no result".to_owned());
    };
    let (written, edited) = (fields(written), fields(edited));
    if written.len() != edited.len() {
        return Err("other metadata".to_owned());
    }
    let mut configs = 0;
    for (written, edited) in written.into_iter().zip(edited) {
        if written == edited {
            continue;
        }
        let (old, new) = (fields(written.1), fields(edited.1));
        let (&[(1, key), (2, old)], &[(1, same), (2, new)]) = (&old[..], &new[..]) else {
            return Err("no entry".to_owned());
        };
        if written.0 != 10 || key != same || !key.starts_with(b"containerimage.config") {
            return Err(format!("{} has changed", key.escape_ascii()));
        }
        let mut old: Value = serde_json::from_slice(old).unwrap();
        for label in profile().inject.image_labels() {
            old["config"]["Labels"][&label.key] = json!(label.value);
        }
        if old != serde_json::from_slice::<Value>(new).unwrap() {
            return Err("another config".to_owned());
        }
        configs += 1;
    }
    if configs > 0 { Ok(()) } else { Err("no config".to_owned()) }
}

/// Returns the entries of the map `number` of strings, in order.
pub fn entries(message: &[u8], number: u64) -> Vec<(Vec<u8>, Vec<u8>)> {
    let maps = fields(message).into_iter().filter(|(other, _)| *other == number);
    let part = |entry: &[Field<'_>], number| {
        let found = entry.iter().find(|(other, _)| *other == number);
        found.map(|(_, bytes)| bytes.to_vec()).unwrap_or_default()
    };
    maps.map(|(_, entry)| fields(entry)).map(|entry| (part(&entry, 1), part(&entry, 2))).collect()
}

fn fields(mut message: &[u8]) -> Vec<Field<'_>> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let begin = message;
        let tag = number(&mut message);
        let length = match tag & 7 {
            0 => {
                number(&mut message);
                0
            }
            1 => 8,
            2 => number(&mut message),
            5 => 4,
            other => panic!("wire type {other}"),
        };
        let (bytes, rest) = message.split_at(usize::try_from(length).unwrap());
        message = rest;
        let raw = &begin[..begin.len() - message.len()];
        let bytes = if tag & 7 == 2 { bytes } else { raw };
        fields.push((tag >> 3, bytes));
    }
    fields
}

fn number(message: &mut &[u8]) -> u64 {
    let length = message.iter().position(|byte| byte & 0x80 == 0).unwrap() + 1;
    let (bytes, rest) = message.split_at(length);
    *message = rest;
    bytes.iter().rev().fold(0, |number, byte| number << 7 | u64::from(byte & 0x7f))
}
