//! The one table of all flags. Reading them, `--help`, the README, the man page and the shells'
//! completions are made from it.

use super::parse::{Args, Deed, Given, Wish};

/// The daemon's socket, if nobody names one.
pub const DAEMON_SOCKET: &str = "/var/run/docker.sock";
/// The listening socket, if nobody names one.
pub const LISTEN_SOCKET: &str = "/var/run/docker-ci-proxy.sock";
/// The label, if nobody names one.
pub const LABEL: &str = "Created-Via=dockerd-ci-proxy";
/// The labels of images, if nobody says.
pub const IMAGE_LABELS: &str = "all";
/// The cgroup parent of builds, if nobody says.
pub const BUILD_CGROUP_PARENT: &str = "inherit";
/// What is done with mounts of the daemon's socket, if nobody says.
pub const SOCKET_BIND: &str = "rewrite";
/// Handling of anonymous volumes, if nobody names one.
pub const ANONYMOUS_VOLUMES: &str = "label";
/// How the log is written, if nobody says.
pub const LOG_FORMAT: &str = "text";
/// The stats socket that `status` asks, if nobody names one.
pub const STATS_SOCKET: &str = "/run/dockerd-ci-proxy/stats.sock";
/// The drain time, if nobody names one: as long as `docker stop` waits before it kills.
pub const DRAIN_TIME: &str = "10s";

/// One flag.
#[derive(Debug)]
pub struct Flag {
    /// Its names with their dashes: the proper one, then the aliases.
    pub names: &'static [&'static str],
    /// Its letter.
    pub short: Option<char>,
    /// What it does.
    pub effect: Effect,
    /// The variable that stands in for it.
    pub variable: Option<&'static str>,
    /// Its value if it is not given.
    pub default: Option<&'static str>,
    /// What it is for, in one sentence.
    pub line: &'static str,
    /// What else there is to know, in sentences; may be empty.
    pub more: &'static str,
}

