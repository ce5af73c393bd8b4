//! Places of labels and of the cgroup parent in the JSON bodies of creating requests.

/// The members of a body that carry forced values.
#[derive(Debug, PartialEq, Eq)]
pub struct JsonCarrier {
    /// Paths to the objects with a member `Labels`, as member names from the top. The top object
    /// always exists; other objects are labelled only if the client sent them.
    pub labels: &'static [&'static [&'static str]],
    /// The place of volumes and mounts.
    pub storage: Storage,
}

/// The place of volumes and mounts in a creating request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// None.
    Nothing,
    /// `Volumes`, `HostConfig.Binds` and `HostConfig.Mounts`; `HostConfig.CgroupParent` exists.
    Container,
    /// `TaskTemplate.ContainerSpec.Mounts`.
    Service,
}

/// Networks, volumes, secrets and configs: `Labels` at the top.
pub const LABELLED: JsonCarrier = JsonCarrier { labels: &[&[]], storage: Storage::Nothing };

/// Containers: Config is embedded at the top, HostConfig is a member.
pub const CONTAINER: JsonCarrier = JsonCarrier { labels: &[&[]], storage: Storage::Container };

/// Services: the labels of the service and of its tasks' containers. A task of another kind
/// (plugin, network attachment) has no ContainerSpec and must not get one.
pub const SERVICE: JsonCarrier =
    JsonCarrier { labels: &[&[], &["TaskTemplate", "ContainerSpec"]], storage: Storage::Service };

/// The [`HOST_CONFIG_FIELDS`] that mount something.
pub const MOUNTING_FIELDS: &[&str] = &["Binds", "Mounts", "VolumesFrom", "VolumeDriver"];

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
