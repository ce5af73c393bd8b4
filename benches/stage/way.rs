//! The compared ways from the bench to the daemon.

use std::fmt::{self, Display};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::process::Process;
use super::role::Role;

/// A way from the bench to the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// The daemon's own socket.
    Direct,
    /// Our proxy, with two labels and a cgroup parent.
    Proxy,
    /// The same with ten rules on options of container creates.
    Rules,
    /// The bench's relay that reads and writes, and parses nothing.
    Copy,
    /// The copying relay that also parses heads.
    Parse,
    /// The copying relay that also does the minimum for a create that labels everything.
    Owe,
    /// The bench's relay that splices, and parses nothing.
    Splice,
    /// The splicing relay that follows chunks and parses nothing else.
    Follow,
    /// HAProxy in HTTP mode.
    HaProxy,
    /// nginx as an HTTP proxy without buffering.
    Nginx,
    /// socat, one process for each connection.
    Socat,
}

impl Way {
    /// All ways, in the order of the tables.
    pub(crate) const ALL: [Self; 11] = [
        Self::Direct,
        Self::Proxy,
        Self::Rules,
        Self::Copy,
        Self::Parse,
        Self::Owe,
        Self::Splice,
        Self::Follow,
        Self::HaProxy,
        Self::Nginx,
        Self::Socat,
    ];

    /// Returns `true` if its program is installed.
    pub(crate) fn is_installed(self) -> bool {
        match self {
            Self::Direct
            | Self::Proxy
            | Self::Rules
            | Self::Copy
            | Self::Parse
            | Self::Owe
            | Self::Splice
            | Self::Follow => true,
            Self::HaProxy | Self::Nginx | Self::Socat => {
                let mut command = Command::new(self.to_string());
                command.arg("-v").stdout(Stdio::null()).stderr(Stdio::null());
                command.status().is_ok()
            }
        }
    }

    /// Starts its process, which listens at `listen`; returns `None` if it needs none.
    pub(crate) fn start(self, listen: &Path, daemon: &Path) -> Option<Process> {
        Some(match self {
            Self::Direct => return None,
            Self::Proxy => proxy(listen, daemon),
            Self::Rules => {
                let config = listen.with_extension("toml");
                fs::write(&config, with_rules(listen, daemon)).unwrap();
                let arguments = ["--config".as_ref(), config.as_os_str()];
                Process::start(binary().as_os_str(), &arguments, listen)
            }
            Self::Copy => Role::CopyRelay.start(listen, Some(daemon)),
            Self::Parse => Role::ParseRelay.start(listen, Some(daemon)),
            Self::Owe => Role::OweRelay.start(listen, Some(daemon)),
            Self::Splice => Role::SpliceRelay.start(listen, Some(daemon)),
            Self::Follow => Role::FollowRelay.start(listen, Some(daemon)),
            Self::HaProxy => {
                let config = listen.with_extension("cfg");
                fs::write(&config, haproxy(listen, daemon)).unwrap();
                let arguments = ["-db".as_ref(), "-f".as_ref(), config.as_os_str()];
                Process::start("haproxy".as_ref(), &arguments, listen)
            }
            Self::Nginx => {
                let config = listen.with_extension("conf");
                fs::write(&config, nginx(listen, daemon)).unwrap();
                let folder = listen.parent().unwrap();
                let arguments =
                    ["-p".as_ref(), folder.as_os_str(), "-c".as_ref(), config.as_os_str()];
                Process::start("nginx".as_ref(), &arguments, listen)
            }
            Self::Socat => {
                let from = format!("UNIX-LISTEN:{},fork,backlog=4096", listen.display());
                let to = format!("UNIX-CONNECT:{}", daemon.display());
                // Buffers as large as those of the relays.
                let arguments = ["-b65536".as_ref(), from.as_ref(), to.as_ref()];
                Process::start("socat".as_ref(), &arguments, listen)
            }
        })
    }
}

impl Display for Way {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Direct => "direct",
            Self::Proxy => "proxy",
            Self::Rules => "rules",
            Self::Copy => "copy",
            Self::Parse => "parse",
            Self::Owe => "owe",
            Self::Splice => "splice",
            Self::Follow => "follow",
            Self::HaProxy => "haproxy",
            Self::Nginx => "nginx",
            Self::Socat => "socat",
        })
    }
}

/// Returns the proxy that cargo built for this bench, or that of `DCP_TEST_BINARY`.
pub(crate) fn binary() -> PathBuf {
    std::env::var_os("DCP_TEST_BINARY")
        .map_or_else(|| env!("CARGO_BIN_EXE_dockerd-ci-proxy").into(), PathBuf::from)
}

