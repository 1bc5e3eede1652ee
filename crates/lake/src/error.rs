//! What can go wrong with tables, and how foreign errors become one of our codes.
//!
//! Arrow, DataFusion, Parquet and object stores quote paths and *cell values* in their texts. Their
//! errors are looked at for a kind and then dropped: no variant here carries foreign text.

use std::{error::Error as StdError, io};

use arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use lakeward_domain::{Class, Code, ColumnId, FileId, TableId};
use parquet::errors::ParquetError;

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong with encrypted tables.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A URL that this build has no store for, or a folder that is not there.
    #[error("no lake folder at the given place")]
    NoLake,
    /// The store failed.
    #[error("cannot {operation}: the lake's storage failed")]
    Storage {
        /// What was tried.
        operation: &'static str,
    },
    /// No space is left.
    #[error("cannot {operation}: no space is left on the device")]
    Full {
        /// What was tried.
        operation: &'static str,
    },
    /// The log is older than the catalog says, was altered, or is gone.
    #[error("the log of table {table} is not the one that was published at version {version}")]
    LogRolledBack {
        /// Whose.
        table: TableId,
        /// The version at which it was noticed.
        version: u64,
    },
    /// A data file does not authenticate, is cut short or gone.
    #[error("file {file} of table {table} does not authenticate")]
    DataTampered {
        /// Whose.
        table: TableId,
        /// Which.
        file: FileId,
    },
    /// Sealed bytes of another kind do not authenticate.
    #[error("{what} does not authenticate")]
    Tampered {
        /// Which.
        what: &'static str,
    },
    /// Something that is not encrypted was about to be written.
    #[error("refused to write: {what}")]
    Plaintext {
        /// What was wrong with it.
        what: &'static str,
    },
    /// Another writer changed the table in between.
    #[error("table {table} was changed by another writer")]
    Conflict {
        /// Which.
        table: TableId,
    },
    /// The table's log is there already.
    #[error("table {table} is there already")]
    Exists {
        /// Which.
        table: TableId,
    },
    /// A batch does not have the table's columns or types.
    #[error("column {column} has another type than the table's")]
    Type {
        /// Which.
        column: ColumnId,
    },
    /// A batch has other columns than the table.
    #[error("a batch does not have the columns of table {table}")]
    Columns {
        /// Whose.
        table: TableId,
    },
    /// NULL in a column that may not be NULL.
    #[error("column {column} may not be null")]
    Null {
        /// Which.
        column: ColumnId,
    },
    /// A type or class that cannot be partitioned by.
    #[error("cannot partition by column {column}: {reason}")]
    Partition {
        /// Which.
        column: ColumnId,
        /// Why.
        reason: &'static str,
    },
    /// A scan reads a column whose key it was not given.
    #[error("the key of column {column} was not released to this scan")]
    KeyRefused {
        /// Which.
        column: ColumnId,
    },
    /// The table has no key for a class of columns.
    #[error("table {table} has no key for its {class} columns")]
    NoTableKey {
        /// Whose.
        table: TableId,
        /// The class.
        class: Class,
    },
    /// A scan or write that does not make sense.
    #[error("{what}")]
    Misuse {
        /// How.
        what: &'static str,
    },
    /// Encoding, decoding or planning failed in a library.
    #[error("cannot {operation}")]
    Library {
        /// What was tried.
        operation: &'static str,
    },
    /// Keys.
    #[error(transparent)]
    Keys(#[from] lakeward_keys::Error),
}

