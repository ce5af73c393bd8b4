use serde_json::json;

use super::*;
use crate::net::client::tests::{daemon, ok};
use crate::net::host::caller::tests::{Fake, ID, inspected};

/// An inspection by Docker 26.1, shortened.
fn job() -> Value {
    json!({
        "Id": ID,
        "State": {"Status": "running", "Running": true, "Pid": 4711},
        "Name": "/runner-abc-project-7-concurrent-0-build",
        "HostConfig": {
            "Binds": ["/srv/builds:/builds:rw"],
            "CgroupParent": "ci-7.slice",
            "Tmpfs": {"/builds/tmp/": "rw", "/run": ""},
            "Mounts": [{
                "Type": "volume", "Source": "work", "Target": "/w/",
                "VolumeOptions": {"Subpath": "a/b"},
            }],
        },
        "Mounts": [
            {"Type": "bind", "Source": "/srv/builds", "Destination": "/builds", "Mode": "", "RW": true},
            {
                "Type": "volume", "Name": "cache", "Source": "/var/lib/docker/volumes/cache/_data",
                "Destination": "/builds/../cache", "Driver": "local", "RW": true,
            },
            {
                "Type": "volume", "Name": "work", "Source": "/var/lib/docker/volumes/work/_data",
                "Destination": "/w", "Driver": "local", "RW": true,
            },
            {"Type": "volume", "Name": "remote", "Destination": "/r", "Driver": "rexray", "RW": true},
            {"Type": "tmpfs", "Source": "", "Destination": "/builds/scratch", "RW": true},
        ],
        "Config": {
            "Env": ["CI_JOB_ID=42", "OPTIONS=a=b", "EMPTY=", "BARE"],
            "Labels": {"com.gitlab.gitlab-runner.job.id": "42"},
        },
    })
}

#[test]
fn an_inspection_is_read() {
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let volume =
        |name: &str, place: &str| Source::Volume { name: name.to_owned(), place: place.to_owned() };
    let wanted = Container {
        id: ID.to_owned(),
        name: "runner-abc-project-7-concurrent-0-build".to_owned(),
        labels: vec![pair("com.gitlab.gitlab-runner.job.id", "42")],
        env: vec![pair("CI_JOB_ID", "42"), pair("OPTIONS", "a=b"), pair("EMPTY", "")],
        cgroup_parent: "ci-7.slice".to_owned(),
        mounts: vec![
            Mount::at("/builds/scratch", Source::Nothing),
            Mount::at("/builds/tmp", Source::Nothing),
            Mount::at("/builds", Source::Path("/srv/builds".to_owned())),
            Mount::at("/cache", volume("cache", "/var/lib/docker/volumes/cache/_data")),
            Mount::at("/run", Source::Nothing),
            Mount::at("/w", Source::Path("/var/lib/docker/volumes/work/_data/a/b".to_owned())),
            Mount::at("/r", volume("remote", "")),
        ],
    };
    assert_eq!(read(&job()), Ok(wanted));
}

#[test]
fn absent_parts_are_empty() {
    let empty = Container { id: ID.to_owned(), name: "x".to_owned(), ..Container::default() };
    for inspected in [
        json!({"Id": ID, "Name": "/x"}),
        json!({
            "Id": ID, "Name": "x", "Mounts": null, "Config": {"Env": null, "Labels": null},
            "HostConfig": {"CgroupParent": "", "Tmpfs": null},
        }),
    ] {
        assert_eq!(read(&inspected), Ok(empty.clone()), "{inspected}");
    }
}

