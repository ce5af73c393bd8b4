//! A conversation as data, played through the core, and the laws for all conversations.

use dockerd_ci_proxy::engine::{Upgrade, route};
use dockerd_ci_proxy::http::head;
use dockerd_ci_proxy::http::target::decoded_path;
use dockerd_ci_proxy::proxy::LANE_LIMIT;

use super::labelled::assert_labelled;
use super::naive::{self, Ending};
use super::player::{Pace, Player, profile};
use super::{forced, questions};

/// The bytes of a client, and the daemon's reply to each complete request.
#[derive(Debug, Default)]
pub struct Script {
    pub client: Vec<u8>,
    /// Further requests get [`DULL`] replies.
    pub replies: Vec<Vec<u8>>,
}

const DULL: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";

/// The errors that a client gets for bad HTTP/2 of either side, escaped.
const BAD_HTTP2: [&str; 2] =
    [r"the client\'s HTTP/2 is malformed", r"the daemon\'s HTTP/2 is malformed"];

/// All bytes that client and daemon got.
#[derive(Debug, PartialEq, Eq)]
pub struct Got {
    pub client: Vec<u8>,
    pub daemon: Vec<u8>,
}

impl Script {
    /// Reads a script from bytes: the client's, then each reply after a NUL.
    pub fn read(bytes: &[u8]) -> Self {
        let mut parts = bytes.split(|byte| *byte == 0).map(<[u8]>::to_vec);
        Self { client: parts.next().unwrap_or_default(), replies: parts.collect() }
    }

    /// The opposite of [`read`](Self::read).
    pub fn write(&self) -> Vec<u8> {
        let parts: Vec<&[u8]> =
            [&self.client].into_iter().chain(&self.replies).map(|part| &part[..]).collect();
        parts.join(&0)
    }

    /// Plays the conversation and returns the player, with both ends still open. `cut` returns the length of each
    /// piece, of either side.
    fn play(&self, pace: Pace, mut cut: impl FnMut() -> usize) -> Player {
        let mut player = Player::new(pace);
        let mut replies = self.replies.iter();
        // Bytes of the daemon that were answered.
        let mut answered = 0;
        let mut rest = &*self.client;
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(cut().min(rest.len()));
            rest = behind;
            player.client.sends.extend(piece);
            player.settle();
            while let Some((request, rest)) = naive::request(&player.daemon.got[answered..]) {
                answered = player.daemon.got.len() - rest.len();
                let reply = match questions::answer_to(&request) {
                    Some(answer) => answer,
                    None => replies.next().map_or_else(|| DULL.to_vec(), Clone::clone),
                };
                let mut rest = &*reply;
                while !rest.is_empty() {
                    let (piece, behind) = rest.split_at(cut().min(rest.len()));
                    rest = behind;
                    player.daemon.sends.extend(piece);
                    player.settle();
                }
            }
        }
        player
    }

    /// Plays the conversation to its end and returns the bytes that both sides got.
    pub fn result(&self, pace: Pace, cut: impl FnMut() -> usize) -> Got {
        let mut player = self.play(pace, cut);
        player.client.ends = true;
        player.settle();
        player.daemon.ends = true;
        player.settle();
        Got { client: player.client.got, daemon: player.daemon.got }
    }

    /// Fails unless the script leads to `whole` when it comes in other pieces, and past the inboxes where that is
    /// possible.
    pub fn assert_same_in_pieces(&self, whole: &Got, cut: impl FnMut() -> usize) {
        let cut = self.result(Pace::PAST, cut);
        self.assert_lawful(&cut);
        let [one, other] = [whole, &cut].map(|got| without_ends(&got.daemon));
        // When a malformed body is found, more or less of the request may have been forwarded.
        let same = one.starts_with(other) || other.starts_with(one);
        assert!(same, "\n{}\n{}", one.escape_ascii(), other.escape_ascii());
        // A daemon that sends more than one response is cut off, sooner or later.
        if self.is_orderly(whole) {
            assert_eq!(naive::requests(one), naive::requests(other));
            let [one, other] = [whole, &cut].map(|got| got.client.escape_ascii().to_string());
            // If both sides send bad HTTP/2, the pieces decide whose is found first.
            let both_are_bad = BAD_HTTP2.iter().all(|bad| one.contains(bad) != other.contains(bad));
            assert!(one == other || both_are_bad, "\n{one}\n{other}");
        }
    }

    /// Returns `true` if the daemon sent one response to each request.
    fn is_orderly(&self, got: &Got) -> bool {
        let requests = naive::requests(&got.daemon);
        let theirs = requests.iter().filter(|request| questions::answer_to(request).is_none());
        theirs.zip(&self.replies).all(|(request, reply)| is_one_response(request, reply))
    }

    /// Fails if the proxy exceeds its limit for a side that repeats its bytes forever while the other side reads
    /// nothing.
    pub fn assert_bounded(&self) {
        // A head, and permitted bytes before it.
        let most = head::LIMIT + 1 + LANE_LIMIT;
        let mut player = self.play(Pace::WHOLE, || usize::MAX);
        assert!(player.flooded_by_client(&self.client, 2 * most) <= most);
        let mut player = self.play(Pace::WHOLE, || usize::MAX);
        let replies = self.replies.concat();
        assert!(player.flooded_by_daemon(&replies, 2 * most) <= most);
    }

    /// Fails unless the daemon got the client's requests, as Go reads them: byte for byte if they create nothing,
    /// else with the forced values. Between them the proxy's own questions before a create may come.
    pub fn assert_lawful(&self, got: &Got) {
        let mut replies = self.replies.iter();
        let mut sent = &*self.client;
        let mut came = without_ends(&got.daemon);
        while let Some((request, behind)) = naive::request(came) {
            let raw = &came[..came.len() - behind.len()];
            came = behind;
            let (waiting, rest) = naive::request(sent).expect("the client has sent it whole");
            let asks_first = |it: &naive::Request| {
                match naive::may_create(&it.method, &it.target) {
                    Some("/containers/create") => true,
                    // Some daemons read an empty body as an empty document.
                    Some("/volumes/create") => it.body.is_empty(),
                    _ => false,
                }
            };
            let route = |it: &naive::Request| naive::may_create(&it.method, &it.target);
            if asks_first(&waiting) && route(&waiting) != route(&request) {
                assert!(questions::answer_to(&request).is_some(), "{}", raw.escape_ascii());
                continue;
            }
            let creates = naive::creates(&request.method, &request.target).is_some();
            if creates || !sent.starts_with(raw) {
                assert_edited(&waiting, &request);
            }
            sent = rest;
            if opens_tunnel(&request, replies.next().map_or(DULL, |reply| reply)) {
                // Nothing after it is parsed, except for BuildKit's calls.
                let raw = sent.starts_with(came) || request.target.contains("/grpc");
                assert!(raw, "{}", came.escape_ascii());
                return;
            }
        }
        // BuildKit's calls, in HTTP/2, are checked elsewhere.
        if came.is_empty() || sent.starts_with(b"PRI * HTTP/2.0\r\n") {
            return;
        }
        // A request with an incomplete body; edited bodies are sent in one piece.
        let (request, body) = naive::head(came).expect("heads leave in one piece");
        let (wanted, rest) = naive::head(sent).expect("the client has sent it");
        if naive::creates(&request.method, &request.target).is_some() || wanted != request {
            assert_edited(&wanted, &request);
        }
        assert!(rest.starts_with(body), "{}", came.escape_ascii());
    }
}

