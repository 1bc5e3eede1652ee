//! Partition values: out of batches, into the log's text form, and back.
//!
//! They never become folder names: a data file's path is its table and its id, and the values stand
//! in the sealed log only. What a reader would get wrong: an empty text is a value and not NULL,
//! although Delta's own readers take it for NULL; it goes out escaped.

use std::collections::HashMap;

use arrow::{
    array::{Array, ArrayRef, RecordBatch, UInt32Array},
    compute::take_record_batch,
    datatypes::{DataType, TimeUnit},
    row::{OwnedRow, RowConverter, SortField},
};
use chrono::{DateTime, NaiveDate, TimeDelta};
use datafusion::scalar::ScalarValue;
use lakeward_domain::Table;

use crate::{Error, Result, schema};

/// One value per partition column, outermost first.
pub(crate) type Values = Vec<Option<String>>;

/// Stands for the empty text; a text that begins with a backslash gets one more.
const EMPTY: &str = "\\";

/// Splits a batch in the table's order by its partition values. The parts have the file's columns.
pub(crate) fn split(table: &Table, batch: &RecordBatch) -> Result<Vec<(Values, RecordBatch)>> {
    let index = |id| {
        let position = table.columns.iter().position(|column| column.id == id);
        position.ok_or(Error::Columns { table: table.id })
    };
    let kept = table
        .columns
        .iter()
        .filter(|column| !table.partitioned_by.contains(&column.id))
        .map(|column| index(column.id))
        .collect::<Result<Vec<_>>>()?;
    let failed = |error| Error::library(&error, "split a batch by its partitions");
    let file = batch.project(&kept).map_err(failed)?;
    if table.partitioned_by.is_empty() {
        return Ok(vec![(Vec::new(), file)]);
    }
    let columns = table
        .partitioned_by
        .iter()
        .map(|id| Ok(ArrayRef::clone(batch.column(index(*id)?))))
        .collect::<Result<Vec<_>>>()?;
    let fields = columns
        .iter()
        .map(|column| SortField::new(column.data_type().clone()))
        .collect();
    let rows = RowConverter::new(fields)
        .and_then(|converter| converter.convert_columns(&columns))
        .map_err(failed)?;
    let mut groups: HashMap<OwnedRow, Vec<u32>> = HashMap::new();
    for (number, row) in rows.iter().enumerate() {
        let number = u32::try_from(number).map_err(|_| Error::Misuse {
            what: "a batch has too many rows",
        })?;
        groups.entry(row.owned()).or_default().push(number);
    }
    groups
        .into_values()
        .map(|numbers| {
            let first = numbers.first().copied().unwrap_or_default();
            let values = columns
                .iter()
                .map(|column| encode(column, first as usize))
                .collect::<Result<_>>()?;
            let part = take_record_batch(&file, &UInt32Array::from(numbers)).map_err(failed)?;
            Ok((values, part))
        })
        .collect()
}

fn encode(column: &ArrayRef, row: usize) -> Result<Option<String>> {
    if column.is_null(row) {
        return Ok(None);
    }
    let failed = |error| Error::library(&error, "read a partition value");
    let scalar = ScalarValue::try_from_array(column, row).map_err(failed)?;
    let unfit = || Error::Misuse {
        what: "a partition value is out of range",
    };
    Ok(Some(match scalar {
        ScalarValue::Utf8View(Some(text)) | ScalarValue::Utf8(Some(text)) => {
            if text.is_empty() || text.starts_with('\\') {
                format!("{EMPTY}{text}")
            } else {
                text
            }
        }
        ScalarValue::Date32(Some(days)) => NaiveDate::default()
            .checked_add_signed(TimeDelta::days(i64::from(days)))
            .ok_or_else(unfit)?
            .to_string(),
        ScalarValue::TimestampMicrosecond(Some(micros), _) => {
            DateTime::from_timestamp_micros(micros)
                .ok_or_else(unfit)?
                .format("%Y-%m-%d %H:%M:%S%.6f")
                .to_string()
        }
        other => match other.cast_to(&DataType::Utf8).map_err(failed)? {
            ScalarValue::Utf8(Some(text)) => text,
            _ => return Err(unfit()),
        },
    }))
}

/// A value as the log has it, back in the column's type.
pub(crate) fn decode(text: Option<&str>, data_type: &DataType) -> Option<ScalarValue> {
    let Some(text) = text else {
        return ScalarValue::try_from(data_type).ok();
    };
    match data_type {
        DataType::Utf8View => {
            let text = text.strip_prefix(EMPTY).unwrap_or(text);
            Some(ScalarValue::Utf8View(Some(text.to_owned())))
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let naive = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f").ok()?;
            Some(ScalarValue::TimestampMicrosecond(
                Some(naive.and_utc().timestamp_micros()),
                zone.clone(),
            ))
        }
        DataType::Date32 => {
            let date: NaiveDate = text.parse().ok()?;
            let days = date.signed_duration_since(NaiveDate::default()).num_days();
            Some(ScalarValue::Date32(Some(i32::try_from(days).ok()?)))
        }
        other => ScalarValue::try_from_string(text.to_owned(), other).ok(),
    }
}

/// The types of the partition columns, outermost first.
pub(crate) fn types(table: &Table) -> Result<Vec<DataType>> {
    table
        .partitioned_by
        .iter()
        .map(|id| {
            let column = table.column_by_id(*id);
            let column = column.ok_or(Error::Columns { table: table.id })?;
            Ok(schema::arrow_type(&column.data_type))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_comes_back_from_its_text() {
        let cases = [
            ScalarValue::Utf8View(Some(String::new())),
            ScalarValue::Utf8View(Some("\\".into())),
            ScalarValue::Utf8View(Some("north/east=1".into())),
            ScalarValue::Utf8View(None),
            ScalarValue::Boolean(Some(true)),
            ScalarValue::Int8(Some(-7)),
            ScalarValue::Int64(Some(i64::MIN)),
            ScalarValue::Int32(None),
            ScalarValue::Decimal128(Some(-12_345), 10, 2),
            ScalarValue::Date32(Some(-719_000)),
            ScalarValue::Date32(Some(19_782)),
            ScalarValue::TimestampMicrosecond(Some(1_709_210_096_000_007), Some("UTC".into())),
            ScalarValue::TimestampMicrosecond(Some(-1), None),
        ];
        for case in cases {
            let array = case.to_array().unwrap();
            let text = encode(&array, 0).unwrap();
            let back = decode(text.as_deref(), &case.data_type()).unwrap();
            assert_eq!(back, case, "{text:?}");
        }
    }
}
