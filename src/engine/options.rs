//! The options of requests that a policy may name, by the names of the Engine API. An option is a path of
//! members, joined by dots: `*` stands for any key of a map, and a list on the way stands for all its
//! elements.

/// Options that several operations have in the same part of their requests.
#[derive(Debug)]
pub struct Group {
    /// The names of the operations.
    pub operations: &'static [&'static str],
    /// The part of the requests.
    pub part: Part,
    /// The paths, each with the form of its values.
    pub options: &'static [(&'static str, Form)],
}

/// The part of a request that has options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The JSON body.
    Body,
    /// The query. The first name of a path is the key; the others lead into its value, which is JSON then.
    Query,
    /// The message of a call of BuildKit.
    Message,
}

/// The form of the values of an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Strings.
    Text,
    /// A boolean.
    Switch,
    /// A number.
    Number,
    /// A number of bytes.
    Bytes,
    /// A number of processors, as billionths on the wire.
    Cpus,
    /// Capabilities, in any case, with `CAP_` or without.
    Capability,
    /// Words that the daemon reads in any case.
    AnyCase,
    /// `KEY=VALUE`, of which the first `=` may be a `:`.
    Security,
    /// The keys of a map.
    Keys,
    /// The names of the members that have a value.
    Members,
}

const fn body(
    operations: &'static [&'static str],
    options: &'static [(&'static str, Form)],
) -> Group {
    Group { operations, part: Part::Body, options }
}

const fn query(
    operations: &'static [&'static str],
    options: &'static [(&'static str, Form)],
) -> Group {
    Group { operations, part: Part::Query, options }
}

const fn message(
    operations: &'static [&'static str],
    options: &'static [(&'static str, Form)],
) -> Group {
    Group { operations, part: Part::Message, options }
}

/// The options, in the order of the Engine API's description. An option that several operations have has the
/// same form in all of them.
pub const GROUPS: &[Group] = &[
    body(
        &["ContainerCreate"],
        &[
            ("Image", Form::Text),
            ("HostConfig", Form::Members),
            ("HostConfig.CapAdd", Form::Capability),
            ("HostConfig.Memory", Form::Bytes),
            ("HostConfig.NetworkMode", Form::Text),
            ("HostConfig.OomScoreAdj", Form::Number),
            ("HostConfig.Privileged", Form::Switch),
            ("HostConfig.SecurityOpt", Form::Security),
            ("NetworkingConfig.EndpointsConfig", Form::Keys),
        ],
    ),
    query(&["ImageBuild"], &[("networkmode", Form::Text)]),
    // The calls of BuildKit. Their fields are those of rules/policy/buildkit/fields.rs.
    message(
        &["BuildkitSolve"],
        &[
            ("Entitlements", Form::Text),
            ("EnableSessionExporter", Form::Switch),
            ("Exporters.Attrs", Form::Keys),
            ("Exporters.Attrs.name", Form::Text),
            ("Exporters.Attrs.push", Form::Text),
            ("Exporters.Type", Form::Text),
            ("Cache.Exports.Attrs", Form::Keys),
            ("Cache.Exports.Type", Form::Text),
            ("ProxyNetwork", Form::Switch),
            ("SourcePolicySession", Form::Text),
        ],
    ),
    message(
        &["BuildkitSolve", "BuildkitBridgeSolve"],
        &[
            ("Cache.Imports.Attrs", Form::Keys),
            ("Cache.Imports.Type", Form::Text),
            ("Definition", Form::Switch),
            ("Exec.CdiDevices", Form::Text),
            ("Frontend", Form::Text),
            ("FrontendAttrs", Form::Keys),
            ("FrontendAttrs.add-hosts", Form::Text),
            ("FrontendAttrs.attest:sbom", Form::Text),
            ("FrontendAttrs.build-arg:BUILDKIT_SYNTAX", Form::Text),
            ("FrontendAttrs.cgroup-parent", Form::Text),
            ("FrontendAttrs.cmdline", Form::Text),
            ("FrontendAttrs.context", Form::Text),
            ("FrontendAttrs.force-network-mode", Form::Text),
            ("FrontendAttrs.image-resolve-mode", Form::Text),
            ("FrontendAttrs.shm-size", Form::Bytes),
            ("FrontendAttrs.source", Form::Text),
            ("FrontendAttrs.ulimit", Form::Text),
            ("FrontendInputs", Form::Keys),
        ],
    ),
    message(
        &["BuildkitSolve", "BuildkitBridgeSolve", "BuildkitResolveSourceMeta"],
        &[("Source.Attrs", Form::Keys), ("Source.Identifier", Form::Text)],
    ),
    message(
        &[
            "BuildkitSolve",
            "BuildkitBridgeSolve",
            "BuildkitResolveImageConfig",
            "BuildkitResolveSourceMeta",
        ],
        &[("SourcePolicy", Form::Switch)],
    ),
    message(
        &["BuildkitSolve", "BuildkitBridgeSolve", "BuildkitNewContainer"],
        &[
            ("Exec.ExtraHosts", Form::Text),
            ("Exec.Mounts.CacheOpt.ID", Form::Text),
            ("Exec.Mounts.MountType", Form::Text),
            ("Exec.Network", Form::Text),
        ],
    ),
    message(
        &["BuildkitSolve", "BuildkitBridgeSolve", "BuildkitExecProcess"],
        &[("Exec.CgroupParent", Form::Text), ("Exec.Security", Form::Text)],
    ),
    message(&["BuildkitPrune"], &[("All", Form::Switch), ("Filter", Form::Text)]),
    message(&["BuildkitUpdateBuildHistory"], &[("Delete", Form::Switch), ("Pinned", Form::Switch)]),
];

/// Returns the part and the form of an option of an operation.
#[must_use]
pub fn find(operation: &str, path: &str) -> Option<(Part, Form)> {
    let groups = GROUPS.iter().filter(|group| group.operations.contains(&operation));
    groups
        .flat_map(|group| group.options.iter().map(|option| (group.part, option)))
        .find_map(|(part, (known, form))| (*known == path).then_some((part, *form)))
}

/// Returns the options of all operations with this name.
pub fn named(path: &str) -> impl Iterator<Item = (&'static Group, &'static str, Form)> {
    GROUPS.iter().filter_map(move |group| {
        let (path, form) = group.options.iter().find(|(known, _)| *known == path)?;
        Some((group, *path, *form))
    })
}
