//! Reasons why a request did not get the daemon's own answer: a closed list of short names for
//! metrics, the log and `docs/errors.md`, which gives the cause and the remedy of each.

use super::fault::{Away, Fault, Unreachable};
use crate::http::Malformed;
use crate::rules::Refusal;

/// Makes the enum and its names from one table, so that neither can lack a row.
macro_rules! reasons {
    ($($variant:ident $name:literal $about:literal)*) => {
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
        }
    };
}

reasons! {
    DaemonMissing "daemon_missing" "The daemon's socket does not exist."
    DaemonDown "daemon_down" "No process listens on the daemon's socket."
    DaemonDenied "daemon_denied" "The proxy may not connect to the daemon's socket."
    DaemonSlow "daemon_slow" "The daemon accepted no connection in time."
    DaemonHangsUp "daemon_hangs_up" "The daemon ends every connection at once."
    DaemonUnreachable "daemon_unreachable" "Connecting to the daemon failed for another reason."
    DaemonMalformed "daemon_malformed" "The daemon's response is malformed."
    DaemonCutShort "daemon_cut_short" "The daemon ended in the middle of a response head."
    DaemonTooLarge "daemon_too_large" "A response that is to be rewritten is too large."
    DaemonUpgrade "daemon_upgrade" "The daemon left HTTP without being asked."
    DaemonErrand "daemon_errand" "The daemon's answer to a query of the proxy cannot be read."
    MountUnseen "mount_unseen" "The proxy cannot determine the type of a mounted path."
    Draining "draining" "The proxy is shutting down."
    NoRoom "no_room" "The memory budget for rewritten bodies is exhausted."
    TooLarge "too_large" "A body is too large to be rewritten."
    CutShort "cut_short" "The client ended before its request body was complete."
    SlowHead "slow_head" "The client did not complete a request head in time."
    Malformed "malformed" "The client's request is malformed."
    HeadTooLarge "head_too_large" "A request head is too large."
    MalformedHttp2 "malformed_http2" "The client's HTTP/2 is malformed."
    EmptyBody "empty_body" "A required body is missing."
    EncodedBody "encoded_body" "The body has a content coding."
    FormBody "form_body" "The body is declared as a form."
    StartBody "start_body" "A start has a body."
    NotJson "not_json" "The body is not one JSON object."
    WrongType "wrong_type" "A member of the body has another type than in the API."
    TwoMembers "two_members" "The daemon would read two members of the body as one."
    TooMany "too_many" "There are too many members, mounts, or bytes in a name."
    OutsideHostConfig "outside_host_config" "A HostConfig field is at the top of a body without HostConfig."
    RelativeVolume "relative_volume" "The path of a volume is not absolute."
    LabelKey "label_key" "A label could override one of the operator's."
    OddMount "odd_mount" "Daemons disagree about a mount or the path of a volume."
    SocketBind "socket_bind" "A container mounts the daemon's socket, or may do so later."
    Slice "slice" "An annotation would move a container out of the cgroup parent."
    Changes "changes" "The changes of a commit or import would absorb the labels."
    Query "query" "The query of a build, commit or import cannot be labelled."
    Libpod "libpod" "A request of Podman's own API creates something."
    UnknownOperation "unknown_operation" "The operation is not known, and --strict is on."
    UnlabelledImage "unlabelled_image" "An image would have no labels, and --strict is on."
    BuildMessage "build_message" "A message of BuildKit cannot be labelled."
    BuildPath "build_path" "The path of a gRPC call could be read in two ways."
    PlainHttp2 "plain_http2" "A request over HTTP/2 is not a gRPC call."
}

impl From<&Fault> for Reason {
    fn from(fault: &Fault) -> Self {
        match fault {
            Fault::Request(Malformed::HeadTooLong) => Self::HeadTooLarge,
            Fault::Request(_) => Self::Malformed,
            Fault::Refused(refusal) => refusal.into(),
            Fault::TooLarge => Self::TooLarge,
            Fault::NoRoom => Self::NoRoom,
            Fault::CutShort => Self::CutShort,
            Fault::SlowHead => Self::SlowHead,
            Fault::Draining => Self::Draining,
            Fault::Response(_) | Fault::Http2OfDaemon(_) => Self::DaemonMalformed,
            Fault::Errand => Self::DaemonErrand,
            Fault::Unseen(..) => Self::MountUnseen,
            Fault::ResponseCutShort => Self::DaemonCutShort,
            Fault::ResponseTooLarge => Self::DaemonTooLarge,
            Fault::UnaskedUpgrade => Self::DaemonUpgrade,
            Fault::Away(Away { why, .. }) => why.into(),
            Fault::Http2OfClient(_) => Self::MalformedHttp2,
        }
    }
}

impl From<&Unreachable> for Reason {
    fn from(why: &Unreachable) -> Self {
        match why {
            Unreachable::Missing => Self::DaemonMissing,
            Unreachable::Down => Self::DaemonDown,
            Unreachable::Denied => Self::DaemonDenied,
            Unreachable::Slow => Self::DaemonSlow,
            Unreachable::HangsUp => Self::DaemonHangsUp,
            Unreachable::Other(_) => Self::DaemonUnreachable,
        }
    }
}

impl From<&Refusal> for Reason {
    fn from(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::EmptyBody => Self::EmptyBody,
            Refusal::EncodedBody => Self::EncodedBody,
            Refusal::FormBody => Self::FormBody,
            Refusal::StartBody => Self::StartBody,
            Refusal::NotJson(_) => Self::NotJson,
            Refusal::NotAnObject(_)
            | Refusal::NotAnArray(_)
            | Refusal::NotAString(_)
            | Refusal::LabelValue(_) => Self::WrongType,
            Refusal::Twice(..) => Self::TwoMembers,
            Refusal::ManyMembers(_) | Refusal::ManyMounts(_) | Refusal::LongDriver(_) => {
                Self::TooMany
            }
            Refusal::OutsideHostConfig(_) => Self::OutsideHostConfig,
            Refusal::RelativeVolume(_) => Self::RelativeVolume,
            Refusal::LabelKey(_) => Self::LabelKey,
            Refusal::OddMount(_) => Self::OddMount,
            Refusal::SocketBind(_) | Refusal::Template(_) => Self::SocketBind,
            Refusal::Slice(_) => Self::Slice,
            Refusal::Changes => Self::Changes,
            Refusal::Query
            | Refusal::ManyPairs(_)
            | Refusal::QueryLabels
            | Refusal::QueryKey(_)
            | Refusal::Outputs => Self::Query,
            Refusal::Libpod => Self::Libpod,
            Refusal::Unknown => Self::UnknownOperation,
            Refusal::Unlabelled => Self::UnlabelledImage,
            Refusal::Message(_) | Refusal::CompressedMessage => Self::BuildMessage,
            Refusal::CallPath => Self::BuildPath,
            Refusal::PlainHttp2 => Self::PlainHttp2,
        }
    }
}

#[cfg(test)]
mod tests;
