//! From hits to findings: overlaps joined, other mentions found, positions led back.

use std::{collections::BTreeSet, ops::Range};

use aho_corasick::AhoCorasick;
use memchr::memmem;

use super::{Hits, floor};
use crate::{Confidence, Finding, Kind, text::Page};

/// An identifier that was found once is looked for everywhere else from this length on.
const REPEATED: usize = 6;
/// A part of a name from this length on.
const NAME_PART: usize = 3;

/// Turns hits into findings of the original text.
pub(super) fn settle(page: &Page<'_>, text: &str, hits: Hits) -> Vec<Finding> {
    let findings = hits
        .0
        .into_iter()
        .map(|hit| {
            let range = page.original(hit.range);
            // The map leads to character boundaries; this makes it hold whatever a detector did.
            let start = floor(text, range.start);
            let end = (range.end..=text.len())
                .find(|end| text.is_char_boundary(*end))
                .unwrap_or(text.len());
            Finding {
                range: start..end,
                kind: hit.kind,
                confidence: hit.confidence,
            }
        })
        .filter(|finding| !finding.range.is_empty())
        .collect();
    merge(findings)
}

/// Sorts, and joins what overlaps: the union is covered, and the surer, then longer one names it.
pub(super) fn merge(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by_key(|finding| (finding.range.start, std::cmp::Reverse(finding.range.end)));
    let mut merged: Vec<Finding> = Vec::with_capacity(findings.len());
    // Length of the hit that named the last finding: a union is longer than what it is made of.
    let mut length = 0;
    for finding in findings {
        match merged.last_mut() {
            Some(last) if finding.range.start < last.range.end => {
                if (finding.confidence, finding.range.len()) > (last.confidence, length) {
                    last.kind = finding.kind;
                    last.confidence = finding.confidence;
                    length = finding.range.len();
                }
                last.range.end = last.range.end.max(finding.range.end);
            }
            _ => {
                length = finding.range.len();
                merged.push(finding);
            }
        }
    }
    merged
}

/// Finds the other places where the same identifiers, or parts of the same names, stand.
pub(super) fn repeat(text: &str, findings: Vec<Finding>) -> Vec<Finding> {
    if findings.is_empty() {
        return findings;
    }
    let mut values = BTreeSet::<(&str, Kind)>::new();
    for finding in &findings {
        let Some(value) = text.get(finding.range.clone()) else {
            continue;
        };
        if value.len() >= REPEATED {
            values.insert((value, finding.kind));
        }
        if finding.kind == Kind::Name {
            let parts = value.split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '-');
            // Whoever is Grace May is not every grace and may: a part must begin with a capital, and
            // ordinary words are left alone.
            values.extend(
                parts
                    .filter(|part| is_name_part(part))
                    .map(|part| (part, Kind::Name)),
            );
        }
    }
    // A text with very many identifiers is one of lists; there each is found by itself.
    if values.len() > 512 {
        values.retain(|(value, _)| value.len() >= REPEATED);
    }
    let mut all = findings.clone();
    let bytes = text.as_bytes();
    for (kind, found) in occurrences(text, &values) {
        let (start, end) = (found.start, found.end);
        let short = found.len() < REPEATED;
        // Its own place is covered as the detector saw it.
        let covering = findings.partition_point(|finding| finding.range.end < end);
        if findings
            .get(covering)
            .is_some_and(|finding| finding.range.start <= start)
        {
            continue;
        }
        let inner = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || *b >= 0x80);
        let (open, close) = (
            start.checked_sub(1).is_some_and(|i| inner(bytes.get(i))),
            inner(bytes.get(end)),
        );
        // A part of a name must be a word; a number within a longer one takes the whole with it.
        if (open || close) && kind == Kind::Name && short {
            continue;
        }
        let from = if open {
            word_start(bytes, start)
        } else {
            start
        };
        let to = if close { word_end(bytes, end) } else { end };
        all.push(Finding {
            range: from..to,
            kind,
            confidence: Confidence::Likely,
        });
    }
    merge(all)
}

/// Where the values stand, overlapping places included.
fn occurrences(text: &str, values: &BTreeSet<(&str, Kind)>) -> Vec<(Kind, Range<usize>)> {
    // Building an automaton pays from some values on; a few are searched one by one.
    let automaton = if values.len() > 8 {
        AhoCorasick::new(values.iter().map(|(value, _)| value)).ok()
    } else {
        None
    };
    let kinds: Vec<Kind> = values.iter().map(|(_, kind)| *kind).collect();
    match automaton {
        Some(automaton) => automaton
            .find_overlapping_iter(text)
            .filter_map(|found| {
                kinds
                    .get(found.pattern().as_usize())
                    .map(|kind| (*kind, found.range()))
            })
            .collect(),
        None => values
            .iter()
            .flat_map(|(value, kind)| {
                memmem::find_iter(text.as_bytes(), value)
                    .map(|start| (*kind, start..start + value.len()))
            })
            .collect(),
    }
}

fn is_name_part(part: &str) -> bool {
    let word = crate::lexicon::look_up(part.as_bytes());
    use crate::lexicon::Word;
    part.len() >= NAME_PART
        && part.chars().next().is_some_and(char::is_uppercase)
        && !word.has(
            Word::COMMON
                | Word::TITLE
                | Word::SUFFIX
                | Word::ROLE
                | Word::MONTH
                | Word::LINK
                | Word::CUE
                | Word::PLACE
                | Word::REGION,
        )
}

fn word_start(bytes: &[u8], at: usize) -> usize {
    let inner = |b: &u8| b.is_ascii_alphanumeric() || *b >= 0x80;
    bytes.get(..at).map_or(at, |before| {
        before.iter().rposition(|b| !inner(b)).map_or(0, |i| i + 1)
    })
}

fn word_end(bytes: &[u8], at: usize) -> usize {
    let inner = |b: &u8| b.is_ascii_alphanumeric() || *b >= 0x80;
    bytes.get(at..).map_or(at, |after| {
        at + after.iter().position(|b| !inner(b)).unwrap_or(after.len())
    })
}
