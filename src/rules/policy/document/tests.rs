use std::sync::Arc;

use crate::engine::fields::{FIELDS, Section};
use crate::engine::shapes::Place;
use crate::rules::Asked;
use crate::rules::facts::Facts;
use crate::rules::facts::NO_FACTS;
use crate::rules::inject::{How, Inject};
use crate::rules::policy::tests::{asked, decided, line, no, one_of, profile};
use crate::rules::policy::{Rule, Test};
use crate::rules::{Label, Profile, Traits, Value, judge};

fn create(rule: Arc<Rule>, body: &str) -> String {
    decided(&profile(&[rule]), "POST /v1.41/containers/create", body)
}

fn is_refused(rule: Arc<Rule>, body: &str) -> bool {
    let verdict = create(rule, body);
    assert!(verdict == "passes" || verdict.starts_with("refused by"), "{body}: {verdict}");
    verdict != "passes"
}

#[test]
fn a_value_is_found_in_every_spelling_of_its_name() {
    for body in [
        r#"{"HostConfig":{"SecurityOpt":["seccomp=unconfined"]}}"#,
        r#"{"hostconfig":{"securityopt":["seccomp:unconfined"]}}"#,
        r#"{"Ho\u0073tConfig":{"\u017fecurityOpt":["seccomp\u003dunconfined"]}}"#,
        "{\"Ho\u{17f}tConfig\":{\"\u{17f}ecurityOpt\":[\"a\",\"seccomp=unconfined\"]}}",
        "\r\n\t {\"HOSTCONFIG\" : {\"SECURITYOPT\" :[ \"seccomp=unconfined\" ] } } \n",
        r#"{"SecurityOpt":"x","HostConfig":{"SecurityOpt":"seccomp=unconfined"}}"#,
    ] {
        let rule = no("HostConfig.SecurityOpt", one_of(&["seccomp=unconfined"]));
        assert!(is_refused(rule, body), "{body}");
    }
}

