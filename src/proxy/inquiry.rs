//! The questions of one create about its image: their API version, and the caching of the answers.

use super::images::{Image, Images, Moment};
use crate::engine::Api;
use crate::rules::facts::{Facts, Question};

/// Maximum number of repetitions of a question in another API version. A replaced daemon needs one, a daemon
/// that supports no known version another.
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
    /// Begins the questions about `image`.
    pub(super) fn begin(image: Image, images: &Images) -> Self {
        Self { image, asked: images.moment(), api: images.api(), tries: 0 }
    }

    /// Returns the API version of the next question, or of the last answer.
    pub(super) fn api(&self) -> Api {
        self.api
    }

    /// Returns `true` if `question` must be repeated, since the daemon's version differs from the assumed
    /// one. Its answer has this status and head.
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
            // The version may be too new for the daemon, or too old.
            Api::Minor(_) => status == 400,
            // The question did not name the platform.
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

    /// Stores the answers in the cache.
    pub(super) fn over(self, facts: &Facts, images: &Images) {
        if let Some(asked) = self.asked {
            images.remember(self.image, &facts.volumes, asked);
        }
    }
}
