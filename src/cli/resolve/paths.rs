//! The translation of paths.

use super::{Levels, text};
use crate::cli::settings::{Given, Setting, Settings};
use crate::cli::usage_error::UsageError;
use crate::config::{self, Invalid};
use crate::rules::paths::{FixedPath, PathRules};

/// Returns the rules for paths: for each path that of the strongest level. Levels below an empty table do not
/// count.
pub(super) fn paths(levels: &Levels<'_>) -> Result<PathRules, UsageError> {
    let of_caller = text(&levels.or_default(Setting::MapPaths), config::map_paths)?;
    let mut fixed: Vec<FixedPath> = Vec::new();
    for settings in &levels.0 {
        let mut paths = paths_of(settings)?;
        paths.retain(|path| fixed.iter().all(|known| known.seen != path.seen));
        fixed.append(&mut paths);
        if settings.last(Setting::NoMapPath).is_some() {
            break;
        }
    }
    let strict = levels.switch(Setting::MapPathsStrict, false)?;
    let rules = PathRules { of_caller, fixed, strict };
    match levels.last(Setting::MapPathsStrict) {
        Some(given) if strict && !rules.of_caller && rules.fixed.is_empty() => {
            Err(UsageError::Invalid(given.by.clone(), Invalid::NothingMapped))
        }
        _ => Ok(rules),
    }
}

/// Returns the mapped paths of one level, and refuses one that is there twice.
fn paths_of(settings: &Settings) -> Result<Vec<FixedPath>, UsageError> {
    let mut paths: Vec<FixedPath> = Vec::new();
    for given in settings.all(Setting::MapPath) {
        let path = path(given)?;
        if let Some(first) = paths.iter().find(|known| known.seen == path.seen) {
            let (by, path, first) = (given.by.clone(), path.seen, first.from.clone());
            return Err(UsageError::PathTwice { by, path, first });
        }
        paths.push(path);
    }
    Ok(paths)
}

fn path(given: &Given) -> Result<FixedPath, UsageError> {
    text(given, |text| match &given.name {
        Some(seen) => config::mapped_path(seen, text, &given.by),
        None => config::mapped_pair(text, &given.by),
    })
}

#[cfg(test)]
mod tests;
