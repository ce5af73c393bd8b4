use super::*;
use crate::engine::JsonShape;
use crate::engine::shapes::{CONTAINER, SERVICE};
use crate::json::Error;
use crate::rules::body::tests::{Rewritten, rewrite_on};
use crate::rules::mounts::anonymous::relative_volume;
use crate::rules::mounts::host_config::outside_host_config;
use crate::rules::socket::socket_bind;
use crate::rules::socket::{Relation, SocketBind};
use crate::rules::{Injections, Label};

fn injections(cgroup_parent: Option<&str>) -> Injections {
    let label = Label { key: "j".into(), value: "7".into() };
    Injections::forced(&[label], &[], cgroup_parent, None)
}

fn profile() -> Profile {
    Profile {
        inject: injections(None),
        socket_bind: SocketBind::Rewrite("/run/ci.sock".into()),
        ..Profile::default()
    }
}

fn rewrite(
    profile: &Profile,
    shape: &JsonShape,
    facts: &Facts,
    body: &str,
) -> Result<Rewritten, Refusal> {
    let host = |path: &str| match path {
        "/run/docker.sock" | "/var/run/docker.sock" => Relation::Socket,
        "/" | "/run" => Relation::Above,
        _ => Relation::Other,
    };
    rewrite_on(host, profile, shape, facts, body)
}

