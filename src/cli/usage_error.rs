//! The errors of a command line.

use std::ffi::OsString;
use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;

use crate::config::{Fault, Invalid};

/// Reason why the command line or the environment cannot be used. Each text begins with the flag or
/// variable at fault; `by` is its name as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UsageError {
    /// A flag that does not exist.
    Unknown {
        /// The flag as it was given, with its dashes.
        flag: String,
        /// A similar flag, which was probably meant.
        near: Option<&'static str>,
    },
    /// An argument that belongs to no flag.
    Stray {
        /// The argument.
        word: OsString,
        /// A similar command, which was probably meant.
        near: Option<&'static str>,
    },
    /// A value for `--cgroupparent`, the older form of `--cgroup-parent self`.
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
    /// A flag that a command does not take.
    NotOf {
        /// The flag.
        by: &'static str,
        /// The word of the command.
        command: &'static str,
    },
    /// A flag that only some commands take.
    OnlyOf {
        /// The flag.
        by: &'static str,
        /// The words of the commands.
        commands: Vec<&'static str>,
    },
    /// The command `run` without a command to run.
    NoCommand,
    /// The command `reap` without a label.
    NoLabel,
    /// The command `explain` without a method and a request-target.
    NoRequest,
    /// The command `explain` without the name of one of several listeners, or with an unknown name.
    NoSuchListener {
        /// The name.
        name: Option<String>,
        /// The names of all listeners; none if flags make the only one.
        known: Vec<String>,
    },
    /// A stats socket that is also the listening socket or the daemon's.
    OneSocket {
        /// The flag or variable of the stats socket.
        by: String,
        /// The flag or variable of the other socket.
        other: String,
    },
    /// A flag without its value.
    NeedsValue(&'static str),
    /// A value that is not UTF-8 where text is needed.
    NotText(String, OsString),
    /// A value that is neither yes nor no.
    NotYesOrNo(String, String),
    /// A `--labelname` without `--labelvalue`, or the reverse.
    Unpaired {
        /// The flag or variable of the half that was given.
        by: String,
        /// The half that was given.
        value: String,
        /// The flag or variable of the missing half.
        missing: &'static str,
    },
    /// Two labels with one key.
    KeyTwice {
        /// The flag or variable of the second label.
        by: String,
        /// The key.
        key: String,
        /// The flag or variable of the first label.
        first: String,
    },
    /// Two host paths for one path.
    PathTwice {
        /// The flag or variable of the second one.
        by: String,
        /// The path.
        path: String,
        /// The flag or variable of the first one.
        first: String,
    },
    /// `--socket-bind-source` without `--socket-bind rewrite`.
    NoRewrite {
        /// `--socket-bind-source`.
        by: String,
        /// `--socket-bind`.
        bind: String,
        /// The value of `--socket-bind`.
        value: String,
    },
    /// `--reap-delay` without a setting that removes something after a delay.
    NoRemoval(String),
    /// A listening socket that is also the daemon's.
    SameSocket {
        /// The flag or variable of the listening socket.
        by: String,
        /// The flag or variable of the daemon's socket.
        daemon: String,
    },
    /// A setting of the listening socket beside one that the service manager passed.
    Passed {
        /// The flag or variable.
        by: String,
        /// The path of the passed socket.
        path: PathBuf,
    },
    /// A setting that a flag and the file give.
    Twice {
        /// The place in the file.
        by: String,
        /// The flag.
        flag: String,
    },
    /// A flag for one listener beside a file with several.
    OfOneListener(String),
    /// Two listeners with one name.
    NameTwice {
        /// The place of the second name.
        by: String,
        /// The name.
        name: String,
        /// The place of the first one.
        first: String,
    },
    /// A name of a listener that is not plain, or has another meaning.
    Name(String, String),
    /// A listener without a name.
    NoName(String),
    /// A listener, one of several, without a socket.
    NoSocket(String),
    /// A file without listeners.
    NoListener(String),
    /// A socket that the service manager passed for a listener that does not exist.
    PassedForNobody {
        /// The name of the socket.
        name: String,
        /// Its path.
        path: PathBuf,
        /// The names of all listeners.
        known: Vec<String>,
    },
    /// A configuration file that cannot be read.
    Unreadable {
        /// The flag or variable that names the file.
        by: String,
        /// The path of the file.
        path: PathBuf,
        /// The problem.
        why: String,
    },
    /// A context of the docker command that cannot be used.
    Context {
        /// The variable or file that names it.
        by: String,
        /// Its name.
        name: String,
        /// The problem.
        why: String,
    },
    /// A mistake in the configuration file.
    File(Fault),
    /// A value that `config` refuses.
    Invalid(String, Invalid),
}

