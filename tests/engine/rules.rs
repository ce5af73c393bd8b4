//! A configuration file with two listeners, each with its own rules.

use std::fs;
use std::thread;

use serde_json::{Value, json};

use crate::buildkit;
use crate::compose::{DOWN, program};
use crate::support::{Docker, Finished, Kind, Lab, Proxy, Running, converse, skip, until};
use crate::swarm::{Swarm, task};

/// `DAEMON` and `PARENT` stand for the daemon's socket and the cgroup parent of the lab.
const CONFIG: &str = r#"
[[listener]]
name = "one"
socket = "FOLDER/s"
daemon = "DAEMON"
labels = { "ci.system" = "one" }
cgroup_parent = "PARENT"

[listener.container]
force = { "HostConfig.Init" = true, "HostConfig.OomScoreAdj" = 500 }
default = { "HostConfig.Memory" = "256MiB", "HostConfig.RestartPolicy.Name" = "on-failure" }
cap = { "HostConfig.Memory" = "512MiB", "HostConfig.PidsLimit" = 100, "HostConfig.NanoCpus" = "0.5" }

[listener.container.append]
"Env" = ["HTTP_PROXY=http://10.0.0.1:3128", "SHARED=operator"]
"HostConfig.ExtraHosts" = ["mirror:10.0.0.1"]
"HostConfig.Binds" = ["FOLDER/config.toml:/etc/ci/config.toml:ro"]

[listener.exec]
force = { "User" = "65534", "Privileged" = false }
append = { "Env" = ["SHARED=exec"] }

[listener.network]
force = { "Internal" = true }

[listener.volume]
force = { "DriverOpts" = { "type" = "tmpfs", "device" = "tmpfs", "o" = "size=1m" } }

[listener.service]
force = { "TaskTemplate.ContainerSpec.Init" = true }
default = { "TaskTemplate.ContainerSpec.User" = "65534" }
cap = { "TaskTemplate.Resources.Limits.MemoryBytes" = "64MiB" }

[listener.service.append]
"TaskTemplate.ContainerSpec.Env" = ["SHARED=operator"]
"TaskTemplate.ContainerSpec.Hosts" = ["10.0.0.1 mirror"]

[listener.build]
append = { "extrahosts" = ["mirror:10.0.0.1"], "buildargs" = { "SHARED" = "operator" } }

[[listener]]
name = "other"
socket = "FOLDER/t"
daemon = "DAEMON"
labels = { "ci.system" = "other" }

[listener.container]
default = { "User" = "65534" }
cap = { "HostConfig.Memory" = "128MiB" }
append = { "Env" = ["SHARED=other"] }
"#;

const MIB: u64 = 1024 * 1024;

/// A proxy with the file, and a docker command for each listener.
struct Listeners {
    /// Stopped at the end of the test.
    proxy: Proxy,
    one: Docker,
    other: Docker,
}

impl Listeners {
    fn start(lab: &Lab) -> Self {
        let daemon = lab.engine.socket.to_str().unwrap();
        let file = CONFIG.replace("DAEMON", daemon).replace("PARENT", &lab.cgroup_parent);
        let proxy = Proxy::configured(&format!("{}-rules", lab.name), &file);
        let docker = |socket: &str| {
            let folder = lab.proxy.folder().path();
            let mut docker = Docker::new(&proxy.folder().join(socket), folder);
            docker.cli.clone_from(&lab.docker.cli);
            docker
        };
        let (one, other) = (docker("s"), docker("t"));
        until("the second listener answers", || {
            (other.run(&["version"]).code == Some(0)).then_some(())
        });
        Self { proxy, one, other }
    }
}

/// Runs a container in the background until the end of the test, and returns its inspection.
fn container(lab: &Lab, docker: &Docker, name: &str, options: &[&str]) -> Value {
    let name = lab.reserve(Kind::Container, name);
    let arguments = [&["run", "--detach", "--name", &name], options].concat();
    docker.ok(&[&arguments[..], &[lab.image(), "sleep", "1000"]].concat());
    inspected(lab, &name)
}

fn inspected(lab: &Lab, container: &str) -> Value {
    serde_json::from_str(&lab.inspect(Kind::Container, container, "{{json .}}")).unwrap()
}

/// Fails unless the list has each of these entries, and none of those.
fn assert_has(list: &Value, wanted: &[&str], unwanted: &[&str]) {
    let list: Vec<&str> =
        list.as_array().unwrap().iter().map(|entry| entry.as_str().unwrap()).collect();
    assert!(wanted.iter().all(|entry| list.contains(entry)), "{wanted:?} is not in {list:?}");
    assert!(!unwanted.iter().any(|entry| list.contains(entry)), "{unwanted:?} is in {list:?}");
}

