//! What was decided about a column, in the words that plan, explanation and ledger share.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::PolicyId;

/// What a requester gets of one column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnAccess {
    /// The stored value; its key is released.
    Raw,
    /// A value computed below the barrier; the key is released to the mask only.
    Computed,
    /// A literal; the column is not read and its key not unwrapped.
    Constant,
    /// NULL because no policy and no right speaks for it; not read, key not unwrapped.
    Hidden,
    /// The statement may not touch it at all.
    Denied,
}

impl ColumnAccess {
    /// Whether the column's key must be released to answer.
    #[must_use]
    pub const fn reads_data(self) -> bool {
        matches!(self, Self::Raw | Self::Computed)
    }
}

impl fmt::Display for ColumnAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Raw => "raw",
            Self::Computed => "computed",
            Self::Constant => "constant",
            Self::Hidden => "hidden",
            Self::Denied => "denied",
        })
    }
}

/// Why: the policy that spoke and the attribute that decided. Never a value from the data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Because {
    /// The policy's id, where one spoke.
    pub policy: Option<PolicyId>,
    /// Its version.
    pub version: Option<u64>,
    /// SHA-256 of its body, in hex, so that an auditor can prove which text was meant.
    pub body_hash: Option<String>,
    /// The tag that matched, as `key=value`.
    pub tag: Option<String>,
    /// What decided, in words: `is_member('data_scientists') is true`, `holds UNMASK`.
    pub decided_by: Vec<String>,
    /// One sentence for people.
    pub reason: String,
}

impl Because {
    /// A reason without a policy.
    #[must_use]
    pub fn reason(reason: impl Into<String>) -> Self {
        Self {
            policy: None,
            version: None,
            body_hash: None,
            tag: None,
            decided_by: Vec::new(),
            reason: reason.into(),
        }
    }
}
