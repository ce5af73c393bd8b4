//! The attributes of a frontend, a map of strings in a message.

use std::borrow::Cow;

use super::protobuf::{entry, fields, put_entry};
use crate::rules::inject::build_options::BuildOption;
use crate::rules::{Forced, Profile, Reason, Refusal};

/// Edits the options in `message`, and appends the labels and the cgroup parent, as entries of the map
/// `number`.
///
/// # Errors
/// A malformed message, or a value of the client's that cannot be read.
pub(in crate::rules) fn force(
    profile: &Profile,
    message: &mut Vec<u8>,
    number: u64,
) -> Result<Forced, Refusal> {
    let options = profile.inject.build_options().attributes();
    let has_options = !options.is_empty() && edit(options, message, number)?;
    for label in profile.inject.image_labels() {
        let key = format!("label:{}", label.key);
        put_entry(message, number, key.as_bytes(), label.value.as_bytes());
    }
    let parent = profile.inject.build_cgroup_parent();
    if let Some(parent) = parent {
        put_entry(message, number, b"cgroup-parent", cgroup_path(parent).as_bytes());
    }
    Ok(Forced::LABELS.when(!profile.inject.image_labels().is_empty())
        | Forced::CGROUP_PARENT.when(parent.is_some())
        | Forced::FIELDS.when(has_options))
}

/// Replaces the client's entries of each edited option by new ones at the end. Returns `true` if there is
/// such an option.
fn edit(options: &[BuildOption], message: &mut Vec<u8>, number: u64) -> Result<bool, Refusal> {
    let mut entries = Vec::new();
    for field in fields(message)? {
        let entry = if field.number == number { Some(entry(field.bytes()?)?) } else { None };
        entries.push((field.text, entry));
    }
    let (mut gone, mut put) = (Vec::new(), Vec::new());
    for option in options {
        let given = entries.iter().filter_map(|(_, entry)| {
            let (key, value) = (*entry)?;
            Some((option.behind(key)?, value))
        });
        let given: Vec<_> = given.collect();
        let edited = option.edited(&given);
        if let Some(edited) = edited.map_err(|text| Refusal::new(Reason::BuildMessage, text))? {
            gone.push(option);
            for (behind, value) in edited {
                let key = [option.key, &behind].concat();
                put_entry(&mut put, number, key.as_bytes(), value.as_bytes());
            }
        }
    }
    let is_gone = |key: &[u8]| gone.iter().any(|option| option.behind(key).is_some());
    entries.retain(|(_, entry)| !entry.is_some_and(|(key, _)| is_gone(key)));
    let is_edited = !gone.is_empty();
    let kept: Vec<&[u8]> = entries.iter().map(|(text, _)| *text).collect();
    *message = [kept.concat(), put].concat();
    Ok(is_edited)
}

/// Returns the path of a cgroup parent. BuildKit does not accept names of slices: its steps run at
/// `/PARENT/buildkit/ID`, even if systemd manages the containers' cgroups. A slice is inside those whose
/// names its own name begins with: `a-b.slice` is at `/a.slice/a-b.slice`.
fn cgroup_path(parent: &str) -> Cow<'_, str> {
    let slice = parent.strip_suffix(".slice").filter(|name| !name.contains('/'));
    let Some(name) = slice else { return parent.into() };
    let outer = name.match_indices('-').filter_map(|(dash, _)| name.get(..dash));
    let slices: Vec<_> = outer.chain([name]).map(|name| format!("/{name}.slice")).collect();
    slices.concat().into()
}

#[cfg(test)]
mod tests;
