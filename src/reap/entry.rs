//! The daemon's lists of things that carry labels.

use std::time::Duration;

use serde_json::Value;

use super::origin::{Labels, Origin, carries};
use super::{Criteria, Kind, Thing};
use crate::rules::own;
use crate::stats::calendar;

/// The label of the containers of a swarm's tasks. Its value is the id of the service.
pub const SERVICE: &str = "com.docker.swarm.service.id";

/// The places of a kind of things in the Engine API.
#[derive(Debug)]
pub struct Collection {
    /// The target of its list, up to the filters.
    pub list: &'static str,
    /// The path of a thing, up to its id.
    pub one: &'static str,
    /// The place of the list in the answer.
    entries: &'static str,
    id: &'static str,
    name: &'static str,
    labels: &'static str,
    created: &'static str,
}

const SERVICES: Collection = Collection {
    list: "/services?filters=",
    one: "/services/",
    entries: "",
    id: "/ID",
    name: "/Spec/Name",
    labels: "/Spec/Labels",
    created: "/CreatedAt",
};

const SECRETS: Collection = Collection { list: "/secrets?filters=", one: "/secrets/", ..SERVICES };

const CONFIGS: Collection = Collection { list: "/configs?filters=", one: "/configs/", ..SERVICES };

const CONTAINERS: Collection = Collection {
    list: "/containers/json?all=1&filters=",
    one: "/containers/",
    entries: "",
    id: "/Id",
    name: "/Names/0",
    labels: "/Labels",
    created: "/Created",
};

const NETWORKS: Collection =
    Collection { list: "/networks?filters=", one: "/networks/", name: "/Name", ..CONTAINERS };

const VOLUMES: Collection = Collection {
    list: "/volumes?filters=",
    one: "/volumes/",
    entries: "/Volumes",
    id: "/Name",
    name: "/Name",
    labels: "/Labels",
    created: "/CreatedAt",
};

const IMAGES: Collection = Collection {
    list: "/images/json?filters=",
    one: "/images/",
    name: "/RepoTags/0",
    ..CONTAINERS
};

impl Kind {
    /// Returns the places of the kind in the Engine API; `None` for cgroups, which the daemon does not list.
    #[must_use]
    pub fn collection(self) -> Option<&'static Collection> {
        match self {
            Self::Services => Some(&SERVICES),
            Self::Containers => Some(&CONTAINERS),
            Self::Networks => Some(&NETWORKS),
            Self::Volumes => Some(&VOLUMES),
            Self::Secrets => Some(&SECRETS),
            Self::Configs => Some(&CONFIGS),
            Self::Images => Some(&IMAGES),
            Self::Cgroups => None,
        }
    }
}

/// An entry of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The thing.
    pub thing: Thing,
    /// Its labels.
    pub labels: Labels,
    /// The time of its creation since the Unix epoch, if the daemon reports it.
    pub created: Option<Duration>,
    /// The id of the image of a container; else empty.
    pub image: String,
    /// The state of a container; else empty.
    pub state: String,
    /// The tags of an image.
    pub tags: Vec<String>,
}

/// A decision about a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is to be removed.
    Remove,
    /// It does not meet the criteria.
    Other,
    /// It carries the labels, but is not to be removed for this reason.
    Keep(String),
    /// It should be removed, but cannot be for this reason.
    Leave(String),
}

/// Reads the answer to a list.
///
/// # Errors
///
/// It is no list, or an entry has no id. Such an entry could not be removed, and would seem to be gone.
pub fn read(kind: Kind, collection: &Collection, answer: &Value) -> Result<Vec<Entry>, String> {
    let entries = match answer.pointer(collection.entries) {
        Some(Value::Array(entries)) => entries,
        // Go writes an empty list as null.
        Some(Value::Null) => return Ok(Vec::new()),
        _ => return Err(format!("the answer to {} is no list", collection.list)),
    };
    let lacks = || format!("an entry in the answer to {} has no id", collection.list);
    entries.iter().map(|entry| Entry::read(kind, collection, entry).ok_or_else(lacks)).collect()
}

impl Entry {
    fn read(kind: Kind, collection: &Collection, entry: &Value) -> Option<Self> {
        let text = |at| entry.pointer(at).and_then(Value::as_str).filter(|text| !text.is_empty());
        let id = text(collection.id)?;
        let name = text(collection.name).filter(|name| !name.starts_with("<none>")).unwrap_or(id);
        let created = match entry.pointer(collection.created) {
            Some(Value::String(text)) => calendar::since_epoch(text),
            Some(number) => number.as_u64().map(Duration::from_secs),
            None => None,
        };
        let tags = entry.get("RepoTags").and_then(Value::as_array).into_iter().flatten();
        let tags = tags.filter_map(Value::as_str).filter(|tag| !tag.starts_with("<none>"));
        Some(Self {
            thing: Thing { kind, id: id.to_owned(), name: name.trim_start_matches('/').to_owned() },
            labels: labels(entry.pointer(collection.labels)),
            created,
            image: text("/ImageID").unwrap_or_default().to_owned(),
            state: text("/State").unwrap_or_default().to_owned(),
            tags: tags.map(ToOwned::to_owned).collect(),
        })
    }
}

/// Reads labels. A daemon that has none writes `null`.
#[must_use]
pub fn labels(map: Option<&Value>) -> Labels {
    let pair = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
    map.and_then(Value::as_object).into_iter().flatten().filter_map(pair).collect()
}

impl Origin {
    /// Decides about a container by the origin of its labels.
    #[must_use]
    pub fn verdict(self) -> Verdict {
        match self {
            Self::Given => Verdict::Remove,
            Self::Inherited => {
                let why = "it has the labels from its image only; somebody else started it";
                Verdict::Keep(why.to_owned())
            }
            Self::Unknown => {
                let why = "its image is gone, so the labels may be inherited from the image";
                Verdict::Leave(why.to_owned())
            }
        }
    }
}

impl Criteria {
    /// Decides about a thing by its labels and its age. The daemon's own filter is not trusted: a daemon that does
    /// not know it lists everything. `now` is the time since the Unix epoch.
    #[must_use]
    pub fn verdict(&self, entry: &Entry, now: Duration) -> Verdict {
        if self.labels.is_empty() || !carries(&entry.labels, &self.labels) {
            return Verdict::Other;
        }
        if self.keep.has(Kind::Services) && entry.labels.contains_key(SERVICE) {
            return Verdict::Keep("it belongs to a service, and services are kept".to_owned());
        }
        // The proxy gives an image another marker. This one is that of a container.
        let marker = entry.labels.get(own::GIVEN).filter(|marker| *marker != own::BY_IMAGE);
        if entry.thing.kind == Kind::Images && marker.is_some() {
            let why = "somebody made it from a container, not through the proxy";
            return Verdict::Keep(why.to_owned());
        }
        match (self.older_than, entry.created) {
            (None, _) => Verdict::Remove,
            (Some(_), None) => Verdict::Keep("the daemon does not report its age".to_owned()),
            (Some(least), Some(created)) if now.saturating_sub(created) >= least => Verdict::Remove,
            (Some(_), Some(_)) => Verdict::Other,
        }
    }
}

#[cfg(test)]
mod tests;
