//! The policy of a listener: a list of rules about operations and their options.
//!
//! ```text
//! operation, values of its options ── Policy::decide ──► allowed, with warnings │ refused by a rule
//! ```
//!
//! A rule without an option decides about whole requests. A rule with an option decides about the values that
//! it matches. The first rule that matches decides: about each value, and about the request with all values on
//! which no earlier rule has decided. A request is refused if one decision about it is a refusal.
//!
//! The policy judges the request that the daemon would get. Values of the operator's own pass.

mod binds;
pub mod buildkit;
mod document;
mod test;

use std::borrow::Cow;
use std::sync::Arc;

pub use binds::{BindSource, CALLER_MOUNTS};
pub use test::Test;

use self::document::Document;
use super::caller::{Caller, Wanted};
use super::facts::{Facts, HostQuestion, Need};
use super::refusal::shown;
use super::socket::Note;
use super::{Asked, Judgement, Profile, Reason, Refusal, encoded_body};
use crate::engine::options::Form;
use crate::json;

/// The policy of a listener.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// The rules, the first one first.
    pub rules: Vec<Arc<Rule>>,
    /// The decision about requests on which no rule decides.
    pub default: Act,
    /// `true` if refusals are only reported.
    pub trial: bool,
    /// The person or address that users are to ask; may be empty.
    pub contact: String,
    /// The name of the preset among the rules; empty without one.
    pub preset: String,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The name in messages, the log and metrics: the operator's, or else the place.
    pub name: String,
    /// The place of the rule: a file with line and column, or a preset with a line.
    pub from: String,
    /// The decision.
    pub act: Act,
    /// The names of the operations; empty for all.
    pub operations: Vec<&'static str>,
    /// The part of the request about which it decides.
    pub subject: Subject,
    /// The reason, for the message to the client; may be empty.
    pub reason: String,
}

/// A decision.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Act {
    /// The request passes.
    #[default]
    Allow,
    /// The request passes, and the log and the metrics report that it would be refused.
    Warn,
    /// The request is refused.
    Refuse,
}

/// The part of a request about which a rule decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The request as a whole.
    Request,
    /// The values of this option that pass a test.
    Option {
        /// A path of [`engine::options`](crate::engine::options).
        path: &'static str,
        /// The form of its values.
        form: Form,
        /// The test.
        test: Test,
    },
    /// The sources of bind mounts outside of these.
    Binds(Vec<BindSource>),
}

/// A rule that would have refused a request, which passes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warned {
    /// The rule.
    pub rule: Arc<Rule>,
    /// The sentence about the request.
    pub text: String,
}

/// A value of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value<'v> {
    /// Its identity within the request.
    pub at: usize,
    /// The text of a string, number or key; the JSON of anything else.
    pub text: Cow<'v, str>,
    /// Its meaning.
    pub kind: ValueKind,
}

/// The meaning of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// It is set to something.
    Set,
    /// The same as a missing one: `false`, 0, an empty string.
    Unset,
    /// A list without elements.
    EmptyList,
}

/// The reason why values are not known.
#[derive(Debug)]
pub enum Lack {
    /// The body is missing.
    Body,
    /// The request cannot be understood.
    Unclear(Refusal),
}

impl From<Refusal> for Lack {
    fn from(refusal: Refusal) -> Self {
        Self::Unclear(refusal)
    }
}

impl From<json::Error> for Lack {
    fn from(error: json::Error) -> Self {
        Self::Unclear(error.into())
    }
}

/// The values of a request, by option.
pub trait Values {
    /// Returns the values of an option of this operation, each once.
    ///
    /// # Errors
    /// The part of the request that has them is missing, or cannot be understood.
    fn of(&self, operation: &str, path: &'static str) -> Result<Vec<Value<'_>>, Lack>;

    /// Returns the bind mounts that are not below one of these sources, each described. Adds the paths that must
    /// be looked up to `unseen`.
    ///
    /// # Errors
    /// The same as [`of`](Self::of).
    fn binds_outside(
        &self,
        operation: &str,
        sources: &[BindSource],
        unseen: &mut Vec<String>,
    ) -> Result<Vec<Value<'_>>, Lack>;
}

/// The decision about a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Decided {
    /// The rules that would have refused it.
    pub warned: Vec<Warned>,
    /// Host paths on which the decision depends.
    pub unseen: Vec<String>,
}

