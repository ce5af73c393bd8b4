//! Bodies by which a client would evade the operator's options, and commands that the daemon would refuse
//! because of them.

use serde_json::{Value, json};

use crate::support::{Docker, Kind, Lab, Proxy, converse};

/// `DAEMON` stands for the daemon's socket.
const CONFIG: &str = r#"
[[listener]]
name = "one"
socket = "FOLDER/s"
daemon = "DAEMON"
labels = { "ci.system" = "one" }

[listener.container.force]
"HostConfig.RestartPolicy.Name" = "no"
"HostConfig.LogConfig.Type" = "none"
"HostConfig.VolumeDriver" = "local"
"HostConfig.AutoRemove" = false

[listener.container.cap]
"StopTimeout" = 30
"HostConfig.CpuShares" = 512
"HostConfig.Memory" = "64MiB"
"HostConfig.MemorySwap" = "96MiB"
"HostConfig.NanoCpus" = "0.5"
"HostConfig.PidsLimit" = 100

[listener.container.append]
"Env" = ["SHARED=operator"]
"HostConfig.Binds" = ["FOLDER/config.toml:/etc/ci/file"]
"HostConfig.ExtraHosts" = ["mirror:10.0.0.1"]
"HostConfig.SecurityOpt" = ["no-new-privileges"]
"HostConfig.Tmpfs" = { "/scratch" = "size=1m" }
"HostConfig.Ulimits" = [{ Name = "nofile", Soft = 100, Hard = 100 }]

[listener.exec.force]
"User" = "65534"
"Privileged" = false
"#;

const MIB: i64 = 1024 * 1024;

fn start(lab: &Lab) -> (Proxy, Docker) {
    let file = CONFIG.replace("DAEMON", lab.engine.socket.to_str().unwrap());
    let proxy = Proxy::configured(&format!("{}-evasions", lab.name), &file);
    let docker = Docker::new(&proxy.socket(), lab.proxy.folder().path());
    (proxy, docker)
}

/// Posts the body, and returns the status and the answer.
fn post(proxy: &Proxy, path: &str, body: &str) -> (String, String) {
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: d\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    );
    let answer = converse(&proxy.socket(), request.as_bytes(), false);
    (answer.chars().skip(9).take(3).collect(), answer)
}

fn inspected(lab: &Lab, container: &str) -> Value {
    serde_json::from_str(&lab.inspect(Kind::Container, container, "{{json .}}")).unwrap()
}

/// Creates a container from the HostConfig and other members of a body. Returns its inspection, or `None` if
/// it is refused.
fn created(lab: &Lab, proxy: &Proxy, name: &str, host_config: &str, others: &str) -> Option<Value> {
    let name = lab.reserve(Kind::Container, name);
    let image = lab.image();
    let body = format!(
        r#"{{"Image":"{image}","Cmd":["sleep","1000"],"HostConfig":{{{host_config}}}{others}}}"#
    );
    let (status, answer) = post(proxy, &format!("/containers/create?name={name}"), &body);
    if status != "201" {
        assert!(answer.contains("dockerd-ci-proxy: refused"), "{body}\n{answer}");
        return None;
    }
    Some(inspected(lab, &name))
}

