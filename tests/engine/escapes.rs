//! Ways around the labels, accidental or not, each of which is closed.

use std::os::unix::fs::symlink;

use crate::support::{Docker, Kind, Lab, Proxy, converse};

/// Returns the names of a container's volumes, in the order of their targets.
fn volumes_of(lab: &Lab, container: &str) -> Vec<String> {
    let format = "{{range .Mounts}}{{.Destination}} {{.Name}}\n{{end}}";
    let found = lab.inspect(Kind::Container, container, format);
    let mut lines: Vec<_> = found.lines().filter(|line| !line.is_empty()).collect();
    lines.sort_unstable();
    lines.iter().filter_map(|line| line.split(' ').nth(1)).map(ToOwned::to_owned).collect()
}

#[test]
fn volumes_that_come_with_a_container_are_labelled() {
    let Some(lab) = Lab::open() else { return };
    let named = lab.reserve(Kind::Volume, "named");
    let mounted = lab.reserve(Kind::Volume, "mounted");
    let bind = format!("{named}:/a:ro");
    let mount = format!("type=volume,src={mounted},dst=/b,volume-label=mine=kept");
    let options = ["--volume", &bind, "--mount", &mount, "--volume", "/c", "--tmpfs", "/d"];
    let container = lab.background(&options, "sleep 1000");
    let volumes = volumes_of(&lab, &container);
    assert_eq!((volumes.len(), &volumes[0], &volumes[1]), (3, &named, &mounted));
    lab.assert_labels(Kind::Volume, &named, &[]);
    lab.assert_labels(Kind::Volume, &mounted, &[("mine", "kept")]);
    lab.assert_labels(Kind::Volume, &volumes[2], &[]);
    // The inspection shows the client's own binds.
    assert_eq!(
        lab.inspect(Kind::Container, &container, "{{json .HostConfig.Binds}}"),
        format!("[{bind:?}]")
    );
}

#[test]
fn volumes_that_an_image_declares_are_labelled_and_go_with_the_container() {
    let Some(lab) = Lab::open() else { return };
    let image = lab.reserve(Kind::Image, "volumes");
    let seed = lab.reserve(Kind::Container, "seed");
    lab.direct.ok(&["create", "--name", &seed, lab.image(), "true"]);
    lab.direct.ok(&["commit", "--change", "VOLUME /data /more", &seed, &image]);

    let container = lab.reserve(Kind::Container, "main");
    lab.docker.ok(&[
        "run", "--detach", "--name", &container, "--volume", "/more", &image, "sleep", "1000",
    ]);
    let volumes = volumes_of(&lab, &container);
    assert_eq!(volumes.len(), 2);
    for volume in &volumes {
        lab.assert_labels(Kind::Volume, volume, &[]);
    }

    // A container with the volumes of another one gets no new ones at their targets.
    let heir = lab.reserve(Kind::Container, "heir");
    lab.docker.ok(&[
        "run",
        "--detach",
        "--name",
        &heir,
        "--volumes-from",
        &container,
        &image,
        "sleep",
        "1000",
    ]);
    assert_eq!(volumes_of(&lab, &heir), volumes);

    lab.docker.ok(&["rm", "--force", &heir]);
    lab.docker.ok(&["rm", "--force", "--volumes", &container]);
    for volume in &volumes {
        assert_ne!(
            lab.direct.run(&["volume", "inspect", volume]).code,
            Some(0),
            "{volume} is left"
        );
    }
}

#[test]
fn images_of_commit_and_import_are_labelled_whatever_they_inherit() {
    let Some(lab) = Lab::open() else { return };
    let foreign = lab.reserve(Kind::Container, "foreign");
    lab.direct.ok(&["create", "--name", &foreign, "--label", "ci.job=theirs", lab.image(), "true"]);
    let inherited = lab.reserve(Kind::Image, "inherited");
    lab.direct.ok(&["commit", &foreign, &inherited]);

    let container = lab.reserve(Kind::Container, "main");
    lab.docker.ok(&["create", "--name", &container, &inherited, "true"]);
    lab.assert_labels(Kind::Container, &container, &[]);

    let image = lab.reserve(Kind::Image, "committed");
    lab.docker.ok(&["commit", "--change", "LABEL mine=kept ci.job=mine", &foreign, &image]);
    lab.assert_labels(Kind::Image, &image, &[("mine", "kept")]);

    let image = lab.reserve(Kind::Image, "imported");
    let archive = lab.direct.run(&["export", &foreign]).stdout;
    lab.docker.run_with(&["import", "--change", "LABEL mine=kept", "-", &image], &archive);
    lab.assert_labels(Kind::Image, &image, &[("mine", "kept")]);

    let refused = lab.docker.run(&["commit", "--change", "CMD echo \\", &foreign, &image]);
    assert!(refused.err().contains("dockerd-ci-proxy: refused: the last line"), "{refused:?}");
}

