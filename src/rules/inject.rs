//! The operator's injections: a list of places, treatments and values. It is compiled once, at startup,
//! against the shapes of the Engine API and of BuildKit.
//!
//! ```text
//! [Inject { at, how, value }, …] ── Injections::from_iter ──► a tree for each JSON shape
//!                                                             pairs of a build's query
//!                                                             `changes` of a commit
//!                                                             options of BuildKit's frontends
//! ```

pub(super) mod build_options;
pub mod buildkit;
pub(super) mod dockerfile_changes;
mod forced;
pub(super) mod labels;
mod mounts;
mod options;
pub(super) mod query;
mod tree;

use super::Label;
use crate::engine::shapes::{
    CONTAINER, CONTAINER_UPDATE, EXEC, IMAGE_CONFIG, LABELLED, NETWORK, Place, SERVICE, VOLUME,
};
use crate::engine::{JsonShape, Payload};
use crate::rules::inject::build_options::BuildOptions;
use crate::rules::inject::labels::Labels;
pub use forced::Forced;
use mounts::OperatorMounts;
pub use options::name_of;
pub(super) use tree::Tree;

/// One injection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inject {
    /// The place.
    pub at: Place,
    /// The treatment of the client's value.
    pub how: How,
    /// The value.
    pub value: Value,
    /// The place at which the operator gave it: a flag, a variable, or a place in the configuration file.
    pub from: String,
}

/// The treatment of the client's value at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It is replaced.
    Force,
    /// It stays, unless it means nothing. In lists and maps with keys, this holds for each entry.
    Default,
    /// It stays if it is no larger.
    Cap,
    /// Entries are added to it. They replace those of the client with the same key.
    Append,
}

/// An injected value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// An entry of a map of strings, in which the client's other entries stay.
    Entry(Label),
    /// A string.
    Text(String),
    /// A boolean.
    Switch(bool),
    /// A number.
    Number(i64),
    /// Strings.
    List(Vec<String>),
    /// A map of strings.
    Map(Vec<Label>),
    /// Objects, as JSON, each with its key.
    Objects(Vec<(String, String)>),
}

impl Inject {
    /// Forces a label on everything but images.
    #[must_use]
    pub fn label(label: Label) -> Self {
        Self { at: Place::Labels, how: How::Force, value: Value::Entry(label), from: String::new() }
    }

    /// Forces a label on images.
    #[must_use]
    pub fn image_label(label: Label) -> Self {
        Self {
            at: Place::ImageLabels,
            how: How::Force,
            value: Value::Entry(label),
            from: String::new(),
        }
    }

    /// Forces the cgroup parent of containers.
    #[must_use]
    pub fn cgroup_parent(parent: impl Into<String>) -> Self {
        let value = Value::Text(parent.into());
        Self { at: Place::CgroupParent, how: How::Force, value, from: String::new() }
    }

    /// Forces the cgroup parent of the steps of builds.
    #[must_use]
    pub fn build_cgroup_parent(parent: impl Into<String>) -> Self {
        let value = Value::Text(parent.into());
        Self { at: Place::BuildCgroupParent, how: How::Force, value, from: String::new() }
    }
}

/// The compiled list of injections.
#[derive(Debug, Clone, Default)]
pub struct Injections {
    list: Vec<Inject>,
    /// The labels of everything but images.
    labels: Labels,
    /// The labels of images.
    image_labels: Labels,
    /// A tree for each JSON shape, in the order of [`SHAPES`].
    trees: [Tree; 8],
    /// The pairs for the query of a commit or an import.
    changes: String,
    /// The mounts that are added to containers.
    mounts: OperatorMounts,
    /// The options of builds.
    build_options: BuildOptions,
}

/// The JSON shapes with places for injections.
static SHAPES: [&JsonShape; 8] =
    [&CONTAINER, &VOLUME, &NETWORK, &EXEC, &CONTAINER_UPDATE, &IMAGE_CONFIG, &SERVICE, &LABELLED];

impl FromIterator<Inject> for Injections {
    fn from_iter<I: IntoIterator<Item = Inject>>(list: I) -> Self {
        let list: Vec<Inject> = list.into_iter().collect();
        let labels: Labels = entries(&list, Place::Labels).collect();
        let image_labels: Labels = entries(&list, Place::ImageLabels).collect();
        let changes = dockerfile_changes::pairs_of(image_labels.list());
        let trees = SHAPES.map(|shape| Tree::of(shape, &list));
        let mounts = OperatorMounts::of(&list);
        let build_options = BuildOptions::of(&list);
        Self { list, labels, image_labels, trees, changes, mounts, build_options }
    }
}

