//! Device identifiers that are known by their form: UDI, MAC address, IMEI, UUID. Serials need a keyword.

use super::Hits;
use crate::{
    Confidence, Kind,
    lexicon::Cue,
    text::{Class, Page},
    validate,
};

pub(super) fn at_number(page: &Page<'_>, index: usize, hits: &mut Hits) {
    udi(page, index, hits);
    mac(page, index, hits);
    uuid(page, index, hits);
    let range = page.span(index, index);
    if page.digits(index, 15)
        && validate::luhn(page.text(index).as_bytes())
        && page.near(&range, &[Cue::Device])
    {
        hits.add(range, Kind::Device, Confidence::Certain);
    }
}

pub(super) fn at_mixed(page: &Page<'_>, index: usize, hits: &mut Hits) {
    mac(page, index, hits);
    uuid(page, index, hits);
    // An implant's serial often stands in one with its prefix, `SN-CG5-881207X`; the keyword finds it.
}

/// GS1: `(01)` and fourteen digits, then more fields in brackets.
fn udi(page: &Page<'_>, index: usize, hits: &mut Hits) {
    if page.text(index) != "01"
        || !page.before(index).ends_with(b"(")
        || !page.after(index).starts_with(b")")
        || !page.digits(index + 1, 14)
    {
        return;
    }
    let mut last = index + 1;
    while page.after(last) == b"(" && page.after(last + 1) == b")" && page.token(last + 2).is_some()
    {
        last += 2;
    }
    let range = page.span(index, last);
    hits.add(
        range.start - 1..range.end,
        Kind::Device,
        Confidence::Certain,
    );
}

/// Six pairs of hexadecimal digits with `:` or `-` between them.
fn mac(page: &Page<'_>, index: usize, hits: &mut Hits) {
    let pair =
        |i: usize| page.text(i).len() == 2 && page.text(i).bytes().all(|b| b.is_ascii_hexdigit());
    let gap = page.after(index);
    if !matches!(gap, b":" | b"-") || page.before(index).ends_with(b":") {
        return;
    }
    let fits = (index..index + 6).all(pair)
        && (index..index + 5).all(|i| page.after(i) == gap)
        && page.after(index + 5) != gap;
    if fits {
        hits.add(
            page.span(index, index + 5),
            Kind::Device,
            Confidence::Certain,
        );
    }
}

/// 8-4-4-4-12 hexadecimal digits: a code that is unique to its record (R).
fn uuid(page: &Page<'_>, index: usize, hits: &mut Hits) {
    const LENGTHS: [usize; 5] = [8, 4, 4, 4, 12];
    if page.token(index).is_none_or(|token| token.len() != 8) || page.after(index) != b"-" {
        return;
    }
    let part = |(i, len): (usize, &usize)| {
        page.text(index + i).len() == *len
            && page.text(index + i).bytes().all(|b| b.is_ascii_hexdigit())
    };
    if LENGTHS.iter().enumerate().all(part) && (index..index + 4).all(|i| page.after(i) == b"-") {
        hits.add(
            page.span(index, index + 4),
            Kind::OtherId,
            Confidence::Certain,
        );
    }
}

/// Letters only can begin a UUID or a MAC too: `deadbeef-…`.
pub(super) fn at_word(page: &Page<'_>, index: usize, hits: &mut Hits) {
    if page
        .token(index)
        .is_some_and(|token| token.class == Class::Letters && matches!(token.len(), 2 | 8))
    {
        mac(page, index, hits);
        uuid(page, index, hits);
    }
}
