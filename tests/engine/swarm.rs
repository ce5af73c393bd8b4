//! Services, secrets and configs, which need a swarm.

use std::sync::Mutex;

use crate::support::{Docker, Kind, Lab, until};

/// Number of tests that use the swarm, and the cleanup after the last one.
struct Users {
    count: usize,
    /// The tests created the swarm and have to leave it.
    ours: bool,
    /// The tests created the network that leaving a swarm does not remove.
    bridge_is_ours: bool,
}

static USERS: Mutex<Users> = Mutex::new(Users { count: 0, ours: false, bridge_is_ours: false });
const BRIDGE: &str = "docker_gwbridge";

/// Keeps the engine in a swarm until dropped.
pub(super) struct Swarm<'lab>(&'lab Docker);

impl<'lab> Swarm<'lab> {
    pub(super) fn join(docker: &'lab Docker) -> Self {
        let mut users = USERS.lock().unwrap();
        if users.count == 0 {
            let state = docker.ok(&["info", "--format", "{{.Swarm.LocalNodeState}}"]);
            users.ours = state == "inactive";
            users.bridge_is_ours = docker.run(&["network", "inspect", BRIDGE]).code != Some(0);
            if users.ours {
                docker.ok(&["swarm", "init", "--advertise-addr", "127.0.0.1"]);
            }
        }
        users.count += 1;
        Self(docker)
    }
}

impl Drop for Swarm<'_> {
    fn drop(&mut self) {
        let Ok(mut users) = USERS.lock() else { return };
        users.count -= 1;
        if users.count > 0 || !users.ours {
            return;
        }
        let _ = self.0.try_run(&["swarm", "leave", "--force"]);
        if users.bridge_is_ours {
            let _ = self.0.try_run(&["network", "rm", BRIDGE]);
        }
    }
}

#[test]
fn a_secret_is_labelled() {
    let Some(lab) = Lab::open() else { return };
    let _swarm = Swarm::join(&lab.direct);
    let secret = lab.reserve(Kind::Secret, "password");
    let arguments =
        ["secret", "create", "--label", "mine=kept", "--label", "ci.job=mine", &secret, "-"];
    let created = lab.docker.run_with(&arguments, b"s3cret");
    assert_eq!(created.code, Some(0), "{created:?}");
    lab.assert_labels(Kind::Secret, &secret, &[("mine", "kept")]);
    lab.docker.ok(&["secret", "rm", &secret]);
}

#[test]
fn a_config_is_labelled() {
    let Some(lab) = Lab::open() else { return };
    let _swarm = Swarm::join(&lab.direct);
    let config = lab.reserve(Kind::Config, "settings");
    let arguments =
        ["config", "create", "--label", "mine=kept", "--label", "ci.job=mine", &config, "-"];
    let created = lab.docker.run_with(&arguments, b"colour: blue");
    assert_eq!(created.code, Some(0), "{created:?}");
    lab.assert_labels(Kind::Config, &config, &[("mine", "kept")]);
    let data = lab.inspect(Kind::Config, &config, "{{printf \"%s\" .Spec.Data}}");
    assert_eq!(data, "colour: blue");
    lab.docker.ok(&["config", "rm", &config]);
}

#[test]
fn a_service_and_its_tasks_are_labelled() {
    let Some(lab) = Lab::open() else { return };
    let _swarm = Swarm::join(&lab.direct);
    let service = lab.reserve(Kind::Service, "service");
    lab.docker.ok(&[
        "service",
        "create",
        "--detach",
        "--no-resolve-image",
        "--name",
        &service,
        "--label",
        "mine=kept",
        "--label",
        "ci.job=mine",
        "--container-label",
        "task=kept",
        "--container-label",
        "ci.job=mine",
        lab.image(),
        "sleep",
        "1000",
    ]);
    lab.assert_labels(Kind::Service, &service, &[("mine", "kept")]);
    let task = until("the service has a container", || task(&lab, &service));
    lab.assert_labels(Kind::Container, &task, &[("task", "kept")]);

    // An update replaces the whole specification; so does scaling.
    lab.docker.ok(&[
        "service",
        "update",
        "--detach",
        "--label-rm",
        "ci.job",
        "--env-add",
        "A=1",
        &service,
    ]);
    lab.docker.ok(&["service", "scale", "--detach", &format!("{service}=2")]);
    lab.assert_labels(Kind::Service, &service, &[("mine", "kept")]);
    let tasks = "{{json .Spec.TaskTemplate.ContainerSpec.Labels}}";
    lab.assert_label_map(&lab.inspect(Kind::Service, &service, tasks), &[("task", "kept")]);
    lab.docker.ok(&["service", "rm", &service]);
    until("the container is gone", || self::task(&lab, &service).is_none().then_some(()));
}

/// Returns a container of the service.
pub(super) fn task(lab: &Lab, service: &str) -> Option<String> {
    let filter = format!("label=com.docker.swarm.service.name={service}");
    let found = lab.direct.ok(&["ps", "--all", "--quiet", "--filter", &filter]);
    found.lines().next().map(str::to_owned)
}
