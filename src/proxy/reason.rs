//! The reason of each fault.

use super::fault::{Away, Fault, Unreachable};
use crate::http::Malformed;
use crate::rules::Reason;

impl From<&Fault> for Reason {
    fn from(fault: &Fault) -> Self {
        match fault {
            Fault::Request(Malformed::HeadTooLong) => Self::HeadTooLarge,
            Fault::Request(_) => Self::Malformed,
            Fault::Refused(refusal) => refusal.reason,
            Fault::TooLarge(_) => Self::TooLarge,
            Fault::NoRoom => Self::NoRoom,
            Fault::CutShort => Self::CutShort,
            Fault::SlowHead => Self::SlowHead,
            Fault::Draining => Self::Draining,
            Fault::Response(_) | Fault::Http2OfDaemon(_) => Self::DaemonMalformed,
            Fault::Unanswered => Self::DaemonErrand,
            Fault::Undescribed(_) => Self::ImageUndescribed,
            Fault::Unseen(..) => Self::MountUnseen,
            Fault::ResponseCutShort => Self::DaemonCutShort,
            Fault::ResponseTooLarge(_) => Self::DaemonTooLarge,
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
