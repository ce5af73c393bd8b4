use super::*;

#[test]
fn the_own_container_is_looked_up_only_for_self() {
    let mut listener = Listener {
        name: None,
        listen: "/a".into(),
        access: SocketAccess::default(),
        daemon: "/b".into(),
        labels: Vec::new(),
        image_labels: Vec::new(),
        cgroup_parent: sourced(CgroupParent::Fixed("/ci".into())),
        build_cgroup_parent: sourced(BuildCgroupParent::Inherit),
        strict: false,
        no_buildkit: false,
        socket_bind: sourced(SocketBind::Pass),
        anonymous_volumes: AnonymousVolumes::Leave,
        inject: Vec::new(),
        paths: PathRules::default(),
        removal: Removal::default(),
        policy: None,
        authz: Vec::new(),
    };
    let profile = listener.profile(|| Err(())).unwrap();
    assert_eq!(profile.inject.cgroup_parent(), Some("/ci"));
    assert_eq!(profile.anonymous_volumes, AnonymousVolumes::Leave);
    listener.cgroup_parent.value = CgroupParent::OfOwnContainer;
    let profile = listener.profile(|| Ok::<_, ()>("/own".into()));
    let profile = profile.unwrap();
    assert_eq!(profile.inject.cgroup_parent(), Some("/own"));
    assert_eq!(profile.inject.build_cgroup_parent(), Some("/own"));
    assert_eq!(listener.profile(|| Err("why")).err(), Some("why"));
}

fn sourced<T>(value: T) -> Sourced<T> {
    Sourced { value, by: String::new() }
}
