//! Places smaller than a State: streets, post boxes, cities, counties, zip codes, coordinates, and
//! hospitals and clinics by name. States and countries stay.

use super::Hits;
use crate::{
    Confidence, Kind,
    lexicon::{Cue, Word},
    text::{Class, Page},
};

pub(super) fn at_number(page: &Page<'_>, index: usize, hits: &mut Hits) {
    if !page.glued_before(index) {
        street(page, index, hits);
    }
    zip(page, index, hits);
    coordinates(page, index, hits);
}

/// `12B Oak Street`
pub(super) fn at_mixed(page: &Page<'_>, index: usize, hits: &mut Hits) {
    let text = page.text(index);
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits > 0 && digits <= 5 && text.len() == digits + 1 {
        street(page, index, hits);
    }
}

/// What ends a street's name without a doubt, in small letters too.
const STRONG: &[&str] = &[
    "street",
    "avenue",
    "boulevard",
    "road",
    "ave",
    "blvd",
    "rd",
    "drive",
    "lane",
    "highway",
    "parkway",
];
const UNITS: &[&str] = &[
    "apt",
    "apartment",
    "unit",
    "suite",
    "ste",
    "floor",
    "fl",
    "room",
    "rm",
    "lot",
    "bldg",
    "building",
    "no",
];

fn street(page: &Page<'_>, index: usize, hits: &mut Hits) {
    let long = page.token(index).is_none_or(|token| token.len() > 6);
    if long || page.after(index) != b" " {
        return;
    }
    let mut capitals = true;
    for step in 1..=6 {
        let at = index + step;
        let Some(token) = page.token(at) else { return };
        let gap = page.before(at);
        if !matches!(gap, b" " | b". " | b"'" | b"-" | b".") {
            return;
        }
        let ordinal = token.class == Class::Mixed
            && page.text(at).ends_with(|c: char| c.is_ascii_alphabetic());
        if token.class == Class::Digits && page.text(at).len() > 3 {
            return;
        }
        let unit = page.any(at, UNITS)
            && token.capital
            && page.token(at + 1).is_some_and(|next| next.len() <= 5)
            && page.after(at).len() <= 2;
        let suffix = step >= 2
            && token.is(Word::STREET)
            && (token.capital && capitals || page.any(at, STRONG) && step <= 4);
        if suffix || unit && step >= 2 && capitals {
            // "100 Oak Park Avenue": a suffix may be followed by the real one.
            let last = if suffix
                && page
                    .token(at + 1)
                    .is_some_and(|next| next.is(Word::STREET) && next.capital)
                && page.after(at) == b" "
            {
                at + 1
            } else {
                at
            };
            let last = if unit && !suffix { at - 1 } else { last };
            hits.add(
                page.span(index, with_unit(page, last)),
                Kind::Address,
                Confidence::Certain,
            );
            return;
        }
        if token.class == Class::Letters && token.is(Word::UNIT | Word::VERB) && !token.capital {
            return;
        }
        capitals &=
            token.capital || ordinal || token.class == Class::Digits || token.is(Word::PARTICLE);
    }
}

/// Takes "NW", "Apt 4B", "#12" behind a street with it.
fn with_unit(page: &Page<'_>, mut last: usize) -> usize {
    if page.any(
        last + 1,
        &[
            "n", "s", "e", "w", "ne", "nw", "se", "sw", "north", "south", "east", "west",
        ],
    ) && matches!(page.after(last), b" " | b". ")
        && page.token(last + 1).is_some_and(|token| token.capital)
    {
        last += 1;
    }
    let gap = page.after(last);
    if page.any(last + 1, UNITS)
        && gap.len() <= 3
        && page.token(last + 2).is_some_and(|token| token.len() <= 5)
        && page.after(last + 1).len() <= 3
    {
        return last + 2;
    }
    let numbered =
        matches!(gap, b" #" | b", #") && page.token(last + 1).is_some_and(|token| token.len() <= 5);
    if numbered { last + 1 } else { last }
}

fn zip(page: &Page<'_>, index: usize, hits: &mut Hits) {
    if !page.digits(index, 5) || page.glued_before(index) && page.before(index) != b"," {
        return;
    }
    let plus4 =
        page.after(index) == b"-" && page.digits(index + 1, 4) && !page.glued_after(index + 1);
    if page.glued_after(index) && !plus4 && page.after(index) != b"," {
        return;
    }
    let range = page.span(index, if plus4 { index + 1 } else { index });
    let state = index.checked_sub(1).is_some_and(|i| {
        let near = page.before(index).len() <= 3;
        let token = page.token(i).copied();
        near && token.is_some_and(|token| {
            token.is(Word::STATE) && token.upper || token.is(Word::REGION) && token.capital
        })
    });
    if state || page.near(&range, &[Cue::Zip]) {
        hits.add(range, Kind::Zip, Confidence::Certain);
    } else if plus4 && !page.near(&range, &[Cue::Code, Cue::Measure]) {
        hits.add(range, Kind::Zip, Confidence::Likely);
    } else if page.near(&range, &[Cue::Address]) && !page.codes && street_free(page, index) {
        hits.add(range, Kind::Zip, Confidence::Possible);
    }
}