impl Injections {
    /// Forces `labels` on everything but images, `image_labels` on images, and the cgroup parents of
    /// containers and of the steps of builds.
    #[must_use]
    pub fn forced(
        labels: &[Label],
        image_labels: &[Label],
        cgroup_parent: Option<&str>,
        build_cgroup_parent: Option<&str>,
    ) -> Self {
        let labels = labels.iter().cloned().map(Inject::label);
        let image_labels = image_labels.iter().cloned().map(Inject::image_label);
        let parent = cgroup_parent.map(Inject::cgroup_parent);
        let build_parent = build_cgroup_parent.map(Inject::build_cgroup_parent);
        labels.chain(image_labels).chain(parent).chain(build_parent).collect()
    }

    /// Adds a bind to containers, for one of them.
    pub(super) fn add_bind(&mut self, bind: &str) {
        self.mounts.add_bind(bind);
    }

    /// Returns the injections, in the operator's order.
    #[must_use]
    pub fn rules(&self) -> &[Inject] {
        &self.list
    }

    /// Returns `true` if both have the same injections, at whatever place the operator gave them.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        let alike = |(one, two): (&Inject, &Inject)| {
            (one.at, one.how, &one.value) == (two.at, two.how, &two.value)
        };
        self.list.len() == other.list.len() && self.list.iter().zip(&other.list).all(alike)
    }

    /// Returns the labels of everything but images, in the operator's order.
    #[must_use]
    pub fn labels(&self) -> &[Label] {
        self.labels.list()
    }

    /// Returns the labels of images.
    #[must_use]
    pub fn image_labels(&self) -> &[Label] {
        self.image_labels.list()
    }

    /// Returns the cgroup parent of containers.
    #[must_use]
    pub fn cgroup_parent(&self) -> Option<&str> {
        self.text(Place::CgroupParent)
    }

    /// Returns the cgroup parent of the steps of builds.
    #[must_use]
    pub fn build_cgroup_parent(&self) -> Option<&str> {
        self.text(Place::BuildCgroupParent)
    }

    /// Returns the labels and the cgroup parent that a request with this payload may get.
    #[must_use]
    pub fn of(&self, payload: &Payload) -> (&[Label], Option<&str>) {
        match payload {
            Payload::Body(_) => (self.labels(), self.cgroup_parent()),
            // The calls on a connection of BuildKit make images.
            _ => (self.image_labels(), self.build_cgroup_parent()),
        }
    }

    /// Returns the labels of everything but images, rendered.
    pub(super) fn rendered_labels(&self) -> &Labels {
        &self.labels
    }

    /// Returns the labels of images, rendered.
    pub(super) fn rendered_image_labels(&self) -> &Labels {
        &self.image_labels
    }

    /// Returns the kinds of values that documents of this shape get.
    #[must_use]
    pub fn forced_by(&self, shape: &JsonShape) -> Forced {
        self.tree(shape).forced()
    }

    /// Returns `true` if documents of this shape may be edited: those that create always, the others if an
    /// option is injected into them.
    pub(super) fn edits(&self, shape: &JsonShape) -> bool {
        !shape.positions.is_empty() || !self.tree(shape).is_empty()
    }

    /// Returns the mounts that are added to containers.
    pub(super) fn mounts(&self) -> &OperatorMounts {
        &self.mounts
    }

    /// Returns the injections into documents of this shape.
    pub(super) fn tree(&self, shape: &JsonShape) -> &Tree {
        static NOTHING: Tree = Tree::nothing();
        let place = SHAPES.iter().position(|other| std::ptr::eq(*other, shape));
        place.and_then(|place| self.trees.get(place)).unwrap_or(&NOTHING)
    }

    /// Returns the pairs for the query of a commit or an import.
    pub(super) fn changes(&self) -> &str {
        &self.changes
    }

    /// Returns the options of builds.
    pub(super) fn build_options(&self) -> &BuildOptions {
        &self.build_options
    }

    fn text(&self, place: Place) -> Option<&str> {
        self.list.iter().find(|inject| inject.at == place).and_then(|inject| match &inject.value {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        })
    }
}

/// Returns the entries of `list` for `place`.
fn entries(list: &[Inject], place: Place) -> impl Iterator<Item = Label> {
    list.iter().filter(move |inject| inject.at == place).filter_map(|inject| match &inject.value {
        Value::Entry(label) => Some(label.clone()),
        _ => None,
    })
}
