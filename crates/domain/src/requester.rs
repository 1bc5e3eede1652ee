//! Who asks.
//!
//! A [`Requester`] is built by authentication from the catalog's own records and never from a
//! session variable: nothing a person can type changes what is in here, save the purpose.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

use crate::{Name, PrincipalId};

/// A person or a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RequesterKind {
    /// A person.
    User,
    /// A pipeline or another program.
    Service,
}

/// The way a request came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Door {
    /// The command line, embedded.
    Cli,
    /// PostgreSQL wire protocol.
    Postgres,
    /// Arrow Flight SQL.
    Flight,
    /// HTTP.
    Http,
    /// A pipeline run.
    Pipeline,
    /// An ingest run.
    Ingest,
}

/// A separate duty (45 CFR 164.308(a)(4); separation after POLICY.md point 13). None of them shows data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duty {
    /// Creates schemas and tables, runs maintenance; sees no PHI by that.
    SystemAdmin,
    /// Writes functions, masks, filters, grants and tags; sees no PHI by that.
    PolicyAdmin,
    /// Makes users and groups and assigns attributes.
    IdentityAdmin,
    /// Rotates and destroys keys.
    KeyOfficer,
    /// Reads the ledger, and nothing else.
    Auditor,
    /// Sees unverified tables in order to classify them.
    DataSteward,
    /// May act as another user; both are recorded.
    Impersonator,
}

impl Duty {
    /// Every duty, in a stable order.
    pub const ALL: [Self; 7] = [
        Self::SystemAdmin,
        Self::PolicyAdmin,
        Self::IdentityAdmin,
        Self::KeyOfficer,
        Self::Auditor,
        Self::DataSteward,
        Self::Impersonator,
    ];
}

impl fmt::Display for Duty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SystemAdmin => "system_admin",
            Self::PolicyAdmin => "policy_admin",
            Self::IdentityAdmin => "identity_admin",
            Self::KeyOfficer => "key_officer",
            Self::Auditor => "auditor",
            Self::DataSteward => "data_steward",
            Self::Impersonator => "impersonator",
        })
    }
}

impl std::str::FromStr for Duty {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|duty| duty.to_string().eq_ignore_ascii_case(text))
            .ok_or(())
    }
}

/// A group the requester belongs to, directly or through other groups.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Group {
    /// Stable id.
    pub id: PrincipalId,
    /// Its name now.
    pub name: Name,
}

/// Why the data is asked for (45 CFR 164.502(b), minimum necessary).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purpose {
    /// A word such as `treatment`, `payment`, `research`.
    pub name: Name,
    /// A ticket or study number.
    pub reference: Option<String>,
}

/// Who asks, with everything that a policy may look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requester {
    /// Stable id.
    pub id: PrincipalId,
    /// Login name.
    pub name: Name,
    /// Person or program.
    pub kind: RequesterKind,
    /// All groups, closed over nesting.
    pub groups: BTreeSet<Group>,
    /// Attributes assigned by an identity administrator: `clearance`, `tenant` and any other.
    pub attributes: BTreeMap<String, String>,
    /// Duties held.
    pub duties: BTreeSet<Duty>,
    /// The purpose of this session.
    pub purpose: Option<Purpose>,
    /// Who really asks, where `--as` was used.
    pub impersonator: Option<(PrincipalId, Name)>,
    /// The way in.
    pub door: Door,
}

impl Requester {
    /// Whether the requester is in the group of this name.
    #[must_use]
    pub fn is_member(&self, group: &Name) -> bool {
        self.groups.iter().any(|g| g.name == *group)
    }

    /// Whether the requester, or one of their groups, is this principal.
    #[must_use]
    pub fn is(&self, principal: PrincipalId) -> bool {
        self.id == principal || self.groups.iter().any(|g| g.id == principal)
    }

    /// Whether the requester holds a duty.
    #[must_use]
    pub fn has(&self, duty: Duty) -> bool {
        self.duties.contains(&duty)
    }

    /// The attribute of this name.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }
}
