//! Runs an attack on both sides of the proxy and checks the result.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use serde_json::Value;

use super::exceptions::{Exception, exceptions};
use super::inventory::{Thing, ask, everything, flaws, remove_since, since};
use super::raw::bytes;
use super::support::{Docker, Kind, Lab, Proxy, Running, converse};

/// Expected result of an attack through the proxy.
#[derive(Debug)]
pub(crate) enum Wanted {
    /// It works, and everything that it creates is labelled.
    Labelled,
    /// The proxy refuses it with a reason, and nothing is created.
    Refused,
    /// It works, and its unlabelled resources belong to these classes of the closed list.
    Leaves(&'static [&'static str]),
    /// It leaves nothing behind.
    Nothing,
}

/// Time limit of a script in seconds, ten times more than any script needs.
const DEADLINE: &str = "30";

/// Results of an attack that did not end by itself: a script that `timeout` killed with TERM or KILL, and an
/// answer that is missing or incomplete.
const ENDLESS: [&str; 3] = ["Some(124)", "Some(137)", "<operation would block>"];

fn endless(told: &str) -> bool {
    let [term, kill, silence] = ENDLESS;
    told.starts_with(term) || told.starts_with(kill) || told.ends_with(silence)
}

/// One side of the proxy, for one attack.
pub(crate) struct Side<'l> {
    lab: &'l Lab,
    socket: PathBuf,
    docker: &'l Docker,
    /// The socket of the proxy that leaves anonymous volumes to the daemon.
    leaving: PathBuf,
    /// Name of the resource that it creates.
    name: String,
}

impl Side<'_> {
    /// Sends a request as bytes; returns the bytes until the connection ends.
    pub(crate) fn send(&self, request: &str, body: &str) -> String {
        let bytes = bytes(&self.filled(request), &self.filled(body));
        converse(&self.socket, &bytes, false)
    }

    /// Runs a script with `docker`; returns its output.
    pub(crate) fn run(&self, script: &str) -> String {
        // `timeout` makes a process group and kills all of it.
        let mut command: Command = self.docker.command("timeout");
        let script = format!("docker() {{ command $CLI \"$@\"; }}; {}", self.filled(script));
        command.args(["--kill-after=1", DEADLINE, "sh", "-ec", &script]);
        command.env("CLI", Docker::program());
        let finished = Running::start(&mut command).unwrap().finish();
        format!("{:?} {} {}", finished.code, finished.out(), finished.err())
    }

    fn filled(&self, text: &str) -> String {
        let folder = self.lab.proxy.folder().path().display().to_string();
        let daemon = &self.lab.engine.socket;
        text.replace("$IMAGE", self.lab.image())
            .replace("$NAME", &self.name)
            .replace("$VOLUMES", &fixture(self.lab, "volumes"))
            .replace("$FOREIGN", &fixture(self.lab, "foreign"))
            .replace("$SOCKETS", daemon.parent().unwrap().to_str().unwrap())
            .replace("$DAEMON", daemon.to_str().unwrap())
            .replace("$LEAVING", &format!("unix://{}", self.leaving.display()))
            .replace("$DIRECT", &format!("unix://{}", daemon.display()))
            .replace("$FOLDER", &folder)
    }
}

/// Creates a resource of the operator beforehand.
fn fixture(lab: &Lab, what: &str) -> String {
    format!("{}-{what}", lab.name)
}

/// Returns the API version of a request line, if any, in any spelling.
fn version(request: &str) -> Option<(u32, u32)> {
    let path = request.split([' ', '|']).nth(1)?;
    let path = path.replace("%76%31", "v1").replace("%2F", "/");
    number(path.strip_prefix("/v")?.split('/').next()?)
}

