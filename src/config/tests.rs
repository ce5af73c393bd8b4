use super::*;

#[test]
fn the_own_container_is_looked_up_only_for_self() {
    let mut config = Config {
        listen: "/a".into(),
        access: SocketAccess::default(),
        daemon: "/b".into(),
        labels: Vec::new(),
        image_labels: Vec::new(),
        cgroup_parent: CgroupParent::Fixed("/ci".into()),
        build_cgroup_parent: BuildCgroupParent::Inherit,
        drain: Drain::Never,
        strict: false,
        no_buildkit: false,
        socket_bind: SocketBind::Pass,
        anonymous_volumes: AnonymousVolumes::Leave,
        debug: false,
        log_format: LogFormat::Text,
        stats: None,
    };
    let profile = config.profile(|| Err(())).unwrap();
    assert_eq!(profile.inject.cgroup_parent(), Some("/ci"));
    assert_eq!(profile.anonymous_volumes, AnonymousVolumes::Leave);
    config.cgroup_parent = CgroupParent::OfOwnContainer;
    let profile = config.profile(|| Ok::<_, ()>("/own".into()));
    let profile = profile.unwrap();
    assert_eq!(profile.inject.cgroup_parent(), Some("/own"));
    assert_eq!(profile.inject.build_cgroup_parent(), Some("/own"));
    assert_eq!(config.profile(|| Err("why")).err(), Some("why"));
}
