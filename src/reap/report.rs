//! The result of a removal, and how far it is.

use super::Kind;

/// Digits of an id for people, as in the tables of the docker command.
const DIGITS: usize = 12;

/// A thing of the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thing {
    /// Its kind.
    pub kind: Kind,
    /// Its id, by which it is removed. Volumes and cgroups have none but their name.
    pub id: String,
    /// Its name, for people; the id if it has none.
    pub name: String,
}

/// The result of a removal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The things that were removed, or would be.
    pub removed: Vec<Thing>,
    /// The things that should have been removed but stayed, each with the reason.
    pub left: Vec<(Thing, String)>,
    /// The things that were not to be removed although they carry the labels, each with the reason.
    pub kept: Vec<(Thing, String)>,
}

impl Report {
    /// Returns the numbers of removed things by kind, like `2 containers, 1 network`; `None` if nothing was removed.
    #[must_use]
    pub fn counts(&self) -> Option<String> {
        let count = |kind: &Kind| match self.removed.iter().filter(|it| it.kind == *kind).count() {
            0 => None,
            1 => Some(format!("1 {}", kind.one())),
            number => Some(format!("{number} {}", kind.name())),
        };
        let counts: Vec<String> = Kind::ALL.iter().filter_map(count).collect();
        (!counts.is_empty()).then(|| counts.join(", "))
    }
}

/// The state of a removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The kind that is being removed.
    pub kind: Kind,
    /// The number of its things that are left.
    pub left: usize,
}

/// Reports a thing that stayed, as in `the network "ci" stayed: the container web runs on it`.
#[must_use]
pub fn stayed(thing: &Thing, why: &str) -> String {
    format!("the {} {:?} stayed: {}", thing.kind.one(), short(&thing.name), short(why))
}

/// Returns a text of the daemon for people: without control characters, and with short ids.
#[must_use]
pub fn short(text: &str) -> String {
    let text: String =
        text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    let mut rest = text.as_str();
    let mut short = String::new();
    while let Some(letter) = rest.chars().next() {
        let digits =
            rest.bytes().take_while(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')).count();
        let (taken, written) = match digits {
            0 => (letter.len_utf8(), letter.len_utf8()),
            64 => (digits, DIGITS),
            _ => (digits, digits),
        };
        short.extend(rest.get(..written));
        rest = rest.get(taken..).unwrap_or_default();
    }
    short.replace("sha256:", "")
}
