//! Claims, and which actions they allow.
//!
//! 164.514(c)(1) bars codes that are derived from information about the person. A keyed hash is one,
//! however strong its key, so Safe Harbor has no tokens here.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Transform;
use crate::Kind;

/// What the output of a policy is claimed to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Claim {
    /// 45 CFR 164.514(b)(2): the eighteen kinds are removed.
    SafeHarbor,
    /// 45 CFR 164.514(e): sixteen kinds are removed; it stays PHI under a data use agreement.
    LimitedDataSet,
    /// 45 CFR 164.514(b)(1): an expert determined it; nothing is checked here.
    ExpertDetermination,
    /// PHI that stays inside; nothing is claimed.
    InternalPseudonymised,
}

impl Claim {
    /// The word that policies use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SafeHarbor => "safe_harbor",
            Self::LimitedDataSet => "limited_data_set",
            Self::ExpertDetermination => "expert_determination",
            Self::InternalPseudonymised => "internal_pseudonymised",
        }
    }

    /// Whether identifiers of this kind may not stay as they are.
    #[must_use]
    pub const fn removes(self, kind: Kind) -> bool {
        match self {
            Self::SafeHarbor => true,
            // City, State, zip code, dates and ages stay, and the list has no "any other number".
            Self::LimitedDataSet => !matches!(
                kind,
                Kind::City | Kind::Zip | Kind::Date | Kind::Age | Kind::OtherId
            ),
            Self::ExpertDetermination | Self::InternalPseudonymised => false,
        }
    }

    /// Whether the claim is checked at all.
    #[must_use]
    pub const fn is_checked(self) -> bool {
        matches!(self, Self::SafeHarbor | Self::LimitedDataSet)
    }

    /// Why the claim does not allow an action on a column, if it does not. `kind` is what the column
    /// is known to hold.
    #[must_use]
    pub fn refuses(self, action: &Transform, kind: Option<Kind>) -> Option<&'static str> {
        let removed = kind.is_some_and(|kind| self.removes(kind));
        match action {
            Transform::Token { .. } if self == Self::SafeHarbor => {
                Some("164.514(c)(1) bars codes derived from information about the individual")
            }
            Transform::ShowFirst4 | Transform::ShowLast4 | Transform::Alphanum
                if self == Self::SafeHarbor || removed =>
            {
                Some("a part or the shape of an identifier would stay")
            }
            Transform::Token { .. } if removed => Some(
                "164.514(e)(2) asks for the identifier to be excluded, and a token stands for it",
            ),
            Transform::Keep if removed => Some("the identifier would stay"),
            Transform::Year { .. } if removed && kind != Some(Kind::Date) => {
                Some("only dates become years")
            }
            Transform::Zip3(_) if removed && kind != Some(Kind::Zip) => {
                Some("only zip codes become prefixes")
            }
            Transform::AgeCap if removed && kind != Some(Kind::Age) => Some("only ages are capped"),
            Transform::ScrubText(_) if removed => Some("the column is an identifier, not a text"),
            _ => None,
        }
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
