//! The barrier: a leaf of the reader's plan behind which the policy runs.
//!
//! Scan, row filter and masks are *fields* and not children, so no optimizer rule, EXPLAIN,
//! statistics or metrics walk can enter. What may enter comes through [`BarrierExec::cross`]
//! only. The schema is the masked schema; dropped rows and hidden cells are gone from the buffers.

use std::{fmt, sync::Arc};

use datafusion::{
    arrow::{
        datatypes::SchemaRef,
        record_batch::{RecordBatch, RecordBatchOptions},
    },
    common::{
        DataFusionError, Result,
        config::ConfigOptions,
        tree_node::{Transformed, TreeNode, TreeNodeRecursion},
    },
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::{
        EquivalenceProperties, PhysicalExpr, PhysicalSortExpr, expressions::Column,
        utils::collect_columns,
    },
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties,
        execution_plan::{
            Boundedness, EmissionType, ReplaceChildrenOptions, apply_expression_roots,
        },
        filter::FilterExecBuilder,
        filter_pushdown::{
            ChildFilterPushdownResult, ChildPushdownResult, FilterPushdownPhase,
            FilterPushdownPropagation, PushedDown,
        },
        metrics::{ExecutionPlanMetricsSet, MetricBuilder, MetricsSet},
        projection::ProjectionExec,
        sort_pushdown::SortOrderPushdownResult,
        stream::RecordBatchStreamAdapter,
    },
};
use futures::{StreamExt, TryStreamExt};
use lakeward_domain::{Code, TableId};

use crate::{
    buffers::scrub,
    error::{Error, Phase, foreign},
    leakproof,
};

/// One column of the barrier's output.
#[derive(Debug, Clone)]
pub(crate) struct Output {
    /// Its name as the reader knows it.
    pub(crate) name: String,
    /// The value, over the hidden scan's schema.
    pub(crate) expr: Arc<dyn PhysicalExpr>,
    /// Whether it is the stored column itself.
    pub(crate) identity: bool,
}

/// What stands behind the barrier.
#[derive(Debug, Clone)]
pub(crate) struct Hidden {
    /// The table.
    pub(crate) table: TableId,
    /// What EXPLAIN shows: policy ids and versions, nothing else.
    pub(crate) label: String,
    /// The scan of stored columns.
    pub(crate) scan: Arc<dyn ExecutionPlan>,
    /// The policy's row filter, over the scan's schema.
    pub(crate) filter: Option<Arc<dyn PhysicalExpr>>,
    /// Row filter AND leakproof reader predicates.
    pub(crate) guard: Option<Arc<dyn PhysicalExpr>>,
    /// The outputs.
    pub(crate) outputs: Vec<Output>,
}

