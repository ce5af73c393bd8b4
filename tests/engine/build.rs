//! `docker build` with the classic builder.

use std::fs;
use std::path::PathBuf;

use crate::support::{Finished, Kind, Lab, noise, until};

/// Builds a Dockerfile, to which the `FROM` line is added.
fn build(lab: &Lab, image: &str, options: &[&str], dockerfile: &str) -> Finished {
    let context = context(lab, dockerfile);
    let mut arguments = vec!["build", "--no-cache", "--tag", image];
    arguments.extend(options);
    arguments.push(context.to_str().unwrap());
    lab.docker.run(&arguments)
}

/// Creates a build context larger than any buffer.
fn context(lab: &Lab, dockerfile: &str) -> PathBuf {
    let context = lab.proxy.folder().join("context");
    fs::create_dir_all(&context).unwrap();
    fs::write(context.join("Dockerfile"), format!("FROM {}\n{dockerfile}", lab.image())).unwrap();
    fs::write(context.join("large"), noise(3_000_000)).unwrap();
    context
}

#[test]
fn a_built_image_has_the_labels_of_dockerfile_client_and_operator() {
    let Some(lab) = Lab::open() else { return };
    let image = lab.reserve(Kind::Image, "built");
    let options = ["--label", "client=kept", "--build-arg", "WORD=hello"];
    let dockerfile = "ARG WORD\nLABEL dockerfile=kept\nCOPY large /large\nRUN echo $WORD >/word\n";
    let built = build(&lab, &image, &options, dockerfile);
    assert_eq!(built.code, Some(0), "{built:?}");
    lab.assert_labels(Kind::Image, &image, &[("client", "kept"), ("dockerfile", "kept")]);
    let seen = lab.docker.ok(&["run", "--rm", &image, "sh", "-c", "cat /word; wc -c </large"]);
    assert_eq!(seen, "hello\n3000000");
}

#[test]
fn neither_dockerfile_nor_client_overrides_the_operators_labels() {
    let Some(lab) = Lab::open() else { return };
    let image = lab.reserve(Kind::Image, "built");
    let built = build(
        &lab,
        &image,
        &["--label", "ci.job=client"],
        "LABEL ci.team=dockerfile ci.job=dockerfile\n",
    );
    assert_eq!(built.code, Some(0), "{built:?}");
    lab.assert_labels(Kind::Image, &image, &[]);
}

#[test]
fn the_steps_of_a_build_run_in_the_cgroup_parent() {
    let Some(lab) = Lab::open() else { return };
    let image = lab.reserve(Kind::Image, "built");
    let context = context(&lab, "RUN sleep 1000\n");
    let options = ["--no-cache", "--cgroup-parent", "/other", "--tag", &image];
    let building =
        lab.docker.start(&[&["build"], &options[..], &[context.to_str().unwrap()]].concat());
    let step = until("the step runs", || {
        let filter = format!("ancestor={}", lab.image());
        let running = lab.direct.ok(&["ps", "--quiet", "--no-trunc", "--filter", &filter]);
        let is_step = |id: &&str| building.stdout().contains(id.get(..12).unwrap());
        running.lines().find(is_step).map(ToOwned::to_owned)
    });
    let parent = lab.inspect(Kind::Container, &step, "{{.HostConfig.CgroupParent}}");
    assert_eq!(parent, lab.cgroup_parent);
    lab.assert_confined(&step);
    building.kill();
    until("the step is gone with the client", || {
        (lab.direct.run(&["container", "inspect", &step]).code != Some(0)).then_some(())
    });
}

/// The containers of steps have no labels, so none may stay.
#[test]
fn a_build_leaves_no_container_behind_whatever_the_client_wants() {
    let Some(lab) = Lab::open() else { return };
    let image = lab.reserve(Kind::Image, "built");
    let steps = |finished: &Finished| {
        let steps = finished.out();
        let steps = steps.lines().filter_map(|line| line.trim().strip_prefix("---> Running in "));
        steps.map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    for (dockerfile, code) in [("RUN true\n", 0), ("RUN true\nRUN exit 3\n", 3)] {
        let built = build(&lab, &image, &["--rm=false"], dockerfile);
        assert_eq!(built.code, Some(code), "{built:?}");
        assert!(!steps(&built).is_empty(), "{built:?}");
        for step in steps(&built) {
            let left = lab.direct.run(&["container", "inspect", &step]);
            assert_ne!(left.code, Some(0), "{step} is left: {built:?}");
        }
    }
}

#[test]
fn a_failing_build_fails_in_the_daemons_words() {
    let Some(lab) = Lab::open() else { return };
    let image = lab.reserve(Kind::Image, "built");
    let built = build(&lab, &image, &[], "RUN echo on the way; exit 3\n");
    assert_eq!(built.code, Some(3), "{built:?}");
    assert!(built.out().contains("on the way"), "{built:?}");
    assert!(built.err().contains("returned a non-zero code: 3"), "{built:?}");
}

#[test]
fn a_refused_build_is_told_before_its_context_is_read() {
    let Some(lab) = Lab::open() else { return };
    let context = context(&lab, "");
    let finished = lab.same(&["build", "--tag", "NOT/A//TAG", context.to_str().unwrap()]);
    assert_ne!(finished.code, Some(0));
}
