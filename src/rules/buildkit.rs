//! The messages of BuildKit's gRPC services by which images come into being, with what the
//! operator forces in them.
//!
//! | call | what carries labels |
//! |---|---|
//! | `LLBBridge/Solve` | `FrontendOpt` (3): `label:KEY`, `cgroup-parent`; the build of today's `docker build` |
//! | `LLBBridge/Return` | the image's config in the metadata of the result (1, 10), which the client hands back |
//! | `Control/Solve` | `FrontendAttrs` (7), where a frontend (6) is named; a config in the attributes of an exporter (4, 13) |
//!
//! Of several entries with one key of a map the last one counts, so ours stand behind all others.
//! The numbers are those of `control.proto` and `gateway.proto` of moby/buildkit.

use super::edits::Edits;
use super::json::{Found, label_map};
use super::protobuf::{Value, entry, fields, put, put_entry};
use super::socket::Note;
use super::{Injection, Refusal};

/// A call whose message is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `Control/Solve`: begins a build.
    ControlSolve,
    /// `LLBBridge/Solve`: has a frontend make something.
    BridgeSolve,
    /// `LLBBridge/Return`: says what the build comes to.
    BridgeReturn,
}

impl Method {
    /// The method that `path` calls, if it is one of them.
    #[must_use]
    pub fn of(path: &[u8]) -> Option<Self> {
        match path {
            b"/moby.buildkit.v1.Control/Solve" => Some(Self::ControlSolve),
            b"/moby.buildkit.v1.frontend.LLBBridge/Solve" => Some(Self::BridgeSolve),
            b"/moby.buildkit.v1.frontend.LLBBridge/Return" => Some(Self::BridgeReturn),
            _ => None,
        }
    }
}

/// A message with what is forced in it.
#[derive(Debug, PartialEq, Eq)]
pub struct Edited {
    /// The message.
    pub message: Vec<u8>,
    /// What was put in.
    pub forced: Forced,
    /// What passes, but leads around the labels: for the log.
    pub note: Option<Note>,
}

/// What was put into a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Forced {
    /// Nothing: it makes no image.
    Nothing,
    /// The labels.
    Labels,
    /// The labels and the cgroup parent.
    LabelsAndParent,
}

/// The message of a call of `method` with what the operator forces.
///
/// # Errors
/// A message that is no such one, or into which nothing can be put with certainty.
pub fn edit(injection: &Injection, method: Method, message: &[u8]) -> Result<Edited, Refusal> {
    let edited = match method {
        Method::ControlSolve => control_solve(injection, message),
        Method::BridgeSolve => bridge_solve(injection, message),
        Method::BridgeReturn => bridge_return(injection, message),
    }?;
    match edited.note {
        Some(_) if injection.strict => Err(Refusal::Unlabelled),
        _ => Ok(edited),
    }
}

/// Fields of `LLBBridge/Solve`.
mod bridge {
    pub(super) const FRONTEND: u64 = 2;
    pub(super) const FRONTEND_OPT: u64 = 3;
    pub(super) const EXPORTER_ATTR: u64 = 11;
}

/// Fields of `Control/Solve`.
mod control {
    pub(super) const DEFINITION: u64 = 2;
    pub(super) const OLD_EXPORTER: u64 = 3;
    pub(super) const OLD_EXPORTER_ATTRS: u64 = 4;
    pub(super) const FRONTEND: u64 = 6;
    pub(super) const FRONTEND_ATTRS: u64 = 7;
    pub(super) const EXPORTERS: u64 = 13;
    pub(super) const SESSION_EXPORTER: u64 = 14;
    /// Of an element of `EXPORTERS`.
    pub(super) const TYPE: u64 = 1;
    /// Of an element of `EXPORTERS`.
    pub(super) const ATTRS: u64 = 2;
}

/// Fields of `LLBBridge/Return`.
mod returned {
    pub(super) const RESULT: u64 = 1;
    /// Of the result: what it refers to, in four spellings.
    pub(super) const REFS: [u64; 4] = [1, 2, 3, 4];
    /// Of the result.
    pub(super) const METADATA: u64 = 10;
}

/// The exporters that make images.
const IMAGE_EXPORTERS: [&[u8]; 4] = [b"moby", b"image", b"docker", b"oci"];

const UNLABELLED: Note =
    "a BuildKit build makes an image without a frontend and without a config; it has no labels";

const SESSION_EXPORTER: Note =
    "a BuildKit build asks its client for exporters, whose image configs the proxy does not see";

