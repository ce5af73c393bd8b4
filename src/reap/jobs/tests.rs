use serde_json::json;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// The time since the Unix epoch at which all tests begin.
const EPOCH: Duration = Duration::from_secs(1_000_000);

fn job(container: &str, owner: &str) -> Job {
    Job { container: container.to_owned(), owner: owner.to_owned() }
}

fn rule(owner: &str, delay: Option<u64>) -> Rule {
    Rule { owner: owner.to_owned(), delay: delay.map(Duration::from_secs), ..Rule::default() }
}

fn thing(kind: Kind, id: &str) -> Thing {
    Thing { kind, id: id.to_owned(), name: id.to_owned() }
}

/// A thing of a kind that a job created.
fn entry(kind: Kind, job: &Job) -> Entry {
    let labels = [(own::JOB, &job.container), (own::LISTENER, &job.owner)];
    Entry {
        thing: thing(kind, "thing"),
        labels: labels.map(|(key, value)| (key.to_owned(), value.clone())).into(),
        created: None,
        image: String::new(),
        state: String::new(),
        tags: Vec::new(),
    }
}

/// Volumes of these jobs.
fn volumes(jobs: &[Job]) -> Vec<Entry> {
    jobs.iter().map(|job| entry(Kind::Volumes, job)).collect()
}

/// The jobs of a daemon, and a clock.
struct Clock {
    jobs: Jobs,
    start: Instant,
    seconds: u64,
}

impl Clock {
    /// Begins with the job `c` of the listener `ci`, which removes after 10 seconds.
    fn new() -> Self {
        let mut jobs = Jobs::new(&[rule("ci", Some(10)), rule("stays", None)]);
        jobs.found(&volumes(&[job("c", "ci")]), &BTreeSet::new());
        Self { jobs, start: Instant::now(), seconds: 0 }
    }

    fn now(&self) -> Instant {
        self.start + SECOND * u32::try_from(self.seconds).unwrap()
    }

    fn seen(&mut self, container: &str, state: State) {
        let (now, since_epoch) = (self.now(), EPOCH + Duration::from_secs(self.seconds));
        self.jobs.seen(container, state, now, since_epoch);
    }

    /// Returns the number of seconds until the next job is due.
    fn next(&self) -> Option<u64> {
        self.jobs.next().map(|at| at.saturating_duration_since(self.now()).as_secs())
    }

    fn due(&self) -> Vec<String> {
        self.jobs.due(self.now()).into_iter().map(|job| job.container).collect()
    }
}

#[test]
fn a_thing_belongs_to_a_job_by_two_labels() {
    let of = |labels: &[(&str, &str)]| {
        let labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Job::of(&labels.collect())
    };
    assert_eq!(of(&[(own::JOB, "c"), (own::LISTENER, "ci")]), Some(job("c", "ci")));
    for labels in [
        &[(own::JOB, ""), (own::LISTENER, "ci")][..],
        &[(own::JOB, "c")],
        &[(own::LISTENER, "ci")],
        &[("job", "c"), ("listener", "ci")],
    ] {
        assert_eq!(of(labels), None, "{labels:?}");
    }
}

#[test]
fn a_removal_wants_the_job_and_its_listener() {
    let labels = job("c", "ci").criteria().labels;
    let labels: Vec<_> = labels.iter().map(|label| (&*label.key, &*label.value)).collect();
    assert_eq!(labels, [("dockerd-ci-proxy.job", "c"), ("dockerd-ci-proxy.listener", "ci")]);
    let labels = rule("ci", None).criteria().labels;
    assert_eq!(labels.len(), 1);
    assert_eq!((&*labels[0].key, &*labels[0].value), ("dockerd-ci-proxy.listener", "ci"));
}

