//! Facts on which a judgement depends in addition to the request: questions to the daemon and to the host,
//! their answers, and the orders that precede a request.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::json;

use super::Profile;
use super::caller::Wanted;
use super::mounts::path::clean;
use crate::engine::{Api, client};
use crate::http::render;
use crate::json::{each_member, elements, member, members, string, unescaped};

/// Maximum number of platforms of one image. Docker's official images have at most about a dozen.
const PLATFORMS: usize = 64;

/// A fact that a judgement lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// The daemon knows it.
    Daemon(Question),
    /// The host on which the daemon runs knows it.
    Host(HostQuestion),
    /// The authorization plugins allow the draft. It comes last, and the draft is sent as it was authorized.
    Authorization,
}

/// A question to the daemon, on the client's connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// The volumes that an image declares.
    Image {
        /// Its name.
        name: String,
        /// The wanted platform as JSON; `None` for the daemon's choice.
        platform: Option<String>,
    },
    /// The platforms of this image that the daemon has.
    Platforms(String),
    /// The mounts of this container.
    Container(String),
    /// The version of the API, from the head of the answer.
    Version,
}

/// A question that the shell answers, at once or later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostQuestion {
    /// The [relations](Relation) of these absolute paths to the daemon's socket. A translated path has a mark
    /// between its [parts](super::paths::parts).
    Paths(Vec<String>),
    /// The [store](super::buildkit::Store) in which the daemon keeps its images.
    Store,
    /// These facts about the process that made the connection.
    Caller(Wanted),
    /// The host path of a new socket for what the container creates itself.
    JobSocket,
    /// The decision of authorization plugins.
    Authorize(Box<Authorization>),
}

/// A question to authorization plugins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    /// The method of the protocol.
    pub method: &'static str,
    /// The names of the plugins.
    pub plugins: Vec<String>,
    /// The message: one JSON object.
    pub message: Arc<str>,
}

/// The relation of a host path to the daemon's socket. A greater one hides a lesser one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Relation {
    /// None.
    Other,
    /// None, as the proxy finds nothing there. Only for a path below a mapping.
    Missing,
    /// A directory that contains the socket, at any depth.
    Above,
    /// Unknown, as a symbolic link below a mapping leads out of it.
    Beyond,
    /// The socket itself, under any name.
    Socket,
}

/// A request by the proxy that precedes the client's and has a side effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Creates this volume with the labels, unless it exists.
    CreateVolume {
        /// Its name.
        name: String,
        /// Its driver; empty for the daemon's default.
        driver: String,
    },
}

/// The known facts of one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The paths of the image's anonymous volumes, as written in the image.
    pub volumes: Vec<String>,
    /// The cleaned paths of the mounts of `VolumesFrom`, each with the mounted host path, if any.
    pub taken: BTreeMap<String, Option<String>>,
    pub(super) image: OfImage,
    /// The containers whose mounts are known.
    pub(super) containers: BTreeSet<String>,
    /// The relations of host paths to the daemon's socket, sorted by path.
    pub(super) paths: Vec<(String, Relation)>,
    /// The version of the API that the daemon reports; empty if it reports none.
    pub(super) version: Option<Vec<u8>>,
    /// `true` if the daemon will refuse the request with its own message.
    pub(super) hopeless: bool,
    /// The host path of the container's own socket, once that was made.
    pub(super) job_socket: Option<String>,
}

/// The facts of a request about which nothing was asked. Static, so that most requests need none made.
pub static NO_FACTS: Facts = Facts {
    volumes: Vec::new(),
    taken: BTreeMap::new(),
    image: OfImage::Nothing,
    containers: BTreeSet::new(),
    paths: Vec::new(),
    version: None,
    hopeless: false,
    job_socket: None,
};

/// The known part of an image's volumes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum OfImage {
    #[default]
    Nothing,
    /// The daemon does not describe the platform that it chose.
    Undescribed,
    /// The daemon has these platforms of the image.
    Platforms(Vec<String>),
    All,
}

/// The answer to a question or an order.
#[derive(Debug, Clone, Copy)]
pub struct DaemonAnswer<'r> {
    /// The status code.
    pub status: u16,
    /// The response head.
    pub head: &'r [u8],
    /// The response body, without its framing.
    pub content: &'r [u8],
}

/// The effect of an answer on the facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Learned {
    /// A draft of the edit stays valid.
    Nothing,
    /// The request must be judged again.
    News,
    /// The daemon will refuse the request with its own message; no further questions or orders follow.
    Hopeless,
    /// The request would fail in the same way, so the client gets this answer.
    Failed,
    /// The answer is malformed.
    Nonsense,
    /// The answer does not describe this image.
    Undescribed(String),
}

