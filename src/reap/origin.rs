//! Given and inherited labels: a container has the labels of its image, so one that somebody else started from a
//! labelled image carries labels that nobody gave it.

use std::collections::BTreeMap;

use crate::rules::{Label, own};

/// The labels of a thing.
pub type Labels = BTreeMap<String, String>;

/// The origin of the wanted labels of a container that carries them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// They were given to the container.
    Given,
    /// They are its image's.
    Inherited,
    /// They may be its image's, which does not exist any more.
    Unknown,
}

/// Returns the origin of the `wanted` labels of a container. `image` has the labels of its image; `None` if the
/// image is gone.
#[must_use]
pub fn origin(wanted: &[Label], container: &Labels, image: Option<&Labels>) -> Origin {
    let marker = |labels: &Labels| labels.get(own::GIVEN).cloned().unwrap_or_default();
    let of_image = image.map(marker).unwrap_or_default();
    match marker(container).as_str() {
        own::BY_IMAGE => return Origin::Inherited,
        own::DIRECT if of_image != own::DIRECT => return Origin::Given,
        _ => {}
    }
    match image {
        None => Origin::Unknown,
        Some(labels) if carries(labels, wanted) => Origin::Inherited,
        Some(_) => Origin::Given,
    }
}

/// Returns `true` if all `wanted` labels are there, each with its value.
#[must_use]
pub fn carries(labels: &Labels, wanted: &[Label]) -> bool {
    wanted.iter().all(|label| labels.get(&label.key) == Some(&label.value))
}

#[cfg(test)]
mod tests;
