//! What can go wrong with keys.
//!
//! No variant carries a foreign error or a path: a message is safe to show to anyone who may know
//! that the object exists.

use std::io;

use lakeward_domain::{Code, KeyId, SealError};

use crate::KeyState;

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong with keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A KMS that this build has no client for.
    #[error("key service {scheme} is not in this build")]
    KmsNotBuilt {
        /// The scheme of its URI.
        scheme: &'static str,
    },
    /// The key service does not answer or refuses.
    #[error("key service does not answer")]
    KmsUnavailable,
    /// A text that is not the URI of a KMS.
    #[error("not the address of a key service: expected local:PATH")]
    InvalidKmsUri,
    /// The passphrase does not open the keystore.
    #[error("passphrase does not open the keystore")]
    WrongPassphrase,
    /// A keystore was to be made with no passphrase.
    #[error("passphrase is empty")]
    EmptyPassphrase,
    /// The keystore was altered or is not one.
    #[error("keystore does not authenticate")]
    KeystoreTampered,
    /// There is no keystore.
    #[error("keystore is not there")]
    KeystoreMissing,
    /// A keystore is there already.
    #[error("keystore is there already")]
    KeystoreExists,
    /// The key is not known.
    #[error("key {key}@{version} is not known")]
    NoKey {
        /// Which.
        key: KeyId,
        /// Its version.
        version: u32,
    },
    /// The key's state forbids this use.
    #[error("key {key}@{version} is {state} and may not {wanted}")]
    KeyState {
        /// Which.
        key: KeyId,
        /// Its version.
        version: u32,
        /// Its state.
        state: KeyState,
        /// The use: "wrap" or "unwrap".
        wanted: &'static str,
    },
    /// The key was never prepared, or was dropped when its time was over.
    #[error("key {key}@{version} is not unwrapped at this time")]
    NotPrepared {
        /// Which.
        key: KeyId,
        /// Its version.
        version: u32,
    },
    /// A wrapped key names no recipient that the configured KMS serves.
    #[error("{what} is wrapped for another key service")]
    OtherKms {
        /// Which wrapped key.
        what: &'static str,
    },
    /// Sealed bytes do not authenticate.
    #[error("{what} does not authenticate")]
    Altered {
        /// What was opened.
        what: &'static str,
    },
    /// Written by another version.
    #[error("{what} has format version {found}, which this build does not know")]
    Version {
        /// What was opened.
        what: &'static str,
        /// The version found.
        found: u32,
    },
    /// The temporary space of a quota is used up.
    #[error("temporary files would exceed their quota of {limit_bytes} bytes")]
    QuotaExceeded {
        /// The quota.
        limit_bytes: u64,
    },
    /// A temporary file is used against its order: appended to after its end, read to an end that
    /// was not written.
    #[error("temporary file {what}")]
    EphemeralMisuse {
        /// How.
        what: &'static str,
    },
    /// The device failed.
    #[error("cannot {operation}: {kind}")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// The kind of failure.
        kind: io::ErrorKind,
    },
    /// The machine has no randomness, or a primitive refused its own key length.
    #[error("cryptographic primitive failed")]
    Primitive,
}

impl Error {
    /// The stable word.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::KmsNotBuilt { .. } | Self::KmsUnavailable => Code::KmsUnavailable,
            Self::InvalidKmsUri | Self::EmptyPassphrase => Code::Usage,
            Self::WrongPassphrase => Code::WrongPassphrase,
            Self::KeystoreTampered => Code::KeystoreTampered,
            Self::KeystoreMissing => Code::KmsUnavailable,
            Self::KeystoreExists => Code::AlreadyExists,
            Self::NoKey { .. }
            | Self::KeyState { .. }
            | Self::NotPrepared { .. }
            | Self::OtherKms { .. } => Code::NoKey,
            Self::Altered { .. } => Code::DataTampered,
            Self::Version { .. } => Code::LakeVersion,
            Self::QuotaExceeded { .. } => Code::ResourcesExhausted,
            Self::Io { kind, .. } => match kind {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Code::StorageFull,
                _ => Code::StorageFailed,
            },
            Self::EphemeralMisuse { .. } | Self::Primitive => Code::Internal,
        }
    }

    /// Whether the same call may succeed later without anyone's doing.
    #[must_use]
    pub fn retry(&self) -> bool {
        matches!(self, Self::KmsUnavailable)
    }

    pub(crate) fn io(operation: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::Io {
            operation,
            kind: error.kind(),
        }
    }

    pub(crate) fn errno(operation: &'static str) -> impl FnOnce(rustix::io::Errno) -> Self {
        move |errno| Self::Io {
            operation,
            kind: io::Error::from(errno).kind(),
        }
    }
}

impl From<Error> for SealError {
    fn from(error: Error) -> Self {
        match error {
            Error::Altered { .. } | Error::Version { .. } => Self::Altered,
            _ => Self::NoKey,
        }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::Io { kind, .. } => *kind,
            Error::QuotaExceeded { .. } => io::ErrorKind::QuotaExceeded,
            Error::Altered { .. } => io::ErrorKind::InvalidData,
            _ => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_device_and_a_used_up_quota_have_codes_of_their_own() {
        let full = Error::errno("write")(rustix::io::Errno::NOSPC);
        assert_eq!(full.code(), Code::StorageFull);
        assert_eq!(
            Error::QuotaExceeded { limit_bytes: 1 }.code(),
            Code::ResourcesExhausted
        );
    }

    #[test]
    fn messages_are_one_line_in_lower_case_without_a_full_stop() {
        let key = KeyId::random();
        for error in [
            Error::KmsNotBuilt { scheme: "awskms" },
            Error::WrongPassphrase,
            Error::KeystoreTampered,
            Error::NoKey { key, version: 1 },
            Error::Altered {
                what: "wrapped key",
            },
            Error::Primitive,
        ] {
            let text = error.to_string();
            assert!(
                !text.contains('\n')
                    && !text.ends_with('.')
                    && text.starts_with(char::is_lowercase),
                "{text}"
            );
        }
    }
}