impl Error {
    /// The stable word.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::NoLake => Code::LakeNotFound,
            Self::Storage { .. } => Code::StorageFailed,
            Self::Full { .. } => Code::StorageFull,
            Self::LogRolledBack { .. } => Code::LogRolledBack,
            Self::DataTampered { .. } | Self::Tampered { .. } => Code::DataTampered,
            Self::Plaintext { .. } => Code::PlaintextRefused,
            Self::Conflict { .. } => Code::Conflict,
            Self::Exists { .. } => Code::AlreadyExists,
            Self::Type { .. } | Self::Columns { .. } | Self::Partition { .. } => Code::TypeMismatch,
            Self::Null { .. } => Code::ConstraintViolated,
            Self::KeyRefused { .. } => Code::PlanCheckFailed,
            Self::NoTableKey { .. } => Code::NoKey,
            Self::Misuse { .. } | Self::Library { .. } => Code::Internal,
            Self::Keys(error) => error.code(),
        }
    }

    /// An error of this crate, or a full device, anywhere below a foreign error; else `other`.
    pub(crate) fn below(error: &(dyn StdError + 'static), operation: &'static str) -> Self {
        match known(error) {
            Some(found) => found,
            None => Self::Storage { operation },
        }
    }

    /// As [`Error::below`], for failures of a library that is not storage.
    pub(crate) fn library(error: &(dyn StdError + 'static), operation: &'static str) -> Self {
        match known(error) {
            Some(found) => found,
            None => Self::Library { operation },
        }
    }
}

impl From<Error> for object_store::Error {
    fn from(error: Error) -> Self {
        Self::Generic {
            store: "lakeward",
            source: Box::new(error),
        }
    }
}

impl From<Error> for DataFusionError {
    fn from(error: Error) -> Self {
        Self::External(Box::new(error))
    }
}

impl From<Error> for ParquetError {
    fn from(error: Error) -> Self {
        Self::External(Box::new(error))
    }
}

/// The code of a failed scan, write or spill, where one of this crate's or of `keys`' errors, or a
/// data file that does not decode, lies anywhere below the engine's error. None: the engine's own
/// business.
#[must_use]
pub fn code_of(error: &DataFusionError) -> Option<Code> {
    match known(error) {
        Some(found) => Some(found.code()),
        // Every file was read back before it was committed, so one that does not decode has changed
        // since: a page's length stands before what is authenticated.
        None if below(error, is_parquet) => Some(Code::DataTampered),
        None => None,
    }
}

fn is_parquet(error: &(dyn StdError + 'static)) -> bool {
    // Arrow keeps the text of a Parquet error and no more.
    let in_arrow = error.downcast_ref::<ArrowError>();
    error.is::<ParquetError>() || in_arrow.is_some_and(|e| matches!(e, ArrowError::ParquetError(_)))
}

fn known(error: &(dyn StdError + 'static)) -> Option<Error> {
    let mut found = None;
    below(error, |here| {
        if let Some(own) = here.downcast_ref::<Error>() {
            found = Some(own.clone());
        } else if let Some(keys) = here.downcast_ref::<lakeward_keys::Error>() {
            found = Some(Error::Keys(*keys));
        } else if here.downcast_ref::<io::Error>().is_some_and(full_device) {
            found = Some(Error::Full { operation: "write" });
        } else if here.is::<ring::error::Unspecified>() {
            found = Some(Error::Tampered { what: "data file" });
        }
        found.is_some()
    });
    found
}

/// Whether an error or one below it is wanted.
fn below(
    error: &(dyn StdError + 'static),
    mut wanted: impl FnMut(&(dyn StdError + 'static)) -> bool,
) -> bool {
    let mut next = Some(error);
    // A chain that is longer than this is a loop.
    for _ in 0..64 {
        let Some(here) = next else {
            return false;
        };
        if wanted(here) {
            return true;
        }
        // `source` skips what these wrap.
        next = match (here.downcast_ref(), here.downcast_ref::<io::Error>()) {
            (Some(DataFusionError::Shared(inner)), _) => Some(inner.as_ref()),
            (Some(DataFusionError::External(inner)), _) => Some(inner.as_ref()),
            (_, Some(io)) => match io.get_ref() {
                Some(inner) => Some(inner),
                None => here.source(),
            },
            _ => here.source(),
        };
    }
    false
}

/// Whether a device failed, or refused: not whether something is missing from it.
pub(crate) fn is_of_device(error: &(dyn StdError + 'static)) -> bool {
    below(error, |here| {
        let io = here.downcast_ref::<io::Error>();
        io.is_some_and(|error| error.kind() != io::ErrorKind::NotFound && error.get_ref().is_none())
    })
}

/// Not what an error of ours was wrapped in: a quota is no device, and its own code lies below.
fn full_device(error: &io::Error) -> bool {
    let ours = error
        .get_ref()
        .is_some_and(|inner| inner.is::<lakeward_keys::Error>() || inner.is::<Error>());
    !ours && full(error)
}

fn full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_device_is_found_below_a_store_error() {
        let store = object_store::Error::Generic {
            store: "LocalFileSystem",
            source: Box::new(io::Error::from(io::ErrorKind::StorageFull)),
        };
        let wrapped = DataFusionError::ObjectStore(Box::new(store));
        assert_eq!(code_of(&wrapped), Some(Code::StorageFull));
    }

    #[test]
    fn a_quota_that_was_exceeded_is_not_a_full_device() {
        let quota = lakeward_keys::Error::QuotaExceeded { limit_bytes: 1 };
        let arrow = ArrowError::IoError(String::new(), io::Error::from(quota));
        let wrapped = DataFusionError::ArrowError(Box::new(arrow), None);
        assert_eq!(code_of(&wrapped), Some(Code::ResourcesExhausted));
    }

    #[test]
    fn an_own_error_is_found_below_layers_of_foreign_ones() {
        let own = Error::DataTampered {
            table: TableId::random(),
            file: FileId::random(),
        };
        let parquet = ParquetError::from(own);
        let shared = DataFusionError::Shared(
            DataFusionError::ParquetError(Box::new(parquet))
                .context("scan")
                .into(),
        );
        assert_eq!(code_of(&shared), Some(Code::DataTampered));
    }

    #[test]
    fn a_foreign_error_has_no_code_of_ours() {
        let error = DataFusionError::Execution("Cannot cast string '666-00-0001'".into());
        assert_eq!(code_of(&error), None);
    }

    #[test]
    fn a_foreign_text_is_not_carried_over() {
        let foreign = io::Error::other("666-00-0001");
        assert!(!Error::below(&foreign, "read").to_string().contains("666"));
    }
}
