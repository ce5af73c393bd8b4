//! The JSON bodies of creating requests.

use super::facts::{Facts, HostQuestion, Need, Question};
use super::socket::{Note, Survey};
use super::{Edited, Forced, Judgement, Profile, Refusal, lacking, mounts};
use crate::engine::JsonShape;
use crate::engine::shapes::Storage;
use crate::json::{Edits, Error, Found};

/// Judges a request for `target` with this `body`.
///
/// # Errors
/// A body that is not one JSON object, or that Go's decoder and others would read differently at the
/// edited places.
pub(super) fn judge(
    profile: &Profile,
    shape: &JsonShape,
    target: &str,
    body: &[u8],
    facts: &Facts,
) -> Result<Judgement, Refusal> {
    let document =
        str::from_utf8(body).map_err(|error| Refusal::from(Error::NotJson(error.to_string())))?;
    let mut edits = Edits::of(document);
    // `mounts` edits the HostConfig as a whole.
    let host_config = (shape.storage == Storage::Container).then_some("HostConfig");
    let mut top = match Found::document(document, host_config)? {
        Found::Object(top) => top,
        // The daemon reads it as an empty object, which creates an anonymous volume, for example.
        Found::Absent | Found::Null(_) => return judge(profile, shape, target, b"{}", facts),
    };
    let tree = profile.inject.tree(shape);
    tree.check_version(target)?;
    let changes = tree.apply(&mut edits, &top, host_config)?;
    let (mut needs, mut before) = (Vec::new(), Vec::new());
    let survey = match shape.storage {
        Storage::Nothing => Survey::default(),
        Storage::Container => {
            let host_config = top.object_along("HostConfig")?;
            (needs, before) = lacking::of_create(profile, facts, target, &top, &host_config)?;
            mounts::container(profile, facts, target, &mut edits, &mut top, host_config)?
        }
        Storage::Service => mounts::service(profile, facts, &mut edits, &top)?,
        Storage::Volume => mounts::mapped::volume(profile, facts, &mut edits, &top)?,
    };
    let Survey { notes, unseen, version, options } = survey;
    let notes = notes.into_iter().map(Note::Way).collect();
    let forced = tree.forced();
    let forced = if changes || options { forced } else { forced.without(Forced::FIELDS) };
    if version {
        needs.push(Need::Daemon(Question::Version));
    }
    if !unseen.is_empty() {
        // First, because a refusal for one of them saves the questions to the daemon.
        needs.insert(0, paths(unseen));
    }
    let edited =
        Edited { target: None, body: Some(edits.write().into_bytes()), forced, notes, before };
    Ok(if needs.is_empty() {
        Judgement::Edit(edited)
    } else {
        Judgement::Need { needs, draft: Some(edited) }
    })
}

/// Returns the question about the relations of these paths.
fn paths(mut unseen: Vec<String>) -> Need {
    unseen.sort_unstable();
    unseen.dedup();
    Need::Host(HostQuestion::Paths(unseen))
}

#[cfg(test)]
pub(super) mod tests;
