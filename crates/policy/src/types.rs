//! SQL type names, in the spellings of Spark, Databricks and PostgreSQL.

use lakeward_domain::{Field, LogicalType, Name};
use sqlparser::ast::{ArrayElemTypeDef, DataType, ExactNumberInfo, TimezoneInfo};

use crate::{Error, Result};

/// The column type that a SQL type means.
///
/// # Errors
/// [`Error::Type`] for types that no column can have.
pub fn parse_type(data_type: &DataType) -> Result<LogicalType> {
    use DataType as D;
    let refuse = || Err(Error::Type(shown(data_type)));
    Ok(match data_type {
        D::Bool | D::Boolean => LogicalType::Boolean,
        D::TinyInt(_) => LogicalType::TinyInt,
        D::SmallInt(_) | D::Int2(_) | D::Int16 => LogicalType::SmallInt,
        D::Int(_) | D::Integer(_) | D::Int4(_) | D::Int32 => LogicalType::Int,
        D::BigInt(_) | D::Int8(_) | D::Int64 => LogicalType::BigInt,
        D::Float(ExactNumberInfo::None) | D::Real | D::Float4 | D::Float32 => LogicalType::Float,
        // FLOAT(p) is single up to 24 bits and double up to 53, in PostgreSQL and the standard.
        D::Float(ExactNumberInfo::Precision(1..=24)) => LogicalType::Float,
        D::Float(ExactNumberInfo::Precision(25..=53)) => LogicalType::Double,
        D::Double(ExactNumberInfo::None) | D::DoublePrecision | D::Float8 | D::Float64 => {
            LogicalType::Double
        }
        D::Decimal(info) | D::Numeric(info) | D::Dec(info) => decimal(*info)?,
        // A length is a promise this lake does not keep, so it is not taken.
        D::String(None)
        | D::Text
        | D::Varchar(None)
        | D::CharacterVarying(None)
        | D::CharVarying(None)
        | D::Nvarchar(None) => LogicalType::String,
        D::Varchar(Some(_)) | D::CharacterVarying(Some(_)) | D::CharVarying(Some(_)) => {
            LogicalType::String
        }
        D::Binary(None) | D::Varbinary(None) | D::Bytea | D::Blob(None) | D::Bytes(None) => {
            LogicalType::Binary
        }
        D::Date => LogicalType::Date,
        D::Timestamp(precision, zone) if micros(*precision) => match zone {
            TimezoneInfo::None | TimezoneInfo::WithTimeZone | TimezoneInfo::Tz => {
                LogicalType::Timestamp
            }
            TimezoneInfo::WithoutTimeZone => LogicalType::TimestampNtz,
        },
        D::TimestampNtz(precision) if micros(*precision) => LogicalType::TimestampNtz,
        D::Struct(fields, _) if !fields.is_empty() => {
            let mut parsed: Vec<Field> = Vec::with_capacity(fields.len());
            for field in fields {
                let (Some(name), None) = (&field.field_name, &field.options) else {
                    return refuse();
                };
                let name = Name::parse(&name.value)?;
                if parsed.iter().any(|other| other.name == name) {
                    return Err(Error::Type(format!("struct with two fields {name}")));
                }
                parsed.push(Field {
                    name,
                    data_type: parse_type(&field.field_type)?,
                    nullable: true,
                });
            }
            LogicalType::Struct(parsed)
        }
        D::Array(
            ArrayElemTypeDef::AngleBracket(element)
            | ArrayElemTypeDef::Parenthesis(element)
            | ArrayElemTypeDef::SquareBracket(element, None),
        ) => LogicalType::Array(Box::new(parse_type(element)?), true),
        D::Map(key, value) => LogicalType::Map(
            Box::new(parse_type(key)?),
            Box::new(parse_type(value)?),
            true,
        ),
        D::Custom(name, arguments) if arguments.is_empty() => {
            match name.to_string().to_ascii_lowercase().as_str() {
                "long" => LogicalType::BigInt,
                "short" => LogicalType::SmallInt,
                "byte" => LogicalType::TinyInt,
                "timestamp_ltz" => LogicalType::Timestamp,
                "timestamp_ntz" => LogicalType::TimestampNtz,
                _ => return refuse(),
            }
        }
        _ => return refuse(),
    })
}

/// Timestamps are kept in microseconds; a finer promise would be broken.
fn micros(precision: Option<u64>) -> bool {
    precision.is_none_or(|p| p <= 6)
}

