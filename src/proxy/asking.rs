//! A creating request that waits until what it mounts has been looked at, and what must be asked or
//! ordered first has been: on the same daemon connection, unseen by the client.

use std::collections::VecDeque;
use std::mem;

use super::Common;
use super::collect::{Collect, Share};
use super::create::Create;
use super::exchange::{Exchange, Lanes, Turn};
use super::fault::Fault;
use super::images::Image;
use super::inquiry::Inquiry;
use super::outcome::Call;
use super::relay::Relaying;
use crate::engine::takes_empty_body;
use crate::http::head::{self, Scan};
use crate::http::render;
use crate::rules::body::{self, Prepared, Rewritten};
use crate::rules::errands::{Errand, Known, Meaning};
use crate::rules::socket::{Blind, Relation};
use crate::rules::{self, platform};

/// A creating request that waits for an answer.
#[derive(Debug)]
pub(super) struct Asking {
    create: Create,
    /// The gathered body.
    body: Collect,
    draft: Draft,
    /// The path of the host that is looked at, and those behind it.
    unseen: std::vec::IntoIter<String>,
    /// The errand that is under way, and those behind it.
    errands: VecDeque<Errand>,
    /// What is asked about the image, until all of it is known.
    inquiry: Option<Inquiry>,
    known: Known,
    answer: Answer,
}

/// What is to be sent.
#[derive(Debug, Default)]
enum Draft {
    /// It is to be written, with all that is known by then.
    #[default]
    Due,
    /// It is written, and takes this share of the room.
    Written(Rewritten, Share),
}

/// The shell's answer about a path, or the daemon's to an errand.
#[derive(Debug)]
enum Answer {
    /// The path is looked at.
    Looking,
    /// This has been seen.
    Looked(Result<Relation, Blind>),
    /// Its head is awaited.
    Head(Scan),
    /// Its body is gathered.
    Body { status: u16, head: Vec<u8>, content: Collect },
}

impl Asking {
    /// Has the first path looked at, or goes about the first errand.
    pub(super) fn begin(
        create: Create,
        body: Collect,
        prepared: Prepared,
        lanes: &mut Lanes,
        common: &Common,
    ) -> Turn {
        let Prepared { errands, rewritten } = prepared;
        let mut asking = Self {
            errands: errands.into_iter().map(|errand| for_platform(errand, &create)).collect(),
            inquiry: None,
            create,
            body,
            draft: Draft::Due,
            unseen: Vec::new().into_iter(),
            known: Known::default(),
            answer: Answer::Looking,
        };
        match asking.keep(rewritten, common) {
            Ok(()) => asking.next(lanes, common),
            Err(fault) => Turn::Answer(asking.create.call, fault),
        }
    }

    pub(super) fn into_call(self) -> Call {
        self.create.call
    }

    /// What the path that is looked at is to the daemon's socket, or why that cannot be told.
    pub(super) fn looked(&mut self, seen: Result<Relation, Blind>) {
        if matches!(self.answer, Answer::Looking) {
            self.answer = Answer::Looked(seen);
        }
    }

    /// Has the next path looked at, goes about the next errand, or sends the request when there is none.
    /// What a create is refused for is known before anything is ordered for it.
    fn next(mut self, lanes: &mut Lanes, common: &Common) -> Turn {
        loop {
            if let Some(path) = self.unseen.as_slice().first() {
                let path = path.clone();
                self.answer = Answer::Looking;
                return Turn::Look(path, Exchange::Asking(Box::new(self)));
            }
            if self.recalls(common) {
                continue;
            }
            match (self.errands.front(), mem::take(&mut self.draft)) {
                (None, Draft::Written(rewritten, share)) => {
                    drop(self.body);
                    return self.create.send(rewritten, share, lanes);
                }
                (Some(errand), draft)
                    if errand.only_asks() || matches!(draft, Draft::Written(..)) =>
                {
                    let api = self.inquiry.as_ref().map(Inquiry::api).unwrap_or_default();
                    lanes.up.say(errand.request(&common.injection, api));
                    self.draft = draft;
                    self.answer = Answer::Head(Scan::default());
                    return Turn::Again(Exchange::Asking(Box::new(self)));
                }
                _ => {
                    if let Err(fault) = self.write(common) {
                        return Turn::Answer(self.create.call, fault);
                    }
                }
            }
        }
    }

