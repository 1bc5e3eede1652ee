//! E-mail addresses, web addresses and IP addresses.

use std::ops::Range;

use memchr::{memchr_iter, memmem};

use super::Hits;
use crate::{
    Confidence, Kind,
    text::{Class, Page},
    validate,
};

/// `10.34.201.7`
pub(super) fn at_number(page: &Page<'_>, index: usize, hits: &mut Hits) {
    let dotted = (index..index + 3).all(|i| page.after(i) == b".") && page.after(index + 3) != b".";
    let four = (index..index + 4)
        .all(|i| page.number(i).is_some_and(|part| part <= 255) && page.text(i).len() <= 3);
    if dotted && four && !page.before(index).ends_with(b".") {
        hits.add(page.span(index, index + 3), Kind::Ip, Confidence::Certain);
    }
}

pub(super) fn find(page: &Page<'_>, hits: &mut Hits) {
    let text = page.bytes();
    for at in memchr_iter(b'@', text) {
        email(page, at, hits);
    }
    for at in memmem::find_iter(text, "://") {
        let start = back(text, at, |b| {
            b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')
        });
        if start < at {
            add_url(text, start, at + 3, hits);
        }
    }
    for at in memmem::find_iter(text, "::").chain(memchr_iter(b':', text)) {
        ipv6(page, at, hits);
    }
    for (index, token) in page.tokens.iter().enumerate() {
        if page.after(index) == b"." && token.class != Class::Digits {
            domain(page, index, hits);
        }
    }
}

fn email(page: &Page<'_>, at: usize, hits: &mut Hits) {
    let text = page.bytes();
    let start = back(text, at, |b| {
        b.is_ascii_alphanumeric()
            || b >= 0x80
            || matches!(b, b'.' | b'_' | b'%' | b'+' | b'-' | b'\'' | b'&' | b'~')
    });
    let end = forth(text, at + 1, |b| {
        b.is_ascii_alphanumeric() || b >= 0x80 || matches!(b, b'.' | b'-')
    });
    let end = trim_end(text, at + 1..end);
    if start == at || end <= at + 1 {
        return;
    }
    let host = page.flat().get(at + 1..end).unwrap_or_default();
    let certain = host
        .rsplit_once('.')
        .is_some_and(|(_, label)| validate::tld(label));
    // `user@host` without a domain is an address inside a house.
    if certain || host.contains('.') || start + 1 < at {
        hits.add(
            start..end,
            Kind::Email,
            if certain {
                Confidence::Certain
            } else {
                Confidence::Possible
            },
        );
    }
}

fn add_url(text: &[u8], start: usize, from: usize, hits: &mut Hits) {
    let end = forth(text, from, |b| {
        !b.is_ascii_whitespace()
            && !matches!(
                b,
                b'"' | b'<' | b'>' | b'|' | b'\\' | b'^' | b'`' | b'{' | b'}'
            )
    });
    let end = trim_end(text, from..end);
    if end > from {
        hits.add(start..end, Kind::Url, Confidence::Certain);
    }
}

/// `www.x`, `portal.example.org/path`: labels joined by dots, the last one a top-level domain.
fn domain(page: &Page<'_>, index: usize, hits: &mut Hits) {
    if matches!(page.before(index), b"." | b"@" | b"-" | b"_" | b"'") && index > 0 {
        return;
    }
    let mut last = index;
    while matches!(page.after(last), b"." | b"-") && page.token(last + 1).is_some() {
        last += 1;
    }
    let path = page.after(last).starts_with(b"/");
    let host = page.span(index, last);
    let text = page.flat().get(host.clone()).unwrap_or_default();
    let Some((rest, label)) = text.rsplit_once('.') else {
        return;
    };
    let www = rest.len() >= 4
        && rest
            .get(..4)
            .is_some_and(|www| www.eq_ignore_ascii_case("www."));
    // "b.i.d", "e.g", "Dr.Smith", "pain.No": two letters alone are too weak, unless a path follows.
    let lower = text.bytes().all(|b| !b.is_ascii_uppercase());
    let known = validate::tld(label) && (label.len() > 2 || path) && rest.len() >= 3;
    if www || known && lower && !page.before(index).ends_with(b"@") {
        add_url(
            page.bytes(),
            host.start,
            if path {
                host.end
            } else {
                host.end - label.len()
            },
            hits,
        );
    }
}

fn ipv6(page: &Page<'_>, at: usize, hits: &mut Hits) {
    let text = page.bytes();
    let part = |b: u8| b.is_ascii_hexdigit() || b == b':' || b == b'.';
    let range = back(text, at, part)..forth(text, at, part);
    let value = page
        .flat()
        .get(range.clone())
        .unwrap_or_default()
        .trim_end_matches(['.', ':']);
    // `12:30:45` is a time: an address has two colons together, or seven.
    let shaped = value.contains("::") || value.matches(':').count() == 7;
    let edge = |index: Option<usize>| {
        index
            .and_then(|i| text.get(i))
            .is_some_and(u8::is_ascii_alphanumeric)
    };
    if shaped
        && value.len() > 3
        && value.len() <= 45
        && validate::ip(value)
        && !edge(range.start.checked_sub(1))
        && !edge(Some(range.end))
    {
        hits.add(
            range.start..range.start + value.len(),
            Kind::Ip,
            Confidence::Certain,
        );
    }
}

fn back(text: &[u8], at: usize, part: impl Fn(u8) -> bool) -> usize {
    text.get(..at).map_or(at, |before| {
        before.iter().rposition(|b| !part(*b)).map_or(0, |i| i + 1)
    })
}

fn forth(text: &[u8], at: usize, part: impl Fn(u8) -> bool) -> usize {
    text.get(at..).map_or(at, |after| {
        at + after.iter().position(|b| !part(*b)).unwrap_or(after.len())
    })
}

/// Punctuation at the end belongs to the sentence.
fn trim_end(text: &[u8], range: Range<usize>) -> usize {
    let slice = text.get(range.clone()).unwrap_or_default();
    let kept = slice.iter().rposition(|b| {
        !matches!(
            b,
            b'.' | b',' | b';' | b':' | b'!' | b'?' | b')' | b']' | b'\'' | b'-'
        )
    });
    range.start + kept.map_or(0, |i| i + 1)
}
