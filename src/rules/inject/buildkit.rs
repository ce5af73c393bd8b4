//! The messages of BuildKit's gRPC services that make images.
//!
//! | call | places of labels |
//! |---|---|
//! | `LLBBridge/Solve` | `FrontendOpt` (3): `label:KEY`, `cgroup-parent`, [options](super::build_options); used by today's `docker build` |
//! | `LLBBridge/Return` | the image config in the metadata of the result (1, 10), which the client returns |
//! | `Control/Solve` | `FrontendAttrs` (7), if a frontend (6) is named; an image config in the attributes of an exporter (4, 13) that reads them: `moby` does so only with containerd's image [store](Store) |
//!
//! The last entry of a key of a map counts, so forced entries are appended.
//!
//! `Control/Solve` also grants the build the host's network (`Entitlements`, 9), which a step may then
//! use whatever `force-network-mode` is. So the grant follows a forced network mode.
//! The numbers are those of `control.proto` and `gateway.proto` of moby/buildkit.

mod attributes;
mod exporters;
pub(super) mod image_config;
pub(in crate::rules) mod protobuf;
mod refusals;
mod store;

pub(in crate::rules) use self::attributes::force;
use self::exporters::{Exporter, Images, UNLABELLED};
use self::refusals::unlabelled;
pub use self::refusals::{call_path, compressed, plain_http2};
use self::store::Reads;
pub use self::store::Store;
use crate::rules::inject::buildkit::image_config::Metadata;
pub use crate::rules::inject::buildkit::protobuf::odd_message;
use crate::rules::inject::buildkit::protobuf::{Value, entry, fields, put};
use crate::rules::socket::Note;
use crate::rules::{Forced, Profile, Refusal};

/// A call whose message is edited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// `Control/Solve`: begins a build.
    ControlSolve,
    /// `LLBBridge/Solve`: runs a frontend or a definition.
    BridgeSolve,
    /// `LLBBridge/Return`: returns the result of the build.
    BridgeReturn,
}

impl Method {
    /// Returns the method that `path` calls, if it is one of these.
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

/// A message with the forced values.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct EditedMessage {
    /// The message.
    pub message: Vec<u8>,
    /// The kinds of forced values.
    pub forced: Forced,
    /// A note for the log about an image without labels.
    pub note: Option<Note>,
    /// `true` if the note depends on the daemon's store, which is not known. The caller asks for it and
    /// edits the message again.
    pub asks_for_store: bool,
    /// The notes about rules of the policy that would refuse it.
    pub warned: Vec<Note>,
}

/// Forces the operator's values into the message of a call of `method`. `store` is the daemon's, if it is
/// known.
///
/// # Errors
/// A malformed message, or one that cannot be edited reliably.
pub fn edit(
    profile: &Profile,
    method: Method,
    message: &[u8],
    store: Option<Store>,
) -> Result<EditedMessage, Refusal> {
    let labels_images = !profile.inject.image_labels().is_empty();
    let moves_steps =
        profile.inject.build_cgroup_parent().is_some() && method != Method::BridgeReturn;
    let has_options =
        !profile.inject.build_options().attributes().is_empty() && method != Method::BridgeReturn;
    if !labels_images && !moves_steps && !has_options {
        return Ok(EditedMessage { message: message.to_vec(), ..EditedMessage::default() });
    }
    let mut edited = match method {
        Method::ControlSolve => control_solve(profile, message, store),
        Method::BridgeSolve => bridge_solve(profile, message),
        Method::BridgeReturn => bridge_return(profile, message),
    }?;
    // All notes are about labels.
    edited.note = edited.note.filter(|_| labels_images);
    edited.asks_for_store &= labels_images;
    match edited.note {
        Some(_) if profile.strict && !edited.asks_for_store => Err(unlabelled()),
        _ => Ok(edited),
    }
}

/// Fields of `LLBBridge/Solve`.
mod bridge {
    pub(super) const FRONTEND: u64 = 2;
    pub(super) const FRONTEND_OPT: u64 = 3;
    pub(super) const FINAL: u64 = 10;
    pub(super) const EXPORTER_ATTR: u64 = 11;
}

