//! The volumes that images declare, remembered from one create to the next, so that the daemon is asked
//! about an image once.
//!
//! Nothing is remembered that could be out of date. All is forgotten
//!
//! - when an exchange [begins](Images::change) that may change what the name of an image stands for. Until
//!   it ends nothing is remembered or used;
//! - when the daemon [reports](Images::forget) a change. The shell listens to its events as long as
//!   [this](Images::wants_events) wants it to;
//! - when the shell [hears](Images::deaf) no more events, as when the daemon ends;
//! - after some minutes, in case something changes images without the daemon.
//!
//! An answer is remembered only if events were heard before its question was asked, and nothing was
//! forgotten since. So no change can fall between the two.
//!
//! What is left is the time between a change that passes by this proxy and the daemon's report of it. The
//! daemon hands its report to the stream before it answers whoever made the change, and the shell reads the
//! stream before it reads what a client has sent, so that it takes a client that is faster than the
//! daemon's own threads to see the image from before.
//!
//! Not each daemon is remembered. Engines before 28.1 do not report what BuildKit builds: before 24.0 in no
//! store, then not in containerd's. Podman reports a change up to a quarter of a second late, and other
//! programs change its images without any report.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use crate::engine::Api;
use crate::http::render;

/// Images that are remembered. A host that builds for many jobs creates containers of a few dozen at a time;
/// the oldest gives way.
const ENTRIES: usize = 128;

/// Bytes of the names, platforms and paths of one image that is remembered. References have at most 255
/// bytes beside their tag, and images a few short paths; with all entries this is half a megabyte.
const ENTRY: usize = 4096;

/// The images of one daemon, and its version.
#[derive(Debug, Default)]
pub struct Images {
    api: Cell<Api>,
    /// Whether the daemon reports every change of an image at once.
    reports: Cell<bool>,
    /// Exchanges that may change images now.
    changing: Cell<usize>,
    /// Counts the times that all was forgotten.
    generation: Cell<u64>,
    events: Cell<Events>,
    /// Whether there was anything to remember, or to recall, since the events were heard anew.
    used: Cell<bool>,
    entries: RefCell<VecDeque<Entry>>,
}

/// The state of the shell's connection for the daemon's events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Events {
    #[default]
    Unwanted,
    /// There should be one.
    Wanted,
    /// Every change is heard of.
    Heard,
}

#[derive(Debug)]
struct Entry {
    image: Image,
    volumes: Vec<String>,
}

/// An image as a create names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its name.
    pub name: String,
    /// The platform of it that is wanted, as JSON.
    pub platform: Option<String>,
}

/// The moment in which a question was asked.
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

/// For the core.
impl Images {
    /// Begins an exchange that may change images.
    #[must_use]
    pub fn change(images: &Rc<Self>) -> Change {
        images.changing.set(images.changing.get() + 1);
        images.forget();
        Change(Rc::clone(images))
    }

    /// Returns the version in which the daemon is to be asked about an image.
    #[must_use]
    pub fn api(&self) -> Api {
        self.api.get()
    }

    /// Takes note that the daemon is to be asked so.
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
        let api = Api::of(render::value(head, "Api-Version").unwrap_or_default());
        let podman = render::value(head, "Libpod-Api-Version").is_some();
        self.reports.set(matches!(api, Api::Minor(_) | Api::Newest) && !podman);
        // A daemon that refuses all that we know is known by its refusal alone.
        if !(self.api.get() == Api::Newest && matches!(api, Api::Minor(_))) {
            self.api.set(api);
        }
        self.api.get()
    }

    /// Returns the moment of a question that is about to be asked, if its answer may be remembered.
    #[must_use]
    pub fn moment(&self) -> Option<Moment> {
        self.want();
        self.is_certain().then(|| Moment(self.generation.get()))
    }

    /// Has the shell listen to the daemon's events, if that is of use.
    pub fn want(&self) {
        if self.reports.get() {
            self.used.set(true);
            if self.events.get() == Events::Unwanted {
                self.events.set(Events::Wanted);
            }
        }
    }

    /// Remembers the answer to a question that was asked in that moment, unless it may be out of date.
    pub fn remember(&self, image: Image, volumes: &[String], asked: Moment) {
        let paths = volumes.iter().map(String::len).sum::<usize>();
        let platform = image.platform.as_ref().map_or(0, String::len);
        let fits = image.name.len() + platform + paths <= ENTRY;
        if !fits || !self.is_certain() || asked != Moment(self.generation.get()) {
            return;
        }
        let mut entries = self.entries.borrow_mut();
        entries.retain(|entry| entry.image != image);
        if entries.len() >= ENTRIES {
            entries.pop_front();
        }
        entries.push_back(Entry { image, volumes: volumes.to_vec() });
    }

    /// Returns the volumes of an image that is remembered.
    #[must_use]
    pub fn recall(&self, image: &Image) -> Option<Vec<String>> {
        let entries = self.entries.borrow();
        let entry = entries.iter().find(|entry| entry.image == *image)?;
        self.used.set(true);
        self.is_certain().then(|| entry.volumes.clone())
    }

    fn is_certain(&self) -> bool {
        self.events.get() == Events::Heard && self.changing.get() == 0 && self.reports.get()
    }
}

/// For the shell.
impl Images {
    /// Reports whether there should be a connection for events, and is none.
    #[must_use]
    pub fn wants_events(&self) -> bool {
        self.events.get() == Events::Wanted
    }

    /// Takes note that every change from now on is heard of.
    pub fn hears(&self) {
        self.forget();
        self.events.set(Events::Heard);
    }

    /// Takes note that changes are not heard of any more.
    pub fn deaf(&self) {
        self.events.set(Events::Unwanted);
        self.forget();
    }

    /// Takes note that changes are not heard of any more, as the connection for events has lived for long.
    /// There should be another if anything was asked or recalled since this was called before.
    pub fn renew(&self) {
        self.deaf();
        if self.used.replace(false) && self.reports.get() {
            self.events.set(Events::Wanted);
        }
    }

    /// Forgets all volumes: an image has changed.
    pub fn forget(&self) {
        self.generation.set(self.generation.get().wrapping_add(1));
        self.entries.borrow_mut().clear();
    }
}

#[cfg(test)]
mod tests;
