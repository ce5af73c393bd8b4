use super::*;
use crate::engine::fields::{Section, find};
use crate::engine::shapes::{CONTAINER, LABELLED, Place, SERVICE};
use crate::rules::facts::{OfImage, Order};
use crate::rules::inject::labels;
use crate::rules::mounts::host_config::outside_host_config;
use crate::rules::socket::{Note, Relation};
use crate::rules::{How, Inject, Injections, Label, Reason, Value};

/// An edit of a body, with what is lacking for it.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::rules) struct Rewritten {
    pub(in crate::rules) body: String,
    pub(in crate::rules) notes: Vec<Note>,
    pub(in crate::rules) needs: Vec<Need>,
    pub(in crate::rules) before: Vec<Order>,
}

/// Edits `body` by `facts`, on a host on which no path has to do with the daemon's socket.
pub(in crate::rules) fn rewrite(
    profile: &Profile,
    shape: &JsonShape,
    facts: &Facts,
    body: &str,
) -> Result<Rewritten, Refusal> {
    rewrite_on(|_| Relation::Other, profile, shape, facts, body)
}

/// Edits `body` by `facts`, on a host on which paths have these relations to the daemon's socket.
pub(in crate::rules) fn rewrite_on(
    host: impl Fn(&str) -> Relation,
    profile: &Profile,
    shape: &JsonShape,
    facts: &Facts,
    body: &str,
) -> Result<Rewritten, Refusal> {
    let mut facts = facts.clone();
    loop {
        let judged = judge(profile, shape, "/", body.as_bytes(), &facts)?;
        let (needs, edited) = match judged {
            Judgement::Edit(edited) => (Vec::new(), edited),
            Judgement::Need { needs, draft } => (needs, draft.unwrap()),
            _ => panic!("{judged:?}"),
        };
        if let Some(Need::Host(HostQuestion::Paths(paths))) = needs.first() {
            let seen = |path: &String| (path.clone(), host(path));
            facts.learn_paths(paths.iter().map(seen).collect());
            continue;
        }
        let Edited { body, notes, before, .. } = edited;
        let body = String::from_utf8(body.unwrap()).unwrap();
        return Ok(Rewritten { body, notes, needs, before });
    }
}

fn rewritten(shape: &JsonShape, body: &str) -> Result<String, Refusal> {
    let label = Label { key: "ci.job".into(), value: "7".into() };
    let inject = Injections::forced(&[label], &[], Some("/ci/7"), None);
    let profile = Profile { inject, ..Profile::default() };
    rewrite(&profile, shape, &Facts::default(), body).map(|rewritten| rewritten.body)
}