/// Whether a number begins no street.
fn street_free(page: &Page<'_>, index: usize) -> bool {
    !page.token(index + 1).is_some_and(|token| {
        token.class == Class::Letters && token.capital && page.after(index) == b" "
    })
}

/// `42.387, -71.097`
fn coordinates(page: &Page<'_>, index: usize, hits: &mut Hits) {
    let decimal = |i: usize, most: u32, least: usize| {
        page.number(i).is_some_and(|whole| whole <= most)
            && page.text(i).len() <= 3
            && page.after(i) == b"."
            && page.token(i + 1).is_some_and(|token| {
                token.class == Class::Digits && token.len() >= least
                    || token.class == Class::Mixed && token.len() > least
            })
    };
    if page.before(index) == b"." || !decimal(index, 180, 2) {
        return;
    }
    let minus = |start: usize| usize::from(page.slice(start.saturating_sub(1)..start) == b"-");
    let first = page.span(index, index + 1);
    let pair = decimal(index, 90, 3)
        && decimal(index + 2, 180, 3)
        && page
            .after(index + 1)
            .iter()
            .all(|b| matches!(b, b',' | b' ' | b'-' | b'/' | b';') || !b.is_ascii())
        && page.after(index + 1).len() <= 4;
    if pair {
        hits.add(
            first.start - minus(first.start)..page.span(index, index + 3).end,
            Kind::Geo,
            Confidence::Likely,
        );
    } else if page
        .distance(&first, &[Cue::Geo])
        .is_some_and(|distance| distance <= 15)
    {
        hits.add(
            first.start - minus(first.start)..first.end,
            Kind::Geo,
            Confidence::Likely,
        );
    }
}

pub(super) fn at_word(page: &Page<'_>, index: usize, hits: &mut Hits) {
    let Some(token) = page.token(index).copied() else {
        return;
    };
    if !token.capital {
        return;
    }
    // A suite or flat stands alone on its line.
    let flat = page.any(index, &["suite", "apt", "apartment"])
        && matches!(page.after(index), b" " | b". " | b" #");
    if flat
        && page
            .token(index + 1)
            .is_some_and(|next| next.class != Class::Letters && next.len() <= 5)
    {
        hits.add(
            page.span(index, index + 1),
            Kind::Address,
            Confidence::Possible,
        );
    }
    if page.any(index, &["box"]) {
        post_box(page, index, hits);
    }
    if page.any(index, &["county", "parish", "borough", "township"])
        && index > 0
        && page.before(index) == b" "
    {
        let first = capitals_back(page, index, 2);
        if first < index {
            hits.add(page.span(first, index), Kind::City, Confidence::Certain);
        }
    }
    if token.is(Word::PLACE)
        || page.any(
            index,
            &[
                "center",
                "centre",
                "system",
                "home",
                "practice",
                "associates",
                "group",
                "health",
            ],
        )
    {
        facility(page, index, hits);
    }
    if city_state(page, index, hits) {
        return;
    }
    let plain = token.is(Word::CITY) && !token.is(Word::COMMON | Word::FIRST | Word::LAST);
    let placed = token.is(Word::CITY)
        && index
            .checked_sub(1)
            .is_some_and(|i| page.has(i, Word::BEFORE_PLACE) && page.before(index) == b" ");
    if plain || placed {
        hits.add(page.span(index, index), Kind::City, Confidence::Likely);
    }
}

fn post_box(page: &Page<'_>, index: usize, hits: &mut Hits) {
    let number = page
        .token(index + 1)
        .is_some_and(|token| token.class != Class::Letters && token.len() <= 7)
        && page.after(index).len() <= 2;
    if !number {
        return;
    }
    let po = index
        .checked_sub(1)
        .is_some_and(|i| page.any(i, &["po", "pob"]));
    let p_o = index >= 2 && page.any(index - 1, &["o"]) && page.any(index - 2, &["p"]);
    let first = match (po, p_o) {
        (true, _) => index - 1,
        (_, true) => index - 2,
        _ => return,
    };
    hits.add(
        page.span(first, index + 1),
        Kind::Address,
        Confidence::Certain,
    );
}

