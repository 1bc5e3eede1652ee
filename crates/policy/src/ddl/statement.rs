//! Policy statements as data, names still unresolved.

use std::collections::{BTreeMap, BTreeSet};

use lakeward_domain::{Duty, LogicalType, Name, RequesterKind, TableName, Tags};
use sqlparser::ast;

use crate::Privilege;

/// An argument after the first one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArgumentSpec {
    /// A column of the same table.
    Column(Name),
    /// A literal, as SQL text.
    Literal(String),
}

/// What the statement said about a mask's first argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FirstArg {
    /// `SET MASK f`: the masked column, silently.
    Implied,
    /// `MASKED WITH (FUNCTION f(c, …))`: this column, which must be the masked one.
    Named(Name),
}

/// Where tags go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagTarget {
    /// The whole lake.
    Catalog,
    /// A schema.
    Schema(Name),
    /// A table.
    Table(TableName),
    /// A column.
    Column(TableName, Name),
}

/// What a grant is on, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecurableSpec {
    /// The whole lake.
    Catalog,
    /// A schema.
    Schema(Name),
    /// A table or view.
    Table(TableName),
    /// A column.
    Column(TableName, Name),
    /// Columns with this tag.
    Tag(String, Option<String>),
    /// A function.
    Function(TableName),
}

/// Who a grant is for, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GranteeSpec {
    /// A user or service.
    User(Name),
    /// A group.
    Group(Name),
    /// A user, service or group: whichever has the name; both is an error.
    Any(Name),
    /// Everybody who is logged in.
    AccountUsers,
}

/// A member of a group, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberSpec {
    /// A user or service.
    User(Name),
    /// Another group.
    Group(Name),
    /// Whichever has the name.
    Any(Name),
}

/// What `SHOW GRANTS` asks about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShowGrantsOf {
    /// Everything that reaches the requester.
    Own,
    /// `ON …`.
    On(SecurableSpec),
    /// `TO …`.
    To(GranteeSpec),
}

