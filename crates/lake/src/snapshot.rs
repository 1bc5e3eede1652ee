//! A table's files at its published version.
//!
//! What a reader would get wrong: a snapshot joins two things of different age. The file list
//! belongs to a Delta version and is cached by it; the table's names, tags and classes belong to the
//! catalog's epoch and may change without a new version. So statistics of a column that was open
//! when a file was written are dropped here if the column is no longer open.

use std::{collections::BTreeMap, fmt, sync::Arc};

use arrow::datatypes::{DataType, SchemaRef};
use datafusion::scalar::ScalarValue;
use deltalake::table::state::DeltaTableState;
use lakeward_domain::{ColumnId, FileId, Table, TableId};

use crate::{Error, Result, guard::file_id, partition, schema, stats::FileStats};

/// One data file as the log lists it.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub(crate) file: FileId,
    pub(crate) size: u64,
    pub(crate) partition: std::collections::HashMap<String, Option<String>>,
    stats: Option<String>,
}

/// The log at one version, verified.
pub(crate) struct LogState {
    pub(crate) version: u64,
    /// SHA-256 of the sealed commit of that version.
    pub(crate) head: String,
    pub(crate) delta: DeltaTableState,
    pub(crate) files: Vec<Listed>,
}

impl LogState {
    pub(crate) fn new(table: TableId, head: String, delta: DeltaTableState) -> Result<Self> {
        let version = delta.version();
        let log = delta.log_data();
        let listed = log.iter().map(|view| {
            Some(Listed {
                file: file_id(&view.path())?,
                size: u64::try_from(view.size()).ok()?,
                partition: view.partition_values_map(),
                stats: view.stats(),
            })
        });
        let files = listed
            .collect::<Option<Vec<_>>>()
            .ok_or(Error::LogRolledBack { table, version })?;
        Ok(Self {
            version,
            head,
            delta,
            files,
        })
    }
}

/// One data file, with what may be known of it without reading it.
#[derive(Debug, Clone)]
pub(crate) struct DataFile {
    pub(crate) file: FileId,
    pub(crate) size: u64,
    pub(crate) stats: FileStats,
    /// One value per partition column, outermost first.
    pub(crate) partition: Vec<ScalarValue>,
}

/// A table at its published version.
pub struct TableSnapshot {
    pub(crate) table: Arc<Table>,
    pub(crate) schema: SchemaRef,
    pub(crate) version: u64,
    pub(crate) files: Vec<DataFile>,
    /// Columns of which statistics may be used, and partition columns, with their types.
    pub(crate) known: BTreeMap<ColumnId, DataType>,
}

impl fmt::Debug for TableSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableSnapshot")
            .field("table", &self.table.id)
            .field("version", &self.version)
            .field("files", &self.files.len())
            .finish_non_exhaustive()
    }
}

impl TableSnapshot {
    pub(crate) fn new(table: &Table, log: &LogState) -> Result<Self> {
        let damaged = || Error::LogRolledBack {
            table: table.id,
            version: log.version,
        };
        let type_of = |id: ColumnId| {
            let column = table.column_by_id(id);
            let column = column.ok_or(Error::Columns { table: table.id })?;
            Ok::<_, Error>((id, schema::arrow_type(&column.data_type)))
        };
        let mut known = schema::stats_columns(table)
            .into_iter()
            .map(type_of)
            .collect::<Result<BTreeMap<_, _>>>()?;
        let types = partition::types(table)?;
        let files = log
            .files
            .iter()
            .map(|listed| {
                let stats = listed
                    .stats
                    .as_deref()
                    .and_then(|text| FileStats::from_json(text, &known))
                    .ok_or_else(damaged)?;
                let partition = table
                    .partitioned_by
                    .iter()
                    .zip(&types)
                    .map(|(id, data_type)| {
                        let text = listed.partition.get(&id.to_string())?;
                        partition::decode(text.as_deref(), data_type)
                    })
                    .collect::<Option<Vec<_>>>()
                    .ok_or_else(damaged)?;
                Ok(DataFile {
                    file: listed.file,
                    size: listed.size,
                    stats,
                    partition,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        for id in &table.partitioned_by {
            known.extend([type_of(*id)?]);
        }
        Ok(Self {
            table: Arc::new(table.clone()),
            schema: schema::arrow_schema(table),
            version: log.version,
            files,
            known,
        })
    }

    /// The table as it was when the snapshot was taken.
    #[must_use]
    pub fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// All columns in the table's order, named by id: what a scan without projection yields.
    #[must_use]
    pub const fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The Delta version.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Data files.
    #[must_use]
    pub fn file_count(&self) -> usize {
        self.files.len()
    }

    /// Rows of all files.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.files.iter().map(|file| file.stats.rows).sum()
    }

    /// Bytes of all files on the store.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }
}
