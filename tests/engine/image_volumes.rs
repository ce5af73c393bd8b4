//! Volumes that images declare: per platform, and of images that change while containers are created from
//! them.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use crate::buildkit;
use crate::support::{Kind, Lab, converse};

/// Rounds of each test.
const ROUNDS: usize = 24;

/// Number of creates, 10 ms apart, that may still see the old image if the change bypassed the proxy: the
/// daemon writes the event and the answer in different threads.
const LATE: usize = 100;

/// An image that changes, through the proxy or on the daemon's own socket.
struct Changing<'l> {
    lab: &'l Lab,
    by: &'l Path,
    image: String,
}

impl Changing<'_> {
    fn ask(&self, head: &str, kind: &str, body: &[u8]) {
        let length = body.len();
        let head = format!(
            "{head} HTTP/1.1\r\nHost: d\r\nConnection: close\r\nContent-Type: {kind}\r\n\
             Content-Length: {length}\r\n\r\n"
        );
        let answer = converse(self.by, &[head.as_bytes(), body].concat(), false);
        assert!(answer.starts_with("HTTP/1.1 20") && !answer.contains("\"error\""), "{answer}");
    }

    /// Replaces the image by one with a volume at this path, in one of several ways.
    fn change(&self, way: usize, path: &str) {
        let image = &self.image;
        match way % 3 {
            0 => self.import("1", path),
            1 => {
                // Another image gets the name.
                self.import("2", path);
                self.ask(&format!("POST /images/{image}:2/tag?repo={image}&tag=1"), "", b"");
            }
            _ => {
                let folder = self.lab.proxy.folder().join("context");
                fs::create_dir_all(&folder).unwrap();
                let from = self.lab.image();
                fs::write(folder.join("Dockerfile"), format!("FROM {from}\nVOLUME {path}\n"))
                    .unwrap();
                let context = tar(&folder);
                self.ask(&format!("POST /build?t={image}:1"), "application/x-tar", &context);
            }
        }
    }

    fn import(&self, tag: &str, path: &str) {
        let folder = self.lab.proxy.folder().join("root");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("file"), path).unwrap();
        let image = &self.image;
        let target =
            format!("/images/create?fromSrc=-&repo={image}&tag={tag}&changes=VOLUME%20{path}");
        self.ask(&format!("POST {target}"), "application/x-tar", &tar(&folder));
    }

    fn remove(&self) {
        self.ask(&format!("DELETE /images/{}:1?force=1", self.image), "", b"");
    }

    /// Creates a container, if the image exists, and returns the targets of its volumes; `None` for a volume
    /// without labels.
    fn creates(&self) -> Option<Vec<Option<String>>> {
        created(self.lab, &format!("{}:1", self.image), "")
    }

    /// Creates containers until they are as `wanted`, and returns the number of those that are not, of
    /// which there may be so many.
    fn becomes(&self, wanted: Option<&[Option<String>]>, may_be: usize) -> usize {
        let mut late = 0;
        loop {
            let found = self.creates();
            if found.as_deref() == wanted {
                break;
            }
            assert!(late < may_be, "{found:?} in place of {wanted:?}");
            late += 1;
            sleep(Duration::from_millis(10));
        }
        // By now the image is remembered.
        assert_eq!(self.creates().as_deref(), wanted);
        assert_eq!(self.creates().as_deref(), wanted);
        late
    }
}

