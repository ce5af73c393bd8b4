//! The names of the members of JSON bodies, as the Engine API spells them.

use super::fields::{FIELDS, Kind, UPDATE};
use super::options::{GROUPS, Part};
use super::shapes::{HOST_CONFIG_FIELDS, Options};
use super::{JsonShape, Operation, Payload};

/// Members of several bodies, as paths. They complete the options and the places of injections.
const OTHERS: &[(&[&str], &[&str])] = &[
    (
        &["ContainerCreate"],
        &[
            "Hostname",
            "Domainname",
            "User",
            "AttachStdin",
            "AttachStdout",
            "AttachStderr",
            "ExposedPorts",
            "Tty",
            "OpenStdin",
            "StdinOnce",
            "Env",
            "Cmd",
            "Healthcheck",
            "ArgsEscaped",
            "Image",
            "Volumes",
            "WorkingDir",
            "Entrypoint",
            "NetworkDisabled",
            "MacAddress",
            "OnBuild",
            "Labels",
            "StopSignal",
            "StopTimeout",
            "Shell",
            "NetworkingConfig.EndpointsConfig.*.IPAMConfig",
            "NetworkingConfig.EndpointsConfig.*.Links",
            "NetworkingConfig.EndpointsConfig.*.Aliases",
            "NetworkingConfig.EndpointsConfig.*.MacAddress",
            "NetworkingConfig.EndpointsConfig.*.DriverOpts",
            "NetworkingConfig.EndpointsConfig.*.NetworkID",
        ],
    ),
    (
        &["ContainerExec"],
        &[
            "AttachStdin",
            "AttachStdout",
            "AttachStderr",
            "DetachKeys",
            "Tty",
            "ConsoleSize",
            "Env",
            "Cmd",
            "Privileged",
            "User",
            "WorkingDir",
        ],
    ),
    (&["ExecStart"], &["Detach", "Tty", "ConsoleSize"]),
    (
        &["NetworkCreate"],
        &[
            "Name",
            "CheckDuplicate",
            "Driver",
            "Scope",
            "Internal",
            "Attachable",
            "Ingress",
            "ConfigOnly",
            "ConfigFrom.Network",
            "IPAM.Driver",
            "IPAM.Options",
            "IPAM.Config.Subnet",
            "IPAM.Config.IPRange",
            "IPAM.Config.Gateway",
            "IPAM.Config.AuxiliaryAddresses",
            "EnableIPv4",
            "EnableIPv6",
            "Options",
            "Labels",
        ],
    ),
    (
        &["NetworkConnect"],
        &[
            "Container",
            "EndpointConfig.IPAMConfig",
            "EndpointConfig.Links",
            "EndpointConfig.Aliases",
            "EndpointConfig.MacAddress",
            "EndpointConfig.DriverOpts",
        ],
    ),
    (&["NetworkDisconnect"], &["Container", "Force"]),
    (&["VolumeCreate"], &["Name", "Driver", "DriverOpts", "Labels", "ClusterVolumeSpec"]),
    (
        &["SecretCreate", "SecretUpdate", "ConfigCreate", "ConfigUpdate"],
        &["Name", "Labels", "Data", "Driver.Name", "Driver.Options", "Templating.Name"],
    ),
    (
        &["ServiceCreate", "ServiceUpdate"],
        &[
            "Name",
            "Labels",
            "Mode",
            "Networks",
            "EndpointSpec",
            "UpdateConfig",
            "RollbackConfig",
            "TaskTemplate.ContainerSpec.Image",
            "TaskTemplate.ContainerSpec.Command",
            "TaskTemplate.ContainerSpec.Args",
            "TaskTemplate.ContainerSpec.Privileges",
            "TaskTemplate.ContainerSpec.Secrets",
            "TaskTemplate.ContainerSpec.Configs",
            "TaskTemplate.PluginSpec",
            "TaskTemplate.NetworkAttachmentSpec",
            "TaskTemplate.Networks",
            "TaskTemplate.Runtime",
        ],
    ),
];

