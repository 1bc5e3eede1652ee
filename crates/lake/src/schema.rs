//! Logical types in Arrow, Delta and Parquet.
//!
//! Columns are named by id everywhere below this line. What a reader would get wrong: top-level
//! text and bytes are *view* types (`Utf8View`, `BinaryView`), because that is what DataFusion's
//! Parquet scan yields without a copy; inside structs, lists and maps they are plain `Utf8` and
//! `Binary`, since the scan turns top-level fields only.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field as ArrowField, Fields, Schema, SchemaRef, TimeUnit};
use deltalake::kernel::{
    ArrayType, DataType as DeltaType, MapType, PrimitiveType, StructField, StructType,
};
use lakeward_domain::{Class, Column, ColumnId, Field, LogicalType, Name, Table};

use crate::{Error, Result};

/// The zone of all instants.
pub(crate) const UTC: &str = "UTC";

/// The table as batches see it: every column in the table's order, named by id.
#[must_use]
pub fn arrow_schema(table: &Table) -> SchemaRef {
    Arc::new(Schema::new(
        table.columns.iter().map(arrow_field).collect::<Vec<_>>(),
    ))
}

/// One top-level column.
#[must_use]
pub fn arrow_field(column: &Column) -> ArrowField {
    ArrowField::new(
        column.id.to_string(),
        arrow_type(&column.data_type),
        column.nullable,
    )
}

/// The Arrow type of a top-level column.
#[must_use]
pub fn arrow_type(logical: &LogicalType) -> DataType {
    match logical {
        LogicalType::String => DataType::Utf8View,
        LogicalType::Binary => DataType::BinaryView,
        other => nested_type(other),
    }
}

fn nested_type(logical: &LogicalType) -> DataType {
    match logical {
        LogicalType::Boolean => DataType::Boolean,
        LogicalType::TinyInt => DataType::Int8,
        LogicalType::SmallInt => DataType::Int16,
        LogicalType::Int => DataType::Int32,
        LogicalType::BigInt => DataType::Int64,
        LogicalType::Float => DataType::Float32,
        LogicalType::Double => DataType::Float64,
        LogicalType::Decimal(precision, scale) => DataType::Decimal128(*precision, *scale),
        LogicalType::String => DataType::Utf8,
        LogicalType::Binary => DataType::Binary,
        LogicalType::Date => DataType::Date32,
        LogicalType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
        LogicalType::TimestampNtz => DataType::Timestamp(TimeUnit::Microsecond, None),
        LogicalType::Struct(fields) => DataType::Struct(
            fields
                .iter()
                .map(|field| {
                    ArrowField::new(
                        field.name.as_str(),
                        nested_type(&field.data_type),
                        field.nullable,
                    )
                })
                .collect::<Fields>(),
        ),
        LogicalType::Array(element, nullable) => DataType::List(Arc::new(ArrowField::new(
            "element",
            nested_type(element),
            *nullable,
        ))),
        LogicalType::Map(key, value, nullable) => DataType::Map(
            Arc::new(ArrowField::new(
                "key_value",
                DataType::Struct(Fields::from(vec![
                    ArrowField::new("key", nested_type(key), false),
                    ArrowField::new("value", nested_type(value), *nullable),
                ])),
                false,
            )),
            false,
        ),
    }
}

