//! A ruling in words.
//!
//! The same words go to the requester and to the ledger. Whoever asks sees the explanation of their
//! own access, and no policy body: bodies hold names of groups, tenants and people.

use std::collections::BTreeMap;

use lakeward_domain::{Because, ColumnAccess, Name, Requester, Table};
use sqlparser::ast::{Expr, Ident};

use crate::{TableRuling, syntax};

/// One line of `EXPLAIN POLICY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExplainRow {
    /// The table.
    pub object: String,
    /// The column; `None` for a row filter.
    pub column: Option<Name>,
    /// `raw`, `computed`, `constant`, `hidden`, `denied`, `row filter`, `no rows` or `all rows`.
    pub outcome: String,
    /// The policy that spoke.
    pub policy: Option<String>,
    /// Its version.
    pub version: Option<u64>,
    /// The tag that matched.
    pub tag: Option<String>,
    /// What decided, separated by `; `.
    pub decided_by: String,
    /// Why, in a sentence.
    pub reason: String,
    /// What is computed, by column names; policy administrators only.
    pub expression: Option<String>,
}

/// The explanation of a ruling: first its row filters, then its columns in their order.
#[must_use]
pub fn lines(
    ruling: &TableRuling,
    table: &Table,
    requester: &Requester,
    may_see_bodies: bool,
) -> Vec<ExplainRow> {
    let body = |expr: &Expr| may_see_bodies.then(|| named(expr, table));
    let row = |column: Option<Name>, outcome: &str, because: &Because, expression| ExplainRow {
        object: table.name.to_string(),
        column,
        outcome: outcome.into(),
        policy: because.policy.map(|id| id.to_string()),
        version: because.version,
        tag: because.tag.clone(),
        decided_by: if because.decided_by.is_empty() {
            format!("user {}", requester.name)
        } else {
            because.decided_by.join("; ")
        },
        reason: because.reason.clone(),
        expression,
    };
    let mut rows = Vec::new();
    if let Some(filter) = &ruling.row_filter {
        let outcome = if filter.expr == syntax::boolean(false) {
            "no rows"
        } else {
            "row filter"
        };
        for because in &filter.because {
            rows.push(row(None, outcome, because, body(&filter.expr)));
        }
    }
    for because in &ruling.lifted {
        rows.push(row(None, "all rows", because, None));
    }
    for column in &table.columns {
        let Some(ruled) = ruling.columns.get(&column.id) else {
            continue;
        };
        let shown = match ruled.access {
            ColumnAccess::Computed | ColumnAccess::Constant => ruled.mask.as_ref().and_then(body),
            ColumnAccess::Raw | ColumnAccess::Hidden | ColumnAccess::Denied => None,
        };
        rows.push(row(
            Some(column.name.clone()),
            &ruled.access.to_string(),
            &ruled.because,
            shown,
        ));
    }
    rows
}

/// An expression over column ids, by the columns' names.
#[must_use]
pub fn named(expr: &Expr, table: &Table) -> String {
    let names: BTreeMap<Name, Expr> = table
        .columns
        .iter()
        .filter_map(|column| {
            let id = Name::parse(&column.id.to_string()).ok()?;
            Some((id, Expr::Identifier(Ident::new(column.name.as_str()))))
        })
        .collect();
    syntax::substitute(expr, &names).to_string()
}

#[cfg(test)]
mod tests;
