//! Payment cards, IBANs and routing numbers that their checksums confirm.

use super::Hits;
use crate::{
    Confidence, Kind,
    lexicon::Cue,
    text::{Class, Page},
    validate,
};

pub(super) fn at_number(page: &Page<'_>, index: usize, hits: &mut Hits) {
    if page.glued_before(index) {
        return;
    }
    if page.digits(index, 9) && validate::aba(page.text(index).as_bytes()) {
        let range = page.span(index, index);
        if page.near(&range, &[Cue::Routing, Cue::Account]) {
            hits.add(range, Kind::Account, Confidence::Certain);
        }
    }
    // Groups of a card: 4-4-4-4, 4-6-5, or all in one.
    let mut last = index;
    let mut digits = Vec::new();
    loop {
        digits.extend_from_slice(page.text(last).as_bytes());
        let range = page.span(index, last);
        let ends = !page
            .token(last + 1)
            .is_some_and(|next| next.class == Class::Digits)
            || !matches!(page.after(last), b" " | b"-" | b".");
        if ends && digits.len() >= 12 {
            let said = page.near(&range, &[Cue::Card, Cue::Account]);
            if validate::card(&digits) && (!page.codes || said) {
                hits.add(range, Kind::Account, Confidence::Certain);
            } else if page.near(&range, &[Cue::Card]) && (13..=19).contains(&digits.len()) {
                hits.add(range, Kind::Account, Confidence::Likely);
            } else if last == index + 3
                && digits.len() == 16
                && matches!(page.after(index), b" " | b"-")
            {
                // Four groups of four are a card even with a wrong digit.
                hits.add(range, Kind::Account, Confidence::Possible);
            }
        }
        if ends
            || digits.len() > 19
            || last > index + 4
            || page.token(last).is_none_or(|token| token.len() < 2)
        {
            return;
        }
        last += 1;
    }
}

/// `GB82WEST12345698765432`, `GB82 WEST 1234 …`
pub(super) fn at_mixed(page: &Page<'_>, index: usize, hits: &mut Hits) {
    let starts = matches!(page.text(index).as_bytes(), [a, b, c, d, ..] if a.is_ascii_uppercase() && b.is_ascii_uppercase() && c.is_ascii_digit() && d.is_ascii_digit());
    if !starts {
        return;
    }
    let mut joined = Vec::new();
    let mut last = index;
    let mut found = None;
    while let Some(token) = page.token(last) {
        if last > index
            && token.len() > 4
            && page.token(index).is_some_and(|first| first.len() == 4)
        {
            break;
        }
        joined.extend_from_slice(page.text(last).as_bytes());
        if validate::iban(&joined) {
            found = Some(last);
        }
        if joined.len() >= 34 || !matches!(page.after(last), b" " | b"-") {
            break;
        }
        last += 1;
    }
    if let Some(last) = found {
        hits.add(page.span(index, last), Kind::Account, Confidence::Certain);
    }
}

/// A BIC behind its keyword: eight or eleven capitals.
pub(super) fn at_word(page: &Page<'_>, index: usize, hits: &mut Hits) {
    let bic = page
        .token(index)
        .is_some_and(|token| token.upper && matches!(token.len(), 8 | 11));
    if bic
        && index > 0
        && page.any(index - 1, &["bic", "swift", "code"])
        && page.near(&page.span(index, index), &[Cue::Account])
    {
        hits.add(page.span(index, index), Kind::Account, Confidence::Likely);
    }
}
