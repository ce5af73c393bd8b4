use super::*;
use crate::engine::shapes::{CONTAINER, SERVICE};
use crate::rules::Injections;
use crate::rules::body::tests::{rewrite, rewrite_on};
use crate::rules::facts::{Need, Order, Question};
use crate::rules::socket::{Relation, SocketBind};

/// The operator's two labels, with the values of this job.
fn profile() -> Profile {
    let label = |key: &str, value: &str| Label { key: key.into(), value: value.into() };
    let inject = Injections::forced(&[label("j", "7"), label("t", "w")], &[], None, None);
    Profile { inject, ..Profile::default() }
}

fn leaving() -> Profile {
    Profile { anonymous_volumes: AnonymousVolumes::Leave, ..profile() }
}

/// The HostConfig that is made of `host_config`.
fn rewritten(profile: &Profile, known: &Facts, host_config: &str) -> String {
    let body = format!(r#"{{"Labels":{{"j":"7","t":"w"}},"HostConfig":{host_config}}}"#);
    let host = |path: &str| match path {
        "/docker.sock" => Relation::Socket,
        _ => Relation::Other,
    };
    let body = rewrite_on(host, profile, &CONTAINER, known, &body).unwrap().body;
    let host_config = body.strip_prefix(r#"{"Labels":{"j":"7","t":"w"},"HostConfig":"#);
    host_config.and_then(|rest| rest.strip_suffix('}')).unwrap().to_owned()
}

/// A mount of ours as the daemon reports it, of the job `job`.
fn own(target: &str, job: &str) -> String {
    format!(
        r#"{{"Type":"volume","Target":"{target}","VolumeOptions":{{"Labels":{{"com.docker.volume.anonymous":"","j":"{job}","t":"w"}}}}}}"#
    )
}

#[test]
fn an_own_mount_is_removed_if_the_client_mounts_something_there() {
    let nothing = Facts::default();
    for profile in [profile(), leaving()] {
        for job in ["7", "6"] {
            let own = own("/x", job);
            for (given, wanted) in [
                (r#"{"Mounts":[@],"Binds":["v:/x"]}"#, r#"{"Mounts":[],"Binds":["v:/x"]}"#),
                (
                    r#"{"Binds":["v:/y/..//x/:ro"],"Mounts":[ @ ]}"#,
                    r#"{"Binds":["v:/y/..//x/:ro"],"Mounts":[  ]}"#,
                ),
                (r#"{"Binds":["/host:/x"],"mounts":[@]}"#, r#"{"Binds":["/host:/x"],"Mounts":[]}"#),
                (r#"{"Tmpfs":{"/x":""},"Mounts":[@]}"#, r#"{"Tmpfs":{"/x":""},"Mounts":[]}"#),
                (
                    r#"{"Mounts":[@ , {"Type":"tmpfs","Target":"/x/"}]}"#,
                    r#"{"Mounts":[{"Type":"tmpfs","Target":"/x/"}]}"#,
                ),
                (
                    r#"{"Mounts":[{"Type":"bind","Source":"/h","Target":"/x"} , @ ]}"#,
                    r#"{"Mounts":[{"Type":"bind","Source":"/h","Target":"/x"} ]}"#,
                ),
            ] {
                let given = given.replace('@', &own);
                assert_eq!(rewritten(&profile, &nothing, &given), wanted, "{given}");
            }
        }
    }
}

#[test]
fn an_own_mount_is_removed_for_a_volume_of_another_container() {
    let given = format!(r#"{{"VolumesFrom":["c"],"Mounts":[{}]}}"#, own("/x/", "6"));
    let taken = |path: &str| Facts { taken: [(path.into(), None)].into(), ..Facts::default() };
    let wanted = r#"{"VolumesFrom":["c"],"Mounts":[]}"#;
    assert_eq!(rewritten(&profile(), &taken("/x"), &given), wanted);
    let wanted = given.replace(r#""j":"6""#, r#""j":"7""#);
    assert_eq!(rewritten(&profile(), &taken("/y"), &given), wanted);
}

#[test]
fn a_removed_own_mount_does_not_hide_the_daemons_socket_of_another_container() {
    let profile = Profile { socket_bind: SocketBind::Rewrite("/ours".into()), ..profile() };
    let taken = [("/x".to_owned(), Some("/docker.sock".to_owned()))].into();
    let known = Facts { taken, ..Facts::default() };
    let given = format!(r#"{{"Mounts":[{}],"VolumesFrom":["c"]}}"#, own("/x", "7"));
    let wanted = r#"{"Mounts":[],"VolumesFrom":["c"],"Binds":["/ours:/x"]}"#;
    assert_eq!(rewritten(&profile, &known, &given), wanted);
    // A bind without a source hides it as any other does.
    let given = r#"{"VolumesFrom":["c"],"Binds":["/x"]}"#;
    let left = Profile { anonymous_volumes: AnonymousVolumes::Leave, ..profile };
    assert_eq!(rewritten(&left, &known, given), given);
}

#[test]
fn an_own_mount_without_a_rival_stays_and_gets_the_labels_of_this_job() {
    let known = Facts { volumes: vec!["/x".into()], ..Facts::default() };
    for profile in [profile(), leaving()] {
        for around in [
            r#"{"Binds":["v:/y"],"Mounts":[@]}"#,
            // The daemon compares a tmpfs as it was written, and mounts both.
            r#"{"Tmpfs":{"/x/":""},"Mounts":[@]}"#,
            // Two of ours come from no inspection: the daemon refuses them.
            r#"{"Mounts":[@,@]}"#,
        ] {
            let (given, wanted) = (around.replace('@', &own("/x", "6")), own("/x", "7"));
            let wanted = around.replace('@', &wanted);
            assert_eq!(rewritten(&profile, &known, &given), wanted);
        }
    }
}

#[test]
fn mounts_of_the_client_are_never_removed() {
    for mount in [
        // As it looks after we have labelled what a client wrote.
        r#"{"Type":"volume","Target":"/x","VolumeOptions":{"Labels":{"j":"7","t":"w"}}}"#,
        r#"{"Type":"volume","Target":"/x","VolumeOptions":{"Labels":{"com.docker.volume.anonymous":"","j":"7"}}}"#,
        r#"{"Type":"volume","Target":"/x","VolumeOptions":{"Labels":null}}"#,
        r#"{"Type":"volume","Target":"/x","VolumeOptions":{}}"#,
        r#"{"Type":"volume","Target":"/x"}"#,
        &own("/x", "6").replace(r#""Target""#, r#""Source":"v","Target""#),
        &own("/x", "6").replace(r#""volume","#, r#""tmpfs","#),
    ] {
        let given = format!(r#"{{"Binds":["v:/x"],"Mounts":[{mount}]}}"#);
        let rewritten = rewritten(&profile(), &Facts::default(), &given);
        assert!(rewritten.contains(r#""Target":"/x""#), "{rewritten}");
    }
}

/// It mounts where it says, or the daemon says why not.
#[test]
fn a_bind_without_a_source_is_always_mounted() {
    let mount = |labels: &str| {
        format!(r#"{{"Type":"volume","Target":"/x","VolumeOptions":{{"Labels":{{{labels}}}}}}}"#)
    };
    let (theirs, fresh) =
        (mount(r#""j":"7","t":"w""#), mount(r#""j":"7","t":"w","com.docker.volume.anonymous":"""#));
    let taken = [("/x".to_owned(), None)].into();
    let image = Facts { volumes: vec!["/x".into()], taken, ..Facts::default() };
    for (given, wanted) in [
        (r#"{"Binds":["/x"],"Mounts":[@]}"#.replace('@', &theirs), format!("[{theirs},{theirs}]")),
        (r#"{"Binds":["/x"],"Mounts":[@]}"#.replace('@', &own("/x", "6")), format!("[{fresh}]")),
        (r#"{"Mounts":[],"Binds":["/x","/x/"]}"#.to_owned(), format!("[{theirs},{theirs}]")),
        (r#"{"Mounts":[],"Binds":["/x","v:/x"]}"#.to_owned(), format!("[{theirs}]")),
        (r#"{"Mounts":[],"Binds":["/x"],"VolumesFrom":["c"]}"#.to_owned(), format!("[{fresh}]")),
        (r#"{"Mounts":[],"Binds":["/x"],"Tmpfs":{"/x":""}}"#.to_owned(), "[]".to_owned()),
    ] {
        let rewritten = rewritten(&profile(), &image, &given);
        assert!(rewritten.contains(&format!(r#""Mounts":{wanted}"#)), "{given}: {rewritten}");
    }
}

#[test]
fn several_own_mounts_are_removed_while_others_are_added() {
    let (x, y, z) = (own("/x", "6"), own("/y", "6"), own("/z", "7"));
    let tmpfs = |at: &str| format!(r#"{{"Type":"tmpfs","Target":"{at}"}}"#);
    let (one, two) = (tmpfs("/a"), tmpfs("/b"));
    let binds = r#""Binds":["v:/x","w:/y"]"#;
    for (mounts, wanted) in [
        (format!("[{x},{y}]"), "[]".to_owned()),
        (format!("[{x}, {y}, {one}]"), format!("[{one}]")),
        (format!("[{one}, {x}, {y}]"), format!("[{one}]")),
        (format!("[{x}, {one} ,{y}, {two} ]"), format!("[{one}, {two} ]")),
        (format!("[{one}, {x},{z}]"), format!("[{one},{z}]")),
    ] {
        let given = format!(r#"{{{binds},"Mounts":{mounts}}}"#);
        let wanted = format!(r#"{{{binds},"Mounts":{wanted}}}"#);
        assert_eq!(rewritten(&profile(), &Facts::default(), &given), wanted, "{given}");
    }
    // Another place needs a mount of ours, as the new image has a volume there.
    let known = Facts { volumes: vec!["/n".into()], ..Facts::default() };
    let new = own("/n", "7").replace(
        r#""com.docker.volume.anonymous":"","j":"7","t":"w""#,
        r#""j":"7","t":"w","com.docker.volume.anonymous":"""#,
    );
    for (mounts, wanted) in [
        (format!("[{x},{y}]"), format!("[{new}]")),
        (format!("[ {x} ]"), format!("[{new}  ]")),
        (format!("[{one},{x}]"), format!("[{one},{new}]")),
        (format!("[{x},{one}]"), format!("[{one},{new}]")),
    ] {
        let given = format!(r#"{{{binds},"Mounts":{mounts}}}"#);
        let wanted = format!(r#"{{{binds},"Mounts":{wanted}}}"#);
        assert_eq!(rewritten(&profile(), &known, &given), wanted, "{given}");
    }
}

#[test]
fn a_service_keeps_and_labels_mounts_that_look_like_the_proxys() {
    let spec = |mounts: &str| {
        format!(
            r#"{{"Labels":{{"j":"7","t":"w"}},"TaskTemplate":{{"ContainerSpec":{{"Mounts":[{mounts}],"Labels":{{"j":"7","t":"w"}}}}}}}}"#
        )
    };
    let tmpfs = r#"{"Type":"tmpfs","Target":"/x"}"#;
    let given = spec(&format!("{},{tmpfs}", own("/x", "6")));
    let wanted = spec(&format!("{},{tmpfs}", own("/x", "7")));
    let rewritten = rewrite(&profile(), &SERVICE, &Facts::default(), &given).unwrap();
    assert_eq!(rewritten.body, wanted);
}

#[test]
fn anonymous_volumes_that_are_left_to_the_daemon_stay_unchanged() {
    for body in [
        r#"{"Labels":{"j":"7","t":"w"},"Image":"i","Volumes":{"/x":{}}}"#,
        r#"{"Labels":{"j":"7","t":"w"},"Image":"i","Volumes":{"x":{}},"HostConfig":{}}"#,
        r#"{"Labels":{"j":"7","t":"w"},"Image":"i","HostConfig":{"Binds":["/x","y"],"Mounts":null}}"#,
    ] {
        let left = rewrite(&leaving(), &CONTAINER, &Facts::default(), body).unwrap();
        assert_eq!((left.needs, left.before, left.body.as_str()), (vec![], vec![], body));
        let labelled = rewrite(&profile(), &CONTAINER, &Facts::default(), body);
        let image = Question::Image { name: "i".into(), platform: None };
        let asks = [Need::Daemon(image)];
        assert!(labelled.is_err() || labelled.is_ok_and(|labelled| labelled.needs == asks));
    }
}

#[test]
fn other_volumes_are_labelled_if_anonymous_ones_are_left() {
    let left = |body: &str| rewrite(&leaving(), &CONTAINER, &Facts::default(), body);
    let body = r#"{"Image":"i","HostConfig":{"VolumesFrom":["c"],"Binds":["v:/x"]}}"#;
    let volume = Order::CreateVolume { name: "v".into(), driver: String::new() };
    let rewritten_body = left(body).unwrap();
    assert_eq!(rewritten_body.needs, [Need::Daemon(Question::Container("c".into()))]);
    assert_eq!(rewritten_body.before, [volume]);
    // A mount that the client wrote is labelled.
    let given = r#"{"Mounts":[{"Type":"volume","Target":"/x"}]}"#;
    let labelled = rewritten(&leaving(), &Facts::default(), given);
    assert!(labelled.contains(r#""VolumeOptions":{"Labels":{"j":"7","t":"w"}}"#), "{labelled}");
    // Podman would mount what stands before the colon.
    for volume in ["/run/docker.sock:/s", "a:/s"] {
        let refused = left(&format!(r#"{{"Volumes":{{"{volume}":{{}}}}}}"#));
        assert_eq!(refused, Err(odd_mount(volume)));
    }
}
