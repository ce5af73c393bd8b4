//! The rules of each listener, at a start and when the configuration is read again. Asks the daemons what is
//! needed for that.

use std::path::Path;

use log::warn;

use super::Exit;
use super::check::{checked_parents, exit_of, fixed_parents};
use crate::config::{Config, Listener};
use crate::net::client;
use crate::net::host::authz::{self, NotFound};
use crate::net::host::own_container;
use crate::rules::Profile;
use crate::rules::authz::Plugin;

/// The answers of daemons about their cgroup drivers.
#[derive(Default)]
struct Drivers<'c>(Vec<(&'c Path, Result<Option<String>, client::Error>)>);

impl<'c> Drivers<'c> {
    /// Asks a daemon, unless it was asked before: a daemon that hangs would delay the start for each listener.
    fn of(&mut self, daemon: &'c Path) -> Result<Option<&str>, &client::Error> {
        let known = self.0.iter().position(|(known, _)| *known == daemon);
        let place = known.unwrap_or(self.0.len());
        if known.is_none() {
            self.0.push((daemon, client::cgroup_driver(daemon)));
        }
        match self.0.get(place) {
            Some((_, answer)) => answer.as_ref().map(Option::as_deref),
            None => Ok(None),
        }
    }
}

/// The rules of a listener.
#[derive(Debug, Clone)]
pub struct ListenerRules {
    /// The rules for its clients.
    pub profile: Profile,
    /// The rules for the sockets that containers get, if they get some.
    pub of_jobs: Option<Profile>,
}

/// Returns the rules of all listeners. Logs warnings.
///
/// # Errors
///
/// All cgroup parents that cannot be used, each with the exit code of a start.
pub fn profiles(config: &Config) -> Result<Vec<ListenerRules>, Vec<(Exit, String)>> {
    let mut drivers = Drivers::default();
    let (mut profiles, mut errors) = (Vec::new(), Vec::new());
    for listener in &config.listeners {
        match check_cgroup_parents(listener, &mut drivers)
            .and_then(|()| check_plugins(listener))
            .and_then(|()| rules(listener))
        {
            Ok(rules) => profiles.push(rules),
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(profiles) } else { Err(errors) }
}

/// Returns the rules of a listener. Finds the cgroup parent of the own container if they need it.
fn rules(listener: &Listener) -> Result<ListenerRules, (Exit, String)> {
    let profile = |listener: &Listener| {
        listener
            .profile(|| own_container::cgroup_parent(&listener.daemon))
            .map_err(|why| (exit_of(&why), format!("{} self: {why}", listener.cgroup_parent.by)))
    };
    let of_jobs = listener.of_jobs();
    Ok(ListenerRules {
        profile: profile(listener)?,
        of_jobs: of_jobs.as_ref().map(profile).transpose()?,
    })
}

/// Refuses a plugin that the proxy can never ask. Warns of one that is not there, which may start later.
fn check_plugins(listener: &Listener) -> Result<(), (Exit, String)> {
    for Plugin { name, from, .. } in &listener.authz {
        match authz::find(name) {
            Ok(address) if address.is_there() => {}
            Ok(_) | Err(NotFound::Missing) => {
                warn!(
                    "{from}: no authorization plugin {name:?} is there yet; requests are refused until it is"
                );
            }
            Err(NotFound::Unfit(why)) => {
                return Err((Exit::Usage, format!("{from}: authorization plugin {name:?}: {why}")));
            }
        }
    }
    Ok(())
}

/// Refuses a cgroup parent that the daemon's cgroup driver cannot use, since otherwise every container of
/// every job would fail. Warns if the daemon does not answer: it may start later.
fn check_cgroup_parents<'c>(
    listener: &'c Listener,
    drivers: &mut Drivers<'c>,
) -> Result<(), (Exit, String)> {
    if fixed_parents(listener).next().is_none() {
        return Ok(());
    }
    match drivers.of(&listener.daemon) {
        Ok(Some(driver)) => {
            for (by, checked) in checked_parents(listener, driver) {
                match checked {
                    Ok(warning) => warning.into_iter().for_each(|why| warn!("{by}: {why}")),
                    Err(why) => return Err((Exit::Usage, format!("{by}: {why}"))),
                }
            }
        }
        Ok(None) => {}
        Err(why) => {
            for (by, parent) in fixed_parents(listener) {
                warn!("cannot check {by} {parent:?}: {why}");
            }
        }
    }
    Ok(())
}
