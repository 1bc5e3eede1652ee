//! Key records as data: what the catalog stores of a KEK. Never a key in the clear.

use std::fmt;

use lakeward_domain::{Class, KeyId, PrincipalId, TableId, Timestamp};
use serde::{Deserialize, Serialize};

/// The states of NIST SP 800-57 part 1 rev. 5, section 7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// Made, not used yet.
    PreActivation,
    /// Wraps and unwraps.
    Active,
    /// Neither, until resumed.
    Suspended,
    /// Unwraps only.
    Deactivated,
    /// Unwraps for rekey, and for readers until a cut-off.
    Compromised,
    /// Gone.
    Destroyed,
}

/// One change of a key's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// The new state.
    pub state: KeyState,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Option<PrincipalId>,
    /// Why, as a code word; never free text with data in it.
    pub reason: String,
}

/// What a KEK serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeyScope {
    /// The table.
    pub table: TableId,
    /// The class of columns.
    pub class: Class,
}

/// A KEK wrapped for one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// The KMS and key that can unwrap it, as a URI.
    pub kms: String,
    /// The wrapped key, base64.
    pub wrapped: String,
}

/// One version of a key-encrypting key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KekRecord {
    /// Stable id.
    pub id: KeyId,
    /// Version, from 1.
    pub version: u32,
    /// What it serves.
    pub scope: KeyScope,
    /// Its state now.
    pub state: KeyState,
    /// How it got there; the first is its making.
    pub transitions: Vec<Transition>,
    /// Who can unwrap it: one or more.
    pub recipients: Vec<Recipient>,
}

impl KeyState {
    /// Whether a key of this state may wrap new keys.
    #[must_use]
    pub const fn wraps(self) -> bool {
        matches!(self, Self::Active)
    }

    /// Whether a key of this state may unwrap. A reader's cut-off after a compromise is the
    /// ruling's business: until then old files stay readable.
    #[must_use]
    pub const fn unwraps(self) -> bool {
        matches!(self, Self::Active | Self::Deactivated | Self::Compromised)
    }
}

impl fmt::Display for KeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PreActivation => "pre-activation",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Deactivated => "deactivated",
            Self::Compromised => "compromised",
            Self::Destroyed => "destroyed",
        })
    }
}
