//! Scrub policies: what happens to each column of a source, and under which claim.
//!
//! A policy is an allow-list. A column that no rule names and no detector recognises is quarantined,
//! not passed; and a policy whose actions contradict its claim does not load. What comes out is
//! "transformed per policy such-and-such": no claim here asserts that the data is de-identified in
//! the sense of the law, which also asks what the receiver knows.
//!
//! # Format
//!
//! ```toml
//! format = 1
//! name = "research"
//! version = 3
//! claim = "internal_pseudonymised"    # safe_harbor, limited_data_set, expert_determination
//! unknown = "quarantine"              # or "drop"; "keep" with internal_pseudonymised only
//! zip3 = "strict"                     # or "census2000", "census2020"
//! as_of = "2024-12-31"                # ages are counted at this day; the day of the run if absent
//! free_text = ["name", "ssn", "mrn"]  # the kinds that are replaced in texts; all if absent
//!
//! [kinds]                             # what happens to a column that holds such identifiers
//! ssn = "drop"
//! date = "year"
//! mrn = { token = "mrn" }
//! name = { redact = "[NAME]" }
//!
//! [[column]]                          # rules by name win over kinds; the first that fits is taken,
//! names = ["gender", "*_concept_id"]  # exact names before patterns; `*` is any run of characters
//! action = "keep"
//! tags = { sensitivity = "low" }
//!
//! [[rule]]                            # what only this site's identifiers look like
//! id = "lakeside-mrn"
//! kind = "mrn"
//! pattern = 'LK\d{6}'
//! keywords = ["lakeside"]             # within 30 characters; none needed if absent
//! match = ["lakeside LK123456"]       # examples are tried at load
//! no_match = ["LK12345"]
//! ```
//!
//! Actions: `keep`, `drop`, `redact`, `null`, `year`, `zip3`, `age_cap`, `scrub_text`, `quarantine`,
//! `show_first_4`, `show_last_4`, `alphanum`, `{ token = DOMAIN }`, `{ constant = TEXT }`,
//! `{ redact = TEXT }`.

mod apply;
mod claim;
mod file;
mod plan;
mod verdict;

use std::{borrow::Cow, collections::BTreeMap};

use lakeward_domain::{LogicalType, Tags};
use serde::Serialize;

pub use apply::{Applied, Keys, apply, apply_with};
pub use claim::Claim;
pub use plan::{ColumnHint, ColumnPlan};
pub use verdict::{Sampler, Verdict};

use crate::{Detector, Kind, KindSet, Result, validate::CivilDate, zip3};

/// The format version that this build reads and writes.
pub const FORMAT: u32 = 1;

/// What happens to a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Transform {
    /// Stays as it is.
    Keep,
    /// The column does not arrive at all.
    Drop,
    /// Becomes this text; NULL stays NULL.
    Redact(String),
    /// Becomes NULL.
    Null,
    /// Becomes this text, NULL too.
    Constant(String),
    /// A date becomes its year, or NULL where the year proves an age over 89.
    Year {
        /// The day at which ages are counted.
        #[serde(skip)]
        as_of: CivilDate,
    },
    /// A zip becomes its first three digits, or 000.
    Zip3(zip3::Table),
    /// An age over 89 becomes `90+`.
    AgeCap,
    /// Becomes a keyed token (HMAC-SHA256, first 16 bytes in hex) of the normalised value.
    Token {
        /// Values meet in joins only within a domain.
        domain: String,
        /// How to normalise.
        kind: Option<Kind>,
    },
    /// All but the first four characters are masked.
    ShowFirst4,
    /// All but the last four characters are masked.
    ShowLast4,
    /// Letters and digits are masked.
    Alphanum,
    /// Identifiers of these kinds within the text are replaced.
    ScrubText(KindSet),
    /// The column goes to quarantine.
    Quarantine,
}

impl Transform {
    /// The action's word, for reports.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Drop => "drop",
            Self::Redact(_) => "redact",
            Self::Null => "null",
            Self::Constant(_) => "constant",
            Self::Year { .. } => "year",
            Self::Zip3(_) => "zip3",
            Self::AgeCap => "age_cap",
            Self::Token { .. } => "token",
            Self::ShowFirst4 => "show_first_4",
            Self::ShowLast4 => "show_last_4",
            Self::Alphanum => "alphanum",
            Self::ScrubText(_) => "scrub_text",
            Self::Quarantine => "quarantine",
        }
    }

    /// The type of the column afterwards.
    #[must_use]
    pub fn output_type(&self, input: &LogicalType) -> LogicalType {
        match self {
            Self::Keep | Self::Drop | Self::Null | Self::Quarantine => input.clone(),
            Self::Year { .. } => LogicalType::Int,
            _ => LogicalType::String,
        }
    }
}

