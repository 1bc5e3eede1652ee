//! Dates, and their elements other than the year: numeric, worded, partial, feasts and seasons.
//!
//! A bare year stays, a duration stays. `3/14` alone is a ratio or a score unless something says "on".

use super::Hits;
use crate::{
    Confidence, Kind,
    lexicon::{Cue, Word},
    text::{Class, Page},
    validate::{CivilDate, parse_date},
};

pub(super) fn at_number(page: &Page<'_>, index: usize, hits: &mut Hits) {
    if page.glued_before(index) && page.before(index) != b"," {
        return;
    }
    let _ = numeric(page, index, hits)
        || month_year(page, index, hits)
        || compact(page, index, hits)
        || short(page, index, hits)
        || day_month(page, index, hits)
        || born_year(page, index, hits);
}

/// `2014-10-06T04:17`: the day and the hour grow together to one token.
pub(super) fn at_mixed(page: &Page<'_>, index: usize, hits: &mut Hits) {
    let text = page.text(index);
    let lower = text.to_ascii_lowercase();
    // "14th of March", "3rd"
    let ordinal = ["st", "nd", "rd", "th"]
        .iter()
        .find_map(|end| lower.strip_suffix(end))
        .and_then(|n| n.parse::<u8>().ok());
    if ordinal.is_some_and(|day| (1..=31).contains(&day)) {
        let month = if page.any(index + 1, &["of"]) {
            index + 2
        } else {
            index + 1
        };
        if page.has(month, Word::MONTH) && near_gap(page, index) {
            with_year(page, index, month, hits);
        } else if page.any(index.wrapping_sub(1), &["the"])
            && page.has(index.wrapping_sub(2), Word::BEFORE_DATE)
            && page.any(index.wrapping_sub(2), &["on"])
        {
            hits.add(page.span(index, index), Kind::Date, Confidence::Possible);
        }
        return;
    }
    // "14mar2024", "20240314T1012"
    if text.len() <= 9 && text.bytes().filter(u8::is_ascii_alphabetic).count() >= 3 {
        let start = text
            .bytes()
            .position(|b| b.is_ascii_alphabetic())
            .unwrap_or(0);
        let end = text.len()
            - text
                .bytes()
                .rev()
                .position(|b| b.is_ascii_alphabetic())
                .unwrap_or(0);
        let spaced = format!(
            "{}-{}-{}",
            text.get(..start).unwrap_or_default(),
            text.get(start..end).unwrap_or_default(),
            text.get(end..).unwrap_or_default()
        );
        if start > 0
            && end < text.len()
            && parse_date(&spaced).is_some_and(|date| date.day.is_some())
        {
            hits.add(page.span(index, index), Kind::Date, Confidence::Certain);
        }
    } else if text.get(8..9) == Some("T")
        && parse_date(text.get(..8).unwrap_or_default()).is_some_and(|date| date.day.is_some())
    {
        hits.add(page.span(index, index), Kind::Date, Confidence::Certain);
    }
}

fn near_gap(page: &Page<'_>, index: usize) -> bool {
    page.after(index).len() <= 2
}

