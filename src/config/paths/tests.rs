use super::*;

#[test]
fn a_pair_of_paths_is_cleaned_and_keeps_its_place() {
    let path = mapped_pair("/a//./b/=/srv/{container.label:team}", "c.toml:5:3: map_path").unwrap();
    assert_eq!((&*path.seen, &*path.host), ("/a/b", "/srv/{container.label:team}"));
    assert_eq!(path.from, "c.toml:5:3");
    let root = mapped_path("/", "/", "--map-path").unwrap();
    assert_eq!((&*root.seen, &*root.host, &*root.from), ("/", "/", "--map-path"));
}

#[test]
fn unusable_paths_are_refused() {
    let absolute = |text: &str| Err(Invalid::NotAbsolute(text.into()));
    for (pair, wanted) in [
        ("/a", Err(Invalid::NoHostPath("/a".into()))),
        ("a=/b", absolute("a")),
        ("/a=b", absolute("b")),
        ("=/b", absolute("")),
        ("/a/../b=/c", absolute("/a/../b")),
        ("/a=/b/..", absolute("/b/..")),
        ("/a=/b\n", absolute("/b\n")),
        ("/a={container.name}", absolute("{container.name}")),
        ("/a=/b/{container.name:-..}", absolute("/b/{container.name:-..}")),
        ("/a=/b:c", Err(Invalid::NotMountable("/b:c".into()))),
        ("/a=/b{uid:-:}", Err(Invalid::NotMountable("/b{uid:-:}".into()))),
        ("/{uid}=/b", Err(Invalid::PlaceholderInName("/{uid}".into()))),
    ] {
        assert_eq!(mapped_pair(pair, ""), wanted, "{pair}");
    }
    assert!(matches!(mapped_pair("/a=/{uid", ""), Err(Invalid::Template(_))));
    for text in ["/a={cgroup}", "/a={cgroup}/b", "/a=/b/{container.label:a/b}/c"] {
        assert!(mapped_pair(text, "").is_ok(), "{text}");
    }
}

#[test]
fn paths_are_mapped_by_the_caller_or_not() {
    assert_eq!((map_paths("caller"), map_paths("none")), (Ok(true), Ok(false)));
    for text in ["", "Caller", "yes"] {
        assert_eq!(map_paths(text), Err(Invalid::MapPaths(text.into())));
    }
}
