//! Dates as people and machines write them.
//!
//! Numeric dates whose order is not plain (03/04/2024) are read month first, as in the United States;
//! where that is no date, day first.

/// A date of which month and day may be unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CivilDate {
    /// The year.
    pub year: i32,
    /// The month, from one.
    pub month: Option<u8>,
    /// The day of the month, from one.
    pub day: Option<u8>,
}

impl CivilDate {
    /// A whole date, if the calendar has it and the year has four digits.
    #[must_use]
    pub fn new(year: i32, month: u8, day: u8) -> Option<Self> {
        let in_range = (1000..=9999).contains(&year) && (1..=12).contains(&month) && day >= 1;
        (in_range && day <= days_in(year, month)).then_some(Self {
            year,
            month: Some(month),
            day: Some(day),
        })
    }

    /// Years completed from this date to another; of unknown parts the earliest is taken, so that
    /// an age is rather too high than too low.
    #[must_use]
    pub fn age_at(self, other: Self) -> i32 {
        let mine = (self.month.unwrap_or(1), self.day.unwrap_or(1));
        let theirs = (other.month.unwrap_or(12), other.day.unwrap_or(31));
        other.year - self.year - i32::from(theirs < mine)
    }
}

const fn days_in(year: i32, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// The month that a word names: whole, or by its usual abbreviation.
#[must_use]
pub(crate) fn month_of(word: &str) -> Option<u8> {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let word = word.as_bytes();
    let short = word.len() == 3 || (word.len() == 4 && word.eq_ignore_ascii_case(b"sept"));
    MONTHS
        .iter()
        .position(|month| {
            let month = month.as_bytes();
            if short {
                month.len() >= word.len() && month[..word.len()].eq_ignore_ascii_case(word)
            } else {
                month.eq_ignore_ascii_case(word)
            }
        })
        .and_then(|index| u8::try_from(index + 1).ok())
}

/// The date at the start of a value, or `None` if the value does not start with one. A time of day
/// behind it is accepted; a bare year counts.
#[must_use]
pub fn parse_date(value: &str) -> Option<CivilDate> {
    let value = value.trim();
    let mut parts: [&str; 3] = [""; 3];
    let mut separators = [b'\0'; 3];
    let mut count = 0;
    let bytes = value.as_bytes();
    let mut at = 0;
    while count < 3 && at < bytes.len() {
        let start = at;
        let digits = bytes[at].is_ascii_digit();
        let same = |b: &u8| {
            if digits {
                b.is_ascii_digit()
            } else {
                b.is_ascii_alphabetic()
            }
        };
        while bytes.get(at).is_some_and(same) {
            at += 1;
        }
        if at == start {
            return None;
        }
        parts[count] = value.get(start..at)?;
        let gap = at;
        while bytes
            .get(at)
            .is_some_and(|b| matches!(b, b'-' | b'/' | b'.' | b' ' | b','))
        {
            at += 1;
        }
        separators[count] = bytes.get(gap).copied().unwrap_or(b'\0');
        count += 1;
        // What follows a date must be a time or nothing: `T`, a blank, or the end.
        if at == gap {
            break;
        }
    }
    let tail_ok =
        at >= bytes.len() || separators[count.checked_sub(1)?] == b' ' || bytes[at] == b'T';
    if !tail_ok {
        return None;
    }
    match count {
        1 => compact(parts[0]),
        2 => two(parts[0], parts[1]),
        _ => three(parts, separators),
    }
}

fn compact(text: &str) -> Option<CivilDate> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    match text.len() {
        4 => {
            let year: i32 = text.parse().ok()?;
            (1000..=2999).contains(&year).then_some(CivilDate {
                year,
                month: None,
                day: None,
            })
        }
        // HL7 timestamps append a time: YYYYMMDD[HHMM[SS]].
        8 | 12 | 14 => CivilDate::new(
            text.get(..4)?.parse().ok()?,
            text.get(4..6)?.parse().ok()?,
            text.get(6..8)?.parse().ok()?,
        ),
        _ => None,
    }
}

