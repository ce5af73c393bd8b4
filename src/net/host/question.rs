//! Answers to the core's questions about the host: from the kernel's cache at once, others by a thread.

use std::mem;
use std::rc::Rc;
use std::time::Instant;
use std::vec;

use super::blocking::{Asked, Blocking, Fact, Question};
use super::caller::{self, Connection, Found, Kernel, Part};
use super::socket_identity::{Seen, SocketIdentity};
use crate::net::daemons::Daemon;
use crate::net::listen::jobs::Job;
use crate::proxy::{Blind, HostFact};
use crate::rules::Refusal;
use crate::rules::caller::{Caller, Container, Unknown, Wanted};
use crate::rules::facts::HostQuestion;
use crate::rules::socket::Relation;

/// A question that is being answered for one pair.
#[derive(Debug, Default)]
pub(in crate::net) struct Lookup {
    /// The paths whose relation is known.
    known: Vec<(String, Relation)>,
    /// The other paths.
    unknown: vec::IntoIter<String>,
    /// The known part of the caller.
    caller: Option<Box<Part>>,
    /// The facts about the caller that are wanted, while its container is asked for.
    wanted: Wanted,
    /// The container of the caller, if it came by a socket of that.
    owner: Option<Rc<Container>>,
    awaited: Option<Awaited>,
}

/// A question to a thread.
#[derive(Debug)]
struct Awaited {
    question: Question,
    asked: Asked,
    until: Instant,
}

/// The means to answer a pair's questions.
pub(in crate::net) struct Host<'e> {
    /// Recognizes the daemon's socket under all its names.
    pub(in crate::net) look: &'e SocketIdentity,
    /// The pair's daemon.
    pub(in crate::net) daemon: &'e Daemon,
    /// Answers questions that may take long.
    pub(in crate::net) blocking: &'e Blocking,
    /// The client's connection.
    pub(in crate::net) client: Connection<'e>,
    /// The container whose socket accepted the client, if it was one's own.
    pub(in crate::net) job: Option<&'e Job>,
    pub(in crate::net) kernel: Kernel,
    /// The pair that waits.
    pub(in crate::net) pair: usize,
    pub(in crate::net) now: Instant,
}

impl Host<'_> {
    /// Returns the daemon as it is asked about the caller.
    fn asked(&self) -> caller::Asked<'_> {
        let (path, remembered) = (self.daemon.path(), self.daemon.remembered());
        caller::Asked { path, remembered, now: self.now }
    }
}

impl Lookup {
    /// Begins to answer `question`. Returns the answer if it is known at once.
    pub(in crate::net) fn ask(
        &mut self,
        question: HostQuestion,
        host: &Host<'_>,
    ) -> Option<HostFact> {
        *self = Self::default();
        match question {
            HostQuestion::Caller(wanted) => match host.job.map(|job| (job, job.owner())) {
                Some((job, None)) => {
                    self.wanted = wanted;
                    let daemon = host.daemon.path().to_owned();
                    self.send(Question::Owner(daemon, job.path().to_owned()), host);
                }
                Some((_, Some(owner))) => return self.look_of_owner(owner, wanted, host),
                None => return self.look(wanted, host),
            },
            // It is answered where the sockets of the server are.
            HostQuestion::JobSocket => {}
            HostQuestion::Authorize(question) => self.send(Question::Authorization(question), host),
            HostQuestion::Store => self.send(Question::Store(host.daemon.path().to_owned()), host),
            HostQuestion::Paths(paths) => {
                // The daemon's socket is looked up once for all of them.
                let seen = Seen::default();
                let mut unknown = Vec::new();
                let mut known = Vec::with_capacity(paths.len());
                for path in paths {
                    match host.look.at_once(&path, &seen) {
                        Some(relation) => known.push((path, relation)),
                        None => unknown.push(path),
                    }
                }
                self.known = known;
                self.unknown = unknown.into_iter();
                if let Some(answer) = self.next(host) {
                    return Some(answer);
                }
            }
        }
        self.answer(host)
    }

