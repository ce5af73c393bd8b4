//! What must be asked or ordered at the daemon before a container create can go on: which volumes
//! its image brings, where the containers mount whose volumes it takes, and the named volumes that
//! would come into being by the way.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::json;

use super::{Injection, Refusal};
use crate::engine::Api;
use crate::http::target::{encode_component, encode_path};
use crate::json::{Found, Listed, Object, each_member, elements, member, string, unescaped};
use crate::rules::mounts::anonymous::AnonymousVolumes;
use crate::rules::mounts::binds::Bind;
use crate::rules::mounts::{clean, few, volume_driver};
use crate::rules::socket::Relation;

/// Platforms of one image that are asked about. Builders make a few, the most of Docker's official images
/// a dozen.
const PLATFORMS: usize = 64;

/// One request of our own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Errand {
    /// Which volumes does this image bring?
    Image {
        /// Its name.
        name: String,
        /// The platform of it that is wanted, as JSON; the daemon's choice if there is none.
        platform: Option<String>,
    },
    /// Which platforms of this image are there?
    Platforms(String),
    /// Where does this container mount?
    Container(String),
    /// Which version of the API has the daemon? The head of the answer tells.
    Version,
    /// Create this volume, labelled, if it is not there.
    Volume {
        /// Its name.
        name: String,
        /// Its driver; empty for the daemon's default.
        driver: String,
    },
}

/// What the answers told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// The paths at which the image has anonymous volumes, as they are written there.
    pub volumes: Vec<String>,
    /// The paths, cleaned, at which volumes of other containers are mounted, each with the path of the
    /// host that is there, if one is.
    pub taken: BTreeMap<String, Option<String>>,
    /// What paths of the host are to the daemon's socket, of which that could not be told at once; in the
    /// order of the paths.
    pub(super) looked: Vec<(String, Relation)>,
}

/// What an answer means for the create that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// The next errand, or the create.
    GoOn,
    /// These first, then the next errand.
    Ask(Vec<Errand>),
    /// The create as it is, without further errands: the daemon will refuse it in its own words.
    Refused,
    /// The answer is the client's: the create would fail in the same way.
    Failed,
    /// The answer cannot be read.
    Nonsense,
    /// The answer does not describe this image.
    Undescribed(String),
}

/// The errands for a container create, in order.
///
/// # Errors
/// A body that cannot be understood; see [`body::prepare`](super::body::prepare).
pub(super) fn errands(
    injection: &Injection,
    top: &Object<'_>,
    host_config: &Found<'_>,
) -> Result<Vec<Errand>, Refusal> {
    let mut errands = Vec::new();
    let image = top.string("Image")?.filter(|image| !image.is_empty());
    // Only for the volumes that it declares.
    if let Some(image) = image.filter(|_| injection.anonymous_volumes == AnonymousVolumes::Label) {
        errands.push(Errand::Image { name: image.into_owned(), platform: None });
    }
    if let Found::Object(host_config) = host_config {
        of_host_config(top, host_config, &mut errands)?;
    }
    Ok(errands)
}

fn of_host_config(
    top: &Object<'_>,
    host_config: &Object<'_>,
    errands: &mut Vec<Errand>,
) -> Result<(), Refusal> {
    if let Listed::Array(others) = host_config.array("VolumesFrom")? {
        few(others.elements.len())?;
        for entry in others.strings() {
            let (_, text) = entry?;
            let name = text.split_once(':').map_or(&*text, |(name, _)| name);
            // A name may have the slash with which an inspect tells it.
            let name = name.strip_prefix('/').unwrap_or(name);
            errands.push(Errand::Container(name.to_owned()));
        }
    }
    let driver = volume_driver(top, host_config)?;
    if let Listed::Array(binds) = host_config.array("Binds")? {
        few(binds.elements.len())?;
        for entry in binds.strings() {
            let (_, text) = entry?;
            if let Some(name) = Bind::read(&text).volume() {
                errands.push(Errand::Volume { name: name.to_owned(), driver: driver.clone() });
            }
        }
    }
    Ok(())
}

impl Errand {
    /// Whether it changes nothing.
    #[must_use]
    pub fn only_asks(&self) -> bool {
        match self {
            Self::Image { .. } | Self::Platforms(_) | Self::Container(_) | Self::Version => true,
            Self::Volume { .. } => false,
        }
    }

    /// Reports whether it asks about an image.
    #[must_use]
    pub fn asks_of_image(&self) -> bool {
        matches!(self, Self::Image { .. } | Self::Platforms(_))
    }

