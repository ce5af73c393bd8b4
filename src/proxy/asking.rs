//! Requests that wait for their body, for facts and for orders. The daemon is asked on the pair's daemon
//! connection, without the client's notice, and the shell is asked about the host.

use std::mem;
use std::vec;

use super::authorized::Described;
use super::collect::{CollectReply, Share};
use super::fault::Fault;
use super::held::Held;
use super::images::Image;
use super::inquiry::Inquiry;
use super::relay::Upload;
use super::turn::{Hand, Progress};
use super::{HostFact, ListenerSettings, Verdict};
use crate::http::render;
use crate::http::reply::Whole;
use crate::rules::facts::{DaemonAnswer, HostQuestion, Learned, Need, Order, Question};
use crate::rules::{Edited, Judgement};

/// A request that waits for its body, for facts and for orders.
#[derive(Debug)]
pub(super) struct Asking {
    pub(super) held: Held,
    /// The missing facts, in the order of the questions.
    needs: vec::IntoIter<Need>,
    /// The edit to send unless an answer is news, and its share of the budget.
    draft: Option<(Edited, Share)>,
    /// `true` once an answer was news, so that the draft is outdated.
    news: bool,
    /// The orders that precede the draft.
    orders: vec::IntoIter<Order>,
    /// The questions about the image, until all facts about it are known.
    inquiry: Option<Inquiry>,
    /// The request as plugins got it.
    pub(super) described: Option<Box<Described>>,
    stage: Stage,
}

/// The part that is missing.
#[derive(Debug)]
enum Stage {
    None,
    /// The rest of the body.
    Body,
    /// The shell's answer.
    Host,
    /// None: the shell has answered.
    Found(HostFact),
    /// None: the caller is known, or cannot be known.
    Identified(Result<(), Fault>),
    /// The daemon's answer to the first question, or to the first order if no question is left.
    Daemon(CollectReply),
}

/// The state that follows.
#[derive(Debug)]
pub(super) enum Next {
    /// The request was sent; its body may follow.
    Sent(Upload),
    /// The client gets the daemon's answer to a question or an order, with this status. The request is
    /// not sent.
    Answered(u16, Vec<u8>),
}

/// The result of advancing.
type Advanced = Result<Progress<Next>, Fault>;

impl Asking {
    /// Makes `held` wait. [`judged`](Self::judged) sets the missing facts.
    pub(super) fn new(held: Held) -> Self {
        Self {
            held,
            needs: Vec::new().into_iter(),
            draft: None,
            news: false,
            orders: Vec::new().into_iter(),
            inquiry: None,
            described: None,
            stage: Stage::None,
        }
    }

    /// Returns `true` while the body is gathered.
    pub(super) fn gathers(&self) -> bool {
        matches!(self.stage, Stage::Body)
    }

    /// Takes the shell's answer.
    pub(super) fn found(&mut self, fact: HostFact) {
        if matches!(self.stage, Stage::Host) {
            self.stage = Stage::Found(fact);
        }
    }

    /// Takes the result of the question who the caller is.
    pub(super) fn identified(&mut self, result: Result<(), Fault>) {
        if matches!(self.stage, Stage::Host) {
            self.stage = Stage::Identified(result);
        }
    }

    /// Continues by the judgement.
    pub(super) fn judged(&mut self, judgement: Judgement, hand: &mut Hand<'_>) -> Advanced {
        let budget = &hand.settings.shared.budget;
        self.news = false;
        let (needs, draft) = match judgement {
            Judgement::Gather { forced } => {
                self.held.call.verdict = Verdict::Forwarded(forced);
                self.held.begin_to_gather(hand)?;
                self.stage = Stage::Body;
                return Ok(Progress::Moved);
            }
            Judgement::Refuse(refusal) => return Err(Fault::Refused(refusal)),
            Judgement::Pass { notes } => (Vec::new(), Some(Edited { notes, ..Edited::default() })),
            Judgement::Edit(edited) if edited.before.is_empty() => {
                return self.send(edited, Share::of(budget), hand);
            }
            Judgement::Edit(edited) => (Vec::new(), Some(edited)),
            Judgement::Need { needs, draft } => (needs, draft),
        };
        self.needs = needs.into_iter();
        self.draft = None;
        if let Some(mut edited) = draft {
            let mut share = Share::of(budget);
            share.hold(edited.body.as_ref().map_or(0, Vec::len))?;
            self.held.call.verdict = Verdict::Forwarded(edited.forced);
            self.orders = mem::take(&mut edited.before).into_iter();
            self.draft = Some((edited, share));
        }
        self.next(hand)
    }

