use super::*;
use crate::engine::route;
use crate::engine::shapes::{CONTAINER, NETWORK};
use crate::http::body::Framing;
use crate::rules::facts::{Learned, Relation};
use crate::rules::{Injections, Label, Traits};

const OWN: &str = "/run/ci.jobs/1";

fn profile() -> Profile {
    let label = Label { key: "j".into(), value: "7".into() };
    Profile {
        inject: Injections::forced(&[label], &[], None, None),
        socket_bind: SocketBind::Rewrite("/run/ci.sock".into()),
        job_socket: Some("/var/run/docker.sock".into()),
        ..Profile::default()
    }
}

fn asked() -> Asked<'static> {
    let traits = Traits { framing: Framing::None, encoded: false, form: false, json: false };
    Asked { operation: route("POST", b"/containers/create"), target: "/", traits, body: None }
}

/// Returns the body that the daemon gets. The socket is asked for only when all else is known.
fn created(body: &str) -> Result<String, Refusal> {
    let mut facts = Facts::default();
    loop {
        match judge(&profile(), &CONTAINER, &asked(), body.as_bytes(), &facts)? {
            Judgement::Edit(edited) => {
                assert!(facts.job_socket.is_some(), "a container without a socket");
                return Ok(String::from_utf8(edited.body.unwrap_or_default()).unwrap_or_default());
            }
            Judgement::Need { needs, draft: None } => match &needs[..] {
                [Need::Host(HostQuestion::JobSocket)] => facts.learn_job_socket(OWN.to_owned()),
                [Need::Host(HostQuestion::Paths(paths)), ..] => {
                    let at = |path: &String| match path.as_str() {
                        "/var/run/docker.sock" | "/run/docker.sock" => Relation::Socket,
                        _ => Relation::Other,
                    };
                    let found = paths.iter().map(|path| (path.clone(), at(path))).collect();
                    assert_ne!(facts.learn_paths(found), Learned::Failed);
                }
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn each_container_gets_a_socket_at_the_path_and_instead_of_the_daemons() {
    let label = r#""Labels":{"j":"7"}"#;
    for (body, wanted) in [
        ("{}", r#"{L,"HostConfig":{"Binds":["/run/ci.jobs/1:/var/run/docker.sock"]}}"#),
        (
            r#"{"HostConfig":{"Binds":["/var/run/docker.sock:/var/run/docker.sock:ro"]}}"#,
            r#"{"HostConfig":{"Binds":["/run/ci.jobs/1:/var/run/docker.sock"]},L}"#,
        ),
        (
            r#"{"HostConfig":{"Binds":["/run/docker.sock:/d.sock","/etc:/e"]}}"#,
            r#"{"HostConfig":{"Binds":["/run/ci.jobs/1:/d.sock","/etc:/e","/run/ci.jobs/1:/var/run/docker.sock"]},L}"#,
        ),
        (
            r#"{"HostConfig":{"Mounts":[{"Type":"bind","Source":"/run/docker.sock","Target":"/var/run/docker.sock"}]}}"#,
            r#"{"HostConfig":{"Mounts":[],"Binds":["/run/ci.jobs/1:/var/run/docker.sock"]},L}"#,
        ),
    ] {
        assert_eq!(created(body), Ok(wanted.replace('L', label)), "{body}");
    }
}

#[test]
fn no_socket_is_made_for_a_refused_create_or_for_anything_else() {
    let refused = created(r#"{"HostConfig":{"Tmpfs":7}}"#);
    assert!(refused.is_err(), "{refused:?}");
    let judged = judge(&profile(), &NETWORK, &asked(), b"{}", &Facts::default());
    assert!(matches!(judged, Ok(Judgement::Edit(_))), "{judged:?}");
}
