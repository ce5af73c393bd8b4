//! Reads the corpus: recordings of real clients and daemons. `tests/corpus/README.md` describes the format.

use std::collections::HashMap;
use std::fmt::{self, Display, Formatter, Write};
use std::fs;
use std::path::PathBuf;

use super::transcript::{Line, What, said, tests};

/// One operation of one client: a file.
#[derive(Debug)]
pub struct Recording {
    pub path: PathBuf,
    pub text: String,
    pub connections: Vec<Connection>,
}

/// One connection, from the first byte to both ends.
#[derive(Debug)]
pub struct Connection {
    pub name: String,
    pub turns: Vec<Turn>,
}

/// The two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Client,
    Daemon,
}

/// Actions of one side until the other side acts.
#[derive(Debug)]
pub struct Turn {
    pub by: Side,
    /// Its writes.
    pub pieces: Vec<Vec<u8>>,
    /// Its end, if it ended.
    pub end: Option<Ending>,
    /// The bytes that the daemon must get, if they differ from the written ones.
    pub daemon_gets: Option<Vec<u8>>,
    /// The bytes that the client must get from the proxy itself, or instead of the daemon's.
    pub client_gets: Vec<u8>,
    /// The index of its last line in the file.
    pub last_line: usize,
}

/// End of a side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It half-closes.
    Half,
    /// It closes both directions.
    Gone,
}

impl Turn {
    /// Returns all written bytes.
    pub fn written(&self) -> Vec<u8> {
        self.pieces.concat()
    }

    /// Returns `true` if all bytes must arrive unchanged.
    pub fn passes(&self) -> bool {
        self.daemon_gets.is_none() && self.client_gets.is_empty()
    }

    /// Returns the bytes that the daemon and the client must get.
    pub fn arrives(&self) -> (Vec<u8>, Vec<u8>) {
        match self.by {
            Side::Client => {
                let daemon_gets = self.daemon_gets.clone();
                (daemon_gets.unwrap_or_else(|| self.written()), self.client_gets.clone())
            }
            Side::Daemon if self.client_gets.is_empty() => (Vec::new(), self.written()),
            Side::Daemon => (Vec::new(), self.client_gets.clone()),
        }
    }
}

