//! The `changes` of a commit or an import: lines of a Dockerfile in the query. All of them make one
//! file, in which the last `LABEL` of a key wins. So the operator's come last, one per line.
//!
//! Values with other characters than letters, digits and `_ - . / : @ , + =` are quoted with `'`, in
//! which nothing is expanded or escaped, even after a `# escape=` line of the client. All others are
//! written without quotes, because Podman does not interpret quotes here.

use crate::http::target::{Pair, encode_component, pairs, split_query};
use crate::rules::inject::query::{bad_query, is_spelling, query_key};
use crate::rules::{Forced, Label, Profile, Reason, Refusal, Retarget};

/// Appends the labels to the client's `changes` in the query of a commit.
pub(in crate::rules) fn of_commit(profile: &Profile, target: &str) -> Result<Retarget, Refusal> {
    let (path, query) = split_query(target);
    let pairs: Vec<Pair<'_>> = read(query)?;
    check(&pairs)?;
    let separator = if pairs.is_empty() { "" } else { "&" };
    let (query, forced) = (query.unwrap_or_default(), profile.inject.changes());
    let target = format!("{path}?{query}{separator}{forced}");
    Ok(Retarget { target, forced: Forced::LABELS })
}

/// Returns the pairs of a query that set the labels of an image.
pub(in crate::rules) fn pairs_of(labels: &[Label]) -> String {
    let pair = |label| format!("changes={}", encode_component(&line(label)));
    labels.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// Does the same for an import. Returns `None` for a pull, which uses the same endpoint.
pub(in crate::rules) fn of_import(
    profile: &Profile,
    target: &str,
) -> Result<Option<Retarget>, Refusal> {
    if pulls(target)? { Ok(None) } else { of_commit(profile, target).map(Some) }
}

/// Returns `true` for a pull, which uses the endpoint of imports.
pub(in crate::rules) fn pulls(target: &str) -> Result<bool, Refusal> {
    let (_, query) = split_query(target);
    let pairs = read(query)?;
    let image = pairs.iter().find(|pair| is_key(pair, "fromImage"));
    Ok(image.is_some_and(|pair| pair.value().is_ok_and(|image| !image.is_empty())))
}

fn read(query: Option<&str>) -> Result<Vec<Pair<'_>>, Refusal> {
    let pairs: Result<_, _> = pairs(query.unwrap_or_default()).collect();
    pairs.map_err(|_| bad_query())
}

fn is_key(pair: &Pair<'_>, key: &str) -> bool {
    *pair.key == *key.as_bytes()
}

/// Refuses lines that would absorb the appended ones: a last line with a continuation, and
/// here-documents. Blank lines and comments do not end a continuation.
fn check(pairs: &[Pair<'_>]) -> Result<(), Refusal> {
    let mut lines = String::new();
    for pair in pairs.iter().filter(|pair| is_spelling(&pair.key, "changes")) {
        // Podman treats it as the same key, and uses a random one of several.
        if !is_key(pair, "changes") {
            return Err(query_key(&String::from_utf8_lossy(&pair.key)));
        }
        let value = pair.value().map_err(|_| bad_query())?;
        lines.push_str(&String::from_utf8_lossy(&value));
        lines.push('\n');
    }
    // Whitespace is Unicode's, as in Go.
    let is_line = |line: &&str| !line.is_empty() && !line.starts_with('#');
    let last = lines.split('\n').map(str::trim).rfind(is_line);
    if last.is_some_and(|last| last.ends_with(['\\', '`'])) || lines.contains("<<") {
        return Err(swallows());
    }
    Ok(())
}

/// Returns the line `LABEL key=value`.
fn line(Label { key, value }: &Label) -> String {
    format!("LABEL {}={}", word(key, "_-./:@,+"), word(value, "_-./:@,+="))
}

/// Returns `text` as one word of a Dockerfile. The characters `plain` need no quotes, nor do letters
/// and digits.
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