/// Fields of `Control/Solve`.
mod control {
    pub(super) const DEFINITION: u64 = 2;
    pub(super) const OLD_EXPORTER: u64 = 3;
    pub(super) const OLD_EXPORTER_ATTRS: u64 = 4;
    pub(super) const FRONTEND: u64 = 6;
    pub(super) const FRONTEND_ATTRS: u64 = 7;
    pub(super) const ENTITLEMENTS: u64 = 9;
    pub(super) const EXPORTERS: u64 = 13;
    pub(super) const SESSION_EXPORTER: u64 = 14;
    /// A field of an element of `EXPORTERS`.
    pub(super) const TYPE: u64 = 1;
    /// A field of an element of `EXPORTERS`.
    pub(super) const ATTRS: u64 = 2;
}

/// Fields of `LLBBridge/Return`.
mod returned {
    pub(super) const RESULT: u64 = 1;
    /// The result's one reference, in the old and the new encoding.
    pub(super) const REF: [u64; 2] = [1, 3];
    /// The result's references by platform, in the old and the new encoding.
    pub(super) const REFS: [u64; 2] = [2, 4];
    /// The result's metadata.
    pub(super) const METADATA: u64 = 10;
}

/// The entitlement of a build to the host's network.
pub(in crate::rules) const HOST_NETWORK: &[u8] = b"network.host";

const SESSION_EXPORTER: Note = Note::Way(
    "a BuildKit build asks its client for exporters, whose image configs the proxy does not see",
);

fn bridge_solve(profile: &Profile, message: &[u8]) -> Result<EditedMessage, Refusal> {
    let mut frontend = None;
    for field in fields(message)? {
        match field.number {
            bridge::FRONTEND => name_frontend(&mut frontend, field.bytes()?)?,
            bridge::FRONTEND_OPT => {
                entry(field.bytes()?)?;
            }
            // Clients of daemons before 18.09 mark the result of the build by it, and return the image
            // config in the next field.
            bridge::FINAL if field.value != Value::Varint(0) => {
                return Err(odd_message("it has a Final, which no longer is in use"));
            }
            bridge::EXPORTER_ATTR if !matches!(field.bytes()?, b"" | b"{}") => {
                return Err(odd_message("it has an ExporterAttr, which no longer is in use"));
            }
            _ => {}
        }
    }
    let mut message = message.to_vec();
    let forced = if frontend == Some(true) {
        force(profile, &mut message, bridge::FRONTEND_OPT)?
    } else {
        Forced::NOTHING
    };
    Ok(EditedMessage { message, forced, ..EditedMessage::default() })
}

fn control_solve(
    profile: &Profile,
    message: &[u8],
    store: Option<Store>,
) -> Result<EditedMessage, Refusal> {
    let mut edited = Vec::with_capacity(message.len() + 512);
    let solve = ControlSolve::edit(profile, message, store, &mut edited)?;
    let frontend = solve.frontend == Some(true);
    let mut forced = if frontend {
        force(profile, &mut edited, control::FRONTEND_ATTRS)?
    } else {
        Forced::LABELS.when(solve.images.reads.contains(&Reads::Always))
    };
    let host_network = profile.inject.build_options().host_network();
    if host_network == Some(true) {
        put(&mut edited, control::ENTITLEMENTS, HOST_NETWORK);
    }
    forced |= Forced::FIELDS.when(host_network == Some(true) || solve.takes_grant);
    // Without a definition the build comes from LLBBridge on behalf of this call.
    let bare = solve.definition && !frontend;
    let asks_client = solve.asks_client.then_some(SESSION_EXPORTER);
    let note = solve.images.note().filter(|_| bare).or(asks_client);
    let asks_for_store = bare && solve.images.by_store && store.is_none();
    Ok(EditedMessage { message: edited, forced, note, asks_for_store, warned: Vec::new() })
}

/// The fields of a `Control/Solve` that decide about its labels and its network.
#[derive(Default)]
struct ControlSolve {
    frontend: Option<bool>,
    /// `true` if there is a definition.
    definition: bool,
    /// `true` if the client is asked for exporters.
    asks_client: bool,
    /// `true` if the entitlement to the host's network was left out.
    takes_grant: bool,
    images: Images,
}

