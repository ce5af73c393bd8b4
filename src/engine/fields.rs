//! The options of creating requests into which the operator may inject values, by the names of the Engine
//! API.

/// The kind of request that an option belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// The create of a container. Limits also hold for its update.
    Container,
    /// The create and the update of a service.
    Service,
    /// The create of a network.
    Network,
    /// The create of a volume.
    Volume,
    /// The create of an exec.
    Exec,
    /// A build, by the names of the query of the classic one.
    Build,
}

impl Section {
    /// All sections.
    pub const ALL: &[Self] =
        &[Self::Container, Self::Service, Self::Network, Self::Volume, Self::Exec, Self::Build];

    /// Returns the name of the section, as in the configuration file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Container => "container",
            Self::Service => "service",
            Self::Network => "network",
            Self::Volume => "volume",
            Self::Exec => "exec",
            Self::Build => "build",
        }
    }
}

/// An option of a creating request.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// The kind of request.
    pub section: Section,
    /// The names of the members from the top, joined by dots; for a build, the key of the query.
    pub path: &'static str,
    /// The type of the value.
    pub kind: Kind,
}

/// The type of an option's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A boolean. `false` is the same as a missing value, since clients send it unasked.
    Switch,
    /// A boolean that may be missing: `false` is a choice.
    Choice,
    /// A string. An empty one is the same as a missing one.
    Text,
    /// A string. This one is the same as a missing one, too, since clients send it unasked.
    Word(&'static str),
    /// A whole number.
    Number(Zero),
    /// A number of bytes.
    Bytes(Zero),
    /// A number of processors, as billionths on the wire.
    Cpus(Zero),
    /// A list of strings whose entries are told apart by a key.
    List(Key),
    /// A map of strings.
    Map,
    /// A list of objects with these members, told apart by the first one.
    Objects(&'static [(&'static str, Kind)]),
}

/// The meaning of a missing number, which 0 has, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zero {
    /// There is no limit. Negative numbers mean the same.
    Unlimited,
    /// The daemon has a default. Negative numbers are no limit.
    Default,
    /// The daemon has a default. Negative numbers are values like others.
    Signed,
    /// It is twice the number in this member, or unlimited without that. Negative numbers are unlimited.
    Twice(&'static str),
    /// It is a value like others; −1 is the same as a missing one.
    Value,
    /// It is a value like others. Negative numbers are no limit.
    Endless,
    /// The value of an existing container stays. Negative numbers lift it.
    Kept,
    /// The value of an existing container stays if the number is missing. 0 and negative numbers lift it.
    Lifted,
}

/// The part of a string in a list that names it. Of two entries with one key, the daemon uses one, or it
/// refuses them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// The whole string.
    Whole,
    /// The part before the first `=`: the name of a variable.
    BeforeEquals,
    /// The part before the first `:`: the name of a host.
    BeforeColon,
    /// The part behind the first space: the names of a host's address.
    BehindSpace,
    /// The path in the container of a bind, `SOURCE:TARGET[:OPTIONS]`.
    Target,
    /// The part before the first `=` or `:`; the whole string for `label`, which may occur often.
    Option,
}

const fn field(section: Section, path: &'static str, kind: Kind) -> Field {
    Field { section, path, kind }
}

const fn container(path: &'static str, kind: Kind) -> Field {
    field(Section::Container, path, kind)
}

const fn service(path: &'static str, kind: Kind) -> Field {
    field(Section::Service, path, kind)
}

const fn build(path: &'static str, kind: Kind) -> Field {
    field(Section::Build, path, kind)
}

const ULIMIT: Kind = Kind::Objects(&[
    ("Name", Kind::Text),
    ("Soft", Kind::Number(Zero::Value)),
    ("Hard", Kind::Number(Zero::Value)),
]);

/// The path of the options of a volume's driver.
pub const DRIVER_OPTS: &str = "DriverOpts";

/// The path of the binds of a container.
pub const BINDS: &str = "HostConfig.Binds";

/// The path of the tmpfs mounts of a container.
pub const TMPFS: &str = "HostConfig.Tmpfs";

/// The path of the driver of a container's volumes.
pub const VOLUME_DRIVER: &str = "HostConfig.VolumeDriver";

