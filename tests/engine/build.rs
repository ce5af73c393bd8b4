//! `docker build` with the classic builder.

use std::fs;
use std::path::PathBuf;

use crate::support::{Finished, Kind, Lab, noise};

/// Builds a Dockerfile; the `FROM` line is given by us.
fn build(lab: &Lab, image: &str, options: &[&str], dockerfile: &str) -> Finished {
    let context = context(lab, dockerfile);
    let mut arguments = vec!["build", "--no-cache", "--tag", image];
    arguments.extend(options);
    arguments.push(context.to_str().unwrap());
    lab.docker.run(&arguments)
}

/// A build context with more in it than any buffer holds.
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
    // Kept, so that it can be looked at.
    let options = ["--rm=false", "--cgroup-parent", "/other"];
    let built = build(&lab, &image, &options, "RUN cat /proc/self/cgroup\n");
    assert_eq!(built.code, Some(0), "{built:?}");
    let output = built.out();
    let steps = output.lines().filter_map(|line| line.trim().strip_prefix("---> Running in "));
    let steps: Vec<_> = steps.collect();
    for step in &steps {
        lab.remove_later(Kind::Container, step);
    }
    assert!(!steps.is_empty(), "{output}");
    for step in &steps {
        let parent = lab.inspect(Kind::Container, step, "{{.HostConfig.CgroupParent}}");
        assert_eq!(parent, lab.cgroup_parent);
    }
    // On cgroup v2 a container sees itself at the root.
    if lab.engine.cgroup_version == "1" {
        let cgroups =
            output.lines().filter(|line| line.matches(':').count() == 2 && line.contains(":/"));
        lab.assert_confined_by(&cgroups.collect::<Vec<_>>().join("\n"));
    }
}

#[test]
fn a_failing_build_fails_in_the_daemons_words() {
    let Some(lab) = Lab::open() else { return };
    let image = lab.reserve(Kind::Image, "built");
    let built = build(&lab, &image, &["--force-rm"], "RUN echo on the way; exit 3\n");
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
