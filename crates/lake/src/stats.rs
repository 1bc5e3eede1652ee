//! File statistics in the log: only of open columns, and never more than bounds.
//!
//! The log is sealed under one key per table, so what stands in it is readable to whoever may read
//! anything of the table. Statistics of sensitive columns therefore stay in the column-encrypted
//! footer. What a reader would get wrong: a minimum or maximum here may be a shortened text, so it
//! bounds the values and need not be one.

use std::collections::BTreeMap;

use arrow::{
    array::{Array, ArrayRef},
    datatypes::DataType,
};
use chrono::{DateTime, NaiveDate, TimeDelta};
use datafusion::scalar::ScalarValue;
use lakeward_domain::ColumnId;
use parquet::{
    arrow::arrow_reader::statistics::StatisticsConverter, file::metadata::ParquetMetaData,
};
use serde_json::{Map, Number, Value};

/// Bounds of one column in one file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bounds {
    /// NULLs.
    pub(crate) nulls: u64,
    /// Lower and upper bound; none when all is NULL or no bound is known.
    pub(crate) range: Option<(ScalarValue, ScalarValue)>,
}

/// What the log says of a file.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct FileStats {
    pub(crate) rows: u64,
    pub(crate) columns: BTreeMap<ColumnId, Bounds>,
}

/// Statistics of these columns from a written file's footer.
pub(crate) fn collect(
    metadata: &ParquetMetaData,
    schema: &arrow::datatypes::Schema,
    columns: &[ColumnId],
) -> FileStats {
    let mut stats = FileStats {
        rows: u64::try_from(metadata.file_metadata().num_rows()).unwrap_or_default(),
        columns: BTreeMap::new(),
    };
    for column in columns {
        if let Some(bounds) = column_bounds(metadata, schema, *column) {
            stats.columns.insert(*column, bounds);
        }
    }
    stats
}

fn column_bounds(
    metadata: &ParquetMetaData,
    schema: &arrow::datatypes::Schema,
    column: ColumnId,
) -> Option<Bounds> {
    let groups = metadata.row_groups();
    let parquet = metadata.file_metadata().schema_descr();
    let converter = StatisticsConverter::try_new(&column.to_string(), schema, parquet).ok()?;
    let counts = converter.row_group_null_counts(groups).ok()?;
    let mins = converter.row_group_mins(groups).ok()?;
    let maxes = converter.row_group_maxes(groups).ok()?;
    let mut bounds = Bounds {
        nulls: 0,
        range: None,
    };
    let mut bounded = true;
    for (number, group) in groups.iter().enumerate() {
        if counts.is_null(number) {
            return None;
        }
        let nulls = counts.value(number);
        bounds.nulls += nulls;
        if i64::try_from(nulls).ok()? == group.num_rows() {
            continue;
        }
        match (value(&mins, number), value(&maxes, number)) {
            (Some(low), Some(high)) if bounded => {
                bounds.range = Some(match bounds.range.take() {
                    None => (low, high),
                    Some((min, max)) => (
                        if low < min { low } else { min },
                        if high > max { high } else { max },
                    ),
                });
            }
            _ => bounded = false,
        }
    }
    if !bounded {
        bounds.range = None;
    }
    Some(bounds)
}

fn value(array: &ArrayRef, row: usize) -> Option<ScalarValue> {
    if array.is_null(row) {
        return None;
    }
    ScalarValue::try_from_array(array, row).ok()
}

impl FileStats {
    /// As the `stats` of a Delta `add` action.
    pub(crate) fn to_json(&self) -> String {
        let (mut nulls, mut mins, mut maxes) = (Map::new(), Map::new(), Map::new());
        for (column, bounds) in &self.columns {
            let name = column.to_string();
            nulls.insert(name.clone(), bounds.nulls.into());
            if let Some((low, high)) = &bounds.range
                && let (Some(low), Some(high)) = (to_value(low), to_value(high))
            {
                mins.insert(name.clone(), low);
                maxes.insert(name, high);
            }
        }
        let mut stats = Map::new();
        stats.insert("numRecords".into(), self.rows.into());
        stats.insert("minValues".into(), mins.into());
        stats.insert("maxValues".into(), maxes.into());
        stats.insert("nullCount".into(), nulls.into());
        Value::Object(stats).to_string()
    }

