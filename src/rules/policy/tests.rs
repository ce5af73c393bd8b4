use super::*;
use crate::engine::options::named;
use crate::http::body::Framing;
use crate::rules::facts::{HostQuestion, NO_FACTS, Need};
use crate::rules::inject::Inject;
use crate::rules::socket::Note;
use crate::rules::{Asked, Facts, Forced, Judgement, Label, Profile, Traits, judge};

/// Makes a rule without a reason that is named by its decision and its option.
fn rule(act: Act, path: &'static str, test: Test) -> Arc<Rule> {
    let word = match act {
        Act::Refuse => "no",
        Act::Warn => "hm",
        Act::Allow => "yes",
    };
    let subject = match named(path).next() {
        Some((_, path, form)) => Subject::Option { path, form, test },
        None => Subject::Request,
    };
    let operations = if subject == Subject::Request { vec![path] } else { Vec::new() };
    let name = format!("{word} {path}");
    let from = "policy.toml:1:1".to_owned();
    Arc::new(Rule { name, from, act, operations, subject, reason: String::new() })
}

pub(super) fn no(path: &'static str, test: Test) -> Arc<Rule> {
    rule(Act::Refuse, path, test)
}

fn yes(path: &'static str, test: Test) -> Arc<Rule> {
    rule(Act::Allow, path, test)
}

pub(super) fn one_of(words: &[&str]) -> Test {
    Test::In(words.iter().map(ToString::to_string).collect())
}

pub(super) fn profile(rules: &[Arc<Rule>]) -> Profile {
    let policy = Policy { rules: rules.to_vec(), ..Policy::default() };
    Profile { policy: Some(Arc::new(policy)), ..Profile::default() }
}

fn trial(rules: &[Arc<Rule>]) -> Profile {
    let policy = Policy { rules: rules.to_vec(), trial: true, ..Policy::default() };
    Profile { policy: Some(Arc::new(policy)), ..Profile::default() }
}

/// A request for an operation with a body.
pub(super) fn asked<'r>(line: &'r str, body: &'r str) -> Asked<'r> {
    let (method, target) = line.split_once(' ').unwrap();
    let (path, _) = crate::http::target::split_query(target);
    let operation = crate::engine::route(method, path.as_bytes());
    let framing = Framing::Length(body.len() as u64);
    let traits = Traits { framing, encoded: false, form: false, json: false };
    Asked { operation, target, traits, body: Some(body.as_bytes()) }
}

/// Writes a judgement as one line.
pub(super) fn line(judgement: Judgement) -> String {
    let notes = |notes: Vec<Note>| {
        let notes: Vec<_> = notes
            .into_iter()
            .filter_map(|note| match note {
                Note::Policy(warned) => Some(warned.text),
                Note::Way(_) => None,
            })
            .collect();
        if notes.is_empty() { "passes".to_owned() } else { format!("warns: {}", notes.join("; ")) }
    };
    match judgement {
        Judgement::Pass { notes: all } => notes(all),
        Judgement::Edit(edited) => notes(edited.notes),
        Judgement::Need { needs, draft } => {
            let paths = needs.into_iter().find_map(|need| match need {
                Need::Host(HostQuestion::Paths(paths)) => Some(paths),
                _ => None,
            });
            match paths {
                Some(paths) => format!("looks at {}", paths.join(", ")),
                None => draft.map_or("needs facts".to_owned(), |edited| notes(edited.notes)),
            }
        }
        Judgement::Gather { .. } => "gathers".to_owned(),
        Judgement::Refuse(refusal) => match refusal.rule() {
            Some(rule) if refusal.reason == Reason::Policy => format!("refused by {}", rule.name),
            Some(rule) => format!("unclear to {}: {}", rule.name, refusal.text),
            None => format!("refused: {}", refusal.text),
        },
    }
}

pub(super) fn decided(profile: &Profile, request: &str, body: &str) -> String {
    line(judge(profile, &asked(request, body), &NO_FACTS))
}

const CREATE: &str = "POST /containers/create";

fn create(rules: &[Arc<Rule>], body: &str) -> String {
    decided(&profile(rules), CREATE, body)
}

