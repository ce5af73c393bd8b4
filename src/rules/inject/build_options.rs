//! The options of builds that the operator injects, compiled for both wires.
//!
//! | option | query of a classic build | attribute of a BuildKit frontend |
//! |---|---|---|
//! | `extrahosts` | a key for each `HOST:ADDRESS` | `add-hosts`: `HOST=ADDRESS,…` |
//! | `buildargs` | a JSON object | a key for each, `build-arg:NAME` |
//! | `nocache` | a boolean | `no-cache`: its presence, with an empty value |
//! | `pull` | a boolean | `image-resolve-mode`: `pull` or `default` |
//! | `memory`, `memswap`, `cpu…` | a number or text | the same, positive; older BuildKit ignores them, as in Engine 28 |
//! | `shmsize` | a number | `shm-size` |
//! | `ulimits` | a JSON array of objects | `ulimit`: `NAME=SOFT:HARD,…` |
//! | `networkmode` | text | `force-network-mode`; `sandbox` is the default one |
//! | `platform` | text | `platform` |
//!
//! The daemon uses the first pair of a key of the query, but all of `extrahosts`; and the last entry of
//! a map of attributes. A build by BuildKit behind the classic endpoint (`version=2`) ignores the limits of
//! memory and processors. It fails if the network mode is not `default`, `none` or `host`, as do calls of
//! BuildKit. For these, an address must not be `host-gateway`, which their clients replace. Podman wants
//! a JSON array in `extrahosts` and fails if there are any.
//!
//! A build without a frontend has no attributes. Its steps get none of these options, as they get no cgroup
//! parent. But it cannot use the host's network if another network mode is forced (see
//! [`host_network`](BuildOptions::host_network)).

mod form;
mod setting;

use self::form::{Form, Given};
use self::setting::Setting;
use crate::engine::fields::{Kind, Section, Zero};
use crate::engine::shapes::Place;
use crate::rules::Refusal;
use crate::rules::inject::options::Newest;
use crate::rules::inject::{How, Inject, Value};

/// An option on both wires.
struct Row {
    /// Its key in the query, which is its name.
    key: &'static str,
    query: Form,
    attribute: &'static str,
    frontend: Form,
    /// `true` if BuildKit behind the classic endpoint uses it.
    version_2: bool,
}

const fn row(
    key: &'static str,
    query: Form,
    attribute: &'static str,
    frontend: Form,
    version_2: bool,
) -> Row {
    Row { key, query, attribute, frontend, version_2 }
}

const ROWS: [Row; 15] = [
    row("extrahosts", Form::Hosts, "add-hosts", Form::Csv, true),
    row("buildargs", Form::Map, "build-arg:", Form::Prefix, true),
    row("nocache", Form::Flag, "no-cache", Form::Presence, true),
    row("pull", Form::Flag, "image-resolve-mode", Form::ResolveMode, true),
    row("memory", Form::Number, "memory", Form::Positive, false),
    row("memswap", Form::Number, "memswap", Form::Positive, false),
    row("cpushares", Form::Number, "cpushares", Form::Positive, false),
    row("cpusetcpus", Form::Text, "cpusetcpus", Form::Text, false),
    row("cpusetmems", Form::Text, "cpusetmems", Form::Text, false),
    row("cpuperiod", Form::Number, "cpuperiod", Form::Positive, false),
    row("cpuquota", Form::Number, "cpuquota", Form::Positive, false),
    row("shmsize", Form::Number, "shm-size", Form::Positive, true),
    row("ulimits", Form::List, "ulimit", Form::Csv, true),
    row(
        "networkmode",
        Form::Network("default"),
        "force-network-mode",
        Form::Network("sandbox"),
        true,
    ),
    row("platform", Form::Text, "platform", Form::Text, true),
];

/// The injected options of builds.
#[derive(Debug, Clone, Default)]
pub(in crate::rules) struct BuildOptions {
    query: Vec<BuildOption>,
    attributes: Vec<BuildOption>,
    host_network: Option<bool>,
    newest: Newest,
}

/// An injected option on one wire.
#[derive(Debug, Clone)]
pub(in crate::rules) struct BuildOption {
    /// The key; for an option with a key for each entry, its prefix.
    pub(in crate::rules) key: &'static str,
    /// `true` if BuildKit behind the classic endpoint uses it.
    pub(in crate::rules) version_2: bool,
    form: Form,
    zero: Zero,
    treatments: Vec<(How, Setting)>,
}

