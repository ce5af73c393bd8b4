//! The messages of BuildKit's gRPC services by which images come into being, with what the
//! operator forces in them.
//!
//! | call | what carries labels |
//! |---|---|
//! | `LLBBridge/Solve` | `FrontendOpt` (3): `label:KEY`, `cgroup-parent`; the build of today's `docker build` |
//! | `LLBBridge/Return` | the image's config in the metadata of the result (1, 10), which the client hands back |
//! | `Control/Solve` | `FrontendAttrs` (7), where a frontend (6) is named; a config in the attributes of an exporter (4, 13) that reads them: `moby` does so only where the images are in containerd's [store](Store) |
//!
//! Of several entries with one key of a map the last one counts, so ours stand behind all others.
//! The numbers are those of `control.proto` and `gateway.proto` of moby/buildkit.

mod refusals;
mod store;

use std::borrow::Cow;
use std::collections::BTreeSet;

use self::refusals::unlabelled;
pub use self::refusals::{call_path, compressed, plain_http2};
use self::store::Reads;
pub use self::store::Store;
use super::metadata::Metadata;
pub use super::protobuf::odd_message;
use super::protobuf::{Value, entry, fields, put, put_entry};
use super::socket::Note;
use super::{Forced, Injection, Refusal};

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
    /// Set if the note depends on the daemon's store, which is not known: it is to be asked for,
    /// and the message edited again.
    pub asks_for_store: bool,
}

/// Returns the message of a call of `method` with what the operator forces. It is as it came where
/// nothing is. `store` is that of the daemon, if it was asked for.
///
/// # Errors
/// A message that is no such one, or into which nothing can be put with certainty.
pub fn edit(
    injection: &Injection,
    method: Method,
    message: &[u8],
    store: Option<Store>,
) -> Result<Edited, Refusal> {
    let labels_images = !injection.inject.image_labels().is_empty();
    let moves_steps =
        injection.inject.build_cgroup_parent().is_some() && method != Method::BridgeReturn;
    if !labels_images && !moves_steps {
        let (message, forced) = (message.to_vec(), Forced::NOTHING);
        return Ok(Edited { message, forced, note: None, asks_for_store: false });
    }
    let mut edited = match method {
        Method::ControlSolve => control_solve(injection, message, store),
        Method::BridgeSolve => bridge_solve(injection, message),
        Method::BridgeReturn => bridge_return(injection, message),
    }?;
    // All notes are about labels.
    edited.note = edited.note.filter(|_| labels_images);
    edited.asks_for_store &= labels_images;
    match edited.note {
        Some(_) if injection.strict && !edited.asks_for_store => Err(unlabelled()),
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
    /// Of the result: the one thing that it refers to, in two spellings.
    pub(super) const REF: [u64; 2] = [1, 3];
    /// Of the result: what it refers to for each platform, in two spellings.
    pub(super) const REFS: [u64; 2] = [2, 4];
    /// Of the result.
    pub(super) const METADATA: u64 = 10;
}

/// The exporters that make images.
const IMAGE_EXPORTERS: [&[u8]; 4] = [b"moby", b"image", b"docker", b"oci"];

const UNLABELLED: Note = "a BuildKit build makes an image without a frontend and without a config that its exporter reads; it \
     has no labels";

const UNSURE: Note = "a BuildKit build makes an image with a config that its exporter may not read; it may have no labels";

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
            // Clients of daemons before 18.09 say by it what the build comes to, and hand an image's
            // config back by the next.
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
        force(injection, &mut message, bridge::FRONTEND_OPT)
    } else {
        Forced::NOTHING
    };
    Ok(Edited { message, forced, note: None, asks_for_store: false })
}

