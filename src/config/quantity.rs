//! Numbers with units: sizes in bytes, and processors.

/// Units of sizes. A single letter means the same as for the docker command.
const UNITS: &[(&str, i64)] = &[
    ("", 1),
    ("b", 1),
    ("k", 1 << 10),
    ("m", 1 << 20),
    ("g", 1 << 30),
    ("t", 1 << 40),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

/// Billionths of a processor.
const PROCESSOR: i64 = 1_000_000_000;

/// Reads a size like `2GiB`, `1.5GiB`, `100MB` or `2g`, in bytes. Returns `None` for other forms, and for
/// more than 63 bits.
#[must_use]
pub(super) fn bytes(text: &str) -> Option<i64> {
    let number = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = text.strip_prefix(number)?;
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
    scaled(number.trim_end(), *factor)
}

/// Reads a number of processors like `2` or `1.5`, in billionths. Returns `None` for other forms, and for
/// more than 63 bits.
#[must_use]
pub(super) fn processors(text: &str) -> Option<i64> {
    scaled(text, PROCESSOR)
}

/// Multiplies a decimal number. Drops what is left of a fraction.
fn scaled(decimal: &str, factor: i64) -> Option<i64> {
    let (whole, fraction) = decimal.split_once('.').unwrap_or((decimal, "0"));
    let digits = |text: &str| super::number(text).map(i128::from);
    let power =
        u32::try_from(fraction.len()).ok().and_then(|digits| 10_i128.checked_pow(digits))?;
    let factor = i128::from(factor);
    let whole = digits(whole)?.checked_mul(factor)?;
    i64::try_from(whole + digits(fraction)? * factor / power).ok()
}

#[cfg(test)]
mod tests;
