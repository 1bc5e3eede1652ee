//! What a column holds, as its tags say it.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

/// Tags of a catalog, schema, table or column: key to value, both lower case.
pub type Tags = BTreeMap<String, String>;

/// How sensitive a column is. Also names the key class: each (table, class) has its own KEK.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// No sensitive tag: raw to whoever holds SELECT, unless a policy speaks.
    Open,
    /// Tagged `sensitivity`: statistics stay out of the Delta log, otherwise like open.
    Sensitive,
    /// Protected health information (any `phi` or `pii` tag): hidden unless a policy or UNMASK
    /// speaks (45 CFR 160.103).
    Phi,
}

impl Class {
    /// The class that these tags mean.
    #[must_use]
    pub fn of(tags: &Tags) -> Self {
        if tags.contains_key("phi") || tags.contains_key("pii") {
            Self::Phi
        } else if tags.contains_key("sensitivity") {
            Self::Sensitive
        } else {
            Self::Open
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Sensitive => "sensitive",
            Self::Phi => "phi",
        })
    }
}