fn two(first: &str, second: &str) -> Option<CivilDate> {
    let (year, month) = if second.len() == 4 {
        (second, first)
    } else {
        (first, second)
    };
    let year: i32 = (year.len() == 4).then(|| year.parse().ok())??;
    let month = month_of(month).or_else(|| month.parse().ok().filter(|m| (1..=12).contains(m)))?;
    (1000..=2999).contains(&year).then_some(CivilDate {
        year,
        month: Some(month),
        day: None,
    })
}

fn three(parts: [&str; 3], separators: [u8; 3]) -> Option<CivilDate> {
    let [a, b, c] = parts;
    let number = |text: &str| (text.len() <= 2).then(|| text.parse::<u8>().ok()).flatten();
    let year = |text: &str| -> Option<i32> {
        let value: i32 = text.parse().ok()?;
        match text.len() {
            4 => Some(value),
            // The usual pivot of two-digit years.
            2 => Some(if value < 50 {
                2000 + value
            } else {
                1900 + value
            }),
            _ => None,
        }
    };
    if let Some(month) = month_of(a) {
        return CivilDate::new(year(c)?, month, number(b)?);
    }
    if let Some(month) = month_of(b) {
        return if a.len() == 4 {
            CivilDate::new(year(a)?, month, number(c)?)
        } else {
            CivilDate::new(year(c)?, month, number(a)?)
        };
    }
    // `2014 10 06` with blanks is rather three numbers than a date.
    if !matches!(separators[0], b'-' | b'/' | b'.') {
        return None;
    }
    if a.len() == 4 {
        return CivilDate::new(year(a)?, number(b)?, number(c)?);
    }
    let (first, second) = (number(a)?, number(b)?);
    CivilDate::new(year(c)?, first, second).or_else(|| CivilDate::new(year(c)?, second, first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_every_usual_form() {
        type Parts = (i32, Option<u8>, Option<u8>);
        let cases: &[(&str, Option<Parts>)] = &[
            ("2014-10-06", Some((2014, Some(10), Some(6)))),
            ("2014-10-06T04:17:47Z", Some((2014, Some(10), Some(6)))),
            ("2014-10-06 04:17:47", Some((2014, Some(10), Some(6)))),
            ("10/06/2014", Some((2014, Some(10), Some(6)))),
            ("13/06/2014", Some((2014, Some(6), Some(13)))),
            ("1/2/68", Some((1968, Some(1), Some(2)))),
            ("20141006", Some((2014, Some(10), Some(6)))),
            ("20141006123000", Some((2014, Some(10), Some(6)))),
            ("Oct 6, 2014", Some((2014, Some(10), Some(6)))),
            ("06-Oct-2014", Some((2014, Some(10), Some(6)))),
            ("2014", Some((2014, None, None))),
            ("2014-10", Some((2014, Some(10), None))),
            ("October 2014", Some((2014, Some(10), None))),
            ("02/29/2023", None),
            ("13/13/2023", None),
            ("hello", None),
            ("", None),
            ("20141306", None),
            ("2014-10-06x", None),
            ("12.5", None),
            ("é", None),
        ];
        for (text, expected) in cases {
            let found = parse_date(text).map(|date| (date.year, date.month, date.day));
            assert_eq!(found, *expected, "{text}");
        }
    }

    #[test]
    fn an_age_counts_completed_years() {
        let at = |y, m, d| CivilDate::new(y, m, d).unwrap();
        assert_eq!(at(1934, 6, 2).age_at(at(2024, 6, 1)), 89);
        assert_eq!(at(1934, 6, 1).age_at(at(2024, 6, 1)), 90);
        let year = CivilDate {
            year: 1934,
            month: None,
            day: None,
        };
        assert_eq!(year.age_at(at(2024, 1, 1)), 90);
    }
}
