use super::*;
use crate::cli::resolve;
use crate::config::Config;

/// Reads a file and resolves it. Returns one error per line.
pub(super) fn read_all(text: &str, outer: &[(Setting, &str, &str)]) -> Result<Config, String> {
    let file = read(Source::new("config.toml", text)).map_err(|faults| lines(&faults))?;
    let outer = outer.iter().map(|(setting, value, by)| (*setting, Given::new(value, *by)));
    resolve::config(&Settings(outer.collect()), Some(("config.toml", file)), &[])
        .map_err(|errors| lines(&errors))
}

fn labels(config: &Config) -> Vec<Vec<String>> {
    let of = |listener: &crate::config::Listener| {
        let labels = listener.labels.iter().map(|label| &label.value);
        labels.map(|label| format!("{}={}", label.key, label.value)).collect()
    };
    config.listeners.iter().map(of).collect()
}

#[test]
fn listeners_have_their_own_values_then_the_defaults_then_those_of_variables() {
    let text = r#"
        drain_time = "5m"
        [defaults]
        daemon = "/d"
        labels = { host = "web", "ci.system" = "none" }
        strict = true
        cgroup_parent = "/ci"
        [[listener]]
        name = "gitlab"
        socket = "/g"
        labels = { "ci.system" = "gitlab" }
        image_labels = ["ci.system"]
        [[listener]]
        name = "jenkins"
        socket = "/j"
        daemon = "/e"
        strict = false
        buildkit = false
        cgroup_parent = "none"
        labels = {}
    "#;
    let outer =
        [(Setting::Label, "x=1", "DCP_LABELS"), (Setting::Daemon, "/f", "DCP_DOCKER_SOCKET")];
    let config = read_all(text, &outer).unwrap();
    let [gitlab, jenkins] = &config.listeners[..] else { panic!("{config:?}") };
    assert_eq!(gitlab.name.as_deref(), Some("gitlab"));
    assert_eq!((&*gitlab.daemon, &*jenkins.daemon), ("/d".as_ref(), "/e".as_ref()));
    assert_eq!((gitlab.strict, jenkins.strict), (true, false));
    assert_eq!((gitlab.no_buildkit, jenkins.no_buildkit), (false, true));
    assert_eq!(gitlab.cgroup_parent.value.fixed(), Some("/ci"));
    assert_eq!(gitlab.cgroup_parent.by, "config.toml:7:9: cgroup_parent");
    assert_eq!(jenkins.cgroup_parent.value.fixed(), None);
    let wanted: [&[&str]; 2] = [&["ci.system=gitlab", "host=web", "x=1"], &[]];
    assert_eq!(labels(&config), wanted);
    assert_eq!(gitlab.image_labels.len(), 1);
}

#[test]
fn all_errors_of_a_file_are_reported_in_order() {
    let text = r#"
drain_tme = "5m"
[defaults]
socket = "/run/x"
[[listener]]
name = "a"
cgroup_parnet = "/ci"
labels = ["a=b"]
strict = "yes"
image_labels = "some"
debug = true
[listener.container]
forced = { "User" = "1" }
force = { "HostConfig.Memroy" = 1 }
[listener.images]
"#;
    let wanted = r#"config.toml:2:1: unknown key "drain_tme"; did you mean "drain_time"?
config.toml:4:1: "socket" belongs in [[listener]]
config.toml:7:1: unknown key "cgroup_parnet"; did you mean "cgroup_parent"?
config.toml:8:10: expected a table of strings, but found a list
config.toml:9:10: expected true or false, but found the string "yes"
config.toml:10:16: expected "all", "none" or a list of strings, but found the string "some"
config.toml:11:1: "debug" belongs at the top of the file, above all tables
config.toml:13:1: unknown key "forced"; did you mean "force"?
config.toml:14:11: unknown option "HostConfig.Memroy" of container; did you mean "HostConfig.Memory"?
config.toml:15:11: unknown key "images"
"#;
    assert_eq!(read_all(text, &[]).unwrap_err(), wanted);
}

#[test]
fn keys_in_a_wrong_table_are_told_apart() {
    let text = r#"
labels = { a = "b" }
container = {}
[[listener]]
force = {}
[listener.container]
socket = "/s"
defaults = {}
HostConfig.Memory = 5
"#;
    let wanted = r#"config.toml:2:1: "labels" belongs in [[listener]] or [defaults]
config.toml:3:1: "container" belongs in a listener; its table begins with [listener.container]
config.toml:5:1: "force" belongs in a section like [listener.container]
config.toml:7:1: "socket" is below [listener.container]; move it above that line
config.toml:8:1: unknown key "defaults"; did you mean "default"?
config.toml:9:1: unknown key "HostConfig"; options belong in force, default, cap or append
"#;
    assert_eq!(read_all(text, &[]).unwrap_err(), wanted);
    let why = "each listener begins with [[listener]], in two brackets";
    let found = read_all("[listener]\nname = \"a\"\n", &[]).unwrap_err();
    assert_eq!(found, format!("config.toml:1:1: {why}\n"));
}