    /// Takes up the volumes of the image that is to be asked about, if they are remembered, and reports
    /// that. Else it begins to ask, or remembers what was answered.
    fn recalls(&mut self, common: &Common) -> bool {
        let asks = match self.errands.front() {
            Some(Errand::Image { name, platform }) if self.inquiry.is_none() => {
                Some(Image { name: name.clone(), platform: platform.clone() })
            }
            Some(errand) if errand.asks_of_image() => return false,
            _ => None,
        };
        if let Some(image) = asks {
            let Some(volumes) = common.images.recall(&image) else {
                self.inquiry = Some(Inquiry::begin(image, &common.images));
                return false;
            };
            self.errands.pop_front();
            if !volumes.is_empty() {
                self.known.volumes = volumes;
                self.draft = Draft::Due;
            }
            return true;
        }
        if let Some(inquiry) = self.inquiry.take() {
            inquiry.over(&self.known, &common.images);
        }
        false
    }

    /// Writes what is to be sent, with all that is known.
    fn write(&mut self, common: &Common) -> Result<(), Fault> {
        let (carrier, content) = (self.create.carrier, self.body.content());
        let rewritten = body::rewrite(&common.injection, carrier, &self.known, content);
        self.keep(rewritten.map_err(Fault::Refused)?, common)
    }

    /// Keeps what is to be sent, unless something is to be looked at first.
    fn keep(&mut self, mut rewritten: Rewritten, common: &Common) -> Result<(), Fault> {
        self.unseen = mem::take(&mut rewritten.unseen).into_iter();
        if self.unseen.as_slice().is_empty() {
            let mut share = Share::of(&common.budget);
            share.hold(rewritten.body.len())?;
            self.draft = Draft::Written(rewritten, share);
        }
        Ok(())
    }

    pub(super) fn advance(mut self: Box<Self>, lanes: &mut Lanes, common: &Common) -> Turn {
        let answer = mem::replace(&mut self.answer, Answer::Head(Scan::default()));
        let read = match answer {
            // Nothing of this has been sent: it is as with a body that is being gathered.
            Answer::Looking if lanes.down.has_ended() => return Turn::Cut(self.create.call),
            Answer::Looking => Ok(Read::Partly(Answer::Looking)),
            Answer::Looked(seen) => return self.seen(seen, lanes, common),
            Answer::Head(scan) => read_head(scan, lanes, common),
            Answer::Body { status, head, content } => read_body(status, head, content, lanes),
        };
        match read {
            Ok(Read::Partly(_)) if lanes.down.has_ended() => {
                Turn::Answer(self.create.call, Fault::Errand)
            }
            Ok(Read::Partly(answer)) => {
                self.answer = answer;
                Turn::Wait(Exchange::Asking(self))
            }
            Ok(Read::Again(answer)) => {
                self.answer = answer;
                Turn::Again(Exchange::Asking(self))
            }
            Ok(Read::Whole { status, head, content }) => {
                self.answered(status, &head, &content, lanes, common)
            }
            Err(fault) => Turn::Answer(self.create.call, fault),
        }
    }

    fn seen(mut self, seen: Result<Relation, Blind>, lanes: &mut Lanes, common: &Common) -> Turn {
        let path = self.unseen.next().unwrap_or_default();
        match seen {
            Ok(relation) => self.known.learn_path(path, relation),
            Err(why) => return Turn::Answer(self.create.call, Fault::Unseen(path, why)),
        }
        // What is refused now is not asked about either.
        if self.unseen.as_slice().is_empty()
            && let Err(fault) = self.write(common)
        {
            return Turn::Answer(self.create.call, fault);
        }
        self.next(lanes, common)
    }

    fn answered(
        mut self,
        status: u16,
        head: &[u8],
        content: &Collect,
        lanes: &mut Lanes,
        common: &Common,
    ) -> Turn {
        let Some(errand) = self.errands.pop_front() else {
            return Turn::Answer(self.create.call, Fault::Errand);
        };
        if errand == Errand::Version {
            return self.without_body(head, lanes, common);
        }
        let api = match &mut self.inquiry {
            Some(inquiry) => {
                if inquiry.asks_again(&errand, status, head, &common.images) {
                    self.errands.push_front(errand);
                    return self.next(lanes, common);
                }
                inquiry.api()
            }
            None => common.images.api(),
        };
        match errand.answered(status, content.content(), api, &mut self.known) {
            Meaning::GoOn => {
                if errand.only_asks() && self.known != Known::default() {
                    self.draft = Draft::Due;
                }
                self.next(lanes, common)
            }
            Meaning::Ask(errands) => {
                errands.into_iter().rev().for_each(|errand| self.errands.push_front(errand));
                self.next(lanes, common)
            }
            Meaning::Refused => {
                self.inquiry = None;
                self.errands.clear();
                self.next(lanes, common)
            }
            Meaning::Failed => self.failed(status, head, content, lanes),
            Meaning::Nonsense => Turn::Answer(self.create.call, Fault::Errand),
            Meaning::Undescribed(image) => {
                Turn::Answer(self.create.call, Fault::Undescribed(image))
            }
        }
    }

