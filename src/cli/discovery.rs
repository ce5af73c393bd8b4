//! The daemon as the docker command finds it: `DOCKER_HOST`, else the context.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::flags::FLAGS;
use super::orders::FoundDaemon;
use super::settings::Setting;
use super::usage_error::UsageError;
use crate::config::socket::socket_path;

/// The context that stands for the default socket.
const DEFAULT: &str = "default";

/// Finds the daemon; `env` looks up a variable.
///
/// # Errors
///
/// A daemon that is not at a UNIX socket, and a context that does not exist or cannot be read.
pub(super) fn daemon(env: &impl Fn(&str) -> Option<OsString>) -> Result<FoundDaemon, UsageError> {
    let set = |name| env(name).filter(|value| !value.is_empty());
    if let Some(host) = set("DOCKER_HOST") {
        return found(&host, "DOCKER_HOST".to_owned());
    }
    let folder = set("DOCKER_CONFIG").map(PathBuf::from);
    let folder = folder.or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".docker")));
    let folder = folder.unwrap_or_else(|| PathBuf::from(".docker"));
    let named = set("DOCKER_CONTEXT").map(|name| name.to_string_lossy().into_owned());
    let (name, by) = match named {
        Some(name) => (name, "DOCKER_CONTEXT".to_owned()),
        None => match current(&folder)? {
            Some(name) => (name, folder.join("config.json").display().to_string()),
            None => (DEFAULT.to_owned(), String::new()),
        },
    };
    if name == DEFAULT {
        let flag = FLAGS.iter().find(|flag| flag.setting() == Some(Setting::Daemon));
        let path = flag.and_then(|flag| flag.default).unwrap_or_default();
        return found(path.as_ref(), "the default".to_owned());
    }
    let host = host_of(&folder, &name).map_err(|why| UsageError::Context {
        by,
        name: name.clone(),
        why,
    })?;
    found(host.as_ref(), format!("the context {name:?}"))
}

fn found(host: &OsStr, by: String) -> Result<FoundDaemon, UsageError> {
    match socket_path(host) {
        Ok(path) => Ok(FoundDaemon { path, by }),
        Err(why) => Err(UsageError::Invalid(by, why)),
    }
}

/// Returns the current context of the docker command, if one is set.
fn current(folder: &Path) -> Result<Option<String>, UsageError> {
    let path = folder.join("config.json");
    let Some(text) = read(&path).map_err(|why| unreadable(&path, why))? else { return Ok(None) };
    let config: Value =
        serde_json::from_slice(&text).map_err(|why| unreadable(&path, why.to_string()))?;
    let name = config.get("currentContext").and_then(Value::as_str);
    Ok(name.filter(|name| !name.is_empty()).map(ToOwned::to_owned))
}

fn unreadable(path: &Path, why: String) -> UsageError {
    UsageError::Unreadable {
        by: "the docker command's configuration".to_owned(),
        path: path.to_owned(),
        why,
    }
}

/// Returns the content of a file; `None` if there is none.
fn read(path: &Path) -> Result<Option<Vec<u8>>, String> {
    match fs::read(path) {
        Ok(text) => Ok(Some(text)),
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(why) => Err(why.to_string()),
    }
}

/// Returns the endpoint of a context. The names of the folders are digests of the names of contexts, so all are
/// looked at.
fn host_of(folder: &Path, name: &str) -> Result<String, String> {
    let folder = folder.join("contexts").join("meta");
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(why) => return Err(format!("cannot read {}: {why}", folder.display())),
    };
    for entry in entries.flatten() {
        let Ok(Some(text)) = read(&entry.path().join("meta.json")) else { continue };
        let Ok(meta) = serde_json::from_slice::<Value>(&text) else { continue };
        if meta.get("Name").and_then(Value::as_str) == Some(name) {
            let host = meta.pointer("/Endpoints/docker/Host").and_then(Value::as_str);
            return host.map(ToOwned::to_owned).ok_or_else(|| "it has no endpoint".to_owned());
        }
    }
    Err("there is no such context".to_owned())
}
