//! EXPLAIN and EXPLAIN POLICY.
//!
//! A plan shows what the reader's own statement does above the barriers. Of what lies below it
//! shows policy ids; of files, counts, paths and statistics nothing (POLICY.md point 16).

use std::{fmt, sync::Arc};

use datafusion::{
    arrow::{
        array::{ArrayRef, StringArray},
        datatypes::{DataType, Field, Schema},
        record_batch::RecordBatch,
    },
    common::{
        Result as PlanResult,
        tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion},
    },
    datasource::source::DataSourceExec,
    execution::{SendableRecordBatchStream, TaskContext},
    physical_expr::PhysicalExpr,
    physical_plan::{
        DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties,
        display::DisplayableExecutionPlan, execution_plan::ReplaceChildrenOptions,
    },
};
use lakeward_domain::{Code, Duty};
use lakeward_policy::explain;

use crate::{
    error::{Error, Result},
    resolve::Resolver,
};

/// Stands for a scan in a printed plan: never executed.
#[derive(Debug)]
struct PrintedScan {
    columns: String,
    properties: Arc<PlanProperties>,
}

impl DisplayAs for PrintedScan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EncryptedScan: {}", self.columns)
    }
}

impl ExecutionPlan for PrintedScan {
    fn name(&self) -> &'static str {
        "EncryptedScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> PlanResult<TreeNodeRecursion>,
    ) -> PlanResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> PlanResult<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
    ) -> PlanResult<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, _: usize, _: Arc<TaskContext>) -> PlanResult<SendableRecordBatchStream> {
        Err(Error::new(Code::Internal, "a printed plan cannot run").into())
    }
}

/// The plan as its reader may see it.
pub(crate) fn printed(plan: &Arc<dyn ExecutionPlan>, with_metrics: bool) -> Result<String> {
    let shown = Arc::clone(plan)
        .transform_down(|node| {
            if node.downcast_ref::<DataSourceExec>().is_none() {
                return Ok(Transformed::no(node));
            }
            let columns: Vec<String> = node
                .schema()
                .fields()
                .iter()
                .map(|field| field.name().clone())
                .collect();
            let scan = PrintedScan {
                columns: format!("{} columns", columns.len()),
                properties: Arc::clone(node.properties()),
            };
            Ok(Transformed::yes(Arc::new(scan) as Arc<dyn ExecutionPlan>))
        })
        .data()
        .map_err(|_| Error::new(Code::Internal, "the plan cannot be printed"))?;
    let text = if with_metrics {
        DisplayableExecutionPlan::with_metrics(shown.as_ref())
            .indent(false)
            .to_string()
    } else {
        DisplayableExecutionPlan::new(shown.as_ref())
            .indent(false)
            .to_string()
    };
    Ok(text)
}

/// One column of text, a line a row.
pub(crate) fn lines(name: &str, text: &str) -> Result<RecordBatch> {
    text_batch(
        &[name],
        text.trim_end()
            .lines()
            .map(|line| vec![Some(line.to_owned())])
            .collect(),
    )
}

/// Text columns from rows.
pub(crate) fn text_batch(names: &[&str], rows: Vec<Vec<Option<String>>>) -> Result<RecordBatch> {
    let fields: Vec<Field> = names
        .iter()
        .map(|name| Field::new(*name, DataType::Utf8, true))
        .collect();
    let columns: Vec<ArrayRef> = (0..names.len())
        .map(|i| {
            let column: StringArray = rows
                .iter()
                .map(|row| row.get(i).cloned().flatten())
                .collect();
            Arc::new(column) as ArrayRef
        })
        .collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
        .map_err(|_| Error::new(Code::Internal, "a listing does not fit its columns"))
}

/// Per column and row filter: what, by which policy, and why.
pub(crate) fn policy(resolver: &Resolver) -> Result<RecordBatch> {
    let may_see_bodies = resolver.requester.has(Duty::PolicyAdmin);
    let mut rows = Vec::new();
    for governed in resolver.resolved() {
        let asked = governed
            .asked
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone();
        let mut ruling = governed.ruling.as_ref().clone();
        ruling.columns.retain(|column, _| asked.contains(column));
        let explained = explain::lines(
            &ruling,
            &governed.table,
            &resolver.requester,
            may_see_bodies,
        );
        for row in explained {
            rows.push(vec![
                Some(row.object),
                row.column.map(|column| column.to_string()),
                Some(row.outcome),
                row.policy.map(|policy| policy.to_string()),
                row.version.map(|version| version.to_string()),
                row.tag,
                Some(row.decided_by),
                Some(row.reason),
            ]);
        }
    }
    text_batch(
        &[
            "object",
            "column",
            "outcome",
            "policy",
            "version",
            "tag",
            "decided_by",
            "reason",
        ],
        rows,
    )
}
