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

/// Returns the origin of the `wanted` labels of a container that carries them. `image` has the labels of its image;
/// `None` if the image is gone.
///
/// The [marker](own::GIVEN) names the labels that the proxy gave. It counts unless the image has the same, from
/// which it would be inherited, too.
#[must_use]
pub fn origin(wanted: &[Label], container: &Labels, image: Option<&Labels>) -> Origin {
    let marker = container.get(own::GIVEN);
    let of_image = image.and_then(|labels| labels.get(own::GIVEN));
    let named = marker.filter(|marker| Some(*marker) != of_image);
    let is_named =
        |label: &Label| named.is_some_and(|keys| keys.split(' ').any(|key| key == label.key));
    let has_same =
        |label: &Label| image.is_some_and(|labels| carries(labels, std::slice::from_ref(label)));
    match image {
        _ if wanted.iter().all(is_named) => Origin::Given,
        _ if marker.is_some_and(|marker| marker == own::BY_IMAGE) => Origin::Inherited,
        None => Origin::Unknown,
        Some(_) if named.is_some() && wanted.iter().any(|it| !is_named(it) && has_same(it)) => {
            Origin::Inherited
        }
        Some(_) if wanted.iter().all(has_same) => Origin::Inherited,
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
