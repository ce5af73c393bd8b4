//! The things of a swarm.

use super::Job;
use crate::support::{Kind, until};
use crate::swarm::Swarm;

#[test]
fn a_stack_goes() {
    let Some(job) = Job::open() else { return };
    let _swarm = Swarm::join(&job.lab.direct);
    let [secret, config, network, service] = [
        (Kind::Secret, "secret"),
        (Kind::Config, "config"),
        (Kind::Network, "overlay"),
        (Kind::Service, "service"),
    ]
    .map(|(kind, what)| job.lab.reserve(kind, what));
    let direct = &job.lab.direct;
    for (kind, name) in [("secret", &secret), ("config", &config)] {
        let created = direct.run_with(&[kind, "create", "--label", &job.label, name, "-"], b"x");
        assert_eq!(created.code, Some(0), "{created:?}");
    }
    direct.ok(&["network", "create", "--driver", "overlay", "--label", &job.label, &network]);
    let create = ["service", "create", "--detach", "--no-resolve-image", "--name", &service];
    let labels = ["--label", &job.label, "--container-label", &job.label, "--replicas", "2"];
    let uses = ["--secret", &secret, "--config", &config, "--network", &network];
    direct.ok(&[&create[..], &labels, &uses, &[job.lab.image(), "sleep", "1000"]].concat());
    until("the tasks run", || {
        let running = direct.ok(&["ps", "--quiet", "--filter", &format!("label={}", job.label)]);
        (running.lines().count() == 2).then_some(())
    });

    let done = job.reap(&["--keep", "services"]);
    assert_eq!(done.code, Some(4), "{done:?}");
    let text = done.out();
    assert!(text.contains("kept: it belongs to a service, and services are kept"), "{text}");

    let done = job.reap(&[]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(job.all(), "");
    for (kind, name) in
        [("secret", &secret), ("config", &config), ("network", &network), ("service", &service)]
    {
        assert!(!job.has(kind, name), "the {kind} stayed");
    }
}
