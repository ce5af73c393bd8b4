//! One end of a connection: the client's or the daemon's.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::proxy::PATIENCE;

/// One end of a connection. The test fails if a wait exceeds its deadline.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) stream: UnixStream,
}

/// Accepts the next connection to `listener`.
pub(crate) fn accept(listener: &UnixListener) -> End {
    await_event(listener, PollFlags::IN, "a connection");
    End::new(listener.accept().unwrap().0)
}

/// Waits for an event of a socket.
fn await_event(socket: &impl std::os::fd::AsFd, flags: PollFlags, what: &str) -> PollFlags {
    let mut asked = [PollFd::new(socket, flags)];
    let patience = Timespec::try_from(PATIENCE).unwrap();
    assert!(poll(&mut asked, Some(&patience)).unwrap() > 0, "timed out waiting for {what}");
    asked[0].revents()
}

impl End {
    pub(crate) fn new(stream: UnixStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { stream }
    }

    /// Returns a second handle for another thread.
    pub(crate) fn twin(&self) -> Self {
        Self { stream: self.stream.try_clone().unwrap() }
    }

    pub(crate) fn sends(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Reads exactly these bytes.
    pub(crate) fn gets(&mut self, wanted: impl AsRef<[u8]>) {
        let wanted = wanted.as_ref();
        let mut got = vec![0; wanted.len()];
        let mut have = 0;
        while have < got.len() {
            match self.stream.read(&mut got[have..]) {
                Ok(0) => break,
                Ok(n) => have += n,
                Err(error) => panic!("{error} behind {:?}", got[..have].escape_ascii().to_string()),
            }
        }
        let got = &got[..have];
        assert!(
            got == wanted,
            "got {:?} and not {:?}",
            got.escape_ascii().to_string(),
            wanted.escape_ascii().to_string()
        );
    }

    /// Reads up to the end of the other side's bytes, an orderly end or a reset.
    pub(crate) fn gets_rest(&mut self) -> Vec<u8> {
        let mut got = Vec::new();
        match self.stream.read_to_end(&mut got) {
            Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
            _ => got,
        }
    }

    /// Reads a head, up to its empty line.
    pub(crate) fn gets_head(&mut self) -> String {
        self.read_head().expect("a head instead of the end")
    }

    /// Reads a head; returns `None` if the other side ends instead.
    pub(crate) fn read_head(&mut self) -> Option<String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            match self.stream.read(&mut byte) {
                Ok(1) => head.push(byte[0]),
                Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
                _ => return None,
            }
        }
        Some(String::from_utf8(head).unwrap())
    }

    /// Fails unless the other side half-closes, and does not close.
    pub(crate) fn is_half_closed(&mut self) {
        self.gets_end();
        assert!(!self.has_hung_up(), "this was no half-close: the other side has closed");
    }

    /// Fails unless the other side's bytes end here.
    pub(crate) fn gets_end(&mut self) {
        let rest = self.gets_rest();
        assert!(rest.is_empty(), "{:?} instead of the end", rest.escape_ascii().to_string());
    }

    /// Fails unless the other side closes both directions; discards its bytes.
    pub(crate) fn is_closed(&mut self) {
        let seen = await_event(&self.stream, PollFlags::empty(), "the other side to close");
        assert!(seen.contains(PollFlags::HUP));
    }

    /// Returns `true` if the other side has closed both directions.
    pub(crate) fn has_hung_up(&self) -> bool {
        self.is(PollFlags::empty())
    }

    /// Returns `true` if there are bytes to read now.
    pub(crate) fn has_bytes(&self) -> bool {
        self.is(PollFlags::IN)
    }

    /// Returns `true` if a write would succeed or fail now.
    pub(crate) fn has_room(&self) -> bool {
        self.is(PollFlags::OUT)
    }

    /// Waits until a write would succeed or fail.
    pub(crate) fn awaits_room(&self) {
        await_event(&self.stream, PollFlags::OUT, "room");
    }

    fn is(&self, flags: PollFlags) -> bool {
        let mut asked = [PollFd::new(&self.stream, flags)];
        poll(&mut asked, Some(&Timespec::default())).unwrap() > 0
    }

    pub(crate) fn half_closes(&mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Writes until the other side accepts nothing more for a while; returns the number of accepted bytes.
    pub(crate) fn fills(&mut self, bytes: &[u8]) -> usize {
        self.stream.set_nonblocking(true).unwrap();
        let mut took = 0;
        let pause = Timespec::try_from(std::time::Duration::from_millis(300)).unwrap();
        loop {
            match self.stream.write(&bytes[took % bytes.len()..]) {
                Ok(n) => took += n,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let mut asked = [PollFd::new(&self.stream, PollFlags::OUT)];
                    if poll(&mut asked, Some(&pause)).unwrap() == 0 {
                        break;
                    }
                }
                Err(error) => panic!("{error} behind {took} bytes"),
            }
        }
        self.stream.set_nonblocking(false).unwrap();
        took
    }
}

/// Returns reproducible bytes of every value, in a pattern that fits no buffer size.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state: u32 = 1;
    let step = |()| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_n((), length).map(step).collect()
}