/// Three numbers with the same sign between them, and a time behind them.
fn numeric(page: &Page<'_>, index: usize, hits: &mut Hits) -> bool {
    let gap = page.after(index);
    let sign = match gap {
        [sign @ (b'/' | b'-' | b'.')]
        | [sign @ (b'/' | b'-' | b'.'), b' ' | b'\n']
        | [b' ', sign @ (b'/' | b'-' | b'.'), b' '] => *sign,
        _ => return false,
    };
    if page
        .after(index + 1)
        .iter()
        .copied()
        .find(|b| *b != b' ' && *b != b'\n')
        != Some(sign)
        || page.after(index + 1).len() > 3
    {
        return false;
    }
    let months = page
        .token(index + 1)
        .is_some_and(|token| token.class == Class::Letters && token.is(Word::MONTH));
    // The last part may be grown together with a time: `06T04`.
    let last = page.text(index + 2);
    let tail = last
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(last.len());
    let day = last.get(..tail).unwrap_or_default();
    if day.is_empty()
        || tail < last.len()
            && !last
                .get(tail..)
                .is_some_and(|rest| rest.starts_with(['T', 't']))
    {
        return false;
    }
    let (a, b) = (page.text(index), page.text(index + 1));
    if a.len() > 4 || b.len() > 2 && !months || day.len() > 4 {
        return false;
    }
    // `1.2.3` is a version; with dots the year must have four digits.
    if sign == b'.' && a.len() != 4 && day.len() != 4 {
        return false;
    }
    let text = format!("{a}-{b}-{day}");
    let Some(date) = parse_date(&text).filter(|date| date.day.is_some()) else {
        return false;
    };
    if sign == b'-'
        && a.len() <= 2
        && day.len() <= 2
        && !page.near(&page.span(index, index + 2), &[Cue::Date, Cue::Birth])
        && a.len() + b.len() + day.len() < 5
    {
        return false;
    }
    let mut range = page.span(index, index + 2);
    if page.glued_after(index + 2)
        && page.after(index + 2) != b","
        && page.after(index + 2) != b"/"
        && tail == last.len()
    {
        // One more number joined behind makes it an identifier, unless it is an interval.
        let interval = page.after(index + 2) == b"-"
            && page.token(index + 3).is_some_and(|token| token.len() <= 4);
        if !interval {
            return false;
        }
    }
    range.end = time_end(page, index + 2, range.end);
    let plausible = (1850..=2100).contains(&date.year);
    hits.add(
        range,
        Kind::Date,
        if plausible {
            Confidence::Certain
        } else {
            Confidence::Possible
        },
    );
    true
}

/// The end of a time of day behind a date: ` 04:17:47`, `T04:17:47.000Z`, ` 4:17 PM`.
fn time_end(page: &Page<'_>, last: usize, end: usize) -> usize {
    let grown = page.text(last).contains(['T', 't']);
    let mut at = last;
    if !grown {
        let hour = page
            .token(last + 1)
            .is_some_and(|token| token.class == Class::Digits && token.len() <= 2);
        if !(hour && matches!(page.after(last), b" " | b", ") && page.after(last + 1) == b":") {
            return end;
        }
        at = last + 1;
    }
    while matches!(page.after(at), b":" | b".")
        && page
            .token(at + 1)
            .is_some_and(|token| token.class != Class::Letters)
    {
        at += 1;
    }
    if page.any(at + 1, &["am", "pm", "z", "utc"]) && page.after(at).len() <= 1 {
        at += 1;
    }
    page.span(at, at).end.max(end)
}

/// `03/2024`
fn month_year(page: &Page<'_>, index: usize, hits: &mut Hits) -> bool {
    if !matches!(page.after(index), b"/" | b"-")
        || page.glued_after(index + 1) && page.after(index + 1) != b","
    {
        return false;
    }
    let (Some(a), Some(b)) = (page.number(index), page.number(index + 1)) else {
        return false;
    };
    let (month, year, slash) = if page.digits(index, 4) {
        (b, a, page.text(index + 1).len() == 2)
    } else {
        (a, b, page.digits(index + 1, 4))
    };
    let fits = slash
        && (1..=12).contains(&month)
        && (1900..=2100).contains(&year)
        && page.text(index).len() + page.text(index + 1).len() <= 6;
    if fits {
        hits.add(page.span(index, index + 1), Kind::Date, Confidence::Likely);
    }
    fits
}

/// `20240314`, `03141962` after "DOB", HL7's `20240314101500`.
fn compact(page: &Page<'_>, index: usize, hits: &mut Hits) -> bool {
    let text = page.text(index);
    if !matches!(text.len(), 8 | 12 | 14) || page.glued_after(index) || page.codes {
        return false;
    }
    let range = page.span(index, index);
    let said = page.near(&range, &[Cue::Date, Cue::Birth]);
    let date = parse_date(text)
        .filter(|date| (1900..=2100).contains(&date.year))
        .is_some();
    let american = text.len() == 8
        && said
        && parse_date(&format!(
            "{}/{}/{}",
            text.get(..2).unwrap_or_default(),
            text.get(2..4).unwrap_or_default(),
            text.get(4..).unwrap_or_default()
        ))
        .is_some_and(|date| (1900..=2100).contains(&date.year));
    if date || american {
        hits.add(
            range,
            Kind::Date,
            if said {
                Confidence::Likely
            } else {
                Confidence::Possible
            },
        );
    }
    date || american
}

