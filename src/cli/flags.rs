//! The one table of all flags. The parser, `--help`, the reference, the man page and the shell completions
//! are made from it.

mod of_commands;

use super::settings::{Action, FLAG, Form, Setting, listener, own, process};
pub use super::settings::{Effect, Flag};

/// The stats socket that `status` reads by default.
pub const STATS_SOCKET: &str = "/run/dockerd-ci-proxy/stats.sock";

/// All flags, in the order of the help.
pub const FLAGS: &[Flag] = &[
    Flag {
        names: &["--config"],
        effect: Effect::Value(Setting::Config, "PATH"),
        variable: Some("DCP_CONFIG"),
        summary: "The configuration file, in TOML.",
        details: "Without it, none is read, and the flags configure one listening socket. With it, \
               the file overrides variables, and a setting given by both the file and a flag is an \
               error.",
        ..FLAG
    },
    Flag {
        names: &["--dockersocket", "--ds"],
        effect: Effect::Value(Setting::Daemon, "PATH"),
        variable: Some("DCP_DOCKER_SOCKET"),
        key: Some(listener("daemon", Form::Text)),
        default: Some("/var/run/docker.sock"),
        summary: "The socket of the Docker daemon.",
        details: "Can be written as unix:///path. The daemon need not be running when the proxy \
               starts. For run and reap, DOCKER_HOST and the context of the docker command come \
               before the default.",
        ..FLAG
    },
    Flag {
        names: &["--listensocket", "--ls"],
        effect: Effect::Value(Setting::Listen, "PATH"),
        variable: Some("DCP_LISTEN_SOCKET"),
        key: Some(own("socket")),
        default: Some("/var/run/docker-ci-proxy.sock"),
        summary: "The socket that clients use instead of the daemon's.",
        details: "Can be written as unix:///path. A socket that a dead process left behind is \
               replaced; a socket on which a process still listens is an error.",
        ..FLAG
    },
    Flag {
        names: &["--label"],
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
               labels are not read. For reap, a label of what is removed, without default and \
               variable.",
        ..FLAG
    },
    Flag {
        names: &["--image-labels"],
        effect: Effect::Value(Setting::ImageLabels, "all|none|KEY,..."),
        variable: Some("DCP_IMAGE_LABELS"),
        key: Some(listener("image_labels", Form::Chosen(["all", "none"]))),
        default: Some("all"),
        summary: "The labels of images that clients build, commit or import.",
        details: "Keys of labels, separated by commas. A label that differs between jobs gives \
               each job a different image, and builds that start from that image cannot share a \
               cache. Everything else gets all labels.",
        ..FLAG
    },
    Flag {
        names: &["--cgroup-parent"],
        effect: Effect::Value(Setting::CgroupParent, "PARENT|self|caller|none"),
        variable: Some("DCP_CGROUP_PARENT"),
        key: Some(listener("cgroup_parent", Form::Text)),
        summary: "The cgroup parent of containers, and of builds unless they have their own.",
        details: "An absolute path like /ci/1234 for a daemon with the cgroup driver cgroupfs, a \
               slice like ci-1234.slice for one with systemd. The word self means the cgroup \
               parent of the container in which the proxy runs; the proxy asks the daemon for it \
               at startup. The word caller means the cgroup parent of the client's own container or \
               process, so that what a job starts runs beside it, below the same limits. none is the same as not to give it. In the variable, 1 and true mean self, 0 and false mean none.",
        ..FLAG
    },
    Flag {
        names: &["--build-cgroup-parent"],
        effect: Effect::Value(Setting::BuildCgroupParent, "inherit|none|caller|PARENT"),
        variable: Some("DCP_BUILD_CGROUP_PARENT"),
        key: Some(listener("build_cgroup_parent", Form::Text)),
        default: Some("inherit"),
        summary: "The cgroup parent of builds.",
        details: "inherit takes that of --cgroup-parent, if there is one other than caller; none leaves \
               the choice to the daemon and the client; caller and paths or slices are as for --cgroup-parent. \
               BuildKit caches build steps per cgroup parent, so if each job has its own, give \
               builds one that all jobs share.",
        ..FLAG
    },
    Flag {
        names: &["--map-paths"],
        effect: Effect::Value(Setting::MapPaths, "caller|none"),
        variable: Some("DCP_MAP_PATHS"),
        key: Some(listener("map_paths", Form::Text)),
        default: Some("none"),
        summary: "The meaning of paths in bind mounts, for clients that run in containers.",
        details: "With caller, a path at which something is mounted into the client's own container, or \
               below it, means that thing. With none, each path is one of the host, as without the proxy.",
        ..FLAG
    },
    Flag {
        names: &["--map-path"],
        effect: Effect::Value(Setting::MapPath, "PATH=HOST_PATH"),
        variable: Some("DCP_MAP_PATH"),
        key: Some(listener("map_path", Form::Table(Setting::NoMapPath))),
        summary: "A path in bind mounts of clients, and the host path that it means.",
        details: "It holds for all that is below it, too; the longest one counts. Can be repeated with \
               other paths. The host path may have placeholders, as values of labels. The variable holds \
               several, separated by commas or line ends.",
        ..FLAG
    },
    Flag {
        names: &["--map-paths-strict"],
        effect: Effect::Switch(Setting::MapPathsStrict, "true"),
        key: Some(listener("map_paths_strict", Form::Switch)),
        summary: "Refuse bind mounts of paths for which neither --map-paths nor --map-path has a meaning.",
        ..FLAG
    },
    Flag {
        names: &["--socket-bind"],
        effect: Effect::Value(Setting::SocketBind, "rewrite|refuse|pass"),
        key: Some(listener("socket_bind", Form::Text)),
        default: Some("rewrite"),
        summary: "Handling of containers and services that mount the daemon's socket.",
        details: "rewrite mounts the listening socket instead, so that everything the container \
               creates is labelled too; refuse refuses the container; pass allows the mount, which \
               bypasses the labels, and logs a warning.",
        ..FLAG
    },
    Flag {
        names: &["--socket-bind-source"],
        effect: Effect::Value(Setting::SocketBindSource, "PATH"),
        key: Some(own("socket_bind_source")),
        summary: "The path of the listening socket on the host, for --socket-bind rewrite.",
        details: "Without it, the path of the listening socket is used. Needed if the proxy itself runs \
               in a container.",
        ..FLAG
    },
    Flag {
        names: &["--anonymous-volumes"],
        effect: Effect::Value(Setting::AnonymousVolumes, "label|leave"),
        key: Some(listener("anonymous_volumes", Form::Text)),
        default: Some("label"),
        summary: "Label anonymous volumes, or leave them to the daemon.",
        details: "Anonymous volumes come from VOLUME in an image, from --volume PATH, and from a \
               bind with only a target. With label, each becomes a labelled mount, which is \
               visible when the container is inspected, and the proxy asks the daemon about each \
               image that it does not know yet. With leave, they have no labels, as without the proxy. A \
               volume that a client mounts itself, as with --mount type=volume, is labelled in \
               both cases.",
        ..FLAG
    },
    Flag {
        names: &["--job-socket"],
        effect: Effect::Value(Setting::JobSocket, "PATH"),
        key: Some(listener("job_socket", Form::Text)),
        summary: "Give each container a socket of its own at this path, for what it creates itself.",
        details: "What is created through such a socket has the id of the container in the label \
               dockerd-ci-proxy.job, runs below the container's cgroup parent, mounts the container's \
               own paths, gets sockets of its own, and is removed when the container has ended.",
        ..FLAG
    },
    Flag {
        names: &["--reap-when-gone"],
        effect: Effect::Switch(Setting::ReapWhenGone, "true"),
        key: Some(listener("reap_when_gone", Form::Switch)),
        summary: "Remove what a container's processes created once that container has ended.",
        details: "Adds the labels dockerd-ci-proxy.job with the id of the client's container and \
               dockerd-ci-proxy.listener with the names of the host and the listener. What clients \
               outside of containers create stays.",
        ..FLAG
    },
    Flag {
        names: &["--reap-on-exit"],
        effect: Effect::Switch(Setting::ReapOnExit, "true"),
        key: Some(listener("reap_on_exit", Form::Switch)),
        summary: "Remove what clients created when the proxy stops for good.",
        details: "Adds the label dockerd-ci-proxy.listener with the names of the host and the listener. \
               A change of the program by SIGHUP removes nothing; a restart does. It may take longer than \
               the drain time.",
        ..FLAG
    },
    Flag {
        names: &["--reap-delay"],
        effect: Effect::Value(Setting::ReapDelay, "TIME"),
        key: Some(listener("reap_delay", Form::Text)),
        default: Some("10s"),
        summary: "Time between the end of a container and the removal of what it created.",
        details: "A container that is started again within this time keeps what it created.",
        ..FLAG
    },
    Flag {
        names: &["--mark"],
        effect: Effect::Switch(Setting::Mark, "true"),
        key: Some(listener("mark", Form::Switch)),
        summary: "Mark labels as given, with the label dockerd-ci-proxy.given.",
        details: "Its value has the keys of the given labels; on images it is by-image. So reap can tell a \
               container of a job from one that has the job's labels only from its image. The command run \
               and the settings that remove something imply it.",
        ..FLAG
    },
    Flag {
        names: &["--strict"],
        effect: Effect::Switch(Setting::Strict, "true"),
        key: Some(listener("strict", Form::Switch)),
        summary: "Refuse requests that are not known operations of the Engine API, and BuildKit \
               images that cannot be labelled.",
        details: "Without it, operations of newer daemons and of Podman are forwarded unchanged, \
               and an image that cannot be labelled is only reported in the log.",
        ..FLAG
    },
    Flag {
        names: &["--policy"],
        effect: Effect::Value(Setting::Policy, "conservative|read-only|none"),
        variable: Some("DCP_POLICY"),
        summary: "A policy that refuses some requests.",
        details: "conservative refuses what gives a container more privileges than it has by default, \
               read-only everything that changes something. A configuration file can have rules of its own, \
               in [listener.policy], and explain --preset prints those of a preset.",
        ..FLAG
    },
    Flag {
        names: &["--no-buildkit"],
        effect: Effect::Switch(Setting::Buildkit, "false"),
        key: Some(listener("buildkit", Form::Switch)),
        summary: "Forward BuildKit's connections unchanged.",
        details: "Images that are built through them have no labels; each such connection is \
               reported in the log.",
        ..FLAG
    },
    Flag {
        names: &["--socket-mode"],
        effect: Effect::Value(Setting::Mode, "MODE"),
        key: Some(listener("mode", Form::Text)),
        summary: "The permissions of the listening socket, in octal.",
        details: "Without it, those of the daemon's socket, or 0660 if that does not exist.",
        ..FLAG
    },
    Flag {
        names: &["--socket-owner"],
        effect: Effect::Value(Setting::Owner, "USER"),
        key: Some(listener("owner", Form::Text)),
        summary: "The user that owns the listening socket, by name or number.",
        details: "Without it, the user that runs the proxy.",
        ..FLAG
    },
    Flag {
        names: &["--socket-group"],
        effect: Effect::Value(Setting::Group, "GROUP"),
        key: Some(listener("group", Form::Text)),
        summary: "The group of the listening socket, by name or number.",
        details: "Without it, that of the daemon's socket, or the group that runs the proxy if \
               that socket does not exist.",
        ..FLAG
    },
    Flag {
        names: &["--drain-time"],
        effect: Effect::Value(Setting::Drain, "TIME"),
        key: Some(process("drain_time", Form::Text)),
        default: Some("10s"),
        summary: "Time that running exchanges get to finish after SIGTERM or SIGINT.",
        details: "30 or 30s, 5m, 2h, or infinity. A second signal stops the proxy at once.",
        ..FLAG
    },
    Flag {
        names: &["--debug"],
        short: Some('d'),
        effect: Effect::Switch(Setting::Debug, "true"),
        variable: Some("DCP_DEBUG"),
        key: Some(process("debug", Form::Switch)),
        summary: "Log every exchange.",
        details: "In the variable, 1, true, yes and on mean yes, 0, false, no and off mean no.",
        ..FLAG
    },
    Flag {
        names: &["--log-format"],
        effect: Effect::Value(Setting::LogFormat, "text|json"),
        variable: Some("DCP_LOG_FORMAT"),
        key: Some(process("log_format", Form::Text)),
        default: Some("text"),
        summary: "The format of log lines.",
        details: "text is a sentence for people, without the time, which the service manager adds; \
               json is one object per line, with the time and, for an exchange, its facts as \
               members.",
        ..FLAG
    },
    Flag {
        names: &["--stats-socket"],
        effect: Effect::Value(Setting::Stats, "PATH"),
        variable: Some("DCP_STATS_SOCKET"),
        key: Some(process("stats_socket", Form::Text)),
        summary: "A socket that answers GET /metrics, /healthz and /readyz over HTTP.",
        details: "Without it, there is none. Its mode is 0660; owner and group are those of the \
               listening socket. dockerd-ci-proxy status connects to it; without this flag, that \
               command connects to /run/dockerd-ci-proxy/stats.sock.",
        ..FLAG
    },
    Flag {
        names: &["--check"],
        effect: Effect::Action(Action::Check),
        summary: "Do not serve: check the configuration, the daemon and the listening socket, and \
               print what a start would do.",
        details: "Nothing is changed. Errors go to standard error and decide the exit code; \
               warnings only go to standard error. Another program that already listens on the \
               socket is reported, but is not an error, so a running proxy can be checked before a \
               restart.",
        ..FLAG
    },
    of_commands::LISTENER,
    of_commands::BODY,
    of_commands::PRESET,
    of_commands::OLDER_THAN,
    of_commands::KEEP,
    of_commands::GRACE,
    of_commands::DRY_RUN,
    of_commands::FORMAT,
    of_commands::TIMEOUT,
    Flag {
        names: &["--help"],
        short: Some('h'),
        effect: Effect::Action(Action::Help),
        summary: "Print this help, or that of a command, as in dockerd-ci-proxy run --help.",
        ..FLAG
    },
    Flag {
        names: &["--version"],
        short: Some('v'),
        effect: Effect::Action(Action::Version),
        summary: "Print the version.",
        ..FLAG
    },
    Flag {
        names: &["--labelname", "--ln"],
        effect: Effect::Value(Setting::LabelName, "KEY"),
        variable: Some("DCP_LABEL_NAME"),
        summary: "The key of a label; older form of --label.",
        details: "The first one goes with the first --labelvalue, the second with the second.",
        ..FLAG
    },
    Flag {
        names: &["--labelvalue", "--lv"],
        effect: Effect::Value(Setting::LabelValue, "VALUE"),
        variable: Some("DCP_LABEL_VALUE"),
        summary: "The value of the label that --labelname names.",
        ..FLAG
    },
    Flag {
        names: &["--cgroupparent", "--cp"],
        effect: Effect::Switch(Setting::CgroupParent, "self"),
        summary: "Older form of --cgroup-parent self.",
        ..FLAG
    },
];
