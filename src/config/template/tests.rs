use super::*;

fn why(text: &str) -> String {
    template(text).unwrap_err().to_string()
}

#[test]
fn a_misspelt_placeholder_is_found() {
    for (typed, near) in [
        ("{contaner}", "{container}"),
        ("{ container.name }", "{container.name}"),
        ("{name}", "{container.name}"),
        ("{container.lable:ci.job}", "{container.label:ci.job}"),
        ("{env:JOB:-none}", "{container.env:JOB}"),
        ("{container.env.JOB}", "{container.env:JOB}"),
        ("{label}", "{container.label:KEY}"),
        ("{uid:x}", "{uid}"),
        ("{cgroup.parnt}", "{cgroup.parent}"),
    ] {
        let why = why(typed);
        assert!(
            why.ends_with(&format!("; did you mean {near}? A brace itself is written {{{{")),
            "{why}"
        );
    }
    assert_eq!(
        why("a{\"b\":1}"),
        "unknown placeholder {\"b\":1}; expected {container}, {container.name}, {container.label:KEY}, \
         {container.env:KEY}, {uid}, {user}, {gid}, {pid}, {cgroup}, {cgroup.parent}, {listener}; a brace \
         itself is written {{"
    );
    assert_eq!(why("{{}"), "a \"}\" has no \"{\" before it; a brace itself is written }}");
}

#[test]
fn forms_have_values_or_fallbacks() {
    let of = |text| forms(&template(text).unwrap(), "x");
    assert_eq!(of("{{a}}"), ["{a}", "{a}"]);
    assert_eq!(of("/ci/{container.name:-}{uid}"), ["/ci/xx", "/ci/x"]);
    assert_eq!(of("{cgroup}/{cgroup:-a}"), ["/x//x", "/x/a"]);
}

#[test]
fn names_have_no_placeholder() {
    for name in ["{}", "a{container}", "{{a}}"] {
        assert!(has_braces(name), "{name}");
    }
    for name in ["", "a", "{", "}{", "a}"] {
        assert!(!has_braces(name), "{name}");
    }
}

#[test]
fn doubled_braces_stand_for_single_ones() {
    for text in ["", "{", "}}{", "/ci/{container}"] {
        let template = template(&doubled(text)).unwrap();
        assert_eq!((template.wants(), &*template.shown("")), (None, text));
    }
}