/// The logical type that an Arrow type stands for, whichever of its spellings: all text types are
/// STRING, all instants are microseconds. None for types that tables do not have.
#[must_use]
pub fn logical_type(arrow: &DataType) -> Option<LogicalType> {
    Some(match arrow {
        DataType::Boolean => LogicalType::Boolean,
        DataType::Int8 => LogicalType::TinyInt,
        DataType::Int16 | DataType::UInt8 => LogicalType::SmallInt,
        DataType::Int32 | DataType::UInt16 => LogicalType::Int,
        DataType::Int64 | DataType::UInt32 => LogicalType::BigInt,
        DataType::UInt64 => LogicalType::Decimal(20, 0),
        DataType::Float16 | DataType::Float32 => LogicalType::Float,
        DataType::Float64 => LogicalType::Double,
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale) => LogicalType::Decimal(*precision, *scale),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => LogicalType::String,
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => LogicalType::Binary,
        DataType::Date32 | DataType::Date64 => LogicalType::Date,
        DataType::Timestamp(_, Some(_)) => LogicalType::Timestamp,
        DataType::Timestamp(_, None) => LogicalType::TimestampNtz,
        DataType::Dictionary(_, value) => logical_type(value)?,
        DataType::Struct(fields) => LogicalType::Struct(
            fields
                .iter()
                .map(|field| {
                    Some(Field {
                        name: Name::parse(field.name()).ok()?,
                        data_type: logical_type(field.data_type())?,
                        nullable: field.is_nullable(),
                    })
                })
                .collect::<Option<_>>()?,
        ),
        DataType::List(element)
        | DataType::LargeList(element)
        | DataType::ListView(element)
        | DataType::FixedSizeList(element, _) => LogicalType::Array(
            Box::new(logical_type(element.data_type())?),
            element.is_nullable(),
        ),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) => match fields.as_ref() {
                [key, value] => LogicalType::Map(
                    Box::new(logical_type(key.data_type())?),
                    Box::new(logical_type(value.data_type())?),
                    value.is_nullable(),
                ),
                _ => return None,
            },
            _ => return None,
        },
        _ => return None,
    })
}

/// What stands in the Parquet files: every column but the partition columns.
pub(crate) fn file_schema(table: &Table) -> SchemaRef {
    Arc::new(Schema::new(
        table
            .columns
            .iter()
            .filter(|column| !table.partitioned_by.contains(&column.id))
            .map(arrow_field)
            .collect::<Vec<_>>(),
    ))
}

/// The table as the Delta log declares it.
pub(crate) fn delta_schema(table: &Table) -> Result<StructType> {
    let fields = table
        .columns
        .iter()
        .map(|column| {
            Ok(StructField::new(
                column.id.to_string(),
                delta_type(&column.data_type)?,
                column.nullable,
            ))
        })
        .collect::<Result<Vec<_>>>()?;
    StructType::try_new(fields).map_err(|error| Error::library(&error, "declare the table"))
}

fn delta_type(logical: &LogicalType) -> Result<DeltaType> {
    let primitive = match logical {
        LogicalType::Boolean => PrimitiveType::Boolean,
        LogicalType::TinyInt => PrimitiveType::Byte,
        LogicalType::SmallInt => PrimitiveType::Short,
        LogicalType::Int => PrimitiveType::Integer,
        LogicalType::BigInt => PrimitiveType::Long,
        LogicalType::Float => PrimitiveType::Float,
        LogicalType::Double => PrimitiveType::Double,
        LogicalType::Decimal(precision, scale) => {
            let scale = u8::try_from(*scale).map_err(|_| Error::Misuse {
                what: "a decimal has a negative scale",
            })?;
            PrimitiveType::decimal(*precision, scale).map_err(|_| Error::Misuse {
                what: "a decimal is out of range",
            })?
        }
        LogicalType::String => PrimitiveType::String,
        LogicalType::Binary => PrimitiveType::Binary,
        LogicalType::Date => PrimitiveType::Date,
        LogicalType::Timestamp => PrimitiveType::Timestamp,
        LogicalType::TimestampNtz => PrimitiveType::TimestampNtz,
        LogicalType::Struct(fields) => {
            let fields = fields
                .iter()
                .map(|field| {
                    Ok(StructField::new(
                        field.name.as_str(),
                        delta_type(&field.data_type)?,
                        field.nullable,
                    ))
                })
                .collect::<Result<Vec<_>>>()?;
            return DeltaType::try_struct_type(fields)
                .map_err(|error| Error::library(&error, "declare the table"));
        }
        LogicalType::Array(element, nullable) => {
            return Ok(ArrayType::new(delta_type(element)?, *nullable).into());
        }
        LogicalType::Map(key, value, nullable) => {
            return Ok(MapType::new(delta_type(key)?, delta_type(value)?, *nullable).into());
        }
    };
    Ok(DeltaType::Primitive(primitive))
}