/// A statement about policies, rights or principals.
#[derive(Debug, Clone, PartialEq)]
pub enum Statement {
    /// `CREATE FUNCTION f(a T, …) [RETURNS T] … RETURN expr`.
    CreateFunction {
        /// Replace one that is there.
        or_replace: bool,
        /// Leave one that is there.
        if_not_exists: bool,
        /// Its name.
        name: TableName,
        /// Parameters.
        parameters: Vec<(Name, LogicalType)>,
        /// The declared result.
        returns: Option<LogicalType>,
        /// The body.
        body: Box<ast::Expr>,
        /// `COMMENT '…'`.
        comment: Option<String>,
    },
    /// `DROP FUNCTION f`.
    DropFunction {
        /// Its name.
        name: TableName,
        /// No error if it is not there.
        if_exists: bool,
    },
    /// `ALTER TABLE t ALTER COLUMN c SET MASK …`.
    SetMask {
        /// The table.
        table: TableName,
        /// The masked column.
        column: Name,
        /// The function.
        function: TableName,
        /// What was said about the first argument.
        first: FirstArg,
        /// The other arguments.
        using: Vec<ArgumentSpec>,
    },
    /// `ALTER TABLE t ALTER COLUMN c DROP MASK`.
    DropMask {
        /// The table.
        table: TableName,
        /// The column.
        column: Name,
    },
    /// `ALTER TABLE t SET ROW FILTER f ON (…)`.
    SetRowFilter {
        /// The table.
        table: TableName,
        /// The function.
        function: TableName,
        /// Its arguments.
        on: Vec<ArgumentSpec>,
    },
    /// `ALTER TABLE t DROP ROW FILTER`.
    DropRowFilter {
        /// The table.
        table: TableName,
    },
    /// `… SET TAGS ('k' = 'v', …)`.
    SetTags {
        /// Where.
        target: TagTarget,
        /// The tags.
        tags: Tags,
    },
    /// `… UNSET TAGS ('k', …)`.
    UnsetTags {
        /// Where.
        target: TagTarget,
        /// The tags' keys.
        keys: BTreeSet<String>,
    },
    /// `GRANT … ON … TO …`.
    Grant {
        /// What is allowed.
        privileges: Vec<Privilege>,
        /// On what.
        on: SecurableSpec,
        /// To whom.
        to: Vec<GranteeSpec>,
    },
    /// `REVOKE … ON … FROM …`.
    Revoke {
        /// What is no longer allowed.
        privileges: Vec<Privilege>,
        /// On what.
        on: SecurableSpec,
        /// From whom.
        from: Vec<GranteeSpec>,
    },
    /// `GRANT DUTY d TO u`.
    GrantDuty {
        /// The duties.
        duties: Vec<Duty>,
        /// The users.
        to: Vec<Name>,
    },
    /// `REVOKE DUTY d FROM u`.
    RevokeDuty {
        /// The duties.
        duties: Vec<Duty>,
        /// The users.
        from: Vec<Name>,
    },
    /// `CREATE USER u` or `CREATE SERVICE s`.
    CreateUser {
        /// Login name.
        name: Name,
        /// Person or program.
        kind: RequesterKind,
        /// No error if it is there.
        if_not_exists: bool,
        /// Attributes.
        attributes: BTreeMap<String, String>,
    },
    /// `ALTER USER u SET ATTRIBUTES (…)`, `UNSET ATTRIBUTES (…)`, `ENABLE`, `DISABLE`.
    AlterUser {
        /// The user.
        name: Name,
        /// Attributes to set.
        set: BTreeMap<String, String>,
        /// Attributes to remove.
        unset: BTreeSet<String>,
        /// Whether logins are refused from now on.
        disabled: Option<bool>,
    },
    /// `DROP USER u` or `DROP SERVICE s`.
    DropUser {
        /// The user.
        name: Name,
        /// No error if it is not there.
        if_exists: bool,
    },
    /// `CREATE GROUP g`.
    CreateGroup {
        /// The group.
        name: Name,
        /// No error if it is there.
        if_not_exists: bool,
    },
    /// `ALTER GROUP g ADD … / DROP …`.
    AlterGroup {
        /// The group.
        name: Name,
        /// New members.
        add: Vec<MemberSpec>,
        /// Members to remove.
        drop: Vec<MemberSpec>,
    },
    /// `DROP GROUP g`.
    DropGroup {
        /// The group.
        name: Name,
        /// No error if it is not there.
        if_exists: bool,
    },
    /// `EXPLAIN POLICY query`: the text of the query, for the engine's parser.
    ExplainPolicy(String),
    /// `SHOW GRANTS [ON … | TO …]`.
    ShowGrants(ShowGrantsOf),
    /// `SHOW POLICIES [ON t]`.
    ShowPolicies {
        /// The table; all tables if missing.
        on: Option<TableName>,
    },
    /// `SHOW USER FUNCTIONS`: functions made by `CREATE FUNCTION`.
    ShowFunctions,
    /// `SHOW USERS`.
    ShowUsers,
    /// `SHOW GROUPS`.
    ShowGroups,
    /// `DESCRIBE FUNCTION f`.
    DescribeFunction {
        /// The function.
        name: TableName,
    },
    /// `SET PURPOSE 'treatment' [REFERENCE '…']`.
    SetPurpose {
        /// The purpose.
        name: Name,
        /// A ticket or study number.
        reference: Option<String>,
    },
    /// `UNSET PURPOSE` or `RESET PURPOSE`.
    UnsetPurpose,
}

impl Statement {
    /// The kind of the statement in words, for the ledger: no name and no literal in it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::CreateFunction { .. } => "create function",
            Self::DropFunction { .. } => "drop function",
            Self::SetMask { .. } => "set mask",
            Self::DropMask { .. } => "drop mask",
            Self::SetRowFilter { .. } => "set row filter",
            Self::DropRowFilter { .. } => "drop row filter",
            Self::SetTags { .. } => "set tags",
            Self::UnsetTags { .. } => "unset tags",
            Self::Grant { .. } => "grant",
            Self::Revoke { .. } => "revoke",
            Self::GrantDuty { .. } => "grant duty",
            Self::RevokeDuty { .. } => "revoke duty",
            Self::CreateUser { .. } => "create user",
            Self::AlterUser { .. } => "alter user",
            Self::DropUser { .. } => "drop user",
            Self::CreateGroup { .. } => "create group",
            Self::AlterGroup { .. } => "alter group",
            Self::DropGroup { .. } => "drop group",
            Self::ExplainPolicy(_) => "explain policy",
            Self::ShowGrants(_) => "show grants",
            Self::ShowPolicies { .. } => "show policies",
            Self::ShowFunctions => "show functions",
            Self::ShowUsers => "show users",
            Self::ShowGroups => "show groups",
            Self::DescribeFunction { .. } => "describe function",
            Self::SetPurpose { .. } => "set purpose",
            Self::UnsetPurpose => "unset purpose",
        }
    }
}
