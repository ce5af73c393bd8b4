//! The command `run`: its command's environment, signals, terminal, time and end. The daemon is scripted.

mod place;
mod removal;

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use place::{Ended, Place, Running, ended};

use super::ends::End;
use super::lab::{CHUNKED, LOGS};
use super::proxy::{binary, until};
use super::skip::skip;

#[test]
fn the_exit_code_is_that_of_the_command() {
    let place = Place::new();
    for (script, code) in [("exit 0", 0), ("exit 3", 3), ("kill -KILL $$", 137), ("kill $$", 143)] {
        assert_eq!(place.runs(&[], script).code, Some(code), "{script}");
    }
    assert!(place.directories().is_empty());
}

#[test]
fn a_command_that_cannot_be_started() {
    let place = Place::new();
    let file = place.folder.join("file");
    File::create(&file).unwrap();
    for (program, code) in [("no-such-command-7", 127), (file.to_str().unwrap(), 126)] {
        let ended = ended(place.command(&["--", program, "x"]));
        assert_eq!(ended.code, Some(code));
        assert!(ended.err.contains(&format!("cannot run {program:?}: ")), "{ended:?}");
    }
    assert!(place.directories().is_empty());
}

#[test]
fn flags_of_the_command_are_its_own() {
    let place = Place::new();
    let ended = ended(place.command(&["--label", "a=b", "echo", "--label", "--", "-x"]));
    assert_eq!((ended.out.as_str(), ended.code), ("--label -- -x\n", Some(0)));
}

#[test]
fn the_command_finds_the_proxy_by_its_environment() {
    let place = Place::new();
    let mut command = place.script(
        &[],
        "echo \"$DOCKER_HOST $DCP_RUN\"; env | grep -E '^DOCKER_(CONTEXT|TLS|CERT)'; ls -ld \"${DOCKER_HOST#unix://}\"",
    );
    let misleading = ["DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_CONTEXT"];
    command.envs(misleading.map(|name| (name, "1")));
    let ended = ended(command);
    let lines: Vec<&str> = ended.out.lines().collect();
    let [host, listed] = lines[..] else { panic!("{ended:?}") };
    let (socket, id) = host.strip_prefix("unix://").unwrap().split_once(' ').unwrap();
    let directory = format!("dockerd-ci-proxy-{id}");
    assert_eq!(Path::new(socket), place.folder.join(&directory).join("docker.sock"));
    assert!(listed.starts_with("srw-------"), "{listed}");
    assert_eq!(id.len(), 16);
    let daemon = place.folder.join("daemon");
    let line = format!(
        "dockerd-ci-proxy: run {id} uses the daemon at {} (DOCKER_HOST)\n",
        daemon.display()
    );
    assert_eq!((ended.err, ended.code), (line, Some(0)));
}

#[test]
fn only_the_user_can_enter_the_directory_which_is_gone_at_the_end() {
    let place = Place::new();
    let mut running = Running::start(place.script(&[], "echo ready; read line"));
    assert_eq!(running.line(), "ready");
    let directories = place.directories();
    assert_eq!(directories.len(), 1);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directories[0]), 0o700);
    assert_eq!(mode(&directories[0].join("docker.sock")), 0o600);
    assert_eq!(running.ends().code, Some(1));
    assert!(place.directories().is_empty());
}

#[test]
fn without_a_daemon_the_command_is_not_run() {
    let place = Place::new();
    let away = place.folder.join("away").display().to_string();
    let ended = place.runs(&["--dockersocket", &away], "echo run");
    assert_eq!((ended.code, ended.out.as_str()), (Some(3), ""));
    let begin =
        format!("dockerd-ci-proxy: error: {away} (--dockersocket): the daemon cannot be reached: ");
    assert!(ended.err.starts_with(&begin), "{ended:?}");
    assert!(ended.err.ends_with("; the command was not run\n"), "{ended:?}");
    let mut command = place.script(&[], "echo run");
    command.env("DOCKER_HOST", "tcp://127.0.0.1:2375");
    let refused = self::ended(command);
    assert_eq!((refused.code, refused.out.as_str()), (Some(2), ""));
    assert!(refused.err.contains("DOCKER_HOST: \"tcp://127.0.0.1:2375\" is not a UNIX socket"));
    assert!(place.directories().is_empty());
}

