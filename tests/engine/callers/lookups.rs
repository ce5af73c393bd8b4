//! Look-ups of the caller: which requests make one, and the refusals if the caller cannot be known.

use std::fs;
use std::time::{Duration, Instant};

use super::relay::Relay;
use super::{Job, create, label, proxy};
use crate::support::{Kind, Lab, Proxy};

const PARENT: &str = "--label=ci.parent={container.name:-host}";

/// Sends the standard input to the socket, and prints what comes back.
const SEND: &str = "curl --silent --show-error --unix-socket /var/run/docker.sock \
                    --header 'Content-Type: application/json' http://d/containers/create?name=";

/// A client that connects, leaves the connection to a child, and ends.
const LEGACY: &str = r#"perl -MIO::Socket::UNIX -e '
    my $socket = IO::Socket::UNIX->new(Peer => "/var/run/docker.sock");
    exit if fork;
    select undef, undef, undef, 0.3;
    print $socket $ENV{REQUEST};
    $socket->flush;
    print while <$socket>;
'; sleep 1"#;

fn relayed(lab: &Lab) -> (Relay, Proxy) {
    let relay = Relay::start(lab.proxy.folder().join("relay"), &lab.engine.socket);
    let proxy = Proxy::start(&relay.socket, &format!("{}-callers", lab.name), &[PARENT]);
    (relay, proxy)
}

#[test]
fn the_daemon_is_asked_once_for_each_container_and_only_for_creates() {
    let Some(lab) = Lab::open() else { return };
    let (relay, proxy) = relayed(&lab);
    let questions = || relay.count("/json HTTP/1.");
    let job = Job::start(&lab, &proxy.socket(), "job", &[]);
    let id = lab.inspect(Kind::Container, &job.name, "{{.Id}}");
    job.ok(&["docker", "version"]);
    assert_eq!(questions(), 0);
    for round in 0..3 {
        let sibling = job.sibling(&format!("sibling-{round}"), &[]);
        assert_eq!(label(&lab, &sibling, "ci.parent"), job.name);
    }
    assert_eq!(relay.count(&format!("GET /containers/{id}/json")), 1);
    let other = Job::start(&lab, &proxy.socket(), "other", &[]);
    other.sibling("of-other", &[]);
    assert_eq!(relay.count("GET /containers/"), 2);
}

#[test]
fn a_daemon_that_is_silent_about_the_caller_refuses_the_create() {
    let Some(lab) = Lab::open() else { return };
    let (relay, proxy) = relayed(&lab);
    let job = Job::start(&lab, &proxy.socket(), "job", &[]);
    let name = lab.reserve(Kind::Container, "silent");
    relay.silence(true);
    let start = Instant::now();
    let script = format!("{SEND}{name} --data '{{\"Image\":\"{}\"}}'", lab.image());
    let answer = job.ok(&["sh", "-c", &script]);
    assert!(answer.contains("the daemon did not answer in time"), "{answer}");
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    relay.silence(false);
    let sibling = job.sibling("later", &[]);
    assert_eq!(label(&lab, &sibling, "ci.parent"), job.name);
    assert_eq!(relay.count(&format!("name={name}")), 0);
}

#[test]
fn a_connection_that_its_maker_has_left_is_refused() {
    let Some(lab) = Lab::open() else { return };
    let proxy = proxy(&lab, &[PARENT]);
    let job = Job::start(&lab, &proxy.socket(), "job", &[]);
    let name = lab.reserve(Kind::Container, "orphan");
    let request = format!("REQUEST={}", create(&lab, &name));
    let finished = lab.direct.run(&["exec", "--env", &request, &job.name, "sh", "-c", LEGACY]);
    assert!(finished.out().contains("which made the connection, has ended"), "{finished:?}");
    let found = lab.direct.run(&["container", "inspect", &name]);
    assert_ne!(found.code, Some(0), "it was created: {found:?}");
}

