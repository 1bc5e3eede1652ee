//! What could not be cleared: records and values that wait for somebody to look at them.
//!
//! They are as raw as they came, so they are kept like everything raw: in an encrypted table, through
//! the engine, tagged so that only data stewards may read it (`classification = unverified`), the
//! values tagged PHI whatever they are. A quarantine's rows are committed before the chunk that they
//! were left out of; it remembers its own progress, so a resumed ingest holds nothing twice.

use std::{collections::BTreeMap, sync::Arc};

use arrow::{
    array::{ArrayRef, Int64Array, RecordBatch, StringViewArray},
    datatypes::{DataType, Field, Schema},
};
use lakeward_domain::{LogicalType, Name, TableName, Tags, names::InvalidName};
use lakeward_engine::{NewColumn, NewTable, Session, TableAppend};

use crate::{
    bronze::{self, Position},
    convert::Held,
    error::{Error, Result},
};

/// The schema of quarantine tables.
const SCHEMA: &str = "quarantine";

/// The quarantine of one table.
pub(crate) struct Quarantine {
    pub(crate) name: TableName,
    source: String,
    /// The record up to which an earlier run has committed.
    done: u64,
    append: Option<TableAppend>,
    /// Whether anything is, or was, held for this table.
    pub(crate) used: bool,
}

impl Quarantine {
    /// The quarantine of a table; the table for it is made when it is first needed.
    pub(crate) fn of(
        session: &Session,
        table: &TableName,
        source: &str,
        resume: bool,
    ) -> Result<Self> {
        let name = name_of(table).map_err(|_| Error::BrokeOff)?;
        let done = if resume {
            bronze::position(session, &name, source).map_or(0, |p| p.record)
        } else {
            0
        };
        Ok(Self {
            name,
            source: source.to_owned(),
            done,
            append: None,
            used: false,
        })
    }

    /// Takes what is held of a batch.
    pub(crate) async fn hold(&mut self, session: &mut Session, held: &[Held]) -> Result<()> {
        self.used |= !held.is_empty();
        let new: Vec<&Held> = held.iter().filter(|held| held.record > self.done).collect();
        if new.is_empty() {
            return Ok(());
        }
        let rows = self.rows(&new)?;
        if self.append.is_none() {
            self.make(session).await?;
            self.append = Some(Box::pin(session.append(&self.name, "ingest quarantine")).await?);
        }
        if let Some(append) = &mut self.append {
            append.write(&rows).await?;
        }
        Ok(())
    }

    fn rows(&self, held: &[&Held]) -> Result<RecordBatch> {
        fn text<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
            Arc::new(values.collect::<StringViewArray>())
        }
        let record = |held: &&Held| i64::try_from(held.record).unwrap_or(i64::MAX);
        let columns: Vec<ArrayRef> = vec![
            text(held.iter().map(|_| Some(self.source.as_str()))),
            Arc::new(held.iter().map(record).collect::<Int64Array>()),
            text(held.iter().map(|held| held.column.as_deref())),
            text(held.iter().map(|held| Some(held.reason.as_str()))),
            text(held.iter().map(|held| Some(held.value.as_str()))),
        ];
        let fields = columns_of().into_iter().map(|(name, data_type)| {
            let arrow = if data_type == LogicalType::BigInt {
                DataType::Int64
            } else {
                DataType::Utf8View
            };
            Field::new(name, arrow, true)
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        RecordBatch::try_new(schema, columns).map_err(|_| Error::BrokeOff)
    }

    async fn make(&self, session: &mut Session) -> Result<()> {
        if session.engine().state().table_by_name(&self.name).is_some() {
            return Ok(());
        }
        bronze::make_schema(session, &self.name.schema).await?;
        let columns = columns_of()
            .into_iter()
            .map(|(name, data_type)| {
                let tags = if name == "value" {
                    tag("phi", "unverified")
                } else {
                    Tags::new()
                };
                let name = Name::parse(name).map_err(|_| Error::BrokeOff)?;
                Ok(NewColumn {
                    name,
                    data_type,
                    nullable: true,
                    comment: None,
                    tags,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let table = NewTable {
            name: self.name.clone(),
            columns,
            partitioned_by: Vec::new(),
            comment: Some("records and values that an ingest could not clear".to_owned()),
            tags: tag("classification", "unverified"),
        };
        Box::pin(session.create_table(table, "ingest quarantine")).await?;
        Ok(())
    }

    /// Makes what is held durable.
    pub(crate) async fn commit(&mut self, position: &Position) -> Result<()> {
        if let Some(append) = self.append.take() {
            let progress = (bronze::property(&self.source), position.to_text());
            Box::pin(append.commit(Some(progress), BTreeMap::new())).await?;
        }
        Ok(())
    }

    /// Gives up what is not committed.
    pub(crate) async fn abort(&mut self, error: &Error) {
        if let Some(append) = self.append.take() {
            append.abort(bronze::as_engine_error(error)).await;
        }
    }
}

/// `quarantine.<table>`.
pub(crate) fn name_of(table: &TableName) -> Result<TableName, InvalidName> {
    Ok(TableName {
        schema: Name::parse(SCHEMA)?,
        table: table.table.clone(),
    })
}

fn columns_of() -> [(&'static str, LogicalType); 5] {
    [
        ("source", LogicalType::String),
        ("record", LogicalType::BigInt),
        ("column", LogicalType::String),
        ("reason", LogicalType::String),
        ("value", LogicalType::String),
    ]
}

fn tag(key: &str, value: &str) -> Tags {
    [(key.to_owned(), value.to_owned())].into()
}
