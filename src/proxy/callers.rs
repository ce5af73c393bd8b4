//! The settings of a listener for its callers, which are compiled once for each.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

use super::ListenerSettings;
use crate::rules::Refusal;
use crate::rules::caller::{Caller, Wanted};

/// Maximum number of remembered callers; the oldest is dropped first. A host runs some dozen jobs at a time.
const ENTRIES: usize = 128;

/// The settings of one listener for its callers.
#[derive(Debug, Default)]
pub struct Callers(RefCell<VecDeque<(Caller, Rc<ListenerSettings>)>>);

impl ListenerSettings {
    /// Returns the settings for a caller: the rules have the caller's values.
    ///
    /// # Errors
    /// A rule has no value for this caller.
    pub fn for_caller(listener: &Rc<Self>, mut caller: Caller) -> Result<Rc<Self>, Refusal> {
        let Some(of_caller) = &listener.profile.of_caller else { return Ok(Rc::clone(listener)) };
        if !of_caller.wanted().has(Wanted::PID) {
            // Otherwise each process would have an entry of its own.
            caller.pid = 0;
        }
        if let Some(known) = listener.callers.recall(&caller) {
            return Ok(known);
        }
        let settings = Rc::new(Self {
            profile: listener.profile.for_caller(&caller)?,
            container: caller.container.as_ref().map(|container| container.id.clone()),
            listener: Rc::downgrade(listener),
            ..listener.like()
        });
        if caller.container.as_ref().is_none_or(|container| container.is_small()) {
            listener.callers.remember(caller, &settings);
        }
        Ok(settings)
    }

    /// Returns settings with the same name, daemon and shared state, and without rules.
    #[must_use]
    pub fn like(&self) -> Self {
        Self {
            name: self.name.clone(),
            answers: self.answers,
            upstream: Rc::clone(&self.upstream),
            shared: Rc::clone(&self.shared),
            ..Self::default()
        }
    }

    /// Returns `true` if these are for one caller.
    #[must_use]
    pub fn are_for_caller(&self) -> bool {
        !self.listener.ptr_eq(&Weak::new())
    }

    /// Returns `true` if these are the settings of `listener`, for any caller.
    #[inline]
    #[must_use]
    pub fn are_of(self: &Rc<Self>, listener: &Rc<Self>) -> bool {
        Rc::ptr_eq(self, listener) || self.listener.as_ptr() == Rc::as_ptr(listener)
    }
}

impl Callers {
    fn recall(&self, caller: &Caller) -> Option<Rc<ListenerSettings>> {
        let entries = self.0.borrow();
        let (_, settings) = entries.iter().rev().find(|(known, _)| known == caller)?;
        Some(Rc::clone(settings))
    }

    fn remember(&self, caller: Caller, settings: &Rc<ListenerSettings>) {
        let mut entries = self.0.borrow_mut();
        if entries.len() >= ENTRIES {
            entries.pop_front();
        }
        entries.push_back((caller, Rc::clone(settings)));
    }
}

#[cfg(test)]
mod tests;
