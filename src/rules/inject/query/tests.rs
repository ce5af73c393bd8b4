use super::*;
use crate::rules::inject::build_options::tests::inject;
use crate::rules::inject::{How, Value};
use crate::rules::{Injections, Label};

fn profile(cgroup_parent: Option<&str>) -> Profile {
    let label = |key: &str, value: &str| Label { key: key.into(), value: value.into() };
    let labels = [label("ci.job", "1"), label("ci.team", "a b&c")];
    let inject = Injections::forced(&[], &labels, None, cgroup_parent);
    Profile { inject, ..Profile::default() }
}

fn without_labels(cgroup_parent: Option<&str>) -> Profile {
    let inject = Injections::forced(&[], &[], None, cgroup_parent);
    Profile { inject, ..Profile::default() }
}

/// The rewritten query, with its values decoded again.
fn rewritten(target: &str, cgroup_parent: Option<&str>) -> Result<String, Refusal> {
    rewritten_by(&profile(cgroup_parent), target)
}

fn rewritten_by(profile: &Profile, target: &str) -> Result<String, Refusal> {
    let Retarget { target, .. } = plan(profile, target)?;
    let (path, query) = split_query(&target);
    let pairs = pairs(query.unwrap()).map(|pair| {
        let pair = pair.unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        format!("{}={}", text(&pair.key), text(&pair.value().unwrap()))
    });
    Ok(format!("{path} {}", pairs.collect::<Vec<_>>().join(" ")))
}

#[test]
fn labels_are_added_to_a_query_without_any() {
    let ours = r#"labels={"ci.job":"1","ci.team":"a b&c"}"#;
    assert_eq!(rewritten("/build", None).unwrap(), format!("/build {ours} rm=1 forcerm=1"));
    assert_eq!(
        rewritten("/v1.41/build?t=x&rm=1", Some("/ci")).unwrap(),
        format!("/v1.41/build t=x rm=1 {ours} cgroupparent=/ci forcerm=1")
    );
}

#[test]
fn the_first_pair_is_rewritten_in_place_and_the_others_are_removed() {
    let target = "/build?cgroupparent=&t=x&%6cabels=%7B%22a%22%3A%22b%22%2C%22ci.job%22%3A%229%22%7D\
                  &labels=%7B%22c%22%3A%22d%22%7D&cgroupparent=/evil&q=1";
    assert_eq!(
        rewritten(target, Some("/ci")).unwrap(),
        r#"/build cgroupparent=/ci t=x labels={"a":"b","ci.job":"1","ci.team":"a b&c"} q=1 rm=1 forcerm=1"#
    );
    assert_eq!(
        rewritten("/build?labels=&cgroupparent=/mine&labels=%7B%22a%22%3A%22b%22%7D", None)
            .unwrap(),
        r#"/build labels={"ci.job":"1","ci.team":"a b&c"} cgroupparent=/mine rm=1 forcerm=1"#
    );
}

#[test]
fn a_build_by_buildkit_reports_no_forced_cgroup_parent() {
    let profile = profile(Some("/ci"));
    let target = "/build?version=2";
    let plan = plan(&profile, target);
    assert!(matches!(plan, Ok(Retarget { forced: Forced::LABELS, .. })), "{plan:?}");
    let built = rewritten(target, Some("/ci")).unwrap();
    let ours = r#"labels={"ci.job":"1","ci.team":"a b&c"}"#;
    assert_eq!(built, format!("/build version=2 {ours} cgroupparent=/ci rm=1 forcerm=1"));
}

