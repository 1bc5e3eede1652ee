//! Rules of a site: what only its own identifiers look like.

use std::sync::Arc;

use aho_corasick::AhoCorasick;
use regex::Regex;

use super::Hits;
use crate::{Confidence, Kind};

/// How far a keyword reaches.
const REACH: usize = 30;

/// A regular expression with keywords.
#[derive(Debug, Clone)]
pub struct SiteRule {
    kind: Kind,
    pattern: Regex,
    /// Absent if the pattern needs no keyword.
    keywords: Option<Arc<AhoCorasick>>,
}

impl SiteRule {
    /// A rule; `None` if the pattern is no regular expression, is too large, or matches the empty text.
    #[must_use]
    pub fn new(kind: Kind, pattern: &str, keywords: &[String]) -> Option<Self> {
        let pattern = regex::RegexBuilder::new(pattern)
            .size_limit(1 << 20)
            .build()
            .ok()?;
        if pattern.is_match("") {
            return None;
        }
        let keywords = if keywords.is_empty() {
            None
        } else {
            Some(Arc::new(
                AhoCorasick::builder()
                    .ascii_case_insensitive(true)
                    .build(keywords)
                    .ok()?,
            ))
        };
        Some(Self {
            kind,
            pattern,
            keywords,
        })
    }

    /// Whether the rule finds anything in a text.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        let mut hits = Hits::default();
        self.find(text, &mut hits);
        !hits.0.is_empty()
    }

    pub(super) fn find(&self, text: &str, hits: &mut Hits) {
        let places: Option<Vec<_>> = self.keywords.as_ref().map(|words| {
            words
                .find_iter(text)
                .filter(|m| whole(text, m.start(), m.end()))
                .collect()
        });
        if places.as_ref().is_some_and(Vec::is_empty) {
            return;
        }
        for found in self.pattern.find_iter(text) {
            let near = places.as_ref().is_none_or(|places| {
                places.iter().any(|place| {
                    place.start() <= found.end() + REACH && place.end() + REACH >= found.start()
                })
            });
            if near {
                hits.add(found.range(), self.kind, Confidence::Certain);
            }
        }
    }
}

fn whole(text: &str, start: usize, end: usize) -> bool {
    let letter = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    !(start.checked_sub(1).is_some_and(|i| letter(bytes.get(i))) || letter(bytes.get(end)))
}
