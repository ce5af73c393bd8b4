//! The volumes and mounts of containers and services: nothing may come into being by the way
//! without the labels.
//!
//! | what the client wrote | what creates the volume | how it gets the labels |
//! |---|---|---|
//! | `Mounts` of type volume | the container or task | `VolumeOptions.Labels` of that mount |
//! | `Binds: ["name:/path"]` | the container | it is created first, labelled ([`errands`](super::errands)) |
//! | `Volumes: {"/path": {}}`, `VOLUME` of the image | the container | a labelled mount at that path |
//! | `Binds: ["/path"]` | the container | the bind becomes a labelled mount at that path |
//!
//! `Binds` are read in [`binds`](super::binds). The last two rows are in [`anonymous`]; the operator may leave
//! these to the daemon.
//!
//! A path at which something else is mounted gets no volume from the daemon, and so none from us.
//! The daemon gives the volumes of the last two rows the container's `VolumeDriver`, but those of
//! `Mounts` their own; so the mounts that we add name it.

use std::borrow::Cow;

use super::anonymous::{self, OwnMount, labelled_mounts};
use super::errands::Known;
use super::inject::Tree;
use super::refusal::shown;
use super::socket::{self, SocketBind, Survey};
use super::{Injection, Reason, Refusal, binds, labels};
use crate::engine::carriers::{CONTAINER, HOST_CONFIG_FIELDS, MOUNTING_FIELDS};
use crate::json::{Array, Edits, Found, Listed, Member, Object, is_field, quoted};

/// The annotation by which a container would get another slice than the cgroup parent.
const SLICE: &str = "org.systemd.property.Slice";

/// Volumes, binds and mounts that one container or service may have. Nobody has a hundred; for
/// each of them the daemon may be told something, a path be looked at, and labels be written.
const MOUNTS: usize = 1024;

/// Bytes that the name of a volume driver may have: it is written again for each volume. A plugin
/// is named by a reference, as images are.
const DRIVER_NAME: usize = 1024;

/// Types of mounts that neither make a volume nor mount what the client names; the last three are Podman's.
const HARMLESS: [&str; 7] = ["TMPFS", "IMAGE", "CLUSTER", "NPIPE", "RAMFS", "DEVPTS", "ARTIFACT"];

/// What is mounted in a container or in tasks, as far as it was looked at.
#[derive(Debug, Default)]
pub(super) struct Mounted {
    /// Where a tmpfs is: compared with a volume's path as it was written.
    pub(super) tmpfs: Vec<String>,
    /// Where all else is: compared with a volume's path when both are [`clean`].
    pub(super) paths: Vec<String>,
    pub(super) survey: Survey,
}

/// Labels what a container create mounts, and puts the cgroup parent into it.
pub(super) fn container<'d>(
    injection: &Injection,
    known: &Known,
    edits: &mut Edits<'d>,
    top: &mut Object<'d>,
    host_config: Found<'d>,
) -> Result<Survey, Refusal> {
    static NOTHING: Tree = Tree::nothing();
    let forced = injection.inject.tree(&CONTAINER).below("HostConfig").unwrap_or(&NOTHING);
    let anonymous = anonymous::targets(injection, top, known)?;
    match host_config {
        Found::Absent | Found::Null(_) => {
            few(anonymous.len())?;
            // A driver at the top is refused below: there is no HostConfig yet. One that says nothing
            // is read, so that the body is judged as it is when there will be one.
            top.string("VolumeDriver")?;
            let mounted = Mounted::default();
            let targets = anonymous::places(&anonymous, &[], known, &mounted);
            let mounts = labelled_mounts(injection, &targets, &mounted, "");
            add_host_config(forced, &mounts, edits, top)?;
            Ok(Survey::default())
        }
        Found::Object(mut host_config) => {
            edits.spell(top, "HostConfig")?;
            if injection.inject.cgroup_parent().is_some() {
                own_slice(&host_config)?;
            }
            let mut mounted = Mounted {
                survey: socket::survey(&host_config)?,
                tmpfs: tmpfs_targets(&host_config)?,
                ..Mounted::default()
            };
            let mut listed = host_config.array("Mounts")?;
            few(anonymous.len() + listed.count())?;
            let mut own = Vec::new();
            if let Listed::Array(mounts) = &listed {
                edits.spell(&host_config, "Mounts")?;
                own = mounts_of(injection, known, edits, mounts, &mut mounted)?;
            }
            let binds = binds::edit(injection, known, edits, &mut host_config, &mut mounted)?;
            if let Listed::Array(mounts) = &mut listed {
                anonymous::give_way(injection, known, edits, mounts, own, &mut mounted)?;
            }
            few(anonymous.len() + binds.count + listed.count())?;
            let targets = anonymous::places(&anonymous, &binds.anonymous, known, &mounted);
            let driver = volume_driver(top, &host_config)?;
            let mounts = labelled_mounts(injection, &targets, &mounted, &driver);
            forced.apply(edits, &mut host_config, None)?;
            add_mounts(&mounts, edits, &mut host_config, &mut listed)?;
            Ok(mounted.survey)
        }
    }
}

