//! The man page, rendered from the table of flags in the macros of man(7).

use dockerd_ci_proxy::cli::Exit;
use dockerd_ci_proxy::cli::doc::{RULES, extras, spellings};
use dockerd_ci_proxy::cli::flags::{FLAGS, Flag, WORDS};

const VERSION: &str = env!("CARGO_PKG_VERSION");
const DESCRIPTION: &str = env!("CARGO_PKG_DESCRIPTION");

/// What stands before the flags. A line of `.SH` begins a section, the others are paragraphs.
const BEFORE: &[&str] = &[
    ".SH SYNOPSIS",
    "\\fBdockerd-ci-proxy\\fR [\\fIflags\\fR]",
    "\\fBdockerd-ci-proxy status\\fR [\\fB--stats-socket\\fR \\fIPATH\\fR]",
    ".SH DESCRIPTION",
    "Stands between Docker clients and the Docker daemon of a CI host, on UNIX sockets. Everything \
     that a client creates through it carries the operator's labels, and its containers run below \
     the operator's cgroup parent; every other byte passes as it came.",
    "It runs in the foreground and logs to standard error. It is not a sandbox: who may start \
     containers through it can own the host.",
];

/// What stands behind the flags: a heading, then pairs of what is named and what is said of it.
const AFTER: &[(&str, &[(&str, &str)])] = &[
    (
        "SIGNALS",
        &[
            (
                "SIGTERM, SIGINT",
                "Take no new clients, let running exchanges end within --drain-time, then end. A \
                 second one ends the proxy at once.",
            ),
            (
                "SIGHUP",
                "Start the program that is now in this one's place, with the same arguments and \
                 variables, on the same listening sockets. Once it serves, this process takes no \
                 new clients, hands over those that it has between two exchanges, and ends with its last \
                 exchange. With a terminal, end.",
            ),
        ],
    ),
    (
        "FILES",
        &[
            ("/var/run/docker.sock", "The daemon's socket, unless told otherwise."),
            (
                "/var/run/docker-ci-proxy.sock",
                "The listening socket, unless told otherwise. It takes the mode and the group of \
                 the daemon's, and is removed at the end.",
            ),
            (
                "/etc/dockerd-ci-proxy/proxy.env, NAME.env",
                "Settings of the systemd units, as lines of VARIABLE=value: that of the one proxy \
                 of a host, and of dockerd-ci-proxy@NAME.",
            ),
        ],
    ),
    (
        "EXAMPLES",
        &[
            (
                "dockerd-ci-proxy --listensocket /run/ci.sock --label ci.job=1234",
                "Label what is created through /run/ci.sock.",
            ),
            (
                "docker -H unix:///run/ci.sock run --rm -it busybox sh",
                "Run a container through it.",
            ),
            (
                "docker ps --all --filter label=ci.job=1234",
                "See on the daemon's own socket what the job left behind.",
            ),
            (
                "dockerd-ci-proxy --check --listensocket /run/ci.sock --cgroup-parent /ci",
                "See whether this could start, and what it would do.",
            ),
        ],
    ),
];

/// The file `dockerd-ci-proxy.8`.
pub(crate) fn man() -> String {
    let mut page = Page(String::new());
    // No date: nobody would keep it true.
    page.line(&format!(".TH DOCKERD\\-CI\\-PROXY 8 \"\" \"dockerd\\-ci\\-proxy {VERSION}\""));
    page.line(".\\\" Made from the program's table of flags.");
    page.line(".SH NAME");
    page.line(&format!("dockerd\\-ci\\-proxy \\- {}", lower_first(DESCRIPTION)));
    for text in BEFORE {
        if text.starts_with(".SH") {
            page.line(text);
        } else {
            page.paragraph(text);
        }
    }
    page.line(".SH OPTIONS");
    page.paragraph(RULES);
    for flag in FLAGS {
        page.item(&spellings(flag).join(", "), &about(flag));
    }
    for (word, line) in WORDS {
        page.item(word, line);
    }
    page.line(".SH ENVIRONMENT");
    for (flag, variable) in FLAGS.iter().filter_map(|flag| Some((flag, flag.variable?))) {
        let name = flag.names.first().copied().unwrap_or_default();
        page.item(variable, &format!("Stands in for {name}."));
    }
    page.line(".SH EXIT STATUS");
    for exit in Exit::ALL {
        page.item(&exit.code().to_string(), &format!("{}.", capitalised(exit.meaning())));
    }
    for (heading, items) in AFTER {
        page.line(&format!(".SH {heading}"));
        for (name, text) in *items {
            page.item(name, text);
        }
    }
    page.line(".SH SEE ALSO");
    page.line("\\fBdocker\\fR(1), \\fBdockerd\\fR(8)");
    page.0
}

/// All that is said of a flag.
fn about(flag: &Flag) -> String {
    let extras = extras(flag, "");
    let extras = if extras.is_empty() {
        String::new()
    } else {
        format!("{}.", capitalised(&extras.join(", ")))
    };
    [flag.line, flag.more, &extras].join(" ").trim_end().to_owned()
}

/// The page as it grows. No line of it begins with a dot that is no macro.
struct Page(String);

impl Page {
    fn line(&mut self, line: &str) {
        self.0 += line;
        self.0.push('\n');
    }

    fn paragraph(&mut self, text: &str) {
        let begins = self.0.lines().last().is_some_and(|line| line.starts_with(".SH"));
        if !begins {
            self.line(".PP");
        }
        self.text(text);
    }

    fn item(&mut self, name: &str, text: &str) {
        self.line(".TP");
        self.line(&format!("\\fB{}\\fR", escaped(name)));
        self.text(text);
    }

    /// Each sentence on a line of its own, as man pages are written.
    fn text(&mut self, text: &str) {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for sentence in text.split_inclusive(". ") {
            self.line(&escaped(sentence.trim_end()));
        }
    }
}

/// A dash that may be copied to a command line; fonts (`\f`) stay.
fn escaped(text: &str) -> String {
    let dashes = text.replace('-', "\\-");
    if dashes.starts_with(['.', '\'']) { format!("\\&{dashes}") } else { dashes }
}

fn capitalised(text: &str) -> String {
    first_as(text, char::to_ascii_uppercase)
}

fn lower_first(text: &str) -> String {
    first_as(text, char::to_ascii_lowercase)
}

fn first_as(text: &str, change: fn(&char) -> char) -> String {
    let mut letters = text.chars();
    letters.next().iter().map(change).chain(letters).collect()
}
