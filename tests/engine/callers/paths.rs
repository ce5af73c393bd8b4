//! Paths in the view of a CI container, which the daemon would take for those of the host.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Job, proxy};
use crate::support::{Kind, Lab};

const MAPPED: &[&str] = &["--map-paths", "caller"];
const STRICT: &[&str] = &["--map-paths", "caller", "--map-paths-strict"];

/// A CI container whose workspace is a directory of the host.
struct Bound<'lab> {
    job: Job<'lab>,
    /// The workspace on the host.
    place: PathBuf,
}

impl<'lab> Bound<'lab> {
    fn start(lab: &'lab Lab, socket: &Path) -> Self {
        let place = lab.proxy.folder().join("place");
        fs::create_dir(&place).unwrap();
        fs::create_dir(place.join("sub")).unwrap();
        let volume = format!("{}:/ci/workspace", place.display());
        let job = Job::start(lab, socket, "job", &["--volume", &volume, "--tmpfs", "/scratch"]);
        Self { job, place }
    }
}

#[test]
fn a_file_of_the_workspace_is_seen_by_a_sibling_and_the_other_way_round() {
    let Some(lab) = Lab::open() else { return };
    let proxy = proxy(&lab, MAPPED);
    let Bound { job, place } = Bound::start(&lab, &proxy.socket());
    job.ok(&["sh", "-c", "echo of the job >/ci/workspace/sub/there"]);
    let script = "cat /data/there; echo of the sibling >/data/back";
    for option in
        ["--volume=/ci/workspace/sub:/data", "--mount=type=bind,src=/ci/workspace/sub,dst=/data"]
    {
        assert_eq!(job.sees(&[option], script), "of the job", "{option}");
        assert_eq!(job.ok(&["cat", "/ci/workspace/sub/back"]), "of the sibling", "{option}");
        fs::remove_file(place.join("sub/back")).unwrap();
    }
    assert_eq!(job.sees(&["--volume=/ci/workspace:/data"], "ls /data"), "sub");
    assert!(!Path::new("/ci").exists());
}

#[test]
fn the_options_of_a_bind_are_kept_and_a_missing_directory_is_made() {
    let Some(lab) = Lab::open() else { return };
    let proxy = proxy(&lab, MAPPED);
    let Bound { job, place } = Bound::start(&lab, &proxy.socket());
    let options = [
        "--volume=/ci/workspace/sub:/a:ro",
        "--volume=/ci/workspace/./new/er:/b:rprivate,z",
        "--mount=type=bind,src=/ci/workspace/sub/../sub,dst=/c,readonly,bind-propagation=private",
    ];
    let sibling = job.sibling("sibling", &options);
    let place = place.display();
    let binds = lab.inspect(Kind::Container, &sibling, "{{json .HostConfig.Binds}}");
    for bind in [format!("{place}/sub:/a:ro"), format!("{place}/new/er:/b:rprivate,z")] {
        assert!(binds.contains(&format!("\"{bind}")), "{binds}");
    }
    let mount = "{{range .Mounts}}{{if eq .Destination \"/c\"}}{{.Source}} {{.RW}} {{.Propagation}}{{end}}{{end}}";
    let mount = lab.inspect(Kind::Container, &sibling, mount);
    assert_eq!(mount, format!("{place}/sub false private"));
    lab.direct.ok(&["start", &sibling]);
    let script = "ls -d /b && for file in /a/x /c/x; do ! touch $file 2>/dev/null || exit; done; echo read-only";
    assert_eq!(lab.direct.ok(&["exec", &sibling, "sh", "-c", script]), "/b\nread-only");
    assert!(Path::new(&format!("{place}/new/er")).is_dir());
}

