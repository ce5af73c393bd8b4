//! Turns [`Args`] into [`Config`]: `config` checks each value, and each error gets the name of its flag or
//! variable.

use std::path::PathBuf;

use super::flags::{
    ANONYMOUS_VOLUMES, BUILD_CGROUP_PARENT, DAEMON_SOCKET, DRAIN_TIME, IMAGE_LABELS, LABEL,
    LISTEN_SOCKET, LOG_FORMAT, SOCKET_BIND, STATS_SOCKET, nearest,
};
use super::parse::{self, Args, Given};
use super::usage_error::UsageError;
use crate::config::{
    self, BuildCgroupParent, CgroupParent, Config, Drain, Invalid, LogFormat, SocketAccess, socket,
};
use crate::rules::Label;
use crate::rules::socket::SocketBind;

/// Checks all values and fills in the defaults.
///
/// # Errors
///
/// The first value that cannot be used.
pub(super) fn config(mut args: Args) -> Result<Config, UsageError> {
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
    let config = Config {
        strict: args.strict,
        no_buildkit: args.no_buildkit,
        socket_bind: socket_bind(&bind, args.socket_bind_source.as_ref(), &listen)?,
        anonymous_volumes: text(&volumes, config::anonymous_volumes)?,
        listen: path(&listen)?,
        access: access(&args)?,
        daemon: path(&daemon)?,
        cgroup_parent: optional(args.cgroup_parent.as_ref(), CgroupParent::parse)?
            .unwrap_or(CgroupParent::None),
        build_cgroup_parent: text(&builds, BuildCgroupParent::parse)?,
        drain: text(&drain, Drain::parse)?,
        debug: args.debug.as_ref().map_or(Ok(false), yes_or_no)?,
        log_format: text(&log_format, LogFormat::parse)?,
        stats: stats.as_ref().map(path).transpose()?,
        image_labels: of_images(&labels, &image_labels)?,
        labels,
    };
    distinct_sockets(&config, listen.by, daemon.by, stats.map(|stats| stats.by))?;
    Ok(config)
}

/// Refuses one path for two sockets. The last three parameters are the flags or variables of the sockets.
fn distinct_sockets(
    config: &Config,
    listen: &'static str,
    daemon: &'static str,
    stats: Option<&'static str>,
) -> Result<(), UsageError> {
    if socket::same_socket(&config.listen, &config.daemon) {
        return Err(UsageError::SameSocket { by: listen, daemon });
    }
    if let (Some(path), Some(by)) = (&config.stats, stats) {
        for (other, theirs) in [(listen, &config.listen), (daemon, &config.daemon)] {
            if socket::same_socket(path, theirs) {
                return Err(UsageError::OneSocket { by, other });
            }
        }
    }
    Ok(())
}

/// Returns the stats socket for the command `status`.
///
/// # Errors
///
/// A path that cannot be that of a socket.
pub(super) fn stats_socket(given: Option<Given>) -> Result<PathBuf, UsageError> {
    path(&given.unwrap_or_else(|| Given::implied(STATS_SOCKET, "--stats-socket")))
}

fn socket_bind(
    given: &Given,
    source: Option<&Given>,
    listen: &Given,
) -> Result<SocketBind, UsageError> {
    let value = given.text()?;
    let bind = match value {
        "rewrite" => {
            let source = source.unwrap_or(listen);
            return socket::mountable(&path(source)?)
                .map(SocketBind::Rewrite)
                .map_err(|why| UsageError::Invalid(source.by, why));
        }
        "pass" => SocketBind::Pass,
        "refuse" => SocketBind::Refuse,
        other => return Err(UsageError::Invalid(given.by, Invalid::SocketBind(other.to_owned()))),
    };
    match source {
        None => Ok(bind),
        Some(Given { by, .. }) => {
            Err(UsageError::NoRewrite { by, bind: given.by, value: value.to_owned() })
        }
    }
}

fn path(given: &Given) -> Result<PathBuf, UsageError> {
    socket::socket_path(&given.value).map_err(|why| UsageError::Invalid(given.by, why))
}

fn access(args: &Args) -> Result<SocketAccess, UsageError> {
    Ok(SocketAccess {
        mode: optional(args.mode.as_ref(), socket::mode)?,
        owner: optional(args.owner.as_ref(), socket::owner)?,
        group: optional(args.group.as_ref(), socket::group)?,
    })
}

