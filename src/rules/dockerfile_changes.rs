//! The `changes` of a commit or an import: lines of a Dockerfile in the query, one file from all of
//! them, in which the last `LABEL` of a key wins. So ours come last, one to a line.
//!
//! What is more than letters, digits and `_ - . / : @ , + =` is quoted with `'`, in which nothing is
//! expanded and no escape character means anything, also not after a `# escape=` line of the
//! client's. The rest is written plain, because Podman reads these lines without quotes.

use super::build::{bad_query, is_spelling, query_key};
use super::{Forced, Injection, Label, Plan, Reason, Refusal};
use crate::http::target::{Pair, encode_component, pairs, split_query};

/// Puts the labels behind the client's `changes` in the query of a commit.
pub(super) fn of_commit(injection: &Injection, target: &str) -> Result<Plan, Refusal> {
    let (path, query) = split_query(target);
    let pairs: Vec<Pair<'_>> = read(query)?;
    check(&pairs)?;
    let separator = if pairs.is_empty() { "" } else { "&" };
    let (query, forced) = (query.unwrap_or_default(), injection.inject.changes());
    let target = format!("{path}?{query}{separator}{forced}");
    Ok(Plan::Retarget { target, forced: Forced::LABELS })
}

/// Returns the pairs of a query by which an image gets the labels.
pub(super) fn pairs_of(labels: &[Label]) -> String {
    let pair = |label| format!("changes={}", encode_component(&line(label)));
    labels.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// The same for an import; a pull, which comes to the same endpoint, passes.
pub(super) fn of_import(injection: &Injection, target: &str) -> Result<Plan, Refusal> {
    let (_, query) = split_query(target);
    let pairs = read(query)?;
    let image = pairs.iter().find(|pair| is_key(pair, "fromImage"));
    let pulls = image.is_some_and(|pair| pair.value().is_ok_and(|image| !image.is_empty()));
    if pulls { Ok(Plan::Pass) } else { of_commit(injection, target) }
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
mod tests {
    use super::*;
    use crate::http::target::decoded_path;
    use crate::rules::Injections;

    fn injection() -> Injection {
        let label = |key: &str, value: &str| Label { key: key.into(), value: value.into() };
        let labels = [label("ci.job", "7"), label("q", r"it's a $1\")];
        let inject = Injections::forced(&[], &labels, None, None);
        Injection { inject, ..Injection::default() }
    }

    /// The last value of `changes`, decoded, and what stands before it.
    fn split(plan: Plan) -> (String, String) {
        let Plan::Retarget { target, forced: Forced::LABELS } = plan else { panic!("{plan:?}") };
        let at = target.find("changes=LABEL%20ci.job%3D7").unwrap();
        let (before, ours) = target.split_at(at);
        let ours = decoded_path(ours).unwrap();
        (before.to_owned(), String::from_utf8(ours.into_owned()).unwrap())
    }

    const OURS: &str = r#"changes=LABEL ci.job=7&changes=LABEL q='it'"'"'s a $1\'"#;

    #[test]
    fn our_label_line_comes_last() {
        for (target, before) in [
            ("/commit", "/commit?"),
            ("/commit?", "/commit?"),
            (
                "/commit?container=x&changes=LABEL%20ci.job=9",
                "/commit?container=x&changes=LABEL%20ci.job=9&",
            ),
            ("/commit?changes=CMD%20a%0A%23x%5C&y", "/commit?changes=CMD%20a%0A%23x%5C&y&"),
        ] {
            let plan = of_commit(&injection(), target).unwrap();
            assert_eq!(split(plan), (before.to_owned(), OURS.to_owned()), "{target}");
        }
    }

    #[test]
    fn a_line_that_would_swallow_ours_is_refused() {
        for changes in [
            "CMD%20a%20%5C",
            "CMD%20a%5C%20%09",
            "CMD%20a%60%0A%0A%23x",
            "CMD%20a%5C%0A%C2%A0%23x",
            "CMD%20a%5C%0A%E2%80%83%0A%0B",
            "RUN%20%3C%3CEOF",
            "a&changes=b%5C",
        ] {
            let target = format!("/commit?changes={changes}");
            assert_eq!(of_commit(&injection(), &target), Err(swallows()), "{changes}");
        }
        assert_eq!(of_commit(&injection(), "/commit?a;b"), Err(bad_query()));
        for (key, read) in [("Changes", "Changes"), ("change%C5%BF", "change\u{17f}")] {
            let refusal = query_key(read);
            let target = format!("/commit?{key}=CMD%20x");
            assert_eq!(of_commit(&injection(), &target), Err(refusal.clone()), "{key}");
            let target = format!("/images/create?fromSrc=-&{key}=CMD%20x");
            assert_eq!(of_import(&injection(), &target), Err(refusal), "{key}");
        }
    }

    #[test]
    fn a_pull_passes_and_an_import_does_not() {
        for pull in ["/images/create?fromImage=a&tag=b", "/images/create?fromSrc=-&fromImage=a"] {
            assert_eq!(of_import(&injection(), pull), Ok(Plan::Pass), "{pull}");
        }
        for import in [
            "/images/create?fromSrc=-",
            "/images/create?fromImage=&fromImage=a&fromSrc=-",
            "/images/create",
        ] {
            assert_eq!(split(of_import(&injection(), import).unwrap()).1, OURS, "{import}");
        }
    }
}
