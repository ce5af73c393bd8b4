//! Spellings and other options by which a client could evade a rule, and rules that would make the daemon
//! refuse a client.

use super::*;

#[test]
fn an_order_cannot_evade_an_appended_option() {
    let security = [container(How::Append, "HostConfig.SecurityOpt", list(&["no-new-privileges"]))];
    let table = [
        (
            r#"["no-new-privileges","no-new-privileges:false","label=user:a","label=role:b"]"#,
            r#"["label=user:a","label=role:b","no-new-privileges"]"#,
        ),
        (r#"["no-new-privileges=false"]"#, r#"["no-new-privileges"]"#),
        (r#"["seccomp={}"]"#, r#"["seccomp={}","no-new-privileges"]"#),
    ];
    assert_host_config(&security, "SecurityOpt", &table);
}

#[test]
fn a_spelling_cannot_evade_an_appended_entry() {
    let hosts = [container(How::Append, "HostConfig.ExtraHosts", list(&["mirror:10.0.0.1"]))];
    let table = [
        (r#"["evil Mirror:6.6.6.6"]"#, r#"["mirror:10.0.0.1"]"#),
        (r#"["mirrors:6.6.6.6"]"#, r#"["mirrors:6.6.6.6","mirror:10.0.0.1"]"#),
    ];
    assert_host_config(&hosts, "ExtraHosts", &table);
    let ulimits = Value::Objects(vec![ulimit("nofile", 9)]);
    let ulimits = [container(How::Append, "HostConfig.Ulimits", ulimits)];
    let nine = r#"[{"Name":"nofile","Soft":9,"Hard":9}]"#;
    assert_host_config(&ulimits, "Ulimits", &[(r#"[{"Name":"NOFILE","Hard":5000}]"#, nine)]);
    let path = "TaskTemplate.ContainerSpec.Hosts";
    let hosts = [rule(How::Append, Section::Service, path, list(&["10.0.0.1 mirror"]))];
    let body = |host| format!(r#"{{"TaskTemplate":{{"ContainerSpec":{{"Hosts":["{host}"]}}}}}}"#);
    for evasion in ["6.6.6.6  mirror", r"6.6.6.6\tMIRROR", " 6.6.6.6 evil mirror"] {
        assert_edited(&hosts, &SERVICE, &[(&body(evasion), &body("10.0.0.1 mirror"))]);
    }
}

#[test]
fn a_negative_quota_cannot_lift_processors() {
    let rules = [container(How::Cap, "HostConfig.NanoCpus", Value::Number(5))];
    let body = |quota: &str| format!(r#"{{"HostConfig":{{"NanoCpus":1,"CpuQuota":{quota}}}}}"#);
    // The daemon refuses a positive one.
    for (client, wanted) in [("-1", "0"), ("7", "7")] {
        assert_edited(&rules, &CONTAINER, &[(&body(client), &body(wanted))]);
    }
}

#[test]
fn negative_numbers_are_above_a_cap() {
    let cap = |path| [container(How::Cap, path, Value::Number(4))];
    let shares = [("-5", "4"), ("0", "0"), ("", "")];
    assert_host_config(&cap("HostConfig.CpuShares"), "CpuShares", &shares);
    assert_host_config(&cap("HostConfig.OomScoreAdj"), "OomScoreAdj", &[("-5", "-5"), ("5", "4")]);
    let timeouts = [
        (r#"{"StopTimeout":-1}"#, r#"{"StopTimeout":4}"#),
        (r#"{"StopTimeout":0}"#, r#"{"StopTimeout":0}"#),
        ("{}", "{}"),
    ];
    assert_edited(&cap("StopTimeout"), &CONTAINER, &timeouts);
}

#[test]
fn a_cap_of_swap_does_not_raise_it() {
    let rules = [
        container(How::Cap, "HostConfig.Memory", Value::Number(100)),
        container(How::Cap, "HostConfig.MemorySwap", Value::Number(150)),
    ];
    let body = |members: &str| format!(r#"{{"HostConfig":{{{members}}}}}"#);
    for (client, wanted) in [
        ("", r#""Memory":100,"MemorySwap":150"#),
        (r#""Memory":60"#, r#""Memory":60"#),
        (r#""Memory":80"#, r#""Memory":80,"MemorySwap":150"#),
        (r#""Memory":60,"MemorySwap":-1"#, r#""Memory":60,"MemorySwap":150"#),
        (r#""Memory":900,"MemorySwap":0"#, r#""Memory":100,"MemorySwap":150"#),
    ] {
        assert_edited(&rules, &CONTAINER, &[(&body(client), &body(wanted))]);
    }
}

#[test]
fn options_that_the_daemon_refuses_beside_a_rule_give_way() {
    let force = |path, value| [container(How::Force, path, value)];
    let policy = force("HostConfig.RestartPolicy.Name", text("no"));
    let client = r#"{"Name":"on-failure","MaximumRetryCount":3}"#;
    let table = [(client, r#"{"Name":"no","MaximumRetryCount":0}"#)];
    assert_host_config(&policy, "RestartPolicy", &table);
    let policy = force("HostConfig.RestartPolicy.Name", text("on-failure"));
    assert_host_config(&policy, "RestartPolicy", &[(client, client)]);

    let remove = |on| force("HostConfig.AutoRemove", Value::Switch(on));
    for (on, wanted) in [(true, "{}"), (false, r#"{"Name":"always"}"#)] {
        let body =
            |policy| format!(r#"{{"HostConfig":{{"RestartPolicy":{policy},"AutoRemove":{on}}}}}"#);
        let always = body(r#"{"Name":"always"}"#);
        assert_edited(&remove(on), &CONTAINER, &[(&always, &body(wanted))]);
    }

    let driver = force("HostConfig.LogConfig.Type", text("journald"));
    let client = r#"{"Type":"json-file","Config":{"max-size":"1m"}}"#;
    let table = [(client, r#"{"Type":"journald","Config":{}}"#)];
    assert_host_config(&driver, "LogConfig", &table);
    let same = force("HostConfig.LogConfig.Type", text("json-file"));
    assert_host_config(&same, "LogConfig", &[(client, client)]);

    let body = |members: &str| format!(r#"{{"HostConfig":{{{members}}}}}"#);
    let memory = force("HostConfig.Memory", Value::Number(8));
    let client = body(r#""Memory":2,"MemorySwap":4,"MemoryReservation":9"#);
    let wanted = body(r#""Memory":8,"MemorySwap":0,"MemoryReservation":8"#);
    assert_edited(&memory, &CONTAINER, &[(&client, &wanted)]);
    let memory = [container(How::Cap, "HostConfig.Memory", Value::Number(8))];
    let client = body(r#""MemoryReservation":9"#);
    let wanted = body(r#""MemoryReservation":8,"Memory":8"#);
    assert_edited(&memory, &CONTAINER, &[(&client, &wanted)]);
}

#[test]
fn an_update_cannot_lift_a_forced_limit() {
    let rules = [
        container(How::Force, "HostConfig.PidsLimit", Value::Number(9)),
        container(How::Force, "HostConfig.RestartPolicy.MaximumRetryCount", Value::Number(3)),
    ];
    let three = r#"{"RestartPolicy":{"Name":"on-failure","MaximumRetryCount":3}}"#;
    let table = [
        (r#"{"PidsLimit":0}"#, r#"{"PidsLimit":9}"#),
        ("{}", "{}"),
        (r#"{"RestartPolicy":{"Name":"on-failure"}}"#, three),
        (r#"{"RestartPolicy":{"Name":"on-failure","MaximumRetryCount":0}}"#, three),
    ];
    assert_edited(&rules, &CONTAINER_UPDATE, &table);
}