impl ControlSolve {
    /// Reads `message`, and appends it to `edited` with the configs in its exporters edited.
    fn edit(
        profile: &Profile,
        message: &[u8],
        store: Option<Store>,
        edited: &mut Vec<u8>,
    ) -> Result<Self, Refusal> {
        let images = Images { store: store.unwrap_or(Store::Unknown), ..Images::default() };
        let mut solve = Self { images, ..Self::default() };
        let host_network = profile.inject.build_options().host_network();
        // BuildKit before 0.13 reads only the old fields; later versions read the new ones if there are
        // any. So both are labelled.
        let mut old = Exporter::default();
        for field in fields(message)? {
            match field.number {
                control::DEFINITION => solve.definition = true,
                control::FRONTEND => name_frontend(&mut solve.frontend, field.bytes()?)?,
                control::FRONTEND_ATTRS => {
                    entry(field.bytes()?)?;
                }
                control::ENTITLEMENTS
                    if host_network.is_some() && field.bytes()? == HOST_NETWORK =>
                {
                    solve.takes_grant = true;
                    continue;
                }
                control::OLD_EXPORTER => old.kind = field.bytes()?,
                control::OLD_EXPORTER_ATTRS => {
                    let number = control::OLD_EXPORTER_ATTRS;
                    old.attributes.edit(profile, field.bytes()?, number, edited)?;
                    continue;
                }
                control::SESSION_EXPORTER => solve.asks_client |= field.value != Value::Varint(0),
                control::EXPORTERS => {
                    let mut message = Vec::new();
                    solve.images.count(&Exporter::edit(profile, field.bytes()?, &mut message)?)?;
                    put(edited, control::EXPORTERS, &message);
                    continue;
                }
                _ => {}
            }
            edited.extend_from_slice(field.text);
        }
        solve.images.count(&old)?;
        Ok(solve)
    }
}

/// Records if `name` names a frontend.
///
/// # Errors
/// The field occurs twice.
fn name_frontend(frontend: &mut Option<bool>, name: &[u8]) -> Result<(), Refusal> {
    match frontend.replace(!name.is_empty()) {
        None => Ok(()),
        Some(_) => Err(odd_message("it has two frontends, of which the daemon takes the last")),
    }
}

fn bridge_return(profile: &Profile, message: &[u8]) -> Result<EditedMessage, Refusal> {
    let mut edited = Vec::with_capacity(message.len() + 512);
    let mut returned = None;
    for field in fields(message)? {
        if field.number == returned::RESULT {
            if returned.is_some() {
                return Err(odd_message("it has two results, which the daemon would merge"));
            }
            let result = result(profile, field.bytes()?)?;
            put(&mut edited, returned::RESULT, &result.message);
            returned = Some(result);
        } else {
            edited.extend_from_slice(field.text);
        }
    }
    let labelled = returned.as_ref().is_some_and(BuildResult::is_labelled);
    let unlabelled = !labelled && returned.is_some_and(|result| result.refers);
    let forced = if labelled { Forced::LABELS } else { Forced::NOTHING };
    let note = unlabelled.then_some(UNLABELLED);
    Ok(EditedMessage { message: edited, forced, note, ..EditedMessage::default() })
}

/// The result of a build with edited metadata.
#[derive(Default)]
struct BuildResult<'m> {
    message: Vec<u8>,
    /// `true` if it has a reference, from which an image could be made.
    refers: bool,
    /// `true` if it has references by platform.
    by_platform: bool,
    metadata: Metadata<'m>,
}

impl BuildResult<'_> {
    /// Returns `true` if its image gets a config from the metadata.
    fn is_labelled(&self) -> bool {
        if self.by_platform {
            // Docker's exporter does not fall back to the other config.
            self.metadata.has_configs_of_platforms()
        } else {
            self.metadata.has_config()
        }
    }
}

fn result<'m>(profile: &Profile, message: &'m [u8]) -> Result<BuildResult<'m>, Refusal> {
    let mut edited = BuildResult::default();
    let mut referred = None;
    for field in fields(message)? {
        if field.number == returned::METADATA {
            let (bytes, number) = (field.bytes()?, returned::METADATA);
            edited.metadata.edit(profile, bytes, number, &mut edited.message)?;
            continue;
        }
        let by_platform = returned::REFS.contains(&field.number);
        if by_platform || returned::REF.contains(&field.number) {
            if referred.replace(field).is_some() {
                return Err(odd_message("its result refers to two things"));
            }
            edited.refers = !field.bytes()?.is_empty();
            edited.by_platform = by_platform && edited.refers;
        }
        edited.message.extend_from_slice(field.text);
    }
    Ok(edited)
}

#[cfg(test)]
mod tests;