/// What a flag does to the [`Args`]. The text is the name that the flag was typed by.
#[derive(Debug)]
pub enum Effect {
    /// Takes no value.
    Switch(fn(&mut Args, &'static str)),
    /// Takes a value, which the help calls by this name.
    Value(&'static str, fn(&mut Args, Given)),
}

/// Every flag, in the order in which the help shows them.
pub const FLAGS: &[Flag] = &[
    Flag {
        names: &["--dockersocket", "--ds"],
        short: None,
        effect: Effect::Value("PATH", |args, given| args.daemon = Some(given)),
        variable: Some("DCP_DOCKER_SOCKET"),
        default: Some(DAEMON_SOCKET),
        line: "The socket of the Docker daemon.",
        more: "May be written unix:///path. The daemon need not be up when the proxy starts.",
    },
    Flag {
        names: &["--listensocket", "--ls"],
        short: None,
        effect: Effect::Value("PATH", |args, given| args.listen = Some(given)),
        variable: Some("DCP_LISTEN_SOCKET"),
        default: Some(LISTEN_SOCKET),
        line: "The socket that clients are to use in place of the daemon's.",
        more: "May be written unix:///path. A socket that a dead program left behind is \
               replaced, one on which somebody answers is not.",
    },
    Flag {
        names: &["--label"],
        short: None,
        effect: Effect::Value("KEY=VALUE", |args, given| args.labels.push(given)),
        variable: Some("DCP_LABELS"),
        default: Some(LABEL),
        line: "A label for everything that a client creates.",
        more: "May be repeated with other keys. It wins over a label of the same key that the \
               client sets. The variable holds several, with commas or line ends between them; \
               blanks around them do not count, and a value with a comma in it has to be typed. \
               No key may have a blank in it. Where a label is typed, no variable with labels is \
               read.",
    },
    Flag {
        names: &["--image-labels"],
        short: None,
        effect: Effect::Value("all|none|KEY,...", |args, given| args.image_labels = Some(given)),
        variable: Some("DCP_IMAGE_LABELS"),
        default: Some(IMAGE_LABELS),
        line: "Which of the labels images get that a client builds, commits or imports.",
        more: "Keys of labels, with commas between them. A label that differs from job to job makes \
               another image in each, of which nothing is cached where another build begins with it. \
               Everything else gets all labels.",
    },
    Flag {
        names: &["--cgroup-parent"],
        short: None,
        effect: Effect::Value("PARENT|self", |args, given| {
            args.cgroup_parent = Some(given);
        }),
        variable: Some("DCP_CGROUP_PARENT"),
        default: None,
        line: "The cgroup below which containers run, and builds unless told otherwise.",
        more: "An absolute path like /ci/1234 for a daemon with the cgroup driver cgroupfs, a \
               slice like ci-1234.slice for one with systemd. The word self means the cgroup \
               parent of the container in which the proxy runs; the daemon is asked for it at \
               start. In the variable, 1 and true mean self, 0 and false mean none.",
    },
    Flag {
        names: &["--build-cgroup-parent"],
        short: None,
        effect: Effect::Value("inherit|none|PARENT", |args, given| {
            args.build_cgroup_parent = Some(given);
        }),
        variable: Some("DCP_BUILD_CGROUP_PARENT"),
        default: Some(BUILD_CGROUP_PARENT),
        line: "The cgroup below which builds run.",
        more: "inherit means that of --cgroup-parent, if there is one; none leaves builds to the \
               daemon and the client; otherwise a path or slice as there. BuildKit caches the steps \
               of a build for one cgroup parent, so where each job has another one, builds want one \
               that all jobs share.",
    },
    Flag {
        names: &["--socket-bind"],
        short: None,
        effect: Effect::Value("rewrite|refuse|pass", |args, given| args.socket_bind = Some(given)),
        variable: None,
        default: Some(SOCKET_BIND),
        line: "What is done when a container or service mounts the daemon's socket.",
        more: "rewrite mounts the listening socket in its place, so that what such a container \
               creates is labelled too; refuse refuses the container; pass lets it around the \
               labels, with a line in the log.",
    },
    Flag {
        names: &["--socket-bind-source"],
        short: None,
        effect: Effect::Value("PATH", |args, given| args.socket_bind_source = Some(given)),
        variable: None,
        default: None,
        line: "Where the listening socket is on the host, for rewrite.",
        more: "Without it the path of the listening socket; to be given where the proxy itself \
               runs in a container.",
    },
    Flag {
        names: &["--anonymous-volumes"],
        short: None,
        effect: Effect::Value("label|leave", |args, given| args.anonymous_volumes = Some(given)),
        variable: None,
        default: Some(ANONYMOUS_VOLUMES),
        line: "Label anonymous volumes, or leave them to the daemon.",
        more: "Anonymous volumes are those of an image's VOLUME, of --volume PATH and of a bind with \
               only a target. With label each becomes a labelled mount, which an inspection of the \
               container shows, and the daemon is asked about the image before each create. With leave \
               they come into being as without the proxy: unlabelled. A volume that a client mounts \
               itself, as with --mount type=volume, is labelled in both cases.",
    },
    Flag {
        names: &["--strict"],
        short: None,
        effect: Effect::Switch(|args, _| args.strict = true),
        variable: None,
        default: None,
        line: "Refuse what is not known to be an operation of the Engine API, and images of \
               BuildKit that cannot be labelled.",
        more: "Without it, operations of newer daemons and of Podman pass as they came, and such \
               an image is told in the log.",
    },
    Flag {
        names: &["--no-buildkit"],
        short: None,
        effect: Effect::Switch(|args, _| args.no_buildkit = true),
        variable: None,
        default: None,
        line: "Let BuildKit's connections pass as they come.",
        more: "Images that are built through them then have no labels; each such connection is \
               told in the log.",
    },
    Flag {
        names: &["--socket-mode"],
        short: None,
        effect: Effect::Value("MODE", |args, given| args.mode = Some(given)),
        variable: None,
        default: None,
        line: "The octal permissions of the listening socket.",
        more: "Without it those of the daemon's socket, or 0660 if that is not there.",
    },
    Flag {
        names: &["--socket-owner"],
        short: None,
        effect: Effect::Value("USER", |args, given| args.owner = Some(given)),
        variable: None,
        default: None,
        line: "The user who owns the listening socket, by name or number.",
        more: "Without it the one who runs the proxy.",
    },
    Flag {
        names: &["--socket-group"],
        short: None,
        effect: Effect::Value("GROUP", |args, given| args.group = Some(given)),
        variable: None,
        default: None,
        line: "The group of the listening socket, by name or number.",
        more: "Without it that of the daemon's socket, or the one that runs the proxy if that \
               is not there.",
    },
    Flag {
        names: &["--drain-time"],
        short: None,
        effect: Effect::Value("TIME", |args, given| args.drain = Some(given)),
        variable: None,
        default: Some(DRAIN_TIME),
        line: "How long running exchanges may go on after SIGTERM or SIGINT.",
        more: "30 or 30s, 5m, 2h, or infinity. A second signal ends the proxy at once.",
    },
    Flag {
        names: &["--debug"],
        short: Some('d'),
        effect: Effect::Switch(|args, by| args.debug = Some(Given::implied("1", by))),
        variable: Some("DCP_DEBUG"),
        default: None,
        line: "Log every exchange.",
        more: "In the variable, 1, true, yes and on mean yes, 0, false, no and off mean no.",
    },
    Flag {
        names: &["--log-format"],
        short: None,
        effect: Effect::Value("text|json", |args, given| args.log_format = Some(given)),
        variable: Some("DCP_LOG_FORMAT"),
        default: Some(LOG_FORMAT),
        line: "How lines of the log are written.",
        more: "text is a sentence for people, without the time, which whoever keeps the log adds; \
               json is one object a line, with the time and, for an exchange, its facts as members.",
    },
    Flag {
        names: &["--stats-socket"],
        short: None,
        effect: Effect::Value("PATH", |args, given| args.stats = Some(given)),
        variable: Some("DCP_STATS_SOCKET"),
        default: None,
        line: "A socket that answers GET /metrics, /healthz and /readyz over HTTP.",
        more: "Without it there is none. Its permissions are 0660; owner and group are those of the \
               listening socket. dockerd-ci-proxy status asks it, and where no path is given, the \
               one at /run/dockerd-ci-proxy/stats.sock.",
    },
    Flag {
        names: &["--check"],
        short: None,
        effect: Effect::Switch(|args, _| args.deed = Deed::Check),
        variable: None,
        default: None,
        line: "Do not serve: ask the daemon, look at the listening socket's place, and print what \
               would be done.",
        more: "What is in the way goes to standard error, and into the exit code; what may be a slip \
               goes there alone. A program that already listens there is told, but is no fault: so one \
               that runs can be checked before it is started anew.",
    },
    Flag {
        names: &["--help"],
        short: Some('h'),
        effect: Effect::Switch(|args, _| args.wish = Some(Wish::Help)),
        variable: None,
        default: None,
        line: "Print this help; so does the word help.",
        more: "",
    },
    Flag {
        names: &["--version"],
        short: Some('v'),
        effect: Effect::Switch(|args, _| args.wish = Some(Wish::Version)),
        variable: None,
        default: None,
        line: "Print the version.",
        more: "",
    },
    Flag {
        names: &["--labelname", "--ln"],
        short: None,
        effect: Effect::Value("KEY", |args, given| args.label_names.push(given)),
        variable: Some("DCP_LABEL_NAME"),
        default: None,
        line: "The key of a label; older spelling of --label.",
        more: "The first one goes with the first --labelvalue, the second with the second.",
    },
    Flag {
        names: &["--labelvalue", "--lv"],
        short: None,
        effect: Effect::Value("VALUE", |args, given| args.label_values.push(given)),
        variable: Some("DCP_LABEL_VALUE"),
        default: None,
        line: "The value of the label that --labelname names.",
        more: "",
    },
    Flag {
        names: &["--cgroupparent", "--cp"],
        short: None,
        effect: Effect::Switch(|args, by| args.cgroup_parent = Some(Given::implied("self", by))),
        variable: None,
        default: None,
        line: "Older spelling of --cgroup-parent self.",
        more: "",
    },
];

/// The words that may stand alone, and what each does.
pub const WORDS: &[(&str, &str)] = &[
    ("help", "Print the help."),
    (
        "status",
        "Ask a proxy that serves, at its --stats-socket, how it does; ends with 0 if the daemon would answer a \
         client now, else with 1.",
    ),
];

/// The flag of a name with dashes, and that name as the table spells it.
#[must_use]
pub fn by_name(typed: &str) -> Option<(&'static Flag, &'static str)> {
    FLAGS.iter().find_map(|flag| {
        let name = flag.names.iter().find(|name| **name == typed)?;
        Some((flag, *name))
    })
}

/// The flag of a letter, and its proper name.
#[must_use]
pub fn by_short(typed: char) -> Option<(&'static Flag, &'static str)> {
    let flag = FLAGS.iter().find(|flag| flag.short == Some(typed))?;
    Some((flag, flag.names.first()?))
}

/// The name of a flag that was probably meant.
#[must_use]
pub fn near(typed: &str) -> Option<&'static str> {
    nearest(typed, "--", FLAGS.iter().flat_map(|flag| flag.names).copied())
}

/// The name that was probably meant of these, which all begin with `before`: one that begins like the
/// typed one, else the nearest one of which about a third is wrong.
pub(super) fn nearest<'n>(
    typed: &str,
    before: &str,
    names: impl Iterator<Item = &'n str> + Clone,
) -> Option<&'n str> {
    let letters = typed.strip_prefix(before).unwrap_or(typed).len();
    // Two letters begin too many names to guess.
    let begun = names.clone().find(|name| letters > 2 && name.starts_with(typed));
    begun.or_else(|| {
        let (wrong, name) = names.map(|name| (distance(typed, name), name)).min()?;
        (wrong <= (letters + 1) / 3).then_some(name)
    })
}

