//! The field lines of a head that determine framing and persistence (RFC 9110 §5, RFC 9112 §6 and
//! §9.3).

use super::Malformed;

/// The field lines of one head that matter to a proxy.
#[derive(Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field line of its own")]
pub(super) struct Fields<'b> {
    /// The value of `Content-Length`.
    pub(super) length: Option<u64>,
    /// `true` for `Transfer-Encoding: chunked`.
    pub(super) chunked: bool,
    /// `true` if `Connection` has the option `close`.
    pub(super) close: bool,
    /// `true` if `Connection` has the option `keep-alive`.
    pub(super) keep_alive: bool,
    /// `true` for `Expect: 100-continue`.
    pub(super) expects_continue: bool,
    /// The first `Content-Type`, which is the one that Go uses.
    pub(super) content_type: Option<&'b [u8]>,
    /// `true` for a `Content-Encoding` other than `identity`.
    pub(super) encoded: bool,
}

impl<'b> Fields<'b> {
    /// Reads the `lines` of a message of HTTP/1.`minor`.
    ///
    /// # Errors
    /// Lengths and codings that RFC 9112 §6 forbids or that servers read differently.
    pub(super) fn read(lines: &[httparse::Header<'b>], minor: u8) -> Result<Self, Malformed> {
        let mut fields = Self::default();
        for line in lines {
            fields.read_line(line)?;
        }
        if fields.length.is_some() && fields.chunked {
            return Err(Malformed::LengthAndEncoding);
        }
        if fields.chunked && minor == 0 {
            return Err(Malformed::EncodingInHttp10);
        }
        Ok(fields)
    }

    /// Returns `true` if the sender wants to keep the connection (RFC 9112 §9.3).
    pub(super) fn persist(&self, minor: u8) -> bool {
        !self.close && (minor == 1 || self.keep_alive)
    }

    fn read_line(&mut self, line: &httparse::Header<'b>) -> Result<(), Malformed> {
        let value = || line.value.trim_ascii();
        let is = |name: &str| line.name.eq_ignore_ascii_case(name);
        // The length of the name rules out most fields without comparing letters.
        match line.name.len() {
            6 if is("expect") => {
                self.expects_continue |= value().eq_ignore_ascii_case(b"100-continue");
            }
            10 if is("connection") => self.read_connection(value()),
            12 if is("content-type") => {
                self.content_type = self.content_type.or_else(|| Some(value()));
            }
            14 if is("content-length") => {
                let length = read_length(value())?;
                if self.length.replace(length).is_some() {
                    return Err(Malformed::ManyLengths);
                }
            }
            16 if is("content-encoding") => {
                let value = value();
                self.encoded |= !value.is_empty() && !value.eq_ignore_ascii_case(b"identity");
            }
            17 if is("transfer-encoding") => {
                if self.chunked || !value().eq_ignore_ascii_case(b"chunked") {
                    return Err(Malformed::TransferCoding);
                }
                self.chunked = true;
            }
            _ => {}
        }
        Ok(())
    }

    fn read_connection(&mut self, value: &[u8]) {
        for option in value.split(|&byte| byte == b',') {
            let option = option.trim_ascii();
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }
}

/// Reads a decimal number digit by digit. `str::parse` also accepts `+5`, and parsers disagree
/// about that.
fn read_length(value: &[u8]) -> Result<u64, Malformed> {
    if value.contains(&b',') {
        return Err(Malformed::ManyLengths);
    }
    if value.is_empty() {
        return Err(Malformed::Length);
    }
    let number = value.iter().try_fold(0_u64, |number, &byte| {
        let digit = char::from(byte).to_digit(10)?;
        number.checked_mul(10)?.checked_add(u64::from(digit))
    });
    // Go keeps lengths in an int64.
    number.filter(|&number| i64::try_from(number).is_ok()).ok_or(Malformed::Length)
}

#[cfg(test)]
mod tests;
