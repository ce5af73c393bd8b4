use super::*;
use std::os::unix::net::UnixStream as Client;

use crate::config::SocketAccess;

#[test]
fn listeners_take_turns() {
    let folder = std::env::temp_dir().join(format!("dcp-listeners-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let bind = |name: &str| {
        Listener::bind(&folder.join(name), SocketAccess::default(), &folder.join("d")).unwrap()
    };
    let poll = mio::Poll::new().unwrap();
    let mut listeners = Listeners::for_clients();
    for (place, name) in ["a", "b", "c"].into_iter().enumerate() {
        listeners.add(bind(name), place, poll.registry()).unwrap();
    }
    let knock = |name: &str| Client::connect(folder.join(name)).unwrap();
    let _clients = ["a", "a", "a", "c"].map(knock);
    let taken = |listeners: &mut Listeners| {
        let Accepted { stream, place, .. } = listeners.accept().ok()?;
        let address = stream.local_addr().unwrap();
        let name = address.as_pathname().unwrap().file_name().unwrap().to_owned();
        assert_eq!(name, ["a", "b", "c"][place]);
        Some(name)
    };
    // Nothing is known of them yet.
    assert_eq!(taken(&mut listeners), None);
    for place in 0..3 {
        listeners.note(Token(FIRST + place));
    }
    let order: Vec<_> = std::iter::from_fn(|| taken(&mut listeners)).collect();
    assert_eq!(order, ["a", "c", "a", "a"]);
    assert!(!listeners.is_stirred());
    let _late = knock("b");
    listeners.note(Token(FIRST + 1));
    assert!(listeners.is_stirred());
    assert_eq!(taken(&mut listeners).unwrap(), "b");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_listener_moves_to_another_place_and_tokens_are_used_again() {
    let folder = std::env::temp_dir().join(format!("dcp-places-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let bind = |name: &str| {
        Listener::bind(&folder.join(name), SocketAccess::default(), &folder.join("d")).unwrap()
    };
    let poll = mio::Poll::new().unwrap();
    // Two tokens are left.
    let mut listeners = Listeners { base: 2 * FIRST - 2, ..Listeners::for_clients() };
    listeners.next = listeners.base;
    for _ in 0..3 {
        for (place, name) in ["a", "b"].into_iter().enumerate() {
            listeners.add(bind(name), place, poll.registry()).unwrap();
        }
        let left = listeners.assign(poll.registry(), |_, place, _| (place == 1).then_some(7));
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].0.path(), folder.join("a"));
        let places: Vec<_> =
            listeners.iter().map(|(listener, place)| (listener.path(), place)).collect();
        assert_eq!(places, [(&*folder.join("b"), 7)]);
        let _client = Client::connect(folder.join("b")).unwrap();
        let tokens: Vec<_> = listeners.all.iter().map(|door| door.token).collect();
        assert_eq!(tokens, [Token(2 * FIRST - 1)]);
        listeners.note(tokens[0]);
        assert_eq!(listeners.accept().unwrap().place, 7);
        assert_eq!(listeners.assign(poll.registry(), |_, _, _| None).len(), 1);
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
