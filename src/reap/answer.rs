//! The meaning of the daemon's answers to requests that remove.

use super::Kind;

/// The meaning of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Meaning {
    /// The thing is not there any more.
    Gone,
    /// The daemon will not remove it, or something uses it that is not to be removed.
    Refused,
    /// Something uses it. What that is may be about to go.
    InUse,
    /// It is being removed, or the kernel still holds it.
    Underway,
}

/// The meaning of each status other than a success, by a part of the message in small letters. The first row that
/// fits counts.
const MEANINGS: &[(u16, &str, Meaning)] = &[
    (404, "", Meaning::Gone),
    // Also what another request removes: "removal of container ... is already in progress".
    (409, "already in progress", Meaning::Underway),
    // "volume is in use", "image has dependent child images", "image is being used by running container".
    (409, "", Meaning::InUse),
    // "network ... has active endpoints"; other answers are about networks of the daemon's own.
    (403, "active endpoints", Meaning::InUse),
    // Of a swarm: "secret ... is in use by the following service", "network ... is in use by task".
    (400, "in use", Meaning::InUse),
    // "device or resource busy".
    (500, "busy", Meaning::Underway),
    // The daemon has no other status for some conflicts, such as those of Podman.
    (500, "", Meaning::InUse),
    (503, "", Meaning::InUse),
];

impl Meaning {
    /// Returns the meaning of an answer to a request that removes something.
    #[must_use]
    pub fn of(status: u16, message: &str) -> Self {
        if (200..300).contains(&status) {
            return Self::Gone;
        }
        let message = message.to_ascii_lowercase();
        let row = MEANINGS.iter().find(|(of, part, _)| *of == status && message.contains(part));
        row.map_or(Self::Refused, |(_, _, meaning)| *meaning)
    }

    /// Returns the number of rounds in which nothing was removed, after which the thing is given up. Rounds are up
    /// to a second apart.
    #[must_use]
    pub fn patience(self) -> u32 {
        match self {
            Self::Gone => 0,
            // The job may have created something between two lists of a round.
            Self::Refused => 1,
            Self::InUse => 8,
            Self::Underway => 60,
        }
    }
}

/// Returns `true` if the status of a list means that the daemon has no things of this kind: it is no manager of a
/// swarm, or it knows no swarms, like Podman.
#[must_use]
pub fn has_none(kind: Kind, status: u16) -> bool {
    matches!(kind, Kind::Services | Kind::Secrets | Kind::Configs)
        && matches!(status, 404 | 405 | 406 | 501 | 503)
}

#[cfg(test)]
mod tests;
