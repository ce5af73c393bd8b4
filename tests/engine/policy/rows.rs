//! The form of the rows.
//!
//! ```text
//! OPERATION OPTION RULE      starts a row; the rule is `-` if the preset allows it all
//!   at PATH                  the place of the values, if it is not the option; `.` is the whole body
//!   through binds            the listener that allows some sources of bind mounts
//!   refused VALUE...         works on the daemon, and is refused by the proxy
//!   passes VALUE...          passes the proxy, and works
//! ```
//!
//! The lines after `refused` or `passes` are about its values:
//!
//! ```text
//!   shows JSON               part of the inspection, if it is not the value at its place
//!   ignored                  the daemon accepts the value, and does nothing with it
//!   engine TEXT              part of the message if the engine refuses it itself
//!   since VERSION            older versions of the API ignore it
//! ```
//!
//! Values are JSON. Of operations that are not in `request::MADE`, they are requests: a method, a target, and a
//! body, which may be `<LINES>` of a Dockerfile, or `<plugin CONTENT>`. Then `shows` is a part of status and answer, and
//! there are these lines, too:
//!
//! ```text
//!   before REQUEST           is sent to the daemon
//!   after REQUEST            is sent to the daemon
//!   alone REQUEST            like `refused`, but works on what is not the test's own
//!   absent TARGET            the daemon finds nothing there after the refusal
//! ```

/// One row.
#[derive(Debug, Default)]
pub(super) struct Row<'t> {
    pub(super) operation: &'t str,
    pub(super) option: &'t str,
    pub(super) rule: &'t str,
    /// The place of the values in the body.
    pub(super) at: &'t str,
    /// The option that the message names.
    pub(super) names: &'t str,
    /// `true` for the listener with sources of bind mounts.
    pub(super) has_sources: bool,
    pub(super) cases: Vec<Case<'t>>,
}

/// Values with the same outcome.
#[derive(Debug)]
pub(super) struct Case<'t> {
    pub(super) verdict: Verdict,
    pub(super) values: &'t str,
    pub(super) sight: Sight<'t>,
    /// Part of the engine's own refusal.
    pub(super) engine: Option<&'t str>,
    /// The first version of the API that has it.
    pub(super) since: Option<(u32, u32)>,
    /// A target at which the daemon finds nothing after the refusal.
    pub(super) absent: Option<&'t str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Refused,
    Alone,
    Passes,
    Direct,
}

/// The way in which a value is seen to work.
#[derive(Debug, Clone, Copy)]
pub(super) enum Sight<'t> {
    AtItsPlace,
    Shows(&'t str),
    Ignored,
}

/// Reads the rows of a file.
pub(super) fn read(text: &str) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in lines {
        if let Some(line) = line.strip_prefix("  ") {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            add(rows.last_mut().unwrap(), word, rest);
        } else {
            let words: Vec<_> = line.split(' ').collect();
            let [operation, option, rule] = words[..] else { panic!("{line}") };
            let names = if option == "-" { operation } else { option };
            rows.push(Row { operation, option, rule, at: option, names, ..Row::default() });
        }
    }
    rows
}

fn add<'t>(row: &mut Row<'t>, word: &str, rest: &'t str) {
    let verdict = match word {
        "refused" => Some(Verdict::Refused),
        "alone" => Some(Verdict::Alone),
        "passes" => Some(Verdict::Passes),
        "before" | "after" => Some(Verdict::Direct),
        _ => None,
    };
    if let Some(verdict) = verdict {
        let (sight, engine, since, absent) = (Sight::AtItsPlace, None, None, None);
        row.cases.push(Case { verdict, values: rest, sight, engine, since, absent });
        return;
    }
    match (word, row.cases.last_mut()) {
        ("at", None) => row.at = rest,
        ("through", None) => row.has_sources = true,
        ("shows", Some(case)) => case.sight = Sight::Shows(rest),
        ("ignored", Some(case)) => case.sight = Sight::Ignored,
        ("engine", Some(case)) => case.engine = Some(rest),
        ("absent", Some(case)) => case.absent = Some(rest),
        ("since", Some(case)) => case.since = Some(version(rest)),
        _ => panic!("{}: {word} {rest}", row.operation),
    }
}

/// Reads a version of the API.
pub(super) fn version(text: &str) -> (u32, u32) {
    let (major, minor) = text.split_once('.').unwrap();
    (major.parse().unwrap(), minor.parse().unwrap())
}
