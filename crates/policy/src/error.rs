//! What can go wrong with a policy.
//!
//! No message carries SQL text: a policy's literals may be somebody's name. Things are named by
//! their id, by a function's or column's name, or by a fixed phrase.

use lakeward_domain::Code;

/// A policy statement that cannot be read, bound or decided.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text does not parse.
    #[error("expected {expected} at line {line}, column {column}")]
    Syntax {
        /// What would have fitted.
        expected: &'static str,
        /// Line, from 1; 0 at the end of the text.
        line: u64,
        /// Column, from 1.
        column: u64,
    },
    /// A text that cannot be a name.
    #[error(transparent)]
    Name(#[from] lakeward_domain::names::InvalidName),
    /// A type that no column can have.
    #[error("type {0} is not supported")]
    Type(String),
    /// The requester may not see it, or it is not there.
    #[error("{0} not found")]
    NotFound(String),
    /// A right is missing, and the requester may know that the thing is there.
    #[error("{0}")]
    Denied(String),
    /// The policy cannot be bound.
    #[error("{0}")]
    Invalid(String),
    /// The body may fail on some value and would tell about it.
    #[error("{0}")]
    NotTotal(String),
    /// Types do not fit together.
    #[error("{0}")]
    TypeMismatch(String),
}

impl Error {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Syntax { .. } => Code::SyntaxError,
            Self::Name(_) => Code::InvalidName,
            Self::Type(_) | Self::TypeMismatch(_) => Code::TypeMismatch,
            Self::NotFound(_) => Code::NotFound,
            Self::Denied(_) => Code::Denied,
            Self::Invalid(_) => Code::PolicyInvalid,
            Self::NotTotal(_) => Code::PolicyNotTotal,
        }
    }
}

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;
