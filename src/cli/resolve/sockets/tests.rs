use super::*;
use crate::cli::resolve::tests::*;
use crate::cli::{Command, parse};
use crate::rules::socket::SocketBind;

#[test]
fn socket_bind_source_needs_rewrite() {
    for bind in ["refuse", "pass"] {
        let words = format!("--socket-bind-source /x --socket-bind {bind}");
        let why = "--socket-bind-source: has no effect with --socket-bind";
        assert_eq!(run(&words, &[]), Err(format!("{why} {bind}; expected --socket-bind rewrite")));
    }
    assert!(run("--socket-bind-source /x --socket-bind rewrite", &[]).is_ok());
}

#[test]
fn the_listening_socket_cannot_be_the_daemons() {
    let why = "--ls: is the same socket as DCP_DOCKER_SOCKET; the proxy would connect to itself";
    let env = [("DCP_DOCKER_SOCKET", "/tmp/../tmp/a")];
    assert_eq!(run("--ls /tmp/a", &env), Err(why.into()));
}

#[test]
fn the_stats_socket_cannot_be_another_socket() {
    let why = |words: &str| run(words, &[]).unwrap_err();
    let own = "; expected a socket of its own";
    let theirs = why("--ls /tmp/a --stats-socket /tmp/a");
    assert_eq!(theirs, format!("--stats-socket: is the same socket as --ls{own}"));
    let theirs = why("--ds /tmp/a --stats-socket /tmp/../tmp/a");
    assert_eq!(theirs, format!("--stats-socket: is the same socket as --ds{own}"));
}

#[test]
fn a_passed_socket_replaces_the_listening_socket_and_excludes_its_settings() {
    let path = std::path::Path::new("/run/passed");
    let run = |words: &str, env: fn(&str) -> Option<std::ffi::OsString>| match parse(
        words.split_whitespace().map(Into::into),
        env,
        &[Passed { name: "any".into(), path: path.into() }],
    ) {
        Ok(Command::Serve(mut config)) => {
            let listener = config.listeners.remove(0);
            Ok((listener.listen, listener.socket_bind.value))
        }
        Ok(other) => panic!("{other:?}"),
        Err(errors) => Err(lines(&errors)),
    };
    let rewritten = |to: &str| Ok((path.into(), SocketBind::Rewrite(to.into())));
    assert_eq!(run("", |_| None), rewritten("/run/passed"));
    assert_eq!(run("--socket-bind-source /on/host", |_| None), rewritten("/on/host"));
    let variable = |name: &str| (name == "DCP_LISTEN_SOCKET").then(|| "/l".into());
    let refusals = [
        ("--ls", run("--ls /l", |_| None)),
        ("DCP_LISTEN_SOCKET", run("", variable)),
        ("--socket-mode", run("--socket-mode 600", |_| None)),
        ("--socket-owner", run("--socket-owner 0", |_| None)),
        ("--socket-group", run("--socket-group 0", |_| None)),
    ];
    for (by, refusal) in refusals {
        let why = refusal.unwrap_err();
        assert!(why.starts_with(&format!("{by}: has no effect, since ")), "{why}");
    }
    assert_eq!(run("--ls unix:///run/../run/passed", |_| None), rewritten("/run/passed"));
    let itself = run("--ds /run/passed", |_| None).unwrap_err();
    assert!(itself.starts_with("LISTEN_FDS: is the same socket as --ds"), "{itself}");
}
