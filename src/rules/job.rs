//! Containers that get a socket of their own for what they create themselves.

use super::facts::{Facts, HostQuestion, Need};
use super::socket::SocketBind;
use super::{Asked, Judgement, Profile, Reason, Refusal, body, policy};
use crate::engine::JsonShape;
use crate::engine::shapes::Storage;

/// Judges a request with this `body`. A container that gets a socket is judged once more when that is known, which
/// is asked last: no socket is made for a request that is refused.
///
/// # Errors
/// Those of [`body::judge`].
pub(super) fn judge(
    profile: &Profile,
    shape: &JsonShape,
    asked: &Asked<'_>,
    document: &[u8],
    facts: &Facts,
) -> Result<Judgement, Refusal> {
    let target = asked.target;
    let place = profile.job_socket.as_deref().filter(|_| shape.storage == Storage::Container);
    match (place, &facts.job_socket) {
        (None, _) => body::judge(profile, shape, target, document, facts),
        (Some(place), Some(path)) => {
            body::judge(&profile.with_socket(path, place), shape, target, document, facts)
        }
        (Some(_), None) => match without_socket(profile, shape, asked, document, facts)? {
            Judgement::Edit(_) | Judgement::Pass { .. } => {
                let needs = vec![Need::Host(HostQuestion::JobSocket)];
                Ok(Judgement::Need { needs, draft: None })
            }
            // The draft lacks the socket.
            Judgement::Need { needs, .. } => Ok(Judgement::Need { needs, draft: None }),
            other => Ok(other),
        },
    }
}

/// Judges a request before its socket is made, also by the policy.
fn without_socket(
    profile: &Profile,
    shape: &JsonShape,
    asked: &Asked<'_>,
    document: &[u8],
    facts: &Facts,
) -> Result<Judgement, Refusal> {
    let judgement = body::judge(profile, shape, asked.target, document, facts)?;
    policy::applied(profile, asked, facts, judgement)
}

/// Refuses the create of a container for which no socket can be made.
#[must_use]
pub fn no_socket(why: &str) -> Refusal {
    let text =
        format!("the proxy cannot make the socket that the container gets for itself: {why}");
    Refusal::new(Reason::JobSocket, text)
}

impl Profile {
    /// Returns the rules for a container that gets the socket at the host path `path`. That is mounted at `place`,
    /// and wherever the container mounts the daemon's socket.
    fn with_socket(&self, path: &str, place: &str) -> Self {
        let mut profile = self.clone();
        profile.inject.add_bind(&format!("{path}:{place}"));
        if matches!(profile.socket_bind, SocketBind::Rewrite(_)) {
            profile.socket_bind = SocketBind::Rewrite(path.to_owned());
        }
        profile
    }
}

#[cfg(test)]
mod tests;
