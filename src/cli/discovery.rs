//! The daemon as the docker command finds it: `DOCKER_HOST`, else the context.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::flags::FLAGS;
use super::orders::FoundDaemon;
use super::settings::Setting;
use super::usage_error::UsageError;
use crate::config::Invalid;
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
    let config = folder.as_deref().map(|folder| folder.join("config.json"));
    let (name, by) = match (set("DOCKER_CONTEXT"), config) {
        (Some(name), _) => (name.to_string_lossy().into_owned(), "DOCKER_CONTEXT".to_owned()),
        (None, Some(config)) => (current(&config)?, config.display().to_string()),
        (None, None) => (DEFAULT.to_owned(), String::new()),
    };
    if name == DEFAULT {
        let flag = FLAGS.iter().find(|flag| flag.setting() == Some(Setting::Daemon));
        let path = flag.and_then(|flag| flag.default).unwrap_or_default();
        return found(path.as_ref(), "the default".to_owned());
    }
    match host_of(&folder.unwrap_or_default(), &name) {
        Ok(host) => found(host.as_ref(), format!("the context {name:?} of {by}")),
        Err(why) => Err(UsageError::Context { by, name, why }),
    }
}

/// Returns the daemon at an address. The docker command reads an address without `unix://` as that of another
/// machine, unless it is an absolute path.
fn found(host: &OsStr, by: String) -> Result<FoundDaemon, UsageError> {
    let is_unix = host.as_encoded_bytes().starts_with(b"unix://") || Path::new(host).is_absolute();
    let path = if is_unix {
        socket_path(host)
    } else {
        Err(Invalid::NotUnix(host.to_string_lossy().into_owned()))
    };
    match path {
        Ok(path) => Ok(FoundDaemon { path, by }),
        Err(why) => Err(UsageError::Invalid(by, why)),
    }
}

/// Returns the current context of the docker command, whose configuration is at `path`.
fn current(path: &Path) -> Result<String, UsageError> {
    let unreadable = |why| UsageError::Unreadable {
        by: "the configuration of the docker command".to_owned(),
        path: path.to_owned(),
        why,
    };
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => return Ok(DEFAULT.to_owned()),
        Err(why) => return Err(unreadable(why.to_string())),
    };
    let config: Value = serde_json::from_slice(&text).map_err(|why| unreadable(why.to_string()))?;
    let name = config.get("currentContext").and_then(Value::as_str);
    Ok(name.filter(|name| !name.is_empty()).unwrap_or(DEFAULT).to_owned())
}

/// Returns the address of the daemon of a context. The names of the folders are digests of the names of contexts, so
/// all are looked at.
fn host_of(folder: &Path, name: &str) -> Result<String, String> {
    let folder = folder.join("contexts").join("meta");
    let entries =
        fs::read_dir(&folder).map_err(|why| format!("cannot read {}: {why}", folder.display()))?;
    for entry in entries.flatten() {
        let Ok(text) = fs::read(entry.path().join("meta.json")) else { continue };
        let Ok(meta) = serde_json::from_slice::<Value>(&text) else { continue };
        if meta.get("Name").and_then(Value::as_str) == Some(name) {
            let host = meta.pointer("/Endpoints/docker/Host").and_then(Value::as_str);
            let host = host.filter(|host| !host.is_empty());
            return host.map(ToOwned::to_owned).ok_or_else(|| "it names no daemon".to_owned());
        }
    }
    Err(format!("{} has none of this name", folder.display()))
}

#[cfg(test)]
mod tests;
