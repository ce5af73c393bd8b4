//! Large transfers, and clients that disappear.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::life::idle_sockets;
use crate::support::{Docker, Kind, Lab, noise, until};

const MIB: usize = 1024 * 1024;

/// Tolerated additional memory of the proxy in KiB.
const MEMORY: u64 = 4 * 1024;

/// Time limit for "at once" on a slow and busy machine.
const AT_ONCE: Duration = Duration::from_secs(5);

/// Size of the image: `DCP_BIG_MIB`.
fn size_in_mib() -> usize {
    std::env::var("DCP_BIG_MIB").map_or(128, |size| size.parse().unwrap())
}

/// Writes a tar archive with one file of `size` MiB, no two of which are equal.
fn write_archive(mut archive: impl Write, size: usize) -> io::Result<()> {
    archive.write_all(&tar_head(size * MIB))?;
    let mut block = noise(MIB);
    for number in 0..size {
        block[..8].copy_from_slice(&number.to_be_bytes());
        archive.write_all(&block)?;
    }
    // The end of an archive.
    archive.write_all(&[0; 1024])
}

/// Returns the tar head of a file `big`.
fn tar_head(size: usize) -> [u8; 512] {
    let mut head = [0; 512];
    let mut put =
        |at: usize, text: &str| head[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, "big");
    put(100, "0000644");
    put(108, "0000000");
    put(116, "0000000");
    put(124, &format!("{size:011o}"));
    put(136, "00000000000");
    // The checksum is computed with blanks in its own field.
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = head.iter().copied().map(u32::from).sum();
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    head
}

fn import(docker: &Docker, image: &str, size: usize) {
    let mut command = docker.command(&Docker::program());
    command.args(["import", "-", image]).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    write_archive(child.stdin.take().unwrap(), size).unwrap();
    assert!(child.wait().unwrap().success());
}

/// Saves an image to a file; returns the checksum of the saved files. Their heads have the time in newer
/// daemons.
fn save(docker: &Docker, image: &str, file: &str) -> String {
    let script = r#"set -e; "$0" save "$1" | tee "$2" | tar --extract --to-stdout | sha256sum"#;
    let mut command = docker.command("sh");
    let output = command.args(["-c", script, &Docker::program(), image, file]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn load(docker: &Docker, file: &str) {
    let mut command = docker.command(&Docker::program());
    let output = command.args(["load", "--input", file]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_big_image_comes_and_goes_in_little_memory() {
    let Some(lab) = Lab::open() else { return };
    let image = lab.reserve(Kind::Image, "big");
    let file = lab.proxy.folder().join("big.tar");
    let file = file.to_str().unwrap();
    lab.docker.ok(&["version"]);
    let before = lab.proxy.peak_memory();
    import(&lab.docker, &image, size_in_mib());
    let id = lab.inspect(Kind::Image, &image, "{{.Id}}");
    let saved = save(&lab.docker, &image, file);
    assert_eq!(saved, save(&lab.direct, &image, "/dev/null"));
    lab.direct.ok(&["image", "rm", &image]);
    load(&lab.docker, file);
    // The id is a checksum of the whole image.
    assert_eq!(lab.inspect(Kind::Image, &image, "{{.Id}}"), id);
    assert_eq!(saved, save(&lab.docker, &image, "/dev/null"));
    let grown = lab.proxy.peak_memory() - before;
    eprintln!("{} MiB: {before} KiB at first, {grown} KiB more at most", size_in_mib());
    assert!(grown < MEMORY, "{grown} KiB more");
}

/// Tests endless responses. Each runs once the response has begun.
#[test]
fn a_client_that_disappears_takes_its_connection_to_the_daemon_along() {
    let Some(lab) = Lab::open() else { return };
    let container = lab.background(&["-i"], "echo ready; read line");
    let upgrade = "Connection: Upgrade\r\nUpgrade: tcp\r\n";
    let requests = [
        (format!("GET /containers/{container}/logs?follow=1&stdout=1"), ""),
        ("GET /events".to_owned(), ""),
        (format!("POST /containers/{container}/wait"), ""),
        (format!("GET /containers/{container}/stats"), ""),
        (format!("POST /containers/{container}/attach?stream=1&stdout=1"), upgrade),
    ];
    for (request, fields) in requests {
        let listeners = event_listeners(&lab);
        let idle = idle_sockets(&lab);
        let mut client = UnixStream::connect(lab.proxy.socket()).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let head = format!("{request} HTTP/1.1\r\nHost: d\r\n{fields}\r\n");
        client.write_all(head.as_bytes()).unwrap();
        client.read_exact(&mut [0; 12]).unwrap();
        assert!(lab.proxy.sockets() > idle);
        drop(client);
        let start = Instant::now();
        until("both connections are closed", || (lab.proxy.sockets() <= idle).then_some(()));
        assert!(start.elapsed() < AT_ONCE, "{request}: {:?}", start.elapsed());
        until("the daemon has noticed", || (event_listeners(&lab) <= listeners).then_some(()));
    }
    assert_eq!(lab.inspect(Kind::Container, &container, "{{.State.Running}}"), "true");
}

/// Returns the daemon's number of event listeners, which shows when it has dropped one.
fn event_listeners(lab: &Lab) -> u32 {
    lab.direct.ok(&["info", "--format", "{{.NEventsListener}}"]).trim().parse().unwrap()
}

#[test]
fn a_build_whose_client_disappears_is_cancelled() {
    let Some(lab) = Lab::open() else { return };
    let idle = idle_sockets(&lab);
    let script = format!("echo {}; sleep 1000", lab.name);
    let dockerfile = format!("FROM {}\nRUN {script}\n", lab.image());
    let mut client = lab.docker.start(&["build", "--no-cache", "--force-rm", "-"]);
    client.write(dockerfile.as_bytes());
    client.closes_input();
    until("its step runs", || runs(&lab, &script).then_some(()));
    client.kill();
    let start = Instant::now();
    until("both connections are closed", || (lab.proxy.sockets() <= idle).then_some(()));
    assert!(start.elapsed() < AT_ONCE, "{:?}", start.elapsed());
    until("its step is stopped", || (!runs(&lab, &script)).then_some(()));
}

/// Returns `true` if a container with `script` in its command runs.
fn runs(lab: &Lab, script: &str) -> bool {
    lab.direct.ok(&["ps", "--no-trunc", "--format", "{{.Command}}"]).contains(script)
}
