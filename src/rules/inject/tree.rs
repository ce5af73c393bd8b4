//! The injections into one JSON shape.

use super::{Forced, Inject, Place, Value, entries};
use crate::engine::JsonShape;
use crate::engine::shapes::{Missing, Position};
use crate::json::{Edits, Found, Object, quoted};
use crate::rules::Refusal;
use crate::rules::inject::labels::{self, Labels};

/// The members that are injected into one object, by name.
#[derive(Debug, Clone, Default)]
pub(in crate::rules) struct Tree {
    members: Vec<(&'static str, Node)>,
    /// The kinds of its values.
    forced: Forced,
}

/// The injection into one member.
#[derive(Debug, Clone)]
enum Node {
    /// JSON that replaces the value.
    Set(String),
    /// Labels for the map of labels.
    Labels(Labels),
    /// Members for the object.
    Object(Tree, Missing),
}

impl Tree {
    /// Makes a tree that injects nothing.
    pub(in crate::rules) const fn nothing() -> Self {
        Self { members: Vec::new(), forced: Forced::NOTHING }
    }

    /// Compiles the parts of `list` for which `shape` has a position.
    pub(super) fn of(shape: &JsonShape, list: &[Inject]) -> Self {
        let mut tree = Self::default();
        for position in shape.positions {
            if let Some((node, forced)) = node(position.place, list) {
                tree.insert(position, position.path, node);
                tree.forced |= forced;
            }
        }
        tree
    }

    fn insert(&mut self, position: &Position, path: &[&'static str], node: Node) {
        let Some((name, path)) = path.split_first() else { return };
        if path.is_empty() {
            return self.members.push((name, node));
        }
        let there = self.members.iter_mut().find_map(|(other, node)| match node {
            Node::Object(inner, _) if other == name => Some(inner),
            _ => None,
        });
        if let Some(inner) = there {
            return inner.insert(position, path, node);
        }
        let mut inner = Self::default();
        inner.insert(position, path, node);
        self.members.push((name, Node::Object(inner, position.missing)));
    }

    /// Returns the tree of the member `name`, if something is injected below it.
    pub(in crate::rules) fn below(&self, name: &str) -> Option<&Self> {
        self.members.iter().find_map(|(other, node)| match node {
            Node::Object(inner, _) if *other == name => Some(inner),
            _ => None,
        })
    }

    /// Returns the kinds of its values.
    pub(in crate::rules) fn forced(&self) -> Forced {
        self.forced
    }

    /// Injects the members into `object`, except below the member `except`.
    ///
    /// # Errors
    /// A member occurs twice or has another type.
    pub(in crate::rules) fn apply<'d>(
        &self,
        edits: &mut Edits<'d>,
        object: &mut Object<'d>,
        except: Option<&str>,
    ) -> Result<(), Refusal> {
        for (name, node) in self.members.iter().filter(|(name, _)| Some(*name) != except) {
            match node {
                Node::Set(json) => edits.set(object, name, json)?,
                Node::Labels(labels) => labels::force(edits, object, labels)?,
                Node::Object(inner, missing) => match (object.object(name)?, missing) {
                    (Found::Object(mut there), _) => {
                        edits.spell(object, name)?;
                        inner.apply(edits, &mut there, None)?;
                    }
                    (Found::Absent | Found::Null(_), Missing::Left) => {}
                    (Found::Absent | Found::Null(_), Missing::Made) => {
                        edits.set(object, name, &inner.json())?;
                    }
                },
            }
        }
        Ok(())
    }

    /// Returns the members as they are written in a new object.
    pub(in crate::rules) fn rendered(&self) -> impl Iterator<Item = String> {
        self.members.iter().map(|(name, node)| match node {
            Node::Set(json) => format!("\"{name}\":{json}"),
            Node::Labels(labels) => format!("\"{name}\":{}", labels.json()),
            Node::Object(inner, _) => format!("\"{name}\":{}", inner.json()),
        })
    }

    /// Returns a new object with the members.
    fn json(&self) -> String {
        format!("{{{}}}", self.rendered().collect::<Vec<_>>().join(","))
    }
}

/// Returns the injection of `list` at `place`, if any, and the kind of its value.
fn node(place: Place, list: &[Inject]) -> Option<(Node, Forced)> {
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
