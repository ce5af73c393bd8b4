use crate::cli::resolve::tests::{by, labels_of, listener_of, run};
use crate::config::{self, Sourced};
use crate::rules::Label;

#[test]
fn a_variable_may_hold_several_labels() {
    let labels = |text| labels_of("", &[("DCP_LABELS", text)]);
    let three = Ok(["a=1", "b=x y", "c="].map(String::from).into());
    assert_eq!(labels("a=1,b=x y,c="), three);
    assert_eq!(labels(" a=1 ,\n  b=x y\n\nc=,\n"), three);
    assert_eq!(labels(", ,"), labels_of("", &[]));
    let why = "DCP_LABELS: \"b\" has no \"=\"; expected KEY=VALUE";
    assert_eq!(labels("a=1,b"), Err(why.into()));
    let why = "DCP_LABELS: the label key \"c \" contains whitespace";
    assert_eq!(labels("b=2 , c = 3"), Err(why.into()));
    let why = "DCP_LABELS: the label key \"a\" was already given by DCP_LABELS";
    assert_eq!(labels("a=1,a=2"), Err(why.into()));
    // Together with the older variables, but not with flags.
    let env = [("DCP_LABELS", "a=1"), ("DCP_LABEL_NAME", "b"), ("DCP_LABEL_VALUE", "2")];
    assert_eq!(labels_of("", &env), Ok(["a=1", "b=2"].map(String::from).into()));
    assert_eq!(labels_of("--label c=3", &env), Ok(vec!["c=3".into()]));
    assert_eq!(labels_of("--lv 4", &env), Ok(vec!["b=4".into()]));
}

#[test]
fn images_get_the_selected_labels() {
    let of = |chosen: &str| {
        let words = format!("--label ci.job=1 --label ci.team=web --ln ci.host --lv h {chosen}");
        let text = |label: Sourced<Label>| label.value.key;
        listener_of(&words, &[]).map(|config| config.image_labels.into_iter().map(text).collect())
    };
    let keys = |keys: &[&str]| Ok(keys.iter().map(ToString::to_string).collect::<Vec<_>>());
    let all = keys(&["ci.job", "ci.team", "ci.host"]);
    assert_eq!(of(""), all);
    assert_eq!(of("--image-labels all"), all);
    assert_eq!(of("--image-labels none"), keys(&[]));
    assert_eq!(of("--image-labels ci.host,ci.team,ci.host"), keys(&["ci.team", "ci.host"]));
    let given = [("DCP_LABELS", "a=1, b=2"), ("DCP_IMAGE_LABELS", " b,\n")];
    let label = by(config::label("b", "2").unwrap(), "DCP_LABELS");
    assert_eq!(listener_of("", &given).unwrap().image_labels, [label]);
    let key = "--image-labels: ";
    for (chosen, why) in [
        ("ci.jb", r#"no label has the key "ci.jb"; did you mean ci.job?"#),
        ("ci.team,ci.h", r#"no label has the key "ci.h"; did you mean ci.host?"#),
        ("nome", r#"no label has the key "nome"; did you mean none?"#),
        (
            "all,ci.team",
            r#"no label has the key "all"; expected all, none, or some of these keys: ci.job, ci.team, ci.host"#,
        ),
        (",", r#""," names no label; expected all, none, or keys of labels"#),
    ] {
        assert_eq!(of(&format!("--image-labels {chosen}")), Err(format!("{key}{why}")));
    }
    let why = r#"DCP_IMAGE_LABELS: no label has the key "Created_Via"; did you mean Created-Via?"#;
    assert_eq!(run("", &[("DCP_IMAGE_LABELS", "Created_Via")]), Err(why.into()));
}

#[test]
fn names_and_values_are_paired_in_order() {
    let labels = labels_of("--ln a --ln b --label c=3 --lv 1 --labelvalue 2", &[]);
    assert_eq!(labels, Ok(["c=3", "a=1", "b=2"].map(String::from).into()));
}

#[test]
fn a_name_or_value_alone_is_refused() {
    let cases = [
        ("--ln a", "--ln: \"a\" has no matching --labelvalue"),
        ("--labelname a --ln b --lv 1", "--ln: \"b\" has no matching --labelvalue"),
        ("--label x=y --lv 1", "--lv: \"1\" has no matching --labelname"),
    ];
    for (words, why) in cases {
        assert_eq!(labels_of(words, &[]), Err(why.into()));
    }
    let why = "DCP_LABEL_NAME: \"a\" has no matching DCP_LABEL_VALUE";
    assert_eq!(labels_of("", &[("DCP_LABEL_NAME", "a")]), Err(why.into()));
}

#[test]
fn a_duplicate_key_is_refused() {
    let why = "--label: the label key \"a\" was already given by --label";
    assert_eq!(labels_of("--label a=1 --label a=1", &[]), Err(why.into()));
    let why = "--ln: the label key \"a\" was already given by --label";
    assert_eq!(labels_of("--ln a --lv 2 --label a=1", &[]), Err(why.into()));
}