    /// The request, whole; about an image in this version of the API.
    #[must_use]
    pub fn request(&self, injection: &Injection, api: Api) -> Vec<u8> {
        let get = |kind: &str, name: &str, query: &str| {
            let name = encode_path(name);
            format!("GET {kind}/{name}/json{query} HTTP/1.1\r\nHost: docker\r\n\r\n")
        };
        let images = || api.prefix() + "/images";
        let request = match self {
            Self::Image { name, platform: Some(platform) } if api.has_platforms() => {
                get(&images(), name, &format!("?platform={}", encode_component(platform)))
            }
            Self::Image { name, .. } => get(&images(), name, ""),
            Self::Platforms(name) => get(&images(), name, "?manifests=1"),
            Self::Container(name) => get("/containers", name, ""),
            Self::Version => "GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n".to_owned(),
            Self::Volume { name, driver } => {
                let (name, driver) = (json!(name), json!(driver));
                let labels = injection.inject.rendered_labels().json();
                let body = format!(r#"{{"Name":{name},"Driver":{driver},"Labels":{labels}}}"#);
                let length = body.len();
                format!(
                    "POST /volumes/create HTTP/1.1\r\nHost: docker\r\n\
                     Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
                )
            }
        };
        request.into_bytes()
    }

    /// Returns what the answer of a daemon with this version means; what it tells goes into `known`.
    pub fn answered(&self, status: u16, content: &[u8], api: Api, known: &mut Known) -> Meaning {
        match (self, status) {
            // A daemon that knows platforms answers as it would to the create. That is sent by no means:
            // a daemon that sees more images then would create volumes without labels.
            (Self::Image { platform: Some(_), .. }, 404) if api.has_platforms() => Meaning::Failed,
            // No image or container has a name that the daemon's router cleans.
            (Self::Image { .. } | Self::Container(_), 300..=399 | 404) => Meaning::Refused,
            (_, 400..) => Meaning::Failed,
            (Self::Volume { .. } | Self::Version, _) => Meaning::GoOn,
            (Self::Image { name, platform }, _) => match known.learn_image(content) {
                Some(true) => Meaning::GoOn,
                Some(false) if platform.is_none() && api.has_platforms() => {
                    Meaning::Ask(vec![Self::Platforms(name.clone())])
                }
                Some(false) => Meaning::Undescribed(name.clone()),
                None => Meaning::Nonsense,
            },
            (Self::Platforms(name), _) => match platforms(content) {
                Some(found) if found.is_empty() || found.len() > PLATFORMS => {
                    Meaning::Undescribed(name.clone())
                }
                Some(found) => {
                    let errand = |platform| Self::Image { name: name.clone(), platform };
                    Meaning::Ask(found.into_iter().map(Some).map(errand).collect())
                }
                None => Meaning::Nonsense,
            },
            (Self::Container(_), _) => {
                let answer = str::from_utf8(content).ok();
                let learned = answer.and_then(|answer| known.learn_container(answer));
                learned.map_or(Meaning::Nonsense, |()| Meaning::GoOn)
            }
        }
    }
}

/// Returns the platforms, as JSON, of an image that are there, by an answer with its manifests.
fn platforms(content: &[u8]) -> Option<Vec<String>> {
    let manifests = member(str::from_utf8(content).ok()?, "Manifests")?;
    let mut platforms = Vec::new();
    for manifest in elements(manifests).unwrap_or_default() {
        let is_image = member(manifest, "Kind").and_then(string).as_deref() == Some("image");
        if is_image && member(manifest, "Available")? == "true" {
            let platform = member(member(manifest, "ImageData")?, "Platform")?;
            if !platform.starts_with('{') {
                return None;
            }
            platforms.push(platform.to_owned());
        }
    }
    Some(platforms)
}

/// Reports whether an answer describes an image. Engine 29 answers for one that is there, but not for the
/// host's platform, with nothing but empty values here.
fn describes(answer: &str) -> bool {
    let says = |value: &str| !["", "null", "false", "\"\"", "[]", "{}"].contains(&value);
    let member = |name| member(answer, name).unwrap_or_default();
    let mut described = says(member("Architecture")) || says(member("Os"));
    for (object, only) in [(member("Config"), None), (member("RootFS"), Some("Layers"))] {
        // `null` has no members.
        let _ = each_member(object, |key, value| {
            described |= says(value) && only.is_none_or(|only| only == key);
        });
    }
    described
}

impl Known {
    /// What `path` is, if somebody had to look.
    pub(super) fn looked(&self, path: &str) -> Option<Relation> {
        let at = self.place(path).ok()?;
        self.looked.get(at).map(|(_, relation)| *relation)
    }

