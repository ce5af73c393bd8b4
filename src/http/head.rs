//! Heads of requests and responses (RFC 9112 §2 to §4): where one ends, and what it says.
//!
//! ```text
//! bytes ── Scan::end_of_head ──► the length of the head ── request() / response() ──► meaning
//! ```
//!
//! [`Scan`] goes on where it stopped, however the head is cut on its way, and refuses what
//! httparse would let pass (a bare LF, leading empty lines) before httparse sees it.

use std::mem::MaybeUninit;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::Malformed;
use super::body::Framing;
use super::field::Fields;

/// Bytes that a head may have: as many as the daemon's server reads (Go's `DefaultMaxHeaderBytes`).
pub const LIMIT: usize = 1024 * 1024;

/// Field lines that are read without allocating; more are read all the same.
const USUAL_FIELDS: usize = 48;

/// The first line of HTTP/2 with prior knowledge (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n";

/// Finds the empty line that ends a head, with the CRLF of the line before it.
static END: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(b"\r\n\r\n"));

/// How far the search for the end of a head has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scan {
    /// So many bytes are here already in which the head does not end.
    searched: usize,
}

impl Scan {
    /// The length of the head that `bytes` begins with, its empty line included, or `None`
    /// when more bytes are needed; then call again with the same bytes and more behind them.
    ///
    /// # Errors
    /// Bytes that cannot be the beginning of a head; a head longer than [`LIMIT`].
    pub fn end_of_head(&mut self, bytes: &[u8]) -> Result<Option<usize>, Malformed> {
        if self.searched == 0 && bytes.first().is_some_and(|&byte| !begins_head(byte)) {
            return Err(Malformed::Start);
        }
        if self.searched < PREFACE.len() && bytes.starts_with(PREFACE) {
            return Err(Malformed::Http2Preface);
        }
        // The end may have begun before.
        let from = self.searched.saturating_sub(3);
        let fresh = bytes.get(from..).unwrap_or_default();
        let end = END.find(fresh).map(|at| at + END.needle().len());
        if has_bare_lf(fresh.get(..end.unwrap_or(fresh.len())).unwrap_or_default()) {
            return Err(Malformed::BareLf);
        }
        self.searched = bytes.len();
        within_limit(end.map_or(bytes.len(), |end| from + end))?;
        Ok(end.map(|end| from + end))
    }
}

/// Whether there is an LF behind a byte other than CR. All of it is looked at in any case, so that
/// many bytes are looked at at once.
fn has_bare_lf(bytes: &[u8]) -> bool {
    let behind = bytes.get(1..).unwrap_or_default();
    let bare = |(&before, &byte): (&u8, &u8)| u8::from(byte == b'\n') & u8::from(before != b'\r');
    bytes.iter().zip(behind).map(bare).fold(0, |found, bare| found | bare) != 0
}

fn within_limit(length: usize) -> Result<usize, Malformed> {
    if length > LIMIT {
        return Err(Malformed::HeadTooLong);
    }
    Ok(length)
}

/// Whether `byte` can begin a method or `HTTP/`: a `tchar` (RFC 9110 §5.6.2).
fn begins_head(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// What the head of a request says, borrowed from its bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct Request<'b> {
    /// The method; case matters (RFC 9110 §9.1).
    pub method: &'b str,
    /// The request-target as it was sent.
    pub target: &'b str,
    /// How the body ends.
    pub framing: Framing,
    /// Whether the client wants to go on with the connection (RFC 9112 §9.3).
    pub persistent: bool,
    /// Whether the client may wait for `100 Continue` before it sends the body.
    pub expects_continue: bool,
    /// The first `Content-Type`.
    pub content_type: Option<&'b [u8]>,
    /// Whether the body has a content coding.
    pub encoded: bool,
}

/// Reads the head of a request: all of `head`, as [`Scan`] found its end.
///
/// # Errors
/// What the grammar forbids, and framing that is ambiguous (RFC 9112 §6.1, §6.3).
pub fn request(head: &[u8]) -> Result<Request<'_>, Malformed> {
    let mut usual = [const { MaybeUninit::uninit() }; USUAL_FIELDS];
    let mut request = httparse::Request::new(&mut []);
    let many;
    let mut more;
    match request.parse_with_uninit_headers(head, &mut usual) {
        Err(httparse::Error::TooManyHeaders) => {
            many = memchr::memchr_iter(b'\n', head).count();
            more = vec![MaybeUninit::uninit(); many];
            request = httparse::Request::new(&mut []);
            request.parse_with_uninit_headers(head, &mut more)
        }
        parsed => parsed,
    }
    .map_err(Malformed::Syntax)?;
    let (Some(method), Some(target), Some(minor)) = (request.method, request.path, request.version)
    else {
        return Err(Malformed::Syntax(httparse::Error::Token));
    };
    let fields = Fields::read(request.headers)?;
    if fields.chunked && minor == 0 {
        return Err(Malformed::EncodingInHttp10);
    }
    Ok(Request {
        method,
        target,
        framing: match fields.length {
            _ if fields.chunked => Framing::Chunked,
            Some(length) => Framing::Length(length),
            None => Framing::None,
        },
        persistent: persists(minor, &fields),
        expects_continue: fields.expects_continue && minor == 1,
        content_type: fields.content_type,
        encoded: fields.encoded,
    })
}

/// What the head of a response says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// How the body ends.
    pub framing: Framing,
    /// Whether the daemon wants to go on with the connection (RFC 9112 §9.3).
    pub persistent: bool,
}

/// Reads the head of a response: all of `head`, as [`Scan`] found its end. `to_head` says that
/// the request was a HEAD, whose response has lengths but no body (RFC 9112 §6.3, rule 1).
///
/// # Errors
/// What the grammar forbids, and framing that is ambiguous.
pub fn response(head: &[u8], to_head: bool) -> Result<Response, Malformed> {
    let mut usual = [const { MaybeUninit::uninit() }; USUAL_FIELDS];
    let mut response = httparse::Response::new(&mut []);
    let mut more;
    let parser = httparse::ParserConfig::default();
    match parser.parse_response_with_uninit_headers(&mut response, head, &mut usual) {
        Err(httparse::Error::TooManyHeaders) => {
            more = vec![MaybeUninit::uninit(); memchr::memchr_iter(b'\n', head).count()];
            response = httparse::Response::new(&mut []);
            parser.parse_response_with_uninit_headers(&mut response, head, &mut more)
        }
        parsed => parsed,
    }
    .map_err(Malformed::Syntax)?;
    let (Some(status), Some(minor)) = (response.code, response.version) else {
        return Err(Malformed::Syntax(httparse::Error::Status));
    };
    let fields = Fields::read(response.headers)?;
    if fields.chunked && minor == 0 {
        return Err(Malformed::EncodingInHttp10);
    }
    Ok(Response {
        status,
        framing: match fields.length {
            _ if to_head || matches!(status, 100..=199 | 204 | 304) => Framing::None,
            _ if fields.chunked => Framing::Chunked,
            Some(length) => Framing::Length(length),
            None => Framing::UntilClose,
        },
        persistent: persists(minor, &fields),
    })
}

fn persists(minor: u8, fields: &Fields<'_>) -> bool {
    !fields.close && (minor == 1 || fields.keep_alive)
}
