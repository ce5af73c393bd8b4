//! Heads of requests and responses (RFC 9112 §2 to §4): their end and their meaning.
//!
//! ```text
//! bytes ── Scan::end_of_head ──► the length of the head ── request() / response() ──► meaning
//! ```
//!
//! [`Scan`] continues where it stopped, however the head is split, and refuses what httparse would
//! accept (a bare LF, leading empty lines).

use std::mem::MaybeUninit;
use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::Malformed;
use super::body::Framing;
use super::field::Fields;

/// Maximum length of a head in bytes; the limit of the daemon's server (Go's
/// `DefaultMaxHeaderBytes`).
pub const LIMIT: usize = 1024 * 1024;

/// Field lines that are read without allocating; heads with more of them allocate.
const USUAL_FIELDS: usize = 48;

/// The first line of HTTP/2 with prior knowledge (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n";

/// Finds the empty line that ends a head, with the CRLF of the line before it.
static END: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"\r\n\r\n"));

/// The progress of a search for the end of a head.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scan {
    /// Bytes already searched without finding the end.
    searched: usize,
}

impl Scan {
    /// Returns the length of the head at the start of `bytes`, its empty line included. Returns
    /// `None` while the end is missing; the next call must pass the same bytes with more after
    /// them.
    ///
    /// # Errors
    /// Bytes that cannot begin a head; a head longer than [`LIMIT`].
    pub fn end_of_head(&mut self, bytes: &[u8]) -> Result<Option<usize>, Malformed> {
        if self.searched == 0 && bytes.first().is_some_and(|&byte| !begins_head(byte)) {
            return Err(Malformed::Start);
        }
        if self.searched < PREFACE.len() && bytes.starts_with(PREFACE) {
            return Err(Malformed::Http2Preface);
        }
        // The end may straddle the bytes of the previous call.
        let from = self.searched.saturating_sub(3);
        let fresh = bytes.get(from..).unwrap_or_default();
        let end = END.find(fresh).map(|at| at + END.needle().len());
        if has_bare_lf(fresh.get(..end.unwrap_or(fresh.len())).unwrap_or_default()) {
            return Err(Malformed::BareLf);
        }
        self.searched = bytes.len();
        let end = end.map(|end| from + end);
        if end.unwrap_or(bytes.len()) > LIMIT {
            return Err(Malformed::HeadTooLong);
        }
        Ok(end)
    }
}

/// Returns `true` if there is an LF after a byte other than CR. Reads to the end in any case, so
/// that the compiler can vectorize it.
fn has_bare_lf(bytes: &[u8]) -> bool {
    let behind = bytes.get(1..).unwrap_or_default();
    let bare = |(&before, &byte): (&u8, &u8)| u8::from(byte == b'\n') & u8::from(before != b'\r');
    bytes.iter().zip(behind).map(bare).fold(0, |found, bare| found | bare) != 0
}

/// Returns `true` for bytes that can begin a method or `HTTP/`: a `tchar` (RFC 9110 §5.6.2).
fn begins_head(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Room for the field lines of a head.
type Slots<'h> = [MaybeUninit<httparse::Header<'h>>];

/// Reads a head into the usual room for its field lines, or into more if that is not enough.
fn with_slots<'h, T>(
    head: &'h [u8],
    read: impl Fn(&mut Slots<'h>) -> Result<T, Malformed>,
) -> Result<T, Malformed> {
    match read(&mut [const { MaybeUninit::uninit() }; USUAL_FIELDS]) {
        Err(Malformed::Syntax(httparse::Error::TooManyHeaders)) => {
            read(&mut vec![MaybeUninit::uninit(); memchr::memchr_iter(b'\n', head).count()])
        }
        read => read,
    }
}

/// The head of a request, borrowed from its bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct Request<'b> {
    /// The method; case matters (RFC 9110 §9.1).
    pub method: &'b str,
    /// The request-target as sent.
    pub target: &'b str,
    /// The end of the body.
    pub framing: Framing,
    /// `true` if the client wants to keep the connection (RFC 9112 §9.3).
    pub persistent: bool,
    /// `true` if the client may wait for `100 Continue` before it sends the body.
    pub expects_continue: bool,
    /// The first `Content-Type`.
    pub content_type: Option<&'b [u8]>,
    /// `true` if the body has a content coding.
    pub encoded: bool,
}

impl Request<'_> {
    /// Returns the place of the request-target in the head.
    #[must_use]
    pub fn target_range(&self) -> Range<usize> {
        let start = self.method.len() + 1;
        start..start + self.target.len()
    }
}

/// Reads the head of a request. `head` ends where [`Scan`] found its end.
///
/// # Errors
/// Violations of the grammar, and ambiguous framing (RFC 9112 §6.1, §6.3).
pub fn request(head: &[u8]) -> Result<Request<'_>, Malformed> {
    with_slots(head, |slots| request_into(head, slots))
}

fn request_into<'h>(head: &'h [u8], slots: &mut Slots<'h>) -> Result<Request<'h>, Malformed> {
    let mut request = httparse::Request::new(&mut []);
    request.parse_with_uninit_headers(head, slots).map_err(Malformed::Syntax)?;
    let (Some(method), Some(target), Some(minor)) = (request.method, request.path, request.version)
    else {
        return Err(Malformed::Syntax(httparse::Error::Token));
    };
    let fields = Fields::read(request.headers, minor)?;
    Ok(Request {
        method,
        target,
        framing: match fields.length {
            _ if fields.chunked => Framing::Chunked,
            Some(length) => Framing::Length(length),
            None => Framing::None,
        },
        persistent: fields.persist(minor),
        expects_continue: fields.expects_continue && minor == 1,
        content_type: fields.content_type,
        encoded: fields.encoded,
    })
}

/// The head of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The end of the body.
    pub framing: Framing,
    /// `true` if the daemon wants to keep the connection (RFC 9112 §9.3).
    pub persistent: bool,
}

/// Reads the head of a response. `head` ends where [`Scan`] found its end. `to_head` is `true` if
/// the request was a HEAD, whose response has lengths but no body (RFC 9112 §6.3, rule 1).
///
/// # Errors
/// Violations of the grammar, and ambiguous framing.
pub fn response(head: &[u8], to_head: bool) -> Result<Response, Malformed> {
    with_slots(head, |slots| response_into(head, to_head, slots))
}

fn response_into<'h>(
    head: &'h [u8],
    to_head: bool,
    slots: &mut Slots<'h>,
) -> Result<Response, Malformed> {
    let mut response = httparse::Response::new(&mut []);
    httparse::ParserConfig::default()
        .parse_response_with_uninit_headers(&mut response, head, slots)
        .map_err(Malformed::Syntax)?;
    let (Some(status), Some(minor)) = (response.code, response.version) else {
        return Err(Malformed::Syntax(httparse::Error::Status));
    };
    let fields = Fields::read(response.headers, minor)?;
    Ok(Response {
        status,
        framing: match fields.length {
            _ if to_head || matches!(status, 100..=199 | 204 | 304) => Framing::None,
            _ if fields.chunked => Framing::Chunked,
            Some(length) => Framing::Length(length),
            None => Framing::UntilClose,
        },
        persistent: fields.persist(minor),
    })
}
