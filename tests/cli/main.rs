//! The command line as a user meets it: what the built binary prints and how it ends, and that
//! `docs/reference.md`, `docs/configuration.md`, the man page and the completions of the shells agree with it.

#![allow(clippy::unwrap_used, reason = "the helpers here are tests too")]

mod check;
mod completions;
mod configured;
mod man;
mod shells;
#[path = "../support/skip.rs"]
mod skip;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use dockerd_ci_proxy::cli::commands::COMMANDS;
use dockerd_ci_proxy::cli::doc;

/// Runs the binary with these arguments, and with only these `DCP_` variables.
fn run<S: AsRef<OsStr>>(args: &[S], env: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dockerd-ci-proxy"));
    for (name, _) in std::env::vars_os() {
        if name.as_bytes().starts_with(b"DCP_") {
            command.env_remove(name);
        }
    }
    command.args(args).envs(env.iter().copied());
    command.output().unwrap()
}

/// Returns the output of a run that fails with 2, which must be one line on standard error.
fn refused<S: AsRef<OsStr>>(args: &[S], env: &[(&str, &str)]) -> String {
    let output = run(args, env);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    text.trim_end().to_owned()
}

#[test]
fn help_goes_to_standard_output() {
    for word in ["--help", "-h", "help"] {
        let output = run(&[word], &[("DCP_DEBUG", "not read")]);
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(String::from_utf8(output.stdout).unwrap(), doc::help(None));
        assert!(output.stderr.is_empty());
    }
}

#[test]
fn a_command_has_a_help_of_its_own() {
    for command in COMMANDS.iter().filter(|command| command.word != "help") {
        let output = run(&[command.word, "--help"], &[]);
        assert_eq!(String::from_utf8(output.stdout).unwrap(), doc::help(Some(command)));
        assert!(output.stderr.is_empty());
    }
}

#[test]
fn a_command_that_was_probably_meant_is_named() {
    let error = refused(&["reep", "--label", "a=b"], &[]);
    assert_eq!(error, "dockerd-ci-proxy: \"reep\": unknown command; did you mean reap?");
    let error = refused(&["--debug", "reep"], &[]);
    assert_eq!(error, "dockerd-ci-proxy: \"reep\": unexpected argument; see --help");
}

#[test]
fn the_version_is_that_of_the_package() {
    for word in ["--version", "-v"] {
        let output = run(&[word], &[]);
        assert_eq!(output.status.code(), Some(0));
        let text = concat!("dockerd-ci-proxy ", env!("CARGO_PKG_VERSION"), "\n");
        assert_eq!(String::from_utf8(output.stdout).unwrap(), text);
    }
}

#[test]
fn mistakes_name_the_flag_and_exit_with_2() {
    assert_eq!(
        refused(&["--lable", "a=b"], &[]),
        "dockerd-ci-proxy: --lable: unknown flag; did you mean --label?"
    );
    assert_eq!(
        refused(&["--label", "ci.job"], &[]),
        "dockerd-ci-proxy: --label: \"ci.job\" has no \"=\"; expected KEY=VALUE"
    );
    assert_eq!(
        refused(&["--label", "a b=c"], &[]),
        "dockerd-ci-proxy: --label: the label key \"a b\" contains whitespace"
    );
    assert_eq!(
        refused(&["--label", "a=b\nc"], &[]),
        "dockerd-ci-proxy: --label: the label \"a=b\\nc\" contains NUL, CR or LF"
    );
}

#[test]
fn the_exit_code_is_the_same_if_nothing_can_be_printed() {
    let folder = std::env::temp_dir();
    let nowhere = folder.join("dcp-no-such-folder/socket");
    let nowhere = nowhere.to_str().unwrap();
    let status = ["status", "--stats-socket", nowhere];
    let check = ["--check", "--ds", nowhere, "--ls", nowhere];
    let runs: [&[&str]; 4] = [&["--lable"], &status, &check, &["--help"]];
    for args in runs {
        let ends = |out: Stdio, errors: Stdio| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_dockerd-ci-proxy"));
            command.args(args).stdout(out).stderr(errors).status().unwrap().code()
        };
        let full = || Stdio::from(File::options().write(true).open("/dev/full").unwrap());
        let unread = || Stdio::from(std::io::pipe().unwrap().1);
        let printed = ends(Stdio::null(), Stdio::null());
        assert_eq!(ends(Stdio::null(), full()), printed, "{args:?}");
        assert_eq!(ends(Stdio::null(), unread()), printed, "{args:?}");
        if args == ["--help"] {
            assert_eq!(ends(full(), full()), Some(1));
        }
    }
}

#[test]
fn mistakes_in_the_environment_name_the_variable() {
    assert_eq!(
        refused::<&str>(&[], &[("DCP_LISTEN_SOCKET", "/run/")]),
        "dockerd-ci-proxy: DCP_LISTEN_SOCKET: \"/run/\" is not the path of a socket"
    );
}

#[test]
fn a_label_that_is_not_utf_8_is_refused() {
    let args = [OsStr::new("--label"), OsStr::from_bytes(b"a=\xff")];
    let text = refused(&args, &[]);
    assert_eq!(text, "dockerd-ci-proxy: --label: \"a=\u{fffd}\" is not UTF-8");
}