/// Whether any part of a type is a wall-clock time, which Delta has as a table feature.
pub(crate) fn has_ntz(logical: &LogicalType) -> bool {
    match logical {
        LogicalType::TimestampNtz => true,
        LogicalType::Struct(fields) => fields.iter().any(|field| has_ntz(&field.data_type)),
        LogicalType::Array(element, _) => has_ntz(element),
        LogicalType::Map(key, value, _) => has_ntz(key) || has_ntz(value),
        _ => false,
    }
}

/// Columns whose statistics may stand in the log: open ones of a type with an order, and no
/// partition columns.
pub(crate) fn stats_columns(table: &Table) -> Vec<ColumnId> {
    table
        .columns
        .iter()
        .filter(|column| {
            table.class(column) == Class::Open
                && !table.partitioned_by.contains(&column.id)
                && has_stats(&column.data_type)
        })
        .map(|column| column.id)
        .collect()
}

fn has_stats(logical: &LogicalType) -> bool {
    !matches!(
        logical,
        LogicalType::Binary
            | LogicalType::Float
            | LogicalType::Double
            | LogicalType::Struct(_)
            | LogicalType::Array(..)
            | LogicalType::Map(..)
    )
}

/// Refuses partition columns that would show PHI in the log or have no exact text form.
pub(crate) fn check_partitioning(table: &Table) -> Result<()> {
    for id in &table.partitioned_by {
        let refuse = |reason| Error::Partition {
            column: *id,
            reason,
        };
        let column = table
            .column_by_id(*id)
            .ok_or_else(|| refuse("the table does not have it"))?;
        if table.class(column) == Class::Phi {
            return Err(refuse("it is tagged as PHI"));
        }
        match column.data_type {
            LogicalType::Float
            | LogicalType::Double
            | LogicalType::Binary
            | LogicalType::Struct(_)
            | LogicalType::Array(..)
            | LogicalType::Map(..) => return Err(refuse("its type has no exact text form")),
            _ => {}
        }
    }
    if !table.columns.is_empty() && table.partitioned_by.len() == table.columns.len() {
        return Err(Error::Misuse {
            what: "a table needs a column that it is not partitioned by",
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    #[test]
    fn every_type_survives_the_way_through_arrow() {
        let text = Box::new(LogicalType::String);
        let cases = [
            LogicalType::Boolean,
            LogicalType::TinyInt,
            LogicalType::SmallInt,
            LogicalType::Int,
            LogicalType::BigInt,
            LogicalType::Float,
            LogicalType::Double,
            LogicalType::Decimal(38, 18),
            LogicalType::String,
            LogicalType::Binary,
            LogicalType::Date,
            LogicalType::Timestamp,
            LogicalType::TimestampNtz,
            LogicalType::Array(text.clone(), true),
            LogicalType::Map(text.clone(), Box::new(LogicalType::BigInt), false),
            LogicalType::Struct(vec![Field {
                name: name("ssn"),
                data_type: LogicalType::Array(text, false),
                nullable: true,
            }]),
        ];
        for case in cases {
            assert_eq!(
                logical_type(&arrow_type(&case)),
                Some(case.clone()),
                "{case}"
            );
            assert!(delta_type(&case).is_ok(), "{case}");
        }
    }

    #[test]
    fn only_top_level_text_is_a_view() {
        assert_eq!(arrow_type(&LogicalType::String), DataType::Utf8View);
        let DataType::List(element) =
            arrow_type(&LogicalType::Array(Box::new(LogicalType::String), true))
        else {
            panic!("a list");
        };
        assert_eq!(*element.data_type(), DataType::Utf8);
    }
}
