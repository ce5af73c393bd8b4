//! A request that waits for facts and orders: the daemon is asked on its own connection, unseen by the
//! client, and the shell is asked about the host.

use std::mem;
use std::vec;

use super::collect::{CollectReply, Share};
use super::fault::Fault;
use super::held::Held;
use super::images::Image;
use super::inquiry::Inquiry;
use super::lanes::Lanes;
use super::outcome::Call;
use super::{HostFact, ListenerSettings, Verdict};
use crate::http::render;
use crate::http::reply::Whole;
use crate::rules::facts::{Answer, HostQuestion, Learned, Need, Order, Question};
use crate::rules::{Edited, Judgement};

/// A request that waits for facts and orders, once its body is gathered.
#[derive(Debug)]
pub(super) struct Asking {
    pub(super) held: Held,
    /// The facts that the judgement lacks, in the order in which they are asked for.
    needs: vec::IntoIter<Need>,
    /// The edit that is to be sent unless an answer is news, and its share of the room.
    draft: Option<(Edited, Share)>,
    /// Set once an answer has made the draft outdated.
    news: bool,
    /// The orders before the draft.
    orders: vec::IntoIter<Order>,
    /// What is asked about the image, until all of it is known.
    inquiry: Option<Inquiry>,
    stage: Stage,
}

/// An answer that is waited for.
#[derive(Debug)]
enum Stage {
    None,
    /// The shell's.
    Host,
    /// The shell has answered.
    Found(HostFact),
    /// The daemon's, to the first of the needs, or else of the orders.
    Daemon(CollectReply),
}

/// The result of advancing.
#[derive(Debug)]
pub(super) enum Progress {
    Waits,
    /// The daemon is to get a request of the proxy's own.
    Says,
    /// The shell is to answer this.
    Asks(HostQuestion),
    /// The body is lacking.
    Gather,
    /// All is known and ordered: the request is to leave with this edit.
    Send(Edited, Share),
    /// The client is to get the daemon's answer to a question or an order, with this status. The
    /// request is not sent.
    Answered(u16, Vec<u8>),
    /// The daemon has ended, and nothing was sent.
    Cut,
    Fault(Fault),
}

impl Asking {
    /// Makes `held` wait; [`judged`](Self::judged) says for what.
    pub(super) fn new(held: Held) -> Self {
        Self {
            held,
            needs: Vec::new().into_iter(),
            draft: None,
            news: false,
            orders: Vec::new().into_iter(),
            inquiry: None,
            stage: Stage::None,
        }
    }

    pub(super) fn into_held(self) -> Held {
        self.held
    }

    pub(super) fn into_call(self) -> Call {
        self.held.call
    }

    /// Takes the shell's answer.
    pub(super) fn found(&mut self, fact: HostFact) {
        if matches!(self.stage, Stage::Host) {
            self.stage = Stage::Found(fact);
        }
    }

    /// Goes on as the judgement says.
    pub(super) fn judged(
        &mut self,
        judgement: Judgement,
        lanes: &mut Lanes,
        settings: &ListenerSettings,
    ) -> Progress {
        self.news = false;
        let (needs, draft) = match judgement {
            Judgement::Gather { .. } => return Progress::Gather,
            Judgement::Refuse(refusal) => return Progress::Fault(Fault::Refused(refusal)),
            Judgement::Pass { notes } => (Vec::new(), Some(Edited { notes, ..Edited::default() })),
            Judgement::Edit(edited) => (Vec::new(), Some(edited)),
            Judgement::Need { needs, draft } => (needs, draft),
        };
        self.needs = needs.into_iter();
        match self.keep(draft, settings) {
            Ok(()) => self.next(lanes, settings),
            Err(fault) => Progress::Fault(fault),
        }
    }

    fn keep(&mut self, draft: Option<Edited>, settings: &ListenerSettings) -> Result<(), Fault> {
        self.draft = None;
        if let Some(mut edited) = draft {
            let mut share = Share::of(&settings.shared.budget);
            share.hold(edited.body.as_ref().map_or(0, Vec::len))?;
            self.held.call.verdict = Verdict::Forwarded(edited.forced);
            self.orders = mem::take(&mut edited.before).into_iter();
            self.draft = Some((edited, share));
        }
        Ok(())
    }

    /// Asks the next question; then has the request judged again if an answer was news; then gives the
    /// next order. What a request is refused for is known before anything is ordered for it.
    fn next(&mut self, lanes: &mut Lanes, settings: &ListenerSettings) -> Progress {
        while self.recalls(settings) {}
        match self.needs.as_slice().first() {
            Some(Need::Host(_)) => {
                if let Some(Need::Host(question)) = self.needs.next() {
                    self.stage = Stage::Host;
                    return Progress::Asks(question);
                }
            }
            Some(Need::Daemon(question)) => {
                let api = self.inquiry.as_ref().map(Inquiry::api).unwrap_or_default();
                return self.say(question.request(api), lanes, settings);
            }
            None => {}
        }
        if self.news || self.draft.is_none() {
            return self.judged(self.held.judge(settings), lanes, settings);
        }
        if let Some(order) = self.orders.as_slice().first() {
            return self.say(order.request(&settings.profile), lanes, settings);
        }
        match self.draft.take() {
            Some((edited, share)) => Progress::Send(edited, share),
            None => Progress::Waits,
        }
    }

