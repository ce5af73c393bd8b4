//! The preset `conservative`: each option that it refuses is first seen to work on the daemon's socket, and then
//! the same request is refused by the proxy. Values that mean the same as none pass, and what the preset allows.
//!
//! The rows are in `policy/*.txt`, in the form that `policy/rows.rs` describes. With `DCP_TEST_ALONE=1`, prunes without
//! a filter are sent to the daemon, too.

mod request;
mod rows;
mod tries;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use serde_json::Value;

use self::request::{Made, contains, merge, nested, parsed, sent};
use self::rows::{Case, Row, Sight, Verdict};
use self::tries::{Try, together, values};
use crate::support::{Docker, Kind, Lab, Proxy, exchange, skip};
use crate::swarm::Swarm;

/// `DAEMON` stands for the daemon's socket.
const CONFIG: &str = r#"
[[listener]]
name = "one"
socket = "FOLDER/s"
daemon = "DAEMON"
policy = { preset = "conservative" }

[[listener]]
name = "sources"
socket = "FOLDER/t"
daemon = "DAEMON"
policy = { preset = "conservative", bind_sources = ["FOLDER/source", "FOLDER/source-2:ro"] }
"#;

/// Number of rows that are tried at the same time.
const THREADS: usize = 4;

#[test]
fn conservative_refuses_what_raises_the_privileges_of_containers() {
    let Some(lab) = Lab::open() else { return };
    Bench::new(&lab).try_all(&["containers.txt"]);
}

#[test]
fn conservative_refuses_what_reaches_the_host_by_other_requests() {
    let Some(lab) = Lab::open() else { return };
    Bench::new(&lab).try_all(&["others.txt", "requests.txt"]);
}

#[test]
fn conservative_refuses_what_services_and_the_swarm_may_not() {
    let Some(lab) = Lab::open() else { return };
    if is_podman(&lab) {
        return skip("the policy about services", "the engine is Podman, which has no swarm");
    }
    let _swarm = Swarm::join(&lab.direct);
    Bench::new(&lab).try_all(&["swarm.txt", "swarm-requests.txt"]);
}

#[test]
fn an_ordinary_container_runs_under_conservative() {
    let Some(lab) = Lab::open() else { return };
    let name = format!("{}-ordinary", lab.name);
    let proxy = Proxy::start(&lab.engine.socket, &name, &["--policy", "conservative"]);
    let docker = Docker::new(&proxy.socket(), proxy.folder().path());
    let mount = format!("{}:/data", lab.reserve(Kind::Volume, "data"));
    let options = ["--volume", &mount, "--memory", "64m", "--cap-drop", "ALL", "--tmpfs", "/t"];
    let run = [&["run", "--rm"], &options[..], &[lab.image(), "echo", "here"]].concat();
    assert_eq!(docker.ok(&run), "here");
    let refused = docker.run(&["run", "--rm", "--privileged", lab.image(), "true"]);
    assert!(refused.err().contains("(rule privileged)"), "{refused:?}");
}

fn is_podman(lab: &Lab) -> bool {
    exchange(&lab.engine.socket, "GET", "/version", b"").1.contains("Podman")
}