#[test]
fn values_that_mean_nothing_pass() {
    for (path, value) in [
        ("Privileged", "false"),
        ("Privileged", "null"),
        ("PidMode", r#""""#),
        ("OomScoreAdj", "0"),
        ("CapAdd", "[]"),
        ("CapAdd", "null"),
        ("Sysctls", "{}"),
        ("Devices", "[ ]"),
    ] {
        let (_, full, _) = crate::engine::options::GROUPS
            .iter()
            .flat_map(|group| group.options.iter().map(move |(path, form)| (group, *path, form)))
            .find(|(_, full, _)| full.strip_prefix("HostConfig.") == Some(path))
            .unwrap();
        let body = format!(r#"{{"HostConfig":{{"{path}":{value}}}}}"#);
        assert!(!is_refused(no(full, Test::Set), &body), "{body}");
        assert!(!is_refused(no("HostConfig", Test::Set), &body), "{body}");
    }
}

#[test]
fn an_element_of_a_list_is_there_whatever_it_is() {
    for list in [r#"[""]"#, "[null]", "[{}]"] {
        let body = format!(r#"{{"HostConfig":{{"MaskedPaths":{list}}}}}"#);
        assert!(is_refused(no("HostConfig.MaskedPaths", Test::Set), &body), "{body}");
    }
    let empty = r#"{"HostConfig":{"MaskedPaths":[]}}"#;
    assert!(is_refused(no("HostConfig.MaskedPaths", Test::EmptyList), empty));
    assert!(!is_refused(no("HostConfig.MaskedPaths", Test::Set), empty));
    let requests = r#"{"HostConfig":{"DeviceRequests":[{"Capabilities":[["gpu"]]}]}}"#;
    assert!(is_refused(no("HostConfig.DeviceRequests.Capabilities", one_of(&["gpu"])), requests));
}

#[test]
fn a_missing_value_is_found_where_it_could_be() {
    let memory = || no("HostConfig.Memory", Test::Missing);
    for body in [
        "{}",
        "null",
        r#"{"HostConfig":null}"#,
        r#"{"HostConfig":{}}"#,
        r#"{"HostConfig":{"Memory":0}}"#,
        r#"{"HostConfig":{"Memory":-0}}"#,
        r#"{"HostConfig":{"Memory":null}}"#,
        r#"{"HostConfig":{"Memory":1e9}}"#,
    ] {
        assert!(is_refused(memory(), body), "{body}");
    }
    assert!(!is_refused(memory(), r#"{"HostConfig":{"Memory":1000000000}}"#));
    let read_only = || no("HostConfig.Mounts.ReadOnly", Test::Missing);
    for body in ["{}", r#"{"HostConfig":{"Mounts":null}}"#, r#"{"HostConfig":{"Mounts":[]}}"#] {
        assert!(!is_refused(read_only(), body), "{body}");
    }
    let mounts = |one: &str, other: &str| {
        let mount = r#"{"Type":"tmpfs","Target":"/x""#;
        format!(r#"{{"HostConfig":{{"Mounts":[{mount}{one}}},{mount}{other}}}]}}}}"#)
    };
    let yes = r#","ReadOnly":true"#;
    assert!(!is_refused(read_only(), &mounts(yes, yes)));
    assert!(is_refused(read_only(), &mounts(yes, "")));
    assert!(is_refused(read_only(), &mounts(yes, r#","ReadOnly":false"#)));
    // An operation without the option does not lack it.
    assert_eq!(decided(&profile(&[memory()]), "GET /_ping", ""), "passes");
}

#[test]
fn a_document_that_daemons_read_differently_is_refused() {
    let rule = || no("HostConfig.SecurityOpt", one_of(&["seccomp=unconfined"]));
    let many = format!(r#"{{"HostConfig":{{"SecurityOpt":[{}"b"]}}}}"#, r#""a","#.repeat(70_000));
    for body in [
        r#"{"HostConfig":{},"hostconfig":{}}"#,
        r#"{"HostConfig":{"SecurityOpt":[],"\u017fecurityOpt":[]}}"#,
        r#"{"HostConfig":{"SecurityOpt":["\ud800"]}}"#,
        r#"{"HostConfig":[]}"#,
        r#"{"HostConfig":"x"}"#,
        "\u{feff}{}",
        "{} {}",
        "[]",
        "{",
        &many,
    ] {
        let verdict = create(rule(), body);
        assert!(
            verdict.starts_with("unclear to ") || verdict.starts_with("refused: "),
            "{verdict}"
        );
    }
    // Other parts are the daemon's affair.
    assert_eq!(create(rule(), r#"{"Labels":{"a":"b","a":"c"}}"#), "passes");
    let deep = format!(
        r#"{{"HostConfig":{{"SecurityOpt":{}{}}}}}"#,
        "[".repeat(200_000),
        "]".repeat(200_000)
    );
    assert_eq!(create(rule(), &deep), "passes");
    assert!(is_refused(no("HostConfig.SecurityOpt", Test::Set), &deep));
}

#[test]
fn fields_of_the_host_config_at_the_top_are_not_judged_but_refused() {
    let at_top = |rule: Arc<Rule>, body: &str| create(rule, body).contains("is at the top");
    let privileged = || no("HostConfig.Privileged", Test::Set);
    assert!(at_top(privileged(), r#"{"Privileged":true}"#));
    assert!(at_top(privileged(), r#"{"privileged":true,"HostConfig":null}"#));
    // Docker 20.10 ignores it then.
    assert!(!at_top(privileged(), r#"{"Privileged":true,"HostConfig":{}}"#));
    assert!(!at_top(privileged(), r#"{"Privileged":false,"VolumesFrom":[]}"#));
    for (path, body) in [
        ("HostConfig.Memory", r#"{"Memory":5,"HostConfig":{}}"#),
        ("HostConfig.VolumeDriver", r#"{"VolumeDriver":"x","HostConfig":{}}"#),
        ("HostConfig.CpusetCpus", r#"{"Cpu\u017fet":"1","HostConfig":{}}"#),
        ("HostConfig", r#"{"Devices":[{}]}"#),
        ("HostConfig", r#"{"Cpuset":"1"}"#),
    ] {
        assert!(at_top(no(path, Test::Set), body), "{body}");
    }
}

#[test]
fn a_query_is_read_as_by_docker_and_podman() {
    let of = |rule: &Arc<Rule>, query: &str| {
        decided(&profile(std::slice::from_ref(rule)), &format!("POST /build?{query}"), "")
    };
    let host = no("networkmode", one_of(&["host"]));
    assert_eq!(of(&host, "networkmode=ho%73t"), "refused by no networkmode");
    assert_eq!(of(&host, "networkmode=default&networkmode=host"), "refused by no networkmode");
    assert_eq!(of(&host, "network%6dode=none"), "passes");
    assert!(of(&host, "NetworkMode=none").starts_with("unclear to no networkmode: the query has"));
    assert!(of(&host, "a=1;networkmode=host").contains("the query has a \";\""));
    let memory = no("memory", Test::Missing);
    for query in ["", "memory=0", "memory=00", "memory=x", "memory=&memory=5"] {
        assert_eq!(of(&memory, query), "refused by no memory", "{query}");
    }
    assert_eq!(of(&memory, "memory=5"), "passes");
    let arguments = no("buildargs", one_of(&["A"]));
    assert_eq!(of(&arguments, "buildargs=%7B%22A%22:null%7D"), "refused by no buildargs");
    assert_eq!(of(&arguments, "buildargs=%7B%22B%22:null%7D"), "passes");
    assert!(of(&arguments, "buildargs=%7B%7D%7B%22A%22:null%7D").starts_with("unclear to"));
}

#[test]
fn a_prune_without_a_label_is_found() {
    let rule = no("filters.label", Test::Missing);
    let of = |filters: &str| {
        let filters = crate::http::target::encode_component(filters);
        let request = format!("POST /containers/prune?filters={filters}");
        decided(&profile(std::slice::from_ref(&rule)), &request, "") != "passes"
    };
    for filters in ["", "null", "{}", r#"{"label":{}}"#, r#"{"label":[]}"#, r#"{"until":["1h"]}"#] {
        assert!(of(filters), "{filters}");
    }
    assert!(!of(r#"{"label":{"a=b":true}}"#));
    assert!(!of(r#"{"label":["a=b"]}"#));
}

#[test]
fn a_form_could_replace_the_query() {
    let rule = no("t", Test::Set);
    let asked = asked("POST /build", "t=x");
    let traits = Traits { form: true, ..asked.traits };
    let verdict = line(judge(&profile(&[rule]), &Asked { traits, body: None, ..asked }, &NO_FACTS));
    assert!(verdict.contains("declared as a form"), "{verdict}");
}

fn injecting(rules: &[Arc<Rule>], inject: Vec<Inject>) -> Profile {
    Profile { inject: inject.into_iter().collect(), ..profile(rules) }
}

fn inject(path: &str, how: How, value: Value) -> Inject {
    let is_it = |field: &&crate::engine::fields::Field| {
        field.section == Section::Container && field.path == path
    };
    let at = Place::Field(FIELDS.iter().find(is_it).unwrap());
    Inject { at, how, value, from: String::new() }
}

#[test]
fn values_of_the_operator_pass() {
    let memory = no("HostConfig.Memory", Test::Above(10));
    let missing = no("HostConfig.Memory", Test::Missing);
    let operators = vec![inject("HostConfig.Memory", How::Default, Value::Number(20))];
    let both = injecting(&[memory, missing], operators);
    let of = |profile: &Profile, body: &str| {
        let asked = asked("POST /containers/create", body);
        line(judge(profile, &asked, &Facts::default()))
    };
    assert_eq!(of(&both, "{}"), "passes");
    assert_eq!(of(&both, r#"{"HostConfig":{"Memory":30}}"#), "refused by no HostConfig.Memory");
    // A forced value replaces the client's.
    let forced = vec![inject("HostConfig.Privileged", How::Force, Value::Switch(false))];
    let forced = injecting(&[no("HostConfig.Privileged", Test::Set)], forced);
    assert_eq!(of(&forced, r#"{"HostConfig":{"Privileged":true}}"#), "passes");
    // Members and labels that the client did not send.
    let label = Inject::label(Label { key: "ci.job".into(), value: "7".into() });
    let added = vec![
        label,
        Inject::cgroup_parent("/ci"),
        inject("HostConfig.PidsLimit", How::Force, Value::Number(9)),
    ];
    let rules = [no("HostConfig", Test::Set), no("Labels", Test::Prefix(vec!["ci.".into()]))];
    let added = injecting(&rules, added);
    assert_eq!(of(&added, r#"{"Volumes":{"/x":{}}}"#), "passes");
    assert_eq!(of(&added, r#"{"HostConfig":{"Init":true}}"#), "refused by no HostConfig");
    assert_eq!(of(&added, r#"{"Labels":{"ci.other":""}}"#), "refused by no Labels");
    let binds = vec![inject("HostConfig.Binds", How::Append, Value::List(vec!["/a:/b".into()]))];
    let binds = injecting(&[no("HostConfig.Binds", Test::Set)], binds);
    assert_eq!(of(&binds, "{}"), "passes");
    assert_eq!(
        of(&binds, r#"{"HostConfig":{"Binds":["v:/x"]}}"#),
        "refused by no HostConfig.Binds"
    );
}

#[test]
fn mounts_of_labelled_volumes_are_the_proxys() {
    let rules = [no("HostConfig.Mounts", Test::Set), no("HostConfig.Mounts.Type", Test::Set)];
    let label = Inject::label(Label { key: "a".into(), value: "b".into() });
    let profile = injecting(&rules, vec![label]);
    let of = |body: &str| decided(&profile, "POST /containers/create", body);
    assert_eq!(of(r#"{"Volumes":{"/x":{}}}"#), "passes");
    let theirs = r#"{"HostConfig":{"Mounts":[{"Type":"tmpfs","Target":"/x"}]}}"#;
    assert_eq!(of(theirs), "refused by no HostConfig.Mounts");
}
