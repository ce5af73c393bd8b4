//! From the words of the command line and the environment to [`Args`]; nothing is judged here but
//! that flags exist and have their values.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use lexopt::{Arg, Parser};

use super::error::Error;
use super::flags::{self, Effect};
use crate::config::socket;

/// A value as it was given.
#[derive(Debug, Clone)]
pub struct Given {
    /// The value.
    pub value: OsString,
    /// The flag or variable that gave it, as it was typed.
    pub by: &'static str,
}

impl Given {
    /// A value that a flag stands for or has by default.
    pub(super) fn implied(value: &str, by: &'static str) -> Self {
        Self { value: value.into(), by }
    }

    /// The value as text, in which all but paths must be given.
    ///
    /// # Errors
    ///
    /// The value is not UTF-8.
    pub(super) fn text(&self) -> Result<&str, Error> {
        self.value.to_str().ok_or_else(|| Error::NotText(self.by, self.value.clone()))
    }
}

/// What the flags and variables say, not judged yet.
#[derive(Debug, Default)]
pub struct Args {
    pub(super) daemon: Option<Given>,
    pub(super) listen: Option<Given>,
    pub(super) labels: Vec<Given>,
    pub(super) label_names: Vec<Given>,
    pub(super) label_values: Vec<Given>,
    pub(super) image_labels: Option<Given>,
    pub(super) cgroup_parent: Option<Given>,
    pub(super) build_cgroup_parent: Option<Given>,
    pub(super) mode: Option<Given>,
    pub(super) owner: Option<Given>,
    pub(super) group: Option<Given>,
    pub(super) drain: Option<Given>,
    pub(super) socket_bind: Option<Given>,
    pub(super) socket_bind_source: Option<Given>,
    pub(super) anonymous_volumes: Option<Given>,
    pub(super) debug: Option<Given>,
    pub(super) log_format: Option<Given>,
    pub(super) stats: Option<Given>,
    pub(super) strict: bool,
    pub(super) no_buildkit: bool,
    pub(super) deed: Deed,
    /// Something to print instead of serving; nothing behind it was read.
    pub(super) wish: Option<Wish>,
}

/// What is to be done with what was given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Deed {
    /// Serve.
    #[default]
    Serve,
    /// Look and tell what serving would be.
    Check,
    /// Ask a proxy that serves how it does.
    Status,
}

/// A text to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    Help,
    Version,
}

impl Args {
    /// Reads the words of the command line, without the name of the program.
    pub(super) fn typed(words: Vec<OsString>) -> Result<Self, Error> {
        let mut args = Self::default();
        let mut parser = Parser::from_args(words);
        let mut before = "";
        while args.wish.is_none()
            && let Some(arg) = parser.next().map_err(unwanted_value)?
        {
            if before.is_empty() && arg == Arg::Value("status".into()) {
                args.deed = Deed::Status;
                before = "status";
                continue;
            }
            let (flag, by) = match arg {
                Arg::Short(letter) => flags::by_short(letter).ok_or_else(|| unknown_short(letter)),
                Arg::Long(name) => known(&format!("--{name}")),
                Arg::Value(word) if word == "help" => known("--help"),
                Arg::Value(word) => Err(stray(before, word)),
            }?;
            if args.deed == Deed::Status && !["--stats-socket", "--help"].contains(&by) {
                return Err(Error::NotOfStatus(by));
            }
            match flag.effect {
                Effect::Switch(set) => set(&mut args, by),
                Effect::Value(_, set) => {
                    let value = parser.value().map_err(|_| Error::NeedsValue(by))?;
                    set(&mut args, Given { value, by });
                }
            }
            before = by;
        }
        Ok(args)
    }

