//! A model of the effect of rules on options. It works on whole documents, not on bytes, so that the program
//! can be compared with it.

use dockerd_ci_proxy::engine::JsonShape;
use dockerd_ci_proxy::engine::fields::Section;
use dockerd_ci_proxy::engine::shapes::CONTAINER_UPDATE;
use serde_json::{Map, Value, json};

use super::forced;
use super::option_bodies::{Refused, look, number, object, paths, put, read, section_of, text};
use super::rules::{Like, Rule};

/// Returns `document` as the daemon must get it.
pub fn document(shape: &JsonShape, rules: &[Rule], mut document: Value) -> Result<Value, Refused> {
    let doc = &mut document;
    object(doc)?;
    let labelled: &[&str] = match section_of(shape) {
        _ if std::ptr::eq(shape, &raw const CONTAINER_UPDATE) => {
            let rules = rules.iter().filter(|rule| rule.choice.0 == Section::Container);
            rules.into_iter().try_for_each(|rule| update(doc, rule))?;
            return Ok(document);
        }
        Section::Container => &["Labels"],
        Section::Service => &["Labels", "TaskTemplate.ContainerSpec.Labels"],
        _ => &[],
    };
    for path in labelled {
        let labels = mapped(look(doc, path)?, &forced::labels().into(), &Value::Null)?;
        put(doc, path, labels);
    }
    if section_of(shape) == Section::Container {
        force(doc, "HostConfig.CgroupParent", json!("/ci/7"))?;
        mounts(doc, rules)?;
    }
    let own = rules.iter().filter(|rule| rule.choice.0 == section_of(shape));
    own.into_iter().try_for_each(|rule| option(doc, rule, rules))?;
    Ok(document)
}

/// Edits the option of `rule` in a create.
fn option(doc: &mut Value, rule: &Rule, all: &[Rule]) -> Result<(), Refused> {
    let (_, path, like, _) = *rule.choice;
    let forces = |path: &str| all.iter().any(|rule| rule.choice.1 == path && rule.force.is_some());
    let of_network = ["HostConfig.Dns", "HostConfig.ExtraHosts"].contains(&path);
    if of_network && !forces("HostConfig.NetworkMode") {
        let mode = look(doc, "HostConfig.NetworkMode")?;
        if text(mode)?.is_some_and(|mode| mode.starts_with("container:")) {
            return Ok(());
        }
    }
    reserve(doc, path, rule)?;
    if let Some(forced) = &rule.force {
        return force(doc, path, forced.clone());
    }
    let nothing = json!(null);
    let (append, default) =
        (rule.append.as_ref().unwrap_or(&nothing), rule.default.as_ref().unwrap_or(&nothing));
    let client = look(doc, path)?;
    let new = match like {
        // `mounts` adds them.
        Like::Binds => return Ok(()),
        Like::Cpus => return processors(doc, path, rule),
        Like::Number(nothing, unlimited) => limited(number(client)?, nothing, unlimited, rule),
        Like::List(_) | Like::Set | Like::Ulimits => listed(like, client, append, default)?,
        Like::Map => mapped(client, append, default)?,
        Like::Switch | Like::Choice | Like::Text(_) => {
            let none = match like {
                Like::Switch => client == &json!(false),
                Like::Text(word) => [json!(""), json!(word)].contains(client),
                _ => false,
            };
            rule.default.clone().filter(|_| none || client.is_null())
        }
    };
    put(doc, path, new);
    Ok(())
}

/// Forces a value.
fn force(doc: &mut Value, path: &str, value: Value) -> Result<(), Refused> {
    look(doc, path)?;
    put(doc, path, Some(value));
    undo(doc, path)
}

/// Limits the reservation of memory to its limit.
fn reserve(doc: &mut Value, path: &str, rule: &Rule) -> Result<(), Refused> {
    let Some(beside) = path.strip_suffix("Memory") else { return Ok(()) };
    let Some(limit) = rule.force.as_ref().or(rule.cap.as_ref()).and_then(Value::as_i64) else {
        return Ok(());
    };
    let path = format!("{beside}MemoryReservation");
    let client = number(look(doc, &path)?)?.filter(|client| *client != 0);
    let new = client.filter(|client| *client < 0 || *client > limit).map(|_| json!(limit));
    put(doc, &path, new);
    Ok(())
}

/// Takes back what would contradict the forced option at `path`.
fn undo(doc: &mut Value, path: &str) -> Result<(), Refused> {
    let undone: &[(&str, Value)] = match path {
        "HostConfig.NetworkMode" => &[("NetworkingConfig.EndpointsConfig", json!({}))],
        "HostConfig.NanoCpus" => {
            &[("HostConfig.CpuQuota", json!(0)), ("HostConfig.CpuPeriod", json!(0))]
        }
        "NanoCpus" => &[("CpuQuota", json!(0)), ("CpuPeriod", json!(0))],
        "HostConfig.Memory" => &[("HostConfig.MemorySwap", json!(0))],
        "Memory" => &[("MemorySwap", json!(0))],
        "HostConfig.RestartPolicy.Name" => {
            &[("HostConfig.RestartPolicy.MaximumRetryCount", json!(0))]
        }
        "RestartPolicy.Name" => &[("RestartPolicy.MaximumRetryCount", json!(0))],
        _ => &[],
    };
    for (path, none) in undone {
        if !look(doc, path)?.is_null() {
            put(doc, path, Some(none.clone()));
        }
    }
    Ok(())
}

