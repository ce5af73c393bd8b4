//! A creating request that waits until what it mounts has been looked at, and what must be asked or
//! ordered first has been: on the same daemon connection, unseen by the client.

use std::mem;

use super::Common;
use super::collect::{Collect, Share};
use super::create::Create;
use super::exchange::{Exchange, Lanes, Turn};
use super::fault::Fault;
use super::outcome::Call;
use super::relay::Relaying;
use crate::http::head::{self, Scan};
use crate::http::render;
use crate::rules::body::{self, Prepared, Rewritten};
use crate::rules::errands::{Errand, Known, Meaning};
use crate::rules::socket::Relation;

/// A creating request that waits for an answer.
#[derive(Debug)]
pub(super) struct Asking {
    create: Create,
    /// The gathered body.
    body: Collect,
    /// What is sent if the answers tell nothing new, and its share of the room.
    rewritten: Rewritten,
    share: Share,
    /// The path of the host that is looked at, and those behind it.
    unseen: std::vec::IntoIter<String>,
    /// The errand that is under way, and those behind it.
    errands: std::vec::IntoIter<Errand>,
    known: Known,
    answer: Answer,
}

/// The shell's answer about a path, or the daemon's to an errand.
#[derive(Debug)]
enum Answer {
    /// The path is looked at.
    Looking,
    /// This has been seen.
    Looked(Relation),
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
        let Prepared { errands, mut rewritten } = prepared;
        let mut share = Share::of(&common.budget);
        if let Err(fault) = share.hold(rewritten.body.len()) {
            return Turn::Answer(create.call, fault);
        }
        let unseen = mem::take(&mut rewritten.unseen).into_iter();
        let (errands, known) = (errands.into_iter(), Known::default());
        let answer = Answer::Looking;
        let asking = Self { create, body, rewritten, share, unseen, errands, known, answer };
        asking.next(lanes, common)
    }

    pub(super) fn into_call(self) -> Call {
        self.create.call
    }

    /// The path that is looked at, if one is.
    pub(super) fn looks_at(&self) -> Option<&str> {
        match self.answer {
            Answer::Looking => self.unseen.as_slice().first().map(String::as_str),
            Answer::Looked(_) | Answer::Head(_) | Answer::Body { .. } => None,
        }
    }

    /// What the path that is looked at is to the daemon's socket.
    pub(super) fn looked(&mut self, relation: Relation) {
        if self.looks_at().is_some() {
            self.answer = Answer::Looked(relation);
        }
    }

    /// Has the next path looked at, goes about the next errand, or sends the request when there is none.
    fn next(mut self, lanes: &mut Lanes, common: &Common) -> Turn {
        if let Some(path) = self.unseen.as_slice().first() {
            let path = path.clone();
            self.answer = Answer::Looking;
            return Turn::Look(path, Exchange::Asking(Box::new(self)));
        }
        let Some(errand) = self.errands.as_slice().first() else {
            return self.send(lanes, common);
        };
        lanes.up.say(errand.request(&common.injection));
        self.answer = Answer::Head(Scan::default());
        Turn::Again(Exchange::Asking(Box::new(self)))
    }

    fn send(mut self, lanes: &mut Lanes, common: &Common) -> Turn {
        if self.known != Known::default() {
            drop(mem::take(&mut self.rewritten));
            let (carrier, content) = (self.create.carrier, self.body.content());
            match body::rewrite(&common.injection, carrier, &self.known, content) {
                Ok(rewritten) => self.rewritten = rewritten,
                Err(refusal) => return Turn::Answer(self.create.call, Fault::Refused(refusal)),
            }
        }
        if !self.rewritten.unseen.is_empty() {
            // What an answer told may be mounted, too.
            self.unseen = mem::take(&mut self.rewritten.unseen).into_iter();
            return self.next(lanes, common);
        }
        let Self { create, body, rewritten, share, .. } = self;
        drop(body);
        create.send(rewritten, share, lanes)
    }

    pub(super) fn advance(mut self: Box<Self>, lanes: &mut Lanes, common: &Common) -> Turn {
        let answer = mem::replace(&mut self.answer, Answer::Head(Scan::default()));
        let read = match answer {
            Answer::Looking => Ok(Read::Partly(Answer::Looking)),
            Answer::Looked(relation) => {
                self.known.looked.extend(self.unseen.next().map(|path| (path, relation)));
                return self.next(lanes, common);
            }
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

    fn answered(
        mut self,
        status: u16,
        head: &[u8],
        content: &Collect,
        lanes: &mut Lanes,
        common: &Common,
    ) -> Turn {
        let Some(errand) = self.errands.next() else {
            return Turn::Answer(self.create.call, Fault::Errand);
        };
        match errand.answered(status, content.content(), &mut self.known) {
            Meaning::GoOn => self.next(lanes, common),
            Meaning::Refused => self.send(lanes, common),
            Meaning::Failed => {
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
            Meaning::Nonsense => Turn::Answer(self.create.call, Fault::Errand),
        }
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

        fn at_last(&self, path: &str) -> Relation {
            if path.starts_with("/run/") { Relation::Socket } else { Relation::Other }
        }
    }

    fn session() -> Session {
        let socket_bind = SocketBind::Rewrite("/ours".to_owned());
        let injection = Injection { look: Look::new(Disk), socket_bind, ..Injection::default() };
        let mut session = Session::new(Rc::new(Common { injection, ..Common::default() }));
        session.connected();
        session
    }

    fn creates(session: &mut Session, host_config: &str) {
        let body = format!("{{\"HostConfig\":{{{host_config}}}}}");
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
        let mut paths = Vec::new();
        while let Step::Look(path) = session.advance(Instant::now()) {
            assert_eq!(session.advance(Instant::now()), Step::Wait);
            assert_eq!(left(session), "");
            session.looked(Disk.at_last(&path));
            paths.push(path);
        }
        paths
    }

    #[test]
    fn nothing_is_sent_before_all_that_is_mounted_has_been_looked_at() {
        let mut session = session();
        let mount = r#"{"Type":"bind","Source":"/run/x.sock","Target":"/m"}"#;
        let binds = r#""/a:/a","/run/d.sock:/d","/b:/b","/run/d.sock:/e""#;
        creates(&mut session, &format!(r#""Mounts":[{mount}],"Binds":[{binds}]"#));
        let seen = ["/run/x.sock", "/a", "/run/d.sock", "/b"];
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
        let mounts = r#"{"Mounts":[{"Source":"/run/d.sock","Destination":"/d"}]}"#;
        let length = mounts.len();
        gets(
            session.down(),
            &format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{mounts}"),
        );
        assert_eq!(looks(&mut session), ["/run/d.sock"]);
        assert!(left(&mut session).contains(r#""Binds":["/ours:/d"]"#));
    }

    #[test]
    fn a_look_that_takes_too_long_is_an_error_that_names_the_path() {
        let mut session = session();
        creates(&mut session, r#""Binds":["/a:/a","/b:/b"]"#);
        let Step::Look(path) = session.advance(Instant::now()) else { panic!("no look") };
        session.looked(Disk.at_last(&path));
        assert_eq!(session.advance(Instant::now()), Step::Look("/b".to_owned()));
        let Step::Report(outcome) = session.expired(Instant::now()) else { panic!("no report") };
        assert_eq!(outcome.status, Some(504));
        let answer = str::from_utf8(session.down().leaving()).unwrap().to_owned();
        assert!(answer.contains(r#"cannot tell whether \"/b\""#), "{answer}");
        // What is seen later is of no use.
        session.looked(Relation::Other);
        assert_eq!(session.advance(Instant::now()), Step::Hangup);
        assert_eq!(left(&mut session), "");
    }

    #[test]
    fn a_daemon_that_ends_meanwhile_is_dialled_again() {
        let mut session = session();
        creates(&mut session, r#""Binds":["/a:/a"]"#);
        assert_eq!(session.advance(Instant::now()), Step::Look("/a".to_owned()));
        session.daemon_gone();
        session.daemon_ended();
        assert_eq!(session.advance(Instant::now()), Step::Hangup);
        session.looked(Relation::Other);
        assert_eq!(session.advance(Instant::now()), Step::Dial);
        session.connected();
        assert_eq!(session.advance(Instant::now()), Step::Wait);
        assert!(left(&mut session).contains(r#""Binds":["/a:/a"]"#));
    }
}