#[test]
fn a_container_whose_client_is_silent_has_every_value() {
    let Some(lab) = Lab::open() else { return };
    let listeners = Listeners::start(&lab);
    let made = container(&lab, &listeners.one, "silent", &[]);
    let host = &made["HostConfig"];
    assert_eq!(made["Config"]["Labels"]["ci.system"], "one");
    assert_eq!(host["CgroupParent"], lab.cgroup_parent.as_str());
    assert_eq!((&host["Init"], &host["OomScoreAdj"]), (&json!(true), &json!(500)));
    assert_eq!(host["Memory"], 256 * MIB);
    assert_eq!(host["RestartPolicy"]["Name"], "on-failure");
    assert_eq!((&host["PidsLimit"], &host["NanoCpus"]), (&json!(100), &json!(500_000_000)));
    let env = ["HTTP_PROXY=http://10.0.0.1:3128", "SHARED=operator", "PATH=/bin"];
    assert_has(&made["Config"]["Env"], &env, &[]);
    assert_eq!(host["ExtraHosts"], json!(["mirror:10.0.0.1"]));
    let name = lab.reserve(Kind::Container, "silent");
    let script = "echo $HTTP_PROXY; grep mirror /etc/hosts; head -c 5 /etc/ci/config.toml";
    let seen = lab.direct.ok(&["exec", &name, "sh", "-c", script]);
    assert_eq!(seen, "http://10.0.0.1:3128\n10.0.0.1\tmirror\n\n[[li");
}

#[test]
fn the_clients_values_stay_where_the_rules_allow_it() {
    let Some(lab) = Lab::open() else { return };
    let listeners = Listeners::start(&lab);
    let options =
        ["--init=false", "--oom-score-adj", "7", "--memory", "128m", "--restart", "always"];
    let limits = ["--pids-limit", "50", "--cpus", "0.25"];
    let lists = ["--env", "MINE=kept", "--env", "SHARED=client", "--add-host", "own:10.0.0.2"];
    let taken = ["--add-host", "mirror:10.9.9.9", "--volume", "/etc:/etc/ci/config.toml"];
    let all = [&options[..], &limits, &lists, &taken].concat();
    let made = container(&lab, &listeners.one, "modest", &all);
    let host = &made["HostConfig"];
    assert_eq!((&host["Init"], &host["OomScoreAdj"]), (&json!(true), &json!(500)));
    assert_eq!((&host["Memory"], &host["PidsLimit"]), (&json!(128 * MIB), &json!(50)));
    assert_eq!(host["NanoCpus"], 250_000_000);
    assert_eq!(host["RestartPolicy"]["Name"], "always");
    assert_has(&made["Config"]["Env"], &["MINE=kept", "SHARED=operator"], &["SHARED=client"]);
    let hosts = ["own:10.0.0.2", "mirror:10.0.0.1"];
    assert_has(&host["ExtraHosts"], &hosts, &["mirror:10.9.9.9"]);
    let file = listeners.proxy.folder().join("config.toml");
    let bind = format!("{}:/etc/ci/config.toml:ro", file.display());
    assert_has(&host["Binds"], &[&bind], &["/etc:/etc/ci/config.toml"]);
}

#[test]
fn a_create_cannot_exceed_a_cap() {
    let Some(lab) = Lab::open() else { return };
    let listeners = Listeners::start(&lab);
    let options = ["--memory", "1g", "--pids-limit", "-1", "--cpus", "1000"];
    let made = container(&lab, &listeners.one, "greedy", &options);
    assert_capped(&made);
}

fn assert_capped(container: &Value) {
    let host = &container["HostConfig"];
    assert_eq!((&host["Memory"], &host["PidsLimit"]), (&json!(512 * MIB), &json!(100)));
    assert_eq!(host["NanoCpus"], 500_000_000);
}

