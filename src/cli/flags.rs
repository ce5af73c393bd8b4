//! The one table of all flags. The parser, `--help`, the reference, the man page and the shell completions
//! are made from it.

use super::parse::{Action, Args, Given};

/// Default of the daemon's socket.
pub const DAEMON_SOCKET: &str = "/var/run/docker.sock";
/// Default of the listening socket.
pub const LISTEN_SOCKET: &str = "/var/run/docker-ci-proxy.sock";
/// Default label.
pub const LABEL: &str = "Created-Via=dockerd-ci-proxy";
/// Default of the labels of images.
pub const IMAGE_LABELS: &str = "all";
/// Default of the cgroup parent of builds.
pub const BUILD_CGROUP_PARENT: &str = "inherit";
/// Default handling of mounts of the daemon's socket.
pub const SOCKET_BIND: &str = "rewrite";
/// Default handling of anonymous volumes.
pub const ANONYMOUS_VOLUMES: &str = "label";
/// Default format of log lines.
pub const LOG_FORMAT: &str = "text";
/// Default of the stats socket that `status` reads.
pub const STATS_SOCKET: &str = "/run/dockerd-ci-proxy/stats.sock";
/// Default drain time: `docker stop` kills after the same time.
pub const DRAIN_TIME: &str = "10s";

/// One flag.
#[derive(Debug)]
pub struct Flag {
    /// Its names with their dashes: the main one, then the aliases.
    pub names: &'static [&'static str],
    /// Its one-letter name.
    pub short: Option<char>,
    /// Its effect on [`Args`].
    pub effect: Effect,
    /// The variable that is read where the flag is not given.
    pub variable: Option<&'static str>,
    /// Its default value.
    pub default: Option<&'static str>,
    /// Its purpose, in one sentence.
    pub summary: &'static str,
    /// Further sentences; may be empty.
    pub details: &'static str,
}

