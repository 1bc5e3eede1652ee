//! What can go wrong with the catalog.
//!
//! SQLite's own error texts quote statements and values; they stop here, and only the number is kept.

use lakeward_domain::{Code, SealError};

use crate::ObjectId;

/// A change that was refused, or a catalog that cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not there.
    #[error("{0} is not in the catalog")]
    NotFound(ObjectId),
    /// The name is taken.
    #[error("a {what} named {name} exists already")]
    AlreadyExists {
        /// The kind of thing.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// A change that contradicts itself or what is there.
    #[error("{what} of {id} does not fit")]
    Invalid {
        /// What does not fit.
        what: &'static str,
        /// The object.
        id: ObjectId,
    },
    /// Somebody changed the object after the epoch that the change was computed on.
    #[error("{0} was changed by somebody else in the meantime")]
    Conflict(ObjectId),
    /// Something else needs the object.
    #[error("{id} is needed by {by}")]
    InUse {
        /// The object.
        id: ObjectId,
        /// What needs it.
        by: ObjectId,
    },
    /// Rows were edited, added, removed, swapped or rolled back; or the keys are another lake's.
    #[error("catalog does not verify: {0}")]
    Tampered(&'static str),
    /// Written by another version.
    #[error("catalog has format {found}, this release knows format {known}")]
    Version {
        /// The file's format.
        found: i64,
        /// The newest format that this release reads.
        known: i64,
    },
    /// There is no catalog at this place.
    #[error("there is no catalog at this place")]
    Missing,
    /// There is a catalog at this place.
    #[error("there is a catalog at this place already")]
    Occupied,
    /// Another process holds the file.
    #[error("another process holds the catalog")]
    Busy,
    /// No space is left.
    #[error("no space is left for the catalog")]
    Full,
    /// The database failed; the number is SQLite's result code, where there is one.
    #[error("catalog storage failed (sqlite result {0:?})")]
    Storage(Option<i64>),
    /// A file operation failed; the number is the operating system's.
    #[error("catalog file operation failed (os error {0})")]
    Io(i32),
    /// The catalog was closed, or an earlier commit's fate is unknown; opening it again settles it.
    #[error("catalog must be opened again")]
    Closed,
    /// A key cannot be used.
    #[error("catalog key is not available")]
    NoKey,
    /// A defect.
    #[error("catalog defect: {0}")]
    Internal(&'static str),
}

impl Error {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::NotFound(_) => Code::NotFound,
            Self::AlreadyExists { .. } | Self::Occupied => Code::AlreadyExists,
            Self::Conflict(_) => Code::Conflict,
            Self::InUse { .. } => Code::InUse,
            Self::Tampered(_) => Code::CatalogTampered,
            Self::Version { .. } => Code::LakeVersion,
            Self::Missing => Code::LakeNotFound,
            Self::Busy => Code::LakeBusy,
            Self::Full => Code::StorageFull,
            Self::Storage(_) | Self::Io(_) | Self::Closed => Code::StorageFailed,
            Self::NoKey => Code::NoKey,
            Self::Invalid { .. } | Self::Internal(_) => Code::Internal,
        }
    }

    /// Whether the same call may succeed later, computed on a newer state.
    #[must_use]
    pub const fn retry(&self) -> bool {
        matches!(self, Self::Conflict(_) | Self::Busy)
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let sqlx::Error::Database(database) = &error else {
            // A value of another type than the column's: SQLite columns are not strictly typed.
            return match error {
                sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => {
                    Self::Tampered("a value of another type")
                }
                _ => Self::Storage(None),
            };
        };
        let extended = database.code().and_then(|code| code.parse::<i64>().ok());
        // The low byte is the primary code: https://www.sqlite.org/rescode.html
        match extended.map(|code| code & 0xff) {
            Some(5 | 6) => Self::Busy,
            Some(13) => Self::Full,
            Some(11) => Self::Tampered("the database file is damaged"),
            Some(26) => Self::Tampered("the file is not a database"),
            _ => Self::Storage(extended),
        }
    }
}

impl From<SealError> for Error {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Altered => Self::Tampered("a row does not open"),
            SealError::NoKey => Self::NoKey,
        }
    }
}

impl From<rustix::io::Errno> for Error {
    fn from(error: rustix::io::Errno) -> Self {
        use rustix::io::Errno;
        match error {
            Errno::NOENT => Self::Missing,
            Errno::EXIST => Self::Occupied,
            Errno::NOSPC | Errno::DQUOT => Self::Full,
            other => Self::Io(other.raw_os_error()),
        }
    }
}

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;