fn bridge_solve(injection: &Injection, message: &[u8]) -> Result<Edited, Refusal> {
    let mut frontend = None;
    for field in fields(message)? {
        match field.number {
            bridge::FRONTEND => name_frontend(&mut frontend, field.bytes()?)?,
            bridge::FRONTEND_OPT => {
                entry(field.bytes()?)?;
            }
            // Clients of daemons before 18.09 hand an image's config back by it.
            bridge::EXPORTER_ATTR if !matches!(field.bytes()?, b"" | b"{}") => {
                return Err(Refusal::Message("it has an ExporterAttr, which no longer is in use"));
            }
            _ => {}
        }
    }
    let mut message = message.to_vec();
    let forced = if frontend == Some(true) {
        force(injection, &mut message, bridge::FRONTEND_OPT)
    } else {
        Forced::Nothing
    };
    Ok(Edited { message, forced, note: None })
}

fn control_solve(injection: &Injection, message: &[u8]) -> Result<Edited, Refusal> {
    let mut edited = Vec::with_capacity(message.len() + 512);
    let mut frontend = None;
    let mut definition = false;
    let mut makes_image = false;
    let mut asks_client = false;
    let mut configs = 0;
    for field in fields(message)? {
        match field.number {
            control::DEFINITION => definition = true,
            control::FRONTEND => name_frontend(&mut frontend, field.bytes()?)?,
            control::FRONTEND_ATTRS => {
                entry(field.bytes()?)?;
            }
            control::OLD_EXPORTER => makes_image |= IMAGE_EXPORTERS.contains(&field.bytes()?),
            control::OLD_EXPORTER_ATTRS => {
                let number = control::OLD_EXPORTER_ATTRS;
                configs += metadata(injection, field.bytes()?, number, &mut edited)?;
                continue;
            }
            control::SESSION_EXPORTER => asks_client |= field.value != Value::Varint(0),
            control::EXPORTERS => {
                let exporter = exporter(injection, field.bytes()?)?;
                makes_image |= exporter.makes_image;
                configs += exporter.configs;
                put(&mut edited, control::EXPORTERS, &exporter.message);
                continue;
            }
            _ => {}
        }
        edited.extend_from_slice(field.text);
    }
    let mut forced = if configs > 0 { Forced::Labels } else { Forced::Nothing };
    let frontend = frontend == Some(true);
    if frontend {
        forced = force(injection, &mut edited, control::FRONTEND_ATTRS);
    }
    // Without a definition the build comes from LLBBridge on behalf of this call.
    let unlabelled = definition && !frontend && makes_image && configs == 0;
    let note = unlabelled.then_some(UNLABELLED);
    Ok(Edited { message: edited, forced, note: note.or(asks_client.then_some(SESSION_EXPORTER)) })
}

/// Notes whether `name` names a frontend.
///
/// # Errors
/// It is the second one.
fn name_frontend(frontend: &mut Option<bool>, name: &[u8]) -> Result<(), Refusal> {
    match frontend.replace(!name.is_empty()) {
        None => Ok(()),
        Some(_) => {
            Err(Refusal::Message("it has two frontends, of which the daemon takes the last"))
        }
    }
}

/// An exporter with its attributes edited.
struct Exporter {
    message: Vec<u8>,
    makes_image: bool,
    configs: usize,
}

fn exporter(injection: &Injection, message: &[u8]) -> Result<Exporter, Refusal> {
    let mut edited = Exporter { message: Vec::new(), makes_image: false, configs: 0 };
    for field in fields(message)? {
        if field.number == control::ATTRS {
            edited.configs +=
                metadata(injection, field.bytes()?, control::ATTRS, &mut edited.message)?;
            continue;
        }
        if field.number == control::TYPE {
            edited.makes_image |= IMAGE_EXPORTERS.contains(&field.bytes()?);
        }
        edited.message.extend_from_slice(field.text);
    }
    Ok(edited)
}

fn bridge_return(injection: &Injection, message: &[u8]) -> Result<Edited, Refusal> {
    let mut edited = Vec::with_capacity(message.len() + 512);
    let mut returned = None;
    for field in fields(message)? {
        if field.number == returned::RESULT {
            if returned.is_some() {
                return Err(Refusal::Message("it has two results, which the daemon would merge"));
            }
            let result = result(injection, field.bytes()?)?;
            put(&mut edited, returned::RESULT, &result.message);
            returned = Some(result);
        } else {
            edited.extend_from_slice(field.text);
        }
    }
    let configs = returned.as_ref().map_or(0, |result| result.configs);
    let unlabelled = configs == 0 && returned.is_some_and(|result| result.refers);
    let forced = if configs > 0 { Forced::Labels } else { Forced::Nothing };
    Ok(Edited { message: edited, forced, note: unlabelled.then_some(UNLABELLED) })
}

/// The result of a build with its metadata edited.
struct Outcome {
    message: Vec<u8>,
    /// Whether there is something of which an image could be made.
    refers: bool,
    configs: usize,
}