#[test]
fn values_that_are_not_forced_stay_the_clients() {
    let theirs = "/build?Labels=x&labels=%7B%22ci.job%22%3A%229%22%7D&cgroupparent=/mine&RM=0";
    let labels = profile(None);
    let parent = without_labels(Some("/ci"));
    let neither = without_labels(None);
    let ours = r#"labels={"ci.job":"1","ci.team":"a b&c"}"#;
    let own = r#"Labels=x labels={"ci.job":"9"}"#;
    for (profile, wanted, forced) in [
        (&labels, format!("{ours} cgroupparent=/mine"), Forced::LABELS),
        (&parent, format!("{own} cgroupparent=/ci"), Forced::CGROUP_PARENT),
        (&neither, format!("{own} cgroupparent=/mine"), Forced::NOTHING),
    ] {
        let built = rewritten_by(profile, theirs).unwrap();
        assert_eq!(built, format!("/build {wanted} rm=1 forcerm=1"));
        let Retarget { forced: told, .. } = plan(profile, theirs).unwrap();
        assert_eq!(told, forced);
    }
    // These are in the way of labels alone.
    for query in ["labels=[]", "unsetlabel=x", "outputs=%5B%7B", "labels=%ff"] {
        let target = format!("/build?{query}");
        assert!(plan(&neither, &target).is_ok(), "{query}");
        assert!(plan(&labels, &target).is_err(), "{query}");
    }
    let mounts = plan(&neither, "/build?volume=/run/docker.sock:/s");
    assert_eq!(mounts, Err(query_key("volume")));
}

#[test]
fn containers_of_steps_are_removed() {
    let ours = r#"labels={"ci.job":"1","ci.team":"a b&c"}"#;
    for (query, wanted) in [
        ("rm=0", "rm=1 {} forcerm=1"),
        ("forcerm=0&rm=false", "forcerm=1 rm=1 {}"),
        ("rm=&t=x&rm=0&%72m=0&RM=0&ForceRm=0", "rm=1 t=x {} forcerm=1"),
    ] {
        let built = rewritten(&format!("/build?{query}"), None).unwrap();
        assert_eq!(built, format!("/build {}", wanted.replace("{}", ours)), "{query}");
    }
}

#[test]
fn other_spellings_of_forced_keys_are_removed_for_podman() {
    let target = "/build?LABELS=%7B%7D&t=x&label%C5%BF=%7B%7D&CgroupParent=/evil&label=y";
    assert_eq!(
        rewritten(target, Some("/ci")).unwrap(),
        r#"/build t=x label=y labels={"ci.job":"1","ci.team":"a b&c"} cgroupparent=/ci rm=1 forcerm=1"#
    );
}

#[test]
fn outputs_that_give_the_image_another_config_are_refused() {
    let with = |outputs: &str| {
        let target = format!("/build?version=2&outputs={}", encode_component(outputs));
        rewritten(&target, None).map(drop)
    };
    for outputs in [
        "",
        "[]",
        r#" [{"Type":"local","Attrs":{}},{"Type":"tar"},{"Attrs":null}] "#,
        r#"[{"Type":"image","Attrs":{"name":"x","containerimage.configs":""}}]"#,
    ] {
        assert_eq!(with(outputs), Ok(()), "{outputs}");
    }
    for outputs in [
        r#"[{"Attrs":{"containerimage.config":"{}"}}]"#,
        r#"[{},{"attr\u017f":{"containerimage.config/linux/amd64":"{}"}}]"#,
        r#"[{"Attrs":{"\u0063ontainerimage.config":"{}"}}]"#,
        r#"[{"Attrs":{"refs.platforms":"{}"}}]"#,
        r#"[{"Attrs":{},"attrs":{}}]"#,
        r"[{]",
        r"{}",
        "null",
        "type=local",
    ] {
        assert_eq!(with(outputs), Err(outputs_refused()), "{outputs}");
    }
}

