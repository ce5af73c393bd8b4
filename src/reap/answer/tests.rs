use super::*;

#[test]
fn conflicts_are_normal_life() {
    for (status, message, meaning) in [
        (204, "", Meaning::Gone),
        (200, "[]", Meaning::Gone),
        (404, "No such container: x", Meaning::Gone),
        (409, "removal of container 1 is already in progress", Meaning::Underway),
        (409, "remove v: volume is in use - [1]", Meaning::InUse),
        (
            409,
            "conflict: unable to delete 1 (cannot be forced) - image is being used",
            Meaning::InUse,
        ),
        (403, "error while removing network: network n has active endpoints", Meaning::InUse),
        (403, "network bridge is pre-defined and cannot be removed", Meaning::Refused),
        (400, "rpc error: secret 's' is in use by the following service: x", Meaning::InUse),
        (400, "invalid reference format", Meaning::Refused),
        (500, "unlinkat /x: Device or resource busy", Meaning::Underway),
        (500, "oh", Meaning::InUse),
        (503, "shutting down", Meaning::InUse),
        (304, "", Meaning::Refused),
        (401, "", Meaning::Refused),
    ] {
        assert_eq!(Meaning::of(status, message), meaning, "{status} {message}");
    }
}

#[test]
fn what_is_underway_is_waited_for_longest() {
    let rounds = |meaning: Meaning| meaning.patience();
    assert!(rounds(Meaning::Underway) > rounds(Meaning::InUse));
    assert!(rounds(Meaning::InUse) > rounds(Meaning::Refused));
    assert!(rounds(Meaning::Refused) > rounds(Meaning::Gone));
}

#[test]
fn a_daemon_without_a_swarm_has_none_of_its_things() {
    for kind in Kind::ALL {
        let is_of_swarm = matches!(kind, Kind::Services | Kind::Secrets | Kind::Configs);
        assert_eq!(has_none(*kind, 503), is_of_swarm, "{kind:?}");
        assert_eq!(has_none(*kind, 404), is_of_swarm, "{kind:?}");
        assert!(!has_none(*kind, 500), "{kind:?}");
    }
}
