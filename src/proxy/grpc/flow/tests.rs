use super::*;

/// What is kept of what waits is what waits, and nobody is looked at of whom nothing has changed.
#[test]
fn what_waits_is_summed_up_as_it_comes_and_goes() {
    let mut flow = Flow::new(&Rc::default());
    let (mut up, mut down) = (Lane::default(), Lane::default());
    let check = |flow: &Flow| {
        let sum = |stream: Option<u32>| -> usize {
            let of = |one: &&Waiting| stream.is_none_or(|stream| one.stream == stream);
            flow.waiting.iter().filter(of).map(Waiting::unsent).sum()
        };
        assert_eq!(flow.unsent, sum(None));
        for (stream, call) in &flow.calls {
            assert_eq!(call.unsent, sum(Some(*stream)), "{stream}");
        }
    };
    for stream in [1, 3, 5] {
        flow.open(stream, Method::BridgeSolve).unwrap();
    }
    for (stream, length) in [(1, 40_000), (3, 50_000), (9, 10), (1, 30_000), (5, 0)] {
        flow.send(stream, vec![0; length], false).unwrap();
        check(&flow);
    }
    flow.end(5).unwrap();
    for _ in 0..2 {
        flow.flush(&mut up);
        check(&flow);
        up.left(up.backlog());
    }
    assert!(flow.unsent > 0 && flow.settled);
    flow.grant(&mut down);
    assert!(flow.touched.is_empty());
    flow.opened(0, 20_000).unwrap();
    assert!(!flow.settled);
    flow.flush(&mut up);
    check(&flow);
    flow.reset(3);
    check(&flow);
    flow.call(1).unwrap().ended = true;
    flow.call(1).unwrap().finished = true;
    flow.grant(&mut down);
    assert!(flow.calls.contains_key(&1));
    for _ in 0..9 {
        flow.opened(0, 100_000).unwrap();
        flow.opened(1, 100_000).unwrap();
        up.left(up.backlog());
        flow.flush(&mut up);
        check(&flow);
    }
    assert_eq!(flow.unsent, 0);
    flow.grant(&mut down);
    assert!(!flow.calls.contains_key(&1) && flow.calls.contains_key(&5));
}

#[test]
fn an_update_for_a_call_that_was_reset_opens_no_other_window() {
    let mut flow = Flow::new(&Rc::default());
    flow.open(1, Method::BridgeSolve).unwrap();
    flow.reset(1);
    flow.opened(1, 1000).unwrap();
    assert_eq!(flow.connection, Window::new(INITIAL));
    flow.opened(0, 1000).unwrap();
    assert_ne!(flow.connection, Window::new(INITIAL));
}
