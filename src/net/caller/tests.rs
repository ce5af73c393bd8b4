use super::*;
use std::os::unix::net::UnixStream;

#[test]
fn the_other_end_of_our_own_pair_is_this_process() {
    let (one, _other) = UnixStream::pair().unwrap();
    let uid = rustix::process::geteuid().as_raw();
    let pid = NonZeroU32::new(std::process::id()).unwrap();
    assert_eq!(Caller::of(&one), Caller::Known { uid, pid });
    assert_eq!(Caller::of(&one).to_string(), format!("uid {uid}, pid {pid}"));
}

#[test]
fn what_is_not_known_is_said_to_be_unknown() {
    assert_eq!(Caller::Foreign { uid: 7 }.to_string(), "uid 7, pid unknown");
    assert_eq!(Caller::of(&std::fs::File::open("/dev/null").unwrap()), Caller::Unknown);
}
