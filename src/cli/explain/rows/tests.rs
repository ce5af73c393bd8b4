use super::*;
use crate::engine::fields::FIELDS;
use crate::engine::fields::Section;
use crate::engine::route;
use crate::http::body::Framing;
use crate::rules::Traits;

/// Returns the place of the option `path` in `section`.
fn place(section: Section, path: &str) -> Place {
    let field = FIELDS.iter().find(|field| field.section == section && field.path == path);
    Place::Field(field.unwrap())
}

fn rule(how: How, path: &str, value: Value) -> Inject {
    Inject { at: place(Section::Container, path), how, value, from: "config.toml:14:3".into() }
}

fn label(key: &str, value: &str) -> Label {
    Label { key: key.into(), value: value.into() }
}

fn texts(list: &[&str]) -> Value {
    Value::List(list.iter().map(ToString::to_string).collect())
}

#[test]
fn a_rule_is_described_by_treatment_place_and_value() {
    let ulimit = (String::from("core"), r#"{"Name":"core","Soft":0,"Hard":0}"#.into());
    let tmpfs = Value::Map(vec![label("/tmp", "size=1m"), label("/run", "")]);
    let long = "x".repeat(200);
    for (rule, wanted) in [
        (Inject::label(label("ci.job", "\"7\"\x1b")), r#"force label ci.job = "\"7\"\u001b""#),
        (Inject::image_label(label("a", "b")), r#"force image label a = "b""#),
        (Inject::cgroup_parent("ci.slice"), r#"force cgroup parent = "ci.slice""#),
        (Inject::build_cgroup_parent("b"), r#"force cgroup parent of builds = "b""#),
        (rule(How::Force, "HostConfig.Init", Value::Switch(true)), "force HostConfig.Init = true"),
        (
            rule(How::Cap, "HostConfig.Memory", Value::Number(1 << 32)),
            "cap HostConfig.Memory = 4294967296",
        ),
        (rule(How::Default, "User", Value::Text("1\u{9b}".into())), r#"default User = "1\u{9b}""#),
        (rule(How::Append, "Env", texts(&["A=1", "B"])), r#"append Env = ["A=1","B"]"#),
        (
            rule(How::Append, "HostConfig.Tmpfs", tmpfs),
            r#"append HostConfig.Tmpfs = {"/tmp":"size=1m","/run":""}"#,
        ),
        (
            rule(How::Force, "HostConfig.Ulimits", Value::Objects(vec![ulimit])),
            r#"force HostConfig.Ulimits = [{"Name":"core","Soft":0,"Hard":0}]"#,
        ),
        (
            rule(How::Force, "User", Value::Text(long.clone())),
            &format!("force User = \"{}…", &long[..79]),
        ),
    ] {
        assert_eq!(described(&rule), wanted);
    }
}

#[test]
fn an_effect_names_the_clients_value() {
    let there = || Some("8".to_owned());
    let all = [How::Force, How::Default, How::Cap, How::Append];
    assert_eq!(
        all.map(|how| changed(how, there())),
        ["replaces 8", "fills in what 8 lacks", "lowers 8", "adds to 8"]
    );
    assert_eq!(
        all.map(|how| unchanged(how, there())),
        ["already so", "leaves the client's 8", "leaves the client's 8", "already so"]
    );
    let none = "sets it (the request has none)";
    assert_eq!(
        all.map(|how| changed(how, None)),
        [none, none, "sets it (the request has no limit)", none]
    );
    assert!(all.iter().all(|how| unchanged(*how, None) == "has no effect on this request"));
}

/// Returns the client's value of a rule in a request, as JSON.
fn value_of(path: &str, target: &str, body: &str, rule: &Inject) -> Option<String> {
    let traits = Traits { framing: Framing::None, encoded: false, form: false, json: false };
    let operation = route("POST", path.as_bytes());
    let asked = Asked { operation, target, traits, body: Some(body.as_bytes()) };
    there(&asked, rule).map(|there| there.to_string())
}

#[test]
fn the_clients_value_is_found_as_the_daemon_finds_it() {
    let of = |body: &str, rule: &Inject| value_of("/containers/create", "", body, rule);
    let memory = rule(How::Cap, "HostConfig.Memory", Value::Number(9));
    let init = rule(How::Force, "HostConfig.Init", Value::Switch(true));
    let swappiness = rule(How::Cap, "HostConfig.MemorySwappiness", Value::Number(9));
    let privileged = rule(How::Default, "HostConfig.Privileged", Value::Switch(true));
    let env = rule(How::Append, "Env", texts(&["A=1"]));
    for (body, rule, wanted) in [
        (r#"{"HostConfig":{"Memory":8}}"#, &memory, Some("8")),
        (r#"{"hostconfig":{"memory":8}}"#, &memory, Some("8")),
        (r#"{"HostConfig":{"Memory":0}}"#, &memory, None),
        (r#"{"HostConfig":{"Memory":-1}}"#, &memory, None),
        (r#"{"HostConfig":null}"#, &memory, None),
        ("{}", &memory, None),
        ("no JSON", &memory, None),
        (r#"{"HostConfig":{"Init":false}}"#, &init, Some("false")),
        (r#"{"HostConfig":{"Privileged":false}}"#, &privileged, None),
        (r#"{"HostConfig":{"MemorySwappiness":0}}"#, &swappiness, Some("0")),
        (r#"{"HostConfig":{"MemorySwappiness":-1}}"#, &swappiness, None),
        (r#"{"Env":[]}"#, &env, None),
        (r#"{"Env":["B"]}"#, &env, Some(r#"["B"]"#)),
        (r#"{"Labels":{"a":"1"}}"#, &Inject::label(label("a", "2")), Some(r#""1""#)),
        (r#"{"Labels":{"A":"1"}}"#, &Inject::label(label("a", "2")), None),
        (r#"{"HostConfig":{"CgroupParent":"x"}}"#, &Inject::cgroup_parent("y"), Some(r#""x""#)),
        (r#"{"HostConfig":{"CgroupParent":""}}"#, &Inject::cgroup_parent("y"), None),
    ] {
        assert_eq!(of(body, rule).as_deref(), wanted, "{body}");
    }
    let update = value_of("/containers/x/update", "", r#"{"Memory":8}"#, &memory);
    assert_eq!(update.as_deref(), Some("8"));
}

#[test]
fn the_clients_value_in_a_query_is_that_of_the_first_pair() {
    let build = |path: &str, value| Inject {
        at: place(Section::Build, path),
        how: How::Force,
        value,
        from: String::new(),
    };
    let memory = build("memory", Value::Number(9));
    let args = build("buildargs", Value::Map(vec![label("A", "1")]));
    for (target, rule, wanted) in [
        ("/build?memory=8&memory=9", &memory, Some("8")),
        ("/build?memory=0", &memory, None),
        ("/build?memory=", &memory, None),
        ("/build", &memory, None),
        ("/build?buildargs=%7B%22B%22%3A%222%22%7D", &args, Some(r#"{"B":"2"}"#)),
        ("/build?buildargs=%7B%7D", &args, None),
        ("/build?cgroupparent=a+b", &Inject::build_cgroup_parent("y"), Some(r#""a b""#)),
        (
            "/build?labels=%7B%22a%22%3A%221%22%7D",
            &Inject::image_label(label("a", "2")),
            Some(r#""1""#),
        ),
        ("/build?labels=", &Inject::image_label(label("a", "2")), None),
    ] {
        assert_eq!(value_of("/build", target, "", rule).as_deref(), wanted, "{target}");
    }
}

#[test]
fn each_rule_has_a_place_in_the_operations_of_its_section() {
    let operations = [
        "/containers/create",
        "/containers/x/update",
        "/services/create",
        "/services/x/update",
        "/networks/create",
        "/volumes/create",
        "/containers/x/exec",
        "/build",
        "/grpc",
        "/commit",
        "/containers/x/kill",
    ];
    let of = |at: Place| {
        let places = operations.map(|path| has_place(route("POST", path.as_bytes()), at));
        places.map(|place| if place { '+' } else { '-' }).iter().collect::<String>()
    };
    for (at, wanted) in [
        (place(Section::Container, "HostConfig.Memory"), "++---------"),
        (place(Section::Service, "TaskTemplate.ContainerSpec.User"), "--++-------"),
        (place(Section::Network, "Driver"), "----+------"),
        (place(Section::Volume, "Driver"), "-----+-----"),
        (place(Section::Exec, "User"), "------+----"),
        (place(Section::Build, "memory"), "-------++--"),
        (Place::Labels, "+-++++-----"),
        (Place::ImageLabels, "-------+++-"),
        (Place::CgroupParent, "+----------"),
        (Place::BuildCgroupParent, "-------++--"),
    ] {
        assert_eq!(of(at), wanted, "{at:?}");
    }
}
