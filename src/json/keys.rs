//! Keys, as Go's decoder matches them to fields.

/// Returns a byte that plain keys have in common if they differ only in case.
pub(super) fn tag(key: &str) -> u8 {
    let letter = |byte: Option<&u8>| byte.map_or(0, u8::to_ascii_lowercase);
    let (first, last) = (key.as_bytes().first(), key.as_bytes().last());
    let [length, ..] = key.len().to_le_bytes();
    letter(first) ^ letter(last).rotate_left(4) ^ length.wrapping_mul(29)
}

/// Returns `true` if Go's decoder puts a member `key` into the field `name`: the names are equal
/// under simple case folding, by which the long s (U+017F) is an `s` and the Kelvin sign (U+212A) a
/// `k`.
#[must_use]
pub fn is_field(key: &str, name: &str) -> bool {
    key.chars().map(fold).eq(name.chars().map(fold))
}

/// Returns the spelling that all keys of one field share.
#[must_use]
pub fn folded(key: &str) -> String {
    key.chars().map(fold).collect()
}

fn fold(letter: char) -> char {
    match letter {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    }
}
