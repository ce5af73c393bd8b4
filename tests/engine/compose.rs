//! docker compose: the old program or the newer plugin.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::buildkit::cli;
use crate::support::{Docker, Kind, Lab, Running, skip};

const PROJECT: &str = "
services:
  web:
    image: IMAGE
    command: sleep 1000
    stop_signal: SIGKILL
    labels: {mine: kept, ci.job: mine}
    cgroup_parent: /other
    volumes: ['data:/data']
    networks: [inner]
  job:
    build: .
    image: BUILT
    command: sleep 1000
    stop_signal: SIGKILL
    networks: [inner]
volumes:
  data: {labels: {mine: kept}}
networks:
  inner: {labels: {mine: kept}}
";

/// Returns `docker-compose`, `docker compose`, or the `docker-compose` beside the command with buildx: the
/// first that is installed.
pub(super) fn program() -> Option<Vec<String>> {
    let beside = Path::new(&cli()).with_file_name("docker-compose");
    let programs = [
        vec!["docker-compose".to_owned()],
        vec![Docker::program(), "compose".to_owned()],
        vec![beside.display().to_string()],
    ];
    programs.into_iter().find(|program| {
        let mut version = Command::new(&program[0]);
        version.args(&program[1..]).arg("version");
        version.output().is_ok_and(|output| output.status.success())
    })
}

/// A running compose project; taken down when dropped.
struct Project<'lab> {
    lab: &'lab Lab,
    program: Vec<String>,
}

impl Project<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.lab.docker.command(&self.program[0]);
        command
            .args(&self.program[1..])
            .args(["--project-name", &self.lab.name])
            .args(arguments)
            .current_dir(self.lab.proxy.folder().path());
        command
    }

    fn ok(&self, arguments: &[&str]) {
        let finished = Running::start(&mut self.command(arguments)).unwrap().finish();
        assert_eq!(finished.code, Some(0), "{arguments:?}: {finished:?}");
    }

    fn write(&self) {
        let lab = self.lab;
        let project = PROJECT
            .replace("IMAGE", lab.image())
            .replace("BUILT", &lab.reserve(Kind::Image, "built"));
        let dockerfile = format!("FROM {}\nLABEL dockerfile=kept\n", lab.image());
        fs::write(lab.proxy.folder().join("docker-compose.yml"), project).unwrap();
        fs::write(lab.proxy.folder().join("Dockerfile"), dockerfile).unwrap();
    }

    /// Returns the container's name: version 1 of compose joins with `_`, version 2 with `-`.
    fn container(&self, service: &str) -> String {
        let service = format!("label=com.docker.compose.service={service}");
        let project = format!("label=com.docker.compose.project={}", self.lab.name);
        let filters = ["--filter", &service, "--filter", &project];
        let list = ["ps", "--all", "--format", "{{.Names}}"];
        self.lab.direct.ok(&[&list[..], &filters].concat())
    }
}

impl Drop for Project<'_> {
    fn drop(&mut self) {
        let _ = self.command(&DOWN).output();
    }
}

pub(super) const DOWN: [&str; 4] = ["down", "--volumes", "--timeout", "1"];

#[test]
fn everything_that_compose_makes_is_labelled() {
    let Some(lab) = Lab::open() else { return };
    let Some(program) = program() else {
        return skip("compose", "there is neither docker-compose nor docker compose");
    };
    let project = Project { lab: &lab, program };
    project.write();
    project.ok(&["up", "--detach", "--build"]);
    assert_labelled(&lab, &project);
    project.ok(&DOWN);
    assert_eq!(project.container("web"), "");
}

fn assert_labelled(lab: &Lab, project: &Project) {
    let web = project.container("web");
    lab.assert_labels(Kind::Container, &web, &[("mine", "kept")]);
    lab.assert_confined(&web);
    let job = project.container("job");
    lab.assert_labels(Kind::Container, &job, &[("dockerfile", "kept")]);
    lab.assert_confined(&job);
    let network = format!("{}_inner", lab.name);
    lab.assert_labels(Kind::Network, &network, &[("mine", "kept")]);
    let volume = format!("{}_data", lab.name);
    lab.assert_labels(Kind::Volume, &volume, &[("mine", "kept")]);
    let image = format!("{}-built", lab.name);
    lab.assert_labels(Kind::Image, &image, &[("dockerfile", "kept")]);
}

/// A project for which nothing has to be built.
const SMALL: &str = "
services:
  web:
    image: IMAGE
    command: sleep 1000
    stop_signal: SIGKILL
    environment: {TURN: TURNS}
    labels: {mine: kept}
    volumes: ['data:/data', '/anonymous']
    networks: [inner]
volumes:
  data: {}
networks:
  inner: {}
";

/// Socket that compose uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Daemon,
    Proxy,
}

/// A project that is started twice, through one socket and then through the same or the other.
struct Turns<'lab> {
    lab: &'lab Lab,
    program: Vec<String>,
    name: String,
}

