use super::*;
use crate::engine::options::Form;

/// Reads `text` as the table of a policy. Returns the policy, and one fault per line.
fn read(text: &str) -> (Policy, String) {
    let source = Source::new("c", text);
    let mut faults = Vec::new();
    let policy = Reader { source: &source, faults: &mut faults }.policy(&source.parse().unwrap());
    let lines: Vec<_> = faults.iter().map(|fault| format!("{fault}\n")).collect();
    (policy, lines.concat())
}

/// Returns the faults of one rule with these keys, without their places.
fn fault(keys: &str) -> String {
    let (_, faults) = read(&format!("rule = [{{ do = \"refuse\", {keys} }}]"));
    let whys = faults.lines().filter_map(|line| line.split_once(": ").map(|(_, why)| why));
    whys.collect::<Vec<_>>().join("\n")
}

/// Returns the test of one rule with these keys.
fn test_of(keys: &str) -> Test {
    let (policy, faults) = read(&format!("rule = [{{ do = \"refuse\", {keys} }}]"));
    assert_eq!(faults, "", "{keys}");
    match &policy.rules[0].subject {
        Subject::Option { test, .. } => test.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn presets_have_no_faults() {
    for (name, text) in PRESETS {
        let policy = preset(name).unwrap_or_else(|| panic!("{name}: {text}"));
        assert_eq!(policy.preset, *name);
        for rule in &policy.rules {
            let line = rule.from.strip_prefix(name).and_then(|rest| rest.strip_prefix(':'));
            assert!(line.is_some_and(|line| line.parse::<usize>().is_ok()), "{rule:?}");
        }
    }
    assert_eq!(preset("conserv"), None);
}

#[test]
fn a_policy_has_its_own_rules_then_the_sources_then_those_of_the_preset() {
    let (policy, faults) = read(
        r#"preset = "conservative"
default = "warn"
contact = "ops"
trial = true
bind_sources = ["/srv//cache/:ro", "/data", "{caller.mounts}"]
rule = [
  { name = "a", do = "allow", option = "HostConfig.CapAdd", in = "SYS_PTRACE", reason = "debuggers" },
  { do = "warn", operation = ["SwarmInit", "Unknown", "Libpod", "BuildkitPrune"] },
]"#,
    );
    assert_eq!(faults, "");
    assert_eq!((policy.default, policy.trial, policy.contact.as_str()), (Act::Warn, true, "ops"));
    let option = Subject::Option {
        path: "HostConfig.CapAdd",
        form: Form::Capability,
        test: Test::In(vec!["SYS_PTRACE".to_owned()]),
    };
    let own = Rule {
        name: "a".to_owned(),
        from: "c:7:3".to_owned(),
        act: Act::Allow,
        operations: rule::having("HostConfig.CapAdd"),
        subject: option,
        reason: "debuggers".to_owned(),
    };
    assert!(own.operations.contains(&"ContainerCreate"));
    assert_eq!(*policy.rules[0], own);
    assert_eq!(policy.rules[1].name, "c:8:3");
    assert_eq!(policy.rules[1].operations, ["SwarmInit", "Unknown", "Libpod", "BuildkitPrune"]);
    let path = |path: &str, read_only| BindSource::Path { path: path.to_owned(), read_only };
    let sources = vec![path("/srv/cache", true), path("/data", false), BindSource::CallerMounts];
    assert_eq!(policy.rules[2].subject, Subject::Binds(sources));
    assert_eq!(policy.rules[2].from, "c:5:1");
    let base = preset("conservative").unwrap();
    let rest = base.rules.iter().filter(|rule| !matches!(rule.subject, Subject::Binds(_)));
    assert_eq!(policy.rules[3..], rest.cloned().collect::<Vec<_>>());
}

#[test]
fn what_the_listener_lacks_comes_from_the_preset() {
    for (name, _) in PRESETS {
        let (policy, faults) = read(&format!("preset = {name:?}"));
        assert_eq!((Some(policy), faults.as_str()), (preset(name), ""));
    }
    let (policy, _) = read("preset = \"read-only\"\ndefault = \"allow\"");
    assert_eq!(policy.default, Act::Allow);
}

#[test]
fn a_test_has_the_type_of_its_option() {
    let list = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    let cases = [
        ("option = 'HostConfig.Privileged'", Test::Set),
        ("option = 'HostConfig.Privileged', is = true", Test::Set),
        ("option = 'HostConfig.Privileged', is = false", Test::Missing),
        ("option = 'HostConfig.NetworkMode', is = ''", Test::Missing),
        ("option = 'HostConfig.NetworkMode', is = 'host'", Test::In(list(&["host"]))),
        ("option = 'HostConfig.SecurityOpt', is = []", Test::EmptyList),
        ("option = 'HostConfig.CapAdd', not_in = ['A', 'B']", Test::NotIn(list(&["A", "B"]))),
        (
            "option = 'HostConfig.NetworkMode', prefix = 'container:'",
            Test::Prefix(list(&["container:"])),
        ),
        ("option = 'HostConfig.Memory', is = 0", Test::Missing),
        ("option = 'HostConfig.Memory', is = '2g'", Test::In(list(&["2147483648"]))),
        ("option = 'HostConfig.Memory', above = '4g'", Test::Above(4 << 30)),
        ("option = 'HostConfig.Memory', in = [1, '1k']", Test::In(list(&["1", "1024"]))),
        ("option = 'HostConfig.OomScoreAdj', below = 0", Test::Below(0)),
    ];
    for (keys, wanted) in cases {
        assert_eq!(test_of(keys), wanted, "{keys}");
    }
}

#[test]
fn a_test_that_the_option_cannot_have_is_a_fault() {
    let cases = [
        (
            "option = 'HostConfig.Privileged', is = []",
            "HostConfig.Privileged: its values are a switch, which is never an empty list",
        ),
        (
            "option = 'HostConfig.Privileged', is = 'yes'",
            "HostConfig.Privileged: expected true or false, but found the string \"yes\"",
        ),
        (
            "option = 'HostConfig.Privileged', in = [true]",
            "HostConfig.Privileged: its values are a switch, for which there is no in; expected is",
        ),
        (
            "option = 'HostConfig.NetworkMode', above = 1",
            "HostConfig.NetworkMode: its values are a string, for which there is no above; expected is, \
             in, not_in, prefix",
        ),
        (
            "option = 'HostConfig.Memory', prefix = '4'",
            "HostConfig.Memory: its values are a size, for which there is no prefix; expected is, in, \
             not_in, above, below",
        ),
        (
            "option = 'HostConfig.Memory', above = '4 gigs'",
            "HostConfig.Memory: expected a size like \"2g\", but found the string \"4 gigs\"",
        ),
        (
            "option = 'HostConfig.NetworkMode', in = ['host', '']",
            "HostConfig.NetworkMode: this is the same as a missing value; expected a rule with is = false",
        ),
        (
            "option = 'HostConfig.NetworkMode', in = []",
            "HostConfig.NetworkMode: the list is empty; expected at least one value",
        ),
        (
            "option = 'HostConfig.NetworkMode', is = ['a']",
            "HostConfig.NetworkMode: is takes one value; expected in for several",
        ),
        (
            "option = 'HostConfig.NetworkMode', is = 'a', prefix = 'b'",
            "a rule has one test; expected a rule of its own for each other one",
        ),
        ("is = 'a'", "is tests an option; expected option = \"...\", too"),
    ];
    for (keys, wanted) in cases {
        assert_eq!(fault(keys), wanted, "{keys}");
    }
}

#[test]
fn an_unknown_name_is_a_fault_with_the_one_that_was_meant() {
    let cases = [
        ("opton = 'x'", "unknown key \"opton\"; did you mean \"option\"?"),
        (
            "option = 'SecurityOpt'",
            "unknown option \"SecurityOpt\"; did you mean \"HostConfig.SecurityOpt\"?",
        ),
        (
            "option = '--privileged'",
            "unknown option \"--privileged\"; did you mean \"HostConfig.Privileged\"?",
        ),
        (
            "option = 'hostconfig.privileged'",
            "unknown option \"hostconfig.privileged\"; did you mean \"HostConfig.Privileged\"?",
        ),
        (
            "operation = 'ContainersCreate'",
            "unknown operation \"ContainersCreate\"; did you mean \"ContainerCreate\"?",
        ),
        ("operation = []", "no operation is named; expected at least one"),
        ("operation = 7", "expected the name of an operation, but found the integer 7"),
        (
            "name = 'default'",
            "\"default\" is not a usable name; expected letters, digits, \".\", \"_\" and \"-\", and neither \
             \"bind_sources\" nor \"default\"",
        ),
        ("reason = \"a\\nb\"", "\"a\\nb\" contains NUL, CR or LF"),
    ];
    for (keys, wanted) in cases {
        assert_eq!(fault(keys), wanted, "{keys}");
    }
}

#[test]
fn an_operation_has_the_option_of_its_rule() {
    let keys = "operation = ['SwarmInit', 'BuildkitPrune'], option = 'FrontendInputs'";
    let has = "expected BuildkitBridgeSolve, BuildkitSolve";
    let wanted = format!(
        "SwarmInit has no option \"FrontendInputs\"; {has}\n\
         BuildkitPrune has no option \"FrontendInputs\"; {has}"
    );
    assert_eq!(fault(keys), wanted);
}

#[test]
fn all_faults_of_a_policy_are_found_in_one_pass() {
    let (_, faults) = read(
        r#"preset = "readonly"
default = "deny"
contract = "ops"
trial = "yes"
bind_sources = ["srv", "/a/../b", "/a:rw,z", "{caller.mount}", "/a", "/a:ro"]
rule = [
  { operation = "SwarmInit" },
  { do = "deny" },
  "x",
]"#,
    );
    let wanted = r#"c:1:10: unknown preset "readonly"; did you mean "read-only"?
c:2:11: expected "refuse", "warn" or "allow", but found the string "deny"
c:3:1: unknown key "contract"; did you mean "contact"?
c:4:9: expected true or false, but found the string "yes"
c:5:17: "srv" is not a usable path; expected an absolute one without ".."
c:5:24: "/a/../b" is not a usable path; expected an absolute one without ".."
c:5:35: unknown mode "rw,z" of "/a"; expected "ro" or "rw"
c:5:46: "{caller.mount}" has a placeholder; expected "{caller.mounts}" or a path
c:5:70: the string "/a:ro" is there twice
c:7:3: expected do = "refuse", "warn" or "allow" in this rule
c:8:10: expected "refuse", "warn" or "allow", but found the string "deny"
c:9:3: expected a rule, but found the string "x"
"#;
    assert_eq!(faults, wanted);
    let (_, faults) = read("rule = { do = \"allow\" }\nbind_sources = \"/a\"");
    let wanted = "c:1:8: expected a list of rules, or [[...policy.rule]] in two brackets, but found a table\n\
                  c:2:16: expected a list of strings, but found the string \"/a\"\n";
    assert_eq!(faults, wanted);
}

#[test]
fn a_rule_that_no_request_reaches_is_a_fault() {
    let (_, faults) = read(
        r#"bind_sources = []
rule = [
  { do = "allow", operation = ["ContainerCreate", "ContainerExec"] },
  { do = "refuse", operation = "ContainerCreate", option = "HostConfig.Privileged" },
  { do = "refuse", option = "HostConfig.Memory" },
  { do = "warn", operation = ["ContainerExec", "SwarmInit"] },
  { do = "refuse", operation = "ImageBuild", option = "networkmode" },
  { do = "refuse", operation = "ImageBuild", option = "networkmode", is = "host" },
  { do = "refuse", operation = "ImageBuild", option = "networkmode", is = false },
  { do = "refuse" },
  { do = "allow", operation = "SwarmJoin" },
]"#,
    );
    let reached: Vec<_> = faults.lines().map(|line| line.split(": ").next().unwrap()).collect();
    assert!(reached.starts_with(&["c:4:3"]), "{faults}");
    assert!(reached.ends_with(&["c:8:3", "c:11:3", "c:1:1"]), "{faults}");
    for reachable in ["c:3:3", "c:6:3", "c:7:3", "c:9:3", "c:10:3"] {
        assert!(!reached.contains(&reachable), "{faults}");
    }
    let first = "c:4:3: no request reaches this rule, since the rule at c:3:3 decides about all of its requests; \
                 remove one of them, or change their order";
    assert_eq!(faults.lines().next(), Some(first));
}

#[test]
fn a_name_is_that_of_one_rule() {
    let (_, faults) = read(
        r#"rule = [
  { name = "a", do = "allow", operation = "SwarmInit" },
  { name = "a", do = "allow", operation = "SwarmJoin" },
]"#,
    );
    assert_eq!(faults, "c:3:3: the rule at c:2:3 has the name \"a\", too\n");
    let base = preset("conservative").unwrap();
    let known = base.rules.iter().find(|rule| rule.name != BIND_SOURCES).unwrap();
    let (_, faults) = read(&format!(
        "preset = \"conservative\"\nrule = [{{ name = {:?}, do = \"warn\", operation = \"SystemPing\" }}]",
        known.name
    ));
    let wanted = format!("c:2:9: the rule at {} has the name {:?}, too\n", known.from, known.name);
    assert_eq!(faults, wanted);
}
