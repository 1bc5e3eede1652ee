//! Plans a query over governed tables, and checks the finished plan against the rulings.

use std::{collections::BTreeSet, sync::Arc};

use datafusion::{
    arrow::datatypes::SchemaRef,
    common::{TableReference, ToDFSchema},
    datasource::{
        memory::MemorySourceConfig, physical_plan::ParquetSource, source::DataSourceExec,
    },
    execution::{SessionState, context::SQLOptions},
    logical_expr::LogicalPlan,
    physical_expr::{PhysicalExpr, expressions::Column, split_conjunction},
    physical_plan::{
        ExecutionPlan, empty::EmptyExec, memory::LazyMemoryExec,
        placeholder_row::PlaceholderRowExec, streaming::StreamingTableExec,
        work_table::WorkTableExec,
    },
    sql::{parser::Statement as PlanStatement, sqlparser::ast},
};
use lakeward_domain::{Code, ColumnId, TableId, TableName, names};

use crate::{
    barrier::{BarrierExec, Hidden},
    error::{Error, Phase, Result, foreign, not_allowed, not_found},
    governed::GovernedTable,
    lower::lower,
    parse::miscounted,
    resolve::Resolver,
};

const INFORMATION_SCHEMA: &str = "information_schema";

/// A query that is planned and checked.
#[derive(Debug)]
pub(crate) struct GovernedPlan {
    pub(crate) physical: Arc<dyn ExecutionPlan>,
    pub(crate) logical: LogicalPlan,
    pub(crate) session: SessionState,
}

impl GovernedPlan {
    pub(crate) fn schema(&self) -> SchemaRef {
        self.physical.schema()
    }
}

/// Plans a query; the tables that it names are resolved and ruled first.
pub(crate) async fn over_governed_tables(
    session: SessionState,
    resolver: &Resolver,
    query: Box<ast::Query>,
) -> Result<GovernedPlan> {
    if let Some(operation) = miscounted(&query) {
        return Err(not_allowed(operation));
    }
    let statement = PlanStatement::Statement(Box::new(ast::Statement::Query(query)));
    let references = session
        .resolve_table_references(&statement)
        .map_err(|error| foreign(&error, Phase::Plan))?;
    for reference in &references {
        // `FROM generate_series(…)` is listed like a table.
        let function = matches!(reference, TableReference::Bare { table }
            if session.table_functions().contains_key(table.as_ref()));
        if !function {
            resolve(resolver, reference)?;
        }
    }
    let plan_error = |error| foreign(&error, Phase::Plan);
    let logical = session
        .statement_to_plan(statement)
        .await
        .map_err(plan_error)?;
    SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false)
        .verify_plan(&logical)
        .map_err(|_| not_allowed("a change inside a query"))?;
    let optimized = session.optimize(&logical).map_err(plan_error)?;
    let physical = session
        .query_planner()
        .create_physical_plan(&optimized, &session)
        .await
        .map_err(plan_error)?;
    Ok(GovernedPlan {
        physical,
        logical,
        session,
    })
}

fn resolve(resolver: &Resolver, reference: &TableReference) -> Result<()> {
    let schema = reference.schema().unwrap_or(names::DEFAULT_SCHEMA);
    if schema == INFORMATION_SCHEMA {
        return Ok(());
    }
    if reference
        .catalog()
        .is_some_and(|catalog| catalog != names::CATALOG)
    {
        return Err(not_found("table"));
    }
    let name =
        TableName::from_parts(&[schema, reference.table()]).map_err(|_| not_found("table"))?;
    resolver.table(&name).map(|_| ())
}

/// Whether any table of a plan stands behind a barrier.
pub(crate) fn has_barrier(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.is::<BarrierExec>() || plan.children().into_iter().any(has_barrier)
}

/// Verifies on the *finished* plan that every source stands in its barrier with exactly the
/// ruling's filter and masks. Whatever an optimizer rule did in between, this is what runs.
pub(crate) fn check(plan: &Arc<dyn ExecutionPlan>, resolver: &Resolver) -> Result<()> {
    let children = plan.children();
    if children.is_empty() {
        return source(plan, resolver);
    }
    children
        .into_iter()
        .try_for_each(|child| check(child, resolver))
}

