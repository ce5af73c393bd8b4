//! The first messages of an old process, with a line for each of its listening sockets.

/// The first line of a message, which identifies its version.
const GREETING: &str = "dockerd-ci-proxy hands over";

/// Maximum number of sockets in one message, a limit of the kernel.
pub(super) const SOCKETS: usize = 253;

/// The last line of a message that another one follows. Older programs do not know it, and send one message.
const MORE: &str = "more";

/// Maximum size in bytes of a message. The kernel passes so many in one piece, with the descriptors.
pub(super) const MESSAGE: usize = 32 * 1024;

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

/// Returns the messages for these sockets, each with the number of its sockets.
pub(super) fn messages(entries: impl Iterator<Item = Entry>) -> Vec<(String, usize)> {
    let empty = || (format!("{GREETING}\n"), 0);
    let (mut all, mut last) = (Vec::new(), empty());
    for line in entries.map(|entry| line(&entry)) {
        let length = last.0.len() + line.len() + MORE.len() + 1;
        if last.1 == SOCKETS || length > MESSAGE {
            last.0.extend([MORE, "\n"]);
            all.push(std::mem::replace(&mut last, empty()));
        }
        last.0.push_str(&line);
        last.1 += 1;
    }
    all.push(last);
    all
}

fn line(Entry { role, name, file }: &Entry) -> String {
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
    format!("{role}{file}{name}\n")
}

/// Parses one of [`messages`]. Also returns `true` if another one follows. Returns `None` if it is malformed.
pub(super) fn entries(text: &str) -> Option<(Vec<Entry>, bool)> {
    let mut lines: Vec<_> = text.strip_suffix('\n')?.split('\n').collect();
    let more = lines.pop_if(|last| *last == MORE).is_some();
    let (greeting, lines) = lines.split_first()?;
    let entries = lines.iter().copied().map(entry).collect::<Option<_>>()?;
    (*greeting == GREETING).then_some((entries, more))
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