impl Display for UsageError {
    #[expect(clippy::too_many_lines, reason = "a table: one sentence for each variant")]
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { flag, near } => match near {
                Some(near) => write!(f, "{flag}: unknown flag; did you mean {near}?"),
                None => write!(f, "{flag}: unknown flag; see --help"),
            },
            Self::Stray { word, near } => {
                let word = word.to_string_lossy();
                match near {
                    Some(near) => write!(f, "{word:?}: unknown command; did you mean {near}?"),
                    None => write!(f, "{word:?}: unexpected argument; see --help"),
                }
            }
            Self::StrayParent { by, value } => write!(
                f,
                "{by}: takes no value; did you mean --cgroup-parent {}?",
                value.to_string_lossy()
            ),
            Self::TakesNoValue { by, value } => {
                write!(f, "{by}: takes no value, but got {:?}", value.to_string_lossy())
            }
            Self::NotOf { by, command } => {
                write!(f, "{by}: cannot be used with {command}")
            }
            Self::OnlyOf { by, commands } => {
                write!(f, "{by}: can be used only with {}", commands.join(" and "))
            }
            Self::NoCommand => {
                write!(f, "run: needs a command, like dockerd-ci-proxy run -- make test")
            }
            Self::NoLabel => write!(
                f,
                "reap: needs at least one --label KEY=VALUE; without one, everything would be removed"
            ),
            Self::NoRequest => write!(
                f,
                "explain: needs a method and a request-target, like POST /containers/create?name=x"
            ),
            Self::NoSuchListener { known, .. } if known.is_empty() => {
                write!(f, "--listener: flags make one listener without a name")
            }
            Self::NoSuchListener { name: Some(name), known } => {
                write!(
                    f,
                    "--listener: no listener is called {name:?}; expected {}",
                    known.join(", ")
                )
            }
            Self::NoSuchListener { name: None, known } => {
                write!(f, "explain: needs --listener; expected {}", known.join(", "))
            }
            Self::OneSocket { by, other } => {
                write!(f, "{by}: is the same socket as {other}; expected a socket of its own")
            }
            Self::NeedsValue(by) => write!(f, "{by}: needs a value; see --help"),
            Self::NotText(by, value) => {
                write!(f, "{by}: {:?} is not UTF-8", value.to_string_lossy())
            }
            Self::NotYesOrNo(by, value) => {
                write!(f, "{by}: {value:?} is neither yes nor no; expected 1 or 0")
            }
            Self::Unpaired { by, value, missing } => {
                write!(f, "{by}: {value:?} has no matching {missing}")
            }
            Self::KeyTwice { by, key, first } => {
                write!(f, "{by}: the label key {key:?} was already given by {first}")
            }
            Self::PathTwice { by, path, first } => {
                write!(f, "{by}: the path {path:?} was already given by {first}")
            }
            Self::NoRewrite { by, bind, value } => {
                write!(f, "{by}: has no effect with {bind} {value}; expected {bind} rewrite")
            }
            Self::NoRemoval(by) => write!(
                f,
                "{by}: has no effect, since nothing is removed after a delay; expected \
                 --reap-when-gone (reap_when_gone) or --job-socket (job_socket) beside it"
            ),
            Self::SameSocket { by, daemon } => {
                write!(f, "{by}: is the same socket as {daemon}; the proxy would connect to itself")
            }
            Self::Passed { by, path } => write!(
                f,
                "{by}: has no effect, since the service manager passed the listening socket {}; \
                 configure that in its unit instead",
                path.display()
            ),
            Self::Twice { by, flag } => {
                write!(f, "{by}: is also given by {flag}; remove one of them")
            }
            Self::OfOneListener(by) => write!(
                f,
                "{by}: has no effect, since the file has several listeners; set it there for each"
            ),
            Self::NameTwice { by, name, first } => {
                write!(f, "{by}: another listener is called {name:?}, at {first}")
            }
            Self::Name(by, name) => write!(
                f,
                "{by}: {name:?} is not a usable name; expected letters, digits, \".\", \"_\" and \"-\", \
                 and not \"stats\""
            ),
            Self::NoName(at) => write!(f, "{at}: a listener needs a name"),
            Self::NoSocket(at) => write!(f, "{at}: each of several listeners needs a socket"),
            Self::NoListener(path) => write!(f, "{path}: the file has no [[listener]]"),
            Self::PassedForNobody { name, path, known } => write!(
                f,
                "LISTEN_FDNAMES: no listener is called {name:?}, the name of the socket {}; expected {} \
                 (FileDescriptorName= in its unit)",
                path.display(),
                known.join(" or ")
            ),
            Self::Unreadable { by, path, why } => {
                write!(f, "{by}: cannot read {}: {why}", path.display())
            }
            Self::Context { by, name, why } => {
                write!(f, "{by}: the docker context {name:?} cannot be used: {why}")
            }
            Self::File(fault) => write!(f, "{fault}"),
            Self::Invalid(by, why) => write!(f, "{by}: {why}"),
        }
    }
}

impl std::error::Error for UsageError {}