fn source(plan: &Arc<dyn ExecutionPlan>, resolver: &Resolver) -> Result<()> {
    if let Some(barrier) = plan.downcast_ref::<BarrierExec>() {
        shows_its_outputs(&barrier.schema(), barrier.hidden())?;
        return barrier_holds(barrier.hidden(), resolver);
    }
    if let Some(data) = plan.downcast_ref::<DataSourceExec>() {
        if let Some((config, _)) = data.downcast_to_file_source::<ParquetSource>() {
            let tables: BTreeSet<Option<TableId>> = config
                .file_groups
                .iter()
                .flat_map(|group| group.files())
                .map(|file| table_of(file.path().as_ref()))
                .collect();
            return tables
                .into_iter()
                .try_for_each(|table| bare_scan_is_identity(table, resolver));
        }
        if data
            .data_source()
            .downcast_ref::<MemorySourceConfig>()
            .is_some()
        {
            return Ok(());
        }
        return Err(failed("a source of the plan is not known"));
    }
    let harmless = plan.is::<PlaceholderRowExec>()
        || plan.is::<EmptyExec>()
        || plan.is::<LazyMemoryExec>()
        || plan.is::<StreamingTableExec>()
        || plan.is::<WorkTableExec>();
    if harmless {
        Ok(())
    } else {
        Err(failed("a source of the plan is not known"))
    }
}

/// The table that a data file belongs to: a folder of its path.
fn table_of(path: &str) -> Option<TableId> {
    path.split('/').find_map(|part| part.parse().ok())
}

fn bare_scan_is_identity(table: Option<TableId>, resolver: &Resolver) -> Result<()> {
    let governed = table.and_then(|table| find(table, resolver));
    match governed {
        Some(governed) if governed.ruling_is_identity() => Ok(()),
        _ => Err(failed("a protected table is read without its barrier")),
    }
}

fn find(table: TableId, resolver: &Resolver) -> Option<Arc<GovernedTable>> {
    resolver
        .resolved()
        .into_iter()
        .find(|governed| governed.table.id == table)
}

/// A value must not come out under another column's name.
fn shows_its_outputs(shown: &SchemaRef, hidden: &Hidden) -> Result<()> {
    let names = shown.fields().iter().map(|field| field.name());
    if names.eq(hidden.outputs.iter().map(|output| &output.name)) {
        Ok(())
    } else {
        Err(failed("a barrier shows other columns than it computes"))
    }
}

fn barrier_holds(hidden: &Hidden, resolver: &Resolver) -> Result<()> {
    let Some(governed) = find(hidden.table, resolver) else {
        return Err(failed(
            "a barrier stands before a table of another statement",
        ));
    };
    // Lowered afresh from the ruling: what was planned must equal what was ruled.
    let expected = lower(
        &governed.ruling,
        &governed.table,
        &governed.stored,
        &governed.pinned,
    )?;
    let schema = hidden.scan.schema();
    let dfschema = schema
        .as_ref()
        .clone()
        .to_dfschema()
        .map_err(|_| failed("the hidden scan has no schema"))?;
    let physical = |expr: &datafusion::logical_expr::Expr| {
        governed
            .pinned
            .create_physical_expr(expr.clone(), &dfschema)
            .map_err(|_| failed("a mask does not fit its scan"))
    };
    match (&expected.filter, &hidden.filter, &hidden.guard) {
        (None, None, _) => {}
        (Some(filter), Some(carried), Some(guard)) => {
            let filter = physical(filter)?;
            if &filter != carried || !contains_all(guard, &filter) {
                return Err(failed("a row filter is not the one that was ruled"));
            }
        }
        _ => return Err(failed("a row filter is missing")),
    }
    for output in &hidden.outputs {
        let Some(column) = governed
            .table
            .columns
            .iter()
            .find(|column| column.name.as_str() == output.name)
        else {
            return Err(failed("the barrier shows an unknown column"));
        };
        if expected.denied.contains(&column.id) {
            return Err(failed("a denied column is read"));
        }
        let holds = match expected.masks.get(&column.id) {
            Some(mask) => !output.identity && physical(mask)?.eq(&output.expr),
            None => output.identity && is_column(&output.expr, column.id),
        };
        if !holds {
            return Err(failed("a mask is not the one that was ruled"));
        }
    }
    Ok(())
}

fn contains_all(guard: &Arc<dyn PhysicalExpr>, filter: &Arc<dyn PhysicalExpr>) -> bool {
    let held = split_conjunction(guard);
    split_conjunction(filter)
        .into_iter()
        .all(|wanted| held.contains(&wanted))
}

fn is_column(expr: &Arc<dyn PhysicalExpr>, id: ColumnId) -> bool {
    expr.downcast_ref::<Column>()
        .is_some_and(|column| column.name() == id.to_string())
}

fn failed(why: &str) -> Error {
    Error::new(Code::PlanCheckFailed, why)
}

impl GovernedTable {
    /// Lowered afresh, so that a defect in what was planned cannot vouch for itself.
    fn ruling_is_identity(&self) -> bool {
        lower(&self.ruling, &self.table, &self.stored, &self.pinned)
            .is_ok_and(|lowered| lowered.is_identity())
    }
}

#[cfg(test)]
mod tests;
