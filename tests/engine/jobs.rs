//! Builds of the same thing by two jobs, each with a proxy of its own: what the second one has from the
//! cache of the first.

use std::fs;

use crate::buildkit::{self, cgroups_told, context};
use crate::support::{
    Docker, Finished, Kind, Lab, Proxy, Running, assert_below, remove_cgroup, until,
};

/// A job: its proxy, with its own label `ci.job` and its own cgroup parent, and docker behind that.
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

/// A cgroup parent of this test.
fn parent(lab: &Lab, what: &str) -> String {
    if lab.engine.cgroup_driver == "systemd" {
        format!("dcptest-{}.slice", what.replace('-', "_"))
    } else {
        format!("{}-{what}", lab.cgroup_parent)
    }
}

/// The path of such a parent. BuildKit takes no names of slices, even if the daemon's cgroup driver is
/// systemd: of `a-b.slice` itself it would make `/a-b.slice`, which is not where that slice is.
fn place(lab: &Lab, parent: &str) -> String {
    if lab.engine.cgroup_driver == "systemd" {
        format!("/dcptest.slice/{parent}")
    } else {
        parent.to_owned()
    }
}

/// Removes the images that the test has built, most of which have lost their name.
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

/// A Dockerfile with one step, which writes `42-NONCE` and its cgroups when it is run.
fn dockerfile(lab: &Lab, from: &str, nonce: &str) -> String {
    let step = format!("echo $((6*7))-{nonce}; cat /proc/self/cgroup; cat /proc/uptime >/stamp");
    format!("FROM {from}\nLABEL lab={}\nRUN {step}\n", lab.name)
}

/// What a command of BuildKit told, on either of its outputs.
fn told(finished: &Finished) -> String {
    assert_eq!(finished.code, Some(0), "{finished:?}");
    format!("{}\n{}", finished.out(), finished.err())
}

/// Whether BuildKit had the step from its cache.
fn was_cached(told: &str, nonce: &str) -> bool {
    let step = told.lines().find(|line| line.starts_with('#') && line.contains("] RUN "));
    let number = step.unwrap_or_else(|| panic!("no step:\n{told}")).split(' ').next().unwrap();
    let cached = format!("{number} CACHED");
    let cached = told.lines().any(|line| line == cached);
    assert_eq!(cached, !told.contains(&format!("42-{nonce}")), "{told}");
    cached
}

/// Docker 20.10 does not know a cgroup parent of BuildKit's steps.
fn knows_cgroup_parents(lab: &Lab) -> bool {
    !lab.direct.ok(&["version", "--format", "{{.Server.Version}}"]).starts_with("20.")
}

/// Runs docker with BuildKit in this folder.
fn run_in(docker: &Docker, folder: &str, arguments: &[&str]) -> Finished {
    let mut command = buildkit::command(docker, arguments);
    Running::start(command.current_dir(folder)).unwrap().finish()
}

/// The commands that build the folder `folder` by BuildKit: `docker build`, bake and compose.
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

/// BuildKit takes the cgroup parent for a part of each step (Docker 26.1 and 28.5), so that a step is
/// run anew in each job whose parent is another one.
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

/// Takes what BuildKit keeps of the step out of its cache.
fn forget(lab: &Lab, nonce: &str) {
    let list = ["system", "df", "--verbose", "--format", "{{json .BuildCache}}"];
    // Fails where an image of another test goes meanwhile.
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

/// So it is with a cache that a job exports and the other imports: in the image itself, or in a folder,
/// which Docker can do with containerd's image store.
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
