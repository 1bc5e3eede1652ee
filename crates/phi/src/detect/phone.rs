//! Telephone and fax numbers: North American ones by form and numbering plan, others by `+` or keyword.

use std::ops::Range;

use super::Hits;
use crate::{
    Confidence, Kind,
    lexicon::Cue,
    text::{Class, Page},
    validate,
};

pub(super) fn at(page: &Page<'_>, index: usize, hits: &mut Hits) {
    if page.glued_before(index) && page.before(index) != b"/" {
        return;
    }
    if page.before(index).ends_with(b"+") {
        international(page, index, hits);
        return;
    }
    let area = if matches!(page.text(index), "1" | "001") && joins(page.after(index)) {
        index + 1
    } else {
        index
    };
    let _ = national(page, index, area, hits)
        || bare(page, index, hits)
        || local(page, index, hits)
        || said(page, index, hits);
}

/// What may stand between the groups of a number.
fn joins(gap: &[u8]) -> bool {
    !gap.is_empty()
        && gap.len() <= 4
        && gap.iter().all(|b| {
            matches!(
                b,
                b' ' | b'-' | b'.' | b'(' | b')' | b'/' | b'\n' | b'\r' | b'\t'
            )
        })
}

fn national(page: &Page<'_>, first: usize, area: usize, hits: &mut Hits) -> bool {
    if !(page.digits(area, 3)
        && page.digits(area + 1, 3)
        && (page.digits(area + 2, 4) || grown(page.text(area + 2))))
    {
        return false;
    }
    let (a, b) = (page.after(area), page.after(area + 1));
    if !joins(a)
        || !joins(b)
        || b.contains(&b'(')
        || matches!(page.after(area + 2), b"-" | b".") && page.glued_after(area + 2)
    {
        return false;
    }
    let range = widen(page, first, area + 2);
    let mut digits = page.join(area..area + 3);
    digits.truncate(10);
    let valid = validate::nanp(&digits);
    let blank = a.iter().chain(b).all(u8::is_ascii_whitespace);
    let said = page.near(&range, &[Cue::Phone, Cue::Fax]);
    let confidence = match (valid, said) {
        (true, true) => Confidence::Certain,
        (true, false) if blank && page.near(&range, &[Cue::Measure, Cue::Code]) => return false,
        (true, false) => Confidence::Likely,
        // Numbers with wrong groups are typing errors of real ones, if they look like numbers at all.
        (false, true) => Confidence::Likely,
        (false, false) if !blank => Confidence::Possible,
        (false, false) => return false,
    };
    add(page, range, confidence, hits);
    true
}

/// Four digits and an extension in one: `9740x11144`.
fn grown(text: &str) -> bool {
    let (line, extension) = text.split_once(['x', 'X']).unwrap_or_default();
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    line.len() == 4 && digits(line) && extension.len() <= 6 && digits(extension)
}

/// Ten digits in one, or eleven that begin with 1.
fn bare(page: &Page<'_>, index: usize, hits: &mut Hits) -> bool {
    let text = page.text(index).as_bytes();
    let digits = match text {
        [b'1', rest @ ..] if rest.len() == 10 => rest,
        _ => text,
    };
    if !validate::nanp(digits) || page.glued_after(index) {
        return false;
    }
    let range = page.span(index, index);
    if page.near(&range, &[Cue::Phone, Cue::Fax]) {
        add(page, range, Confidence::Certain, hits);
    } else if !page.codes && !page.near(&range, &[Cue::Code, Cue::Measure]) {
        add(page, range, Confidence::Possible, hits);
    } else {
        return false;
    }
    true
}

/// Seven digits with a keyword.
fn local(page: &Page<'_>, index: usize, hits: &mut Hits) -> bool {
    let fits = page.digits(index, 3)
        && page.digits(index + 1, 4)
        && matches!(page.after(index), b"-" | b"." | b" ");
    if !fits || page.glued_after(index + 1) {
        return false;
    }
    let range = widen(page, index, index + 1);
    let said = page.near(&range, &[Cue::Phone, Cue::Fax]);
    // 555 is never anything else.
    if said || page.text(index) == "555" && page.after(index) == b"-" {
        add(page, range, Confidence::Likely, hits);
    }
    said
}

fn international(page: &Page<'_>, index: usize, hits: &mut Hits) {
    let (last, digits) = groups(page, index);
    if (8..=15).contains(&digits) {
        let range = widen(page, index, last);
        add(
            page,
            range.start.saturating_sub(1)..range.end,
            Confidence::Likely,
            hits,
        );
    }
}

/// Any groups of digits right after "phone" or "fax".
fn said(page: &Page<'_>, index: usize, hits: &mut Hits) -> bool {
    let (last, digits) = groups(page, index);
    let range = page.span(index, last);
    let near = page
        .distance(&range, &[Cue::Phone, Cue::Fax])
        .is_some_and(|distance| distance <= 12);
    let date = page.near(&range, &[Cue::Date, Cue::Birth]);
    let fits = near && (7..=15).contains(&digits) && !date;
    if fits {
        add(page, widen(page, index, last), Confidence::Possible, hits);
    }
    fits
}

fn groups(page: &Page<'_>, index: usize) -> (usize, usize) {
    let mut last = index;
    let mut digits = page.token(index).map_or(0, |token| token.len());
    while joins(page.after(last))
        && let Some(next) = page
            .token(last + 1)
            .filter(|next| next.class == Class::Digits && digits + next.len() <= 15)
    {
        digits += next.len();
        last += 1;
    }
    (last, digits)
}

/// Takes a bracket before, and an extension behind, into the number.
fn widen(page: &Page<'_>, first: usize, last: usize) -> Range<usize> {
    let mut range = page.span(first, last);
    if page.before(first).ends_with(b"(") {
        range.start -= 1;
    }
    let extension = last + 1;
    if page.any(extension, &["x", "ext", "extension"])
        && page
            .token(extension + 1)
            .is_some_and(|token| token.class == Class::Digits && token.len() <= 6)
    {
        range.end = page.span(extension, extension + 1).end;
    } else if page
        .text(extension)
        .strip_prefix(['x', 'X'])
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
    {
        range.end = page.span(extension, extension).end;
    }
    range
}

fn add(page: &Page<'_>, range: Range<usize>, confidence: Confidence, hits: &mut Hits) {
    let fax = page.distance(&range, &[Cue::Fax]);
    let phone = page.distance(&range, &[Cue::Phone]);
    let kind = match (fax, phone) {
        (Some(fax), Some(phone)) if fax < phone => Kind::Fax,
        (Some(_), None) => Kind::Fax,
        _ => Kind::Phone,
    };
    hits.add(range, kind, confidence);
}
