//! Points in time as text.

use std::time::Duration;

/// Formats a time since the Unix epoch by RFC 3339, in UTC and to the millisecond.
#[must_use]
pub fn rfc3339(since: Duration) -> String {
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let millisecond = since.subsec_millis();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z")
}

/// Reads a point in time by RFC 3339, to the second. Returns the time since the Unix epoch; `None` for any other
/// text, and for a time before the epoch.
#[must_use]
pub fn since_epoch(text: &str) -> Option<Duration> {
    let (date, time) = text.split_once(['T', 't'])?;
    let offset_at = time.find(['Z', 'z', '+', '-'])?;
    let (time, offset) = (time.get(..offset_at)?, time.get(offset_at..)?);
    let time = time.split_once('.').map_or(time, |(whole, _)| whole);
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(time, ':')?;
    let days = days(year, month, day)?;
    // 23:59:60 is a leap second.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let local = days.checked_mul(86_400)? + hour * 3600 + minute * 60 + second;
    let shift = |text| {
        let [hours, minutes] = numbers(text, ':')?;
        (hours < 24 && minutes < 60).then_some(hours * 3600 + minutes * 60)
    };
    let seconds = match offset.split_at_checked(1)? {
        ("+", text) => local.checked_sub(shift(text)?)?,
        ("-", text) => local.checked_add(shift(text)?)?,
        (_, rest) => rest.is_empty().then_some(local)?,
    };
    Some(Duration::from_secs(seconds))
}

/// Reads numbers of digits alone between separators.
fn numbers<const COUNT: usize>(text: &str, separator: char) -> Option<[u64; COUNT]> {
    let number = |text: &str| {
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit()) && text.len() <= 4;
        text.parse().ok().filter(|_| is_number)
    };
    let numbers: Option<Vec<u64>> = text.split(separator).map(number).collect();
    numbers?.try_into().ok()
}

/// Returns the number of days from 1970-01-01 to a date.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // The year begins in March, so that the leap day is its last day.
    let (year, month) =
        if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1;
    days.checked_sub(719_468)
}

/// Returns year, month and day of a number of days since 1970-01-01.
fn date(mut days: u64) -> (u64, u64, u64) {
    let leap =
        |year: u64| year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    // Any 400 consecutive years have the same number of days.
    let mut year = 1970 + days / 146_097 * 400;
    days %= 146_097;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests;
