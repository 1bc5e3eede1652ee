//! Social security and taxpayer numbers.
//!
//! With hyphens the form is unmistakable, so numbers that were never issued (000, 666, 9xx) count too:
//! they are typing errors of real ones. Nine bare digits need the keyword, or a valid number far from
//! code systems.

use super::Hits;
use crate::{
    Confidence, Kind,
    lexicon::Cue,
    text::{Class, Page, separates, separator},
    validate,
};

pub(super) fn at(page: &Page<'_>, index: usize, hits: &mut Hits) {
    if page.glued_before(index) {
        last_four(page, index, hits);
        return;
    }
    if page.digits(index, 3) && page.digits(index + 1, 2) && page.digits(index + 2, 4) {
        grouped(page, index, hits);
    } else if page.digits(index, 9) && !page.glued_after(index) {
        bare(page, index, hits);
    } else {
        split(page, index, hits);
        last_four(page, index, hits);
    }
}

fn grouped(page: &Page<'_>, index: usize, hits: &mut Hits) {
    let (first, second) = (page.after(index), page.after(index + 1));
    if !separates(first) || !separates(second) || page.glued_after(index + 2) {
        return;
    }
    let range = page.span(index, index + 2);
    let valid = validate::ssn(&page.join(index..index + 3));
    let said = page.near(&range, &[Cue::Ssn]);
    let confidence = match (separator(first), separator(second)) {
        (b'-', b'-') if valid || said => Confidence::Certain,
        (b'-', b'-') => Confidence::Likely,
        _ if said => Confidence::Certain,
        (a, b) if a == b && valid && !page.near(&range, &[Cue::Measure, Cue::Code]) => {
            Confidence::Likely
        }
        _ => return,
    };
    hits.add(range, Kind::Ssn, confidence);
}

fn bare(page: &Page<'_>, index: usize, hits: &mut Hits) {
    let range = page.span(index, index);
    let digits = page.text(index).as_bytes();
    let valid = validate::ssn(digits) || validate::itin(digits);
    let confidence = if page.near(&range, &[Cue::Ssn]) {
        if valid {
            Confidence::Certain
        } else {
            Confidence::Likely
        }
    } else if valid && !page.codes && !page.near(&range, &[Cue::Code, Cue::Measure]) {
        Confidence::Possible
    } else {
        return;
    };
    hits.add(range, Kind::Ssn, confidence);
}

/// Nine digits in other groups, over lines too, where the keyword stands before them.
fn split(page: &Page<'_>, index: usize, hits: &mut Hits) {
    let mut total = page.token(index).map_or(0, |token| token.len());
    let mut last = index;
    while total < 9
        && separates(page.after(last))
        && let Some(next) = page
            .token(last + 1)
            .filter(|next| next.class == Class::Digits)
    {
        total += next.len();
        last += 1;
    }
    if total != 9 || last == index || page.glued_after(last) {
        return;
    }
    let range = page.span(index, last);
    if page
        .distance(&range, &[Cue::Ssn])
        .is_some_and(|distance| distance <= 15)
    {
        hits.add(range, Kind::Ssn, Confidence::Likely);
    }
}

/// What a mask left: `***-**-6789`, "last four of SSN 6789".
fn last_four(page: &Page<'_>, index: usize, hits: &mut Hits) {
    if !page.digits(index, 4) {
        return;
    }
    let range = page.span(index, index);
    let before = page.slice(range.start.saturating_sub(4)..range.start);
    let masked = matches!(before, [.., a, b, b'-'] if matches!(a, b'x' | b'X' | b'*' | b'#') && a.eq_ignore_ascii_case(b));
    if masked || page.near(&range, &[Cue::LastFour]) && page.near(&range, &[Cue::Ssn]) {
        hits.add(range, Kind::Ssn, Confidence::Likely);
    }
}
