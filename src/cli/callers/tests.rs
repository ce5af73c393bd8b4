use super::*;

#[test]
fn the_facts_and_their_sources_are_named() {
    for (wanted, text) in [
        (Wanted::PROCESS, "its user and group, from the kernel"),
        (Wanted::USER | Wanted::CGROUP, "its cgroup, the name of its user, from the kernel"),
        (Wanted::CONTAINER, "its container, from the kernel and the daemon"),
        (
            Wanted::PARENT | Wanted::PID,
            "its cgroup parent, its process, from the kernel and the daemon",
        ),
    ] {
        assert_eq!(looked_up(wanted), text);
    }
}