/// The options, in the order of the Engine API's description.
pub const FIELDS: &[Field] = &[
    container("User", Kind::Text),
    container("Env", Kind::List(Key::BeforeEquals)),
    container("WorkingDir", Kind::Text),
    container("NetworkDisabled", Kind::Switch),
    container("StopSignal", Kind::Text),
    container("StopTimeout", Kind::Number(Zero::Endless)),
    container(BINDS, Kind::List(Key::Target)),
    container("HostConfig.LogConfig.Type", Kind::Text),
    container("HostConfig.LogConfig.Config", Kind::Map),
    container("HostConfig.NetworkMode", Kind::Word("default")),
    container("HostConfig.PublishAllPorts", Kind::Switch),
    container("HostConfig.RestartPolicy.Name", Kind::Word("no")),
    container("HostConfig.RestartPolicy.MaximumRetryCount", Kind::Number(Zero::Default)),
    container("HostConfig.AutoRemove", Kind::Switch),
    container(VOLUME_DRIVER, Kind::Text),
    container("HostConfig.Annotations", Kind::Map),
    container("HostConfig.CapAdd", Kind::List(Key::Whole)),
    container("HostConfig.CapDrop", Kind::List(Key::Whole)),
    container("HostConfig.CgroupnsMode", Kind::Text),
    container("HostConfig.Dns", Kind::List(Key::Whole)),
    container("HostConfig.DnsOptions", Kind::List(Key::Option)),
    container("HostConfig.DnsSearch", Kind::List(Key::Whole)),
    container("HostConfig.ExtraHosts", Kind::List(Key::BeforeColon)),
    container("HostConfig.GroupAdd", Kind::List(Key::Whole)),
    container("HostConfig.IpcMode", Kind::Text),
    container("HostConfig.Links", Kind::List(Key::Whole)),
    container("HostConfig.OomScoreAdj", Kind::Number(Zero::Signed)),
    container("HostConfig.PidMode", Kind::Text),
    container("HostConfig.Privileged", Kind::Switch),
    container("HostConfig.ReadonlyRootfs", Kind::Switch),
    container("HostConfig.SecurityOpt", Kind::List(Key::Option)),
    container("HostConfig.StorageOpt", Kind::Map),
    container(TMPFS, Kind::Map),
    container("HostConfig.UTSMode", Kind::Text),
    container("HostConfig.UsernsMode", Kind::Text),
    container("HostConfig.ShmSize", Kind::Bytes(Zero::Default)),
    container("HostConfig.Sysctls", Kind::Map),
    container("HostConfig.Runtime", Kind::Text),
    container("HostConfig.CpuShares", Kind::Number(Zero::Default)),
    container("HostConfig.Memory", Kind::Bytes(Zero::Unlimited)),
    container("HostConfig.NanoCpus", Kind::Cpus(Zero::Unlimited)),
    container("HostConfig.BlkioWeight", Kind::Number(Zero::Default)),
    container("HostConfig.CpuPeriod", Kind::Number(Zero::Default)),
    container("HostConfig.CpuQuota", Kind::Number(Zero::Unlimited)),
    container("HostConfig.CpusetCpus", Kind::Text),
    container("HostConfig.CpusetMems", Kind::Text),
    container("HostConfig.MemoryReservation", Kind::Bytes(Zero::Default)),
    container("HostConfig.MemorySwap", Kind::Bytes(Zero::Twice("Memory"))),
    container("HostConfig.MemorySwappiness", Kind::Number(Zero::Value)),
    container("HostConfig.OomKillDisable", Kind::Switch),
    container("HostConfig.Init", Kind::Choice),
    container("HostConfig.PidsLimit", Kind::Number(Zero::Unlimited)),
    container("HostConfig.Ulimits", ULIMIT),
    service("TaskTemplate.ContainerSpec.Env", Kind::List(Key::BeforeEquals)),
    service("TaskTemplate.ContainerSpec.User", Kind::Text),
    service("TaskTemplate.ContainerSpec.Groups", Kind::List(Key::Whole)),
    service("TaskTemplate.ContainerSpec.ReadOnly", Kind::Switch),
    service("TaskTemplate.ContainerSpec.StopGracePeriod", Kind::Number(Zero::Endless)),
    service("TaskTemplate.ContainerSpec.Hosts", Kind::List(Key::BehindSpace)),
    service("TaskTemplate.ContainerSpec.DNSConfig.Nameservers", Kind::List(Key::Whole)),
    service("TaskTemplate.ContainerSpec.DNSConfig.Search", Kind::List(Key::Whole)),
    service("TaskTemplate.ContainerSpec.DNSConfig.Options", Kind::List(Key::Whole)),
    service("TaskTemplate.ContainerSpec.Init", Kind::Choice),
    service("TaskTemplate.ContainerSpec.Sysctls", Kind::Map),
    service("TaskTemplate.ContainerSpec.CapabilityAdd", Kind::List(Key::Whole)),
    service("TaskTemplate.ContainerSpec.CapabilityDrop", Kind::List(Key::Whole)),
    service("TaskTemplate.ContainerSpec.Ulimits", ULIMIT),
    service("TaskTemplate.Resources.Limits.NanoCPUs", Kind::Cpus(Zero::Unlimited)),
    service("TaskTemplate.Resources.Limits.MemoryBytes", Kind::Bytes(Zero::Unlimited)),
    service("TaskTemplate.Resources.Limits.Pids", Kind::Number(Zero::Unlimited)),
    service("TaskTemplate.Resources.Reservations.NanoCPUs", Kind::Cpus(Zero::Default)),
    service("TaskTemplate.Resources.Reservations.MemoryBytes", Kind::Bytes(Zero::Default)),
    service("TaskTemplate.RestartPolicy.Condition", Kind::Text),
    service("TaskTemplate.RestartPolicy.MaxAttempts", Kind::Number(Zero::Unlimited)),
    service("TaskTemplate.Placement.Constraints", Kind::List(Key::Whole)),
    service("TaskTemplate.LogDriver.Name", Kind::Text),
    service("TaskTemplate.LogDriver.Options", Kind::Map),
    field(Section::Network, "Driver", Kind::Text),
    field(Section::Network, "Internal", Kind::Switch),
    field(Section::Network, "Attachable", Kind::Switch),
    field(Section::Network, "EnableIPv4", Kind::Choice),
    field(Section::Network, "EnableIPv6", Kind::Choice),
    field(Section::Network, "Options", Kind::Map),
    field(Section::Volume, "Driver", Kind::Text),
    field(Section::Volume, DRIVER_OPTS, Kind::Map),
    field(Section::Exec, "Env", Kind::List(Key::BeforeEquals)),
    field(Section::Exec, "User", Kind::Text),
    field(Section::Exec, "WorkingDir", Kind::Text),
    field(Section::Exec, "Privileged", Kind::Switch),
    build("extrahosts", Kind::List(Key::BeforeColon)),
    build("buildargs", Kind::Map),
    build("nocache", Kind::Switch),
    build("pull", Kind::Switch),
    build("memory", Kind::Bytes(Zero::Unlimited)),
    build("memswap", Kind::Bytes(Zero::Unlimited)),
    build("cpushares", Kind::Number(Zero::Default)),
    build("cpusetcpus", Kind::Text),
    build("cpusetmems", Kind::Text),
    build("cpuperiod", Kind::Number(Zero::Default)),
    build("cpuquota", Kind::Number(Zero::Unlimited)),
    build("shmsize", Kind::Bytes(Zero::Default)),
    build("ulimits", ULIMIT),
    build("networkmode", Kind::Text),
    build("platform", Kind::Text),
];

