//! A column's name as a detector: a short value in a column called `mrn` is one.

use super::Hits;
use crate::{
    Confidence, Kind,
    text::{Class, Page},
    transform, validate,
};

/// Longer values are texts in which detectors look as usual.
const LONGEST: usize = 80;

pub(super) fn find(page: &Page<'_>, kind: Kind, hits: &mut Hits) {
    let flat = page.flat();
    let trimmed = flat.trim();
    if trimmed.is_empty() || trimmed.len() > LONGEST || trimmed.contains('\n') {
        return;
    }
    let start = flat.len() - flat.trim_start().len();
    let confidence = match kind {
        // A number is an age to remove only above 89.
        Kind::Age => {
            let whole = trimmed.split(['.', '+', ' ']).next().unwrap_or_default();
            if whole
                .parse::<i64>()
                .is_ok_and(|age| age > transform::OLDEST)
            {
                Confidence::Certain
            } else {
                return;
            }
        }
        // A bare year is no finding, in a column of dates either.
        Kind::Date => match validate::parse_date(trimmed) {
            Some(date) if date.month.is_some() => Confidence::Certain,
            Some(_) => return,
            None if page
                .tokens
                .iter()
                .any(|token| token.class != Class::Letters) =>
            {
                Confidence::Possible
            }
            None => return,
        },
        Kind::Ssn => {
            let digits: Vec<u8> = trimmed.bytes().filter(u8::is_ascii_digit).collect();
            if validate::ssn(&digits) {
                Confidence::Certain
            } else {
                Confidence::Likely
            }
        }
        _ => Confidence::Likely,
    };
    if !placeholder(trimmed) {
        hits.add(start..start + trimmed.len(), kind, confidence);
    }
}

/// Values that stand for "none".
fn placeholder(value: &str) -> bool {
    const NONE: &[&str] = &[
        "null",
        "none",
        "n/a",
        "na",
        "unknown",
        "nan",
        "-",
        "--",
        "true",
        "false",
        "not available",
        "unk",
    ];
    NONE.iter().any(|none| none.eq_ignore_ascii_case(value))
        || !value
            .bytes()
            .any(|b| b.is_ascii_alphanumeric() || b >= 0x80)
}
