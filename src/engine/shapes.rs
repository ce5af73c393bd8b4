//! Places of labels, of the cgroup parent and of options in the JSON bodies of requests.

use super::fields::{Field, Section};

/// A place for injections, independent of its position in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The labels of everything but images.
    Labels,
    /// The labels of images.
    ImageLabels,
    /// The cgroup parent of containers.
    CgroupParent,
    /// The cgroup parent of the steps of builds.
    BuildCgroupParent,
    /// An option by its name in the Engine API.
    Field(&'static Field),
}

/// The position of a place in one JSON shape.
#[derive(Debug, PartialEq, Eq)]
pub struct Position {
    /// The place.
    pub place: Place,
    /// The names of the members on the path from the top.
    pub path: &'static [&'static str],
    /// The treatment of missing objects on the path.
    pub missing: Missing,
}

/// The treatment of a missing object on the path to a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// It is added.
    Made,
    /// It stays missing, and nothing is injected below it.
    Left,
}

/// A shape of JSON documents, with its positions for injections.
#[derive(Debug, PartialEq, Eq)]
pub struct JsonShape {
    /// The positions. Several may be for the same place.
    pub positions: &'static [Position],
    /// The position of volumes and mounts.
    pub storage: Storage,
    /// The options that it has.
    pub options: Options,
}

/// The options of a JSON shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Options {
    /// None.
    Nothing,
    /// Those of this section.
    Of(Section),
    /// Those by which the limits of a container are changed.
    Update,
}

/// The position of volumes and mounts in a creating request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// None.
    Nothing,
    /// `Volumes`, `HostConfig.Binds` and `HostConfig.Mounts`.
    Container,
    /// `TaskTemplate.ContainerSpec.Mounts`.
    Service,
    /// `DriverOpts` of a volume.
    Volume,
}

const fn made(place: Place, path: &'static [&'static str]) -> Position {
    Position { place, path, missing: Missing::Made }
}

const fn left(place: Place, path: &'static [&'static str]) -> Position {
    Position { place, path, missing: Missing::Left }
}

const LABELS: &[Position] = &[made(Place::Labels, &["Labels"])];

/// Secrets and configs: `Labels` at the top.
pub static LABELLED: JsonShape = labelled();

/// Networks.
pub static NETWORK: JsonShape = JsonShape { options: Options::Of(Section::Network), ..labelled() };

/// Volumes.
pub static VOLUME: JsonShape =
    JsonShape { storage: Storage::Volume, options: Options::Of(Section::Volume), ..labelled() };

const fn labelled() -> JsonShape {
    JsonShape { positions: LABELS, storage: Storage::Nothing, options: Options::Nothing }
}

/// Containers: Config is embedded at the top, HostConfig is a member.
pub static CONTAINER: JsonShape = JsonShape {
    positions: &[
        made(Place::Labels, &["Labels"]),
        made(Place::CgroupParent, &["HostConfig", "CgroupParent"]),
    ],
    storage: Storage::Container,
    options: Options::Of(Section::Container),
};

/// Updates of containers: the limits of HostConfig are at the top.
pub static CONTAINER_UPDATE: JsonShape =
    JsonShape { positions: &[], storage: Storage::Nothing, options: Options::Update };

/// Processes in containers.
pub static EXEC: JsonShape =
    JsonShape { positions: &[], storage: Storage::Nothing, options: Options::Of(Section::Exec) };

/// Services: the labels of the service and of its tasks' containers. A task of another kind
/// (plugin, network attachment) has no ContainerSpec and must not get one.
pub static SERVICE: JsonShape = JsonShape {
    positions: &[
        made(Place::Labels, &["Labels"]),
        left(Place::Labels, &["TaskTemplate", "ContainerSpec", "Labels"]),
    ],
    storage: Storage::Service,
    options: Options::Of(Section::Service),
};

/// The config of an image (OCI image-spec v1.1, config.md), which BuildKit's messages carry.
pub static IMAGE_CONFIG: JsonShape = JsonShape {
    positions: &[made(Place::ImageLabels, &["config", "Labels"])],
    storage: Storage::Nothing,
    options: Options::Nothing,
};

/// The objects that are not added where they are missing: their absence has a meaning.
pub const NOT_ADDED: &[&str] = &["TaskTemplate", "ContainerSpec", "NetworkingConfig"];

/// The [`HOST_CONFIG_FIELDS`] that mount something.
pub const MOUNTING_FIELDS: &[&str] = &["Binds", "Mounts", "VolumesFrom", "VolumeDriver"];

/// HostConfig fields that Docker 20.10 also accepts at the top of a container create if its HostConfig has no
/// number there.
pub const NUMBERS_AT_TOP: &[&str] = &["CpuShares", "Memory", "MemorySwap"];

/// HostConfig fields that Docker 20.10 also accepts at the top of a container create, but only if
/// the body has no HostConfig: adding one would silently drop them.
pub const HOST_CONFIG_FIELDS: &[&str] = &[
    "Annotations",
    "AutoRemove",
    "Binds",
    "BlkioDeviceReadBps",
    "BlkioDeviceReadIOps",
    "BlkioDeviceWriteBps",
    "BlkioDeviceWriteIOps",
    "BlkioWeight",
    "BlkioWeightDevice",
    "CapAdd",
    "CapDrop",
    "Capabilities",
    "Cgroup",
    "CgroupParent",
    "CgroupnsMode",
    "ConsoleSize",
    "ContainerIDFile",
    "CpuCount",
    "CpuPercent",
    "CpuPeriod",
    "CpuQuota",
    "CpuRealtimePeriod",
    "CpuRealtimeRuntime",
    "CpuShares",
    "CpusetCpus",
    "CpusetMems",
    "DeviceCgroupRules",
    "DeviceRequests",
    "Devices",
    "Dns",
    "DnsOptions",
    "DnsSearch",
    "ExtraHosts",
    "GroupAdd",
    "IOMaximumBandwidth",
    "IOMaximumIOps",
    "Init",
    "IpcMode",
    "Isolation",
    "KernelMemory",
    "KernelMemoryTCP",
    "Links",
    "LogConfig",
    "MaskedPaths",
    "Memory",
    "MemoryReservation",
    "MemorySwap",
    "MemorySwappiness",
    "Mounts",
    "NanoCpus",
    "NetworkMode",
    "OomKillDisable",
    "OomScoreAdj",
    "PidMode",
    "PidsLimit",
    "PortBindings",
    "Privileged",
    "PublishAllPorts",
    "ReadonlyPaths",
    "ReadonlyRootfs",
    "RestartPolicy",
    "Runtime",
    "SecurityOpt",
    "ShmSize",
    "StorageOpt",
    "Sysctls",
    "Tmpfs",
    "UTSMode",
    "Ulimits",
    "UsernsMode",
    "VolumeDriver",
    "VolumesFrom",
];
