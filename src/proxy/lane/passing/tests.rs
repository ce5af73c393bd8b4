use super::super::LANE_LIMIT;
use super::super::tests::{flush, receive};
use super::*;

#[test]
fn passing_bytes_precede_waiting_ones() {
    let mut lane = Lane::default();
    receive(&mut lane, b"ab");
    lane.permit(10);
    assert_eq!(lane.ahead(), None);
    flush(&mut lane);
    assert_eq!(lane.ahead(), Some(8));
    lane.passes(8);
    assert_eq!((lane.ahead(), lane.passing(), lane.is_clear()), (Some(0), 8, false));
    lane.source_ended();
    assert_eq!(lane.ahead(), None);
    lane.finish();
    assert!(!lane.to_finish());
    lane.passed(8);
    assert!(lane.to_finish() && lane.is_clear());
    assert_eq!(lane.count(), 10);
}

#[test]
fn a_copy_is_dropped_only_if_all_of_it_may_pass() {
    let peek = |permit: u64| {
        let mut lane = Lane::default();
        lane.room(LANE_LIMIT)[..3].copy_from_slice(b"5\r\n");
        lane.peek(3);
        lane.permit(permit);
        (lane.unpeek(5), lane.unseen().to_vec(), flush(&mut lane))
    };
    assert_eq!(peek(8), (0, vec![], vec![]));
    assert_eq!(peek(7), (3, vec![], b"5\r\n".to_vec()));
    assert_eq!(peek(1), (3, b"\r\n".to_vec(), b"5".to_vec()));
}

#[test]
fn a_copy_of_an_incomplete_line_is_dropped_and_its_permit_stays() {
    let mut lane = Lane::default();
    let mut peek = |cut: bool| {
        lane.room(LANE_LIMIT)[..4].copy_from_slice(b"\r\n80");
        lane.peek(4);
        lane.permit(2);
        if cut {
            lane.mark_cut();
        }
        let forgotten = lane.forget_cut();
        (forgotten, lane.unpeek(5), lane.ahead())
    };
    assert_eq!(peek(true), (true, 0, Some(2)));
    assert_eq!(peek(false), (false, 4, None));
}