impl Turns<'_> {
    fn command(&self, by: By, arguments: &[&str]) -> Command {
        let docker = if by == By::Proxy { &self.lab.docker } else { &self.lab.direct };
        let mut command = docker.command(&self.program[0]);
        command
            .args(&self.program[1..])
            .args(["--project-name", &self.name])
            .args(arguments)
            .current_dir(self.lab.proxy.folder().path());
        command
    }

    /// Starts the project in the state of a turn. Returns `None` if this compose cannot recreate anything on this
    /// engine: version 1 needs a member of an image that Docker 28 no longer has.
    fn up(&self, by: By, turn: &str, options: &[&str]) -> Option<Seen> {
        let project = SMALL.replace("IMAGE", self.lab.image()).replace("TURNS", turn);
        fs::write(self.lab.proxy.folder().join("docker-compose.yml"), project).unwrap();
        let arguments = [&["up", "--detach", "--timeout", "1"], options].concat();
        let finished = Running::start(&mut self.command(by, &arguments)).unwrap().finish();
        if finished.err().contains("for web  'ContainerConfig'") {
            return None;
        }
        assert_eq!(finished.code, Some(0), "{by:?} {arguments:?}: {finished:?}");
        Some(self.seen())
    }

    fn seen(&self) -> Seen {
        let list = |arguments: &[&str]| {
            let filter = format!("label=com.docker.compose.project={}", self.name);
            self.lab.direct.ok(&[arguments, &["--no-trunc", "--filter", &filter]].concat())
        };
        let container = list(&["ps", "--all", "--format", "{{.ID}}"]);
        let anonymous =
            "{{range .Mounts}}{{if eq .Destination \"/anonymous\"}}{{.Name}}{{end}}{{end}}";
        let inspect = |kind, name: &str, format| self.lab.inspect(kind, name, format);
        let operators = "{{index .Labels \"ci.job\"}}";
        let anonymous = inspect(Kind::Container, &container, anonymous);
        let labelled = [
            inspect(Kind::Container, &container, "{{index .Config.Labels \"ci.job\"}}"),
            inspect(Kind::Volume, &anonymous, operators),
            inspect(Kind::Volume, &format!("{}_data", self.name), operators),
            inspect(Kind::Network, &format!("{}_inner", self.name), operators),
        ];
        let labelled = labelled.map(|label| label == self.lab.name);
        let network = inspect(Kind::Network, &format!("{}_inner", self.name), "{{.Id}}");
        Seen { container, anonymous, network, labelled }
    }
}

impl Drop for Turns<'_> {
    fn drop(&mut self) {
        let _ = self.command(By::Daemon, &DOWN).output();
    }
}

/// The resources of a project.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    container: String,
    /// The name of its anonymous volume.
    anonymous: String,
    network: String,
    /// For container, anonymous volume, named volume and network: `true` with the operator's labels.
    labelled: [bool; 4],
}

/// Compose compares the existing resources with the wanted ones by its own labels, so the operator's labels
/// make it recreate nothing. A recreated container keeps its volumes and network, with or without labels, as
/// they were created.
#[test]
fn recreation_across_the_proxy_is_as_without_it_but_for_the_labels() {
    let Some(lab) = Lab::open() else { return };
    let Some(program) = program() else {
        return skip("compose", "there is neither docker-compose nor docker compose");
    };
    let orders = [
        (By::Daemon, By::Daemon),
        (By::Daemon, By::Proxy),
        (By::Proxy, By::Daemon),
        (By::Proxy, By::Proxy),
    ];
    let recreated = orders.map(|(first, then)| {
        let name = format!("{}{first:?}{then:?}", lab.name).to_lowercase();
        recreates(&Turns { lab: &lab, program: program.clone(), name }, first, then)
    });
    assert!(recreated.iter().all(|one| *one == recreated[0]), "{recreated:?}");
}

/// Starts a project through `first` and then through `then`; returns `None` if compose cannot recreate here.
fn recreates(turns: &Turns<'_>, first: By, then: By) -> Option<()> {
    let order = format!("{first:?}, then {then:?}");
    let (by_first, by_second) = (first == By::Proxy, then == By::Proxy);
    let begin = turns.up(first, "1", &[]).unwrap();
    assert_eq!(begin.labelled, [by_first; 4], "{order}");
    // Without a change, compose does nothing.
    assert_eq!(turns.up(then, "1", &[]).unwrap(), begin, "{order}");
    // The service has changed.
    let after = turns.up(then, "2", &[])?;
    assert_ne!(after.container, begin.container, "{order}");
    assert_eq!((&after.anonymous, &after.network), (&begin.anonymous, &begin.network), "{order}");
    assert_eq!(after.labelled, [by_second, by_first, by_first, by_first], "{order}");
    // Without its old volumes, everything without a name is new. Compose leaves the old volume.
    turns.lab.remove_later(Kind::Volume, &after.anonymous);
    let renewed = turns.up(then, "2", &["--force-recreate", "--renew-anon-volumes"])?;
    assert_ne!(renewed.container, after.container, "{order}");
    assert_ne!(renewed.anonymous, after.anonymous, "{order}");
    assert_eq!(renewed.labelled, [by_second, by_second, by_first, by_first], "{order}");
    Some(())
}
