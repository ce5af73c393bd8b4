//! Label values with a meaning for shells, Dockerfiles or templates, in each way to create an image: the
//! daemon stores them unchanged.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::buildkit;
use crate::support::{Docker, Kind, Lab, Proxy};

/// Values, each of one label.
const VALUES: &[&str] = &[
    r#"a "quoted" word"#,
    r#"""#,
    "it's 'quoted'",
    "'",
    "$HOME ${HOME} $$ $(id) `id`",
    "$",
    r"a \ b \n \t \$HOME \\",
    r"ends in \",
    r"\",
    "#",
    "# escape=`",
    "a # b",
    "{{.}} {{.Config.Image}} {{ }}",
    "a=b c=d",
    " blanks around ",
    "a\ttab",
    "<<EOF",
    "[\"json\", {}]",
    "%20;&?",
    "é ü 漢字 🐋",
    "",
];

/// Starts a proxy that forces a label for each value, and a docker command that uses it.
fn proxy(lab: &Lab) -> (Proxy, Docker) {
    // A single brace would begin or end a placeholder.
    let doubled = |value: &str| value.replace('{', "{{").replace('}', "}}");
    let labels = VALUES.iter().enumerate().map(|(at, value)| format!("v{at}={}", doubled(value)));
    let labels = labels.flat_map(|label| ["--label".to_owned(), label]).collect::<Vec<_>>();
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    let proxy = Proxy::start(&lab.engine.socket, &format!("{}-values", lab.name), &labels);
    let mut docker = Docker::new(&proxy.socket(), lab.proxy.folder().path());
    docker.cli.clone_from(&lab.docker.cli);
    (proxy, docker)
}

/// Fails unless the image has each value, and its own label.
fn assert_values(lab: &Lab, image: &str, own: (&str, &str)) {
    let found = lab.inspect(Kind::Image, image, "{{json .Config.Labels}}");
    let found: BTreeMap<String, String> = serde_json::from_str(&found).unwrap();
    let values =
        VALUES.iter().enumerate().map(|(at, value)| (format!("v{at}"), (*value).to_owned()));
    let own = (own.0.to_owned(), own.1.to_owned());
    assert_eq!(found, values.chain([own]).collect());
}

/// Creates a folder with a Dockerfile.
fn context(lab: &Lab) -> PathBuf {
    let context = lab.proxy.folder().join("context");
    fs::create_dir_all(&context).unwrap();
    let dockerfile = format!("FROM {}\nENV HOME=/lost\nLABEL own=kept v0=lost\n", lab.image());
    fs::write(context.join("Dockerfile"), dockerfile).unwrap();
    context
}

#[test]
fn a_classic_build_has_them() {
    let Some(lab) = Lab::open() else { return };
    let (_proxy, docker) = proxy(&lab);
    let image = lab.reserve(Kind::Image, "built");
    docker.ok(&["build", "--no-cache", "--tag", &image, context(&lab).to_str().unwrap()]);
    assert_values(&lab, &image, ("own", "kept"));
}

#[test]
fn a_build_by_buildkit_has_them() {
    let Some(lab) = buildkit::lab() else { return };
    let (_proxy, docker) = proxy(&lab);
    let image = lab.reserve(Kind::Image, "built");
    let dockerfile = "FROM BASE\nENV HOME=/lost\nLABEL own=kept v0=lost\n";
    let built = buildkit::build(&lab, &docker, &image, &[], dockerfile);
    assert_eq!(built.code, Some(0), "{built:?}");
    assert_values(&lab, &image, ("own", "kept"));
}

/// A commit's labels are a line of a Dockerfile, in which `$HOME` would be expanded.
#[test]
fn a_commit_has_them() {
    let Some(lab) = Lab::open() else { return };
    let (_proxy, docker) = proxy(&lab);
    let container = lab.reserve(Kind::Container, "source");
    let labels = ["--label", "own=kept", "--label", "v0=lost"];
    let create = [&["create", "--name", &container, "--env", "HOME=/lost"], &labels[..]].concat();
    lab.direct.ok(&[&create[..], &[lab.image(), "true"]].concat());
    for changes in [&[][..], &["--change", "ENV HOME=/lost", "--change", "LABEL v1=lost"]] {
        let image = lab.reserve(Kind::Image, "committed");
        docker.ok(&[&["commit"], changes, &[&container, &image]].concat());
        assert_values(&lab, &image, ("own", "kept"));
    }
}

#[test]
fn an_import_has_them() {
    let Some(lab) = Lab::open() else { return };
    let (_proxy, docker) = proxy(&lab);
    let container = lab.reserve(Kind::Container, "source");
    lab.direct.ok(&["create", "--name", &container, lab.image(), "true"]);
    let exported = lab.direct.run(&["export", &container]);
    let image = lab.reserve(Kind::Image, "imported");
    let changes = ["--change", "ENV HOME=/lost", "--change", "LABEL own=kept v0=lost"];
    let import = [&["import"], &changes[..], &["-", &image]].concat();
    let imported = docker.run_with(&import, &exported.stdout);
    assert_eq!(imported.code, Some(0), "{imported:?}");
    assert_values(&lab, &image, ("own", "kept"));
}