#[test]
fn the_first_rule_that_matches_a_value_decides_about_it_alone() {
    let rules = [
        yes("HostConfig.CapAdd", one_of(&["NET_ADMIN"])),
        no("HostConfig.CapAdd", Test::Set),
        yes("ContainerCreate", Test::Set),
        no("HostConfig.Privileged", Test::Set),
    ];
    let of = |capabilities: &str| {
        create(
            &rules,
            &format!(r#"{{"HostConfig":{{"CapAdd":{capabilities},"Privileged":true}}}}"#),
        )
    };
    // The third rule decides about all else.
    assert_eq!(of(r#"["cap_net_admin"]"#), "passes");
    assert_eq!(of(r#"["NET_ADMIN","SYS_ADMIN"]"#), "refused by no HostConfig.CapAdd");
    assert_eq!(of(r#""SYS_ADMIN""#), "refused by no HostConfig.CapAdd");
}

#[test]
fn a_value_that_is_allowed_for_one_option_is_not_allowed_for_another() {
    let rules = [
        yes("HostConfig", one_of(&["Privileged", "PidMode"])),
        no("HostConfig", Test::Set),
        no("HostConfig.Privileged", Test::Set),
    ];
    assert_eq!(create(&rules, r#"{"HostConfig":{"PidMode":"host"}}"#), "passes");
    let privileged = create(&rules, r#"{"HostConfig":{"Privileged":true}}"#);
    assert_eq!(privileged, "refused by no HostConfig.Privileged");
    let unknown = create(&rules, r#"{"HostConfig":{"New":1}}"#);
    assert_eq!(unknown, "refused by no HostConfig");
}

#[test]
fn the_default_decides_about_the_rest() {
    let mut profile = profile(&[yes("SystemPing", Test::Set)]);
    let policy = Policy { default: Act::Refuse, ..(**profile.policy.as_ref().unwrap()).clone() };
    profile.policy = Some(Arc::new(policy));
    assert_eq!(decided(&profile, "GET /_ping", ""), "passes");
    assert_eq!(decided(&profile, "GET /info", ""), "refused by default");
    assert_eq!(decided(&profile, "GET /anything", ""), "refused by default");
}

#[test]
fn a_request_has_one_warning_for_each_rule() {
    let rules = [rule(Act::Warn, "HostConfig.CapAdd", Test::Set)];
    let wanted = "warns: HostConfig.CapAdd \"A\" in ContainerCreate, HostConfig.CapAdd \"B\" in \
                  ContainerCreate";
    assert_eq!(create(&rules, r#"{"HostConfig":{"CapAdd":["A","B"]}}"#), wanted);
    let many = format!(r#"{{"HostConfig":{{"CapAdd":[{}"A"]}}}}"#, r#""A","#.repeat(60_000));
    assert!(create(&rules, &many).len() < 2 * TEXT_MAX);
}

#[test]
fn the_message_has_the_value_the_reason_and_whom_to_ask() {
    let rule = Rule { reason: "no".into(), ..(*no("HostConfig.Privileged", Test::Set)).clone() };
    let policy = Policy {
        rules: vec![Arc::new(rule)],
        contact: "ci@example.com".into(),
        ..Policy::default()
    };
    let profile = Profile { policy: Some(Arc::new(policy)), ..Profile::default() };
    let body = r#"{"hostconfig":{"privileGed":true}}"#;
    let Judgement::Refuse(refusal) = judge(&profile, &asked(CREATE, body), &NO_FACTS) else {
        panic!()
    };
    assert_eq!(
        refusal.to_string(),
        "the policy does not allow HostConfig.Privileged \"true\" in ContainerCreate: no (rule no \
         HostConfig.Privileged); ask ci@example.com"
    );
}

#[test]
fn a_body_is_gathered_only_for_rules_about_it() {
    let rules = [no("EndpointConfig.Links", Test::Set)];
    let without = |line| {
        let asked = asked(line, r#"{"EndpointConfig":{"Links":["x"]}}"#);
        line_of(&profile(&rules), Asked { body: None, ..asked })
    };
    assert_eq!(without("POST /networks/n/connect"), "gathers");
    assert_eq!(without("POST /networks/n/disconnect"), "passes");
    let body = r#"{"EndpointConfig":{"Links":["x"]}}"#;
    let refused = decided(&profile(&rules), "POST /networks/n/connect", body);
    assert_eq!(refused, "refused by no EndpointConfig.Links");
    assert_eq!(decided(&profile(&rules), "POST /networks/n/connect", ""), "passes");
    // What is refused by its name needs no body.
    let rules = [no("NetworkConnect", Test::Set), no("EndpointConfig.Links", Test::Set)];
    let asked = Asked { body: None, ..asked("POST /networks/n/connect", "{}") };
    assert_eq!(line_of(&profile(&rules), asked), "refused by no NetworkConnect");
}

fn line_of(profile: &Profile, asked: Asked<'_>) -> String {
    line(judge(profile, &asked, &NO_FACTS))
}

#[test]
fn a_gathered_body_that_passes_is_injected_as_before() {
    let mut profile = profile(&[no("EndpointConfig.Links", Test::Set)]);
    profile.inject =
        [Inject::label(Label { key: "a".into(), value: "b".into() })].into_iter().collect();
    let asked = Asked { body: None, ..asked(CREATE, "{}") };
    let Judgement::Gather { forced } = judge(&profile, &asked, &NO_FACTS) else { panic!() };
    assert_eq!(forced, Forced::LABELS);
}

#[test]
fn a_trial_refuses_nothing() {
    let rules = [
        no("HostConfig.Privileged", Test::Set),
        no("HostConfig.PidMode", Test::Set),
        no("SystemInfo", Test::Set),
        no("networkmode", Test::Set),
        Arc::new(Rule { subject: Subject::Binds(Vec::new()), ..(*no("", Test::Set)).clone() }),
    ];
    let create = |body: &str| decided(&trial(&rules[..2]), CREATE, body);
    let warned = create(r#"{"HostConfig":{"PidMode":"host"}}"#);
    assert_eq!(warned, "warns: HostConfig.PidMode \"host\" in ContainerCreate");
    // Two rules cannot read it.
    let connect = no("EndpointConfig.Links", Test::Set);
    let connect = trial(&[connect, no("EndpointConfig.Aliases", Test::Set)]);
    let twice = r#"{"EndpointConfig":{},"endpointConfig":{"Links":["x"]}}"#;
    assert_eq!(
        decided(&connect, "POST /networks/n/connect", twice),
        "warns: NetworkConnect, as the request body has the members EndpointConfig and endpointConfig, \
         which the daemon takes for one; send only one of them"
    );
    assert!(decided(&connect, "POST /networks/n/connect", "{").starts_with("warns: "));
    assert_eq!(decided(&trial(&rules), "GET /info", ""), "warns: SystemInfo");
    assert!(
        decided(&trial(&rules), "POST /build?networkmode=%", "").starts_with("refused: the query")
    );
    let encoded = asked("POST /networks/n/connect", "\u{1f}\u{8b}");
    let traits = Traits { encoded: true, ..encoded.traits };
    assert_eq!(
        line_of(&connect, Asked { traits, body: None, ..encoded }),
        "warns: NetworkConnect, as the request body has a Content-Encoding, so the proxy cannot read it; \
         plain JSON is wanted"
    );
}

#[test]
fn what_a_rule_cannot_read_is_refused_in_its_name() {
    let rules = [no("EndpointConfig.Links", Test::Set)];
    let connect = |body: &str| decided(&profile(&rules), "POST /networks/n/connect", body);
    assert!(connect("[]").starts_with("unclear to no EndpointConfig.Links: "));
    assert!(
        connect(r#"{"EndpointConfig":{}}{}"#).starts_with("unclear to no EndpointConfig.Links: ")
    );
    let asked = asked("POST /networks/n/connect", "{}");
    let traits = Traits { encoded: true, ..asked.traits };
    let encoded = line_of(&profile(&rules), Asked { traits, ..asked });
    assert!(
        encoded
            .starts_with("unclear to no EndpointConfig.Links: the request body has a Content-Enc")
    );
    // To a rule that allows something, an unreadable request has nothing.
    let rules = [yes("EndpointConfig.Links", Test::Set), no("NetworkConnect", Test::Set)];
    let connect = decided(&profile(&rules), "POST /networks/n/connect", "[]");
    assert_eq!(connect, "refused by no NetworkConnect");
}

#[test]
fn the_draft_of_an_edit_was_judged() {
    let rules = [no("HostConfig.Privileged", Test::Set)];
    let body = r#"{"Image":"a","HostConfig":{"Binds":["/x:/y"],"Privileged":true}}"#;
    assert_eq!(create(&rules, body), "refused by no HostConfig.Privileged");
    let body = r#"{"Image":"a","HostConfig":{"Binds":["/x:/y"],"Privileged":false}}"#;
    let judgement = judge(&profile(&rules), &asked(CREATE, body), &NO_FACTS);
    assert!(matches!(judgement, Judgement::Need { draft: Some(_), .. }));
}

#[test]
fn a_policy_costs_nothing_where_there_is_none() {
    let asked = asked("GET /info", "");
    let Ok(Judgement::Pass { notes }) = applied(
        &Profile::default(),
        &asked,
        &Facts::default(),
        Judgement::Pass { notes: Vec::new() },
    ) else {
        panic!()
    };
    assert_eq!(notes.capacity(), 0);
}
