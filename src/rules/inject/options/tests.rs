mod evasions;

use crate::engine::JsonShape;
use crate::engine::fields::{Section, find};
use crate::engine::shapes::{CONTAINER, CONTAINER_UPDATE, EXEC, NETWORK, Place, SERVICE, VOLUME};
use crate::json::{Edits, Found};
use crate::rules::inject::{How, Inject, Tree, Value};
use crate::rules::{Label, Reason, Refusal};

fn rule(how: How, section: Section, path: &str, value: Value) -> Inject {
    let field = find(section, path).unwrap_or_else(|| panic!("{path}"));
    Inject { at: Place::Field(field), how, value, from: String::new() }
}

fn container(how: How, path: &str, value: Value) -> Inject {
    rule(how, Section::Container, path, value)
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn list(entries: &[&str]) -> Value {
    Value::List(entries.iter().map(|entry| (*entry).to_owned()).collect())
}

fn map(entries: &[(&str, &str)]) -> Value {
    let label = |(key, value): &(&str, &str)| Label { key: (*key).into(), value: (*value).into() };
    Value::Map(entries.iter().map(label).collect())
}

fn ulimit(name: &str, soft: i64) -> (String, String) {
    (name.to_owned(), format!(r#"{{"Name":"{name}","Soft":{soft},"Hard":{soft}}}"#))
}

fn edited(rules: &[Inject], shape: &JsonShape, body: &str) -> Result<String, Refusal> {
    let Ok(Found::Object(top)) = Found::document(body, None) else { panic!("{body}") };
    let mut edits = Edits::of(body);
    let tree = Tree::of(shape, rules);
    tree.apply(&mut edits, &top, None)?;
    Ok(edits.write())
}

/// Checks the bodies that `rules` make of each body of the table.
#[track_caller]
fn assert_edited(rules: &[Inject], shape: &JsonShape, table: &[(&str, &str)]) {
    for (body, wanted) in table {
        assert_eq!(edited(rules, shape, body).unwrap(), *wanted, "{body}");
    }
}

/// Checks the values of HostConfig's member `name`: the client's, and what the rules make of it. An empty
/// text stands for a missing member.
#[track_caller]
fn assert_host_config(rules: &[Inject], name: &str, table: &[(&str, &str)]) {
    let body = |value: &str| match value {
        "" => r#"{"HostConfig":{}}"#.to_owned(),
        value => format!(r#"{{"HostConfig":{{"{name}":{value}}}}}"#),
    };
    for (client, wanted) in table {
        assert_eq!(edited(rules, &CONTAINER, &body(client)).unwrap(), body(wanted), "{client}");
    }
}

#[test]
fn a_forced_option_replaces_the_clients() {
    let rules = [
        container(How::Force, "HostConfig.Init", Value::Switch(true)),
        container(How::Force, "HostConfig.Runtime", text("runsc")),
    ];
    assert_edited(
        &rules,
        &CONTAINER,
        &[
            ("{}", r#"{"HostConfig":{"Runtime":"runsc","Init":true}}"#),
            (
                r#"{"hostconfig":{"init":false,"Runtime" : "runc"}}"#,
                r#"{"HostConfig":{"Init":true,"Runtime" : "runsc"}}"#,
            ),
        ],
    );
    let privileged = [container(How::Force, "HostConfig.Privileged", Value::Switch(false))];
    let table = [("true", "false"), ("false", "false"), ("", "false"), (r#""x""#, "false")];
    assert_host_config(&privileged, "Privileged", &table);
    let dns = [container(How::Force, "HostConfig.Dns", list(&["1.1.1.1"]))];
    assert_host_config(&dns, "Dns", &[(r#"["8.8.8.8"]"#, r#"["1.1.1.1"]"#)]);
}

#[test]
fn a_default_holds_where_the_client_gives_nothing() {
    for (path, value, table) in [
        ("Memory", Value::Number(9), &[("", "9"), ("0", "9"), ("null", "9"), ("5", "5")][..]),
        ("Init", Value::Switch(true), &[("", "true"), ("null", "true"), ("false", "false")]),
        ("ReadonlyRootfs", Value::Switch(true), &[("false", "true"), ("true", "true")]),
        ("Runtime", text("runsc"), &[(r#""""#, r#""runsc""#), (r#""runc""#, r#""runc""#)]),
        (
            "NetworkMode",
            text("ci"),
            &[(r#""default""#, r#""ci""#), (r#""d\u0065fault""#, r#""ci""#), (r#""x""#, r#""x""#)],
        ),
        ("MemorySwappiness", Value::Number(7), &[("-1", "7"), ("null", "7"), ("0", "0")]),
        ("MemorySwap", Value::Number(7), &[("0", "7"), ("-1", "-1")]),
        (
            "Dns",
            list(&["1.1.1.1"]),
            &[
                ("[]", r#"["1.1.1.1"]"#),
                ("[ ]", r#"["1.1.1.1" ]"#),
                (r#"["8.8.8.8"]"#, r#"["8.8.8.8"]"#),
            ],
        ),
        (
            "Sysctls",
            map(&[("a", "1"), ("b", "2")]),
            &[("null", r#"{"a":"1","b":"2"}"#), (r#"{"a":"9"}"#, r#"{"a":"9","b":"2"}"#)],
        ),
    ] {
        let rules = [container(How::Default, &format!("HostConfig.{path}"), value)];
        assert_host_config(&rules, path, table);
    }
    let nested = [container(How::Default, "HostConfig.RestartPolicy.Name", text("always"))];
    let always = r#"{"Name":"always"}"#;
    let table = [("", always), (r#"{"Name":"no"}"#, always), (r#"{"Name":""}"#, always)];
    assert_host_config(&nested, "RestartPolicy", &table);
}

#[test]
fn a_cap_holds_for_larger_numbers_and_for_unlimited_ones() {
    for (path, table) in [
        (
            "Memory",
            &[
                ("", "4"),
                ("0", "4"),
                ("null", "4"),
                ("-1", "4"),
                ("5", "4"),
                ("4", "4"),
                ("3", "3"),
            ][..],
        ),
        ("PidsLimit", &[("-1", "4"), ("0", "4"), ("9223372036854775807", "4"), ("1", "1")]),
        ("ShmSize", &[("", ""), ("0", "0"), ("5", "4")]),
        ("CpuShares", &[("", ""), ("0", "0"), ("1024", "4"), ("2", "2")]),
    ] {
        let rules = [container(How::Cap, &format!("HostConfig.{path}"), Value::Number(4))];
        assert_host_config(&rules, path, table);
    }
    let both = [
        container(How::Default, "HostConfig.Memory", Value::Number(2)),
        container(How::Cap, "HostConfig.Memory", Value::Number(4)),
    ];
    assert_host_config(&both, "Memory", &[("0", "2"), ("3", "3"), ("5", "4"), ("-1", "4")]);
}

#[test]
fn a_number_that_go_cannot_read_is_refused_at_a_cap() {
    let rules = [container(How::Cap, "HostConfig.Memory", Value::Number(4))];
    for value in ["1e9", "1.0", r#""5""#, "true", "9223372036854775808", "{}"] {
        let body = format!(r#"{{"HostConfig":{{"Memory":{value}}}}}"#);
        let refusal = edited(&rules, &CONTAINER, &body).unwrap_err();
        let wanted = "HostConfig.Memory in the request body is not a whole number";
        assert_eq!(refusal.to_string(), wanted, "{value}");
    }
    let twice = r#"{"HostConfig":{"Memory":1,"memory":2}}"#;
    assert_eq!(edited(&rules, &CONTAINER, twice).unwrap_err().reason, Reason::TwoMembers);
}

#[test]
fn a_cap_of_processors_holds_for_a_quota() {
    let rules = [container(How::Cap, "HostConfig.NanoCpus", Value::Number(2_000_000_000))];
    let body = |members: &str| format!(r#"{{"HostConfig":{{{members}}}}}"#);
    for (client, wanted) in [
        ("", r#""NanoCpus":2000000000"#),
        (r#""NanoCpus":1"#, r#""NanoCpus":1"#),
        (r#""CpuQuota":0,"CpuPeriod":0"#, r#""CpuQuota":0,"CpuPeriod":0,"NanoCpus":2000000000"#),
        (r#""CpuQuota":150000"#, r#""CpuQuota":150000"#),
        (
            r#""CpuQuota":300000,"CpuPeriod":100000"#,
            r#""CpuQuota":0,"CpuPeriod":0,"NanoCpus":2000000000"#,
        ),
        (
            r#""CpuQuota":300000,"CpuPeriod":1000,"NanoCpus":0"#,
            r#""CpuQuota":0,"CpuPeriod":0,"NanoCpus":2000000000"#,
        ),
        (r#""CpuQuota":-1"#, r#""CpuQuota":0,"NanoCpus":2000000000"#),
        (r#""CpuPeriod":50000"#, r#""CpuPeriod":0,"NanoCpus":2000000000"#),
    ] {
        let edited = edited(&rules, &CONTAINER, &body(client)).unwrap();
        assert_eq!(edited, body(wanted), "{client}");
    }
    let forced = [container(How::Force, "HostConfig.NanoCpus", Value::Number(1))];
    let quota = body(r#""CpuQuota":300000"#);
    let wanted = body(r#""CpuQuota":0,"NanoCpus":1"#);
    assert_eq!(edited(&forced, &CONTAINER, &quota).unwrap(), wanted);
}

#[test]
fn appended_entries_replace_those_with_the_same_key() {
    let env = [container(How::Append, "Env", list(&["A=1", "B=2"]))];
    assert_edited(
        &env,
        &CONTAINER,
        &[
            ("{}", r#"{"Env":["A=1","B=2"]}"#),
            (r#"{"Env":null}"#, r#"{"Env":["A=1","B=2"]}"#),
            (r#"{"Env":[]}"#, r#"{"Env":["A=1","B=2"]}"#),
            (r#"{"Env":["A=9"]}"#, r#"{"Env":["A=1","B=2"]}"#),
            (r#"{"Env":["A=9","C=3","B","A"]}"#, r#"{"Env":["C=3","A=1","B=2"]}"#),
            (r#"{"env":["AB=9"]}"#, r#"{"Env":["AB=9","A=1","B=2"]}"#),
        ],
    );
    for (path, value, table) in [
        (
            "ExtraHosts",
            list(&["mirror:10.0.0.1"]),
            &[
                (r#"["Mirror:1.1.1.1","db:1.1.1.1"]"#, r#"["db:1.1.1.1","mirror:10.0.0.1"]"#),
                ("null", r#"["mirror:10.0.0.1"]"#),
            ][..],
        ),
        (
            "CapDrop",
            list(&["MKNOD"]),
            &[(r#"["MKNOD","X"]"#, r#"["MKNOD","X"]"#), (r#"["X"]"#, r#"["X","MKNOD"]"#)],
        ),
        (
            "Ulimits",
            Value::Objects(vec![ulimit("nofile", 5)]),
            &[
                (
                    r#"[{"name":"nofile","Soft":9,"Hard":9},{"Name":"core","Soft":0,"Hard":0}]"#,
                    r#"[{"Name":"core","Soft":0,"Hard":0},{"Name":"nofile","Soft":5,"Hard":5}]"#,
                ),
                ("[]", r#"[{"Name":"nofile","Soft":5,"Hard":5}]"#),
            ],
        ),
        ("Tmpfs", map(&[("/t", "size=1m")]), &[(r#"{"/t":""}"#, r#"{"/t":"size=1m"}"#)]),
    ] {
        let rules = [container(How::Append, &format!("HostConfig.{path}"), value)];
        assert_host_config(&rules, path, table);
    }
}

#[test]
fn defaults_and_appended_entries_go_together() {
    let rules = [
        container(How::Default, "Env", list(&["A=1", "B=1"])),
        container(How::Append, "Env", list(&["B=2"])),
    ];
    assert_edited(
        &rules,
        &CONTAINER,
        &[
            ("{}", r#"{"Env":["A=1","B=2"]}"#),
            (r#"{"Env":["A=9","B=9"]}"#, r#"{"Env":["A=9","B=2"]}"#),
        ],
    );
}

#[test]
fn entries_of_another_type_are_refused() {
    let env = [container(How::Append, "Env", list(&["A=1"]))];
    for body in [r#"{"Env":[1]}"#, r#"{"Env":"A=1"}"#, r#"{"Env":{}}"#, r#"{"Env":["a"],"env":[]}"#]
    {
        assert!(edited(&env, &CONTAINER, body).is_err(), "{body}");
    }
}

#[test]
fn options_of_the_network_need_a_network_of_the_container() {
    let hosts = container(How::Append, "HostConfig.ExtraHosts", list(&["mirror:10.0.0.1"]));
    let shared = r#"{"HostConfig":{"NetworkMode":"container:x"}}"#;
    assert_eq!(edited(std::slice::from_ref(&hosts), &CONTAINER, shared).unwrap(), shared);
    let mode = container(How::Force, "HostConfig.NetworkMode", text("ci"));
    assert_edited(
        &[hosts, mode],
        &CONTAINER,
        &[
            (shared, r#"{"HostConfig":{"NetworkMode":"ci","ExtraHosts":["mirror:10.0.0.1"]}}"#),
            (
                r#"{"NetworkingConfig":{"EndpointsConfig":{"host":{}}},"HostConfig":{}}"#,
                r#"{"NetworkingConfig":{"EndpointsConfig":{}},"HostConfig":{"NetworkMode":"ci","ExtraHosts":["mirror:10.0.0.1"]}}"#,
            ),
        ],
    );
}

#[test]
fn an_update_cannot_lift_what_a_create_got() {
    let rules = [
        container(How::Cap, "HostConfig.Memory", Value::Number(4)),
        container(How::Cap, "HostConfig.PidsLimit", Value::Number(4)),
        container(How::Cap, "HostConfig.NanoCpus", Value::Number(2_000_000_000)),
        container(How::Force, "HostConfig.CpusetCpus", text("0")),
        container(How::Force, "HostConfig.RestartPolicy.Name", text("no")),
        container(How::Default, "HostConfig.CpuShares", Value::Number(7)),
        container(How::Force, "HostConfig.Init", Value::Switch(true)),
    ];
    assert_edited(
        &rules,
        &CONTAINER_UPDATE,
        &[
            ("{}", "{}"),
            (
                r#"{"Memory":0,"CpuShares":0,"CpusetCpus":""}"#,
                r#"{"Memory":0,"CpuShares":0,"CpusetCpus":""}"#,
            ),
            (r#"{"Memory":3,"PidsLimit":null}"#, r#"{"Memory":3,"PidsLimit":null}"#),
            (r#"{"Memory":5,"PidsLimit":0}"#, r#"{"Memory":4,"PidsLimit":4}"#),
            (r#"{"memory":-1,"PidsLimit":-1}"#, r#"{"Memory":4,"PidsLimit":4}"#),
            (r#"{"NanoCpus":3000000000}"#, r#"{"NanoCpus":2000000000}"#),
            (r#"{"CpuQuota":400000}"#, r#"{"CpuQuota":200000,"CpuPeriod":100000}"#),
            // The container may have a shorter period, or any quota.
            (r#"{"CpuQuota":150000}"#, r#"{"CpuQuota":150000,"CpuPeriod":100000}"#),
            (r#"{"CpuPeriod":1000}"#, r#"{"CpuPeriod":100000,"CpuQuota":200000}"#),
            (r#"{"CpuQuota":-1}"#, r#"{"CpuQuota":200000,"CpuPeriod":100000}"#),
            (r#"{"NanoCpus":1,"CpuQuota":-1}"#, r#"{"NanoCpus":1,"CpuQuota":0}"#),
            (r#"{"CpuQuota":2000,"CpuPeriod":1000}"#, r#"{"CpuQuota":2000,"CpuPeriod":1000}"#),
            (r#"{"CpusetCpus":"0-3"}"#, r#"{"CpusetCpus":"0"}"#),
            (r#"{"RestartPolicy":{"Name":"always"}}"#, r#"{"RestartPolicy":{"Name":"no"}}"#),
            (r#"{"RestartPolicy":{"Name":""}}"#, r#"{"RestartPolicy":{"Name":""}}"#),
        ],
    );
}

#[test]
fn services_networks_volumes_and_execs_have_options() {
    let memory = "TaskTemplate.Resources.Limits.MemoryBytes";
    let env = "TaskTemplate.ContainerSpec.Env";
    let service = [
        rule(How::Cap, Section::Service, memory, Value::Number(4)),
        rule(How::Append, Section::Service, env, list(&["A=1"])),
    ];
    assert_edited(
        &service,
        &SERVICE,
        &[
            ("{}", "{}"),
            (
                r#"{"TaskTemplate":{"ContainerSpec":{}}}"#,
                r#"{"TaskTemplate":{"ContainerSpec":{"Env":["A=1"]},"Resources":{"Limits":{"MemoryBytes":4}}}}"#,
            ),
            (
                r#"{"TaskTemplate":{"Resources":{"Limits":{"MemoryBytes":9}}}}"#,
                r#"{"TaskTemplate":{"Resources":{"Limits":{"MemoryBytes":4}}}}"#,
            ),
        ],
    );
    let network = [rule(How::Force, Section::Network, "Internal", Value::Switch(true))];
    let table = [(r#"{"Name":"n","Internal":false}"#, r#"{"Name":"n","Internal":true}"#)];
    assert_edited(&network, &NETWORK, &table);
    let volume = [rule(How::Append, Section::Volume, "DriverOpts", map(&[("o", "ro")]))];
    assert_edited(&volume, &VOLUME, &[("{}", r#"{"DriverOpts":{"o":"ro"}}"#)]);
    let exec = [
        rule(How::Force, Section::Exec, "Privileged", Value::Switch(false)),
        rule(How::Default, Section::Exec, "User", text("1000")),
    ];
    let table = [
        (r#"{"Privileged":true,"User":"0"}"#, r#"{"Privileged":false,"User":"0"}"#),
        (r#"{"User":""}"#, r#"{"User":"1000","Privileged":false}"#),
    ];
    assert_edited(&exec, &EXEC, &table);
}

#[test]
fn options_are_for_their_own_shape() {
    let rules = [container(How::Force, "User", text("1000"))];
    for shape in [&SERVICE, &NETWORK, &VOLUME, &EXEC, &CONTAINER_UPDATE] {
        assert!(Tree::of(shape, &rules).is_empty(), "{shape:?}");
    }
}
