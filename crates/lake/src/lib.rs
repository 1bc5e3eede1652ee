//! Encrypted Delta tables, the guarded object store, and sealed temporary files.
//!
//! ```text
//! write:  TableWriter -> encrypted Parquet -> footer check -> NewFile -> LakeStore::commit -> Published
//! read:   Published -> LakeStore::snapshot (log verified) -> LakeStore::scan (keys by KeyAccess)
//! spill:  SealedSpill -> unnamed file, key in memory only
//! ```
//!
//! delta-rs supplies the log only. Nothing here decides who may read what: a scan reads the columns
//! whose keys its [`KeyAccess`] holds, and it is the engine's ruling that fills it. What a reader
//! would get wrong: names. Folders, Delta fields and Parquet columns are ids throughout; a name of a
//! table or column never comes near the disk.

mod access;
mod error;
mod footer;
mod guard;
mod local;
mod log;
mod options;
mod partition;
mod scan;
pub mod schema;
mod snapshot;
pub mod spill;
mod stats;
mod store;
mod write;

pub use access::KeyAccess;
pub use error::{Error, Result, code_of};
pub use guard::GuardStore;
pub use log::CommitNote;
pub use options::{Options, Step, Steps};
pub use scan::ScanRequest;
pub use schema::{arrow_schema, arrow_type, logical_type};
pub use snapshot::TableSnapshot;
pub use spill::{SealedSpill, SpillCounts};
pub use store::{LakeStore, Recovery, TableChange, TableLock};
pub use write::{NewFile, TableWriter};
