//! Policies, what they decide about a body, and other spellings of that body for Go's decoder.

use std::sync::Arc;

use dockerd_ci_proxy::config::policy::preset;
use dockerd_ci_proxy::engine::options::{Form, GROUPS, Part};
use dockerd_ci_proxy::engine::route;
use dockerd_ci_proxy::http::body::Framing;
use dockerd_ci_proxy::rules::facts::{Facts, HostQuestion, Need, Relation};
use dockerd_ci_proxy::rules::policy::{Act, BindSource, Policy, Rule, Subject, Test};
use dockerd_ci_proxy::rules::socket::SocketBind;
use dockerd_ci_proxy::rules::{Asked, Judgement, Profile, Reason, Refusal, Traits, judge};

use super::random::Random;

/// Requests with JSON bodies of many options.
pub const TARGETS: &[&str] = &[
    "/containers/create",
    "/containers/create",
    "/containers/x/update",
    "/containers/x/exec",
    "/networks/create",
    "/networks/x/connect",
    "/services/create",
    "/volumes/create",
];

/// Words that are values of options, or names of members.
pub const WORDS: &[&str] = &[
    "host",
    "container:x",
    "ALL",
    "SYS_ADMIN",
    "seccomp=unconfined",
    "local",
    "bind",
    "/srv/a:/x:ro",
    "/etc:/x",
    "/",
    "x",
    "Memory",
];

/// Returns rules about options that `target` has, or a preset.
pub fn random(target: &str, random: &mut Random) -> Policy {
    if random.once_in(3) {
        return preset("conservative").unwrap();
    }
    let operation = route("POST", target.as_bytes()).name;
    let groups = GROUPS
        .iter()
        .filter(|group| group.part == Part::Body && group.operations.contains(&operation));
    let options: Vec<(&'static str, Form)> =
        groups.flat_map(|group| group.options.iter().copied()).collect();
    let mut rules: Vec<Arc<Rule>> = Vec::new();
    for at in 0..=random.below(6) {
        let (path, form) = random.pick(&options);
        let subject = match random.below(5) {
            0 => Subject::Binds(vec![BindSource::Path { path: "/srv".into(), read_only: true }]),
            _ => Subject::Option { path, form, test: test(random) },
        };
        rules.push(Arc::new(Rule {
            name: format!("rule {at}"),
            from: String::new(),
            act: random.pick(&[Act::Refuse, Act::Refuse, Act::Refuse, Act::Warn, Act::Allow]),
            operations: Vec::new(),
            subject,
            reason: String::new(),
        }));
    }
    Policy { rules, ..Policy::default() }
}

fn test(random: &mut Random) -> Test {
    let words = random.some(3, |random| random.pick(WORDS).to_owned());
    match random.below(9) {
        0..3 => Test::Set,
        3 => Test::Missing,
        4 => Test::EmptyList,
        5 => Test::In(words),
        6 => Test::NotIn(words),
        7 => Test::Prefix(words),
        _ => Test::Above(random.pick(&[0, 5, 4096])),
    }
}

/// Returns a profile that may replace the daemon's socket in mounts.
pub fn profile(policy: Policy, random: &mut Random) -> Profile {
    let own = SocketBind::Rewrite("/run/own.sock".to_owned());
    let socket_bind = if random.once_in(2) { own } else { SocketBind::Pass };
    Profile { policy: Some(Arc::new(policy)), socket_bind, ..Profile::default() }
}

/// Judges a body. Nothing that would be asked is news.
pub fn verdict(profile: &Profile, target: &str, body: &[u8]) -> Result<(), Refusal> {
    let framing = Framing::Length(body.len() as u64);
    let traits = Traits { framing, encoded: false, form: false, json: true };
    let operation = route("POST", target.as_bytes());
    let asked = Asked { operation, target, traits, body: Some(body) };
    let mut facts = Facts::default();
    loop {
        match judge(profile, &asked, &facts) {
            Judgement::Refuse(refusal) => return Err(refusal),
            Judgement::Need { needs, draft: None } => {
                let [Need::Host(HostQuestion::Paths(paths))] = &*needs else { panic!("{needs:?}") };
                let others = paths.iter().map(|path| (path.clone(), Relation::Other));
                facts.learn_paths(others.collect());
            }
            Judgement::Gather { .. } => panic!("the body is there"),
            Judgement::Pass { .. } | Judgement::Edit(_) | Judgement::Need { .. } => return Ok(()),
        }
    }
}

/// Returns the name of the rule that refuses, or of the reason of another refusal.
pub fn shown(verdict: &Result<(), Refusal>) -> String {
    match verdict {
        Ok(()) => "passes".to_owned(),
        Err(Refusal { by: Some(by), reason: Reason::Policy, .. }) => by.rule.name.clone(),
        Err(refusal) => format!("{:?}", refusal.reason),
    }
}

/// Returns `true` if a rule refuses for an option whose values are not the keys of a map.
pub fn is_about_values(verdict: &Result<(), Refusal>) -> bool {
    let Err(Refusal { by: Some(by), reason: Reason::Policy, .. }) = verdict else {
        return false;
    };
    matches!(by.rule.subject, Subject::Option { form, .. } if form != Form::Keys)
}

/// Returns another spelling of `body`: members that options name in another case, with blanks around them, and
/// letters of strings as escapes.
pub fn respelled(body: &str, random: &mut Random) -> String {
    let mut written = String::new();
    let mut rest = body;
    while let Some(begin) = rest.find('"') {
        let (before, string) = rest.split_at(begin);
        written += before;
        let Some(end) = end_of_string(string) else { break };
        let (string, behind) = string.split_at(end);
        let is_key = behind.trim_start_matches([' ', '\t', '\r', '\n']).starts_with(':');
        written += &spelled(string, is_key && is_name(string), random);
        if is_key {
            written += random.pick(&["", " ", "\n\t"]);
        }
        rest = behind;
    }
    written + rest
}

/// Returns the length of the string at the beginning of `text`.
fn end_of_string(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            b'"' if !escaped => return Some(at + 1),
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    None
}

fn is_name(string: &str) -> bool {
    let name = string.trim_matches('"');
    let mut names =
        GROUPS.iter().flat_map(|group| group.options).flat_map(|(path, _)| path.split('.'));
    names.any(|part| part.eq_ignore_ascii_case(name))
}

fn spelled(string: &str, folds: bool, random: &mut Random) -> String {
    if string.contains('\\') {
        return string.to_owned();
    }
    let letter = |letter: char| match random.below(20) {
        0 if letter != '"' && letter.is_ascii() => format!("\\u{:04x}", u32::from(letter)),
        1..4 if folds => letter.to_ascii_uppercase().to_string(),
        4..7 if folds => letter.to_ascii_lowercase().to_string(),
        7..10 if folds && matches!(letter, 's' | 'S') => "\u{17f}".to_owned(),
        7..10 if folds && matches!(letter, 'k' | 'K') => "\\u212a".to_owned(),
        _ => letter.to_string(),
    };
    string.chars().map(letter).collect()
}
