//! The questions that a removal asks the daemon.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::request;
use crate::engine::Api;
use crate::net::client::{self, Error};
use crate::reap::Kind;
use crate::reap::answer::has_none;
use crate::reap::entry::{self, Entry, labels};
use crate::reap::origin::Labels;
use crate::rules::Label;

/// Time for an answer. A daemon that removes 300 containers takes long for everything.
const TIMEOUT: Duration = Duration::from_mins(2);

/// Bytes that an answer may have. A list of 300 containers has about a million.
const LIMIT: usize = 64 * 1024 * 1024;

/// The daemon.
#[derive(Debug, Clone, Copy)]
pub(in crate::net) struct Daemon<'p> {
    /// The path of its socket.
    pub(in crate::net) path: &'p Path,
}

impl Daemon<'_> {
    /// Sends a request. Returns the status of the response, and its body.
    pub(in crate::net) fn send(
        &self,
        request: &[u8],
        longer: Duration,
    ) -> Result<(u16, Vec<u8>), Error> {
        client::send(self.path, request, TIMEOUT + longer, LIMIT)
    }

    /// Asks for a JSON document; `None` if the daemon does not know the thing.
    pub(in crate::net) fn get(&self, request: &[u8]) -> Result<Option<Value>, Error> {
        match self.send(request, Duration::ZERO)? {
            (200, body) => document(&body).map(Some),
            (404, _) => Ok(None),
            (status, _) => Err(Error::Status(status)),
        }
    }

    /// Lists the things of a kind, by the filter of the daemon. The caller has to check the labels.
    pub(in crate::net) fn list(&self, kind: Kind, labels: &[Label]) -> Result<Vec<Entry>, Error> {
        let Some(collection) = kind.collection() else { return Ok(Vec::new()) };
        let pair = |label: &Label| format!("{}={}", label.key, label.value);
        let labels: Vec<String> = labels.iter().map(pair).collect();
        let request = request::list(collection.list, "label", &labels);
        match self.send(&request, Duration::ZERO)? {
            (200, body) => {
                entry::read(kind, collection, &document(&body)?).map_err(Error::Nonsense)
            }
            (status, _) if has_none(kind, status) => Ok(Vec::new()),
            (status, _) => Err(Error::Status(status)),
        }
    }

    /// Lists the containers that all values of a filter match.
    pub(super) fn containers(&self, filter: &str, values: &[String]) -> Result<Vec<Entry>, Error> {
        let kind = Kind::Containers;
        let Some(collection) = kind.collection() else { return Ok(Vec::new()) };
        let list = self.get(&request::list(collection.list, filter, values))?;
        entry::read(kind, collection, &list.unwrap_or_default()).map_err(Error::Nonsense)
    }

    /// Returns the names of the containers that use images, by the ids of those.
    pub(super) fn used_images(&self) -> Result<HashMap<String, String>, Error> {
        let containers = self.containers("label", &[])?.into_iter();
        Ok(containers.map(|entry| (entry.image, entry.thing.name)).collect())
    }

    /// Returns the labels of an image; `None` if it is gone.
    pub(super) fn image_labels(&self, id: &str) -> Result<Option<Labels>, Error> {
        let image = self.get(&request::inspect_image(Api::Old, id, None))?;
        Ok(image.map(|image| labels(image.pointer("/Config/Labels"))))
    }
}

fn document(body: &[u8]) -> Result<Value, Error> {
    serde_json::from_slice(body).map_err(|error| Error::Nonsense(error.to_string()))
}
