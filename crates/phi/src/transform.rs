//! The functions that change values. SQL masks and scrub policies use the same ones.
//!
//! All are total: a value that does not fit becomes the safest output (`000`, `None`, all masked)
//! and never an error, because an error would tell something about the value.

use unicode_normalization::UnicodeNormalization;

pub use crate::zip3::zip3;
use crate::{
    Kind,
    validate::{CivilDate, parse_date},
};

/// The highest age that may stay.
pub const OLDEST: i64 = 89;

/// The year of a date in any usual form, a timestamp, or a bare year.
#[must_use]
pub fn year_of(date: &str) -> Option<i32> {
    parse_date(date).map(|date| date.year)
}

/// The year of a date, unless the date alone proves an age over 89 on `as_of`.
///
/// 164.514(b)(2)(i)(C) removes the year too where it indicates such an age. That holds for dates of
/// any event, not only of birth: whoever was seen 91 years ago is over 89.
#[must_use]
pub fn year_capped(date: &str, as_of: CivilDate) -> Option<i32> {
    let date = parse_date(date)?;
    (i64::from(date.age_at(as_of)) <= OLDEST).then_some(date.year)
}

/// The age with everything over 89 as 90, which then means "90 or older".
#[must_use]
pub const fn age_cap(age: i64) -> i64 {
    if age > OLDEST { OLDEST + 1 } else { age }
}

/// The age as text, with `90+` for everything over 89.
#[must_use]
pub fn age_label(age: i64) -> String {
    if age > OLDEST {
        "90+".to_owned()
    } else {
        age.to_string()
    }
}

/// Iceberg's `mask-alphanum`: digits become `n`, `( ) , . - @` stay, everything else becomes `x`.
#[must_use]
pub fn alphanum_mask(value: &str) -> String {
    value.chars().map(masked).collect()
}

/// Iceberg's `show-last-4`: as [`alphanum_mask`], save the last four characters.
///
/// A value of four characters or fewer would be shown whole; it is masked whole.
#[must_use]
pub fn show_last_4(value: &str) -> String {
    show(value, |index, count| index + 4 >= count)
}

/// Iceberg's `show-first-4`: as [`alphanum_mask`], save the first four characters.
///
/// A value of four characters or fewer would be shown whole; it is masked whole.
#[must_use]
pub fn show_first_4(value: &str) -> String {
    show(value, |index, _| index < 4)
}

fn show(value: &str, shown: impl Fn(usize, usize) -> bool) -> String {
    let count = value.chars().count();
    value
        .chars()
        .enumerate()
        .map(|(index, c)| {
            if count > 4 && shown(index, count) {
                c
            } else {
                masked(c)
            }
        })
        .collect()
}

const fn masked(c: char) -> char {
    match c {
        '0'..='9' => 'n',
        '(' | ')' | ',' | '.' | '-' | '@' => c,
        _ => 'x',
    }
}

/// The form in which equal identifiers are equal, for tokens: NFKC, trimmed, lower case, inner white
/// space single; of numbers only the letters and digits.
///
/// `None` if nothing is left: an empty identifier must not become a token that joins.
#[must_use]
pub fn normalise(value: &str, kind: Option<Kind>) -> Option<String> {
    let folded: String = value.nfkc().flat_map(char::to_lowercase).collect();
    let numeric = matches!(
        kind,
        Some(
            Kind::Phone
                | Kind::Fax
                | Kind::Ssn
                | Kind::Mrn
                | Kind::HealthPlan
                | Kind::Account
                | Kind::License
                | Kind::Vehicle
                | Kind::Zip
        )
    );
    let normal = if numeric {
        folded.chars().filter(|c| c.is_alphanumeric()).collect()
    } else {
        folded.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    (!normal.is_empty()).then_some(normal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_follow_icebergs_rules() {
        for (value, alphanum, last, first) in [
            ("123-45-6789", "nnn-nn-nnnn", "nnn-nn-6789", "123-nn-nnnn"),
            ("a@b.org", "x@x.xxx", "x@x.org", "a@b.xxx"),
            ("1234", "nnnn", "nnnn", "nnnn"),
            ("Zoë 42", "xxxxnn", "xxë 42", "Zoë nn"),
            ("", "", "", ""),
        ] {
            assert_eq!(alphanum_mask(value), alphanum);
            let last = if value == "a@b.org" { "x@x.org" } else { last };
            assert_eq!(show_last_4(value), last);
            assert_eq!(
                show_first_4(value),
                if value == "a@b.org" { "a@b.xxx" } else { first }
            );
        }
    }

    #[test]
    fn eighty_nine_stays_and_ninety_is_ninety_or_older() {
        for (age, capped, label) in [
            (0, 0, "0"),
            (89, 89, "89"),
            (90, 90, "90+"),
            (113, 90, "90+"),
        ] {
            assert_eq!(age_cap(age), capped);
            assert_eq!(age_label(age), label);
        }
    }

    #[test]
    fn a_year_that_proves_an_age_over_89_is_removed() {
        let as_of = CivilDate::new(2024, 6, 1).unwrap();
        for (date, year) in [
            ("1934-06-02", Some(1934)),
            ("1934-06-01", None),
            ("1932-01-01", None),
            ("1934", None),
            ("1935", Some(1935)),
            ("2023-02-01T10:00:00Z", Some(2023)),
            ("not a date", None),
        ] {
            assert_eq!(year_capped(date, as_of), year, "{date}");
        }
        assert_eq!(year_of("1932-01-01"), Some(1932));
    }

    #[test]
    fn equal_identifiers_normalise_to_the_same_text() {
        for (a, b, kind) in [
            ("402-19-8877", "４０２ 19 8877", Some(Kind::Ssn)),
            (" Ann  Lee ", "ann lee", Some(Kind::Name)),
            ("(559) 555-0142", "559.555.0142", Some(Kind::Phone)),
        ] {
            assert_eq!(normalise(a, kind), normalise(b, kind));
        }
        assert_eq!(normalise(" - ", Some(Kind::Ssn)), None);
    }
}
