//! Ages over 89. Younger ones stay.

use super::Hits;
use crate::{
    Confidence, Kind,
    lexicon::{Cue, Word},
    text::{Class, Page},
};

const fn old(age: u32) -> bool {
    age >= 90 && age <= 125
}

pub(super) fn at_number(page: &Page<'_>, index: usize, hits: &mut Hits) {
    if !page.number(index).is_some_and(old) || page.before(index).ends_with(b"$") {
        return;
    }
    if let Some(last) = unit(page, index + 1) {
        hits.add(page.span(index, last), Kind::Age, Confidence::Certain);
        return;
    }
    // "age 94", "aged 101", "Age: 92": the keyword stands right before.
    let range = page.span(index, index);
    let said = page.marks.iter().any(|mark| {
        mark.cue == Cue::Age
            && mark.end <= range.start
            && range.start - mark.end <= 6
            && mark.last + 2 >= index
    });
    let measured = page.after(index).starts_with(b"%")
        || page.after(index).starts_with(b"/")
        || page.glued_after(index);
    if said && !measured {
        hits.add(range, Kind::Age, Confidence::Likely);
    }
}

/// The last token of "years old", "yo", "y/o", "-year-old", "yrs".
fn unit(page: &Page<'_>, index: usize) -> Option<usize> {
    if page.before(index).len() > 2 {
        return None;
    }
    if page.any(index, &["yo", "yoa", "yof", "yom"]) {
        return Some(index);
    }
    if page.any(index, &["y"]) && page.any(index + 1, &["o"]) && page.after(index).len() <= 2 {
        return Some(index + 1);
    }
    if page.any(index, &["year", "years", "yr", "yrs", "y"]) {
        if page.any(index + 1, &["old"]) {
            return Some(index + 1);
        }
        if page.any(index + 1, &["of"]) && page.any(index + 2, &["age"]) {
            return Some(index + 2);
        }
    }
    None
}

/// `94yo`, `94y`, `90s`
pub(super) fn at_mixed(page: &Page<'_>, index: usize, hits: &mut Hits) {
    let text = page.text(index);
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let Some(age) = text
        .get(..digits)
        .and_then(|digits| digits.parse().ok())
        .filter(|age| old(*age))
    else {
        return;
    };
    let rest = text.get(digits..).unwrap_or_default().to_ascii_lowercase();
    let last = match rest.as_str() {
        "yo" | "yof" | "yom" | "yrold" | "yearold" => index,
        "y" | "yr" | "yrs" | "year" => match unit(page, index) {
            Some(last) => last,
            None if page.any(index + 1, &["old", "o", "m", "f", "male", "female"]) => index + 1,
            None => index,
        },
        "s" if page.any(
            index.wrapping_sub(1),
            &["her", "his", "their", "early", "mid", "late"],
        ) && age < 126 =>
        {
            index
        }
        _ => return,
    };
    hits.add(page.span(index, last), Kind::Age, Confidence::Certain);
}

pub(super) fn at_word(page: &Page<'_>, index: usize, hits: &mut Hits) {
    if !page.has(index, Word::NUMBER) {
        return;
    }
    if page.any(index, &["nonagenarian", "centenarian", "supercentenarian"]) {
        hits.add(page.span(index, index), Kind::Age, Confidence::Certain);
        return;
    }
    if !page.any(index, &["ninety", "nineties", "hundred"]) {
        return;
    }
    if page.any(index, &["nineties"]) {
        hits.add(page.span(index, index), Kind::Age, Confidence::Likely);
        return;
    }
    let mut last = index;
    while page
        .token(last + 1)
        .is_some_and(|next| next.class == Class::Letters && next.is(Word::NUMBER))
        || page.any(last + 1, &["and"]) && last < index + 3
    {
        last += 1;
    }
    let range = page.span(index, last);
    if let Some(end) = unit(page, last + 1) {
        hits.add(page.span(index, end), Kind::Age, Confidence::Certain);
    } else if page
        .distance(&range, &[Cue::Age])
        .is_some_and(|distance| distance <= 4)
    {
        hits.add(range, Kind::Age, Confidence::Likely);
    }
}
