//! The configuration file: its errors, what `--check` prints, and the example that is shipped.

use std::fs;
use std::process::Command;

use super::check::{Folder, daemon};
use super::run;

/// Runs with this file, in which `@` is the folder. Returns the exit code, standard output, and standard error
/// with the same replacement undone.
fn configured(folder: &Folder, text: &str, words: &[&str]) -> (i32, String, String) {
    let path = folder.at("config.toml");
    let place = folder.at("").trim_end_matches('/').to_owned();
    fs::write(&path, text.replace('@', &place)).unwrap();
    let output = run(&[&["--config", &path], words].concat(), &[]);
    let text = |bytes| String::from_utf8(bytes).unwrap().replace(&place, "@");
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// Returns what `explain` prints, as a block of Markdown, for the file that `page` shows first below a heading, and for
/// the body that it shows last above the block.
pub(super) fn explained(page: &str, heading: &str, block: &str, request: &str) -> String {
    let (_, part) = page.split_once(heading).unwrap();
    let (part, _) = part.split_once(&format!("<!-- {block} -->")).unwrap();
    let end = |(_, rest): (&'_ str, &'_ str)| rest.split_once("```").unwrap().0.to_owned();
    let file = end(part.split_once("```toml\n").unwrap());
    let body = end(part.rsplit_once("```json\n").unwrap());
    let folder = Folder::new(&format!("explained-{block}"));
    // That group may not exist here.
    let file = file.replace("\"gitlab-runner\"", "\"0\"");
    fs::write(folder.at("config.toml"), file).unwrap();
    fs::write(folder.at("body.json"), body.trim_end()).unwrap();
    let command = format!("dockerd-ci-proxy {request} --body body.json");
    let mut program = Command::new(env!("CARGO_BIN_EXE_dockerd-ci-proxy"));
    let words = command.split_whitespace().skip(1);
    let output = program.args(words).current_dir(folder.at("")).output().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(!out.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    format!("```console\n$ {command}\n{out}```\n")
}

#[test]
fn all_errors_are_reported_at_once_and_exit_with_2() {
    let folder = Folder::new("errors");
    let text = r#"
[[listener]]
name = "a"
socket = "@/a"
cgroup_parnet = "/ci"
[listener.container]
cap = { "HostConfig.Memory" = "4 gigs" }
"#;
    let wanted = "dockerd-ci-proxy: @/config.toml:5:1: unknown key \"cgroup_parnet\"; did you mean \"cgroup_parent\"?\n\
                  dockerd-ci-proxy: @/config.toml:7:31: expected an integer or a size like \"2GiB\", \"100MB\" or \"2g\", \
                  but found the string \"4 gigs\"\n";
    for words in [&[][..], &["--check"]] {
        let (code, out, errors) = configured(&folder, text, words);
        assert_eq!((code, out.as_str(), errors.as_str()), (2, "", wanted));
    }
    let (code, _, errors) = configured(&folder, "a = \nb = 01\n[c", &[]);
    let places: Vec<_> = errors.lines().map(|line| line.split(": ").nth(1).unwrap()).collect();
    assert_eq!(
        (code, &places[..]),
        (2, &["@/config.toml:1:5", "@/config.toml:2:5", "@/config.toml:3:3"][..])
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_its_flag() {
    let output = run(&["--config", "/nowhere"], &[]);
    assert_eq!(output.status.code(), Some(2));
    let why = "--config: cannot read /nowhere: No such file or directory (os error 2)";
    assert_eq!(String::from_utf8(output.stderr).unwrap(), format!("dockerd-ci-proxy: {why}\n"));
    let output = run::<&str>(&[], &[("DCP_CONFIG", "/nowhere")]);
    assert!(String::from_utf8(output.stderr).unwrap().contains("DCP_CONFIG: cannot read /nowhere"));
}

#[test]
fn odd_files_are_read_or_refused_at_once() {
    let folder = Folder::new("odd");
    let path = folder.at("config.toml");
    let refused = |why: &str| {
        let output = run(&["--config", &path], &[]);
        let wanted = format!("dockerd-ci-proxy: --config: cannot read {path}: {why}\n");
        assert_eq!(String::from_utf8(output.stderr).unwrap(), wanted);
        assert_eq!(output.status.code(), Some(2));
        let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir(&path));
    };
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &path,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR,
        0,
    )
    .unwrap();
    refused("it is not a regular file");
    fs::create_dir(&path).unwrap();
    refused("it is not a regular file");
    fs::write(&path, b"# a\n# \xff").unwrap();
    refused("line 2 is not UTF-8");
    fs::write(&path, "#".repeat(256 * 1024 + 1)).unwrap();
    refused("it is larger than 262144 bytes");
    let (code, _, errors) = configured(&folder, "", &[]);
    assert_eq!(
        (code, &*errors),
        (2, "dockerd-ci-proxy: @/config.toml: the file has no [[listener]]\n")
    );
    // A byte-order mark and the line ends of Windows are usual.
    let (_, _, errors) = configured(&folder, "\u{feff}[[listener]]\r\nnam = 1\r\n", &[]);
    assert!(errors.contains("config.toml:2:1: unknown key"), "{errors}");
    let (_, _, errors) = configured(&folder, &format!("a = {}", "[".repeat(100_000)), &[]);
    assert!(errors.contains("config.toml:1:"), "{errors}");
}

#[test]
fn a_check_prints_the_settings_of_each_listener() {
    let folder = Folder::new("effective");
    daemon(&folder.at("daemon"));
    let text = r#"
[defaults]
daemon = "@/daemon"
mode = "0600"
group = "0"
[defaults.container]
cap = { "HostConfig.Memory" = "4GiB" }
[[listener]]
name = "gitlab"
socket = "@/g"
cgroup_parent = "ci.slice"
[listener.build]
cap = { memory = 1024 }
append = { extrahosts = ["mirror:10.0.0.1"] }
[[listener]]
name = "jenkins"
socket = "@/j"
labels = { a = "b" }
buildkit = false
cgroup_parent = "/ci"
"#;
    let (code, out, errors) = configured(&folder, text, &["--check"]);
    let wanted = r#"listener gitlab:
daemon @/daemon: version 26.1.5, API 1.45, cgroup driver systemd
listening socket @/g: will be created; mode 0600, group 0
label Created-Via="dockerd-ci-proxy"
cgroup parent "ci.slice"
cgroup parent of builds "ci.slice"
mounts of the daemon's socket are replaced by mounts of @/g
build cap memory = 1024 (@/config.toml:13:9)
build append extrahosts = ["mirror:10.0.0.1"] (@/config.toml:14:12)
container cap HostConfig.Memory = 4294967296 (@/config.toml:7:9)
listener jenkins:
daemon @/daemon: version 26.1.5, API 1.45, cgroup driver systemd
listening socket @/j: will be created; mode 0600, group 0
label a="b"
mounts of the daemon's socket are replaced by mounts of @/j
BuildKit's connections are forwarded unchanged, and its images have no labels
container cap HostConfig.Memory = 4294967296 (@/config.toml:7:9)
"#;
    assert_eq!(out, wanted);
    let wanted = "dockerd-ci-proxy: warn: @/config.toml:13:9: memory holds for classic builds only; the BuildKit \
                  of Docker 28 and earlier ignores it\n\
                  dockerd-ci-proxy: @/config.toml:20:1: cgroup_parent: the daemon's cgroup driver is systemd, which \
                  needs a slice like ci-1234.slice, not \"/ci\"\n";
    assert_eq!((code, errors.as_str()), (2, wanted));
}

#[test]
fn rules_of_the_caller_are_checked_and_explained() {
    let folder = Folder::new("caller");
    daemon(&folder.at("daemon"));
    let text = r#"
[[listener]]
name = "jobs"
socket = "@/jobs"
daemon = "@/daemon"
mode = "0600"
group = "0"
labels = { "ci.parent" = "{container.name:-host}", "ci.listener" = "{listener}", "a" = "{{}}" }
cgroup_parent = "ci-{container.label:ci/team:-none}.slice"
map_paths = "caller"
map_path = { "/workspace" = "/srv/{container.env:CI_JOB_ID}" }
map_paths_strict = true
[listener.container]
force = { "User" = "{uid}:{gid}" }
"#;
    let (code, out, errors) = configured(&folder, text, &["--check"]);
    let wanted = r#"listener jobs:
daemon @/daemon: version 26.1.5, API 1.45, cgroup driver systemd
listening socket @/jobs: will be created; mode 0600, group 0
label ci.parent="{container.name:-host}"
label ci.listener="jobs"
label a="{}"
cgroup parent "ci-{container.label:ci/team:-none}.slice"
cgroup parent of builds "ci-{container.label:ci/team:-none}.slice"
mounts of the daemon's socket are replaced by mounts of @/jobs
/workspace in a bind mount means /srv/{container.env:CI_JOB_ID} of the host (@/config.toml:11:14)
paths in bind mounts are translated by the mounts of the client's own container
bind mounts of other paths are refused
container force User = "{uid}:{gid}" (@/config.toml:14:11)
rules depend on the caller; looked up: its container, from the kernel and the daemon
"#;
    assert_eq!((code, out.as_str(), errors.as_str()), (0, wanted, ""));
    let path = folder.at("config.toml");
    let body = folder.at("body");
    fs::write(&body, "{}").unwrap();
    let words = ["explain", "--config", &path, "POST", "/networks/create", "--body", &body];
    let output = run(&words, &[]);
    let out = String::from_utf8(output.stdout).unwrap();
    for line in [
        "force label ci.parent = \"{container.name:-host}\"",
        "before it, the proxy would\n  look up the caller: its container, from the kernel and the daemon\n",
    ] {
        assert!(out.contains(line), "{line}: {out}");
    }
}

#[test]
fn the_shipped_file_is_an_example_that_works() {
    let folder = Folder::new("shipped");
    let shipped = fs::read_to_string(super::root().join("dist/config.toml")).unwrap();
    // As it is, it has no setting.
    let (_, _, errors) = configured(&folder, &shipped, &["--check"]);
    assert_eq!(errors, "dockerd-ci-proxy: @/config.toml: the file has no [[listener]]\n");
    let uncommented = shipped.lines().map(|line| match line.strip_prefix('#') {
        Some(setting) if !setting.is_empty() && !setting.starts_with(' ') => setting,
        _ => line,
    });
    let text = uncommented.collect::<Vec<_>>().join("\n");
    let text = text
        .replace("\"docker\"", "\"root\"")
        .replace("/run/dockerd-ci-proxy", "@")
        .replace("/var/run/docker.sock", "@/daemon");
    let (code, out, errors) = configured(&folder, &text, &["--check"]);
    // Nothing but the daemon is missing.
    let why = "dockerd-ci-proxy: @/daemon: the daemon cannot be reached: No such file or directory (os error 2)\n";
    assert_eq!((code, errors.as_str()), (3, why));
    for line in ["listener gitlab:", "listener jenkins:", "exec force Privileged = false"] {
        assert!(out.contains(line), "{line}: {out}");
    }
}

#[test]
fn a_request_is_explained_by_the_rules_of_its_listener() {
    let folder = Folder::new("explained");
    let text = r#"
[[listener]]
name = "gitlab"
socket = "@/g"
labels = { a = "1" }
[listener.container]
force = { "HostConfig.Init" = true }
[[listener]]
name = "jenkins"
socket = "@/j"
"#;
    fs::write(folder.at("body"), r#"{"Image":"x"}"#).unwrap();
    let body = folder.at("body");
    let explained = |words: &[&str]| {
        // The command comes first.
        let path = folder.at("config.toml");
        fs::write(&path, text.replace('@', folder.at("").trim_end_matches('/'))).unwrap();
        let output = run(&[&["explain", "--config", &path], words].concat(), &[]);
        let text = |bytes| {
            String::from_utf8(bytes).unwrap().replace(folder.at("").trim_end_matches('/'), "@")
        };
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    };
    let create = ["POST", "/containers/create", "--body", &body];
    let (code, out, errors) = explained(&[&create[..], &["--listener", "gitlab"]].concat());
    assert_eq!((code, errors.as_str()), (0, ""));
    for line in
        ["operation  ContainerCreate", "@/config.toml:7:11", "@/config.toml:5:12", "\"Init\":true"]
    {
        assert!(out.contains(line), "{line}: {out}");
    }
    let (code, _, errors) = explained(&create);
    let why = "dockerd-ci-proxy: explain: needs --listener; expected gitlab, jenkins\n";
    assert_eq!((code, errors.as_str()), (2, why));
    let (code, _, errors) = explained(&[&create[..], &["--listener", "gitlib"]].concat());
    let why = "dockerd-ci-proxy: --listener: no listener is called \"gitlib\"; expected gitlab, jenkins\n";
    assert_eq!((code, errors.as_str()), (2, why));
    let (code, _, errors) = explained(&["POST", "/containers/create", "--listener", "jenkins"]);
    assert!(code == 2 && errors.contains("--body FILE"), "{errors}");
}

/// A policy with a rule of each form.
const POLICY: &str = r#"
[[listener]]
name = "jobs"
socket = "@/jobs"
daemon = "@/daemon"
mode = "0600"
group = "0"
[listener.policy]
preset = "none"
default = "warn"
bind_sources = ["/srv/cache:ro", "/data", "{caller.mounts}"]
contact = "ops"
rule = [
  { name = "debuggers", do = "allow", option = "HostConfig.CapAdd", in = ["SYS_PTRACE", "NET_RAW"] },
  { name = "caps", do = "refuse", option = "HostConfig.CapAdd", reason = "ask first" },
  { do = "warn", operation = "ContainerCreate", option = "HostConfig.Memory", is = 0 },
  { do = "refuse", operation = ["SwarmInit", "SwarmJoin"] },
]
"#;

#[test]
fn a_check_prints_the_policy_in_full() {
    let folder = Folder::new("policy");
    daemon(&folder.at("daemon"));
    let (code, out, errors) = configured(&folder, POLICY, &["--check"]);
    let capable = "HostConfig.CapAdd = \"SYS_PTRACE\" or \"NET_RAW\" in ContainerCreate";
    let wanted = format!(
        r#"rules depend on the caller; looked up: its container, from the kernel and the daemon
policy: preset none, 5 rules, default warn, contact "ops"
policy allow {capable}: rule debuggers (@/config.toml:14:3)
policy refuse HostConfig.CapAdd in ContainerCreate, reason "ask first": rule caps (@/config.toml:15:3)
policy warn of HostConfig.Memory that is missing in ContainerCreate: rule at @/config.toml:16:3
policy refuse SwarmInit, SwarmJoin: rule at @/config.toml:17:3
policy refuse bind mounts of anything but /srv/cache (read-only), /data, what the client's own container mounts: rule bind_sources (@/config.toml:11:1)
"#
    );
    assert!(out.ends_with(&wanted), "{out}");
    assert_eq!((code, errors.as_str()), (0, ""));
    let base = POLICY.replace("\"none\"", "\"conservative\"");
    let (_, out, _) = configured(&folder, &base, &["--check"]);
    let line =
        "policy then 117 rules of the preset: dockerd-ci-proxy explain --preset conservative\n";
    assert!(out.ends_with(line), "{out}");
    assert!(!out.contains("conservative:"), "{out}");
}

#[test]
fn a_request_is_explained_by_each_decision_of_the_policy() {
    let folder = Folder::new("policy-explained");
    let (_, out, _) = configured(&folder, POLICY, &["--check"]);
    assert!(out.contains("listener jobs:"));
    let explained = |target: &str, body: &str| {
        fs::write(folder.at("body"), body).unwrap();
        let (config, body) = (folder.at("config.toml"), folder.at("body"));
        let words = ["explain", "--config", &config, "POST", target, "--body", &body];
        let output = run(&words, &[]);
        let out = String::from_utf8(output.stdout).unwrap();
        let out = out.replace(folder.at("").trim_end_matches('/'), "@");
        let rows = out.lines().skip_while(|line| *line != "policy").skip(1);
        let rows = rows.take_while(|line| line.starts_with("  "));
        // The width of the columns is that of the folder.
        let rows = rows.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        let rows: Vec<_> = rows.collect();
        (output.status.code().unwrap(), rows.join("\n"), out.clone())
    };
    let body = r#"{"HostConfig":{"CapAdd":["SYS_PTRACE","SYS_ADMIN"]}}"#;
    let (code, rows, out) = explained("/containers/create", body);
    let wanted = r#"@/config.toml:14:3 rule debuggers allows HostConfig.CapAdd "SYS_PTRACE" in ContainerCreate
@/config.toml:15:3 rule caps refuses HostConfig.CapAdd "SYS_ADMIN" in ContainerCreate
@/config.toml:16:3 warns of ContainerCreate without HostConfig.Memory
default warns of the rest of ContainerCreate"#;
    assert_eq!((code, rows.as_str()), (1, wanted));
    let message = "refused: the policy does not allow HostConfig.CapAdd \"SYS_ADMIN\" in ContainerCreate: ask first \
                   (rule caps); ask ops";
    assert!(out.contains(message), "{out}");
    let (code, rows, _) = explained("/containers/create", r#"{"HostConfig":{"Memory":1}}"#);
    assert_eq!((code, rows.as_str()), (0, "default warns of ContainerCreate"));
    let (code, rows, _) = explained("/swarm/init", "{}");
    assert_eq!((code, rows.as_str()), (1, "@/config.toml:17:3 refuses SwarmInit"));
}

#[test]
fn a_preset_comes_from_a_flag_a_variable_or_the_file() {
    let folder = Folder::new("preset");
    let listener = "[[listener]]\nname = \"a\"\nsocket = \"@/a\"\ndaemon = \"@/daemon\"\n";
    daemon(&folder.at("daemon"));
    let checked = |text: &str, words: &[&str], variable: &str| {
        let path = folder.at("config.toml");
        fs::write(&path, text.replace('@', folder.at("").trim_end_matches('/'))).unwrap();
        let words = [&["--config", &path, "--check"], words].concat();
        let output = run(&words, &[("DCP_POLICY", variable)]);
        let out = String::from_utf8(output.stdout).unwrap();
        let policy = out.lines().find_map(|line| line.strip_prefix("policy: "));
        let errors = String::from_utf8(output.stderr).unwrap();
        (policy.unwrap_or_default().split(',').next().unwrap().to_owned(), errors)
    };
    let own = format!("{listener}[listener.policy]\npreset = \"none\"\n");
    for (text, words, variable, wanted) in [
        (&listener.to_owned(), &[][..], "", ""),
        (&listener.to_owned(), &[], "read-only", "preset read-only"),
        (&listener.to_owned(), &["--policy", "conservative"], "read-only", "preset conservative"),
        (&own, &[], "read-only", "preset none"),
        (&format!("{own}[defaults.policy]\npreset = \"read-only\"\n"), &[], "", "preset none"),
        (
            &format!("{listener}[defaults.policy]\npreset = \"read-only\"\n"),
            &[],
            "",
            "preset read-only",
        ),
    ] {
        assert_eq!(checked(text, words, variable), (wanted.to_owned(), String::new()), "{text}");
    }
    let (_, errors) = checked(&own, &["--policy", "none"], "");
    let path = folder.at("config.toml");
    let wanted = format!(
        "dockerd-ci-proxy: {path}:5:11: policy: is also given by --policy; remove one of them\n"
    );
    assert_eq!(errors, wanted);
    let (_, errors) = checked(listener, &["--policy", "conservativ"], "");
    let wanted = "dockerd-ci-proxy: --policy: unknown preset \"conservativ\"; did you mean \"conservative\"?\n";
    assert_eq!(errors, wanted);
}

#[test]
fn a_preset_is_printed_and_can_be_copied_into_a_file() {
    let folder = Folder::new("copied");
    daemon(&folder.at("daemon"));
    for name in ["conservative", "read-only", "none"] {
        let output = run(&["explain", "--preset", name], &[]);
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
        let preset = String::from_utf8(output.stdout).unwrap();
        let listener = "[[listener]]\nname = \"a\"\nsocket = \"@/a\"\ndaemon = \"@/daemon\"\n";
        let (code, out, errors) = configured(&folder, &format!("{listener}{preset}"), &["--check"]);
        assert_eq!((code, errors.as_str()), (0, ""));
        assert!(out.contains("\npolicy: "), "{out}");
    }
    let output = run(&["explain", "--preset", "none", "GET", "/version"], &[]);
    let wanted = "dockerd-ci-proxy: \"GET\": unexpected argument; see --help\n";
    assert_eq!(String::from_utf8(output.stderr).unwrap(), wanted);
    let output = run(&["--preset", "none"], &[]);
    let wanted = "dockerd-ci-proxy: --preset: can be used only with explain\n";
    assert_eq!(String::from_utf8(output.stderr).unwrap(), wanted);
}

#[test]
fn the_faults_of_a_policy_are_reported_with_the_others() {
    let folder = Folder::new("policy-faults");
    let text = r#"
[[listener]]
name = "a"
socket = "@/a"
strictt = true
[listener.policy]
preset = "conservativ"
[[listener.policy.rule]]
do = "refuse"
operation = ["ContainerCrate"]
option = "HostConfig.Privilegd"
[[listener.policy.rule]]
operation = "SwarmInit"
"#;
    let wanted = r#"dockerd-ci-proxy: @/config.toml:5:1: unknown key "strictt"; did you mean "strict"?
dockerd-ci-proxy: @/config.toml:7:10: unknown preset "conservativ"; did you mean "conservative"?
dockerd-ci-proxy: @/config.toml:10:14: unknown operation "ContainerCrate"; did you mean "ContainerCreate"?
dockerd-ci-proxy: @/config.toml:11:10: unknown option "HostConfig.Privilegd"; did you mean "HostConfig.Privileged"?
dockerd-ci-proxy: @/config.toml:12:1: expected do = "refuse", "warn" or "allow" in this rule
"#;
    assert_eq!(configured(&folder, text, &["--check"]), (2, String::new(), wanted.to_owned()));
}
