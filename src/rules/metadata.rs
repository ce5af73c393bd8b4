//! Metadata of BuildKit's results, among which are the configs of images, with the labels in them.

use std::collections::BTreeSet;

use super::edits::Edits;
use super::json::{Found, label_map};
use super::protobuf::{entry, put, put_entry};
use super::{Injection, Refusal};

/// The key of an image's config. With `/PLATFORM` behind it that of one of several platforms.
const CONFIG: &[u8] = b"containerimage.config";

/// A map of metadata of a result, or of attributes of an exporter.
#[derive(Default)]
pub(super) struct Metadata<'m> {
    /// The keys of the configs, which are labelled.
    configs: BTreeSet<&'m [u8]>,
}

impl<'m> Metadata<'m> {
    /// Puts the entry `bytes` of the map, field `number`, behind `edited`: with labels if it is the
    /// config of an image.
    ///
    /// # Errors
    /// It is no entry, or no config.
    pub(super) fn edit(
        &mut self,
        injection: &Injection,
        bytes: &'m [u8],
        number: u64,
        edited: &mut Vec<u8>,
    ) -> Result<(), Refusal> {
        let (key, value) = entry(bytes)?;
        if key.strip_prefix(CONFIG).is_none_or(|rest| !matches!(rest, [] | [b'/', ..])) {
            put(edited, number, bytes);
            return Ok(());
        }
        put_entry(edited, number, key, config(injection, value)?.as_bytes());
        self.configs.insert(key);
        Ok(())
    }

    /// Whether it has the config of an image that is not one of several platforms.
    pub(super) fn has_config(&self) -> bool {
        self.configs.contains(CONFIG)
    }
}

/// The config of an image (OCI image-spec) with the labels.
fn config(injection: &Injection, document: &[u8]) -> Result<String, Refusal> {
    let not_json = |error: std::str::Utf8Error| Refusal::NotJson(error.to_string());
    let document = str::from_utf8(document).map_err(not_json)?;
    let mut edits = Edits::of(document);
    let Found::Object(mut top) = Found::read("", document)? else {
        return Err(Refusal::NotAnObject(String::new()));
    };
    match top.object("config")? {
        Found::Object(mut config) => {
            edits.spell(&top, "config")?;
            edits.label_member(&mut config, &injection.labels)?;
        }
        Found::Absent | Found::Null(_) => {
            let labels = format!("{{\"Labels\":{}}}", label_map(&injection.labels));
            edits.set(&mut top, "config", &labels)?;
        }
    }
    Ok(edits.write())
}
