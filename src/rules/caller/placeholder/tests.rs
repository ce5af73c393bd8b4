use std::rc::Rc;

use super::{Of, Template, Word};
use crate::rules::caller::{Caller, Container};

fn filled(text: &str, word: Word) -> Result<String, String> {
    let env = vec![("JOB".to_owned(), "42".to_owned()), ("UP".to_owned(), "..".to_owned())];
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
        ("{", r#"the placeholder "{" has no "}"; write {{ for a brace"#),
        ("a}", r#"a "}" without its "{"; write }} for a brace"#),
        ("{contaner}", "unknown placeholder {contaner}; write {{ for a brace"),
        ("{container.env}", "{container.env} needs a key: {container.env:KEY}"),
        ("{container.label:}", "{container.label} needs a key: {container.label:KEY}"),
    ] {
        assert_eq!(filled(text, Word::Any).unwrap_err(), wanted, "{text}");
    }
}

#[test]
fn a_value_of_the_job_does_not_leave_its_place_in_a_path() {
    assert_eq!(filled("/srv/{container.env:JOB}:/x", Word::Path).unwrap(), "/srv/42:/x");
    let why = filled("/srv/{container.env:UP}:/x", Word::Path).unwrap_err();
    assert_eq!(
        why,
        "the operator's setting at --label has {container.env:UP}, and its value is not one part of a path"
    );
}
