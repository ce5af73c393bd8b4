//! From [`Args`] to [`Config`]: each value is judged by `config`, and each fault gets the name of
//! the flag or variable before it.

use std::path::PathBuf;

use super::error::Error;
use super::flags::{
    ANONYMOUS_VOLUMES, BUILD_CGROUP_PARENT, DAEMON_SOCKET, DRAIN_TIME, IMAGE_LABELS, LABEL,
    LISTEN_SOCKET, LOG_FORMAT, SOCKET_BIND, STATS_SOCKET, nearest,
};
use super::parse::{self, Args, Given};
use crate::config::{
    self, BuildCgroupParent, CgroupParent, Config, Drain, Fault, LogFormat, SocketAccess, socket,
};
use crate::rules::Label;
use crate::rules::socket::SocketBind;

/// Judges what was given, and fills in the defaults.
///
/// # Errors
///
/// The first value that cannot be used.
pub(super) fn config(mut args: Args) -> Result<Config, Error> {
    let or = |given: Option<Given>, value, by| given.unwrap_or_else(|| Given::implied(value, by));
    let daemon = or(args.daemon.take(), DAEMON_SOCKET, "--dockersocket");
    let listen = or(args.listen.take(), LISTEN_SOCKET, "--listensocket");
    let drain = or(args.drain.take(), DRAIN_TIME, "--drain-time");
    let bind = or(args.socket_bind.take(), SOCKET_BIND, "--socket-bind");
    let volumes = or(args.anonymous_volumes.take(), ANONYMOUS_VOLUMES, "--anonymous-volumes");
    let log_format = or(args.log_format.take(), LOG_FORMAT, "--log-format");
    let image_labels = or(args.image_labels.take(), IMAGE_LABELS, "--image-labels");
    let builds = or(args.build_cgroup_parent.take(), BUILD_CGROUP_PARENT, "--build-cgroup-parent");
    let stats = args.stats.take();
    let labels = labels(&mut args)?;
    let source = args.socket_bind_source.take();
    let config = Config {
        strict: args.strict,
        no_buildkit: args.no_buildkit,
        socket_bind: socket_bind(&bind, source.as_ref(), &listen)?,
        anonymous_volumes: judge(&volumes, config::anonymous_volumes)?,
        listen: path(&listen)?,
        access: access(&args)?,
        daemon: path(&daemon)?,
        cgroup_parent: text(args.cgroup_parent.as_ref(), CgroupParent::parse)?
            .unwrap_or(CgroupParent::None),
        build_cgroup_parent: judge(&builds, BuildCgroupParent::parse)?,
        drain: judge(&drain, Drain::parse)?,
        debug: args.debug.as_ref().map_or(Ok(false), yes_or_no)?,
        log_format: judge(&log_format, LogFormat::parse)?,
        stats: stats.as_ref().map(path).transpose()?,
        image_labels: of_images(&labels, &image_labels)?,
        labels,
    };
    if socket::same_socket(&config.listen, &config.daemon) {
        let (by, daemon) = (listen.by, daemon.by);
        return Err(Error::SameSocket { by, daemon });
    }
    if let (Some(path), Some(Given { by, .. })) = (&config.stats, stats) {
        for (other, theirs) in [(listen.by, &config.listen), (daemon.by, &config.daemon)] {
            if socket::same_socket(path, theirs) {
                return Err(Error::OneSocket { by, other });
            }
        }
    }
    Ok(config)
}

/// The stats socket of the proxy that is asked how it does.
///
/// # Errors
///
/// A path that names no socket.
pub(super) fn stats_socket(given: Option<Given>) -> Result<PathBuf, Error> {
    path(&given.unwrap_or_else(|| Given::implied(STATS_SOCKET, "--stats-socket")))
}