/// Maximum number of bytes of a sentence to which another value is added.
const TEXT_MAX: usize = 4096;

impl Decided {
    /// Adds a value that a rule would have refused. A request has one warning for each rule.
    fn warn(&mut self, rule: &Arc<Rule>, text: String) {
        match self.warned.iter_mut().find(|warned| warned.rule == *rule) {
            Some(warned) if warned.text.len() < TEXT_MAX => {
                warned.text.extend([", ", &text]);
            }
            Some(_) => {}
            None => self.warned.push(Warned { rule: Arc::clone(rule), text }),
        }
    }
}

impl Rule {
    /// Returns `true` if it is about this operation.
    #[must_use]
    pub fn covers(&self, operation: &str) -> bool {
        self.operations.is_empty() || self.operations.contains(&operation)
    }

    /// Returns the name and the place, for the operator.
    #[must_use]
    pub fn shown(&self) -> String {
        if self.name == self.from {
            format!("rule {}", self.from)
        } else {
            format!("rule {}, {}", self.name, self.from)
        }
    }
}

impl Policy {
    /// Decides about a request for `operation`.
    ///
    /// # Errors
    /// A rule refuses it, or its values are not known.
    pub fn decide(&self, operation: &str, values: &dyn Values) -> Result<Decided, Lack> {
        let mut decided = Decided::default();
        let mut settled: Vec<usize> = Vec::new();
        for rule in self.rules.iter().filter(|rule| rule.covers(operation)) {
            let found = match &rule.subject {
                Subject::Request => {
                    self.act(rule, rule.act, operation, None, &mut decided)?;
                    return Ok(decided);
                }
                Subject::Option { path, form, test } => {
                    test.matching(*form, path, values.of(operation, path)?)
                }
                Subject::Binds(sources) => {
                    values.binds_outside(operation, sources, &mut decided.unseen)?
                }
            };
            for value in found {
                if !settled.contains(&value.at) {
                    settled.push(value.at);
                    self.act(rule, rule.act, operation, Some(&value), &mut decided)?;
                }
            }
        }
        if self.default != Act::Allow {
            let rule = Arc::new(self.default_rule());
            self.act(&rule, self.default, operation, None, &mut decided)?;
        }
        Ok(decided)
    }

    /// Returns the rules that may refuse or warn, the default among them.
    pub fn refusing(&self) -> impl Iterator<Item = Arc<Rule>> {
        let default = Arc::new(self.default_rule());
        self.rules.iter().cloned().chain([default]).filter(|rule| rule.act != Act::Allow)
    }

    /// Returns the default as a rule.
    fn default_rule(&self) -> Rule {
        Rule {
            name: "default".to_owned(),
            from: "default".to_owned(),
            act: self.default,
            operations: Vec::new(),
            subject: Subject::Request,
            reason: String::new(),
        }
    }

    /// Carries out a decision about a request, or about one of its values.
    fn act(
        &self,
        rule: &Arc<Rule>,
        act: Act,
        operation: &str,
        value: Option<&Value<'_>>,
        decided: &mut Decided,
    ) -> Result<(), Lack> {
        match act {
            Act::Allow => Ok(()),
            Act::Refuse if !self.trial => Err(Lack::Unclear(self.refusal(rule, operation, value))),
            Act::Warn | Act::Refuse => {
                decided.warn(rule, seen(rule, operation, value));
                Ok(())
            }
        }
    }

    fn refusal(&self, rule: &Arc<Rule>, operation: &str, value: Option<&Value<'_>>) -> Refusal {
        let what = seen(rule, operation, value);
        let reason = if rule.reason.is_empty() { "" } else { ": " };
        let text = format!("the policy does not allow {what}{reason}{}", rule.reason);
        let (rule, contact) = (Some(Arc::clone(rule)), self.contact.clone());
        Refusal { rule, contact, ..Refusal::new(Reason::Policy, text) }
    }

    /// Returns the facts about the caller that it needs, if any.
    pub(super) fn wanted(&self) -> Option<Wanted> {
        let of_caller = self.rules.iter().any(|rule| match &rule.subject {
            Subject::Binds(sources) => sources.contains(&BindSource::CallerMounts),
            Subject::Request | Subject::Option { .. } => false,
        });
        of_caller.then_some(Wanted::CONTAINER)
    }

