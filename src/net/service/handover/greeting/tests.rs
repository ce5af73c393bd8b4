use super::*;

#[test]
fn what_is_written_is_what_is_read() {
    let all = [
        Entry { role: Use::Clients, name: String::new(), file: Some((7, u64::MAX)) },
        Entry { role: Use::Clients, name: "a b".into(), file: None },
        Entry { role: Use::Stats, name: "x".into(), file: Some((1, 2)) },
    ];
    let text = message(all.iter().cloned());
    assert_eq!(text.lines().nth(1), Some("clients 7 18446744073709551615"));
    assert_eq!(entries(&text), Some(all.to_vec()));
    assert_eq!(entries(&message(std::iter::empty())), Some(Vec::new()));
}

#[test]
fn the_longest_message_has_room() {
    let longest =
        Entry { role: Use::Clients, name: "x".repeat(255), file: Some((u64::MAX, u64::MAX)) };
    assert!(message(std::iter::repeat_n(longest, SOCKETS)).len() <= MESSAGE);
}

#[test]
fn what_is_not_understood_is_refused() {
    let line = |line: &str| entries(&format!("{GREETING}\n{line}\n"));
    assert!(line("clients 1 2").is_some());
    for strange in ["", "clients 1", "clients 1 2 3", "clients a b", "jobs", "clients -1 2"] {
        assert_eq!(line(strange), None, "{strange:?}");
    }
    for strange in ["", "\n", "clients\n", GREETING] {
        assert_eq!(entries(strange), None, "{strange:?}");
    }
}
