//! Rows into the table, chunk by chunk.
//!
//! How far an ingest came is a property of the table, written in the same catalog transaction that
//! makes a chunk visible. So after a crash there is no doubt: what the property says is there, and
//! nothing else.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use lakeward_domain::{Name, TableName};
use lakeward_engine::{NewColumn, NewTable, Session, TableAppend};

use crate::{
    error::{Error, Result},
    layout::Layout,
};

/// How far an ingest came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    /// The last record that is done.
    pub(crate) record: u64,
    /// What all records up to it are, keyed.
    pub(crate) chain: String,
}

impl Position {
    pub(crate) fn to_text(&self) -> String {
        format!("{} {}", self.record, self.chain)
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (record, chain) = text.split_once(' ')?;
        Some(Self {
            record: record.parse().ok()?,
            chain: chain.to_owned(),
        })
    }
}

/// The property under which a table keeps how far it came with a source.
pub(crate) fn property(source: &str) -> String {
    format!("ingest.{source}")
}

/// How far a table came with a source.
pub(crate) fn position(session: &Session, table: &TableName, source: &str) -> Option<Position> {
    let state = session.engine().state();
    Position::parse(
        state
            .table_by_name(table)?
            .properties
            .get(&property(source))?,
    )
}

/// Makes a schema that is not there.
pub(crate) async fn make_schema(session: &mut Session, schema: &Name) -> Result<()> {
    if session.engine().state().schema_by_name(schema).is_none() {
        // A name holds no quote.
        let sql = format!("CREATE SCHEMA IF NOT EXISTS \"{schema}\"");
        Box::pin(session.run(&sql)).await?.collect().await?;
    }
    Ok(())
}

/// Makes the table that a layout describes.
pub(crate) async fn make_table(
    session: &mut Session,
    name: &TableName,
    layout: &Layout,
    statement: String,
) -> Result<()> {
    make_schema(session, &name.schema).await?;
    let columns = layout
        .table
        .iter()
        .map(|column| NewColumn {
            name: column.name.clone(),
            data_type: column.data_type.clone(),
            nullable: true,
            comment: None,
            tags: column.tags.clone(),
        })
        .collect();
    let table = NewTable {
        name: name.clone(),
        columns,
        partitioned_by: Vec::new(),
        comment: Some(statement),
        tags: lakeward_domain::Tags::new(),
    };
    Box::pin(session.create_table(table, "ingest")).await?;
    Ok(())
}

/// The rows of one table, on their way.
pub(crate) struct Bronze {
    name: TableName,
    source: String,
    chunk_rows: usize,
    append: Option<TableAppend>,
    /// Records since the last commit.
    open: usize,
    pub(crate) written: u64,
}

impl Bronze {
    pub(crate) fn new(name: &TableName, source: &str, chunk_rows: usize) -> Self {
        Self {
            name: name.clone(),
            source: source.to_owned(),
            chunk_rows: chunk_rows.max(1),
            append: None,
            open: 0,
            written: 0,
        }
    }

    /// Takes the rows that are left of so many records.
    pub(crate) async fn write(
        &mut self,
        session: &Session,
        rows: &RecordBatch,
        records: usize,
    ) -> Result<()> {
        if self.append.is_none() {
            self.append = Some(Box::pin(session.append(&self.name, "ingest")).await?);
        }
        if let Some(append) = &mut self.append {
            append.write(rows).await?;
        }
        self.open += records;
        self.written += rows.num_rows() as u64;
        Ok(())
    }

    /// Whether it is time to commit.
    pub(crate) const fn is_full(&self) -> bool {
        self.open >= self.chunk_rows
    }

    /// Makes the chunk visible, and with it how far it came.
    pub(crate) async fn commit(&mut self, position: &Position) -> Result<()> {
        if let Some(append) = self.append.take() {
            let mut detail = BTreeMap::new();
            detail.insert("source".to_owned(), self.source.clone());
            detail.insert("record".to_owned(), position.record.to_string());
            let progress = (property(&self.source), position.to_text());
            Box::pin(append.commit(Some(progress), detail)).await?;
        }
        self.open = 0;
        Ok(())
    }

    /// Gives up what is not committed.
    pub(crate) async fn abort(&mut self, error: &Error) {
        if let Some(append) = self.append.take() {
            append.abort(as_engine_error(error)).await;
        }
    }
}

/// An error of ours as the engine puts it on record.
pub(crate) fn as_engine_error(error: &Error) -> lakeward_engine::Error {
    error
        .engine()
        .cloned()
        .unwrap_or_else(|| lakeward_engine::Error::new(error.code(), error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_reads_back() {
        let position = Position {
            record: 8192,
            chain: "ab12".to_owned(),
        };
        assert_eq!(Position::parse(&position.to_text()), Some(position));
        assert_eq!(Position::parse("x y"), None);
    }
}
