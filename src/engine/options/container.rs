//! The options of requests about containers.

use super::{Form, Group, body, query};

/// The body of the create of a container.
pub(super) const CREATE: Group = body(
    &["ContainerCreate"],
    &[
        ("Hostname", Form::Text),
        ("Domainname", Form::Text),
        ("User", Form::Text),
        ("ExposedPorts", Form::Keys),
        ("Tty", Form::Switch),
        ("OpenStdin", Form::Switch),
        ("Env", Form::Text),
        ("Cmd", Form::Text),
        ("Healthcheck.Test", Form::Text),
        ("Image", Form::Text),
        ("Volumes", Form::Keys),
        ("WorkingDir", Form::Text),
        ("Entrypoint", Form::Text),
        ("NetworkDisabled", Form::Switch),
        ("MacAddress", Form::Text),
        ("Labels", Form::Keys),
        ("StopSignal", Form::Text),
        ("StopTimeout", Form::Number),
        ("Shell", Form::Text),
        ("HostConfig", Form::Members),
        ("HostConfig.Binds", Form::Text),
        ("HostConfig.ContainerIDFile", Form::Text),
        ("HostConfig.LogConfig.Type", Form::Text),
        ("HostConfig.LogConfig.Config", Form::Keys),
        ("HostConfig.NetworkMode", Form::Text),
        ("HostConfig.PortBindings", Form::Keys),
        ("HostConfig.PortBindings.*.HostIp", Form::Text),
        ("HostConfig.PortBindings.*.HostPort", Form::Number),
        ("HostConfig.PublishAllPorts", Form::Switch),
        ("HostConfig.AutoRemove", Form::Switch),
        ("HostConfig.VolumeDriver", Form::Text),
        ("HostConfig.VolumesFrom", Form::Text),
        ("HostConfig.Annotations", Form::Keys),
        ("HostConfig.CapAdd", Form::Capability),
        ("HostConfig.CapDrop", Form::Capability),
        ("HostConfig.Capabilities", Form::Capability),
        ("HostConfig.Cgroup", Form::Text),
        ("HostConfig.CgroupnsMode", Form::Text),
        ("HostConfig.ConsoleSize", Form::Number),
        ("HostConfig.Dns", Form::Text),
        ("HostConfig.DnsOptions", Form::Text),
        ("HostConfig.DnsSearch", Form::Text),
        ("HostConfig.ExtraHosts", Form::Text),
        ("HostConfig.GroupAdd", Form::Text),
        ("HostConfig.IpcMode", Form::Text),
        ("HostConfig.Links", Form::Text),
        ("HostConfig.OomScoreAdj", Form::Number),
        ("HostConfig.PidMode", Form::Text),
        ("HostConfig.Privileged", Form::Switch),
        ("HostConfig.ReadonlyRootfs", Form::Switch),
        ("HostConfig.SecurityOpt", Form::Security),
        ("HostConfig.StorageOpt", Form::Keys),
        ("HostConfig.Tmpfs", Form::Keys),
        ("HostConfig.UTSMode", Form::Text),
        ("HostConfig.UsernsMode", Form::Text),
        ("HostConfig.ShmSize", Form::Bytes),
        ("HostConfig.Sysctls", Form::Keys),
        ("HostConfig.Runtime", Form::Text),
        ("HostConfig.Isolation", Form::AnyCase),
        ("HostConfig.MaskedPaths", Form::Text),
        ("HostConfig.ReadonlyPaths", Form::Text),
        ("HostConfig.CpuShares", Form::Number),
        ("HostConfig.Memory", Form::Bytes),
        ("HostConfig.CgroupParent", Form::Text),
        ("HostConfig.BlkioWeight", Form::Number),
        ("HostConfig.BlkioWeightDevice", Form::Text),
        ("HostConfig.BlkioWeightDevice.Path", Form::Text),
        ("HostConfig.BlkioDeviceReadBps", Form::Text),
        ("HostConfig.BlkioDeviceReadBps.Path", Form::Text),
        ("HostConfig.BlkioDeviceWriteBps", Form::Text),
        ("HostConfig.BlkioDeviceWriteBps.Path", Form::Text),
        ("HostConfig.BlkioDeviceReadIOps", Form::Text),
        ("HostConfig.BlkioDeviceReadIOps.Path", Form::Text),
        ("HostConfig.BlkioDeviceWriteIOps", Form::Text),
        ("HostConfig.BlkioDeviceWriteIOps.Path", Form::Text),
        ("HostConfig.CpuPeriod", Form::Number),
        ("HostConfig.CpuQuota", Form::Number),
        ("HostConfig.CpuRealtimePeriod", Form::Number),
        ("HostConfig.CpuRealtimeRuntime", Form::Number),
        ("HostConfig.CpusetCpus", Form::Text),
        ("HostConfig.CpusetMems", Form::Text),
        ("HostConfig.Devices", Form::Text),
        ("HostConfig.Devices.PathOnHost", Form::Text),
        ("HostConfig.Devices.PathInContainer", Form::Text),
        ("HostConfig.Devices.CgroupPermissions", Form::Text),
        ("HostConfig.DeviceCgroupRules", Form::Text),
        ("HostConfig.DeviceRequests", Form::Text),
        ("HostConfig.DeviceRequests.Driver", Form::Text),
        ("HostConfig.DeviceRequests.Count", Form::Number),
        ("HostConfig.DeviceRequests.DeviceIDs", Form::Text),
        ("HostConfig.DeviceRequests.Capabilities", Form::Text),
        ("HostConfig.DeviceRequests.Options", Form::Keys),
        ("HostConfig.KernelMemory", Form::Bytes),
        ("HostConfig.KernelMemoryTCP", Form::Bytes),
        ("HostConfig.MemoryReservation", Form::Bytes),
        ("HostConfig.MemorySwap", Form::Bytes),
        ("HostConfig.MemorySwappiness", Form::Number),
        ("HostConfig.NanoCpus", Form::Cpus),
        ("HostConfig.OomKillDisable", Form::Switch),
        ("HostConfig.Init", Form::Switch),
        ("HostConfig.PidsLimit", Form::Number),
        ("HostConfig.Ulimits", Form::Text),
        ("HostConfig.Ulimits.Name", Form::Text),
        ("HostConfig.Ulimits.Soft", Form::Number),
        ("HostConfig.Ulimits.Hard", Form::Number),
        ("HostConfig.CpuCount", Form::Number),
        ("HostConfig.CpuPercent", Form::Number),
        ("HostConfig.IOMaximumIOps", Form::Number),
        ("HostConfig.IOMaximumBandwidth", Form::Number),
        ("HostConfig.RestartPolicy.Name", Form::Text),
        ("HostConfig.RestartPolicy.MaximumRetryCount", Form::Number),
        ("HostConfig.Mounts", Form::Text),
        ("HostConfig.Mounts.Type", Form::AnyCase),
        ("HostConfig.Mounts.Source", Form::Text),
        ("HostConfig.Mounts.Target", Form::Text),
        ("HostConfig.Mounts.ReadOnly", Form::Switch),
        ("HostConfig.Mounts.Consistency", Form::Text),
        ("HostConfig.Mounts.BindOptions.Propagation", Form::Text),
        ("HostConfig.Mounts.BindOptions.NonRecursive", Form::Switch),
        ("HostConfig.Mounts.BindOptions.CreateMountpoint", Form::Switch),
        ("HostConfig.Mounts.BindOptions.ReadOnlyNonRecursive", Form::Switch),
        ("HostConfig.Mounts.BindOptions.ReadOnlyForceRecursive", Form::Switch),
        ("HostConfig.Mounts.VolumeOptions.NoCopy", Form::Switch),
        ("HostConfig.Mounts.VolumeOptions.Labels", Form::Keys),
        ("HostConfig.Mounts.VolumeOptions.Subpath", Form::Text),
        ("HostConfig.Mounts.VolumeOptions.DriverConfig.Name", Form::Text),
        ("HostConfig.Mounts.VolumeOptions.DriverConfig.Options", Form::Keys),
        ("HostConfig.Mounts.ImageOptions.Subpath", Form::Text),
        ("HostConfig.Mounts.TmpfsOptions.SizeBytes", Form::Bytes),
        ("HostConfig.Mounts.TmpfsOptions.Mode", Form::Number),
        ("HostConfig.Mounts.TmpfsOptions.Options", Form::Text),
        ("HostConfig.Mounts.ClusterOptions", Form::Text),
        ("NetworkingConfig", Form::Members),
        ("NetworkingConfig.EndpointsConfig", Form::Keys),
        ("NetworkingConfig.EndpointsConfig.*.IPAMConfig.IPv4Address", Form::Text),
        ("NetworkingConfig.EndpointsConfig.*.IPAMConfig.IPv6Address", Form::Text),
        ("NetworkingConfig.EndpointsConfig.*.IPAMConfig.LinkLocalIPs", Form::Text),
        ("NetworkingConfig.EndpointsConfig.*.Links", Form::Text),
        ("NetworkingConfig.EndpointsConfig.*.MacAddress", Form::Text),
        ("NetworkingConfig.EndpointsConfig.*.Aliases", Form::Text),
        ("NetworkingConfig.EndpointsConfig.*.DriverOpts", Form::Keys),
        ("NetworkingConfig.EndpointsConfig.*.GwPriority", Form::Number),
        ("NetworkingConfig.EndpointsConfig.*.NetworkID", Form::Text),
    ],
);

