//! The man page, rendered from the table of flags with the macros of man(7).

use dockerd_ci_proxy::cli::Exit;
use dockerd_ci_proxy::cli::commands::COMMANDS;
use dockerd_ci_proxy::cli::doc::{RULES, extras, spellings};
use dockerd_ci_proxy::cli::flags::{FLAGS, Flag};

const VERSION: &str = env!("CARGO_PKG_VERSION");
const DESCRIPTION: &str = env!("CARGO_PKG_DESCRIPTION");

/// Text before the flags. A line with `.SH` begins a section, every other line is a paragraph.
const BEFORE: &[&str] = &[
    ".SH SYNOPSIS",
    "\\fBdockerd-ci-proxy\\fR [\\fIflags\\fR]",
    "\\fBdockerd-ci-proxy explain\\fR [\\fIflags\\fR] \\fIMETHOD\\fR \\fITARGET\\fR",
    "\\fBdockerd-ci-proxy status\\fR [\\fB--stats-socket\\fR \\fIPATH\\fR]",
    ".SH DESCRIPTION",
    "Stands between Docker clients and the Docker daemon of a CI host, on UNIX sockets. Everything \
     that a client creates through it gets the operator's labels, and its containers run below \
     the operator's cgroup parent; everything else is forwarded unchanged.",
    "It runs in the foreground and logs to standard error. It is not a sandbox: a client that \
     may start containers can take over the host.",
];

/// Sections after the flags: a heading, then pairs of a term and its description.
const AFTER: &[(&str, &[(&str, &str)])] = &[
    (
        "SIGNALS",
        &[
            (
                "SIGTERM, SIGINT",
                "Accept no more clients, let running exchanges finish within --drain-time, and exit. A \
                 second signal stops the proxy at once.",
            ),
            (
                "SIGUSR1",
                "Read the configuration file again. New requests get the new rules; new listeners are bound, and \
                 the clients of removed ones are served until they are quiet. A file with errors changes nothing \
                 and is reported. Settings of the process need SIGHUP.",
            ),
            (
                "SIGHUP",
                "Upgrade: start the program that is now installed in place of this one, with the same \
                 arguments and variables, on the same listening sockets. Once it serves, the old process \
                 accepts no more clients, hands each connection over between two exchanges, and exits \
                 after its last exchange. With a terminal, exit.",
            ),
        ],
    ),
    (
        "FILES",
        &[
            ("/var/run/docker.sock", "The daemon's socket, by default."),
            (
                "/var/run/docker-ci-proxy.sock",
                "The listening socket, by default. It gets the mode and the group of the daemon's \
                 socket, and is removed at exit.",
            ),
            (
                "/etc/dockerd-ci-proxy/proxy.env, NAME.env",
                "Settings of the systemd units dockerd-ci-proxy and dockerd-ci-proxy@NAME, as lines \
                 VARIABLE=value.",
            ),
            (
                "/etc/dockerd-ci-proxy/config.toml",
                "An example of a configuration file, which is read if DCP_CONFIG in proxy.env names it.",
            ),
        ],
    ),
    (
        "EXAMPLES",
        &[
            (
                "dockerd-ci-proxy --listensocket /run/ci.sock --label ci.job=1234",
                "Label everything that is created through /run/ci.sock.",
            ),
            (
                "docker -H unix:///run/ci.sock run --rm -it busybox sh",
                "Run a container through it.",
            ),
            (
                "docker ps --all --filter label=ci.job=1234",
                "List on the daemon's own socket the containers that the job left behind.",
            ),
            (
                "dockerd-ci-proxy --check --listensocket /run/ci.sock --cgroup-parent /ci",
                "Check whether this would start, and what it would do.",
            ),
        ],
    ),
];

/// The file `dockerd-ci-proxy.8`.
pub(crate) fn man() -> String {
    let mut page = Page(String::new());
    // No date: it would become outdated.
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
    for command in COMMANDS {
        page.item(command.word, command.summary);
    }
    page.line(".SH ENVIRONMENT");
    for (flag, variable) in FLAGS.iter().filter_map(|flag| Some((flag, flag.variable?))) {
        let name = flag.names.first().copied().unwrap_or_default();
        page.item(variable, &format!("Used if {name} is not given."));
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

/// Returns the description of a flag.
fn about(flag: &Flag) -> String {
    let extras = extras(flag, "");
    let extras = if extras.is_empty() {
        String::new()
    } else {
        format!("{}.", capitalised(&extras.join(", ")))
    };
    [flag.summary, flag.details, &extras].join(" ").trim_end().to_owned()
}

/// The page under construction. No line begins with a dot unless it is a macro.
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

    /// Writes each sentence on its own line, as is usual for man pages.
    fn text(&mut self, text: &str) {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for sentence in text.split_inclusive(". ") {
            self.line(&escaped(sentence.trim_end()));
        }
    }
}

/// Escapes dashes, so that they can be copied to a command line; keeps fonts (`\f`).
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