/// Compares a file with its generated text. With `UPDATE_DOCS=1` in the environment, writes the file instead.
fn is_as_generated(path: &Path, generated: &str) {
    if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
        fs::write(path, generated).unwrap();
        return;
    }
    let found = fs::read_to_string(path).unwrap_or_default();
    let hint = "to update it: UPDATE_DOCS=1 cargo test --test cli";
    assert_eq!(found, generated, "{}; {hint}", path.display());
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Replaces the text between `<!-- name -->` and `<!-- /name -->`.
fn with_block(text: &str, name: &str, block: &str) -> String {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let (before, rest) = text.split_once(&begin).unwrap();
    let (_, after) = rest.split_once(&end).unwrap();
    [before, &begin, block, &end, after].concat()
}

#[test]
fn reference_lists_the_flags_and_exit_codes_of_the_tables() {
    let path = root().join("docs/reference.md");
    let reference = fs::read_to_string(&path).unwrap();
    let with_flags = with_block(&reference, "flags", &doc::markdown());
    is_as_generated(&path, &with_block(&with_flags, "exit codes", &doc::exit_codes()));
}

#[test]
fn the_page_about_the_file_lists_the_keys_and_options_of_the_tables() {
    let path = root().join("docs/configuration.md");
    let page = fs::read_to_string(&path).unwrap();
    let with_keys = with_block(&page, "keys", &doc::keys());
    let request = "explain --config config.toml --listener gitlab POST /containers/create";
    let explained = configured::explained(&page, "# The configuration file", "explain", request);
    let page = with_block(&with_keys, "explain", &explained);
    let request = "explain --config config.toml POST /containers/create";
    let explained = configured::explained(&page, "## Policy", "explain policy", request);
    let page = with_block(&page, "explain policy", &explained);
    let page = with_block(&page, "policy options", &doc::policy_options());
    let page = with_block(&page, "operations", &doc::operations());
    is_as_generated(&path, &with_block(&page, "options", &doc::options()));
}

#[test]
fn the_page_about_policies_shows_what_explain_prints() {
    let path = root().join("docs/policy.md");
    let page = fs::read_to_string(&path).unwrap();
    let request = "explain --config config.toml --listener gitlab POST /containers/create";
    let explained = |page: &str| configured::explained(page, "# Policies", "trial", request);
    let with_trial = with_block(&page, "trial", &explained(&page));
    let refused = explained(&page.replacen("trial = true\n", "", 1));
    is_as_generated(&path, &with_block(&with_trial, "refused", &refused));
}

#[test]
fn the_policies_of_the_page_are_right_and_all_rules_of_the_preset_are_in_its_table() {
    let page = fs::read_to_string(root().join("docs/policy.md")).unwrap();
    let examples = page.split("```toml\n").skip(1).map(|rest| rest.split_once("```").unwrap().0);
    let listener = "[[listener]]\nname = \"a\"\nsocket = \"/run/a\"\n";
    let mut count = 0;
    for example in examples {
        let file = std::env::temp_dir().join(format!("dcp-policy-{}.toml", std::process::id()));
        let has_listener = example.contains("[[listener]]");
        fs::write(&file, [if has_listener { "" } else { listener }, example].concat()).unwrap();
        let output = run(&["explain", "--config", file.to_str().unwrap(), "GET", "/_ping"], &[]);
        fs::remove_file(&file).unwrap();
        assert!(output.status.success(), "{example}{output:?}");
        count += 1;
    }
    assert!(count > 3);
    let preset = run(&["explain", "--preset", "conservative"], &[]).stdout;
    let preset = String::from_utf8(preset).unwrap();
    let rules = preset.split("{ name = \"").skip(1).map(|rest| rest.split('"').next().unwrap());
    for rule in rules {
        assert!(page.contains(&format!("`{rule}`")), "{rule} of conservative");
    }
}

/// Returns the targets of the links of a page that lead to files or headings here.
fn links(page: &str) -> impl Iterator<Item = &str> {
    let targets = page.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    targets.map(|(target, _)| target).filter(|target| !target.contains("://"))
}

/// Returns the anchors that GitHub gives the headings of a page.
fn anchors(page: &str) -> Vec<String> {
    let headings = page.lines().filter(|line| line.starts_with('#'));
    let plain = |letter: &char| letter.is_alphanumeric() || "-_ ".contains(*letter);
    let anchor = |line: &str| line.trim_start_matches('#').trim().chars().filter(plain).collect();
    headings
        .map(|line| {
            let text: String = anchor(line);
            text.to_lowercase().replace(' ', "-")
        })
        .collect()
}

#[test]
fn the_links_of_the_pages_resolve() {
    let mut pages =
        vec![root().join("README.md"), root().join("SECURITY.md"), root().join("CHANGELOG.md")];
    let docs = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    pages.extend(docs.filter(|path| path.extension().is_some_and(|end| end == "md")));
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        for link in links(&text) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let path =
                if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            assert!(path.exists(), "{}: {link}", page.display());
            let is_there =
                || anchors(&fs::read_to_string(&path).unwrap()).iter().any(|it| it == anchor);
            assert!(anchor.is_empty() || is_there(), "{}: {link}", page.display());
        }
    }
}

#[test]
fn the_man_page_is_up_to_date() {
    is_as_generated(&root().join("dist/man/dockerd-ci-proxy.8"), &man::man());
}

#[test]
fn the_completions_are_up_to_date() {
    let folder = root().join("dist/completions");
    is_as_generated(&folder.join("dockerd-ci-proxy.bash"), &completions::bash());
    is_as_generated(&folder.join("_dockerd-ci-proxy"), &completions::zsh());
    is_as_generated(&folder.join("dockerd-ci-proxy.fish"), &completions::fish());
}
