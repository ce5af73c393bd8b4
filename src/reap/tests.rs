use super::*;

#[test]
fn every_kind_has_its_name_and_its_place_in_the_order() {
    for (place, kind) in Kind::ALL.iter().enumerate() {
        assert_eq!(Kind::named(kind.name()), Some(*kind));
        assert_eq!(Kind::ALL.iter().position(|other| other == kind), Some(place));
        assert_eq!(kind.collection().is_none(), *kind == Kind::Cgroups);
    }
    assert!(Kind::ALL.is_sorted());
    assert_eq!(Kind::named("pods"), None);
}

#[test]
fn a_set_has_what_was_added() {
    let mut kinds = Kinds::default();
    kinds.add(Kind::Images);
    kinds.add(Kind::Volumes);
    let has: Vec<_> = Kind::ALL.iter().filter(|kind| kinds.has(**kind)).collect();
    assert_eq!(has, [&Kind::Volumes, &Kind::Images]);
}