/// What happens to columns and texts of a source.
#[derive(Debug, Clone)]
pub struct ScrubPolicy {
    name: String,
    version: u64,
    claim: Claim,
    unknown: Transform,
    as_of: Option<CivilDate>,
    free_text: KindSet,
    kinds: BTreeMap<Kind, Transform>,
    columns: Vec<ColumnRule>,
    detector: Detector,
}

/// A rule by column name.
#[derive(Debug, Clone)]
struct ColumnRule {
    names: Vec<String>,
    action: Transform,
    tags: Tags,
}

const SAFE_HARBOR: &str = include_str!("../packs/safe_harbor.toml");
const LIMITED_DATA_SET: &str = include_str!("../packs/limited_data_set.toml");
const INTERNAL: &str = include_str!("../packs/internal.toml");

impl ScrubPolicy {
    /// The names of the packs that are built in.
    pub const BUILTIN: &'static [&'static str] = &["safe_harbor", "limited_data_set", "internal"];

    /// Reads a policy.
    ///
    /// # Errors
    /// [`crate::Error`] for a text that is no policy, contradicts its claim, or has a rule whose examples fail.
    pub fn from_toml(text: &str) -> Result<Self> {
        file::read(text)
    }

    /// A pack that is built in.
    #[must_use]
    pub fn builtin(name: &str) -> Option<Self> {
        Self::builtin_text(name).and_then(|text| Self::from_toml(text).ok())
    }

    /// The text of a pack that is built in, to start one's own from.
    #[must_use]
    pub fn builtin_text(name: &str) -> Option<&'static str> {
        match name {
            "safe_harbor" => Some(SAFE_HARBOR),
            "limited_data_set" => Some(LIMITED_DATA_SET),
            "internal" => Some(INTERNAL),
            _ => None,
        }
    }

    /// The policy's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its version.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// What it claims.
    #[must_use]
    pub const fn claim(&self) -> Claim {
        self.claim
    }

    /// The detector with the policy's own rules.
    #[must_use]
    pub const fn detector(&self) -> &Detector {
        &self.detector
    }

    /// The kinds that are replaced in texts.
    #[must_use]
    pub const fn free_text(&self) -> KindSet {
        self.free_text
    }

    /// Counts ages at this day, if the policy itself names none.
    #[must_use]
    pub fn counted_at(mut self, day: CivilDate) -> Self {
        self.as_of.get_or_insert(day);
        self
    }

    /// What may be said about the output, and no more.
    #[must_use]
    pub fn statement(&self) -> String {
        format!(
            "transformed per policy {} version {} (claim: {})",
            self.name, self.version, self.claim
        )
    }
}

/// Replaces the identifiers in a text by their labels, `[NAME]`, and counts them.
///
/// `context` is the column's name or JSON path. The output holds none of the identifiers found, not
/// even where one stands again in a place that would not have been found by itself.
#[must_use]
pub fn scrub_text<'a>(
    detector: &Detector,
    text: &'a str,
    context: Option<&str>,
) -> (Cow<'a, str>, Vec<(Kind, usize)>) {
    scrub_kinds(detector, text, context, KindSet::ALL)
}

/// As [`scrub_text`], for some kinds only.
#[must_use]
pub fn scrub_kinds<'a>(
    detector: &Detector,
    text: &'a str,
    context: Option<&str>,
    kinds: KindSet,
) -> (Cow<'a, str>, Vec<(Kind, usize)>) {
    let findings = detector.find(text, context);
    let mut counts = BTreeMap::<Kind, usize>::new();
    let mut output = String::new();
    let mut copied = 0;
    for finding in findings
        .iter()
        .filter(|finding| kinds.contains(finding.kind))
    {
        output.push_str(text.get(copied..finding.range.start).unwrap_or_default());
        output.push_str(finding.kind.label());
        copied = finding.range.end;
        *counts.entry(finding.kind).or_default() += 1;
    }
    if counts.is_empty() {
        return (Cow::Borrowed(text), Vec::new());
    }
    output.push_str(text.get(copied..).unwrap_or_default());
    (Cow::Owned(output), counts.into_iter().collect())
}

#[cfg(test)]
mod tests;
