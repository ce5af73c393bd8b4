use super::*;
use crate::rules::Profile;
use crate::rules::policy::buildkit::called;

/// A call that is rewritten.
fn rewritten() -> Called {
    let path = b"/moby.buildkit.v1.frontend.LLBBridge/Solve";
    called(&Profile::default(), path).unwrap().0.unwrap()
}

/// Checks the counts after each step, and that `grant` visits changed calls only.
#[test]
fn counts_of_waiting_bytes_match_the_queue() {
    let mut queue = SendQueue::new(&Rc::default());
    let (mut up, mut down) = (Lane::default(), Lane::default());
    let check = |queue: &SendQueue| {
        let sum = |stream: Option<u32>| -> usize {
            let of = |one: &&Waiting| stream.is_none_or(|stream| one.stream == stream);
            queue.waiting.iter().filter(of).map(Waiting::unsent).sum()
        };
        assert_eq!(queue.unsent, sum(None));
        for (stream, call) in &queue.calls {
            assert_eq!(call.unsent, sum(Some(*stream)), "{stream}");
        }
    };
    for stream in [1, 3, 5] {
        queue.open(stream, rewritten()).unwrap();
    }
    for (stream, length) in [(1, 40_000), (3, 50_000), (9, 10), (1, 30_000), (5, 0)] {
        queue.send(stream, vec![0; length], false).unwrap();
        check(&queue);
    }
    queue.end(5).unwrap();
    for _ in 0..2 {
        queue.flush(&mut up);
        check(&queue);
        up.left(up.backlog());
    }
    assert!(queue.unsent > 0 && queue.settled);
    queue.grant(&mut down);
    assert!(queue.touched.is_empty());
    queue.opened(0, 20_000).unwrap();
    assert!(!queue.settled);
    queue.flush(&mut up);
    check(&queue);
    queue.reset(3);
    check(&queue);
    queue.call(1).unwrap().ended = true;
    queue.call(1).unwrap().finished = true;
    queue.grant(&mut down);
    assert!(queue.calls.contains_key(&1));
    for _ in 0..9 {
        queue.opened(0, 100_000).unwrap();
        queue.opened(1, 100_000).unwrap();
        up.left(up.backlog());
        queue.flush(&mut up);
        check(&queue);
    }
    assert_eq!(queue.unsent, 0);
    queue.grant(&mut down);
    assert!(!queue.calls.contains_key(&1) && queue.calls.contains_key(&5));
}

#[test]
fn an_update_for_a_call_that_was_reset_opens_no_other_window() {
    let mut queue = SendQueue::new(&Rc::default());
    queue.open(1, rewritten()).unwrap();
    queue.reset(1);
    queue.opened(1, 1000).unwrap();
    assert_eq!(queue.connection, Window::new(INITIAL));
    queue.opened(0, 1000).unwrap();
    assert_ne!(queue.connection, Window::new(INITIAL));
}
