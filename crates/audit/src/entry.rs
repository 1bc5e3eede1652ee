//! What an entry says.
//!
//! Ids, names of things, counts, codes and decisions; never a value from the data and never a
//! literal of a statement. The list of events is closed: an event that this release does not know
//! means that a newer one wrote the ledger.

use std::collections::BTreeMap;

use lakeward_domain::{
    Because, Code, ColumnAccess, ColumnId, Door, KeyId, LakeId, Name, PrincipalId, Purpose,
    QueryId, Requester, TableId, TableName, Timestamp,
};
use serde::{Deserialize, Serialize};

/// Who asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// Stable id.
    pub id: PrincipalId,
    /// Login name then.
    pub name: Name,
    /// All groups then, closed over nesting.
    pub groups: Vec<Name>,
    /// The attribute `clearance` then.
    pub clearance: Option<String>,
    /// The purpose of the session.
    pub purpose: Option<Purpose>,
    /// The way in.
    pub door: Door,
    /// Who really asked, where somebody acted as another.
    pub impersonator: Option<(PrincipalId, Name)>,
}

impl From<&Requester> for Who {
    fn from(requester: &Requester) -> Self {
        Self {
            id: requester.id,
            name: requester.name.clone(),
            groups: requester.groups.iter().map(|g| g.name.clone()).collect(),
            clearance: requester.attribute("clearance").map(str::to_owned),
            purpose: requester.purpose.clone(),
            door: requester.door,
            impersonator: requester.impersonator.clone(),
        }
    }
}

/// One entry of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// The statement it belongs to.
    pub query: Option<QueryId>,
    /// Who asked; none for what the lake does by itself.
    pub who: Option<Who>,
    /// What happened.
    pub event: Event,
}

impl Entry {
    /// An entry of the lake itself.
    #[must_use]
    pub const fn new(at: Timestamp, event: Event) -> Self {
        Self {
            at,
            query: None,
            who: None,
            event,
        }
    }

    /// An entry of a requester's statement.
    #[must_use]
    pub fn of(requester: &Requester, query: QueryId, at: Timestamp, event: Event) -> Self {
        Self {
            at,
            query: Some(query),
            who: Some(Who::from(requester)),
            event,
        }
    }
}

/// A table as a statement used it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableUse {
    /// Stable id.
    pub table: TableId,
    /// Its name then.
    pub name: TableName,
    /// The version that was read or written.
    pub version: u64,
}

/// What was decided about a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnDecision {
    /// The table.
    pub table: TableId,
    /// The column.
    pub column: ColumnId,
    /// Its name then.
    pub name: Name,
    /// What the requester got of it.
    pub access: ColumnAccess,
    /// Why.
    pub because: Because,
}

/// A row filter that was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilterDecision {
    /// The table.
    pub table: TableId,
    /// Why.
    pub because: Because,
}

/// How many findings of a kind an ingest met in a column, and what became of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IngestCount {
    /// The kind of identifier.
    pub category: String,
    /// The source's column, as a name or path.
    pub column: String,
    /// What was done: `kept`, `dropped`, `redacted`, `tokenised`, `quarantined` and so on.
    pub disposition: String,
    /// How often.
    pub count: u64,
}

/// How a statement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Ok,
    /// Ended with this code after it was decided; rows may have left.
    Failed(Code),
}

impl Serialize for Outcome {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(match self {
            Self::Ok => "ok",
            Self::Failed(code) => code.as_str(),
        })
    }
}

impl<'de> Deserialize<'de> for Outcome {
    fn deserialize<D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "ok" {
            return Ok(Self::Ok);
        }
        Code::ALL
            .iter()
            .find(|code| code.as_str() == text)
            .map(|code| Self::Failed(*code))
            .ok_or_else(|| serde::de::Error::custom("not an outcome"))
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// The lake was made; the first entry of every ledger.
    LakeCreated {
        /// The lake.
        lake: LakeId,
        /// The release that made it.
        release: String,
        /// The scheme of the KMS: `local`, `awskms` and so on.
        kms: String,
    },
    /// A login failed.
    LoginFailed {
        /// Keyed fingerprint of the name that was given: a mistyped name may be a password.
        name_fingerprint: String,
        /// Why, as the requester was told.
        code: Code,
    },
    /// A statement arrived. Without a matching `finished` or `refused` it counts as fully
    /// disclosed.
    Begin {
        /// Keyed fingerprint of the text.
        fingerprint: String,
        /// Its kind in one word: `select`, `unknown`.
        statement: String,
    },
    /// What was decided about a statement; durable before its first row leaves.
    Decided {
        /// Its kind in one word.
        statement: String,
        /// Its shape: literals removed, resolved names only.
        shape: String,
        /// Tables and versions.
        tables: Vec<TableUse>,
        /// Every column decided.
        columns: Vec<ColumnDecision>,
        /// Row filters applied.
        row_filters: Vec<FilterDecision>,
        /// The catalog epoch all of it was resolved against.
        catalog_epoch: u64,
        /// Key versions that may be used, as `k…@1`.
        keys: Vec<String>,
    },
    /// A statement ended after it was decided.
    Finished {
        /// Rows that left.
        rows: u64,
        /// How it ended.
        outcome: Outcome,
        /// Key versions that were used, as `k…@1`, and columns whose data keys were unwrapped, with
        /// how many, as `c…*3`.
        keys_released: Vec<String>,
    },
    /// A statement was refused, or failed before it was decided: no row left.
    Refused {
        /// Why, as the requester was told.
        code: Code,
        /// Its kind in one word.
        statement: String,
    },
    /// Something was created, altered, dropped, granted or written.
    Changed {
        /// What was done, as words: `create table`, `grant`.
        what: String,
        /// The id of what it was done to.
        object: String,
        /// Ids and names; never literals.
        detail: BTreeMap<String, String>,
    },
    /// The catalog reached an epoch.
    CatalogEpoch {
        /// The epoch.
        epoch: u64,
        /// The hash root of the catalog then, in hex.
        root: String,
    },
    /// Records were taken in.
    Ingest {
        /// The table.
        table: TableId,
        /// Its name then.
        name: TableName,
        /// Keyed fingerprint of the source.
        source: String,
        /// The scrub policy used.
        scrub: String,
        /// Rows that went into the table.
        rows: u64,
        /// Rows or values that went into quarantine.
        quarantined: u64,
        /// Findings by category, column and disposition.
        counts: Vec<IngestCount>,
    },
    /// A key changed its state.
    KeyTransition {
        /// The key.
        key: KeyId,
        /// Its version.
        version: u32,
        /// The new state.
        state: String,
        /// Why, as a code word.
        reason: String,
    },
    /// Something was repaired after a crash.
    Recovered {
        /// What, in words with counts.
        what: String,
    },
}
