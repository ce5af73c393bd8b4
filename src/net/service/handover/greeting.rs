//! The first message of an old process, with a line for each of its listening sockets.

/// The first line, which identifies the version of the message.
const GREETING: &str = "dockerd-ci-proxy hands over";

/// Maximum number of sockets in one message, a limit of the kernel.
pub(super) const SOCKETS: usize = 253;

/// Maximum size in bytes of the message: a line of at most 50 for each socket, and a name of at most 255.
pub(super) const MESSAGE: usize = 96 * 1024;

/// The use of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Clients,
    Stats,
    /// Clients in the container of one job. Older programs do not know it.
    Job,
}

/// The line about a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) role: Use,
    /// The name that the service manager gave it; may be empty.
    pub(super) name: String,
    /// Device and inode of its file, if the process must remove the file.
    pub(super) file: Option<(u64, u64)>,
}

/// Returns the message for these sockets.
pub(super) fn message(entries: impl Iterator<Item = Entry>) -> String {
    let mut text = format!("{GREETING}\n");
    for Entry { role, name, file } in entries {
        let role = match role {
            Use::Clients => "clients",
            Use::Stats => "stats",
            Use::Job => "job",
        };
        let file = file.map_or(String::new(), |(device, inode)| format!(" {device} {inode}"));
        let name = match name.as_str() {
            none if none.is_empty() || none.contains('\n') => String::new(),
            name => format!(" :{name}"),
        };
        text.extend([role, &file, &name, "\n"]);
    }
    text
}

/// Parses a [`message`]. Returns `None` if it is malformed.
pub(super) fn entries(text: &str) -> Option<Vec<Entry>> {
    let mut lines = text.strip_suffix('\n')?.split('\n');
    if lines.next()? != GREETING {
        return None;
    }
    lines.map(entry).collect()
}

fn entry(line: &str) -> Option<Entry> {
    // An older program does not send names. They contain no colon, and may contain spaces.
    let (line, name) = line.split_once(" :").unwrap_or((line, ""));
    let mut words = line.split(' ');
    let role = match words.next()? {
        "clients" => Use::Clients,
        "stats" => Use::Stats,
        "job" => Use::Job,
        _ => return None,
    };
    let file = match (words.next(), words.next(), words.next()) {
        (None, ..) => None,
        (Some(device), Some(inode), None) => Some((device.parse().ok()?, inode.parse().ok()?)),
        _ => return None,
    };
    Some(Entry { role, name: name.to_owned(), file })
}

#[cfg(test)]
mod tests;
