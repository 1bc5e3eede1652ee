//! The ledger nobody can edit: who asked, what was decided and why, and what came of it.
//!
//! An append-only Merkle log (RFC 6962 hashing, C2SP tiles and signed checkpoints) of sealed
//! records. A leaf is the hash of the *sealed* record, so the log verifies offline without a key
//! that could read it.
//!
//! What a reader would get wrong: an entry counts only from the signed checkpoint that covers it.
//! [`Ledger::append`] returns after record and checkpoint are on disk. Whatever stands in a file
//! behind the last checkpoint was never acknowledged to anybody and is dropped, on record, at the
//! next open; whatever a checkpoint covers must be there, or the ledger is refused as tampered.
//!
//! The way of an entry: [`ledger`] → `writer` (batch, seal, hash, sign) → `sink` (files); `frame`,
//! `tree` and `note` are the formats, [`verify`] reads them again without trusting any of it.

#[cfg(test)]
mod crash;
mod entry;
mod error;
mod frame;
#[cfg(test)]
mod golden;
pub mod ledger;
mod note;
mod recover;
mod sink;
#[cfg(test)]
mod testing;
mod tree;
pub mod verify;
mod writer;

pub use entry::{
    ColumnDecision, Entry, Event, FilterDecision, IngestCount, Outcome, TableUse, Who,
};
pub use error::{Error, Result};
pub use ledger::Ledger;
pub use recover::Recovery;
pub use verify::Report;