/// Edits the option of `rule` in an update. What the client does not change stays as it is.
fn update(doc: &mut Value, rule: &Rule) -> Result<(), Refused> {
    let (_, path, like, _) = *rule.choice;
    let Some(path @ ("Memory" | "NanoCpus" | "PidsLimit" | "RestartPolicy.Name")) =
        path.strip_prefix("HostConfig.")
    else {
        return Ok(());
    };
    reserve(doc, path, rule)?;
    if let Some(forced) = &rule.force {
        let none = match path {
            // It lifts the limit.
            "PidsLimit" => json!(null),
            _ if matches!(like, Like::Text(_)) => json!(""),
            _ => json!(0),
        };
        let given = ![json!(null), none].contains(look(doc, path)?);
        put(doc, path, given.then(|| forced.clone()));
        return undo(doc, path);
    }
    let Some(cap) = rule.cap.as_ref().and_then(Value::as_i64) else { return Ok(()) };
    let client = number(look(doc, path)?)?;
    match like {
        Like::Cpus if client.unwrap_or(0) == 0 => {
            let quota = number(look(doc, "CpuQuota")?)?.unwrap_or(0);
            let period = number(look(doc, "CpuPeriod")?)?.unwrap_or(0);
            if (quota, period) == (0, 0) || quota > 0 && period > 0 && cpus(quota, period) <= cap {
                return Ok(());
            }
            // The period of the container is not known.
            if quota > 0 && period == 0 && cpus(quota, 100_000) <= cap {
                put(doc, "CpuPeriod", Some(json!(100_000)));
                return Ok(());
            }
            put(doc, "CpuQuota", Some(json!(cap / 10_000)));
            put(doc, "CpuPeriod", Some(json!(100_000)));
            Ok(())
        }
        _ => {
            if matches!(like, Like::Cpus)
                && number(look(doc, "CpuQuota")?)?.is_some_and(|quota| quota < 0)
            {
                put(doc, "CpuQuota", Some(json!(0)));
            }
            let lifts = match client {
                None => false,
                Some(0) => path == "PidsLimit",
                Some(number) => number < 0 || number > cap,
            };
            put(doc, path, lifts.then(|| json!(cap)));
            Ok(())
        }
    }
}

fn cpus(quota: i64, period: i64) -> i64 {
    let cpus = i128::from(quota) * 1_000_000_000 / i128::from(period);
    i64::try_from(cpus).unwrap_or(i64::MAX)
}

/// Returns the number that the rule makes of the client's, if that changes.
fn limited(client: Option<i64>, nothing: i64, unlimited: bool, rule: &Rule) -> Option<Value> {
    let number = |value: &Option<Value>| value.as_ref().and_then(Value::as_i64);
    let client = client.filter(|client| *client != nothing);
    let wanted = client.or(number(&rule.default));
    let new = match (wanted, number(&rule.cap)) {
        (None, Some(cap)) => unlimited.then_some(cap),
        (Some(wanted), Some(cap)) if unlimited && wanted <= 0 => Some(cap),
        (Some(wanted), Some(cap)) if nothing == 0 && wanted < 0 => Some(cap),
        (Some(wanted), Some(cap)) => Some(wanted.min(cap)),
        (wanted, None) => wanted,
    };
    new.filter(|_| new != client).map(|new| json!(new))
}

fn processors(doc: &mut Value, path: &str, rule: &Rule) -> Result<(), Refused> {
    let client = number(look(doc, path)?)?;
    if client.unwrap_or(0) != 0 {
        put(doc, path, limited(client, 0, true, rule));
        let quota = path.replace("NanoCpus", "CpuQuota").replace("NanoCPUs", "CpuQuota");
        if rule.cap.is_some() && number(look(doc, &quota)?)?.is_some_and(|quota| quota < 0) {
            put(doc, &quota, Some(json!(0)));
        }
        return Ok(());
    }
    let beside = path.rsplit_once('.').unwrap().0;
    let [quota_at, period_at] = ["CpuQuota", "CpuPeriod"].map(|name| format!("{beside}.{name}"));
    let quota = number(look(doc, &quota_at)?)?.unwrap_or(0);
    let period = number(look(doc, &period_at)?)?.filter(|period| *period > 0).unwrap_or(100_000);
    let client = (quota > 0).then(|| cpus(quota, period));
    if let Some(new) = limited(client, 0, true, rule) {
        put(doc, path, Some(new));
        for at in [quota_at, period_at] {
            let given = number(look(doc, &at)?)?.is_some_and(|given| given != 0);
            put(doc, &at, given.then(|| json!(0)));
        }
    }
    Ok(())
}

