//! Clients that disconnect while the proxy asks the daemon before their create: a complete request is delivered,
//! and no descriptor leaks.

use super::ends::End;
use super::lab::Lab;
use super::proxy::until;

const BODY: &str = r#"{"Image":"i","HostConfig":{"VolumesFrom":["c"],"Binds":["v:/x"]}}"#;
const FOUND: &str = "HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{\"Os\":\"linux\"}";
const MADE: &str = "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}";

/// The proxy's requests before the create with [`BODY`], in order: the start of each, and its answer.
const QUESTIONS: [(&str, &str); 3] = [
    ("GET /images/i/json HTTP/1.1\r\n", FOUND),
    ("GET /containers/c/json HTTP/1.1\r\n", FOUND),
    ("POST /volumes/create HTTP/1.1\r\n", MADE),
];

fn create() -> String {
    let length = BODY.len();
    format!("POST /containers/create HTTP/1.1\r\nHost: d\r\nContent-Length: {length}\r\n\r\n{BODY}")
}

/// Reads a whole request at the daemon's end; returns head and body.
fn request(daemon: &mut End) -> (String, String) {
    let head = daemon.gets_head();
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    std::io::Read::read_exact(&mut daemon.stream, &mut body).unwrap();
    (head, String::from_utf8(body).unwrap())
}

/// Plays the daemon for the proxy's requests `from..to`.
fn answers(daemon: &mut End, from: usize, to: usize) {
    for (begins, answer) in &QUESTIONS[from..to] {
        let (head, _) = request(daemon);
        assert!(head.starts_with(begins), "{head}");
        daemon.sends(answer);
    }
}

#[test]
fn creates_of_clients_that_are_gone_arrive_and_no_descriptor_stays() {
    let lab = Lab::new();
    until("the proxy is at rest", || (lab.proxy.sockets() == 3).then_some(()));
    let files = lab.proxy.files();
    // All at once; some disconnect before each of the proxy's requests, some before the create.
    let daemons: Vec<(usize, End)> = (0..40)
        .map(|number| {
            let answered = number % (QUESTIONS.len() + 1);
            let (mut client, mut daemon) = lab.pair();
            client.sends(create());
            answers(&mut daemon, 0, answered);
            drop(client);
            (answered, daemon)
        })
        .collect();
    for (answered, mut daemon) in daemons {
        answers(&mut daemon, answered, QUESTIONS.len());
        let (head, body) = request(&mut daemon);
        assert!(head.starts_with("POST /containers/create HTTP/1.1\r\n"), "{head}");
        assert!(body.contains(r#""Labels":{"ci.job":"7"}"#), "{body}");
        daemon.gets_end();
        daemon.is_closed();
    }
    until("all files are closed", || (lab.proxy.files() == files).then_some(()));
}

/// An incomplete request has no effect.
#[test]
fn nothing_is_done_for_a_create_that_did_not_come_whole() {
    let lab = Lab::new();
    let whole = create();
    for length in [0, 20, whole.len() - BODY.len(), whole.len() - 1] {
        let (mut client, mut daemon) = lab.pair();
        client.sends(&whole[..length]);
        drop(client);
        daemon.gets_end();
        daemon.is_closed();
    }
}

/// The daemon refuses a request of the proxy after the client has gone: the create is not sent.
#[test]
fn a_question_that_fails_ends_an_abandoned_create() {
    let lab = Lab::new();
    let (mut client, mut daemon) = lab.pair();
    client.sends(create());
    answers(&mut daemon, 0, 2);
    drop(client);
    request(&mut daemon);
    daemon.sends("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\n{}");
    daemon.gets_end();
    daemon.is_closed();
}