    /// Reads [`FileStats::to_json`], taking only what the given columns' types can hold.
    pub(crate) fn from_json(text: &str, types: &BTreeMap<ColumnId, DataType>) -> Option<Self> {
        let stats: Value = serde_json::from_str(text).ok()?;
        let rows = stats.get("numRecords")?.as_u64()?;
        let mut columns = BTreeMap::new();
        for (column, data_type) in types {
            let name = column.to_string();
            let part = |key: &str| stats.get(key)?.get(&name).filter(|value| !value.is_null());
            let Some(nulls) = part("nullCount").and_then(Value::as_u64) else {
                continue;
            };
            let bound = |key| part(key).and_then(|value| from_value(value, data_type));
            columns.insert(
                *column,
                Bounds {
                    nulls,
                    range: bound("minValues").zip(bound("maxValues")),
                },
            );
        }
        Some(Self { rows, columns })
    }
}

/// Digits that JSON numbers keep as readers of doubles read them.
const EXACT_DIGITS: u32 = 15;

fn to_value(scalar: &ScalarValue) -> Option<Value> {
    Some(match scalar {
        ScalarValue::Int8(Some(v)) => (*v).into(),
        ScalarValue::Int16(Some(v)) => (*v).into(),
        ScalarValue::Int32(Some(v)) => (*v).into(),
        ScalarValue::Int64(Some(v)) => (*v).into(),
        ScalarValue::Utf8(Some(v)) | ScalarValue::Utf8View(Some(v)) => v.clone().into(),
        ScalarValue::Date32(Some(days)) => NaiveDate::default()
            .checked_add_signed(TimeDelta::days(i64::from(*days)))?
            .to_string()
            .into(),
        ScalarValue::TimestampMicrosecond(Some(micros), zone) => {
            let format = if zone.is_some() {
                "%Y-%m-%dT%H:%M:%S%.6fZ"
            } else {
                "%Y-%m-%dT%H:%M:%S%.6f"
            };
            DateTime::from_timestamp_micros(*micros)?
                .format(format)
                .to_string()
                .into()
        }
        ScalarValue::Decimal128(Some(unscaled), _, scale) => {
            let digits = unscaled.unsigned_abs().checked_ilog10().unwrap_or(0) + 1;
            if digits > EXACT_DIGITS || *scale < 0 {
                return None;
            }
            // Below 10^15 both conversions are exact and so is the shortest decimal of the quotient.
            let divisor = 10_i64.checked_pow(u32::try_from(*scale).ok()?)?;
            let unscaled = i64::try_from(*unscaled).ok()?;
            Value::Number(Number::from_f64(unscaled as f64 / divisor as f64)?)
        }
        _ => return None,
    })
}

fn from_value(value: &Value, data_type: &DataType) -> Option<ScalarValue> {
    match data_type {
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => {
            ScalarValue::Int64(Some(value.as_i64()?))
                .cast_to(data_type)
                .ok()
        }
        DataType::Utf8View => Some(ScalarValue::Utf8View(Some(value.as_str()?.to_owned()))),
        DataType::Date32 | DataType::Timestamp(..) => {
            ScalarValue::try_from_string(value.as_str()?.to_owned(), data_type).ok()
        }
        DataType::Decimal128(_, scale) => {
            let scale = usize::try_from(*scale).ok()?;
            let text = format!("{:.scale$}", value.as_f64()?);
            ScalarValue::try_from_string(text, data_type).ok()
        }
        _ => None,
    }
}

/// Statistics of many files, as pruning wants them.
#[derive(Debug)]
pub(crate) struct Pruning<'a> {
    pub(crate) files: Vec<&'a FileStats>,
    /// Partition values per file, for partition columns.
    pub(crate) partitions: BTreeMap<ColumnId, Vec<ScalarValue>>,
    /// Columns that may be looked at, with their types.
    pub(crate) types: BTreeMap<ColumnId, DataType>,
}