/// Reads two numbers with a dot between them, at the start of a text.
fn number(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[test]
fn the_version_of_a_request_is_known_in_each_spelling() {
    for (request, wanted) in [
        ("POST /containers/create", None),
        ("POST /v1.41/containers/create", Some((1, 41))),
        ("POST /v01.41/containers/create|X: y", Some((1, 41))),
        ("POST /v1.41./containers/create", Some((1, 41))),
        ("POST /v1.41.0/containers/create", Some((1, 41))),
        ("POST /%76%31.41%2Fcontainers%2fcreate", Some((1, 41))),
        ("POST /volumes/create", None),
        ("", None),
    ] {
        assert_eq!(version(request), wanted, "{request}");
    }
}

pub(crate) struct Stage {
    lab: Lab,
    /// A second proxy with `--anonymous-volumes leave`.
    leaving: Proxy,
    /// `20`, `28`, `29` or `podman`; empty for any other.
    engine: &'static str,
    /// The oldest API version of the engine. No attack works with an older one.
    oldest: (u32, u32),
    exceptions: Vec<Exception>,
    begin: BTreeMap<Thing, Value>,
    /// Flaws that attacks left and that the closed list excuses.
    excused: BTreeSet<(&'static str, String)>,
    wrong: Vec<String>,
    played: usize,
}

impl Stage {
    pub(crate) fn open() -> Option<Self> {
        let lab = Lab::open()?;
        let version = ask(&lab.engine.socket, "GET /version");
        let engine = match (version["Version"].as_str().unwrap(), version.to_string()) {
            (_, all) if all.contains("Podman Engine") => "podman",
            (version, _) if version.starts_with("20.10") => "20",
            (version, _) if version.starts_with("28.") => "28",
            (version, _) if version.starts_with("29.") => "29",
            _ => "",
        };
        let oldest = version["MinAPIVersion"].as_str().and_then(number).unwrap_or_default();
        let (volumes, foreign) = (fixture(&lab, "volumes"), fixture(&lab, "foreign"));
        lab.remove_later(Kind::Image, &volumes);
        lab.remove_later(Kind::Container, &foreign);
        let label = ["--label", "ci.job=theirs"];
        let create = [&["create", "--name", &foreign], &label[..], &[lab.image(), "true"]];
        let foreign_id = lab.direct.ok(&create.concat());
        lab.direct.ok(&["commit", "--change", "VOLUME /data", &foreign, &volumes]);
        let at = |name: &str| lab.proxy.folder().join(name);
        std::os::unix::fs::symlink(&lab.engine.socket, at("link")).unwrap();
        std::fs::create_dir_all(at("deep/er")).unwrap();
        std::os::unix::fs::symlink(at("deep/er"), at("away")).unwrap();
        let job = format!("ci.job={}", lab.name);
        let labels = ["--label", &job, "--label", "ci.team=web"];
        let rest = ["--cgroup-parent", &lab.cgroup_parent, "--anonymous-volumes", "leave"];
        let name = format!("{}-leaving", lab.name);
        let leaving = Proxy::start(&lab.engine.socket, &name, &[labels, rest].concat());
        let begin = everything(&lab.engine.socket);
        let others = begin
            .keys()
            .filter(|(kind, id)| !["network", "image"].contains(kind) && *id != foreign_id);
        assert_eq!(others.count(), 0, "the engine is in use; this wants one of its own: {begin:?}");
        let exceptions = exceptions();
        let (excused, wrong) = (BTreeSet::new(), Vec::new());
        Some(Self { lab, leaving, engine, oldest, exceptions, begin, excused, wrong, played: 0 })
    }

    /// Runs one attack. `works_on` are the engines on which it works without the proxy, if they have the API
    /// version of the request line.
    pub(crate) fn play(
        &mut self,
        way: &str,
        (works_on, request): (&str, &str),
        wanted: &Wanted,
        attack: impl Fn(&Side<'_>) -> String,
    ) {
        self.played += 1;
        let start = Instant::now();
        // The name comes first, so that a hanging attack is visible.
        say(&format!("{:3} {way}: ", self.played));
        let has_version = version(request).is_none_or(|version| version >= self.oldest);
        let works = has_version && works_on.split(' ').any(|engine| engine == self.engine);
        let wrong_before = self.wrong.len();
        self.play_direct(way, works, &attack);
        self.play_through(way, works, wanted, &attack);
        let verdict = if self.wrong.len() == wrong_before { "" } else { ", WRONG" };
        say(&format!("{:.1} s{verdict}\n", start.elapsed().as_secs_f32()));
    }

    /// Runs the attack on the daemon's own socket, where it must leave a flaw. Removes its resources, so that they
    /// are not mistaken for those of the attack through the proxy.
    fn play_direct(&mut self, way: &str, works: bool, attack: &impl Fn(&Side<'_>) -> String) {
        let before = everything(&self.lab.engine.socket);
        let told = attack(&self.side(false));
        let made = since(&before, &self.lab.engine.socket);
        let worked = !flaws(&self.lab, &made).is_empty();
        self.begin.extend(remove_since(&before, &self.lab.engine.socket));
        if endless(&told) || (worked != works && !self.engine.is_empty()) {
            self.wrong.push(format!("{way}: without the proxy, it works: {worked}: {told}"));
        }
    }

    fn play_through(
        &mut self,
        way: &str,
        works: bool,
        wanted: &Wanted,
        attack: &impl Fn(&Side<'_>) -> String,
    ) {
        let before = everything(&self.lab.engine.socket);
        let told = attack(&self.side(true));
        let made = since(&before, &self.lab.engine.socket);
        let flaws = flaws(&self.lab, &made);
        let right = match wanted {
            Wanted::Labelled => flaws.is_empty() && (!made.is_empty() || !works),
            Wanted::Refused => made.is_empty() && told.contains("dockerd-ci-proxy: "),
            Wanted::Leaves(classes) => self.excuse(classes, &flaws, works),
            Wanted::Nothing => made.is_empty(),
        };
        if endless(&told) || !right {
            self.wrong.push(format!("{way}: {wanted:?}, but {flaws:?} of {made:?}: {told}"));
        }
    }

    /// Returns `true` if all `flaws` belong to the allowed classes, and each of these classes occurs.
    fn excuse(
        &mut self,
        classes: &[&str],
        flaws: &BTreeSet<(&'static str, String)>,
        works: bool,
    ) -> bool {
        self.excused.extend(flaws.iter().cloned());
        let exceptions = classes.iter().map(|class| {
            let exception = self.exceptions.iter().find(|one| one.class == *class);
            exception.unwrap_or_else(|| panic!("{class} is not in the closed list"))
        });
        let holding: Vec<_> = exceptions.filter(|one| one.holds_on(self.engine)).collect();
        let excused = |flaw: &str| holding.iter().any(|one| one.kind == flaw);
        let left = |kind: &str| flaws.iter().any(|(flaw, _)| *flaw == kind);
        flaws.iter().all(|(flaw, _)| excused(flaw))
            && (!works || holding.iter().all(|one| left(one.kind)))
    }

    fn side(&self, through: bool) -> Side<'_> {
        let lab = &self.lab;
        let (docker, socket, leaving, letter) = if through {
            (&lab.docker, lab.proxy.socket(), self.leaving.socket(), "p")
        } else {
            (&lab.direct, lab.engine.socket.clone(), lab.engine.socket.clone(), "d")
        };
        let name = format!("{}-{}{letter}", lab.name, self.played);
        Side { lab, socket, docker, leaving, name }
    }

    /// Checks all resources of the daemon after the last attack.
    pub(crate) fn look_at_everything(self) {
        let made = since(&self.begin, &self.lab.engine.socket);
        let mut flaws = flaws(&self.lab, &made);
        flaws.retain(|flaw| !self.excused.contains(flaw));
        let _ = self.lab.direct.try_run(&["swarm", "leave", "--force"]);
        remove_since(&self.begin, &self.lab.engine.socket);
        let wrong = self.wrong.join("\n");
        assert!(self.wrong.is_empty() && flaws.is_empty(), "{wrong}\nin the end: {flaws:?}");
        assert!(made.len() > self.played / 2, "{} attacks made only {made:?}", self.played);
        eprintln!("{} attacks made {} things", self.played, made.len());
    }
}

/// Prints progress, past the capture of the test's output.
fn say(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}
