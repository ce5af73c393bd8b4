//! The removal of what the clients of a listener created.

use std::fs;
use std::time::Duration;

use super::{Invalid, Listener, number, template};
use crate::engine::shapes::Place;
use crate::rules::inject::{How, Inject, Value};
use crate::rules::{Label, own};

/// The file with the name of the host, or of the container.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";

/// The removal of what the clients of a listener created.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the file")]
pub struct Removal {
    /// Remove it when the proxy stops for good.
    pub on_exit: bool,
    /// Remove it when the container of the client has ended.
    pub when_gone: bool,
    /// Time between the end of a container and the removal.
    pub delay: Duration,
    /// Mark labels as given, even if nothing is removed.
    pub mark: bool,
    /// The path in containers of the socket that each gets for itself.
    pub job_socket: Option<String>,
    /// `true` if images get no labels, so that all of them stay.
    pub keeps_images: bool,
}

impl Removal {
    /// Returns `true` if what a container's processes created is removed after its end.
    #[must_use]
    pub fn removes_jobs(&self) -> bool {
        self.when_gone || self.job_socket.is_some()
    }
}

impl Listener {
    /// Returns the labels of the proxy's own, by which it finds what to remove, with the key or flag that asks for
    /// each.
    pub(super) fn own_labels(&self) -> Vec<Inject> {
        let Removal { on_exit, when_gone, mark, job_socket, keeps_images, .. } = &self.removal;
        let removes_jobs = self.removal.removes_jobs();
        let entry = |at, key: &str, value: &str, from: &str| Inject {
            at,
            how: How::Force,
            value: Value::Entry(Label { key: key.to_owned(), value: value.to_owned() }),
            from: from.to_owned(),
        };
        let both = |key, value: &str, from| {
            [Place::Labels, Place::ImageLabels].map(|at| entry(at, key, value, from))
        };
        let mut labels = Vec::new();
        let asked = [
            (job_socket.is_some(), "job_socket"),
            (*when_gone, "reap_when_gone"),
            (*on_exit, "reap_on_exit"),
        ];
        let asked = asked.into_iter().find(|(asked, _)| *asked).map_or("mark", |(_, key)| key);
        // Two listeners, or two proxies, remove each its own, after its own delay.
        if *on_exit || removes_jobs {
            labels.extend(both(own::LISTENER, &template::doubled(&self.owner()), asked));
        }
        if *when_gone {
            labels.extend(both(own::JOB, own::JOB_TEMPLATE, asked));
        } else if removes_jobs {
            // Else a client could name a job, or get one by an image.
            labels.extend(both(own::JOB, "", asked));
        }
        if *on_exit || removes_jobs || *mark {
            let own = labels.iter().filter_map(|label| match (&label.value, label.at) {
                (Value::Entry(entry), Place::Labels) => Some(entry.key.as_str()),
                _ => None,
            });
            let keys = self.labels.iter().map(|label| label.value.key.as_str()).chain(own);
            let keys = template::doubled(&keys.collect::<Vec<_>>().join(" "));
            labels.push(entry(Place::Labels, own::GIVEN, &keys, asked));
            labels.push(entry(Place::ImageLabels, own::GIVEN, own::BY_IMAGE, asked));
        }
        labels.retain(|label| !keeps_images || label.at != Place::ImageLabels);
        labels
    }

    /// Returns the value of the label [`own::LISTENER`]. It begins with the name of the host or of the container in
    /// which the proxy runs: two proxies at one daemon may have the same configuration.
    #[must_use]
    pub fn owner(&self) -> String {
        let name = self.name.clone().unwrap_or_else(|| self.listen.display().to_string());
        match fs::read_to_string(HOST_NAME) {
            Ok(host) => format!("{}:{name}", host.trim()),
            Err(_) => name,
        }
    }
}

/// Reads a whole number of seconds (`30` or `30s`), minutes (`5m`), hours (`6h`) or days (`7d`).
///
/// # Errors
///
/// Any other form, and a number of seconds beyond 64 bits.
pub fn duration(text: &str) -> Result<Duration, Invalid> {
    let digits = text.trim_end_matches(|unit: char| !unit.is_ascii_digit());
    let seconds_per_unit = match text.strip_prefix(digits) {
        Some("" | "s") => Some(1),
        Some("m") => Some(60),
        Some("h") => Some(60 * 60),
        Some("d") => Some(24 * 60 * 60),
        _ => None,
    };
    seconds_per_unit
        .zip(number(digits))
        .and_then(|(seconds, count)| count.checked_mul(seconds))
        .map(Duration::from_secs)
        .ok_or_else(|| Invalid::Duration(text.to_owned()))
}

/// Reads the least age of what is removed, which needs a unit: a number alone may be meant as hours.
///
/// # Errors
///
/// The errors of [`duration`], and a number without a unit.
pub fn age(text: &str) -> Result<Duration, Invalid> {
    match number(text) {
        Some(1..) => Err(Invalid::NoUnit(text.to_owned())),
        Some(0) | None => duration(text),
    }
}

#[cfg(test)]
mod tests;