fn decimal(info: ExactNumberInfo) -> Result<LogicalType> {
    // Spark: DECIMAL is DECIMAL(10,0).
    let (precision, scale) = match info {
        ExactNumberInfo::None => (10, 0),
        ExactNumberInfo::Precision(precision) => (precision, 0),
        ExactNumberInfo::PrecisionAndScale(precision, scale) => (precision, scale),
    };
    match (u8::try_from(precision), i8::try_from(scale)) {
        (Ok(p @ 1..=38), Ok(s)) if s >= 0 && s.unsigned_abs() <= p => {
            Ok(LogicalType::Decimal(p, s))
        }
        _ => Err(Error::Type(format!("DECIMAL({precision},{scale})"))),
    }
}

/// The first word only: the rest may hold names or literals.
fn shown(data_type: &DataType) -> String {
    data_type
        .to_string()
        .chars()
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
        .take(32)
        .collect()
}

#[cfg(test)]
mod tests {
    use sqlparser::{
        dialect::{Dialect, GenericDialect, SparkSqlDialect},
        parser::Parser,
    };

    use super::*;

    fn parse(sql: &str) -> Result<LogicalType> {
        let parsed = |dialect: &dyn Dialect| {
            Parser::new(dialect)
                .try_with_sql(sql)
                .and_then(|mut p| p.parse_data_type())
        };
        parse_type(
            &parsed(&GenericDialect {})
                .or_else(|_| parsed(&SparkSqlDialect {}))
                .unwrap(),
        )
    }

    #[test]
    fn the_spellings_of_three_vendors_mean_the_same_types() {
        for (sql, printed) in [
            ("STRING", "STRING"),
            ("text", "STRING"),
            ("VARCHAR", "STRING"),
            ("varchar(20)", "STRING"),
            ("character varying", "STRING"),
            ("BOOLEAN", "BOOLEAN"),
            ("bool", "BOOLEAN"),
            ("TINYINT", "TINYINT"),
            ("SMALLINT", "SMALLINT"),
            ("INT", "INT"),
            ("INTEGER", "INT"),
            ("int4", "INT"),
            ("BIGINT", "BIGINT"),
            ("LONG", "BIGINT"),
            ("int8", "BIGINT"),
            ("FLOAT", "FLOAT"),
            ("REAL", "FLOAT"),
            ("float(53)", "DOUBLE"),
            ("DOUBLE", "DOUBLE"),
            ("DOUBLE PRECISION", "DOUBLE"),
            ("DECIMAL", "DECIMAL(10,0)"),
            ("NUMERIC(10)", "DECIMAL(10,0)"),
            ("DECIMAL(12, 2)", "DECIMAL(12,2)"),
            ("BINARY", "BINARY"),
            ("BYTEA", "BINARY"),
            ("DATE", "DATE"),
            ("TIMESTAMP", "TIMESTAMP"),
            ("TIMESTAMP WITH TIME ZONE", "TIMESTAMP"),
            ("TIMESTAMPTZ", "TIMESTAMP"),
            ("TIMESTAMP WITHOUT TIME ZONE", "TIMESTAMP_NTZ"),
            ("TIMESTAMP_NTZ", "TIMESTAMP_NTZ"),
            ("STRUCT<a: INT, b: STRING>", "STRUCT<a: INT, b: STRING>"),
            ("STRUCT<a INT>", "STRUCT<a: INT>"),
            ("ARRAY<STRUCT<a: INT>>", "ARRAY<STRUCT<a: INT>>"),
            ("INT[]", "ARRAY<INT>"),
            ("MAP<STRING, ARRAY<DATE>>", "MAP<STRING, ARRAY<DATE>>"),
        ] {
            assert_eq!(
                parse(sql).map(|t| t.to_string()),
                Ok(printed.to_owned()),
                "{sql}"
            );
        }
    }

    #[test]
    fn types_that_no_column_can_have_are_refused_by_name() {
        for (sql, named) in [
            ("UUID", "UUID"),
            ("DECIMAL(39,0)", "DECIMAL(39,0)"),
            ("DECIMAL(5,6)", "DECIMAL(5,6)"),
            ("TIME", "TIME"),
            ("TIMESTAMP(9)", "TIMESTAMP"),
            ("JSON", "JSON"),
            ("geography", "geography"),
            ("CHAR(3)", "CHAR"),
        ] {
            assert_eq!(parse(sql), Err(Error::Type(named.to_owned())), "{sql}");
        }
    }
}
