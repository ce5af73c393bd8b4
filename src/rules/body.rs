//! The JSON body of a creating request, with what the operator forces in it.

use super::{Injection, Refusal, mounts};
use crate::engine::JsonCarrier;
use crate::engine::carriers::Storage;
use crate::json::{Edits, Error, Found};
use crate::rules::errands::{self, Errand, Known};
use crate::rules::socket::{Note, Survey};

/// A body with what is forced in it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Rewritten {
    /// The document.
    pub body: Vec<u8>,
    /// What passes, but leads around the proxy: for the log.
    pub notes: Vec<Note>,
    /// Paths of the host that are to be [looked at](crate::rules::socket::LookAt::at_last) first. While there
    /// are any, the document is not to be sent.
    pub unseen: Vec<String>,
}

/// What one look at a body comes to.
#[derive(Debug, PartialEq, Eq)]
pub struct Prepared {
    /// What must be asked or ordered first.
    pub errands: Vec<Errand>,
    /// The body to send if that tells nothing new; else it is to be [rewritten](rewrite) again.
    pub rewritten: Rewritten,
}

/// `body` with the operator's labels, and the cgroup parent where `carrier` has a place for it, and
/// the errands before it.
///
/// # Errors
/// A body that is not one JSON object, or one in which Go's decoder and others would find
/// different things at the places that matter.
pub fn prepare(
    injection: &Injection,
    carrier: &JsonCarrier,
    body: &[u8],
) -> Result<Prepared, Refusal> {
    look(injection, carrier, &Known::default(), body)
}

/// As [`prepare`] has it, but with what the [`errands`](crate::rules::errands) told: `known`.
///
/// # Errors
/// As with [`prepare`].
pub fn rewrite(
    injection: &Injection,
    carrier: &JsonCarrier,
    known: &Known,
    body: &[u8],
) -> Result<Rewritten, Refusal> {
    look(injection, carrier, known, body).map(|prepared| prepared.rewritten)
}

fn look(
    injection: &Injection,
    carrier: &JsonCarrier,
    known: &Known,
    body: &[u8],
) -> Result<Prepared, Refusal> {
    let document =
        str::from_utf8(body).map_err(|error| Refusal::from(Error::NotJson(error.to_string())))?;
    let mut edits = Edits::of(document);
    let along = match carrier.storage {
        Storage::Container => Some("HostConfig"),
        Storage::Nothing | Storage::Service => None,
    };
    let mut top = match Found::document(document, along)? {
        Found::Object(top) => top,
        // To the daemon it is an object without members: an anonymous volume, for one.
        Found::Absent | Found::Null(_) => return look(injection, carrier, known, b"{}"),
    };
    // What goes into the HostConfig is put there with what is mounted.
    let except = (carrier.storage == Storage::Container).then_some("HostConfig");
    injection.inject.tree(carrier).apply(&mut edits, &mut top, except)?;
    let mut errands = Vec::new();
    let survey = match carrier.storage {
        Storage::Nothing => Survey::default(),
        Storage::Container => {
            let host_config = top.object_along("HostConfig")?;
            errands = errands::errands(injection, &top, &host_config)?;
            mounts::container(injection, known, &mut edits, &mut top, host_config)?
        }
        Storage::Service => mounts::service(injection, known, &mut edits, &top)?,
    };
    let Survey { notes, mut unseen, .. } = survey;
    unseen.sort_unstable();
    unseen.dedup();
    let rewritten = Rewritten { body: edits.write().into_bytes(), notes, unseen };
    Ok(Prepared { errands, rewritten })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::carriers::{CONTAINER, LABELLED, SERVICE};
    use crate::rules::inject::labels;
    use crate::rules::mounts::outside_host_config;
    use crate::rules::{Injections, Label, Reason};

    fn rewritten(carrier: &JsonCarrier, body: &str) -> Result<String, Refusal> {
        let label = Label { key: "ci.job".into(), value: "7".into() };
        let inject = Injections::forced(&[label], &[], Some("/ci/7"), None);
        let injection = Injection { inject, ..Injection::default() };
        let rewritten = rewrite(&injection, carrier, &Known::default(), body.as_bytes())?;
        Ok(String::from_utf8(rewritten.body).unwrap())
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
        let not_json = [
            "",
            "{",
            "{}{}",
            "{} x",
            "\u{feff}{}",
            r#"{"a":NaN}"#,
            "{'a':1}",
            r#"{"a":1,}"#,
            "{}\x0c",
        ];
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
        let injection = Injection { inject, ..Injection::default() };
        let body = br#"{"Binds":[],"HostConfig":{"Init":1}}"#;
        let wanted = br#"{"Binds":[],"HostConfig":{"Init":1},"Labels":{"a":"b"}}"#;
        let rewritten = rewrite(&injection, &CONTAINER, &Known::default(), body).unwrap();
        assert_eq!(rewritten.body, wanted);
    }
}
