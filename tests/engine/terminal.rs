//! `-it`: docker in a terminal, which `script` plays.

use crate::support::{Docker, Lab, Running};

/// Docker in a terminal of its own; what is written to stdin is typed there.
fn in_terminal(lab: &Lab, docker_command: &str) -> Running {
    let command = format!("{} {docker_command}", Docker::program());
    let mut script = lab.docker.command("script");
    script.args(["--quiet", "--return", "--command", &command, "/dev/null"]);
    Running::start(&mut script).unwrap()
}

/// Waits for the prompt, types, and leaves with an exit code.
fn converse(lab: &Lab, docker_command: &str) {
    let mut terminal = in_terminal(lab, docker_command);
    terminal.await_output("# ");
    // The terminal echoes what is typed: the answer must differ from the question.
    terminal.write(b"test -t 0 && test -t 1 && echo is-$((40 + 2))-a-terminal\n");
    terminal.await_output("is-42-a-terminal");
    terminal.write(b"exit 5\n");
    let finished = terminal.finish();
    assert_eq!(finished.code, Some(5), "{finished:?}");
}

#[test]
fn run_gives_a_shell_in_a_terminal() {
    let Some(lab) = Lab::open() else { return };
    converse(&lab, &format!("run --rm -it {} sh", lab.image()));
}

#[test]
fn exec_gives_a_shell_in_a_terminal() {
    let Some(lab) = Lab::open() else { return };
    let container = lab.background(&[], "sleep 1000");
    converse(&lab, &format!("exec -it {container} sh"));
}

#[test]
fn ctrl_p_ctrl_q_leaves_the_container_running() {
    let Some(lab) = Lab::open() else { return };
    let container = lab.background(&["-it"], "echo ready; sleep 1000");
    let mut terminal = in_terminal(&lab, &format!("attach {container}"));
    // Attach shows nothing of what was before it: type, and see the echo.
    terminal.write(b"typed\n");
    terminal.await_output("typed");
    terminal.write(b"\x10\x11");
    let finished = terminal.finish();
    assert_eq!(finished.code, Some(0), "{finished:?}");
    lab.assert_confined(&container);
}