/// The state that all rows share: the daemon, the proxy, and the meaning of the words of rows.
struct Bench {
    daemon: PathBuf,
    proxy: Proxy,
    /// The version of the API.
    api: (u32, u32),
    /// Podman has other options and inspections. There, only what the proxy does is tested.
    is_podman: bool,
    words: [(&'static str, String); 7],
    /// The prefix of all names.
    name: String,
    names: AtomicUsize,
    failures: Mutex<Vec<String>>,
    /// The requests that the engine refused itself.
    notes: Mutex<BTreeSet<String>>,
}

impl Bench {
    fn new(lab: &Lab) -> Self {
        let daemon = lab.engine.socket.clone();
        let file = CONFIG.replace("DAEMON", daemon.to_str().unwrap());
        let proxy = Proxy::configured(&format!("{}-policy", lab.name), &file);
        let source = proxy.folder().join("source");
        for folder in ["in", "../source-2"] {
            fs::create_dir_all(source.join(folder)).unwrap();
        }
        symlink("/etc", source.join("out")).unwrap();
        lab.reserve(Kind::Volume, "main");
        let main = lab.reserve(Kind::Container, "main");
        let options = ["--name", &main, "--hostname", "main-host", "--ipc", "shareable"];
        let run = [&["run", "--detach"], &options[..], &[lab.image(), "sleep", "1000"]].concat();
        lab.direct.ok(&run);
        // The daemon finds it at once, and searches fifteen seconds for others.
        let plugin = format!("{}-plugin", lab.name);
        let create = format!("POST /plugins/create?name={plugin} <plugin {plugin}>");
        let (method, target, content) = parsed(&create, "");
        exchange(&daemon, &method, &target, &content);
        let api = lab.direct.ok(&["version", "--format", "{{.Server.APIVersion}}"]);
        // Version 2 has a namespace of cgroups by default.
        let is_hidden = lab.engine.cgroup_version == "2";
        let inside = if is_hidden { "0::/".to_owned() } else { format!("{}/", lab.cgroup_parent) };
        Self {
            api: rows::version(&api),
            is_podman: is_podman(lab),
            words: [
                ("MAINID", lab.inspect(Kind::Container, &main, "{{.Id}}")),
                ("MAIN", main),
                ("PLUGIN", plugin),
                ("INSIDE", inside),
                ("PARENT", lab.cgroup_parent.clone()),
                ("IMAGE", lab.image().to_owned()),
                ("SOURCE", source.to_str().unwrap().to_owned()),
            ],
            daemon,
            proxy,
            name: lab.name.clone(),
            names: AtomicUsize::new(1),
            failures: Mutex::default(),
            notes: Mutex::default(),
        }
    }

    /// Tries all rows of the files.
    fn try_all(&self, files: &[&str]) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engine/policy");
        let files: Vec<_> =
            files.iter().map(|file| fs::read_to_string(folder.join(file)).unwrap()).collect();
        let rows: Vec<_> = files.iter().flat_map(|file| rows::read(file)).collect();
        let together = together(&rows);
        let next = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        match (rows.get(at), together.get(at.saturating_sub(rows.len()))) {
                            (Some(row), _) => self.try_row(row),
                            (None, Some(tries)) => self.try_together(tries),
                            (None, None) => break,
                        }
                    }
                });
            }
        });
        for note in &*self.notes.lock().unwrap() {
            // The output of `eprintln!` is hidden when a test passes.
            let _ = writeln!(std::io::stderr(), "not seen on this engine: {note}");
        }
        let failures = self.failures.lock().unwrap();
        assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
    }

    /// Tries all of a row but the values that pass, which are tried together with those of others.
    fn try_row(&self, row: &Row<'_>) {
        let name = self.fresh();
        for case in &row.cases {
            match Made::by(row.operation) {
                None => self.try_request(row, case, &name),
                Some(_) if case.verdict == Verdict::Passes => {}
                Some(made) => values(case).for_each(|value| {
                    self.try_refused(&Try { row, case, made, value });
                }),
            }
        }
    }

    fn fresh(&self) -> String {
        format!("{}-row{}", self.name, self.names.fetch_add(1, Ordering::Relaxed))
    }

    /// Returns the text with the words of rows replaced.
    fn filled(&self, text: &str, name: &str) -> String {
        let mut text = text.replace("NAME", name);
        for (word, value) in &self.words {
            text = text.replace(word, value);
        }
        for (kind, target) in [("SWARM", "/swarm"), ("NODE", "/nodes")] {
            if text.contains(kind) {
                let mut found = self.get(target).unwrap();
                let found = found.get_mut(0).map(Value::take).unwrap_or(found);
                text = text.replace(&[kind, "ID"].concat(), found["ID"].as_str().unwrap());
                let version = found["Version"]["Index"].to_string();
                text = text.replace(&[kind, "VERSION"].concat(), &version);
                text = text.replace(&[kind, "SPEC"].concat(), &found["Spec"].to_string());
            }
        }
        text
    }

    /// Asks the daemon.
    fn get(&self, target: &str) -> Option<Value> {
        let (status, answer) = exchange(&self.daemon, "GET", target, b"");
        (status == 200).then(|| serde_json::from_str(&answer).unwrap())
    }

    fn fail(&self, row: &Row<'_>, value: &str, what: &str) {
        let is_ours = ["ESCAPES", "it was created", "dockerd-ci-proxy"];
        if self.is_podman && !is_ours.into_iter().any(|ours| what.contains(ours)) {
            return self.note(row, &what.chars().take(150).collect::<String>());
        }
        let text = format!("{} {} {value}: {what}", row.operation, row.option);
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).push(text);
    }

    fn note(&self, row: &Row<'_>, what: &str) {
        let text = format!("{} {}: {}", row.operation, row.option, what.trim());
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).insert(text);
    }

    fn proxy(&self, row: &Row<'_>) -> PathBuf {
        self.proxy.folder().join(if row.has_sources { "t" } else { "s" })
    }

    /// Returns `true` if the engine accepted it. Notes a refusal that the row expects.
    fn is_accepted(&self, row: &Row<'_>, case: &Case<'_>, value: &str, answer: &Answer) -> bool {
        let is_old = case.since.is_some_and(|since| self.api < since);
        if is_old {
            self.note(row, &format!("version {:?} of the API: {}", self.api, answer.1));
        } else if answer.0 < 400 {
            return true;
        } else if case.engine.is_some_and(|engine| answer.1.contains(engine)) {
            self.note(row, &answer.1);
        } else {
            self.fail(row, value, &format!("the engine refuses it: {answer:?}"));
        }
        false
    }

    fn assert_refused(&self, row: &Row<'_>, value: &str, (status, answer): &Answer) {
        // This rule is about mounts in any form.
        let is_bind = row.rule == "bind_sources";
        let names = if is_bind { "the bind mount of" } else { row.names };
        let rule = format!("(rule {})", row.rule);
        let is_named = answer.contains(names) && answer.contains(&rule);
        if *status != 403 || !answer.contains("dockerd-ci-proxy: refused: the policy") || !is_named
        {
            self.fail(row, value, &format!("ESCAPES {names}, {rule}: {status} {answer}"));
        }
    }

    fn try_request(&self, row: &Row<'_>, case: &Case<'_>, name: &str) {
        let text = self.filled(case.values, name);
        let (method, target, content) = parsed(&text, &self.words[5].1);
        let send = |socket: &Path| sent(socket, &method, &target, &content);
        let shows = |(status, answer): &Answer| {
            let Sight::Shows(part) = case.sight else { return };
            if !format!("{status} {answer}").contains(&self.filled(part, name)) {
                self.fail(row, &text, &format!("no {part}: {status} {answer}"));
            }
        };
        match case.verdict {
            Verdict::Refused | Verdict::Alone => {
                self.assert_refused(row, &text, &send(&self.proxy(row)));
                if let Some(target) = case.absent
                    && self.get(&self.filled(target, name)).is_some()
                {
                    self.fail(row, &text, "it was created");
                }
                let is_alone = std::env::var("DCP_TEST_ALONE").is_ok_and(|value| value == "1");
                if case.verdict == Verdict::Refused || is_alone {
                    let answer = send(&self.daemon);
                    if self.is_accepted(row, case, &text, &answer) {
                        shows(&answer);
                    }
                }
            }
            Verdict::Passes => {
                let answer = send(&self.proxy(row));
                if self.is_accepted(row, case, &text, &answer) {
                    shows(&answer);
                }
            }
            Verdict::Direct => {
                let answer = send(&self.daemon);
                if answer.0 >= 400 {
                    self.fail(row, &text, &format!("{answer:?}"));
                }
            }
        }
    }

    fn try_refused(&self, tried: &Try<'_>) {
        let Try { row, case, made, value } = tried;
        let (text, name) = (value.to_string(), self.fresh());
        let (answer, found) = self.make(&self.daemon, &[tried], &name);
        if self.is_accepted(row, case, &text, &answer) {
            self.assert_seen(tried, &name, found.as_ref());
        }
        self.remove(made, &name, found.is_some());
        let name = self.fresh();
        let (answer, found) = self.make(&self.proxy(row), &[tried], &name);
        self.assert_refused(row, &text, &answer);
        if made.first.is_none() && found.is_some() {
            self.fail(row, &text, "it was created");
        }
        self.remove(made, &name, found.is_some());
    }

    /// Tries values that pass in one request; each in its own only if that fails.
    fn try_together(&self, tries: &[Try<'_>]) {
        let (all, first) = (tries.iter().collect::<Vec<_>>(), &tries[0]);
        let name = self.fresh();
        let (answer, found) = self.make(&self.proxy(first.row), &all, &name);
        self.remove(first.made, &name, found.is_some());
        if answer.0 < 400 && found.is_some() {
            return;
        }
        for tried in tries {
            let Try { row, case, made, value } = tried;
            let (text, name) = (value.to_string(), self.fresh());
            let (answer, found) = self.make(&self.proxy(row), &[tried], &name);
            if self.is_accepted(row, case, &text, &answer) && found.is_none() {
                self.fail(row, &text, "it was not created");
            }
            self.remove(made, &name, found.is_some());
        }
    }

    fn assert_seen(&self, tried: &Try<'_>, name: &str, found: Option<&Value>) {
        let Try { row, case, made, value } = tried;
        let value = serde_json::from_str(&self.filled(&value.to_string(), name)).unwrap();
        let own = made.shown(row.at, value);
        let (wanted, is_wanted) = match case.sight {
            Sight::AtItsPlace => (own, true),
            Sight::Ignored => (own, false),
            Sight::Shows(text) => (serde_json::from_str(&self.filled(text, name)).unwrap(), true),
        };
        let is_seen = found.is_some_and(|found| contains(found, &wanted));
        if is_seen != is_wanted {
            let found = found.map(Value::to_string).unwrap_or_default();
            self.fail(row, &wanted.to_string(), &format!("seen: {is_seen}; {found}"));
        }
    }

    /// Sends a request with these values of options; returns the answer, and the inspection.
    fn make(&self, socket: &Path, tries: &[&Try<'_>], name: &str) -> (Answer, Option<Value>) {
        let made = tries[0].made;
        let mut version = String::new();
        if let Some(first) = made.first.and_then(Made::by) {
            let (target, body) = (self.filled(first.target, name), self.filled(first.body, name));
            let answer = exchange(&self.daemon, "POST", &target, body.as_bytes());
            assert!(answer.0 < 300, "{answer:?}");
            let found = self.get(&self.filled(first.inspect, name)).unwrap();
            version = found["Version"]["Index"].to_string();
        }
        let mut body: Value = serde_json::from_str(made.body).unwrap();
        for tried in tries {
            merge(&mut body, nested(tried.row.at, tried.value.clone()));
        }
        let body = self.filled(&body.to_string(), name);
        let target = self.filled(made.target, name).replace("VERSION", &version);
        let answer = exchange(socket, "POST", &target, body.as_bytes());
        let told: Value = serde_json::from_str(&answer.1).unwrap_or_default();
        let id = told["Id"].as_str().unwrap_or("none");
        let found = self.get(&self.filled(made.inspect, name).replace("ID", id));
        (answer, found)
    }

    fn remove(&self, made: &Made, name: &str, is_there: bool) {
        if is_there && !made.delete.is_empty() {
            exchange(&self.daemon, "DELETE", &self.filled(made.delete, name), b"");
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let target = self.filled("/plugins/PLUGIN?force=1", "");
        exchange(&self.daemon, "DELETE", &target, b"");
    }
}

/// Status and content of a response.
type Answer = (u16, String);
