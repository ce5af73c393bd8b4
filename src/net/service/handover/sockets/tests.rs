use super::*;
use std::os::unix::net::{UnixListener, UnixStream};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Makes listening sockets in a folder of their own, which is removed at once.
fn sockets(test: &str, count: usize) -> Vec<Listener> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
    let folder = std::env::temp_dir().join(format!("dcp-sockets-{test}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let socket = |number| UnixListener::bind(folder.join(format!("{number}"))).unwrap();
    let sockets = (0..count).map(|number| Listener::passed(socket(number)).unwrap()).collect();
    std::fs::remove_dir_all(&folder).unwrap();
    sockets
}

fn as_jobs(sockets: &[Listener]) -> Vec<(Use, &Listener)> {
    sockets.iter().map(|listener| (Use::Job, listener)).collect()
}

#[test]
fn six_hundred_sockets_arrive_in_their_order() {
    let mut sent = sockets("many", 600);
    for (number, listener) in sent.iter_mut().enumerate() {
        *listener = Listener::passed(listener.as_fd().try_clone_to_owned().unwrap().into())
            .unwrap()
            .with_file(Some((1, number as u64)))
            .with_name(&format!("{}{number}", "x".repeat(200)));
    }
    let (old, new) = UnixStream::pair().unwrap();
    let mut all = as_jobs(&sent);
    all[0].0 = Use::Clients;
    all[599].0 = Use::Stats;
    pass(&old, &all).unwrap();
    drop(old);
    let Sockets { mut clients, stats, jobs } = take(&new).unwrap();
    clients.extend(jobs);
    clients.extend(stats);
    let known = |listener: &Listener| {
        (listener.path().to_owned(), listener.name().to_owned(), listener.identity())
    };
    assert_eq!(
        clients.iter().map(known).collect::<Vec<_>>(),
        sent.iter().map(known).collect::<Vec<_>>()
    );
}

#[test]
fn thousands_wait_for_the_new_process() {
    let one = sockets("waiting", 1);
    let name = "gitlab-runner-of-team-7";
    let one = one.into_iter().next().unwrap().with_file(Some((66_305, 12_345_678))).with_name(name);
    let (old, new) = UnixStream::pair().unwrap();
    let all = vec![(Use::Job, &one); 6000];
    pass(&old, &all).unwrap();
    drop(new);
    let (old, _new) = UnixStream::pair().unwrap();
    let why = pass(&old, &vec![(Use::Job, &one); 100_000]).unwrap_err().to_string();
    assert!(why.starts_with("100000 sockets are too many to pass; "), "{why}");
}

#[test]
fn what_is_incomplete_is_not_taken() {
    let one = sockets("incomplete", 1);
    let text = |count: usize| {
        let entry = Entry { role: Use::Job, name: String::new(), file: None };
        messages(std::iter::repeat_n(entry, count)).remove(0).0
    };
    // The file of one socket is missing, the second message, or everything.
    for (text, files) in [(text(2), 1), (text(SOCKETS + 1), SOCKETS), (String::new(), 0)] {
        let (old, new) = UnixStream::pair().unwrap();
        if files > 0 {
            send(&old, &text, &vec![one[0].as_fd(); files]).unwrap();
        }
        drop(old);
        assert_eq!(take(&new).unwrap_err().to_string(), "what was passed is not understood");
    }
}