/// With systemd's cgroup driver, runc sets properties of a container's unit from annotations, behind
/// those that come of the cgroup parent.
fn own_slice(host_config: &Object<'_>) -> Result<(), Refusal> {
    match host_config.object("Annotations")? {
        Found::Object(annotations) if annotations.keys().any(|key| key == SLICE) => Err(slice()),
        Found::Absent | Found::Null(_) | Found::Object(_) => Ok(()),
    }
}

/// Labels what the tasks of a service mount.
pub(super) fn service<'d>(
    injection: &Injection,
    known: &Known,
    edits: &mut Edits<'d>,
    top: &Object<'d>,
) -> Result<Survey, Refusal> {
    let mut mounted = Mounted::default();
    if let Found::Object(template) = top.object("TaskTemplate")?
        && let Found::Object(spec) = template.object("ContainerSpec")?
        && let Listed::Array(mounts) = spec.array("Mounts")?
    {
        few(mounts.elements.len())?;
        edits.spell(&spec, "Mounts")?;
        for mount in mounts.objects() {
            filled_in_later(injection, &mount?, &mut mounted.survey)?;
        }
        // None of these is ours, whatever it looks like: we add mounts to containers alone.
        for mut mount in mounts_of(injection, known, edits, &mounts, &mut mounted)? {
            label_volume(injection, edits, &mut mount.mount)?;
        }
    }
    Ok(mounted.survey)
}

/// The swarm fills in templates when it runs a task: `/run/{{.Service.Name}}.sock` can be any socket.
fn filled_in_later(
    injection: &Injection,
    mount: &Object<'_>,
    survey: &mut Survey,
) -> Result<(), Refusal> {
    let source = mount.string("Source")?.unwrap_or_default();
    if kind(mount.string("Type")?.as_deref()) != "BIND" || !source.contains("{{") {
        return Ok(());
    }
    if injection.socket_bind != SocketBind::Pass {
        return Err(template(&source));
    }
    survey
        .notes
        .push("a service mounts what the swarm names later, which may be the daemon's socket");
    Ok(())
}

/// Whether so many mounts are no more than one container may have.
pub(super) fn few(mounts: usize) -> Result<(), Refusal> {
    if mounts > MOUNTS { Err(many_mounts()) } else { Ok(()) }
}

/// The driver of the volumes that have none of their own; empty for the daemon's default. Docker
/// 20.10 takes it from the top, too, if the HostConfig has none.
pub(super) fn volume_driver(top: &Object<'_>, host_config: &Object<'_>) -> Result<String, Refusal> {
    let inner = host_config.string("VolumeDriver")?.filter(|driver| !driver.is_empty());
    let driver = inner.or(top.string("VolumeDriver")?).unwrap_or_default();
    if driver.len() > DRIVER_NAME {
        return Err(long_driver());
    }
    Ok(driver.into_owned())
}

/// Refuses what would be more than one option to Podman, which writes mounts as `type=bind,source=…` and
/// reads that.
pub(super) fn plain(text: &str) -> Result<(), Refusal> {
    match text.split_once(',') {
        Some((_, behind)) if behind.contains('=') => Err(odd_mount(text)),
        Some(_) | None => Ok(()),
    }
}

fn tmpfs_targets(host_config: &Object<'_>) -> Result<Vec<String>, Refusal> {
    match host_config.object("Tmpfs")? {
        Found::Absent | Found::Null(_) => Ok(Vec::new()),
        Found::Object(tmpfs) => Ok(tmpfs.keys().map(str::to_owned).collect()),
    }
}