#[test]
fn signals_are_passed_on() {
    let place = Place::new();
    let names = ["HUP", "INT", "QUIT", "TERM", "USR1", "USR2"];
    let traps = names.map(|name| format!("trap 'echo {name}' {name}; ")).concat();
    let script = format!("{traps} echo ready; while ! read line; do :; done; echo $line; exit 5");
    let mut running = Running::start(place.script(&[], &script));
    assert_eq!(running.line(), "ready");
    let signals =
        [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM, Signal::USR1, Signal::USR2];
    for (signal, name) in signals.into_iter().zip(names) {
        running.signal(signal);
        assert_eq!(running.line(), name);
    }
    // Once more.
    running.signal(Signal::TERM);
    assert_eq!(running.line(), "TERM");
    running.writes("end\n");
    let ended = running.ends();
    assert_eq!((ended.out.as_str(), ended.code), ("end\n", Some(5)));
    assert!(place.directories().is_empty());
}

#[test]
fn a_signal_ends_the_command_and_the_rest_is_done() {
    let place = Place::new();
    let mut running = Running::start(place.script(&[], "echo ready; exec sleep 1000"));
    assert_eq!(running.line(), "ready");
    running.signal(Signal::TERM);
    assert_eq!(running.ends().code, Some(143));
    assert!(place.directories().is_empty());
}

#[test]
fn a_signal_that_is_ignored_at_the_start_stays_so() {
    let place = Place::new();
    let mut command = Command::new("sh");
    let program = binary();
    let inner = "echo ready; read line; echo $line; grep SigIgn: /proc/self/status";
    let words = ["-c", "trap '' HUP; exec \"$@\"", "sh", &program, "run", "--", "sh", "-c", inner];
    command.args(words);
    command.env("DOCKER_HOST", place.folder.join("daemon"));
    command.env("XDG_RUNTIME_DIR", place.folder.path());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = Running::start(command);
    assert_eq!(running.line(), "ready");
    running.signal(Signal::HUP);
    running.writes("still there\n");
    let ended = running.ends();
    assert!(ended.out.starts_with("still there\n"), "{ended:?}");
    let mask = ended.out.split("SigIgn:\t").nth(1).unwrap().trim();
    assert_eq!(u64::from_str_radix(mask, 16).unwrap() & 1, 1, "{mask}");
}

#[test]
fn the_command_has_the_limit_of_open_files_that_was_given() {
    let place = Place::new();
    let mut command = Command::new("sh");
    let program = binary();
    let words = [
        "-c",
        "ulimit -Sn 300; exec \"$@\"",
        "sh",
        &program,
        "run",
        "--",
        "sh",
        "-c",
        "ulimit -Sn",
    ];
    command.args(words);
    command.env("DOCKER_HOST", place.folder.join("daemon"));
    command.env("XDG_RUNTIME_DIR", place.folder.path());
    assert_eq!(ended(command).out, "300\n");
}

#[test]
fn a_time_limit_stops_the_command() {
    let place = Place::new();
    let script = "trap 'echo asked; exit 0' TERM; while :; do sleep 0.01; done";
    let stopped = place.runs(&["--timeout", "1"], script);
    assert_eq!((stopped.code, stopped.out.as_str()), (Some(124), "asked\n"));
    let line = "dockerd-ci-proxy: warn: the time of --timeout is over: the command gets SIGTERM\n";
    assert!(stopped.err.contains(line), "{stopped:?}");
    let script = "trap 'echo asked' TERM; while :; do sleep 0.01; done";
    let killed = place.runs(&["--timeout", "1", "--grace", "1"], script);
    assert_eq!((killed.code, killed.out.as_str()), (Some(124), "asked\n"));
    let line = "warn: the command has not ended within --grace, and gets SIGKILL\n";
    assert!(killed.err.contains(line), "{killed:?}");
    assert_eq!(place.runs(&["--timeout", "1000"], "exit 6").code, Some(6));
    assert!(place.directories().is_empty());
}

/// Starts a script with `run` in a terminal, and waits until it has written `ready`.
fn terminal(place: &Place, script: &str) -> Option<Running> {
    let mut command = Command::new("script");
    let file = place.folder.join("script");
    fs::write(&file, script).unwrap();
    // A shell that stays in between would die of the signals of the terminal, and its exit code would be the result.
    let words = format!("exec env --default-signal {} run -- sh {}", binary(), file.display());
    command.args(["--quiet", "--return", "--command", &words, "/dev/null"]);
    command.env("DOCKER_HOST", place.folder.join("daemon"));
    command.env("XDG_RUNTIME_DIR", place.folder.path());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if Command::new("script").arg("--version").output().is_err() {
        skip("the tests of run in a terminal", "there is no script(1)");
        return None;
    }
    let mut running = Running::start(command);
    while !running.line().contains("ready") {}
    Some(running)
}

