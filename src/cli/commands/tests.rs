use super::*;
use std::collections::BTreeSet;

#[test]
fn names_letters_and_variables_are_unique() {
    let mut seen = BTreeSet::new();
    for flag in FLAGS {
        let short = flag.short.map(|short| format!("-{short}"));
        let names = flag.names.iter().chain(&flag.variable);
        for name in names.map(ToString::to_string).chain(short) {
            assert!(seen.insert(name.clone()), "{name} occurs twice");
        }
    }
}

#[test]
fn every_flag_has_long_names_and_sentences() {
    for flag in FLAGS {
        assert!(!flag.names.is_empty());
        for name in flag.names {
            assert!(name.starts_with("--") && name.is_ascii(), "{name}");
        }
        assert!(flag.summary.ends_with('.'), "{}", flag.summary);
        assert!(flag.details.is_empty() || flag.details.ends_with('.'), "{}", flag.details);
    }
}

#[test]
fn similar_names_are_found() {
    assert_eq!(near("--labels"), Some("--label"));
    assert_eq!(near("--lable"), Some("--label"));
    assert_eq!(near("--listen"), Some("--listensocket"));
    assert_eq!(near("--docker-socket"), Some("--dockersocket"));
    assert_eq!(near("--cgroup_parent"), Some("--cgroup-parent"));
    assert_eq!(near("--verison"), Some("--version"));
    for far in ["--xx", "--", "--quota", "--x"] {
        assert_eq!(near(far), None, "{far}");
    }
}
