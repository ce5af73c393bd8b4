//! The options of requests about images, networks and volumes.

use super::{Form, Group, body, query};

/// The query of a build. Those behind `ulimits` are Podman's.
pub(super) const BUILD: Group = query(
    &["ImageBuild"],
    &[
        ("dockerfile", Form::Text),
        ("t", Form::Text),
        ("extrahosts", Form::Text),
        ("remote", Form::Text),
        ("nocache", Form::Switch),
        ("cachefrom", Form::Text),
        ("pull", Form::Switch),
        ("memory", Form::Bytes),
        ("memswap", Form::Bytes),
        ("cpushares", Form::Number),
        ("cpusetcpus", Form::Text),
        ("cpusetmems", Form::Text),
        ("cpuperiod", Form::Number),
        ("cpuquota", Form::Number),
        ("buildargs", Form::Keys),
        ("shmsize", Form::Bytes),
        ("squash", Form::Switch),
        ("labels", Form::Keys),
        ("networkmode", Form::Text),
        ("platform", Form::Text),
        ("target", Form::Text),
        ("outputs", Form::Text),
        ("version", Form::Text),
        ("cgroupparent", Form::Text),
        ("isolation", Form::AnyCase),
        ("securityopt", Form::Security),
        ("ulimits", Form::Text),
        ("addcaps", Form::Text),
        ("apparmor", Form::Text),
        ("devices", Form::Text),
        ("dropcaps", Form::Text),
        ("idmappingoptions", Form::Text),
        ("labelopts", Form::Text),
        ("nsoptions", Form::Text),
        ("seccomp", Form::Text),
        ("secrets", Form::Text),
        ("unsetenvs", Form::Text),
    ],
);

/// The query of a commit.
pub(super) const COMMIT: Group = query(
    &["ImageCommit"],
    &[
        ("changes", Form::Text),
        ("container", Form::Text),
        ("repo", Form::Text),
        ("tag", Form::Text),
    ],
);

/// The query of a pull or import.
pub(super) const PULL: Group = query(
    &["ImageCreate"],
    &[
        ("changes", Form::Text),
        ("fromImage", Form::Text),
        ("fromSrc", Form::Text),
        ("platform", Form::Text),
        ("repo", Form::Text),
        ("tag", Form::Text),
    ],
);

/// The query of a push.
pub(super) const PUSH: Group =
    query(&["ImagePush"], &[("platform", Form::Text), ("tag", Form::Text)]);

/// The query of a tag.
pub(super) const TAG: Group = query(&["ImageTag"], &[("repo", Form::Text), ("tag", Form::Text)]);

/// The query of the removal of an image.
pub(super) const DELETE: Group =
    query(&["ImageDelete"], &[("force", Form::Switch), ("noprune", Form::Switch)]);

/// The query of saving and loading.
pub(super) const LOAD: Group =
    query(&["ImageGet", "ImageGetAll", "ImageLoad"], &[("platform", Form::Text)]);

/// The query of saving several images.
pub(super) const SAVE: Group = query(&["ImageGetAll"], &[("names", Form::Text)]);

/// The query of a search.
pub(super) const SEARCH: Group = query(&["ImageSearch"], &[("term", Form::Text)]);

/// The query of a prune.
pub(super) const PRUNE: Group = query(
    &["ContainerPrune", "ImagePrune", "NetworkPrune", "VolumePrune"],
    &[("filters.label", Form::Keys), ("filters.label!", Form::Keys), ("filters.until", Form::Keys)],
);

/// The query of a prune of images.
pub(super) const PRUNE_IMAGES: Group = query(&["ImagePrune"], &[("filters.dangling", Form::Keys)]);

/// The query of a prune of volumes.
pub(super) const PRUNE_VOLUMES: Group = query(&["VolumePrune"], &[("filters.all", Form::Keys)]);

/// The query of a prune of the cache of builds.
pub(super) const PRUNE_BUILDS: Group = query(
    &["BuildPrune"],
    &[("all", Form::Switch), ("filters.id", Form::Keys), ("filters.until", Form::Keys)],
);

/// The query of the list of containers.
pub(super) const LISTS: Group =
    query(&["ContainerList"], &[("all", Form::Switch), ("filters.label", Form::Keys)]);

/// The body of the create of a network.
pub(super) const NETWORK: Group = body(
    &["NetworkCreate"],
    &[
        ("Name", Form::Text),
        ("Driver", Form::Text),
        ("Scope", Form::Text),
        ("Internal", Form::Switch),
        ("Attachable", Form::Switch),
        ("Ingress", Form::Switch),
        ("ConfigOnly", Form::Switch),
        ("ConfigFrom.Network", Form::Text),
        ("IPAM.Driver", Form::Text),
        ("IPAM.Config", Form::Text),
        ("IPAM.Config.Subnet", Form::Text),
        ("IPAM.Config.IPRange", Form::Text),
        ("IPAM.Config.Gateway", Form::Text),
        ("IPAM.Options", Form::Keys),
        ("EnableIPv4", Form::Switch),
        ("EnableIPv6", Form::Switch),
        ("Options", Form::Keys),
        ("Labels", Form::Keys),
    ],
);

/// The body of connecting a container with a network.
pub(super) const CONNECT: Group = body(
    &["NetworkConnect"],
    &[
        ("Container", Form::Text),
        ("EndpointConfig.IPAMConfig.IPv4Address", Form::Text),
        ("EndpointConfig.IPAMConfig.IPv6Address", Form::Text),
        ("EndpointConfig.IPAMConfig.LinkLocalIPs", Form::Text),
        ("EndpointConfig.Links", Form::Text),
        ("EndpointConfig.MacAddress", Form::Text),
        ("EndpointConfig.Aliases", Form::Text),
        ("EndpointConfig.DriverOpts", Form::Keys),
        ("EndpointConfig.GwPriority", Form::Number),
        ("EndpointConfig.NetworkID", Form::Text),
    ],
);

/// The body of disconnecting a container from a network.
pub(super) const DISCONNECT: Group =
    body(&["NetworkDisconnect"], &[("Container", Form::Text), ("Force", Form::Switch)]);

/// The body of the create of a volume.
pub(super) const VOLUME: Group = body(
    &["VolumeCreate"],
    &[
        ("ClusterVolumeSpec", Form::Members),
        ("Driver", Form::Text),
        ("DriverOpts", Form::Keys),
        ("Labels", Form::Keys),
        ("Name", Form::Text),
    ],
);

/// The body of the update of a volume.
pub(super) const VOLUME_UPDATE: Group = body(&["VolumeUpdate"], &[("Spec", Form::Members)]);