#[test]
fn an_update_cannot_lift_a_cap() {
    let Some(lab) = Lab::open() else { return };
    let listeners = Listeners::start(&lab);
    let options = ["--memory", "64m", "--pids-limit", "50", "--cpus", "0.25"];
    container(&lab, &listeners.one, "updated", &options);
    let name = lab.reserve(Kind::Container, "updated");
    let larger = ["--memory", "1g", "--memory-swap", "2g", "--pids-limit", "-1", "--cpus", "1000"];
    listeners.one.ok(&[&["update"], &larger[..], &[&name]].concat());
    assert_capped(&inspected(&lab, &name));

    let smaller = ["--memory", "128m", "--pids-limit", "60", "--cpus", "0.1"];
    listeners.one.ok(&[&["update"], &smaller[..], &[&name]].concat());
    let host = inspected(&lab, &name)["HostConfig"].take();
    assert_eq!((&host["Memory"], &host["PidsLimit"]), (&json!(128 * MIB), &json!(60)));
    assert_eq!(host["NanoCpus"], 100_000_000);

    // The command has no way to write these.
    let body = r#"{"Memory":-1,"MemorySwap":-1,"PidsLimit":0}"#;
    let length = body.len();
    let request = format!(
        "POST /containers/{name}/update HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let answer = converse(&listeners.proxy.socket(), request.as_bytes(), false);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let host = inspected(&lab, &name)["HostConfig"].take();
    assert_eq!((&host["Memory"], &host["PidsLimit"]), (&json!(512 * MIB), &json!(100)));
}

#[test]
fn an_exec_has_the_forced_user_and_variables() {
    let Some(lab) = Lab::open() else { return };
    let listeners = Listeners::start(&lab);
    let made = container(&lab, &listeners.one, "main", &[]);
    assert_eq!(made["Config"]["User"], "");
    let name = lab.reserve(Kind::Container, "main");
    let script = "id -u; echo $SHARED $MINE; grep CapEff /proc/self/status";
    let options = ["--user", "0", "--privileged", "--env", "SHARED=client", "--env", "MINE=kept"];
    let seen = listeners.one.ok(&[&["exec"], &options[..], &[&name, "sh", "-c", script]].concat());
    assert_eq!(seen, "65534\nexec kept\nCapEff:\t0000000000000000");
}

#[test]
fn networks_and_volumes_have_their_values() {
    let Some(lab) = Lab::open() else { return };
    let listeners = Listeners::start(&lab);
    let network = lab.reserve(Kind::Network, "net");
    listeners.one.ok(&["network", "create", &network]);
    let found =
        lab.inspect(Kind::Network, &network, "{{.Internal}} {{index .Labels \"ci.system\"}}");
    assert_eq!(found, "true one");
    let volume = lab.reserve(Kind::Volume, "data");
    listeners.one.ok(&["volume", "create", "--opt", "o=size=9g", &volume]);
    let found = lab.inspect(Kind::Volume, &volume, "{{json .Options}}");
    let wanted = json!({"type": "tmpfs", "device": "tmpfs", "o": "size=1m"});
    assert_eq!(serde_json::from_str::<Value>(&found).unwrap(), wanted);
}

#[test]
fn two_listeners_force_their_own_rules_at_the_same_time() {
    let Some(lab) = Lab::open() else { return };
    let listeners = Listeners::start(&lab);
    let name = |of: &str, n: u32| lab.reserve(Kind::Container, &format!("{of}{n}"));
    let names: Vec<_> = (0..5).map(|n| (name("one", n), name("other", n))).collect();
    thread::scope(|scope| {
        for (one, other) in &names {
            for (docker, name) in [(&listeners.one, one), (&listeners.other, other)] {
                let options = ["--detach", "--memory", "1g", "--name", name];
                let command = [lab.image(), "sleep", "1000"];
                let running = docker.start(&[&["run"], &options[..], &command].concat());
                scope.spawn(move || assert_eq!(running.finish().code, Some(0)));
            }
        }
    });
    for (one, other) in &names {
        let (one, other) = (inspected(&lab, one), inspected(&lab, other));
        for (made, system, memory, user, shared) in [
            (&one, "one", 512 * MIB, "", "SHARED=operator"),
            (&other, "other", 128 * MIB, "65534", "SHARED=other"),
        ] {
            assert_eq!(made["Config"]["Labels"]["ci.system"], system);
            assert_eq!(
                (&made["HostConfig"]["Memory"], &made["Config"]["User"]),
                (&json!(memory), &json!(user))
            );
            assert_has(&made["Config"]["Env"], &[shared], &[]);
        }
        assert_ne!(other["HostConfig"]["Init"], true);
        assert_ne!(other["HostConfig"]["CgroupParent"], lab.cgroup_parent.as_str());
    }
}

#[test]
fn the_tasks_of_a_service_have_its_values() {
    let Some(lab) = Lab::open() else { return };
    let _swarm = Swarm::join(&lab.direct);
    let listeners = Listeners::start(&lab);
    let service = lab.reserve(Kind::Service, "service");
    let options =
        ["--detach", "--no-resolve-image", "--limit-memory", "1g", "--env", "SHARED=client"];
    let create = [&["service", "create", "--name", &service], &options[..]].concat();
    listeners.one.ok(&[&create[..], &[lab.image(), "sleep", "1000"]].concat());
    let found = until("the service has a container", || task(&lab, &service));
    let made = inspected(&lab, &found);
    assert_eq!(made["Config"]["Labels"]["ci.system"], "one");
    assert_eq!(
        (&made["HostConfig"]["Memory"], &made["HostConfig"]["Init"]),
        (&json!(64 * MIB), &json!(true))
    );
    assert_eq!(made["Config"]["User"], "65534");
    assert_has(&made["Config"]["Env"], &["SHARED=operator"], &["SHARED=client"]);
    assert_has(&made["HostConfig"]["ExtraHosts"], &["mirror:10.0.0.1"], &[]);

    // An update replaces the whole specification.
    let update =
        ["service", "update", "--detach", "--limit-memory", "2g", "--env-add", "SHARED=client"];
    listeners.one.ok(&[&update[..], &["--user", "0", &service]].concat());
    let spec = lab.inspect(Kind::Service, &service, "{{json .Spec.TaskTemplate}}");
    let spec: Value = serde_json::from_str(&spec).unwrap();
    assert_eq!(spec["Resources"]["Limits"]["MemoryBytes"], 64 * MIB);
    assert_eq!(spec["ContainerSpec"]["User"], "0");
    assert_has(&spec["ContainerSpec"]["Env"], &["SHARED=operator"], &["SHARED=client"]);
}

/// A build that fails unless its steps have the values of builds.
const DOCKERFILE: &str = "FROM BASE\nARG SHARED\nARG MINE\n\
                          RUN grep '^10.0.0.1.*mirror' /etc/hosts && ! grep 10.9.9.9 /etc/hosts\n\
                          RUN test \"$SHARED $MINE\" = 'operator kept'\n";

const OPTIONS: [&str; 6] =
    ["--build-arg", "SHARED=client", "--build-arg", "MINE=kept", "--add-host", "mirror:10.9.9.9"];

fn assert_built(lab: &Lab, image: &str, built: &Finished) {
    assert_eq!(built.code, Some(0), "{built:?}");
    let label = lab.inspect(Kind::Image, image, "{{index .Config.Labels \"ci.system\"}}");
    assert_eq!(label, "one");
}

#[test]
fn the_steps_of_a_classic_build_have_its_values() {
    let Some(lab) = Lab::open() else { return };
    let listeners = Listeners::start(&lab);
    let image = lab.reserve(Kind::Image, "built");
    let context = buildkit::context(&lab, "context", DOCKERFILE);
    let arguments = ["build", "--no-cache", "--tag", &image];
    let built = listeners.one.run(&[&arguments[..], &OPTIONS, &[&context]].concat());
    assert_built(&lab, &image, &built);
}

#[test]
fn the_steps_of_a_build_by_buildkit_have_its_values() {
    let Some(lab) = buildkit::lab() else { return };
    let listeners = Listeners::start(&lab);
    let image = lab.reserve(Kind::Image, "built");
    let built = buildkit::build(&lab, &listeners.one, &image, &OPTIONS, DOCKERFILE);
    assert_built(&lab, &image, &built);
}

const PROJECT: &str = "
services:
  web:
    image: IMAGE
    command: sleep 1000
    stop_signal: SIGKILL
    mem_limit: 1g
    init: false
    environment: {SHARED: client, MINE: kept}
    extra_hosts: ['mirror:10.9.9.9']
    networks: [inner]
networks:
  inner: {}
";

#[test]
fn what_compose_makes_has_the_values() {
    let Some(lab) = Lab::open() else { return };
    let Some(program) = program() else {
        return skip("compose", "there is neither docker-compose nor docker compose");
    };
    let listeners = Listeners::start(&lab);
    let project = PROJECT.replace("IMAGE", lab.image());
    fs::write(lab.proxy.folder().join("docker-compose.yml"), project).unwrap();
    let run = |docker: &Docker, arguments: &[&str]| {
        let mut command = docker.command(&program[0]);
        command.args(&program[1..]).args(["--project-name", &lab.name]).args(arguments);
        command.current_dir(lab.proxy.folder().path());
        Running::start(&mut command).unwrap().finish()
    };
    let up = run(&listeners.one, &["up", "--detach"]);
    let filter = format!("label=com.docker.compose.project={}", lab.name);
    let made = lab.direct.ok(&["ps", "--all", "--quiet", "--filter", &filter]);
    let made = if made.is_empty() { Value::Null } else { inspected(&lab, &made) };
    let network = format!("{}_inner", lab.name);
    let network = lab.direct.run(&["network", "inspect", "--format", "{{.Internal}}", &network]);
    // Before anything that fails.
    run(&lab.direct, &DOWN);
    assert_eq!(up.code, Some(0), "{up:?}");
    let host = &made["HostConfig"];
    assert_eq!((&host["Memory"], &host["Init"]), (&json!(512 * MIB), &json!(true)));
    assert_has(&made["Config"]["Env"], &["SHARED=operator", "MINE=kept"], &["SHARED=client"]);
    assert_has(&host["ExtraHosts"], &["mirror:10.0.0.1"], &["mirror:10.9.9.9"]);
    assert_eq!(made["Config"]["Labels"]["ci.system"], "one");
    assert_eq!(network.out(), "true");
}
