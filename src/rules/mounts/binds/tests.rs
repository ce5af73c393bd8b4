use super::*;

#[test]
fn binds_are_read_as_the_daemon_reads_them() {
    for (text, volume, target) in [
        ("/x", None, "/x"),
        ("name:/x", Some("name"), "/x"),
        ("name:/x:ro,nocopy", Some("name"), "/x"),
        ("/host:/x:z", None, "/x"),
        (":/x", None, "/x"),
    ] {
        let bind = Bind::read(text);
        assert_eq!((bind.volume(), bind.target), (volume, target), "{text}");
    }
}
