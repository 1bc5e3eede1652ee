//! Numbers that only a keyword gives away: record, member, account, licence, plate, serial, case.
//!
//! After "MRN", "member ID is" or `"account": ` the next thing with a digit in it is the number, however
//! it looks. Between the two stand only links ("no", "is", "#", ":"), else the number belongs to
//! something else.

use super::Hits;
use crate::{
    Confidence, Kind,
    lexicon::{Cue, Word},
    text::{Class, Mark, Page, REACH},
    validate,
};

/// What a number after a cue is, and how short it may be.
const fn kind_of(cue: Cue) -> Option<(Kind, usize)> {
    Some(match cue {
        Cue::Mrn => (Kind::Mrn, 4),
        Cue::HealthPlan => (Kind::HealthPlan, 5),
        Cue::Account => (Kind::Account, 4),
        Cue::Card => (Kind::Account, 4),
        Cue::Routing => (Kind::Account, 8),
        Cue::License => (Kind::License, 5),
        Cue::Vehicle => (Kind::Vehicle, 5),
        Cue::Plate => (Kind::Vehicle, 3),
        Cue::Device => (Kind::Device, 4),
        Cue::Biometric => (Kind::Biometric, 4),
        Cue::OtherId => (Kind::OtherId, 4),
        _ => return None,
    })
}

pub(super) fn find(page: &Page<'_>, hits: &mut Hits) {
    for (index, mark) in page.marks.iter().enumerate() {
        let Some((kind, shortest)) = kind_of(mark.cue) else {
            continue;
        };
        // "member id" is followed by the cue "id": the more telling one of the two decides.
        let overlapped = page.marks.get(index + 1..).is_some_and(|later| {
            later
                .iter()
                .take_while(|other| other.start < mark.end)
                .any(|other| other.end > mark.end)
        });
        if !overlapped {
            follow(page, mark, kind, shortest, hits);
        }
    }
}

fn follow(page: &Page<'_>, mark: &Mark, kind: Kind, shortest: usize, hits: &mut Hits) {
    let mut index = mark.last + 1;
    while let Some(token) = page.token(index) {
        if token.start > mark.end + REACH
            || page
                .before(index)
                .windows(2)
                .any(|two| matches!(two, b". " | b"; "))
        {
            return;
        }
        if let Some(last) = number(page, index, shortest) {
            let range = page.span(index, last);
            let marked = page
                .slice(mark.end..range.start)
                .iter()
                .any(|b| matches!(b, b':' | b'#' | b'='));
            // "the study 2019" is a bare year.
            let year = range.len() == 4
                && page
                    .number(index)
                    .is_some_and(|year| (1900..=2100).contains(&year));
            if year && !marked {
                return;
            }
            let strong = marked || index == mark.last + 1 || range.len() >= 6;
            hits.add(
                range,
                kind,
                if strong {
                    Confidence::Likely
                } else {
                    Confidence::Possible
                },
            );
            return;
        }
        let link =
            token.class == Class::Letters && (token.is(Word::LINK | Word::CUE) || token.len() == 1);
        if !link {
            return;
        }
        index += 1;
    }
}

/// The last token of the number that begins at a token: parts joined by hyphens, dots and slashes,
/// with at least one digit, and not a date, a measure or an amount.
fn number(page: &Page<'_>, first: usize, shortest: usize) -> Option<usize> {
    let mut last = first;
    while matches!(page.after(last), b"-" | b"." | b"/" | b"_")
        && page.token(last + 1).is_some_and(|next| next.len() <= 24)
    {
        // A full stop ends a sentence unless a digit follows at once.
        if page.after(last) == b"."
            && page
                .token(last + 1)
                .is_none_or(|next| next.class == Class::Letters)
        {
            break;
        }
        last += 1;
    }
    // "Policy 8823 4411 09": groups of digits with blanks between them are one number.
    while page.after(last) == b" "
        && page
            .token(last)
            .is_some_and(|token| token.class == Class::Digits && token.len() >= 3)
        && page
            .token(last + 1)
            .is_some_and(|next| next.class == Class::Digits && next.len() >= 3)
    {
        last += 1;
    }
    let range = page.span(first, last);
    let text = page.slice(range.clone());
    let digits = text.iter().filter(|b| b.is_ascii_digit()).count();
    let before = page.slice(range.start.saturating_sub(1)..range.start);
    let measured = matches!(page.after(last), [b'%', ..])
        || before == b"$"
        || page.has(last + 1, Word::UNIT) && page.after(last) == b" ";
    let date = std::str::from_utf8(text)
        .ok()
        .and_then(validate::parse_date)
        .is_some_and(|date| date.month.is_some())
        && text.iter().any(|b| matches!(b, b'/' | b'-'));
    (digits >= 1
        && text.len() >= shortest
        && digits * 4 >= text.len()
        && text.len() <= 40
        && !measured
        && !date)
        .then_some(last)
}

/// A keyword grown onto its number: `chartMRN04857211`, `SN12345`.
pub(super) fn at_mixed(page: &Page<'_>, index: usize, hits: &mut Hits) {
    const GROWN: &[(&str, Kind)] = &[
        ("mrn", Kind::Mrn),
        ("ssn", Kind::Ssn),
        ("acct", Kind::Account),
        ("npi", Kind::License),
    ];
    let text = page.text(index);
    let digits = text.len() - text.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let letters = text
        .get(..text.len() - digits)
        .unwrap_or_default()
        .to_ascii_lowercase();
    if digits < 4 {
        return;
    }
    for (word, kind) in GROWN {
        if letters.ends_with(word) {
            let range = page.span(index, index);
            hits.add(range.end - digits..range.end, *kind, Confidence::Likely);
        }
    }
}