/// The first of up to `most` capital words before a token that are no ordinary ones.
fn capitals_back(page: &Page<'_>, index: usize, most: usize) -> usize {
    let mut first = index;
    while first > 0 && index - first < most {
        if !place_word(page, first - 1) || !matches!(page.before(first), b" " | b"-" | b"'" | b". ")
        {
            break;
        }
        first -= 1;
    }
    first
}

/// Whether a capital word is no ordinary one, or is known as a name too.
fn place_word(page: &Page<'_>, index: usize) -> bool {
    const ORDINARY: Word = Word::COMMON
        .or(Word::ROLE)
        .or(Word::LINK)
        .or(Word::VERB)
        .or(Word::MONTH)
        .or(Word::WEEKDAY)
        .or(Word::BEFORE_PLACE)
        .or(Word::TITLE);
    page.token(index).is_some_and(|word| {
        let known = word.is(Word::FIRST | Word::LAST | Word::CITY) && word.len() > 2;
        word.class == Class::Letters && word.capital && (known || !word.is(ORDINARY))
    })
}

/// `Fresno, CA`, `Dover, Delaware`, `SOMERVILLE MA 02155`
fn city_state(page: &Page<'_>, index: usize, hits: &mut Hits) -> bool {
    let next = page.token(index + 1).copied();
    let zip = page.digits(index + 2, 5) && page.after(index + 1).len() <= 2;
    let comma = matches!(page.after(index), b", " | b",");
    let blank = page.after(index) == b" " && zip;
    let abbreviated = next.is_some_and(|next| next.is(Word::STATE) && next.upper);
    // "Smith, MD" and "Jones, PA" are people.
    let degree =
        next.is_some_and(|next| next.is(Word::SUFFIX)) && !zip && !page.has(index, Word::CITY);
    let region = next.is_some_and(|next| next.is(Word::REGION) && next.capital);
    if !(comma || blank) || !(abbreviated && !degree || region && comma) {
        return false;
    }
    if !place_word(page, index) {
        return false;
    }
    hits.add(
        page.span(capitals_back(page, index, 2), index),
        Kind::City,
        Confidence::Likely,
    );
    true
}

/// `Sturdy Memorial Hospital`, `Lakeview Medical Center`: at least one word of it is no ordinary one.
fn facility(page: &Page<'_>, index: usize, hits: &mut Hits) {
    let place = page.has(index, Word::PLACE);
    let middle = |i: usize| {
        page.any(
            i,
            &[
                "medical",
                "health",
                "nursing",
                "surgery",
                "care",
                "cancer",
                "family",
                "rehabilitation",
                "retirement",
                "heart",
                "eye",
                "dental",
            ],
        )
    };
    if !place && !index.checked_sub(1).is_some_and(middle) {
        return;
    }
    let mut first = index;
    let mut own = false;
    while first > 0 && index - first < 6 {
        let Some(word) = page.token(first - 1) else {
            break;
        };
        let joined = matches!(page.before(first), b" " | b"-" | b"'" | b". " | b" & ");
        if !joined
            || word.class != Class::Letters
            || !(word.capital || page.any(first - 1, &["of", "s", "and"]) && index - first >= 1)
        {
            break;
        }
        if word.is(Word::ROLE | Word::VERB | Word::TITLE)
            || page.any(first - 1, &["the", "at", "to", "from", "in", "our", "this"])
        {
            break;
        }
        own |= word.capital
            && word.len() > 2
            && (!word.is(Word::COMMON) || word.is(Word::FIRST | Word::LAST));
        first -= 1;
    }
    if own {
        hits.add(page.span(first, index), Kind::Address, Confidence::Likely);
    }
}

/// "lives in Visalia", "City: Fresno"
pub(super) fn after_cues(page: &Page<'_>, hits: &mut Hits) {
    for mark in page.marks.iter().filter(|mark| mark.cue == Cue::City) {
        let first = mark.last + 1;
        let gap = page.before(first);
        let labelled = gap.iter().any(|b| matches!(b, b':' | b'=')) && gap.len() <= 6;
        // "city" and "county" alone need the colon; "lives in" does not.
        let alone = page.span(mark.last, mark.last).start == mark.start;
        if !(labelled || gap == b" " && !alone) {
            continue;
        }
        let mut last = None;
        let mut index = first;
        while let Some(word) = page.token(index) {
            let ordinary =
                word.is(Word::COMMON | Word::ROLE | Word::REGION | Word::LINK | Word::MONTH)
                    && !word.is(Word::CITY | Word::LAST | Word::FIRST);
            if word.class != Class::Letters
                || !word.capital
                || ordinary
                || index - first >= 3
                || index > first && !matches!(page.before(index), b" " | b". " | b"-" | b"'")
            {
                break;
            }
            last = Some(index);
            index += 1;
        }
        if let Some(last) = last {
            hits.add(page.span(first, last), Kind::City, Confidence::Likely);
        }
    }
}