/// The leaf.
#[derive(Debug, Clone)]
pub(crate) struct BarrierExec {
    hidden: Hidden,
    fetch: Option<usize>,
    /// Dynamic filters let through, over the shown schema: their makers look for them.
    crossed: Vec<Arc<dyn PhysicalExpr>>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl BarrierExec {
    /// Builds a barrier that always declares `partitions`: the number of files must not show.
    pub(crate) fn new(
        hidden: Hidden,
        shown: SchemaRef,
        partitions: usize,
        fetch: Option<usize>,
    ) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(shown),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            hidden,
            fetch,
            crossed: Vec::new(),
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    /// For the plan check only.
    pub(crate) const fn hidden(&self) -> &Hidden {
        &self.hidden
    }

    /// The plan behind the barrier: outputs over guard over scan, seen by no optimizer.
    fn inner(&self) -> Result<Arc<dyn ExecutionPlan>> {
        let named = |expr: Arc<dyn PhysicalExpr>, name: &str| (expr, name.to_owned());
        let Hidden {
            scan,
            guard,
            outputs,
            ..
        } = &self.hidden;
        let Some(guard) = guard else {
            let all = outputs.iter().map(|o| named(Arc::clone(&o.expr), &o.name));
            return Ok(Arc::new(ProjectionExec::try_new(
                all.collect::<Vec<_>>(),
                Arc::clone(scan),
            )?));
        };
        // The guard is always evaluated here, even where the file reader pruned with it. Only what
        // the outputs need is gathered.
        let mut keep: Vec<usize> = outputs
            .iter()
            .flat_map(|output| collect_columns(&output.expr))
            .map(|column| column.index())
            .collect();
        keep.sort_unstable();
        keep.dedup();
        let filter = FilterExecBuilder::new(Arc::clone(guard), Arc::clone(scan))
            .apply_projection(Some(keep.clone()))?
            .build()?;
        let moved = outputs
            .iter()
            .map(|output| {
                let expr = Arc::clone(&output.expr)
                    .transform_down(|node| {
                        Ok(match node.downcast_ref::<Column>() {
                            Some(column) => match keep.binary_search(&column.index()) {
                                Ok(at) => {
                                    Transformed::yes(Arc::new(Column::new(column.name(), at)) as _)
                                }
                                Err(_) => return Err(DataFusionError::Internal("barrier".into())),
                            },
                            None => Transformed::no(node),
                        })
                    })?
                    .data;
                Ok(named(expr, &output.name))
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Arc::new(ProjectionExec::try_new(moved, Arc::new(filter))?))
    }

    fn is_identity(&self, index: usize) -> bool {
        self.hidden
            .outputs
            .get(index)
            .is_some_and(|output| output.identity)
    }

    /// The stored column behind an output that is identity.
    fn stored(&self, index: usize) -> Option<Arc<dyn PhysicalExpr>> {
        self.hidden
            .outputs
            .get(index)
            .filter(|o| o.identity)
            .map(|o| Arc::clone(&o.expr))
    }

    /// The one way in: a reader's predicate, moved onto stored columns, or nothing.
    fn cross(&self, expr: &Arc<dyn PhysicalExpr>) -> Result<Option<Arc<dyn PhysicalExpr>>> {
        if !leakproof::physical(expr, &self.schema(), &|index| self.is_identity(index)) {
            return Ok(None);
        }
        let moved =
            Arc::clone(expr).transform_down(|node| match node.downcast_ref::<Column>() {
                Some(column) => match self.stored(column.index()) {
                    Some(stored) => Ok(Transformed::yes(stored)),
                    None => Err(DataFusionError::Internal("barrier".into())),
                },
                None => Ok(Transformed::no(node)),
            })?;
        Ok(Some(moved.data))
    }
}

impl DisplayAs for BarrierExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PolicyBarrier: {}", self.hidden.label)?;
        match self.fetch {
            Some(fetch) => write!(f, ", fetch={fetch}"),
            None => Ok(()),
        }
    }
}

impl ExecutionPlan for BarrierExec {
    fn name(&self) -> &'static str {
        "PolicyBarrier"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn replace_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    // Joins and aggregates look here to learn whether anybody listens to their dynamic filter.
    fn apply_expressions(
        &self,
        visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        apply_expression_roots(&self.crossed, visit)
    }

    fn with_fetch(&self, fetch: Option<usize>) -> Option<Arc<dyn ExecutionPlan>> {
        Some(Arc::new(Self {
            fetch,
            metrics: ExecutionPlanMetricsSet::new(),
            ..self.clone()
        }))
    }

    fn fetch(&self) -> Option<usize> {
        self.fetch
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        let mut fresh = self.as_ref().clone();
        fresh.hidden.scan = Arc::clone(&fresh.hidden.scan).reset_state()?;
        fresh.metrics = ExecutionPlanMetricsSet::new();
        Ok(Arc::new(fresh))
    }

