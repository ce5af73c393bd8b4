//! The injections into one JSON shape.

use super::options::{self, Newest, Treatment};
use super::{Forced, Inject, Place, Value, entries};
use crate::engine::JsonShape;
use crate::engine::shapes::{Missing, NOT_ADDED, Options};
use crate::json::{Edits, Found, Object, quoted};
use crate::rules::Refusal;
use crate::rules::inject::labels::{self, Labels};

/// The members that are injected into one object, by name.
#[derive(Debug, Clone, Default)]
pub(in crate::rules) struct Tree {
    members: Vec<(&'static str, Node)>,
    /// The kinds of its values.
    forced: Forced,
    newest: Newest,
}

/// The injection into one member.
#[derive(Debug, Clone)]
enum Node {
    /// JSON that replaces the value.
    Set(String),
    /// Labels for the map of labels.
    Labels(Labels),
    /// An edit that depends on the client's value.
    Option(Treatment),
    /// Members for the object.
    Object(Tree, Missing),
}

impl Tree {
    /// Makes a tree that injects nothing.
    pub(in crate::rules) const fn nothing() -> Self {
        Self { members: Vec::new(), forced: Forced::NOTHING, newest: Newest::NOTHING }
    }

    /// Compiles the parts of `list` for which `shape` has a position.
    pub(super) fn of(shape: &JsonShape, list: &[Inject]) -> Self {
        let mut tree = Self::default();
        for position in shape.positions {
            if let Some((node, forced)) = of_place(position.place, list) {
                tree.insert(position.path, node, |_| position.missing);
                tree.forced |= forced;
            }
        }
        if let Options::Of(section) = shape.options {
            tree.newest = Newest::of(section, list);
        }
        let missing = |name: &str| match shape.options {
            Options::Of(_) if !NOT_ADDED.contains(&name) => Missing::Made,
            _ => Missing::Left,
        };
        for (path, option) in options::compiled(shape.options, list) {
            let path: Vec<_> = path.split('.').collect();
            tree.insert(&path, Node::Option(option), missing);
            tree.forced |= Forced::FIELDS;
        }
        tree
    }

    /// Inserts `node` at `path`, unless something is there. `missing` returns the treatment of a missing
    /// object.
    fn insert(
        &mut self,
        path: &[&'static str],
        node: Node,
        missing: impl Fn(&str) -> Missing + Copy,
    ) {
        let Some((name, path)) = path.split_first() else { return };
        let there = self.members.iter_mut().find(|(other, _)| other == name);
        match (there, path) {
            (None, []) => self.members.push((name, node)),
            (None, path) => {
                let mut inner = Self::default();
                inner.insert(path, node, missing);
                self.members.push((name, Node::Object(inner, missing(name))));
            }
            (Some((_, Node::Object(inner, _))), path) => inner.insert(path, node, missing),
            (Some(_), _) => {}
        }
    }

    /// Returns the tree of the member `name`, if something is injected below it.
    pub(in crate::rules) fn below(&self, name: &str) -> Option<&Self> {
        self.members.iter().find_map(|(other, node)| match node {
            Node::Object(inner, _) if *other == name => Some(inner),
            _ => None,
        })
    }

    /// Returns `true` if nothing is injected.
    pub(in crate::rules) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Refuses a request in whose API version the daemon ignores an option.
    pub(in crate::rules) fn check_version(&self, target: &str) -> Result<(), Refusal> {
        self.newest.check(target)
    }

    /// Returns `true` if something is injected into the member `name`.
    pub(in crate::rules) fn has(&self, name: &str) -> bool {
        self.members.iter().any(|(other, _)| *other == name)
    }

    /// Returns `true` if the option `name` is replaced.
    pub(in crate::rules) fn sets(&self, name: &str) -> bool {
        self.members.iter().any(|(other, node)| match node {
            Node::Option(option) => *other == name && option.forces(),
            Node::Set(_) | Node::Labels(_) | Node::Object(..) => false,
        })
    }

    /// Returns the kinds of its values.
    pub(in crate::rules) fn forced(&self) -> Forced {
        self.forced
    }

    /// Returns `true` if an option is injected where the object is missing.
    pub(in crate::rules) fn adds_options(&self) -> bool {
        self.members.iter().any(|(_, node)| match node {
            Node::Option(option) => option.json().is_some(),
            Node::Object(inner, Missing::Made) => inner.adds_options(),
            Node::Set(_) | Node::Labels(_) | Node::Object(_, Missing::Left) => false,
        })
    }

    /// Injects the members into `object`, except below the member `except`. Returns `true` if an option
    /// changes.
    ///
    /// # Errors
    /// A member occurs twice or has another type.
    pub(in crate::rules) fn apply<'d>(
        &'d self,
        edits: &mut Edits<'d>,
        object: &Object<'d>,
        except: Option<&str>,
    ) -> Result<bool, Refusal> {
        let mut changes = false;
        for (name, node) in self.members.iter().filter(|(name, _)| Some(*name) != except) {
            match node {
                Node::Set(json) => edits.set(object, name, json)?,
                Node::Labels(labels) => labels::force(edits, object, labels)?,
                Node::Option(option) => {
                    let before = edits.count();
                    option.apply(edits, object, name)?;
                    changes |= edits.count() > before;
                }
                Node::Object(inner, missing) => {
                    let member = object.member(name)?;
                    match (object.object_in(member)?, member) {
                        (Found::Object(there), Some(member)) => {
                            edits.spell_in(object, member, name);
                            changes |= inner.apply(edits, &there, None)?;
                        }
                        _ if *missing == Missing::Left => {}
                        _ => {
                            if let Some(json) = inner.json() {
                                edits.set_in(object, member, name, json);
                                changes |= inner.adds_options();
                            }
                        }
                    }
                }
            }
        }
        Ok(changes)
    }

    /// Returns the members as they are written in a new object.
    pub(in crate::rules) fn rendered(&self) -> impl Iterator<Item = String> {
        self.members.iter().filter_map(|(name, node)| {
            let json = match node {
                Node::Set(json) => Some(json.clone()),
                Node::Labels(labels) => Some(labels.json().to_owned()),
                Node::Option(option) => option.json(),
                Node::Object(_, Missing::Left) => None,
                Node::Object(inner, Missing::Made) => inner.json(),
            };
            json.map(|json| format!("\"{name}\":{json}"))
        })
    }

    /// Returns a new object with the members, if there are any.
    fn json(&self) -> Option<String> {
        let members: Vec<_> = self.rendered().collect();
        (!members.is_empty()).then(|| format!("{{{}}}", members.join(",")))
    }
}

/// Returns the injection of `list` at `place`, if any, and the kind of its value.
fn of_place(place: Place, list: &[Inject]) -> Option<(Node, Forced)> {
    match place {
        Place::Labels | Place::ImageLabels => {
            let labels: Labels = entries(list, place).collect();
            (!labels.list().is_empty()).then_some((Node::Labels(labels), Forced::LABELS))
        }
        Place::CgroupParent | Place::BuildCgroupParent => {
            let inject = list.iter().find(|inject| inject.at == place)?;
            match &inject.value {
                Value::Text(text) => Some((Node::Set(quoted(text)), Forced::CGROUP_PARENT)),
                _ => None,
            }
        }
        Place::Field(_) => None,
    }
}

#[cfg(test)]
mod tests;
