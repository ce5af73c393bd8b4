use std::rc::Rc;

use super::*;
use crate::rules::caller::{Caller, Container};

fn mount(target: &str, source: Source) -> Mount {
    Mount { target: target.to_owned(), source, read_only: false }
}

fn path(target: &str, host: &str) -> Mount {
    mount(target, Source::Path(host.to_owned()))
}

fn volume(target: &str, name: &str, place: &str) -> Mount {
    mount(target, Source::Volume { name: name.to_owned(), place: place.to_owned() })
}

fn fixed(seen: &str, host: &str) -> FixedPath {
    FixedPath { seen: seen.to_owned(), host: host.to_owned(), from: String::new() }
}

/// The map for a caller in a container with these mounts, or in none.
fn map_of(rules: &PathRules, mounts: Option<Vec<Mount>>) -> PathMap {
    let container = mounts.map(|mounts| Rc::new(Container { mounts, ..Container::default() }));
    let caller = Caller { uid: 7, container, ..Caller::default() };
    rules.map(&Of { caller: &caller, listener: "" }).unwrap()
}

fn of_caller(mounts: Vec<Mount>) -> PathMap {
    map_of(&PathRules { of_caller: true, ..PathRules::default() }, Some(mounts))
}

/// The volume and the host path of `path`.
fn found(map: &PathMap, path: &str) -> Option<(Option<String>, String)> {
    let mapped = map.map(path).unwrap()?;
    Some((mapped.volume.map(str::to_owned), mapped.path()))
}

#[test]
fn the_longest_mapping_of_whole_names_is_used() {
    let map = of_caller(vec![
        path("/work", "/srv/work"),
        path("/work/deep/er", "/"),
        volume("/work/cache", "cache", "/volumes/cache"),
        volume("/far", "far", ""),
        mount("/work/tmp", Source::Nothing),
        path("/work/tmp/kept", "/srv/kept"),
    ]);
    let cache = |path: &str| Some((Some("cache".to_owned()), path.to_owned()));
    let host = |path: &str| Some((None, path.to_owned()));
    for (path, wanted) in [
        ("/work", host("/srv/work")),
        ("/work/", host("/srv/work")),
        ("/work/a/b", host("/srv/work/a/b")),
        ("/workspace", None),
        ("/wor", None),
        ("/", None),
        ("/work/../etc", None),
        ("/etc/../work/a", host("/srv/work/a")),
        ("/work/deep", host("/srv/work/deep")),
        ("/work/deep/er", host("/")),
        ("/work/deep/er/x", host("/x")),
        ("/work/deep/erer", host("/srv/work/deep/erer")),
        ("/work/cache", cache("/volumes/cache")),
        ("/work/cache/x", cache("/volumes/cache/x")),
        ("/work/cache/../x", host("/srv/work/x")),
        ("/work/tmp", None),
        ("/work/tmp/x", None),
        ("/work/tmp/kept/x", host("/srv/kept/x")),
        ("/work/tmpx", host("/srv/work/tmpx")),
    ] {
        assert_eq!(found(&map, path), wanted, "{path}");
    }
    for (path, sought) in [
        ("/work/a/b", "/srv/work/./a/b"),
        ("/work", "/srv/work"),
        ("/work/deep/er/x", "//./x"),
        ("/far/x", ""),
        ("/far", ""),
    ] {
        assert_eq!(map.map(path).unwrap().unwrap().sought(), sought);
    }
    assert_eq!(parts("//./x").map(|(root, rest)| joined(root, rest)), Some("/x".to_owned()));
}

#[test]
fn a_root_may_be_mapped() {
    let map = of_caller(vec![path("/", "/srv/root"), path("/a", "/srv/a")]);
    for (path, host) in [("/", "/srv/root"), ("/b/c", "/srv/root/b/c"), ("/a/..", "/srv/root")] {
        assert_eq!(found(&map, path), Some((None, host.to_owned())), "{path}");
    }
    assert_eq!(found(&map, "/a/b"), Some((None, "/srv/a/b".to_owned())));
}

