use super::*;
use crate::http::target::decoded_path;
use crate::rules::Injections;

fn profile() -> Profile {
    let label = |key: &str, value: &str| Label { key: key.into(), value: value.into() };
    let labels = [label("ci.job", "7"), label("q", r"it's a $1\")];
    let inject = Injections::forced(&[], &labels, None, None);
    Profile { inject, ..Profile::default() }
}

/// The last value of `changes`, decoded, and what stands before it.
fn split(Retarget { target, forced }: Retarget) -> (String, String) {
    assert_eq!(forced, Forced::LABELS);
    let at = target.find("changes=LABEL%20ci.job%3D7").unwrap();
    let (before, ours) = target.split_at(at);
    let ours = decoded_path(ours).unwrap();
    (before.to_owned(), String::from_utf8(ours.into_owned()).unwrap())
}

const OURS: &str = r#"changes=LABEL ci.job=7&changes=LABEL q='it'"'"'s a $1\'"#;

#[test]
fn the_label_line_comes_last() {
    for (target, before) in [
        ("/commit", "/commit?"),
        ("/commit?", "/commit?"),
        (
            "/commit?container=x&changes=LABEL%20ci.job=9",
            "/commit?container=x&changes=LABEL%20ci.job=9&",
        ),
        ("/commit?changes=CMD%20a%0A%23x%5C&y", "/commit?changes=CMD%20a%0A%23x%5C&y&"),
    ] {
        let plan = of_commit(&profile(), target).unwrap();
        assert_eq!(split(plan), (before.to_owned(), OURS.to_owned()), "{target}");
    }
}

#[test]
fn a_line_that_would_absorb_the_labels_is_refused() {
    for changes in [
        "CMD%20a%20%5C",
        "CMD%20a%5C%20%09",
        "CMD%20a%60%0A%0A%23x",
        "CMD%20a%5C%0A%C2%A0%23x",
        "CMD%20a%5C%0A%E2%80%83%0A%0B",
        "RUN%20%3C%3CEOF",
        "a&changes=b%5C",
    ] {
        let target = format!("/commit?changes={changes}");
        assert_eq!(of_commit(&profile(), &target), Err(swallows()), "{changes}");
    }
    assert_eq!(of_commit(&profile(), "/commit?a;b"), Err(bad_query()));
    for (key, read) in [("Changes", "Changes"), ("change%C5%BF", "change\u{17f}")] {
        let refusal = query_key(read);
        let target = format!("/commit?{key}=CMD%20x");
        assert_eq!(of_commit(&profile(), &target), Err(refusal.clone()), "{key}");
        let target = format!("/images/create?fromSrc=-&{key}=CMD%20x");
        assert_eq!(of_import(&profile(), &target), Err(refusal), "{key}");
    }
}

#[test]
fn a_pull_passes_and_an_import_does_not() {
    for pull in ["/images/create?fromImage=a&tag=b", "/images/create?fromSrc=-&fromImage=a"] {
        assert_eq!(of_import(&profile(), pull), Ok(None), "{pull}");
    }
    for import in [
        "/images/create?fromSrc=-",
        "/images/create?fromImage=&fromImage=a&fromSrc=-",
        "/images/create",
    ] {
        assert_eq!(split(of_import(&profile(), import).unwrap().unwrap()).1, OURS, "{import}");
    }
}
