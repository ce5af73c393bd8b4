//! Where in the JSON body of a creating request labels and the cgroup parent live.

/// The members of one kind of body that carry what is forced.
#[derive(Debug, PartialEq, Eq)]
pub struct JsonCarrier {
    /// The objects that have a member `Labels`, each as the names that lead to it from the top.
    /// The top object is always there; the others are labelled only where the client has them.
    pub labels: &'static [&'static [&'static str]],
    /// What it mounts.
    pub storage: Storage,
}

/// Where a creating request names volumes and mounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// Nowhere.
    Nothing,
    /// In `Volumes`, `HostConfig.Binds` and `HostConfig.Mounts`. `HostConfig.CgroupParent` means
    /// something here.
    Container,
    /// In `TaskTemplate.ContainerSpec.Mounts`.
    Service,
}

/// Networks, volumes, secrets and configs: `Labels` at the top.
pub const LABELLED: JsonCarrier = JsonCarrier { labels: &[&[]], storage: Storage::Nothing };

/// Containers: the Config is embedded at the top, the HostConfig is a member of its own.
pub const CONTAINER: JsonCarrier = JsonCarrier { labels: &[&[]], storage: Storage::Container };

/// Services: the labels of the service, and those of its tasks' containers. A task of another
/// kind (plugin, network attachment) has no ContainerSpec and must not get one.
pub const SERVICE: JsonCarrier =
    JsonCarrier { labels: &[&[], &["TaskTemplate", "ContainerSpec"]], storage: Storage::Service };

/// Those of the [`HOST_CONFIG_FIELDS`] by which something is mounted.
pub const MOUNTING_FIELDS: &[&str] = &["Binds", "Mounts", "VolumesFrom", "VolumeDriver"];

/// The fields of a HostConfig that Docker 20.10 also honours at the top of the body of a
/// container create, but only while there is no HostConfig: adding one would silently drop them.
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
