//! Many containers at once.

use std::io::Write;
use std::thread;
use std::time::Instant;

use serde_json::{Value, json};

use super::Scene;
use super::lists::send;
use crate::support::Kind;

/// Clients that create at the same time.
const CLIENTS: usize = 8;

/// Returns the number of containers: 40, or that of `DCP_TEST_MANY`.
fn count() -> usize {
    std::env::var("DCP_TEST_MANY").ok().and_then(|number| number.parse().ok()).unwrap_or(40)
}

#[test]
fn many_containers_go_in_order() {
    let Some(lab) = super::open() else { return };
    let scene = Scene::begin(&lab);
    let count = count();
    let network = lab.reserve(Kind::Network, "net");
    lab.docker.ok(&["network", "create", &network]);
    let (socket, began) = (lab.proxy.socket(), Instant::now());
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (network, image, name, socket) = (&network, lab.image(), &lab.name, &socket);
            scope.spawn(move || {
                for number in (client..count).step_by(CLIENTS) {
                    // A tenth is on the network of the job, with an anonymous volume and one with a name.
                    let body = match number % 10 {
                        0 => json!({
                            "Image": image, "Cmd": ["sleep", "1000"], "Volumes": {"/anonymous": {}},
                            "HostConfig": {"NetworkMode": network, "Binds": [format!("{name}-{number}:/v")]}
                        }),
                        _ => json!({"Image": image, "Cmd": ["sleep", "1000"]}),
                    };
                    let (status, answer) =
                        send(socket, "POST", "/containers/create", &body.to_string());
                    assert_eq!(status, 201, "{answer}");
                    let start = format!("/containers/{}/start", answer["Id"].as_str().unwrap());
                    let (status, answer) = send(socket, "POST", &start, "");
                    assert_eq!(status, 204, "{answer}");
                }
            });
        }
    });
    let created = began.elapsed();
    assert_eq!(scene.running(), count);
    scene.notes();
    let began = Instant::now();
    let reaped = scene.reap(&scene.label(), &["--format", "json"]);
    let took = began.elapsed();
    assert_eq!(reaped.code, Some(0), "{reaped:?}");
    let order = order(&String::from_utf8(reaped.stdout).unwrap());
    let report = format!(
        "{count} containers: created in {created:.1?}, removed in {took:.1?}, in this order: {order:?}\n"
    );
    // The output of `eprintln!` is hidden when a test passes.
    let _ = std::io::stderr().write_all(report.as_bytes());
    assert_eq!(order[..2], [("container".to_owned(), count), ("network".to_owned(), 1)]);
    assert_eq!(order[2], ("volume".to_owned(), count.div_ceil(10)));
    scene.is_over();
}

/// Returns the kinds of a report in JSON in their order, each with the number of things that follow each other.
fn order(report: &str) -> Vec<(String, usize)> {
    let lines = report.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let kinds: Vec<String> =
        lines.filter_map(|line| line["kind"].as_str().map(str::to_owned)).collect();
    let runs = kinds.chunk_by(|one, next| one == next);
    runs.map(|run| (run[0].clone(), run.len())).collect()
}