/// `3/14` after "on", "seen", "since".
fn short(page: &Page<'_>, index: usize, hits: &mut Hits) -> bool {
    if page.after(index) != b"/"
        || page.glued_after(index + 1)
        || page.text(index).len() > 2
        || page.text(index + 1).len() > 2
    {
        return false;
    }
    let (Some(a), Some(b)) = (page.number(index), page.number(index + 1)) else {
        return false;
    };
    let calendar = (1..=12).contains(&a) && (1..=31).contains(&b);
    let previous = index.checked_sub(1).is_some_and(|i| {
        page.has(i, Word::BEFORE_DATE)
            && !page.any(i, &["of", "to", "in", "between"])
            && page.before(index) == b" "
    });
    let range = page.span(index, index + 1);
    let said = page
        .distance(&range, &[Cue::Date, Cue::Birth])
        .is_some_and(|distance| distance <= 6);
    let measured = page.near(&range, &[Cue::Measure])
        || page.has(index + 2, Word::UNIT)
        || page.any(
            index + 2,
            &[
                "murmur", "strength", "pain", "vision", "dilution", "of", "scale",
            ],
        );
    let fits = calendar && (previous || said) && !measured;
    if fits {
        hits.add(range, Kind::Date, Confidence::Possible);
    }
    fits
}

/// `14 March 2024`, `14-Mar-24` is numeric.
fn day_month(page: &Page<'_>, index: usize, hits: &mut Hits) -> bool {
    let month = if page.any(index + 1, &["of"]) {
        index + 2
    } else {
        index + 1
    };
    let day = page
        .number(index)
        .is_some_and(|day| (1..=31).contains(&day))
        && page.text(index).len() <= 2;
    // "5 may", "2 mar": a small word is a month only with a capital or a year.
    let fits = day
        && page.has(month, Word::MONTH)
        && page.after(index) == b" "
        && (page.token(month).is_some_and(|token| token.capital)
            || page
                .number(month + 1)
                .is_some_and(|year| (1900..=2100).contains(&year)));
    if fits {
        with_year(page, index, month, hits);
    }
    fits
}

fn with_year(page: &Page<'_>, first: usize, mut last: usize, hits: &mut Hits) {
    let gap = page.after(last);
    if page
        .number(last + 1)
        .is_some_and(|year| (1000..=2999).contains(&year))
        && page.digits(last + 1, 4)
        && gap.len() <= 3
    {
        last += 1;
    }
    let range = page.span(first, last);
    let end = time_end(page, last, range.end);
    hits.add(range.start..end, Kind::Date, Confidence::Certain);
}

/// "born 1931": a year that only matters where it tells an age over 89.
fn born_year(page: &Page<'_>, index: usize, hits: &mut Hits) -> bool {
    let range = page.span(index, index);
    // Whoever was born before this is over 89 in any record that is written from now on.
    let old = page.digits(index, 4)
        && page
            .number(index)
            .is_some_and(|year| (1880..=1936).contains(&year));
    let fits = old
        && page
            .distance(&range, &[Cue::Birth])
            .is_some_and(|distance| distance <= 8);
    if fits {
        hits.add(range, Kind::Date, Confidence::Likely);
    }
    fits
}

pub(super) fn at_word(page: &Page<'_>, index: usize, hits: &mut Hits) {
    let Some(token) = page.token(index) else {
        return;
    };
    if token.is(Word::MONTH) {
        month(page, index, hits);
    } else if token.is(Word::WEEKDAY) && token.len() >= 3 && token.capital {
        // A day of the week counts together with a date.
        let next_month = page.has(index + 1, Word::MONTH) && page.after(index).len() <= 2;
        let next_number = page
            .token(index + 1)
            .is_some_and(|next| next.class != Class::Letters)
            && matches!(page.after(index), b", " | b" ");
        if next_month || next_number && page.after(index + 1).starts_with(b"/") {
            hits.add(page.span(index, index), Kind::Date, Confidence::Likely);
        }
    } else if token.is(Word::HOLIDAY) && token.capital {
        let mut last = index;
        if page.any(index + 1, &["eve", "day"]) {
            last += 1;
        }
        let year = if page.any(last + 1, &["of"]) {
            last + 2
        } else {
            last + 1
        };
        if page
            .number(year)
            .is_some_and(|year| (1900..=2100).contains(&year))
        {
            last = year;
        }
        hits.add(page.span(index, last), Kind::Date, Confidence::Likely);
    } else if token.is(Word::SEASON) {
        let year = if page.any(index + 1, &["of"]) {
            index + 2
        } else {
            index + 1
        };
        if page.digits(year, 4)
            && page
                .number(year)
                .is_some_and(|year| (1900..=2100).contains(&year))
            && page.after(index) == b" "
        {
            hits.add(page.span(index, year), Kind::Date, Confidence::Likely);
        }
    }
}