/// Runs a script with `run` in a terminal, to whose keyboard `keys` come once it has written `ready`.
fn in_terminal(place: &Place, script: &str, keys: &str) -> Option<Ended> {
    let mut running = terminal(place, script)?;
    running.writes(keys);
    let status = until("run ends", || running.child.try_wait().unwrap());
    let mut out = String::new();
    running.stdout.read_to_string(&mut out).unwrap();
    Some(Ended { out, err: String::new(), code: status.code() })
}

#[test]
fn the_keys_of_a_terminal_reach_the_command_once() {
    let place = Place::new();
    // The proxy passes on a second signal behind one of the terminal.
    let script = "trap 'echo interrupted' INT\ntrap 'passed=1' USR1\ntest -t 0 && test -t 2 && echo ready\n\
                  while ! read line; do :; done\necho \"line $line\"\nkill -USR1 $PPID\n\
                  while test -z \"$passed\"; do sleep 0.01; done\nexit 9\n";
    let Some(ended) = in_terminal(&place, script, "\x03end\n") else { return };
    assert_eq!(ended.out.matches("interrupted").count(), 1, "{ended:?}");
    assert!(ended.out.contains("line end"), "{ended:?}");
    assert_eq!(ended.code, Some(9));
    assert!(place.directories().is_empty());
}

#[test]
fn ctrl_c_ends_the_command_but_not_the_proxy() {
    let place = Place::new();
    let Some(ended) = in_terminal(&place, "echo ready\nexec sleep 1000\n", "\x03") else { return };
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(place.directories().is_empty());
}

#[test]
fn the_end_of_the_terminal_reaches_the_command() {
    let place = Place::new();
    let gone = place.folder.join("gone");
    let script = format!(
        "trap '>{0}' HUP\necho ready\nwhile ! test -e {0}; do sleep 0.01; done\n",
        gone.display()
    );
    let Some(mut running) = terminal(&place, &script) else { return };
    // The proxy leads the session of the terminal, so nobody else gets the signal of the kernel.
    running.child.kill().unwrap();
    running.child.wait().unwrap();
    until("the command gets SIGHUP", || gone.exists().then_some(()));
    until("run ends", || place.directories().is_empty().then_some(()));
}

/// Connects to the proxy of a running `run`, whose script writes the path of its socket.
fn client(running: &mut Running) -> End {
    let host = running.line();
    End::new(UnixStream::connect(host.strip_prefix("unix://").unwrap()).unwrap())
}

/// Writes the path of the socket, and waits for a line.
const SERVE: &str = "echo $DOCKER_HOST; echo $DCP_RUN; read line";

fn create(body: &str) -> String {
    let length = body.len();
    format!(
        "POST /v1.40/containers/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
}

#[test]
fn what_the_command_creates_carries_the_label_of_the_run() {
    let place = Place::new();
    let mut running = Running::start(place.script(&["--label", "ci.job=7"], SERVE));
    let mut client = client(&mut running);
    let id = running.line();
    client.sends(create(r#"{"Image":"x"}"#));
    assert!(client.gets_head().starts_with("HTTP/1.1 201 Created\r\n"));
    drop(client);
    let ended = running.ends();
    assert_eq!(ended.out, "");
    let creates = place.daemon.with("POST ");
    assert_eq!(creates.len(), 1, "{creates:?}");
    for label in [
        "\"ci.job\":\"7\"".to_owned(),
        format!("\"dockerd-ci-proxy.run\":\"{id}\""),
        "\"dockerd-ci-proxy.given\":\"ci.job dockerd-ci-proxy.run\"".to_owned(),
    ] {
        assert!(creates[0].contains(&label), "{label} in {creates:?}");
    }
}

#[test]
fn refusals_are_visible() {
    let place = Place::new();
    let mut running = Running::start(place.script(&[], SERVE));
    let mut client = client(&mut running);
    client.sends(create("[]"));
    assert!(client.gets_head().starts_with("HTTP/1.1 400 "));
    drop(client);
    let ended = running.ends();
    assert!(ended.err.contains("dockerd-ci-proxy: warn: ContainerCreate refused"), "{ended:?}");
    assert!(!ended.err.contains("info: "), "{ended:?}");
}

#[test]
fn clients_that_outlive_the_command_are_cut_off() {
    let place = Place::new();
    let mut running = Running::start(place.script(&[], SERVE));
    let mut client = client(&mut running);
    client.sends(LOGS);
    client.gets(CHUNKED);
    let begin = Instant::now();
    running.writes("end\n");
    assert_eq!(running.ends().code, Some(0));
    client.is_closed();
    // Not the ten seconds that a service gives its clients.
    assert!(begin.elapsed() < Duration::from_secs(8));
    assert!(place.directories().is_empty());
}
