//! The options of the calls of BuildKit, by the names of its protocol. Their fields are those of
//! rules/policy/buildkit/fields.rs.

use super::{Form, Group, message};

/// The message of a build.
pub(super) const SOLVE: Group = message(
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
);

/// The messages of a build, and of the solves of its frontend.
pub(super) const DEFINITION: Group = message(
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
);

/// The messages with sources.
pub(super) const SOURCES: Group = message(
    &["BuildkitSolve", "BuildkitBridgeSolve", "BuildkitResolveSourceMeta"],
    &[("Source.Attrs", Form::Keys), ("Source.Identifier", Form::Text)],
);

/// The messages with policies for sources.
pub(super) const POLICIES: Group = message(
    &[
        "BuildkitSolve",
        "BuildkitBridgeSolve",
        "BuildkitResolveImageConfig",
        "BuildkitResolveSourceMeta",
    ],
    &[("SourcePolicy", Form::Switch)],
);

/// The messages by which steps or containers run.
pub(super) const RUNS: Group = message(
    &["BuildkitSolve", "BuildkitBridgeSolve", "BuildkitNewContainer"],
    &[
        ("Exec.ExtraHosts", Form::Text),
        ("Exec.Mounts.CacheOpt.ID", Form::Text),
        ("Exec.Mounts.MountType", Form::Text),
        ("Exec.Network", Form::Text),
    ],
);

/// The messages by which processes run.
pub(super) const PROCESSES: Group = message(
    &["BuildkitSolve", "BuildkitBridgeSolve", "BuildkitExecProcess"],
    &[("Exec.CgroupParent", Form::Text), ("Exec.Security", Form::Text)],
);

/// The message of a prune.
pub(super) const PRUNE: Group =
    message(&["BuildkitPrune"], &[("All", Form::Switch), ("Filter", Form::Text)]);

/// The message that changes the history of builds.
pub(super) const HISTORY: Group =
    message(&["BuildkitUpdateBuildHistory"], &[("Delete", Form::Switch), ("Pinned", Form::Switch)]);
