//! Counts by category, column and disposition.

use std::collections::BTreeMap;

use crate::report::IngestCount;

/// The counts of a run.
#[derive(Debug, Default)]
pub(crate) struct Counts(BTreeMap<(String, String, &'static str), u64>);

impl Counts {
    pub(crate) fn add(
        &mut self,
        category: &str,
        column: &str,
        disposition: &'static str,
        count: u64,
    ) {
        if count > 0 {
            *self
                .0
                .entry((column.to_owned(), category.to_owned(), disposition))
                .or_default() += count;
        }
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for (key, count) in other.0 {
            *self.0.entry(key).or_default() += count;
        }
    }

    pub(crate) fn list(self) -> Vec<IngestCount> {
        self.0
            .into_iter()
            .map(|((column, category, disposition), count)| IngestCount {
                category,
                column,
                disposition: disposition.to_owned(),
                count,
            })
            .collect()
    }
}
