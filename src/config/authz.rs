//! Reads the authorization plugins of a listener from the configuration file.

use super::file::{Fault, Item, Source, Spanned, Table, entries, found};
use crate::rules::authz::Plugin;

/// Reads the list of plugins: names, paths of sockets, and tables with a name. Notes the faults. A plugin that is
/// named again is dropped, as by dockerd.
#[must_use]
pub fn plugins(
    source: &Source<'_>,
    item: &Spanned<Item<'_>>,
    faults: &mut Vec<Fault>,
) -> Vec<Plugin> {
    let Item::Array(list) = item.get_ref() else {
        let why = format!("expected a list of plugins, but found {}", found(item.get_ref()));
        faults.push(source.fault(&item.span(), why));
        return Vec::new();
    };
    let mut plugins: Vec<Plugin> = Vec::new();
    for item in list {
        let from = source.place(&item.span());
        match plugin(source, item, from, faults) {
            Some(plugin) if plugins.iter().all(|known| known.name != plugin.name) => {
                plugins.push(plugin);
            }
            _ => {}
        }
    }
    plugins
}

fn plugin(
    source: &Source<'_>,
    item: &Spanned<Item<'_>>,
    from: String,
    faults: &mut Vec<Fault>,
) -> Option<Plugin> {
    let mut plugin = Plugin { name: String::new(), responses: false, from };
    let named = match item.get_ref() {
        Item::String(name) => {
            plugin.name = name.to_string();
            item
        }
        Item::Table(table) => options(source, table, &mut plugin, faults).unwrap_or(item),
        other => {
            let why = format!("expected a name or a table, but found {}", found(other));
            faults.push(source.fault(&item.span(), why));
            return None;
        }
    };
    if !is_name(&plugin.name) {
        let name = &plugin.name;
        let why =
            format!("{name:?} is no plugin; expected a name, or the absolute path of a socket");
        faults.push(source.fault(&named.span(), why));
        return None;
    }
    Some(plugin)
}

/// Reads the table of a plugin. Returns the item of its name.
fn options<'a, 't>(
    source: &Source<'_>,
    table: &'a Table<'t>,
    plugin: &mut Plugin,
    faults: &mut Vec<Fault>,
) -> Option<&'a Spanned<Item<'t>>> {
    let mut named = None;
    for (key, item) in entries(table) {
        match (&**key.get_ref(), item.get_ref()) {
            ("name", Item::String(name)) => {
                plugin.name = name.to_string();
                named = Some(item);
            }
            ("responses", Item::Boolean(responses)) => plugin.responses = *responses,
            ("name", other) => {
                let why = format!("expected a string, but found {}", found(other));
                faults.push(source.fault(&item.span(), why));
            }
            ("responses", other) => {
                let why = format!("expected true or false, but found {}", found(other));
                faults.push(source.fault(&item.span(), why));
            }
            (other, _) => {
                let why = format!("unknown key {other:?}; expected name or responses");
                faults.push(source.fault(&key.span(), why));
            }
        }
    }
    named
}

/// Returns `true` for the name of a plugin and for the path of a socket.
fn is_name(name: &str) -> bool {
    let is_text = !name.is_empty() && !name.chars().any(char::is_control);
    let is_file = !name.contains('/') && ![".", ".."].contains(&name);
    is_text && (name.starts_with('/') || is_file)
}

#[cfg(test)]
mod tests;