/// Labels the volumes among `mounts`, but for those mounts that we made for an earlier container: these
/// are returned, to be looked at when all else that is mounted is known.
fn mounts_of<'d>(
    injection: &Injection,
    known: &Known,
    edits: &mut Edits<'d>,
    mounts: &Array<'d>,
    mounted: &mut Mounted,
) -> Result<Vec<OwnMount<'d>>, Refusal> {
    let mut own = Vec::new();
    for (at, mount) in mounts.objects().enumerate() {
        let mut mount = mount?;
        let source = mount.string("Source")?.unwrap_or_default();
        plain(&source)?;
        let target = mount.string("Target")?;
        plain(target.as_deref().unwrap_or_default())?;
        match kind(mount.string("Type")?.as_deref()).as_str() {
            "VOLUME" if source.is_empty() && anonymous::is_own(injection, &mount)? => {
                own.push(OwnMount { at, mount, target });
                continue;
            }
            "VOLUME" => label_volume(injection, edits, &mut mount)?,
            "BIND" => {
                if !source.is_empty() && !source.starts_with('/') {
                    return Err(odd_mount(&source));
                }
                if let Some(ours) =
                    socket::replaced(injection, known, &source, &mut mounted.survey)?
                {
                    edits.set(&mut mount, "Source", &quoted(&ours))?;
                }
            }
            kind if HARMLESS.contains(&kind) => {}
            kind => return Err(odd_mount(kind)),
        }
        mounted.paths.extend(target.map(Cow::into_owned));
    }
    Ok(own)
}

/// The type of a mount in capitals. Containers want it in small letters, but services take any
/// case, as Unicode has it, and a bind for one without a type.
fn kind(written: Option<&str>) -> String {
    match written {
        None | Some("") => "BIND".to_owned(),
        Some(written) => written.to_uppercase(),
    }
}

