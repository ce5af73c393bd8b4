//! Builds of the same image by two jobs, each with its own proxy: what the second job gets from the cache of
//! the first.

use std::fs;
use std::process::Command;

use crate::buildkit::{self, cgroups_told, context};
use crate::support::{
    Docker, Finished, Kind, Lab, Proxy, Running, assert_below, remove_cgroup, skip, until,
};

/// A job: its proxy, with its own label `ci.job` and its own cgroup parent, and a docker command that uses it.
struct Job {
    docker: Docker,
    proxy: Proxy,
    name: String,
    cgroup_parent: String,
}

impl Job {
    fn start(lab: &Lab, number: u32, words: &[&str]) -> Self {
        let name = format!("{}-job-{number}", lab.name);
        let cgroup_parent = parent(lab, &format!("job-{number}"));
        let label = format!("ci.job={name}");
        let own = ["--label", &label, "--label", "ci.team=web", "--cgroup-parent", &cgroup_parent];
        let proxy = Proxy::start(&lab.engine.socket, &name, &[&own, words].concat());
        let mut docker = Docker::new(&proxy.socket(), lab.proxy.folder().path());
        docker.cli.clone_from(&lab.docker.cli);
        Self { docker, proxy, name, cgroup_parent }
    }

    fn both(lab: &Lab, words: &[&str]) -> [Self; 2] {
        [1, 2].map(|number| Self::start(lab, number, words))
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        remove_cgroup(&self.cgroup_parent);
    }
}

/// Returns a cgroup parent of this test.
fn parent(lab: &Lab, what: &str) -> String {
    if lab.engine.cgroup_driver == "systemd" {
        format!("dcptest-{}.slice", what.replace('-', "_"))
    } else {
        format!("{}-{what}", lab.cgroup_parent)
    }
}

/// Returns the path of a cgroup parent. BuildKit does not understand slices, even if the daemon's cgroup
/// driver is systemd: it reads `a-b.slice` as `/a-b.slice`, which is not the path of that slice.
fn place(lab: &Lab, parent: &str) -> String {
    if lab.engine.cgroup_driver == "systemd" {
        format!("/dcptest.slice/{parent}")
    } else {
        parent.to_owned()
    }
}

/// Removes the test's images, most of which have lost their name.
struct Images<'lab>(&'lab Lab);

impl Drop for Images<'_> {
    fn drop(&mut self) {
        let filter = format!("label=lab={}", self.0.name);
        let list = ["image", "ls", "--all", "--quiet", "--no-trunc", "--filter", &filter];
        let Ok(images) = self.0.direct.try_run(&list) else { return };
        let images = images.out();
        let remove: Vec<&str> =
            ["image", "rm", "--force"].into_iter().chain(images.lines()).collect();
        let _ = self.0.direct.try_run(&remove);
    }
}

/// Returns a Dockerfile with one step, which prints `42-NONCE` and its cgroups when it runs.
fn dockerfile(lab: &Lab, from: &str, nonce: &str) -> String {
    let step = format!("echo $((6*7))-{nonce}; cat /proc/self/cgroup; cat /proc/uptime >/stamp");
    format!("FROM {from}\nLABEL lab={}\nRUN {step}\n", lab.name)
}

/// Returns the output of a BuildKit command, both standard output and standard error.
fn told(finished: &Finished) -> String {
    assert_eq!(finished.code, Some(0), "{finished:?}");
    format!("{}\n{}", finished.out(), finished.err())
}

/// Returns `true` if BuildKit took the step from its cache.
fn was_cached(told: &str, nonce: &str) -> bool {
    let step = told.lines().find(|line| line.starts_with('#') && line.contains("] RUN "));
    let number = step.unwrap_or_else(|| panic!("no step:\n{told}")).split(' ').next().unwrap();
    let cached = format!("{number} CACHED");
    let cached = told.lines().any(|line| line == cached);
    assert_eq!(cached, !told.contains(&format!("42-{nonce}")), "{told}");
    cached
}

/// Returns `false` for Docker 20.10, which has no cgroup parent for BuildKit's steps.
fn knows_cgroup_parents(lab: &Lab) -> bool {
    !lab.direct.ok(&["version", "--format", "{{.Server.Version}}"]).starts_with("20.")
}

/// Runs docker with BuildKit in this folder.
fn run_in(docker: &Docker, folder: &str, arguments: &[&str]) -> Finished {
    let mut command = buildkit::command(docker, arguments);
    Running::start(command.current_dir(folder)).unwrap().finish()
}