fn month(page: &Page<'_>, index: usize, hits: &mut Hits) {
    let Some(token) = page.token(index) else {
        return;
    };
    let text = page.text(index);
    let short = token.len() <= 4;
    let gap = page.after(index);
    let next = index + 1;
    // "March 14, 2024", "Mar. 14", "March 14th"
    let ordinal = page
        .text(next)
        .trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let day = ordinal
        .parse::<u8>()
        .is_ok_and(|day| (1..=31).contains(&day))
        && page.text(next).len() <= 4;
    if day
        && matches!(gap, b" " | b". " | b"-" | b"." | b"\n")
        && (token.capital || !short)
        && !page.has(next + 1, Word::UNIT)
    {
        let joined = gap == b"-";
        if joined
            && page.after(next) == b"-"
            && page
                .token(next + 1)
                .is_some_and(|t| t.class == Class::Digits)
        {
            hits.add(page.span(index, next + 1), Kind::Date, Confidence::Certain);
        } else if CivilDate::new(
            2000,
            crate::validate::month_of(text).unwrap_or(1),
            ordinal.parse().unwrap_or(0),
        )
        .is_some()
        {
            with_year(page, index, next, hits);
        }
        return;
    }
    // "March 2024", "Mar-2024", "March of 2024"
    let year = if page.any(next, &["of"]) {
        next + 1
    } else {
        next
    };
    if page.digits(year, 4)
        && page
            .number(year)
            .is_some_and(|year| (1900..=2100).contains(&year))
        && gap.len() <= 2
    {
        hits.add(
            page.span(leading(page, index), year),
            Kind::Date,
            Confidence::Certain,
        );
        return;
    }
    // "the third of July", "first week of May", "in March", "mid-March"
    if !token.capital {
        return;
    }
    let before = index.checked_sub(1);
    let worded = leading(page, index);
    if worded != index {
        hits.add(page.span(worded, index), Kind::Date, Confidence::Likely);
    } else if before.is_some_and(|i| {
        page.has(i, Word::BEFORE_DATE) && matches!(page.before(index), b" " | b"-")
    }) && !(matches!(
        text.to_ascii_lowercase().as_str(),
        "may" | "march" | "mar" | "jan" | "april" | "june" | "august"
    ) && before.is_some_and(|i| {
        page.any(
            i,
            &[
                "to", "and", "by", "with", "seen", "from", "before", "after", "of",
            ],
        )
    })) {
        hits.add(page.span(index, index), Kind::Date, Confidence::Likely);
    }
}

/// The first token of "the third of July" or "first week of May", else the month itself.
fn leading(page: &Page<'_>, month: usize) -> usize {
    let back = |n: usize| month.checked_sub(n);
    let word = |n: usize, words: &[&str]| back(n).is_some_and(|i| page.any(i, words));
    if word(1, &["of", "in"])
        && word(
            2,
            &[
                "week",
                "weekend",
                "half",
                "beginning",
                "end",
                "middle",
                "part",
            ],
        )
    {
        let first = if word(
            3,
            &[
                "first", "second", "third", "fourth", "last", "1st", "2nd", "3rd", "4th", "early",
                "late",
            ],
        ) {
            3
        } else {
            2
        };
        return back(first).unwrap_or(month);
    }
    if word(1, &["of"]) && back(2).is_some_and(|i| page.has(i, Word::NUMBER)) {
        let number = if back(3).is_some_and(|i| page.has(i, Word::NUMBER)) {
            3
        } else {
            2
        };
        let first = if word(number + 1, &["the"]) {
            number + 1
        } else {
            number
        };
        return back(first).unwrap_or(month);
    }
    if word(1, &["early", "late", "mid"]) {
        return back(1).unwrap_or(month);
    }
    month
}
