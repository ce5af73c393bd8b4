use super::*;

#[test]
fn a_clients_path_is_escaped_and_bounded() {
    let forged = "/x\n\u{1b}[2Kdockerd-ci-proxy: info: forged\u{2028}/../run/docker.sock";
    let text = shown(forged).to_string();
    assert!(!text.contains(|letter: char| !(' '..='~').contains(&letter)), "{text:?}");
    assert!(text.contains(r"/x\n\u{1b}[2Kdockerd"), "{text}");
    let long = "\u{e9}".repeat(10_000_000);
    let text = shown(&long).to_string();
    assert_eq!(text.matches('\u{e9}').count(), PATH_MAX / 2);
    assert!(text.len() < PATH_MAX + 300);
}