#[test]
fn mounts_are_those_below_the_directories() {
    let answer = json!([
        {"Mounts": [{"Source": "/run/s.jobs/a"}, {"Source": "/run/s.jobsx/b"}, {"Type": "volume"}]},
        {"Mounts": [{"Source": "/run/t.jobs/c"}, {"Source": "/run/s.jobs/a"}]},
        {"Mounts": null},
        {},
    ]);
    let directories = ["/run/s.jobs", "/run/t.jobs"].map(PathBuf::from);
    let wanted: BTreeSet<_> = ["/run/s.jobs/a", "/run/t.jobs/c"].map(PathBuf::from).into();
    assert_eq!(mounted(&answer, &directories), wanted);
}

#[test]
fn a_container_has_ended_only_if_the_daemon_knows_it() {
    let read =
        |state| State::read("c", 200, json!({"Id": "c", "State": state}).to_string().as_bytes());
    let finished = "2026-11-30T18:48:40Z";
    let ended = json!({"Running": false, "Restarting": false, "FinishedAt": finished});
    assert_eq!(read(ended), Ok(State::Ended(Some(Duration::from_secs(1_796_064_520)))));
    for state in [
        json!({"Running": true, "FinishedAt": finished}),
        json!({"Running": true, "Paused": true}),
        json!({"Running": false, "Restarting": true, "FinishedAt": finished}),
    ] {
        assert_eq!(read(state.clone()), Ok(State::Runs), "{state}");
    }
    let created = json!({"Running": false, "FinishedAt": "0001-01-01T00:00:00Z"});
    assert_eq!(read(created), Ok(State::Ended(None)));
    for gone in [
        r#"{"message":"No such container: c"}"#,
        r#"{"cause":"no such container","message":"no container with name or ID \"c\" found: no such container"}"#,
    ] {
        assert_eq!(State::read("c", 404, gone.as_bytes()), Ok(State::Ended(None)));
    }
    for (status, body) in [
        (404, r#"{"message":"page not found"}"#),
        (404, "404 page not found"),
        (500, r#"{"message":"No such container: c"}"#),
        (200, "{}"),
        (200, r#"{"Id":"c","State":{"Status":"exited"}}"#),
        (200, r#"{"State":{"Running":false}}"#),
        (200, ""),
    ] {
        assert!(State::read("c", status, body.as_bytes()).is_err(), "{status} {body}");
    }
}

#[test]
fn a_container_that_has_an_id_as_its_name_is_another() {
    let other = br#"{"Id":"d","Name":"/c","State":{"Running":true}}"#;
    assert_eq!(State::read("c", 200, other), Ok(State::Ended(None)));
}

#[test]
fn a_job_is_due_after_the_delay() {
    let mut clock = Clock::new();
    clock.seen("c", State::Runs);
    assert_eq!(clock.next(), None);
    clock.seconds = 3;
    clock.seen("c", State::Ended(None));
    assert_eq!(clock.next(), Some(10));
    clock.seconds = 12;
    clock.seen("c", State::Ended(None));
    assert_eq!((clock.next(), clock.due()), (Some(1), Vec::new()));
    clock.seconds = 13;
    assert_eq!(clock.due(), ["c"]);
}

#[test]
fn the_time_of_the_end_counts_if_it_is_known() {
    let mut clock = Clock::new();
    clock.seen("c", State::Ended(EPOCH.checked_sub(SECOND * 7)));
    assert_eq!(clock.next(), Some(3));
    clock.seen("c", State::Ended(EPOCH.checked_sub(SECOND * 1000)));
    assert_eq!(clock.due(), ["c"]);
    // The clocks may differ.
    clock.seen("c", State::Ended(Some(EPOCH + SECOND * 1000)));
    assert_eq!(clock.next(), Some(10));
}

#[test]
fn a_container_that_is_started_again_keeps_its_things() {
    let mut clock = Clock::new();
    clock.seen("c", State::Ended(None));
    clock.seconds = 9;
    clock.seen("c", State::Runs);
    clock.seconds = 20;
    assert_eq!((clock.next(), clock.due()), (None, Vec::new()));
    clock.seen("c", State::Ended(None));
    assert_eq!(clock.next(), Some(10));
}

#[test]
fn what_other_proxies_or_listeners_keep_is_ignored() {
    let mut clock = Clock::new();
    clock.jobs.found(
        &volumes(&[job("c", "stays"), job("d", "unknown"), job("e", "ci")]),
        &BTreeSet::new(),
    );
    assert_eq!(clock.jobs.containers(), ["e"]);
    clock.seen("c", State::Ended(None));
    clock.seconds = 1000;
    assert!(clock.due().is_empty());
}

#[test]
fn each_listener_has_its_delay_for_one_container() {
    let mut clock = Clock::new();
    clock.jobs = Jobs::new(&[rule("ci", Some(10)), rule("slow", Some(60))]);
    clock.jobs.found(&volumes(&[job("c", "ci"), job("c", "slow")]), &BTreeSet::new());
    assert_eq!(clock.jobs.containers(), ["c"]);
    clock.seen("c", State::Ended(None));
    clock.seconds = 10;
    assert_eq!(clock.jobs.due(clock.now()), [job("c", "ci")]);
    clock.seconds = 60;
    assert_eq!(clock.jobs.due(clock.now()), [job("c", "ci"), job("c", "slow")]);
}

#[test]
fn what_a_removed_container_created_is_due_at_once() {
    let mut clock = Clock::new();
    clock.jobs.found(
        &volumes(&[job("c", "ci"), job("child", "ci"), job("other", "ci")]),
        &BTreeSet::new(),
    );
    clock.seen("c", State::Ended(None));
    clock.seen("child", State::Runs);
    clock.seconds = 10;
    let removed = vec![thing(Kind::Containers, "child"), thing(Kind::Volumes, "other")];
    let report = Report { removed, ..Report::default() };
    assert!(clock.jobs.reaped(&job("c", "ci"), report, clock.now()).is_empty());
    clock.jobs.found(&volumes(&[job("child", "ci"), job("other", "ci")]), &BTreeSet::new());
    clock.seen("child", State::Ended(None));
    clock.seen("other", State::Ended(None));
    assert_eq!(clock.due(), ["child"]);
}

#[test]
fn what_stayed_is_tried_again_once_what_a_removed_container_created_is_gone() {
    let mut clock = Clock::new();
    clock.jobs.found(&volumes(&[job("c", "ci"), job("child", "ci")]), &BTreeSet::new());
    clock.seen("c", State::Ended(None));
    clock.seen("child", State::Runs);
    clock.seconds = 10;
    let removed = vec![thing(Kind::Containers, "child")];
    let left = vec![(thing(Kind::Networks, "n"), "in use".to_owned())];
    let report = Report { removed, left, ..Report::default() };
    clock.jobs.reaped(&job("c", "ci"), report, clock.now());
    clock.seen("child", State::Ended(None));
    assert_eq!(clock.due(), ["child"]);
    let nothing = Report::default();
    clock.jobs.reaped(&job("child", "ci"), nothing, clock.now());
    assert!(clock.due().is_empty());
    let report = Report { removed: vec![thing(Kind::Containers, "d")], ..Report::default() };
    clock.jobs.reaped(&job("child", "ci"), report, clock.now());
    assert_eq!(clock.due(), ["c", "child"]);
}

#[test]
fn what_stayed_is_reported_once_and_tried_again_with_growing_pauses() {
    let mut clock = Clock::new();
    clock.seen("c", State::Ended(None));
    clock.seconds = 10;
    let volume = (thing(Kind::Volumes, "v"), "in use".to_owned());
    let report = |left: &[&(Thing, String)]| Report {
        left: left.iter().map(|left| (*left).clone()).collect(),
        ..Report::default()
    };
    let mut pauses = Vec::new();
    for round in 0..8 {
        let news = clock.jobs.reaped(&job("c", "ci"), report(&[&volume]), clock.now());
        assert_eq!(news.len(), usize::from(round == 0));
        clock.seen("c", State::Ended(None));
        pauses.push(clock.next().unwrap() / 60);
        clock.seconds += clock.next().unwrap();
        assert_eq!(clock.due(), ["c"]);
    }
    assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
    let network = (thing(Kind::Networks, "n"), "in use".to_owned());
    let news = clock.jobs.reaped(&job("c", "ci"), report(&[&volume, &network]), clock.now());
    assert_eq!(news, [network]);
    // Nothing was removed, and nothing is said to have stayed: the next attempt must not follow at once.
    assert!(clock.jobs.reaped(&job("c", "ci"), report(&[]), clock.now()).is_empty());
    assert_eq!(clock.next(), Some(3600));
}

#[test]
fn a_container_that_is_not_known_may_be_that_of_another_node_of_a_swarm() {
    let mut clock = Clock::new();
    assert!(clock.jobs.may_be_elsewhere("c"));
    clock.seen("c", State::Ended(None));
    assert!(clock.jobs.may_be_elsewhere("c"));
    for state in [State::Runs, State::Ended(Some(EPOCH))] {
        let mut clock = Clock::new();
        clock.seen("c", state);
        clock.seen("c", State::Ended(None));
        assert!(!clock.jobs.may_be_elsewhere("c"), "{state:?}");
    }
    let job = job("c", "ci");
    let mut task = entry(Kind::Containers, &job);
    task.labels.insert(SERVICE.to_owned(), "s".to_owned());
    for (thing, may_be) in [
        (entry(Kind::Services, &job), true),
        (entry(Kind::Networks, &job), true),
        (task, true),
        (entry(Kind::Containers, &job), false),
        (entry(Kind::Images, &job), false),
    ] {
        let mut clock = Clock::new();
        clock.jobs.found(
            &[volumes(std::slice::from_ref(&job)), vec![thing.clone()]].concat(),
            &BTreeSet::new(),
        );
        assert_eq!(clock.jobs.may_be_elsewhere("c"), may_be, "{thing:?}");
    }
}

#[test]
fn the_nodes_of_a_swarm_are_counted_by_its_managers() {
    for (swarm, others) in [
        (json!({"LocalNodeState": "inactive"}), false),
        (json!({"LocalNodeState": ""}), false),
        (json!({"LocalNodeState": "active", "Nodes": 1}), false),
        (json!({"LocalNodeState": "active", "Nodes": 3}), true),
        (json!({"LocalNodeState": "active"}), true),
        (json!({"LocalNodeState": "locked", "Nodes": 0}), true),
        (json!(null), false),
    ] {
        assert_eq!(has_other_nodes(&json!({"Swarm": swarm})), others, "{swarm}");
    }
}

#[test]
fn an_image_of_a_job_that_was_never_here_is_not_that_jobs() {
    let image = |job: &Job| entry(Kind::Images, job);
    let (foreign, short) = (job("foreign", "ci"), job("short", "ci"));
    let mut clock = Clock::new();
    // Pulled, or built by a container that was listed once and has removed itself.
    clock.jobs.found(&volumes(&[job("c", "ci")]), &BTreeSet::from(["short".to_owned()]));
    clock.jobs.found(&[image(&foreign), image(&short)], &BTreeSet::new());
    assert_eq!(clock.jobs.containers(), ["short"]);
    // Its image was removed, and is pulled again.
    clock.jobs.found(&[], &BTreeSet::new());
    clock.jobs.found(&[image(&short)], &BTreeSet::new());
    assert_eq!(clock.jobs.containers(), Vec::<String>::new());
    // What cannot be pulled was created here.
    clock.jobs.found(
        &[image(&foreign), volumes(std::slice::from_ref(&foreign)).remove(0)],
        &BTreeSet::new(),
    );
    assert_eq!(clock.jobs.containers(), ["foreign"]);
}

#[test]
fn images_that_are_left_from_an_earlier_process_count() {
    let mut jobs = Jobs::new(&[rule("ci", Some(10))]);
    jobs.found(&[entry(Kind::Images, &job("gone", "ci"))], &BTreeSet::new());
    assert_eq!(jobs.containers(), ["gone"]);
}