/// Returns the commands that build `folder` with BuildKit: `docker build`, bake and compose.
fn ways(lab: &Lab, folder: &str, image: &str) -> Vec<Vec<String>> {
    let bake = format!("{{\"target\":{{\"default\":{{\"context\":\".\",\"tags\":[{image:?}]}}}}}}");
    fs::write(format!("{folder}/bake.json"), bake).unwrap();
    let compose = format!("services: {{web: {{image: {image:?}, build: .}}}}\n");
    fs::write(format!("{folder}/compose.yml"), compose).unwrap();
    let mut ways =
        vec![vec!["build", "--tag", image, "."], vec!["buildx", "bake", "--file", "bake.json"]];
    if buildkit::run(&lab.docker, &["compose", "version"]).code == Some(0) {
        ways.push(vec!["compose", "--project-name", &lab.name, "build"]);
    }
    ways.into_iter().map(|way| way.into_iter().map(Into::into).collect()).collect()
}

/// The cgroup parent is part of BuildKit's cache key of a step (Docker 26.1 and 28.5), so a step runs again in
/// each job with another parent.
#[test]
fn a_second_job_has_the_steps_of_the_first_unless_the_cgroup_parent_is_another() {
    let Some(lab) = buildkit::lab() else { return };
    let _images = Images(&lab);
    let (image, pool) = (lab.reserve(Kind::Image, "built"), parent(&lab, "pool"));
    let (knows, seen) = (knows_cgroup_parents(&lab), lab.engine.cgroup_version == "1");
    for (choice, cached) in [("inherit", !knows), (&*pool, true), ("none", true)] {
        let jobs = Job::both(&lab, &["--build-cgroup-parent", choice]);
        let folder = context(&lab, "job", "");
        for (number, way) in ways(&lab, &folder, &image).iter().enumerate() {
            let way: Vec<&str> = way.iter().map(|word| &**word).collect();
            let nonce = format!("{}-{}-{number}", lab.name, choice.trim_start_matches('/'));
            let nonce = nonce.replace('/', "-");
            context(&lab, "job", &dockerfile(&lab, "BASE", &nonce));
            let builds = [&jobs[0], &jobs[0], &jobs[1]].map(|job| {
                let built = run_in(&job.docker, &folder, &way);
                let cgroups = cgroups_told(&built);
                (was_cached(&told(&built), &nonce), cgroups)
            });
            let [first, again, second] = &builds;
            assert_eq!((first.0, again.0, second.0), (false, true, cached), "{choice} {way:?}");
            let moved = match choice {
                "inherit" => format!(" cgroup-parent={:?}", jobs[1].cgroup_parent),
                "none" => String::new(),
                pool => format!(" cgroup-parent={pool:?}"),
            };
            let line = format!("Grpc injected ci.job={:?} ci.team=\"web\"{moved}: ", jobs[1].name);
            let log = jobs[1].proxy.log();
            assert!(log.contains(&line), "{line}\n{log}");
            if !knows || !seen || number > 0 {
                continue;
            }
            match choice {
                "inherit" => {
                    assert_below(&place(&lab, &jobs[0].cgroup_parent), &first.1);
                    assert_below(&place(&lab, &jobs[1].cgroup_parent), &second.1);
                }
                "none" => assert!(!first.1.contains(&jobs[0].cgroup_parent), "{}", first.1),
                pool => assert_below(&place(&lab, pool), &first.1),
            }
        }
    }
    remove_cgroup(&pool);
}

/// Removes the step from BuildKit's cache.
fn forget(lab: &Lab, nonce: &str) {
    let list = ["system", "df", "--verbose", "--format", "{{json .BuildCache}}"];
    // Fails if an image of another test is removed at the same time.
    let records = until("the cache is listed", || {
        let listed = lab.direct.run(&list);
        (listed.code == Some(0)).then(|| listed.out())
    });
    let records: serde_json::Value = serde_json::from_str(&records).unwrap();
    let records = records.as_array().unwrap().iter();
    let ids: Vec<&str> = records
        .filter(|record| record["Description"].as_str().unwrap().contains(nonce))
        .map(|record| record["ID"].as_str().unwrap())
        .collect();
    assert!(!ids.is_empty(), "nothing is kept of {nonce}");
    for id in ids {
        let filter = format!("id={id}");
        lab.direct.ok(&["builder", "prune", "--force", "--all", "--filter", &filter]);
    }
}