fn result(injection: &Injection, message: &[u8]) -> Result<Outcome, Refusal> {
    let mut edited = Outcome { message: Vec::new(), refers: false, configs: 0 };
    for field in fields(message)? {
        if field.number == returned::METADATA {
            edited.configs +=
                metadata(injection, field.bytes()?, returned::METADATA, &mut edited.message)?;
            continue;
        }
        if returned::REFS.contains(&field.number) {
            edited.refers |= !field.bytes()?.is_empty();
        }
        edited.message.extend_from_slice(field.text);
    }
    Ok(edited)
}

/// Puts the entry `bytes` of a map of metadata, field `number`, behind `edited`: with labels if it
/// is the config of an image. How many such entries that is.
fn metadata(
    injection: &Injection,
    bytes: &[u8],
    number: u64,
    edited: &mut Vec<u8>,
) -> Result<usize, Refusal> {
    let (key, value) = entry(bytes)?;
    if key != b"containerimage.config" && !key.starts_with(b"containerimage.config/") {
        put(edited, number, bytes);
        return Ok(0);
    }
    put_entry(edited, number, key, config(injection, value)?.as_bytes());
    Ok(1)
}

/// The config of an image (OCI image-spec) with the labels.
fn config(injection: &Injection, document: &[u8]) -> Result<String, Refusal> {
    let not_json = |error: std::str::Utf8Error| Refusal::NotJson(error.to_string());
    let document = str::from_utf8(document).map_err(not_json)?;
    let mut edits = Edits::of(document);
    let Found::Object(mut top) = Found::read("", document)? else {
        return Err(Refusal::NotAnObject(String::new()));
    };
    match top.object("config")? {
        Found::Object(mut config) => {
            edits.spell(&top, "config")?;
            edits.label_member(&mut config, &injection.labels)?;
        }
        Found::Absent | Found::Null(_) => {
            let labels = format!("{{\"Labels\":{}}}", label_map(&injection.labels));
            edits.set(&mut top, "config", &labels)?;
        }
    }
    Ok(edits.write())
}

