use std::time::Duration;

use super::*;
use crate::cli::{Command, parse};
use crate::config::Removal;
use crate::rules::Label;

use crate::rules::AnonymousVolumes;
use crate::rules::paths::PathRules;

const NUL: &str = "\0";

/// Reads a command line, split at spaces, with these variables.
pub(super) fn run(words: &str, env: &[(&str, &str)]) -> Result<Config, String> {
    let env: Vec<_> = env.iter().map(|(name, value)| (*name, *value)).collect();
    let lookup = |name: &str| {
        let found = env.iter().find(|(known, _)| *known == name)?;
        Some(found.1.into())
    };
    match parse(words.split_whitespace().map(Into::into), lookup, &[]) {
        Ok(Command::Serve(config)) => Ok(config),
        Ok(other) => panic!("{other:?}"),
        Err(errors) => Err(lines(&errors)),
    }
}

pub(super) fn lines(errors: &[UsageError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Returns the one listener.
pub(super) fn listener_of(words: &str, env: &[(&str, &str)]) -> Result<Listener, String> {
    let mut config = run(words, env)?;
    assert_eq!(config.listeners.len(), 1);
    Ok(config.listeners.remove(0))
}

pub(super) fn by<T>(value: T, by: &str) -> Sourced<T> {
    Sourced { value, by: by.to_owned() }
}

pub(super) fn labels_of(words: &str, env: &[(&str, &str)]) -> Result<Vec<String>, String> {
    let text = |label: Sourced<Label>| format!("{}={}", label.value.key, label.value.value);
    listener_of(words, env).map(|listener| listener.labels.into_iter().map(text).collect())
}

fn parent_of(words: &str, env: &[(&str, &str)]) -> Result<CgroupParent, String> {
    listener_of(words, env).map(|listener| listener.cgroup_parent.value)
}

fn fixed(parent: &str) -> CgroupParent {
    CgroupParent::Fixed(parent.into())
}

#[test]
fn no_arguments_give_the_defaults() {
    let config = run("", &[]).unwrap();
    let label = by(config::label("Created-Via", "dockerd-ci-proxy").unwrap(), "--label");
    let listener = Listener {
        name: None,
        listen: "/var/run/docker-ci-proxy.sock".into(),
        access: SocketAccess::default(),
        daemon: "/var/run/docker.sock".into(),
        labels: vec![label.clone()],
        image_labels: vec![label],
        cgroup_parent: by(CgroupParent::None, "--cgroup-parent"),
        build_cgroup_parent: by(BuildCgroupParent::Inherit, "--build-cgroup-parent"),
        strict: false,
        no_buildkit: false,
        socket_bind: by(
            SocketBind::Rewrite("/var/run/docker-ci-proxy.sock".into()),
            "--listensocket",
        ),
        anonymous_volumes: AnonymousVolumes::Label,
        inject: Vec::new(),
        paths: PathRules::default(),
        removal: Removal { delay: Duration::from_secs(10), ..Removal::default() },
        policy: None,
        authz: Vec::new(),
    };
    let default = Config {
        file: None,
        listeners: vec![listener],
        drain: Drain::After(Duration::from_secs(10)),
        debug: false,
        log_format: LogFormat::Text,
        stats: None,
        stats_access: SocketAccess { mode: Some(0o660), ..SocketAccess::default() },
    };
    assert_eq!(config, default);
}

#[test]
fn every_flag_sets_its_value() {
    let words = "--ds unix:///d --ls=/l --label a=1 --label b=2 --cgroup-parent /ci \
                 --socket-mode 600 --socket-owner root --socket-group 7 \
                 --drain-time infinity --socket-bind-source /on/host --strict \
                 --no-buildkit --anonymous-volumes leave --log-format json --stats-socket unix:///s -d \
                 --image-labels b --build-cgroup-parent /builds --policy conservative";
    let config = run(words, &[]).unwrap();
    let access = SocketAccess { mode: Some(0o600), owner: Some(0), group: Some(7) };
    let label = |text| by(config::label_pair(text).unwrap(), "--label");
    let listener = Listener {
        name: None,
        listen: "/l".into(),
        access,
        daemon: "/d".into(),
        labels: vec![label("a=1"), label("b=2")],
        image_labels: vec![label("b=2")],
        cgroup_parent: by(fixed("/ci"), "--cgroup-parent"),
        build_cgroup_parent: by(
            BuildCgroupParent::Fixed("/builds".into()),
            "--build-cgroup-parent",
        ),
        strict: true,
        no_buildkit: true,
        socket_bind: by(SocketBind::Rewrite("/on/host".into()), "--socket-bind-source"),
        anonymous_volumes: AnonymousVolumes::Leave,
        inject: Vec::new(),
        paths: PathRules::default(),
        removal: Removal { delay: Duration::from_secs(10), ..Removal::default() },
        policy: config::policy::preset("conservative").map(Arc::new),
        authz: Vec::new(),
    };
    let wanted = Config {
        file: None,
        listeners: vec![listener],
        drain: Drain::Never,
        debug: true,
        log_format: LogFormat::Json,
        stats: Some("/s".into()),
        stats_access: SocketAccess { mode: Some(0o660), ..access },
    };
    assert_eq!(config, wanted);
}

#[test]
fn variables_are_read_where_the_flag_is_not_given() {
    let env = [
        ("DCP_DEBUG", "yes"),
        ("DCP_DOCKER_SOCKET", "unix:///d"),
        ("DCP_LISTEN_SOCKET", "/l"),
        ("DCP_CGROUP_PARENT", "/ci"),
        ("DCP_LABEL_NAME", "job"),
        ("DCP_LABEL_VALUE", "1"),
        ("DCP_LOG_FORMAT", "json"),
        ("DCP_STATS_SOCKET", "/stats"),
        ("DCP_IMAGE_LABELS", "none"),
        ("DCP_BUILD_CGROUP_PARENT", "none"),
    ];
    let config = run("", &env).unwrap();
    assert_eq!(config.log_format, LogFormat::Json);
    assert_eq!(config.stats, Some("/stats".into()));
    assert!(config.debug);
    let listener = listener_of("", &env).unwrap();
    assert_eq!(listener.image_labels, []);
    assert_eq!(listener.build_cgroup_parent.value, BuildCgroupParent::None);
    assert_eq!((listener.daemon, listener.listen), ("/d".into(), "/l".into()));
    assert_eq!(parent_of("", &env), Ok(fixed("/ci")));
    assert_eq!(labels_of("", &env), Ok(vec!["job=1".into()]));

    let listener = listener_of("--ds /e --ls /m --cp --label a=b", &env).unwrap();
    assert_eq!((listener.daemon, listener.listen), ("/e".into(), "/m".into()));
    assert_eq!(listener.cgroup_parent.value, CgroupParent::OfOwnContainer);
    assert_eq!(labels_of("--label job=2", &env), Ok(vec!["job=2".into()]));
    assert_eq!(labels_of("--lv 2", &env), Ok(vec!["job=2".into()]));
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let names = FLAGS.iter().filter_map(|flag| flag.variable);
    let env: Vec<_> = names.map(|name| (name, "")).collect();
    assert_eq!(env.len(), 15);
    assert_eq!(run("", &env), run("", &[]));
}

#[test]
fn exactly_the_variables_of_the_table_are_read() {
    let read = std::cell::RefCell::new(std::collections::BTreeSet::new());
    let lookup = |name: &str| {
        read.borrow_mut().insert(name.to_owned());
        None
    };
    parse(std::iter::empty(), lookup, &[]).unwrap();
    let table = FLAGS.iter().filter_map(|flag| flag.variable);
    assert_eq!(read.into_inner(), table.map(ToOwned::to_owned).collect());
}

#[test]
fn the_debug_variable_is_yes_or_no() {
    let debug = |value| run("", &[("DCP_DEBUG", value)]).map(|config| config.debug);
    assert_eq!(debug("1"), Ok(true));
    assert_eq!(debug("TRUE"), Ok(true));
    assert_eq!(debug("false"), Ok(false));
    let why = "DCP_DEBUG: \"maybe\" is neither yes nor no; expected 1 or 0";
    assert_eq!(debug("maybe"), Err(why.into()));
}

#[test]
fn the_cgroup_parent_variable_may_be_a_switch() {
    let parent = |value| parent_of("", &[("DCP_CGROUP_PARENT", value)]);
    for value in ["1", "true", "True", "self"] {
        assert_eq!(parent(value), Ok(CgroupParent::OfOwnContainer));
    }
    for value in ["", "0", "false"] {
        assert_eq!(parent(value), Ok(CgroupParent::None));
    }
    assert_eq!(parent("ci.slice"), Ok(fixed("ci.slice")));
    assert!(parent("yes").unwrap_err().starts_with("DCP_CGROUP_PARENT: "));
}

#[test]
fn check_refuses_the_same_arguments_as_a_start() {
    let read = |words: &str| parse(words.split(' ').map(Into::into), |_| None, &[]);
    let wanted = run("--ls /l --strict", &[]).unwrap();
    assert_eq!(read("--ls /l --check --strict"), Ok(Command::Check(wanted)));
    assert_eq!(read("--check --ls /"), read("--ls /"));
}

#[test]
fn every_command_of_the_table_is_read() {
    for command in crate::cli::commands::COMMANDS {
        let read = parse([command.word.into()].into_iter(), |_| None, &[]);
        let lacks = [UsageError::NoRequest, UsageError::NoCommand, UsageError::NoLabel];
        let lacks = lacks.map(|error| Err(vec![error]));
        assert!(read.is_ok() || lacks.contains(&read), "{}: {read:?}", command.word);
    }
}

#[test]
fn explain_takes_a_request_and_all_flags() {
    let read = |words: &str| match parse(words.split(' ').map(Into::into), |_| None, &[]) {
        Ok(Command::Explain(request)) => Ok(request),
        Ok(other) => panic!("{other:?}"),
        Err(errors) => Err(lines(&errors)),
    };
    let request = read("explain POST --label a=b /containers/create --body /b --ls /l").unwrap();
    assert_eq!((&*request.method, &*request.target), ("POST", "/containers/create"));
    assert_eq!(request.body, Some("/b".into()));
    assert_eq!(request.listener, listener_of("--label a=b --ls /l", &[]).unwrap());
    let needs = "explain: needs a method and a request-target, like POST /containers/create?name=x";
    let cases = [
        ("explain", needs),
        ("explain GET", needs),
        ("explain GET / more", "\"more\": unexpected argument; see --help"),
        ("explain GET / --check", "--check: cannot be used with explain"),
        ("explain GET / --listener a", "--listener: flags make one listener without a name"),
        ("--body /b", "--body: can be used only with explain"),
        ("--ls /l explain GET /", "\"explain\": unexpected argument; see --help"),
    ];
    for (words, why) in cases {
        assert_eq!(read(words), Err(why.into()), "{words}");
    }
}

#[test]
fn the_last_occurrence_of_a_flag_counts() {
    assert_eq!(parent_of("--cp --cgroup-parent /a --cgroup-parent /b", &[]), Ok(fixed("/b")));
    let own = parent_of("--cgroup-parent /a --cgroupparent", &[]);
    assert_eq!(own, Ok(CgroupParent::OfOwnContainer));
}

#[test]
fn status_takes_only_the_stats_socket() {
    let status = |words: &str, variable: Option<&str>| {
        let env = |name: &str| (name == "DCP_STATS_SOCKET").then(|| variable.map(Into::into));
        match parse(words.split_whitespace().map(Into::into), |name| env(name)?, &[]) {
            Ok(Command::Status(path)) => Ok(path),
            Ok(other) => panic!("{other:?}"),
            Err(errors) => Err(lines(&errors)),
        }
    };
    assert_eq!(status("status", None), Ok(STATS_SOCKET.into()));
    assert_eq!(status("status", Some("/s")), Ok("/s".into()));
    assert_eq!(status("status --stats-socket unix:///t", Some("/s")), Ok("/t".into()));
    let why = "--label: cannot be used with status";
    assert_eq!(status("status --label a=b", None), Err(why.into()));
    let why = "\"status\": unexpected argument; see --help";
    assert_eq!(status("--debug status", None), Err(why.into()));
    assert_eq!(status("status status", None), Err(why.into()));
}

#[test]
fn errors_begin_with_the_flag_as_it_was_given() {
    let cases = [
        ("--label job", "--label: \"job\" has no \"=\"; expected KEY=VALUE"),
        ("--label =1", "--label: the key of the label is empty"),
        ("--ln= --lv 1", "--ln: the key of the label is empty"),
        ("--ls=", "--ls: \"\" is not the path of a socket"),
        (
            "--dockersocket tcp://h:1",
            "--dockersocket: \"tcp://h:1\" is not a UNIX socket; expected a path or unix:///path",
        ),
        (
            "--socket-mode rw",
            "--socket-mode: \"rw\" is not a file mode; expected an octal number up to 0777",
        ),
        (
            "--socket-bind no",
            "--socket-bind: unknown value \"no\"; expected rewrite, refuse or pass",
        ),
        (
            "--socket-bind-source /a:b",
            "--socket-bind-source: \"/a:b\" cannot be mounted into a container: it contains \":\" or is not UTF-8",
        ),
        (
            "--anonymous-volumes no",
            "--anonymous-volumes: unknown value \"no\"; expected label or leave",
        ),
        (
            "--build-cgroup-parent yes",
            "--build-cgroup-parent: \"yes\" is not a usable cgroup parent for builds; expected inherit, caller, \
             none, an absolute path like /ci-builds or a slice like ci-builds.slice",
        ),
        (
            "--build-cgroup-parent self",
            "--build-cgroup-parent: builds cannot have self; use inherit together with --cgroup-parent self",
        ),
        ("--log-format xml", "--log-format: unknown value \"xml\"; expected text or json"),
        (
            "--drain-time soon",
            "--drain-time: \"soon\" is not a time; expected a form like 30, 30s, 5m, 2h or infinity",
        ),
    ];
    for (words, why) in cases {
        assert_eq!(run(words, &[]), Err(why.into()));
    }
    let nul = run(&format!("--label a={NUL}"), &[]);
    assert!(nul.unwrap_err().starts_with("--label: the label \"a=\\0\" contains NUL"));
}

#[test]
fn all_errors_of_values_are_reported() {
    let why = run("--ls= --socket-mode rw --label job --drain-time soon", &[]).unwrap_err();
    let named: Vec<_> = why.lines().filter_map(|line| line.split_once(": ")).collect();
    let flags: Vec<_> = named.into_iter().map(|(flag, _)| flag).collect();
    assert_eq!(flags, ["--socket-mode", "--ls", "--label", "--drain-time"]);
}

#[test]
fn unknown_arguments_are_refused() {
    let cases = [
        ("--labels a=b", "--labels: unknown flag; did you mean --label?"),
        ("--quota x", "--quota: unknown flag; see --help"),
        ("-x", "-x: unknown flag; see --help"),
        ("serve", "\"serve\": unexpected argument; see --help"),
        ("-- --debug", "\"--debug\": unexpected argument; see --help"),
        ("--label", "--label: needs a value; see --help"),
        ("--debug=no", "--debug: takes no value, but got \"no\""),
        ("--cp /ci", "--cp: takes no value; did you mean --cgroup-parent /ci?"),
        ("--cgroupparent=/ci", "--cgroupparent: takes no value; did you mean --cgroup-parent /ci?"),
    ];
    for (words, why) in cases {
        assert_eq!(run(words, &[]), Err(why.into()));
    }
}

#[test]
fn a_listener_without_a_name_is_refused_in_values() {
    let why = "{listener} has no value, since flags make one listener without a name; use a configuration \
               file, or {listener:-NAME}";
    for (words, by) in [
        ("--label a={listener}", "--label"),
        ("--cgroup-parent /ci/{listener}", "--cgroup-parent"),
        ("--build-cgroup-parent b-{listener}.slice", "--build-cgroup-parent"),
    ] {
        assert_eq!(run(words, &[]), Err(format!("{by}: {why}")));
    }
    assert!(run("--label a={listener:-one}", &[("DCP_CGROUP_PARENT", "/ci/{{listener}}")]).is_ok());
}

#[test]
fn a_mistake_in_a_placeholder_begins_with_the_flag() {
    for (words, why) in [
        (
            "--label node={{.Node.Hostname}}}",
            "--label: a \"}\" has no \"{\" before it; a brace itself is written }}",
        ),
        (
            "--label job={CI_JOB_ID}",
            "--label: unknown placeholder {CI_JOB_ID}; expected {container}, {container.name}, \
             {container.label:KEY}, {container.env:KEY}, {uid}, {user}, {gid}, {pid}, {cgroup}, \
             {cgroup.parent}, {listener}; a brace itself is written {{",
        ),
        (
            "--cgroup-parent {container.name}",
            "--cgroup-parent: \"{container.name}\" is not a usable cgroup parent; expected self, caller, none, an \
             absolute path like /ci/1234 or a slice like ci-1234.slice",
        ),
    ] {
        assert_eq!(run(words, &[]), Err(why.into()));
    }
}
