//! Names of persons: patients, relatives, employers, clinicians.
//!
//! A name has no form. It is known by a title or a keyword before it, a degree or a verb behind it, or by
//! the gazetteer; a word that is ordinary too (Grace, May, White) needs one of the others. Eponyms
//! (Parkinson's disease, a Foley catheter) are not names.

use super::Hits;
use crate::{
    Confidence, Kind,
    lexicon::{Cue, Word, look_up},
    text::{Class, Page},
};

/// Longest name, in words.
const WORDS: usize = 5;

/// Whether a token can be part of a name: a capital word that is not ordinary, unless it is a known name.
fn fits(page: &Page<'_>, index: usize) -> bool {
    page.token(index).is_some_and(|word| {
        let known = word.is(Word::FIRST | Word::LAST);
        let ordinary = word.is(Word::COMMON
            | Word::MONTH
            | Word::WEEKDAY
            | Word::PLACE
            | Word::REGION
            | Word::ROLE
            | Word::TITLE
            | Word::LINK
            | Word::VERB
            | Word::CUE
            | Word::STREET
            | Word::EPONYM
            | Word::UNIT
            | Word::SEASON);
        // Unknown short words in capitals are abbreviations.
        let abbreviation = word.upper && word.len() <= 4;
        word.class == Class::Letters
            && word.capital
            && word.len() >= 2
            && (known || !ordinary && !abbreviation)
    })
}

fn known(page: &Page<'_>, index: usize) -> bool {
    page.has(index, Word::FIRST | Word::LAST) && !page.has(index, Word::COMMON)
}

fn initial(page: &Page<'_>, index: usize) -> bool {
    page.token(index)
        .is_some_and(|word| word.class == Class::Letters && word.capital && word.len() == 1)
}

/// The last token of the name that begins at a token, if one can.
fn run(page: &Page<'_>, first: usize) -> Option<usize> {
    let mut last = None;
    let mut index = first;
    while index < first + WORDS {
        if index > first {
            let gap = page.before(index);
            let after_initial =
                initial(page, index - 1) && matches!(gap, b". " | b"." | b" " | b"'");
            if !(matches!(gap, b" " | b"-" | b"'") || after_initial) {
                break;
            }
        }
        let particle = page.has(index, Word::PARTICLE)
            && page.token(index).is_some_and(|word| !word.upper)
            && fits(page, index + 1)
            && page.after(index).len() <= 1;
        let suffix = last.is_some() && page.any(index, &["jr", "sr", "ii", "iii", "iv"]);
        if fits(page, index) || suffix {
            last = Some(index);
        } else if initial(page, index)
            && (index > first || fits(page, index + 1) || initial(page, index + 1))
        {
            // A trailing initial counts, a leading one needs a name behind it.
            if index > first {
                last = Some(index);
            }
        } else if !particle {
            break;
        }
        index += 1;
    }
    last
}

pub(super) fn at_word(page: &Page<'_>, index: usize, hits: &mut Hits) {
    let Some(word) = page.token(index).copied() else {
        return;
    };
    if word.is(Word::TITLE) {
        titled(page, index, hits);
    }
    if word.is(Word::ROLE)
        && page.after(index).first() == Some(&b':')
        && page.after(index).len() <= 4
    {
        labelled(page, index + 1, hits);
    }
    if !word.capital {
        small(page, index, hits);
        return;
    }
    if word.len() == 1 {
        // "J. Smith", "J.R. Smith"
        if let Some(last) = run(page, index)
            .filter(|last| known(page, *last) && matches!(page.after(index), b". " | b"." | b" "))
        {
            let eponymous = eponym(page, last);
            if !eponymous
                && (page.after(index) != b" " || page.has(last, Word::LAST))
                && !page.glued_before(index)
            {
                hits.add(page.span(index, last), Kind::Name, Confidence::Likely);
            }
        }
        return;
    }
    // The "Ray" of an X-ray.
    let tail = index > 0
        && page.before(index) == b"-"
        && page.token(index - 1).is_some_and(|word| word.len() == 1);
    if tail || !fits(page, index) {
        return;
    }
    // The middle of a run was looked at from its beginning.
    let inner =
        index > 0 && fits(page, index - 1) && matches!(page.before(index), b" " | b"-" | b"'");
    if !inner {
        begin(page, index, hits);
    }
}

