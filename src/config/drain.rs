//! The drain time.

use std::time::Duration;

use super::{Invalid, number};

/// Time that running exchanges get at shutdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drain {
    /// Remaining exchanges are closed after this time.
    After(Duration),
    /// The proxy waits until the last exchange has ended.
    Never,
}

impl Drain {
    /// Reads a whole number of seconds (`30` or `30s`), minutes (`5m`) or hours (`2h`), or `infinity`.
    ///
    /// # Errors
    ///
    /// Any other form, and a number of seconds beyond 64 bits.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        if text == "infinity" {
            return Ok(Self::Never);
        }
        let digits = text.trim_end_matches(|unit: char| !unit.is_ascii_digit());
        let seconds_per_unit = match text.strip_prefix(digits) {
            Some("" | "s") => Some(1),
            Some("m") => Some(60),
            Some("h") => Some(60 * 60),
            _ => None,
        };
        seconds_per_unit
            .zip(number(digits))
            .and_then(|(seconds, count)| count.checked_mul(seconds))
            .map(|seconds| Self::After(Duration::from_secs(seconds)))
            .ok_or_else(|| Invalid::Time(text.to_owned()))
    }
}

#[cfg(test)]
mod tests;
