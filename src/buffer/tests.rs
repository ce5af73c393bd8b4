use super::*;

fn put(window: &mut Buffer, bytes: &[u8], limit: usize) -> usize {
    let room = window.spare(limit);
    let n = room.len().min(bytes.len());
    room[..n].copy_from_slice(&bytes[..n]);
    window.fill(n);
    n
}

#[test]
fn bytes_leave_in_order() {
    let mut window = Buffer::default();
    put(&mut window, b"hello ", 100);
    put(&mut window, b"world", 100);
    window.consume(3);
    assert_eq!(window.data(), b"lo world");
    window.extend(b"!");
    window.truncate(4);
    assert_eq!(window.data(), b"lo w");
    window.consume(99);
    assert!(window.is_empty());
}

#[test]
fn never_holds_more_than_the_limit_and_grows_up_to_it() {
    let limit = 3 * STORAGE + 7;
    let mut window = Buffer::default();
    let bytes = vec![7; STORAGE];
    let mut held = 0;
    while held < limit {
        let n = put(&mut window, &bytes, limit);
        assert!(n > 0, "stuck at {held}");
        held += n;
    }
    assert_eq!(window.len(), limit);
    assert!(window.spare(limit).is_empty());
    window.consume(1);
    assert_eq!(window.spare(limit).len(), 1);
}

#[test]
fn an_empty_window_gives_its_storage_back() {
    let mut pool = Pool::default();
    let mut window = Buffer::default();
    pool.lend(&mut window);
    put(&mut window, b"x", STORAGE);
    pool.reclaim(&mut window);
    assert_eq!(window.data(), b"x");
    window.consume(1);
    pool.reclaim(&mut window);
    assert_eq!(window.storage.capacity(), 0);
    assert_eq!(pool.free.len(), 1);
}