fn begin(page: &Page<'_>, first: usize, hits: &mut Hits) {
    let Some(last) = run(page, first) else { return };
    let words = last - first + 1;
    let any_known = (first..=last).any(|i| known(page, i));
    let both = page.has(first, Word::FIRST) && words >= 2;
    if eponym(page, last) && !(both && words >= 3) {
        return;
    }
    let range = page.span(first, last);
    // "Smith, John A."
    if page.after(last) == b", "
        && (page.has(last, Word::LAST) || known(page, last))
        && page.has(last + 1, Word::FIRST)
        && fits(page, last + 1)
    {
        let end = run(page, last + 1).unwrap_or(last + 1);
        hits.add(page.span(first, end), Kind::Name, Confidence::Likely);
        return;
    }
    if any_known {
        others(page, last, hits);
    }
    if both || words >= 2 && any_known {
        hits.add(
            range,
            Kind::Name,
            if any_known {
                Confidence::Likely
            } else {
                Confidence::Possible
            },
        );
        return;
    }
    let degree = page.after(last) == b", "
        && page.has(last + 1, Word::SUFFIX)
        && page
            .token(last + 1)
            .is_some_and(|next| next.upper || page.any(last + 1, &["PhD", "PharmD", "Jr", "Sr"]));
    let before = first.checked_sub(1);
    let close = page.before(first) == b" ";
    let role =
        close && before.is_some_and(|i| page.has(i, Word::ROLE) && !page.has(i, Word::TITLE));
    if degree || role {
        hits.add(range, Kind::Name, Confidence::Likely);
        return;
    }
    if words >= 2
        && (acts(page, last)
            || close
                && before.is_some_and(|i| {
                    page.any(
                        i,
                        &[
                            "by", "saw", "met", "told", "asked", "dear", "hi", "hello", "named",
                            "called", "contact", "i'm", "am",
                        ],
                    )
                }))
    {
        hits.add(range, Kind::Name, Confidence::Likely);
        return;
    }
    // One word alone.
    if words == 1 && known(page, first) {
        let place = page.has(first, Word::CITY | Word::REGION);
        let starts = page.before(first).is_empty()
            || page
                .before(first)
                .iter()
                .any(|b| matches!(b, b'.' | b'\n' | b':' | b'!' | b'?'));
        let surname_only = !page.has(first, Word::FIRST);
        let upper = page.token(first).is_some_and(|word| word.upper);
        // A surname that begins a sentence may be a word of it; a place may be meant; `ANN` may be letters.
        let doing = page.has(first + 1, Word::VERB) || page.after(first) == b"'";
        let doubtful =
            surname_only && (place || starts && !doing) || upper && page.text(first).len() <= 3;
        if !doubtful {
            hits.add(range, Kind::Name, Confidence::Possible);
        }
    }
}

/// In a list with a known name the others are names too: "Malon, Kaylee and Miguel".
fn others(page: &Page<'_>, mut last: usize, hits: &mut Hits) {
    loop {
        let next = match page.after(last) {
            b", " if fits(page, last + 1) => last + 1,
            b" " | b", "
                if page.any(last + 1, &["and", "or"])
                    && page.after(last + 1) == b" "
                    && fits(page, last + 2) =>
            {
                last + 2
            }
            b" & " if fits(page, last + 1) => last + 1,
            _ => return,
        };
        let Some(end) =
            run(page, next).filter(|end| !eponym(page, *end) && !page.has(*end, Word::CITY))
        else {
            return;
        };
        hits.add(page.span(next, end), Kind::Name, Confidence::Possible);
        last = end;
    }
}

/// Names in small letters, as people type queries: "dr smith", "maria garcia", when all words are known.
fn small(page: &Page<'_>, index: usize, hits: &mut Hits) {
    let name = |i: usize, what: Word| {
        page.has(i, what)
            && !page.has(i, Word::COMMON | Word::CUE | Word::CITY)
            && page.text(i).len() >= 3
    };
    let close = |i: usize| matches!(page.before(i), b" " | b". " | b"-" | b"'");
    if page.has(index, Word::TITLE) && close(index + 1) {
        if name(index + 1, Word::FIRST.or(Word::LAST)) {
            let two =
                close(index + 2) && page.before(index + 2) != b". " && name(index + 2, Word::LAST);
            hits.add(
                page.span(index + 1, index + 1 + usize::from(two)),
                Kind::Name,
                Confidence::Likely,
            );
        }
    } else if name(index, Word::FIRST)
        && page.before(index + 1) == b" "
        && name(index + 1, Word::LAST)
        && !eponym(page, index + 1)
    {
        hits.add(page.span(index, index + 1), Kind::Name, Confidence::Likely);
    }
}

/// Whether what follows a name makes it one of a disease, sign or device.
fn eponym(page: &Page<'_>, last: usize) -> bool {
    if page.has(last + 1, Word::EPONYM) && matches!(page.after(last), b" " | b"-") {
        return true;
    }
    page.after(last) == b"'" && page.any(last + 1, &["s"]) && page.has(last + 2, Word::EPONYM)
}