    /// Returns the policy for a caller.
    pub(super) fn for_caller(&self, caller: &Caller) -> Self {
        let rules = self.rules.iter().map(|rule| match &rule.subject {
            Subject::Binds(sources) if sources.contains(&BindSource::CallerMounts) => {
                let subject = Subject::Binds(binds::filled(sources, caller));
                Arc::new(Rule { subject, ..(**rule).clone() })
            }
            _ => Arc::clone(rule),
        });
        Self { rules: rules.collect(), ..self.clone() }
    }
}

/// Describes a request or a value, as a rule sees it.
fn seen(rule: &Rule, operation: &str, value: Option<&Value<'_>>) -> String {
    match (&rule.subject, value) {
        (Subject::Option { path, .. }, Some(value)) if value.kind == ValueKind::Set => {
            format!("{path} \"{}\" in {operation}", shown(&value.text))
        }
        (Subject::Option { path, .. }, Some(value)) if value.kind == ValueKind::EmptyList => {
            format!("an empty {path} in {operation}")
        }
        (Subject::Option { path, .. }, _) => format!("{operation} without {path}"),
        (Subject::Binds(_), Some(value)) => {
            format!("the bind mount of \"{}\" in {operation}", shown(&value.text))
        }
        (Subject::Binds(_) | Subject::Request, _) => operation.to_owned(),
    }
}

/// Applies the policy of `profile` to the judgement about a request.
///
/// # Errors
/// The policy refuses the request.
pub(super) fn applied(
    profile: &Profile,
    asked: &Asked<'_>,
    facts: &Facts,
    judgement: Judgement,
) -> Result<Judgement, Refusal> {
    let Some(policy) = &profile.policy else { return Ok(judgement) };
    let (target, body) = match &judgement {
        Judgement::Refuse(_) => return Ok(judgement),
        Judgement::Edit(edited) | Judgement::Need { draft: Some(edited), .. } => {
            (edited.target.as_deref(), edited.body.as_deref())
        }
        Judgement::Pass { .. } | Judgement::Gather { .. } | Judgement::Need { .. } => (None, None),
    };
    let body = match body.or(asked.body) {
        None if asked.traits.is_empty() => Some(&b""[..]),
        body => body,
    };
    let target = target.unwrap_or(asked.target);
    let document = Document::new(profile, facts, target, asked.traits.form, body);
    match policy.decide(asked.operation.name, &document) {
        Ok(decided) => Ok(with(judgement, decided)),
        Err(Lack::Unclear(refusal)) => Err(refusal),
        Err(Lack::Body) => match judgement {
            Judgement::Pass { .. } | Judgement::Edit(_) if asked.traits.encoded => {
                Err(encoded_body())
            }
            Judgement::Pass { .. } => Ok(Judgement::Gather { forced: super::Forced::NOTHING }),
            Judgement::Edit(edited) => Ok(Judgement::Gather { forced: edited.forced }),
            other => Ok(other),
        },
    }
}

/// Adds a decision to the judgement about the same request.
fn with(mut judgement: Judgement, decided: Decided) -> Judgement {
    let Decided { warned, mut unseen } = decided;
    let notes = match &mut judgement {
        Judgement::Pass { notes } => notes,
        Judgement::Edit(edited) | Judgement::Need { draft: Some(edited), .. } => &mut edited.notes,
        // It is judged once more.
        Judgement::Gather { .. } | Judgement::Need { .. } | Judgement::Refuse(_) => {
            return judgement;
        }
    };
    notes.extend(warned.into_iter().map(Note::Policy));
    if unseen.is_empty() {
        return judgement;
    }
    unseen.sort_unstable();
    unseen.dedup();
    let paths = Need::Host(HostQuestion::Paths(unseen));
    let (mut needs, draft) = match judgement {
        Judgement::Need { needs, draft } => (needs, draft),
        Judgement::Edit(edited) => (Vec::new(), Some(edited)),
        Judgement::Pass { notes } => {
            (Vec::new(), Some(super::Edited { notes, ..super::Edited::default() }))
        }
        other => return other,
    };
    needs.insert(0, paths);
    Judgement::Need { needs, draft }
}

#[cfg(test)]
mod tests;
