//! One end of a connection, as a client or daemon holds it.

use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::proxy::PATIENCE;

/// One end of a connection. Whatever it waits for comes before the deadline, or the test fails.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) stream: UnixStream,
}

/// The next connection to `listener`.
pub(crate) fn accept(listener: &UnixListener) -> End {
    await_event(listener, PollFlags::IN, "a connection");
    End::new(listener.accept().unwrap().0)
}

/// Waits until something is so with a socket.
fn await_event(socket: &impl std::os::fd::AsFd, flags: PollFlags, what: &str) -> PollFlags {
    let mut asked = [PollFd::new(socket, flags)];
    let patience = Timespec::try_from(PATIENCE).unwrap();
    assert!(poll(&mut asked, Some(&patience)).unwrap() > 0, "waited in vain for {what}");
    asked[0].revents()
}

impl End {
    pub(crate) fn new(stream: UnixStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Self { stream }
    }

    /// A second handle, for another thread.
    pub(crate) fn twin(&self) -> Self {
        Self { stream: self.stream.try_clone().unwrap() }
    }

    pub(crate) fn sends(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).unwrap();
    }

    /// Reads as many bytes as are wanted, which must be those.
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

    /// Reads to the end of the other side's bytes, be it orderly or a reset.
    pub(crate) fn gets_rest(&mut self) -> Vec<u8> {
        let mut got = Vec::new();
        match self.stream.read_to_end(&mut got) {
            Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
            _ => got,
        }
    }

    /// Reads a head to its empty line.
    pub(crate) fn gets_head(&mut self) -> String {
        self.read_head().expect("a head instead of the end")
    }

    /// The same, or `None` when the other side ends instead.
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

    /// The other side must half-close, and no more than that.
    pub(crate) fn is_half_closed(&mut self) {
        self.gets_end();
        assert!(!self.has_hung_up(), "this was no half-close: the other side has closed");
    }

    /// The other side must have sent all that it will send.
    pub(crate) fn gets_end(&mut self) {
        let rest = self.gets_rest();
        assert!(rest.is_empty(), "{:?} instead of the end", rest.escape_ascii().to_string());
    }

    /// The other side must close both ways; bytes that it sent before are lost.
    pub(crate) fn is_closed(&mut self) {
        let seen = await_event(&self.stream, PollFlags::empty(), "the other side to close");
        assert!(seen.contains(PollFlags::HUP));
    }

    /// Whether the other side has closed both ways.
    pub(crate) fn has_hung_up(&self) -> bool {
        self.is(PollFlags::empty())
    }

    /// Whether there is something to read now.
    pub(crate) fn has_bytes(&self) -> bool {
        self.is(PollFlags::IN)
    }

    /// Whether the other side would take bytes now, or fail to.
    pub(crate) fn has_room(&self) -> bool {
        self.is(PollFlags::OUT)
    }

    /// Waits until the other side takes bytes, or fails to.
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

    /// Fills the way to the other side until it takes nothing more for a while; tells how many
    /// bytes it took.
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

/// Bytes of every value, the same each time, which no buffer size divides evenly.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state: u32 = 1;
    let step = |()| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_n((), length).map(step).collect()
}