/// Labels the volume that `mount` makes.
pub(super) fn label_volume<'d>(
    injection: &Injection,
    edits: &mut Edits<'d>,
    mount: &mut Object<'d>,
) -> Result<(), Refusal> {
    let forced = injection.inject.rendered_labels();
    let labels = forced.json();
    edits.spell(mount, "VolumeOptions")?;
    match mount.object("VolumeOptions")? {
        Found::Absent => edits.add(mount, "VolumeOptions", &format!(r#"{{"Labels":{labels}}}"#)),
        Found::Null(null) => edits.replace(null, format!(r#"{{"Labels":{labels}}}"#)),
        Found::Object(mut options) => {
            plain(&options.string("Subpath")?.unwrap_or_default())?;
            labels::force(edits, &mut options, forced)?;
        }
    }
    Ok(())
}

/// Adds mounts to those of a HostConfig.
fn add_mounts<'d>(
    added: &[String],
    edits: &mut Edits<'d>,
    host_config: &mut Object<'d>,
    mounts: &mut Listed<'d>,
) -> Result<(), Refusal> {
    match mounts {
        Listed::Array(array) => added.iter().for_each(|mount| edits.push(array, mount)),
        Listed::Absent | Listed::Null if added.is_empty() => {}
        Listed::Absent | Listed::Null => {
            edits.set(host_config, "Mounts", &format!("[{}]", added.join(",")))?;
        }
    }
    Ok(())
}

/// Makes a HostConfig where there is none, if one is needed.
fn add_host_config<'d>(
    forced: &Tree,
    mounts: &[String],
    edits: &mut Edits<'d>,
    top: &mut Object<'d>,
) -> Result<(), Refusal> {
    let mut members: Vec<String> = forced.rendered().collect();
    if !mounts.is_empty() {
        members.push(format!(r#""Mounts":[{}]"#, mounts.join(",")));
    }
    // Docker 20.10 honours them here as long as there is no HostConfig.
    let misplaced = if members.is_empty() { MOUNTING_FIELDS } else { HOST_CONFIG_FIELDS };
    if let Some(member) = top.all_of(misplaced).find(|member| says_something(member)) {
        return Err(outside_host_config(member.key()));
    }
    if members.is_empty() {
        return Ok(());
    }
    Ok(edits.set(top, "HostConfig", &format!("{{{}}}", members.join(",")))?)
}

/// Whether it matters that a field is there with this value: what is empty is as good as
/// absent. dockerode's `run` sends an empty `VolumesFrom` at the top of each container.
fn says_something(member: &Member<'_>) -> bool {
    // Here an empty list is a choice: absent, they have the daemon's usual paths.
    let paths = ["MaskedPaths", "ReadonlyPaths"].iter().any(|paths| is_field(member.key(), paths));
    match member.value {
        "null" => false,
        r#""""# | "[]" | "{}" => paths,
        _ => true,
    }
}

/// `path` without empty parts, `.` and `..`, as the daemon compares mount points.
pub(super) fn clean(path: impl AsRef<str>) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.as_ref().split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

fn slice() -> Refusal {
    let text = format!(
        "the annotation {SLICE} would put the container elsewhere than into the cgroup parent"
    );
    Refusal::new(Reason::Slice, text)
}

fn template(source: &str) -> Refusal {
    let text = format!(
        "the service mounts \"{}\", of which the swarm makes a path only later, so it cannot be told \
         whether that is the daemon's own socket",
        shown(source)
    );
    Refusal::new(Reason::SocketBind, text)
}

fn many_mounts() -> Refusal {
    let text =
        format!("there are more than {MOUNTS} volumes, binds and mounts in the request body");
    Refusal::new(Reason::TooMany, text)
}

fn long_driver() -> Refusal {
    let text = format!("the name of the volume driver has more than {DRIVER_NAME} bytes");
    Refusal::new(Reason::TooMany, text)
}

pub(super) fn odd_mount(text: &str) -> Refusal {
    let text = format!(
        "a mount or volume has \"{}\", which Podman would read as something else than Docker: a type \
         that the proxy does not know, a source that is not absolute, a \":\" in the path of a volume, or \
         a \",\" that another option follows",
        shown(text)
    );
    Refusal::new(Reason::OddMount, text)
}

pub(super) fn outside_host_config(name: &str) -> Refusal {
    let text = format!(
        "{name} stands at the top of the request body; put it in HostConfig, where the cgroup parent \
         goes too"
    );
    Refusal::new(Reason::OutsideHostConfig, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::carriers::{CONTAINER, SERVICE};
    use crate::json::Error;
    use crate::rules::anonymous::relative_volume;
    use crate::rules::body::rewrite;
    use crate::rules::socket::socket_bind;
    use crate::rules::socket::{Look, Relation, SocketBind};
    use crate::rules::{Injections, Label};

    fn injections(cgroup_parent: Option<&str>) -> Injections {
        let label = Label { key: "j".into(), value: "7".into() };
        Injections::forced(&[label], &[], cgroup_parent, None)
    }

    fn injection() -> Injection {
        Injection {
            inject: injections(None),
            socket_bind: SocketBind::Rewrite("/run/ci.sock".into()),
            look: Look::new(|path: &str| match path {
                "/run/docker.sock" | "/var/run/docker.sock" => Relation::Socket,
                "/" | "/run" => Relation::Above,
                _ => Relation::Other,
            }),
            ..Injection::default()
        }
    }

    /// The rewritten body without its own labels, and how many notes it gave.
    fn container(known: &Known, body: &str) -> Result<(String, usize), Refusal> {
        let rewritten = rewrite(&injection(), &CONTAINER, known, body.as_bytes())?;
        let body = String::from_utf8(rewritten.body).unwrap();
        Ok((body.replace(r#","Labels":{"j":"7"}}"#, "}"), rewritten.notes.len()))
    }

    const MOUNT: &str = r#"{"Type":"volume","Target":"/x","VolumeOptions":{"Labels":{"j":"7"}}}"#;
    const ANONYMOUS_MOUNT: &str = r#"{"Type":"volume","Target":"/x","VolumeOptions":{"Labels":{"j":"7","com.docker.volume.anonymous":""}}}"#;

    #[test]
    fn every_volume_that_comes_into_being_by_the_way_is_labelled() {
        let at = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect();
        let image = Known { volumes: at(&["/x"]), ..Known::default() };
        let nothing = Known::default();
        for (known, body, host_config) in [
            (&nothing, r#"{"Volumes":{"/x":{}}}"#, format!(r#""Mounts":[{ANONYMOUS_MOUNT}]"#)),
            (
                &nothing,
                r#"{"Volumes":{"/y/..//x/.":{}},"HostConfig":{}}"#,
                format!(r#""Mounts":[{ANONYMOUS_MOUNT}]"#),
            ),
            (
                &nothing,
                r#"{"HostConfig":{"Mounts":null,"Binds":["/x"]}}"#,
                format!(r#""Mounts":[{ANONYMOUS_MOUNT}],"Binds":[]"#),
            ),
            (&image, r#"{"Volumes":{"/x":{}}}"#, format!(r#""Mounts":[{ANONYMOUS_MOUNT}]"#)),
            (&image, r#"{"HostConfig":{"Mounts":[]}}"#, format!(r#""Mounts":[{ANONYMOUS_MOUNT}]"#)),
            (
                &image,
                r#"{"HostConfig":{"Mounts":[{"Type":"tmpfs","Target":"/t"}]}}"#,
                format!(r#""Mounts":[{{"Type":"tmpfs","Target":"/t"}},{ANONYMOUS_MOUNT}]"#),
            ),
            (
                &nothing,
                r#"{"HostConfig":{"Mounts":[{"Type":"volume","Target":"/x"}]}}"#,
                format!(r#""Mounts":[{MOUNT}]"#),
            ),
        ] {
            let (rewritten, _) = container(known, body).unwrap();
            assert!(
                rewritten.contains(&format!(r#""HostConfig":{{{host_config}}}"#)),
                "{rewritten}"
            );
        }
    }

    #[test]
    fn a_volume_has_the_driver_that_the_daemon_would_give_it() {
        let image = Known { volumes: vec!["/x".into()], ..Known::default() };
        let mount = |driver: &str| {
            let options = format!(
                r#"{{"Labels":{{"j":"7","com.docker.volume.anonymous":""}},"DriverConfig":{{"Name":"{driver}"}}}}"#
            );
            format!(r#"{{"Type":"volume","Target":"/x","VolumeOptions":{options}}}"#)
        };
        let labelled = MOUNT.replace("/x", "/y");
        for (known, body, mounts) in [
            (&image, r#"{"HostConfig":{"VolumeDriver":"d"}}"#, mount("d")),
            (
                &Known::default(),
                r#"{"HostConfig":{"volumedriver":"d","Binds":["/x"]}}"#,
                mount("d"),
            ),
            (
                &Known::default(),
                r#"{"VolumeDriver":"e","Volumes":{"/x":{}},"HostConfig":{"VolumeDriver":"d"}}"#,
                mount("d"),
            ),
            (&image, r#"{"VolumeDriver":"e","HostConfig":{"VolumeDriver":""}}"#, mount("e")),
            // A mount has a driver of its own, and this one has none.
            (
                &image,
                r#"{"HostConfig":{"VolumeDriver":"d","Mounts":[{"Type":"volume","Target":"/y"}]}}"#,
                format!("{labelled},{}", mount("d")),
            ),
            (&image, r#"{"HostConfig":{"VolumeDriver":null}}"#, ANONYMOUS_MOUNT.to_owned()),
        ] {
            let (rewritten, _) = container(known, body).unwrap();
            assert!(rewritten.contains(&format!(r#""Mounts":[{mounts}]"#)), "{rewritten}");
        }
    }

    #[test]
    fn no_container_makes_us_write_or_ask_without_end() {
        let many = |count: usize, entry: &dyn Fn(usize) -> String| {
            (0..count).map(entry).collect::<Vec<_>>().join(",")
        };
        let volumes =
            |count| format!(r#""Volumes":{{{}}}"#, many(count, &|n| format!(r#""/v{n}":{{}}"#)));
        let binds =
            |count| format!(r#""Binds":[{}]"#, many(count, &|n| format!(r#""/h{n}:/b{n}""#)));
        let image = Known { volumes: vec!["/x".into()], ..Known::default() };
        for (body, fits) in [
            (format!("{{{}}}", volumes(MOUNTS)), true),
            (format!("{{{}}}", volumes(MOUNTS + 1)), false),
            (format!(r#"{{{},"HostConfig":{{{}}}}}"#, volumes(24), binds(1000)), true),
            (format!(r#"{{{},"HostConfig":{{{}}}}}"#, volumes(25), binds(1000)), false),
            (format!(r#"{{"HostConfig":{{{}}}}}"#, binds(MOUNTS + 1)), false),
            (format!(r#"{{{},"HostConfig":{{"Mounts":[{}]}}}}"#, volumes(MOUNTS), "{}"), false),
        ] {
            let refused = container(&Known::default(), &body).err();
            assert_eq!(refused, (!fits).then_some(many_mounts()));
        }
        let body = format!("{{{}}}", volumes(MOUNTS));
        assert_eq!(container(&image, &body), Err(many_mounts()));
        let others = |count| {
            let taken = (0..count).map(|n| (format!("/t{n}"), Some(format!("/h{n}")))).collect();
            container(&Known { taken, ..Known::default() }, r#"{"HostConfig":{}}"#).err()
        };
        assert_eq!((others(MOUNTS), others(MOUNTS + 1)), (None, Some(many_mounts())));
        let driver =
            |length| format!(r#"{{"HostConfig":{{"VolumeDriver":"{}"}}}}"#, "d".repeat(length));
        assert!(container(&image, &driver(DRIVER_NAME)).is_ok());
        let refused = Err(long_driver());
        assert_eq!(container(&image, &driver(DRIVER_NAME + 1)), refused);
    }

    #[test]
    fn where_something_is_mounted_already_nothing_is_added() {
        let known = Known { volumes: vec!["/x/".into()], ..Known::default() };
        for host_config in [
            r#"{"Binds":["name:/x"]}"#,
            r#"{"Binds":["/host:/x/:ro"]}"#,
            r#"{"Tmpfs":{"/x":""}}"#,
            r#"{"Mounts":[{"Type":"bind","Source":"/a","Target":"/x"}]}"#,
        ] {
            let body = format!(r#"{{"HostConfig":{host_config}}}"#);
            assert_eq!(container(&known, &body).unwrap().0, body);
        }
        for unclean in ["/x/", "/y/../x", "//x"] {
            let body = format!(r#"{{"HostConfig":{{"Tmpfs":{{"{unclean}":""}}}}}}"#);
            assert!(container(&known, &body).unwrap().0.contains(ANONYMOUS_MOUNT), "{unclean}");
        }
        let taken = [("/x".into(), None)].into();
        let taken = Known { volumes: vec!["/x".into()], taken, ..Known::default() };
        let body = r#"{"HostConfig":{"VolumesFrom":["c"]}}"#;
        assert_eq!(container(&taken, body).unwrap().0, body);
    }

    #[test]
    fn an_annotation_leads_to_no_other_slice_than_the_cgroup_parent() {
        let body =
            r#"{"HostConfig":{"annotations":{"a":"b","org.systemd.property.S\u006cice":"'x'"}}}"#;
        assert_eq!(container(&Known::default(), body).unwrap().0, body);
        let parent = Some("ci.slice".to_owned());
        let injection = Injection { inject: injections(parent.as_deref()), ..injection() };
        let refused = rewrite(&injection, &CONTAINER, &Known::default(), body.as_bytes());
        assert_eq!(refused, Err(slice()));
    }

    #[test]
    fn the_daemons_socket_becomes_ours() {
        let nothing = Known::default();
        for (body, wanted, notes) in [
            (
                r#"{"HostConfig":{"Binds":["/var/run/docker.sock:/s:ro","/a:/b"]}}"#,
                r#"{"HostConfig":{"Binds":["/run/ci.sock:/s:ro","/a:/b"]}}"#,
                0,
            ),
            (
                r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/run/docker.sock","Target":"/s"}]}}"#,
                r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/run/ci.sock","Target":"/s"}]}}"#,
                0,
            ),
            (
                r#"{"HostConfig":{"Binds":["/run:/r"],"Privileged":true,"PidMode":"host"}}"#,
                r#"{"HostConfig":{"Binds":["/run:/r"],"Privileged":true,"PidMode":"host"}}"#,
                3,
            ),
            (
                r#"{"HostConfig":{"PidMode":"container:x"}}"#,
                r#"{"HostConfig":{"PidMode":"container:x"}}"#,
                1,
            ),
            (r#"{"HostConfig":{"PidMode":""}}"#, r#"{"HostConfig":{"PidMode":""}}"#, 0),
        ] {
            assert_eq!(container(&nothing, body).unwrap(), (wanted.to_owned(), notes), "{body}");
        }
        let refusing = Injection { socket_bind: SocketBind::Refuse, ..injection() };
        let body = br#"{"HostConfig":{"Binds":["/run/docker.sock:/s"]}}"#;
        let refusal = socket_bind("/run/docker.sock");
        assert_eq!(rewrite(&refusing, &CONTAINER, &nothing, body), Err(refusal));
    }

    #[test]
    fn the_daemons_socket_among_the_volumes_of_another_container_becomes_ours() {
        let socket = || Some("/var/run/docker.sock".to_owned());
        let known = Known {
            taken: [("/s".to_owned(), socket()), ("/t".to_owned(), Some("/tmp".to_owned()))].into(),
            ..Known::default()
        };
        for (binds, wanted) in [
            ("", r#","Binds":["/run/ci.sock:/s"]"#),
            (r#","binds":null"#, r#","Binds":["/run/ci.sock:/s"]"#),
            (r#","Binds":["v:/t"]"#, r#","Binds":["v:/t","/run/ci.sock:/s"]"#),
            (r#","Binds":["v:/s/"]"#, r#","Binds":["v:/s/"]"#),
            (
                r#","Mounts":[{"Type":"tmpfs","Target":"//s"}]"#,
                r#","Mounts":[{"Type":"tmpfs","Target":"//s"}]"#,
            ),
        ] {
            let body = |binds: &str| {
                format!(r#"{{"Labels":{{"j":"7"}},"HostConfig":{{"VolumesFrom":["c"]{binds}}}}}"#)
            };
            let container = |injection: &Injection| {
                rewrite(injection, &CONTAINER, &known, body(binds).as_bytes())
            };
            let rewritten = container(&injection()).unwrap();
            assert_eq!(String::from_utf8(rewritten.body).unwrap(), body(wanted));
            let refusing = Injection { socket_bind: SocketBind::Refuse, ..injection() };
            let refused = container(&refusing).map(drop);
            let hidden = binds == wanted;
            let refusal = socket_bind("/var/run/docker.sock");
            assert_eq!(refused, if hidden { Ok(()) } else { Err(refusal) }, "{binds}");
        }
    }

    #[test]
    fn what_a_service_mounts_is_labelled() {
        let body = r#"{"TaskTemplate":{"ContainerSpec":{"Mounts":[{"Type":"volume","Target":"/x"},{"Type":"bind","Source":"/run/docker.sock","Target":"/s"}]}}}"#;
        let rewritten =
            rewrite(&injection(), &SERVICE, &Known::default(), body.as_bytes()).unwrap();
        let rewritten = String::from_utf8(rewritten.body).unwrap();
        let wanted = format!(
            r#""Mounts":[{MOUNT},{{"Type":"bind","Source":"/run/ci.sock","Target":"/s"}}]"#
        );
        assert!(rewritten.contains(&wanted), "{rewritten}");
    }

    #[test]
    fn the_type_of_a_mount_is_read_as_services_read_it() {
        let rewritten = |mount: &str| {
            let body = format!(r#"{{"TaskTemplate":{{"ContainerSpec":{{"Mounts":[{mount}]}}}}}}"#);
            rewrite(&injection(), &SERVICE, &Known::default(), body.as_bytes()).unwrap().body
        };
        for kind in ["volume", "VOLUME", "Volume"] {
            let body = rewritten(&format!(r#"{{"Type":"{kind}","Target":"/x"}}"#));
            let body = String::from_utf8(body).unwrap();
            assert!(body.contains(r#""VolumeOptions":{"Labels":{"j":"7"}}"#), "{body}");
        }
        for kind in [r#""Bind""#, r#""b\u0131nd""#, r#""""#, "null"] {
            let body = rewritten(&format!(r#"{{"Type":{kind},"Source":"/run/docker.sock"}}"#));
            let body = String::from_utf8(body).unwrap();
            assert!(body.contains(r#""Source":"/run/ci.sock""#), "{body}");
        }
        let body = String::from_utf8(rewritten(r#"{"Source":"/run/docker.sock"}"#)).unwrap();
        assert!(body.contains(r#""Source":"/run/ci.sock""#), "{body}");
    }

    #[test]
    fn what_cannot_be_labelled_is_refused() {
        for (body, refusal) in [
            (r#"{"Volumes":{"x":{}}}"#, relative_volume("x")),
            (r#"{"Image":"x","Mounts":[{}]}"#, outside_host_config("Mounts")),
            (
                r#"{"VolumeDriver":"","volumedriver":""}"#,
                Refusal::from(Error::Twice("VolumeDriver".into(), "volumedriver".into())),
            ),
            (r#"{"VolumeDriver":{}}"#, Refusal::from(Error::NotAString("VolumeDriver".into()))),
            (
                r#"{"HostConfig":{"Binds":{}}}"#,
                Refusal::from(Error::NotAnArray("HostConfig.Binds".into())),
            ),
            (r#"{"HostConfig":{"Binds":["x"]}}"#, relative_volume("x")),
            (
                r#"{"HostConfig":{"Binds":[1]}}"#,
                Refusal::from(Error::NotAString("HostConfig.Binds".into())),
            ),
            (
                r#"{"HostConfig":{"Mounts":[1]}}"#,
                Refusal::from(Error::NotAnObject("HostConfig.Mounts".into())),
            ),
            (
                r#"{"HostConfig":{"Mounts":[{"Type":"volume","type":"bind"}]}}"#,
                Refusal::from(Error::Twice(
                    "HostConfig.Mounts.Type".into(),
                    "HostConfig.Mounts.type".into(),
                )),
            ),
        ] {
            assert_eq!(container(&Known::default(), body), Err(refusal), "{body}");
        }
    }

    #[test]
    fn what_podman_would_read_as_more_than_one_option_is_refused() {
        let odd = |text: &str| Err(odd_mount(text));
        for (mount, text) in [
            (r#""Type":"glob","Source":"/run/docker.s*""#, "GLOB"),
            (r#""Type":"bind,src=/run/docker.sock","Target":"/s""#, "BIND,SRC=/RUN/DOCKER.SOCK"),
            (r#""Type":"bind","Source":"../run/docker.sock""#, "../run/docker.sock"),
            (r#""Type":"bind","Target":"/s,src=/x""#, "/s,src=/x"),
            (r#""Type":"tmpfs","Target":"/s,\"source=/x\"""#, "/s,\"source=/x\""),
            (r#""Type":"volume","Source":"v,src=/x""#, "v,src=/x"),
            (r#""Type":"volume","VolumeOptions":{"Subpath":"a,src=/x"}"#, "a,src=/x"),
        ] {
            let body = format!(r#"{{"HostConfig":{{"Mounts":[{{{mount}}}]}}}}"#);
            assert_eq!(container(&Known::default(), &body), odd(text), "{body}");
        }
        let volumes = r#"{"Volumes":{"/run/docker.sock:/s":{}}}"#;
        assert_eq!(container(&Known::default(), volumes), odd("/run/docker.sock:/s"));
        let bind = r#"{"HostConfig":{"Binds":["/s,src=/x"]}}"#;
        assert_eq!(container(&Known::default(), bind), odd("/s,src=/x"));
        for mount in [
            r#""Type":"bind","Source":"/a,b/c=d","Target":"/s""#,
            r#""Type":"image","Source":"busybox","Target":"/s""#,
            r#""Type":"tmpfs","Target":"/s""#,
        ] {
            let body = format!(r#"{{"HostConfig":{{"Mounts":[{{{mount}}}]}}}}"#);
            let passes = container(&Known::default(), &body).is_ok();
            assert_eq!(passes, !mount.contains(",b/c="), "{body}");
        }
    }

    #[test]
    fn what_the_swarm_makes_a_path_of_later_is_refused_or_told() {
        let service = |socket_bind: SocketBind, mount: &str| {
            let body = format!(r#"{{"TaskTemplate":{{"ContainerSpec":{{"Mounts":[{mount}]}}}}}}"#);
            let injection = Injection { socket_bind, ..injection() };
            rewrite(&injection, &SERVICE, &Known::default(), body.as_bytes())
        };
        let source = "/run/{{.Service.Name}}.sock";
        for (socket_bind, kind, passes) in [
            (SocketBind::Rewrite("/run/ci.sock".into()), r#""bind""#, false),
            (SocketBind::Refuse, "null", false),
            (SocketBind::Pass, r#""Bind""#, true),
            (SocketBind::Refuse, r#""volume""#, true),
        ] {
            let mount = format!(r#"{{"Type":{kind},"Source":"{source}","Target":"/s"}}"#);
            let rewritten = service(socket_bind.clone(), &mount);
            assert_eq!(rewritten.is_ok(), passes, "{kind}");
            let told = rewritten.is_ok_and(|rewritten| rewritten.notes.len() == 1);
            assert_eq!(told, socket_bind == SocketBind::Pass, "{kind}");
        }
    }
}
