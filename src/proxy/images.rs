//! A cache of the volumes that images declare, so that the daemon is asked about an image only once.
//!
//! The cache never serves an outdated answer. It is cleared
//!
//! - when an exchange [begins](Images::change) that may change the image behind a name. Until the exchange
//!   ends, nothing is stored or used;
//! - when the daemon [reports](Images::forget) a change. The shell reads its events as long as the cache
//!   [wants](Images::wants_events) them;
//! - when the shell [loses](Images::deaf) the stream of events, for example because the daemon ends;
//! - after some minutes, in case something changes images without the daemon.
//!
//! An answer is stored only if events were being read before its question was asked, and the cache was not
//! cleared since. So no change can fall between the two.
//!
//! One gap remains: a change past this proxy, until the daemon reports it. The daemon passes its report to
//! the stream before it answers the client that made the change, and the shell reads the stream before any
//! client. So only a client that is faster than the daemon's own threads can see the earlier image.
//!
//! Some daemons are not cached. Engines before 28.1 do not report all builds by BuildKit: before 24.0 none,
//! later none in containerd's store. Podman reports a change up to a quarter of a second late, and other
//! programs change its images without any report.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use crate::engine::Api;
use crate::http::render;

/// Maximum number of cached images; the oldest is dropped first. A host that builds for many jobs uses a few
/// dozen at a time.
const ENTRIES: usize = 128;

/// Maximum size in bytes of one entry: name, platform and paths. References have at most 255 bytes without
/// their tag, and images a few short paths. All entries together have at most half a megabyte.
const ENTRY: usize = 4096;

/// The images of one daemon, and its version.
#[derive(Debug, Default)]
pub struct Images {
    api: Cell<Api>,
    /// `true` if the daemon reports every change of an image at once.
    reports: Cell<bool>,
    /// The number of running exchanges that may change images.
    changing: Cell<usize>,
    /// The number of times that the cache was cleared.
    generation: Cell<u64>,
    events: Cell<Events>,
    /// `true` if the cache was of use since the connection for events was made.
    used: Cell<bool>,
    /// The cached images with their volumes, the oldest first.
    entries: RefCell<VecDeque<(Image, Vec<String>)>>,
}

/// The state of the shell's connection for the daemon's events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Events {
    #[default]
    Unwanted,
    /// The shell is to make one.
    Wanted,
    /// Events are being read.
    Heard,
}

/// An image, as a create names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its name.
    pub name: String,
    /// The wanted platform, as JSON.
    pub platform: Option<String>,
}

/// The time of a question, as a generation of the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(u64);

/// An exchange that may change images; it ends when this is dropped.
#[derive(Debug)]
pub struct Change(Rc<Images>);

impl Drop for Change {
    fn drop(&mut self) {
        self.0.changing.set(self.0.changing.get().saturating_sub(1));
    }
}

/// The part for the core.
impl Images {
    /// Begins an exchange that may change images.
    #[must_use]
    pub fn change(images: &Rc<Self>) -> Change {
        images.changing.set(images.changing.get() + 1);
        images.forget();
        Change(Rc::clone(images))
    }

    /// Returns the API version for questions about images.
    #[must_use]
    pub fn api(&self) -> Api {
        self.api.get()
    }

    /// Sets the API version for questions about images.
    pub fn set_api(&self, api: Api) {
        self.api.set(api);
    }

    /// Reads the daemon's version in the head of a response, unless it is known.
    #[inline]
    pub fn learn_once(&self, head: &[u8]) {
        if self.api.get() == Api::Unknown {
            self.learn(head);
        }
    }

    /// Reads the daemon's version in the head of a response, and returns it.
    pub fn learn(&self, head: &[u8]) -> Api {
        let [version, podman] = render::values(head, ["Api-Version", "Libpod-Api-Version"]);
        let api = Api::of(version.unwrap_or_default());
        self.reports.set(matches!(api, Api::Minor(_) | Api::Newest) && podman.is_none());
        // A daemon that refuses all known versions is recognized only by that refusal.
        if !(self.api.get() == Api::Newest && matches!(api, Api::Minor(_))) {
            self.api.set(api);
        }
        self.api.get()
    }

    /// Returns the time of a question that is about to be asked, if its answer may be stored.
    #[must_use]
    pub fn moment(&self) -> Option<Moment> {
        self.want();
        self.is_certain().then(|| Moment(self.generation.get()))
    }

    /// Requests the daemon's events, if it reports every change.
    pub fn want(&self) {
        if self.reports.get() {
            self.used.set(true);
            if self.events.get() == Events::Unwanted {
                self.events.set(Events::Wanted);
            }
        }
    }

    /// Stores the answer to a question from the time `asked`, unless it may be outdated.
    pub fn remember(&self, image: Image, volumes: &[String], asked: Moment) {
        let paths = volumes.iter().map(String::len).sum::<usize>();
        let platform = image.platform.as_ref().map_or(0, String::len);
        let fits = image.name.len() + platform + paths <= ENTRY;
        if !fits || !self.is_certain() || asked != Moment(self.generation.get()) {
            return;
        }
        let mut entries = self.entries.borrow_mut();
        entries.retain(|(known, _)| *known != image);
        if entries.len() >= ENTRIES {
            entries.pop_front();
        }
        entries.push_back((image, volumes.to_vec()));
    }

    /// Returns the volumes of a cached image with this name, for this platform as JSON.
    #[must_use]
    pub fn recall(&self, name: &str, platform: Option<&str>) -> Option<Vec<String>> {
        let is_it = |image: &Image| image.name == name && image.platform.as_deref() == platform;
        let entries = self.entries.borrow();
        let (_, volumes) = entries.iter().find(|(image, _)| is_it(image))?;
        self.used.set(true);
        self.is_certain().then(|| volumes.clone())
    }

    fn is_certain(&self) -> bool {
        self.events.get() == Events::Heard && self.changing.get() == 0 && self.reports.get()
    }
}

/// The part for the shell.
impl Images {
    /// Returns `true` if the shell is to make a connection for events.
    #[must_use]
    pub fn wants_events(&self) -> bool {
        self.events.get() == Events::Wanted
    }

    /// Records that events are being read from now on.
    pub fn hears(&self) {
        self.forget();
        self.events.set(Events::Heard);
    }

    /// Records that events are no longer read.
    pub fn deaf(&self) {
        self.events.set(Events::Unwanted);
        self.forget();
    }

    /// Records that the connection for events has reached its maximum age. Requests another if the cache was
    /// of use since the last call.
    pub fn renew(&self) {
        self.deaf();
        if self.used.replace(false) && self.reports.get() {
            self.events.set(Events::Wanted);
        }
    }

    /// Clears the cache, since an image has changed.
    pub fn forget(&self) {
        self.generation.set(self.generation.get().wrapping_add(1));
        self.entries.borrow_mut().clear();
    }
}

#[cfg(test)]
mod tests;