/// The same holds for a cache that one job exports and the other imports: in the image itself, or in a folder,
/// which needs containerd's image store.
#[test]
fn a_cache_that_is_exported_serves_another_job_unless_the_cgroup_parent_is_another() {
    let Some(lab) = buildkit::lab() else { return };
    if !knows_cgroup_parents(&lab) {
        return;
    }
    let _images = Images(&lab);
    let driver = lab.direct.ok(&["info", "--format", "{{.DriverStatus}}"]);
    let exports_folders = driver.contains("containerd.snapshotter");
    let (image, other) = (lab.reserve(Kind::Image, "built"), lab.reserve(Kind::Image, "other"));
    let (pool, kept) = (parent(&lab, "pool"), lab.proxy.folder().join("kept"));
    let (to, from) = (
        format!("type=local,dest={}", kept.display()),
        format!("type=local,src={}", kept.display()),
    );
    let inline = ("inline", "type=inline", &*image);
    let folder = ("folder", &*to, &*from);
    for (choice, cached) in [("inherit", false), (&*pool, true), ("none", true)] {
        let jobs = Job::both(&lab, &["--build-cgroup-parent", choice]);
        let kinds = if exports_folders { &[folder][..] } else { &[inline] };
        for (kind, to, from) in kinds {
            let nonce = format!("{}-{kind}-{cached}-{}", lab.name, choice.len());
            let folder = context(&lab, "job", &dockerfile(&lab, "BASE", &nonce));
            let build = |job: &Job, words: [&str; 2], image: &str| {
                let words = [&["build", "--tag", image], &words[..], &[&folder]].concat();
                was_cached(&told(&buildkit::run(&job.docker, &words)), &nonce)
            };
            assert!(!build(&jobs[0], ["--cache-to", to], &image));
            forget(&lab, &nonce);
            let imported = build(&jobs[1], ["--cache-from", from], &other);
            assert_eq!(imported, cached, "{choice} {kind}");
        }
    }
    remove_cgroup(&pool);
}

/// The classic builder's cache does not depend on the cgroup parent, but on the labels: they change the image
/// that another build starts from.
#[test]
fn a_classic_build_from_a_local_image_is_cached_across_jobs_without_their_labels() {
    let Some(lab) = Lab::open() else { return };
    let _images = Images(&lab);
    let pool = parent(&lab, "pool");
    let (base, image) = (lab.reserve(Kind::Image, "base"), lab.reserve(Kind::Image, "built"));
    for (choice, cached) in [("all", false), ("none", true), ("ci.team", true)] {
        let jobs = Job::both(&lab, &["--image-labels", choice, "--build-cgroup-parent", &pool]);
        let make = |job: &Job, image: &str, from: &str| {
            let nonce = format!("{}-{choice}-{from}", lab.name).replace(':', "-");
            let nonce = nonce.replace('/', "-");
            let folder = context(&lab, "job", &dockerfile(&lab, from, &nonce));
            let built = told(&job.docker.run(&["build", "--tag", image, &folder]));
            let ran = built.contains(&format!("\n42-{nonce}"));
            assert_ne!(
                ran,
                built.contains("cat /proc/uptime >/stamp\n ---> Using cache"),
                "{built}"
            );
            (ran, built)
        };
        let built = jobs.each_ref().map(|job| {
            let (base_ran, built) = make(job, &base, lab.image());
            if base_ran && lab.engine.cgroup_version == "1" {
                let cgroups: Vec<&str> =
                    built.lines().filter(|line| line.matches(":/").count() == 1).collect();
                assert_below(&pool, &cgroups.join("\n"));
            }
            let (ran, _) = make(job, &image, &base);
            let mut labels = labels(&lab, &image);
            labels.retain(|label| label.starts_with("ci."));
            let id = lab.inspect(Kind::Image, &image, "{{.Id}}");
            (base_ran, ran, labels, id)
        });
        let [(base, ran, _, id), (base_again, ran_again, labels, id_again)] = &built;
        assert_eq!((*base, *ran), (true, true), "{choice}");
        assert_eq!((*base_again, *ran_again), (false, !cached), "{choice}");
        assert_eq!(id == id_again, cached, "{choice}");
        let job = format!("ci.job={}", jobs[1].name);
        let wanted: &[&str] = match choice {
            "all" => &[&job, "ci.team=web"],
            "none" => &[],
            _ => &["ci.team=web"],
        };
        assert_eq!(labels, wanted, "{choice}");
    }
    remove_cgroup(&pool);
}

/// The labels of an image, as `key=value`.
fn labels(lab: &Lab, image: &str) -> Vec<String> {
    let format = "{{range $key, $value := .Config.Labels}}{{$key}}={{$value}}\n{{end}}";
    lab.inspect(Kind::Image, image, format).lines().map(ToOwned::to_owned).collect()
}

