//! Stable identifiers.
//!
//! Folders, Delta fields, Parquet columns and policies are bound to these and never to names, so a
//! rename is metadata and the names of things reveal nothing. Ids are random (UUID v4): an id that
//! told its creation time would tell when a patient's table appeared.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A text that is not an id of the expected kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind} id")]
pub struct InvalidId {
    /// What was expected.
    pub kind: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// A new random id.
            #[must_use]
            pub fn random() -> Self {
                Self(Uuid::new_v4())
            }

            /// The id that these 16 bytes are.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The 16 bytes of this id, for associated data.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0.simple())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.strip_prefix($prefix)
                    .filter(|hex| hex.len() == 32)
                    .and_then(|hex| Uuid::try_parse(hex).ok())
                    .map(Self)
                    .ok_or(InvalidId { kind: $kind })
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    /// A lake.
    LakeId, "l", "lake"
);
id!(
    /// A schema.
    SchemaId, "s", "schema"
);
id!(
    /// A table; also the name of its folder.
    TableId, "t", "table"
);
id!(
    /// A top-level column; also its name in Delta and Parquet.
    ColumnId, "c", "column"
);
id!(
    /// A SQL function, such as a mask's body.
    FunctionId, "f", "function"
);
id!(
    /// A policy: one binding of a mask or row filter.
    PolicyId, "p", "policy"
);
id!(
    /// A user, service or group.
    PrincipalId, "u", "principal"
);
id!(
    /// One grant.
    GrantId, "g", "grant"
);
id!(
    /// A key-encrypting key.
    KeyId, "k", "key"
);
id!(
    /// One data file.
    FileId, "d", "file"
);
id!(
    /// One statement of one requester.
    QueryId, "q", "query"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_from_its_text() {
        let id = TableId::random();
        assert_eq!(id.to_string().parse::<TableId>(), Ok(id));
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        assert!(ColumnId::random().to_string().parse::<TableId>().is_err());
        assert!("t123".parse::<TableId>().is_err());
    }
}
