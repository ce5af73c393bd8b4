use super::*;

#[test]
fn presets_have_no_faults() {
    for (name, text) in PRESETS {
        let policy = preset(name).unwrap_or_else(|| panic!("{name}: {text}"));
        assert_eq!(policy.preset, *name);
    }
}