#[test]
fn a_workspace_on_a_named_volume_is_that_volume_or_a_part_of_it() {
    let Some(lab) = Lab::open() else { return };
    let proxy = proxy(&lab, MAPPED);
    let volume = lab.reserve(Kind::Volume, "workspace");
    let mount = format!("{volume}:/ci/workspace");
    let job = Job::start(&lab, &proxy.socket(), "job", &["--volume", &mount]);
    job.ok(&["sh", "-c", "mkdir -p /ci/workspace/sub; echo of the job >/ci/workspace/sub/there"]);
    let script = "cat $0/there; echo of the sibling >$0/back";
    for (option, folder) in [
        ("--volume=/ci/workspace:/data", "/data/sub"),
        ("--volume=/ci/workspace/sub:/data", "/data"),
        ("--mount=type=bind,src=/ci/workspace/sub,dst=/data", "/data"),
        ("--volume=/ci/workspace/sub:/data:rslave", "/data"),
    ] {
        let script = script.replace("$0", folder);
        assert_eq!(job.sees(&[option], &script), "of the job", "{option}");
        assert_eq!(job.ok(&["cat", "/ci/workspace/sub/back"]), "of the sibling", "{option}");
        job.ok(&["rm", "/ci/workspace/sub/back"]);
    }
    let script = "touch /data/x 2>&1 || cat /data/there";
    let seen = job.sees(&["--volume=/ci/workspace/sub:/data:ro"], script);
    assert!(seen.ends_with("Read-only file system\nof the job"), "{seen}");
    job.sees(&["--volume=/ci/workspace/new/er:/data"], "touch /data/x");
    job.ok(&["ls", "/ci/workspace/new/er/x"]);

    // A part of a volume has a name only in API version 1.45 and later; before, it is its place on the host.
    let api = lab.direct.ok(&["version", "--format", "{{.Server.APIVersion}}"]);
    let newest: u32 = api.split('.').nth(1).unwrap().parse().unwrap();
    for minor in [41, newest] {
        let version = format!("DOCKER_API_VERSION=1.{minor}");
        let words = ["env", &version, "docker", "create", "--volume=/ci/workspace/sub:/data"];
        let made = job.ok(&[&words[..], &[lab.image(), "cat", "/data/there"]].concat());
        lab.remove_later(Kind::Container, &made);
        let kind = lab.inspect(Kind::Container, &made, "{{(index .Mounts 0).Type}}");
        assert_eq!(kind, if minor >= 45 { "volume" } else { "bind" }, "{minor}");
        assert_eq!(lab.direct.ok(&["start", "--attach", &made]), "of the job", "{minor}");
    }
}

#[test]
fn the_sockets_of_docker_in_a_job_are_the_job_s_own_in_its_siblings() {
    let Some(lab) = Lab::open() else { return };
    let proxy = proxy(&lab, &["--map-paths=caller", "--label=ci.parent={container.name:-host}"]);
    let Bound { job, .. } = Bound::start(&lab, &proxy.socket());
    let sibling = job.sibling("sibling", &["--volume=/var/run/docker.sock:/run/docker.sock"]);
    let source = lab.inspect(Kind::Container, &sibling, "{{(index .Mounts 0).Source}}");
    assert_eq!(Path::new(&source), proxy.socket());
}

#[test]
fn outside_of_every_mapping_a_path_is_the_hosts_unless_paths_are_strict() {
    let Some(lab) = Lab::open() else { return };
    let outside = lab.proxy.folder().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("file"), "of the host").unwrap();
    let option = format!("--volume={}:/data", outside.display());

    let free = proxy(&lab, MAPPED);
    let Bound { job, place } = Bound::start(&lab, &free.socket());
    assert_eq!(job.sees(&[&option], "cat /data/file"), "of the host");
    drop(free);

    let strict = proxy(&lab, STRICT);
    let mount = format!("{}:/ci/workspace", place.display());
    let strict =
        Job::start(&lab, &strict.socket(), "strict", &["--volume", &mount, "--tmpfs", "/scratch"]);
    let message = strict.refused("outside", &[&option]);
    let path = format!("the container mounts {},", outside.display());
    assert!(message.contains(&path), "{message}");
    assert!(message.contains("/ci/workspace, ") && message.contains("/usr, "), "{message}");
    let above = ["/", "/ci", "/ci/workspace/..", "/ci/workspace/../../etc"];
    for path in above.into_iter().chain(["/ci/workspaces", "/scratch/x"]) {
        strict.refused("outside", &[&format!("--volume={path}:/data")]);
    }
    strict.refused("outside", &["--mount=type=bind,src=/scratch,dst=/data"]);
    assert_eq!(strict.sees(&["--volume=/ci/workspace:/data"], "ls /data"), "sub");
    // A volume by its name is no path.
    let volume = lab.reserve(Kind::Volume, "named");
    assert_eq!(strict.sees(&["--volume", &format!("{volume}:/data")], "ls /data"), "");
}

#[test]
fn a_link_of_the_job_leads_no_strict_mount_out_of_the_workspace() {
    let Some(lab) = Lab::open() else { return };
    let proxy = proxy(&lab, STRICT);
    let Bound { job, .. } = Bound::start(&lab, &proxy.socket());
    job.ok(&[
        "sh",
        "-c",
        "cd /ci/workspace; ln -s /etc out; ln -s ../.. up; ln -s sub in; echo x >sub/file",
    ]);
    for path in ["out", "out/ssl", "up", "up/etc"] {
        let message = job.refused("link", &[&format!("--volume=/ci/workspace/{path}:/data")]);
        assert!(message.contains("a symbolic link leads out"), "{message}");
    }
    assert_eq!(job.sees(&["--volume=/ci/workspace/in:/data"], "cat /data/file"), "x");
}
