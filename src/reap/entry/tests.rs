use super::*;
use crate::reap::Kinds;
use crate::rules::Label;

const NOW: Duration = Duration::from_hours(500_000);

fn list(kind: Kind, answer: &str) -> Vec<Entry> {
    read(kind, kind.collection().unwrap(), &serde_json::from_str(answer).unwrap()).unwrap()
}

fn criteria(older_than: Option<u64>) -> Criteria {
    let label = Label { key: "k".to_owned(), value: "v".to_owned() };
    let older_than = older_than.map(Duration::from_secs);
    Criteria { labels: vec![label], older_than, keep: Kinds::default() }
}

#[test]
fn lists_are_read() {
    let found = list(
        Kind::Containers,
        r#"[{"Id":"1","Names":["/web"],"Labels":{"k":"v"},"Created":1800000000,"State":"running","ImageID":"sha256:2"}]"#,
    );
    let [web] = &found[..] else { panic!("{found:?}") };
    assert_eq!((web.thing.id.as_str(), web.thing.name.as_str()), ("1", "web"));
    assert_eq!((web.image.as_str(), web.state.as_str()), ("sha256:2", "running"));
    assert_eq!(web.created, Some(NOW));
    let image =
        list(Kind::Images, r#"[{"Id":"i","RepoTags":["a:1","b:2"],"Labels":null}]"#).remove(0);
    assert_eq!((image.thing.name.as_str(), image.tags.len()), ("a:1", 2));
    let dangling = list(Kind::Images, r#"[{"Id":"i","RepoTags":["<none>:<none>"]}]"#).remove(0);
    assert_eq!((dangling.thing.name.as_str(), dangling.tags.len()), ("i", 0));
    let volume =
        r#"{"Volumes":[{"Name":"d","Labels":{"k":"v"},"CreatedAt":"2027-01-15T09:00:00+01:00"}]}"#;
    let volume = list(Kind::Volumes, volume).remove(0);
    assert_eq!((volume.thing.id.as_str(), volume.created), ("d", Some(NOW)));
    let service =
        list(Kind::Services, r#"[{"ID":"s","Spec":{"Name":"n","Labels":{"k":"v"}}}]"#).remove(0);
    assert_eq!((service.thing.name.as_str(), service.labels.len()), ("n", 1));
    assert_eq!(list(Kind::Volumes, r#"{"Volumes":null}"#), []);
    assert_eq!(list(Kind::Networks, "null"), []);
}

#[test]
fn an_entry_without_an_id_does_not_pass_for_gone() {
    let error = |kind: Kind, answer: &str| {
        read(kind, kind.collection().unwrap(), &serde_json::from_str(answer).unwrap()).unwrap_err()
    };
    assert!(error(Kind::Networks, r#"[{"Name":"n"}]"#).contains("/networks"));
    assert!(error(Kind::Networks, r#"[{"Id":""}]"#).contains("no id"));
    assert!(error(Kind::Volumes, "[]").contains("no list"));
    assert!(error(Kind::Secrets, r#"{"message":"x"}"#).contains("no list"));
}

#[test]
fn what_does_not_carry_the_labels_is_never_chosen() {
    let answer = r#"[{"Id":"1","Labels":{"k":"v"}},{"Id":"2","Labels":{"k":"vv"}},{"Id":"3","Labels":{"K":"v"}},
        {"Id":"4"},{"Id":"5","Labels":{"k":1}},{"Id":"6","Labels":[{"k":"v"}]}]"#;
    let found = list(Kind::Networks, answer);
    let chosen = |criteria: &Criteria| {
        let is_chosen = |entry: &&Entry| criteria.verdict(entry, NOW) == Verdict::Remove;
        found.iter().filter(is_chosen).map(|entry| entry.thing.id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(chosen(&criteria(None)), ["1"]);
    assert!(chosen(&Criteria { labels: Vec::new(), ..criteria(None) }).is_empty());
}

#[test]
fn age_counts_from_the_creation() {
    let entry = |created: &str| {
        list(Kind::Networks, &format!(r#"[{{"Id":"1","Labels":{{"k":"v"}},"Created":{created}}}]"#))
            .remove(0)
    };
    let verdict = |created| criteria(Some(60)).verdict(&entry(created), NOW);
    assert_eq!(verdict("1799999940"), Verdict::Remove);
    assert_eq!(verdict("1799999941"), Verdict::Other);
    assert_eq!(verdict("1900000000"), Verdict::Other);
    assert_eq!(verdict(r#""2027-01-15T07:00:00Z""#), Verdict::Remove);
    for unknown in ["null", r#""0001-01-01T00:00:00Z""#, "-1"] {
        assert!(matches!(verdict(unknown), Verdict::Keep(why) if why.contains("age")), "{unknown}");
    }
}

#[test]
fn containers_of_services_that_are_kept_stay() {
    let mut kept = criteria(None);
    let entry = format!(r#"[{{"Id":"1","Labels":{{"k":"v","{SERVICE}":"s"}}}}]"#);
    let entry = list(Kind::Containers, &entry).remove(0);
    assert_eq!(kept.verdict(&entry, NOW), Verdict::Remove);
    kept.keep.add(Kind::Services);
    assert!(matches!(kept.verdict(&entry, NOW), Verdict::Keep(_)));
}

#[test]
fn an_image_that_somebody_committed_past_the_proxy_is_kept() {
    let verdict = |marker: &str| {
        let labels = format!(r#"{{"k":"v","dockerd-ci-proxy.given":"{marker}"}}"#);
        let image = list(Kind::Images, &format!(r#"[{{"Id":"i","Labels":{labels}}}]"#)).remove(0);
        criteria(None).verdict(&image, NOW)
    };
    assert!(matches!(verdict("k"), Verdict::Keep(_)));
    assert_eq!(verdict(own::BY_IMAGE), Verdict::Remove);
}