#[test]
fn parts_of_another_type_are_named() {
    for (pointer, value, name) in [
        ("/Id", json!(1), "Id"),
        ("/Name", json!(null), "Name"),
        ("/Config/Env", json!({}), "Config.Env"),
        ("/Config/Env/0", json!(1), "Config.Env"),
        ("/Config/Labels", json!([]), "Config.Labels"),
        ("/Config/Labels/com.gitlab.gitlab-runner.job.id", json!(1), "Config.Labels"),
        ("/HostConfig/CgroupParent", json!(1), "HostConfig.CgroupParent"),
        ("/HostConfig/Tmpfs", json!([]), "HostConfig.Tmpfs"),
        ("/Mounts", json!({}), "Mounts"),
        ("/Mounts/0/Type", json!(1), "Type"),
        ("/Mounts/0/Source", json!(null), "Source"),
        ("/Mounts/1/Name", json!(null), "Name"),
        ("/Mounts/3/Destination", json!(null), "Destination"),
    ] {
        let mut inspected = job();
        *inspected.pointer_mut(pointer).unwrap() = value;
        let text = format!("the daemon's answer has no {name} of the type in its API");
        assert_eq!(read(&inspected), Err(Unknown::Daemon(text)), "{pointer}");
    }
}

/// Asks about a cgroup of this path, whose last part is the id.
fn ask(fake: &Fake, test: &str, path: &str, answer: Vec<u8>) -> Result<Answer, Unknown> {
    let daemon = daemon(test, &[(&format!("/containers/{ID}/json"), answer)]);
    let cgroup = Candidate { id: ID.to_owned(), path: path.to_owned() };
    let (daemon, kernel) = (daemon.to_path_buf(), fake.kernel);
    Inquiry { daemon, candidates: vec![cgroup], driver: false, root: false, kernel }.answer()
}

#[test]
fn a_cgroup_with_the_name_of_a_container_is_not_believed() {
    let fake = Fake::new();
    let own = format!("/docker/{ID}");
    fake.process(70, 5, &format!("0::{own}\n"));
    let running = ask(&fake, "own", &own, inspected(ID, 70)).unwrap().container.unwrap();
    assert_eq!((running.first, running.cgroup.path), ((70, 5), own.clone()));
    let elsewhere = |path: &str, pid| Err(Unknown::Elsewhere { path: path.to_owned(), pid });
    let evil = format!("/user.slice/evil/docker/{ID}");
    assert_eq!(ask(&fake, "evil", &evil, inspected(ID, 70)), elsewhere(&evil, 70));
    // The daemon has another pid namespace.
    assert_eq!(ask(&fake, "gone", &own, inspected(ID, u32::MAX)), elsewhere(&own, u32::MAX));
    let stopped = Err(Unknown::NotRunning(ID.to_owned()));
    assert_eq!(ask(&fake, "stopped", &own, inspected(ID, 0)), stopped);
}

#[test]
fn a_container_that_has_an_id_as_its_name_is_not_that_of_the_id() {
    let fake = Fake::new();
    let answer = ask(&fake, "name", &format!("/docker/{ID}"), inspected(&"b".repeat(64), 70));
    assert_eq!(answer.unwrap().container, None);
}

#[test]
fn a_container_that_the_daemon_does_not_describe_has_no_pid() {
    let fake = Fake::new();
    let text = format!(r#"{{"Id":"{ID}","Name":"/x"}}"#);
    let unknown = ask(&fake, "stateless", &format!("/docker/{ID}"), ok(&text)).unwrap_err();
    assert!(unknown.to_string().ends_with("has no State.Pid of the type in its API"), "{unknown}");
}

#[test]
fn the_owner_of_a_socket_is_the_oldest_container_that_mounts_it() {
    let entry = |id: &str, created: u64| {
        format!(r#"{{"Id":"{id}","Created":{created},"Mounts":[{{"Source":"/s"}}]}}"#)
    };
    let list = format!("[{},{},{}]", entry("c", 8), entry("b", 7), entry("a", 7));
    let inspected = r#"{"Id":"a","Name":"/a","Config":{},"HostConfig":{},"Mounts":[]}"#;
    let answers = [("/containers/json?all=1", ok(&list)), ("/containers/a/json", ok(inspected))];
    let daemon = daemon("owner", &answers);
    assert_eq!(owner(&daemon, Path::new("/s")).map(|owner| owner.id), Ok("a".to_owned()));
}
