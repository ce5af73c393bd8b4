//! The texts for people and their shells, rendered from the table of flags.

use super::Exit;
use super::flags::{Effect, FLAGS, Flag};

const NAME: &str = env!("CARGO_PKG_NAME");
const VERSION: &str = env!("CARGO_PKG_VERSION");
const DESCRIPTION: &str = env!("CARGO_PKG_DESCRIPTION");

/// The rules that hold for all flags.
pub const RULES: &str = "A flag beats its variable, and an empty variable is as one that is not set. \
                     Of a flag that is given twice and may not be repeated, the last one counts.";

/// Columns of a line of the help, for terminals of 80.
const WIDTH: usize = 78;

/// The text of `--version`, with its line end.
#[must_use]
pub fn version() -> String {
    format!("{NAME} {VERSION}\n")
}

/// The text of `--help`, with its last line end.
#[must_use]
pub fn help() -> String {
    let mut lines = vec![format!("{NAME} {VERSION}")];
    lines.extend(wrapped("", &format!("{DESCRIPTION}.")));
    lines.extend(
        [
            "",
            "usage:",
            "  dockerd-ci-proxy [flags]",
            "  dockerd-ci-proxy status [--stats-socket PATH]",
            "",
            "flags:",
        ]
        .map(String::from),
    );
    lines.extend(FLAGS.iter().flat_map(paragraph));
    lines.push(String::new());
    lines.extend(wrapped("", RULES));
    lines.extend(["", "exit codes:"].map(String::from));
    lines.extend(Exit::ALL.iter().map(|exit| format!("  {}  {}", exit.code(), exit.meaning())));
    lines.join("\n") + "\n"
}

/// One flag as the help shows it.
fn paragraph(flag: &Flag) -> Vec<String> {
    let mut lines = vec![format!("  {}", spellings(flag).join(", "))];
    lines.extend(wrapped("      ", &format!("{} {}", flag.line, flag.more)));
    lines.extend(wrapped("      ", &extras(flag, "").join(", ")));
    lines
}

/// The flags as a list in Markdown, with its last line end.
#[must_use]
pub fn markdown() -> String {
    FLAGS.iter().map(item).collect()
}

/// The exit codes as a table in Markdown, with its last line end.
#[must_use]
pub fn exit_codes() -> String {
    let rows = Exit::ALL.iter().map(|exit| format!("| {} | {} |\n", exit.code(), exit.meaning()));
    ["| code | meaning |\n|---|---|\n".to_owned()].into_iter().chain(rows).collect()
}

fn item(flag: &Flag) -> String {
    let names: Vec<_> = spellings(flag).iter().map(|name| format!("`{name}`")).collect();
    let extras = match extras(flag, "`").join(", ") {
        none if none.is_empty() => none,
        some => format!(" ({some})"),
    };
    let text = format!("- {}{extras}: {} {}", names.join(", "), flag.line, flag.more);
    format!("{}\n", text.trim_end())
}

/// All ways to type a flag; the last one shows the value, as it is the same for all.
#[must_use]
pub fn spellings(flag: &Flag) -> Vec<String> {
    let short = flag.short.map(|short| format!("-{short}"));
    let mut names: Vec<_> = flag.names.iter().map(ToString::to_string).collect();
    names.extend(short);
    if let (Effect::Value(value, _), Some(last)) = (&flag.effect, names.last_mut()) {
        last.push(' ');
        last.push_str(value);
    }
    names
}

/// The default and the variable, where there are such, each between two `quote`s.
#[must_use]
pub fn extras(flag: &Flag, quote: &str) -> Vec<String> {
    let named = |what: &str, text: &str| format!("{what} {quote}{text}{quote}");
    let default = flag.default.map(|text| named("default", text));
    let variable = flag.variable.map(|text| named("variable", text));
    default.into_iter().chain(variable).collect()
}

/// The words of a text in lines of at most [`WIDTH`], each after the indent; none for no words.
fn wrapped(indent: &str, text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("{indent}{word}")),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_shows_every_flag_and_fits_a_terminal() {
        let help = help();
        for flag in FLAGS {
            let mut words = flag.names.iter().chain(&flag.variable);
            assert!(words.all(|word| help.contains(word)), "{:?}", flag.names);
        }
        for line in help.lines() {
            assert!(line.len() <= WIDTH && line.trim_end() == line, "{line:?}");
        }
    }

    #[test]
    fn words_are_wrapped_at_the_width() {
        assert_eq!(wrapped("  ", ""), Vec::<String>::new());
        assert_eq!(wrapped("  ", "a  b"), ["  a b"]);
        let long = "x".repeat(WIDTH);
        assert_eq!(wrapped("", &format!("a {long} b")), ["a", &long, "b"]);
    }
}
