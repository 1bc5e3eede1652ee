//! What a lake holds: schemas, tables, columns, principals. Plain records, stored by the catalog.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    Class, ColumnId, Duty, KeyId, LogicalType, Name, PrincipalId, RequesterKind, SchemaId, TableId,
    TableName, Tags, Timestamp,
};

/// A schema, such as `bronze`, `silver` or `gold`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// Stable id.
    pub id: SchemaId,
    /// Its name.
    pub name: Name,
    /// A comment.
    pub comment: Option<String>,
    /// Tags; tables and columns inherit them.
    pub tags: Tags,
    /// Who made it.
    pub owner: PrincipalId,
    /// When.
    pub created: Timestamp,
}

/// A top-level column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Stable id; its name in Delta and Parquet.
    pub id: ColumnId,
    /// Its name in SQL.
    pub name: Name,
    /// Its type.
    pub data_type: LogicalType,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// A comment.
    pub comment: Option<String>,
    /// Its own tags (inherited ones are added by [`Table::column_tags`]).
    pub tags: Tags,
}

/// The version of a table that readers see.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// Delta version.
    pub version: u64,
    /// SHA-256 of the sealed commit object of that version, in hex: notices a rolled-back log.
    pub head: String,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Stable id; the name of its folder.
    pub id: TableId,
    /// Its schema.
    pub schema: SchemaId,
    /// Its name with its schema's name, kept true by the catalog.
    pub name: TableName,
    /// Columns in the order of `SELECT *`.
    pub columns: Vec<Column>,
    /// Partition columns, outermost first.
    pub partitioned_by: Vec<ColumnId>,
    /// A comment.
    pub comment: Option<String>,
    /// Its own tags.
    pub tags: Tags,
    /// Tags of the catalog and schema, kept true by the catalog.
    pub inherited_tags: Tags,
    /// Table properties from the allow-list.
    pub properties: BTreeMap<String, String>,
    /// Who made it. Bound by policies like everyone.
    pub owner: PrincipalId,
    /// When.
    pub created: Timestamp,
    /// The KEK of each key class, and the version that new files use.
    pub keys: BTreeMap<Class, (KeyId, u32)>,
    /// What readers see.
    pub published: Published,
    /// Once protected, always protected: set when a policy is first bound, so that dropping the
    /// last policy leaves the table denied and not open.
    pub protected: bool,
}

impl Table {
    /// The column of this name.
    #[must_use]
    pub fn column(&self, name: &Name) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == *name)
    }

    /// The column of this id.
    #[must_use]
    pub fn column_by_id(&self, id: ColumnId) -> Option<&Column> {
        self.columns.iter().find(|column| column.id == id)
    }

    /// All tags that hold for a column: catalog and schema first, then table, then its own.
    #[must_use]
    pub fn column_tags(&self, column: &Column) -> Tags {
        let mut tags = self.inherited_tags.clone();
        tags.extend(self.tags.clone());
        tags.extend(column.tags.clone());
        tags
    }

    /// The class of a column by all tags that hold for it.
    #[must_use]
    pub fn class(&self, column: &Column) -> Class {
        Class::of(&self.column_tags(column))
    }
}

/// A user, service or group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Principal {
    /// A person or a program that can ask.
    User {
        /// Stable id, never used again.
        id: PrincipalId,
        /// Login name.
        name: Name,
        /// Person or program.
        requester_kind: RequesterKind,
        /// Attributes that policies read: `clearance`, `tenant` and any other.
        attributes: BTreeMap<String, String>,
        /// Duties held.
        duties: BTreeSet<Duty>,
        /// Whether logins are refused.
        disabled: bool,
    },
    /// A group of principals, other groups included.
    Group {
        /// Stable id, never used again.
        id: PrincipalId,
        /// Its name.
        name: Name,
        /// Direct members.
        members: BTreeSet<PrincipalId>,
    },
}

impl Principal {
    /// Its id.
    #[must_use]
    pub const fn id(&self) -> PrincipalId {
        match self {
            Self::User { id, .. } | Self::Group { id, .. } => *id,
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &Name {
        match self {
            Self::User { name, .. } | Self::Group { name, .. } => name,
        }
    }
}
