use super::*;
use crate::net::client::tests::{daemon, ok};
use crate::reap::Kinds;
use crate::rules::Label;

const LISTS: [&str; 7] = [
    "/services?filters=",
    "/containers/json?all=1&filters=",
    "/networks?filters=",
    "/volumes?filters=",
    "/secrets?filters=",
    "/configs?filters=",
    "/images/json?filters=",
];

/// The filter for the label of the tests.
const FILTER: &str = "%7B%22label%22%3A%5B%22k%3Dv%22%5D%7D";

/// Removes from a daemon with these lists, in their order, and other answers.
fn removal(
    test: &str,
    lists: [&str; 7],
    answers: &[(&str, Vec<u8>)],
) -> Result<Report, client::Error> {
    let targets = LISTS.map(|list| format!("{list}{FILTER}"));
    let lists = targets.iter().zip(lists).map(|(target, list)| (target.as_str(), ok(list)));
    let answers: Vec<_> = lists.chain(answers.iter().cloned()).collect();
    let daemon = daemon(test, &answers);
    let labels = vec![Label { key: "k".to_owned(), value: "v".to_owned() }];
    let criteria = Criteria { labels, older_than: None, keep: Kinds::default() };
    let removal = Removal {
        daemon: daemon.to_owned(),
        criteria,
        grace: Duration::ZERO,
        dry_run: false,
        parents: BTreeSet::new(),
    };
    removal.run(&mut |_| {})
}

#[test]
fn a_daemon_that_ignores_filters_loses_nothing() {
    let other =
        r#"[{"Id":"1","ID":"1","Names":["/x"],"Labels":{"k":"w"},"Spec":{"Labels":{"l":"v"}}}]"#;
    let volumes = r#"{"Volumes":[{"Name":"1","Labels":null}]}"#;
    let lists = [other, other, other, volumes, other, other, other];
    assert_eq!(removal("unfiltered", lists, &[]).unwrap(), Report::default());
}

#[test]
fn what_the_daemon_refuses_is_left() {
    let network = r#"[{"Id":"1","Name":"n","Labels":{"k":"v"}}]"#;
    let none = "[]";
    let lists = [none, none, network, r#"{"Volumes":null}"#, none, none, none];
    let refusal = b"HTTP/1.0 418 No\r\n\r\n{\"message\":\"never\"}".to_vec();
    let report = removal("refused", lists, &[("/networks/1", refusal)]).unwrap();
    let [(thing, why)] = &report.left[..] else { panic!("{report:?}") };
    assert_eq!((thing.name.as_str(), why.as_str()), ("n", "never"));
    assert!(report.removed.is_empty() && report.kept.is_empty());
}

#[test]
fn a_container_whose_image_is_gone_is_left() {
    let container = r#"[{"Id":"1","Names":["/c"],"Labels":{"k":"v"},"ImageID":"sha256:2"}]"#;
    let none = "[]";
    let lists = [none, container, none, r#"{"Volumes":null}"#, none, none, none];
    let report = removal("imageless", lists, &[]).unwrap();
    let [(thing, why)] = &report.left[..] else { panic!("{report:?}") };
    assert!(thing.name == "c" && why.contains("image is gone"), "{why}");
}

#[test]
fn a_list_that_cannot_be_read_leaves_only_its_kind() {
    let volumes = r#"{"Volumes":[{"Name":"1","Labels":{"k":"v"}}]}"#;
    let lists = ["[]", "{}", "[]", volumes, "[]", "[]", "[]"];
    let gone = b"HTTP/1.0 404 No\r\n\r\n{}".to_vec();
    let report = removal("unread", lists, &[("/volumes/1", gone)]).unwrap();
    assert_eq!(report.removed.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["1"]);
    let why = &report.left.iter().find(|(thing, _)| thing.kind == Kind::Containers).unwrap().1;
    assert!(why.contains("the list failed: ") && why.contains("is no list"), "{why}");
}

#[test]
fn a_daemon_that_does_not_answer_from_the_beginning_is_an_error() {
    let labels = vec![Label { key: "k".to_owned(), value: "v".to_owned() }];
    let removal = Removal {
        daemon: "/nonexistent/docker.sock".into(),
        criteria: Criteria { labels, older_than: None, keep: Kinds::default() },
        grace: Duration::ZERO,
        dry_run: false,
        parents: BTreeSet::new(),
    };
    assert!(matches!(removal.run(&mut |_| {}), Err(client::Error::Away(_))));
}
