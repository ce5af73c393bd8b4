//! Implements `explain`: reports what would happen to one request, by the functions that the proxy uses.
//!
//! Nothing is asked and nothing is sent. Where the proxy would ask the daemon or the host, the report names
//! the question and goes on as if nothing had been found.

mod rows;
mod text;

use std::fmt;
use std::sync::Arc;

use self::rows::{Outcome, Row};
use self::text::{section, shown, visible};
use super::{Exit, callers, policy};
use crate::engine::shapes::Storage;
use crate::engine::{Api, Operation, Payload};
use crate::proxy::{COLLECTED_LIMIT, Fault, decide};
use crate::rules::caller::Wanted;
use crate::rules::facts::{DaemonAnswer, Facts, HostQuestion, Need, Order, Question};
use crate::rules::paths::PathRules;
use crate::rules::socket::{Note, Relation};
use crate::rules::{self, Asked, Edited, Judgement, Profile, Reason};

/// The host path of a socket that a container would get.
const NEW_SOCKET: &str = "/a/new/socket";

/// The version of the API of a daemon that is not asked for it.
const VERSION: &[u8] = b"Api-Version: 1.51\r\n\r\n";

/// The report about one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The text for standard output, with its last line end.
    pub text: String,
    /// The exit code: a failure if the request is refused.
    pub exit: Exit,
}

/// A request that cannot be explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unclear {
    /// The method is not in capital letters.
    Method(String),
    /// The request-target does not begin with a slash.
    Target(String),
    /// The request-target has a space or a control character.
    Space(String),
    /// The body decides what happens to a request for this operation, and is missing.
    NeedsBody(&'static str),
}

impl fmt::Display for Unclear {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Method(method) => {
                write!(out, "{method:?} is no method; one in capital letters is wanted, like POST")
            }
            Self::Target(target) => write!(
                out,
                "{target:?} is no request-target; one that begins with a slash is wanted, like \
                 /containers/create?name=x"
            ),
            Self::Space(target) => write!(
                out,
                "the request-target {target:?} has a space or a control character; percent-encode it"
            ),
            Self::NeedsBody(operation) => write!(
                out,
                "the body decides what happens to {operation}; give it with --body FILE"
            ),
        }
    }
}

impl std::error::Error for Unclear {}

/// Explains the request with this method, request-target and body. The body is taken for JSON. `paths` are the
/// rules for paths in `profile`.
///
/// # Errors
/// A request that no client can send, or whose body is missing.
pub fn explain(
    profile: &Profile,
    paths: &PathRules,
    method: &str,
    target: &str,
    body: Option<&[u8]>,
) -> Result<Explanation, Unclear> {
    check(method, target)?;
    let head = head(method, target, body);
    // Values of the caller are shown as the placeholders for them.
    let (template, profile) = (profile, &profile.unfilled());
    // Plugins get any body, but want none.
    let rules = Profile { authz: None, ..profile.clone() };
    let decision = match decide(&rules, head.as_bytes()) {
        Ok(decision) => decision,
        Err(malformed) => {
            let refusal = refusal(&Fault::Request(malformed));
            return Ok(Explanation { text: refusal, exit: Exit::Failed });
        }
    };
    let operation = decision.operation;
    if body.is_none() && matches!(decision.judgement, Judgement::Gather { .. }) {
        return Err(Unclear::NeedsBody(operation.name));
    }
    let body = body.or(Some(&[]));
    let asked = Asked { operation, target, traits: decision.traits, body };
    let mut before: Vec<String> = of_caller(template, &asked).into_iter().collect();
    let settled = settle(profile, &asked, &mut before);
    let verdict = match &settled {
        Ok(edited) if result(edited, &asked) == (target, asked.body.unwrap_or_default()) => {
            "verdict    passes unchanged\n".to_owned()
        }
        Ok(_) => "verdict    edited\n".to_owned(),
        Err(fault) => refusal(fault),
    };
    let mut parts = vec![
        format!("operation  {}\n{verdict}", operation.name),
        section("rules", rows(profile, &asked, &settled)),
        section("policy", decisions(profile, &asked)),
        section("paths", mapped(paths, operation)),
        section("connection", connection(profile, operation).map(str::to_owned)),
    ];
    let exit = if let Ok(edited) = settled {
        let notes = edited.notes.iter().map(ToString::to_string);
        let (target, body) = result(&edited, &asked);
        parts.push(section("before it, the proxy would", before));
        parts.push(section("warnings in the log", notes));
        parts.push(format!("request\n{method} {} HTTP/1.1\n{}", visible(target), shown(body)));
        Exit::Done
    } else {
        Exit::Failed
    };
    Ok(Explanation { text: parts.concat(), exit })
}

