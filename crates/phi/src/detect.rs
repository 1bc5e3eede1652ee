//! Finds identifiers in a text.
//!
//! One pass: the text is made plain and cut into tokens, each token is looked up once and shown to
//! the detectors that could begin there. A form that a validator confirms is enough; one that it does
//! not needs a keyword within 30 characters. What is wrong to expect: that a text without findings is
//! free of identifiers. Names above all have no form of their own.

mod account;
mod age;
mod column;
mod date;
mod device;
mod image;
mod keyed;
mod license;
mod name;
mod net;
mod phone;
mod place;
mod plan;
mod rules;
mod settle;
mod ssn;
mod vehicle;

use std::{ops::Range, sync::LazyLock};

pub use rules::SiteRule;

use crate::{
    Confidence, Finding, Kind, header,
    lexicon::Word,
    text::{Class, Page},
};

/// A text longer than this is looked at piece by piece, so that memory stays bounded.
const PIECE: usize = 1 << 20;
/// Pieces overlap by this much, more than the longest identifier.
const OVERLAP: usize = 4096;

/// What a detector reports: bytes of the flat text.
#[derive(Debug, Clone)]
struct Hit {
    range: Range<usize>,
    kind: Kind,
    confidence: Confidence,
}

/// Collects hits.
#[derive(Debug, Default)]
struct Hits(Vec<Hit>);

impl Hits {
    fn add(&mut self, range: Range<usize>, kind: Kind, confidence: Confidence) {
        if !range.is_empty() {
            self.0.push(Hit {
                range,
                kind,
                confidence,
            });
        }
    }
}

/// Finds identifiers.
#[derive(Debug, Clone, Default)]
pub struct Detector {
    rules: Vec<SiteRule>,
}

static STANDARD: LazyLock<Detector> = LazyLock::new(Detector::new);

/// The shared detector without rules of a site.
#[must_use]
pub fn standard() -> &'static Detector {
    &STANDARD
}

impl Detector {
    /// A detector with the standard rules.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A detector with the standard rules.
    #[must_use]
    pub fn standard() -> Self {
        Self::default()
    }

    /// A detector that knows a site's own identifiers too.
    #[must_use]
    pub const fn with_rules(rules: Vec<SiteRule>) -> Self {
        Self { rules }
    }

    /// All identifiers in a text, in order and not overlapping. Ranges are bytes of `text` and end on
    /// character boundaries.
    ///
    /// `context` is the column's name or the JSON path: where it names a kind, a short value is one.
    #[must_use]
    pub fn find(&self, text: &str, context: Option<&str>) -> Vec<Finding> {
        if text.len() <= PIECE {
            return settle::repeat(text, self.look(text, context));
        }
        let mut findings = Vec::new();
        let mut from = 0;
        loop {
            let to = floor(text, from + PIECE);
            let last = to >= text.len();
            // What begins in the second half of the overlap is left to the next piece.
            let keep = if last { text.len() } else { to - OVERLAP / 2 };
            let piece = text.get(from..to).unwrap_or_default();
            findings.extend(
                settle::repeat(piece, self.look(piece, context))
                    .into_iter()
                    .map(|finding| Finding {
                        range: finding.range.start + from..finding.range.end + from,
                        ..finding
                    })
                    .filter(|finding| finding.range.start < keep),
            );
            if last {
                return settle::merge(findings);
            }
            from = floor(text, to - OVERLAP);
        }
    }

    fn look(&self, text: &str, context: Option<&str>) -> Vec<Finding> {
        let page = Page::new(text, context.is_some_and(header::is_code));
        let mut hits = Hits::default();
        if let Some(kind) = context.and_then(header::kind_of) {
            column::find(&page, kind, &mut hits);
        }
        for (index, token) in page.tokens.iter().enumerate() {
            match token.class {
                Class::Digits => {
                    ssn::at(&page, index, &mut hits);
                    date::at_number(&page, index, &mut hits);
                    phone::at(&page, index, &mut hits);
                    age::at_number(&page, index, &mut hits);
                    account::at_number(&page, index, &mut hits);
                    license::at_number(&page, index, &mut hits);
                    place::at_number(&page, index, &mut hits);
                    net::at_number(&page, index, &mut hits);
                    device::at_number(&page, index, &mut hits);
                }
                Class::Mixed => {
                    date::at_mixed(&page, index, &mut hits);
                    age::at_mixed(&page, index, &mut hits);
                    account::at_mixed(&page, index, &mut hits);
                    license::at_mixed(&page, index, &mut hits);
                    place::at_mixed(&page, index, &mut hits);
                    plan::at_mixed(&page, index, &mut hits);
                    vehicle::at_mixed(&page, index, &mut hits);
                    device::at_mixed(&page, index, &mut hits);
                    keyed::at_mixed(&page, index, &mut hits);
                    name::at_mixed(&page, index, &mut hits);
                }
                // A small word without a meaning begins at most a number in hexadecimal digits.
                Class::Letters if !token.capital && token.word == Word::NONE => {
                    device::at_word(&page, index, &mut hits);
                }
                Class::Letters => {
                    date::at_word(&page, index, &mut hits);
                    age::at_word(&page, index, &mut hits);
                    account::at_word(&page, index, &mut hits);
                    device::at_word(&page, index, &mut hits);
                    place::at_word(&page, index, &mut hits);
                    name::at_word(&page, index, &mut hits);
                }
            }
        }
        keyed::find(&page, &mut hits);
        name::after_cues(&page, &mut hits);
        place::after_cues(&page, &mut hits);
        net::find(&page, &mut hits);
        image::find(&page, &mut hits);
        for rule in &self.rules {
            rule.find(page.flat(), &mut hits);
        }
        settle::settle(&page, text, hits)
    }
}

fn floor(text: &str, index: usize) -> usize {
    if index >= text.len() {
        return text.len();
    }
    (0..=index)
        .rev()
        .find(|index| text.is_char_boundary(*index))
        .unwrap_or(0)
}

#[cfg(test)]
mod cases;