fn optional<T>(
    given: Option<&Given>,
    read: impl Fn(&str) -> Result<T, Invalid>,
) -> Result<Option<T>, UsageError> {
    given.map(|given| text(given, read)).transpose()
}

fn text<T>(given: &Given, read: impl Fn(&str) -> Result<T, Invalid>) -> Result<T, UsageError> {
    read(given.text()?).map_err(|why| UsageError::Invalid(given.by, why))
}

fn yes_or_no(given: &Given) -> Result<bool, UsageError> {
    let text = given.text()?;
    match text.to_ascii_lowercase().as_str() {
        "1" | "t" | "true" | "y" | "yes" | "on" => Ok(true),
        "0" | "f" | "false" | "n" | "no" | "off" => Ok(false),
        _ => Err(UsageError::NotYesOrNo(given.by, text.to_owned())),
    }
}

/// Returns all labels: those of `--label`, then the pairs of `--labelname` and `--labelvalue`, else the default.
fn labels(args: &mut Args) -> Result<Vec<Label>, UsageError> {
    if args.labels.is_empty() && args.label_names.is_empty() && args.label_values.is_empty() {
        args.labels.push(Given::implied(LABEL, "--label"));
    }
    let mut sources = Vec::new();
    for given in &args.labels {
        sources.push((given.by, text(given, config::label_pair)?));
    }
    for (name, value) in pairs(&args.label_names, &args.label_values)? {
        let label = config::label(name.text()?, value.text()?)
            .map_err(|why| UsageError::Invalid(name.by, why))?;
        sources.push((name.by, label));
    }
    unique(sources)
}

/// Selects the labels of images.
fn of_images(labels: &[Label], chosen: &Given) -> Result<Vec<Label>, UsageError> {
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
            return Err(UsageError::Invalid(chosen.by, not_a_label(labels, key)));
        }
        keys.push(key.to_owned());
    }
    if keys.is_empty() {
        return Err(UsageError::Invalid(chosen.by, Invalid::NoImageLabels(text.to_owned())));
    }
    Ok(labels.iter().filter(|label| keys.contains(&label.key)).cloned().collect())
}

fn not_a_label(labels: &[Label], key: &str) -> Invalid {
    let keys = labels.iter().map(|label| &*label.key);
    // `all` or `none` within a list of keys is not misspelt.
    let words = ["all", "none"].into_iter().filter(|word| *word != key);
    let near = nearest(key, "", keys.clone().chain(words)).map(ToOwned::to_owned);
    Invalid::NotALabel { key: key.to_owned(), near, keys: keys.map(Into::into).collect() }
}

/// Pairs the first name with the first value, the second with the second, and so on.
fn pairs<'a>(
    names: &'a [Given],
    values: &'a [Given],
) -> Result<impl Iterator<Item = (&'a Given, &'a Given)>, UsageError> {
    let single = names.get(values.len()).or(values.get(names.len()));
    match single {
        Some(half) => Err(UsageError::Unpaired {
            by: half.by,
            value: half.value.to_string_lossy().into_owned(),
            missing: other_half(half.by),
        }),
        None => Ok(names.iter().zip(values)),
    }
}

/// Returns the flag or variable of the missing half of a label, in the spelling of the given half.
fn other_half(by: &str) -> &'static str {
    match by {
        "DCP_LABEL_NAME" => "DCP_LABEL_VALUE",
        "DCP_LABEL_VALUE" => "DCP_LABEL_NAME",
        "--labelname" | "--ln" => "--labelvalue",
        _ => "--labelname",
    }
}

/// Refuses two labels with one key.
fn unique(sources: Vec<(&'static str, Label)>) -> Result<Vec<Label>, UsageError> {
    for (place, (by, label)) in sources.iter().enumerate() {
        let mut earlier = sources.iter().take(place);
        if let Some((first, _)) = earlier.find(|(_, other)| other.key == label.key) {
            let key = label.key.clone();
            return Err(UsageError::KeyTwice { by, key, first });
        }
    }
    Ok(sources.into_iter().map(|(_, label)| label).collect())
}

#[cfg(test)]
mod tests;
