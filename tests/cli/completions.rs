//! Completions for bash, zsh and fish, rendered from the table of flags.

use dockerd_ci_proxy::cli::commands::COMMANDS;
use dockerd_ci_proxy::cli::flags::{Effect, FLAGS, Flag};

const NAME: &str = env!("CARGO_PKG_NAME");

/// Possible values of a flag.
enum Values {
    Files,
    Users,
    Groups,
    /// One of these words.
    Words(Vec<&'static str>),
    /// Text that cannot be completed.
    Free,
}

/// Derives the possible values from the name of the value: `PATH`, `USER`, `GROUP`, or alternatives like
/// `refuse|pass`, of which those in lower case are literal.
fn values(name: &'static str) -> Values {
    match name {
        "PATH" => Values::Files,
        "USER" => Values::Users,
        "GROUP" => Values::Groups,
        _ => {
            let typed = |word: &&str| word.bytes().all(|byte| byte.is_ascii_lowercase());
            match name.split('|').filter(typed).collect::<Vec<_>>() {
                none if none.is_empty() => Values::Free,
                words => Values::Words(words),
            }
        }
    }
}

/// Returns all names of a flag, including its letter.
fn names(flag: &Flag) -> impl Iterator<Item = String> {
    let short = flag.short.map(|letter| format!("-{letter}"));
    flag.names.iter().map(ToString::to_string).chain(short)
}

/// Puts text between the single quotes of a shell, with `quote` for each single quote in it.
fn quoted(text: &str, quote: &str) -> String {
    format!("'{}'", text.replace('\'', quote))
}

const BASH_HEAD: &str = r#"# Bash completion for dockerd-ci-proxy. Generated from its table of flags.
# shellcheck shell=bash

_dockerd_ci_proxy() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} value=
    # Bash splits --flag=value into three words.
    if [ "$cur" = = ]; then
        cur='' value=yes
    elif [ "$prev" = = ]; then
        prev=${COMP_WORDS[COMP_CWORD - 2]} value=yes
    fi
    COMPREPLY=()
    case $prev in
"#;

const BASH_FILES: &str = "compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")";

const BASH_TAIL: &str = "    esac
}
complete -F _dockerd_ci_proxy dockerd-ci-proxy
";

/// Renders the file for bash.
pub(crate) fn bash() -> String {
    let mut parts = vec![BASH_HEAD.to_owned()];
    parts.extend(FLAGS.iter().filter_map(bash_case));
    parts.push("        *)\n".to_owned());
    parts.push(
        "            [ -n \"$value\" ] || mapfile -t COMPREPLY < <(compgen -W '\n".to_owned(),
    );
    let words = COMMANDS.iter().map(|command| command.word.to_owned());
    let all = FLAGS.iter().flat_map(names).chain(words);
    parts.extend(all.map(|name| format!("                {name}\n")));
    parts.push("                ' -- \"$cur\")\n            ;;\n".to_owned());
    parts.push(BASH_TAIL.to_owned());
    parts.concat()
}

/// Renders the case for a flag with a value.
fn bash_case(flag: &Flag) -> Option<String> {
    let Effect::Value(_, name) = flag.effect else { return None };
    let generate = |how: String| format!("mapfile -t COMPREPLY < <(compgen {how} -- \"$cur\")");
    let body = match values(name) {
        Values::Files => BASH_FILES.to_owned(),
        Values::Users => generate("-u".to_owned()),
        Values::Groups => generate("-g".to_owned()),
        Values::Words(words) => generate(format!("-W '{}'", words.join(" "))),
        Values::Free => ":".to_owned(),
    };
    let names = names(flag).collect::<Vec<_>>().join(" | ");
    Some(format!("        {names})\n            {body}\n            ;;\n"))
}

/// Renders the file for zsh.
pub(crate) fn zsh() -> String {
    let head = format!("#compdef {NAME}\n# Generated from the table of flags.\n\n_arguments -s -S");
    let specs = FLAGS.iter().flat_map(|flag| names(flag).map(move |name| zsh_spec(flag, &name)));
    let words: Vec<_> = COMMANDS.iter().map(|command| command.word).collect();
    let specs = specs.chain([format!("::word:({})", words.join(" "))]);
    let specs = specs.map(|spec| format!(" \\\n    {}", quoted(&spec, r"'\''")));
    [head].into_iter().chain(specs).chain(["\n".to_owned()]).collect()
}

/// Renders one name of a flag for `_arguments`. The star allows repetition.
fn zsh_spec(flag: &Flag, name: &str) -> String {
    let mut line = flag.summary.to_owned();
    for special in ["[", "]", ":"] {
        line = line.replace(special, &format!("\\{special}"));
    }
    let Effect::Value(_, value) = flag.effect else { return format!("*{name}[{line}]") };
    let action = match values(value) {
        Values::Files => "_files".to_owned(),
        Values::Users => "_users".to_owned(),
        Values::Groups => "_groups".to_owned(),
        Values::Words(words) => format!("({})", words.join(" ")),
        Values::Free => " ".to_owned(),
    };
    // The value of a long flag is a separate word or follows an equals sign.
    let joint = if name.starts_with("--") { "=" } else { "" };
    format!("*{name}{joint}[{line}]:{value}:{action}")
}

/// Renders the file for fish.
pub(crate) fn fish() -> String {
    let described = |line| format!("-d {}", quoted(line, r"\'"));
    let words = COMMANDS.iter().map(|command| {
        format!("-n __fish_use_subcommand -a {} {}", command.word, described(command.summary))
    });
    let flags = FLAGS.iter().map(|flag| {
        let long = flag.names.iter().map(|name| format!("-l {}", name.trim_start_matches('-')));
        let names: Vec<_> = long.chain(flag.short.map(|letter| format!("-s {letter}"))).collect();
        format!("{} {}{}", names.join(" "), fish_value(flag), described(flag.summary))
    });
    let lines = ["-f".to_owned()].into_iter().chain(words).chain(flags);
    let lines = lines.map(|words| format!("complete -c {NAME} {words}\n"));
    ["# Generated from the table of flags.\n".to_owned()].into_iter().chain(lines).collect()
}

fn fish_value(flag: &Flag) -> String {
    let Effect::Value(_, name) = flag.effect else { return String::new() };
    match values(name) {
        Values::Files => "-r -F ".to_owned(),
        Values::Users => "-x -a '(__fish_complete_users)' ".to_owned(),
        Values::Groups => "-x -a '(__fish_complete_groups)' ".to_owned(),
        Values::Words(words) => format!("-x -a '{}' ", words.join(" ")),
        Values::Free => "-x ".to_owned(),
    }
}