/// The rewritten body without its own labels, and how many notes it gave.
fn container(known: &Facts, body: &str) -> Result<(String, usize), Refusal> {
    let rewritten = rewrite(&profile(), &CONTAINER, known, body)?;
    Ok((rewritten.body.replace(r#","Labels":{"j":"7"}}"#, "}"), rewritten.notes.len()))
}

const MOUNT: &str = r#"{"Type":"volume","Target":"/x","VolumeOptions":{"Labels":{"j":"7"}}}"#;
const ANONYMOUS_MOUNT: &str = r#"{"Type":"volume","Target":"/x","VolumeOptions":{"Labels":{"j":"7","com.docker.volume.anonymous":""}}}"#;

#[test]
fn every_implicitly_created_volume_is_labelled() {
    let at = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect();
    let image = Facts { volumes: at(&["/x"]), ..Facts::default() };
    let nothing = Facts::default();
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
        assert!(rewritten.contains(&format!(r#""HostConfig":{{{host_config}}}"#)), "{rewritten}");
    }
}

#[test]
fn a_volume_gets_the_driver_that_the_daemon_would_use() {
    let image = Facts { volumes: vec!["/x".into()], ..Facts::default() };
    let mount = |driver: &str| {
        let options = format!(
            r#"{{"Labels":{{"j":"7","com.docker.volume.anonymous":""}},"DriverConfig":{{"Name":"{driver}"}}}}"#
        );
        format!(r#"{{"Type":"volume","Target":"/x","VolumeOptions":{options}}}"#)
    };
    let labelled = MOUNT.replace("/x", "/y");
    for (known, body, mounts) in [
        (&image, r#"{"HostConfig":{"VolumeDriver":"d"}}"#, mount("d")),
        (&Facts::default(), r#"{"HostConfig":{"volumedriver":"d","Binds":["/x"]}}"#, mount("d")),
        (
            &Facts::default(),
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
fn the_number_of_mounts_and_the_length_of_driver_names_are_limited() {
    let many = |count: usize, entry: &dyn Fn(usize) -> String| {
        (0..count).map(entry).collect::<Vec<_>>().join(",")
    };
    let volumes =
        |count| format!(r#""Volumes":{{{}}}"#, many(count, &|n| format!(r#""/v{n}":{{}}"#)));
    let binds = |count| format!(r#""Binds":[{}]"#, many(count, &|n| format!(r#""/h{n}:/b{n}""#)));
    let image = Facts { volumes: vec!["/x".into()], ..Facts::default() };
    for (body, fits) in [
        (format!("{{{}}}", volumes(MOUNTS)), true),
        (format!("{{{}}}", volumes(MOUNTS + 1)), false),
        (format!(r#"{{{},"HostConfig":{{{}}}}}"#, volumes(24), binds(1000)), true),
        (format!(r#"{{{},"HostConfig":{{{}}}}}"#, volumes(25), binds(1000)), false),
        (format!(r#"{{"HostConfig":{{{}}}}}"#, binds(MOUNTS + 1)), false),
        (format!(r#"{{{},"HostConfig":{{"Mounts":[{}]}}}}"#, volumes(MOUNTS), "{}"), false),
    ] {
        let refused = container(&Facts::default(), &body).err();
        assert_eq!(refused, (!fits).then_some(many_mounts()));
    }
    let body = format!("{{{}}}", volumes(MOUNTS));
    assert_eq!(container(&image, &body), Err(many_mounts()));
    let others = |count| {
        let taken = (0..count).map(|n| (format!("/t{n}"), Some(format!("/h{n}")))).collect();
        container(&Facts { taken, ..Facts::default() }, r#"{"HostConfig":{}}"#).err()
    };
    assert_eq!((others(MOUNTS), others(MOUNTS + 1)), (None, Some(many_mounts())));
    let driver =
        |length| format!(r#"{{"HostConfig":{{"VolumeDriver":"{}"}}}}"#, "d".repeat(length));
    assert!(container(&image, &driver(DRIVER_NAME)).is_ok());
    let refused = Err(long_driver());
    assert_eq!(container(&image, &driver(DRIVER_NAME + 1)), refused);
}

#[test]
fn nothing_is_added_at_a_path_of_another_mount() {
    let known = Facts { volumes: vec!["/x/".into()], ..Facts::default() };
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
    let taken = Facts { volumes: vec!["/x".into()], taken, ..Facts::default() };
    let body = r#"{"HostConfig":{"VolumesFrom":["c"]}}"#;
    assert_eq!(container(&taken, body).unwrap().0, body);
}

#[test]
fn an_annotation_for_another_slice_is_refused() {
    let body =
        r#"{"HostConfig":{"annotations":{"a":"b","org.systemd.property.S\u006cice":"'x'"}}}"#;
    assert_eq!(container(&Facts::default(), body).unwrap().0, body);
    let parent = Some("ci.slice".to_owned());
    let profile = Profile { inject: injections(parent.as_deref()), ..profile() };
    let refused = rewrite(&profile, &CONTAINER, &Facts::default(), body);
    assert_eq!(refused, Err(slice()));
}

#[test]
fn the_daemons_socket_is_replaced_by_the_proxys() {
    let nothing = Facts::default();
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
    let refusing = Profile { socket_bind: SocketBind::Refuse, ..profile() };
    let body = r#"{"HostConfig":{"Binds":["/run/docker.sock:/s"]}}"#;
    let refusal = socket_bind("/run/docker.sock");
    assert_eq!(rewrite(&refusing, &CONTAINER, &nothing, body), Err(refusal));
}

#[test]
fn the_daemons_socket_in_volumes_of_another_container_is_replaced() {
    let socket = || Some("/var/run/docker.sock".to_owned());
    let known = Facts {
        taken: [("/s".to_owned(), socket()), ("/t".to_owned(), Some("/tmp".to_owned()))].into(),
        ..Facts::default()
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
        let container = |profile: &Profile| rewrite(profile, &CONTAINER, &known, &body(binds));
        let rewritten = container(&profile()).unwrap();
        assert_eq!(rewritten.body, body(wanted));
        let refusing = Profile { socket_bind: SocketBind::Refuse, ..profile() };
        let refused = container(&refusing).map(drop);
        let hidden = binds == wanted;
        let refusal = socket_bind("/var/run/docker.sock");
        assert_eq!(refused, if hidden { Ok(()) } else { Err(refusal) }, "{binds}");
    }
}

#[test]
fn volumes_of_a_service_are_labelled() {
    let body = r#"{"TaskTemplate":{"ContainerSpec":{"Mounts":[{"Type":"volume","Target":"/x"},{"Type":"bind","Source":"/run/docker.sock","Target":"/s"}]}}}"#;
    let rewritten = rewrite(&profile(), &SERVICE, &Facts::default(), body).unwrap();
    let rewritten = rewritten.body;
    let wanted =
        format!(r#""Mounts":[{MOUNT},{{"Type":"bind","Source":"/run/ci.sock","Target":"/s"}}]"#);
    assert!(rewritten.contains(&wanted), "{rewritten}");
}

#[test]
fn the_type_of_a_mount_is_read_as_services_read_it() {
    let rewritten = |mount: &str| {
        let body = format!(r#"{{"TaskTemplate":{{"ContainerSpec":{{"Mounts":[{mount}]}}}}}}"#);
        rewrite(&profile(), &SERVICE, &Facts::default(), &body).unwrap().body
    };
    for kind in ["volume", "VOLUME", "Volume"] {
        let body = rewritten(&format!(r#"{{"Type":"{kind}","Target":"/x"}}"#));
        assert!(body.contains(r#""VolumeOptions":{"Labels":{"j":"7"}}"#), "{body}");
    }
    for kind in [r#""Bind""#, r#""b\u0131nd""#, r#""""#, "null"] {
        let body = rewritten(&format!(r#"{{"Type":{kind},"Source":"/run/docker.sock"}}"#));
        assert!(body.contains(r#""Source":"/run/ci.sock""#), "{body}");
    }
    let body = rewritten(r#"{"Source":"/run/docker.sock"}"#);
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
        assert_eq!(container(&Facts::default(), body), Err(refusal), "{body}");
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
        assert_eq!(container(&Facts::default(), &body), odd(text), "{body}");
    }
    let volumes = r#"{"Volumes":{"/run/docker.sock:/s":{}}}"#;
    assert_eq!(container(&Facts::default(), volumes), odd("/run/docker.sock:/s"));
    let bind = r#"{"HostConfig":{"Binds":["/s,src=/x"]}}"#;
    assert_eq!(container(&Facts::default(), bind), odd("/s,src=/x"));
    for mount in [
        r#""Type":"bind","Source":"/a,b/c=d","Target":"/s""#,
        r#""Type":"image","Source":"busybox","Target":"/s""#,
        r#""Type":"tmpfs","Target":"/s""#,
    ] {
        let body = format!(r#"{{"HostConfig":{{"Mounts":[{{{mount}}}]}}}}"#);
        let passes = container(&Facts::default(), &body).is_ok();
        assert_eq!(passes, !mount.contains(",b/c="), "{body}");
    }
}

#[test]
fn a_template_in_a_source_is_refused_or_noted() {
    let service = |socket_bind: SocketBind, mount: &str| {
        let body = format!(r#"{{"TaskTemplate":{{"ContainerSpec":{{"Mounts":[{mount}]}}}}}}"#);
        let profile = Profile { socket_bind, ..profile() };
        rewrite(&profile, &SERVICE, &Facts::default(), &body)
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
