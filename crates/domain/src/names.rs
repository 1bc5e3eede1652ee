//! Names that people give to things.
//!
//! Names are case-insensitive and kept in lower case, as in Spark and PostgreSQL. They live in the
//! sealed catalog only; on disk there are ids.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The schema that an unqualified table name means.
pub const DEFAULT_SCHEMA: &str = "default";
/// The one catalog of a lake, as SQL calls it.
pub const CATALOG: &str = "lake";

/// A text that cannot be a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a valid name: names have 1 to 255 characters, none of them a control character, dot, slash, quote or back-tick"
)]
pub struct InvalidName;

/// The name of a schema, table, column, function, user or group.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Name(String);

impl Name {
    /// Parses and folds to lower case.
    ///
    /// # Errors
    /// [`InvalidName`] for an empty, over-long or unprintable text.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let folded = text.trim().to_lowercase();
        let fits = (1..=255).contains(&folded.chars().count());
        let clean = !folded
            .chars()
            .any(|c| c.is_control() || matches!(c, '.' | '/' | '\\' | '"' | '\'' | '`'));
        if fits && clean {
            Ok(Self(folded))
        } else {
            Err(InvalidName)
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        Self::parse(text)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A table (or function) name with its schema.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TableName {
    /// The schema.
    pub schema: Name,
    /// The table.
    pub table: Name,
}

impl TableName {
    /// A name from its parts, outermost first: `table`, `schema.table` or `lake.schema.table`.
    ///
    /// # Errors
    /// [`InvalidName`] for no, too many or unusable parts, or another catalog than this lake.
    pub fn from_parts(parts: &[&str]) -> Result<Self, InvalidName> {
        match parts {
            [table] => Ok(Self {
                schema: Name::parse(DEFAULT_SCHEMA)?,
                table: Name::parse(table)?,
            }),
            [schema, table] => Ok(Self {
                schema: Name::parse(schema)?,
                table: Name::parse(table)?,
            }),
            [catalog, schema, table] if catalog.eq_ignore_ascii_case(CATALOG) => Ok(Self {
                schema: Name::parse(schema)?,
                table: Name::parse(table)?,
            }),
            _ => Err(InvalidName),
        }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.table)
    }
}

impl fmt::Debug for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for TableName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        Self::from_parts(&text.split('.').collect::<Vec<_>>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fold_to_lower_case() {
        assert_eq!(
            "Bronze.Patients"
                .parse::<TableName>()
                .map(|n| n.to_string()),
            Ok("bronze.patients".into())
        );
    }

    #[test]
    fn an_unqualified_table_is_in_the_default_schema() {
        assert_eq!(
            "t".parse::<TableName>().map(|n| n.schema.to_string()),
            Ok("default".into())
        );
    }

    #[test]
    fn unusable_names_are_refused() {
        for text in ["", "a/b", "a\nb", "other.s.t", "a.b.c.d"] {
            assert!(text.parse::<TableName>().is_err(), "{text:?}");
        }
    }
}
