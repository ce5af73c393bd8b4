use super::*;

#[test]
fn each_has_one_time_and_they_come_in_order() {
    let mut timers = Timers::default();
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    timers.set(7, Some(at(1)));
    timers.set(3, Some(at(2)));
    timers.set(7, Some(at(3)));
    timers.set(5, Some(at(2)));
    timers.set(5, None);
    assert_eq!(timers.wait(start), Some(Duration::from_secs(2)));
    assert_eq!((timers.due(at(1)), timers.due(at(2)), timers.due(at(2))), (None, Some(3), None));
    assert_eq!((timers.due(at(4)), timers.due(at(4))), (Some(7), None));
    assert_eq!(timers.wait(start), None);
}
