use super::*;
use std::os::unix::net::UnixStream;

#[test]
fn the_other_end_of_a_local_pair_is_this_process() {
    let (one, _other) = UnixStream::pair().unwrap();
    let uid = rustix::process::geteuid().as_raw();
    let gid = rustix::process::getegid().as_raw();
    let pid = NonZeroU32::new(std::process::id()).unwrap();
    assert_eq!(Credentials::of(&one), Credentials::Known { uid, gid, pid });
    assert_eq!(Credentials::of(&one).to_string(), format!("uid {uid}, pid {pid}"));
}

#[test]
fn missing_credentials_are_shown_as_unknown() {
    assert_eq!(Credentials::Foreign { uid: 7, gid: 8 }.to_string(), "uid 7, pid unknown");
    assert_eq!(Credentials::of(&std::fs::File::open("/dev/null").unwrap()), Credentials::Unknown);
}
