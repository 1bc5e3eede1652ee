//! What a column holds, judged by a sample of its values.
//!
//! One value proves nothing: a nine-digit code looks like an SSN. The verdict is over all sampled
//! values, and a kind wins only if most of them are whole identifiers of that kind.

use std::collections::BTreeMap;

use crate::{Detector, Kind};

/// Share of the values that must be of a kind, in per cent.
const ENOUGH: usize = 60;
/// Share of the values that must be texts of several words, in per cent.
const WORDY: usize = 10;

/// The judgement over a column's sampled values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// What most values are, if most are the same.
    pub kind: Option<Kind>,
    /// Whether values are texts in which identifiers may hide.
    pub free_text: bool,
    /// Values looked at, blank ones not counted.
    pub values: usize,
    /// Values in which anything was found.
    pub touched: usize,
}

/// Collects a verdict over the values of one column.
#[derive(Debug)]
pub struct Sampler<'a> {
    detector: &'a Detector,
    column: String,
    whole: BTreeMap<Kind, usize>,
    values: usize,
    touched: usize,
    wordy: usize,
}

impl<'a> Sampler<'a> {
    /// Starts on a column, which is its name or JSON path.
    #[must_use]
    pub fn new(detector: &'a Detector, column: &str) -> Self {
        Self {
            detector,
            column: column.to_owned(),
            whole: BTreeMap::new(),
            values: 0,
            touched: 0,
            wordy: 0,
        }
    }

    /// Looks at one value.
    pub fn observe(&mut self, value: &str) {
        let trimmed = value.trim();
        if trimmed.is_empty() {
            return;
        }
        self.values += 1;
        let words = trimmed
            .split_whitespace()
            .filter(|word| word.bytes().any(|b| b.is_ascii_alphabetic()));
        if words.take(5).count() == 5 || trimmed.starts_with(['{', '[']) {
            self.wordy += 1;
        }
        let findings = self.detector.find(trimmed, Some(&self.column));
        if !findings.is_empty() {
            self.touched += 1;
        }
        // A value is wholly of a kind if little of it stands outside the finding.
        if let Some(longest) = findings.iter().max_by_key(|finding| finding.range.len())
            && longest.range.len() * 10 >= trimmed.len() * 8
        {
            *self.whole.entry(longest.kind).or_default() += 1;
        }
    }

    /// The verdict so far.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let kind = self
            .whole
            .iter()
            .max_by_key(|(_, count)| **count)
            .filter(|(_, count)| **count * 100 >= self.values * ENOUGH)
            .map(|(kind, _)| *kind);
        let hidden = kind.is_none() && self.touched > 0;
        let free_text = self.values > 0 && (self.wordy * 100 >= self.values * WORDY || hidden);
        Verdict {
            kind,
            free_text,
            values: self.values,
            touched: self.touched,
        }
    }
}
