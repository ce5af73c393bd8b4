use super::*;
use std::os::unix::net::UnixStream;

#[test]
fn the_caller_of_a_local_pair_is_this_process() {
    let (one, _other) = UnixStream::pair().unwrap();
    let uid = rustix::process::geteuid().as_raw();
    let pid = NonZeroU32::new(std::process::id()).unwrap();
    assert_eq!(Caller::of(&one), Caller::Known { uid, pid });
    assert_eq!(Caller::of(&one).to_string(), format!("uid {uid}, pid {pid}"));
}

#[test]
fn missing_credentials_are_shown_as_unknown() {
    assert_eq!(Caller::Foreign { uid: 7 }.to_string(), "uid 7, pid unknown");
    assert_eq!(Caller::of(&std::fs::File::open("/dev/null").unwrap()), Caller::Unknown);
}
