//! Every operation of the Engine API from v1.25 to v1.56, as data, including those that its
//! published descriptions lack (`/grpc`, checkpoints, `/networks/`).

use super::shapes::{CONTAINER, CONTAINER_UPDATE, EXEC, LABELLED, NETWORK, SERVICE, VOLUME};
use super::{JsonShape, Operation, Payload, QueryShape, Upgrade};

/// The operations. The first match counts, so special cases come first.
#[rustfmt::skip]
pub(super) const OPERATIONS: &[Operation] = &[
    operation("SystemPing", "GET", "/_ping"),
    operation("SystemPingHead", "HEAD", "/_ping"),
    operation("SystemAuth", "POST", "/auth"),
    operation("ImageBuild", "POST", "/build").carries(Payload::Query(QueryShape::Build)),
    operation("BuildCancel", "POST", "/build/cancel"),
    operation("BuildPrune", "POST", "/build/prune"),
    operation("ImageCommit", "POST", "/commit").carries(Payload::Query(QueryShape::Commit)),
    operation("ConfigList", "GET", "/configs"),
    operation("ConfigCreate", "POST", "/configs/create").creates(&LABELLED),
    operation("ConfigUpdate", "POST", "/configs/{}/update").creates(&LABELLED),
    operation("ContainerCreate", "POST", "/containers/create").creates(&CONTAINER),
    operation("ContainerList", "GET", "/containers/json"),
    operation("ContainerPrune", "POST", "/containers/prune"),
    operation("ContainerArchive", "GET", "/containers/{}/archive"),
    operation("ContainerArchiveInfo", "HEAD", "/containers/{}/archive"),
    operation("PutContainerArchive", "PUT", "/containers/{}/archive"),
    operation("ContainerAttach", "POST", "/containers/{}/attach").hijacks(),
    operation("ContainerAttachWebsocket", "GET", "/containers/{}/attach/ws").hijacks(),
    operation("ContainerChanges", "GET", "/containers/{}/changes"),
    operation("CheckpointList", "GET", "/containers/{}/checkpoints"),
    operation("CheckpointCreate", "POST", "/containers/{}/checkpoints"),
    operation("CheckpointDelete", "DELETE", "/containers/{}/checkpoints/{}"),
    operation("ContainerCopy", "POST", "/containers/{}/copy"),
    operation("ContainerExec", "POST", "/containers/{}/exec").carries(Payload::Body(&EXEC)),
    operation("ContainerExport", "GET", "/containers/{}/export"),
    operation("ContainerInspect", "GET", "/containers/{}/json"),
    operation("ContainerKill", "POST", "/containers/{}/kill"),
    operation("ContainerLogs", "GET", "/containers/{}/logs"),
    operation("ContainerPause", "POST", "/containers/{}/pause"),
    operation("ContainerRename", "POST", "/containers/{}/rename"),
    operation("ContainerResize", "POST", "/containers/{}/resize"),
    operation("ContainerRestart", "POST", "/containers/{}/restart"),
    operation("ContainerStart", "POST", "/containers/{}/start").carries(Payload::StartBody),
    operation("ContainerStats", "GET", "/containers/{}/stats"),
    operation("ContainerStop", "POST", "/containers/{}/stop"),
    operation("ContainerTop", "GET", "/containers/{}/top"),
    operation("ContainerUnpause", "POST", "/containers/{}/unpause"),
    operation("ContainerUpdate", "POST", "/containers/{}/update").carries(Payload::Body(&CONTAINER_UPDATE)),
    operation("ContainerWait", "POST", "/containers/{}/wait"),
    operation("DistributionInspect", "GET", "/distribution/{}/json"),
    operation("SystemEvents", "GET", "/events"),
    operation("ExecInspect", "GET", "/exec/{}/json"),
    operation("ExecResize", "POST", "/exec/{}/resize"),
    operation("ExecStart", "POST", "/exec/{}/start").hijacks(),
    operation("Grpc", "POST", "/grpc").hijacks(),
    operation("ImageCreate", "POST", "/images/create").carries(Payload::Query(QueryShape::Import)),
    operation("ImageGetAll", "GET", "/images/get"),
    operation("ImageList", "GET", "/images/json"),
    operation("ImageLoad", "POST", "/images/load"),
    operation("ImagePrune", "POST", "/images/prune"),
    operation("ImageSearch", "GET", "/images/search"),
    operation("ImageAttestations", "GET", "/images/{}/attestations"),
    operation("ImageGet", "GET", "/images/{}/get"),
    operation("ImageHistory", "GET", "/images/{}/history"),
    operation("ImageInspect", "GET", "/images/{}/json"),
    operation("ImagePush", "POST", "/images/{}/push"),
    operation("ImageTag", "POST", "/images/{}/tag"),
    operation("SystemInfo", "GET", "/info"),
    operation("NetworkList", "GET", "/networks"),
    operation("NetworkList", "GET", "/networks/"),
    operation("NetworkCreate", "POST", "/networks/create").creates(&NETWORK),
    operation("NetworkPrune", "POST", "/networks/prune"),
    operation("NetworkConnect", "POST", "/networks/{}/connect"),
    operation("NetworkDisconnect", "POST", "/networks/{}/disconnect"),
    operation("NodeList", "GET", "/nodes"),
    operation("NodeUpdate", "POST", "/nodes/{}/update"),
    operation("PluginList", "GET", "/plugins"),
    operation("PluginCreate", "POST", "/plugins/create").carries(Payload::Plugin),
    operation("GetPluginPrivileges", "GET", "/plugins/privileges"),
    operation("PluginPull", "POST", "/plugins/pull").carries(Payload::Plugin),
    operation("PluginDisable", "POST", "/plugins/{}/disable"),
    operation("PluginEnable", "POST", "/plugins/{}/enable"),
    operation("PluginInspect", "GET", "/plugins/{}/json"),
    operation("PluginPush", "POST", "/plugins/{}/push"),
    operation("PluginSet", "POST", "/plugins/{}/set").carries(Payload::Plugin),
    operation("PluginUpgrade", "POST", "/plugins/{}/upgrade").carries(Payload::Plugin),
    operation("SecretList", "GET", "/secrets"),
    operation("SecretCreate", "POST", "/secrets/create").creates(&LABELLED),
    operation("SecretUpdate", "POST", "/secrets/{}/update").creates(&LABELLED),
    operation("ServiceList", "GET", "/services"),
    operation("ServiceCreate", "POST", "/services/create").creates(&SERVICE),
    operation("ServiceLogs", "GET", "/services/{}/logs"),
    operation("ServiceUpdate", "POST", "/services/{}/update").creates(&SERVICE),
    operation("Session", "POST", "/session").hijacks(),
    operation("SwarmInspect", "GET", "/swarm"),
    operation("SwarmInit", "POST", "/swarm/init"),
    operation("SwarmJoin", "POST", "/swarm/join"),
    operation("SwarmLeave", "POST", "/swarm/leave"),
    operation("SwarmUnlock", "POST", "/swarm/unlock"),
    operation("SwarmUnlockkey", "GET", "/swarm/unlockkey"),
    operation("SwarmUpdate", "POST", "/swarm/update"),
    operation("SystemDataUsage", "GET", "/system/df"),
    operation("TaskList", "GET", "/tasks"),
    operation("TaskLogs", "GET", "/tasks/{}/logs"),
    operation("SystemVersion", "GET", "/version"),
    operation("VolumeList", "GET", "/volumes"),
    operation("VolumeCreate", "POST", "/volumes/create").creates(&VOLUME),
    operation("VolumePrune", "POST", "/volumes/prune"),
    // A `{}` matches any bytes, so these come last.
    operation("ConfigDelete", "DELETE", "/configs/{}"),
    operation("ConfigInspect", "GET", "/configs/{}"),
    operation("ContainerDelete", "DELETE", "/containers/{}"),
    operation("ImageDelete", "DELETE", "/images/{}"),
    operation("NetworkDelete", "DELETE", "/networks/{}"),
    operation("NetworkInspect", "GET", "/networks/{}"),
    operation("NodeDelete", "DELETE", "/nodes/{}"),
    operation("NodeInspect", "GET", "/nodes/{}"),
    operation("PluginDelete", "DELETE", "/plugins/{}"),
    operation("SecretDelete", "DELETE", "/secrets/{}"),
    operation("SecretInspect", "GET", "/secrets/{}"),
    operation("ServiceDelete", "DELETE", "/services/{}"),
    operation("ServiceInspect", "GET", "/services/{}"),
    operation("TaskInspect", "GET", "/tasks/{}"),
    operation("VolumeDelete", "DELETE", "/volumes/{}"),
    operation("VolumeInspect", "GET", "/volumes/{}"),
    operation("VolumeUpdate", "PUT", "/volumes/{}"),
];

/// Makes a row without a payload and without an upgrade.
const fn operation(name: &'static str, method: &'static str, path: &'static str) -> Operation {
    Operation { name, method, path, payload: Payload::Nothing, upgrade: Upgrade::Never }
}

impl Operation {
    const fn creates(self, shape: &'static JsonShape) -> Self {
        Self { payload: Payload::Body(shape), ..self }
    }

    const fn carries(self, payload: Payload) -> Self {
        Self { payload, ..self }
    }

    const fn hijacks(self) -> Self {
        Self { upgrade: Upgrade::Hijack, ..self }
    }
}

#[cfg(test)]
mod tests;
