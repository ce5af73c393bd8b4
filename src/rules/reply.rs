//! Plans for the rewriting of responses.

use std::fmt;
use std::sync::Arc;

use crate::engine::{Operation, ReplyShape};

/// Rewrites one document of a response. Returns `None` if it stays as it is, and an empty vector if it
/// is left out.
pub type Rewrite = Arc<dyn Fn(&[u8]) -> Option<Vec<u8>> + Send + Sync>;

/// The plan for one successful response.
#[derive(Clone, Default)]
pub enum ReplyPlan {
    /// It passes unread and unchanged.
    #[default]
    Pass,
    /// It is gathered whole and rewritten.
    Whole(Rewrite),
    /// Each of its lines, a JSON document, is rewritten as it arrives.
    Lines(Rewrite),
}

/// The plans for the responses of a listener, by operation.
#[derive(Debug, Clone, Default)]
pub struct Replies(Vec<(&'static str, ReplyPlan)>);

impl Replies {
    /// Plans to rewrite the responses of `operation`. Returns `false`, and does nothing, unless they are
    /// known to be small or lines.
    #[must_use]
    pub fn rewrite(&mut self, operation: &Operation, rewrite: Rewrite) -> bool {
        let plan = match operation.reply() {
            ReplyShape::Any => return false,
            ReplyShape::Small => ReplyPlan::Whole(rewrite),
            ReplyShape::Lines => ReplyPlan::Lines(rewrite),
        };
        self.0.push((operation.name, plan));
        true
    }

    /// Returns the plan for the response of `operation`.
    #[must_use]
    pub fn plan(&self, operation: &Operation) -> ReplyPlan {
        let found = self.0.iter().find(|(name, _)| *name == operation.name);
        found.map_or(ReplyPlan::Pass, |(_, plan)| plan.clone())
    }
}

impl fmt::Debug for ReplyPlan {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Pass => "Pass",
            Self::Whole(_) => "Whole",
            Self::Lines(_) => "Lines",
        })
    }
}