/// Creates a container of this image, if it exists, and returns the targets of its volumes; `None` for a
/// volume without labels.
fn created(lab: &Lab, image: &str, query: &str) -> Option<Vec<Option<String>>> {
    let body = json!({"Image": image, "Cmd": ["x"]}).to_string();
    let length = body.len();
    let request = format!(
        "POST /containers/create{query} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let answer = converse(&lab.proxy.socket(), request.as_bytes(), false);
    if answer.starts_with("HTTP/1.1 404 ") {
        return None;
    }
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    let (_, id) = answer.split_once("\"Id\":\"").unwrap();
    let id = &id[..64];
    let mounts = lab.inspect(Kind::Container, id, "{{json .Mounts}}");
    let mounts: Vec<Value> = serde_json::from_str(&mounts).unwrap();
    // Podman accepts no labels for volumes of a container.
    let takes_labels = !answer.contains("Libpod-Api-Version: ");
    let path = |mount: &Value| {
        let volume = mount["Name"].as_str().unwrap();
        let labels = lab.inspect(Kind::Volume, volume, "{{json .Labels}}");
        let labelled = labels.contains(&lab.name) || !takes_labels;
        labelled.then(|| mount["Destination"].as_str().unwrap().to_owned())
    };
    let paths = mounts.iter().map(path).collect();
    lab.direct.ok(&["rm", "--volumes", id]);
    Some(paths)
}

fn tar(folder: &Path) -> Vec<u8> {
    let output = Command::new("tar").arg("-C").arg(folder).args(["-c", "."]).output().unwrap();
    assert!(output.status.success());
    output.stdout
}

/// Changes an image repeatedly and creates a container immediately after each change.
fn never_out_of_date(by_the_way: bool) {
    let Some(lab) = Lab::open() else { return };
    let by = if by_the_way { lab.engine.socket.clone() } else { lab.proxy.socket() };
    let image = lab.reserve(Kind::Image, "changing");
    for tag in ["1", "2"] {
        lab.remove_later(Kind::Image, &format!("{image}:{tag}"));
    }
    let changing = Changing { lab: &lab, by: &by, image };
    let patience = if by_the_way { LATE } else { 0 };
    let mut late = 0;
    for round in 0..ROUNDS {
        let path = format!("/v{round}");
        changing.change(round, &path);
        late += changing.becomes(Some(&[Some(path)]), patience);
        if round % 4 == 3 {
            changing.remove();
            late += changing.becomes(None, patience);
        }
    }
    eprintln!("{late} creates saw an image from before");
}

#[test]
fn no_volume_is_that_of_an_image_from_before() {
    never_out_of_date(false);
}

#[test]
fn no_volume_is_for_long_that_of_an_image_from_before_a_change_that_passes_by_the_proxy() {
    never_out_of_date(true);
}

/// Not each daemon reports what BuildKit builds (20.10 does not). One that does not must not be taken for one
/// that does. Events about the images of other tests can hide that, so this test counts most when it is alone.
#[test]
fn no_volume_is_for_long_that_of_an_image_from_before_a_build_that_passes_by_the_proxy() {
    let Some(lab) = buildkit::lab() else { return };
    let image = lab.reserve(Kind::Image, "built");
    let name = format!("{image}:1");
    lab.remove_later(Kind::Image, &name);
    let changing = Changing { lab: &lab, by: &lab.engine.socket, image };
    for round in 0..4 {
        let path = format!("/v{round}");
        let dockerfile = format!("FROM BASE\nVOLUME {path}\n");
        let built = buildkit::build(&lab, &lab.direct, &name, &[], &dockerfile);
        assert_eq!(built.code, Some(0), "{built:?}");
        changing.becomes(Some(&[Some(path)]), LATE);
    }
}

/// An image for two platforms with different volumes, which only containerd's store supports.
#[test]
fn the_volumes_of_a_platform_are_those_of_that_platform() {
    let Some(lab) = Lab::open() else { return };
    if !lab.direct.ok(&["info", "--format", "{{json .DriverStatus}}"]).contains("snapshotter") {
        return eprintln!("not run: the engine's images are not in containerd's store");
    }
    let image = lab.reserve(Kind::Image, "platforms");
    let layout = lab.proxy.folder().join("layout");
    index(&layout, &image, &[("amd64", "/amd"), ("arm64", "/arm")]);
    let loaded = lab.direct.run_with(&["load"], &tar(&layout));
    assert_eq!(loaded.code, Some(0), "{}", loaded.err());
    for _ in 0..3 {
        for (query, path) in [
            ("?platform=linux/amd64", "/amd"),
            ("?platform=linux/arm64", "/arm"),
            ("?platform=linux%2Farm64%2Fv8", "/arm"),
            ("?platform=arm64", "/arm"),
        ] {
            assert_eq!(created(&lab, &image, query), Some(vec![Some(path.to_owned())]), "{query}");
        }
        assert_eq!(created(&lab, &image, "?platform=linux/s390x"), None);
    }
    // A daemon that ignores the platform of an older version gets no volume of another one either.
    let old = "POST /v1.40/containers/create?platform=linux/arm64";
    let body = json!({"Image": image, "Cmd": ["x"]}).to_string();
    let length = body.len();
    let request = format!(
        "{old} HTTP/1.1\r\nHost: d\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    );
    let answer = converse(&lab.proxy.socket(), request.as_bytes(), false);
    if let Some((_, id)) = answer.split_once("\"Id\":\"") {
        let mounts = lab.inspect(Kind::Container, &id[..64], "{{json .Mounts}}");
        assert!(!mounts.contains("/arm"), "{mounts}");
        lab.direct.ok(&["rm", "--volumes", &id[..64]]);
    }
}

/// Writes an image of these architectures, each with a volume, as an OCI layout.
fn index(layout: &Path, image: &str, platforms: &[(&str, &str)]) {
    let blobs = layout.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let blob = |kind: &str, bytes: &[u8]| {
        let file = blobs.join("new");
        fs::write(&file, bytes).unwrap();
        let sum = Command::new("sha256sum").arg(&file).output().unwrap();
        let sum = String::from_utf8(sum.stdout).unwrap();
        let sum = sum.split(' ').next().unwrap();
        fs::rename(&file, blobs.join(sum)).unwrap();
        json!({"mediaType": format!("application/vnd.oci.image.{kind}"),
               "digest": format!("sha256:{sum}"), "size": bytes.len()})
    };
    let root = layout.with_extension("root");
    fs::create_dir_all(&root).unwrap();
    fs::write(root.join("file"), "x").unwrap();
    let layer = blob("layer.v1.tar", &tar(&root));
    let manifest = |(architecture, path): &(&str, &str)| {
        let config = json!({"os": "linux", "architecture": architecture,
            "config": {"Volumes": {*path: {}}},
            "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]}});
        let config = blob("config.v1+json", config.to_string().as_bytes());
        let manifest = json!({"schemaVersion": 2, "config": config, "layers": [layer],
            "mediaType": "application/vnd.oci.image.manifest.v1+json"});
        let mut manifest = blob("manifest.v1+json", manifest.to_string().as_bytes());
        manifest["platform"] = json!({"os": "linux", "architecture": architecture});
        manifest
    };
    let manifests: Vec<_> = platforms.iter().map(manifest).collect();
    let list = json!({"schemaVersion": 2, "manifests": manifests,
        "mediaType": "application/vnd.oci.image.index.v1+json"});
    let mut top = blob("index.v1+json", list.to_string().as_bytes());
    top["annotations"] =
        json!({"io.containerd.image.name": format!("docker.io/library/{image}:latest")});
    let top = json!({"schemaVersion": 2, "manifests": [top]});
    fs::write(layout.join("index.json"), top.to_string()).unwrap();
    fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
}
