use super::*;
use std::time::Duration;

use mio::Events;

use crate::net::server::accepting::Accepting;
use crate::net::server::changes::tests::Lab;

/// Waits for the reading, and notes its end.
fn wait_for_reading(lab: &mut Lab) {
    let mut events = Events::with_capacity(8);
    lab.server.poll.poll(&mut events, Some(Duration::from_secs(30))).unwrap();
    events.iter().for_each(|event| lab.server.note(event));
}

#[test]
fn a_signal_has_the_file_read_and_another_one_once_more() {
    let mut lab = Lab::new("signal");
    lab.server.start_reload();
    assert!(!lab.server.reload.is_running(), "there is no file");
    let plans = [
        Ok(vec![lab.plan("a", "a", "second")]),
        Err(vec!["config.toml:1:2: wrong".to_owned()]),
        Ok(vec![lab.plan("a", "a", "fourth")]),
    ];
    let plans = std::sync::Mutex::new(plans.into_iter());
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let read = move || {
        gate.lock().unwrap().recv().unwrap();
        plans.lock().unwrap().next().expect("it is read no more")
    };
    lab.server.reload_by(read, &EarlySignal(Arc::new(true.into())));
    lab.server.reload_if_missed();
    assert!(lab.server.reload.is_running());
    // Two more come to one.
    lab.server.start_reload();
    lab.server.start_reload();
    for (succeeded, failed, running) in [(1, 0, true), (1, 1, false)] {
        go.send(()).unwrap();
        wait_for_reading(&mut lab);
        let done = lab.server.reload.done;
        assert_eq!((done.succeeded, done.failed), (succeeded, failed));
        assert_eq!(lab.server.reload.is_running(), running);
    }
    let mut ends = lab.connect("a");
    assert!(lab.create(&mut ends).contains("second"));
    // A panic of the reader is an error like others, and a stopping process reads nothing.
    lab.server.start_reload();
    drop(go);
    wait_for_reading(&mut lab);
    assert_eq!((lab.server.reload.done.failed, lab.server.reload.is_running()), (2, false));
    lab.server.accept_no_more(Accepting::Stopping);
    lab.server.start_reload();
    assert!(!lab.server.reload.is_running());
}
