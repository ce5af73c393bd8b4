use super::*;
use crate::engine::shapes::{CONTAINER, IMAGE_CONFIG, LABELLED, SERVICE};
use crate::rules::Label;

fn list() -> Vec<Inject> {
    let label = |key: &str, value: &str| Label { key: key.into(), value: value.into() };
    vec![
        Inject::label(label("a", "1")),
        Inject::cgroup_parent("/ci"),
        Inject::image_label(label("b", "2")),
        Inject::label(label("c", "\"")),
        Inject::build_cgroup_parent("/builds"),
    ]
}

/// Injects `list` into a document of this shape.
fn injected(list: &[Inject], shape: &JsonShape, document: &str) -> String {
    let Ok(Found::Object(top)) = Found::document(document, None) else { panic!("{document}") };
    let mut edits = Edits::of(document);
    let tree = Tree::of(shape, list);
    tree.apply(&mut edits, &top, None).unwrap();
    edits.write()
}

#[test]
fn each_shape_gets_the_values_of_its_positions() {
    let labels = r#""Labels":{"a":"1","c":"\""}"#;
    for (shape, document, wanted) in [
        (&LABELLED, "{}", format!("{{{labels}}}")),
        (&CONTAINER, "{}", format!(r#"{{{labels},"HostConfig":{{"CgroupParent":"/ci"}}}}"#)),
        (
            &CONTAINER,
            r#"{"hostconfig":{"cgroupparent":"/x","Init":true}}"#,
            format!(r#"{{"HostConfig":{{"CgroupParent":"/ci","Init":true}},{labels}}}"#),
        ),
        (&SERVICE, "{}", format!("{{{labels}}}")),
        (
            &SERVICE,
            r#"{"TaskTemplate":{"ContainerSpec":{}}}"#,
            format!(r#"{{"TaskTemplate":{{"ContainerSpec":{{{labels}}}}},{labels}}}"#),
        ),
        (&IMAGE_CONFIG, "{}", r#"{"config":{"Labels":{"b":"2"}}}"#.to_owned()),
    ] {
        assert_eq!(injected(&list(), shape, document), wanted, "{document}");
    }
}

#[test]
fn an_empty_list_changes_nothing() {
    for shape in [&LABELLED, &CONTAINER, &SERVICE, &IMAGE_CONFIG] {
        let document = r#"{"labels":null,"hostconfig":{}}"#;
        assert_eq!(injected(&[], shape, document), document);
        assert_eq!(Tree::of(shape, &[]).forced(), Forced::NOTHING);
    }
}

#[test]
fn the_kinds_of_forced_values_are_recorded() {
    let both = Forced::LABELS | Forced::CGROUP_PARENT;
    assert_eq!(Tree::of(&CONTAINER, &list()).forced(), both);
    assert_eq!(Tree::of(&SERVICE, &list()).forced(), Forced::LABELS);
    let parent = [Inject::cgroup_parent("/ci")];
    assert_eq!(Tree::of(&CONTAINER, &parent).forced(), Forced::CGROUP_PARENT);
}
