//! The gRPC calls of BuildKit as operations, for a connection that carries them (`POST /grpc`, or HTTP/2 from
//! its first byte).

/// The services that are called.
const CONTROL: &str = "/moby.buildkit.v1.Control/";
const BRIDGE: &str = "/moby.buildkit.v1.frontend.LLBBridge/";
const HEALTH: &str = "/grpc.health.v1.Health/";
const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/";
const CONTENT: &str = "/containerd.services.content.v1.Content/";

/// A call.
struct Call {
    name: &'static str,
    service: &'static str,
    /// The method; empty for all methods of the service.
    method: &'static str,
}

const fn call(name: &'static str, service: &'static str, method: &'static str) -> Call {
    Call { name, service, method }
}

/// The calls, from `control.proto` and `gateway.proto` of moby/buildkit.
const CALLS: &[Call] = &[
    call("BuildkitDiskUsage", CONTROL, "DiskUsage"),
    call("BuildkitInfo", CONTROL, "Info"),
    call("BuildkitListenBuildHistory", CONTROL, "ListenBuildHistory"),
    call("BuildkitListWorkers", CONTROL, "ListWorkers"),
    call("BuildkitPrune", CONTROL, "Prune"),
    call("BuildkitSession", CONTROL, "Session"),
    call("BuildkitSolve", CONTROL, "Solve"),
    call("BuildkitStatus", CONTROL, "Status"),
    call("BuildkitUpdateBuildHistory", CONTROL, "UpdateBuildHistory"),
    call("BuildkitBridgeSolve", BRIDGE, "Solve"),
    call("BuildkitEvaluate", BRIDGE, "Evaluate"),
    call("BuildkitExecProcess", BRIDGE, "ExecProcess"),
    call("BuildkitInputs", BRIDGE, "Inputs"),
    call("BuildkitNewContainer", BRIDGE, "NewContainer"),
    call("BuildkitPing", BRIDGE, "Ping"),
    call("BuildkitReadDir", BRIDGE, "ReadDir"),
    call("BuildkitReadDirContainer", BRIDGE, "ReadDirContainer"),
    call("BuildkitReadFile", BRIDGE, "ReadFile"),
    call("BuildkitReadFileContainer", BRIDGE, "ReadFileContainer"),
    call("BuildkitReleaseContainer", BRIDGE, "ReleaseContainer"),
    call("BuildkitResolveImageConfig", BRIDGE, "ResolveImageConfig"),
    call("BuildkitResolveSourceMeta", BRIDGE, "ResolveSourceMeta"),
    call("BuildkitReturn", BRIDGE, "Return"),
    call("BuildkitStatFile", BRIDGE, "StatFile"),
    call("BuildkitStatFileContainer", BRIDGE, "StatFileContainer"),
    call("BuildkitWarn", BRIDGE, "Warn"),
    call("BuildkitContentInfo", CONTENT, "Info"),
    call("BuildkitContentRead", CONTENT, "Read"),
    call("BuildkitContent", CONTENT, ""),
    call("BuildkitHealth", HEALTH, ""),
    call("BuildkitTraces", TRACES, ""),
];

/// The name of all other calls.
pub const OTHER: &str = "BuildkitOther";

/// Returns the name of the call of `path`.
#[must_use]
pub fn named(path: &[u8]) -> &'static str {
    let is_called = |call: &&Call| {
        let method = path.strip_prefix(call.service.as_bytes());
        method.is_some_and(|method| call.method.is_empty() || method == call.method.as_bytes())
    };
    CALLS.iter().find(is_called).map_or(OTHER, |call| call.name)
}

/// Returns the names of all calls.
pub fn names() -> impl Iterator<Item = &'static str> {
    CALLS.iter().map(|call| call.name).chain([OTHER])
}

#[cfg(test)]
mod tests;