/// Puts the labels and the cgroup parent behind `message`, as entries of the map of a frontend.
fn force(injection: &Injection, message: &mut Vec<u8>, number: u64) -> Forced {
    for label in &injection.labels {
        let key = format!("label:{}", label.key);
        put_entry(message, number, key.as_bytes(), label.value.as_bytes());
    }
    let Some(parent) = &injection.cgroup_parent else {
        return Forced::Labels;
    };
    put_entry(message, number, b"cgroup-parent", parent.as_bytes());
    Forced::LabelsAndParent
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Label;

    fn injection() -> Injection {
        let label = |key: &str, value: &str| Label { key: key.into(), value: value.into() };
        Injection {
            labels: vec![label("a", "1"), label("b", "")],
            cgroup_parent: Some("/ci".into()),
            ..Injection::default()
        }
    }

    /// A message of fields of bytes.
    fn message(fields: &[(u64, &[u8])]) -> Vec<u8> {
        let mut message = Vec::new();
        for (number, bytes) in fields {
            put(&mut message, *number, bytes);
        }
        message
    }

    fn pair(key: &str, value: &str) -> Vec<u8> {
        message(&[(1, key.as_bytes()), (2, value.as_bytes())])
    }

    /// What the operator forces, as entries of the map `number`.
    fn forced(number: u64) -> Vec<u8> {
        let pairs = [("label:a", "1"), ("label:b", ""), ("cgroup-parent", "/ci")];
        pairs.map(|(key, value)| message(&[(number, &pair(key, value))])).concat()
    }

    #[test]
    fn a_frontend_is_told_what_is_forced_behind_what_the_client_says() {
        let client = [pair("label:a", "client"), pair("filename", "x")];
        for (method, frontend, map) in [(Method::BridgeSolve, 2, 3), (Method::ControlSolve, 6, 7)] {
            let solve =
                message(&[(map, &client[0]), (frontend, b"dockerfile.v0"), (map, &client[1])]);
            let edited = edit(&injection(), method, &solve).unwrap();
            assert_eq!(edited.message, [solve, forced(map)].concat(), "{method:?}");
            assert_eq!((edited.forced, edited.note), (Forced::LabelsAndParent, None));
            let without = message(&[(map, &client[0]), (frontend, b"")]);
            let edited = edit(&injection(), method, &without).unwrap();
            assert_eq!((edited.message, edited.forced), (without, Forced::Nothing), "{method:?}");
        }
    }

    #[test]
    fn configs_that_the_client_hands_back_have_the_labels() {
        let result = |config: &str, other: &str| {
            message(&[
                (10, &pair("containerimage.config", config)),
                (3, b"\x0a\x03ref"),
                (10, &pair("containerimage.config/linux/amd64", config)),
                (10, &pair("containerimage.configs", other)),
                (10, &pair("refs.platforms", other)),
            ])
        };
        for (config, labelled) in [
            (r#"{"os":"linux"}"#, r#"{"os":"linux","config":{"Labels":{"a":"1","b":""}}}"#),
            (r#"{"config":null}"#, r#"{"config":{"Labels":{"a":"1","b":""}}}"#),
            (r#"{"Config":null}"#, r#"{"config":{"Labels":{"a":"1","b":""}}}"#),
            (r#"{"Config":{"labels":{}}}"#, r#"{"config":{"Labels":{"a":"1","b":""}}}"#),
            (
                r#"{"config":{"Labels":{"a":"x","c":"y"}}}"#,
                r#"{"config":{"Labels":{"a":"1","c":"y","b":""}}}"#,
            ),
        ] {
            let returned = message(&[(1, &result(config, "{}"))]);
            let edited = edit(&injection(), Method::BridgeReturn, &returned).unwrap();
            assert_eq!(edited.message, message(&[(1, &result(labelled, "{}"))]), "{config}");
            assert_eq!((edited.forced, edited.note), (Forced::Labels, None));
        }
        for bad in ["", "null", "[]", "{", r#"{"config":[]}"#, r#"{"config":{},"Config":{}}"#] {
            let returned = message(&[(1, &result(bad, ""))]);
            assert!(edit(&injection(), Method::BridgeReturn, &returned).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_exporter_can_bring_a_config_of_its_own() {
        let (config, labelled) = ("{}", r#"{"config":{"Labels":{"a":"1","b":""}}}"#);
        let solve = |config: &str| {
            let attr = pair("containerimage.config", config);
            let exporter = message(&[(2, &pair("name", "x")), (1, b"moby"), (2, &attr)]);
            message(&[(2, b"LLB"), (4, &attr), (13, &exporter), (1, b"ref")])
        };
        let edited = edit(&injection(), Method::ControlSolve, &solve(config)).unwrap();
        assert_eq!(edited.message, solve(labelled));
        assert_eq!((edited.forced, edited.note), (Forced::Labels, None));
    }

    #[test]
    fn an_image_that_cannot_be_labelled_is_told_or_refused() {
        let strict = Injection { strict: true, ..injection() };
        let exporter = |kind: &[u8]| message(&[(2, b"LLB"), (13, &message(&[(1, kind)]))]);
        let returned = |refs: &[u8]| message(&[(1, &message(&[(3, refs)]))]);
        for (method, makes, other) in [
            (Method::ControlSolve, exporter(b"moby"), exporter(b"local")),
            (
                Method::ControlSolve,
                message(&[(3, b"image"), (2, b"LLB")]),
                message(&[(3, b"image")]),
            ),
            (Method::BridgeReturn, returned(b"\x0a\x01r"), returned(b"")),
        ] {
            let edited = edit(&injection(), method, &makes).unwrap();
            assert_eq!((&edited.message, edited.note), (&makes, Some(UNLABELLED)));
            assert_eq!(edit(&strict, method, &makes), Err(Refusal::Unlabelled));
            let edited = edit(&strict, method, &other).unwrap();
            assert_eq!((edited.message, edited.forced), (other, Forced::Nothing));
        }
    }

    #[test]
    fn exporters_of_a_session_are_told() {
        for (solve, note) in [(b"\x70\x01", Some(SESSION_EXPORTER)), (b"\x70\x00", None)] {
            let edited = edit(&injection(), Method::ControlSolve, solve).unwrap();
            assert_eq!((&*edited.message, edited.note), (&solve[..], note));
        }
    }

    #[test]
    fn odd_spellings_are_refused() {
        let result = message(&[(10, &pair("x", "y"))]);
        for (method, odd) in [
            (Method::BridgeReturn, message(&[(1, &result), (1, &result)])),
            (Method::BridgeReturn, message(&[(1, &message(&[(10, b"\x1a\x01x")]))])),
            (Method::BridgeSolve, message(&[(3, b"\x0a\x01k\x0a\x01k")])),
            // The daemon takes the last one, which is none.
            (Method::BridgeSolve, message(&[(2, b"dockerfile.v0"), (2, b"")])),
            (Method::ControlSolve, message(&[(2, b"LLB"), (6, b"dockerfile.v0"), (6, b"")])),
            (Method::BridgeSolve, message(&[(11, br#"{"containerimage.config":""}"#)])),
            (Method::BridgeSolve, b"\x10\x01".to_vec()),
            (Method::ControlSolve, message(&[(7, b"\x0a")])),
            (Method::ControlSolve, b"\x6b\x6c".to_vec()),
        ] {
            let refused = edit(&injection(), method, &odd);
            assert!(matches!(refused, Err(Refusal::Message(_))), "{odd:?}: {refused:?}");
        }
    }
}
