//! The HostConfig that is added to the create of a container without one.

use super::forced;
use crate::engine::shapes::{HOST_CONFIG_FIELDS, MOUNTING_FIELDS, NUMBERS_AT_TOP};
use crate::json::{Edits, Member, Object, is_field};
use crate::rules::{Profile, Reason, Refusal};

/// Adds a HostConfig with these `mounts`, if one is needed.
pub(super) fn add<'d>(
    profile: &Profile,
    mounts: &[String],
    edits: &mut Edits<'d>,
    top: &mut Object<'d>,
) -> Result<(), Refusal> {
    let mut members: Vec<String> = forced(profile).rendered().collect();
    let binds: Vec<_> = profile.inject.mounts().binds.iter().map(|bind| &*bind.json).collect();
    if !binds.is_empty() {
        members.push(format!(r#""Binds":[{}]"#, binds.join(",")));
    }
    if !mounts.is_empty() {
        members.push(format!(r#""Mounts":[{}]"#, mounts.join(",")));
    }
    // Docker 20.10 accepts them here if there is no HostConfig.
    let misplaced = if members.is_empty() { MOUNTING_FIELDS } else { HOST_CONFIG_FIELDS };
    if let Some(member) = top.all_of(misplaced).find(|member| has_effect(member)) {
        return Err(outside_host_config(member.key()));
    }
    if members.is_empty() {
        return Ok(());
    }
    Ok(edits.set(top, "HostConfig", format!("{{{}}}", members.join(",")))?)
}

/// Refuses a number at the top that Docker 20.10 would use, though the operator has a rule for it.
pub(super) fn check_top(profile: &Profile, top: &Object<'_>) -> Result<(), Refusal> {
    let forced = forced(profile);
    for name in NUMBERS_AT_TOP.iter().filter(|name| forced.has(name)) {
        let member = top.member(name)?.filter(|member| member.value != "0" && has_effect(member));
        if let Some(member) = member {
            return Err(outside_host_config(member.key()));
        }
    }
    Ok(())
}

/// Returns `true` unless the field means the same as an absent one: empty values are harmless.
/// dockerode's `run` sends an empty `VolumesFrom` at the top of each container.
pub(in crate::rules) fn has_effect(member: &Member<'_>) -> bool {
    // An empty list is a choice for these: if absent, they have the daemon's default paths.
    let paths = ["MaskedPaths", "ReadonlyPaths"].iter().any(|paths| is_field(member.key(), paths));
    match member.value {
        "null" => false,
        r#""""# | "[]" | "{}" => paths,
        _ => true,
    }
}

pub(in crate::rules) fn outside_host_config(name: &str) -> Refusal {
    let text = format!(
        "{name} is at the top of the request body; put it in HostConfig, where the proxy adds the operator's \
         options"
    );
    Refusal::new(Reason::OutsideHostConfig, text)
}