/// The options of a container's update that also occur in its `HostConfig`. A value that is forced or capped
/// there holds here, too, for an option that the client changes. The daemon takes the retries from a policy
/// that the client changes, even if they are missing.
pub const UPDATE: &[Field] = &[
    container("CpuShares", Kind::Number(Zero::Kept)),
    container("Memory", Kind::Bytes(Zero::Kept)),
    container("NanoCpus", Kind::Cpus(Zero::Kept)),
    container("BlkioWeight", Kind::Number(Zero::Kept)),
    container("CpuPeriod", Kind::Number(Zero::Kept)),
    container("CpuQuota", Kind::Number(Zero::Kept)),
    container("CpusetCpus", Kind::Text),
    container("CpusetMems", Kind::Text),
    container("MemoryReservation", Kind::Bytes(Zero::Kept)),
    container("MemorySwap", Kind::Bytes(Zero::Kept)),
    container("PidsLimit", Kind::Number(Zero::Lifted)),
    container("RestartPolicy.Name", Kind::Text),
    container("RestartPolicy.MaximumRetryCount", Kind::Number(Zero::Default)),
];

/// The options of the network of a container that the daemon refuses beside the network of another one.
pub const OF_OWN_NETWORK: &[&str] = &[
    "HostConfig.Dns",
    "HostConfig.DnsOptions",
    "HostConfig.DnsSearch",
    "HostConfig.ExtraHosts",
    "HostConfig.Links",
    "HostConfig.PublishAllPorts",
];

