//! The mounts that the operator adds to containers. What a client mounts at their paths gives way.

use super::name_of;
use super::{How, Inject, Place, Value};
use crate::engine::fields::{BINDS, Key, TMPFS, VOLUME_DRIVER};
use crate::json::quoted;
use crate::rules::caller::Template;
use crate::rules::mounts::path::{clean, cleaned};
use crate::rules::refusal::shown;
use crate::rules::{Reason, Refusal};

/// The mounts that the operator adds to containers.
#[derive(Debug, Clone, Default)]
pub(in crate::rules) struct OperatorMounts {
    /// The binds.
    pub(in crate::rules) binds: Vec<OperatorBind>,
    /// The paths of the tmpfs mounts.
    pub(in crate::rules) tmpfs: Vec<String>,
    /// The driver of volumes without one of their own.
    pub(in crate::rules) volume_driver: Option<(How, String)>,
}

/// A bind that the operator adds.
#[derive(Debug, Clone)]
pub(in crate::rules) struct OperatorBind {
    /// The path in the container.
    pub(in crate::rules) target: String,
    /// The entry of `HostConfig.Binds`, as JSON.
    pub(in crate::rules) json: String,
}

impl OperatorMounts {
    /// Compiles the mounts of `list`.
    pub(super) fn of(list: &[Inject]) -> Self {
        let mut mounts = Self::default();
        for Inject { at, how, value, .. } in list {
            let Place::Field(field) = at else { continue };
            match (field.path, value) {
                (BINDS, Value::List(binds)) => {
                    for bind in binds {
                        mounts.add_bind(bind);
                    }
                }
                (TMPFS, Value::Map(map)) => {
                    mounts.tmpfs.extend(map.iter().map(|label| label.key.clone()));
                }
                (VOLUME_DRIVER, Value::Text(driver)) => {
                    mounts.volume_driver = Some((*how, driver.clone()));
                }
                _ => {}
            }
        }
        mounts
    }

    /// Adds a bind.
    pub(in crate::rules) fn add_bind(&mut self, text: &str) {
        self.binds.push(OperatorBind { target: target_of(text), json: quoted(text) });
    }

    /// Returns `true` if a bind is added at the path `target`.
    pub(in crate::rules) fn bind_at(&self, target: &str) -> bool {
        !self.binds.is_empty() && {
            let target = cleaned(target);
            self.binds.iter().any(|bind| bind.target == target)
        }
    }

    /// Refuses a tmpfs at the path of a bind, or of a tmpfs in another spelling: the daemon would refuse the
    /// container, with a message about mounts that the client does not know, or mount both.
    pub(in crate::rules) fn check_tmpfs(&self, target: &str) -> Result<(), Refusal> {
        if self.bind_at(target)
            || self.tmpfs.iter().all(|own| own != target) && self.tmpfs_at(target)
        {
            return Err(own_mount(target));
        }
        Ok(())
    }

    /// Refuses a mount of the client at the path of a tmpfs.
    pub(in crate::rules) fn check_mount(&self, target: &str) -> Result<(), Refusal> {
        if self.tmpfs_at(target) { Err(own_mount(target)) } else { Ok(()) }
    }

    fn tmpfs_at(&self, target: &str) -> bool {
        !self.tmpfs.is_empty() && {
            let target = cleaned(target);
            self.tmpfs.iter().any(|own| clean(own) == target)
        }
    }
}

/// Returns the path in the container of a bind. Rules that are only described have placeholders, whose colons
/// end no path.
fn target_of(text: &str) -> String {
    let template = Template::of(text);
    let filled = template.wants().map(|_| template.with(|_, _| String::new()));
    clean(name_of(Key::Target, filled.as_deref().unwrap_or(text)))
}

fn own_mount(target: &str) -> Refusal {
    let text = format!(
        "the container mounts something at \"{}\", where the operator does, too; leave it out",
        shown(target)
    );
    Refusal::new(Reason::OwnMount, text)
}

#[cfg(test)]
mod tests;