    fn say(
        &mut self,
        request: Vec<u8>,
        lanes: &mut Lanes,
        settings: &ListenerSettings,
    ) -> Progress {
        lanes.up.say(request);
        self.stage = Stage::Daemon(CollectReply::new(&settings.shared.budget));
        Progress::Says
    }

    /// Takes up the volumes of the image that is to be asked about, if they are remembered, and reports
    /// that. Else it begins to ask, or remembers what was answered.
    fn recalls(&mut self, settings: &ListenerSettings) -> bool {
        let asks = match self.needs.as_slice().first() {
            Some(Need::Daemon(Question::Image { name, platform })) if self.inquiry.is_none() => {
                Some(Image { name: name.clone(), platform: platform.clone() })
            }
            Some(Need::Daemon(question)) if question.asks_of_image() => return false,
            _ => None,
        };
        if let Some(image) = asks {
            let Some(volumes) = settings.upstream.images.recall(&image) else {
                self.inquiry = Some(Inquiry::begin(image, &settings.upstream.images));
                return false;
            };
            self.needs.next();
            self.news |= self.held.facts.recall_image(volumes) == Learned::News;
            return true;
        }
        if self.held.facts.knows_image()
            && let Some(inquiry) = self.inquiry.take()
        {
            inquiry.over(&self.held.facts, &settings.upstream.images);
        }
        false
    }

    pub(super) fn advance(&mut self, lanes: &mut Lanes, settings: &ListenerSettings) -> Progress {
        match mem::replace(&mut self.stage, Stage::None) {
            Stage::None => self.next(lanes, settings),
            // Nothing of this has been sent: it is as with a body that is being gathered.
            Stage::Host if lanes.down.has_ended() => Progress::Cut,
            Stage::Host => {
                self.stage = Stage::Host;
                Progress::Waits
            }
            Stage::Found(fact) => self.take_fact(fact, lanes, settings),
            Stage::Daemon(mut reply) => match reply.advance(&mut lanes.down) {
                Ok(Some(whole)) => self.answered(&whole, lanes, settings),
                Ok(None) if lanes.down.has_ended() => Progress::Fault(Fault::Unanswered),
                Ok(None) => {
                    self.stage = Stage::Daemon(reply);
                    Progress::Waits
                }
                Err(fault) => Progress::Fault(fault),
            },
        }
    }

    fn take_fact(
        &mut self,
        fact: HostFact,
        lanes: &mut Lanes,
        settings: &ListenerSettings,
    ) -> Progress {
        match fact {
            HostFact::Paths(paths) => {
                if self.held.facts.learn_paths(paths) == Learned::News {
                    // What is refused now is not asked about either.
                    return self.judged(self.held.judge(settings), lanes, settings);
                }
                self.next(lanes, settings)
            }
            HostFact::Unseen(path, why) => Progress::Fault(Fault::Unseen(path, why)),
            HostFact::Store(_) => self.next(lanes, settings),
        }
    }

    fn answered(
        &mut self,
        whole: &Whole<'_>,
        lanes: &mut Lanes,
        settings: &ListenerSettings,
    ) -> Progress {
        let Whole { head, response, content } = *whole;
        // The request goes out on this connection; a daemon that ends it leaves no way to do that.
        if !response.persistent {
            return Progress::Fault(Fault::Unanswered);
        }
        let answer = Answer { status: response.status, head, content };
        let Some(Need::Daemon(question)) = self.needs.as_slice().first() else {
            self.orders.next();
            return match response.status {
                400.. => answer_client(answer),
                _ => self.next(lanes, settings),
            };
        };
        let api = match &mut self.inquiry {
            Some(inquiry) => {
                if inquiry.asks_again(question, response.status, head, &settings.upstream.images) {
                    return self.next(lanes, settings);
                }
                inquiry.api()
            }
            None => settings.upstream.images.api(),
        };
        let learned = self.held.facts.learn(question, answer, api);
        self.needs.next();
        match learned {
            Learned::Nothing => {}
            Learned::News => self.news = true,
            Learned::Hopeless => {
                self.inquiry = None;
                self.needs = Vec::new().into_iter();
                self.orders = Vec::new().into_iter();
            }
            Learned::Failed => return answer_client(answer),
            Learned::Nonsense => return Progress::Fault(Fault::Unanswered),
            Learned::Undescribed(image) => return Progress::Fault(Fault::Undescribed(image)),
        }
        self.next(lanes, settings)
    }
}

/// Gives the client the daemon's answer to a question or an order.
fn answer_client(Answer { status, head, content }: Answer<'_>) -> Progress {
    let mut whole = render::with_length(head, content.len());
    whole.extend_from_slice(content);
    Progress::Answered(status, whole)
}

#[cfg(test)]
mod tests;
