//! The SQL types of columns, without Arrow.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Name;

/// A named part of a struct.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Field {
    /// Its name.
    pub name: Name,
    /// Its type.
    pub data_type: LogicalType,
    /// Whether it may be NULL.
    pub nullable: bool,
}

/// The type of a column. Delta's primitive and nested types.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogicalType {
    /// True or false.
    Boolean,
    /// 8 bits, signed.
    TinyInt,
    /// 16 bits, signed.
    SmallInt,
    /// 32 bits, signed.
    Int,
    /// 64 bits, signed.
    BigInt,
    /// 32-bit floating point.
    Float,
    /// 64-bit floating point.
    Double,
    /// Exact decimal: precision (1 to 38) and scale.
    Decimal(u8, i8),
    /// UTF-8 text.
    String,
    /// Bytes.
    Binary,
    /// A day.
    Date,
    /// An instant (UTC, microseconds).
    Timestamp,
    /// A wall-clock time without zone (microseconds).
    TimestampNtz,
    /// Named fields.
    Struct(Vec<Field>),
    /// A list; the flag says whether elements may be NULL.
    Array(Box<LogicalType>, bool),
    /// A map from key to value; the flag says whether values may be NULL.
    Map(Box<LogicalType>, Box<LogicalType>, bool),
}

impl fmt::Display for LogicalType {
    /// As SQL writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean => f.write_str("BOOLEAN"),
            Self::TinyInt => f.write_str("TINYINT"),
            Self::SmallInt => f.write_str("SMALLINT"),
            Self::Int => f.write_str("INT"),
            Self::BigInt => f.write_str("BIGINT"),
            Self::Float => f.write_str("FLOAT"),
            Self::Double => f.write_str("DOUBLE"),
            Self::Decimal(precision, scale) => write!(f, "DECIMAL({precision},{scale})"),
            Self::String => f.write_str("STRING"),
            Self::Binary => f.write_str("BINARY"),
            Self::Date => f.write_str("DATE"),
            Self::Timestamp => f.write_str("TIMESTAMP"),
            Self::TimestampNtz => f.write_str("TIMESTAMP_NTZ"),
            Self::Struct(fields) => {
                f.write_str("STRUCT<")?;
                for (i, field) in fields.iter().enumerate() {
                    let comma = if i == 0 { "" } else { ", " };
                    write!(f, "{comma}{}: {}", field.name, field.data_type)?;
                    if !field.nullable {
                        f.write_str(" NOT NULL")?;
                    }
                }
                f.write_str(">")
            }
            Self::Array(element, _) => write!(f, "ARRAY<{element}>"),
            Self::Map(key, value, _) => write!(f, "MAP<{key}, {value}>"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_types_print_as_sql() {
        let name = |n: &str| Name::parse(n).unwrap();
        let address = LogicalType::Struct(vec![
            Field {
                name: name("ssn"),
                data_type: LogicalType::String,
                nullable: true,
            },
            Field {
                name: name("n"),
                data_type: LogicalType::Decimal(10, 2),
                nullable: false,
            },
        ]);
        assert_eq!(
            address.to_string(),
            "STRUCT<ssn: STRING, n: DECIMAL(10,2) NOT NULL>"
        );
    }
}
