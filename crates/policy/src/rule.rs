//! Functions, policies and grants as data. The catalog stores them; nothing here decides.

use std::fmt;

use lakeward_domain::{
    ColumnId, FunctionId, GrantId, LogicalType, Name, PolicyId, PrincipalId, SchemaId, TableId,
    TableName, Timestamp,
};
use serde::{Deserialize, Serialize};

/// A scalar SQL function whose body is one expression over its parameters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    /// Stable id.
    pub id: FunctionId,
    /// Its name with its schema.
    pub name: TableName,
    /// The schema's id.
    pub schema: SchemaId,
    /// Parameters in order.
    pub parameters: Vec<(Name, LogicalType)>,
    /// The declared type of the result; checked against the body.
    pub returns: Option<LogicalType>,
    /// The body as SQL text, printed from the parsed form. May hold literals: policy
    /// administrators only.
    pub body: String,
    /// Who made it.
    pub owner: PrincipalId,
    /// Counts replacements, from 1.
    pub version: u64,
    /// SHA-256 of parameters and body, in hex.
    pub hash: String,
    /// A comment.
    pub comment: Option<String>,
    /// When this version was made.
    pub created: Timestamp,
}

/// An argument that a policy passes to its function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Argument {
    /// The raw value of a column of the same row.
    Column(ColumnId),
    /// A literal, as SQL text.
    Literal(String),
}

/// What a policy does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum PolicyKind {
    /// Replaces a column's values. The first argument is the column itself.
    Mask {
        /// The masked column.
        column: ColumnId,
    },
    /// Drops the rows for which the function is not true.
    RowFilter,
}

/// One binding of a function to a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Stable id.
    pub id: PolicyId,
    /// Counts replacements, from 1.
    pub version: u64,
    /// The table it stands on.
    pub table: TableId,
    /// Mask or row filter.
    pub kind: PolicyKind,
    /// The function, bound by id.
    pub function: FunctionId,
    /// Arguments in the order of the function's parameters; a mask's first one is its own column.
    pub arguments: Vec<Argument>,
    /// Who bound it.
    pub owner: PrincipalId,
    /// When.
    pub created: Timestamp,
}

/// What a grant allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Privilege {
    /// Use a schema's or the catalog's names. Implied by any privilege on something inside.
    Usage,
    /// Read, as policies allow.
    Select,
    /// INSERT, UPDATE, DELETE, MERGE, as policies allow.
    Modify,
    /// Make tables, views and functions in a schema.
    Create,
    /// See a column without its mask (POLICY.md point 1).
    Unmask,
    /// Copy answers out of the lake.
    Export,
    /// Call a function.
    Execute,
    /// Alter and drop, set policies and tags, grant.
    Manage,
}

impl Privilege {
    /// Every privilege.
    pub const ALL: [Self; 8] = [
        Self::Usage,
        Self::Select,
        Self::Modify,
        Self::Create,
        Self::Unmask,
        Self::Export,
        Self::Execute,
        Self::Manage,
    ];
}

impl fmt::Display for Privilege {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Usage => "USAGE",
            Self::Select => "SELECT",
            Self::Modify => "MODIFY",
            Self::Create => "CREATE",
            Self::Unmask => "UNMASK",
            Self::Export => "EXPORT",
            Self::Execute => "EXECUTE",
            Self::Manage => "MANAGE",
        })
    }
}

/// What a grant is on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Securable {
    /// Everything in the lake.
    Catalog,
    /// A schema and everything in it.
    Schema(SchemaId),
    /// A table and its columns.
    Table(TableId),
    /// One column.
    Column(TableId, ColumnId),
    /// Columns that carry this tag; without a value, any value of the key.
    Tag(String, Option<String>),
    /// A function.
    Function(FunctionId),
}

/// Who receives a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grantee {
    /// One user, service or group.
    Principal(PrincipalId),
    /// Every authenticated requester (Databricks' `account users`, PostgreSQL's PUBLIC).
    AccountUsers,
}

/// One right of one grantee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Stable id.
    pub id: GrantId,
    /// Who has it.
    pub grantee: Grantee,
    /// What it allows.
    pub privilege: Privilege,
    /// On what.
    pub on: Securable,
    /// Who granted it.
    pub grantor: PrincipalId,
    /// When.
    pub created: Timestamp,
}
