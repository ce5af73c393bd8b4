//! Texts for a terminal.

use std::borrow::Cow;

/// Maximum number of characters of a shown value.
const SHOWN: usize = 80;

/// Returns indented lines under a title; nothing without lines.
pub(super) fn section(title: &str, lines: impl IntoIterator<Item = String>) -> String {
    let lines: Vec<String> = lines.into_iter().map(|line| format!("  {line}\n")).collect();
    if lines.is_empty() { String::new() } else { format!("{title}\n{}", lines.concat()) }
}

/// Returns the text of a client or an operator with everything escaped that does not show.
pub(super) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\'' | '\\' => shown.push(c),
            c => shown.extend(c.escape_debug()),
        }
    }
    shown
}

/// Returns the body unchanged, with a line end, or its length if it is no text for a terminal.
pub(super) fn shown(body: &[u8]) -> Cow<'_, str> {
    let is_shown = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    match str::from_utf8(body) {
        Ok("") => Cow::Borrowed(""),
        Ok(text) if !text.chars().all(is_shown) => {
            Cow::Owned(format!("({} bytes with control characters)\n", body.len()))
        }
        Ok(text) if text.ends_with('\n') => Cow::Borrowed(text),
        Ok(text) => Cow::Owned(format!("{text}\n")),
        Err(_) => Cow::Owned(format!("({} bytes that are no text)\n", body.len())),
    }
}

/// Returns a value in one line of bounded length.
pub(super) fn short(value: &str) -> String {
    let mut shown: String = visible(value);
    if let Some((end, _)) = shown.char_indices().nth(SHOWN) {
        shown.truncate(end);
        shown.push('…');
    }
    shown
}
