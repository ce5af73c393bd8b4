use super::*;

#[test]
fn a_token_holds_its_place_and_differs_by_serial_number() {
    for slot in [0, 1, 77, MAX_SLOTS - 1] {
        for side in [Side::Client, Side::Daemon] {
            assert_eq!(place(token(slot, side, u32::MAX)), (slot, side));
            assert_ne!(token(slot, side, 1), token(slot, side, 2));
            assert!(is_paired(token(slot, side, 0)) && is_paired(token(slot, side, u32::MAX)));
        }
    }
}

#[test]
fn other_tokens_are_below_those_of_pairs() {
    assert!(!is_paired(Token(0)) && !is_paired(Token((1 << (SLOT_BITS + 1)) - 1)));
}

#[test]
fn numbers_are_used_again() {
    let mut slab = Slab::new();
    slab.insert('a');
    slab.insert('b');
    assert_eq!(slab.remove(0), Some('a'));
    assert_eq!((slab.remove(0), slab.next(), slab.len()), (None, 0, 1));
    slab.insert('c');
    assert_eq!(slab.slots().collect::<Vec<_>>(), [0, 1]);
    assert_eq!(slab.get_mut(0), Some(&mut 'c'));
}
