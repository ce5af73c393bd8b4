//! Labels with values of the caller.

use super::{Job, create, host, label, proxy, refusal};
use crate::support::{Kind, Lab, converse};

#[test]
fn a_sibling_carries_the_name_the_id_a_label_and_a_variable_of_its_parent() {
    let Some(lab) = Lab::open() else { return };
    let rules = [
        "--label=ci.parent={container.name:-host}",
        "--label=ci.id={container:-none}",
        "--label=ci.pipeline={container.label:pipeline:-none}",
        "--label=ci.job=job-{container.env:CI_JOB_ID:-none}",
        "--label=ci.braces={{container}}",
    ];
    let proxy = proxy(&lab, &rules);
    let options = ["--label", "pipeline=p/7 \"x\"", "--env", "CI_JOB_ID=42"];
    let job = Job::start(&lab, &proxy.socket(), "job", &options);
    let sibling = job.sibling("sibling", &["--label", "ci.job=job-1", "--label", "own=kept"]);
    let id = lab.inspect(Kind::Container, &job.name, "{{.Id}}");
    for (key, wanted) in [
        ("ci.parent", &*job.name),
        ("ci.id", &id),
        ("ci.pipeline", "p/7 \"x\""),
        ("ci.job", "job-42"),
        ("ci.braces", "{container}"),
        ("own", "kept"),
    ] {
        assert_eq!(label(&lab, &sibling, key), wanted, "{key}");
    }
    let (volume, network) = (lab.reserve(Kind::Volume, "data"), lab.reserve(Kind::Network, "net"));
    job.ok(&["docker", "volume", "create", &volume]);
    job.ok(&["docker", "network", "create", &network]);
    for (kind, name) in [(Kind::Volume, &volume), (Kind::Network, &network)] {
        assert_eq!(lab.inspect(kind, name, "{{index .Labels \"ci.parent\"}}"), job.name);
    }

    let name = lab.reserve(Kind::Container, "of-host");
    host(&lab, &proxy).ok(&["create", "--name", &name, lab.image(), "true"]);
    for (key, wanted) in
        [("ci.parent", "host"), ("ci.id", "none"), ("ci.pipeline", "none"), ("ci.job", "job-none")]
    {
        assert_eq!(label(&lab, &name, key), wanted, "{key}");
    }
}

#[test]
fn a_container_carries_the_user_and_the_process_of_its_client() {
    let Some(lab) = Lab::open() else { return };
    let rules = ["--label=ci.client={uid}:{gid} {user:-nobody}", "--label=ci.pid={pid}"];
    let proxy = proxy(&lab, &rules);
    let job = Job::start(&lab, &proxy.socket(), "job", &[]);
    let name = lab.reserve(Kind::Container, "sibling");
    let words = ["docker", "create", "--name", &name, lab.image(), "true"];
    lab.direct.ok(&[&["exec", "--user", "1:2", &job.name], &words[..]].concat());
    assert_eq!(label(&lab, &name, "ci.client"), "1:2 daemon");

    let name = lab.reserve(Kind::Container, "of-host");
    let answer = converse(&proxy.socket(), create(&lab, &name).as_bytes(), false);
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert_eq!(label(&lab, &name, "ci.pid"), std::process::id().to_string());
}

#[test]
fn without_a_fallback_a_value_that_is_not_there_refuses_the_create() {
    let Some(lab) = Lab::open() else { return };
    let proxy = proxy(&lab, &["--label=ci.pipeline={container.label:pipeline}"]);
    let with = Job::start(&lab, &proxy.socket(), "with", &["--label", "pipeline=7"]);
    assert_eq!(label(&lab, &with.sibling("sibling", &[]), "ci.pipeline"), "7");

    let without = Job::start(&lab, &proxy.socket(), "without", &[]);
    let message = without.refused("refused", &[]);
    let reason = format!("the caller's container {} has no such label", without.name);
    assert!(message.contains("{container.label:pipeline}"), "{message}");
    assert!(message.contains(&reason), "{message}");
    // Other requests need no such value.
    without.ok(&["docker", "ps"]);

    let name = lab.reserve(Kind::Container, "refused");
    let finished = host(&lab, &proxy).run(&["create", "--name", &name, lab.image(), "true"]);
    let message = refusal(&lab, &name, &finished);
    assert!(message.contains("the caller runs in no container of the daemon"), "{message}");
}

#[test]
fn jobs_at_one_proxy_have_their_own_values() {
    let Some(lab) = Lab::open() else { return };
    let proxy = proxy(&lab, &["--label=ci.parent={container.name}"]);
    let jobs = ["one", "two"].map(|what| Job::start(&lab, &proxy.socket(), what, &[]));
    for round in 0..2 {
        for job in &jobs {
            let sibling = job.sibling(&format!("{}-{round}", job.name), &[]);
            assert_eq!(label(&lab, &sibling, "ci.parent"), job.name);
        }
    }
}