#[test]
fn the_daemons_socket_in_a_container_is_ours() {
    let Some(lab) = Lab::open() else { return };
    let link = lab.proxy.folder().join("link");
    symlink(&lab.engine.socket, &link).unwrap();
    let ours = lab.proxy.socket().display().to_string();
    // Docker cleans a path before it follows links; the kernel would search in `deep`.
    let (deep, away) = (lab.proxy.folder().join("deep/er"), lab.proxy.folder().join("away"));
    std::fs::create_dir_all(&deep).unwrap();
    symlink(&deep, &away).unwrap();
    let spellings = [&lab.engine.socket, &link, &away.join("../link")];
    let spellings = spellings.map(|path| path.display().to_string());
    for (at, source) in spellings.iter().enumerate() {
        let container = lab.reserve(Kind::Container, &format!("bind-{at}"));
        let (bind, mount) = (format!("{source}:/s"), format!("type=bind,src={source},dst=/t"));
        lab.docker.ok(&[
            "create",
            "--name",
            &container,
            "--volume",
            &bind,
            "--mount",
            &mount,
            lab.image(),
        ]);
        let sources =
            lab.inspect(Kind::Container, &container, "{{range .Mounts}}{{.Source}} {{end}}");
        assert_eq!(sources.split_whitespace().collect::<Vec<_>>(), [&ours, &ours], "{source}");
    }
}

#[test]
fn the_daemons_socket_among_the_volumes_of_another_container_is_ours() {
    let Some(lab) = Lab::open() else { return };
    let agent = lab.reserve(Kind::Container, "agent");
    let bind = format!("{}:/var/run/docker.sock", lab.engine.socket.display());
    let create = ["create", "--volume", &bind, "--volume", "/tmp:/tmp:ro", "--name"];
    lab.direct.ok(&[&create[..], &[&agent, lab.image(), "true"]].concat());
    let mounts = "{{range .Mounts}}{{.Source}}={{.Destination}} {{end}}";
    for (at, mode) in ["", ":ro"].iter().enumerate() {
        let container = lab.reserve(Kind::Container, &format!("heir-{at}"));
        let from = format!("{agent}{mode}");
        lab.docker.ok(&["create", "--volumes-from", &from, "--name", &container, lab.image()]);
        let told = lab.inspect(Kind::Container, &container, mounts);
        let mut told: Vec<_> = told.split_whitespace().collect();
        told.sort_unstable();
        let ours = format!("{}=/var/run/docker.sock", lab.proxy.socket().display());
        let mut wanted = ["/tmp=/tmp", &ours];
        wanted.sort_unstable();
        assert_eq!(told, wanted);
    }
}

#[test]
fn mounts_of_the_daemons_socket_can_be_refused_or_let_pass() {
    let Some(lab) = Lab::open() else { return };
    let bind = format!("{}:/s", lab.engine.socket.display());
    for (policy, wanted) in
        [("refuse", None), ("pass", Some(lab.engine.socket.display().to_string()))]
    {
        let proxy = Proxy::start(
            &lab.engine.socket,
            &format!("{}-{policy}", lab.name),
            &["--socket-bind", policy],
        );
        let docker = Docker::new(&proxy.socket(), proxy.folder().path());
        let container = lab.reserve(Kind::Container, policy);
        let finished =
            docker.run(&["create", "--name", &container, "--volume", &bind, lab.image()]);
        let Some(source) = wanted else {
            assert!(
                finished.err().contains("a socket of the daemon or of the proxy"),
                "{finished:?}"
            );
            continue;
        };
        assert_eq!(
            lab.inspect(Kind::Container, &container, "{{range .Mounts}}{{.Source}}{{end}}"),
            source
        );
        assert!(
            proxy
                .log()
                .contains("warn: ContainerCreate: a container mounts the daemon's socket; uid ")
        );
    }
}

#[test]
fn what_leads_around_the_proxy_is_told_in_the_log() {
    let Some(lab) = Lab::open() else { return };
    let name = lab.reserve(Kind::Container, "wide");
    let options = ["--privileged", "--pid", "host", "--volume", "/:/host:ro"];
    let arguments = [&["create", "--name", &name][..], &options, &[lab.image()]].concat();
    lab.docker.ok(&arguments);
    let log = lab.proxy.log();
    for what in
        ["is privileged", "sees the host's processes", "a directory with a socket of the daemon"]
    {
        assert!(log.contains(what), "{what}: {log}");
    }
}

#[test]
fn a_start_cannot_bring_another_host_config() {
    let Some(lab) = Lab::open() else { return };
    let container = lab.reserve(Kind::Container, "old");
    lab.docker.ok(&["create", "--name", &container, lab.image(), "sleep", "1000"]);
    let body = r#"{"CgroupParent":"/evil","Binds":["/:/h"]}"#;
    let request = format!(
        "POST /v1.23/containers/{container}/start HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = converse(&lab.proxy.socket(), request.as_bytes(), false);
    assert!(
        answer.contains("400 Bad Request") && answer.contains("a start takes no body"),
        "{answer}"
    );
    assert_eq!(lab.inspect(Kind::Container, &container, "{{.State.Status}}"), "created");
}
