use super::*;
use crate::cli::{Command, parse};

fn config(words: &str) -> Listener {
    match parse(words.split(' ').map(Into::into), |_| None, &[]) {
        Ok(Command::Serve(mut config)) => config.listeners.remove(0),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_missing_socket_bind_source_is_a_warning_outside_of_containers() {
    let folder = std::env::temp_dir().join(format!("dcp-source-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let at = |name: &str| folder.join(name).display().to_string();
    fs::write(at("there"), "").unwrap();
    let of = |source: &str| config(&format!("--ls {} --socket-bind-source {source}", at("l")));
    let missed = |source: &str| missing_source(&of(source), false).is_some();
    assert!(missed(&at("none")));
    assert!(!missed(&at("./l")) && !missed(&at("there")));
    assert_eq!(missing_source(&of(&at("none")), true), None);
    assert_eq!(missing_source(&config("--ls /nowhere"), false), None);
    fs::remove_dir_all(folder).unwrap();
}
