use super::*;

fn thing(kind: Kind, id: &str, name: &str) -> Thing {
    Thing { kind, id: id.to_owned(), name: name.to_owned() }
}

fn report() -> Report {
    let id = "0123456789abcdef".repeat(4);
    let image = format!("sha256:{id}");
    let why = format!("volume is in use - [{id}]\n");
    Report {
        removed: vec![
            thing(Kind::Containers, &id, "web"),
            thing(Kind::Images, &image, &image),
            thing(Kind::Networks, &id, "web_default"),
        ],
        left: vec![(thing(Kind::Volumes, "data", "data"), why)],
        kept: vec![(
            thing(Kind::Containers, &id, "b\x1b[2J"),
            "somebody else started it".to_owned(),
        )],
    }
}

#[test]
fn people_get_a_table() {
    assert_eq!(
        render(&report(), Format::Text, false),
        "KIND       NAME         ID            RESULT\n\
         container  web          0123456789ab  removed\n\
         container  b [2J        0123456789ab  kept: somebody else started it\n\
         network    web_default  0123456789ab  removed\n\
         volume     data         -             left: volume is in use - [0123456789ab] \n\
         image      -            0123456789ab  removed\n\
         3 removed, 1 left, 1 kept\n"
    );
    assert_eq!(render(&Report::default(), Format::Text, false), "nothing to remove\n");
}

#[test]
fn a_dry_run_removes_nothing() {
    let Report { removed, .. } = report();
    let report = Report { removed, ..Report::default() };
    let text = render(&report, Format::Text, true);
    assert_eq!(text.matches("  would be removed\n").count(), 3);
    assert!(text.ends_with("\n3 would be removed, 0 left, 0 kept\n"), "{text}");
    assert_eq!(render(&Report::default(), Format::Text, true), "nothing to remove\n");
}

#[test]
fn programs_get_objects() {
    let text = render(&report(), Format::Json, false);
    let objects: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let id = "0123456789abcdef".repeat(4);
    assert_eq!(
        objects.first(),
        Some(
            &json!({"kind": "container", "id": id, "name": "web", "result": "removed", "why": ""})
        )
    );
    let counts = json!({"removed": 3, "left": 1, "kept": 1, "dry_run": false});
    assert_eq!(objects.last(), Some(&json!({ "summary": counts })));
    assert_eq!(objects.len(), 6);
}

#[test]
fn progress_names_what_is_left() {
    let state = Progress { kind: Kind::Containers, left: 12 };
    assert_eq!(progress(&state), "containers to remove: 12");
}

#[test]
fn a_brief_report_has_numbers_and_what_stayed() {
    let thing = |kind, name: &str| Thing { kind, id: "id".to_owned(), name: name.to_owned() };
    assert_eq!(brief(&Report::default()), Vec::<String>::new());
    let removed =
        vec![thing(Kind::Volumes, "v"), thing(Kind::Containers, "c"), thing(Kind::Containers, "d")];
    let report = Report { removed, ..Report::default() };
    assert_eq!(brief(&report), ["removed 2 containers, 1 volume"]);
    let left = vec![(thing(Kind::Networks, "n"), "it has active endpoints".to_owned())];
    let kept = vec![(thing(Kind::Containers, "x"), "somebody else started it".to_owned())];
    let report = Report { left, kept, ..Report::default() };
    let lines =
        ["kept container x: somebody else started it", "left network n: it has active endpoints"];
    assert_eq!(brief(&report), lines);
}