/// Returns the list with the operator's entries, if that changes it.
fn listed(
    like: Like,
    client: &Value,
    append: &Value,
    default: &Value,
) -> Result<Option<Value>, Refused> {
    let entries = |list: &Value| list.as_array().cloned().unwrap_or_default();
    let keys = |list: &[Value]| {
        list.iter().map(|entry| key_of(like, entry)).collect::<Result<Vec<_>, _>>()
    };
    if !client.is_null() && !client.is_array() {
        return Err(Refused);
    }
    let (old, own) = (entries(client), entries(append));
    let (old_keys, own_keys) = (keys(&old)?, keys(&own)?);
    let is_set = matches!(like, Like::Set);
    let mut new = old.clone();
    if !is_set {
        new.retain(|entry| !own_keys.contains(&key_of(like, entry).unwrap()));
    }
    for entry in entries(default) {
        let key = key_of(like, &entry)?;
        let there = old_keys.contains(&key) || is_set && !old.is_empty();
        if !there && !own_keys.contains(&key) {
            new.push(entry);
        }
    }
    new.extend(own.into_iter().filter(|entry| !is_set || !old.contains(entry)));
    Ok((new != old).then(|| new.into()))
}

/// Returns the key of an entry of a list.
pub fn key_of(like: Like, entry: &Value) -> Result<String, Refused> {
    match like {
        Like::Ulimits => {
            let name = look(object(entry)?.map(|_| entry).ok_or(Refused)?, "Name")?;
            Ok(text(name)?.unwrap_or_default().to_owned())
        }
        // Those of another type may be left to the daemon to refuse.
        Like::List(key) => Ok(entry.as_str().map_or_else(|| format!("\0{entry}"), key)),
        Like::Binds => Ok(target(entry.as_str().ok_or(Refused)?)),
        _ => entry.as_str().map(str::to_owned).ok_or(Refused),
    }
}

/// Returns the map with the operator's entries, if that changes it.
fn mapped(client: &Value, append: &Value, default: &Value) -> Result<Option<Value>, Refused> {
    let old = object(client)?.cloned();
    let mut new = object(default)?.cloned().unwrap_or_default();
    new.extend(old.clone().unwrap_or_default());
    new.extend(object(append)?.cloned().unwrap_or_default());
    Ok((old.as_ref() != Some(&new)).then(|| new.into()))
}

/// Adds the operator's binds, in place of what is mounted at the same paths.
fn mounts(doc: &mut Value, rules: &[Rule]) -> Result<(), Refused> {
    let own = rules.iter().find(|rule| rule.choice.1 == "HostConfig.Binds");
    let own = own.and_then(|rule| rule.append.clone()).unwrap_or(Value::Null);
    let targets: Vec<_> =
        own.as_array().into_iter().flatten().map(|bind| target(bind.as_str().unwrap())).collect();
    let is_own = |path: &str| targets.contains(&forced::clean(path));
    let binds = listed(Like::Binds, look(doc, "HostConfig.Binds")?, &own, &Value::Null)?;
    put(doc, "HostConfig.Binds", binds);
    if object(look(doc, "HostConfig.Tmpfs")?)?
        .into_iter()
        .flat_map(Map::keys)
        .any(|path| is_own(path))
    {
        return Err(Refused);
    }
    let client = look(doc, "HostConfig.Mounts")?;
    let mut mounts = match client {
        Value::Null => return Ok(()),
        Value::Array(mounts) => mounts.clone(),
        _ => return Err(Refused),
    };
    for mount in &mounts {
        object(mount)?.ok_or(Refused)?;
        for name in ["Type", "Source", "Target"] {
            text(look(mount, name)?)?;
        }
    }
    mounts.retain(|mount| !is_own(mount["Target"].as_str().unwrap_or_default()));
    put(doc, "HostConfig.Mounts", Some(mounts.into()));
    Ok(())
}

/// Returns the path in the container of an entry of `Binds`.
fn target(bind: &str) -> String {
    forced::clean(bind.split(':').nth(1).unwrap_or(bind))
}

/// Fails unless `after`, which the program made of `before`, is what the model makes of it; and unless a
/// decoder that compares names with case and takes the last member of a name finds what was changed.
pub fn assert_edited(shape: &JsonShape, rules: &[Rule], before: &str, after: &str) {
    let client = read(shape, before);
    let wanted = document(shape, rules, client.clone());
    let wanted = wanted.unwrap_or_else(|_| panic!("not refused: {before}\n{after}"));
    assert_eq!(read(shape, after), wanted, "\n{before}\n{after}");
    let Ok(plain) = serde_json::from_str::<Value>(after) else { return };
    for path in paths(shape) {
        let (old, new) = (look(&client, path), look(&wanted, path));
        if old != new && !new.as_ref().is_ok_and(|new| new.is_array()) {
            let found = plain.pointer(&format!("/{}", path.replace('.', "/")));
            assert_eq!(found, new.ok(), "{path}\n{before}\n{after}");
        }
    }
}