fn control_solve(
    injection: &Injection,
    message: &[u8],
    store: Option<Store>,
) -> Result<Edited, Refusal> {
    let mut edited = Vec::with_capacity(message.len() + 512);
    let mut frontend = None;
    let mut definition = false;
    let mut asks_client = false;
    // BuildKit before 0.13 reads only the old fields, later ones only the new, if there are any: each
    // has to be labelled by itself.
    let mut old = Exporter::default();
    let mut images = Images { store: store.unwrap_or(Store::Unknown), ..Images::default() };
    for field in fields(message)? {
        match field.number {
            control::DEFINITION => definition = true,
            control::FRONTEND => name_frontend(&mut frontend, field.bytes()?)?,
            control::FRONTEND_ATTRS => {
                entry(field.bytes()?)?;
            }
            control::OLD_EXPORTER => old.kind = field.bytes()?,
            control::OLD_EXPORTER_ATTRS => {
                let number = control::OLD_EXPORTER_ATTRS;
                old.attributes.edit(injection, field.bytes()?, number, &mut edited)?;
                continue;
            }
            control::SESSION_EXPORTER => asks_client |= field.value != Value::Varint(0),
            control::EXPORTERS => {
                let mut message = Vec::new();
                images.count(&Exporter::edit(injection, field.bytes()?, &mut message)?)?;
                put(&mut edited, control::EXPORTERS, &message);
                continue;
            }
            _ => {}
        }
        edited.extend_from_slice(field.text);
    }
    images.count(&old)?;
    let mut forced =
        if images.reads.contains(&Reads::Always) { Forced::LABELS } else { Forced::NOTHING };
    let frontend = frontend == Some(true);
    if frontend {
        forced = force(injection, &mut edited, control::FRONTEND_ATTRS);
    }
    // Without a definition the build comes from LLBBridge on behalf of this call.
    let bare = definition && !frontend;
    let note = images.note().filter(|_| bare).or(asks_client.then_some(SESSION_EXPORTER));
    let asks_for_store = bare && images.by_store && store.is_none();
    Ok(Edited { message: edited, forced, note, asks_for_store })
}

/// Notes whether `name` names a frontend.
///
/// # Errors
/// It is the second one.
fn name_frontend(frontend: &mut Option<bool>, name: &[u8]) -> Result<(), Refusal> {
    match frontend.replace(!name.is_empty()) {
        None => Ok(()),
        Some(_) => Err(odd_message("it has two frontends, of which the daemon takes the last")),
    }
}

/// What makes something of the result of a build.
#[derive(Default)]
struct Exporter<'m> {
    kind: &'m [u8],
    attributes: Metadata<'m>,
}

impl<'m> Exporter<'m> {
    /// The exporter that is `message`, which is put behind `edited` with its attributes edited.
    fn edit(
        injection: &Injection,
        message: &'m [u8],
        edited: &mut Vec<u8>,
    ) -> Result<Self, Refusal> {
        let mut exporter = Self::default();
        for field in fields(message)? {
            if field.number == control::ATTRS {
                exporter.attributes.edit(injection, field.bytes()?, control::ATTRS, edited)?;
                continue;
            }
            if field.number == control::TYPE {
                exporter.kind = field.bytes()?;
            }
            edited.extend_from_slice(field.text);
        }
        Ok(exporter)
    }
}

/// The images that exporters make of a result that has no config.
#[derive(Default)]
struct Images {
    store: Store,
    /// One entry for each kind of reading among their exporters.
    reads: BTreeSet<Reads>,
    /// Set if one of them has labels or not by the store.
    by_store: bool,
}

impl Images {
    /// # Errors
    /// The attributes list platforms. They would stand in for those of the result, under which its
    /// configs with the labels are.
    fn count(&mut self, exporter: &Exporter<'_>) -> Result<(), Refusal> {
        if exporter.attributes.lists_platforms() {
            return Err(odd_message("an exporter lists platforms, as only a result does"));
        }
        if IMAGE_EXPORTERS.contains(&exporter.kind) {
            self.reads.insert(Reads::of(exporter.kind, &exporter.attributes, self.store));
            self.by_store |= exporter.kind == b"moby" && exporter.attributes.has_any_config();
        }
        Ok(())
    }

    /// The line for the log about the one that has the fewest labels.
    fn note(&self) -> Option<Note> {
        match self.reads.first()? {
            Reads::Never => Some(UNLABELLED),
            Reads::Maybe => Some(UNSURE),
            Reads::Always => None,
        }
    }
}

fn bridge_return(injection: &Injection, message: &[u8]) -> Result<Edited, Refusal> {
    let mut edited = Vec::with_capacity(message.len() + 512);
    let mut returned = None;
    for field in fields(message)? {
        if field.number == returned::RESULT {
            if returned.is_some() {
                return Err(odd_message("it has two results, which the daemon would merge"));
            }
            let result = result(injection, field.bytes()?)?;
            put(&mut edited, returned::RESULT, &result.message);
            returned = Some(result);
        } else {
            edited.extend_from_slice(field.text);
        }
    }
    let labelled = returned.as_ref().is_some_and(Outcome::is_labelled);
    let unlabelled = !labelled && returned.is_some_and(|result| result.refers);
    let forced = if labelled { Forced::LABELS } else { Forced::NOTHING };
    let note = unlabelled.then_some(UNLABELLED);
    Ok(Edited { message: edited, forced, note, asks_for_store: false })
}