#[test]
fn what_cannot_be_merged_is_refused() {
    for (target, refusal) in [
        ("/build?a;b=1", bad_query()),
        ("/build?t=%zz", bad_query()),
        (&*format!("/build?{}", "a&".repeat(PAIRS + 1)), many_pairs()),
        ("/build?labels=[]", bad_labels()),
        ("/build?labels=%7B%22a%22:1%7D", bad_labels()),
        ("/build?labels=%7B", bad_labels()),
        ("/build?labels=%ff", bad_labels()),
        ("/build?unsetlabel=ci.job", query_key("unsetlabel")),
        ("/build?AdditionalBuildContexts=%7B%7D", query_key("AdditionalBuildContexts")),
        ("/build?Un%C5%BFetLabel=x", query_key("Un\u{17f}etLabel")),
        ("/build?VOLUME=/run/docker.sock:/s", query_key("VOLUME")),
    ] {
        assert_eq!(rewritten(target, None), Err(refusal), "{target}");
    }
}

/// A profile with treatments of options alone.
fn with_options(list: &[(&str, How, Value)]) -> Profile {
    let inject = list.iter().map(|(key, how, value)| inject(key, *how, value.clone()));
    Profile { inject: inject.collect(), ..Profile::default() }
}

#[test]
fn options_replace_the_clients_first_pair_and_all_its_spellings() {
    let hosts = Value::List(vec!["m:1.1.1.1".to_owned(), "n:2.2.2.2".to_owned()]);
    let forced = with_options(&[
        ("memory", How::Force, Value::Number(9)),
        ("extrahosts", How::Append, hosts),
        ("networkmode", How::Force, Value::Text("none".to_owned())),
    ]);
    let capped = with_options(&[("memory", How::Cap, Value::Number(9))]);
    for (profile, query, wanted, fields) in [
        (
            &forced,
            "extrahosts=a:1&Memory=1&extrahosts=M:6&memory=x&t=a+b&memory=2",
            "extrahosts=a:1 extrahosts=m:1.1.1.1 extrahosts=n:2.2.2.2 memory=9 t=a b rm=1 forcerm=1 \
             networkmode=none",
            true,
        ),
        (&capped, "memory=10&x=1", "memory=9 x=1 rm=1 forcerm=1", true),
        (&capped, "x=1&Memory=3", "x=1 rm=1 forcerm=1 memory=9", true),
        (&capped, "memory=8&x=1", "memory=8 x=1 rm=1 forcerm=1", false),
        (&capped, "memory=8&MEMORY=99&memory=99", "memory=8 rm=1 forcerm=1", false),
    ] {
        let target = format!("/build?{query}");
        assert_eq!(rewritten_by(profile, &target).unwrap(), format!("/build {wanted}"), "{query}");
        let plan = plan(profile, &target).unwrap();
        assert_eq!(plan.forced, Forced::FIELDS.when(fields), "{query}");
    }
}

#[test]
fn a_build_by_buildkit_reports_only_the_options_that_it_uses() {
    for (key, value, used) in [
        ("memory", Value::Number(9), false),
        ("cpusetcpus", Value::Text("0".to_owned()), false),
        ("shmsize", Value::Number(9), true),
        ("pull", Value::Switch(true), true),
    ] {
        let profile = with_options(&[(key, How::Force, value)]);
        for (query, reported) in [("version=2", used), ("version=1", true)] {
            let plan = plan(&profile, &format!("/build?{query}")).unwrap();
            assert_eq!(plan.forced, Forced::FIELDS.when(reported), "{key} {query}");
        }
    }
}

#[test]
fn options_that_cannot_be_edited_are_refused() {
    let capped = with_options(&[("memory", How::Cap, Value::Number(9))]);
    let text = "the option \"memory\" of the build cannot be read; a decimal number is wanted";
    let refusal = Refusal::new(Reason::Query, text);
    assert_eq!(rewritten_by(&capped, "/build?memory=1g"), Err(refusal));
    // Podman's own key would override a forced mode.
    let target = "/build?NsOptions=%5B%5D";
    assert!(rewritten_by(&capped, target).is_ok());
    let network = |how| with_options(&[("networkmode", how, Value::Text("none".to_owned()))]);
    assert_eq!(rewritten_by(&network(How::Force), target), Err(query_key("NsOptions")));
    assert!(rewritten_by(&network(How::Default), target).is_ok());
}
