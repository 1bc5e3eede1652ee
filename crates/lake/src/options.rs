//! How a lake's store is opened.

use std::{fmt, sync::Arc, time::Duration};

/// A point on the way of a write at which a process may die.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Step {
    /// A data file was begun; nothing of it can be seen.
    FileBegun,
    /// A data file is complete and durable, and nobody knows it.
    FileWritten,
    /// Its footer was looked into.
    FileChecked,
    /// A commit is about to be written.
    Committing,
    /// It is durable, and not published.
    Committed,
    /// A checkpoint was written.
    Checkpointed,
    /// The catalog names what was committed, and the ledger has not heard of it.
    Published,
    /// The ledger has.
    OnRecord,
}

type Hook = dyn Fn(Step) + Send + Sync;

/// Called at every [`Step`]; does nothing unless made with a hook.
#[derive(Clone, Default)]
pub struct Steps(Option<Arc<Hook>>);

impl Steps {
    /// Calls this at each step. Drills that kill a process at a step use it.
    pub fn new(hook: impl Fn(Step) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hook)))
    }

    /// Tells of a step. For the steps that lie above the store.
    pub fn reached(&self, step: Step) {
        if let Some(hook) = &self.0 {
            hook(step);
        }
    }
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Steps")
    }
}

/// How a lake's store is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// A data file is closed when it has this many bytes.
    pub target_file_bytes: u64,
    /// Most rows of a row group: the unit that a scan can skip.
    pub row_group_rows: usize,
    /// A row group is closed when it takes this much memory.
    pub row_group_bytes: usize,
    /// Most partitions that one writer has open at a time.
    pub open_partitions: usize,
    /// A checkpoint is written each so many versions.
    pub checkpoint_every: u64,
    /// Most memory of cached footers.
    pub footer_cache_bytes: usize,
    /// How long a cached footer, and the data keys in it, may live. Part of every claim about when
    /// a revoked key is out of memory.
    pub footer_ttl: Duration,
    /// Called on the way of a write.
    pub steps: Steps,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            target_file_bytes: 128 << 20,
            row_group_rows: 128 << 10,
            row_group_bytes: 64 << 20,
            open_partitions: 64,
            checkpoint_every: 10,
            footer_cache_bytes: 64 << 20,
            footer_ttl: Duration::from_secs(60),
            steps: Steps::default(),
        }
    }
}
