//! Random rules for options. `options` has a model of their effect.

use std::collections::BTreeSet;

use dockerd_ci_proxy::engine::fields::{Section, find};
use dockerd_ci_proxy::engine::shapes::Place;
use dockerd_ci_proxy::rules::{AnonymousVolumes, How, Inject, Label, Profile, Value as Given};
use serde_json::Value;

use super::options::key_of;
use super::player;
use super::random::Random;

/// The type of an option, with the meaning of its values.
#[derive(Clone, Copy)]
pub enum Like {
    /// A number: the value that is as good as none, and whether numbers up to 0 are no limit.
    Number(i64, bool),
    /// A number of processors; a quota beside it means the same.
    Cpus,
    /// A boolean; `false` is as good as none.
    Switch,
    /// A boolean that may be missing.
    Choice,
    /// A string; an empty one and this one are as good as none.
    Text(&'static str),
    /// Strings with a key.
    List(fn(&str) -> String),
    /// Strings that are equal or different.
    Set,
    /// The binds of a container.
    Binds,
    /// A map of strings.
    Map,
    /// Objects with the key `Name`.
    Ulimits,
}

/// An option: its section and path, its type, and values of an operator (for lists and maps: entries).
pub type Choice = (Section, &'static str, Like, &'static [&'static str]);

const NUMBERS: &[&str] = &["1", "5", "4096", "2000000000"];
const TEXTS: &[&str] = &[r#""x""#, r#""ci""#];
const SWITCHES: &[&str] = &["true", "false"];
const ENV: &[&str] = &[r#""A=1""#, r#""\u0041=2""#, r#""B=3""#, r#""AB=4""#, r#""B""#, r#""C=""#];
const MAP: &[&str] = &[r#""a":"1""#, r#""b":"2""#, r#""\u0061":"3""#, r#""A":"4""#];
const ULIMITS: &[&str] = &[
    r#"{"Name":"nofile","Soft":1,"Hard":2}"#,
    r#"{"Hard":4,"Soft":3,"Name":"nofile"}"#,
    r#"{"Name":"core","Soft":5,"Hard":5}"#,
];
const HOSTS: &[&str] =
    &[r#""mirror:10.0.0.1""#, r#""Mirror:1.1.1.1""#, r#""db:1.1.1.1""#, r#""db:::1""#];
const TASK_HOSTS: &[&str] = &[r#""10.0.0.1 mirror""#, r#""1.1.1.1 Mirror""#, r#""::1 db m""#];
const DNS: &[&str] = &[r#""1.1.1.1""#, r#""8.8.8.8""#, r#""9.9.9.9""#];
const BINDS: &[&str] =
    &[r#""/h:/data:ro""#, r#""/h:/d/../data/""#, r#""v:/x""#, r#""/i:/x/.:ro""#, r#""/h:/\u0078""#];

fn before(at: char) -> impl Fn(&str) -> String {
    move |text| text.split(at).next().unwrap().to_owned()
}

/// The options, in the program's order.
pub const CHOICES: &[Choice] = &[
    (Section::Container, "User", Like::Text(""), TEXTS),
    (Section::Container, "Env", Like::List(|text| before('=')(text)), ENV),
    (Section::Container, "HostConfig.Binds", Like::Binds, BINDS),
    (Section::Container, "HostConfig.NetworkMode", Like::Text("default"), TEXTS),
    (Section::Container, "HostConfig.RestartPolicy.Name", Like::Text("no"), TEXTS),
    (Section::Container, "HostConfig.Dns", Like::Set, DNS),
    (
        Section::Container,
        "HostConfig.ExtraHosts",
        Like::List(|text| before(':')(text).to_lowercase()),
        HOSTS,
    ),
    (Section::Container, "HostConfig.Privileged", Like::Switch, SWITCHES),
    (Section::Container, "HostConfig.ShmSize", Like::Number(0, false), NUMBERS),
    (Section::Container, "HostConfig.Sysctls", Like::Map, MAP),
    (Section::Container, "HostConfig.Runtime", Like::Text(""), TEXTS),
    (Section::Container, "HostConfig.Memory", Like::Number(0, true), NUMBERS),
    (Section::Container, "HostConfig.NanoCpus", Like::Cpus, NUMBERS),
    (Section::Container, "HostConfig.MemorySwappiness", Like::Number(-1, false), NUMBERS),
    (Section::Container, "HostConfig.Init", Like::Choice, SWITCHES),
    (Section::Container, "HostConfig.PidsLimit", Like::Number(0, true), NUMBERS),
    (Section::Container, "HostConfig.Ulimits", Like::Ulimits, ULIMITS),
    (Section::Service, "TaskTemplate.ContainerSpec.Env", Like::List(|text| before('=')(text)), ENV),
    (Section::Service, "TaskTemplate.ContainerSpec.User", Like::Text(""), TEXTS),
    (
        Section::Service,
        "TaskTemplate.ContainerSpec.Hosts",
        Like::List(|text| text.split_once(' ').unwrap().1.to_lowercase()),
        TASK_HOSTS,
    ),
    (Section::Service, "TaskTemplate.ContainerSpec.Init", Like::Choice, SWITCHES),
    (Section::Service, "TaskTemplate.ContainerSpec.Sysctls", Like::Map, MAP),
    (Section::Service, "TaskTemplate.ContainerSpec.Ulimits", Like::Ulimits, ULIMITS),
    (Section::Service, "TaskTemplate.Resources.Limits.NanoCPUs", Like::Cpus, NUMBERS),
    (Section::Service, "TaskTemplate.Resources.Limits.MemoryBytes", Like::Number(0, true), NUMBERS),
    (Section::Service, "TaskTemplate.RestartPolicy.Condition", Like::Text(""), TEXTS),
    (Section::Exec, "Env", Like::List(|text| before('=')(text)), ENV),
    (Section::Exec, "User", Like::Text(""), TEXTS),
    (Section::Exec, "WorkingDir", Like::Text(""), TEXTS),
    (Section::Exec, "Privileged", Like::Switch, SWITCHES),
];

/// The treatments of one option.
pub struct Rule {
    pub choice: &'static Choice,
    pub force: Option<Value>,
    pub default: Option<Value>,
    pub cap: Option<Value>,
    pub append: Option<Value>,
}

/// Returns rules for some of the options.
pub fn random(random: &mut Random) -> Vec<Rule> {
    let few = 1 + random.below(4);
    let chosen = CHOICES.iter().filter(|_| random.once_in(few)).collect::<Vec<_>>();
    chosen.into_iter().map(|choice| rule(choice, random)).collect()
}

fn rule(choice: &'static Choice, random: &mut Random) -> Rule {
    let mut rule = Rule { choice, force: None, default: None, cap: None, append: None };
    let (_, _, like, values) = *choice;
    let mut value = || Some(given(like, values, random));
    let (one, other) = (value(), value());
    let beside = match like {
        Like::Binds => return Rule { append: one, ..rule },
        Like::Number(..) | Like::Cpus => Some(&mut rule.cap),
        Like::List(_) | Like::Set | Like::Map | Like::Ulimits => Some(&mut rule.append),
        Like::Switch | Like::Choice | Like::Text(_) => None,
    };
    match (beside, random.below(4)) {
        (_, 0) => rule.force = one,
        (None, _) | (_, 1) => rule.default = one,
        (Some(beside), 2) => (*beside, rule.default) = (one, other),
        (Some(beside), _) => *beside = one,
    }
    rule
}

/// Returns a value of an operator, in which no two entries have one key.
fn given(like: Like, values: &[&str], random: &mut Random) -> Value {
    let entry = |text: &&str| serde_json::from_str::<Value>(text).unwrap();
    let mut some = random.some(2, |random| random.pick(values));
    some.push(random.pick(values));
    match like {
        Like::Map => serde_json::from_str(&format!("{{{}}}", some.join(","))).unwrap(),
        Like::List(_) | Like::Set | Like::Binds | Like::Ulimits => {
            let mut keys = BTreeSet::new();
            let entries = some.iter().map(entry);
            entries.filter(|entry| keys.insert(key_of(like, entry).ok().unwrap())).collect()
        }
        _ => entry(&random.pick(values)),
    }
}

/// Returns the profile of an operator with these rules, labels, and a cgroup parent.
pub fn profile(rules: &[Rule]) -> Profile {
    let profile = player::profile();
    let inject = profile.inject.rules().iter().cloned().chain(rules.iter().flat_map(injects));
    // The model has no images, and no volumes without a name.
    let anonymous_volumes = AnonymousVolumes::Leave;
    Profile { inject: inject.collect(), anonymous_volumes, ..profile }
}

fn injects(rule: &Rule) -> impl Iterator<Item = Inject> {
    let (section, path, like, _) = *rule.choice;
    let field = find(section, path).unwrap();
    let all = [
        (How::Force, &rule.force),
        (How::Default, &rule.default),
        (How::Cap, &rule.cap),
        (How::Append, &rule.append),
    ];
    all.into_iter().filter_map(move |(how, value)| {
        let value = injected(like, value.as_ref()?);
        Some(Inject { at: Place::Field(field), how, value, from: String::new() })
    })
}

fn injected(like: Like, value: &Value) -> Given {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    match (like, value) {
        (Like::Ulimits, Value::Array(entries)) => {
            let entry = |entry: &Value| (text(&entry["Name"]), entry.to_string());
            Given::Objects(entries.iter().map(entry).collect())
        }
        (_, Value::Array(entries)) => Given::List(entries.iter().map(text).collect()),
        (_, Value::Object(members)) => {
            let label =
                |(key, value): (&String, &Value)| Label { key: key.into(), value: text(value) };
            Given::Map(members.iter().map(label).collect())
        }
        (_, Value::Bool(on)) => Given::Switch(*on),
        (_, Value::Number(number)) => Given::Number(number.as_i64().unwrap()),
        (_, value) => Given::Text(text(value)),
    }
}
