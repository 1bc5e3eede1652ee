//! The table that a reader sees: its schema is the masked schema, its `scan` carries the ruling.
//!
//! Statistics, constraints, definitions, defaults and logical plans stay silent: each of them
//! would tell the optimizer, and by it the reader, about raw values.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use datafusion::{
    arrow::datatypes::{DataType, Field, Schema, SchemaRef},
    catalog::{Session, TableProvider},
    common::{
        Column, Result as PlanResult, ToDFSchema,
        tree_node::{Transformed, TreeNode},
    },
    execution::SessionState,
    logical_expr::{Expr, TableProviderFilterPushDown as PushDown, TableType, utils::conjunction},
    physical_expr::PhysicalExpr,
    physical_plan::{ExecutionPlan, projection::ProjectionExec},
};
use lakeward_domain::{Code, ColumnId, Table};
use lakeward_lake::{KeyAccess, LakeStore, ScanRequest};
use lakeward_policy::TableRuling;

use crate::{
    barrier::{BarrierExec, Hidden, Output},
    error::{Error, Phase, foreign},
    leakproof,
    lower::Lowered,
};

/// A table under its ruling for one requester and one statement.
#[derive(Clone)]
pub(crate) struct GovernedTable {
    pub(crate) table: Arc<Table>,
    pub(crate) ruling: Arc<TableRuling>,
    pub(crate) lowered: Arc<Lowered>,
    /// Policies by id and version: all that EXPLAIN shows.
    pub(crate) label: String,
    pub(crate) stored: SchemaRef,
    pub(crate) shown: SchemaRef,
    pub(crate) lake: Arc<LakeStore>,
    pub(crate) pinned: Arc<SessionState>,
    /// Columns that the statement asks for, for the ledger.
    pub(crate) asked: Arc<Mutex<BTreeSet<ColumnId>>>,
    /// Keys that the statement may use, with a count of those it did.
    pub(crate) keys: Arc<Mutex<Vec<Arc<KeyAccess>>>>,
}

impl fmt::Debug for GovernedTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GovernedTable")
            .field("table", &self.table.id)
            .finish_non_exhaustive()
    }
}

/// The schema as the requester sees it: names instead of ids; what is not raw may be NULL.
pub(crate) fn shown_schema(table: &Table, stored: &SchemaRef, lowered: &Lowered) -> SchemaRef {
    let fields: Vec<Field> = table
        .columns
        .iter()
        .filter_map(|column| {
            let field = stored.field_with_name(&column.id.to_string()).ok()?;
            let nullable = column.nullable || lowered.masks.contains_key(&column.id);
            Some(Field::new(
                column.name.as_str(),
                field.data_type().clone(),
                nullable,
            ))
        })
        .collect();
    Arc::new(Schema::new(fields))
}

impl GovernedTable {
    /// The type of a column that the requester gets raw, by its shown name.
    fn identity(&self, name: &str) -> Option<DataType> {
        let column = self
            .table
            .columns
            .iter()
            .find(|column| column.name.as_str() == name)?;
        if self.lowered.masks.contains_key(&column.id) {
            return None;
        }
        self.shown
            .field_with_name(name)
            .ok()
            .map(|field| field.data_type().clone())
    }

    fn crosses(&self, filter: &Expr) -> bool {
        leakproof::logical(filter, &|name| self.identity(name))
    }

    /// A predicate over shown names, over stored ids.
    fn over_stored(&self, filter: &Expr) -> PlanResult<Expr> {
        let moved = filter.clone().transform(|node| match &node {
            Expr::Column(column) => {
                let found = self
                    .table
                    .columns
                    .iter()
                    .find(|candidate| candidate.name.as_str() == column.name);
                match found {
                    Some(found) => Ok(Transformed::yes(Expr::Column(Column::from_name(
                        found.id.to_string(),
                    )))),
                    None => Err(broken("a predicate names an unknown column")),
                }
            }
            _ => Ok(Transformed::no(node)),
        })?;
        Ok(moved.data)
    }

    fn note_asked(&self, columns: impl IntoIterator<Item = ColumnId>) {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(columns);
    }

    /// What stands for the columns asked for, over stored ids, and which of them are identity.
    fn outputs(
        &self,
        projection: Option<&Vec<usize>>,
    ) -> PlanResult<Vec<(ColumnId, String, Expr, bool)>> {
        let indices: Vec<usize> = match projection {
            Some(projection) => projection.clone(),
            None => (0..self.table.columns.len()).collect(),
        };
        indices
            .into_iter()
            .map(|index| {
                let column = self
                    .table
                    .columns
                    .get(index)
                    .ok_or_else(|| broken("a projection names an unknown column"))?;
                let mask = self.lowered.masks.get(&column.id).cloned();
                let identity = mask.is_none();
                let expr =
                    mask.unwrap_or_else(|| Expr::Column(Column::from_name(column.id.to_string())));
                Ok((column.id, column.name.to_string(), expr, identity))
            })
            .collect()
    }

