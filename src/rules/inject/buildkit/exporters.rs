//! The exporters of a build, and the images that they make.

use std::collections::BTreeSet;

use super::control;
use super::image_config::Metadata;
use super::protobuf::{fields, odd_message};
use super::store::{Reads, Store};
use crate::rules::socket::Note;
use crate::rules::{Profile, Refusal};

/// The exporters that make images.
const IMAGE_EXPORTERS: [&[u8]; 4] = [b"moby", b"image", b"docker", b"oci"];

pub(super) const UNLABELLED: Note = Note::Way(
    "a BuildKit build makes an image without a frontend and without a config that its exporter reads; it \
     has no labels",
);

pub(super) const UNSURE: Note = Note::Way(
    "a BuildKit build makes an image with a config that its exporter may not read; it may have no labels",
);

/// An exporter, which makes an image or files from the result of a build.
#[derive(Default)]
pub(super) struct Exporter<'m> {
    pub(super) kind: &'m [u8],
    pub(super) attributes: Metadata<'m>,
}

impl<'m> Exporter<'m> {
    /// Reads the exporter `message`, and appends it to `edited` with its attributes edited.
    pub(super) fn edit(
        profile: &Profile,
        message: &'m [u8],
        edited: &mut Vec<u8>,
    ) -> Result<Self, Refusal> {
        let mut exporter = Self::default();
        for field in fields(message)? {
            if field.number == control::ATTRS {
                exporter.attributes.edit(profile, field.bytes()?, control::ATTRS, edited)?;
                continue;
            }
            if field.number == control::TYPE {
                exporter.kind = field.bytes()?;
            }
            edited.extend_from_slice(field.text);
        }
        Ok(exporter)
    }
}

/// The images that exporters make from a result without an image config.
#[derive(Default)]
pub(super) struct Images {
    pub(super) store: Store,
    /// The kinds of use among their exporters.
    pub(super) reads: BTreeSet<Reads>,
    /// `true` if the labels of one of them depend on the store.
    pub(super) by_store: bool,
}

impl Images {
    /// Adds the image of `exporter`, if it makes one.
    ///
    /// # Errors
    /// The attributes list platforms. They would replace those of the result, to which its labelled
    /// configs belong.
    pub(super) fn count(&mut self, exporter: &Exporter<'_>) -> Result<(), Refusal> {
        if exporter.attributes.lists_platforms() {
            return Err(odd_message("an exporter lists platforms, as only a result does"));
        }
        if IMAGE_EXPORTERS.contains(&exporter.kind) {
            self.reads.insert(Reads::of(exporter.kind, &exporter.attributes, self.store));
            self.by_store |= exporter.kind == b"moby" && exporter.attributes.has_any_config();
        }
        Ok(())
    }

    /// Returns the note about the image with the fewest labels.
    pub(super) fn note(&self) -> Option<Note> {
        match self.reads.first()? {
            Reads::Never => Some(UNLABELLED),
            Reads::Maybe => Some(UNSURE),
            Reads::Always => None,
        }
    }
}
