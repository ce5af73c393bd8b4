//! Creates without a body.

use crate::support::{Kind, Lab, converse};

const REST: &str = "Host: d\r\nConnection: close\r\n\r\n";

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

/// Docker 23 and later create an anonymous volume, which gets labels. Other engines refuse the request, with
/// the same message through the proxy.
#[test]
fn a_volume_without_a_body_is_what_the_daemon_makes_of_it() {
    let Some(lab) = Lab::open() else { return };
    for fields in ["", "Content-Length: 0\r\n", "Content-Type: application/json\r\n"] {
        let request = format!("POST /volumes/create HTTP/1.1\r\n{fields}{REST}");
        let direct = converse(&lab.engine.socket, request.as_bytes(), false);
        let through = converse(&lab.proxy.socket(), request.as_bytes(), false);
        assert_eq!(status(&through), status(&direct), "{through}");
        if status(&direct) != "201" {
            // Podman's answers contain a number.
            let body = |answer: &str| answer.split("\\r\\n\\r\\n").nth(1).map(ToOwned::to_owned);
            assert_eq!(body(&through), body(&direct));
            continue;
        }
        for (answer, is_ours) in [(direct, false), (through, true)] {
            let (_, name) = answer.split_once("\"Name\":\"").unwrap();
            let name = &name[..64];
            lab.remove_later(Kind::Volume, name);
            if is_ours {
                lab.assert_labels(Kind::Volume, name, &[]);
            }
        }
    }
    let odd = format!("POST /volumes/create HTTP/1.1\r\nContent-Type: text/plain\r\n{REST}");
    let direct = converse(&lab.engine.socket, odd.as_bytes(), false);
    let through = converse(&lab.proxy.socket(), odd.as_bytes(), false);
    assert_eq!(status(&through), status(&direct), "{through}");
}

/// No daemon creates anything else without a body, so the proxy may refuse that with its own message.
#[test]
fn nothing_else_is_made_without_a_body() {
    let Some(lab) = Lab::open() else { return };
    for path in [
        "/containers/create",
        "/networks/create",
        "/services/create",
        "/secrets/create",
        "/configs/create",
    ] {
        let request = format!("POST {path} HTTP/1.1\r\n{REST}");
        let direct = converse(&lab.engine.socket, request.as_bytes(), false);
        assert!(status(&direct).starts_with(['4', '5']), "{direct}");
        let through = converse(&lab.proxy.socket(), request.as_bytes(), false);
        assert_eq!(status(&through), "400", "{through}");
        assert!(through.contains("the request has no body"), "{through}");
    }
}
