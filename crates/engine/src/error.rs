//! Where foreign error text stops.
//!
//! Arrow and DataFusion write cell values into their messages ("Cannot cast string '…'"), parquet
//! writes paths, the SQL parser quotes the statement. None of that passes: a foreign error becomes
//! a code, a sentence of ours, and at most a position in the reader's own text.

use std::fmt;

use datafusion::{
    common::SchemaError, error::DataFusionError, sql::sqlparser::parser::ParserError,
};
use lakeward_domain::{Code, QueryId};

/// The result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a requester may know of a failure.
///
/// A struct and not an enum: the closed list is [`Code`], and everything else about an error is
/// the same for all of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    code: Code,
    cause: String,
    query: Option<QueryId>,
    position: Option<(u64, u64)>,
}

impl Error {
    /// An error with a cause in plain words. INVARIANT: the cause holds no value from the data, no
    /// SQL text, no key and no token; names of objects that the requester may see are allowed.
    pub fn new(code: Code, cause: impl Into<String>) -> Self {
        Self {
            code,
            cause: cause.into(),
            query: None,
            position: None,
        }
    }

    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// The cause in plain words.
    #[must_use]
    pub fn cause(&self) -> &str {
        &self.cause
    }

    /// The statement it belongs to.
    #[must_use]
    pub const fn query(&self) -> Option<QueryId> {
        self.query
    }

    /// Line and column in the requester's own text, from 1.
    #[must_use]
    pub const fn position(&self) -> Option<(u64, u64)> {
        self.position
    }

    pub(crate) fn of_query(mut self, query: QueryId) -> Self {
        self.query = Some(query);
        self
    }

    pub(crate) fn at(mut self, position: Option<(u64, u64)>) -> Self {
        self.position = position;
        self
    }

    /// Whether another try may succeed.
    #[must_use]
    pub const fn retry(&self) -> bool {
        matches!(
            self.code,
            Code::Conflict | Code::KmsUnavailable | Code::StorageFailed
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.cause)
    }
}

impl std::error::Error for Error {}

/// An object that is missing or not visible: one sentence for both (POLICY.md point 1).
pub(crate) fn not_found(kind: &str) -> Error {
    Error::new(
        Code::NotFound,
        format!("{kind} does not exist, or you may not see it"),
    )
}

pub(crate) fn denied(what: &str) -> Error {
    Error::new(Code::Denied, format!("this needs {what}"))
}

pub(crate) fn not_allowed(what: impl fmt::Display) -> Error {
    Error::new(
        Code::StatementNotAllowed,
        format!("{what} is not on the list of what is allowed"),
    )
}

/// The SQL parser's error, without the text that it quotes.
pub(crate) fn syntax(error: &ParserError) -> Error {
    match error {
        ParserError::TokenizerError(text) | ParserError::ParserError(text) => Error::new(
            Code::SyntaxError,
            "the text is not SQL that this lake reads",
        )
        .at(position_in(text)),
        ParserError::RecursionLimitExceeded => {
            Error::new(Code::SyntaxError, "the statement is nested too deeply")
        }
    }
}

/// `… at Line: 1, Column: 8` is the only part of a parser's message that is ours to pass on.
fn position_in(text: &str) -> Option<(u64, u64)> {
    let (_, tail) = text.rsplit_once("Line: ")?;
    let (line, tail) = tail.split_once(", Column: ")?;
    let column: String = tail.chars().take_while(char::is_ascii_digit).collect();
    Some((line.parse().ok()?, column.parse().ok()?))
}

/// When a foreign error happened: planning may speak of the reader's own statement, running may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Plan,
    Run,
}

/// Turns a DataFusion error into ours.
pub(crate) fn foreign(error: &DataFusionError, phase: Phase) -> Error {
    if let Some(own) = own(error) {
        return own.clone();
    }
    let position = error
        .diagnostic()
        .and_then(|diagnostic| diagnostic.span)
        .filter(|span| span.start.line > 0)
        .map(|span| (span.start.line, span.start.column));
    if let Some(code) = lakeward_lake::code_of(error) {
        return Error::new(code, of_storage(code)).at(position);
    }
    let root = error.find_root();
    match root {
        DataFusionError::SQL(inner, _) => syntax(inner),
        DataFusionError::ResourcesExhausted(_) => Error::new(
            Code::ResourcesExhausted,
            "the statement needs more memory or temporary space than it may use",
        ),
        DataFusionError::ObjectStore(_) => {
            Error::new(Code::StorageFailed, "a file of the lake cannot be read")
        }
        DataFusionError::IoError(io) if io.kind() == std::io::ErrorKind::StorageFull => {
            Error::new(Code::StorageFull, "the device for temporary files is full")
        }
        DataFusionError::IoError(_) => {
            Error::new(Code::StorageFailed, "temporary space cannot be used")
        }
        DataFusionError::ParquetError(_) => Error::new(
            Code::DataTampered,
            "a file of the lake does not authenticate",
        ),
        DataFusionError::SchemaError(inner, _) => Error::new(
            Code::PlanError,
            match inner.as_ref() {
                SchemaError::FieldNotFound { .. } => "a column of the statement does not exist",
                SchemaError::AmbiguousReference { .. } => {
                    "a column name of the statement is ambiguous"
                }
                SchemaError::DuplicateQualifiedField { .. }
                | SchemaError::DuplicateUnqualifiedField { .. } => {
                    "a column name stands twice in the same place"
                }
            },
        )
        .at(position),
        DataFusionError::NotImplemented(_) => not_allowed("a part of this statement").at(position),
        DataFusionError::Plan(text)
            if phase == Phase::Plan
                && text.starts_with("Projections require unique expression names") =>
        {
            Error::new(
                Code::PlanError,
                "a column name stands twice in the same place: use AS",
            )
            .at(position)
        }
        DataFusionError::Plan(text)
            if phase == Phase::Plan && text.starts_with("Invalid function") =>
        {
            Error::new(
                Code::PlanError,
                "a function of the statement does not exist",
            )
            .at(position)
        }
        _ if phase == Phase::Plan => Error::new(
            Code::PlanError,
            "the statement does not fit together: check columns, functions and types",
        )
        .at(position),
        _ => Error::new(
            Code::ExecutionError,
            "an expression of the statement failed on some value",
        ),
    }
}

