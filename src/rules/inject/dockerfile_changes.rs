//! The `changes` of a commit or an import: lines of a Dockerfile in the query, one file from all of
//! them, in which the last `LABEL` of a key wins. So ours come last, one to a line.
//!
//! What is more than letters, digits and `_ - . / : @ , + =` is quoted with `'`, in which nothing is
//! expanded and no escape character means anything, also not after a `# escape=` line of the
//! client's. The rest is written plain, because Podman reads these lines without quotes.

use crate::http::target::{Pair, encode_component, pairs, split_query};
use crate::rules::inject::query::{bad_query, is_spelling, query_key};
use crate::rules::{Forced, Injection, Label, Reason, Refusal, Retarget};

/// Puts the labels behind the client's `changes` in the query of a commit.
pub(in crate::rules) fn of_commit(
    injection: &Injection,
    target: &str,
) -> Result<Retarget, Refusal> {
    let (path, query) = split_query(target);
    let pairs: Vec<Pair<'_>> = read(query)?;
    check(&pairs)?;
    let separator = if pairs.is_empty() { "" } else { "&" };
    let (query, forced) = (query.unwrap_or_default(), injection.inject.changes());
    let target = format!("{path}?{query}{separator}{forced}");
    Ok(Retarget { target, forced: Forced::LABELS })
}

/// Returns the pairs of a query by which an image gets the labels.
pub(in crate::rules) fn pairs_of(labels: &[Label]) -> String {
    let pair = |label| format!("changes={}", encode_component(&line(label)));
    labels.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// Does the same for an import. Returns `None` for a pull, which comes to the same endpoint.
pub(in crate::rules) fn of_import(
    injection: &Injection,
    target: &str,
) -> Result<Option<Retarget>, Refusal> {
    let (_, query) = split_query(target);
    let pairs = read(query)?;
    let image = pairs.iter().find(|pair| is_key(pair, "fromImage"));
    let pulls = image.is_some_and(|pair| pair.value().is_ok_and(|image| !image.is_empty()));
    if pulls { Ok(None) } else { of_commit(injection, target).map(Some) }
}

fn read(query: Option<&str>) -> Result<Vec<Pair<'_>>, Refusal> {
    let pairs: Result<_, _> = pairs(query.unwrap_or_default()).collect();
    pairs.map_err(|_| bad_query())
}

fn is_key(pair: &Pair<'_>, key: &str) -> bool {
    *pair.key == *key.as_bytes()
}

/// Refuses client's lines that would swallow ours: one that goes on in the next line, and a
/// here-document. Blank lines and comments between do not end the former.
fn check(pairs: &[Pair<'_>]) -> Result<(), Refusal> {
    let mut lines = String::new();
    for pair in pairs.iter().filter(|pair| is_spelling(&pair.key, "changes")) {
        // Podman takes it for the same, and of several the one that it happens to meet last.
        if !is_key(pair, "changes") {
            return Err(query_key(&String::from_utf8_lossy(&pair.key)));
        }
        let value = pair.value().map_err(|_| bad_query())?;
        lines.push_str(&String::from_utf8_lossy(&value));
        lines.push('\n');
    }
    // Blanks are those of Unicode, as for Go.
    let is_line = |line: &&str| !line.is_empty() && !line.starts_with('#');
    let last = lines.split('\n').map(str::trim).rfind(is_line);
    if last.is_some_and(|last| last.ends_with(['\\', '`'])) || lines.contains("<<") {
        return Err(swallows());
    }
    Ok(())
}

/// `LABEL key=value`
fn line(Label { key, value }: &Label) -> String {
    format!("LABEL {}={}", word(key, "_-./:@,+"), word(value, "_-./:@,+="))
}

/// `text` as one word of a Dockerfile; `plain` are the characters that need no quotes besides
/// letters and digits.
fn word(text: &str, plain: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || plain.contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r#"'"'"'"#))
}

fn swallows() -> Refusal {
    let text = "the last line of the changes goes on in the next one, or they have a here-document, so \
                the labels cannot be put behind them";
    Refusal::new(Reason::Changes, text)
}

#[cfg(test)]
mod tests;
