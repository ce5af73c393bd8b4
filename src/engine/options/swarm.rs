//! The options of requests about services, their data, and the swarm.

use super::{Form, Group, body, query};

/// The bodies of the create and the update of a service.
pub(super) const SERVICE: Group = body(
    &["ServiceCreate", "ServiceUpdate"],
    &[
        ("Name", Form::Text),
        ("Labels", Form::Keys),
        ("TaskTemplate", Form::Members),
        ("TaskTemplate.Runtime", Form::Text),
        ("TaskTemplate.ForceUpdate", Form::Number),
        ("TaskTemplate.PluginSpec", Form::Members),
        ("TaskTemplate.PluginSpec.Name", Form::Text),
        ("TaskTemplate.PluginSpec.Remote", Form::Text),
        ("TaskTemplate.PluginSpec.PluginPrivilege", Form::Text),
        ("TaskTemplate.NetworkAttachmentSpec", Form::Members),
        ("TaskTemplate.NetworkAttachmentSpec.ContainerID", Form::Text),
        ("TaskTemplate.ContainerSpec", Form::Members),
        ("TaskTemplate.ContainerSpec.Image", Form::Text),
        ("TaskTemplate.ContainerSpec.Labels", Form::Keys),
        ("TaskTemplate.ContainerSpec.Command", Form::Text),
        ("TaskTemplate.ContainerSpec.Args", Form::Text),
        ("TaskTemplate.ContainerSpec.Hostname", Form::Text),
        ("TaskTemplate.ContainerSpec.Env", Form::Text),
        ("TaskTemplate.ContainerSpec.Dir", Form::Text),
        ("TaskTemplate.ContainerSpec.User", Form::Text),
        ("TaskTemplate.ContainerSpec.Groups", Form::Text),
        ("TaskTemplate.ContainerSpec.Privileges", Form::Members),
        ("TaskTemplate.ContainerSpec.Privileges.CredentialSpec", Form::Members),
        ("TaskTemplate.ContainerSpec.Privileges.CredentialSpec.Config", Form::Text),
        ("TaskTemplate.ContainerSpec.Privileges.CredentialSpec.File", Form::Text),
        ("TaskTemplate.ContainerSpec.Privileges.CredentialSpec.Registry", Form::Text),
        ("TaskTemplate.ContainerSpec.Privileges.SELinuxContext", Form::Members),
        ("TaskTemplate.ContainerSpec.Privileges.SELinuxContext.Disable", Form::Switch),
        ("TaskTemplate.ContainerSpec.Privileges.SELinuxContext.Type", Form::Text),
        ("TaskTemplate.ContainerSpec.Privileges.SELinuxContext.Level", Form::Text),
        ("TaskTemplate.ContainerSpec.Privileges.Seccomp.Mode", Form::Text),
        ("TaskTemplate.ContainerSpec.Privileges.Seccomp.Profile", Form::Text),
        ("TaskTemplate.ContainerSpec.Privileges.AppArmor.Mode", Form::Text),
        ("TaskTemplate.ContainerSpec.Privileges.NoNewPrivileges", Form::Switch),
        ("TaskTemplate.ContainerSpec.TTY", Form::Switch),
        ("TaskTemplate.ContainerSpec.OpenStdin", Form::Switch),
        ("TaskTemplate.ContainerSpec.ReadOnly", Form::Switch),
        ("TaskTemplate.ContainerSpec.StopSignal", Form::Text),
        ("TaskTemplate.ContainerSpec.StopGracePeriod", Form::Number),
        ("TaskTemplate.ContainerSpec.HealthCheck.Test", Form::Text),
        ("TaskTemplate.ContainerSpec.Hosts", Form::Text),
        ("TaskTemplate.ContainerSpec.DNSConfig.Nameservers", Form::Text),
        ("TaskTemplate.ContainerSpec.DNSConfig.Search", Form::Text),
        ("TaskTemplate.ContainerSpec.DNSConfig.Options", Form::Text),
        ("TaskTemplate.ContainerSpec.Secrets", Form::Text),
        ("TaskTemplate.ContainerSpec.Secrets.SecretID", Form::Text),
        ("TaskTemplate.ContainerSpec.Secrets.SecretName", Form::Text),
        ("TaskTemplate.ContainerSpec.Configs", Form::Text),
        ("TaskTemplate.ContainerSpec.Configs.ConfigID", Form::Text),
        ("TaskTemplate.ContainerSpec.Configs.ConfigName", Form::Text),
        ("TaskTemplate.ContainerSpec.Configs.Runtime", Form::Members),
        ("TaskTemplate.ContainerSpec.OomScoreAdj", Form::Number),
        ("TaskTemplate.ContainerSpec.Isolation", Form::AnyCase),
        ("TaskTemplate.ContainerSpec.Init", Form::Switch),
        ("TaskTemplate.ContainerSpec.Sysctls", Form::Keys),
        ("TaskTemplate.ContainerSpec.CapabilityAdd", Form::Capability),
        ("TaskTemplate.ContainerSpec.CapabilityDrop", Form::Capability),
        ("TaskTemplate.ContainerSpec.Ulimits", Form::Text),
        ("TaskTemplate.ContainerSpec.Ulimits.Name", Form::Text),
        ("TaskTemplate.ContainerSpec.Ulimits.Soft", Form::Number),
        ("TaskTemplate.ContainerSpec.Ulimits.Hard", Form::Number),
        ("TaskTemplate.ContainerSpec.Mounts", Form::Text),
        ("TaskTemplate.ContainerSpec.Mounts.Type", Form::AnyCase),
        ("TaskTemplate.ContainerSpec.Mounts.Source", Form::Text),
        ("TaskTemplate.ContainerSpec.Mounts.Target", Form::Text),
        ("TaskTemplate.ContainerSpec.Mounts.ReadOnly", Form::Switch),
        ("TaskTemplate.ContainerSpec.Mounts.Consistency", Form::Text),
        ("TaskTemplate.ContainerSpec.Mounts.BindOptions.Propagation", Form::Text),
        ("TaskTemplate.ContainerSpec.Mounts.BindOptions.NonRecursive", Form::Switch),
        ("TaskTemplate.ContainerSpec.Mounts.BindOptions.CreateMountpoint", Form::Switch),
        ("TaskTemplate.ContainerSpec.Mounts.BindOptions.ReadOnlyNonRecursive", Form::Switch),
        ("TaskTemplate.ContainerSpec.Mounts.BindOptions.ReadOnlyForceRecursive", Form::Switch),
        ("TaskTemplate.ContainerSpec.Mounts.VolumeOptions.NoCopy", Form::Switch),
        ("TaskTemplate.ContainerSpec.Mounts.VolumeOptions.Labels", Form::Keys),
        ("TaskTemplate.ContainerSpec.Mounts.VolumeOptions.Subpath", Form::Text),
        ("TaskTemplate.ContainerSpec.Mounts.VolumeOptions.DriverConfig.Name", Form::Text),
        ("TaskTemplate.ContainerSpec.Mounts.VolumeOptions.DriverConfig.Options", Form::Keys),
        ("TaskTemplate.ContainerSpec.Mounts.ImageOptions.Subpath", Form::Text),
        ("TaskTemplate.ContainerSpec.Mounts.TmpfsOptions.SizeBytes", Form::Bytes),
        ("TaskTemplate.ContainerSpec.Mounts.TmpfsOptions.Mode", Form::Number),
        ("TaskTemplate.ContainerSpec.Mounts.TmpfsOptions.Options", Form::Text),
        ("TaskTemplate.ContainerSpec.Mounts.ClusterOptions", Form::Text),
        ("TaskTemplate.Resources.Limits.NanoCPUs", Form::Cpus),
        ("TaskTemplate.Resources.Limits.MemoryBytes", Form::Bytes),
        ("TaskTemplate.Resources.Limits.Pids", Form::Number),
        ("TaskTemplate.Resources.Reservations.NanoCPUs", Form::Cpus),
        ("TaskTemplate.Resources.Reservations.MemoryBytes", Form::Bytes),
        ("TaskTemplate.Resources.Reservations.GenericResources", Form::Text),
        ("TaskTemplate.Resources.SwapBytes", Form::Bytes),
        ("TaskTemplate.Resources.MemorySwappiness", Form::Number),
        ("TaskTemplate.RestartPolicy.Condition", Form::Text),
        ("TaskTemplate.RestartPolicy.MaxAttempts", Form::Number),
        ("TaskTemplate.Placement.Constraints", Form::Text),
        ("TaskTemplate.Placement.MaxReplicas", Form::Number),
        ("TaskTemplate.Networks", Form::Text),
        ("TaskTemplate.Networks.Target", Form::Text),
        ("TaskTemplate.Networks.DriverOpts", Form::Keys),
        ("TaskTemplate.LogDriver.Name", Form::Text),
        ("TaskTemplate.LogDriver.Options", Form::Keys),
        ("Mode", Form::Members),
        ("Mode.Replicated.Replicas", Form::Number),
        ("Networks", Form::Text),
        ("Networks.Target", Form::Text),
        ("Networks.DriverOpts", Form::Keys),
        ("EndpointSpec.Mode", Form::Text),
        ("EndpointSpec.Ports", Form::Text),
        ("EndpointSpec.Ports.PublishedPort", Form::Number),
        ("EndpointSpec.Ports.PublishMode", Form::Text),
    ],
);

