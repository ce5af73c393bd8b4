//! Image configs in the metadata of BuildKit's results.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::engine::shapes::IMAGE_CONFIG;
use crate::json::{Edits, Error, Found, Listed};
use crate::rules::inject::buildkit::protobuf::{entry, put, put_entry};
use crate::rules::{Profile, Refusal};

/// The key of an image config; followed by `/PLATFORM` for one of several platforms.
const CONFIG: &[u8] = b"containerimage.config";

/// The key of the list of platforms.
const PLATFORMS: &[u8] = b"refs.platforms";

/// Returns `true` if `key` is that of an image config.
fn is_config(key: &[u8]) -> bool {
    key.strip_prefix(CONFIG).is_some_and(|rest| matches!(rest, [] | [b'/', ..]))
}

/// Returns `true` if an exporter's attribute of this name replaces the frontend's image config.
pub(in crate::rules::inject) fn replaces_config(attribute: &str) -> bool {
    is_config(attribute.as_bytes()) || attribute.as_bytes() == PLATFORMS
}

/// The metadata of a result, or the attributes of an exporter.
#[derive(Default)]
pub(super) struct Metadata<'m> {
    /// The keys of the labelled configs.
    configs: BTreeSet<&'m [u8]>,
    /// The document that lists the platforms.
    platforms: Option<&'m [u8]>,
}

impl<'m> Metadata<'m> {
    /// Appends the entry `bytes` of the map, field `number`, to `edited`, with labels if it is an image
    /// config. Looks for nothing if images get no labels.
    ///
    /// # Errors
    /// A malformed entry or config.
    pub(super) fn edit(
        &mut self,
        profile: &Profile,
        bytes: &'m [u8],
        number: u64,
        edited: &mut Vec<u8>,
    ) -> Result<(), Refusal> {
        let (key, value) = entry(bytes)?;
        if profile.inject.image_labels().is_empty() {
            put(edited, number, bytes);
            return Ok(());
        }
        if key == PLATFORMS {
            self.platforms = Some(value);
        }
        if !is_config(key) {
            put(edited, number, bytes);
            return Ok(());
        }
        put_entry(edited, number, key, config(profile, value)?.as_bytes());
        self.configs.insert(key);
        Ok(())
    }

    /// Returns `true` if it has an image config that is not for one of several platforms.
    pub(super) fn has_config(&self) -> bool {
        self.configs.contains(CONFIG)
    }

    /// Returns `true` if it has an image config of either kind.
    pub(super) fn has_any_config(&self) -> bool {
        !self.configs.is_empty()
    }

    /// Returns `true` if it lists platforms.
    pub(super) fn lists_platforms(&self) -> bool {
        self.platforms.is_some()
    }

    /// Returns `true` if it has a config for each of its platforms. Returns `false` if the list is
    /// malformed.
    pub(super) fn has_configs_of_platforms(&self) -> bool {
        let has =
            |id: Cow<'_, str>| self.configs.contains(&*[CONFIG, b"/", id.as_bytes()].concat());
        let platforms = self.platforms.and_then(platforms);
        platforms.is_some_and(|ids| ids.into_iter().all(has))
    }
}

/// Returns the IDs in a list of platforms, unless it is empty.
fn platforms(document: &[u8]) -> Option<Vec<Cow<'_, str>>> {
    let Found::Object(top) = Found::read("", str::from_utf8(document).ok()?).ok()? else {
        return None;
    };
    let Listed::Array(list) = top.array("Platforms").ok()? else {
        return None;
    };
    let ids: Option<Vec<_>> =
        list.objects().map(|platform| platform.ok()?.string("ID").ok()?).collect();
    ids.filter(|ids| !ids.is_empty())
}

/// Returns an image config (OCI image-spec) with the labels.
fn config(profile: &Profile, document: &[u8]) -> Result<String, Refusal> {
    let not_json = |error: std::str::Utf8Error| Refusal::from(Error::NotJson(error.to_string()));
    let document = str::from_utf8(document).map_err(not_json)?;
    let mut edits = Edits::of(document);
    let Found::Object(top) = Found::read("", document)? else {
        return Err(Refusal::from(Error::NotAnObject(String::new())));
    };
    profile.inject.tree(&IMAGE_CONFIG).apply(&mut edits, &top, None)?;
    Ok(edits.write())
}

#[cfg(test)]
mod tests;