#[test]
fn the_dots_of_a_label_may_be_those_of_toml() {
    let text = r#"
[[listener]]
name = "a"
socket = "/a"
labels = { ci.job = "1", "ci.team" = "web", host = "x" }
"#;
    let config = read_all(text, &[]).unwrap();
    assert_eq!(labels(&config), [["ci.job=1", "ci.team=web", "host=x"]]);
    let empty = text.replace("\"x\"", "{}");
    let wanted = "config.toml:5:52: expected a string, but found a table\n";
    assert_eq!(read_all(&empty, &[]).unwrap_err(), wanted);
    let twice = text.replace("ci.team", "ci.job");
    let wanted = "config.toml:5:26: labels: the label key \"ci.job\" was already given by config.toml:5:15: labels\n";
    assert_eq!(read_all(&twice, &[]).unwrap_err(), wanted);
}

#[test]
fn paths_of_a_file_are_inherited_one_by_one() {
    let text = r#"
[defaults]
map_path = { "/a" = "/d/a", "/b/" = "/d/b" }
map_paths = "caller"
[[listener]]
name = "one"
socket = "/1"
map_path = { "/b" = "/own", "/c=" = "/srv/{listener}" }
map_paths = "none"
map_paths_strict = true
[[listener]]
name = "two"
socket = "/2"
map_path = {}
"#;
    let config = read_all(text, &[]).unwrap();
    let [one, two] = &config.listeners[..] else { panic!("{config:?}") };
    let wanted = [
        "/b=/own config.toml:8:14",
        "/c==/srv/{listener} config.toml:8:29",
        "/a=/d/a config.toml:3:14",
    ];
    let mapped = |listener: &crate::config::Listener| -> Vec<String> {
        let paths = listener.paths.fixed.iter();
        paths.map(|path| format!("{}={} {}", path.seen, path.host, path.from)).collect()
    };
    assert_eq!(mapped(one), wanted);
    assert!(!one.paths.of_caller && one.paths.strict);
    assert!(mapped(two).is_empty() && two.paths.of_caller && !two.paths.strict);
    let text = text.replace("/own", "own");
    let why = "config.toml:8:14: map_path: \"own\" is not a usable path; expected an absolute one without \"..\"\n";
    assert_eq!(read_all(&text, &[]).unwrap_err(), why);
    let twice = text.replace("\"/c=\"", "\"/b/.\"");
    let why = "config.toml:8:29: map_path: the path \"/b\" was already given by config.toml:8:14\n";
    assert_eq!(read_all(&twice.replace("\"own\"", "\"/own\""), &[]).unwrap_err(), why);
    let none = text.replace("map_path = {}", "map_path = [\"/a\"]");
    let why = "config.toml:14:12: expected a table of strings, but found a list\n";
    assert_eq!(read_all(&none, &[]).unwrap_err(), why);
}

#[test]
fn a_mistake_in_a_placeholder_has_its_place() {
    let text = r#"
[[listener]]
name = ".."
socket = "/a"
labels = { "a{uid}" = "1", "b" = "{usr}", "c" = "{listener}" }
cgroup_parent = "/ci/{container.label}"
build_cgroup_parent = "{container.name}"
map_path = { "/{uid}" = "/a", "/b" = "/srv/{user" }
[listener.container]
default = { "User" = "{uid}:{usr}", "HostConfig.Memory" = "{container.label:memory}" }
append = { "Env" = ["{user}=1", "OK={user}", "BAD={"], "HostConfig.Annotations" = { "{uid}" = "1" } }
"#;
    let wanted = r#"config.toml:10:22: unknown placeholder {usr}; did you mean {user}? A brace itself is written {{
config.toml:10:59: expected an integer or a size like "2GiB", "100MB" or "2g", but found the string "{container.label:memory}"
config.toml:11:21: a placeholder in "{user}=1" could change the name of the entry; only values can have one
config.toml:11:46: the placeholder "{" has no "}"; a brace itself is written {{
config.toml:11:95: the name "{uid}" has a placeholder; only values can have one
"#;
    assert_eq!(read_all(text, &[]).unwrap_err(), wanted);
    let settings = text.split("[listener.container]").next().unwrap();
    let wanted = r#"config.toml:3:1: name: ".." is not a usable name; expected letters, digits, ".", "_" and "-", and not "stats"
config.toml:5:12: labels: the name "a{uid}" has a placeholder; only values can have one
config.toml:6:1: cgroup_parent: the placeholder {container.label} needs a key: {container.label:KEY}
config.toml:7:1: build_cgroup_parent: "{container.name}" is not a usable cgroup parent for builds; expected inherit, caller, none, an absolute path like /ci-builds or a slice like ci-builds.slice
config.toml:8:14: map_path: the name "/{uid}" has a placeholder; only values can have one
"#;
    assert_eq!(read_all(settings, &[]).unwrap_err(), wanted);
    let next = settings.replace("a{uid}", "a").replace("/{uid}", "/u").replace("\"..\"", "\"a\"");
    let wanted = r#"config.toml:5:23: labels: unknown placeholder {usr}; did you mean {user}? A brace itself is written {{
config.toml:6:1: cgroup_parent: the placeholder {container.label} needs a key: {container.label:KEY}
config.toml:7:1: build_cgroup_parent: "{container.name}" is not a usable cgroup parent for builds; expected inherit, caller, none, an absolute path like /ci-builds or a slice like ci-builds.slice
config.toml:8:27: map_path: the placeholder "{user" has no "}"; a brace itself is written {{
"#;
    assert_eq!(read_all(&next, &[]).unwrap_err(), wanted);
}

fn lines(errors: &[impl ToString]) -> String {
    let lines = errors.iter().map(|error| error.to_string() + "\n");
    lines.collect()
}
