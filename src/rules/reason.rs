//! Reasons why a request did not get the daemon's own answer, as one closed table: for the answer,
//! metrics, the log and `docs/errors.md`, which gives the cause and the remedy of each.

/// Defines the enum and its functions from one table, so that no reason can lack a row.
macro_rules! reasons {
    ($($variant:ident $name:literal $http:literal $grpc:literal $about:literal)*) => {
        /// The reason why a request did not get the daemon's own answer.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Reason {
            $(#[doc = $about] $variant,)*
        }

        impl Reason {
            /// All reasons, indexed by discriminant.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Returns the stable name: lowercase letters, digits and underscores.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// Returns the status of the answer (RFC 9110 §15).
            #[must_use]
            pub fn status(self) -> u16 {
                match self {
                    $(Self::$variant => $http,)*
                }
            }

            /// Returns the status of a gRPC call that is refused (`google.rpc.Code`).
            #[must_use]
            pub fn grpc_status(self) -> u32 {
                match self {
                    $(Self::$variant => $grpc,)*
                }
            }
        }
    };
}

#[rustfmt::skip]
reasons! {
    DaemonMissing "daemon_missing" 503 14 "The daemon's socket does not exist."
    DaemonDown "daemon_down" 503 14 "No process listens on the daemon's socket."
    DaemonDenied "daemon_denied" 503 14 "The proxy may not connect to the daemon's socket."
    DaemonSlow "daemon_slow" 504 14 "The daemon accepted no connection in time."
    DaemonHangsUp "daemon_hangs_up" 503 14 "The daemon ends every connection at once."
    DaemonUnreachable "daemon_unreachable" 503 14 "Connecting to the daemon failed for another reason."
    DaemonMalformed "daemon_malformed" 502 13 "The daemon's response is malformed."
    DaemonCutShort "daemon_cut_short" 502 13 "The daemon ended in the middle of a response head."
    DaemonTooLarge "daemon_too_large" 502 13 "A response that is to be rewritten is too large."
    DaemonUpgrade "daemon_upgrade" 502 13 "The daemon left HTTP without being asked."
    DaemonErrand "daemon_errand" 502 13 "The daemon's answer to a query of the proxy cannot be read."
    ImageUndescribed "image_undescribed" 502 13 "The daemon does not describe the image of a container."
    MountUnseen "mount_unseen" 503 14 "The proxy cannot determine the type of a mounted path."
    CallerUnknown "caller_unknown" 503 14 "The proxy cannot determine the client's process or its container."
    CallerValue "caller_value" 403 7 "A value that the operator sets by the caller does not exist or does not fit."
    JobSocket "job_socket" 503 14 "The proxy cannot make the socket that a container gets for itself."
    Unmapped "unmapped" 403 3 "A mounted path is outside of every mapping, and only mapped ones may be mounted."
    Draining "draining" 503 14 "The proxy is shutting down."
    NoRoom "no_room" 503 8 "The memory budget for rewritten bodies is exhausted."
    TooLarge "too_large" 413 8 "A body is too large to be rewritten."
    CutShort "cut_short" 400 3 "The client ended before its request body was complete."
    SlowHead "slow_head" 400 3 "The client did not complete a request head in time."
    Malformed "malformed" 400 3 "The client's request is malformed."
    HeadTooLarge "head_too_large" 431 3 "A request head is too large."
    MalformedHttp2 "malformed_http2" 400 13 "The client's HTTP/2 is malformed."
    EmptyBody "empty_body" 400 3 "A required body is missing."
    EncodedBody "encoded_body" 415 3 "The body has a content coding."
    FormBody "form_body" 415 3 "The body is declared as a form."
    StartBody "start_body" 400 3 "A start has a body."
    NotJson "not_json" 400 3 "The body is not one JSON object."
    WrongType "wrong_type" 400 3 "A member of the body has another type than in the API."
    TwoMembers "two_members" 400 3 "The daemon would read two members of the body as one."
    TooMany "too_many" 400 3 "There are too many members, mounts, or bytes in a name."
    OutsideHostConfig "outside_host_config" 400 3 "A HostConfig field is at the top of a body without HostConfig."
    RelativeVolume "relative_volume" 400 3 "The path of a volume is not absolute."
    LabelKey "label_key" 400 3 "A label could override one of the operator's."
    OddMount "odd_mount" 400 3 "Daemons disagree about a mount or the path of a volume."
    OwnMount "own_mount" 403 3 "A mount is at a path at which the operator mounts something."
    SocketBind "socket_bind" 403 3 "A container mounts the daemon's socket, or may do so later."
    Policy "policy" 403 7 "A rule of the operator's policy refuses the request."
    OddTarget "odd_target" 400 3 "Authorization plugins could read the request-target in another way than the daemon."
    AuthzDenied "authz_denied" 403 7 "An authorization plugin denies the request."
    AuthzFailed "authz_failed" 500 13 "An authorization plugin did not decide about the request."
    Slice "slice" 403 3 "An annotation would move a container out of the cgroup parent."
    Changes "changes" 400 3 "The changes of a commit or import would absorb the labels."
    Query "query" 400 3 "The query of a build, commit or import cannot be labelled."
    OldVersion "old_version" 400 3 "The API version of the request lacks an option that the operator sets."
    Libpod "libpod" 403 3 "A request of Podman's own API creates something."
    UnknownOperation "unknown_operation" 403 3 "The operation is not known, and --strict is on."
    UnlabelledImage "unlabelled_image" 403 7 "An image would have no labels, and --strict is on."
    BuildMessage "build_message" 400 3 "A message of BuildKit cannot be labelled."
    BuildCompressed "build_compressed" 400 12 "A message of BuildKit is compressed."
    BuildPath "build_path" 400 12 "The path of a gRPC call could be read in two ways."
    PlainHttp2 "plain_http2" 400 3 "A request over HTTP/2 is not a gRPC call."
}

#[cfg(test)]
mod tests;
