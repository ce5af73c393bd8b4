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
    let injection = config.injection(|| Err(())).unwrap();
    assert_eq!(injection.inject.cgroup_parent(), Some("/ci"));
    assert_eq!(injection.anonymous_volumes, AnonymousVolumes::Leave);
    config.cgroup_parent = CgroupParent::OfOwnContainer;
    let injection = config.injection(|| Ok::<_, ()>("/own".into()));
    let injection = injection.unwrap();
    assert_eq!(injection.inject.cgroup_parent(), Some("/own"));
    assert_eq!(injection.inject.build_cgroup_parent(), Some("/own"));
    assert_eq!(config.injection(|| Err("why")).err(), Some("why"));
}