#[test]
fn the_operators_labels_win_and_the_clients_stay() {
    for (body, wanted) in [
        (r"{}", r#"{"Labels":{"ci.job":"7"}}"#),
        (r"null", r#"{"Labels":{"ci.job":"7"}}"#),
        (r#"{"Name":"x"}"#, r#"{"Name":"x","Labels":{"ci.job":"7"}}"#),
        (r#"{"Name":"x","Labels":null}"#, r#"{"Name":"x","Labels":{"ci.job":"7"}}"#),
        (
            r#"{ "labels" : {"a":"b", "ci.job":"9"} , "N":1.0e+2}"#,
            r#"{ "Labels" : {"a":"b", "ci.job":"7"} , "N":1.0e+2}"#,
        ),
        (r#"{"Label\u017f":{}}"#, r#"{"Labels":{"ci.job":"7"}}"#),
    ] {
        assert_eq!(rewritten(&LABELLED, body).unwrap(), wanted, "{body}");
    }
}

#[test]
fn a_container_gets_its_cgroup_parent() {
    for (body, wanted) in [
        (r"{}", r#"{"Labels":{"ci.job":"7"},"HostConfig":{"CgroupParent":"/ci/7"}}"#),
        (r"null", r#"{"Labels":{"ci.job":"7"},"HostConfig":{"CgroupParent":"/ci/7"}}"#),
        (
            r#"{"Labels":{},"HostConfig":{"Init":true}}"#,
            r#"{"Labels":{"ci.job":"7"},"HostConfig":{"Init":true,"CgroupParent":"/ci/7"}}"#,
        ),
        (
            r#"{"hostconfig":{"CGROUPPARENT":"/mine","B":[]},"Labels":{"ci.job":""}}"#,
            r#"{"HostConfig":{"CgroupParent":"/ci/7","B":[]},"Labels":{"ci.job":"7"}}"#,
        ),
        (
            r#"{"HostConfig":null,"Labels":{"ci.job":""}}"#,
            r#"{"HostConfig":{"CgroupParent":"/ci/7"},"Labels":{"ci.job":"7"}}"#,
        ),
        (
            r#"{"HostConfig":{"CgroupParent":null},"Labels":{"ci.job":"","Binds":"x"}}"#,
            r#"{"HostConfig":{"CgroupParent":"/ci/7"},"Labels":{"ci.job":"7","Binds":"x"}}"#,
        ),
        (
            r#"{"VolumesFrom":[],"Binds":null,"Labels":{}}"#,
            r#"{"VolumesFrom":[],"Binds":null,"Labels":{"ci.job":"7"},"HostConfig":{"CgroupParent":"/ci/7"}}"#,
        ),
    ] {
        assert_eq!(rewritten(&CONTAINER, body).unwrap(), wanted, "{body}");
    }
}

#[test]
fn a_service_is_labelled_with_its_tasks_but_gets_no_container_spec() {
    for (body, wanted) in [
        (
            r#"{"TaskTemplate":{"ContainerSpec":{"Image":"x"}}}"#,
            r#"{"TaskTemplate":{"ContainerSpec":{"Image":"x","Labels":{"ci.job":"7"}}},"Labels":{"ci.job":"7"}}"#,
        ),
        (
            r#"{"Labels":{},"TaskTemplate":{"PluginSpec":{},"ContainerSpec":null}}"#,
            r#"{"Labels":{"ci.job":"7"},"TaskTemplate":{"PluginSpec":{},"ContainerSpec":null}}"#,
        ),
        (r#"{"TaskTemplate":null}"#, r#"{"TaskTemplate":null,"Labels":{"ci.job":"7"}}"#),
    ] {
        assert_eq!(rewritten(&SERVICE, body).unwrap(), wanted, "{body}");
    }
}

#[test]
fn what_parsers_read_differently_is_refused() {
    let twice = |one: &str, other: &str| Refusal::from(Error::Twice(one.into(), other.into()));
    for (body, refusal) in [
        (r#"{"Labels":{},"labels":null}"#, twice("Labels", "labels")),
        (r#"{"HostConfig":{},"HostConfig":{}}"#, twice("HostConfig", "HostConfig")),
        (
            r#"{"HostConfig":{"CgroupParent":"","cgroupparent":""}}"#,
            twice("HostConfig.CgroupParent", "HostConfig.cgroupparent"),
        ),
        (r"[]", Refusal::from(Error::NotAnObject(String::new()))),
        (r#""x""#, Refusal::from(Error::NotAnObject(String::new()))),
        (r#"{"HostConfig":[]}"#, Refusal::from(Error::NotAnObject("HostConfig".into()))),
        (r#"{"Labels":["a=b"]}"#, Refusal::from(Error::NotAnObject("Labels".into()))),
        (r#"{"Labels":{"a":1}}"#, labels::label_value("Labels")),
        (r#"{"Image":"x","binds":["/:/h"]}"#, outside_host_config("binds")),
        (r#"{"VolumesFrom":[],"MaskedPaths":[]}"#, outside_host_config("MaskedPaths")),
    ] {
        assert_eq!(rewritten(&CONTAINER, body), Err(refusal), "{body}");
    }
    let not_json =
        ["", "{", "{}{}", "{} x", "\u{feff}{}", r#"{"a":NaN}"#, "{'a':1}", r#"{"a":1,}"#, "{}\x0c"];
    for body in not_json {
        let refused = rewritten(&CONTAINER, body);
        assert!(
            refused.as_ref().is_err_and(|refusal| refusal.reason == Reason::NotJson),
            "{body:?}: {refused:?}"
        );
    }
}

#[test]
fn without_a_cgroup_parent_the_host_config_stays() {
    let label = Label { key: "a".into(), value: "b".into() };
    let inject = Injections::forced(&[label], &[], None, None);
    let profile = Profile { inject, ..Profile::default() };
    let body = r#"{"Binds":[],"HostConfig":{"Init":1}}"#;
    let wanted = r#"{"Binds":[],"HostConfig":{"Init":1},"Labels":{"a":"b"}}"#;
    let rewritten = rewrite(&profile, &CONTAINER, &Facts::default(), body).unwrap();
    assert_eq!(rewritten.body, wanted);
}

#[test]
fn options_are_recorded_only_where_they_change_something() {
    let rule = |how, path: &str, value| {
        let at = Place::Field(find(Section::Container, path).unwrap());
        Inject { at, how, value, from: String::new() }
    };
    let label = Label { key: "j".into(), value: "7".into() };
    let rules = [
        Inject::label(label),
        rule(How::Cap, "HostConfig.Memory", Value::Number(4)),
        rule(How::Default, "HostConfig.RestartPolicy.Name", Value::Text("always".into())),
        rule(How::Default, "User", Value::Text("ci".into())),
    ];
    let profile = Profile { inject: rules.into_iter().collect(), ..Profile::default() };
    let facts = Facts { image: OfImage::All, ..Facts::default() };
    let policy = r#""RestartPolicy":{"Name":"on-failure"}"#;
    for (body, options) in [
        ("{}".to_owned(), true),
        (format!(r#"{{"User":"x","HostConfig":{{"Memory":3,{policy}}}}}"#), false),
        (format!(r#"{{"User":"x","HostConfig":{{"Memory":5,{policy}}}}}"#), true),
        (format!(r#"{{"User":"","HostConfig":{{"Memory":3,{policy}}}}}"#), true),
        (r#"{"User":"x","HostConfig":{"Memory":3}}"#.to_owned(), true),
    ] {
        let judgement = judge(&profile, &CONTAINER, "/", body.as_bytes(), &facts).unwrap();
        let Judgement::Edit(Edited { forced, .. }) = judgement else { panic!("{judgement:?}") };
        let wanted = Forced::LABELS | Forced::FIELDS.when(options);
        assert_eq!(forced, wanted, "{body}");
    }
}
