//! `-it`: docker in a terminal, which `script` provides.

use crate::support::{Docker, Lab, Running};

/// Starts docker in a terminal; its stdin is the keyboard.
fn in_terminal(lab: &Lab, docker_command: &str) -> Running {
    let command = format!("{} {docker_command}", Docker::program());
    let mut script = lab.docker.command("script");
    script.args(["--quiet", "--return", "--command", &command, "/dev/null"]);
    Running::start(&mut script).unwrap()
}

/// The terminal echoes its input, so the answer must differ from the question.
const QUESTION: &[u8] = b"test -t 0 && test -t 1 && echo is-$((40 + 2))-a-terminal\n";
const ANSWER: &str = "is-42-a-terminal";

/// Waits for the prompt, types, and exits with a code.
fn converse(lab: &Lab, docker_command: &str) {
    let mut terminal = in_terminal(lab, docker_command);
    terminal.await_output("# ");
    terminal.write(QUESTION);
    terminal.await_output(ANSWER);
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
    let container = lab.background(&["-it"], "exec sh");
    let mut terminal = in_terminal(&lab, &format!("attach {container}"));
    terminal.write(QUESTION);
    terminal.await_output(ANSWER);
    terminal.write(b"\x10\x11");
    let finished = terminal.finish();
    assert!(finished.out().contains("read escape sequence"), "{finished:?}");
    lab.assert_confined(&container);
}
