//! The use of an image config among an exporter's attributes. For Docker's exporter it depends on the
//! daemon's image store.

use super::image_config::Metadata;

/// The image store of a daemon. It determines if the exporter `moby` reads a config in its attributes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Store {
    /// Containerd's image store: the config is read.
    Containerd,
    /// A graph driver: the config is ignored.
    GraphDriver,
    /// Not known: the daemon has not answered.
    #[default]
    Unknown,
}

/// The use of a config among the attributes of an exporter, from the fewest labels to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reads {
    Never,
    Maybe,
    Always,
}

impl Reads {
    /// Returns the use by the exporter `kind` with these attributes, on a daemon with this store.
    pub(super) fn of(kind: &[u8], attributes: &Metadata<'_>, store: Store) -> Self {
        match (kind, store) {
            _ if !attributes.has_any_config() => Self::Never,
            (b"moby", Store::GraphDriver) => Self::Never,
            (b"moby", Store::Unknown) => Self::Maybe,
            _ if attributes.has_config() => Self::Always,
            // A config for one platform is read if the daemon has the same platform.
            _ => Self::Maybe,
        }
    }
}