/// An option that a forced option replaces: what the client gives there would contradict or undo it.
#[derive(Debug)]
pub struct Replaced {
    /// The forced option.
    pub by: &'static str,
    /// The forced values, as JSON, with which the other option stays.
    pub unless: &'static [&'static str],
    /// The other option.
    pub path: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Its value from then on, as JSON.
    pub json: &'static str,
}

const fn replaced(
    by: &'static str,
    unless: &'static [&'static str],
    path: &'static str,
    kind: Kind,
    json: &'static str,
) -> Replaced {
    Replaced { by, unless, path, kind, json }
}

const NUMBER: Kind = Kind::Number(Zero::Default);

/// Drivers of logs that have the options which nearly all clients use: the size and the number of files.
const LOG_FILES: &[&str] = &[r#""json-file""#, r#""local""#];

/// The options that forced options replace, unless they are injected themselves.
pub const REPLACED: &[Replaced] = &[
    replaced("HostConfig.NetworkMode", &[], "NetworkingConfig.EndpointsConfig", Kind::Map, "{}"),
    replaced("HostConfig.NanoCpus", &[], "HostConfig.CpuPeriod", NUMBER, "0"),
    replaced("HostConfig.NanoCpus", &[], "HostConfig.CpuQuota", NUMBER, "0"),
    replaced("HostConfig.Memory", &[], "HostConfig.MemorySwap", NUMBER, "0"),
    replaced(
        "HostConfig.RestartPolicy.Name",
        &[r#""on-failure""#],
        "HostConfig.RestartPolicy.MaximumRetryCount",
        NUMBER,
        "0",
    ),
    replaced("HostConfig.AutoRemove", &["false"], "HostConfig.RestartPolicy", Kind::Map, "{}"),
    replaced(
        "HostConfig.LogConfig.Type",
        LOG_FILES,
        "HostConfig.LogConfig.Config",
        Kind::Map,
        "{}",
    ),
    replaced("TaskTemplate.LogDriver.Name", &[], "TaskTemplate.LogDriver.Options", Kind::Map, "{}"),
];

/// Options that the daemon refuses above another one: a cap of the first, or a forced value, is a cap of the
/// second, too, unless that is injected itself.
pub const BELOW: &[(&str, &str)] = &[("HostConfig.Memory", "HostConfig.MemoryReservation")];

/// Options with the first minor version of the Engine API in which daemons use them. Requests of older
/// versions lose them.
pub const SINCE: &[(Section, &str, u64)] = &[
    (Section::Container, "HostConfig.AutoRemove", 25),
    (Section::Container, "HostConfig.Annotations", 43),
    (Section::Service, "TaskTemplate.ContainerSpec.Sysctls", 40),
    (Section::Service, "TaskTemplate.ContainerSpec.CapabilityAdd", 41),
    (Section::Service, "TaskTemplate.ContainerSpec.CapabilityDrop", 41),
    (Section::Service, "TaskTemplate.ContainerSpec.Ulimits", 41),
    (Section::Service, "TaskTemplate.Resources.Limits.Pids", 41),
    (Section::Network, "EnableIPv4", 48),
    (Section::Build, "pull", 16),
    (Section::Build, "platform", 32),
];

/// Returns the option of `section` with this path.
#[must_use]
pub fn find(section: Section, path: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.section == section && field.path == path)
}

#[cfg(test)]
mod tests;