impl Display for Connection {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Connection {
    /// Returns the number of bytes that both sides write.
    pub fn length(&self) -> usize {
        self.turns.iter().flat_map(|turn| &turn.pieces).map(Vec::len).sum()
    }
}

/// Returns the first bytes, for a failure message.
pub fn shown(bytes: &[u8]) -> String {
    let first = &bytes[..bytes.len().min(200)];
    format!("{} ({} bytes)", first.escape_ascii(), bytes.len())
}

/// Returns the folder of the corpus.
pub fn root() -> PathBuf {
    tests().join("corpus")
}

/// Returns all recordings, sorted by name.
pub fn all() -> Vec<Recording> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for client in fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path()) {
        if client.is_dir() {
            paths.extend(fs::read_dir(client).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    paths.sort();
    assert!(!paths.is_empty(), "nothing in {}", root().display());
    paths.into_iter().map(read).collect()
}

fn read(path: PathBuf) -> Recording {
    let text = fs::read_to_string(&path).unwrap();
    let operation = path.strip_prefix(root()).unwrap().with_extension("");
    let mut connections: Vec<Connection> = Vec::new();
    let mut new_piece = true;
    for (at, line) in text.lines().enumerate() {
        if line.is_empty() {
            new_piece = true;
        } else if let Some(number) = line.strip_prefix("== ") {
            let name = format!("{} {number}", operation.display());
            connections.push(Connection { name, turns: Vec::new() });
        } else if !line.starts_with('#') {
            let place = || format!("{}:{}", path.display(), at + 1);
            let (line, what) = said(line).unwrap_or_else(|| panic!("{}: what?", place()));
            let connection = connections.last_mut().unwrap_or_else(|| panic!("{}", place()));
            connection.add(line, what, new_piece, at);
            new_piece = false;
        }
    }
    Recording { path, text, connections }
}

impl Connection {
    fn add(&mut self, line: Line, what: What, new_piece: bool, at: usize) {
        let by = match line {
            Line::ClientSends => Side::Client,
            Line::DaemonSends => Side::Daemon,
            Line::DaemonGot | Line::ClientGot => return self.expect(line, what),
        };
        let turn = self.turn(by);
        turn.last_line = at;
        match what {
            What::Bytes(bytes) => match turn.pieces.last_mut() {
                Some(piece) if !new_piece => piece.extend(bytes),
                _ => turn.pieces.push(bytes),
            },
            What::Mark(mark) if mark == "end" => turn.end = Some(Ending::Half),
            What::Mark(mark) if mark == "gone" => turn.end = Some(Ending::Gone),
            What::Mark(mark) => panic!("{}: <{mark}>?", self.name),
        }
    }

    /// Returns the turn of `by`: the last one if it is the same side's and has no expectations yet, else a new
    /// one.
    fn turn(&mut self, by: Side) -> &mut Turn {
        if !self.turns.last().is_some_and(|turn| turn.by == by && turn.passes()) {
            self.turns.push(Turn {
                by,
                pieces: Vec::new(),
                end: None,
                daemon_gets: None,
                client_gets: Vec::new(),
                last_line: 0,
            });
        }
        self.turns.last_mut().unwrap()
    }

    fn expect(&mut self, line: Line, what: What) {
        let bytes = match what {
            What::Bytes(bytes) => bytes,
            What::Mark(mark) => {
                assert_eq!(mark, "nothing", "{}", self.name);
                Vec::new()
            }
        };
        let turn = self.turns.last_mut().unwrap();
        match line {
            Line::DaemonGot => turn.daemon_gets.get_or_insert_default().extend(bytes),
            _ => turn.client_gets.extend(bytes),
        }
    }
}

/// Number of equal bytes in a row from which they are abbreviated.
const REPEATED: usize = 48;

impl Recording {
    /// Renders the file with the bytes that the other side got in each turn, where they differ from the written
    /// ones.
    pub fn with_expectations(&self, got: impl Fn(&Connection) -> Vec<Vec<u8>>) -> String {
        let mut behind = HashMap::new();
        for connection in &self.connections {
            for (turn, got) in connection.turns.iter().zip(got(connection)) {
                if got != turn.written() {
                    let mark = if turn.by == Side::Client { ">D" } else { ">C" };
                    behind.insert(turn.last_line, expectation(mark, &got));
                }
            }
        }
        let mut text = String::new();
        let mut by_daemon = false;
        for (at, line) in self.text.lines().enumerate() {
            by_daemon = line.starts_with("D> ") || by_daemon && !line.starts_with("C> ");
            let expected = line.starts_with(">D ") || by_daemon && line.starts_with(">C ");
            if !expected || line == ">D <nothing>" {
                text += line;
                text += "\n";
                text += behind.get(&at).map_or("", |lines| lines);
            }
        }
        text
    }
}

fn expectation(mark: &str, bytes: &[u8]) -> String {
    let mut text = String::new();
    let runs = bytes.chunk_by(|one, two| one == two);
    let mut plain = Vec::new();
    for run in runs {
        if run.len() < REPEATED {
            plain.extend(run);
            continue;
        }
        write_lines(&mut text, mark, &plain);
        plain.clear();
        writeln!(text, "{mark} <repeat {} {}>", run.len(), escaped(&run[..1])).unwrap();
    }
    write_lines(&mut text, mark, &plain);
    text
}

fn write_lines(text: &mut String, mark: &str, bytes: &[u8]) {
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let mut line = escaped(line);
        if line.starts_with('<') {
            line.replace_range(..1, "\\x3c"); // or it would be read as a mark
        }
        writeln!(text, "{mark} {line}").unwrap();
    }
}

fn escaped(bytes: &[u8]) -> String {
    // Quotes, frequent in JSON, need no escape.
    bytes.escape_ascii().to_string().replace("\\\"", "\"").replace("\\'", "'")
}
