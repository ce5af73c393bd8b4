//! Facts on which a judgement depends beside the request: the questions to the daemon and to the host, the
//! answers, and the orders that precede a request.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::Injection;
use super::mounts::path::clean;
use crate::engine::{Api, client};
use crate::http::render;
use crate::json::{each_member, elements, member, string, unescaped};

/// Platforms of one image that are asked about. Builders make a few, the most of Docker's official images
/// a dozen.
const PLATFORMS: usize = 64;

/// Something that a judgement lacks beside the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// The daemon's answer.
    Daemon(Question),
    /// An answer of the host on which the daemon runs.
    Host(HostQuestion),
}

/// A question to the daemon, asked on the connection of the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// The volumes that an image declares.
    Image {
        /// Its name.
        name: String,
        /// The platform of it that is wanted, as JSON; the daemon's choice if there is none.
        platform: Option<String>,
    },
    /// The platforms for which this image is there.
    Platforms(String),
    /// The mounts of this container.
    Container(String),
    /// The version of the API. It stands in the head of the answer.
    Version,
}

/// A question that the shell answers, at once or aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostQuestion {
    /// The [relations](Relation) of these absolute paths to the daemon's socket.
    Paths(Vec<String>),
    /// The [store](super::buildkit::Store) in which the daemon keeps its images.
    Store,
}

/// The relation of a path of the host to the daemon's socket, from the farthest to the nearest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    /// Something else.
    Other,
    /// A directory in which the socket is.
    Above,
    /// The socket itself, under any name.
    Socket,
}

/// A request of the proxy's own that precedes the client's, and changes something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Creates this volume, labelled, unless it is there.
    CreateVolume {
        /// Its name.
        name: String,
        /// Its driver; empty for the daemon's default.
        driver: String,
    },
}

/// Facts that were found out for one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The paths at which the image has anonymous volumes, as they are written there.
    pub volumes: Vec<String>,
    /// The paths, cleaned, at which volumes of other containers are mounted, each with the path of the
    /// host that is there, if one is.
    pub taken: BTreeMap<String, Option<String>>,
    pub(super) image: OfImage,
    /// The containers whose mounts are known.
    pub(super) containers: BTreeSet<String>,
    /// The relations of paths of the host to the daemon's socket, in the order of the paths.
    pub(super) paths: Vec<(String, Relation)>,
    /// The version of the API, as the daemon reports it; empty if it does not.
    pub(super) version: Option<Vec<u8>>,
    /// Set if the daemon will refuse the request in its own words.
    pub(super) hopeless: bool,
}

/// The part of the volumes of an image that is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum OfImage {
    #[default]
    Nothing,
    /// The daemon does not describe its own choice of a platform.
    Undescribed,
    /// The image is there for these platforms.
    Platforms(Vec<String>),
    All,
}

/// The answer to a question or an order.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'r> {
    /// The status.
    pub status: u16,
    /// The head.
    pub head: &'r [u8],
    /// The content.
    pub content: &'r [u8],
}

/// The effect of an answer on what is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Learned {
    /// A draft of the edit is as good as before.
    Nothing,
    /// The request is to be judged again.
    News,
    /// The daemon will refuse the request in its own words; nothing more is to be asked or ordered.
    Hopeless,
    /// The answer is the client's: the request would fail in the same way.
    Failed,
    /// The answer cannot be read.
    Nonsense,
    /// The answer does not describe this image.
    Undescribed(String),
}

impl Question {
    /// Reports whether it is about an image.
    #[must_use]
    pub fn asks_of_image(&self) -> bool {
        matches!(self, Self::Image { .. } | Self::Platforms(_))
    }

    /// Returns the request that asks it; about an image in this version of the API.
    #[must_use]
    pub fn request(&self, api: Api) -> Vec<u8> {
        match self {
            Self::Image { name, platform } => client::inspect_image(api, name, platform.as_deref()),
            Self::Platforms(name) => client::list_platforms(api, name),
            Self::Container(name) => client::inspect_container(name),
            Self::Version => client::ping(),
        }
    }
}

impl Order {
    /// Returns the request that carries it out.
    #[must_use]
    pub fn request(&self, injection: &Injection) -> Vec<u8> {
        let Self::CreateVolume { name, driver } = self;
        let (name, driver) = (json!(name).to_string(), json!(driver).to_string());
        client::create_volume(&name, &driver, injection.inject.rendered_labels().json())
    }
}

impl Facts {
    /// Takes the answer to `question` of a daemon with this version.
    pub fn learn(&mut self, question: &Question, answer: Answer<'_>, api: Api) -> Learned {
        let Answer { status, head, content } = answer;
        match (question, status) {
            (Question::Version, _) => {
                let version = render::value(head, "Api-Version").unwrap_or_default();
                self.version = Some(version.to_vec());
                Learned::News
            }
            // A daemon that knows platforms answers as it would to the create. That is not sent:
            // a daemon that sees more images then would create volumes without labels.
            (Question::Image { platform: Some(_), .. }, 404) if api.has_platforms() => {
                Learned::Failed
            }
            // No image or container has a name that the daemon's router cleans.
            (Question::Image { .. } | Question::Container(_), 300..=399 | 404) => {
                self.hopeless = true;
                Learned::Hopeless
            }
            (_, 400..) => Learned::Failed,
            (Question::Image { name, platform }, _) => match self.learn_image(content) {
                Some(true) => {
                    self.image = OfImage::All;
                    news(!self.volumes.is_empty())
                }
                Some(false) if platform.is_none() && api.has_platforms() => {
                    self.image = OfImage::Undescribed;
                    Learned::News
                }
                Some(false) => Learned::Undescribed(name.clone()),
                None => Learned::Nonsense,
            },
            (Question::Platforms(name), _) => match platforms(content) {
                Some(found) if found.is_empty() || found.len() > PLATFORMS => {
                    Learned::Undescribed(name.clone())
                }
                Some(found) => {
                    self.image = OfImage::Platforms(found);
                    Learned::News
                }
                None => Learned::Nonsense,
            },
            (Question::Container(name), _) => {
                let answer = str::from_utf8(content).ok();
                if answer.and_then(|answer| self.learn_container(answer)).is_none() {
                    return Learned::Nonsense;
                }
                self.containers.insert(name.clone());
                news(!self.taken.is_empty())
            }
        }
    }

    /// Takes the volumes of the image, which are remembered.
    pub fn recall_image(&mut self, volumes: Vec<String>) -> Learned {
        self.image = OfImage::All;
        self.volumes = volumes;
        news(!self.volumes.is_empty())
    }

    /// Reports whether all is known of the image that a judgement may lack.
    #[must_use]
    pub fn knows_image(&self) -> bool {
        self.image == OfImage::All
    }

    /// Takes the relations of paths to the daemon's socket.
    pub fn learn_paths(&mut self, paths: Vec<(String, Relation)>) -> Learned {
        let learned = news(paths.iter().any(|(_, relation)| *relation != Relation::Other));
        if self.paths.is_empty() {
            self.paths = paths;
        } else {
            self.paths.extend(paths);
        }
        self.paths.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        learned
    }

    /// Returns the relation of `path` to the daemon's socket, if it is known.
    pub(super) fn relation(&self, path: &str) -> Option<Relation> {
        let at = self.paths.binary_search_by(|(other, _)| other.as_str().cmp(path)).ok()?;
        self.paths.get(at).map(|(_, relation)| *relation)
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

fn news(is_new: bool) -> Learned {
    if is_new { Learned::News } else { Learned::Nothing }
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

#[cfg(test)]
mod tests;
