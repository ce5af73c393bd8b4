//! The value of an option of a build, whichever way a wire encodes it, and the treatments of it.

use crate::engine::fields::Zero;
use crate::rules::inject::How;
use crate::rules::inject::options::has_common_name;

/// The value of an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Setting {
    /// A string. An empty one is the same as a missing one.
    Text(String),
    /// A number. 0 is the same as a missing one.
    Number(i64),
    /// A boolean. `false` is the same as a missing one.
    Switch(bool),
    /// Entries with keys.
    Entries(Vec<Entry>),
}

/// An entry of a list or of a map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The key.
    pub(super) key: String,
    /// The entry as encoded, or its value if the key is encoded separately.
    pub(super) text: String,
    /// `true` if it is `null`, which is the same as a missing one.
    pub(super) null: bool,
}

impl Entry {
    pub(super) fn new(key: impl Into<String>, text: impl Into<String>) -> Self {
        Self { key: key.into(), text: text.into(), null: false }
    }
}

impl Entry {
    /// Returns `true` if both exclude each other. An entry may name several hosts.
    fn is_same(&self, other: &Self) -> bool {
        self.key == other.key || has_common_name(&self.key, &other.key)
    }
}

impl Setting {
    /// Returns the client's value `self` after one treatment with the operator's value `ours`.
    pub(super) fn treated(self, how: How, ours: &Self, zero: Zero) -> Self {
        match (how, self, ours) {
            (How::Force, ..) => ours.clone(),
            (How::Append, Self::Entries(mut theirs), Self::Entries(ours)) => {
                theirs.retain(|entry| !ours.iter().any(|our| our.is_same(entry)));
                theirs.extend_from_slice(ours);
                Self::Entries(theirs)
            }
            (How::Default, Self::Entries(mut theirs), Self::Entries(ours)) => {
                // The last entry of a key counts.
                let last = |our: &Entry| theirs.iter().rfind(|entry| our.is_same(entry));
                let has = |our: &Entry| last(our).is_some_and(|entry| !entry.null);
                let ours: Vec<Entry> = ours.iter().filter(|our| !has(our)).cloned().collect();
                theirs.retain(|entry| !ours.iter().any(|our| our.is_same(entry)));
                theirs.extend(ours);
                Self::Entries(theirs)
            }
            (How::Default, theirs, _) if theirs.is_nothing() => ours.clone(),
            (How::Cap, Self::Number(number), Self::Number(cap)) => {
                let unlimited =
                    number <= 0 && zero == Zero::Unlimited || number < 0 && zero == Zero::Default;
                Self::Number(if unlimited { *cap } else { number.min(*cap) })
            }
            (How::Append | How::Default | How::Cap, theirs, _) => theirs,
        }
    }

    fn is_nothing(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Number(number) => *number == 0,
            Self::Switch(is_on) => !is_on,
            Self::Entries(entries) => entries.is_empty(),
        }
    }
}
