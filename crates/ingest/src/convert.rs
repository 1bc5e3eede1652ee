//! A batch of records through its layout: Arrow columns, what goes to quarantine, and counts.
//!
//! Column by column, so that what to do is decided once per column and not once per value. A value
//! that does not fit spoils its record: the record leaves the batch as a whole and goes to
//! quarantine as it was read.

mod array;

use std::{collections::BTreeMap, sync::Arc};

use arrow::{
    array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, new_null_array},
    compute::filter_record_batch,
    datatypes::{Field, Schema, SchemaRef},
};
use lakeward_phi::Detector;

use crate::{
    counts::Counts,
    error::{Error, Result},
    infer::{is_no_name, object},
    json::{self, Json},
    layout::Layout,
    source::{Batch, Body, Fields, Lines, Reason},
};

pub(crate) use array::arrow_type;

/// A record or a value that does not go into the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) record: u64,
    /// The column; none for a whole record that could not be taken apart.
    pub(crate) column: Option<String>,
    pub(crate) reason: Reason,
    pub(crate) value: String,
}

/// What became of a batch.
pub(crate) struct Converted {
    pub(crate) rows: RecordBatch,
    pub(crate) held: Vec<Held>,
    pub(crate) counts: Counts,
    /// Why records, not single values, are held.
    pub(crate) bad: Vec<Reason>,
    pub(crate) records: usize,
    pub(crate) last: u64,
    pub(crate) chain: String,
}

/// Converts batches.
pub(crate) struct Converter {
    layout: Layout,
    detector: Detector,
    schema: SchemaRef,
}

/// What is collected beside the columns of one batch.
pub(crate) struct Work<'a> {
    detector: &'a Detector,
    counts: Counts,
    /// The first value of each row that does not fit: its column and why.
    bad: BTreeMap<usize, (String, Reason)>,
    /// Values that are held although their row stays.
    held: Vec<(usize, String, String)>,
}

impl Converter {
    pub(crate) fn new(layout: Layout, detector: Detector) -> Self {
        let fields: Vec<Field> = layout
            .table
            .iter()
            .map(|column| Field::new(column.name.as_str(), arrow_type(&column.data_type), true))
            .collect();
        Self {
            layout,
            detector,
            schema: Arc::new(Schema::new(fields)),
        }
    }