fn socket_bind(given: &Given, source: Option<&Given>, listen: &Given) -> Result<SocketBind, Error> {
    let value = given.text()?;
    let bind = match value {
        "rewrite" => {
            let source = source.unwrap_or(listen);
            return socket::mountable(&path(source)?)
                .map(SocketBind::Rewrite)
                .map_err(|fault| Error::Fault(source.by, fault));
        }
        "pass" => SocketBind::Pass,
        "refuse" => SocketBind::Refuse,
        other => return Err(Error::Fault(given.by, Fault::SocketBind(other.to_owned()))),
    };
    match source {
        None => Ok(bind),
        Some(Given { by, .. }) => {
            Err(Error::NoRewrite { by, bind: given.by, value: value.to_owned() })
        }
    }
}

fn path(given: &Given) -> Result<PathBuf, Error> {
    socket::socket_path(&given.value).map_err(|fault| Error::Fault(given.by, fault))
}

fn access(args: &Args) -> Result<SocketAccess, Error> {
    Ok(SocketAccess {
        mode: text(args.mode.as_ref(), socket::mode)?,
        owner: text(args.owner.as_ref(), socket::owner)?,
        group: text(args.group.as_ref(), socket::group)?,
    })
}

fn text<T>(
    given: Option<&Given>,
    read: impl Fn(&str) -> Result<T, Fault>,
) -> Result<Option<T>, Error> {
    given.map(|given| judge(given, read)).transpose()
}

fn judge<T>(given: &Given, read: impl Fn(&str) -> Result<T, Fault>) -> Result<T, Error> {
    read(given.text()?).map_err(|fault| Error::Fault(given.by, fault))
}

fn yes_or_no(given: &Given) -> Result<bool, Error> {
    let text = given.text()?;
    match text.to_ascii_lowercase().as_str() {
        "1" | "t" | "true" | "y" | "yes" | "on" => Ok(true),
        "0" | "f" | "false" | "n" | "no" | "off" => Ok(false),
        _ => Err(Error::NotYesOrNo(given.by, text.to_owned())),
    }
}

/// All labels: those given whole, then the pairs, else the default.
fn labels(args: &mut Args) -> Result<Vec<Label>, Error> {
    if args.labels.is_empty() && args.label_names.is_empty() && args.label_values.is_empty() {
        args.labels.push(Given::implied(LABEL, "--label"));
    }
    let mut sources = Vec::new();
    for given in &args.labels {
        sources.push((given.by, judge(given, config::label_pair)?));
    }
    for (name, value) in pairs(&args.label_names, &args.label_values)? {
        let (key, text) = (name.text()?, value.text()?);
        let label = config::label(key, text).map_err(|fault| Error::Fault(name.by, fault))?;
        sources.push((name.by, label));
    }
    unique(sources)
}

/// Those of the labels that images get.
fn of_images(labels: &[Label], chosen: &Given) -> Result<Vec<Label>, Error> {
    let text = chosen.text()?;
    match text.trim() {
        "all" => return Ok(labels.to_vec()),
        "none" => return Ok(Vec::new()),
        _ => {}
    }
    let mut keys = Vec::new();
    for key in parse::list(chosen) {
        let key = key.text()?;
        if labels.iter().all(|label| label.key != key) {
            return Err(Error::Fault(chosen.by, not_a_label(labels, key)));
        }
        keys.push(key.to_owned());
    }
    if keys.is_empty() {
        return Err(Error::Fault(chosen.by, Fault::NoImageLabels(text.to_owned())));
    }
    Ok(labels.iter().filter(|label| keys.contains(&label.key)).cloned().collect())
}

fn not_a_label(labels: &[Label], key: &str) -> Fault {
    let keys = labels.iter().map(|label| &*label.key);
    // A word beside keys is no slip of a letter.
    let words = ["all", "none"].into_iter().filter(|word| *word != key);
    let near = nearest(key, "", keys.clone().chain(words)).map(ToOwned::to_owned);
    Fault::NotALabel { key: key.to_owned(), near, keys: keys.map(Into::into).collect() }
}

