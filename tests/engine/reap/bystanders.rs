//! Containers that carry the label although they are not of the job, and what they use.

use super::Job;
use crate::support::Kind;

#[test]
fn a_container_that_somebody_started_from_a_labelled_image_lives() {
    let Some(job) = Job::open() else { return };
    let tag = format!("{}-made:1", job.lab.name);
    let id = job.image(&tag);
    let by = job.run_plainly("by", &[], &tag, "sleep 1000");
    // Also of the job, from the same image.
    job.lab.remove_later(Kind::Image, &format!("{}-child:1", job.lab.name));
    let own = job.run("own", &[], "sleep 1000");
    let ended = job.run_plainly("ended", &[], &tag, "exit");
    assert!(job.all().len() > 2 * 12);

    let done = job.reap(&[]);
    assert_eq!(done.code, Some(4), "{done:?}");
    assert!(!job.has("container", &own));
    assert_eq!(job.lab.inspect(Kind::Container, &by, "{{.State.Running}}"), "true");
    assert!(job.has("container", &ended) && job.has("image", &id));
    let text = done.out();
    let row = |name: &str| text.lines().find(|line| line.contains(name)).unwrap();
    assert!(row(&by).contains("kept: it has the labels from its image only"), "{text}");
    assert!(row(&tag).contains("left: the container "), "{text}");
    assert!(text.ends_with("1 removed, 1 left, 2 kept"), "{text}");

    job.lab.direct.ok(&["rm", "--force", &by, &ended]);
    let done = job.reap(&[]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(!job.has("image", &id));
}

#[test]
fn a_container_with_the_marker_of_an_image_lives_and_one_with_its_own_goes() {
    let Some(job) = Job::open() else { return };
    let tag = format!("{}-marked:1", job.lab.name);
    job.lab.remove_later(Kind::Image, &tag);
    let plain = job.run_plainly("plain", &[], job.lab.image(), "exit");
    let change = format!("LABEL {} dockerd-ci-proxy.given=by-image", job.label);
    job.lab.direct.ok(&["commit", "--change", &change, &plain, &tag]);
    let by = job.run_plainly("by", &[], &tag, "sleep 1000");
    let key = job.label.split('=').next().unwrap_or_default();
    let given = format!("dockerd-ci-proxy.given=ci.team {key}");
    let marked = ["--label", &job.label, "--label", &given];
    let own = job.run_plainly("own", &marked, &tag, "sleep 1000");
    let done = job.reap(&["--keep", "images"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(job.has("container", &by) && !job.has("container", &own), "{done:?}");
}

#[test]
fn a_network_on_which_somebody_elses_container_runs_stays() {
    let Some(job) = Job::open() else { return };
    let network = job.make(Kind::Network, "net");
    let by = job.run_plainly("by", &["--network", &network], job.lab.image(), "sleep 1000");
    let done = job.reap(&[]);
    assert_eq!(done.code, Some(4), "{done:?}");
    assert!(done.out().contains(&format!("left: the container {by} runs on it")), "{done:?}");
    let networks = "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}";
    assert_eq!(job.lab.inspect(Kind::Container, &by, networks), network);
    job.lab.direct.ok(&["stop", "--time", "0", &by]);
    let done = job.reap(&[]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(!job.has("network", &network) && job.has("container", &by));
}

#[test]
fn a_volume_that_somebody_elses_container_uses_stays() {
    let Some(job) = Job::open() else { return };
    let volume = job.make(Kind::Volume, "data");
    let mount = format!("{volume}:/data");
    let by = job.run_plainly("by", &["--volume", &mount], job.lab.image(), "echo kept >/data/file");
    let done = job.reap(&[]);
    assert_eq!(done.code, Some(4), "{done:?}");
    assert!(done.out().contains(&format!("left: the container {by} uses it")), "{done:?}");
    assert!(job.has("volume", &volume) && job.has("container", &by));
    job.lab.direct.ok(&["rm", "--force", &by]);
    assert_eq!(job.reap(&[]).code, Some(0));
    assert!(!job.has("volume", &volume));
}

#[test]
fn an_image_goes_with_the_images_that_are_made_from_it() {
    let Some(job) = Job::open() else { return };
    let base = format!("{}-base:1", job.lab.name);
    let id = job.image(&base);
    let plain = job.run_plainly("plain", &[], &base, "exit");
    // It has the label from its base, and no tag.
    let child = job.lab.direct.ok(&["commit", &plain]);
    job.lab.direct.ok(&["rm", "--force", &plain]);
    let done = job.reap(&[]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert!(!job.has("image", &id) && !job.has("image", &child));
    assert_eq!(job.all(), "");
}
