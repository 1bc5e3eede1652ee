//! What an ingest did: categories, columns and counts, never a value.

use lakeward_domain::{LogicalType, TableName, Tags};
pub use lakeward_engine::IngestCount;
use serde::Serialize;

/// What became of a column of the source, or of a place in its nested values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ColumnReport {
    /// The column's name, or the path: `contact.phones[].number`.
    pub name: String,
    /// The type it has in the table, or would have had.
    pub data_type: LogicalType,
    /// The action's word.
    pub action: String,
    /// Tags.
    pub tags: Tags,
}

/// What an ingest did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The table.
    pub table: TableName,
    /// Records of the source.
    pub rows_read: u64,
    /// Rows written by this run; in a dry run, rows that would have been.
    pub rows_written: u64,
    /// Records that an earlier run had done.
    pub rows_skipped_as_done: u64,
    /// Records and values that went to quarantine.
    pub quarantined: u64,
    /// Where they are.
    pub quarantine: Option<TableName>,
    /// What became of each column.
    pub columns: Vec<ColumnReport>,
    /// Findings by category, column and disposition.
    pub counts: Vec<IngestCount>,
    /// What may be said about the output, and no more.
    pub statement: String,
    /// Whether nothing was written.
    pub dry_run: bool,
}
