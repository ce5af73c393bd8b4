//! Reads the policy of a listener from the configuration file.

use super::file::{Fault, Source, Table};
use crate::rules::policy::Policy;

/// Reads a policy, and notes the faults.
#[derive(Debug)]
pub struct Reader<'r, 't> {
    /// The file.
    pub source: &'r Source<'t>,
    /// All faults until now.
    pub faults: &'r mut Vec<Fault>,
}

impl Reader<'_, '_> {
    /// Reads the table of a policy.
    pub fn policy(&mut self, _table: &Table<'_>) -> Policy {
        Policy::default()
    }
}
