use serde_json::{Value, json};

use super::*;

fn asked(target: &str) -> Value {
    of_create(target).map_or(Value::Null, |text| serde_json::from_str(&text).unwrap())
}

#[test]
fn a_platform_is_read_as_the_daemon_reads_it() {
    let of = |os: &str, architecture: &str| json!({"os": os, "architecture": architecture});
    let with = |architecture: &str, variant: &str| json!({"os": "linux", "architecture": architecture, "variant": variant});
    for (text, wanted) in [
        ("linux/amd64", of("linux", "amd64")),
        ("linux%2Famd64", of("linux", "amd64")),
        ("Linux/AMD64", of("linux", "amd64")),
        ("linux/x86_64/v1", of("linux", "amd64")),
        ("linux/amd64/v3", with("amd64", "v3")),
        ("linux/aarch64", of("linux", "arm64")),
        ("linux/arm64/v8", with("arm64", "v8")),
        ("linux/arm64/8", with("arm64", "v8")),
        ("linux/arm64/v9", with("arm64", "v9")),
        ("arm64", of("linux", "arm64")),
        ("linux/arm", of("linux", "arm")),
        ("linux/armhf", of("linux", "arm")),
        ("linux/armel", with("arm", "v6")),
        ("linux/arm/7", with("arm", "v7")),
        ("linux/arm/v6", with("arm", "v6")),
        ("armel", with("arm", "v6")),
        ("linux/i386", of("linux", "386")),
        ("linux", of("linux", host_architecture())),
        ("macos/arm64", of("darwin", "arm64")),
        ("linux/my%22arch", of("linux", "my\"arch")),
        (
            "windows(10.0.17763)/amd64",
            json!({"os": "windows", "architecture": "amd64", "os.version": "10.0.17763"}),
        ),
        ("a/b/c/d", Value::Null),
        ("linux(1/amd64", Value::Null),
        ("", Value::Null),
    ] {
        assert_eq!(asked(&format!("/containers/create?name=x&platform={text}")), wanted, "{text}");
    }
}

#[test]
fn the_first_platform_counts_if_the_create_uses_it() {
    let arm64 = json!({"os": "linux", "architecture": "arm64"});
    for (target, wanted) in [
        ("/v1.41/containers/create?platform=linux/arm64&platform=linux/386", arm64.clone()),
        ("/containers/create?pl%61tform=linux/arm64", arm64.clone()),
        ("unix:///v1.52/containers/create?x;y=1&platform=linux/arm64", arm64),
        ("/v1.40/containers/create?platform=linux/arm64", Value::Null),
        ("/containers/create?Platform=linux/arm64", Value::Null),
        ("/containers/create", Value::Null),
    ] {
        assert_eq!(asked(target), wanted, "{target}");
    }
}
