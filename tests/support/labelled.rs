//! The law for every request that reaches the daemon.

use dockerd_ci_proxy::rules::Profile;

use super::player::profile;
use super::{go_json, naive};

/// Fails if `request`, as Go reads it, creates something without the operator's labels or with another cgroup
/// parent.
pub fn assert_labelled(profile: &Profile, request: &naive::Request) {
    let Some(route) = naive::creates(&request.method, &request.target) else { return };
    if ["/commit", "/images/create"].contains(&route) {
        let query = naive::query(&request.target);
        let changes = query.iter().rev().filter(|(key, _)| key == b"changes").take(2);
        let wanted = [b"LABEL ci.team=web".as_slice(), b"LABEL ci.job=7"];
        assert!(changes.map(|(_, value)| value.as_slice()).eq(wanted), "{request:?}");
        return;
    }
    let labels = if route == "/build" {
        let value = naive::query_value(&request.target, "labels").unwrap();
        go_json::members(str::from_utf8(&value).unwrap()).unwrap()
    } else {
        let body = str::from_utf8(&request.body).unwrap();
        go_json::field(&go_json::members(body).unwrap(), "Labels").unwrap()
    };
    let labels = go_json::strings(labels);
    for label in profile.inject.labels() {
        assert_eq!(labels.get(&label.key), Some(&label.value), "{request:?}");
    }
    assert_eq!(
        cgroup_parent(route, request),
        profile.inject.cgroup_parent().map(str::to_owned),
        "{request:?}"
    );
}

/// Returns the cgroup parent of the request; that of the test's profile where it does not matter.
fn cgroup_parent(route: &str, request: &naive::Request) -> Option<String> {
    match route {
        "/build" => {
            let parent = naive::query_value(&request.target, "cgroupparent")?;
            String::from_utf8(parent).ok()
        }
        "/containers/create" => {
            let top = go_json::members(str::from_utf8(&request.body).ok()?)?;
            let host_config = go_json::field(&top, "HostConfig")?;
            let (_, parent) =
                host_config.iter().rfind(|(key, _)| go_json::fits(key, "CgroupParent"))?;
            serde_json::from_str(parent).ok()
        }
        _ => profile().inject.cgroup_parent().map(str::to_owned),
    }
}
