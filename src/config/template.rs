//! The operator's texts with placeholders, and the names in them, which have none.

use super::{Invalid, similar};
use crate::rules::caller::{Placeholder, Template, TemplateError};

/// Reads a text with placeholders.
///
/// # Errors
///
/// A placeholder that is unknown or not complete, or a single brace.
pub(super) fn template(text: &str) -> Result<Template, Invalid> {
    Template::read(text).map_err(Invalid::Template)
}

/// Returns the forms that a text can get: with `value` for each placeholder, and with the fallbacks where there
/// are some.
pub(super) fn forms(template: &Template, value: &str) -> [String; 2] {
    let value = |of: &Placeholder| match of {
        // These begin with a slash.
        Placeholder::Cgroup | Placeholder::CgroupParent => format!("/{value}"),
        _ => value.to_owned(),
    };
    let fallback = |of: &Placeholder, fallback: Option<&str>| {
        fallback.map_or_else(|| value(of), ToOwned::to_owned)
    };
    [template.with(|of, _| value(of)), template.with(fallback)]
}

/// Returns `true` if something in a name looks like a placeholder, which only a value can have. Other braces
/// are characters like others.
pub(super) fn has_braces(name: &str) -> bool {
    name.split_once('{').is_some_and(|(_, rest)| rest.contains('}'))
}

/// Doubles the braces of a text that has no placeholders.
pub(super) fn doubled(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

/// Describes a mistake in a text with placeholders.
pub(super) fn mistake(error: &TemplateError) -> String {
    let TemplateError::Unknown(typed) = error else { return error.to_string() };
    let names = || Placeholder::names().map(|name| name.trim_end_matches(':'));
    let with_key = Placeholder::names().filter_map(|name| name.strip_suffix(':'));
    let shown = |name: &str, key: &str| {
        let has_key = with_key.clone().any(|known| known == name);
        if has_key { format!("{{{name}:{key}}}") } else { format!("{{{name}}}") }
    };
    // A dot before the key is a usual mistake.
    let dotted =
        |name: &'static str| Some((name, typed.trim().strip_prefix(name)?.strip_prefix('.')?));
    let split = typed.trim().split_once(':').or_else(|| with_key.clone().find_map(dotted));
    let (name, key) = split.unwrap_or((typed.trim(), "KEY"));
    // So is the end of a name: `{label:a}`.
    let end = names().find(|known| known.rsplit('.').next() == Some(name));
    let near = end.or_else(|| similar::nearest(name, "", names()));
    let all = || names().map(|name| shown(name, "KEY")).collect::<Vec<_>>().join(", ");
    let wanted = near.map_or_else(
        || format!("expected {}; a", all()),
        |near| format!("did you mean {}? A", shown(near, key)),
    );
    format!("unknown placeholder {{{typed}}}; {wanted} brace itself is written {{{{")
}

#[cfg(test)]
mod tests;
