//! A copy is never laxer than its source, whoever makes it and whatever they may see (POLICY.md
//! point 9).
//!
//! What would be got wrong: the question is never what *this* requester sees of the source, but what
//! stands on it for others. So a privileged job's copy is protected like what it was made of.

use std::collections::BTreeSet;

use datafusion::{common::tree_node::TreeNodeRecursion, logical_expr::LogicalPlan};
use lakeward_catalog::State;
use lakeward_domain::{Class, Code, Column, ColumnId, FunctionId, Name, Table, TableId};
use lakeward_policy::PolicyKind;

use crate::{
    error::{Error, Phase, Result, denied, foreign},
    lineage::{self, Source, StoredColumn},
    plan::GovernedPlan,
    resolve::Resolver,
};

/// Where each column of a planned query comes from.
pub(super) fn sources(plan: &GovernedPlan) -> Result<Vec<Source>> {
    lineage::of(&plan.logical).map_err(|error| foreign(&error, Phase::Plan))
}

/// The catalog's record of a column that a plan names.
pub(super) fn stored_column<'r>(
    resolver: &'r Resolver,
    (table, column): &StoredColumn,
) -> Option<(&'r Table, &'r Column)> {
    let table = resolver.state.table_by_name(&table.parse().ok()?)?;
    let column = table.column(&Name::parse(column).ok()?)?;
    Some((table, column))
}

/// Whether a table's content is closed until somebody decides: unverified, or left without the
/// policies that it once had.
pub(super) fn is_closed(state: &State, table: &Table) -> bool {
    let unverified = table
        .tags
        .get("classification")
        .or_else(|| table.inherited_tags.get("classification"))
        .is_some_and(|value| value == "unverified");
    unverified || table.protected && state.policies_on(table.id).is_empty()
}

/// Whether a row of the query's result depends on exactly one row of `table`, or on the rows of one
/// group: the table is scanned once, and nothing looks across rows. Only then does its row filter,
/// over columns that survive, still filter the same thing.
pub(super) fn rows_survive(plan: &LogicalPlan, table: &Table) -> bool {
    let (mut scans, mut across) = (0_usize, false);
    let name = table.name.to_string();
    let visited = plan.apply_with_subqueries(|node| {
        match node {
            LogicalPlan::TableScan(scan) => {
                let schema = scan
                    .table_name
                    .schema()
                    .unwrap_or(lakeward_domain::names::DEFAULT_SCHEMA);
                if format!("{schema}.{}", scan.table_name.table()) == name {
                    scans += 1;
                }
            }
            LogicalPlan::Projection(_)
            | LogicalPlan::Filter(_)
            | LogicalPlan::Sort(_)
            | LogicalPlan::Limit(_)
            | LogicalPlan::SubqueryAlias(_)
            | LogicalPlan::Aggregate(_)
            | LogicalPlan::Distinct(_)
            | LogicalPlan::Join(_)
            | LogicalPlan::Values(_)
            | LogicalPlan::EmptyRelation(_)
            | LogicalPlan::Subquery(_) => {}
            _ => across = true,
        }
        Ok(TreeNodeRecursion::Continue)
    });
    visited.is_ok() && scans == 1 && !across
}

/// Refuses an INSERT whose values or rows would be less protected in the target than in a source.
pub(super) fn refuse_laundering(
    resolver: &Resolver,
    target: &Table,
    sources: &[Source],
    mapping: &[Option<usize>],
) -> Result<()> {
    for (column, from) in target.columns.iter().zip(mapping) {
        let Some(source) = from.and_then(|from| sources.get(from)) else {
            continue;
        };
        if class_of(resolver, target, column.id, source) > target.class(column) {
            return Err(denied(&format!(
                "column {} to carry the tags, or the mask, of what is written into it: set them first",
                column.name
            )));
        }
    }
    let state = &resolver.state;
    for governed in resolver.resolved() {
        let source = governed.table.as_ref();
        if source.id == target.id {
            if !governed.lowered.masks.is_empty() {
                // Masks would be written back as if they were values (POLICY.md point 10).
                return Err(denied(
                    "to see the columns of the table as they are stored: it reads from itself",
                ));
            }
            continue;
        }
        if is_closed(state, source) && !is_closed(state, target) {
            return Err(denied(
                "a verified source: one of the sources is closed until a data steward decides",
            ));
        }
        let held = row_filters(state, target.id);
        if !row_filters(state, source.id).is_subset(&held) {
            return Err(denied(
                "the row filter of its source on the target: the same function",
            ));
        }
    }
    Ok(())
}

/// The functions of a table's row filters.
fn row_filters(state: &State, table: TableId) -> BTreeSet<FunctionId> {
    state
        .policies_on(table)
        .iter()
        .filter(|policy| matches!(policy.kind, PolicyKind::RowFilter))
        .map(|policy| policy.function)
        .collect()
}

/// The functions of a column's masks.
fn masks(state: &State, table: TableId, column: ColumnId) -> BTreeSet<FunctionId> {
    state
        .policies_on(table)
        .iter()
        .filter(
            |policy| matches!(policy.kind, PolicyKind::Mask { column: masked } if masked == column),
        )
        .map(|policy| policy.function)
        .collect()
}

/// The class that a value needs: the strictest of its sources, and PHI for what stands under a mask
/// that the target does not have.
fn class_of(resolver: &Resolver, target: &Table, column: ColumnId, source: &Source) -> Class {
    let held = masks(&resolver.state, target.id, column);
    source
        .from
        .iter()
        .filter_map(|stored| stored_column(resolver, stored))
        .map(|(table, from)| {
            let masked = !masks(&resolver.state, table.id, from.id).is_subset(&held);
            if masked {
                Class::Phi
            } else {
                table.class(from)
            }
        })
        .max()
        .unwrap_or(Class::Open)
}

/// Whether what protects the sources and the target is still what the statement was planned under.
/// Ask while holding what keeps writers out, just before the commit.
///
/// # Errors
/// [`Code::Conflict`]: the statement is planned anew.
pub(crate) fn unchanged(
    planned: &State,
    now: &State,
    tables: impl IntoIterator<Item = TableId>,
) -> Result<()> {
    for id in tables {
        let same = match (planned.table(id), now.table(id)) {
            (Some(before), Some(after)) => {
                before.columns == after.columns
                    && before.tags == after.tags
                    && before.inherited_tags == after.inherited_tags
                    && before.protected == after.protected
                    && planned.policies_on(id) == now.policies_on(id)
            }
            (None, None) => true,
            _ => false,
        };
        if !same {
            return Err(Error::new(
                Code::Conflict,
                "what protects a table of the statement changed meanwhile",
            ));
        }
    }
    Ok(())
}
