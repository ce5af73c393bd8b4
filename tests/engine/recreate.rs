//! Containers that updaters recreate from an inspection, and anonymous volumes that are left to the daemon so
//! that the inspection does not show mounts of the proxy.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Docker, Kind, Lab, Proxy};

/// Sends a request; returns the status and the document of the answer.
fn api(socket: &Path, line: &str, body: &Value) -> (u16, Value) {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let body = body.to_string();
    let head = format!(
        "{line} HTTP/1.1\r\nHost: d\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let document = answer.split_once("\r\n\r\n").unwrap().1;
    // A long document comes in chunks.
    let (start, end) = (document.find('{').unwrap(), document.rfind('}').unwrap());
    let lines = document[start..=end].split("\r\n").step_by(2).collect::<String>();
    (status, serde_json::from_str(&lines).unwrap())
}

fn create(lab: &Lab, socket: &Path, name: &str, body: &Value) -> (u16, Value) {
    let name = lab.reserve(Kind::Container, name);
    api(socket, &format!("POST /containers/create?name={name}"), body)
}

fn inspection(lab: &Lab, container: &str) -> Value {
    let text = lab.direct.ok(&["container", "inspect", container]);
    serde_json::from_str::<Value>(&text).unwrap()[0].take()
}

/// Creates an image with a volume at `/data`.
fn image_with_volume(lab: &Lab) -> String {
    let image = lab.reserve(Kind::Image, "volumes");
    let seed = lab.reserve(Kind::Container, "seed");
    lab.direct.ok(&["create", "--name", &seed, lab.image(), "true"]);
    lab.direct.ok(&["commit", "--change", "VOLUME /data", &seed, &image]);
    image
}

/// Returns the body of a create that updaters derive from an inspection.
fn made_again(inspection: &Value) -> Value {
    let mut body = inspection["Config"].clone();
    body["HostConfig"] = inspection["HostConfig"].clone();
    body
}

#[test]
fn an_updater_keeps_the_anonymous_volume_of_a_container() {
    let Some(lab) = Lab::open() else { return };
    let image = image_with_volume(&lab);
    let first = lab.reserve(Kind::Container, "first");
    lab.docker.ok(&["create", "--name", &first, &image, "true"]);
    let (_, seen) = api(&lab.proxy.socket(), &format!("GET /containers/{first}/json"), &json!({}));
    assert_eq!(seen["HostConfig"]["Mounts"].as_array().unwrap().len(), 1, "{seen}");
    let volume = seen["Mounts"][0]["Name"].as_str().unwrap();
    lab.assert_labels(Kind::Volume, volume, &[]);

    let others = format!("{}-others", lab.name);
    let labels = ["--label", "ci.job=others", "--label", "ci.team=else"];
    let other = Proxy::start(&lab.engine.socket, &others, &labels);
    let bind = format!("{volume}:/data");
    for (at, socket) in [lab.proxy.socket(), other.socket()].iter().enumerate() {
        let mut body = made_again(&seen);
        let (status, made) = create(&lab, socket, &format!("plain-{at}"), &body);
        assert_eq!(status, 201, "{made}");
        let again = inspection(&lab, made["Id"].as_str().unwrap());
        let fresh = again["Mounts"][0]["Name"].as_str().unwrap();
        assert_ne!(fresh, volume);
        let job = if at == 0 { lab.name.as_str() } else { "others" };
        assert_eq!(lab.inspect(Kind::Volume, fresh, r#"{{index .Labels "ci.job"}}"#), job);

        body["HostConfig"]["Binds"] = json!([bind]);
        let (status, made) = create(&lab, socket, &format!("kept-{at}"), &body);
        assert_eq!(status, 201, "{made}");
        let again = inspection(&lab, made["Id"].as_str().unwrap());
        assert_eq!(again["Config"]["Labels"]["ci.job"], job);
        assert_eq!(again["Mounts"].as_array().unwrap().len(), 1, "{again}");
        assert_eq!(again["Mounts"][0]["Name"], volume);
        assert_eq!(again["HostConfig"]["Binds"], json!([bind]));
        assert_eq!(again["HostConfig"]["Mounts"].as_array().map_or(0, Vec::len), 0);
    }
}

/// So Docker 20.10, 26.1 and 28.5 behave. Therefore a mount of the proxy has to give way to binds and mounts,
/// or the daemon refuses the container; and to the other two, or the wrong one is mounted.
#[test]
fn a_mount_without_a_source_beside_another_one_is_refused_or_goes_before_it() {
    let Some(lab) = Lab::open() else { return };
    let donor = lab.reserve(Kind::Container, "donor");
    lab.direct.ok(&["create", "--name", &donor, "--volume", "/x", lab.image(), "true"]);
    let named = lab.reserve(Kind::Volume, "named");
    let mount = json!({"Type": "volume", "Target": "/x"});
    let cases = [
        (json!({"Mounts": [mount], "Binds": [format!("{named}:/x")]}), 400),
        (json!({"Mounts": [mount], "Binds": ["/tmp:/y/..//x/"]}), 400),
        (json!({"Mounts": [mount], "Binds": ["/x"]}), 400),
        (json!({"Mounts": [mount, {"Type": "tmpfs", "Target": "/x/"}]}), 400),
        (json!({"Mounts": [{"Type": "bind", "Source": "/tmp", "Target": "/x"}, mount]}), 400),
        (json!({"Mounts": [mount, mount]}), 400),
        (json!({"Mounts": [mount], "Tmpfs": {"/x": ""}}), 201),
        (json!({"Mounts": [mount], "VolumesFrom": [donor]}), 201),
    ];
    for (at, (host_config, wanted)) in cases.iter().enumerate() {
        let body = json!({"Image": lab.image(), "Cmd": ["true"], "HostConfig": host_config});
        // The client's own mounts are left to the daemon.
        for (side, socket) in [("d", &lab.engine.socket), ("p", &lab.proxy.socket())] {
            let (status, made) = create(&lab, socket, &format!("{side}{at}"), &body);
            assert_eq!(status, *wanted, "{side} {host_config}: {made}");
            if status == 400 {
                let why = made["message"].as_str().unwrap();
                assert!(why.starts_with("Duplicate mount point: /"), "{made}");
                continue;
            }
            let mounts = inspection(&lab, made["Id"].as_str().unwrap())["Mounts"].take();
            assert_eq!(mounts.as_array().unwrap().len(), 1, "{mounts}");
            let theirs = inspection(&lab, &donor)["Mounts"][0]["Name"].take();
            assert_ne!(mounts[0]["Name"], theirs, "a mount goes before a volume of others");
        }
    }
}

#[test]
fn a_container_looks_as_on_the_daemon_where_anonymous_volumes_are_left_to_it() {
    let Some(lab) = Lab::open() else { return };
    let image = image_with_volume(&lab);
    let leaving = format!("{}-leaving", lab.name);
    let job = format!("ci.job={}", lab.name);
    let flags = ["--label", &job, "--label", "ci.team=web", "--anonymous-volumes", "leave"];
    let proxy = Proxy::start(&lab.engine.socket, &leaving, &flags);
    let through = Docker::new(&proxy.socket(), proxy.folder().path());

    let options = ["--volume", "/more", "--mount", "type=volume,dst=/mine", &image, "true"];
    let run = |docker: &Docker, what: &str| {
        let name = lab.reserve(Kind::Container, what);
        docker.ok(&[&["create", "--name", &name], &options[..]].concat());
        inspection(&lab, &name)
    };
    let (through, direct) = (run(&through, "through"), run(&lab.direct, "direct"));
    let places = |inspection: &Value| {
        let mounts = inspection["Mounts"].as_array().unwrap().iter();
        let mut places: Vec<_> = mounts
            .map(|mount| ["Destination", "Type", "Driver", "Mode"].map(|key| mount[key].clone()))
            .map(|place| format!("{place:?}"))
            .collect();
        places.sort_unstable();
        places
    };
    assert_eq!(places(&through), places(&direct));
    assert_eq!(through["Config"]["Volumes"], direct["Config"]["Volumes"]);
    for field in ["Binds", "Tmpfs", "VolumesFrom"] {
        assert_eq!(through["HostConfig"][field], direct["HostConfig"][field], "{field}");
    }
    assert_eq!(through["Config"]["Labels"]["ci.job"], lab.name.as_str());
    // The client's own mount is labelled, and there is no other.
    let mounts = &through["HostConfig"]["Mounts"];
    assert_eq!(mounts.as_array().unwrap().len(), 1, "{mounts}");
    for mount in through["Mounts"].as_array().unwrap() {
        let volume = mount["Name"].as_str().unwrap();
        let labels = lab.inspect(Kind::Volume, volume, "{{json .Labels}}");
        assert_eq!(labels.contains("ci.job"), mount["Destination"] == "/mine", "{labels}");
    }

    // A container without such a mount has no mount at all.
    let body = json!({"Image": image, "HostConfig": {"Binds": ["/bound"]}});
    let made = [("p", &proxy.socket()), ("d", &lab.engine.socket)].map(|(side, socket)| {
        let (status, made) = create(&lab, socket, &format!("bare-{side}"), &body);
        assert_eq!(status, 201, "{made}");
        inspection(&lab, made["Id"].as_str().unwrap())
    });
    let [through, direct] = &made;
    assert_eq!(places(through), places(direct));
    assert_eq!(through["HostConfig"]["Mounts"], Value::Null);
    for field in ["Mounts", "Binds"] {
        assert_eq!(through["HostConfig"][field], direct["HostConfig"][field], "{field}");
    }
}