/// The result of a build with its metadata edited.
#[derive(Default)]
struct Outcome<'m> {
    message: Vec<u8>,
    /// Whether there is something of which an image could be made.
    refers: bool,
    /// Whether that is a map by platforms.
    by_platform: bool,
    metadata: Metadata<'m>,
}

impl Outcome<'_> {
    /// Whether the image that is made of it has a config of those in the metadata.
    fn is_labelled(&self) -> bool {
        if self.by_platform {
            // Docker's own exporter does not fall back on the other config.
            self.metadata.has_configs_of_platforms()
        } else {
            self.metadata.has_config()
        }
    }
}

fn result<'m>(injection: &Injection, message: &'m [u8]) -> Result<Outcome<'m>, Refusal> {
    let mut edited = Outcome::default();
    let mut referred = None;
    for field in fields(message)? {
        if field.number == returned::METADATA {
            let (bytes, number) = (field.bytes()?, returned::METADATA);
            edited.metadata.edit(injection, bytes, number, &mut edited.message)?;
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

/// Puts the labels and the cgroup parent behind `message`, as entries of the map of a frontend.
fn force(injection: &Injection, message: &mut Vec<u8>, number: u64) -> Forced {
    for label in injection.inject.image_labels() {
        let key = format!("label:{}", label.key);
        put_entry(message, number, key.as_bytes(), label.value.as_bytes());
    }
    let parent = injection.inject.build_cgroup_parent();
    if let Some(parent) = parent {
        put_entry(message, number, b"cgroup-parent", cgroup_path(parent).as_bytes());
    }
    Forced::LABELS.when(!injection.inject.image_labels().is_empty())
        | Forced::CGROUP_PARENT.when(parent.is_some())
}

/// The path of a cgroup parent, for BuildKit takes no names of slices: it has its steps run at
/// `/PARENT/buildkit/ID`, also where systemd has the containers' cgroups. A slice is in those that its
/// name begins with: `a-b.slice` is at `/a.slice/a-b.slice`.
fn cgroup_path(parent: &str) -> Cow<'_, str> {
    let slice = parent.strip_suffix(".slice").filter(|name| !name.contains('/'));
    let Some(name) = slice else { return parent.into() };
    let outer = name.match_indices('-').filter_map(|(dash, _)| name.get(..dash));
    let slices: Vec<_> = outer.chain([name]).map(|name| format!("/{name}.slice")).collect();
    slices.concat().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{Injections, Label};

    fn injection() -> Injection {
        let label = |key: &str, value: &str| Label { key: key.into(), value: value.into() };
        let labels = [label("a", "1"), label("b", "")];
        injecting(&labels, Some("/ci"))
    }

    fn injecting(image_labels: &[Label], build_cgroup_parent: Option<&str>) -> Injection {
        let inject = Injections::forced(&[], image_labels, None, build_cgroup_parent);
        Injection { inject, ..Injection::default() }
    }

    /// The message for a daemon with a graph driver.
    fn edit(injection: &Injection, method: Method, message: &[u8]) -> Result<Edited, Refusal> {
        super::edit(injection, method, message, Some(Store::GraphDriver))
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

    /// The cgroup parent, as an entry of the map `number`.
    fn cgroup_parent(number: u64) -> Vec<u8> {
        message(&[(number, &pair("cgroup-parent", "/ci"))])
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
            assert_eq!(
                (edited.forced, edited.note),
                (Forced::LABELS | Forced::CGROUP_PARENT, None)
            );
            let without = message(&[(map, &client[0]), (frontend, b"")]);
            let edited = edit(&injection(), method, &without).unwrap();
            assert_eq!((edited.message, edited.forced), (without, Forced::NOTHING), "{method:?}");
        }
    }

    #[test]
    fn buildkit_is_told_where_a_slice_is() {
        for (parent, path) in [
            ("/ci/7", "/ci/7"),
            ("/ci-7.slice", "/ci-7.slice"),
            ("/a/ci-7.slice", "/a/ci-7.slice"),
            ("ci.slice", "/ci.slice"),
            ("ci-7.slice", "/ci.slice/ci-7.slice"),
            ("ci-team-7.slice", "/ci.slice/ci-team.slice/ci-team-7.slice"),
        ] {
            let injection = injecting(&[], Some(parent));
            let solve = message(&[(2, b"dockerfile.v0")]);
            let edited = edit(&injection, Method::BridgeSolve, &solve).unwrap();
            let entry = message(&[(3, &pair("cgroup-parent", path))]);
            assert_eq!(edited.message, [solve, entry].concat(), "{parent}");
        }
    }

    #[test]
    fn what_is_kept_out_of_builds_is_the_clients() {
        let labels = injecting(injection().inject.image_labels(), None);
        let parent = Injection { strict: true, ..injecting(&[], Some("/ci")) };
        let neither = Injection { strict: true, ..Injection::default() };
        for (method, frontend, map) in [(Method::BridgeSolve, 2, 3), (Method::ControlSolve, 6, 7)] {
            let client = [pair("cgroup-parent", "/mine"), pair("label:a", "client")];
            let solve =
                message(&[(frontend, b"dockerfile.v0"), (map, &client[0]), (map, &client[1])]);
            let both = forced(map);
            let (ours, moved) = both.split_at(both.len() - cgroup_parent(map).len());
            for (injection, put, forced) in [
                (&labels, ours, Forced::LABELS),
                (&parent, moved, Forced::CGROUP_PARENT),
                (&neither, &b""[..], Forced::NOTHING),
            ] {
                let edited = edit(injection, method, &solve).unwrap();
                assert_eq!(edited.message, [&solve, put].concat(), "{method:?}");
                assert_eq!((edited.forced, edited.note), (forced, None));
            }
        }
        // Images without a frontend or with a config of the client's, and exporters of its session.
        let (config, image) = (pair(CONFIG, "no config"), exporter(b"image", CONFIG, "{}"));
        let platforms = exporter(b"image", "refs.platforms", "{}");
        let result = message(&[(10, &config), (3, b"\x0a\x01r")]);
        for (method, odd) in [
            (Method::ControlSolve, message(&[(2, b"LLB"), (13, &message(&[(1, b"moby")]))])),
            (Method::ControlSolve, message(&[(3, b"image"), (4, &config), (13, &image)])),
            (Method::ControlSolve, message(&[(2, b"LLB"), (13, &platforms)])),
            (Method::ControlSolve, b"\x70\x01".to_vec()),
            (Method::BridgeReturn, message(&[(1, &result)])),
        ] {
            for injection in [&parent, &neither] {
                let edited = edit(injection, method, &odd).unwrap();
                assert_eq!((edited.message, edited.forced), (odd.clone(), Forced::NOTHING));
                assert_eq!(edited.note, None, "{odd:?}");
            }
            let strict = Injection { strict: true, ..labels.clone() };
            assert!(edit(&strict, method, &odd).is_err(), "{odd:?}");
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
            assert_eq!((edited.forced, edited.note), (Forced::LABELS, None));
        }
        for bad in ["", "null", "[]", "{", r#"{"config":[]}"#, r#"{"config":{},"Config":{}}"#] {
            let returned = message(&[(1, &result(bad, ""))]);
            assert!(edit(&injection(), Method::BridgeReturn, &returned).is_err(), "{bad}");
        }
    }

    /// An exporter of `kind` with one attribute.
    fn exporter(kind: &[u8], key: &str, value: &str) -> Vec<u8> {
        message(&[(2, &pair("name", "x")), (1, kind), (2, &pair(key, value))])
    }

    const CONFIG: &str = "containerimage.config";

    #[test]
    fn an_exporter_can_bring_a_config_of_its_own() {
        let (config, labelled) = ("{}", r#"{"config":{"Labels":{"a":"1","b":""}}}"#);
        let solve = |config: &str| {
            let (attr, other) = (pair(CONFIG, config), exporter(b"oci", CONFIG, config));
            message(&[(2, b"LLB"), (3, b"image"), (4, &attr), (13, &other), (1, b"ref")])
        };
        let edited = edit(&injection(), Method::ControlSolve, &solve(config)).unwrap();
        assert_eq!(edited.message, solve(labelled));
        assert_eq!((edited.forced, edited.note), (Forced::LABELS, None));
    }

    #[test]
    fn a_config_counts_where_the_daemon_reads_it() {
        let strict = Injection { strict: true, ..injection() };
        let attr = pair(CONFIG, "{}");
        let labelled = exporter(b"image", CONFIG, "{}");
        let plain = message(&[(1, b"image")]);
        for (fields, forced) in [
            // Nobody reads such a key.
            (&[(13, &*exporter(b"image", "containerimage.configs", "{}"))], Forced::NOTHING),
            // Docker's own exporter reads no attributes where the store is a graph driver.
            (
                &[(13, &*exporter(b"moby", "containerimage.config/linux/amd64", "{}"))],
                Forced::NOTHING,
            ),
            (&[(13, &*exporter(b"moby", CONFIG, "{}"))], Forced::NOTHING),
            (&[(3, &b"moby"[..]), (4, &*attr)][..], Forced::NOTHING),
            // The config is one of another exporter.
            (&[(13, &*exporter(b"local", CONFIG, "{}")), (13, &*plain)], Forced::NOTHING),
            (&[(13, &*labelled), (13, &*plain)], Forced::LABELS),
            (&[(4, &*attr), (13, &*plain)], Forced::NOTHING),
            (&[(3, &b"image"[..]), (4, &*attr), (13, &*plain)], Forced::LABELS),
            (&[(3, &b"image"[..]), (13, &*labelled)], Forced::LABELS),
        ] as [(&[(u64, &[u8])], _); _]
        {
            let solve = message(&[&[(2, &b"LLB"[..])], fields].concat());
            let edited = edit(&injection(), Method::ControlSolve, &solve).unwrap();
            assert_eq!((edited.forced, edited.note), (forced, Some(UNLABELLED)), "{fields:?}");
            let refused = edit(&strict, Method::ControlSolve, &solve);
            assert_eq!(refused, Err(unlabelled()), "{fields:?}");
            // Without a definition the config comes with a Return.
            assert!(edit(&strict, Method::ControlSolve, &message(fields)).is_ok(), "{fields:?}");
        }
    }

    #[test]
    fn a_config_for_dockers_own_exporter_counts_by_the_store() {
        let strict = Injection { strict: true, ..injection() };
        let of_platform = "containerimage.config/linux/amd64";
        let attr = |key| exporter(b"moby", key, "{}");
        let old = message(&[(3, &b"moby"[..]), (4, &*pair(CONFIG, "{}"))]);
        let new = |key| message(&[(13, &attr(key))]);
        let (read, ignored) = (Store::Containerd, Store::GraphDriver);
        for (store, exporters, forced, note) in [
            (read, old.clone(), Forced::LABELS, None),
            (read, new(CONFIG), Forced::LABELS, None),
            (read, new(of_platform), Forced::NOTHING, Some(UNSURE)),
            (ignored, old, Forced::NOTHING, Some(UNLABELLED)),
            (ignored, new(CONFIG), Forced::NOTHING, Some(UNLABELLED)),
            (ignored, new(of_platform), Forced::NOTHING, Some(UNLABELLED)),
            (Store::Unknown, new(CONFIG), Forced::NOTHING, Some(UNSURE)),
        ] {
            let solve = [message(&[(2, b"LLB")]), exporters].concat();
            let edit =
                |injection, store| super::edit(injection, Method::ControlSolve, &solve, store);
            let plain = injection();
            let edited = edit(&plain, Some(store)).unwrap();
            assert_eq!((edited.forced, edited.note), (forced, note), "{store:?}");
            assert!(!edited.asks_for_store);
            assert_eq!(edit(&strict, Some(store)).is_ok(), note.is_none(), "{store:?}");
            // Until the store was asked for, nothing is refused.
            assert!(edit(&strict, None).unwrap().asks_for_store);
        }
    }

    #[test]
    fn the_store_is_asked_for_only_where_it_matters() {
        let moby = exporter(b"moby", CONFIG, "{}");
        for solve in [
            message(&[(2, b"LLB"), (13, &exporter(b"moby", "name", "x"))]),
            message(&[(2, b"LLB"), (13, &exporter(b"image", CONFIG, "{}"))]),
            message(&[(2, b"LLB"), (6, b"dockerfile.v0"), (13, &moby)]),
            message(&[(13, &moby)]),
        ] {
            let edited = super::edit(&injection(), Method::ControlSolve, &solve, None).unwrap();
            assert!(!edited.asks_for_store, "{solve:?}");
        }
    }

    #[test]
    fn a_config_of_one_platform_may_not_be_read() {
        let solve =
            message(&[(2, b"LLB"), (13, &exporter(b"image", "containerimage.config/a", "{}"))]);
        let edited = edit(&injection(), Method::ControlSolve, &solve).unwrap();
        assert_eq!((edited.forced, edited.note), (Forced::NOTHING, Some(UNSURE)));
        let strict = Injection { strict: true, ..injection() };
        assert_eq!(edit(&strict, Method::ControlSolve, &solve), Err(unlabelled()));
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
            assert_eq!(edit(&strict, method, &makes), Err(unlabelled()));
            let edited = edit(&strict, method, &other).unwrap();
            assert_eq!((edited.message, edited.forced), (other, Forced::NOTHING));
        }
    }

    /// What a client returns: `refers` and metadata.
    fn returned(refers: (u64, &[u8]), metadata: &[(&str, &str)]) -> Vec<u8> {
        let metadata = metadata.iter().map(|(key, value)| message(&[(10, &pair(key, value))]));
        let result = [message(&[refers]), metadata.collect::<Vec<_>>().concat()].concat();
        message(&[(1, &result)])
    }

    #[test]
    fn a_result_has_the_config_that_the_daemon_reads() {
        let strict = Injection { strict: true, ..injection() };
        let (one, map) = ([(1, &b"r"[..]), (3, b"\x0a\x01r")], [(2, &b"r"[..]), (4, b"r")]);
        let platforms = ("refs.platforms", r#"{"Platforms":[{"ID":"a"},{"ID":"b/c"}]}"#);
        let (a, b) = (("containerimage.config/a", "{}"), ("containerimage.config/b/c", "{}"));
        let (plain, decoy) = ((CONFIG, "{}"), ("containerimage.config/decoy", "{}"));
        for (refers, metadata, labelled) in [
            (one, &[plain][..], true),
            (one, &[decoy], false),
            (one, &[platforms, a, b], false),
            (map, &[platforms, a, b], true),
            (map, &[b, decoy, plain, a, platforms], true),
            (map, &[platforms, a, plain], false),
            (map, &[plain], false),
            (map, &[a, b, plain], false),
            // The last one counts.
            (map, &[platforms, a, ("refs.platforms", r#"{"Platforms":[{"ID":"a"}]}"#)], true),
            (map, &[a, ("refs.platforms", r#"{"Platforms":[{"ID":"a"}]}"#), platforms], false),
        ] {
            for refers in refers {
                let returned = returned(refers, metadata);
                let edited = edit(&injection(), Method::BridgeReturn, &returned).unwrap();
                let wanted = if labelled {
                    (Forced::LABELS, None)
                } else {
                    (Forced::NOTHING, Some(UNLABELLED))
                };
                assert_eq!((edited.forced, edited.note), wanted, "{refers:?} {metadata:?}");
                let passes = edit(&strict, Method::BridgeReturn, &returned).is_ok();
                assert_eq!(passes, labelled, "{refers:?} {metadata:?}");
            }
        }
        // A map of nothing is one result of nothing.
        let empty = returned((4, b""), &[plain]);
        assert_eq!(edit(&strict, Method::BridgeReturn, &empty).unwrap().forced, Forced::LABELS);
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
            (Method::BridgeReturn, message(&[(1, &message(&[(3, b""), (4, b"x")]))])),
            (Method::BridgeSolve, message(&[(3, b"\x0a\x01k\x0a\x01k")])),
            // The daemon takes the last one, which is none.
            (Method::BridgeSolve, message(&[(2, b"dockerfile.v0"), (2, b"")])),
            (Method::ControlSolve, message(&[(2, b"LLB"), (6, b"dockerfile.v0"), (6, b"")])),
            (Method::BridgeSolve, b"\x50\x01".to_vec()),
            (Method::BridgeSolve, message(&[(11, br#"{"containerimage.config":""}"#)])),
            (Method::BridgeSolve, b"\x10\x01".to_vec()),
            (Method::ControlSolve, message(&[(7, b"\x0a")])),
            (Method::ControlSolve, message(&[(4, &pair("refs.platforms", "{}"))])),
            (Method::ControlSolve, message(&[(13, &exporter(b"image", "refs.platforms", "{}"))])),
            (Method::ControlSolve, b"\x6b\x6c".to_vec()),
        ] {
            let refused = edit(&injection(), method, &odd);
            assert!(
                refused
                    .as_ref()
                    .is_err_and(|refusal| refusal.reason == crate::rules::Reason::BuildMessage),
                "{odd:?}: {refused:?}"
            );
        }
    }
}
