//! Options that raise privileges: the daemon accepts them, and the preset `conservative` refuses them.

use crate::support::policy_rows::{self, Request};
use crate::support::{Docker, Kind, Lab, Proxy, converse};

fn post(lab: &Lab, proxy: Option<&Proxy>, target: &str, body: &str) -> (String, String) {
    let socket = proxy.map_or_else(|| lab.engine.socket.clone(), Proxy::socket);
    let length = body.len();
    let request = format!(
        "POST {target} HTTP/1.1\r\nHost: d\r\nConnection: close\r\nContent-Type: \
         application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let answer = converse(&socket, request.as_bytes(), false);
    let status = answer.split(' ').nth(1).unwrap_or_default().to_owned();
    (status, answer)
}

/// Returns the kind of object that a request creates, with the template that shows the part of it which the
/// rows have.
fn created(target: &str) -> Option<(Kind, &'static str)> {
    match target {
        "/containers/create" => Some((Kind::Container, "{{json .}}")),
        "/networks/create" => Some((Kind::Network, "{{json .}}")),
        "/volumes/create" => Some((Kind::Volume, "{{json .Options}}")),
        _ => None,
    }
}

/// Fails unless the inspection of an object has the values of `shown`: `PATH=JSON`, each behind a space.
fn assert_shown(inspection: &str, shown: &str) {
    let inspection: serde_json::Value = serde_json::from_str(inspection).unwrap();
    let inspection = inspection.to_string();
    for shown in shown.replace(" DriverOpts.", " HostConfig.").split(" HostConfig.") {
        let (path, value) = shown.split_once('=').unwrap_or((shown, "null"));
        let name = path.rsplit('.').next().unwrap_or_default();
        let is_plain = !value.contains("ID") && !value.contains('{') && value != "null";
        let sought = format!("{name}\":{value}");
        assert!(!is_plain || inspection.contains(&sought), "{sought} in {inspection}");
    }
}

/// Asks the daemon itself for what a row has, and returns `true` if it answers like the recorded engine.
fn works(lab: &Lab, version: &str, target: &str, request: &Request, body: &str) -> bool {
    let known = request.answers.iter().find(|[engine, ..]| version.starts_with(engine.as_str()));
    let (Some([_, status, shown]), Some((kind, format))) = (known, created(target)) else {
        return false;
    };
    if !status.starts_with('2') {
        return false;
    }
    let (got, answer) = post(lab, None, target, body);
    assert_eq!(got, *status, "{body} {answer}");
    let member = if kind == Kind::Volume { "\"Name\":\"" } else { "\"Id\":\"" };
    let name = answer.split(member).nth(1).unwrap().split('"').next().unwrap().to_owned();
    let inspection = lab.inspect(kind, &name, format);
    let removal = match kind {
        Kind::Container => &["rm", "--force", "--volumes", &name][..],
        Kind::Network => &["network", "rm", &name],
        _ => &["volume", "rm", &name],
    };
    lab.direct.ok(removal);
    assert_shown(&inspection, shown);
    true
}

#[test]
fn what_the_daemon_accepts_is_refused_by_the_preset() {
    let Some(lab) = Lab::open() else { return };
    let version = lab.direct.ok(&["version", "--format", "{{.Server.Version}}"]);
    let proxy =
        Proxy::start(&lab.engine.socket, &format!("{}-p", lab.name), &["--policy", "conservative"]);
    lab.remove_later(Kind::Container, "dcp-other");
    let options = ["--detach", "--name", "dcp-other", "--init", "--ipc", "shareable"];
    lab.direct.ok(&[&["run"], &options[..], &[lab.image(), "sleep", "1000"]].concat());
    for volume in ["dcp-etc", "dcp-volume"] {
        lab.remove_later(Kind::Volume, volume);
    }
    let mut seen = 0;
    for row in policy_rows::all().iter().filter(|row| created(&row.target).is_some()) {
        for request in &row.set {
            let body = request.body.as_ref().unwrap().to_string().replace("IMAGE", lab.image());
            seen += usize::from(works(&lab, &version, &row.target, request, &body));
            let (status, answer) = post(&lab, Some(&proxy), &row.target, &body);
            assert_eq!(status, "403", "{body} {answer}");
            assert!(answer.contains(&format!("(rule {})", row.rule)), "{body} {answer}");
        }
    }
    let is_recorded = ["20.10", "28.5"].iter().any(|engine| version.starts_with(engine));
    assert!(seen > 40 || !is_recorded, "only {seen}");
}

#[test]
fn an_ordinary_container_runs_under_the_preset() {
    let Some(lab) = Lab::open() else { return };
    let proxy =
        Proxy::start(&lab.engine.socket, &format!("{}-o", lab.name), &["--policy", "conservative"]);
    let docker = Docker::new(&proxy.socket(), proxy.folder().path());
    let volume = lab.reserve(Kind::Volume, "data");
    let mount = format!("{volume}:/data");
    let options =
        ["--rm", "--volume", &mount, "--memory", "64m", "--cap-drop", "ALL", "--tmpfs", "/t"];
    let ran = docker.ok(&[&["run"], &options[..], &[lab.image(), "echo", "here"]].concat());
    assert_eq!(ran, "here");
    let refused = docker.run(&["run", "--rm", "--privileged", lab.image(), "true"]);
    assert!(refused.err().contains("rule privileged"), "{refused:?}");
}
