use super::*;

#[test]
fn reasons_have_unique_names_and_their_discriminants_as_indices() {
    let mut names: Vec<_> = Reason::ALL.iter().map(|reason| reason.name()).collect();
    for (place, reason) in Reason::ALL.iter().enumerate() {
        assert_eq!(*reason as usize, place);
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Reason::ALL.len());
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    assert!(names.iter().all(|name| name.bytes().all(plain)), "{names:?}");
}
