//! Whole sessions: both sides get the same bytes, however these are split and however fast they are read.

use crate::support::conversation::{Got, Script};
use crate::support::player::Pace;
use crate::support::random::{Random, check};

const PASSED: &[&str] = &[
    "GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n",
    "GET /containers/json HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "POST /images/load HTTP/1.1\r\nContent-Length: 8\r\nExpect: 100-continue\r\n\r\nGET / \r\n",
    "POST /images/load HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\na\r\n\r\n0\r\nA: b\r\n\r\n",
    "POST /build?t=x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "POST /nothing HTTP/1.1\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
];
const ENDING: &[&str] = &[
    "POST /containers/a/attach HTTP/1.1\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\nraw bytes",
    "POST /containers/create HTTP/1.1\r\n\r\n",
    "POST /build?labels=x HTTP/1.1\r\n\r\n",
    "GET / HTTP/1.1\nHost: d\r\n\r\n",
    "POST /images/load HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "GET / HTT",
    "",
];
const DOCUMENTS: &[&str] = &[
    "{}",
    "null",
    "{\"Labels\":{\"ci.job\":\"evil\"},\"HostConfig\":{\"CgroupParent\":\"/evil\"}}",
    "{\"Image\":\"x\"} ",
    "{\"Labels\":{},\"labels\":{}}",
    "[]",
];
const REPLIES: &[&str] = &[
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}",
    "HTTP/1.1 400 Bad Request\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
    "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nraw reply",
    "HTTP/1.1 200 OK\r\n\r\nuntil the end",
    "nonsense\r\n\r\n",
];

fn create(random: &mut Random) -> String {
    let path = random.pick(&["/v1.41/containers/create?name=a", "/volumes%2Fcreate"]);
    let expect = random.pick(&["", "Expect: 100-continue\r\n"]);
    let body = random.pick(DOCUMENTS);
    let length = body.len();
    if random.once_in(2) {
        let (one, other) = body.split_at(1);
        let rest = length - 1;
        return format!(
            "POST {path} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n{expect}\r\n\
             1\r\n{one}\r\n{rest:x}\r\n{other}\r\n0\r\n\r\n"
        );
    }
    format!("POST {path} HTTP/1.1\r\n{expect}Content-Length: {length}\r\n\r\n{body}")
}

fn script(random: &mut Random) -> Script {
    let requests = random.some(4, |random| match random.below(3) {
        0 => create(random),
        _ => random.pick(PASSED).to_owned(),
    });
    let mut client = requests.concat().into_bytes();
    client.extend(random.pick(ENDING).bytes());
    let replies = (0..5).map(|_| match random.below(3) {
        0 => random.pick(REPLIES),
        _ => random.pick(&REPLIES[..4]),
    });
    Script { replies: replies.map(Into::into).collect(), client }
}

#[test]
fn both_sides_get_the_same_however_the_bytes_come() {
    check(800, |random| {
        let script = script(random);
        let whole = script.result(Pace::WHOLE, || usize::MAX);
        let limits = [1, 2, 7, 100, usize::MAX];
        let by = random.once_in(2);
        let pace = Pace { read: random.pick(&limits), write: random.pick(&limits), by };
        let most = random.pick(&[1, 3, 20, 200]);
        let cut = script.result(pace, || 1 + random.below(most));
        let shown = |got: &Got| {
            let [client, daemon] = [&got.client, &got.daemon].map(|bytes| bytes.escape_ascii());
            format!("client: {client}\ndaemon: {daemon}")
        };
        assert_eq!(shown(&cut), shown(&whole), "\n{}\n{pace:?}", script.client.escape_ascii());
    });
}

#[test]
fn what_reaches_the_daemon_is_what_the_client_sent_with_what_is_forced() {
    check(1_500, |random| {
        let mut script = script(random);
        if random.once_in(2) {
            script.client = random.damaged(&script.client);
        }
        script.assert_lawful(&script.result(Pace::WHOLE, || usize::MAX));
    });
}

#[test]
fn a_side_that_goes_on_and_on_is_held_to_the_limits() {
    check(100, |random| script(random).assert_bounded());
}
