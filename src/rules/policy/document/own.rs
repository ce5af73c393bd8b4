//! The values that the operator or the proxy itself puts into requests.

use crate::engine::fields::BINDS;
use crate::engine::shapes::Place;
use crate::json::quoted;
use crate::rules::facts::Facts;
use crate::rules::inject::{How, Inject};
use crate::rules::mounts::binds::Bind;
use crate::rules::socket::SocketBind;
use crate::rules::{Asked, Profile, Value};

/// The operator's values for a request.
#[derive(Clone, Copy)]
pub(super) struct Own<'r> {
    pub(super) profile: &'r Profile,
    pub(super) facts: &'r Facts,
    pub(super) asked: &'r Asked<'r>,
}

impl Own<'_> {
    /// Returns `true` if an option has this value by the operator.
    pub(super) fn gives(&self, path: &str, text: &str) -> bool {
        let mut rules = self.profile.inject.rules().iter();
        path == BINDS && self.binds(text) || rules.any(|inject| self.injects(inject, path, text))
    }

    /// Returns `true` if the operator or the proxy mounts this host path.
    pub(super) fn mounts(&self, source: &str) -> bool {
        let rewritten = match &self.profile.socket_bind {
            SocketBind::Rewrite(own) => own == source,
            SocketBind::Pass | SocketBind::Refuse => false,
        };
        rewritten || self.facts.job_socket.as_deref() == Some(source)
    }

    /// Returns `true` if the operator or the proxy adds this entry of `Binds`.
    pub(super) fn binds(&self, text: &str) -> bool {
        let json = quoted(text);
        Bind::read(text).source.is_some_and(|source| self.mounts(source))
            || self.profile.inject.mounts().binds.iter().any(|bind| bind.json == json)
    }

    fn injects(&self, inject: &Inject, path: &str, text: &str) -> bool {
        let is_there = match inject.at {
            // The path of an update has no HostConfig.
            Place::Field(field) => {
                self.asked.operation.section() == Some(field.section)
                    && (field.path == path || field.path.strip_prefix("HostConfig.") == Some(path))
            }
            Place::CgroupParent => path == "HostConfig.CgroupParent",
            Place::BuildCgroupParent => path == "cgroupparent",
            Place::Labels => path.rsplit('.').next() == Some("Labels"),
            Place::ImageLabels => path == "labels",
        };
        is_there
            && match (&inject.value, inject.how) {
                (_, How::Cap) | (Value::Map(_), How::Default) | (Value::Objects(_), _) => false,
                (Value::Text(own), _) => own == text,
                (Value::Switch(own), _) => text == if *own { "true" } else { "false" },
                (Value::Number(own), _) => text.parse() == Ok(*own),
                (Value::List(own), _) => own.iter().any(|own| own == text),
                (Value::Map(own), _) => own.iter().any(|label| label.key == text),
                (Value::Entry(own), _) => own.key == text,
            }
    }
}