#[test]
fn clients_that_are_killed_leave_nothing_with_another_label() {
    let Some(lab) = Lab::open() else { return };
    let proxy = proxy(&lab, &[PARENT]);
    let job = Job::start(&lab, &proxy.socket(), "job", &[]);
    let prefix = format!("{}-killed", lab.name);
    let script = format!(
        "for n in $(seq 20); do
             {SEND}{prefix}-$n --data '{{\"Image\":\"{}\"}}' & sleep 0.00$n; kill -9 $!
         done; wait",
        lab.image()
    );
    job.ok(&["sh", "-c", &script]);
    let sibling = job.sibling("last", &[]);
    assert_eq!(label(&lab, &sibling, "ci.parent"), job.name);
    let filter = format!("name={prefix}");
    let left = lab.direct.ok(&["ps", "--all", "--quiet", "--filter", &filter]);
    for container in left.lines() {
        lab.remove_later(Kind::Container, container);
        assert_eq!(label(&lab, container, "ci.parent"), job.name);
    }
}

/// `DCP_CALLERS` is the number of jobs, 6 if it is not set.
#[test]
fn jobs_that_create_at_the_same_time_are_not_confused() {
    let Some(lab) = Lab::open() else { return };
    let proxy = proxy(&lab, &[PARENT]);
    let count = std::env::var("DCP_CALLERS").map_or(6, |count| count.parse().unwrap());
    let folder = format!("{}:/lab", lab.proxy.folder().path().display());
    let start = |number: usize| {
        let what = format!("job-{number}");
        Job::start(&lab, &proxy.socket(), &what, &["--volume", &folder]).name
    };
    let jobs: Vec<_> = (0..count).map(start).collect();
    let creating: Vec<_> = jobs
        .iter()
        .map(|job| {
            let data = format!("'{{\"Image\":\"{}\"}}'", lab.image());
            let each = format!("for n in 1 2 3; do {SEND}of-{job}-$n --data {data} & done; wait");
            let script = format!("echo ready; until [ -e /lab/go ]; do sleep 0.01; done; {each}");
            lab.direct.start(&["exec", job, "sh", "-c", &script])
        })
        .collect();
    for creating in &creating {
        creating.await_output("ready");
    }
    fs::write(lab.proxy.folder().join("go"), "").unwrap();
    for (job, creating) in jobs.iter().zip(creating) {
        let finished = creating.finish();
        for number in 1..=3 {
            let sibling = format!("of-{job}-{number}");
            lab.remove_later(Kind::Container, &sibling);
            assert_eq!(label(&lab, &sibling, "ci.parent"), *job, "{finished:?}");
        }
    }
}

#[test]
fn a_job_that_is_started_again_renamed_or_made_anew_is_known_as_it_is() {
    let Some(lab) = Lab::open() else { return };
    let rules = [PARENT, "--label=ci.turn={container.label:turn}"];
    let proxy = proxy(&lab, &rules);
    let job = Job::start(&lab, &proxy.socket(), "job", &["--label", "turn=1"]);
    job.sibling("first", &[]);
    lab.direct.ok(&["restart", "--time", "0", &job.name]);
    assert_eq!(label(&lab, &job.sibling("restarted", &[]), "ci.parent"), job.name);

    let name = lab.reserve(Kind::Container, "renamed");
    lab.direct.ok(&["rename", &job.name, &name]);
    lab.direct.ok(&["restart", "--time", "0", &name]);
    let renamed = Job { lab: &lab, name };
    assert_eq!(label(&lab, &renamed.sibling("after", &[]), "ci.parent"), renamed.name);

    lab.direct.ok(&["rm", "--force", &renamed.name]);
    let anew = Job::start(&lab, &proxy.socket(), "job", &["--label", "turn=2"]);
    assert_eq!(label(&lab, &anew.sibling("anew", &[]), "ci.turn"), "2");
}
