//! The fields of BuildKit's messages that are options. The numbers are those of `control.proto`,
//! `gateway.proto` and `ops.proto` of moby/buildkit.

/// The fields of a call that are options.
#[derive(Debug)]
pub(super) struct CallFields {
    /// The name of the operation.
    pub(super) name: &'static str,
    /// Fields of the message itself.
    pub(super) own: &'static [Row],
    /// Fields of the steps and sources in it.
    pub(super) steps: &'static [Row],
}

/// A field.
#[derive(Debug)]
pub(super) struct Row {
    /// Its number; 0 for all that no row before has.
    pub(super) number: u64,
    /// `true` if it may occur several times. Another one is refused then, as parsers merge messages, and take
    /// the last of other values.
    pub(super) repeated: bool,
    /// The path of the option; empty if it has none.
    pub(super) path: &'static str,
    pub(super) kind: Kind,
}

/// The meaning of a field.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// None for any rule.
    Nothing,
    /// Not known. A message that has it is refused.
    Unknown,
    /// A string.
    Text,
    /// A boolean.
    Switch,
    /// An enum with these words for its numbers; an empty one is no value.
    Word(&'static [&'static str]),
    /// This value, if the field is not empty.
    Implies(&'static str),
    /// The keys of a map.
    Keys,
    /// A map of strings.
    Map,
    /// A message with these fields.
    Message(&'static [Row]),
}

impl Row {
    pub(super) fn is(&self, number: u64) -> bool {
        self.number == number || self.number == 0
    }

    const fn repeated(self) -> Self {
        Self { repeated: true, ..self }
    }
}

const fn row(number: u64, path: &'static str, kind: Kind) -> Row {
    let repeated = matches!(kind, Kind::Nothing | Kind::Keys | Kind::Map);
    Row { number, repeated, path, kind }
}

const fn message(number: u64, rows: &'static [Row]) -> Row {
    row(number, "", Kind::Message(rows))
}

/// All fields of a message without a row of their own.
const OTHERS: Row = row(0, "", Kind::Unknown);

/// The option of a frontend's attributes.
pub(super) const ATTRIBUTES: &str = "FrontendAttrs";

/// A message that is one map of a frontend's attributes.
pub(super) const ATTRIBUTE_MAP: &[Row] = &[row(1, ATTRIBUTES, Kind::Map)];

/// The calls that have options.
#[rustfmt::skip]
pub(super) const CALLS: &[CallFields] = &[
    CallFields {
        name: "BuildkitSolve",
        own: &[
            row(2, "Definition", Kind::Implies("true")),
            row(3, "Exporters.Type", Kind::Text),
            row(4, "Exporters.Attrs", Kind::Map),
            row(6, "Frontend", Kind::Text),
            row(7, ATTRIBUTES, Kind::Map),
            message(8, CACHE),
            row(9, "Entitlements", Kind::Text).repeated(),
            row(10, "FrontendInputs", Kind::Keys),
            row(12, "SourcePolicy", Kind::Implies("true")),
            message(13, EXPORTER).repeated(),
            row(14, "EnableSessionExporter", Kind::Switch),
            row(15, "SourcePolicySession", Kind::Text),
            row(17, "ProxyNetwork", Kind::Switch),
        ],
        steps: &[message(2, DEFINITION), message(10, INPUT).repeated()],
    },
    CallFields {
        name: "BuildkitBridgeSolve",
        own: &[
            row(1, "Definition", Kind::Implies("true")),
            row(2, "Frontend", Kind::Text),
            row(3, ATTRIBUTES, Kind::Map),
            row(4, "Cache.Imports.Type", Kind::Implies("registry")).repeated(),
            message(12, IMPORT).repeated(),
            row(13, "FrontendInputs", Kind::Keys),
            row(15, "SourcePolicy", Kind::Implies("true")).repeated(),
        ],
        steps: &[message(1, DEFINITION), message(13, INPUT).repeated()],
    },
    CallFields {
        name: "BuildkitResolveImageConfig",
        own: &[row(8, "SourcePolicy", Kind::Implies("true")).repeated()],
        steps: &[],
    },
    CallFields {
        name: "BuildkitResolveSourceMeta",
        own: &[row(8, "SourcePolicy", Kind::Implies("true")).repeated()],
        steps: &[message(1, SOURCE)],
    },
    CallFields {
        name: "BuildkitNewContainer",
        own: &[],
        steps: &[
            message(2, MOUNT).repeated(),
            row(3, "Exec.Network", Kind::Word(NETWORKS)),
            message(6, HOST).repeated(),
            row(1, "", Kind::Nothing),
            row(4, "", Kind::Nothing),
            row(5, "", Kind::Nothing),
            row(7, "", Kind::Nothing),
            OTHERS,
        ],
    },
    CallFields { name: "BuildkitExecProcess", own: &[], steps: &[message(2, PROCESS)] },
    CallFields {
        name: "BuildkitPrune",
        own: &[row(1, "Filter", Kind::Text).repeated(), row(2, "All", Kind::Switch)],
        steps: &[],
    },
    CallFields {
        name: "BuildkitUpdateBuildHistory",
        own: &[row(2, "Pinned", Kind::Switch), row(3, "Delete", Kind::Switch)],
        steps: &[],
    },
];

const EXPORTER: &[Row] =
    &[row(1, "Exporters.Type", Kind::Text), row(2, "Exporters.Attrs", Kind::Map)];

/// Daemons read the first three as entries for a registry.
const CACHE: &[Row] = &[
    row(1, "Cache.Exports.Type", Kind::Implies("registry")),
    row(2, "Cache.Imports.Type", Kind::Implies("registry")).repeated(),
    row(3, "Cache.Exports.Attrs", Kind::Map),
    message(4, EXPORT).repeated(),
    message(5, IMPORT).repeated(),
];

const EXPORT: &[Row] =
    &[row(1, "Cache.Exports.Type", Kind::Text), row(2, "Cache.Exports.Attrs", Kind::Map)];

const IMPORT: &[Row] =
    &[row(1, "Cache.Imports.Type", Kind::Text), row(2, "Cache.Imports.Attrs", Kind::Map)];

/// An entry of a map of definitions.
const INPUT: &[Row] = &[message(2, DEFINITION)];

const DEFINITION: &[Row] = &[message(1, STEP).repeated()];

/// A step: its kinds, and what all kinds have. A nested build (5) is not among them.
const STEP: &[Row] = &[
    row(1, "", Kind::Nothing),
    message(2, EXEC),
    message(3, SOURCE),
    row(4, "", Kind::Nothing),
    row(6, "", Kind::Nothing),
    row(7, "", Kind::Nothing),
    row(8, "", Kind::Nothing),
    row(10, "", Kind::Nothing),
    row(11, "", Kind::Nothing),
    OTHERS,
];

const EXEC: &[Row] = &[
    message(1, META),
    message(2, MOUNT).repeated(),
    row(3, "Exec.Network", Kind::Word(NETWORKS)),
    row(4, "Exec.Security", Kind::Word(SECURITY)),
    message(6, DEVICE).repeated(),
    row(5, "", Kind::Nothing),
    OTHERS,
];

const META: &[Row] = &[message(6, HOST).repeated(), row(10, "Exec.CgroupParent", Kind::Text)];

const HOST: &[Row] = &[row(1, "Exec.ExtraHosts", Kind::Text)];

const MOUNT: &[Row] = &[
    row(6, "Exec.Mounts.MountType", Kind::Word(&["", "secret", "ssh", "cache", "tmpfs"])),
    message(20, &[row(1, "Exec.Mounts.CacheOpt.ID", Kind::Text)]),
];

const DEVICE: &[Row] = &[row(1, "Exec.CdiDevices", Kind::Text)];

/// A process in a container.
const PROCESS: &[Row] = &[
    message(2, META),
    row(5, "Exec.Security", Kind::Word(SECURITY)),
    row(1, "", Kind::Nothing),
    row(3, "", Kind::Nothing),
    row(4, "", Kind::Nothing),
    row(6, "", Kind::Nothing),
    OTHERS,
];

const SOURCE: &[Row] =
    &[row(1, "Source.Identifier", Kind::Text), row(2, "Source.Attrs", Kind::Map)];

const NETWORKS: &[&str] = &["", "host", "none"];

const SECURITY: &[&str] = &["", "insecure"];