/// Effect of a flag on the [`Args`]. The setters get the name by which the flag was given.
#[derive(Debug)]
pub enum Effect {
    /// Takes no value.
    Switch(fn(&mut Args, &'static str)),
    /// Takes a value, which the help calls by this name.
    Value(&'static str, fn(&mut Args, Given)),
}

/// All flags, in the order of the help.
pub const FLAGS: &[Flag] = &[
    Flag {
        names: &["--dockersocket", "--ds"],
        short: None,
        effect: Effect::Value("PATH", |args, given| args.daemon = Some(given)),
        variable: Some("DCP_DOCKER_SOCKET"),
        default: Some(DAEMON_SOCKET),
        summary: "The socket of the Docker daemon.",
        details: "Can be written as unix:///path. The daemon need not be running when the proxy \
               starts.",
    },
    Flag {
        names: &["--listensocket", "--ls"],
        short: None,
        effect: Effect::Value("PATH", |args, given| args.listen = Some(given)),
        variable: Some("DCP_LISTEN_SOCKET"),
        default: Some(LISTEN_SOCKET),
        summary: "The socket that clients use instead of the daemon's.",
        details: "Can be written as unix:///path. A socket that a dead process left behind is \
               replaced; a socket on which a process still listens is an error.",
    },
    Flag {
        names: &["--label"],
        short: None,
        effect: Effect::Value("KEY=VALUE", |args, given| args.labels.push(given)),
        variable: Some("DCP_LABELS"),
        default: Some(LABEL),
        summary: "A label for everything that clients create.",
        details: "Can be repeated with other keys. It overrides a label with the same key from the \
               client. A key cannot contain whitespace. The variable holds several labels, \
               separated by commas or line ends; whitespace around a label is ignored, and a value \
               with a comma needs the flag. If a label is given by a flag, the variables for \
               labels are not read.",
    },
    Flag {
        names: &["--image-labels"],
        short: None,
        effect: Effect::Value("all|none|KEY,...", |args, given| args.image_labels = Some(given)),
        variable: Some("DCP_IMAGE_LABELS"),
        default: Some(IMAGE_LABELS),
        summary: "The labels of images that clients build, commit or import.",
        details: "Keys of labels, separated by commas. A label that differs between jobs gives \
               each job a different image, and builds that start from that image cannot share a \
               cache. Everything else gets all labels.",
    },
    Flag {
        names: &["--cgroup-parent"],
        short: None,
        effect: Effect::Value("PARENT|self", |args, given| {
            args.cgroup_parent = Some(given);
        }),
        variable: Some("DCP_CGROUP_PARENT"),
        default: None,
        summary: "The cgroup parent of containers, and of builds unless they have their own.",
        details: "An absolute path like /ci/1234 for a daemon with the cgroup driver cgroupfs, a \
               slice like ci-1234.slice for one with systemd. The word self means the cgroup \
               parent of the container in which the proxy runs; the proxy asks the daemon for it \
               at startup. In the variable, 1 and true mean self, 0 and false mean none.",
    },
    Flag {
        names: &["--build-cgroup-parent"],
        short: None,
        effect: Effect::Value("inherit|none|PARENT", |args, given| {
            args.build_cgroup_parent = Some(given);
        }),
        variable: Some("DCP_BUILD_CGROUP_PARENT"),
        default: Some(BUILD_CGROUP_PARENT),
        summary: "The cgroup parent of builds.",
        details: "inherit takes that of --cgroup-parent, if there is one; none leaves the choice \
               to the daemon and the client; otherwise a path or slice as for --cgroup-parent. \
               BuildKit caches build steps per cgroup parent, so if each job has its own, give \
               builds one that all jobs share.",
    },
    Flag {
        names: &["--socket-bind"],
        short: None,
        effect: Effect::Value("rewrite|refuse|pass", |args, given| args.socket_bind = Some(given)),
        variable: None,
        default: Some(SOCKET_BIND),
        summary: "Handling of containers and services that mount the daemon's socket.",
        details: "rewrite mounts the listening socket instead, so that everything the container \
               creates is labelled too; refuse refuses the container; pass allows the mount, which \
               bypasses the labels, and logs a warning.",
    },
    Flag {
        names: &["--socket-bind-source"],
        short: None,
        effect: Effect::Value("PATH", |args, given| args.socket_bind_source = Some(given)),
        variable: None,
        default: None,
        summary: "The path of the listening socket on the host, for --socket-bind rewrite.",
        details: "Without it, the path of the listening socket is used. Needed if the proxy itself runs \
               in a container.",
    },
    Flag {
        names: &["--anonymous-volumes"],
        short: None,
        effect: Effect::Value("label|leave", |args, given| args.anonymous_volumes = Some(given)),
        variable: None,
        default: Some(ANONYMOUS_VOLUMES),
        summary: "Label anonymous volumes, or leave them to the daemon.",
        details: "Anonymous volumes come from VOLUME in an image, from --volume PATH, and from a \
               bind with only a target. With label, each becomes a labelled mount, which is \
               visible when the container is inspected, and the proxy asks the daemon about each \
               image that it does not know yet. With leave, they have no labels, as without the proxy. A \
               volume that a client mounts itself, as with --mount type=volume, is labelled in \
               both cases.",
    },
    Flag {
        names: &["--strict"],
        short: None,
        effect: Effect::Switch(|args, _| args.strict = true),
        variable: None,
        default: None,
        summary: "Refuse requests that are not known operations of the Engine API, and BuildKit \
               images that cannot be labelled.",
        details: "Without it, operations of newer daemons and of Podman are forwarded unchanged, \
               and an image that cannot be labelled is only reported in the log.",
    },
    Flag {
        names: &["--no-buildkit"],
        short: None,
        effect: Effect::Switch(|args, _| args.no_buildkit = true),
        variable: None,
        default: None,
        summary: "Forward BuildKit's connections unchanged.",
        details: "Images that are built through them have no labels; each such connection is \
               reported in the log.",
    },
    Flag {
        names: &["--socket-mode"],
        short: None,
        effect: Effect::Value("MODE", |args, given| args.mode = Some(given)),
        variable: None,
        default: None,
        summary: "The permissions of the listening socket, in octal.",
        details: "Without it, those of the daemon's socket, or 0660 if that does not exist.",
    },
    Flag {
        names: &["--socket-owner"],
        short: None,
        effect: Effect::Value("USER", |args, given| args.owner = Some(given)),
        variable: None,
        default: None,
        summary: "The user that owns the listening socket, by name or number.",
        details: "Without it, the user that runs the proxy.",
    },
    Flag {
        names: &["--socket-group"],
        short: None,
        effect: Effect::Value("GROUP", |args, given| args.group = Some(given)),
        variable: None,
        default: None,
        summary: "The group of the listening socket, by name or number.",
        details: "Without it, that of the daemon's socket, or the group that runs the proxy if \
               that socket does not exist.",
    },
    Flag {
        names: &["--drain-time"],
        short: None,
        effect: Effect::Value("TIME", |args, given| args.drain = Some(given)),
        variable: None,
        default: Some(DRAIN_TIME),
        summary: "Time that running exchanges get to finish after SIGTERM or SIGINT.",
        details: "30 or 30s, 5m, 2h, or infinity. A second signal stops the proxy at once.",
    },
    Flag {
        names: &["--debug"],
        short: Some('d'),
        effect: Effect::Switch(|args, by| args.debug = Some(Given::implied("1", by))),
        variable: Some("DCP_DEBUG"),
        default: None,
        summary: "Log every exchange.",
        details: "In the variable, 1, true, yes and on mean yes, 0, false, no and off mean no.",
    },
    Flag {
        names: &["--log-format"],
        short: None,
        effect: Effect::Value("text|json", |args, given| args.log_format = Some(given)),
        variable: Some("DCP_LOG_FORMAT"),
        default: Some(LOG_FORMAT),
        summary: "The format of log lines.",
        details: "text is a sentence for people, without the time, which the service manager adds; \
               json is one object per line, with the time and, for an exchange, its facts as \
               members.",
    },
    Flag {
        names: &["--stats-socket"],
        short: None,
        effect: Effect::Value("PATH", |args, given| args.stats = Some(given)),
        variable: Some("DCP_STATS_SOCKET"),
        default: None,
        summary: "A socket that answers GET /metrics, /healthz and /readyz over HTTP.",
        details: "Without it, there is none. Its mode is 0660; owner and group are those of the \
               listening socket. dockerd-ci-proxy status connects to it; without this flag, that \
               command connects to /run/dockerd-ci-proxy/stats.sock.",
    },
    Flag {
        names: &["--check"],
        short: None,
        effect: Effect::Switch(|args, _| args.action = Action::Check),
        variable: None,
        default: None,
        summary: "Do not serve: check the configuration, the daemon and the listening socket, and \
               print what a start would do.",
        details: "Nothing is changed. Errors go to standard error and decide the exit code; \
               warnings only go to standard error. Another program that already listens on the \
               socket is reported, but is not an error, so a running proxy can be checked before a \
               restart.",
    },
    Flag {
        names: &["--help"],
        short: Some('h'),
        effect: Effect::Switch(|args, _| args.action = Action::Help),
        variable: None,
        default: None,
        summary: "Print this help; so does the word help.",
        details: "",
    },
    Flag {
        names: &["--version"],
        short: Some('v'),
        effect: Effect::Switch(|args, _| args.action = Action::Version),
        variable: None,
        default: None,
        summary: "Print the version.",
        details: "",
    },
    Flag {
        names: &["--labelname", "--ln"],
        short: None,
        effect: Effect::Value("KEY", |args, given| args.label_names.push(given)),
        variable: Some("DCP_LABEL_NAME"),
        default: None,
        summary: "The key of a label; older form of --label.",
        details: "The first one goes with the first --labelvalue, the second with the second.",
    },
    Flag {
        names: &["--labelvalue", "--lv"],
        short: None,
        effect: Effect::Value("VALUE", |args, given| args.label_values.push(given)),
        variable: Some("DCP_LABEL_VALUE"),
        default: None,
        summary: "The value of the label that --labelname names.",
        details: "",
    },
    Flag {
        names: &["--cgroupparent", "--cp"],
        short: None,
        effect: Effect::Switch(|args, by| args.cgroup_parent = Some(Given::implied("self", by))),
        variable: None,
        default: None,
        summary: "Older form of --cgroup-parent self.",
        details: "",
    },
];

/// The words that are commands, each with its summary.
pub const COMMANDS: &[(&str, &str)] = &[
    ("help", "Print the help."),
    (
        "status",
        "Print the state of a running proxy, from its --stats-socket; exits with 0 if the daemon would answer a \
         client now, else with 1.",
    ),
];

/// Finds a flag by a name with dashes. Also returns that name from the table.
#[must_use]
pub fn by_name(typed: &str) -> Option<(&'static Flag, &'static str)> {
    FLAGS.iter().find_map(|flag| {
        let name = flag.names.iter().find(|name| **name == typed)?;
        Some((flag, *name))
    })
}

/// Finds a flag by its letter. Also returns its main name.
#[must_use]
pub fn by_short(typed: char) -> Option<(&'static Flag, &'static str)> {
    let flag = FLAGS.iter().find(|flag| flag.short == Some(typed))?;
    Some((flag, flag.names.first()?))
}

/// Returns the name of the flag that was probably meant.
#[must_use]
pub fn near(typed: &str) -> Option<&'static str> {
    nearest(typed, "--", FLAGS.iter().flat_map(|flag| flag.names).copied())
}

/// Returns the name that was probably meant, of names that all begin with `before`: the first one that
/// starts with the given text, else the most similar one if at most a third of it differs.
pub(super) fn nearest<'n>(
    typed: &str,
    before: &str,
    names: impl Iterator<Item = &'n str> + Clone,
) -> Option<&'n str> {
    let letters = typed.strip_prefix(before).unwrap_or(typed).len();
    // Two letters are too few to guess.
    let begun = names.clone().find(|name| letters > 2 && name.starts_with(typed));
    begun.or_else(|| {
        let (wrong, name) = names.map(|name| (distance(typed, name), name)).min()?;
        (wrong <= (letters + 1) / 3).then_some(name)
    })
}

/// Counts the letters to insert, remove or change to turn one text into the other (Levenshtein distance,
/// computed row by row).
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
mod tests;
