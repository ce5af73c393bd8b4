//! What happens with a response on its way to the client.

use std::fmt;
use std::sync::Arc;

use crate::engine::{Operation, ReplyShape};

/// Rewrites one document of a response. Returns `None` if it passes as it came, and nothing, an
/// empty vector, if it is left out.
pub type Rewrite = Arc<dyn Fn(&[u8]) -> Option<Vec<u8>> + Send + Sync>;

/// What happens with one successful response.
#[derive(Clone, Default)]
pub enum ReplyPlan {
    /// It passes as it came, without being looked at.
    #[default]
    Pass,
    /// It is gathered whole and rewritten.
    Whole(Rewrite),
    /// Each of its lines, a JSON document, is rewritten as it comes.
    Lines(Rewrite),
}

/// The plans for the responses of a listener, by operation.
#[derive(Debug, Clone, Default)]
pub struct Replies(Vec<(&'static str, ReplyPlan)>);

impl Replies {
    /// Has the responses of `operation` rewritten. Returns `false`, and does nothing, if it is not
    /// known that they are small, or lines.
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
