//! Access to running containers: exec, attach, wait.

use crate::support::{Kind, Lab, noise};

#[test]
fn exec_passes_on_output_and_exit_code() {
    let Some(lab) = Lab::open() else { return };
    let container = lab.background(&[], "sleep 1000");
    let script = "echo out; echo err >&2; exit 9";
    let finished = lab.same(&["exec", &container, "sh", "-c", script]);
    assert_eq!(finished.code, Some(9));
}

#[test]
fn exec_passes_stdin_and_its_end() {
    let Some(lab) = Lab::open() else { return };
    let container = lab.background(&[], "sleep 1000");
    let sent = noise(1_000_000);
    let finished = lab.docker.run_with(&["exec", "-i", &container, "cat"], &sent);
    assert_eq!(finished.code, Some(0), "{}", finished.err());
    assert!(finished.stdout == sent, "{} bytes came back", finished.stdout.len());
}

#[test]
fn exec_runs_in_the_cgroup_of_its_container() {
    let Some(lab) = Lab::open() else { return };
    let container = lab.background(&["--cgroupns", "host"], "sleep 1000");
    lab.assert_confined_by(&lab.docker.ok(&["exec", &container, "cat", "/proc/self/cgroup"]));
}

#[test]
fn attach_talks_to_a_running_container() {
    let Some(lab) = Lab::open() else { return };
    // The second `read` is needed because docker may not show the output of a container that exits at once.
    let script = "read line; echo got $line; read line; exit 4";
    let container = lab.background(&["-i"], script);
    let mut attached = lab.docker.start(&["attach", &container]);
    attached.write(b"a line\n");
    attached.await_output("got a line");
    attached.write(b"enough\n");
    assert_eq!(attached.finish().code, Some(4));
}

#[test]
fn wait_tells_the_exit_code_when_the_container_ends() {
    let Some(lab) = Lab::open() else { return };
    let container = lab.background(&["-i"], "read line; exit 6");
    let mut waiting = lab.docker.start(&["wait", &container]);
    assert!(waiting.is_running());
    lab.docker.run_with(&["attach", &container], b"go\n");
    assert_eq!(waiting.finish().out(), "6");
    let code = lab.inspect(Kind::Container, &container, "{{.State.ExitCode}}");
    assert_eq!(code, "6");
}

#[test]
fn a_container_is_paused_restarted_renamed_and_stopped() {
    let Some(lab) = Lab::open() else { return };
    let container = lab.background(&["--stop-timeout", "1"], "sleep 1000");
    let state = || lab.inspect(Kind::Container, &container, "{{.State.Status}}");
    lab.docker.ok(&["pause", &container]);
    assert_eq!(state(), "paused");
    lab.docker.ok(&["unpause", &container]);
    lab.docker.ok(&["restart", "--time", "0", &container]);
    lab.assert_confined(&container);
    lab.docker.ok(&["stop", "--time", "0", &container]);
    assert_eq!(state(), "exited");
    lab.docker.ok(&["start", &container]);
    lab.docker.ok(&["kill", &container]);
    let renamed = lab.reserve(Kind::Container, "renamed");
    lab.docker.ok(&["rename", &container, &renamed]);
    lab.assert_labels(Kind::Container, &renamed, &[]);
}
