mod run;

use std::convert::Infallible;

use crate::cli::resolve::tests::listener_of;
use crate::rules::Label;

/// Returns the labels of the proxy's own: those of everything, and those of images.
fn own_labels(words: &str) -> [String; 2] {
    let listener = listener_of(&format!("--listensocket /run/a {words}"), &[]).unwrap();
    let Ok(profile) = listener.profile(|| Ok::<_, Infallible>(String::new()));
    let of_caller = listener.removal.when_gone;
    assert_eq!(profile.of_caller.is_some(), of_caller, "{words}: whether it depends on the caller");
    let own = |labels: &[Label]| {
        let own = labels.iter().filter_map(|label| {
            let key = label.key.strip_prefix("dockerd-ci-proxy.")?;
            // Without the name of the host.
            let (_, value) = label.value.split_once(":/").unwrap_or(("", &label.value));
            Some(format!("{key}={value}"))
        });
        own.collect::<Vec<_>>().join(" ")
    };
    [own(profile.inject.labels()), own(profile.inject.image_labels())]
}

#[test]
fn each_removal_has_the_labels_that_it_looks_for() {
    for (words, all, images) in [
        ("", "", ""),
        ("--mark", "given=Created-Via", "given=by-image"),
        (
            "--reap-on-exit",
            "listener=run/a given=Created-Via dockerd-ci-proxy.listener",
            "listener=run/a given=by-image",
        ),
        (
            "--reap-when-gone",
            "listener=run/a job={container:-} given=Created-Via dockerd-ci-proxy.listener dockerd-ci-proxy.job",
            "listener=run/a job={container:-} given=by-image",
        ),
        (
            "--reap-when-gone --reap-on-exit",
            "listener=run/a job={container:-} given=Created-Via dockerd-ci-proxy.listener dockerd-ci-proxy.job",
            "listener=run/a job={container:-} given=by-image",
        ),
        (
            "--job-socket /run/docker.sock",
            "listener=run/a job= given=Created-Via dockerd-ci-proxy.listener dockerd-ci-proxy.job",
            "listener=run/a job= given=by-image",
        ),
        (
            "--reap-when-gone --image-labels none",
            "listener=run/a job={container:-} given=Created-Via dockerd-ci-proxy.listener dockerd-ci-proxy.job",
            "",
        ),
    ] {
        assert_eq!(own_labels(words), [all, images], "{words}");
    }
}

#[test]
fn a_delay_needs_something_that_is_removed_after_it() {
    let why = listener_of("--reap-delay 5m", &[]).unwrap_err();
    assert_eq!(
        why,
        "--reap-delay: has no effect, since nothing is removed after a delay; expected --reap-when-gone \
         (reap_when_gone) or --job-socket (job_socket) beside it"
    );
    assert!(listener_of("--reap-delay 5m --reap-on-exit", &[]).is_err());
    for words in ["--reap-when-gone", "--job-socket /run/docker.sock"] {
        let listener = listener_of(&format!("--reap-delay 5m {words}"), &[]).unwrap();
        assert_eq!(listener.removal.delay.as_secs(), 300);
    }
}

#[test]
fn the_sockets_of_containers_need_room_beside_the_listening_socket() {
    let at = |length: usize| {
        let words =
            format!("--listensocket /{} --job-socket /var/run/docker.sock", "x".repeat(length - 1));
        listener_of(&words, &[]).map(drop)
    };
    assert_eq!(at(107 - 22), Ok(()));
    let path = format!("/{}.jobs/0123456789abcdef", "x".repeat(107 - 22));
    let why =
        format!("--job-socket: {path} is too long; the path of a socket has at most 107 bytes");
    assert_eq!(at(108 - 22), Err(why));
}
