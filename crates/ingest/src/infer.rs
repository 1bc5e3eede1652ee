//! Which type a column has, learnt from its values.
//!
//! Of a file every value is looked at before the first is written, so a type that is inferred here
//! holds for all of them. Of a stream only the beginning is: what does not fit later goes to
//! quarantine. A type is taken only if every value reads back from it without loss, so codes with
//! leading zeros stay text. Empty fields say nothing about a type.

pub(crate) mod shape;
mod study;

use lakeward_domain::LogicalType;

pub(crate) use shape::{Object, Shape};
pub(crate) use study::{Studied, is_no_name, object, study};

use crate::value::{self, DateOrder};

/// Digits that a DECIMAL has at least, so that the next file of the same kind fits too.
const PRECISION: u32 = 18;
/// Digits that a DECIMAL has at most.
const MOST: u32 = 38;

const BOOLEAN: u16 = 1;
const INTEGER: u16 = 1 << 1;
/// An integer that 64 bits do not hold.
const LONG: u16 = 1 << 2;
const DECIMAL: u16 = 1 << 3;
const DOUBLE: u16 = 1 << 4;
const ISO_DATE: u16 = 1 << 5;
const MONTH_FIRST: u16 = 1 << 6;
const DAY_FIRST: u16 = 1 << 7;
/// A slashed date that may be read both ways.
const EITHER: u16 = 1 << 8;
const WALL_CLOCK: u16 = 1 << 9;
const INSTANT: u16 = 1 << 10;
const TEXT: u16 = 1 << 11;

/// What the texts of a column were so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Observed {
    seen: u16,
    /// The most digits before the point.
    whole: u32,
    /// The most digits after it.
    scale: u32,
}

impl Observed {
    /// Looks at one text that is not empty.
    pub(crate) fn add(&mut self, text: &str) {
        if self.seen & TEXT == 0 {
            self.seen |= self.look(text.trim_ascii());
        }
    }

    fn look(&mut self, text: &str) -> u16 {
        match text.as_bytes() {
            [] => 0,
            [b'0'..=b'9', ..] => self.number(text, text).unwrap_or_else(|| of_time(text)),
            [b'-' | b'.', ..] => {
                let digits = text.strip_prefix('-').unwrap_or(text);
                self.number(text, digits).unwrap_or(TEXT)
            }
            _ if value::boolean(text).is_some() => BOOLEAN,
            _ => of_word(text),
        }
    }

    fn number(&mut self, text: &str, digits: &str) -> Option<u16> {
        let (whole, fraction) = match digits.split_once('.') {
            None => (digits, None),
            Some((whole, fraction)) => (whole, Some(fraction)),
        };
        let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        let led = whole.len() > 1 && whole.starts_with('0');
        if plain(whole) && fraction.is_none_or(plain) && digits != "." {
            if led || digits.is_empty() {
                return Some(TEXT);
            }
            let digits = u32::try_from(whole.len()).unwrap_or(u32::MAX);
            self.whole = self.whole.max(digits);
            return Some(match fraction {
                Some(fraction) => {
                    self.scale = self
                        .scale
                        .max(u32::try_from(fraction.len()).unwrap_or(u32::MAX));
                    DECIMAL
                }
                None if digits < 19 || text.parse::<i64>().is_ok() => INTEGER,
                None => LONG,
            });
        }
        let exponent = digits.bytes().any(|b| matches!(b, b'e' | b'E'));
        (exponent && value::double(text).is_some()).then_some(DOUBLE)
    }

    /// The type that every text has; STRING if there is no other, or there were none.
    pub(crate) fn data_type(self) -> LogicalType {
        let only = |allowed: u16| self.seen & !allowed == 0;
        let dates = ISO_DATE | MONTH_FIRST | DAY_FIRST | EITHER;
        let both_orders = self.seen & MONTH_FIRST != 0 && self.seen & DAY_FIRST != 0;
        let digits = self.whole.saturating_add(self.scale);
        match self.seen {
            0 => LogicalType::String,
            BOOLEAN => LogicalType::Boolean,
            INTEGER => LogicalType::BigInt,
            INSTANT => LogicalType::Timestamp,
            _ if only(dates) && !both_orders => LogicalType::Date,
            _ if only(ISO_DATE | WALL_CLOCK) => LogicalType::TimestampNtz,
            _ if only(INTEGER | LONG | DECIMAL) && digits <= MOST => {
                let precision = if digits <= PRECISION { PRECISION } else { MOST };
                // Both are at most 38.
                LogicalType::Decimal(precision as u8, self.scale as i8)
            }
            // An integer of more than 15 digits is not exact as a double: it is a code.
            _ if only(INTEGER | DECIMAL | DOUBLE)
                && (only(DECIMAL | DOUBLE) || self.whole <= 15) =>
            {
                LogicalType::Double
            }
            _ => LogicalType::String,
        }
    }

    /// How slashed dates are read.
    pub(crate) const fn date_order(self) -> DateOrder {
        if self.seen & DAY_FIRST != 0 {
            DateOrder::DayFirst
        } else {
            DateOrder::MonthFirst
        }
    }

    /// Whether there was any text.
    pub(crate) const fn is_empty(self) -> bool {
        self.seen == 0
    }
}

fn of_time(text: &str) -> u16 {
    if value::date(text, DateOrder::MonthFirst).is_none()
        && value::date(text, DateOrder::DayFirst).is_none()
    {
        return match value::timestamp(text) {
            Some((_, Some(_))) => INSTANT,
            Some((_, None)) => WALL_CLOCK,
            None => TEXT,
        };
    }
    match value::slashed(text) {
        None => ISO_DATE,
        Some((first, second, _)) => match (first <= 12, second <= 12) {
            (true, true) => EITHER,
            (true, false) => MONTH_FIRST,
            (false, _) => DAY_FIRST,
        },
    }
}

fn of_word(text: &str) -> u16 {
    const WORDS: [&str; 4] = ["nan", "inf", "infinity", "+infinity"];
    if WORDS.iter().any(|word| text.eq_ignore_ascii_case(word)) {
        DOUBLE
    } else {
        TEXT
    }
}

#[cfg(test)]
mod tests;
