//! Several listeners from a configuration file.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};

use rustix::process::Signal;

use super::ends::{End, accept};
use super::lab::{ATTACH, Folder, PING, PONG, UPGRADED};
use super::proxy::{Proxy, until};
use super::store::{all, page};
use super::transcript::Line;
use super::upgrade::Next;

/// Writes the file, in which `@` is the folder.
pub(crate) fn write(folder: &Folder, text: &str) {
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

const GRPC: &str = "POST /grpc HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";
const H2C: &str = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n";

pub(crate) fn connect(folder: &Folder, name: &str) -> End {
    End::new(UnixStream::connect(folder.join(name)).unwrap())
}

/// Returns the body of a create as the daemon gets it.
fn created(client: &mut End, daemon: &UnixListener) -> String {
    created_from(r#"{"Image":"","Labels":{}}"#, client, daemon)
}

pub(crate) fn created_from(body: &str, client: &mut End, daemon: &UnixListener) -> String {
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

/// Returns the source that the daemon gets of a mount of `source` by a client of the first listener.
fn mounted(source: &str, folder: &Folder, daemon: &UnixListener) -> String {
    let body = format!(r#"{{"Image":"","HostConfig":{{"Binds":["{source}:/s"]}}}}"#);
    let body = created_from(&body, &mut connect(folder, "gitlab.sock"), daemon);
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    body["HostConfig"]["Binds"][0].as_str().unwrap().trim_end_matches(":/s").to_owned()
}

#[test]
fn a_job_cannot_mount_the_socket_of_other_rules() {
    let folder = Folder::new();
    // The daemon would be asked whether it can use a cgroup parent.
    let two = TWO.replace("cgroup_parent = \"/ci/gitlab\"", "");
    write(&folder, &two);
    let (proxy, daemon) = started(&folder);
    let path = |name: &str| folder.join(name).display().to_string();
    let own = path("gitlab.sock");
    for name in ["jenkins.sock", "daemon", "gitlab.sock"] {
        assert_eq!(mounted(&path(name), &folder, &daemon), own, "{name}");
    }
    assert_eq!(mounted(&path("other"), &folder, &daemon), path("other"));
    // A listener that is added later is known as well.
    let third = "\n[[listener]]\nname = \"third\"\nsocket = \"@/third.sock\"\n";
    write(&folder, &[&two, third].concat());
    proxy.signal(Signal::USR1);
    let read = "the configuration was read again";
    until(read, || proxy.log().contains(read).then_some(()));
    for name in ["third.sock", "jenkins.sock", "daemon"] {
        assert_eq!(mounted(&path(name), &folder, &daemon), own, "{name}");
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

#[test]
fn a_changed_policy_holds_after_a_reload_and_after_an_upgrade() {
    let folder = Folder::new();
    let text = |policy: &str| {
        let listener = "name = \"jenkins\"\nsocket = \"@/jenkins.sock\"\ndaemon = \"@/daemon\"";
        format!("[[listener]]\n{listener}\nlabels = {{}}\n{policy}")
    };
    let rule = r#"rule = [{ name = "no-volumes", do = "refuse", operation = "VolumeCreate" }]"#;
    let policy = format!("[listener.policy]\n{rule}\n");
    let create = "POST /volumes/create HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n\r\n{}";
    write(&folder, &text(""));
    let (mut proxy, daemon) = started(&folder);
    let passes = || {
        let mut client = connect(&folder, "jenkins.sock");
        client.sends(create);
        let mut end = accept(&daemon);
        end.gets(create);
        end.sends(PONG);
        client.gets(PONG);
    };
    let is_refused = || {
        let mut client = connect(&folder, "jenkins.sock");
        client.sends(create);
        let head = client.gets_head();
        assert!(head.starts_with("HTTP/1.1 403 "), "{head}");
        // The connection was made when the client came, and nothing was sent.
        drop(client);
        assert_eq!(accept(&daemon).gets_rest(), b"");
    };
    passes();
    write(&folder, &text(&policy));
    proxy.signal(Signal::USR1);
    proxy.await_log("was read again: changed jenkins");
    is_refused();
    write(&folder, &text(&format!("{policy}trial = true\n")));
    proxy.signal(Signal::USR1);
    until("the policy is on trial", || {
        (proxy.log().matches("was read again: changed jenkins").count() == 2).then_some(())
    });
    passes();
    proxy.await_log("the policy would refuse VolumeCreate; rule no-volumes, ");
    write(&folder, &text(&policy));
    proxy.signal(Signal::HUP);
    let next = Next::of(&proxy, 1);
    assert_eq!(proxy.await_exit().code(), Some(0));
    is_refused();
    next.signal(Signal::TERM);
    next.await_end();
}

#[test]
fn a_failed_upgrade_leaves_the_sockets_as_they_are_and_a_later_one_changes_them() {
    let folder = Folder::new();
    write(&folder, &format!("stats_socket = \"@/stats\"\n{TWO}"));
    let (mut proxy, daemon) = started(&folder);
    drop(daemon);
    fs::remove_file(folder.join("daemon")).unwrap();
    let mode = |name: &str| fs::metadata(folder.join(name)).unwrap().permissions().mode() & 0o777;
    let text = TWO.replace("@/gitlab.sock\"", "@/gitlab.sock\"\nmode = \"0640\"");
    let text = format!("stats_socket = \"@/other\"\n{text}");
    write(&folder, &text.replace("jenkins.sock", "no/jenkins.sock"));
    let before = mode("gitlab.sock");
    proxy.signal(Signal::HUP);
    proxy.await_log("serving on");
    assert_eq!(mode("gitlab.sock"), before);
    assert!(folder.join("stats").exists() && !folder.join("other").exists());
    write(&folder, &text);
    proxy.signal(Signal::HUP);
    let next = Next::of(&proxy, 1);
    assert_eq!(proxy.await_exit().code(), Some(0));
    until("the new process has changed them", || {
        (mode("gitlab.sock") == 0o640 && !folder.join("stats").exists()).then_some(())
    });
    let mut guest = connect(&folder, "other");
    guest.sends("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    assert!(guest.gets_head().starts_with("HTTP/1.1 200 "));
    next.signal(Signal::TERM);
    next.await_end();
    assert!(!folder.join("other").exists());
}

#[test]
fn clients_of_a_socket_that_an_upgrade_removes_go_on_in_the_old_process() {
    let folder = Folder::new();
    write(&folder, TWO);
    let (mut proxy, daemon) = started(&folder);
    let mut client = connect(&folder, "gitlab.sock");
    let mut end = accept(&daemon);
    write(&folder, &TWO.replace("gitlab", "fresh").replace("cgroup_parent", "#"));
    proxy.signal(Signal::HUP);
    let _next = Next::of(&proxy, 1);
    proxy.await_log("fresh: listening on");
    client.sends("POST /volumes/create HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n\r\n{}");
    end.gets_head();
    end.gets(r#"{"Labels":{"ci.system":"gitlab","host":"web"}}"#);
    end.sends(PONG);
    client.gets(PONG);
    drop(client);
    assert_eq!(proxy.await_exit().code(), Some(0));
}

/// Answers a question about the daemon's cgroup driver.
fn says(mut question: End, driver: &str) {
    question.gets_head();
    question.sends(format!("HTTP/1.0 200 OK\r\n\r\n{{\"CgroupDriver\":\"{driver}\"}}"));
}

#[test]
fn signals_that_come_together_lose_no_change_of_the_file() {
    let folder = Folder::new();
    write(&folder, TWO);
    let (proxy, daemon) = started(&folder);
    // The daemon does not answer the reload. An upgrade does not wait for that.
    proxy.signal(Signal::USR1);
    let reload = accept(&daemon);
    for (round, driver) in ["systemd", "cgroupfs"].into_iter().enumerate() {
        proxy.signal(Signal::HUP);
        let upgrade = accept(&daemon);
        // The new process has read the file.
        write(&folder, &TWO.replace("host", &format!("host-{round}")));
        proxy.signal(Signal::USR1);
        until("the signal came", || {
            let count = proxy.log().matches("is being started; then the file is read").count();
            (count > round).then_some(())
        });
        says(upgrade, driver);
        says(accept(&daemon), "cgroupfs");
        until("the file was read again", || {
            let count = proxy.log().matches("was read again: changed gitlab, jenkins").count();
            (count > round).then_some(())
        });
        let mut client = connect(&folder, "gitlab.sock");
        client.sends("POST /volumes/create HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\n\r\n{}");
        let mut end = accept(&daemon);
        end.gets_head();
        end.gets(format!(r#"{{"Labels":{{"ci.system":"gitlab","host-{round}":"web"}}}}"#));
    }
    drop(reload);
    let _next = Next::of(&proxy, 1);
}

#[test]
fn open_tunnels_and_builds_keep_their_rules_over_a_reload() {
    let folder = Folder::new();
    let labels = |value: &str| {
        let text = r#"[[listener]]
name = "jenkins"
socket = "@/jenkins.sock"
daemon = "@/daemon"
cgroup_parent = "/ci/7"
labels = { "ci.job" = "VALUE", "ci.team" = "web" }"#;
        write(&folder, &text.replace("VALUE", value));
    };
    labels("7");
    let (proxy, daemon) = started(&folder);
    let opened = |head: &str, upgraded: &str| {
        let mut client = connect(&folder, "jenkins.sock");
        client.sends(head);
        let mut end = accept(&daemon);
        end.gets(head);
        end.sends(upgraded);
        client.gets(upgraded);
        [client, end]
    };
    let page = page("labels_go_into_a_solve");
    let [sends, gets] = [Line::ClientSends, Line::DaemonGot].map(|side| {
        let bytes = all(&page, side);
        bytes[GRPC.len()..].to_vec()
    });
    let [mut tunnel, mut its_daemon] = opened(ATTACH, UPGRADED);
    let [mut old, mut olds_daemon] = opened(GRPC, H2C);
    labels("8");
    proxy.signal(Signal::USR1);
    says(accept(&daemon), "cgroupfs");
    proxy.await_log("was read again: changed jenkins");
    let [mut new, mut news_daemon] = opened(GRPC, H2C);
    for client in [&mut old, &mut new] {
        client.sends(&sends);
    }
    olds_daemon.gets(&gets);
    let mut got = vec![0; gets.len()];
    std::io::Read::read_exact(&mut news_daemon.stream, &mut got).unwrap();
    let differ: Vec<_> = got.iter().zip(&gets).filter(|(new, old)| new != old).collect();
    assert!(!differ.is_empty() && differ.iter().all(|pair| *pair == (&b'8', &b'7')), "{differ:?}");
    tunnel.sends("in");
    its_daemon.gets("in");
    its_daemon.sends("out");
    tunnel.gets("out");
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
