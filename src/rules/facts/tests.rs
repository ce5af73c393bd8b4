use super::*;
use crate::engine::shapes::CONTAINER;
use crate::rules::body::tests::rewrite;

fn answered(status: u16, content: &str) -> DaemonAnswer<'_> {
    DaemonAnswer { status, head: b"", content: content.as_bytes() }
}

/// Reads an answer with this content. Returns its meaning, volumes and mounts.
fn learned(question: &Question, answer: &str) -> (Learned, Vec<String>, Vec<String>) {
    let mut facts = Facts::default();
    let learned = facts.learn(question, answered(200, answer), Api::Old);
    (learned, facts.volumes, facts.taken.into_keys().collect())
}

#[test]
fn answers_about_images_and_mounts_are_recorded() {
    let image = Question::Image { name: "x".to_owned(), platform: None };
    let container = Question::Container(String::new());
    for (answer, volumes) in [
        (
            r#"{"Volumes":{"/no":{}},"Config":{"Volumes":{"/a":{},"/\u0062":{}}}}"#,
            &["/a", "/b"][..],
        ),
        (" { \"Config\" : { \"Volumes\" : { \"/a\" : { } } } } \n", &["/a"]),
        (r#"{"Config":{"Volumes":null},"Architecture":"amd64"}"#, &[]),
        (r#"{"Config":null,"Os":"linux"}"#, &[]),
    ] {
        let wanted = volumes.iter().map(|&path| path.to_owned()).collect();
        assert_eq!(
            learned(&image, answer),
            (news(!volumes.is_empty()), wanted, Vec::new()),
            "{answer}"
        );
    }
    for (answer, taken) in [
        (r#"{"Mounts":[{"Type":"volume","Destination":"/a/"}]}"#, &["/a"][..]),
        (r#"{"Mounts":[]}"#, &[]),
        (r#"{"Mounts":null}"#, &[]),
    ] {
        let wanted = taken.iter().map(|&path| path.to_owned()).collect();
        assert_eq!(
            learned(&container, answer),
            (news(!taken.is_empty()), Vec::new(), wanted),
            "{answer}"
        );
    }
}

#[test]
fn malformed_answers_are_detected() {
    let image = Question::Image { name: "x".to_owned(), platform: None };
    let container = Question::Container(String::new());
    for nonsense in [
        "",
        "[]",
        "null",
        "{",
        "{}{}",
        r#"{"Config":}"#,
        "\u{feff}{}",
        r#"{"Config":{"Volumes":{"/\ud800":{}}}}"#,
    ] {
        let (learned, ..) = learned(&image, nonsense);
        assert_eq!(learned, Learned::Nonsense, "{nonsense}");
    }
    let (learned, ..) = learned(&container, r#"{"Mounts":[{"Destination":null}]}"#);
    assert_eq!(learned, Learned::Nonsense);
    for status in [301, 404] {
        let learned = Facts::default().learn(&image, answered(status, ""), Api::Old);
        assert_eq!(learned, Learned::Hopeless, "{status}");
    }
}

#[test]
fn a_container_whose_volumes_are_taken_is_asked_for_by_its_name() {
    for entry in ["c", "c:ro", "/c", "/c:ro"] {
        let body = format!(r#"{{"HostConfig":{{"VolumesFrom":["{entry}"]}}}}"#);
        let rewritten = rewrite(&Profile::default(), &CONTAINER, &Facts::default(), &body).unwrap();
        let wanted = Need::Daemon(Question::Container("c".to_owned()));
        assert_eq!(rewritten.needs, [wanted], "{entry}");
    }
}

const MANIFESTS: &str = r#"{"Manifests":[
    {"Kind":"image","Available":true,"ImageData":{"Platform":{"os":"linux"}}},
    {"Kind":"image","Available":false,"ImageData":{"Platform":{"os":"plan9"}}}]}"#;

/// Each judgement names what it lacks, and nothing that is known: at last, nothing.
#[test]
fn a_judgement_needs_only_unknown_facts() {
    let body = r#"{"Image":"x","HostConfig":{"VolumesFrom":["c"],"Binds":["v:/v","/h:/h"]}}"#;
    let mut facts = Facts::default();
    let lacks =
        |facts: &Facts| rewrite(&Profile::default(), &CONTAINER, facts, body).unwrap().needs;
    let image = |platform| Question::Image { name: "x".to_owned(), platform };
    let (any, container) = (image(None), Question::Container("c".to_owned()));
    assert_eq!(lacks(&facts), [any.clone(), container.clone()].map(Need::Daemon));
    let undescribed = answered(200, r#"{"Config":{}}"#);
    assert_eq!(facts.learn(&any, undescribed, Api::Minor(51)), Learned::News);
    let platforms = Question::Platforms("x".to_owned());
    assert_eq!(lacks(&facts), [platforms.clone(), container.clone()].map(Need::Daemon));
    assert_eq!(facts.learn(&platforms, answered(200, MANIFESTS), Api::Minor(51)), Learned::News);
    let linux = image(Some(r#"{"os":"linux"}"#.to_owned()));
    assert_eq!(lacks(&facts), [linux.clone(), container.clone()].map(Need::Daemon));
    let described = answered(200, r#"{"Config":{},"Os":"linux"}"#);
    assert_eq!(facts.learn(&linux, described, Api::Minor(51)), Learned::Nothing);
    assert_eq!(lacks(&facts), [Need::Daemon(container.clone())]);
    let mounts = answered(200, r#"{"Mounts":[{"Source":"/s","Destination":"/d"}]}"#);
    assert_eq!(facts.learn(&container, mounts, Api::Minor(51)), Learned::News);
    assert_eq!(lacks(&facts), []);
}

#[test]
fn nothing_is_asked_or_ordered_if_the_daemon_will_refuse() {
    let body = r#"{"Image":"x","HostConfig":{"VolumesFrom":["c"],"Binds":["v:/v"]}}"#;
    let mut facts = Facts::default();
    let profile = Profile::default();
    assert_eq!(rewrite(&profile, &CONTAINER, &facts, body).unwrap().before.len(), 1);
    let container = Question::Container("c".to_owned());
    assert_eq!(facts.learn(&container, answered(404, ""), Api::Old), Learned::Hopeless);
    let rewritten = rewrite(&profile, &CONTAINER, &facts, body).unwrap();
    assert_eq!((rewritten.needs, rewritten.before), (vec![], vec![]));
}
