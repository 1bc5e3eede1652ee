//! Errors of scrub policies. Detection and transforms do not fail.

use lakeward_domain::Code;

use crate::{Kind, scrub::Claim};

/// A scrub policy that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text is not a scrub policy.
    #[error("scrub policy cannot be read{}", line.map(|line| format!(", line {line}")).unwrap_or_default())]
    Syntax {
        /// The first line that does not fit, counted from one.
        line: Option<usize>,
    },
    /// The policy has another format version.
    #[error("scrub policy has format {found}, this build reads format {known}")]
    Format {
        /// What the policy says.
        found: u32,
        /// What this build reads.
        known: u32,
    },
    /// A field holds something that it cannot hold.
    #[error("scrub policy has an unusable {field}: {why}")]
    Invalid {
        /// The field.
        field: String,
        /// What it may hold.
        why: &'static str,
    },
    /// The claim does not allow an action.
    #[error("claim {claim} does not allow {action} on {place}: {why}")]
    Contradiction {
        /// The claim.
        claim: Claim,
        /// The action's word.
        action: &'static str,
        /// The column rule or kind.
        place: String,
        /// The rule it breaks.
        why: &'static str,
    },
    /// The claim requires the kind to be treated and the policy does not say how.
    #[error("claim {claim} needs an action for kind {kind}")]
    Uncovered {
        /// The claim.
        claim: Claim,
        /// The kind without an action.
        kind: Kind,
    },
    /// A regular expression or an example of a site rule does not hold.
    #[error("rule {rule} is not usable: {why}")]
    Rule {
        /// The rule's id.
        rule: String,
        /// What does not hold.
        why: &'static str,
    },
}

impl Error {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> Code {
        Code::ScrubInvalid
    }
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
