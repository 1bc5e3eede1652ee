//! What can go wrong while scanning.

use lakeward_domain::Code;

/// A result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a scanner could not be made or could not scan.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Too short to be told from chance in a hundred megabytes of ciphertext.
    #[error("planted {kind} number {position} is shorter than {least} bytes")]
    TooShort {
        /// Its kind.
        kind: &'static str,
        /// Its place in the list.
        position: usize,
        /// The least length in bytes.
        least: usize,
    },
    /// Longer than what a window of the scan carries over.
    #[error("planted {kind} number {position} is longer than {most} bytes")]
    TooLong {
        /// Its kind.
        kind: &'static str,
        /// Its place in the list.
        position: usize,
        /// The greatest length in bytes.
        most: usize,
    },
    /// A file or folder that was to be scanned cannot be read.
    #[error("cannot read {place}")]
    Read {
        /// Which one.
        place: String,
        /// The system's word.
        #[source]
        source: std::io::Error,
    },
}

impl Error {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::TooShort { .. } | Self::TooLong { .. } => Code::Usage,
            Self::Read { .. } => Code::StorageFailed,
        }
    }
}