/// Whether a person is doing something behind a name, or is described as one.
fn acts(page: &Page<'_>, last: usize) -> bool {
    let next = last + 1;
    let gap = page.after(last);
    if gap == b" (" {
        return page.marks.iter().any(|mark| {
            page.token(next)
                .is_some_and(|token| token.start == mark.start)
                && matches!(
                    mark.cue,
                    Cue::Mrn | Cue::Birth | Cue::Age | Cue::Ssn | Cue::Phone
                )
        });
    }
    if gap == b", " {
        let age = page.number(next).is_some_and(|age| age < 126) && page.text(next).len() <= 3;
        return age
            || page.any(next, &["a", "an"])
                && page
                    .token(next + 1)
                    .is_some_and(|token| token.class != Class::Letters);
    }
    if gap != b" " || !page.has(next, Word::VERB) {
        return false;
    }
    let weak = page.any(
        next,
        &[
            "was",
            "is",
            "has",
            "had",
            "will",
            "would",
            "can",
            "should",
            "may",
            "does",
            "did",
            "remains",
            "appears",
            "appeared",
            "noted",
            "continues",
            "takes",
            "took",
            "described",
        ],
    );
    !weak
        || page.any(
            next + 1,
            &[
                "seen",
                "admitted",
                "discharged",
                "born",
                "diagnosed",
                "referred",
                "brought",
                "examined",
                "evaluated",
                "transferred",
                "a",
                "an",
                "here",
                "accompanied",
            ],
        )
}

fn titled(page: &Page<'_>, index: usize, hits: &mut Hits) {
    if !matches!(page.after(index), b" " | b". " | b".") {
        return;
    }
    // "Nurse", "Sister" and "Doctor" are ordinary too: what follows must not be.
    let first = index + 1;
    let Some(last) = run(page, first) else {
        // After "Mr." even an ordinary word is a name, if it has a capital.
        let short = page.any(index, &["mr", "mrs", "ms", "dr", "miss"]);
        let capital = page
            .token(first)
            .is_some_and(|word| word.class == Class::Letters && word.capital && word.len() >= 2);
        if short
            && capital
            && page.token(index).is_some_and(|word| word.capital)
            && !page.has(first, Word::ROLE | Word::PLACE)
        {
            hits.add(page.span(first, first), Kind::Name, Confidence::Likely);
        }
        return;
    };
    hits.add(page.span(first, last), Kind::Name, Confidence::Certain);
}

/// A name after `Name:`, `"first_name": "`, `Patient:`.
fn labelled(page: &Page<'_>, first: usize, hits: &mut Hits) {
    let first = if page.has(first, Word::TITLE) && page.after(first).len() <= 2 {
        first + 1
    } else {
        first
    };
    let Some(mut last) = run(page, first).or_else(|| {
        // After a label, an ordinary word with a capital is a name too ("Name: Hope"), not a heading.
        let single = page
            .token(first)
            .is_some_and(|word| word.capital && word.class == Class::Letters && word.len() >= 2);
        (single && page.has(first, Word::FIRST | Word::LAST)).then_some(first)
    }) else {
        return;
    };
    if page.after(last) == b", " && fits(page, last + 1) {
        last = run(page, last + 1).unwrap_or(last);
    }
    hits.add(page.span(first, last), Kind::Name, Confidence::Likely);
}

pub(super) fn after_cues(page: &Page<'_>, hits: &mut Hits) {
    for mark in page.marks.iter().filter(|mark| mark.cue == Cue::Name) {
        let first = mark.last + 1;
        let gap = page.before(first);
        if gap.len() > 6 {
            continue;
        }
        let label = gap.iter().any(|b| matches!(b, b':' | b'=' | b'\t'));
        let quoted = gap.iter().any(|b| matches!(b, b'\'' | b'"'));
        if label || quoted {
            labelled(page, first, hits);
            if quoted
                && page
                    .token(first)
                    .is_some_and(|word| word.capital && word.class == Class::Letters)
            {
                hits.add(page.span(first, first), Kind::Name, Confidence::Likely);
            }
        } else if gap == b" " || gap == b". " {
            let first = if page.any(first, &["is", "was", "of", "as"]) {
                first + 1
            } else {
                first
            };
            if let Some(last) = run(page, first).filter(|last| !eponym(page, *last)) {
                hits.add(page.span(first, last), Kind::Name, Confidence::Likely);
            }
        }
    }
}

/// Synthetic records number their names: `Maynard46 Mosciski958`.
pub(super) fn at_mixed(page: &Page<'_>, index: usize, hits: &mut Hits) {
    if !numbered(page, index) {
        return;
    }
    let pair = page.after(index) == b" " && numbered(page, index + 1);
    let tail = index > 0 && page.before(index) == b" " && numbered(page, index - 1);
    let stem = page
        .text(index)
        .trim_end_matches(|c: char| c.is_ascii_digit());
    if pair || tail || look_up(stem.as_bytes()).has(Word::FIRST | Word::LAST) {
        hits.add(
            page.span(index, index + usize::from(pair)),
            Kind::Name,
            Confidence::Likely,
        );
    }
}

fn numbered(page: &Page<'_>, index: usize) -> bool {
    let text = page.text(index);
    let stem = text.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = text.len() - stem.len();
    (1..=4).contains(&digits)
        && stem.len() >= 3
        && stem.starts_with(|c: char| c.is_uppercase())
        && stem.chars().skip(1).all(|c| c.is_lowercase())
}
