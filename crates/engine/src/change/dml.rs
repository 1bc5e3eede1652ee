//! INSERT.

use lakeward_domain::{Code, Name, Table};

use super::{Done, Work, taint};
use crate::{
    answer::released,
    error::{Error, Phase, Result, denied, foreign, not_found},
    governed::with_check,
    parse::{Insert, invalid_name},
    plan::{self, GovernedPlan},
    pump::Pump,
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
    let sources = taint::sources(&plan)?;
    taint::refuse_laundering(work.resolver, table, &sources, &mapping)?;
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
        publish(
            work.engine,
            work.resolver,
            table,
            files,
            mode,
            work.kind,
            query,
            None,
        )
        .await?;
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
        let rows = datafusion::physical_plan::execute_stream(
            std::sync::Arc::clone(&plan.physical),
            context,
        )
        .map_err(|error| foreign(&error, Phase::Run))?;
        let mut rows = Pump::start(rows);
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