    /// Asks the next question. After the last one, judges the request again if an answer was news; then sends
    /// the next order. So no order is sent for a request that is refused.
    fn next(&mut self, hand: &mut Hand<'_>) -> Advanced {
        let settings = hand.settings;
        while self.recalls(settings) {}
        match self.needs.as_slice().first() {
            Some(Need::Host(_)) => {
                if let Some(Need::Host(question)) = self.needs.next() {
                    self.stage = Stage::Host;
                    return Ok(Progress::Asks(question));
                }
            }
            Some(Need::Daemon(question)) => {
                let api = self.inquiry.as_ref().map(Inquiry::api).unwrap_or_default();
                return Ok(self.ask(question.request(api), hand));
            }
            // A draft that is outdated is not sent.
            Some(Need::Authorization) if self.news => {}
            Some(Need::Authorization) => return self.authorize(hand),
            None => {}
        }
        if self.news || self.draft.is_none() {
            return self.judged(self.held.judge(settings), hand);
        }
        if let Some(order) = self.orders.as_slice().first() {
            return Ok(self.ask(order.request(&settings.profile), hand));
        }
        match self.draft.take() {
            Some((edited, share)) => self.send(edited, share, hand),
            None => Ok(Progress::Waits),
        }
    }

    /// Asks the authorization plugins about the draft.
    fn authorize(&mut self, hand: &mut Hand<'_>) -> Advanced {
        self.needs.next();
        let (Some((edited, _)), Some(authz)) = (&self.draft, &hand.settings.profile.authz) else {
            return self.next(hand);
        };
        let authorization = Box::new(self.held.authorization(edited, authz));
        let budget = &hand.settings.shared.budget;
        self.described = Some(Box::new(Described::new(&authorization, budget)?));
        self.stage = Stage::Host;
        Ok(Progress::Asks(HostQuestion::Authorize(authorization)))
    }

    /// Sends a request of the proxy to the daemon.
    fn ask(&mut self, request: Vec<u8>, hand: &mut Hand<'_>) -> Progress<Next> {
        hand.lanes.up.queue(request);
        self.stage = Stage::Daemon(CollectReply::new(&hand.settings.shared.budget));
        Progress::Moved
    }

    /// Sends the held request.
    fn send(&mut self, mut edited: Edited, share: Share, hand: &mut Hand<'_>) -> Advanced {
        let notes = mem::take(&mut edited.notes);
        let upload = self.held.send(edited, share, hand.lanes)?;
        hand.note(&self.held.call, notes);
        Ok(Progress::Next(Next::Sent(upload)))
    }

    /// Takes the volumes of the next image from the cache, and returns `true` if they are there. Otherwise
    /// begins the questions about the image, or caches their answers.
    fn recalls(&mut self, settings: &ListenerSettings) -> bool {
        let images = &settings.upstream.images;
        match self.needs.as_slice().first() {
            Some(Need::Daemon(Question::Image { name, platform })) if self.inquiry.is_none() => {
                if let Some(volumes) = images.recall(name, platform.as_deref()) {
                    self.news |= self.held.facts.recall_image(volumes) == Learned::News;
                    self.needs.next();
                    return true;
                }
                let image = Image { name: name.clone(), platform: platform.clone() };
                self.inquiry = Some(Inquiry::begin(image, images));
            }
            Some(Need::Daemon(question)) if question.asks_of_image() => {}
            _ if self.held.facts.knows_image() => {
                if let Some(inquiry) = self.inquiry.take() {
                    inquiry.over(&self.held.facts, images);
                }
            }
            _ => {}
        }
        false
    }