    fn physical(&self, expr: &Expr, schema: &Schema) -> PlanResult<Arc<dyn PhysicalExpr>> {
        self.pinned
            .create_physical_expr(expr.clone(), &schema.clone().to_dfschema()?)
    }
}

#[async_trait]
impl TableProvider for GovernedTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.shown)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> PlanResult<Vec<PushDown>> {
        Ok(filters
            .iter()
            .map(|filter| match self.crosses(filter) {
                // The guard of the barrier evaluates it; without a barrier the reader's own filter does.
                true if self.lowered.is_identity() => PushDown::Inexact,
                true => PushDown::Exact,
                false => PushDown::Unsupported,
            })
            .collect())
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> PlanResult<Arc<dyn ExecutionPlan>> {
        if !filters.iter().all(|filter| self.crosses(filter)) {
            return Err(broken("a predicate that may not cross reached the scan"));
        }
        let outputs = self.outputs(projection)?;
        let crossing = filters
            .iter()
            .map(|filter| self.over_stored(filter))
            .collect::<PlanResult<Vec<_>>>()?;
        let guard = conjunction(
            self.lowered
                .filter
                .iter()
                .cloned()
                .chain(crossing.iter().cloned()),
        );

        // What must be read: identity outputs, the inputs of masks and of the guard. A constant
        // mask adds nothing, so its column is not read and its key never released.
        let mut needed: BTreeSet<String> = BTreeSet::new();
        for expr in outputs.iter().map(|output| &output.2).chain(&guard) {
            needed.extend(
                expr.column_refs()
                    .into_iter()
                    .map(|column| column.name.clone()),
            );
        }
        let released: BTreeSet<ColumnId> = self
            .table
            .columns
            .iter()
            .map(|column| column.id)
            .filter(|id| needed.contains(&id.to_string()))
            .collect();
        let asked_by_filters = crossing
            .iter()
            .flat_map(|filter| filter.column_refs())
            .filter_map(|column| column.name.parse().ok())
            .collect::<Vec<ColumnId>>();
        let denied = outputs
            .iter()
            .map(|output| output.0)
            .chain(asked_by_filters.iter().copied())
            .any(|column| self.lowered.denied.contains(&column));
        if denied {
            return Err(Error::new(
                Code::Denied,
                "a column that the statement asks for is denied to you",
            )
            .into());
        }
        self.note_asked(
            outputs
                .iter()
                .map(|output| output.0)
                .chain(asked_by_filters),
        );
        let access = Arc::new(KeyAccess::new(released));
        self.keys
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::clone(&access));

        let partitions = session.config().target_partitions();
        let predicate = guard
            .as_ref()
            .map(|g| self.physical(g, &self.stored))
            .transpose()?;
        let snapshot = self.lake.snapshot(&self.table).await.map_err(ours)?;
        let positions = self
            .table
            .columns
            .iter()
            .enumerate()
            .filter(|(_, column)| needed.contains(&column.id.to_string()))
            .map(|(position, _)| position)
            .collect();
        let request = ScanRequest {
            access,
            projection: Some(positions),
            predicate,
            // Counted by the barrier, after the policy; without one the reader's own limit is enough.
            limit: limit.filter(|_| guard.is_none()),
            target_partitions: partitions,
        };
        let scan = self.lake.scan(&snapshot, request).map_err(ours)?;

        let read = scan.schema();
        let outputs = outputs
            .into_iter()
            .map(|(_, name, expr, identity)| {
                Ok(Output {
                    name,
                    expr: self.physical(&expr, &read)?,
                    identity,
                })
            })
            .collect::<PlanResult<Vec<_>>>()?;
        if self.lowered.is_identity() {
            let named: Vec<_> = outputs.into_iter().map(|o| (o.expr, o.name)).collect();
            return Ok(Arc::new(ProjectionExec::try_new(named, scan)?));
        }
        let shown = match projection {
            Some(projection) => Arc::new(self.shown.project(projection)?),
            None => Arc::clone(&self.shown),
        };
        let hidden = Hidden {
            table: self.table.id,
            label: self.label.clone(),
            filter: self
                .lowered
                .filter
                .as_ref()
                .map(|f| self.physical(f, &read))
                .transpose()?,
            guard: guard
                .as_ref()
                .map(|g| self.physical(g, &read))
                .transpose()?,
            scan,
            outputs,
        };
        Ok(Arc::new(BarrierExec::new(hidden, shown, partitions, limit)))
    }
}

fn broken(what: &str) -> datafusion::common::DataFusionError {
    Error::new(Code::PlanCheckFailed, what).into()
}

fn ours(error: lakeward_lake::Error) -> datafusion::common::DataFusionError {
    Error::from(error).into()
}

/// The row filter as a predicate for WITH CHECK on new rows (POLICY.md point 10).
pub(crate) fn with_check(governed: &GovernedTable) -> crate::Result<Option<Arc<dyn PhysicalExpr>>> {
    governed
        .lowered
        .filter
        .as_ref()
        .map(|filter| governed.physical(filter, &governed.stored))
        .transpose()
        .map_err(|error| foreign(&error, Phase::Plan))
}
