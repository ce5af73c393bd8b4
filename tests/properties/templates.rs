//! Texts of the operator with placeholders.

use std::rc::Rc;

use dockerd_ci_proxy::config;
use dockerd_ci_proxy::rules::caller::{Caller, Container, Of, Template, Word};

use crate::support::random::{Random, check};

const PIECES: &[&str] = &[
    "{",
    "}",
    "{{",
    "}}",
    ":",
    ":-",
    "/",
    "..",
    "a",
    "é",
    "\n",
    "{uid}",
    "{gid",
    "{container}",
    "{container.name:-host}",
    "{container.env:JOB}",
    "{container.env:JOB:-}",
    "{container.label:",
    "{container.label:a:b}",
    "{user}",
    "{cgroup}",
    "{cgroup.parent:-/x}",
    "{listener}",
    "{pid:-",
    "{nobody}",
];

/// Values that a container or the kernel may have.
const VALUES: &[&str] =
    &["", "job-7", "..", "-", "a/b", "/ci", "a:b", "x,y", "{uid}", "}}", "a\nb", "\0", "漢"];

fn text(random: &mut Random) -> String {
    random.some(6, |random| random.pick(PIECES)).concat()
}

fn caller(random: &mut Random) -> Caller {
    let value = |random: &mut Random| match random.below(VALUES.len() + 1) {
        0 => "x".repeat(random.small(9000)),
        at => VALUES[at - 1].to_owned(),
    };
    let maybe = |random: &mut Random| random.once_in(2).then(|| value(random));
    let named = |name: &str, random: &mut Random| {
        maybe(random).map(|value| (name.to_owned(), value)).into_iter().collect()
    };
    let container = Container {
        id: "c0ffee".to_owned(),
        name: value(random),
        labels: named("a:b", random),
        env: named("JOB", random),
        ..Container::default()
    };
    Caller {
        uid: 7,
        user: maybe(random),
        cgroup: maybe(random),
        parent: maybe(random),
        container: random.once_in(2).then(|| Rc::new(container)),
        ..Caller::default()
    }
}

/// Returns the value of the part between braces, by the list in `docs/configuration.md`.
fn value(inner: &str, of: &Of<'_>) -> Option<String> {
    let (name, fallback) = match inner.split_once(":-") {
        Some((name, fallback)) => (name, Some(fallback.to_owned())),
        None => (inner, None),
    };
    let caller = of.caller;
    let container = caller.container.as_ref();
    let entry = |list: &[(String, String)]| list.first().map(|(_, value)| value.clone());
    let value = match name {
        "uid" | "gid" | "pid" => Some(if name == "uid" { "7" } else { "0" }.to_owned()),
        "container" => container.map(|container| container.id.clone()),
        "container.name" => container.map(|container| container.name.clone()),
        "container.env:JOB" => container.and_then(|container| entry(&container.env)),
        "container.label:a:b" => container.and_then(|container| entry(&container.labels)),
        "user" => caller.user.clone(),
        "cgroup" => caller.cgroup.clone(),
        "cgroup.parent" => caller.parent.clone(),
        "listener" => Some(of.listener.to_owned()),
        // Another key.
        name if name.starts_with("container.") => None,
        name => panic!("{name} was read as a placeholder"),
    };
    match value {
        // A fallback does not stand for a value that does not fit.
        Some(value) => Some(value).filter(|it| it.len() <= 4096 && !it.contains(['\n', '\0'])),
        None => fallback,
    }
}

/// Fills in a text that is correct.
fn filled(text: &str, of: &Of<'_>) -> Option<String> {
    let Some(at) = text.find(['{', '}']) else { return Some(text.to_owned()) };
    let (before, rest) = text.split_at(at);
    let (brace, inner) = rest.split_at(1);
    let (value, rest) = if let Some(behind) = inner.strip_prefix(brace) {
        (Some(brace.to_owned()), behind)
    } else {
        let (inner, behind) = inner.split_once('}').unwrap();
        (value(inner, of), behind)
    };
    Some([before, &value?, &filled(rest, of)?].concat())
}

#[test]
fn a_text_that_is_read_is_filled_or_refused() {
    check(30_000, |random| {
        let (text, caller) = (text(random), caller(random));
        let of = Of { caller: &caller, listener: "gitlab" };
        let read = Template::read(&text);
        let label = config::label("a", &text);
        assert_eq!(label.is_ok(), read.is_ok() && !text.contains('\n'), "{text:?}");
        let Ok(template) = read else { return };
        let anywhere = template.fill(&of, Word::Any, "--label").ok();
        assert_eq!(anywhere, filled(&text, &of), "{text:?} {caller:?}");
        if let Ok(path) = template.fill(&of, Word::Path, "--cgroup-parent") {
            assert_eq!(Some(path), anywhere, "{text:?} {caller:?}");
        }
    });
}

#[test]
fn doubled_braces_are_the_text_itself() {
    check(3_000, |random| {
        let text = text(random);
        let doubled = text.replace('{', "{{").replace('}', "}}");
        let template = Template::read(&doubled).unwrap();
        assert_eq!((template.wants(), template.shown("")), (None, text));
    });
}

#[test]
fn a_value_in_a_path_is_one_part_of_it() {
    check(3_000, |random| {
        let caller = caller(random);
        let of = Of { caller: &caller, listener: "gitlab" };
        let placeholder = random.pick(&[
            "{container.name}",
            "{container.env:JOB}",
            "{container.label:a:b}",
            "{user}",
        ]);
        let template = Template::read(&format!("/ci/{placeholder}/x:y,z")).unwrap();
        let Ok(path) = template.fill(&of, Word::Path, "--cgroup-parent") else { return };
        let part = path.strip_prefix("/ci/").unwrap().strip_suffix("/x:y,z").unwrap();
        assert!(!part.is_empty() && !part.contains(['/', ':', ',', '\0', '\n']), "{path:?}");
        assert!(![".", "..", "-"].contains(&part), "{path:?}");
    });
}