    /// Converts the records after number `done`; the others were committed by an earlier run.
    pub(crate) fn convert(&self, batch: &Batch, done: u64) -> Result<Converted> {
        let mut work = Work {
            detector: &self.detector,
            counts: Counts::default(),
            bad: BTreeMap::new(),
            held: Vec::new(),
        };
        let rows = batch.numbers.len();
        let columns = match &batch.body {
            Body::Csv(fields) => self.csv(fields, rows, &mut work)?,
            Body::Json(lines) => self.json(lines, &mut work)?,
        };
        let arrays = self.layout.table.iter().map(|column| {
            let array = column
                .from
                .and_then(|from| columns.get(from))
                .and_then(Clone::clone);
            array.unwrap_or_else(|| new_null_array(&arrow_type(&column.data_type), rows))
        });
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let made =
            RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays.collect(), &options)
                .map_err(|_| Error::BrokeOff)?;
        self.split(batch, made, work, done)
    }

    /// Parts the rows that go on from those that are held.
    fn split(
        &self,
        batch: &Batch,
        made: RecordBatch,
        work: Work<'_>,
        done: u64,
    ) -> Result<Converted> {
        let new = |row: usize| batch.numbers.get(row).is_some_and(|number| *number > done);
        let rows = if work.bad.is_empty() && new(0) {
            made
        } else {
            let keep: BooleanArray = (0..made.num_rows())
                .map(|row| Some(new(row) && !work.bad.contains_key(&row)))
                .collect();
            filter_record_batch(&made, &keep).map_err(|_| Error::BrokeOff)?
        };
        let mut held: Vec<Held> = batch
            .bad
            .iter()
            .filter(|bad| bad.number > done)
            .map(|bad| Held {
                record: bad.number,
                column: None,
                reason: bad.reason,
                value: bad.raw.clone(),
            })
            .collect();
        let mut bad: Vec<Reason> = held.iter().map(|held| held.reason).collect();
        for (row, column, value) in work.held {
            if new(row) && !work.bad.contains_key(&row) {
                let record = batch.numbers[row];
                held.push(Held {
                    record,
                    column: Some(column),
                    reason: Reason::UnknownColumn,
                    value,
                });
            }
        }
        for (row, (column, reason)) in work.bad {
            if new(row) {
                let column = Some(column).filter(|column| !column.is_empty());
                let value = self.record_text(batch, row);
                held.push(Held {
                    record: batch.numbers[row],
                    column,
                    reason,
                    value,
                });
                bad.push(reason);
            }
        }
        let records = batch
            .numbers
            .iter()
            .filter(|number| **number > done)
            .count()
            + batch.bad.iter().filter(|bad| bad.number > done).count();
        Ok(Converted {
            rows,
            held,
            counts: work.counts,
            bad,
            records,
            last: batch.last,
            chain: batch.chain.clone(),
        })
    }

    /// A record as it was read, as JSON.
    fn record_text(&self, batch: &Batch, row: usize) -> String {
        match &batch.body {
            Body::Json(lines) => lines.get(row).to_owned(),
            Body::Csv(fields) => {
                let mut text = String::from("{");
                for (index, column) in self.layout.columns.iter().enumerate() {
                    if index > 0 {
                        text.push(',');
                    }
                    json::write_text(&column.key, &mut text);
                    text.push(':');
                    json::write_text(fields.get(row, index), &mut text);
                }
                text.push('}');
                text
            }
        }
    }

    fn csv(
        &self,
        fields: &Fields,
        rows: usize,
        work: &mut Work<'_>,
    ) -> Result<Vec<Option<ArrayRef>>> {
        self.layout
            .columns
            .iter()
            .enumerate()
            .map(|(index, column)| {
                let values = (0..rows).map(|row| {
                    let field = fields.get(row, index);
                    (row, (!field.is_empty()).then_some(field))
                });
                array::of_fields(&column.node, values, rows, work)
            })
            .collect()
    }

    fn json(&self, lines: &Lines, work: &mut Work<'_>) -> Result<Vec<Option<ArrayRef>>> {
        let mut rows = Vec::with_capacity(lines.len());
        for row in 0..lines.len() {
            match object(lines, row)? {
                Ok(members) => rows.push(members),
                Err(reason) => {
                    work.bad.insert(row, (String::new(), reason));
                    rows.push(Vec::new());
                }
            }
        }
        let mut met = vec![0_usize; rows.len()];
        let mut columns = Vec::with_capacity(self.layout.columns.len());
        for (hint, column) in self.layout.columns.iter().enumerate() {
            let values: Vec<(usize, Option<&Json<'_>>)> = rows
                .iter()
                .enumerate()
                .map(|(row, members)| {
                    let found = array::member(members, &column.key, hint);
                    met[row] += usize::from(found.is_some());
                    (row, found)
                })
                .collect();
            columns.push(array::of_values(&column.node, &values, work)?);
        }
        for (row, members) in rows.iter().enumerate() {
            if met[row] == members.len() {
                continue;
            }
            for (key, value) in members {
                if !self.layout.columns.iter().any(|column| column.key == *key) {
                    work.hold_unknown(row, key, value);
                }
            }
        }
        Ok(columns)
    }
}

impl Work<'_> {
    /// Holds a value of a good row. True if there was one.
    fn hold(&mut self, row: usize, label: &str, value: &Json<'_>) -> bool {
        if *value == Json::Null {
            return false;
        }
        let mut text = String::new();
        match value {
            Json::Text(plain) => text.push_str(plain),
            other => json::write(other, &mut text),
        }
        self.held.push((row, label.to_owned(), text));
        true
    }

    /// Holds the value of a key that no plan knows.
    fn hold_unknown(&mut self, row: usize, key: &str, value: &Json<'_>) {
        let label = label(key);
        if self.hold(row, &label, value) {
            self.counts.add("unknown", &label, "quarantined", 1);
        }
    }

    fn spoil(&mut self, row: usize, column: &str, reason: Reason) {
        self.bad
            .entry(row)
            .or_insert_with(|| (column.to_owned(), reason));
    }
}

/// What a key that no plan knows is called: its own name, unless that is a value.
fn label(key: &str) -> String {
    if is_no_name(key) || key.chars().count() > 200 {
        "[KEY]".to_owned()
    } else {
        key.to_owned()
    }
}

#[cfg(test)]
mod tests;
