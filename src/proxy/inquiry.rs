//! One create's questions about its image: in which version they are asked, and what is remembered of them.

use super::images::{Image, Images, Moment};
use crate::engine::Api;
use crate::rules::facts::{Facts, Question};

/// Times that a question is asked again since the daemon is of another version than the last one was. One
/// that was replaced needs one, one that is too new for all that we know another.
const TRIES: u8 = 2;

/// A create's questions about its image.
#[derive(Debug)]
pub(super) struct Inquiry {
    image: Image,
    asked: Option<Moment>,
    api: Api,
    tries: u8,
}

impl Inquiry {
    /// Begins to ask about `image`.
    pub(super) fn begin(image: Image, images: &Images) -> Self {
        Self { image, asked: images.moment(), api: images.api(), tries: 0 }
    }

    /// Returns the version in which is asked, or in which an answer is to be read.
    pub(super) fn api(&self) -> Api {
        self.api
    }

    /// Reports whether `question` is to be asked again since the daemon is not of the version that it was
    /// taken for. The answer to it has this status and head.
    pub(super) fn asks_again(
        &mut self,
        question: &Question,
        status: u16,
        head: &[u8],
        images: &Images,
    ) -> bool {
        let (asked, known) = (self.api, images.learn(head));
        images.want();
        let platform = matches!(question, Question::Image { platform: Some(_), .. });
        let misjudged = match asked {
            // It may be too new for the daemon, or too old.
            Api::Minor(_) => status == 400,
            // The platform was not asked for.
            Api::Old => platform && known.has_platforms(),
            Api::Unknown | Api::Newest => false,
        };
        let again = misjudged && self.tries < TRIES;
        if again {
            self.tries += 1;
            self.api = if known == asked { Api::Newest } else { known };
        } else if asked == Api::Newest && status != 400 {
            images.set_api(Api::Newest);
        } else {
            self.api = known;
        }
        again
    }

    /// Remembers what was answered.
    pub(super) fn over(self, facts: &Facts, images: &Images) {
        if let Some(asked) = self.asked {
            images.remember(self.image, &facts.volumes, asked);
        }
    }
}
