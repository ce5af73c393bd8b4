//! The first message of an old process: a line for each listening socket that comes with it.

/// The first line. Another version of the message would be another line.
const GREETING: &str = "dockerd-ci-proxy hands over";

/// Sockets that the kernel passes in one message.
pub(super) const SOCKETS: usize = 253;

/// Bytes of the old process's message: a line of at most 50 for each socket.
pub(super) const MESSAGE: usize = 16 * 1024;

/// What a socket is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Clients,
    Stats,
}

/// What is said about a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) role: Use,
    /// Device and inode of its file, if that is ours to remove.
    pub(super) file: Option<(u64, u64)>,
}

/// What the old process says, a line for each socket.
pub(super) fn message(entries: impl Iterator<Item = Entry>) -> String {
    let mut text = format!("{GREETING}\n");
    for Entry { role, file } in entries {
        let role = match role {
            Use::Clients => "clients",
            Use::Stats => "stats",
        };
        let file = file.map_or(String::new(), |(device, inode)| format!(" {device} {inode}"));
        text.extend([role, &file, "\n"]);
    }
    text
}

/// Reads what [`message`] has written; `None` if it is something else.
pub(super) fn entries(text: &str) -> Option<Vec<Entry>> {
    let mut lines = text.strip_suffix('\n')?.split('\n');
    if lines.next()? != GREETING {
        return None;
    }
    lines.map(entry).collect()
}

fn entry(line: &str) -> Option<Entry> {
    let mut words = line.split(' ');
    let role = match words.next()? {
        "clients" => Use::Clients,
        "stats" => Use::Stats,
        _ => return None,
    };
    let file = match (words.next(), words.next(), words.next()) {
        (None, ..) => None,
        (Some(device), Some(inode), None) => Some((device.parse().ok()?, inode.parse().ok()?)),
        _ => return None,
    };
    Some(Entry { role, file })
}

#[cfg(test)]
mod tests;