/// A commit copies the container's labels, so its image has all of the operator's.
#[test]
fn an_import_has_the_chosen_labels_and_a_commit_besides_those_of_its_container() {
    let Some(lab) = Lab::open() else { return };
    let job = Job::start(&lab, 1, &["--image-labels", "ci.team"]);
    let none = Job::start(&lab, 2, &["--image-labels", "none"]);
    let ours = |job: &Job| [format!("ci.job={}", job.name), "ci.team=web".to_owned()];
    let image = lab.reserve(Kind::Image, "made");
    let tar = lab.proxy.folder().join("empty.tar");
    fs::write(&tar, [0; 1024]).unwrap();
    for (job, imported) in [(&job, &["ci.team=web"][..]), (&none, &[])] {
        job.docker.ok(&["import", tar.to_str().unwrap(), &image]);
        assert_eq!(labels(&lab, &image), imported);
        let container = lab.reserve(Kind::Container, &job.name);
        job.docker.ok(&["create", "--name", &container, lab.image(), "true"]);
        job.docker.ok(&["commit", &container, &image]);
        assert_eq!(labels(&lab, &image), ours(job));
    }
    let log = none.proxy.log();
    assert!(log.contains("ImageCommit passed: ") && log.contains("ImageCreate passed: "), "{log}");
}

/// Takes a project of compose down.
struct Project<'lab>(&'lab Lab, String);

impl Project<'_> {
    /// `docker compose` with this builder.
    fn compose(&self, docker: &Docker, builder: &str, words: &[&str]) -> Command {
        let project = ["compose", "--project-name", &*self.0.name, "--file", &*self.1];
        let mut command = buildkit::command(docker, &[&project, words].concat());
        command.env("DOCKER_BUILDKIT", builder).env("BUILDX_NO_DEFAULT_ATTESTATIONS", "1");
        command
    }
}

impl Drop for Project<'_> {
    fn drop(&mut self) {
        let down = ["down", "--volumes", "--timeout", "1"];
        let _ = self.compose(&self.0.direct, "1", &down).output();
    }
}

/// The second job builds the same image as the first, so compose has no reason to replace the container. (With
/// containerd's image store each build by BuildKit makes another image, with or without the proxy, since its
/// provenance contains the time; that case is left out.)
#[test]
fn compose_up_leaves_the_container_of_another_job_alone_without_labels_of_jobs() {
    let Some(lab) = buildkit::lab() else { return };
    if buildkit::run(&lab.docker, &["compose", "version"]).code != Some(0) {
        return skip("a test of jobs", "the docker command has no compose");
    }
    let _images = Images(&lab);
    let image = lab.reserve(Kind::Image, "built");
    let pool = parent(&lab, "pool");
    for (builder, choice, alone) in [
        ("1", "all", false),
        ("1", "none", true),
        ("1", "ci.team", true),
        ("0", "all", false),
        ("0", "ci.team", true),
    ] {
        let jobs = Job::both(&lab, &["--image-labels", choice, "--build-cgroup-parent", &pool]);
        let nonce = format!("{}-up-{builder}-{choice}", lab.name);
        let folder = context(&lab, "job", &dockerfile(&lab, "BASE", &nonce));
        let service = "command: sleep 1000, stop_signal: SIGKILL, build: .";
        let file = format!("{folder}/compose.yml");
        let text = format!("services: {{web: {{image: {image:?}, {service}}}}}\n");
        fs::write(&file, text).unwrap();
        let project = Project(&lab, file);
        let up = jobs.each_ref().map(|job| {
            let mut up = project.compose(&job.docker, builder, &["up", "--detach", "--build"]);
            told(&Running::start(&mut up).unwrap().finish());
            let label = format!("label=com.docker.compose.project={}", lab.name);
            let list = ["ps", "--quiet", "--no-trunc", "--filter", &label];
            (lab.direct.ok(&list), lab.inspect(Kind::Image, &image, "{{.Id}}"))
        });
        let [(container, first), (container_again, second)] = &up;
        assert!(!container.is_empty());
        assert_eq!(container == container_again, alone, "{builder} {choice}");
        assert_eq!(first == second, alone, "{builder} {choice}");
        // A container has all labels, whatever its image has; it remains that of the first job.
        let owner = if alone { &jobs[0].name } else { &jobs[1].name };
        let format = "{{index .Config.Labels \"ci.job\"}} {{index .Config.Labels \"ci.team\"}}";
        let has = lab.inspect(Kind::Container, container_again, format);
        assert_eq!(has, format!("{owner} web"), "{builder} {choice}");
    }
    remove_cgroup(&pool);
}