impl Question {
    /// Returns `true` if it is about an image.
    #[must_use]
    pub fn asks_of_image(&self) -> bool {
        matches!(self, Self::Image { .. } | Self::Platforms(_))
    }

    /// Returns the request that asks it. Those about images use this version of the API.
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
    pub fn request(&self, profile: &Profile) -> Vec<u8> {
        let Self::CreateVolume { name, driver } = self;
        let (name, driver) = (json!(name).to_string(), json!(driver).to_string());
        client::create_volume(&name, &driver, profile.inject.rendered_labels().json())
    }
}

impl Facts {
    /// Records the answer of a daemon of this version to `question`.
    pub fn learn(&mut self, question: &Question, answer: DaemonAnswer<'_>, api: Api) -> Learned {
        let DaemonAnswer { status, head, content } = answer;
        match (question, status) {
            (Question::Version, _) => {
                let version = render::value(head, "Api-Version").unwrap_or_default();
                self.version = Some(version.to_vec());
                Learned::News
            }
            // A daemon that knows platforms answers as it would to the create. The create is not sent:
            // an image that arrives meanwhile would get volumes without labels.
            (Question::Image { platform: Some(_), .. }, 404) if api.has_platforms() => {
                Learned::Failed
            }
            // The daemon's router redirects unclean paths, and no image or container has such a name.
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
            (Question::Container(name), _) => self.learn_container(name, content),
        }
    }

    /// Records the remembered volumes of the image.
    pub fn recall_image(&mut self, volumes: Vec<String>) -> Learned {
        self.image = OfImage::All;
        self.volumes = volumes;
        news(!self.volumes.is_empty())
    }

    /// Returns `true` if no fact about the image is missing.
    #[must_use]
    pub fn knows_image(&self) -> bool {
        self.image == OfImage::All
    }

    /// Records relations of paths to the daemon's socket.
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

    /// Records the host path of the container's own socket.
    pub fn learn_job_socket(&mut self, path: String) {
        self.job_socket = Some(path);
    }

    /// Returns the relation of `path` to the daemon's socket, if it is known.
    pub(super) fn relation(&self, path: &str) -> Option<Relation> {
        let at = self.paths.binary_search_by(|(other, _)| other.as_str().cmp(path)).ok()?;
        self.paths.get(at).map(|(_, relation)| *relation)
    }

    /// Records the volumes of an image. Returns `false` if the answer does not describe the image, `None` if
    /// it is malformed.
    fn learn_image(&mut self, content: &[u8]) -> Option<bool> {
        let description = Description::read(str::from_utf8(content).ok()?)?;
        let volumes = member(description.config, "Volumes").unwrap_or_default();
        let mut read = true;
        // `null` has no members.
        let _ = each_member(volumes, |key, _| match unescaped(key) {
            Some(path) if self.volumes.iter().any(|known| *known == path) => {}
            Some(path) => self.volumes.push(path.into_owned()),
            None => read = false,
        });
        read.then(|| description.is_complete())
    }

    /// Records the mounts of a container.
    fn learn_container(&mut self, name: &str, content: &[u8]) -> Learned {
        let answer = str::from_utf8(content).ok();
        if answer.and_then(|answer| self.learn_mounts(answer)).is_none() {
            return Learned::Nonsense;
        }
        self.containers.insert(name.to_owned());
        news(!self.taken.is_empty())
    }

    fn learn_mounts(&mut self, answer: &str) -> Option<()> {
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

/// Returns the available platforms of an image, as JSON, from an answer with its manifests.
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

/// The members of an inspection that describe an image, as JSON. Engine 29 leaves all empty for an image that
/// exists only for other platforms.
struct Description<'d> {
    architecture: &'d str,
    os: &'d str,
    config: &'d str,
    root: &'d str,
}

impl<'d> Description<'d> {
    fn read(answer: &'d str) -> Option<Self> {
        let names = ["Architecture", "Os", "Config", "RootFS"];
        let [architecture, os, config, root] = members(answer, names)?;
        Some(Self { architecture, os, config, root })
    }

    /// Returns `true` if the image is described.
    fn is_complete(&self) -> bool {
        let layers = || member(self.root, "Layers").unwrap_or_default();
        is_set(self.architecture) || is_set(self.os) || has_set(self.config) || is_set(layers())
    }
}

/// Returns `true` if a member of an object has a value. `null` has no members.
fn has_set(object: &str) -> bool {
    let mut found = false;
    let _ = each_member(object, |_, value| found |= is_set(value));
    found
}

fn is_set(value: &str) -> bool {
    !["", "null", "false", "\"\"", "[]", "{}"].contains(&value)
}

#[cfg(test)]
mod tests;
