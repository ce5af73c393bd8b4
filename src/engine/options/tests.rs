use std::collections::BTreeMap;

use super::*;
use crate::engine::fields::{FIELDS, Section, UPDATE};
use crate::engine::operations::OPERATIONS;

fn all() -> impl Iterator<Item = (&'static str, &'static Group, &'static str, Form)> {
    GROUPS.iter().flat_map(|group| {
        let each = move |operation: &'static &'static str| {
            group.options.iter().map(move |(path, form)| (*operation, group, *path, *form))
        };
        group.operations.iter().flat_map(each)
    })
}

#[test]
fn a_path_has_one_form_everywhere() {
    let mut forms = BTreeMap::new();
    for (operation, _, path, form) in all() {
        let (known, of) = *forms.entry(path).or_insert((form, operation));
        assert_eq!(known, form, "{path} of {operation} and of {of}");
    }
}

#[test]
fn an_operation_has_an_option_once() {
    let mut seen = BTreeMap::new();
    for (operation, group, path, _) in all() {
        let other = seen.insert((operation, path), group.part);
        assert_eq!(other, None, "{path} of {operation}");
        assert_eq!(find(operation, path).map(|(part, _)| part), Some(group.part));
    }
}

#[test]
fn operations_are_known() {
    for (operation, group, path, _) in all() {
        let is_known = match group.part {
            Part::Message => operation.starts_with("Buildkit"),
            Part::Body | Part::Query => OPERATIONS.iter().any(|known| known.name == operation),
        };
        assert!(is_known, "{path} of {operation}");
    }
}

#[test]
fn what_can_be_injected_can_be_judged() {
    let operations = |section| match section {
        Section::Container => &["ContainerCreate"][..],
        Section::Service => &["ServiceCreate", "ServiceUpdate"],
        Section::Network => &["NetworkCreate"],
        Section::Volume => &["VolumeCreate"],
        Section::Exec => &["ContainerExec"],
        Section::Build => &["ImageBuild"],
    };
    let fields = FIELDS.iter().map(|field| (field.path, operations(field.section)));
    let updates = UPDATE.iter().map(|field| (field.path, &["ContainerUpdate"][..]));
    for (path, operations) in fields.chain(updates) {
        for operation in operations {
            assert!(find(operation, path).is_some(), "{path} of {operation}");
        }
    }
}