fn check(method: &str, target: &str) -> Result<(), Unclear> {
    if method.is_empty() || !method.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(Unclear::Method(method.to_owned()));
    }
    if !target.starts_with('/') {
        return Err(Unclear::Target(target.to_owned()));
    }
    if target.bytes().any(|byte| byte == b' ' || byte.is_ascii_control()) {
        return Err(Unclear::Space(target.to_owned()));
    }
    Ok(())
}

/// Returns the head of the request. A body that is missing has the length of an empty JSON object, so that
/// the judgement reports whether it is wanted.
fn head(method: &str, target: &str, body: Option<&[u8]>) -> String {
    let length = body.map_or("{}".len(), <[u8]>::len);
    format!(
        "{method} {target} HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n"
    )
}

/// Judges the request until nothing is missing. Adds what the proxy would do before the request to `before`.
fn settle(profile: &Profile, asked: &Asked<'_>, before: &mut Vec<String>) -> Result<Edited, Fault> {
    let body = asked.body.unwrap_or_default();
    let mut asked = Asked { body: None, ..*asked };
    let mut facts = Facts::default();
    loop {
        let needs = match rules::judge(profile, &asked, &facts) {
            Judgement::Refuse(refusal) => return Err(Fault::Refused(refusal)),
            Judgement::Pass { notes } => return Ok(Edited { notes, ..Edited::default() }),
            Judgement::Edit(edited) => {
                before.extend(edited.before.iter().map(order));
                return Ok(edited);
            }
            Judgement::Gather { .. } if body.len() > COLLECTED_LIMIT => {
                return Err(Fault::TooLarge(COLLECTED_LIMIT));
            }
            Judgement::Gather { .. } => {
                asked.body = Some(body);
                continue;
            }
            Judgement::Need { needs, draft: Some(edited) } if *needs == [Need::Authorization] => {
                before.extend(edited.before.iter().map(order));
                before.push(asks_plugins(profile));
                return Ok(edited);
            }
            Judgement::Need { needs, .. } => needs,
        };
        for need in needs.into_iter().filter(|need| *need != Need::Authorization) {
            before.push(assume(need, &mut facts));
        }
    }
}

/// Answers a question as if nothing had been found. Returns the line about it.
fn assume(need: Need, facts: &mut Facts) -> String {
    let mut answer = |question: &Question, head, content| {
        facts.learn(question, DaemonAnswer { status: 200, head, content }, Api::default());
    };
    match need {
        Need::Daemon(Question::Image { name, .. } | Question::Platforms(name)) => {
            facts.recall_image(Vec::new());
            format!(
                "ask the daemon which volumes the image \"{}\" declares; assumed: none",
                visible(&name)
            )
        }
        Need::Daemon(question @ Question::Version) => {
            answer(&question, VERSION, b"");
            "ask the daemon for the version of its API; assumed: 1.51".to_owned()
        }
        Need::Daemon(question @ Question::Container(_)) => {
            answer(&question, b"", br#"{"Mounts":[]}"#);
            let Question::Container(name) = question else { return String::new() };
            format!("ask the daemon for the mounts of \"{}\"; assumed: none", visible(&name))
        }
        Need::Host(HostQuestion::Paths(paths)) => {
            let list = paths.iter().map(|path| visible(path)).collect::<Vec<_>>().join(", ");
            facts.learn_paths(paths.into_iter().map(|path| (path, Relation::Other)).collect());
            format!("look whether a path leads to the daemon's socket: {list}; assumed: none does")
        }
        Need::Host(HostQuestion::Caller(wanted)) => looks_up(wanted),
        Need::Host(HostQuestion::JobSocket) => {
            facts.learn_job_socket(NEW_SOCKET.to_owned());
            format!("make a socket for the container; assumed: {NEW_SOCKET}")
        }
        Need::Host(HostQuestion::Store) => "look at the daemon's image store".to_owned(),
        // They are asked last, when nothing else is missing.
        Need::Authorization | Need::Host(HostQuestion::Authorize(_)) => String::new(),
    }
}

/// Returns the line about the plugins that decide about the request.
fn asks_plugins(profile: &Profile) -> String {
    let plugins = profile.authz.iter().flat_map(|authz| &authz.plugins);
    let names: Vec<_> = plugins.map(|plugin| visible(&plugin.name)).collect();
    match names.as_slice() {
        [one] => format!("ask the plugin {one}; assumed: allows"),
        _ => format!("ask the plugins {}; assumed: all allow", names.join(", ")),
    }
}

/// Returns the line about the facts of the caller that the rules need for a request, if any.
fn of_caller(template: &Profile, asked: &Asked<'_>) -> Option<String> {
    let Judgement::Need { needs, .. } = rules::judge(template, asked, &Facts::default()) else {
        return None;
    };
    needs.into_iter().find_map(|need| match need {
        Need::Host(HostQuestion::Caller(wanted)) => Some(looks_up(wanted)),
        _ => None,
    })
}

fn looks_up(wanted: Wanted) -> String {
    format!("look up the caller: {}", callers::looked_up(wanted))
}

/// Describes the translation of paths, for an operation that mounts some.
fn mapped(paths: &PathRules, operation: &Operation) -> impl Iterator<Item = String> {
    let mounts =
        matches!(operation.payload, Payload::Body(shape) if shape.storage != Storage::Nothing);
    mounts.then(|| callers::paths(paths)).into_iter().flatten()
}

fn order(Order::CreateVolume { name, driver }: &Order) -> String {
    let name = visible(name);
    match driver.as_str() {
        "" => format!("create the volume \"{name}\" with the labels, unless it exists"),
        driver => format!(
            "create the volume \"{name}\" with the labels and the driver \"{}\", unless it exists",
            visible(driver)
        ),
    }
}

/// Returns the request-target and the body that the daemon gets.
fn result<'e>(edited: &'e Edited, asked: &Asked<'e>) -> (&'e str, &'e [u8]) {
    let target = edited.target.as_deref().unwrap_or(asked.target);
    (target, edited.body.as_deref().or(asked.body).unwrap_or_default())
}

