use super::*;
use crate::http::body::Framing;
use crate::rules::facts::NO_FACTS;
use crate::rules::{Traits, judge};

fn rule(act: Act, operation: &'static str, path: &'static str, test: Test) -> Arc<Rule> {
    let named = crate::engine::options::named(path).next();
    let subject = match named {
        Some((_, path, form)) => Subject::Option { path, form, test },
        None => Subject::Request,
    };
    let operations = vec![operation];
    Arc::new(Rule {
        name: path.into(),
        from: "here".into(),
        act,
        operations,
        subject,
        reason: "no".into(),
    })
}

fn judged(rules: Vec<Arc<Rule>>, body: &str) -> Judgement {
    let policy = Policy { rules, ..Policy::default() };
    let profile = Profile { policy: Some(Arc::new(policy)), ..Profile::default() };
    let operation = crate::engine::route("POST", b"/containers/create");
    let traits = Traits {
        framing: Framing::Length(body.len() as u64),
        encoded: false,
        form: false,
        json: false,
    };
    let asked =
        Asked { operation, target: "/containers/create", traits, body: Some(body.as_bytes()) };
    judge(&profile, &asked, &NO_FACTS)
}

#[test]
fn a_request_has_one_warning_for_each_rule() {
    let rules = vec![rule(Act::Warn, "ContainerCreate", "HostConfig.CapAdd", Test::Set)];
    let notes = match judged(rules, r#"{"HostConfig":{"CapAdd":["A","B"]}}"#) {
        Judgement::Edit(edited) => edited.notes,
        other => panic!("{other:?}"),
    };
    let [Note::Policy(Warned { text, .. })] = notes.as_slice() else { panic!("{notes:?}") };
    let wanted =
        "HostConfig.CapAdd \"A\" in ContainerCreate, HostConfig.CapAdd \"B\" in ContainerCreate";
    assert_eq!(text, wanted);
}

#[test]
fn a_rule_refuses_a_value() {
    let rules = || vec![rule(Act::Refuse, "ContainerCreate", "HostConfig.Privileged", Test::Set)];
    let Judgement::Refuse(refusal) = judged(rules(), r#"{"hostconfig":{"privileGed":true}}"#)
    else {
        panic!()
    };
    assert_eq!(
        refusal.to_string(),
        "the policy does not allow HostConfig.Privileged \"true\" in ContainerCreate: no (rule \
         HostConfig.Privileged); ask the operator of this host"
    );
    assert!(!matches!(
        judged(rules(), r#"{"HostConfig":{"Privileged":false}}"#),
        Judgement::Refuse(_)
    ));
}