    /// The order in which files are read, on raw columns, and never exact: the reader's own sort stays.
    fn try_pushdown_sort(
        &self,
        order: &[PhysicalSortExpr],
    ) -> Result<SortOrderPushdownResult<Arc<dyn ExecutionPlan>>> {
        let mut down = Vec::with_capacity(order.len());
        for sort in order {
            let stored = sort
                .expr
                .downcast_ref::<Column>()
                .and_then(|column| self.stored(column.index()));
            let Some(expr) = stored else {
                return Ok(SortOrderPushdownResult::Unsupported);
            };
            down.push(PhysicalSortExpr {
                expr,
                options: sort.options,
            });
        }
        Ok(match self.hidden.scan.try_pushdown_sort(&down)? {
            SortOrderPushdownResult::Exact { inner }
            | SortOrderPushdownResult::Inexact { inner } => {
                let mut sorted = self.clone();
                sorted.hidden.scan = inner;
                SortOrderPushdownResult::Inexact {
                    inner: Arc::new(sorted),
                }
            }
            SortOrderPushdownResult::Unsupported => SortOrderPushdownResult::Unsupported,
        })
    }

    fn handle_child_pushdown_result(
        &self,
        phase: FilterPushdownPhase,
        result: ChildPushdownResult,
        config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        // The answer is always no: the reader's own operators check again above.
        let refused = vec![PushedDown::No; result.parent_filters.len()];
        let answer = FilterPushdownPropagation::with_parent_pushdown_result(refused);
        let mut next = self.clone();
        let mut down = Vec::new();
        for parent in &result.parent_filters {
            if let Some(filter) = self.cross(&parent.filter)? {
                next.crossed.push(Arc::clone(&parent.filter));
                down.push(ChildFilterPushdownResult {
                    filter,
                    child_results: Vec::new(),
                });
            }
        }
        if down.is_empty() {
            return Ok(answer);
        }
        let below = ChildPushdownResult {
            parent_filters: down,
            self_filters: Vec::new(),
        };
        let pushed = next
            .hidden
            .scan
            .handle_child_pushdown_result(phase, below, config)?;
        if let Some(scan) = pushed.updated_node {
            next.hidden.scan = scan;
        }
        Ok(answer.with_updated_node(Arc::new(next)))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let inner = self.inner()?;
        let hidden_partitions = inner.properties().output_partitioning().partition_count();
        let shown_partitions = self.properties.output_partitioning().partition_count();
        let streams = (partition..hidden_partitions)
            .step_by(shown_partitions)
            .map(|i| inner.execute(i, Arc::clone(&context)))
            .collect::<Result<Vec<_>>>()?;
        let schema = self.schema();
        let rows = MetricBuilder::new(&self.metrics).output_rows(partition);
        let touches =
            self.hidden.guard.is_some() || self.hidden.outputs.iter().any(|o| !o.identity);
        let mut left = self.fetch.unwrap_or(usize::MAX);
        let shown = Arc::clone(&schema);
        let batches = futures::stream::iter(streams)
            .flatten()
            .map(move |batch| {
                let batch = batch.map_err(|error| closed(&error))?;
                let batch = if batch.num_rows() > left {
                    batch.slice(0, left)
                } else {
                    batch
                };
                left -= batch.num_rows();
                let columns = if touches {
                    batch
                        .columns()
                        .iter()
                        .map(scrub)
                        .collect::<Result<Vec<_>>>()
                        .map_err(|error| closed(&error))?
                } else {
                    batch.columns().to_vec()
                };
                rows.add(batch.num_rows());
                let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
                RecordBatch::try_new_with_options(Arc::clone(&shown), columns, &options)
                    .map_err(|error| closed(&error.into()))
            })
            .try_filter(|batch| futures::future::ready(batch.num_rows() > 0));
        let mut left = self.fetch.unwrap_or(usize::MAX);
        let batches = batches.try_take_while(move |batch| {
            let goes_on = left > 0;
            left -= batch.num_rows().min(left);
            futures::future::ready(Ok(goes_on))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }
}

/// One code and no foreign text: what fails behind the barrier may quote a hidden row.
fn closed(error: &DataFusionError) -> DataFusionError {
    let error = match foreign(error, Phase::Run) {
        inner if inner.code() == Code::ExecutionError => {
            Error::new(Code::PolicyEvalFailed, "a policy could not be evaluated")
        }
        inner => inner,
    };
    error.into()
}
