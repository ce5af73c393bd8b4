//! The labels, and their choice for images.

use super::{Levels, default_of, sourced, text};
use crate::cli::parse;
use crate::cli::settings::{Given, Setting, Settings};
use crate::cli::usage_error::UsageError;
use crate::config::similar::nearest;
use crate::config::{self, Invalid, Sourced};
use crate::rules::Label;

/// Returns the labels: for each key that of the strongest level. Levels below an empty table do not count.
pub(super) fn labels(levels: &Levels<'_>) -> Result<Vec<Sourced<Label>>, UsageError> {
    let given = |settings: &&Settings| {
        settings.0.iter().any(|(setting, _)| setting.family() == Setting::Label)
    };
    if !levels.0.iter().any(given) {
        let given = default_of(Setting::Label);
        return Ok(vec![Sourced { value: text(&given, config::label_pair)?, by: given.by }]);
    }
    let mut all: Vec<Sourced<Label>> = Vec::new();
    for settings in &levels.0 {
        let mut labels = labels_of(settings)?;
        labels.retain(|label| all.iter().all(|known| known.value.key != label.value.key));
        all.append(&mut labels);
        if settings.last(Setting::NoLabels).is_some() {
            break;
        }
    }
    Ok(all)
}

/// Returns the labels of one level: those of `--label`, then the pairs of `--labelname` and `--labelvalue`.
fn labels_of(settings: &Settings) -> Result<Vec<Sourced<Label>>, UsageError> {
    let mut labels = Vec::new();
    for given in settings.all(Setting::Label) {
        labels.push(sourced(given.clone(), |text| match &given.name {
            Some(key) => config::label(key, text),
            None => config::label_pair(text),
        })?);
    }
    let (names, values) = (settings.all(Setting::LabelName), settings.all(Setting::LabelValue));
    for (name, value) in pairs(&names.collect::<Vec<_>>(), &values.collect::<Vec<_>>())? {
        let label = config::label(name.text()?, value.text()?)
            .map_err(|why| UsageError::Invalid(name.by.clone(), why))?;
        labels.push(Sourced { value: label, by: name.by.clone() });
    }
    unique(&labels)?;
    Ok(labels)
}

/// Selects the labels of images.
pub(super) fn of_images(
    labels: &[Sourced<Label>],
    chosen: &Given,
) -> Result<Vec<Sourced<Label>>, UsageError> {
    let text = chosen.text()?;
    match text.trim() {
        "all" => return Ok(labels.to_vec()),
        "none" => return Ok(Vec::new()),
        _ => {}
    }
    let mut keys = Vec::new();
    for key in parse::list(chosen) {
        let key = key.text()?;
        if labels.iter().all(|label| label.value.key != key) {
            return Err(UsageError::Invalid(chosen.by.clone(), not_a_label(labels, key)));
        }
        keys.push(key.to_owned());
    }
    if keys.is_empty() {
        let why = Invalid::NoImageLabels(text.to_owned());
        return Err(UsageError::Invalid(chosen.by.clone(), why));
    }
    Ok(labels.iter().filter(|label| keys.contains(&label.value.key)).cloned().collect())
}

fn not_a_label(labels: &[Sourced<Label>], key: &str) -> Invalid {
    let keys = labels.iter().map(|label| &*label.value.key);
    // `all` or `none` within a list of keys is not misspelt.
    let words = ["all", "none"].into_iter().filter(|word| *word != key);
    let near = nearest(key, "", keys.clone().chain(words)).map(ToOwned::to_owned);
    Invalid::NotALabel { key: key.to_owned(), near, keys: keys.map(Into::into).collect() }
}

/// Pairs the first name with the first value, the second with the second, and so on.
fn pairs<'a>(
    names: &[&'a Given],
    values: &[&'a Given],
) -> Result<Vec<(&'a Given, &'a Given)>, UsageError> {
    let single = names.get(values.len()).or(values.get(names.len()));
    match single {
        Some(half) => Err(UsageError::Unpaired {
            by: half.by.clone(),
            value: half.value.to_string_lossy().into_owned(),
            missing: other_half(&half.by),
        }),
        None => Ok(names.iter().copied().zip(values.iter().copied()).collect()),
    }
}

/// Returns the flag or variable of the missing half of a label, in the spelling of the given half.
fn other_half(by: &str) -> &'static str {
    match by {
        "DCP_LABEL_NAME" => "DCP_LABEL_VALUE",
        "DCP_LABEL_VALUE" => "DCP_LABEL_NAME",
        "--labelname" | "--ln" => "--labelvalue",
        _ => "--labelname",
    }
}

/// Refuses two labels with one key.
fn unique(labels: &[Sourced<Label>]) -> Result<(), UsageError> {
    for (place, label) in labels.iter().enumerate() {
        let mut earlier = labels.iter().take(place);
        if let Some(first) = earlier.find(|other| other.value.key == label.value.key) {
            let key = label.value.key.clone();
            return Err(UsageError::KeyTwice {
                by: label.by.clone(),
                key,
                first: first.by.clone(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