impl BuildOptions {
    /// Compiles the options of builds in `list`.
    pub(super) fn of(list: &[Inject]) -> Self {
        let mut options = Self::default();
        for row in &ROWS {
            let injects = injects(list, row.key);
            if let Some(option) = BuildOption::of(row, row.key, row.query, &injects) {
                options.query.push(option);
                options.attributes.extend(BuildOption::of(
                    row,
                    row.attribute,
                    row.frontend,
                    &injects,
                ));
            }
        }
        options.newest = Newest::of(Section::Build, list);
        options.host_network = host_network(&injects(list, "networkmode"));
        options
    }

    /// Returns `true` if no option is injected.
    pub(in crate::rules) fn is_empty(&self) -> bool {
        self.query.is_empty() && self.attributes.is_empty()
    }

    /// Returns the options for the query of a classic build.
    pub(in crate::rules) fn query(&self) -> &[BuildOption] {
        &self.query
    }

    /// Refuses a request in whose API version the daemon ignores an option.
    pub(in crate::rules) fn check_version(&self, target: &str) -> Result<(), Refusal> {
        self.newest.check(target)
    }

    /// Returns the options for the attributes of a frontend.
    pub(in crate::rules) fn attributes(&self) -> &[BuildOption] {
        &self.attributes
    }

    /// Returns whether builds may use the host's network; `None` if that is up to their clients. A forced
    /// mode alone would hold for steps that name none.
    pub(in crate::rules) fn host_network(&self) -> Option<bool> {
        self.host_network
    }
}

/// Returns the injections of an option, in the order of their treatment.
fn injects<'l>(list: &'l [Inject], key: &str) -> Vec<&'l Inject> {
    let is_here = |inject: &&Inject| match inject.at {
        Place::Field(field) => field.section == Section::Build && field.path == key,
        _ => false,
    };
    let order = [How::Force, How::Default, How::Cap, How::Append];
    let of = |how| list.iter().filter(is_here).filter(move |inject| inject.how == how);
    order.into_iter().flat_map(of).collect()
}

fn host_network(injects: &[&Inject]) -> Option<bool> {
    let is_host = |inject: &Inject| matches!(&inject.value, Value::Text(mode) if mode == "host");
    match injects.first()? {
        inject if is_host(inject) => Some(true),
        inject => (inject.how == How::Force).then_some(false),
    }
}

impl BuildOption {
    fn of(row: &Row, key: &'static str, form: Form, injects: &[&Inject]) -> Option<Self> {
        let zero = injects.iter().find_map(|inject| match inject.at {
            Place::Field(field) => match field.kind {
                Kind::Number(zero) | Kind::Bytes(zero) => Some(zero),
                _ => None,
            },
            _ => None,
        });
        let treatments: Vec<_> = injects
            .iter()
            .filter_map(|inject| Some((inject.how, form.setting(&inject.value)?)))
            .collect();
        let (version_2, zero) = (row.version_2, zero.unwrap_or(Zero::Value));
        let option = Self { key, version_2, form, zero, treatments };
        (!option.treatments.is_empty()).then_some(option)
    }

    /// Returns the part of `key` behind this option's key; `None` if it is the key of another option.
    pub(in crate::rules) fn behind<'k>(&self, key: &'k [u8]) -> Option<&'k [u8]> {
        let rest = key.strip_prefix(self.key.as_bytes())?;
        (rest.is_empty() || self.form == Form::Prefix).then_some(rest)
    }

    /// Returns `true` if each of several pairs of the query is an entry of the option.
    pub(in crate::rules) fn is_repeated(&self) -> bool {
        self.form == Form::Hosts
    }

    /// Returns the new entries in place of the client's `given` ones: the keys behind this option's key,
    /// and the values. Returns `None` if the client's stay. Of several given values of an option with one
    /// value, the last one counts.
    ///
    /// # Errors
    /// The sentence about a value that cannot be read.
    pub(in crate::rules) fn edited(
        &self,
        given: &Given<'_>,
    ) -> Result<Option<Vec<(String, String)>>, String> {
        if let [(How::Force, ours), ..] = self.treatments.as_slice()
            && self.form != Form::ResolveMode
        {
            return Ok(Some(self.form.write(ours)));
        }
        let unreadable = |wanted| {
            format!("the option \"{}\" of the build cannot be read; {wanted} is wanted", self.key)
        };
        let theirs = self.form.read(given).map_err(unreadable)?;
        let mut value = theirs.clone();
        for (how, ours) in &self.treatments {
            value = value.treated(*how, ours, self.zero);
        }
        Ok((value != theirs).then(|| self.form.write(&value)))
    }
}

#[cfg(test)]
pub(super) mod tests;
