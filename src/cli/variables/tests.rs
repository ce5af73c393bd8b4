use super::*;

fn unknown_of(names: &[&str]) -> Vec<String> {
    unknown(names.iter().map(|name| (name.into(), "1".into())))
}

#[test]
fn a_similar_variable_or_a_flag_without_one_is_suggested() {
    let cases = [
        ("DCP_LABEL", "DCP_LABELS"),
        ("DCP_LABLES", "DCP_LABELS"),
        ("DCP_LISTENSOCKET", "DCP_LISTEN_SOCKET"),
        ("DCP_DOCKER", "DCP_DOCKER_SOCKET"),
        ("DCP_CGROUPPARENT", "DCP_CGROUP_PARENT"),
        ("DCP_STATS", "DCP_STATS_SOCKET"),
        ("DCP_STRICT", "--strict"),
        ("DCP_DRAIN_TIME", "--drain-time"),
        ("DCP_NO_BUILDKIT", "--no-buildkit"),
        ("DCP_SOCKET_BIND", "--socket-bind"),
        ("DCP_SOCKET_MODE", "--socket-mode"),
        ("DCP_SOCKET_GROUP", "--socket-group"),
    ];
    for (name, near) in cases {
        let wanted = format!("{name}: unknown variable; did you mean {near}?");
        assert_eq!(unknown_of(&[name]), [wanted]);
    }
}

#[test]
fn a_variable_without_a_similar_one_is_reported_on_one_line() {
    let wanted = ["A\\nB", "QUOTA"].map(|name| format!("DCP_{name}: unknown variable; see --help"));
    assert_eq!(unknown_of(&["DCP_QUOTA", "DCP_A\nB"]), wanted);
}

#[test]
fn known_variables_and_those_of_others_are_not_reported() {
    let read = FLAGS.iter().filter_map(|flag| flag.variable);
    let read = read.chain(["DCP_FLAGS", "DCP_HANDOVER", "DCP_TEST_BINARY", "PATH", "XDCP_A"]);
    assert!(unknown_of(&read.collect::<Vec<_>>()).is_empty());
    assert!(unknown([("DCP_LABEL".into(), "".into())].into_iter()).is_empty());
}