/// Returns the proxy's arguments for the measurements.
pub(crate) fn arguments<'p>(listen: &'p Path, daemon: &'p Path) -> [&'p std::ffi::OsStr; 10] {
    [
        "--listensocket".as_ref(),
        listen.as_os_str(),
        "--dockersocket".as_ref(),
        daemon.as_os_str(),
        "--label".as_ref(),
        "ci.job=1234".as_ref(),
        "--label".as_ref(),
        "ci.team=web".as_ref(),
        "--cgroup-parent".as_ref(),
        "/ci/1234".as_ref(),
    ]
}

fn proxy(listen: &Path, daemon: &Path) -> Process {
    Process::start(binary().as_os_str(), &arguments(listen, daemon), listen)
}

/// Ten rules on options of a container create.
const RULES: &str = r#"
force = { "HostConfig.Init" = true, "HostConfig.Runtime" = "runsc" }
default = { "HostConfig.Memory" = "2GiB", "HostConfig.RestartPolicy.Name" = "no" }
cap = { "HostConfig.Memory" = "4GiB", "HostConfig.PidsLimit" = 4096, "HostConfig.NanoCpus" = "2" }
append = { "Env" = ["HTTP_PROXY=http://10.0.0.1:3128"], "HostConfig.ExtraHosts" = ["mirror:10.0.0.1"], "HostConfig.Binds" = ["/etc/ci/ca.pem:/etc/ci/ca.pem:ro"] }
"#;

/// Returns a configuration file for the same listener as that of the [`arguments`], with the rules.
pub(crate) fn with_rules(listen: &Path, daemon: &Path) -> String {
    let (listen, daemon) = (listen.display(), daemon.display());
    format!(
        "[[listener]]\nname = \"bench\"\nsocket = \"{listen}\"\ndaemon = \"{daemon}\"\n\
         labels = {{ \"ci.job\" = \"1234\", \"ci.team\" = \"web\" }}\ncgroup_parent = \"/ci/1234\"\n\
         [listener.container]{RULES}"
    )
}

/// Returns the same configuration without rules on options, and with a value that depends on the caller. The
/// bench runs in no container, so the value is that of the other benches.
pub(crate) fn with_caller(listen: &Path, daemon: &Path) -> String {
    let (listen, daemon) = (listen.display(), daemon.display());
    format!(
        "[[listener]]\nname = \"bench\"\nsocket = \"{listen}\"\ndaemon = \"{daemon}\"\n\
         labels = {{ \"ci.job\" = \"{{container:-1234}}\", \"ci.team\" = \"web\" }}\n\
         cgroup_parent = \"/ci/1234\"\n"
    )
}

/// Returns HAProxy's configuration: one thread, like the others; it keeps daemon connections by default.
fn haproxy(listen: &Path, daemon: &Path) -> String {
    let (listen, daemon) = (listen.display(), daemon.display());
    format!(
        "global\n  nbthread 1\n  maxconn 4096\n\
         defaults\n  mode http\n  timeout connect 10s\n  timeout client 1h\n  timeout server 1h\n  \
         timeout tunnel 1h\n\
         listen docker\n  bind unix@{listen}\n  server docker unix@{daemon}\n"
    )
}

/// Returns nginx's configuration: one process, no buffering, kept connections on both sides.
fn nginx(listen: &Path, daemon: &Path) -> String {
    let (listen, daemon) = (listen.display(), daemon.display());
    format!(
        "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr crit;\n\
         events {{ worker_connections 4096; }}\n\
         http {{\n  access_log off;\n  client_max_body_size 0;\n  keepalive_requests 1000000000;\n  \
         keepalive_timeout 1h;\n  client_body_temp_path t1;\n  proxy_temp_path t2;\n  \
         fastcgi_temp_path t3;\n  uwsgi_temp_path t4;\n  scgi_temp_path t5;\n  \
         map $http_upgrade $wanted_connection {{ default upgrade; '' ''; }}\n  \
         upstream docker {{\n    server unix:{daemon};\n    keepalive 64;\n    \
         keepalive_requests 1000000000;\n  }}\n  \
         server {{\n    listen unix:{listen};\n    location / {{\n      \
         proxy_pass http://docker;\n      proxy_http_version 1.1;\n      \
         proxy_set_header Upgrade $http_upgrade;\n      \
         proxy_set_header Connection $wanted_connection;\n      proxy_buffering off;\n      \
         proxy_request_buffering off;\n      proxy_read_timeout 1h;\n      \
         proxy_send_timeout 1h;\n    }}\n  }}\n}}\n"
    )
}

/// Raises this process's limit of open files as far as possible and returns it.
pub(crate) fn raise_limit() -> u64 {
    const WANTED: u64 = 65_536;
    let limit = getrlimit(Resource::Nofile);
    let maximum = limit.maximum.map(|maximum| maximum.max(WANTED));
    // Only root may raise the hard limit.
    if setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_err() {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