/// What a requester learns of a failure below the scan.
const fn of_storage(code: Code) -> &'static str {
    match code {
        Code::DataTampered => "a file of the lake does not authenticate",
        Code::LogRolledBack => "a table's log is older than the catalog says, or was altered",
        Code::StorageFull => "no space is left on the device",
        Code::StorageFailed => "a file of the lake cannot be read",
        Code::NoKey => "a key is not there, or its state forbids this use",
        Code::KmsUnavailable => "the key service does not answer",
        Code::PlanCheckFailed => "a scan asked for a key that the ruling does not release",
        Code::ResourcesExhausted => {
            "the statement needs more memory or temporary space than it may use"
        }
        _ => "the lake's storage failed",
    }
}

fn own(error: &DataFusionError) -> Option<&Error> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(current) = next {
        if let Some(own) = current.downcast_ref::<Error>() {
            return Some(own);
        }
        next = match current.downcast_ref::<DataFusionError>() {
            Some(DataFusionError::External(inner)) => {
                let inner: &(dyn std::error::Error + 'static) = inner.as_ref();
                Some(inner)
            }
            Some(DataFusionError::Context(_, inner)) => Some(inner.as_ref()),
            Some(DataFusionError::Shared(inner)) => Some(inner.as_ref()),
            Some(DataFusionError::Diagnostic(_, inner)) => Some(inner.as_ref()),
            Some(DataFusionError::Collection(all)) => all
                .first()
                .map(|first| first as &(dyn std::error::Error + 'static)),
            Some(DataFusionError::ArrowError(inner, _)) => {
                std::error::Error::source(inner.as_ref())
            }
            _ => current.source(),
        };
    }
    None
}

impl From<Error> for DataFusionError {
    fn from(error: Error) -> Self {
        Self::External(Box::new(error))
    }
}

macro_rules! from_room {
    ($($room:ty),* $(,)?) => {
        $(impl From<$room> for Error {
            fn from(error: $room) -> Self {
                // The rooms below keep to the same rule: their Display holds no value.
                Self::new(error.code(), error.to_string())
            }
        })*
    };
}

from_room! {
    lakeward_policy::Error,
    lakeward_catalog::Error,
    lakeward_keys::Error,
    lakeward_lake::Error,
}

impl From<lakeward_audit::Error> for Error {
    /// Whatever is wrong with the ledger, the requester learns one thing: there is no answer.
    fn from(error: lakeward_audit::Error) -> Self {
        Self::new(
            error.code(),
            "the ledger cannot be written, so there is no answer",
        )
    }
}

#[cfg(test)]
mod tests {
    use datafusion::{arrow::error::ArrowError, common::exec_err};

    use super::*;

    #[test]
    fn a_cell_value_in_a_cast_error_does_not_pass() {
        let error = DataFusionError::ArrowError(
            Box::new(ArrowError::CastError(
                "Cannot cast string '666-00-0001' to Int32".into(),
            )),
            None,
        );
        assert!(!foreign(&error, Phase::Run).to_string().contains("666"));
    }

    #[test]
    fn an_error_of_ours_survives_the_engine() {
        let ours = Error::new(Code::PolicyEvalFailed, "policy failed");
        let wrapped = DataFusionError::from(ours.clone()).context("somewhere");
        assert_eq!(foreign(&wrapped, Phase::Run), ours);
        let shared =
            DataFusionError::Shared(std::sync::Arc::new(DataFusionError::from(ours.clone())));
        assert_eq!(foreign(&shared, Phase::Run), ours);
    }

    #[test]
    fn only_the_position_of_a_syntax_error_passes() {
        let error = ParserError::ParserError(
            "Expected x, found: '666-00-0001' at Line: 3, Column: 14".into(),
        );
        let error = syntax(&error);
        assert_eq!(error.position(), Some((3, 14)));
        assert!(!error.to_string().contains("666"));
    }

    #[test]
    fn other_errors_keep_only_their_phase() {
        let error: std::result::Result<(), _> = exec_err!("value {}", "CANARY");
        assert_eq!(
            foreign(&error.unwrap_err(), Phase::Run).code(),
            Code::ExecutionError
        );
    }
}