/// The query of the create of a container.
pub(super) const CREATE_QUERY: Group =
    query(&["ContainerCreate"], &[("name", Form::Text), ("platform", Form::Text)]);

/// The body of the update of a container. Daemons do not apply all of them.
pub(super) const UPDATE: Group = body(
    &["ContainerUpdate"],
    &[
        ("CpuShares", Form::Number),
        ("Memory", Form::Bytes),
        ("CgroupParent", Form::Text),
        ("BlkioWeight", Form::Number),
        ("BlkioWeightDevice", Form::Text),
        ("BlkioWeightDevice.Path", Form::Text),
        ("BlkioDeviceReadBps", Form::Text),
        ("BlkioDeviceReadBps.Path", Form::Text),
        ("BlkioDeviceWriteBps", Form::Text),
        ("BlkioDeviceWriteBps.Path", Form::Text),
        ("BlkioDeviceReadIOps", Form::Text),
        ("BlkioDeviceReadIOps.Path", Form::Text),
        ("BlkioDeviceWriteIOps", Form::Text),
        ("BlkioDeviceWriteIOps.Path", Form::Text),
        ("CpuPeriod", Form::Number),
        ("CpuQuota", Form::Number),
        ("CpuRealtimePeriod", Form::Number),
        ("CpuRealtimeRuntime", Form::Number),
        ("CpusetCpus", Form::Text),
        ("CpusetMems", Form::Text),
        ("Devices", Form::Text),
        ("Devices.PathOnHost", Form::Text),
        ("Devices.PathInContainer", Form::Text),
        ("Devices.CgroupPermissions", Form::Text),
        ("DeviceCgroupRules", Form::Text),
        ("DeviceRequests", Form::Text),
        ("DeviceRequests.Driver", Form::Text),
        ("DeviceRequests.Count", Form::Number),
        ("DeviceRequests.DeviceIDs", Form::Text),
        ("DeviceRequests.Capabilities", Form::Text),
        ("DeviceRequests.Options", Form::Keys),
        ("KernelMemory", Form::Bytes),
        ("KernelMemoryTCP", Form::Bytes),
        ("MemoryReservation", Form::Bytes),
        ("MemorySwap", Form::Bytes),
        ("MemorySwappiness", Form::Number),
        ("NanoCpus", Form::Cpus),
        ("OomKillDisable", Form::Switch),
        ("Init", Form::Switch),
        ("PidsLimit", Form::Number),
        ("Ulimits", Form::Text),
        ("Ulimits.Name", Form::Text),
        ("Ulimits.Soft", Form::Number),
        ("Ulimits.Hard", Form::Number),
        ("CpuCount", Form::Number),
        ("CpuPercent", Form::Number),
        ("IOMaximumIOps", Form::Number),
        ("IOMaximumBandwidth", Form::Number),
        ("RestartPolicy.Name", Form::Text),
        ("RestartPolicy.MaximumRetryCount", Form::Number),
    ],
);