impl Pruning<'_> {
    fn column(&self, column: &datafusion::common::Column) -> Option<(ColumnId, &DataType)> {
        let id = column.name.parse().ok()?;
        Some((id, self.types.get(&id)?))
    }

    fn bounds(
        &self,
        column: &datafusion::common::Column,
        pick: impl Fn(&(ScalarValue, ScalarValue)) -> &ScalarValue,
    ) -> Option<ArrayRef> {
        let (id, data_type) = self.column(column)?;
        if let Some(values) = self.partitions.get(&id) {
            return ScalarValue::iter_to_array(values.iter().cloned()).ok();
        }
        let null = ScalarValue::try_from(data_type).ok()?;
        let values = self.files.iter().map(|file| {
            let range = file.columns.get(&id).and_then(|b| b.range.as_ref());
            range.map_or_else(|| null.clone(), |range| pick(range).clone())
        });
        ScalarValue::iter_to_array(values).ok()
    }
}

impl datafusion::common::pruning::PruningStatistics for Pruning<'_> {
    fn min_values(&self, column: &datafusion::common::Column) -> Option<ArrayRef> {
        self.bounds(column, |range| &range.0)
    }

    fn max_values(&self, column: &datafusion::common::Column) -> Option<ArrayRef> {
        self.bounds(column, |range| &range.1)
    }

    fn num_containers(&self) -> usize {
        self.files.len()
    }

    fn null_counts(&self, column: &datafusion::common::Column) -> Option<ArrayRef> {
        let (id, _) = self.column(column)?;
        let counts: Vec<Option<u64>> = match self.partitions.get(&id) {
            Some(values) => values
                .iter()
                .zip(&self.files)
                .map(|(value, file)| Some(if value.is_null() { file.rows } else { 0 }))
                .collect(),
            None => self
                .files
                .iter()
                .map(|file| Some(file.columns.get(&id)?.nulls))
                .collect(),
        };
        Some(std::sync::Arc::new(arrow::array::UInt64Array::from(counts)))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        let counts = self.files.iter().map(|file| file.rows);
        let counts = arrow::array::UInt64Array::from_iter_values(counts);
        Some(std::sync::Arc::new(counts))
    }

    fn contained(
        &self,
        _column: &datafusion::common::Column,
        _values: &std::collections::HashSet<ScalarValue>,
    ) -> Option<arrow::array::BooleanArray> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_survive_their_json() {
        let zone = Some("UTC".into());
        let ranges = [
            (ScalarValue::Int8(Some(-1)), ScalarValue::Int8(Some(7))),
            (
                ScalarValue::Int64(Some(i64::MIN)),
                ScalarValue::Int64(Some(i64::MAX)),
            ),
            (
                ScalarValue::Utf8View(Some(String::new())),
                ScalarValue::Utf8View(Some("\"z\"".into())),
            ),
            (
                ScalarValue::Date32(Some(-719_000)),
                ScalarValue::Date32(Some(19_782)),
            ),
            (
                ScalarValue::TimestampMicrosecond(Some(-1), zone.clone()),
                ScalarValue::TimestampMicrosecond(Some(1_709_210_096_000_007), zone),
            ),
            (
                ScalarValue::TimestampMicrosecond(Some(0), None),
                ScalarValue::TimestampMicrosecond(Some(1), None),
            ),
            (
                ScalarValue::Decimal128(Some(-999_999_999_999_999), 20, 2),
                ScalarValue::Decimal128(Some(1), 20, 2),
            ),
        ];
        for range in ranges {
            let column = ColumnId::random();
            let types = BTreeMap::from([(column, range.0.data_type())]);
            let bounds = Bounds {
                nulls: 3,
                range: Some(range),
            };
            let stats = FileStats {
                rows: 9,
                columns: BTreeMap::from([(column, bounds)]),
            };
            assert_eq!(FileStats::from_json(&stats.to_json(), &types), Some(stats));
        }
    }

    #[test]
    fn a_decimal_that_json_would_round_has_no_bound() {
        assert!(to_value(&ScalarValue::Decimal128(Some(10_i128.pow(15)), 38, 0)).is_none());
    }
}