/// Members of the entries of lists in a HostConfig.
const OF_ENTRIES: &[&str] = &[
    "Devices.PathOnHost",
    "Devices.PathInContainer",
    "Devices.CgroupPermissions",
    "DeviceRequests.Driver",
    "DeviceRequests.Count",
    "DeviceRequests.DeviceIDs",
    "DeviceRequests.Capabilities",
    "DeviceRequests.Options",
    "LogConfig.Type",
    "LogConfig.Config",
    "PortBindings.*.HostIp",
    "PortBindings.*.HostPort",
    "RestartPolicy.Name",
    "RestartPolicy.MaximumRetryCount",
    "Ulimits.Name",
    "Ulimits.Soft",
    "Ulimits.Hard",
    "BlkioWeightDevice.Path",
    "BlkioWeightDevice.Weight",
];

/// Members of a mount.
const OF_MOUNTS: &[&str] = &[
    "Type",
    "Source",
    "Target",
    "ReadOnly",
    "Consistency",
    "BindOptions.Propagation",
    "BindOptions.NonRecursive",
    "BindOptions.CreateMountpoint",
    "BindOptions.ReadOnlyNonRecursive",
    "BindOptions.ReadOnlyForceRecursive",
    "VolumeOptions.NoCopy",
    "VolumeOptions.Labels",
    "VolumeOptions.Subpath",
    "VolumeOptions.DriverConfig.Name",
    "VolumeOptions.DriverConfig.Options",
    "ImageOptions.Subpath",
    "TmpfsOptions.SizeBytes",
    "TmpfsOptions.Mode",
    "TmpfsOptions.Options",
];

/// The operations with the members of a HostConfig, and the paths of the objects that have them.
const HOST_CONFIGS: &[(&str, &[&str])] = &[
    ("ContainerCreate", &["", "HostConfig."]),
    ("ContainerUpdate", &[""]),
    ("ContainerStart", &[""]),
];

/// Returns the paths of all known members in the JSON body of an operation. `*` stands for any key of a map, and a
/// list on the way stands for all its elements.
#[must_use]
pub fn members(operation: &Operation) -> Vec<String> {
    let name = operation.name;
    let groups = GROUPS.iter().filter(|group| group.part == Part::Body);
    let of_groups = groups.filter(|group| group.operations.contains(&name));
    let options = of_groups.flat_map(|group| group.options.iter().map(|(path, _)| *path));
    let others = OTHERS.iter().filter(|(operations, _)| operations.contains(&name));
    let others = others.flat_map(|(_, paths)| paths.iter().copied());
    let mut paths: Vec<String> = options.chain(others).map(ToOwned::to_owned).collect();
    if let Payload::Body(shape) = operation.payload {
        of_shape(shape, operation, &mut paths);
    }
    for prefix in HOST_CONFIGS.iter().filter(|(known, _)| *known == name).flat_map(|row| row.1) {
        let fields = HOST_CONFIG_FIELDS.iter().chain(OF_ENTRIES);
        paths.extend(fields.map(|path| format!("{prefix}{path}")));
        paths.extend(OF_MOUNTS.iter().map(|path| format!("{prefix}Mounts.{path}")));
    }
    if name.starts_with("Service") {
        let mount = |path| format!("TaskTemplate.ContainerSpec.Mounts.{path}");
        paths.extend(OF_MOUNTS.iter().map(mount));
    }
    paths
}

/// Adds the options and the places of injections of a shape.
fn of_shape(shape: &JsonShape, operation: &Operation, paths: &mut Vec<String>) {
    let fields = if shape.options == Options::Update { UPDATE } else { FIELDS };
    for field in fields.iter().filter(|field| Some(field.section) == operation.section()) {
        paths.push(field.path.to_owned());
        if let Kind::Objects(members) = field.kind {
            paths.extend(members.iter().map(|(name, _)| format!("{}.{name}", field.path)));
        }
    }
    paths.extend(shape.positions.iter().map(|position| position.path.join(".")));
}

#[cfg(test)]
mod tests;
