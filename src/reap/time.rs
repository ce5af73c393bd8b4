//! The times in the daemon's answers.

use std::time::Duration;

/// Returns the time since the Unix epoch of a text like `2026-11-30T18:48:40.5Z` or with an offset (RFC 3339);
/// `None` for another form and for times before the epoch, which stand for no time.
pub(super) fn since_epoch(text: &str) -> Option<Duration> {
    let (date, time) = text.split_once('T')?;
    let at = time.find(['Z', '+', '-'])?;
    let (clock, zone) = time.split_at_checked(at)?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(clock, ':')?;
    if !(1..=12).contains(&month) || !(1970..=9999).contains(&year) {
        return None;
    }
    let minutes = match zone.split_at_checked(1)? {
        ("Z", "") => 0,
        (sign, offset) => {
            let [hours, minutes] = numbers(offset, ':')?;
            (hours * 60 + minutes) * if sign == "-" { -1 } else { 1 }
        }
    };
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + (minute - minutes) * 60 + second;
    let nanoseconds = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    Some(Duration::new(u64::try_from(seconds).ok()?, nanoseconds))
}

/// Returns numbers of at most four digits.
fn numbers<const COUNT: usize>(text: &str, separator: char) -> Option<[i64; COUNT]> {
    let digits = |part: &str| part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_digit());
    let number = |part: &str| if digits(part) { part.parse().ok() } else { None };
    text.split(separator).map(number).collect::<Option<Vec<_>>>()?.try_into().ok()
}

/// Returns the days from 1970-01-01 to a day of the Gregorian calendar. The year begins in March, so that a leap
/// day is its last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let months = (month + 9) % 12;
    year * 365 + year / 4 - year / 100 + year / 400 + (months * 153 + 2) / 5 + day - 719_469
}

#[cfg(test)]
mod tests;
