use super::*;

fn named(name: &str) -> Entry {
    Entry { role: Use::Job, name: name.to_owned(), file: Some((u64::MAX, u64::MAX)) }
}

#[test]
fn what_is_written_is_what_is_read() {
    let all = [
        Entry { role: Use::Clients, name: String::new(), file: Some((7, u64::MAX)) },
        Entry { role: Use::Clients, name: "a b".into(), file: None },
        Entry { role: Use::Stats, name: "x".into(), file: Some((1, 2)) },
        Entry { role: Use::Job, name: "more".into(), file: None },
    ];
    let sent = messages(all.iter().cloned());
    assert_eq!(sent.len(), 1);
    let (text, count) = &sent[0];
    let lines = ["clients 7 18446744073709551615", "clients :a b", "stats 1 2 :x", "job :more"];
    assert_eq!(*text, format!("{GREETING}\n{}\n", lines.join("\n")));
    assert_eq!(*count, 4);
    assert_eq!(entries(text), Some((all.to_vec(), false)));
    let sent = messages(std::iter::empty());
    assert_eq!(sent, [(format!("{GREETING}\n"), 0)]);
    assert_eq!(entries(&sent[0].0), Some((Vec::new(), false)));
}

#[test]
fn many_sockets_are_in_several_messages() {
    let counts = |number: usize, length: usize| {
        let entry = named(&"x".repeat(length));
        let sent = messages(std::iter::repeat_n(entry.clone(), number));
        let counts: Vec<_> = sent.iter().map(|(_, count)| *count).collect();
        let mut more = sent.len();
        for (text, count) in sent {
            assert!(text.len() <= MESSAGE, "{}", text.len());
            more -= 1;
            assert_eq!(entries(&text), Some((vec![entry.clone(); count], more > 0)));
        }
        counts
    };
    assert_eq!(counts(SOCKETS, 0), [SOCKETS]);
    assert_eq!(counts(SOCKETS + 1, 0), [SOCKETS, 1]);
    assert_eq!(counts(600, 20), [SOCKETS, SOCKETS, 600 - 2 * SOCKETS]);
    // By their size.
    let long = counts(SOCKETS, 255);
    assert_eq!((long.len(), long.iter().sum()), (3, SOCKETS));
}

#[test]
fn what_is_not_understood_is_refused() {
    let line = |line: &str| entries(&format!("{GREETING}\n{line}\n"));
    assert!(line("clients 1 2").is_some() && line("more").is_some());
    let strange =
        ["", "clients 1", "clients 1 2 3", "clients a b", "jobs", "clients -1 2", "more\njob"];
    for strange in strange {
        assert_eq!(line(strange), None, "{strange:?}");
    }
    for strange in ["", "\n", "clients\n", "more\n", GREETING] {
        assert_eq!(entries(strange), None, "{strange:?}");
    }
}