    pub(super) fn advance(&mut self, hand: &mut Hand<'_>) -> Advanced {
        let daemon_ended = hand.lanes.down.has_ended();
        let waits = match &mut self.stage {
            // Nothing was sent.
            Stage::Body | Stage::Host if daemon_ended => return Ok(Progress::Cut),
            Stage::Body => !self.held.gather(hand)?,
            Stage::Host => true,
            Stage::Daemon(reply) => !reply.advance(&mut hand.lanes.down)? && !daemon_ended,
            Stage::None | Stage::Found(_) | Stage::Identified(_) => false,
        };
        if waits {
            return Ok(Progress::Waits);
        }
        match mem::replace(&mut self.stage, Stage::None) {
            Stage::None | Stage::Host => self.next(hand),
            Stage::Body => self.judged(self.held.judge(hand.settings), hand),
            Stage::Identified(result) => {
                result?;
                self.judged(self.held.judge(hand.settings), hand)
            }
            Stage::Found(fact) => self.take_fact(fact, hand),
            Stage::Daemon(reply) => match reply.whole() {
                Some(whole) => self.answered(&whole, hand),
                None => Err(Fault::Unanswered),
            },
        }
    }

    fn take_fact(&mut self, fact: HostFact, hand: &mut Hand<'_>) -> Advanced {
        match fact {
            HostFact::Paths(paths) => {
                if self.held.facts.learn_paths(paths) == Learned::News {
                    // A refusal now saves further questions.
                    return self.judged(self.held.judge(hand.settings), hand);
                }
                self.next(hand)
            }
            HostFact::Unseen(path, why) => Err(Fault::Unseen(path, why)),
            HostFact::JobSocket(path) => {
                self.held.facts.learn_job_socket(path.map_err(Fault::Refused)?);
                self.judged(self.held.judge(hand.settings), hand)
            }
            HostFact::Authorized(decision) => {
                decision.map_err(Fault::Refused)?;
                self.next(hand)
            }
            HostFact::Store(_) | HostFact::Caller(_) => self.next(hand),
        }
    }

    fn answered(&mut self, whole: &Whole<'_>, hand: &mut Hand<'_>) -> Advanced {
        let images = &hand.settings.upstream.images;
        let Whole { head, response, content } = *whole;
        // The request cannot be sent if the daemon closes this connection.
        if !response.persistent {
            return Err(Fault::Unanswered);
        }
        let answer = DaemonAnswer { status: response.status, head, content };
        let Some(Need::Daemon(question)) = self.needs.as_slice().first() else {
            self.orders.next();
            return match response.status {
                400.. => Ok(answer_client(answer)),
                _ => self.next(hand),
            };
        };
        let api = match &mut self.inquiry {
            Some(inquiry) => {
                if inquiry.asks_again(question, response.status, head, images) {
                    return self.next(hand);
                }
                inquiry.api()
            }
            None => images.api(),
        };
        let learned = self.held.facts.learn(question, answer, api);
        self.needs.next();
        match learned {
            Learned::Nothing => {}
            Learned::News => self.news = true,
            Learned::Hopeless => {
                self.inquiry = None;
                let authorization = self.needs.find(|need| *need == Need::Authorization);
                self.needs = Vec::from_iter(authorization).into_iter();
                self.orders = Vec::new().into_iter();
            }
            Learned::Failed => return Ok(answer_client(answer)),
            Learned::Nonsense => return Err(Fault::Unanswered),
            Learned::Undescribed(image) => return Err(Fault::Undescribed(image)),
        }
        self.next(hand)
    }
}

/// Passes the daemon's answer to a question or an order to the client.
fn answer_client(DaemonAnswer { status, head, content }: DaemonAnswer<'_>) -> Progress<Next> {
    let mut whole = render::with_length(head, content.len());
    whole.extend_from_slice(content);
    Progress::Next(Next::Answered(status, whole))
}

#[cfg(test)]
mod tests;
