//! Which columns' keys one query gets, and the count of what it got.
//!
//! What a reader would get wrong: the count does not depend on the footer cache. A file whose
//! column keys were unwrapped for an earlier query with the same columns counts again, because the
//! query can read those pages just the same.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use lakeward_domain::{ColumnId, KeyId};

/// The columns whose data keys may be released to one query.
#[derive(Debug)]
pub struct KeyAccess {
    allowed: BTreeSet<ColumnId>,
    used: Mutex<Used>,
}

#[derive(Debug, Default)]
struct Used {
    released: BTreeMap<ColumnId, u64>,
    keks: BTreeSet<(KeyId, u32)>,
}

impl KeyAccess {
    /// Allows these columns and no others.
    #[must_use]
    pub fn new(allowed: BTreeSet<ColumnId>) -> Self {
        Self {
            allowed,
            used: Mutex::default(),
        }
    }

    /// The columns that are allowed.
    #[must_use]
    pub const fn allowed(&self) -> &BTreeSet<ColumnId> {
        &self.allowed
    }

    /// Whether a column is.
    #[must_use]
    pub fn allows(&self, column: ColumnId) -> bool {
        self.allowed.contains(&column)
    }

    /// Data keys released so far, per column: one per file and leaf column.
    #[must_use]
    pub fn released(&self) -> BTreeMap<ColumnId, u64> {
        self.used().released.clone()
    }

    /// KEKs that the released data keys, and those of the files' footers, were wrapped by.
    #[must_use]
    pub fn keks(&self) -> BTreeSet<(KeyId, u32)> {
        self.used().keks.clone()
    }

    pub(crate) fn count(&self, columns: &BTreeMap<ColumnId, u64>, keks: &BTreeSet<(KeyId, u32)>) {
        let mut used = self.used();
        for (column, keys) in columns {
            *used.released.entry(*column).or_default() += keys;
        }
        used.keks.extend(keks);
    }

    fn used(&self) -> std::sync::MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
