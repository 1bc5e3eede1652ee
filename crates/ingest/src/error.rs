//! What can go wrong on a record's way.
//!
//! Errors of parsers quote the text that they could not read. None of them passes: a source's error
//! is a sentence of ours and a line number.

use lakeward_domain::{Code, LogicalType, QueryId};

/// The result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failed ingest or pipeline. Nothing that was committed before it is lost.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The source cannot be opened or read.
    #[error("the source cannot be read: {why}")]
    Unreadable {
        /// Why, in words of ours.
        why: &'static str,
    },
    /// The source is not what it claims to be.
    #[error("{why}{}", line.map(|line| format!(", line {line}")).unwrap_or_default())]
    Source {
        /// What is wrong.
        why: &'static str,
        /// The line where the record begins, counted from one.
        line: Option<u64>,
    },
    /// Too many records do not fit.
    #[error(
        "{bad} of {records} records do not fit ({reason} most often): nothing more was committed"
    )]
    TooManyBad {
        /// Records that do not fit.
        bad: u64,
        /// Records looked at.
        records: u64,
        /// The commonest reason.
        reason: &'static str,
    },
    /// The scrub policy cannot be used on this source.
    #[error(transparent)]
    Scrub(#[from] lakeward_phi::Error),
    /// A recognised identifier would go into a column that everybody with SELECT sees.
    #[error(
        "column {column} holds {kind}, and the table's column of this name has no phi tag: tag it, or name another action in the scrub policy"
    )]
    Untagged {
        /// The column.
        column: String,
        /// What it holds.
        kind: String,
    },
    /// A column of the table has a type that ingest does not fill from this source.
    #[error("column {column} of the table has type {data_type}, which this source cannot fill")]
    Type {
        /// The column.
        column: String,
        /// The table's type.
        data_type: LogicalType,
    },
    /// Nothing of the source may arrive.
    #[error("the scrub policy lets no column of the source arrive")]
    NoColumn,
    /// The engine refused or failed.
    #[error("{}", .0.cause())]
    Engine(#[from] lakeward_engine::Error),
    /// A statement of a pipeline failed.
    #[error("{file}, statement {statement}: {}", error.cause())]
    Step {
        /// The file, from the pipeline's folder.
        file: String,
        /// The statement's number in the file, counted from one.
        statement: usize,
        /// The engine's error.
        #[source]
        error: lakeward_engine::Error,
    },
    /// A script of a pipeline cannot be split into statements.
    #[error("{file}: {}", error.cause())]
    Script {
        /// The file, from the pipeline's folder.
        file: String,
        /// The engine's error.
        #[source]
        error: lakeward_engine::Error,
    },
    /// A thread of the ingest broke off.
    #[error("the ingest broke off")]
    BrokeOff,
}

impl Error {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Unreadable { .. } | Self::Source { .. } | Self::TooManyBad { .. } => {
                Code::SourceInvalid
            }
            Self::Scrub(error) => error.code(),
            Self::Untagged { .. } | Self::NoColumn => Code::ScrubInvalid,
            Self::Type { .. } => Code::TypeMismatch,
            Self::Engine(error) | Self::Step { error, .. } | Self::Script { error, .. } => {
                error.code()
            }
            Self::BrokeOff => Code::Internal,
        }
    }

    /// The engine's error, where there is one: it knows the statement's id and position.
    #[must_use]
    pub const fn engine(&self) -> Option<&lakeward_engine::Error> {
        match self {
            Self::Engine(error) | Self::Step { error, .. } | Self::Script { error, .. } => {
                Some(error)
            }
            _ => None,
        }
    }

    /// The statement it belongs to, as the ledger knows it.
    #[must_use]
    pub const fn query(&self) -> Option<QueryId> {
        match self.engine() {
            Some(error) => error.query(),
            None => None,
        }
    }

    /// Whether another try may succeed.
    #[must_use]
    pub const fn retry(&self) -> bool {
        match self.engine() {
            Some(error) => error.retry(),
            None => false,
        }
    }

    pub(crate) const fn source_at(why: &'static str, line: u64) -> Self {
        Self::Source {
            why,
            line: Some(line),
        }
    }

    pub(crate) const fn source_is(why: &'static str) -> Self {
        Self::Source { why, line: None }
    }

    /// An error of the file system: its kind and nothing of its text, which may quote a path.
    pub(crate) fn reading(error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        Self::Unreadable {
            why: match error.kind() {
                ErrorKind::NotFound => "it does not exist",
                ErrorKind::PermissionDenied => "permission denied",
                ErrorKind::IsADirectory => "it is a folder",
                ErrorKind::UnexpectedEof => "it ends too early",
                ErrorKind::InvalidData => "it is not valid UTF-8",
                _ => "the device or the pipe failed",
            },
        }
    }
}
