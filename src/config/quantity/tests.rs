use super::*;

#[test]
fn sizes_have_units() {
    for (text, wanted) in [
        ("0", 0),
        ("512", 512),
        ("512b", 512),
        ("2g", 2 << 30),
        ("2GiB", 2 << 30),
        ("1.5GiB", 3 << 29),
        ("512MiB", 512 << 20),
        ("512 MiB", 512 << 20),
        ("64k", 64 << 10),
        ("1TiB", 1 << 40),
        ("100MB", 100_000_000),
        ("0.0000000001kB", 0),
    ] {
        assert_eq!(bytes(text), Some(wanted), "{text}");
    }
}

#[test]
fn other_forms_are_no_sizes() {
    for text in [
        "", "g", "2gb", "2gib", "2GIB", "-1", "+1", "1.", ".5", "1.5.5", "1e3", "2 g b", "9999999t",
    ] {
        assert_eq!(bytes(text), None, "{text}");
    }
    assert_eq!(bytes("0.00000000000000000000000000000000000000001"), None);
}

#[test]
fn processors_are_decimal_numbers() {
    assert_eq!(processors("2"), Some(2_000_000_000));
    assert_eq!(processors("1.5"), Some(1_500_000_000));
    assert_eq!(processors("0.25"), Some(250_000_000));
    for text in ["", "2x", "-1", "1,5", "9999999999"] {
        assert_eq!(processors(text), None, "{text}");
    }
}
