use super::*;
use crate::engine::fields::{Section, find};
use crate::engine::shapes::CONTAINER;
use crate::rules::body::tests::{Rewritten, rewrite};
use crate::rules::facts::{Facts, OfImage, Order};
use crate::rules::inject::How;
use crate::rules::{Label, Profile};

/// Edits `body` for an operator who binds `/own` into each container, and adds a tmpfs at `/t`.
fn with_own_mounts(facts: &Facts, body: &str) -> Result<Rewritten, Refusal> {
    let rule = |path, value| {
        let at = Place::Field(find(Section::Container, path).unwrap());
        Inject { at, how: How::Append, value, from: String::new() }
    };
    let tmpfs = Label { key: "/t".into(), value: "size=1m".into() };
    let rules = [
        rule("HostConfig.Binds", Value::List(vec!["/etc/ca.pem:/own/:ro".into()])),
        rule("HostConfig.Tmpfs", Value::Map(vec![tmpfs])),
    ];
    let profile = Profile { inject: rules.into_iter().collect(), ..Profile::default() };
    rewrite(&profile, &CONTAINER, facts, body)
}

#[test]
fn the_operators_mounts_replace_the_clients_at_the_same_path() {
    let own = r#""/etc/ca.pem:/own/:ro""#;
    let tmpfs = r#""Tmpfs":{"/t":"size=1m"}"#;
    let nothing = Facts::default();
    let image = Facts { volumes: vec!["/own".into(), "/t".into()], ..Facts::default() };
    for (facts, host_config, wanted) in [
        (&nothing, "", format!(r#"{tmpfs},"Binds":[{own}]"#)),
        (&image, "", format!(r#"{tmpfs},"Binds":[{own}]"#)),
        (&nothing, r#""Binds":null"#, format!(r#""Binds":[{own}],{tmpfs}"#)),
        (&nothing, r#""Binds":["/a:/b"]"#, format!(r#""Binds":["/a:/b",{own}],{tmpfs}"#)),
        (&nothing, r#""Binds":["/evil:/own//"]"#, format!(r#""Binds":[{own}],{tmpfs}"#)),
        (&nothing, r#""Binds":["/own"]"#, format!(r#""Binds":[{own}],{tmpfs}"#)),
        (
            &nothing,
            r#""Tmpfs":{"/t":"","/s":""}"#,
            format!(r#""Tmpfs":{{"/t":"size=1m","/s":""}},"Binds":[{own}]"#),
        ),
        (
            &nothing,
            r#""Mounts":[{"Type":"bind","Source":"/e","Target":"/x/../own"},{"Type":"tmpfs","Target":"/b"}]"#,
            format!(r#""Mounts":[{{"Type":"tmpfs","Target":"/b"}}],"Binds":[{own}],{tmpfs}"#),
        ),
        (
            &nothing,
            r#""Mounts":[{"Type":"volume","Source":"v","Target":"/own"}]"#,
            format!(r#""Mounts":[],"Binds":[{own}],{tmpfs}"#),
        ),
    ] {
        let host_config = format!(r#","HostConfig":{{{host_config}}}"#);
        let missing = if host_config.contains("{}") { Some("") } else { None };
        for host_config in missing.into_iter().chain([&*host_config]) {
            let body = format!(r#"{{"Image":"i"{host_config}}}"#);
            let facts = Facts { image: OfImage::All, ..facts.clone() };
            let rewritten = with_own_mounts(&facts, &body).unwrap();
            let wanted = format!(r#"{{"Image":"i","HostConfig":{{{wanted}}}}}"#);
            assert_eq!(sorted(&rewritten.body), sorted(&wanted), "{body}");
            assert_eq!(rewritten.before, [], "{body}");
        }
    }
}

/// Returns the JSON with its members in order.
fn sorted(json: &str) -> serde_json::Value {
    serde_json::from_str(json).unwrap()
}

#[test]
fn a_named_volume_that_gives_way_is_not_created() {
    let body = r#"{"HostConfig":{"Binds":["v:/own","w:/b"]}}"#;
    let before = with_own_mounts(&Facts::default(), body).unwrap().before;
    let order = Order::CreateVolume { name: "w".into(), driver: String::new() };
    assert_eq!(before, [order]);
}

#[test]
fn another_mount_beside_the_operators_is_refused() {
    let taken = Facts { taken: [("/t".to_owned(), None)].into(), ..Facts::default() };
    let nothing = Facts::default();
    for (facts, host_config, target) in [
        (&nothing, r#""Tmpfs":{"/own/.":""}"#, "/own/."),
        (&nothing, r#""Tmpfs":{"/t/":"size=1g"}"#, "/t/"),
        (&nothing, r#""Tmpfs":{"//t":"size=1g"}"#, "//t"),
        (&nothing, r#""Mounts":[{"Type":"tmpfs","Target":"/t"}]"#, "/t"),
        (&nothing, r#""Binds":["v:/a/../t"]"#, "/a/../t"),
        (&taken, r#""VolumesFrom":[]"#, "/t"),
    ] {
        let body = format!(r#"{{"HostConfig":{{{host_config}}}}}"#);
        assert_eq!(with_own_mounts(facts, &body), Err(own_mount(target)), "{body}");
    }
}

#[test]
fn volumes_have_the_operators_driver() {
    let at = Place::Field(find(Section::Container, VOLUME_DRIVER).unwrap());
    let body = r#"{"Volumes":{"/x":{}},"HostConfig":{"VolumeDriver":"theirs","Binds":["v:/y"]}}"#;
    for (how, body, wanted) in [
        (How::Force, body, "own"),
        (How::Default, body, "theirs"),
        (How::Default, &body.replace("theirs", ""), "own"),
    ] {
        let value = Value::Text("own".into());
        let rules = [Inject { at, how, value, from: String::new() }];
        let profile = Profile { inject: rules.into_iter().collect(), ..Profile::default() };
        let made = rewrite(&profile, &CONTAINER, &Facts::default(), body).unwrap();
        let driver = wanted.to_owned();
        assert_eq!(made.before, [Order::CreateVolume { name: "v".into(), driver }]);
        assert!(
            made.body.contains(&format!(r#""DriverConfig":{{"Name":"{wanted}"}}"#)),
            "{made:?}"
        );
    }
}

#[test]
fn a_number_at_the_top_cannot_evade_a_rule() {
    let at = Place::Field(find(Section::Container, "HostConfig.CpuShares").unwrap());
    let rules = [Inject { at, how: How::Cap, value: Value::Number(4), from: String::new() }];
    let profile = Profile { inject: rules.into_iter().collect(), ..Profile::default() };
    for (member, refused) in [
        ("CpuShares\":9", true),
        ("cpushares\":-9", true),
        ("CpuShares\":0", false),
        ("Memory\":9", false),
    ] {
        let body = format!(r#"{{"{member},"HostConfig":{{}}}}"#);
        let judged = rewrite(&profile, &CONTAINER, &Facts::default(), &body);
        assert_eq!(judged.is_err(), refused, "{judged:?}");
    }
}