/// How many letters must be put in, taken out or changed to make one text the other
/// (Levenshtein's distance, one row of the table at a time).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (1..=other.len()).collect();
    for (taken, letter) in one.bytes().enumerate() {
        let (mut diagonal, mut left) = (taken, taken + 1);
        for (cell, wanted) in row.iter_mut().zip(other.bytes()) {
            let changed = diagonal + usize::from(letter != wanted);
            left = changed.min(left + 1).min(*cell + 1);
            diagonal = std::mem::replace(cell, left);
        }
    }
    row.last().copied().unwrap_or(one.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_name_letter_and_variable_is_there_once() {
        let mut seen = BTreeSet::new();
        for flag in FLAGS {
            let short = flag.short.map(|short| format!("-{short}"));
            let names = flag.names.iter().chain(&flag.variable);
            for name in names.map(ToString::to_string).chain(short) {
                assert!(seen.insert(name.clone()), "{name} is there twice");
            }
        }
    }

    #[test]
    fn every_flag_has_long_names_and_sentences() {
        for flag in FLAGS {
            assert!(!flag.names.is_empty());
            for name in flag.names {
                assert!(name.starts_with("--") && name.is_ascii(), "{name}");
            }
            assert!(flag.line.ends_with('.'), "{}", flag.line);
            assert!(flag.more.is_empty() || flag.more.ends_with('.'), "{}", flag.more);
        }
    }

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        assert_eq!(near("--labels"), Some("--label"));
        assert_eq!(near("--lable"), Some("--label"));
        assert_eq!(near("--listen"), Some("--listensocket"));
        assert_eq!(near("--docker-socket"), Some("--dockersocket"));
        assert_eq!(near("--cgroup_parent"), Some("--cgroup-parent"));
        assert_eq!(near("--verison"), Some("--version"));
        for far in ["--xx", "--", "--policy", "--x"] {
            assert_eq!(near(far), None, "{far}");
        }
    }

    #[test]
    fn distance_counts_letters() {
        assert_eq!(distance("", ""), 0);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
