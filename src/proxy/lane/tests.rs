use super::*;

pub(super) fn receive(lane: &mut Lane, bytes: &[u8]) {
    lane.room(LANE_LIMIT)[..bytes.len()].copy_from_slice(bytes);
    lane.received(bytes.len());
}

/// Returns everything that may leave.
pub(super) fn flush(lane: &mut Lane) -> Vec<u8> {
    let mut out = Vec::new();
    while let [first, ..] = lane.leaving() {
        out.push(*first);
        lane.left(1);
    }
    out
}

#[test]
fn nothing_leaves_without_a_permit_and_a_permit_reaches_ahead() {
    let mut lane = Lane::default();
    receive(&mut lane, b"abc");
    assert_eq!(flush(&mut lane), b"");
    lane.permit(5);
    assert_eq!((flush(&mut lane), lane.is_clear()), (b"abc".to_vec(), false));
    receive(&mut lane, b"defg");
    assert_eq!(lane.unseen(), b"fg");
    assert_eq!((flush(&mut lane), lane.is_clear()), (b"de".to_vec(), true));
}

#[test]
fn bytes_of_the_proxy_leave_between_permitted_and_later_bytes() {
    let mut lane = Lane::default();
    receive(&mut lane, b"abcd");
    lane.permit(2);
    lane.queue(b"12".to_vec());
    lane.queue(b"3".to_vec());
    lane.permit(1);
    assert_eq!(flush(&mut lane), b"ab123c");
    assert_eq!((lane.unseen(), lane.count()), (b"d".as_slice(), 6));
}

#[test]
fn permitted_bytes_for_a_broken_sink_are_dropped() {
    let mut lane = Lane::default();
    receive(&mut lane, b"abcd");
    lane.permit(2);
    lane.sink_broke();
    lane.queue(b"x".to_vec());
    lane.permit(1);
    assert_eq!((flush(&mut lane), lane.unseen()), (Vec::new(), b"d".as_slice()));
    lane.permit(3);
    receive(&mut lane, b"efg");
    assert_eq!((flush(&mut lane), lane.unseen()), (Vec::new(), b"g".as_slice()));
}

#[test]
fn a_half_close_waits_for_the_last_byte() {
    let mut lane = Lane::default();
    receive(&mut lane, b"a");
    lane.permit_all();
    lane.finish();
    assert!(!lane.to_finish());
    flush(&mut lane);
    assert!(lane.to_finish());
}
