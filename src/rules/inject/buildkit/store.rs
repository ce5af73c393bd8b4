//! The config that a client gives to an exporter: read by some, and by Docker's own as the daemon keeps
//! its images.

use super::image_config::Metadata;

/// A place in which a daemon keeps its images. By that its exporter `moby` reads a config in its attributes, or
/// ignores it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Store {
    /// Containerd's image store: the config is read.
    Containerd,
    /// A graph driver: the config is ignored.
    GraphDriver,
    /// The daemon has not answered.
    #[default]
    Unknown,
}

/// The use that an exporter makes of a config among its attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reads {
    Never,
    Maybe,
    Always,
}

impl Reads {
    /// The same of the exporter `kind` with these attributes, on a daemon with this store.
    pub(super) fn of(kind: &[u8], attributes: &Metadata<'_>, store: Store) -> Self {
        match (kind, store) {
            _ if !attributes.has_any_config() => Self::Never,
            (b"moby", Store::GraphDriver) => Self::Never,
            (b"moby", Store::Unknown) => Self::Maybe,
            _ if attributes.has_config() => Self::Always,
            // That of one platform is read where the daemon's is the same.
            _ => Self::Maybe,
        }
    }
}
