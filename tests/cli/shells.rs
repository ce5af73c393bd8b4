//! Runs the completions in the shells, and the man page through groff.
//!
//! A test is skipped with a message if its program is missing; with `DCP_TEST_REQUIRE_ENGINE=1` it fails.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use dockerd_ci_proxy::cli::commands::COMMANDS;
use dockerd_ci_proxy::cli::flags::FLAGS;

use super::skip::skip;

/// Command lines, each with the only completion of its last word.
const CASES: &[(&str, &str)] = &[
    ("--str", "--strict"),
    ("hel", "help"),
    ("--socket-bind rew", "rewrite"),
    ("--socket-bind=pa", "--socket-bind=pass"),
    ("--debug --socket-owner roo", "root"),
    ("--dockersocket a-fi", "a-file"),
    ("--ls=a-fi", "--ls=a-file"),
];

/// Creates a folder with one file, for completions of paths.
fn folder(shell: &str) -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("dcp-shell-{shell}-{}", std::process::id()));
    fs::create_dir_all(&path).unwrap();
    fs::write(path.join("a-file"), "").unwrap();
    path
}

/// Returns the output of a program; `None` if it is missing.
fn output(program: &str, words: &[&str]) -> Option<String> {
    let folder = folder(program);
    let ran = Command::new(program)
        .args(words)
        .current_dir(&folder)
        .env("HOME", &folder)
        .env("COMPLETIONS", super::root().join("dist/completions"))
        .output();
    fs::remove_dir_all(folder).unwrap();
    let Ok(ran) = ran else {
        skip("a test of the completions or the man page", &format!("there is no {program}"));
        return None;
    };
    let errors = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && errors.is_empty(), "{program} {words:?}: {errors}");
    Some(String::from_utf8(ran.stdout).unwrap())
}

/// Returns all flags and commands.
fn everything() -> BTreeSet<String> {
    let shorts = FLAGS.iter().filter_map(|flag| Some(format!("-{}", flag.short?)));
    let names = FLAGS.iter().flat_map(|flag| flag.names).map(ToString::to_string);
    shorts.chain(names).chain(COMMANDS.iter().map(|command| command.word.to_owned())).collect()
}

/// Calls the function as readline does, which splits words at an equals sign.
const BASH: &str = r#"
    . "$COMPLETIONS/dockerd-ci-proxy.bash"
    COMP_WORDS=(dockerd-ci-proxy "$@") COMP_CWORD=$#
    _dockerd_ci_proxy
    printf '%s\n' "${COMPREPLY[@]}"
"#;

fn bash(words: &[&str]) -> Option<BTreeSet<String>> {
    let text = output("bash", &[&["--norc", "-c", BASH, "bash"], words].concat())?;
    Some(text.lines().filter(|line| !line.is_empty()).map(ToOwned::to_owned).collect())
}

#[test]
fn bash_completes() {
    let Some(all) = bash(&[""]) else { return };
    assert_eq!(all, everything());
    for (typed, wanted) in CASES {
        let spaced = typed.replace('=', " = ");
        let words: Vec<_> = spaced.split(' ').collect();
        let wanted = wanted.rsplit('=').next().unwrap();
        assert_eq!(bash(&words).unwrap(), BTreeSet::from([wanted.to_owned()]), "{typed}");
    }
    assert!(bash(&["--label", ""]).unwrap().is_empty());
    assert!(bash(&["--label", "a", "="]).unwrap().is_empty());
    assert_eq!(bash(&["--socket-bind", "="]).unwrap().len(), 3);
}

/// Runs an interactive zsh in a terminal; a key prints the line.
const ZSH: &str = r#"
    zmodload zsh/zpty
    TERM=dumb zpty terminal zsh -f -i
    zpty -w terminal "PS1=; fpath=($COMPLETIONS \$fpath); autoload -Uz compinit; compinit -u -D
        show() { print -r \"<\"\"<\$BUFFER>\"\">\"; BUFFER='' }
        zle -N show; bindkey '^X^X' show; bindkey '^I' complete-word; print rea''dy"
    zpty -r terminal seen '*ready*'
    for typed; do
        zpty -w -n terminal "dockerd-ci-proxy $typed"$'\t\x18\x18'
        zpty -r terminal seen '*<<*>>*'
        print -r -- ${${seen##*<<}%%>>*}
    done
    zpty -d terminal
"#;

#[test]
fn zsh_completes() {
    let typed = CASES.iter().map(|(typed, _)| *typed);
    let words: Vec<_> = ["-f", "-c", ZSH, "zsh"].into_iter().chain(typed).collect();
    let Some(lines) = output("zsh", &words) else { return };
    let wanted = CASES.iter().map(|(typed, last)| {
        let before = typed.rsplit_once(' ').map_or(String::new(), |(words, _)| format!("{words} "));
        format!("dockerd-ci-proxy {before}{last}")
    });
    assert_eq!(lines.lines().map(str::trim_end).collect::<Vec<_>>(), wanted.collect::<Vec<_>>());
}

fn fish(typed: &str) -> Option<BTreeSet<String>> {
    let script = format!(
        "source $COMPLETIONS/dockerd-ci-proxy.fish; complete -C 'dockerd-ci-proxy {typed}'"
    );
    let text = output("fish", &["--no-config", "-c", &script])?;
    let word = |line: &str| line.split('\t').next().unwrap().to_owned();
    Some(text.lines().map(word).collect())
}

#[test]
fn fish_completes() {
    let Some(words) = fish("") else { return };
    let sets = [words, fish("-").unwrap(), fish("--").unwrap()];
    assert_eq!(sets.into_iter().flatten().collect::<BTreeSet<_>>(), everything());
    for (typed, wanted) in CASES {
        assert_eq!(fish(typed).unwrap(), BTreeSet::from([(*wanted).to_owned()]), "{typed}");
    }
}

#[test]
fn groff_accepts_the_man_page_without_warnings() {
    let page = super::root().join("dist/man/dockerd-ci-proxy.8");
    output("groff", &["-ww", "-man", "-Tutf8", "-z", page.to_str().unwrap()]);
}
