//! The JSON body of a creating request, with what the operator forces in it.

use super::facts::{Facts, HostQuestion, Need};
use super::socket::Survey;
use super::{Edited, Injection, Judgement, Refusal, lacking, mounts};
use crate::engine::JsonShape;
use crate::engine::shapes::Storage;
use crate::json::{Edits, Error, Found};

/// Judges a request for `target` with this `body`.
///
/// # Errors
/// A body that is not one JSON object, or one in which Go's decoder and others would find
/// different things at the places that matter.
pub(super) fn judge(
    injection: &Injection,
    shape: &JsonShape,
    target: &str,
    body: &[u8],
    facts: &Facts,
) -> Result<Judgement, Refusal> {
    let document =
        str::from_utf8(body).map_err(|error| Refusal::from(Error::NotJson(error.to_string())))?;
    let mut edits = Edits::of(document);
    let along = match shape.storage {
        Storage::Container => Some("HostConfig"),
        Storage::Nothing | Storage::Service => None,
    };
    let mut top = match Found::document(document, along)? {
        Found::Object(top) => top,
        // To the daemon it is an object without members: an anonymous volume, for one.
        Found::Absent | Found::Null(_) => return judge(injection, shape, target, b"{}", facts),
    };
    // What goes into the HostConfig is put there with what is mounted.
    let except = (shape.storage == Storage::Container).then_some("HostConfig");
    let forced = injection.inject.tree(shape);
    forced.apply(&mut edits, &mut top, except)?;
    let (mut needs, mut before) = (Vec::new(), Vec::new());
    let survey = match shape.storage {
        Storage::Nothing => Survey::default(),
        Storage::Container => {
            let host_config = top.object_along("HostConfig")?;
            (needs, before) = lacking::of_create(injection, facts, target, &top, &host_config)?;
            mounts::container(injection, facts, &mut edits, &mut top, host_config)?
        }
        Storage::Service => mounts::service(injection, facts, &mut edits, &top)?,
    };
    let Survey { notes, mut unseen, .. } = survey;
    if !unseen.is_empty() {
        unseen.sort_unstable();
        unseen.dedup();
        // First: it may be refused for one of them, and then nothing is asked of the daemon.
        needs.insert(0, Need::Host(HostQuestion::Paths(unseen)));
    }
    let edited = Edited {
        target: None,
        body: Some(edits.write().into_bytes()),
        forced: forced.forced(),
        notes,
        before,
    };
    Ok(if needs.is_empty() {
        Judgement::Edit(edited)
    } else {
        Judgement::Need { needs, draft: Some(edited) }
    })
}

#[cfg(test)]
pub(super) mod tests;
