//! Several listeners from a configuration file.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};

use rustix::process::Signal;

use super::ends::{End, accept};
use super::lab::{Folder, PING, PONG};
use super::proxy::{Proxy, until};
use super::upgrade::Next;

/// Writes the file, in which `@` is the folder.
fn write(folder: &Folder, text: &str) {
    let text = text.replace('@', folder.path().to_str().unwrap());
    fs::write(folder.join("config.toml"), text).unwrap();
}

const TWO: &str = r#"
[defaults]
daemon = "@/daemon"
labels = { host = "web" }

[[listener]]
name = "gitlab"
socket = "@/gitlab.sock"
labels = { "ci.system" = "gitlab" }
cgroup_parent = "/ci/gitlab"

[[listener]]
name = "jenkins"
socket = "@/jenkins.sock"
mode = "0600"
labels = { "ci.system" = "jenkins" }
"#;

fn connect(folder: &Folder, name: &str) -> End {
    End::new(UnixStream::connect(folder.join(name)).unwrap())
}

/// Returns the body of a create as the daemon gets it.
fn created(client: &mut End, daemon: &UnixListener) -> String {
    created_from(r#"{"Image":"","Labels":{}}"#, client, daemon)
}

fn created_from(body: &str, client: &mut End, daemon: &UnixListener) -> String {
    client.sends(format!(
        "POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    let mut end = accept(daemon);
    let head = end.gets_head();
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
    let mut body = vec![0; length.parse().unwrap()];
    std::io::Read::read_exact(&mut end.stream, &mut body).unwrap();
    end.sends(PONG);
    client.gets(PONG);
    String::from_utf8(body).unwrap()
}

fn ping(client: &mut End, daemon: &UnixListener) {
    client.sends(PING);
    let mut end = accept(daemon);
    end.gets(PING);
    end.sends(PONG);
    client.gets(PONG);
}

/// The daemon does not exist at startup, since it would be asked about its cgroup driver.
fn started(folder: &Folder) -> (Proxy, UnixListener) {
    let mut proxy = Proxy::configured(folder.path(), None);
    proxy.await_listening();
    proxy.await_log("jenkins: listening on");
    (proxy, UnixListener::bind(folder.join("daemon")).unwrap())
}

#[test]
fn each_listener_has_its_own_rules() {
    let folder = Folder::new();
    write(&folder, TWO);
    let (mut proxy, daemon) = started(&folder);
    let gitlab = created(&mut connect(&folder, "gitlab.sock"), &daemon);
    let wanted = r#"{"Image":"","Labels":{"ci.system":"gitlab","host":"web"},"HostConfig":{"CgroupParent":"/ci/gitlab"}}"#;
    assert_eq!(gitlab, wanted);
    let jenkins = created(&mut connect(&folder, "jenkins.sock"), &daemon);
    assert_eq!(jenkins, r#"{"Image":"","Labels":{"ci.system":"jenkins","host":"web"}}"#);
    let log = proxy.log();
    assert!(log.contains(r#"gitlab: label ci.system="gitlab""#), "{log}");
    assert!(log.contains(r#"gitlab: cgroup parent "/ci/gitlab""#), "{log}");
    assert!(log.contains("jenkins: listening on "), "{log}");
    proxy.terminate();
    assert_eq!(proxy.await_exit().code(), Some(0));
    for name in ["gitlab.sock", "jenkins.sock"] {
        assert!(!folder.join(name).exists());
    }
}

#[test]
fn options_are_forced_filled_in_capped_and_appended() {
    let folder = Folder::new();
    write(
        &folder,
        r#"
[defaults]
daemon = "@/daemon"
[defaults.container]
cap = { "HostConfig.Memory" = "4GiB", "HostConfig.NanoCpus" = "1.5" }
[[listener]]
name = "jenkins"
socket = "@/jenkins.sock"
labels = {}
[listener.container]
force = { "User" = "ci" }
default = { "HostConfig.PidsLimit" = 10 }
append = { "Env" = ["B=2"] }
"#,
    );
    let (_proxy, daemon) = started(&folder);
    let body = r#"{"Image":"","User":"root","Env":["A=1","B=1"],"HostConfig":{"Memory":8589934592,"NanoCpus":7,"PidsLimit":0}}"#;
    let got = created_from(body, &mut connect(&folder, "jenkins.sock"), &daemon);
    let wanted = r#"{"Image":"","User":"ci","Env":["A=1","B=2"],"HostConfig":{"Memory":4294967296,"NanoCpus":7,"PidsLimit":10}}"#;
    assert_eq!(got, wanted);
}

#[test]
fn an_upgrade_binds_new_listeners_and_removes_old_ones() {
    let folder = Folder::new();
    write(&folder, TWO);
    let (mut proxy, daemon) = started(&folder);
    let inode = |name: &str| {
        use std::os::unix::fs::MetadataExt;
        fs::metadata(folder.join(name)).unwrap().ino()
    };
    let before = inode("jenkins.sock");
    // The listeners have another order, and one has another name.
    let text = TWO
        .replace("gitlab.sock", "new.sock")
        .replace("\"jenkins\"\nsocket", "\"renamed\"\nsocket")
        .replace("\"0600\"", "\"0640\"");
    write(&folder, &text);
    drop(daemon);
    fs::remove_file(folder.join("daemon")).unwrap();
    proxy.signal(Signal::HUP);
    let next = Next::of(&proxy, 1);
    assert_eq!(proxy.await_exit().code(), Some(0));
    proxy.await_log("renamed: listening on");
    let daemon = UnixListener::bind(folder.join("daemon")).unwrap();
    assert_eq!(inode("jenkins.sock"), before);
    let mode = fs::metadata(folder.join("jenkins.sock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    until("the socket is removed", || (!folder.join("gitlab.sock").exists()).then_some(()));
    ping(&mut connect(&folder, "new.sock"), &daemon);
    let renamed = created(&mut connect(&folder, "jenkins.sock"), &daemon);
    assert!(renamed.contains(r#""ci.system":"jenkins""#), "{renamed}");
    next.signal(Signal::TERM);
    next.await_end();
    assert!(!folder.join("jenkins.sock").exists());
}

#[test]
fn a_reload_changes_rules_and_listeners_in_the_running_process() {
    let folder = Folder::new();
    write(&folder, TWO);
    let (mut proxy, daemon) = started(&folder);
    // A client that stays gets the new rules with its next request.
    let mut client = connect(&folder, "jenkins.sock");
    let body = created(&mut client, &daemon);
    assert!(body.contains(r#""ci.system":"jenkins""#), "{body}");
    write(&folder, "[[listener]]\nnam = 1");
    proxy.signal(Signal::USR1);
    proxy.await_log("config.toml:2:1: unknown key \"nam\"; did you mean \"name\"?");
    let text = TWO.replace("gitlab", "fresh").replace("\"jenkins\" }", "\"changed\" }");
    write(&folder, &text.replace("cgroup_parent", "#"));
    proxy.signal(Signal::USR1);
    until("the new socket is there", || folder.join("fresh.sock").exists().then_some(()));
    until("the old socket is removed", || (!folder.join("gitlab.sock").exists()).then_some(()));
    let body = created(&mut connect(&folder, "jenkins.sock"), &daemon);
    assert!(body.contains(r#""ci.system":"changed""#), "{body}");
    let body = created(&mut connect(&folder, "fresh.sock"), &daemon);
    assert!(body.contains(r#""ci.system":"fresh""#), "{body}");
    proxy.terminate();
    drop(client);
    assert_eq!(proxy.await_exit().code(), Some(0));
}

/// Creates two sockets, which the test keeps open like a service manager.
fn sockets(folder: &Folder) -> [UnixListener; 2] {
    ["one", "two"].map(|name| UnixListener::bind(folder.join(name)).unwrap())
}

const NAMED: &str = r#"
[defaults]
daemon = "@/daemon"
[[listener]]
name = "gitlab"
labels = { a = "1" }
[[listener]]
name = "jenkins"
labels = { b = "2" }
"#;

#[test]
fn passed_sockets_go_to_the_listeners_of_their_names() {
    let folder = Folder::new();
    write(&folder, NAMED);
    let kept = sockets(&folder);
    let copies = || [0, 1].map(|index: usize| kept[index].try_clone().unwrap());
    let mut proxy = Proxy::configured(folder.path(), Some((copies(), "jenkins:gitlab")));
    proxy.await_log("jenkins: listening on");
    let daemon = UnixListener::bind(folder.join("daemon")).unwrap();
    let labels = |name: &str| created(&mut connect(&folder, name), &daemon);
    let wanted = [r#"{"Image":"","Labels":{"b":"2"}}"#, r#"{"Image":"","Labels":{"a":"1"}}"#];
    assert_eq!([labels("one"), labels("two")], wanted);
    // The names go along with an upgrade.
    proxy.signal(Signal::HUP);
    let next = Next::of(&proxy, 1);
    assert_eq!(proxy.await_exit().code(), Some(0));
    assert_eq!([labels("one"), labels("two")], wanted);
    next.signal(Signal::TERM);
    next.await_end();
    assert!(folder.join("one").exists());
}

#[test]
fn a_passed_socket_of_no_listener_is_an_error() {
    let folder = Folder::new();
    write(&folder, NAMED);
    let mut proxy = Proxy::configured(folder.path(), Some((sockets(&folder), "jenkins:gitlib")));
    assert_eq!(proxy.await_exit().code(), Some(2));
    let why = format!(
        "LISTEN_FDNAMES: no listener is called \"gitlib\", the name of the socket {}; expected gitlab or jenkins \
         (FileDescriptorName= in its unit)",
        folder.join("two").display()
    );
    assert!(proxy.log().contains(&why), "{}", proxy.log());
}

#[test]
fn settings_of_a_passed_socket_are_refused() {
    let folder = Folder::new();
    write(&folder, &NAMED.replace("name = \"jenkins\"", "name = \"jenkins\"\nmode = \"0600\""));
    let mut proxy = Proxy::configured(folder.path(), Some((sockets(&folder), "jenkins:gitlab")));
    assert_eq!(proxy.await_exit().code(), Some(2));
    let why = "config.toml:9:1: mode: has no effect, since the service manager passed";
    assert!(proxy.log().contains(why), "{}", proxy.log());
}
