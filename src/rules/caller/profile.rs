//! Profiles whose rules depend on the caller.

use std::sync::Arc;

use super::{Caller, Of, Template, Wanted, Word};
use crate::engine::fields::BINDS;
use crate::engine::shapes::{CONTAINER, Place, Storage};
use crate::engine::{HTTP2, Operation, Payload, QueryShape};
use crate::rules::inject::{Inject, Injections, Value};
use crate::rules::paths::{PathMap, PathRules};
use crate::rules::{Label, Profile, Refusal};

/// The rules of a profile that depend on the caller, not filled in yet.
#[derive(Debug, Clone)]
pub struct OfCaller {
    /// All injections, with their placeholders.
    inject: Vec<Inject>,
    paths: PathRules,
    listener: String,
    /// The injections that have placeholders of the caller.
    dynamic: Injections,
    /// `true` if paths are translated by facts about the caller.
    maps: bool,
    /// `true` if the policy needs the mounts of the caller.
    binds: bool,
    /// `true` if authorization plugins get the caller's user.
    authz: bool,
    wanted: Wanted,
}

impl Profile {
    /// Returns itself with these injections and paths, whose strings are [templates](Template).
    #[must_use]
    pub fn with(mut self, inject: Vec<Inject>, paths: PathRules, listener: &str) -> Self {
        let of_paths = paths.fixed.iter().map(|path| Template::of(&path.host).wants());
        let mut wanted = of_paths.fold(paths.of_caller.then_some(Wanted::CONTAINER), either);
        let maps = wanted.is_some();
        let of_policy = self.policy.as_ref().and_then(|policy| policy.wanted());
        let binds = of_policy.is_some();
        let authz = self.authz.is_some();
        wanted = either(wanted, of_policy);
        wanted = either(wanted, authz.then_some(Wanted::USER));
        let (mut shown, mut dynamic) = (Vec::new(), Vec::new());
        for rule in &inject {
            let mut own = None;
            let filled = rule.with_texts(|text, _| {
                let template = Template::of(text);
                own = either(own, template.wants());
                template.shown(listener)
            });
            if own.is_some() {
                wanted = either(wanted, own);
                dynamic.push(filled.clone());
            }
            shown.push(filled);
        }
        self.inject = shown.into_iter().collect();
        if !maps {
            let caller = Caller::default();
            // No path depends on the caller, so nothing can be missing. Requests that get no value of the caller
            // are judged by this map.
            let map = paths.map(&Of { caller: &caller, listener });
            self.paths = map.unwrap_or_else(|_| PathMap::closed());
        }
        self.of_caller = wanted.map(|wanted| {
            let (dynamic, listener) = (dynamic.into_iter().collect(), listener.to_owned());
            Box::new(OfCaller { inject, paths, listener, dynamic, maps, binds, authz, wanted })
        });
        self
    }

    /// Returns the profile with the placeholders as they are written, for a description.
    #[must_use]
    pub fn unfilled(&self) -> Self {
        Self { of_caller: None, ..self.clone() }
    }

    /// Returns the profile for a caller.
    ///
    /// # Errors
    /// A placeholder has no value for this caller.
    pub fn for_caller(&self, caller: &Caller) -> Result<Self, Refusal> {
        let Some(of_caller) = &self.of_caller else { return Ok(self.clone()) };
        let of = Of { caller, listener: &of_caller.listener };
        let filled = of_caller.inject.iter().map(|rule| rule.filled(&of));
        let filled: Vec<Inject> = filled.collect::<Result<_, _>>()?;
        Ok(Self {
            inject: filled.into_iter().collect(),
            paths: of_caller.paths.map(&of)?,
            policy: self.policy.as_ref().map(|policy| {
                if of_caller.binds {
                    Arc::new(policy.for_caller(caller))
                } else {
                    Arc::clone(policy)
                }
            }),
            authz: self.authz.as_ref().map(|authz| Arc::new(authz.for_caller(caller))),
            of_caller: None,
            ..self.clone()
        })
    }
}

fn either(one: Option<Wanted>, other: Option<Wanted>) -> Option<Wanted> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one | other),
        (one, other) => one.or(other),
    }
}

impl OfCaller {
    /// Returns the facts about the caller that the rules need.
    #[must_use]
    pub fn wanted(&self) -> Wanted {
        self.wanted
    }

    /// Returns `true` if the rules of two profiles are the same.
    pub(in crate::rules) fn is_like(&self, other: &Self) -> bool {
        (&self.inject, &self.paths, &self.listener)
            == (&other.inject, &other.paths, &other.listener)
    }

    /// Returns `true` if a request for `operation` may get a value that depends on the caller.
    #[must_use]
    pub fn concerns(&self, operation: &Operation, no_buildkit: bool) -> bool {
        let dynamic = &self.dynamic;
        match operation.payload {
            _ if self.authz => true,
            Payload::Body(shape) => {
                let mounts = (self.maps || self.binds) && shape.storage != Storage::Nothing;
                let binds = *shape == CONTAINER && !dynamic.mounts().binds.is_empty();
                mounts || binds || !dynamic.tree(shape).is_empty()
            }
            Payload::Query(QueryShape::Build) => self.concerns_builds(),
            Payload::Query(QueryShape::Commit | QueryShape::Import) => {
                !dynamic.image_labels().is_empty()
            }
            _ if operation.path == "/grpc" || *operation == HTTP2 => {
                !no_buildkit && self.concerns_builds()
            }
            _ => false,
        }
    }

    fn concerns_builds(&self) -> bool {
        !self.dynamic.image_labels().is_empty()
            || self.dynamic.build_cgroup_parent().is_some()
            || !self.dynamic.build_options().is_empty()
    }
}

impl Inject {
    /// Returns itself with the values of a caller.
    fn filled(&self, of: &Of<'_>) -> Result<Self, Refusal> {
        let mut refusal = None;
        let filled = self.with_texts(|text, word| {
            let filled = Template::of(text).fill(of, word, &self.from);
            filled.map_err(|why| refusal = Some(why)).unwrap_or_default()
        });
        refusal.map_or(Ok(filled), Err)
    }

    /// Returns itself with each string replaced by what `text` returns for it. Keys of maps stay.
    fn with_texts(&self, mut text: impl FnMut(&str, Word) -> String) -> Self {
        let word = match self.at {
            Place::CgroupParent | Place::BuildCgroupParent => Word::Path,
            Place::Field(field) if field.path == BINDS => Word::Path,
            Place::Field(_) | Place::Labels | Place::ImageLabels => Word::Any,
        };
        let mut entry =
            |Label { key, value }: &Label| Label { key: key.clone(), value: text(value, word) };
        let value = match &self.value {
            Value::Entry(label) => Value::Entry(entry(label)),
            Value::Map(map) => Value::Map(map.iter().map(entry).collect()),
            Value::Text(value) => Value::Text(text(value, word)),
            Value::List(list) => Value::List(list.iter().map(|value| text(value, word)).collect()),
            fixed @ (Value::Switch(_) | Value::Number(_) | Value::Objects(_)) => fixed.clone(),
        };
        Self { value, ..self.clone() }
    }
}

#[cfg(test)]
mod tests;
