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
    let mut listeners = Listeners::new(vec![bind("a"), bind("b"), bind("c")]);
    let knock = |name: &str| Client::connect(folder.join(name)).unwrap();
    let _clients = ["a", "a", "a", "c"].map(knock);
    let taken = |listeners: &mut Listeners| {
        let (stream, place) = listeners.accept().ok()?;
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
