//! What can go wrong at the command line.
//!
//! The rooms below keep values out of their messages; here the requester's own statement joins in
//! again, hidden from logs and shown only where its author reads it.

use std::{fmt, io};

use lakeward_domain::{Code, Hidden, QueryId};

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A statement failed.
    #[error("{error}")]
    Statement {
        /// The engine's word on it.
        error: lakeward_engine::Error,
        /// The requester's own text, for a caret below it.
        text: Option<Hidden<String>>,
    },
    /// Anything else.
    #[error("{code}: {cause}")]
    Plain {
        /// The stable code.
        code: Code,
        /// In plain words, without a value.
        cause: String,
        /// The statement that the ledger knows it by.
        query: Option<QueryId>,
    },
    /// Whoever read the output went away. Nobody is left to be told.
    #[error("{}: the reader of the output is gone", Code::OutputFailed)]
    ReaderGone,
}

impl Error {
    /// A failure with its cause. INVARIANT: no value from data, no key, no passphrase in it.
    pub fn new(code: Code, cause: impl Into<String>) -> Self {
        Self::Plain {
            code,
            cause: cause.into(),
            query: None,
        }
    }

    /// A failure of the command line's use.
    pub fn usage(cause: impl Into<String>) -> Self {
        Self::new(Code::Usage, cause)
    }

    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Statement { error, .. } => error.code(),
            Self::Plain { code, .. } => *code,
            Self::ReaderGone => Code::OutputFailed,
        }
    }

    /// The cause in plain words.
    #[must_use]
    pub fn cause(&self) -> &str {
        match self {
            Self::Statement { error, .. } => error.cause(),
            Self::Plain { cause, .. } => cause,
            Self::ReaderGone => "the reader of the output is gone",
        }
    }

    /// The statement that the ledger knows it by.
    #[must_use]
    pub const fn query(&self) -> Option<QueryId> {
        match self {
            Self::Statement { error, .. } => error.query(),
            Self::Plain { query, .. } => *query,
            Self::ReaderGone => None,
        }
    }

    /// The requester's text and the place in it: line and column from 1.
    #[must_use]
    pub fn place(&self) -> Option<(&str, u64, u64)> {
        match self {
            Self::Statement {
                error,
                text: Some(text),
            } => {
                let (line, column) = error.position()?;
                Some((text.reveal().as_str(), line, column))
            }
            Self::Statement { text: None, .. } | Self::Plain { .. } | Self::ReaderGone => None,
        }
    }

    /// Adds the text that a statement's error speaks of.
    #[must_use]
    pub fn in_text(self, sql: &str) -> Self {
        match self {
            Self::Statement { error, .. } => Self::Statement {
                error,
                text: Some(Hidden::new(sql.to_owned())),
            },
            other => other,
        }
    }

    /// A failure of a file operation, in words of ours: the system's may hold more than it should.
    pub(crate) fn io(what: impl fmt::Display) -> impl FnOnce(io::Error) -> Self {
        move |error| {
            let code = match error.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Code::StorageFull,
                _ => Code::StorageFailed,
            };
            Self::new(code, format!("cannot {what}: {}", error.kind()))
        }
    }

    /// A failure to write output.
    pub(crate) fn output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::ReaderGone,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::new(Code::StorageFull, "no space is left for the output")
            }
            kind => Self::new(
                Code::OutputFailed,
                format!("cannot write the output: {kind}"),
            ),
        }
    }
}

impl From<lakeward_engine::Error> for Error {
    fn from(error: lakeward_engine::Error) -> Self {
        Self::Statement { error, text: None }
    }
}

impl From<lakeward_ingest::Error> for Error {
    fn from(error: lakeward_ingest::Error) -> Self {
        Self::Plain {
            code: error.code(),
            cause: error.to_string(),
            query: error.query(),
        }
    }
}

macro_rules! from_room {
    ($($room:ty),* $(,)?) => {
        $(impl From<$room> for Error {
            fn from(error: $room) -> Self {
                // Each room keeps values out of its Display.
                Self::new(error.code(), error.to_string())
            }
        })*
    };
}

from_room! {
    lakeward_audit::Error,
    lakeward_catalog::Error,
    lakeward_clinic::Error,
    lakeward_keys::Error,
    lakeward_lake::Error,
    lakeward_phi::Error,
}

impl From<lakeward_domain::names::InvalidName> for Error {
    fn from(error: lakeward_domain::names::InvalidName) -> Self {
        Self::new(Code::InvalidName, error.to_string())
    }
}