/// The body of the create of an exec.
pub(super) const EXEC: Group = body(
    &["ContainerExec"],
    &[
        ("Cmd", Form::Text),
        ("Env", Form::Text),
        ("Privileged", Form::Switch),
        ("Tty", Form::Switch),
        ("User", Form::Text),
        ("WorkingDir", Form::Text),
    ],
);

/// The query of the start of a container.
pub(super) const START: Group =
    query(&["ContainerStart"], &[("checkpoint", Form::Text), ("checkpoint-dir", Form::Text)]);

/// The body of the create of a checkpoint.
pub(super) const CHECKPOINT: Group = body(
    &["CheckpointCreate"],
    &[("CheckpointID", Form::Text), ("CheckpointDir", Form::Text), ("Exit", Form::Switch)],
);

/// The query of other requests about checkpoints.
pub(super) const CHECKPOINTS: Group =
    query(&["CheckpointList", "CheckpointDelete"], &[("dir", Form::Text)]);

/// The query of all requests for files.
pub(super) const ARCHIVE: Group = query(
    &["ContainerArchive", "ContainerArchiveInfo", "PutContainerArchive"],
    &[("path", Form::Text)],
);

/// The query of the request that writes files.
pub(super) const PUT_ARCHIVE: Group = query(
    &["PutContainerArchive"],
    &[("copyUIDGID", Form::Switch), ("noOverwriteDirNonDir", Form::Switch)],
);

/// The body of the old request for files.
pub(super) const COPY: Group = body(&["ContainerCopy"], &[("Resource", Form::Text)]);

/// The query of the removal of a container.
pub(super) const DELETE: Group = query(
    &["ContainerDelete"],
    &[("force", Form::Switch), ("link", Form::Switch), ("v", Form::Switch)],
);

/// The query of requests that end a container.
pub(super) const KILL: Group =
    query(&["ContainerKill", "ContainerRestart", "ContainerStop"], &[("signal", Form::Text)]);

/// The query of the renaming of a container.
pub(super) const RENAME: Group = query(&["ContainerRename"], &[("name", Form::Text)]);