/// Returns evading `HostConfig` members, each with a member and its value in the created container.
fn evaders(bind: &str) -> Vec<(&'static str, &'static str, Value)> {
    vec![
        (r#""NanoCpus":100000000,"CpuQuota":-1"#, "CpuQuota", json!(0)),
        (r#""CpuQuota":300000,"CpuPeriod":1000"#, "NanoCpus", json!(500_000_000)),
        (r#""CpuPeriod":1000"#, "NanoCpus", json!(500_000_000)),
        (r#""nanocpus":-0"#, "NanoCpus", json!(500_000_000)),
        (r#""CpuShares":-5"#, "CpuShares", json!(512)),
        (r#""Memory":-1"#, "Memory", json!(64 * MIB)),
        (r#""Memory":9223372036854775807"#, "Memory", json!(64 * MIB)),
        (r#""Memory":33554432,"MemorySwap":-1"#, "MemorySwap", json!(96 * MIB)),
        (r#""Memory":33554432"#, "MemorySwap", json!(64 * MIB)),
        (r#""PidsLimit":0"#, "PidsLimit", json!(100)),
        (r#""MemoryReservation":999999999"#, "MemoryReservation", json!(64 * MIB)),
        (
            r#""SecurityOpt":["no-new-privileges","no-new-privileges:false"]"#,
            "SecurityOpt",
            json!(["no-new-privileges"]),
        ),
        (
            r#""ExtraHosts":["evil MIRROR:6.6.6.6","Mirror:6.6.6.6"]"#,
            "ExtraHosts",
            json!(["mirror:10.0.0.1"]),
        ),
        (
            r#""Ulimits":[{"Name":"NOFILE","Soft":5000,"Hard":5000}]"#,
            "Ulimits",
            json!([{"Name": "nofile", "Soft": 100, "Hard": 100}]),
        ),
        (
            r#""Binds":["/etc:/etc/ci//file/","/etc:/etc/ci/../ci/file","v:/etc/ci/./file"]"#,
            "Binds",
            json!([bind]),
        ),
        (
            r#""mounts":[{"type":"bind","source":"/etc","target":"/etc//ci/file/"}]"#,
            "Binds",
            json!([bind]),
        ),
        (r#""VolumeDriver":"other","Binds":["/x"]"#, "VolumeDriver", json!("local")),
        (
            r#""RestartPolicy":{"Name":"on-failure","MaximumRetryCount":3}"#,
            "RestartPolicy",
            json!({"Name": "no", "MaximumRetryCount": 0}),
        ),
        (r#""AutoRemove":true"#, "AutoRemove", json!(false)),
    ]
}

#[test]
fn no_body_of_a_create_evades_an_option() {
    let Some(lab) = Lab::open() else { return };
    let (proxy, _docker) = start(&lab);
    let file = proxy.folder().join("config.toml");
    let bind = format!("{}:/etc/ci/file", file.display());
    for (at, (host_config, found, wanted)) in evaders(&bind).into_iter().enumerate() {
        let made = created(&lab, &proxy, &format!("evader{at}"), host_config, "").unwrap();
        assert_eq!(made["HostConfig"][found], wanted, "{host_config}");
    }
    let timeout = created(&lab, &proxy, "timeout", "", r#","StopTimeout":-1"#).unwrap();
    assert_eq!(timeout["Config"]["StopTimeout"], 30);
    for (host_config, others) in [
        (r#""Tmpfs":{"/scratch/":"size=1g"}"#, ""),
        (r#""Mounts":[{"Type":"tmpfs","Target":"/./scratch"}]"#, ""),
        (r#""Binds":["/etc:/scratch"]"#, ""),
        (r#""Memory":1,"memory":2"#, ""),
        // Docker 20.10 uses it.
        ("", r#","CpuShares":99999"#),
    ] {
        assert_eq!(created(&lab, &proxy, "refused", host_config, others), None, "{host_config}");
    }
    // The daemon would ignore the option.
    let old = post(&proxy, "/v1.24/containers/create", "{}");
    assert!(old.1.contains("before API version 1.25"), "{old:?}");
}

#[test]
fn no_steps_of_updates_lift_a_cap() {
    let Some(lab) = Lab::open() else { return };
    let (proxy, docker) = start(&lab);
    for (name, option) in [("cpus", ["--cpus", "0.1"]), ("quota", ["--cpu-quota", "20000"])] {
        let container = lab.reserve(Kind::Container, name);
        let run = [&["run", "--detach", "--name", &container], &option[..]].concat();
        docker.ok(&[&run[..], &[lab.image(), "sleep", "1000"]].concat());
        for body in [
            r#"{"CpuQuota":-1}"#,
            r#"{"CpuPeriod":1000}"#,
            r#"{"CpuQuota":50000,"CpuPeriod":1000}"#,
            r#"{"CpuQuota":50000}"#,
            r#"{"NanoCpus":2000000000}"#,
            r#"{"NanoCpus":100000000,"CpuQuota":-1}"#,
            r#"{"PidsLimit":0,"Memory":-1,"MemorySwap":-1}"#,
            r#"{"CpuShares":-7,"RestartPolicy":{"Name":"always"}}"#,
        ] {
            // The daemon refuses processors and a quota for one container.
            let (status, answer) = post(&proxy, &format!("/containers/{container}/update"), body);
            let refused = answer.contains("Conflicting options");
            assert!(status == "200" || refused, "{body}\n{answer}");
            let host = inspected(&lab, &container)["HostConfig"].take();
            let number = |name: &str| host[name].as_i64().unwrap();
            let (quota, period) = (number("CpuQuota"), number("CpuPeriod").max(100_000));
            assert!(quota >= 0 && quota * 2 <= period, "{body}\n{host}");
            assert!(number("CpuPeriod") == 0 || number("CpuPeriod") == period, "{body}\n{host}");
            assert!(number("NanoCpus") <= 500_000_000 && number("CpuShares") <= 512, "{host}");
            assert!(number("NanoCpus") > 0 || quota > 0, "{body}\n{host}");
            assert_eq!((number("PidsLimit"), number("Memory")), (100, 64 * MIB), "{body}");
            assert!((1..=96 * MIB).contains(&number("MemorySwap")), "{body}\n{host}");
            assert_eq!(host["RestartPolicy"]["Name"], "no", "{body}");
        }
    }
}

#[test]
fn the_daemon_accepts_the_usual_options_beside_the_operators() {
    let Some(lab) = Lab::open() else { return };
    let (_proxy, docker) = start(&lab);
    let first = lab.reserve(Kind::Container, "first");
    docker.ok(&["run", "--detach", "--name", &first, lab.image(), "sleep", "1000"]);
    let joined = format!("container:{first}");
    for (at, options) in [
        &["--network", "host"][..],
        &["--network", "none"],
        &["--network", &joined],
        &["--restart", "on-failure:3", "--log-driver", "syslog", "--log-opt", "tag=x"],
        &["--memory", "32m", "--memory-swap", "32m"],
        &["--memory", "1g", "--memory-swap", "1g", "--memory-reservation", "1g"],
        &["--memory-swap", "-1"],
        &["--cpu-period", "50000", "--cpu-quota", "40000"],
        &["--read-only", "--tmpfs", "/tmp", "--tmpfs", "/scratch"],
        &["--volumes-from", &first, "--volume", "/etc/ci"],
    ]
    .into_iter()
    .enumerate()
    {
        let name = lab.reserve(Kind::Container, &format!("usual{at}"));
        let run = [&["run", "--name", &name], options, &[lab.image()]].concat();
        let ran = docker.run(&[&run[..], &["sh", "-c", "head -c 5 /etc/ci/file"]].concat());
        assert_eq!(ran.code, Some(0), "{options:?}: {ran:?}");
    }
}