    /// Gives the client the daemon's answer to an errand.
    fn failed(mut self, status: u16, head: &[u8], content: &Collect, lanes: &mut Lanes) -> Turn {
        let mut answer = render::with_length(head, content.content().len());
        answer.extend_from_slice(content.content());
        lanes.down.say(answer);
        self.create.call.status = Some(status);
        if !self.create.persistent {
            // The daemon was not told that it is to close behind this answer.
            lanes.up.finish();
        }
        let relaying = Relaying::answered(self.create.call, self.create.persistent);
        Turn::Again(Exchange::Relaying(relaying))
    }

    /// Goes on with a request that has no body, by the version of the daemon that stands in this head.
    fn without_body(mut self, head: &[u8], lanes: &mut Lanes, common: &Common) -> Turn {
        match takes_empty_body(render::value(head, "Api-Version").unwrap_or_default()) {
            Some(true) => {
                self.create.head = render::for_document(&self.create.head);
                self.next(lanes, common)
            }
            // It refuses it, in its own words.
            Some(false) => self.create.pass(lanes),
            None => Turn::Answer(self.create.call, Fault::Refused(rules::empty_body())),
        }
    }
}

/// A question about an image asks for the platform that the create wants.
fn for_platform(errand: Errand, create: &Create) -> Errand {
    match errand {
        Errand::Image { name, .. } => {
            let request = head::request(&create.head).ok();
            let platform = request.and_then(|request| platform::of_create(request.target));
            Errand::Image { name, platform }
        }
        errand => errand,
    }
}

/// What has been read of an answer.
enum Read {
    Partly(Answer),
    Again(Answer),
    Whole { status: u16, head: Vec<u8>, content: Collect },
}

fn read_head(mut scan: Scan, lanes: &mut Lanes, common: &Common) -> Result<Read, Fault> {
    let unseen = lanes.down.unseen();
    let Some(end) = scan.end_of_head(unseen).map_err(Fault::Response)? else {
        return Ok(Read::Partly(Answer::Head(scan)));
    };
    let head = unseen.get(..end).unwrap_or_default().to_vec();
    lanes.down.take(end);
    let response = head::response(&head, false).map_err(Fault::Response)?;
    // The request goes out on this connection; a daemon that ends it leaves no way to do that.
    if !response.persistent || response.status < 200 {
        return Err(Fault::Errand);
    }
    let content = Collect::new(response.framing, &common.budget).map_err(|_| Fault::Errand)?;
    Ok(Read::Again(Answer::Body { status: response.status, head, content }))
}

