use super::*;

#[test]
fn the_path_is_the_one_that_the_daemon_routes_on() {
    for target in [
        "/containers/create",
        "/containers/create?name=a",
        "/containers/%63reate",
        "/containers%2Fcreate",
        "%2Fcontainers/create?x",
        "http://any/containers/create?a=/b",
        "HTTP://x:80/containers/create",
        "unix:///containers/create",
        "docker:/containers/create",
    ] {
        let path = decoded_path(target).unwrap();
        assert_eq!(&*path, b"/containers/create", "{target}");
    }
}

#[test]
fn targets_without_a_path_stay_unchanged() {
    for (target, path) in [
        ("*", "*"),
        ("http://any", ""),
        ("http://any?/containers/create", ""),
        ("//containers/create", "//containers/create"),
        ("/containers/create#x", "/containers/create#x"),
        ("/containers/create%3Fx", "/containers/create?x"),
        ("1a:/containers/create", "1a:/containers/create"),
    ] {
        assert_eq!(&*decoded_path(target).unwrap(), path.as_bytes(), "{target}");
    }
    for bad in ["/a%", "/a%2", "/a%2g", "/%%30"] {
        assert_eq!(decoded_path(bad), Err(Malformed::Escape), "{bad}");
    }
}

#[test]
fn a_query_is_split_as_by_go() {
    let read: Result<Vec<_>, _> = pairs("a=1&&%61=+x%20&b&=c&d=e=f").collect();
    let read = read.unwrap();
    let plain: Vec<(String, String)> = read
        .iter()
        .map(|pair| {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            (text(&pair.key), text(&pair.value().unwrap()))
        })
        .collect();
    let wanted = [("a", "1"), ("a", " x "), ("b", ""), ("", "c"), ("d", "e=f")];
    assert_eq!(plain, wanted.map(|(key, value)| (key.into(), value.into())));
    for bad in ["a;b=1", "a=%zz", "%=1"] {
        assert!(pairs(bad).any(|pair| pair.is_err()), "{bad}");
    }
}