/// Removes the marks of ends from the daemon's bytes.
fn without_ends(got: &[u8]) -> &[u8] {
    let open = got.strip_suffix(b"<closed>").unwrap_or(got);
    open.strip_suffix(b"<end>").unwrap_or(open)
}

/// Fails unless `got` is the client's request with the forced values.
fn assert_edited(wrote: &naive::Request, got: &naive::Request) {
    assert_labelled(&profile(), got);
    assert_eq!(wrote.method, got.method, "{wrote:?}\n{got:?}");
    let path = |request: &naive::Request| request.target.split('?').next().map(str::to_owned);
    assert_eq!(path(wrote), path(got));
    // Requests that no daemon routes to a create may be edited, too.
    let route = naive::may_create(&got.method, &got.target).expect("only what creates is edited");
    let mut fields = [wrote.fields.clone(), got.fields.clone()];
    if forced::is_in_query(route) {
        assert_eq!(wrote.body, got.body);
    } else {
        assert_eq!(wrote.target, got.target);
        let framing = ["content-length", "transfer-encoding", "trailer", "expect"];
        for fields in &mut fields {
            fields.retain(|(name, _)| !framing.contains(&&**name));
        }
        let is_type = |(name, _): &(String, Vec<u8>)| name == "content-type";
        if wrote.body.is_empty() && !wrote.fields.iter().any(is_type) {
            assert_eq!(fields[1].pop_if(|field| is_type(field)).unwrap().1, b"application/json");
        }
    }
    assert_eq!(fields[0], fields[1]);
}

/// Returns `true` if `reply` is exactly one response to `request`; a tunnel has no end.
fn is_one_response(request: &naive::Request, mut reply: &[u8]) -> bool {
    while let Some((response, rest)) = naive::response(reply, request.method == "HEAD") {
        reply = rest;
        return match (response.status, response.ending) {
            (101, _) | (_, Ending::Close) => true,
            (100..=199, _) => continue,
            (_, Ending::Length(length)) => length == rest.len() as u64,
            (_, Ending::Chunked) => naive::dechunk(rest).is_some_and(|(_, rest)| rest.is_empty()),
        };
    }
    false
}

/// Returns `true` if the connection becomes a tunnel after `request` and `reply`.
fn opens_tunnel(request: &naive::Request, mut reply: &[u8]) -> bool {
    let upgrade = route(&request.method, &decoded_path(&request.target).unwrap()).upgrade;
    while let Some((response, rest)) = naive::response(reply, request.method == "HEAD") {
        reply = rest;
        match response.status {
            101 => return upgrade != Upgrade::Never,
            100..=199 => {}
            200 => return upgrade == Upgrade::Hijack && response.ending == Ending::Close,
            _ => return false,
        }
    }
    false
}