/// The bodies of the create and the update of a secret that configs do not have.
pub(super) const SECRET: Group = body(
    &["SecretCreate", "SecretUpdate"],
    &[("Driver.Name", Form::Text), ("Driver.Options", Form::Keys)],
);

/// The bodies of the create and the update of a secret or config.
pub(super) const DATA: Group = body(
    &["ConfigCreate", "ConfigUpdate", "SecretCreate", "SecretUpdate"],
    &[
        ("Labels", Form::Keys),
        ("Name", Form::Text),
        ("Templating.Name", Form::Text),
        ("Templating.Options", Form::Keys),
    ],
);

/// The body of the update of a node.
pub(super) const NODE: Group = body(
    &["NodeUpdate"],
    &[
        ("Availability", Form::Text),
        ("Labels", Form::Keys),
        ("Name", Form::Text),
        ("Role", Form::Text),
    ],
);

/// The body of the start of a swarm.
pub(super) const INIT: Group =
    body(&["SwarmInit"], &[("DefaultAddrPool", Form::Text), ("ForceNewCluster", Form::Switch)]);

/// The bodies of the start of a swarm, and of joining one.
pub(super) const JOIN: Group = body(
    &["SwarmInit", "SwarmJoin"],
    &[("AdvertiseAddr", Form::Text), ("DataPathAddr", Form::Text), ("ListenAddr", Form::Text)],
);

/// The body of joining a swarm.
pub(super) const JOIN_ONLY: Group = body(&["SwarmJoin"], &[("RemoteAddrs", Form::Text)]);

/// The body of the update of a swarm.
pub(super) const UPDATE: Group = body(
    &["SwarmUpdate"],
    &[
        ("CAConfig.ExternalCAs", Form::Text),
        ("CAConfig.ForceRotate", Form::Number),
        ("EncryptionConfig.AutoLockManagers", Form::Switch),
        ("TaskDefaults.LogDriver.Name", Form::Text),
    ],
);

/// The query of the update of a swarm.
pub(super) const ROTATE: Group = query(
    &["SwarmUpdate"],
    &[
        ("rotateManagerToken", Form::Switch),
        ("rotateManagerUnlockKey", Form::Switch),
        ("rotateWorkerToken", Form::Switch),
    ],
);

/// The query of removals with a force.
pub(super) const FORCE: Group = query(
    &["NodeDelete", "PluginDelete", "PluginDisable", "SwarmLeave", "VolumeDelete"],
    &[("force", Form::Switch)],
);

/// The query of the installation of a plugin.
pub(super) const PLUGIN: Group = query(&["PluginPull", "PluginUpgrade"], &[("remote", Form::Text)]);