/// Returns a line for each rule of the operation. A rule changes a request that would be another one without
/// it, and refuses one that it refuses alone.
fn rows(
    profile: &Profile,
    asked: &Asked<'_>,
    settled: &Result<Edited, Fault>,
) -> impl Iterator<Item = String> {
    let rules = profile.inject.rules();
    let with = |keeps: &dyn Fn(usize) -> bool| {
        let kept = rules.iter().enumerate().filter(|(at, _)| keeps(*at));
        let inject = kept.map(|(_, rule)| rule.clone()).collect();
        settle(&Profile { inject, ..profile.clone() }, asked, &mut Vec::new())
    };
    let outcome = |at: usize| match settled {
        Ok(edited) => {
            let without = with(&|other| other != at);
            let same =
                without.is_ok_and(|without| result(&without, asked) == result(edited, asked));
            if same { Outcome::Unchanged } else { Outcome::Changed }
        }
        Err(_) if with(&|_| false).is_ok() && with(&|other| other == at).is_err() => {
            Outcome::Refused
        }
        Err(_) => Outcome::NotApplied,
    };
    let row = |(at, rule)| Row::of(profile, asked, rule, outcome(at));
    rows::aligned(rules.iter().enumerate().filter_map(row).collect())
}

/// Returns a line for each decision of the policy. A policy of which every rule only warns reports them all.
fn decisions(profile: &Profile, asked: &Asked<'_>) -> Vec<String> {
    let Some(policy) = &profile.policy else { return Vec::new() };
    let traced = Profile { policy: Some(Arc::new(policy::traced(policy))), ..profile.clone() };
    let notes = settle(&traced, asked, &mut Vec::new()).map_or_else(|_| Vec::new(), |it| it.notes);
    let rows = notes.into_iter().filter_map(|note| match note {
        Note::Policy(warned) => Some(warned),
        Note::Way(_) => None,
    });
    let rows = rows.enumerate().map(|(at, warned)| Row::of_policy(policy, &warned, at == 0));
    rows::aligned(rows.collect()).collect()
}

/// Returns the sentence about a connection that leaves HTTP and is used by builds.
fn connection(profile: &Profile, operation: &Operation) -> Option<&'static str> {
    match operation.path {
        "/grpc" if profile.no_buildkit && profile.policy.is_some() => Some(
            "becomes one of BuildKit; its builds are not edited, and the policy decides about each of its calls",
        ),
        "/grpc" if profile.no_buildkit => {
            Some("becomes one of BuildKit and passes unread; its builds are not edited")
        }
        "/grpc" if profile.policy.is_some() => Some(
            "becomes one of BuildKit; the rules are applied to each build in it, and the policy decides about \
             each of its calls",
        ),
        "/grpc" => Some("becomes one of BuildKit; the rules are applied to each build in it"),
        "/session" => Some(
            "passes unread; it serves files to a build, which is a request of its own (POST /grpc \
             or POST /build)",
        ),
        _ => None,
    }
}

/// Returns the lines about a refusal.
fn refusal(fault: &Fault) -> String {
    format!(
        "verdict    refused\nreason     {}\nstatus     {}\nmessage    dockerd-ci-proxy: {}\n",
        Reason::from(fault).name(),
        fault.status(),
        visible(&fault.to_string())
    )
}

#[cfg(test)]
mod tests;
