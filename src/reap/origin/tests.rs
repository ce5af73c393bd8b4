use super::*;

fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn of(container: &[(&str, &str)], image: Option<&[(&str, &str)]>) -> Origin {
    let wanted = [("ci.job", "1"), ("ci.team", "web")]
        .map(|(key, value)| Label { key: key.to_owned(), value: value.to_owned() });
    let both = [&[("ci.job", "1"), ("ci.team", "web")], container].concat();
    origin(&wanted, &labels(&both), image.map(labels).as_ref())
}

const LABELS: &[(&str, &str)] = &[("ci.job", "1"), ("ci.team", "web")];

#[test]
fn without_a_marker_the_image_decides() {
    assert_eq!(of(&[], Some(&[])), Origin::Given);
    assert_eq!(of(&[], Some(&[("ci.team", "web")])), Origin::Given);
    assert_eq!(of(&[], Some(&[("ci.job", "2"), ("ci.team", "web")])), Origin::Given);
    assert_eq!(of(&[], Some(LABELS)), Origin::Inherited);
    assert_eq!(of(&[], None), Origin::Unknown);
}

#[test]
fn a_marker_names_the_given_labels_unless_the_image_has_the_same() {
    let both = [(own::GIVEN, "ci.job ci.team")];
    let team = [(own::GIVEN, "ci.team")];
    let by_image = [(own::GIVEN, own::BY_IMAGE)];
    let marked = |marker: (&'static str, &'static str)| [LABELS, &[marker]].concat();
    assert_eq!(of(&both, Some(&marked(by_image[0]))), Origin::Given);
    assert_eq!(of(&both, Some(LABELS)), Origin::Given);
    assert_eq!(of(&both, None), Origin::Given);
    assert_eq!(of(&by_image, Some(&marked(by_image[0]))), Origin::Inherited);
    assert_eq!(of(&by_image, None), Origin::Inherited);
    // Another listener, which gives fewer labels, started it from an image of the job.
    assert_eq!(of(&team, Some(&marked(by_image[0]))), Origin::Inherited);
    assert_eq!(of(&team, Some(&[("ci.job", "1")])), Origin::Inherited);
    assert_eq!(of(&team, Some(&[])), Origin::Given);
    assert_eq!(of(&team, None), Origin::Unknown);
    // An image that was committed beside the proxy has the marker of the container.
    assert_eq!(of(&both, Some(&marked(both[0]))), Origin::Inherited);
    assert_eq!(of(&both, Some(&both)), Origin::Given);
}

#[test]
fn a_label_counts_with_its_value() {
    let wanted = |key: &str, value: &str| [Label { key: key.to_owned(), value: value.to_owned() }];
    let found = labels(&[("a", "1"), ("b", "")]);
    assert!(carries(&found, &wanted("a", "1")) && carries(&found, &wanted("b", "")));
    assert!(!carries(&found, &wanted("a", "")) && !carries(&found, &wanted("c", "")));
    assert!(!carries(&found, &wanted("a", "10")) && !carries(&found, &wanted("A", "1")));
}
