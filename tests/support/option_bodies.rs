//! Bodies with options, read as whole documents.

use dockerd_ci_proxy::engine::JsonShape;
use dockerd_ci_proxy::engine::fields::Section;
use dockerd_ci_proxy::engine::shapes::{CONTAINER, CONTAINER_UPDATE, EXEC, SERVICE};
use serde_json::{Map, Value, json};

use super::go_json::{fits, members};
use super::rules::CHOICES;

/// The shapes, each with the target of a request.
pub const SHAPES: [(&JsonShape, &str); 4] = [
    (&CONTAINER, "/containers/create"),
    (&CONTAINER_UPDATE, "/containers/c/update"),
    (&SERVICE, "/services/create"),
    (&EXEC, "/containers/c/exec"),
];

/// The model refuses a document.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused;

/// The paths that the model knows beside those of options.
const OTHERS: &[(Section, &str)] = &[
    (Section::Container, "Labels"),
    (Section::Container, "NetworkingConfig.EndpointsConfig"),
    (Section::Container, "HostConfig.CgroupParent"),
    (Section::Container, "HostConfig.CpuQuota"),
    (Section::Container, "HostConfig.CpuPeriod"),
    (Section::Container, "HostConfig.MemorySwap"),
    (Section::Container, "HostConfig.MemoryReservation"),
    (Section::Container, "HostConfig.RestartPolicy.MaximumRetryCount"),
    (Section::Container, "HostConfig.Tmpfs"),
    (Section::Container, "HostConfig.Mounts.[].Type"),
    (Section::Container, "HostConfig.Mounts.[].Source"),
    (Section::Container, "HostConfig.Mounts.[].Target"),
    (Section::Container, "HostConfig.Ulimits.[].Name"),
    (Section::Container, "HostConfig.Ulimits.[].Soft"),
    (Section::Container, "HostConfig.Ulimits.[].Hard"),
    (Section::Service, "Labels"),
    (Section::Service, "TaskTemplate.ContainerSpec.Labels"),
    (Section::Service, "TaskTemplate.ContainerSpec.Mounts.[].Type"),
    (Section::Service, "TaskTemplate.Resources.Limits.CpuQuota"),
    (Section::Service, "TaskTemplate.Resources.Limits.CpuPeriod"),
    (Section::Service, "TaskTemplate.ContainerSpec.Ulimits.[].Name"),
    (Section::Service, "TaskTemplate.ContainerSpec.Ulimits.[].Soft"),
    (Section::Service, "TaskTemplate.ContainerSpec.Ulimits.[].Hard"),
];

/// The key under which text is kept that is not read further.
const RAW: &str = "\0unread\0";

/// Reads a body of this shape as Go does: known members under their names in the API's description, all
/// others, and those that occur twice, as text.
pub fn read(shape: &JsonShape, text: &str) -> Value {
    let mut read = read_at(&paths(shape), text.trim_matches([' ', '\t', '\r', '\n']));
    for mounts in ["/HostConfig/Mounts", "/TaskTemplate/ContainerSpec/Mounts"] {
        if let Some(Value::Array(mounts)) = read.pointer_mut(mounts) {
            // Volumes get labels, or give way to others.
            mounts.retain(|mount| {
                mount["Type"].as_str().is_none_or(|kind| kind.to_uppercase() != "VOLUME")
            });
        }
    }
    // As good as an object without members.
    if read.is_null() { json!({}) } else { read }
}

/// Returns the paths that a body of this shape may have.
pub fn paths(shape: &JsonShape) -> Vec<&'static str> {
    let is_update = std::ptr::eq(shape, &raw const CONTAINER_UPDATE);
    let own = section_of(shape);
    let options = CHOICES.iter().filter(|choice| choice.0 == own).map(|choice| choice.1);
    let paths = options.chain(OTHERS.iter().filter(|(of, _)| *of == own).map(|(_, path)| *path));
    if is_update {
        return paths.filter_map(|path| path.strip_prefix("HostConfig.")).collect();
    }
    paths.collect()
}

