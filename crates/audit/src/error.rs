//! What can go wrong with the ledger.
//!
//! Tampering and unavailability are never confused: the first asks for an investigation, the
//! second for disk space.

use std::io;

use lakeward_domain::{Code, SealError};

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why the ledger cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("the ledger could not {step}: {kind}")]
    Unavailable {
        /// What was tried.
        step: &'static str,
        /// What the operating system said, as a class.
        kind: io::ErrorKind,
    },
    /// An earlier write failed, so nothing more is accepted until the ledger is opened again.
    #[error("the ledger stopped after a failed write and must be opened again")]
    Stopped,
    /// The files are not what was signed.
    #[error("the ledger was altered: {what}{}", place(*.at))]
    Tampered {
        /// What does not fit.
        what: &'static str,
        /// The entry, segment or tile concerned, where known.
        at: Option<u64>,
    },
    /// Written by another version.
    #[error("the ledger has format version {found}, this release knows {known}")]
    Version {
        /// The version found.
        found: u32,
        /// The version known here.
        known: u32,
    },
    /// There is a ledger already.
    #[error("there is a ledger already")]
    Exists,
    /// Another process holds the ledger.
    #[error("another process holds the ledger")]
    Busy,
    /// The entry is larger than a record may be.
    #[error("a ledger entry has {bytes} bytes, more than a record may have")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// The entry could not be written as a record.
    #[error("a ledger entry cannot be encoded")]
    Encode,
    /// The sealing or signing key cannot be used.
    #[error("the ledger's key cannot be used")]
    Key(#[source] SealError),
    /// The checkpoint to compare with is not a signed checkpoint of any ledger.
    #[error("the checkpoint to compare with is not a signed checkpoint")]
    KnownUnreadable,
    /// The checkpoint to compare with was signed for another ledger or by another key.
    #[error("the checkpoint to compare with belongs to another ledger or key")]
    KnownForeign,
}

impl Error {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Unavailable { .. } | Self::Stopped => Code::LedgerUnavailable,
            Self::Tampered { .. } | Self::KnownForeign => Code::LedgerTampered,
            Self::Version { .. } => Code::LakeVersion,
            Self::Exists => Code::AlreadyExists,
            Self::Busy => Code::LakeBusy,
            Self::TooLarge { .. } => Code::ResourcesExhausted,
            Self::Encode => Code::Internal,
            Self::Key(_) => Code::NoKey,
            Self::KnownUnreadable => Code::SourceInvalid,
        }
    }

    /// Whether the same call may succeed later without a person doing anything.
    #[must_use]
    pub const fn retry(&self) -> bool {
        matches!(self, Self::Busy)
    }

    pub(crate) const fn tampered(what: &'static str) -> Self {
        Self::Tampered { what, at: None }
    }

    pub(crate) const fn tampered_at(what: &'static str, at: u64) -> Self {
        Self::Tampered { what, at: Some(at) }
    }

    pub(crate) fn io(step: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Unavailable {
            step,
            kind: error.kind(),
        }
    }
}

fn place(at: Option<u64>) -> String {
    at.map(|at| format!(" (at {at})")).unwrap_or_default()
}
