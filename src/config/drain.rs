//! The drain time.

use std::time::Duration;

use super::{Invalid, duration};

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
        // Nobody waits for days: that would be a mistake.
        let time = duration(text).ok().filter(|_| !text.ends_with('d'));
        time.map(Self::After).ok_or_else(|| Invalid::Time(text.to_owned()))
    }
}

#[cfg(test)]
mod tests;
