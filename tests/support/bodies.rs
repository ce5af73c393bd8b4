//! Bodies as the rules edit them, without a connection.

use dockerd_ci_proxy::engine::{JsonShape, route};
use dockerd_ci_proxy::http::head;
use dockerd_ci_proxy::rules::facts::Facts;
use dockerd_ci_proxy::rules::{Asked, Edited, Judgement, Profile, Refusal, Traits, judge};

use super::forced;

/// Edits the body of a request with this shape. Nothing that would be asked is news.
pub fn edited(profile: &Profile, shape: &JsonShape, body: &[u8]) -> Result<Vec<u8>, Refusal> {
    edited_at(profile, forced::route_of(shape), body)
}

/// Edits the body of a request for `target`. Nothing that would be asked is news.
pub fn edited_at(profile: &Profile, target: &str, body: &[u8]) -> Result<Vec<u8>, Refusal> {
    let head = format!("POST {target} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
    let traits = Traits::of(&head::request(head.as_bytes()).unwrap());
    let operation = route("POST", target.as_bytes());
    let asked = Asked { operation, target, traits, body: Some(body) };
    match judge(profile, &asked, &Facts::default()) {
        Judgement::Edit(Edited { body: Some(body), .. })
        | Judgement::Need { draft: Some(Edited { body: Some(body), .. }), .. } => Ok(body),
        Judgement::Pass { .. } => Ok(body.to_vec()),
        Judgement::Refuse(refusal) => Err(refusal),
        judgement => panic!("{judgement:?}"),
    }
}
