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
mod judgement;
mod test;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

pub use binds::{BindSource, CALLER_MOUNTS};
pub(super) use document::nothing_at_top;
pub(super) use judgement::applied;
pub use test::Test;

use super::caller::{Caller, Wanted};
use super::{ByRule, Reason, Refusal, shown};
use crate::engine::options::Form;
use crate::json;

/// The policy of a listener.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// The rules, the first one first.
    pub rules: Vec<Arc<Rule>>,
    /// The decision about requests on which no rule decides.
    pub default: Act,
    /// `true` if refusals are only reported. Still refused are a body that is too large to be gathered, and a
    /// caller whose mounts cannot be found out.
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
    /// Its identity within the values of the option.
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
    /// It is missing, or means the same: `false`, 0, an empty string.
    Unset,
    /// A list without elements.
    EmptyList,
    /// The operator or the proxy gives it, so it passes.
    Operators,
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
    /// Returns the values of an option of this operation, each once. A missing value is one that is
    /// [`Unset`](ValueKind::Unset). An option that this operation does not have has no values.
    ///
    /// # Errors
    /// The part of the request that has them is missing, or cannot be understood.
    fn of(&self, operation: &str, path: &'static str) -> Result<Vec<Value<'_>>, Lack>;

    /// Returns the bind mounts that are not below one of these sources, each as a value of the option that has
    /// it. Adds the paths that must be looked up to `unseen`.
    ///
    /// # Errors
    /// The same as [`of`](Self::of).
    fn binds_outside(
        &self,
        operation: &str,
        sources: &[BindSource],
        unseen: &mut Vec<String>,
    ) -> Result<Vec<(&'static str, Value<'_>)>, Lack>;
}

/// The decision about a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Decided {
    /// The rules that would have refused it.
    pub warned: Vec<Warned>,
    /// Host paths on which the decision depends. One without a [mark](crate::rules::paths::parts) may be refused when it is known.
    pub unseen: Vec<String>,
}

/// Maximum number of bytes of a sentence to which another value is added.
const TEXT_MAX: usize = 4096;

impl Decided {
    /// Adds a value that a rule would have refused. A request has one warning for each rule.
    fn warn(&mut self, rule: &Arc<Rule>, text: impl FnOnce() -> String) {
        match self.warned.iter_mut().find(|warned| Arc::ptr_eq(&warned.rule, rule)) {
            Some(warned) if warned.text.len() < TEXT_MAX => {
                warned.text.extend([", ", &text()]);
            }
            Some(_) => {}
            None => self.warned.push(Warned { rule: Arc::clone(rule), text: text() }),
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
        // By the option and the place of the value.
        let mut settled: BTreeSet<(usize, usize)> = BTreeSet::new();
        for rule in self.rules.iter().filter(|rule| rule.covers(operation)) {
            if rule.subject == Subject::Request {
                self.act(rule, operation, None, &mut decided)?;
                return Ok(decided);
            }
            let found = match found(rule, operation, values, &mut decided.unseen) {
                Ok(found) => found,
                Err(Lack::Body) => return Err(Lack::Body),
                Err(Lack::Unclear(refusal)) => {
                    self.unclear(rule, operation, &refusal, &mut decided)?;
                    continue;
                }
            };
            for (path, value) in found {
                if settled.insert((path.as_ptr().addr(), value.at)) {
                    self.act(rule, operation, Some((path, &value)), &mut decided)?;
                }
            }
        }
        if self.default != Act::Allow {
            self.act(&Arc::new(self.default_rule()), operation, None, &mut decided)?;
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

    /// Carries out the decision of a rule about a request, or about one of its values. A rule is reported once for
    /// each request.
    fn act(
        &self,
        rule: &Arc<Rule>,
        operation: &str,
        value: Option<(&str, &Value<'_>)>,
        decided: &mut Decided,
    ) -> Result<(), Lack> {
        match rule.act {
            Act::Allow => Ok(()),
            Act::Refuse if !self.trial => Err(self.refusal(rule, operation, value).into()),
            Act::Warn | Act::Refuse => {
                decided.warn(rule, || seen(rule, operation, value));
                Ok(())
            }
        }
    }

    /// Decides about a request that a rule cannot read. To a rule that allows something, it has nothing.
    fn unclear(
        &self,
        rule: &Arc<Rule>,
        operation: &str,
        refusal: &Refusal,
        decided: &mut Decided,
    ) -> Result<(), Lack> {
        match rule.act {
            Act::Allow => Ok(()),
            Act::Refuse if !self.trial => {
                Err(Refusal { by: Some(Box::new(self.by(rule))), ..refusal.clone() }.into())
            }
            Act::Warn | Act::Refuse => {
                let text = format!("{operation}, as {}", refusal.text);
                // All rules about one object find the same.
                if decided.warned.iter().all(|warned| warned.text != text) {
                    decided.warn(rule, || text);
                }
                Ok(())
            }
        }
    }

    fn refusal(
        &self,
        rule: &Arc<Rule>,
        operation: &str,
        value: Option<(&str, &Value<'_>)>,
    ) -> Refusal {
        let what = seen(rule, operation, value);
        let reason = if rule.reason.is_empty() { "" } else { ": " };
        let text = format!("the policy does not allow {what}{reason}{}", rule.reason);
        Refusal { by: Some(Box::new(self.by(rule))), ..Refusal::new(Reason::Policy, text) }
    }

    fn by(&self, rule: &Arc<Rule>) -> ByRule {
        ByRule { rule: Arc::clone(rule), contact: self.contact.clone() }
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

/// Returns the values that a rule matches, each with its option.
fn found<'v>(
    rule: &Rule,
    operation: &str,
    values: &'v dyn Values,
    unseen: &mut Vec<String>,
) -> Result<Vec<(&'static str, Value<'v>)>, Lack> {
    match &rule.subject {
        Subject::Request => Ok(Vec::new()),
        Subject::Option { path, form, test } => {
            let values = values.of(operation, path)?.into_iter();
            Ok(values
                .filter(|value| test.passes(*form, value))
                .map(|value| (*path, value))
                .collect())
        }
        Subject::Binds(sources) => values.binds_outside(operation, sources, unseen),
    }
}

/// Describes a request, or a value of an option.
fn seen(rule: &Rule, operation: &str, value: Option<(&str, &Value<'_>)>) -> String {
    match value {
        None => operation.to_owned(),
        Some((_, value)) if matches!(rule.subject, Subject::Binds(_)) => {
            format!("the bind mount of \"{}\" in {operation}", shown(&value.text))
        }
        Some((path, value)) => match value.kind {
            ValueKind::Set => format!("{path} \"{}\" in {operation}", shown(&value.text)),
            ValueKind::EmptyList => format!("an empty {path} in {operation}"),
            ValueKind::Unset | ValueKind::Operators => format!("{operation} without {path}"),
        },
    }
}

#[cfg(test)]
mod tests;