    /// Somebody has looked at `path`.
    pub fn learn_path(&mut self, path: String, relation: Relation) {
        let place = self.place(&path);
        self.looked.insert(place.unwrap_or_else(|place| place), (path, relation));
    }

    fn place(&self, path: &str) -> Result<usize, usize> {
        self.looked.binary_search_by(|(other, _)| other.as_str().cmp(path))
    }

    /// Takes up the volumes of an image, and reports whether the answer describes it.
    fn learn_image(&mut self, content: &[u8]) -> Option<bool> {
        let answer = str::from_utf8(content).ok()?;
        let volumes = member(member(answer, "Config")?, "Volumes").unwrap_or_default();
        let mut read = true;
        // `null` has no members.
        let _ = each_member(volumes, |key, _| match unescaped(key) {
            Some(path) if self.volumes.iter().any(|known| *known == path) => {}
            Some(path) => self.volumes.push(path.into_owned()),
            None => read = false,
        });
        read.then(|| describes(answer))
    }

    fn learn_container(&mut self, answer: &str) -> Option<()> {
        let mounts = member(answer, "Mounts")?;
        for mount in elements(mounts).unwrap_or_default() {
            let text = |name| member(mount, name).and_then(string);
            let source = text("Source").map(Cow::into_owned);
            self.taken.insert(clean(text("Destination")?), source);
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::carriers::CONTAINER;
    use crate::rules::body::prepare;

    #[test]
    fn what_a_daemon_tells_of_an_image_and_of_mounts_is_learned() {
        let image = Errand::Image { name: "x".to_owned(), platform: None };
        let container = Errand::Container(String::new());
        let learned = |errand: &Errand, answer: &str| {
            let mut known = Known::default();
            let meaning = errand.answered(200, answer.as_bytes(), Api::Old, &mut known);
            (meaning, known.volumes, known.taken.into_keys().collect::<Vec<_>>())
        };
        for (answer, volumes) in [
            (
                r#"{"Volumes":{"/no":{}},"Config":{"Volumes":{"/a":{},"/\u0062":{}}}}"#,
                &["/a", "/b"][..],
            ),
            (" { \"Config\" : { \"Volumes\" : { \"/a\" : { } } } } \n", &["/a"]),
            (r#"{"Config":{"Volumes":null},"Architecture":"amd64"}"#, &[]),
            (r#"{"Config":null,"Os":"linux"}"#, &[]),
        ] {
            let wanted = volumes.iter().map(|&path| path.to_owned()).collect();
            assert_eq!(learned(&image, answer), (Meaning::GoOn, wanted, Vec::new()), "{answer}");
        }
        for (answer, taken) in [
            (r#"{"Mounts":[{"Type":"volume","Destination":"/a/"}]}"#, &["/a"][..]),
            (r#"{"Mounts":[]}"#, &[]),
            (r#"{"Mounts":null}"#, &[]),
        ] {
            let wanted = taken.iter().map(|&path| path.to_owned()).collect();
            assert_eq!(
                learned(&container, answer),
                (Meaning::GoOn, Vec::new(), wanted),
                "{answer}"
            );
        }
        for nonsense in [
            "",
            "[]",
            "null",
            "{",
            "{}{}",
            r#"{"Config":}"#,
            "\u{feff}{}",
            r#"{"Config":{"Volumes":{"/\ud800":{}}}}"#,
        ] {
            let (meaning, ..) = learned(&image, nonsense);
            assert_eq!(meaning, Meaning::Nonsense, "{nonsense}");
        }
        let (meaning, ..) = learned(&container, r#"{"Mounts":[{"Destination":null}]}"#);
        assert_eq!(meaning, Meaning::Nonsense);
        for status in [301, 404] {
            let meaning = image.answered(status, b"", Api::Old, &mut Known::default());
            assert_eq!(meaning, Meaning::Refused, "{status}");
        }
    }

    #[test]
    fn a_container_whose_volumes_are_taken_is_asked_for_by_its_name() {
        for entry in ["c", "c:ro", "/c", "/c:ro"] {
            let body = format!(r#"{{"HostConfig":{{"VolumesFrom":["{entry}"]}}}}"#);
            let prepared = prepare(&Injection::default(), &CONTAINER, body.as_bytes()).unwrap();
            assert_eq!(prepared.errands, [Errand::Container("c".to_owned())], "{entry}");
        }
    }
}
