//! The part of the policy in a judgement.

use super::document::Document;
use super::{Decided, Lack};
use crate::rules::facts::{Facts, HostQuestion, Need};
use crate::rules::paths::parts;
use crate::rules::socket::Note;
use crate::rules::{Asked, Edited, Forced, Judgement, Profile, Refusal};

/// Applies the policy of `profile` to the judgement about a request.
///
/// # Errors
/// The policy refuses the request.
pub(in crate::rules) fn applied(
    profile: &Profile,
    asked: &Asked<'_>,
    facts: &Facts,
    judgement: Judgement,
) -> Result<Judgement, Refusal> {
    let Some(policy) = &profile.policy else { return Ok(judgement) };
    let (target, body) = match &judgement {
        // A request without a draft is judged once more.
        Judgement::Refuse(_) | Judgement::Need { draft: None, .. } => return Ok(judgement),
        Judgement::Edit(edited) | Judgement::Need { draft: Some(edited), .. } => {
            (edited.target.as_deref(), edited.body.as_deref())
        }
        Judgement::Pass { .. } | Judgement::Gather { .. } => (None, None),
    };
    let body = match body.or(asked.body) {
        None if asked.traits.is_empty() => Some(&b""[..]),
        body => body,
    };
    let document = Document::new(profile, facts, asked, target.unwrap_or(asked.target), body);
    match policy.decide(asked.operation.name, &document) {
        Ok(mut decided) => {
            if policy.trial {
                // A look at a path may fail. Those without a mark decide what is reported.
                decided.unseen.retain(|path| parts(path).is_none());
            }
            Ok(with(judgement, decided))
        }
        Err(Lack::Unclear(refusal)) => Err(refusal),
        Err(Lack::Body) => Ok(match judgement {
            Judgement::Pass { .. } => Judgement::Gather { forced: Forced::NOTHING },
            Judgement::Edit(edited) => Judgement::Gather { forced: edited.forced },
            other => other,
        }),
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
    notes.extend(warned.into_iter().map(Box::new).map(Note::Policy));
    if unseen.is_empty() {
        return judgement;
    }
    let (mut needs, draft) = match judgement {
        Judgement::Need { needs, draft } => (needs, draft),
        Judgement::Edit(edited) => (Vec::new(), Some(edited)),
        Judgement::Pass { notes } => (Vec::new(), Some(Edited { notes, ..Edited::default() })),
        other => return other,
    };
    // A path outside of all sources is refused unless it is the daemon's socket, so the draft is not decided about.
    let is_open = unseen.iter().any(|path| parts(path).is_none());
    // Questions about the host come first, and paths before others.
    if let Some(Need::Host(HostQuestion::Paths(paths))) = needs.first_mut() {
        unseen.append(paths);
        needs.remove(0);
    }
    unseen.sort_unstable();
    unseen.dedup();
    let paths = Need::Host(HostQuestion::Paths(unseen));
    if is_open {
        return Judgement::Need { needs: vec![paths], draft: None };
    }
    needs.insert(0, paths);
    Judgement::Need { needs, draft }
}
