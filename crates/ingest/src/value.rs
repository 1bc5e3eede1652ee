//! Texts as typed values, strictly.
//!
//! A parser here takes a text only if nothing of it is lost: `02138` is no integer, `1.005` no decimal
//! of scale two, and an instant with nanoseconds no microseconds. What does not fit is never bent.

/// The order of a slashed date's first two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) enum DateOrder {
    /// `12/31/1963`; also where a whole column leaves it open.
    #[default]
    MonthFirst,
    /// `31/12/1963`.
    DayFirst,
}

/// An integer without leading zeros.
pub(crate) fn integer(text: &str) -> Option<i64> {
    let text = text.trim_ascii();
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !plain || (digits.len() > 1 && digits.starts_with('0')) {
        return None;
    }
    text.parse().ok()
}

/// A decimal as a whole number of its last digit, if it has no more than `scale` digits of a fraction
/// and `precision` digits in all.
pub(crate) fn decimal(text: &str, precision: u8, scale: i8) -> Option<i128> {
    let text = text.trim_ascii();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let clean = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let led = whole.len() > 1 && whole.starts_with('0');
    if !clean(whole) || !clean(fraction) || led || (whole.is_empty() && fraction.is_empty()) {
        return None;
    }
    let scale = usize::try_from(scale).ok()?;
    let kept = fraction.get(..scale.min(fraction.len()))?;
    if fraction.get(kept.len()..)?.bytes().any(|b| b != b'0') {
        return None;
    }
    let mut value: i128 = 0;
    let zeros = std::iter::repeat_n(b'0', scale - kept.len());
    for digit in whole.bytes().chain(kept.bytes()).chain(zeros) {
        value = value
            .checked_mul(10)?
            .checked_add(i128::from(digit - b'0'))?;
    }
    if value >= 10_i128.checked_pow(u32::from(precision))? {
        return None;
    }
    Some(if negative { -value } else { value })
}

/// A floating-point number, `NaN` and infinities included.
pub(crate) fn double(text: &str) -> Option<f64> {
    let text = text.trim_ascii();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let led = digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit();
    if led { None } else { text.parse().ok() }
}

/// `true` or `false`, in any case.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    let text = text.trim_ascii();
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// Days since 1970-01-01 of `1963-12-31`, `1963/12/31` or a slashed date.
pub(crate) fn date(text: &str, order: DateOrder) -> Option<i32> {
    let text = text.trim_ascii();
    iso_date(text.as_bytes()).or_else(|| {
        let (first, second, year) = slashed(text)?;
        let (month, day) = match order {
            DateOrder::MonthFirst => (first, second),
            DateOrder::DayFirst => (second, first),
        };
        days(year, month, day)
    })
}

/// First number, second number and year of `1/31/1963`.
pub(crate) fn slashed(text: &str) -> Option<(u32, u32, i32)> {
    let mut parts = text.split('/');
    let (first, second, year) = (parts.next()?, parts.next()?, parts.next()?);
    let short =
        |part: &str| (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    if parts.next().is_some() || !short(first) || !short(second) || year.len() != 4 {
        return None;
    }
    let year = year
        .bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| year.parse().ok())??;
    Some((first.parse().ok()?, second.parse().ok()?, year))
}

fn iso_date(text: &[u8]) -> Option<i32> {
    let [y1, y2, y3, y4, s1, m1, m2, s2, d1, d2] = text else {
        return None;
    };
    if s1 != s2 || !matches!(s1, b'-' | b'/') {
        return None;
    }
    let year = number(&[*y1, *y2, *y3, *y4])?;
    days(
        i32::try_from(year).ok()?,
        number(&[*m1, *m2])?,
        number(&[*d1, *d2])?,
    )
}

fn number(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |value, digit| {
        digit
            .is_ascii_digit()
            .then(|| value * 10 + u32::from(digit - b'0'))
    })
}

/// Days since 1970-01-01 of a day that exists.
pub(crate) fn days(year: i32, month: u32, day: u32) -> Option<i32> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    if day == 0 || day > longest {
        return None;
    }
    // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    let (month, day) = (i32::try_from(month).ok()?, i32::try_from(day).ok()?);
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let doy = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    Some(era * 146_097 + doe - 719_468)
}

/// A time of day with its date: microseconds as written, and the offset from UTC in seconds if one is
/// written.
pub(crate) fn timestamp(text: &str) -> Option<(i64, Option<i64>)> {
    let text = text.trim_ascii().as_bytes();
    let (date, rest) = text.split_at_checked(10)?;
    let day = i64::from(iso_date(date)?);
    let rest = rest
        .strip_prefix(b"T")
        .or_else(|| rest.strip_prefix(b" "))
        .or_else(|| rest.strip_prefix(b"t"))?;
    let (clock, mut rest) = rest.split_at_checked(5)?;
    if clock[2] != b':' {
        return None;
    }
    let (hour, minute) = (number(&clock[..2])?, number(&clock[3..])?);
    let mut second = 0;
    let mut micros = 0_i64;
    if let Some(after) = rest.strip_prefix(b":") {
        let (digits, after) = after.split_at_checked(2)?;
        second = number(digits)?;
        rest = after;
        if let Some(after) = rest.strip_prefix(b".") {
            let length = after.iter().take_while(|b| b.is_ascii_digit()).count();
            if length == 0 || length > 9 {
                return None;
            }
            let (digits, after) = after.split_at(length);
            for place in 0..9 {
                let digit = digits.get(place).map_or(0, |digit| i64::from(digit - b'0'));
                if place < 6 {
                    micros = micros * 10 + digit;
                } else if digit != 0 {
                    return None;
                }
            }
            rest = after;
        }
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = day * 86_400 + i64::from(hour * 3_600 + minute * 60 + second);
    let offset = offset(rest.strip_prefix(b" ").unwrap_or(rest))?;
    Some((seconds * 1_000_000 + micros, offset))
}

/// `Z`, `+02:00`, `+0200`, `+02` or nothing.
#[expect(
    clippy::option_option,
    reason = "no offset is valid, an unreadable one is not"
)]
fn offset(text: &[u8]) -> Option<Option<i64>> {
    let (sign, rest) = match text {
        [] => return Some(None),
        b"Z" | b"z" | b"UTC" => return Some(Some(0)),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = match rest {
        [h1, h2] => ([*h1, *h2], [b'0', b'0']),
        [h1, h2, b':', m1, m2] | [h1, h2, m1, m2] => ([*h1, *h2], [*m1, *m2]),
        _ => return None,
    };
    let (hours, minutes) = (number(&hours)?, number(&minutes)?);
    (hours <= 18 && minutes <= 59).then(|| Some(sign * i64::from(hours * 3_600 + minutes * 60)))
}

/// An instant: microseconds in UTC.
pub(crate) fn instant(text: &str) -> Option<i64> {
    let (micros, offset) = timestamp(text)?;
    Some(micros - offset? * 1_000_000)
}

/// A wall-clock time, or a day at midnight.
pub(crate) fn wall_clock(text: &str) -> Option<i64> {
    if let Some(day) = iso_date(text.trim_ascii().as_bytes()) {
        return Some(i64::from(day) * 86_400_000_000);
    }
    match timestamp(text)? {
        (micros, None) => Some(micros),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