/// Returns the section of the rules that bodies of this shape get.
pub fn section_of(shape: &JsonShape) -> Section {
    match () {
        () if std::ptr::eq(shape, &raw const SERVICE) => Section::Service,
        () if std::ptr::eq(shape, &raw const EXEC) => Section::Exec,
        () => Section::Container,
    }
}

fn read_at(paths: &[&str], text: &str) -> Value {
    let below = |name: &str| -> Vec<&str> {
        paths.iter().filter_map(|path| path.strip_prefix(name)?.strip_prefix('.')).collect()
    };
    let in_elements = below("[]");
    if let (false, Ok(elements)) =
        (in_elements.is_empty(), serde_json::from_str::<Vec<Raw<'_>>>(text))
    {
        return elements.iter().map(|element| read_at(&in_elements, element.get())).collect();
    }
    let Some(members) = members(text).filter(|_| !paths.is_empty()) else { return leaf(text) };
    let (mut read, mut rest) = (Map::new(), Vec::new());
    for (key, value) in &members {
        let name = paths.iter().filter_map(|path| path.split('.').next());
        let name = name.clone().find(|name| fits(key, name));
        match name.filter(|name| members.iter().filter(|(key, _)| fits(key, name)).count() == 1) {
            Some(name) => drop(read.insert(name.to_owned(), read_at(&below(name), value))),
            None => rest.push(json!([key, value])),
        }
    }
    if !rest.is_empty() {
        read.insert(RAW.to_owned(), rest.into());
    }
    Value::Object(read)
}

type Raw<'t> = &'t serde_json::value::RawValue;

fn leaf(text: &str) -> Value {
    if let Ok(number) = text.parse::<i64>() {
        return json!(number);
    }
    serde_json::from_str(text)
        .ok()
        .filter(|value: &Value| !value.is_number())
        .unwrap_or(json!({ RAW: text }))
}

/// Returns a number; `None` for `null`.
pub fn number(value: &Value) -> Result<Option<i64>, Refused> {
    if value.is_null() { Ok(None) } else { value.as_i64().map(Some).ok_or(Refused) }
}

/// Returns a string; `None` for `null`.
pub fn text(value: &Value) -> Result<Option<&str>, Refused> {
    if value.is_null() { Ok(None) } else { value.as_str().map(Some).ok_or(Refused) }
}

/// Returns the members of an object; `None` for `null`.
pub fn object(value: &Value) -> Result<Option<&Map<String, Value>>, Refused> {
    match value {
        Value::Null => Ok(None),
        // The value of another type, or the members of an object that are not read.
        Value::Object(members) if members.get(RAW).is_none_or(Value::is_array) => Ok(Some(members)),
        _ => Err(Refused),
    }
}

/// Returns the value at `path`; `null` if it is missing.
pub fn look<'v>(doc: &'v Value, path: &str) -> Result<&'v Value, Refused> {
    path.split('.').try_fold(doc, |value, name| {
        let Some(members) = object(value)? else { return Ok(&Value::Null) };
        let unread = members.get(RAW).and_then(Value::as_array);
        if unread.into_iter().flatten().any(|member| fits(member[0].as_str().unwrap(), name)) {
            return Err(Refused);
        }
        Ok(members.get(name).unwrap_or(&Value::Null))
    })
}

/// Puts `value`, if there is one, at `path`. Adds the missing objects around it, but for those whose absence
/// has a meaning.
pub fn put(doc: &mut Value, path: &str, value: Option<Value>) {
    let Some(value) = value else { return };
    let (above, last) = path.rsplit_once('.').unwrap_or(("", path));
    let mut at = doc;
    for name in above.split('.').filter(|name| !name.is_empty()) {
        let is_missing = at[name].is_null();
        if is_missing && ["TaskTemplate", "ContainerSpec", "NetworkingConfig"].contains(&name) {
            return;
        }
        at = &mut at[name];
        if is_missing {
            *at = json!({});
        }
    }
    at[last] = value;
}
