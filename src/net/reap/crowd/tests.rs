use std::collections::BTreeSet;
use std::sync::Barrier;

use super::*;

#[test]
fn each_item_is_done_once() {
    let items: Vec<usize> = (0..1000).collect();
    for limit in [0, 1, 8, 5000] {
        let mut done = Vec::new();
        each(limit, &items, |item| item * 2, |item, result| done.push((*item, result)));
        assert!(done.iter().all(|(item, result)| item * 2 == *result));
        let distinct: BTreeSet<usize> = done.iter().map(|(item, _)| *item).collect();
        assert_eq!((done.len(), distinct.len()), (1000, 1000), "{limit}");
    }
}

#[test]
fn items_are_done_at_once() {
    // Fails by hanging.
    let barrier = Barrier::new(4);
    each(4, &[1, 2, 3, 4], |_| barrier.wait().is_leader(), |_, _| {});
}