    /// Lets the environment stand in for what was not typed. A variable that is empty is as one
    /// that is not set, since that is how many a CI system unsets one.
    pub(super) fn fill_from(&mut self, env: impl Fn(&str) -> Option<OsString>) {
        let given = |by: &'static str| {
            let value = env(by).filter(|value| !value.is_empty())?;
            Some(Given { value, by })
        };
        let fill = |slot: &mut Option<Given>, by| *slot = slot.take().or_else(|| given(by));
        fill(&mut self.daemon, "DCP_DOCKER_SOCKET");
        fill(&mut self.listen, "DCP_LISTEN_SOCKET");
        fill(&mut self.image_labels, "DCP_IMAGE_LABELS");
        fill(&mut self.build_cgroup_parent, "DCP_BUILD_CGROUP_PARENT");
        fill(&mut self.debug, "DCP_DEBUG");
        fill(&mut self.log_format, "DCP_LOG_FORMAT");
        fill(&mut self.stats, "DCP_STATS_SOCKET");
        if self.cgroup_parent.is_none() {
            self.cgroup_parent = given("DCP_CGROUP_PARENT").and_then(parent_or_switch);
        }
        let typed = !(self.label_names.is_empty() && self.label_values.is_empty());
        let listed = given("DCP_LABELS").filter(|_| self.labels.is_empty() && !typed);
        if self.labels.is_empty() && self.label_names.is_empty() {
            self.label_names.extend(given("DCP_LABEL_NAME"));
        }
        if self.labels.is_empty() && self.label_values.is_empty() {
            self.label_values.extend(given("DCP_LABEL_VALUE"));
        }
        self.labels.extend(listed.iter().flat_map(list));
    }
}

impl Args {
    /// Takes the path of a listening socket that was passed to us: what is said about one of our own
    /// making would have no effect, unless it is this very path.
    pub(super) fn listen_at(&mut self, path: &Path) -> Result<(), Error> {
        // A unit may name the place for both of its ways to start.
        let other = self.listen.as_ref().filter(|given| {
            let named = socket::socket_path(&given.value);
            !named.is_ok_and(|named| socket::same_socket(&named, path))
        });
        let own = [other, self.mode.as_ref(), self.owner.as_ref(), self.group.as_ref()];
        if let Some(given) = own.into_iter().flatten().next() {
            return Err(Error::Passed { by: given.by, path: path.to_owned() });
        }
        self.listen = Some(Given { value: path.into(), by: "LISTEN_FDS" });
        Ok(())
    }
}

/// The pieces of a list: between commas and line ends, without the blanks around them.
pub(super) fn list(given: &Given) -> impl Iterator<Item = Given> {
    let pieces = given.value.as_bytes().split(|byte| matches!(byte, b',' | b'\n'));
    let pieces = pieces.map(<[u8]>::trim_ascii).filter(|piece| !piece.is_empty());
    pieces.map(|piece| Given { value: OsStr::from_bytes(piece).into(), by: given.by })
}

/// The variable of the cgroup parent was once a switch, and may still be used as one.
fn parent_or_switch(given: Given) -> Option<Given> {
    match given.value.to_ascii_lowercase().to_str() {
        Some("0" | "false") => None,
        Some("1" | "true" | "self") => Some(Given::implied("self", given.by)),
        _ => Some(given),
    }
}

fn known(name: &str) -> Result<(&'static flags::Flag, &'static str), Error> {
    flags::by_name(name)
        .ok_or_else(|| Error::Unknown { flag: name.to_owned(), near: flags::near(name) })
}

fn unknown_short(letter: char) -> Error {
    Error::Unknown { flag: format!("-{letter}"), near: None }
}

/// A word that stands where a flag should.
fn stray(before: &str, word: OsString) -> Error {
    if is_old_cgroup_switch(before) {
        let by = before.to_owned();
        return Error::StrayParent { by, value: word };
    }
    Error::Stray(word)
}

/// The only thing that can be wrong with the words as such: `--switch=value`.
fn unwanted_value(error: lexopt::Error) -> Error {
    match error {
        lexopt::Error::UnexpectedValue { option: by, value } if is_old_cgroup_switch(&by) => {
            Error::StrayParent { by, value }
        }
        lexopt::Error::UnexpectedValue { option: by, value } => Error::TakesNoValue { by, value },
        other => Error::Stray(other.to_string().into()),
    }
}

fn is_old_cgroup_switch(name: &str) -> bool {
    matches!(name, "--cgroupparent" | "--cp")
}
