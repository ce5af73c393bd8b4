use std::rc::Rc;

use super::{Of, Placeholder, Template, Word};
use crate::rules::caller::{Caller, Container};

fn filled(text: &str, word: Word) -> Result<String, String> {
    let env = vec![("JOB".to_owned(), "42".to_owned())];
    let container = Container { id: "c0ffee".to_owned(), env, ..Container::default() };
    let caller = Caller { pid: 12, container: Some(Rc::new(container)), ..Caller::default() };
    let of = Of { caller: &caller, listener: "gitlab" };
    let template = Template::read(text).map_err(|error| error.to_string())?;
    template.fill(&of, word, "--label").map_err(|refusal| refusal.to_string())
}

#[test]
fn placeholders_are_filled() {
    for (text, wanted) in [
        ("plain", "plain"),
        ("{container}", "c0ffee"),
        ("{container.env:JOB}-{pid}@{listener}", "42-12@gitlab"),
        ("{container.env:NO:-none}", "none"),
        ("{container.label:no:-}", ""),
        ("{{container}}", "{container}"),
        ("{{{pid}}}", "{12}"),
    ] {
        assert_eq!(filled(text, Word::Any).unwrap(), wanted, "{text}");
    }
}

#[test]
fn mistakes_are_named() {
    for (text, wanted) in [
        ("{", r#"the placeholder "{" has no "}"; a brace itself is written {{"#),
        ("{uid {gid}", r#"the placeholder "{uid {gid}" has no "}"; a brace itself is written {{"#),
        ("a}", r#"a "}" has no "{" before it; a brace itself is written }}"#),
        ("{contaner}", "unknown placeholder {contaner}; a brace itself is written {{"),
        ("{}", "unknown placeholder {}; a brace itself is written {{"),
        ("{uid:x}", "unknown placeholder {uid:x}; a brace itself is written {{"),
        ("{container.env}", "the placeholder {container.env} needs a key: {container.env:KEY}"),
        (
            "{container.label::-x}",
            "the placeholder {container.label} needs a key: {container.label:KEY}",
        ),
    ] {
        assert_eq!(filled(text, Word::Any).unwrap_err(), wanted, "{text}");
    }
}

#[test]
fn a_value_of_the_job_does_not_leave_its_place_in_a_path() {
    let fill = |value: &str, text: &str, word| {
        let env = vec![("V".to_owned(), value.to_owned())];
        let container = Container { env, ..Container::default() };
        let caller = Caller { container: Some(Rc::new(container)), ..Caller::default() };
        let of = Of { caller: &caller, listener: "" };
        let filled = Template::of(text).fill(&of, word, "--label");
        filled.map_err(|refusal| refusal.to_string())
    };
    let long = "x".repeat(4097);
    for (value, in_path, anywhere) in [
        ("42", true, true),
        ("a b-c.d", true, true),
        ("..", false, true),
        (".", false, true),
        ("-", false, true),
        ("", false, true),
        ("a/b", false, true),
        ("a:rw", false, true),
        ("a,b", false, true),
        ("a\nb", false, false),
        ("a\rb", false, false),
        ("a\0b", false, false),
        (&long, false, false),
        (&long[1..], true, true),
    ] {
        let text = "/srv/{container.env:V}:/x";
        let wanted = format!("/srv/{value}:/x");
        for (word, fits) in [(Word::Path, in_path), (Word::Any, anywhere)] {
            let filled = fill(value, text, word);
            assert_eq!(filled.as_ref().ok() == Some(&wanted), fits, "{value:?} {filled:?}");
        }
    }
    assert_eq!(
        fill("..", "/srv/{container.env:V}", Word::Path).unwrap_err(),
        "the operator's setting at --label has {container.env:V}, and its value is not one part of a path"
    );
}

#[test]
fn a_text_is_shown_as_it_is_written_but_for_the_listener() {
    let shown = |text, listener| Template::read(text).unwrap().shown(listener);
    let text = "{{a}} {container.env:JOB:-none} {listener} {listener:-x}";
    assert_eq!(shown(text, "gitlab"), "{a} {container.env:JOB:-none} gitlab gitlab");
    assert_eq!(shown("{listener:-x}", ""), "x");
}

#[test]
fn a_listener_without_a_name_has_a_fallback_or_is_refused() {
    let of = Of { caller: &Caller::default(), listener: "" };
    let filled = |text| Template::read(text).unwrap().fill(&of, Word::Any, "--label");
    assert_eq!(filled("{listener:-one}").unwrap(), "one");
    let why = "the operator's setting at --label has {listener}, and the listener has no name";
    assert_eq!(filled("{listener}").unwrap_err().to_string(), why);
}

#[test]
fn every_name_is_that_of_a_placeholder() {
    for name in Placeholder::names() {
        let key = if name.ends_with(':') { "KEY" } else { "" };
        let template = Template::read(&format!("{{{name}{key}}}")).unwrap();
        let (of, fallback) = template.placeholders().next().unwrap();
        assert_eq!((of.to_string(), fallback), (format!("{name}{key}"), None));
    }
}
