//! The settings, and their values as given by flags, variables and the configuration file.

use std::ffi::OsString;

use super::usage_error::UsageError;

/// One flag.
#[derive(Debug)]
pub struct Flag {
    /// Its names with their dashes: the main one, then the aliases.
    pub names: &'static [&'static str],
    /// Its one-letter name.
    pub short: Option<char>,
    /// Its effect.
    pub effect: Effect,
    /// The variable that is read where the flag is not given.
    pub variable: Option<&'static str>,
    /// The key of the configuration file that sets the same.
    pub key: Option<Key>,
    /// Its default value.
    pub default: Option<&'static str>,
    /// Its purpose, in one sentence.
    pub summary: &'static str,
    /// Further sentences; may be empty.
    pub details: &'static str,
}

/// Effect of a flag.
#[derive(Debug)]
pub enum Effect {
    /// Takes no value, and selects this action.
    Action(Action),
    /// Takes no value, and gives the setting this one.
    Switch(Setting, &'static str),
    /// Takes a value for the setting. The help calls the value by this name.
    Value(Setting, &'static str),
}

/// A flag without anything, for the rows of the table.
pub(super) const FLAG: Flag = Flag {
    names: &[],
    short: None,
    effect: Effect::Action(Action::Help),
    variable: None,
    key: None,
    default: None,
    summary: "",
    details: "",
};

impl Flag {
    /// Returns what it sets; `None` for an action.
    #[must_use]
    pub fn setting(&self) -> Option<Setting> {
        match self.effect {
            Effect::Action(_) => None,
            Effect::Switch(setting, _) | Effect::Value(setting, _) => Some(setting),
        }
    }
}

/// Action that the arguments select.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Action {
    /// Serve.
    #[default]
    Serve,
    /// Report what serving would do.
    Check,
    /// Report what would happen to a request.
    Explain,
    /// Print the state of a running proxy.
    Status,
    /// Run a command with a socket of its own, and remove what it created.
    Run,
    /// Remove what carries labels.
    Reap,
    /// Print the help.
    Help,
    /// Print the version.
    Version,
}

impl Action {
    /// Returns `true` for the actions that only print a text, whatever else is given.
    pub(super) fn only_prints(self) -> bool {
        matches!(self, Self::Help | Self::Version)
    }
}

/// A setting of a flag, a variable or a key of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the table of flags describes them")]
pub enum Setting {
    Config,
    Listener,
    Body,
    Preset,
    Policy,
    Daemon,
    Listen,
    /// `KEY=VALUE`.
    Label,
    LabelName,
    LabelValue,
    /// No labels at all: an empty table in the file.
    NoLabels,
    ImageLabels,
    CgroupParent,
    BuildCgroupParent,
    MapPaths,
    /// A path of the caller's view, and the host path.
    MapPath,
    /// No such paths at all: an empty table in the file.
    NoMapPath,
    MapPathsStrict,
    SocketBind,
    SocketBindSource,
    AnonymousVolumes,
    Strict,
    Buildkit,
    Mode,
    Owner,
    Group,
    Drain,
    Debug,
    LogFormat,
    Stats,
    JobSocket,
    ReapWhenGone,
    ReapOnExit,
    ReapDelay,
    Mark,
    OlderThan,
    Keep,
    Grace,
    DryRun,
    Format,
    Timeout,
}

impl Setting {
    /// Returns the setting that stands for all ways to give the same.
    #[must_use]
    pub fn family(self) -> Self {
        match self {
            Self::LabelName | Self::LabelValue | Self::NoLabels => Self::Label,
            Self::NoMapPath => Self::MapPath,
            other => other,
        }
    }
}

/// A key of the configuration file.
#[derive(Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// The tables that may have it.
    pub scope: Scope,
    /// The form of its value.
    pub form: Form,
}

/// The tables of the file that may have a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The top of the file.
    Process,
    /// A listener, and the defaults.
    Listener,
    /// A listener. The setting differs between listeners.
    Own,
}

/// The form of a value in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A string.
    Text,
    /// `true` or `false`.
    Switch,
    /// One of two words, or a list of strings.
    Chosen([&'static str; 2]),
    /// A table of strings. An empty one gives this setting.
    Table(Setting),
}

pub(super) const fn process(name: &'static str, form: Form) -> Key {
    Key { name, scope: Scope::Process, form }
}

pub(super) const fn listener(name: &'static str, form: Form) -> Key {
    Key { name, scope: Scope::Listener, form }
}

pub(super) const fn own(name: &'static str) -> Key {
    Key { name, scope: Scope::Own, form: Form::Text }
}

/// A value as it was given, not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The value.
    pub value: OsString,
    /// The name of the value, for an entry of a table in the file.
    pub name: Option<String>,
    /// The flag or variable of the value as it was given, or the place of its key in the file and the key.
    pub by: String,
}

impl Given {
    pub(super) fn new(value: impl Into<OsString>, by: impl Into<String>) -> Self {
        Self { value: value.into(), name: None, by: by.into() }
    }

    /// Returns the value as text. Only paths may be other bytes.
    ///
    /// # Errors
    ///
    /// The value is not UTF-8.
    pub(super) fn text(&self) -> Result<&str, UsageError> {
        self.value.to_str().ok_or_else(|| UsageError::NotText(self.by.clone(), self.value.clone()))
    }

    /// Returns `true` if a flag gave it.
    pub(super) fn is_by_flag(&self) -> bool {
        self.by.starts_with('-')
    }
}

/// Settings as they were given in one place, in order.
#[derive(Debug, Clone, Default)]
pub struct Settings(pub(super) Vec<(Setting, Given)>);

impl Settings {
    pub(super) fn push(&mut self, setting: Setting, given: Given) {
        self.0.push((setting, given));
    }

    /// Returns all values of a setting.
    pub(super) fn all(&self, setting: Setting) -> impl Iterator<Item = &Given> {
        self.0.iter().filter(move |(known, _)| *known == setting).map(|(_, given)| given)
    }

    /// Returns the value that counts: the last one.
    pub(super) fn last(&self, setting: Setting) -> Option<&Given> {
        self.all(setting).last()
    }
}
