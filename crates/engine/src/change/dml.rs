//! INSERT.

use futures::StreamExt;
use lakeward_domain::{Class, Code, Column, ColumnId, Name, Table};
use lakeward_policy::PolicyKind;

use super::{Done, Work};
use crate::{
    answer::released,
    error::{Error, Phase, Result, denied, foreign, not_found},
    governed::with_check,
    lineage::{self, Source, StoredColumn},
    parse::{Insert, invalid_name},
    plan::{self, GovernedPlan},
    resolve::Resolver,
    write::{Mode, Sink, may_modify, publish},
};

/// INSERT INTO and INSERT OVERWRITE.
pub(super) async fn insert(work: &Work<'_>, insert: Insert) -> Result<Done> {
    let found = work
        .state()
        .table_by_name(&insert.table)
        .ok_or_else(|| not_found("table"))?;
    may_modify(work.state(), work.requester(), found)?;
    let target = work.resolver.target(&insert.table)?;
    if insert.overwrite && target.lowered.filter.is_some() {
        // An overwrite would remove rows that the requester cannot see.
        return Err(denied(
            "to see all rows of the table: its row filter applies to you",
        ));
    }
    let session = work.engine.sessions.reader(work.resolver, work.options);
    let plan = plan::over_governed_tables(session, work.resolver, insert.source).await?;
    plan::check(&plan.physical, work.resolver)?;
    let table = target.table.as_ref();
    let mapping = mapping(table, &insert.columns, plan.schema().fields().len())?;
    let sources = sources(&plan)?;
    refuse_laundering(work.resolver, table, &sources, &mapping)?;
    work.decide(Some(table)).await?;
    let mut sink = Sink::new(
        work.engine,
        table,
        &target.stored,
        with_check(&target)?,
        &plan.schema(),
        &mapping,
    )?;
    if let Err(error) = fill(work, &plan, &mut sink).await {
        sink.abort().await;
        return Err(error);
    }
    let (files, rows) = sink.finish().await?;
    let mode = if insert.overwrite {
        Mode::Overwrite
    } else {
        Mode::Append
    };
    if rows > 0 || mode == Mode::Overwrite {
        let query = work.receipt.query();
        publish(work.engine, table, files, mode, work.kind, query, None).await?;
    }
    Ok(Done::changed(format!("{rows} rows inserted"), Some(rows))
        .with_keys(released(work.resolver)))
}

/// Runs a query into a sink, within the statement's deadline.
pub(super) async fn fill(work: &Work<'_>, plan: &GovernedPlan, sink: &mut Sink) -> Result<()> {
    let timeout = work
        .options
        .statement_timeout
        .unwrap_or(work.engine.settings.statement_timeout);
    let run = async {
        let context = plan.session.task_ctx();
        let mut rows = datafusion::physical_plan::execute_stream(
            std::sync::Arc::clone(&plan.physical),
            context,
        )
        .map_err(|error| foreign(&error, Phase::Run))?;
        while let Some(batch) = rows.next().await {
            sink.write(&batch.map_err(|error| foreign(&error, Phase::Run))?)
                .await?;
        }
        Ok(())
    };
    tokio::time::timeout(timeout, run).await.map_err(|_| {
        Error::new(
            Code::DeadlineExceeded,
            "the statement ran into its deadline",
        )
    })?
}

/// Which incoming column each column of the table takes.
fn mapping(table: &Table, named: &[Name], width: usize) -> Result<Vec<Option<usize>>> {
    if named.is_empty() {
        if width != table.columns.len() {
            return Err(Error::new(
                Code::TypeMismatch,
                format!(
                    "the table has {} columns, the query gives {width}",
                    table.columns.len()
                ),
            ));
        }
        return Ok((0..width).map(Some).collect());
    }
    if named.len() != width {
        return Err(Error::new(
            Code::TypeMismatch,
            format!("{} columns are named, the query gives {width}", named.len()),
        ));
    }
    for (at, name) in named.iter().enumerate() {
        if table.column(name).is_none() {
            return Err(Error::new(
                Code::PlanError,
                "a column of the statement does not exist",
            ));
        }
        if named[..at].contains(name) {
            return Err(invalid_name());
        }
    }
    Ok(table
        .columns
        .iter()
        .map(|column| named.iter().position(|n| *n == column.name))
        .collect())
}

pub(super) fn sources(plan: &GovernedPlan) -> Result<Vec<Source>> {
    lineage::of(&plan.logical).map_err(|error| foreign(&error, Phase::Plan))
}

/// A copy must not be laxer than its source (POLICY.md point 9): a tagged value goes only into a
/// column that is as protected, and rows under a row filter only into a table that has one.
fn refuse_laundering(
    resolver: &Resolver,
    target: &Table,
    sources: &[Source],
    mapping: &[Option<usize>],
) -> Result<()> {
    for (column, from) in target.columns.iter().zip(mapping) {
        let Some(source) = from.and_then(|from| sources.get(from)) else {
            continue;
        };
        let protected =
            source_is_masked(resolver, source) && !is_masked(resolver, target, column.id);
        let class = if protected {
            Class::Phi
        } else {
            class_of(resolver, source)
        };
        if class > target.class(column) {
            return Err(denied(&format!(
                "column {} to carry the tags of what is written into it: set them first",
                column.name
            )));
        }
    }
    let own = resolver
        .resolved()
        .into_iter()
        .find(|governed| governed.table.id == target.id);
    if own.is_some_and(|governed| !governed.lowered.masks.is_empty()) {
        // Masks would be written back as if they were values (POLICY.md point 10).
        return Err(denied(
            "to see the columns of the table as they are stored: it reads from itself",
        ));
    }
    let filtered = resolver.resolved().iter().any(|governed| {
        governed.table.id != target.id && has_row_filter(resolver, &governed.table)
    });
    if filtered && !has_row_filter(resolver, target) {
        return Err(denied(
            "a row filter on the target, because a source has one",
        ));
    }
    Ok(())
}

pub(super) fn has_row_filter(resolver: &Resolver, table: &Table) -> bool {
    resolver
        .state
        .policies_on(table.id)
        .iter()
        .any(|policy| matches!(policy.kind, PolicyKind::RowFilter))
}

pub(super) fn is_masked(resolver: &Resolver, table: &Table, column: ColumnId) -> bool {
    resolver
        .state
        .policies_on(table.id)
        .iter()
        .any(|policy| match policy.kind {
            PolicyKind::Mask { column: masked } => masked == column,
            PolicyKind::RowFilter => false,
        })
}

/// Whether a value was computed from a column that has a mask, whoever may see through it.
fn source_is_masked(resolver: &Resolver, source: &Source) -> bool {
    source.from.iter().any(|stored| {
        stored_column(resolver, stored)
            .is_some_and(|(table, column)| is_masked(resolver, table, column.id))
    })
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

/// The strictest class among a value's sources.
fn class_of(resolver: &Resolver, source: &Source) -> Class {
    source
        .from
        .iter()
        .filter_map(|stored| stored_column(resolver, stored))
        .map(|(table, column)| table.class(column))
        .max()
        .unwrap_or(Class::Open)
}
