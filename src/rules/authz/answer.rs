//! Answers of plugins.

use crate::json::{Found, Object};
use crate::rules::{Reason, Refusal};

/// The name of the interface that a plugin must implement.
const INTERFACE: &str = "authz";

/// Maximum number of bytes of a plugin's message that a client gets.
const MESSAGE_LIMIT: usize = 4096;

/// Checks the answer to `Plugin.Activate`.
///
/// # Errors
/// The reason why the plugin cannot be asked.
pub fn activation(content: &[u8]) -> Result<(), String> {
    let object = object(content)?;
    let list = object.array("Implements").map_err(malformed)?;
    let implements = match &list {
        crate::json::Listed::Array(list) => {
            list.strings().flatten().any(|(_, name)| name == INTERFACE)
        }
        _ => false,
    };
    if implements { Ok(()) } else { Err(format!("it does not implement {INTERFACE:?}")) }
}

/// Returns the decision of `plugin` in its answer with status 200.
///
/// # Errors
/// The plugin denies the request, or its answer is malformed.
pub fn verdict(plugin: &str, content: &[u8]) -> Result<(), Refusal> {
    let read = || -> Result<(bool, String), String> {
        let object = object(content)?;
        let allow = object.member("Allow").map_err(malformed)?;
        let allow = match allow.map(|member| member.value) {
            Some("true") => true,
            Some("false" | "null") | None => false,
            Some(_) => return Err(malformed(())),
        };
        let text = |name| object.string(name).map_err(malformed);
        let message = text("Msg")?.filter(|text| !text.is_empty());
        let message = message.or(text("Err")?).unwrap_or_default().into_owned();
        Ok((allow, message))
    };
    match read() {
        Ok((true, _)) => Ok(()),
        Ok((false, message)) => {
            let text = format!("authorization denied by plugin {plugin}: {}", one_line(&message));
            Err(Refusal::new(Reason::AuthzDenied, text))
        }
        Err(why) => Err(failed(plugin, &why)),
    }
}

/// Returns the reason in an answer with another status than 200.
#[must_use]
pub fn no_answer(method: &str, status: u16, content: &[u8]) -> String {
    let error = object(content).ok().and_then(|object| {
        let error = object.string("Err").ok()??.into_owned();
        Some(error).filter(|error| !error.is_empty())
    });
    let text = error.unwrap_or_else(|| String::from_utf8_lossy(content).into_owned());
    match text.trim() {
        "" => format!("{method}: status {status}"),
        text => format!("{method}: {text}"),
    }
}

/// Refuses a request about which `plugin` did not decide.
#[must_use]
pub fn failed(plugin: &str, why: &str) -> Refusal {
    let text = format!("plugin {plugin} failed with error: {}", one_line(why));
    Refusal::new(Reason::AuthzFailed, text)
}

/// Describes an answer that is malformed, for whatever reason.
fn malformed<E>(_: E) -> String {
    "its answer is not a JSON object with the members of the protocol".to_owned()
}

fn object(content: &[u8]) -> Result<Object<'_>, String> {
    let text = str::from_utf8(content).map_err(malformed)?;
    match Found::document(text, None) {
        Ok(Found::Object(object)) => Ok(object),
        Ok(_) => Err(malformed(())),
        Err(error) => Err(malformed(error)),
    }
}

/// Returns a plugin's text in a form that is safe for a line of the log.
fn one_line(text: &str) -> String {
    let text = text.get(..text.floor_char_boundary(MESSAGE_LIMIT)).unwrap_or_default().trim();
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests;
