//! What is wrong with a command line.

use std::ffi::OsString;
use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

use crate::config::Fault;

/// Why the command line or the environment cannot be used. Each text begins with the flag or
/// variable at fault; `by` is always that name, as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// A flag that does not exist, and one that is spelt nearly so.
    Unknown {
        /// What was typed, with its dashes.
        flag: String,
        /// A flag that may have been meant.
        near: Option<&'static str>,
    },
    /// A word that belongs to no flag.
    Stray(OsString),
    /// A value for the flag that stands for `--cgroup-parent self`.
    StrayParent {
        /// The flag.
        by: String,
        /// The value.
        value: OsString,
    },
    /// A value for a flag that takes none.
    TakesNoValue {
        /// The flag.
        by: String,
        /// The value.
        value: OsString,
    },
    /// A flag that has no meaning for `status`.
    NotOfStatus(&'static str),
    /// Two sockets that are one.
    OneSocket {
        /// Where the path of the stats socket came from.
        by: &'static str,
        /// Where the other's came from.
        other: &'static str,
    },
    /// A flag without the value that it needs.
    NeedsValue(&'static str),
    /// A value that is not UTF-8 where text is needed.
    NotText(&'static str, OsString),
    /// A value that is neither a yes nor a no.
    NotYesOrNo(&'static str, String),
    /// Half a label.
    Unpaired {
        /// The flag or variable of the half that is there.
        by: &'static str,
        /// The half that is there.
        value: String,
        /// The flag or variable of the missing half.
        missing: &'static str,
    },
    /// Two labels with one key.
    KeyTwice {
        /// Where the second label came from.
        by: &'static str,
        /// The key.
        key: String,
        /// Where the first label came from.
        first: &'static str,
    },
    /// Where the listening socket is on the host, though no mount becomes one of it.
    NoRewrite {
        /// The flag that says where.
        by: &'static str,
        /// The flag that says what is done with mounts instead.
        bind: &'static str,
        /// What that is.
        value: String,
    },
    /// The proxy would be its own daemon.
    SameSocket {
        /// Where the path of the listening socket came from.
        by: &'static str,
        /// Where the path of the daemon's socket came from.
        daemon: &'static str,
    },
    /// Something about the listening socket, which was passed and is not ours to make.
    Passed {
        /// The flag or variable.
        by: &'static str,
        /// The path of the socket that was passed.
        path: PathBuf,
    },
    /// A value that `config` refuses.
    Fault(&'static str, Fault),
}

impl Display for Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { flag, near } => match near {
                Some(near) => write!(f, "{flag}: no such flag, did you mean {near}?"),
                None => write!(f, "{flag}: no such flag, see --help"),
            },
            Self::Stray(word) => {
                write!(f, "{:?}: belongs to no flag, see --help", word.to_string_lossy())
            }
            Self::StrayParent { by, value } => write!(
                f,
                "{by}: takes no value, did you mean --cgroup-parent {}?",
                value.to_string_lossy()
            ),
            Self::TakesNoValue { by, value } => {
                write!(f, "{by}: takes no value, got {:?}", value.to_string_lossy())
            }
            Self::NotOfStatus(by) => {
                write!(f, "{by}: has no meaning for status, which takes --stats-socket alone")
            }
            Self::OneSocket { by, other } => {
                write!(f, "{by}: is the same socket as {other}, wanted one of its own")
            }
            Self::NeedsValue(by) => write!(f, "{by}: needs a value, see --help"),
            Self::NotText(by, value) => {
                write!(f, "{by}: {:?} is not UTF-8", value.to_string_lossy())
            }
            Self::NotYesOrNo(by, value) => {
                write!(f, "{by}: {value:?} is neither a yes nor a no, wanted 1 or 0")
            }
            Self::Unpaired { by, value, missing } => {
                write!(f, "{by}: {value:?} goes with no {missing}")
            }
            Self::KeyTwice { by, key, first } => {
                write!(f, "{by}: the key {key:?} was already given by {first}")
            }
            Self::NoRewrite { by, bind, value } => {
                write!(f, "{by}: has no effect beside {bind} {value}, wanted rewrite there")
            }
            Self::SameSocket { by, daemon } => {
                write!(f, "{by}: is the same socket as {daemon}, the proxy would talk to itself")
            }
            Self::Passed { by, path } => write!(
                f,
                "{by}: has no effect, since the service manager has passed the listening socket \
                 {}; say it in the unit of the socket instead",
                path.display()
            ),
            Self::Fault(by, fault) => write!(f, "{by}: {fault}"),
        }
    }
}

impl std::error::Error for Error {}