    /// Looks who made the connection. Returns the answer if it is known at once.
    fn look(&mut self, wanted: Wanted, host: &Host<'_>) -> Option<HostFact> {
        match caller::look(wanted, &host.client, &host.asked(), host.kernel) {
            Ok(Found::All(caller)) => Some(self.known_caller(Ok(caller))),
            Ok(Found::Part(part, inquiry)) => {
                self.caller = Some(part);
                self.send(Question::Caller(inquiry), host);
                self.answer(host)
            }
            Err(unknown) => Some(self.known_caller(Err(unknown))),
        }
    }

    /// Does the same for a caller whose container is known by the socket.
    fn look_of_owner(
        &mut self,
        owner: Rc<Container>,
        wanted: Wanted,
        host: &Host<'_>,
    ) -> Option<HostFact> {
        self.owner = Some(owner);
        self.look(wanted.without(Wanted::CONTAINER | Wanted::PARENT), host)
    }

    /// Completes a caller with the container that is known by the socket.
    fn known_caller(&mut self, caller: Result<Caller, Unknown>) -> HostFact {
        let owner = self.owner.take();
        let caller = caller.map(|caller| match owner {
            Some(container) => Caller {
                parent: Some(container.cgroup_parent.clone()),
                container: Some(container),
                ..caller
            },
            None => caller,
        });
        HostFact::Caller(caller.map_err(Refusal::from))
    }

    /// Returns `true` if an answer is awaited.
    pub(in crate::net) fn is_pending(&self) -> bool {
        self.awaited.is_some()
    }

    /// Returns the answer once known, or the reason for a failure.
    pub(in crate::net) fn answer(&mut self, host: &Host<'_>) -> Option<HostFact> {
        loop {
            let Awaited { question, asked, until } = self.awaited.as_ref()?;
            let late = || (*until <= host.now).then(|| question.unanswered(Blind::Late));
            let fact = asked.answer().or_else(late)?;
            self.awaited = None;
            let answer = match fact {
                Fact::Store(store) => Some(HostFact::Store(store)),
                Fact::Authorized(decision) => Some(HostFact::Authorized(decision)),
                Fact::Caller(answer) => {
                    let part = self.caller.take()?;
                    let caller = answer.and_then(|answer| part.complete(answer, &host.asked()));
                    Some(self.known_caller(caller))
                }
                Fact::Owner(Ok(container)) => {
                    let owner = host.job?.keep(*container);
                    return self.look_of_owner(owner, self.wanted, host);
                }
                Fact::Owner(Err(unknown)) => Some(HostFact::Caller(Err(unknown.into()))),
                Fact::Path(Err(why)) => {
                    let path = self.unknown.next().unwrap_or_default();
                    *self = Self::default();
                    Some(HostFact::Unseen(path, why))
                }
                Fact::Path(Ok(relation)) => {
                    self.known.extend(self.unknown.next().map(|path| (path, relation)));
                    self.next(host)
                }
            };
            if answer.is_some() {
                return answer;
            }
        }
    }

    /// Returns the time at which the answer is too late.
    pub(in crate::net) fn until(&self) -> Option<Instant> {
        self.awaited.as_ref().map(|awaited| awaited.until)
    }

    /// Asks a thread about the next path. Returns the answer if no path is left.
    fn next(&mut self, host: &Host<'_>) -> Option<HostFact> {
        match self.unknown.as_slice().first() {
            Some(path) => {
                let (daemon, look) = (host.daemon.id(), host.look.clone());
                let question = Question::Path(daemon, look, path.clone());
                self.send(question, host);
                None
            }
            None => Some(HostFact::Paths(mem::take(&mut self.known))),
        }
    }

    fn send(&mut self, question: Question, host: &Host<'_>) {
        let asked = host.blocking.ask(question.clone(), host.pair);
        let until = host.now + question.limit();
        self.awaited = Some(Awaited { question, asked, until });
    }
}

#[cfg(test)]
mod tests;