fn read_body(
    status: u16,
    head: Vec<u8>,
    mut content: Collect,
    lanes: &mut Lanes,
) -> Result<Read, Fault> {
    match content.advance(&mut lanes.down) {
        Ok(true) => Ok(Read::Whole { status, head, content }),
        Ok(false) => Ok(Read::Partly(Answer::Body { status, head, content })),
        Err(_) => Err(Fault::Errand),
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;
    use std::time::Instant;

    use super::*;
    use crate::proxy::{Session, Step};
    use crate::rules::Injection;
    use crate::rules::socket::{Look, LookAt, Seen, SocketBind};

    /// Can tell nothing at once.
    struct Disk;

    impl LookAt for Disk {
        fn at_once(&self, _: &str, _: &Seen) -> Option<Relation> {
            None
        }

        fn at_last(&self, path: &str) -> Result<Relation, Blind> {
            match path {
                "/broken" => Err(Blind::Failed("Input/output error".to_owned())),
                path if path.starts_with("/run/") => Ok(Relation::Socket),
                _ => Ok(Relation::Other),
            }
        }
    }

    fn session() -> Session {
        session_with(SocketBind::Rewrite("/ours".to_owned()))
    }

    fn session_with(socket_bind: SocketBind) -> Session {
        let injection = Injection { look: Look::new(Disk), socket_bind, ..Injection::default() };
        let mut session = Session::new(Rc::new(Common { injection, ..Common::default() }));
        session.connected();
        session
    }

    fn creates(session: &mut Session, host_config: &str) {
        creates_of(session, "", host_config);
    }

    fn creates_of(session: &mut Session, image: &str, host_config: &str) {
        let body = format!("{{\"Image\":\"{image}\",\"HostConfig\":{{{host_config}}}}}");
        let length = body.len();
        let head = format!("POST /containers/create HTTP/1.1\r\nContent-Length: {length}\r\n\r\n");
        gets(session.up(), &(head + &body));
    }

    fn gets(lane: &mut crate::proxy::Lane, bytes: &str) {
        lane.room(1 << 16)[..bytes.len()].copy_from_slice(bytes.as_bytes());
        lane.received(bytes.len());
    }

    /// What has left for the daemon.
    fn left(session: &mut Session) -> String {
        let bytes = session.up().leaving().to_vec();
        session.up().left(bytes.len());
        String::from_utf8(bytes).unwrap()
    }

    /// Has all looked at that is to be; the paths.
    fn looks(session: &mut Session) -> Vec<String> {
        let (paths, end) = looks_and(session);
        assert_eq!(end, Step::Wait);
        paths
    }

    /// The same, and what comes of it.
    fn looks_and(session: &mut Session) -> (Vec<String>, Step) {
        let mut paths = Vec::new();
        loop {
            let path = match session.advance(Instant::now()) {
                Step::Look(path) => path,
                step => return (paths, step),
            };
            assert_eq!(session.advance(Instant::now()), Step::Wait);
            assert_eq!(left(session), "");
            session.looked(Disk.at_last(&path));
            paths.push(path);
        }
    }

    /// What the client is told, and with which status; the daemon is told nothing.
    fn refused(session: &mut Session, step: Step) -> (u16, String) {
        let Step::Report(outcome) = step else { panic!("{step:?}") };
        assert_eq!(left(session), "");
        let answer = String::from_utf8(session.down().leaving().to_vec()).unwrap();
        (outcome.status.unwrap(), answer)
    }

    /// The daemon answers 200 with this body.
    fn answers(session: &mut Session, body: &str) {
        let length = body.len();
        gets(session.down(), &format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}"));
    }

    #[test]
    fn nothing_is_sent_before_all_that_is_mounted_has_been_looked_at() {
        let mut session = session();
        let mount = r#"{"Type":"bind","Source":"/run/x.sock","Target":"/m"}"#;
        let binds = r#""/a:/a","/run/d.sock:/d","/b:/b","/run/d.sock:/e""#;
        creates(&mut session, &format!(r#""Mounts":[{mount}],"Binds":[{binds}]"#));
        let seen = ["/a", "/b", "/run/d.sock", "/run/x.sock"];
        assert_eq!(looks(&mut session), seen);
        let sent = left(&mut session);
        assert!(sent.contains(r#""Source":"/ours","Target":"/m""#), "{sent}");
        assert!(sent.contains(r#"["/a:/a","/ours:/d","/b:/b","/ours:/e"]"#), "{sent}");
    }

    #[test]
    fn what_an_answer_tells_is_looked_at_too() {
        let mut session = session();
        creates(&mut session, r#""VolumesFrom":["c"]"#);
        assert_eq!(looks(&mut session), Vec::<String>::new());
        assert!(left(&mut session).starts_with("GET /containers/c/json "));
        answers(&mut session, r#"{"Mounts":[{"Source":"/run/d.sock","Destination":"/d"}]}"#);
        assert_eq!(looks(&mut session), ["/run/d.sock"]);
        assert!(left(&mut session).contains(r#""Binds":["/ours:/d"]"#));
    }

    #[test]
    fn nothing_is_asked_or_ordered_for_what_is_refused() {
        let mut session = session_with(SocketBind::Refuse);
        creates_of(&mut session, "x", r#""Binds":["volume:/v","/run/d.sock:/d"]"#);
        let (paths, end) = looks_and(&mut session);
        assert_eq!(paths, ["/run/d.sock"]);
        let (status, answer) = refused(&mut session, end);
        assert_eq!(status, 403);
        assert!(answer.contains("the container mounts /run/d.sock"), "{answer}");
    }

    #[test]
    fn nothing_is_ordered_before_all_is_known_that_can_be_refused() {
        let mut session = session_with(SocketBind::Refuse);
        creates(&mut session, r#""Binds":["volume:/v"],"VolumesFrom":["c"]"#);
        assert_eq!(looks(&mut session), Vec::<String>::new());
        assert!(left(&mut session).starts_with("GET /containers/c/json "));
        answers(&mut session, r#"{"Mounts":[{"Source":"/run/d.sock","Destination":"/d"}]}"#);
        let (paths, end) = looks_and(&mut session);
        assert_eq!((paths.len(), refused(&mut session, end).0), (1, 403));
    }

    #[test]
    fn what_is_known_of_other_containers_is_written_before_a_volume_is_ordered() {
        let mut session = session();
        creates(&mut session, r#""Binds":["volume:/v"],"VolumesFrom":["c"]"#);
        assert_eq!(looks(&mut session), Vec::<String>::new());
        left(&mut session);
        answers(&mut session, r#"{"Mounts":[{"Source":"/run/d.sock","Destination":"/d"}]}"#);
        assert_eq!(looks(&mut session), ["/run/d.sock"]);
        assert!(left(&mut session).starts_with("POST /volumes/create "));
        answers(&mut session, "{}");
        assert_eq!(session.advance(Instant::now()), Step::Wait);
        assert!(left(&mut session).contains(r#""Binds":["volume:/v","/ours:/d"]"#));
    }

    #[test]
    fn a_look_that_takes_too_long_or_fails_is_an_error_that_names_the_path() {
        for (why, words) in [
            (Blind::Late, "has not answered for 10 seconds"),
            (Blind::NoThread, "no thread"),
            (Disk.at_last("/broken").unwrap_err(), "answers \\\"Input/output error\\\""),
        ] {
            let mut session = session();
            creates(&mut session, r#""Binds":["/a:/a","/b:/b"]"#);
            let Step::Look(path) = session.advance(Instant::now()) else { panic!("no look") };
            session.looked(Disk.at_last(&path));
            assert_eq!(session.advance(Instant::now()), Step::Look("/b".to_owned()));
            session.looked(Err(why));
            let step = session.advance(Instant::now());
            let (status, answer) = refused(&mut session, step);
            assert_eq!(status, 503, "{answer}");
            assert!(answer.contains(r#"cannot tell whether \"/b\""#), "{answer}");
            assert!(answer.contains(words), "{answer}");
            // What is seen later is of no use.
            session.looked(Ok(Relation::Other));
            assert_eq!(session.advance(Instant::now()), Step::Hangup);
            assert_eq!(left(&mut session), "");
        }
    }

    #[test]
    fn a_daemon_that_ends_meanwhile_is_dialled_again() {
        let mut session = session();
        creates(&mut session, r#""Binds":["/a:/a"]"#);
        assert_eq!(session.advance(Instant::now()), Step::Look("/a".to_owned()));
        session.daemon_gone();
        session.daemon_ended();
        assert_eq!(session.advance(Instant::now()), Step::Hangup);
        session.looked(Ok(Relation::Other));
        assert_eq!(session.advance(Instant::now()), Step::Dial);
        session.connected();
        assert_eq!(session.advance(Instant::now()), Step::Wait);
        assert!(left(&mut session).contains(r#""Binds":["/a:/a"]"#));
    }

    #[test]
    fn a_daemon_that_ends_a_used_connection_meanwhile_ends_the_clients() {
        let mut session = session();
        gets(session.up(), "GET /_ping HTTP/1.1\r\n\r\n");
        assert_eq!(session.advance(Instant::now()), Step::Wait);
        left(&mut session);
        answers(&mut session, "OK");
        assert_eq!(session.advance(Instant::now()), Step::Wait);
        let answer = session.down().leaving().len();
        session.down().left(answer);
        assert!(matches!(session.advance(Instant::now()), Step::Report(_)));
        creates(&mut session, r#""Binds":["/a:/a"]"#);
        assert_eq!(session.advance(Instant::now()), Step::Look("/a".to_owned()));
        session.daemon_ended();
        let step = session.advance(Instant::now());
        assert!(matches!(&step, Step::Report(outcome) if outcome.status.is_none()), "{step:?}");
        assert_eq!(left(&mut session), "");
        assert_eq!(session.down().leaving(), b"");
    }
}
