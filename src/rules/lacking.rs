//! Missing facts and orders of a container create: the volumes of its image, the mounts of the containers
//! in `VolumesFrom`, and the named volumes that it would create.

use super::facts::{Facts, Need, OfImage, Order, Question};
use super::mounts::anonymous::AnonymousVolumes;
use super::mounts::binds::Bind;
use super::mounts::{few, volume_driver};
use super::{Profile, Refusal, platform};
use crate::json::{Found, Listed, Object};

/// Returns the open questions to the daemon about a container create, and the orders that precede it.
///
/// # Errors
/// A body that cannot be understood.
pub(super) fn of_create(
    profile: &Profile,
    facts: &Facts,
    target: &str,
    top: &Object<'_>,
    host_config: &Found<'_>,
) -> Result<(Vec<Need>, Vec<Order>), Refusal> {
    let (mut needs, mut orders) = (Vec::new(), Vec::new());
    let image = top.string("Image")?.filter(|image| !image.is_empty());
    // The image matters only for the volumes that it declares.
    if let Some(image) = image.filter(|_| profile.anonymous_volumes == AnonymousVolumes::Label) {
        facts.image.questions(&image, target, &mut needs);
    }
    if let Found::Object(host_config) = host_config {
        of_host_config(profile, facts, top, host_config, &mut needs, &mut orders)?;
    }
    if facts.hopeless {
        needs.clear();
        orders.clear();
    }
    Ok((needs, orders))
}

fn of_host_config(
    profile: &Profile,
    facts: &Facts,
    top: &Object<'_>,
    host_config: &Object<'_>,
    needs: &mut Vec<Need>,
    orders: &mut Vec<Order>,
) -> Result<(), Refusal> {
    if let Listed::Array(others) = host_config.array("VolumesFrom")? {
        few(others.elements.len())?;
        for entry in others.strings() {
            let (_, text) = entry?;
            let name = text.split_once(':').map_or(&*text, |(name, _)| name);
            // A name may start with the slash that an inspect reports.
            let name = name.strip_prefix('/').unwrap_or(name);
            if !facts.containers.contains(name) {
                needs.push(Need::Daemon(Question::Container(name.to_owned())));
            }
        }
    }
    let driver = volume_driver(profile, top, host_config)?;
    if let Listed::Array(binds) = host_config.array("Binds")? {
        few(binds.elements.len())?;
        for entry in binds.strings() {
            let (_, text) = entry?;
            let bind = Bind::read(&text);
            if let Some(name) = bind.volume()
                && !profile.inject.mounts().bind_at(bind.target)
            {
                let (name, driver) = (name.to_owned(), driver.clone());
                orders.push(Order::CreateVolume { name, driver });
            }
        }
    }
    Ok(())
}

impl OfImage {
    /// Adds the open questions about the image `name`. The create at `target` may name a platform.
    fn questions(&self, name: &str, target: &str, needs: &mut Vec<Need>) {
        let image = |platform| Question::Image { name: name.to_owned(), platform };
        match self {
            Self::Nothing => needs.push(Need::Daemon(image(platform::of_create(target)))),
            Self::Undescribed => needs.push(Need::Daemon(Question::Platforms(name.to_owned()))),
            Self::Platforms(platforms) => {
                let images = platforms.iter().cloned().map(Some).map(image);
                needs.extend(images.map(Need::Daemon));
            }
            Self::All => {}
        }
    }
}