#[test]
fn the_operators_paths_come_before_those_of_the_container() {
    let rules = PathRules {
        of_caller: true,
        fixed: vec![fixed("//a/", "/operator/{uid}/"), fixed("/a", "/second")],
        strict: false,
    };
    let map = map_of(&rules, Some(vec![path("/a", "/caller"), path("/a/b", "/caller/b")]));
    assert_eq!(found(&map, "/a/x"), Some((None, "/operator/7/x".to_owned())));
    assert_eq!(found(&map, "/a/b"), Some((None, "/caller/b".to_owned())));
    // The container is not asked for where only the operator's paths count.
    let map = map_of(&PathRules { of_caller: false, ..rules }, Some(vec![path("/b", "/caller")]));
    assert_eq!(found(&map, "/b"), None);
}

#[test]
fn an_empty_map_has_no_effect() {
    assert!(PathMap::default().is_empty());
    assert!(of_caller(Vec::new()).is_empty());
    let strict = PathRules { strict: true, ..PathRules::default() };
    assert!(!map_of(&strict, None).is_empty());
    assert!(!of_caller(vec![mount("/t", Source::Nothing)]).is_empty());
}

#[test]
fn a_refusal_lists_what_is_mapped() {
    let rules = PathRules { of_caller: true, fixed: Vec::new(), strict: true };
    let refused = |mounts| {
        let refusal = map_of(&rules, mounts).map("/etc/x").unwrap_err();
        assert_eq!(refusal.reason, Reason::Unmapped);
        refusal.text.split_once("for this caller: ").unwrap().1.to_owned()
    };
    let some = vec![path("/b\n", "/x"), mount("/etc/y", Source::Nothing), volume("/a/b", "v", "")];
    assert_eq!(refused(Some(some)), r"/a/b, /b\n; mount a path below one of these");
    assert_eq!(refused(Some(Vec::new())), "nothing is mapped");
    assert_eq!(refused(None), "nothing is mapped, since the caller runs in no container");
    let many = (0..20).map(|n| path(&format!("/{n:02}"), "/x")).collect();
    let list = refused(Some(many));
    assert!(list.contains("/15 and 4 more; mount") && !list.contains("/16"), "{list}");
    let tmpfs = map_of(&rules, Some(vec![mount("/etc", Source::Nothing)]));
    assert_eq!(tmpfs.map("/etc/x"), Err(unshared("/etc/x")));
}

/// All paths of up to this many names, including odd ones.
fn paths(names: usize) -> Vec<String> {
    let mut paths = vec![String::new()];
    let mut last = paths.clone();
    for _ in 0..names {
        let longer =
            |path: &String| ["", ".", "..", "a", "b", "aa"].map(|name| format!("{path}/{name}"));
        last = last.iter().flat_map(longer).collect();
        paths.extend(last.iter().cloned());
    }
    paths.retain(|path| !path.is_empty());
    paths
}

#[test]
fn no_spelling_leads_out_of_a_mapping() {
    let map = of_caller(vec![
        path("/a", "/host/x"),
        path("/a/b", "/host/y"),
        volume("/b", "v", "/host/v"),
        mount("/a/b/a", Source::Nothing),
    ]);
    let mut hits = 0;
    for path in paths(6) {
        let mut names: Vec<&str> = Vec::new();
        for name in path.split('/') {
            match name {
                "" | "." => {}
                ".." => drop(names.pop()),
                name => names.push(name),
            }
        }
        let wanted = match names.as_slice() {
            ["a", "b", "a", ..] => None,
            ["a", "b", rest @ ..] => Some(("/host/y", rest)),
            ["a", rest @ ..] => Some(("/host/x", rest)),
            ["b", rest @ ..] => Some(("/host/v", rest)),
            _ => None,
        };
        let wanted = wanted.map(|(root, rest)| [&[root], rest].concat().join("/"));
        let mapped = map.map(&path).unwrap();
        assert_eq!(mapped.as_ref().map(Mapped::path), wanted, "{path}");
        let is_plain = |name: &str| !["", ".", ".."].contains(&name);
        if let Some(Mapped { rest, .. }) = mapped.filter(|mapped| !mapped.rest.is_empty()) {
            assert!(rest.split('/').all(is_plain), "{path}: {rest}");
            hits += 1;
        }
    }
    assert!(hits > 1000, "{hits}");
}

#[test]
fn a_client_cannot_write_the_mark() {
    for (path, without) in [
        ("/a/b", "/a/b"),
        ("/a/./b", "/a/b"),
        ("/a/././b/./c", "/a/b/c"),
        ("/./a", "/a"),
        ("/a/.//./b", "/a//b"),
        ("/a/.", "/a/."),
    ] {
        assert_eq!(unmarked(path), without);
        assert_eq!(parts(&unmarked(path)), None);
    }
}
