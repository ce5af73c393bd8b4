//! The one table of all flags. The parser, `--help`, the reference, the man page and the shell completions
//! are made from it.

use super::settings::{Action, Form, Setting, listener, own, process};
pub use super::settings::{Effect, Flag};
use crate::config::similar;

/// The stats socket that `status` reads by default.
pub const STATS_SOCKET: &str = "/run/dockerd-ci-proxy/stats.sock";

/// All flags, in the order of the help.
pub const FLAGS: &[Flag] = &[
    Flag {
        names: &["--config"],
        short: None,
        effect: Effect::Value(Setting::Config, "PATH"),
        variable: Some("DCP_CONFIG"),
        key: None,
        default: None,
        summary: "The configuration file, in TOML.",
        details: "Without it, none is read, and the flags configure one listening socket. With it, \
               the file overrides variables, and a setting given by both the file and a flag is an \
               error.",
    },
    Flag {
        names: &["--dockersocket", "--ds"],
        short: None,
        effect: Effect::Value(Setting::Daemon, "PATH"),
        variable: Some("DCP_DOCKER_SOCKET"),
        key: Some(listener("daemon", Form::Text)),
        default: Some("/var/run/docker.sock"),
        summary: "The socket of the Docker daemon.",
        details: "Can be written as unix:///path. The daemon need not be running when the proxy \
               starts.",
    },
    Flag {
        names: &["--listensocket", "--ls"],
        short: None,
        effect: Effect::Value(Setting::Listen, "PATH"),
        variable: Some("DCP_LISTEN_SOCKET"),
        key: Some(own("socket")),
        default: Some("/var/run/docker-ci-proxy.sock"),
        summary: "The socket that clients use instead of the daemon's.",
        details: "Can be written as unix:///path. A socket that a dead process left behind is \
               replaced; a socket on which a process still listens is an error.",
    },
    Flag {
        names: &["--label"],
        short: None,
        effect: Effect::Value(Setting::Label, "KEY=VALUE"),
        variable: Some("DCP_LABELS"),
        key: Some(listener("labels", Form::Table(Setting::NoLabels))),
        default: Some("Created-Via=dockerd-ci-proxy"),
        summary: "A label for everything that clients create.",
        details: "Can be repeated with other keys. It overrides a label with the same key from the \
               client. A key cannot contain whitespace. A value may have placeholders like \
               {container.name}; a brace itself is written twice. The variable holds several labels, \
               separated by commas or line ends; whitespace around a label is ignored, and a value \
               with a comma needs the flag. If a label is given by a flag, the variables for \
               labels are not read.",
    },
    Flag {
        names: &["--image-labels"],
        short: None,
        effect: Effect::Value(Setting::ImageLabels, "all|none|KEY,..."),
        variable: Some("DCP_IMAGE_LABELS"),
        key: Some(listener("image_labels", Form::Chosen(["all", "none"]))),
        default: Some("all"),
        summary: "The labels of images that clients build, commit or import.",
        details: "Keys of labels, separated by commas. A label that differs between jobs gives \
               each job a different image, and builds that start from that image cannot share a \
               cache. Everything else gets all labels.",
    },
    Flag {
        names: &["--cgroup-parent"],
        short: None,
        effect: Effect::Value(Setting::CgroupParent, "PARENT|self|caller|none"),
        variable: Some("DCP_CGROUP_PARENT"),
        key: Some(listener("cgroup_parent", Form::Text)),
        default: None,
        summary: "The cgroup parent of containers, and of builds unless they have their own.",
        details: "An absolute path like /ci/1234 for a daemon with the cgroup driver cgroupfs, a \
               slice like ci-1234.slice for one with systemd. The word self means the cgroup \
               parent of the container in which the proxy runs; the proxy asks the daemon for it \
               at startup. The word caller means the cgroup parent of the client's own container or \
               process, so that what a job starts runs beside it, below the same limits. none is the same as not to give it. In the variable, 1 and true mean self, 0 and false mean none.",
    },
    Flag {
        names: &["--build-cgroup-parent"],
        short: None,
        effect: Effect::Value(Setting::BuildCgroupParent, "inherit|none|caller|PARENT"),
        variable: Some("DCP_BUILD_CGROUP_PARENT"),
        key: Some(listener("build_cgroup_parent", Form::Text)),
        default: Some("inherit"),
        summary: "The cgroup parent of builds.",
        details: "inherit takes that of --cgroup-parent, if there is one other than caller; none leaves \
               the choice to the daemon and the client; caller and paths or slices are as for --cgroup-parent. \
               BuildKit caches build steps per cgroup parent, so if each job has its own, give \
               builds one that all jobs share.",
    },
    Flag {
        names: &["--map-paths"],
        short: None,
        effect: Effect::Value(Setting::MapPaths, "caller|none"),
        variable: Some("DCP_MAP_PATHS"),
        key: Some(listener("map_paths", Form::Text)),
        default: Some("none"),
        summary: "The meaning of paths in bind mounts, for clients that run in containers.",
        details: "With caller, a path at which something is mounted into the client's own container, or \
               below it, means that thing. With none, each path is one of the host, as without the proxy.",
    },
    Flag {
        names: &["--map-path"],
        short: None,
        effect: Effect::Value(Setting::MapPath, "PATH=HOST_PATH"),
        variable: Some("DCP_MAP_PATH"),
        key: Some(listener("map_path", Form::Table(Setting::NoMapPath))),
        default: None,
        summary: "A path in bind mounts of clients, and the host path that it means.",
        details: "It holds for all that is below it, too; the longest one counts. Can be repeated with \
               other paths. The host path may have placeholders, as values of labels. The variable holds \
               several, separated by commas or line ends.",
    },
    Flag {
        names: &["--map-paths-strict"],
        short: None,
        effect: Effect::Switch(Setting::MapPathsStrict, "true"),
        variable: None,
        key: Some(listener("map_paths_strict", Form::Switch)),
        default: None,
        summary: "Refuse bind mounts of paths for which neither --map-paths nor --map-path has a meaning.",
        details: "",
    },
    Flag {
        names: &["--socket-bind"],
        short: None,
        effect: Effect::Value(Setting::SocketBind, "rewrite|refuse|pass"),
        variable: None,
        key: Some(listener("socket_bind", Form::Text)),
        default: Some("rewrite"),
        summary: "Handling of containers and services that mount the daemon's socket.",
        details: "rewrite mounts the listening socket instead, so that everything the container \
               creates is labelled too; refuse refuses the container; pass allows the mount, which \
               bypasses the labels, and logs a warning.",
    },
    Flag {
        names: &["--socket-bind-source"],
        short: None,
        effect: Effect::Value(Setting::SocketBindSource, "PATH"),
        variable: None,
        key: Some(own("socket_bind_source")),
        default: None,
        summary: "The path of the listening socket on the host, for --socket-bind rewrite.",
        details: "Without it, the path of the listening socket is used. Needed if the proxy itself runs \
               in a container.",
    },
    Flag {
        names: &["--anonymous-volumes"],
        short: None,
        effect: Effect::Value(Setting::AnonymousVolumes, "label|leave"),
        variable: None,
        key: Some(listener("anonymous_volumes", Form::Text)),
        default: Some("label"),
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
        effect: Effect::Switch(Setting::Strict, "true"),
        variable: None,
        key: Some(listener("strict", Form::Switch)),
        default: None,
        summary: "Refuse requests that are not known operations of the Engine API, and BuildKit \
               images that cannot be labelled.",
        details: "Without it, operations of newer daemons and of Podman are forwarded unchanged, \
               and an image that cannot be labelled is only reported in the log.",
    },
    Flag {
        names: &["--no-buildkit"],
        short: None,
        effect: Effect::Switch(Setting::Buildkit, "false"),
        variable: None,
        key: Some(listener("buildkit", Form::Switch)),
        default: None,
        summary: "Forward BuildKit's connections unchanged.",
        details: "Images that are built through them have no labels; each such connection is \
               reported in the log.",
    },
    Flag {
        names: &["--socket-mode"],
        short: None,
        effect: Effect::Value(Setting::Mode, "MODE"),
        variable: None,
        key: Some(listener("mode", Form::Text)),
        default: None,
        summary: "The permissions of the listening socket, in octal.",
        details: "Without it, those of the daemon's socket, or 0660 if that does not exist.",
    },
    Flag {
        names: &["--socket-owner"],
        short: None,
        effect: Effect::Value(Setting::Owner, "USER"),
        variable: None,
        key: Some(listener("owner", Form::Text)),
        default: None,
        summary: "The user that owns the listening socket, by name or number.",
        details: "Without it, the user that runs the proxy.",
    },
    Flag {
        names: &["--socket-group"],
        short: None,
        effect: Effect::Value(Setting::Group, "GROUP"),
        variable: None,
        key: Some(listener("group", Form::Text)),
        default: None,
        summary: "The group of the listening socket, by name or number.",
        details: "Without it, that of the daemon's socket, or the group that runs the proxy if \
               that socket does not exist.",
    },
    Flag {
        names: &["--drain-time"],
        short: None,
        effect: Effect::Value(Setting::Drain, "TIME"),
        variable: None,
        key: Some(process("drain_time", Form::Text)),
        default: Some("10s"),
        summary: "Time that running exchanges get to finish after SIGTERM or SIGINT.",
        details: "30 or 30s, 5m, 2h, or infinity. A second signal stops the proxy at once.",
    },
    Flag {
        names: &["--debug"],
        short: Some('d'),
        effect: Effect::Switch(Setting::Debug, "true"),
        variable: Some("DCP_DEBUG"),
        key: Some(process("debug", Form::Switch)),
        default: None,
        summary: "Log every exchange.",
        details: "In the variable, 1, true, yes and on mean yes, 0, false, no and off mean no.",
    },
    Flag {
        names: &["--log-format"],
        short: None,
        effect: Effect::Value(Setting::LogFormat, "text|json"),
        variable: Some("DCP_LOG_FORMAT"),
        key: Some(process("log_format", Form::Text)),
        default: Some("text"),
        summary: "The format of log lines.",
        details: "text is a sentence for people, without the time, which the service manager adds; \
               json is one object per line, with the time and, for an exchange, its facts as \
               members.",
    },
    Flag {
        names: &["--stats-socket"],
        short: None,
        effect: Effect::Value(Setting::Stats, "PATH"),
        variable: Some("DCP_STATS_SOCKET"),
        key: Some(process("stats_socket", Form::Text)),
        default: None,
        summary: "A socket that answers GET /metrics, /healthz and /readyz over HTTP.",
        details: "Without it, there is none. Its mode is 0660; owner and group are those of the \
               listening socket. dockerd-ci-proxy status connects to it; without this flag, that \
               command connects to /run/dockerd-ci-proxy/stats.sock.",
    },
    Flag {
        names: &["--check"],
        short: None,
        effect: Effect::Action(Action::Check),
        variable: None,
        key: None,
        default: None,
        summary: "Do not serve: check the configuration, the daemon and the listening socket, and \
               print what a start would do.",
        details: "Nothing is changed. Errors go to standard error and decide the exit code; \
               warnings only go to standard error. Another program that already listens on the \
               socket is reported, but is not an error, so a running proxy can be checked before a \
               restart.",
    },
    Flag {
        names: &["--listener"],
        short: None,
        effect: Effect::Value(Setting::Listener, "NAME"),
        variable: None,
        key: None,
        default: None,
        summary: "The listener of the request, for explain.",
        details: "Needed if the file has several.",
    },
    Flag {
        names: &["--body"],
        short: None,
        effect: Effect::Value(Setting::Body, "PATH"),
        variable: None,
        key: None,
        default: None,
        summary: "A file with the body of the request, for explain.",
        details: "",
    },
    Flag {
        names: &["--help"],
        short: Some('h'),
        effect: Effect::Action(Action::Help),
        variable: None,
        key: None,
        default: None,
        summary: "Print this help; so does the word help.",
        details: "",
    },
    Flag {
        names: &["--version"],
        short: Some('v'),
        effect: Effect::Action(Action::Version),
        variable: None,
        key: None,
        default: None,
        summary: "Print the version.",
        details: "",
    },
    Flag {
        names: &["--labelname", "--ln"],
        short: None,
        effect: Effect::Value(Setting::LabelName, "KEY"),
        variable: Some("DCP_LABEL_NAME"),
        key: None,
        default: None,
        summary: "The key of a label; older form of --label.",
        details: "The first one goes with the first --labelvalue, the second with the second.",
    },
    Flag {
        names: &["--labelvalue", "--lv"],
        short: None,
        effect: Effect::Value(Setting::LabelValue, "VALUE"),
        variable: Some("DCP_LABEL_VALUE"),
        key: None,
        default: None,
        summary: "The value of the label that --labelname names.",
        details: "",
    },
    Flag {
        names: &["--cgroupparent", "--cp"],
        short: None,
        effect: Effect::Switch(Setting::CgroupParent, "self"),
        variable: None,
        key: None,
        default: None,
        summary: "Older form of --cgroup-parent self.",
        details: "",
    },
];

/// The words that are commands, each with its summary.
pub const COMMANDS: &[(&str, &str)] = &[
    ("help", "Print the help."),
    (
        "explain",
        "Print what would happen to a request, METHOD TARGET: the operation, each rule that applies, and the \
         request as the daemon would get it; exits with 1 if it is refused.",
    ),
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
    similar::nearest(typed, "--", FLAGS.iter().flat_map(|flag| flag.names).copied())
}

#[cfg(test)]
mod tests;
