//! Which stored columns a query's columns come from.
//!
//! For taint (POLICY.md point 9): a copy inherits the tags of what it was computed from, whoever
//! made it. What is not understood comes from everything below it: too much taint, never too little.

use std::collections::BTreeSet;

use datafusion::{
    common::{
        Result as PlanResult,
        tree_node::{TreeNode, TreeNodeRecursion},
    },
    logical_expr::{Expr, Join, JoinType, LogicalPlan},
};

/// A stored column, by the names of the statement: `schema.table` and column.
pub(crate) type StoredColumn = (String, String);

/// Where a value comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Source {
    /// All columns that it was computed from.
    pub(crate) from: BTreeSet<StoredColumn>,
    /// The column that it *is*, unchanged, row by row.
    pub(crate) identity: Option<StoredColumn>,
}

impl Source {
    fn merged<'a>(sources: impl IntoIterator<Item = &'a Self>) -> Self {
        let from = sources
            .into_iter()
            .flat_map(|source| source.from.iter().cloned())
            .collect();
        Self {
            from,
            identity: None,
        }
    }
}

/// The sources of each output column, in order.
pub(crate) fn of(plan: &LogicalPlan) -> PlanResult<Vec<Source>> {
    let width = plan.schema().fields().len();
    let sources = match plan {
        LogicalPlan::TableScan(scan) => scan
            .projected_schema
            .fields()
            .iter()
            .map(|field| {
                let schema = scan
                    .table_name
                    .schema()
                    .unwrap_or(lakeward_domain::names::DEFAULT_SCHEMA);
                let column = (
                    format!("{schema}.{}", scan.table_name.table()),
                    field.name().clone(),
                );
                Source {
                    from: [column.clone()].into(),
                    identity: Some(column),
                }
            })
            .collect(),
        LogicalPlan::Projection(projection) => expressions(&projection.expr, &projection.input)?,
        LogicalPlan::Aggregate(aggregate) => {
            let mut all = expressions(&aggregate.group_expr, &aggregate.input)?;
            all.extend(expressions(&aggregate.aggr_expr, &aggregate.input)?);
            all
        }
        LogicalPlan::Window(window) => {
            let mut all = of(&window.input)?;
            all.extend(expressions(&window.window_expr, &window.input)?);
            all
        }
        LogicalPlan::SubqueryAlias(alias) => of(&alias.input)?,
        LogicalPlan::Filter(filter) => of(&filter.input)?,
        LogicalPlan::Sort(sort) => of(&sort.input)?,
        LogicalPlan::Limit(limit) => of(&limit.input)?,
        LogicalPlan::Repartition(repartition) => of(&repartition.input)?,
        LogicalPlan::Union(union) => {
            let mut branches = union
                .inputs
                .iter()
                .map(|input| of(input))
                .collect::<PlanResult<Vec<_>>>()?;
            let mut first = if branches.is_empty() {
                Vec::new()
            } else {
                branches.remove(0)
            };
            for branch in branches {
                if branch.len() != first.len() {
                    return conservative(plan, width);
                }
                for (into, other) in first.iter_mut().zip(branch) {
                    if into.identity != other.identity {
                        into.identity = None;
                    }
                    into.from.extend(other.from);
                }
            }
            first
        }
        LogicalPlan::Join(join) => join_sources(join)?,
        LogicalPlan::Values(_) | LogicalPlan::EmptyRelation(_) => {
            vec![Source::default(); width]
        }
        _ => return conservative(plan, width),
    };
    if sources.len() == width {
        Ok(sources)
    } else {
        conservative(plan, width)
    }
}

fn join_sources(join: &Join) -> PlanResult<Vec<Source>> {
    let (left, right) = (of(&join.left)?, of(&join.right)?);
    Ok(match join.join_type {
        JoinType::LeftSemi | JoinType::LeftAnti => left,
        JoinType::RightSemi | JoinType::RightAnti => right,
        JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => {
            left.into_iter().chain(right).collect()
        }
        // Mark joins add a column of their own: handled as not understood.
        JoinType::LeftMark | JoinType::RightMark => Vec::new(),
    })
}

/// Every column may come from anything below.
fn conservative(plan: &LogicalPlan, width: usize) -> PlanResult<Vec<Source>> {
    let mut all = Source::default();
    for input in plan.inputs() {
        all.from.extend(Source::merged(&of(input)?).from);
    }
    for expr in plan.expressions() {
        all.from.extend(subqueries(&expr)?.from);
    }
    Ok(vec![all; width])
}

fn expressions(exprs: &[Expr], input: &LogicalPlan) -> PlanResult<Vec<Source>> {
    let below = of(input)?;
    let schema = input.schema();
    exprs
        .iter()
        .map(|expr| {
            let mut bare = expr;
            while let Expr::Alias(alias) = bare {
                bare = &alias.expr;
            }
            if let Expr::Column(column) = bare {
                let at = schema.maybe_index_of_column(column);
                return Ok(at
                    .and_then(|at| below.get(at).cloned())
                    .unwrap_or_else(|| Source::merged(&below)));
            }
            let mut source = Source::default();
            for column in expr.column_refs() {
                match schema
                    .maybe_index_of_column(column)
                    .and_then(|at| below.get(at))
                {
                    Some(known) => source.from.extend(known.from.iter().cloned()),
                    None => source.from.extend(Source::merged(&below).from),
                }
            }
            source.from.extend(subqueries(expr)?.from);
            Ok(source)
        })
        .collect()
}

/// What the subqueries inside an expression read.
fn subqueries(expr: &Expr) -> PlanResult<Source> {
    let mut source = Source::default();
    expr.apply(|node| {
        let plan = match node {
            Expr::ScalarSubquery(subquery) => Some(&subquery.subquery),
            Expr::InSubquery(in_subquery) => Some(&in_subquery.subquery.subquery),
            Expr::Exists(exists) => Some(&exists.subquery.subquery),
            Expr::OuterReferenceColumn(_, _) => None,
            _ => None,
        };
        if let Some(plan) = plan {
            source.from.extend(Source::merged(&of(plan)?).from);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(source)
}
