//! What a scan saw, found, and could not read.

use std::collections::BTreeMap;

use crate::planted::{PlantKind, Planted};

use super::encoding::Encoding;

/// The outcome of a scan. It names places and kinds, never what was found.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Files looked into.
    pub files: u64,
    /// Bytes looked at as they are stored.
    pub bytes: u64,
    /// Bytes looked at after a codec was undone.
    pub decoded_bytes: u64,
    /// Where something was found.
    pub hits: Vec<Hit>,
    /// What could not be looked into. A scan that is to prove something has none.
    pub unread: Vec<Unread>,
    /// Files with a stretch that compresses, which ciphertext does not.
    pub compressible: Vec<Compressible>,
    pub(super) found: Vec<bool>,
}

/// Finds of one kind and shape in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The file, with the codecs undone after exclamation marks.
    pub place: String,
    /// What was found.
    pub kind: PlantKind,
    /// In which shape.
    pub encoding: Encoding,
    /// How often.
    pub count: u64,
}

/// Something that was passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// Which.
    pub place: String,
    /// Why.
    pub reason: String,
}

/// A file that is not all ciphertext.
#[derive(Debug, Clone, PartialEq)]
pub struct Compressible {
    /// The file.
    pub place: String,
    /// Its windows that compress.
    pub windows: u64,
    /// All its windows.
    pub of: u64,
    /// Compressed size over size of the window that compresses best.
    pub ratio: f64,
}

impl Report {
    /// How many planted strings were looked for.
    #[must_use]
    pub fn planted(&self) -> usize {
        self.found.len()
    }

    /// How many distinct planted strings were found.
    #[must_use]
    pub fn found(&self) -> usize {
        self.found.iter().filter(|found| **found).count()
    }

    /// Whether the planted string at this position of the list was found.
    #[must_use]
    pub fn has(&self, position: usize) -> bool {
        self.found.get(position).copied().unwrap_or(false)
    }

    /// How often anything was found.
    #[must_use]
    pub fn hit_count(&self) -> u64 {
        self.hits.iter().map(|hit| hit.count).sum()
    }

    /// Nothing was found and nothing was passed over.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.hits.is_empty() && self.unread.is_empty()
    }

    pub(super) fn empty(planted: &Planted) -> Self {
        Self {
            found: vec![false; planted.len()],
            ..Self::default()
        }
    }

    pub(super) fn add_hits(&mut self, place: &str, hits: Tally) {
        for ((kind, encoding), count) in hits {
            let same =
                |hit: &&mut Hit| hit.place == place && hit.kind == kind && hit.encoding == encoding;
            // Windows of one place follow each other, so the same hit is near the end.
            match self.hits.iter_mut().rev().take(RECENT).find(same) {
                Some(hit) => hit.count += count,
                None => {
                    self.hits.push(Hit {
                        place: place.to_owned(),
                        kind,
                        encoding,
                        count,
                    });
                }
            }
        }
    }

    pub(super) fn pass_over(&mut self, place: &str, reason: impl Into<String>) {
        self.unread.push(Unread {
            place: place.to_owned(),
            reason: reason.into(),
        });
    }
}

/// Counts by kind and shape.
pub(super) type Tally = BTreeMap<(PlantKind, Encoding), u64>;

/// More than kinds times shapes.
const RECENT: usize = 128;
