//! The flags that only some commands take.

use crate::cli::settings::{Effect, FLAG, Flag, Setting};

pub(super) const LISTENER: Flag = Flag {
    names: &["--listener"],
    effect: Effect::Value(Setting::Listener, "NAME"),
    summary: "The listener of the request, for explain.",
    details: "Needed if the file has several.",
    ..FLAG
};

pub(super) const BODY: Flag = Flag {
    names: &["--body"],
    effect: Effect::Value(Setting::Body, "PATH"),
    summary: "A file with the body of the request, for explain.",
    ..FLAG
};

pub(super) const PRESET: Flag = Flag {
    names: &["--preset"],
    effect: Effect::Value(Setting::Preset, "conservative|read-only|none"),
    summary: "Print the rules of a preset instead, for explain.",
    details: "They are in the language of the configuration file, so they can be copied there and changed.",
    ..FLAG
};

pub(super) const OLDER_THAN: Flag = Flag {
    names: &["--older-than"],
    effect: Effect::Value(Setting::OlderThan, "TIME"),
    summary: "Remove only what was created at least this long ago, for reap.",
    details: "30s, 5m, 6h, or 7d.",
    ..FLAG
};

pub(super) const KEEP: Flag = Flag {
    names: &["--keep"],
    effect: Effect::Value(Setting::Keep, "KIND,..."),
    summary: "The kinds that are not removed, for reap and run.",
    details: "services, containers, networks, volumes, secrets, configs, images and cgroups, \
           separated by commas.",
    ..FLAG
};

pub(super) const GRACE: Flag = Flag {
    names: &["--grace"],
    effect: Effect::Value(Setting::Grace, "TIME"),
    default: Some("10s"),
    summary: "Time that containers get to stop before they are killed, for reap and run.",
    ..FLAG
};

pub(super) const DRY_RUN: Flag = Flag {
    names: &["--dry-run"],
    effect: Effect::Switch(Setting::DryRun, "true"),
    summary: "Print what would be removed, and remove nothing, for reap.",
    ..FLAG
};

pub(super) const FORMAT: Flag = Flag {
    names: &["--format"],
    effect: Effect::Value(Setting::Format, "text|json"),
    default: Some("text"),
    summary: "The form of the report about what was removed, for reap and run.",
    ..FLAG
};

pub(super) const TIMEOUT: Flag = Flag {
    names: &["--timeout"],
    effect: Effect::Value(Setting::Timeout, "TIME"),
    summary: "Time after which the command is stopped, for run.",
    details: "It gets SIGTERM, and SIGKILL after the time of --grace; the exit code is then 124.",
    ..FLAG
};