/// The names with the values that stand at the same place in their row.
fn pairs<'a>(
    names: &'a [Given],
    values: &'a [Given],
) -> Result<impl Iterator<Item = (&'a Given, &'a Given)>, Error> {
    let single = names.get(values.len()).or(values.get(names.len()));
    match single {
        Some(half) => Err(Error::Unpaired {
            by: half.by,
            value: half.value.to_string_lossy().into_owned(),
            missing: other_half(half.by),
        }),
        None => Ok(names.iter().zip(values)),
    }
}

/// What gives the other half of a label, spelt as the operator spells this half.
fn other_half(by: &str) -> &'static str {
    match by {
        "DCP_LABEL_NAME" => "DCP_LABEL_VALUE",
        "DCP_LABEL_VALUE" => "DCP_LABEL_NAME",
        "--labelname" | "--ln" => "--labelvalue",
        _ => "--labelname",
    }
}

fn unique(sources: Vec<(&'static str, Label)>) -> Result<Vec<Label>, Error> {
    for (place, (by, label)) in sources.iter().enumerate() {
        let mut earlier = sources.iter().take(place);
        if let Some((first, _)) = earlier.find(|(_, other)| other.key == label.key) {
            let key = label.key.clone();
            return Err(Error::KeyTwice { by, key, first });
        }
    }
    Ok(sources.into_iter().map(|(_, label)| label).collect())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cli::{Command, parse};

    use crate::rules::AnonymousVolumes;

    const NUL: &str = "\0";

    /// Reads a command line of words split at spaces, with the variables of this environment.
    fn run(words: &str, env: &[(&str, &str)]) -> Result<Config, String> {
        let env: Vec<_> = env.iter().map(|(name, value)| (*name, *value)).collect();
        let lookup = |name: &str| {
            let found = env.iter().find(|(known, _)| *known == name)?;
            Some(found.1.into())
        };
        match parse(words.split_whitespace().map(Into::into), lookup, None) {
            Ok(Command::Run(config)) => Ok(config),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.to_string()),
        }
    }

    fn labels_of(words: &str, env: &[(&str, &str)]) -> Result<Vec<String>, String> {
        let text = |label: Label| format!("{}={}", label.key, label.value);
        run(words, env).map(|config| config.labels.into_iter().map(text).collect())
    }

    fn parent_of(words: &str, env: &[(&str, &str)]) -> Result<CgroupParent, String> {
        run(words, env).map(|config| config.cgroup_parent)
    }

    fn fixed(parent: &str) -> CgroupParent {
        CgroupParent::Fixed(parent.into())
    }

    #[test]
    fn nothing_typed_gives_the_defaults() {
        let config = run("", &[]).unwrap();
        let default = Config {
            listen: "/var/run/docker-ci-proxy.sock".into(),
            access: SocketAccess::default(),
            daemon: "/var/run/docker.sock".into(),
            labels: vec![config::label("Created-Via", "dockerd-ci-proxy").unwrap()],
            image_labels: vec![config::label("Created-Via", "dockerd-ci-proxy").unwrap()],
            cgroup_parent: CgroupParent::None,
            build_cgroup_parent: BuildCgroupParent::Inherit,
            drain: Drain::After(Duration::from_secs(10)),
            strict: false,
            no_buildkit: false,
            socket_bind: SocketBind::Rewrite("/var/run/docker-ci-proxy.sock".into()),
            anonymous_volumes: AnonymousVolumes::Label,
            debug: false,
            log_format: LogFormat::Text,
            stats: None,
        };
        assert_eq!(config, default);
    }

    #[test]
    fn every_flag_sets_its_value() {
        let words = "--ds unix:///d --ls=/l --label a=1 --label b=2 --cgroup-parent /ci \
                     --socket-mode 600 --socket-owner root --socket-group 7 \
                     --drain-time infinity --socket-bind-source /on/host --strict \
                     --no-buildkit --anonymous-volumes leave --log-format json --stats-socket unix:///s -d \
                     --image-labels b --build-cgroup-parent /builds";
        let config = run(words, &[]).unwrap();
        let wanted = Config {
            listen: "/l".into(),
            access: SocketAccess { mode: Some(0o600), owner: Some(0), group: Some(7) },
            daemon: "/d".into(),
            labels: ["a=1", "b=2"].map(|text| config::label_pair(text).unwrap()).into(),
            image_labels: vec![config::label_pair("b=2").unwrap()],
            cgroup_parent: CgroupParent::Fixed("/ci".into()),
            build_cgroup_parent: BuildCgroupParent::Fixed("/builds".into()),
            drain: Drain::Never,
            strict: true,
            no_buildkit: true,
            socket_bind: SocketBind::Rewrite("/on/host".into()),
            anonymous_volumes: AnonymousVolumes::Leave,
            debug: true,
            log_format: LogFormat::Json,
            stats: Some("/s".into()),
        };
        assert_eq!(config, wanted);
    }

    #[test]
    fn variables_stand_in_for_flags_that_are_not_typed() {
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
        assert_eq!(config.image_labels, []);
        assert_eq!(config.build_cgroup_parent, BuildCgroupParent::None);
        assert_eq!((config.debug, config.daemon, config.listen), (true, "/d".into(), "/l".into()));
        assert_eq!(parent_of("", &env), Ok(fixed("/ci")));
        assert_eq!(labels_of("", &env), Ok(vec!["job=1".into()]));

        let config = run("--ds /e --ls /m --cp --label a=b", &env).unwrap();
        assert_eq!((config.daemon, config.listen), ("/e".into(), "/m".into()));
        assert_eq!(config.cgroup_parent, CgroupParent::OfOwnContainer);
        assert_eq!(labels_of("--label job=2", &env), Ok(vec!["job=2".into()]));
        assert_eq!(labels_of("--lv 2", &env), Ok(vec!["job=2".into()]));
    }

    #[test]
    fn an_empty_variable_is_as_one_that_is_not_set() {
        let names = crate::cli::flags::FLAGS.iter().filter_map(|flag| flag.variable);
        let env: Vec<_> = names.map(|name| (name, "")).collect();
        assert_eq!(env.len(), 11);
        assert_eq!(run("", &env), run("", &[]));
    }

    #[test]
    fn the_variables_of_the_table_are_those_that_are_read() {
        let read = std::cell::RefCell::new(std::collections::BTreeSet::new());
        let lookup = |name: &str| {
            read.borrow_mut().insert(name.to_owned());
            None
        };
        parse(std::iter::empty(), lookup, None).unwrap();
        let table = crate::cli::flags::FLAGS.iter().filter_map(|flag| flag.variable);
        assert_eq!(read.into_inner(), table.map(ToOwned::to_owned).collect());
    }

    #[test]
    fn debug_variable_is_a_yes_or_a_no() {
        let debug = |value| run("", &[("DCP_DEBUG", value)]).map(|config| config.debug);
        assert_eq!(debug("1"), Ok(true));
        assert_eq!(debug("TRUE"), Ok(true));
        assert_eq!(debug("false"), Ok(false));
        let why = "DCP_DEBUG: \"maybe\" is neither a yes nor a no, wanted 1 or 0";
        assert_eq!(debug("maybe"), Err(why.into()));
    }

    #[test]
    fn cgroup_parent_variable_may_be_a_switch() {
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
    fn check_reads_all_that_is_given_and_judges_it() {
        let read = |words: &str| parse(words.split(' ').map(Into::into), |_| None, None);
        let wanted = run("--ls /l --strict", &[]).unwrap();
        assert_eq!(read("--ls /l --check --strict"), Ok(Command::Check(wanted)));
        assert_eq!(read("--check --ls /"), read("--ls /"));
    }

    #[test]
    fn every_word_of_the_table_stands_alone() {
        for (word, _) in crate::cli::flags::WORDS {
            parse([(*word).into()].into_iter(), |_| None, None).unwrap();
        }
    }

    #[test]
    fn the_last_one_of_a_flag_counts() {
        assert_eq!(parent_of("--cp --cgroup-parent /a --cgroup-parent /b", &[]), Ok(fixed("/b")));
        let own = parent_of("--cgroup-parent /a --cgroupparent", &[]);
        assert_eq!(own, Ok(CgroupParent::OfOwnContainer));
    }

    #[test]
    fn a_passed_socket_is_listened_on_and_not_described() {
        let path = std::path::Path::new("/run/passed");
        let run = |words: &str, env: fn(&str) -> Option<std::ffi::OsString>| match parse(
            words.split_whitespace().map(Into::into),
            env,
            Some(path),
        ) {
            Ok(Command::Run(config)) => Ok((config.listen, config.socket_bind)),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.to_string()),
        };
        let rewritten = |to: &str| Ok((path.into(), SocketBind::Rewrite(to.into())));
        assert_eq!(run("", |_| None), rewritten("/run/passed"));
        assert_eq!(run("--socket-bind-source /on/host", |_| None), rewritten("/on/host"));
        let variable = |name: &str| (name == "DCP_LISTEN_SOCKET").then(|| "/l".into());
        let refusals = [
            ("--ls", run("--ls /l", |_| None)),
            ("DCP_LISTEN_SOCKET", run("", variable)),
            ("--socket-mode", run("--socket-mode 600", |_| None)),
            ("--socket-owner", run("--socket-owner 0", |_| None)),
            ("--socket-group", run("--socket-group 0", |_| None)),
        ];
        for (by, refusal) in refusals {
            let why = refusal.unwrap_err();
            assert!(why.starts_with(&format!("{by}: has no effect, since ")), "{why}");
        }
        assert_eq!(run("--ls unix:///run/../run/passed", |_| None), rewritten("/run/passed"));
        let itself = run("--ds /run/passed", |_| None).unwrap_err();
        assert!(itself.starts_with("LISTEN_FDS: is the same socket as --ds"), "{itself}");
    }

    #[test]
    fn a_variable_may_hold_several_labels() {
        let labels = |text| labels_of("", &[("DCP_LABELS", text)]);
        let three = Ok(["a=1", "b=x y", "c="].map(String::from).into());
        assert_eq!(labels("a=1,b=x y,c="), three);
        assert_eq!(labels(" a=1 ,\n  b=x y\n\nc=,\n"), three);
        assert_eq!(labels(", ,"), labels_of("", &[]));
        let why = "DCP_LABELS: \"b\" has no \"=\", wanted KEY=VALUE";
        assert_eq!(labels("a=1,b"), Err(why.into()));
        let why = "DCP_LABELS: the key of a label cannot hold blanks, as \"c \" does";
        assert_eq!(labels("b=2 , c = 3"), Err(why.into()));
        let why = "DCP_LABELS: the key \"a\" was already given by DCP_LABELS";
        assert_eq!(labels("a=1,a=2"), Err(why.into()));
        // Beside the older variables, but not beside what is typed.
        let env = [("DCP_LABELS", "a=1"), ("DCP_LABEL_NAME", "b"), ("DCP_LABEL_VALUE", "2")];
        assert_eq!(labels_of("", &env), Ok(["a=1", "b=2"].map(String::from).into()));
        assert_eq!(labels_of("--label c=3", &env), Ok(vec!["c=3".into()]));
        assert_eq!(labels_of("--lv 4", &env), Ok(vec!["b=4".into()]));
    }

    #[test]
    fn images_get_some_of_the_labels() {
        let of = |chosen: &str| {
            let words =
                format!("--label ci.job=1 --label ci.team=web --ln ci.host --lv h {chosen}");
            let text = |label: Label| label.key;
            run(&words, &[]).map(|config| config.image_labels.into_iter().map(text).collect())
        };
        let keys = |keys: &[&str]| Ok(keys.iter().map(ToString::to_string).collect::<Vec<_>>());
        let all = keys(&["ci.job", "ci.team", "ci.host"]);
        assert_eq!(of(""), all);
        assert_eq!(of("--image-labels all"), all);
        assert_eq!(of("--image-labels none"), keys(&[]));
        assert_eq!(of("--image-labels ci.host,ci.team,ci.host"), keys(&["ci.team", "ci.host"]));
        let given = [("DCP_LABELS", "a=1, b=2"), ("DCP_IMAGE_LABELS", " b,\n")];
        let label = config::label("b", "2").unwrap();
        assert_eq!(run("", &given).unwrap().image_labels, [label]);
        let key = "--image-labels: ";
        for (chosen, why) in [
            ("ci.jb", r#""ci.jb" is the key of no label, did you mean ci.job?"#),
            ("ci.team,ci.h", r#""ci.h" is the key of no label, did you mean ci.host?"#),
            ("nome", r#""nome" is the key of no label, did you mean none?"#),
            (
                "all,ci.team",
                r#""all" is the key of no label, wanted all, none or keys out of ci.job, ci.team, ci.host"#,
            ),
            (",", r#""," names no label, wanted all, none or keys of labels"#),
        ] {
            assert_eq!(of(&format!("--image-labels {chosen}")), Err(format!("{key}{why}")));
        }
        let why =
            r#"DCP_IMAGE_LABELS: "Created_Via" is the key of no label, did you mean Created-Via?"#;
        assert_eq!(run("", &[("DCP_IMAGE_LABELS", "Created_Via")]), Err(why.into()));
    }

    #[test]
    fn names_and_values_pair_in_their_order() {
        let labels = labels_of("--ln a --ln b --label c=3 --lv 1 --labelvalue 2", &[]);
        assert_eq!(labels, Ok(["c=3", "a=1", "b=2"].map(String::from).into()));
    }

    #[test]
    fn half_a_label_is_refused() {
        let cases = [
            ("--ln a", "--ln: \"a\" goes with no --labelvalue"),
            ("--labelname a --ln b --lv 1", "--ln: \"b\" goes with no --labelvalue"),
            ("--label x=y --lv 1", "--lv: \"1\" goes with no --labelname"),
        ];
        for (words, why) in cases {
            assert_eq!(labels_of(words, &[]), Err(why.into()));
        }
        let why = "DCP_LABEL_NAME: \"a\" goes with no DCP_LABEL_VALUE";
        assert_eq!(labels_of("", &[("DCP_LABEL_NAME", "a")]), Err(why.into()));
    }

    #[test]
    fn a_key_twice_is_refused() {
        let why = "--label: the key \"a\" was already given by --label";
        assert_eq!(labels_of("--label a=1 --label a=1", &[]), Err(why.into()));
        let why = "--ln: the key \"a\" was already given by --label";
        assert_eq!(labels_of("--ln a --lv 2 --label a=1", &[]), Err(why.into()));
    }

    #[test]
    fn a_place_on_the_host_is_for_rewrite_alone() {
        for bind in ["refuse", "pass"] {
            let words = format!("--socket-bind-source /x --socket-bind {bind}");
            let why = "--socket-bind-source: has no effect beside --socket-bind";
            assert_eq!(run(&words, &[]), Err(format!("{why} {bind}, wanted rewrite there")));
        }
        assert!(run("--socket-bind-source /x --socket-bind rewrite", &[]).is_ok());
    }

    #[test]
    fn the_proxy_cannot_be_its_own_daemon() {
        let why = "--ls: is the same socket as DCP_DOCKER_SOCKET, the proxy would talk to itself";
        let env = [("DCP_DOCKER_SOCKET", "/tmp/../tmp/a")];
        assert_eq!(run("--ls /tmp/a", &env), Err(why.into()));
    }

    #[test]
    fn the_stats_socket_is_one_of_its_own() {
        let why = |words: &str| run(words, &[]).unwrap_err();
        let own = ", wanted one of its own";
        let theirs = why("--ls /tmp/a --stats-socket /tmp/a");
        assert_eq!(theirs, format!("--stats-socket: is the same socket as --ls{own}"));
        let theirs = why("--ds /tmp/a --stats-socket /tmp/../tmp/a");
        assert_eq!(theirs, format!("--stats-socket: is the same socket as --ds{own}"));
    }

    #[test]
    fn status_asks_one_socket_and_wants_nothing_else() {
        let status = |words: &str, variable: Option<&str>| {
            let env = |name: &str| (name == "DCP_STATS_SOCKET").then(|| variable.map(Into::into));
            match parse(words.split_whitespace().map(Into::into), |name| env(name)?, None) {
                Ok(Command::Status(path)) => Ok(path),
                Ok(other) => panic!("{other:?}"),
                Err(error) => Err(error.to_string()),
            }
        };
        assert_eq!(status("status", None), Ok(STATS_SOCKET.into()));
        assert_eq!(status("status", Some("/s")), Ok("/s".into()));
        assert_eq!(status("status --stats-socket unix:///t", Some("/s")), Ok("/t".into()));
        let why = "--label: has no meaning for status, which takes --stats-socket alone";
        assert_eq!(status("status --label a=b", None), Err(why.into()));
        let why = "\"status\": belongs to no flag, see --help";
        assert_eq!(status("--debug status", None), Err(why.into()));
        assert_eq!(status("status status", None), Err(why.into()));
    }

    #[test]
    fn faults_begin_with_the_name_that_was_typed() {
        let cases = [
            ("--label job", "--label: \"job\" has no \"=\", wanted KEY=VALUE"),
            ("--label =1", "--label: the key of a label is empty"),
            ("--ln= --lv 1", "--ln: the key of a label is empty"),
            ("--ls=", "--ls: \"\" does not name a socket"),
            (
                "--dockersocket tcp://h:1",
                "--dockersocket: \"tcp://h:1\" is not a UNIX socket, wanted a path or unix:///path",
            ),
            (
                "--socket-mode rw",
                "--socket-mode: \"rw\" is not a file mode, wanted octal up to 0777",
            ),
            ("--socket-bind no", "--socket-bind: \"no\" is none of rewrite, refuse and pass"),
            (
                "--socket-bind-source /a:b",
                "--socket-bind-source: \"/a:b\" cannot be mounted into a container, because of its \":\" or because it is not UTF-8",
            ),
            ("--anonymous-volumes no", "--anonymous-volumes: \"no\" is neither label nor leave"),
            (
                "--build-cgroup-parent yes",
                "--build-cgroup-parent: \"yes\" cannot be the cgroup parent of builds, wanted inherit, none, an \
                 absolute path like /ci-builds or a slice like ci-builds.slice",
            ),
            (
                "--build-cgroup-parent self",
                "--build-cgroup-parent: self is not for builds, wanted inherit, which is the same beside \
                 --cgroup-parent self",
            ),
            ("--log-format xml", "--log-format: \"xml\" is neither text nor json"),
            (
                "--drain-time soon",
                "--drain-time: \"soon\" is not a time, wanted 30, 30s, 5m, 2h or infinity",
            ),
        ];
        for (words, why) in cases {
            assert_eq!(run(words, &[]), Err(why.into()));
        }
        let nul = run(&format!("--label a={NUL}"), &[]);
        assert!(nul.unwrap_err().starts_with("--label: a label cannot hold NUL"));
    }

    #[test]
    fn words_that_are_no_flags_are_refused() {
        let cases = [
            ("--labels a=b", "--labels: no such flag, did you mean --label?"),
            ("--policy x", "--policy: no such flag, see --help"),
            ("-x", "-x: no such flag, see --help"),
            ("serve", "\"serve\": belongs to no flag, see --help"),
            ("-- --debug", "\"--debug\": belongs to no flag, see --help"),
            ("--label", "--label: needs a value, see --help"),
            ("--debug=no", "--debug: takes no value, got \"no\""),
            ("--cp /ci", "--cp: takes no value, did you mean --cgroup-parent /ci?"),
            (
                "--cgroupparent=/ci",
                "--cgroupparent: takes no value, did you mean --cgroup-parent /ci?",
            ),
        ];
        for (words, why) in cases {
            assert_eq!(run(words, &[]), Err(why.into()));
        }
    }
}
