//! `docker run`, and the forced values of a container.

use std::thread;

use crate::support::{Kind, Lab, noise, until};

#[test]
fn run_passes_on_output_and_exit_code() {
    let Some(lab) = Lab::open() else { return };
    let script = "echo out; echo err >&2; exit 7";
    let finished = lab.same(&["run", "--rm", lab.image(), "sh", "-c", script]);
    assert_eq!(finished.code, Some(7));
    assert_eq!((finished.out(), finished.err()), ("out".to_owned(), "err".to_owned()));
}

#[test]
fn a_container_is_labelled_and_confined() {
    let Some(lab) = Lab::open() else { return };
    let container = lab.background(&[], "sleep 1000");
    lab.assert_labels(Kind::Container, &container, &[]);
    lab.assert_confined(&container);
}

#[test]
fn what_the_client_set_itself_is_still_there() {
    let Some(lab) = Lab::open() else { return };
    let options = [
        "--label",
        "mine=kept",
        "--label",
        "empty=",
        "--env",
        "GREETING=grüß \"dich\"",
        "--workdir",
        "/tmp",
        "--hostname",
        "box",
        "--memory",
        "67108864",
        "--tmpfs",
        "/scratch",
        "--user",
        "0:0",
        "--init",
        "--ulimit",
        "nofile=100:200",
        "--restart",
        "on-failure:3",
    ];
    let container = lab.background(&options, "sleep 1000");
    lab.assert_labels(Kind::Container, &container, &[("mine", "kept"), ("empty", "")]);
    lab.assert_confined(&container);

    let twin = lab.reserve(Kind::Container, "twin");
    let mut arguments = vec!["run", "--detach", "--name", &twin];
    arguments.extend(options);
    arguments.extend([lab.image(), "sh", "-c", "sleep 1000"]);
    lab.direct.ok(&arguments);
    for format in
        ["{{json .Config.Env}}", "{{.Config.WorkingDir}} {{.Config.Hostname}} {{.Config.User}}"]
    {
        let ours = lab.inspect(Kind::Container, &container, format);
        assert_eq!(ours, lab.inspect(Kind::Container, &twin, format));
    }
    assert_eq!(host_config(&lab, &container), host_config(&lab, &twin));
}

/// Returns `HostConfig` without the forced values.
fn host_config(lab: &Lab, container: &str) -> serde_json::Value {
    let text = lab.inspect(Kind::Container, container, "{{json .HostConfig}}");
    let mut config: serde_json::Value = serde_json::from_str(&text).unwrap();
    config["CgroupParent"].take();
    config
}

#[test]
fn the_client_cannot_override_the_operators_labels() {
    let Some(lab) = Lab::open() else { return };
    let options = ["--label", "ci.job=mine", "--label", "ci.team=", "--label", "mine=kept"];
    let container = lab.background(&options, "sleep 1000");
    lab.assert_labels(Kind::Container, &container, &[("mine", "kept")]);
}

#[test]
fn the_client_cannot_leave_the_cgroup_parent() {
    let Some(lab) = Lab::open() else { return };
    let container = lab.background(&["--cgroup-parent", "/other"], "sleep 1000");
    lab.assert_confined(&container);
    let parent = lab.inspect(Kind::Container, &container, "{{.HostConfig.CgroupParent}}");
    assert_eq!(parent, lab.cgroup_parent);
}

#[test]
fn run_rm_leaves_no_container() {
    let Some(lab) = Lab::open() else { return };
    let name = lab.reserve(Kind::Container, "brief");
    let output = lab.docker.ok(&["run", "--rm", "--name", &name, lab.image(), "echo", "done"]);
    assert_eq!(output, "done");
    until("the container is removed", || {
        let left = lab.direct.ok(&["ps", "--all", "--quiet", "--filter", &format!("name={name}")]);
        left.is_empty().then_some(())
    });
}

#[test]
fn run_passes_five_megabytes_of_stdin_back_unharmed() {
    let Some(lab) = Lab::open() else { return };
    let sent = noise(5_000_000);
    let finished = lab.docker.run_with(&["run", "--rm", "-i", lab.image(), "cat"], &sent);
    assert_eq!(finished.code, Some(0), "{}", finished.err());
    assert!(finished.stdout == sent, "{} bytes came back", finished.stdout.len());
}

#[test]
fn ten_runs_at_a_time_are_all_labelled() {
    let Some(lab) = Lab::open() else { return };
    let names: Vec<_> = (0..10).map(|n| lab.reserve(Kind::Container, &n.to_string())).collect();
    thread::scope(|scope| {
        for name in &names {
            let arguments = ["run", "--name", name, lab.image(), "echo", name];
            let running = lab.docker.start(&arguments);
            scope.spawn(move || assert_eq!(running.finish().out(), *name));
        }
    });
    for name in &names {
        lab.assert_labels(Kind::Container, name, &[]);
    }
}

#[test]
fn create_and_start_and_attach_in_one_command() {
    let Some(lab) = Lab::open() else { return };
    let name = lab.reserve(Kind::Container, "made");
    let script = "read line; echo got $line; exit 4";
    lab.docker.ok(&["create", "-i", "--name", &name, lab.image(), "sh", "-c", script]);
    lab.assert_labels(Kind::Container, &name, &[]);
    let finished = lab.docker.run_with(&["start", "--attach", "--interactive", &name], b"a line\n");
    assert_eq!((finished.code, finished.out()), (Some(4), "got a line".to_owned()));
}
