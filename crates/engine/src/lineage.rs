//! Which stored columns a query's columns come from.
//!
//! For taint (POLICY.md point 9): a copy inherits the tags of what it was computed from, whoever
//! made it. What is not understood comes from everything below it: too much taint, never too little.
//! Columns that a join or a filter equates carry each other's values, so each comes from both.
//! What a condition otherwise tells about a hidden column, a bit at a time, is not followed here.

use std::collections::BTreeSet;

use datafusion::{
    common::{
        DFSchema, Result as PlanResult,
        tree_node::{TreeNode, TreeNodeRecursion},
    },
    logical_expr::{BinaryExpr, Expr, Join, JoinType, LogicalPlan, Operator},
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

/// The columns around a subquery, innermost last.
type Scopes<'s> = Vec<(&'s DFSchema, &'s [Source])>;

/// The sources of each output column, in order.
pub(crate) fn of(plan: &LogicalPlan) -> PlanResult<Vec<Source>> {
    within(plan, &Vec::new())
}

fn within(plan: &LogicalPlan, outer: &Scopes<'_>) -> PlanResult<Vec<Source>> {
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
        LogicalPlan::Projection(projection) => {
            expressions(&projection.expr, &projection.input, outer)?
        }
        LogicalPlan::Aggregate(aggregate) => {
            let mut all = expressions(&aggregate.group_expr, &aggregate.input, outer)?;
            all.extend(expressions(&aggregate.aggr_expr, &aggregate.input, outer)?);
            all
        }
        LogicalPlan::Window(window) => {
            let mut all = within(&window.input, outer)?;
            all.extend(expressions(&window.window_expr, &window.input, outer)?);
            all
        }
        LogicalPlan::Filter(filter) => {
            let mut below = within(&filter.input, outer)?;
            equate(&filter.predicate, filter.input.schema(), &mut below, outer)?;
            below
        }
        LogicalPlan::SubqueryAlias(alias) => within(&alias.input, outer)?,
        LogicalPlan::Sort(sort) => within(&sort.input, outer)?,
        LogicalPlan::Limit(limit) => within(&limit.input, outer)?,
        LogicalPlan::Repartition(repartition) => within(&repartition.input, outer)?,
        LogicalPlan::Union(union) => {
            let mut branches = union
                .inputs
                .iter()
                .map(|input| within(input, outer))
                .collect::<PlanResult<Vec<_>>>()?;
            let mut first = if branches.is_empty() {
                Vec::new()
            } else {
                branches.remove(0)
            };
            for branch in branches {
                if branch.len() != first.len() {
                    return conservative(plan, width, outer);
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
        LogicalPlan::Join(join) => join_sources(join, outer)?,
        LogicalPlan::Values(_) | LogicalPlan::EmptyRelation(_) => {
            vec![Source::default(); width]
        }
        _ => return conservative(plan, width, outer),
    };
    if sources.len() == width {
        Ok(sources)
    } else {
        conservative(plan, width, outer)
    }
}

fn join_sources(join: &Join, outer: &Scopes<'_>) -> PlanResult<Vec<Source>> {
    let left = within(&join.left, outer)?;
    let split = left.len();
    let mut both: Vec<Source> = left
        .into_iter()
        .chain(within(&join.right, outer)?)
        .collect();
    let schema = join.left.schema().join(join.right.schema())?;
    for (left, right) in &join.on {
        let on = left.clone().eq(right.clone());
        equate(&on, &schema, &mut both, outer)?;
    }
    if let Some(filter) = &join.filter {
        equate(filter, &schema, &mut both, outer)?;
    }
    Ok(match join.join_type {
        JoinType::LeftSemi | JoinType::LeftAnti => {
            both.truncate(split);
            both
        }
        JoinType::RightSemi | JoinType::RightAnti => both.split_off(split),
        JoinType::Inner | JoinType::Left | JoinType::Right | JoinType::Full => both,
        // Mark joins add a column of their own: handled as not understood.
        JoinType::LeftMark | JoinType::RightMark => Vec::new(),
    })
}

/// Every column may come from anything below.
fn conservative(plan: &LogicalPlan, width: usize, outer: &Scopes<'_>) -> PlanResult<Vec<Source>> {
    let mut all = Source::default();
    for input in plan.inputs() {
        all.from.extend(Source::merged(&within(input, outer)?).from);
    }
    for expr in plan.expressions() {
        all.from
            .extend(computed(&expr, &DFSchema::empty(), &[], outer)?.from);
    }
    Ok(vec![all; width])
}

/// Lets columns that a predicate equates come from each other's sources. The identity of a column
/// stays: it is still that column of that row.
fn equate(
    predicate: &Expr,
    schema: &DFSchema,
    below: &mut [Source],
    outer: &Scopes<'_>,
) -> PlanResult<()> {
    let known = below.to_vec();
    predicate.apply(|node| {
        let sides: Vec<(&Expr, Source)> = match node {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if carries(*op) => vec![
                (left, computed(right, schema, &known, outer)?),
                (right, computed(left, schema, &known, outer)?),
            ],
            Expr::Like(like) | Expr::SimilarTo(like) => vec![
                (&like.expr, computed(&like.pattern, schema, &known, outer)?),
                (&like.pattern, computed(&like.expr, schema, &known, outer)?),
            ],
            Expr::InList(list) => {
                let mut items = Source::default();
                for item in &list.list {
                    items
                        .from
                        .extend(computed(item, schema, &known, outer)?.from);
                }
                vec![(&list.expr, items)]
            }
            Expr::InSubquery(inside) => {
                let all = scoped(&inside.subquery.subquery, schema, &known, outer)?;
                vec![(&inside.expr, Source::merged(&all))]
            }
            Expr::SetComparison(inside) => {
                let all = scoped(&inside.subquery.subquery, schema, &known, outer)?;
                vec![(&inside.expr, Source::merged(&all))]
            }
            _ => Vec::new(),
        };
        for (side, source) in sides {
            for column in side.column_refs() {
                if let Some(into) = schema
                    .maybe_index_of_column(column)
                    .and_then(|at| below.get_mut(at))
                {
                    into.from.extend(source.from.iter().cloned());
                }
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(())
}

const fn carries(operator: Operator) -> bool {
    matches!(
        operator,
        Operator::Eq
            | Operator::IsNotDistinctFrom
            | Operator::LikeMatch
            | Operator::ILikeMatch
            | Operator::RegexMatch
            | Operator::RegexIMatch
    )
}

fn expressions(exprs: &[Expr], input: &LogicalPlan, outer: &Scopes<'_>) -> PlanResult<Vec<Source>> {
    let below = within(input, outer)?;
    let schema = input.schema();
    exprs
        .iter()
        .map(|expr| {
            let mut bare = expr;
            while let Expr::Alias(alias) = bare {
                bare = &alias.expr;
            }
            match bare {
                Expr::Column(column) => {
                    let at = schema.maybe_index_of_column(column);
                    Ok(at
                        .and_then(|at| below.get(at).cloned())
                        .unwrap_or_else(|| Source::merged(&below)))
                }
                _ => computed(expr, schema, &below, outer),
            }
        })
        .collect()
}

/// What an expression's value is computed from, subqueries and columns around it included.
fn computed(
    expr: &Expr,
    schema: &DFSchema,
    below: &[Source],
    outer: &Scopes<'_>,
) -> PlanResult<Source> {
    let mut source = Source::default();
    for column in expr.column_refs() {
        match schema
            .maybe_index_of_column(column)
            .and_then(|at| below.get(at))
        {
            Some(known) => source.from.extend(known.from.iter().cloned()),
            None => source.from.extend(Source::merged(below).from),
        }
    }
    expr.apply(|node| {
        let plan = match node {
            Expr::ScalarSubquery(subquery) => &subquery.subquery,
            Expr::InSubquery(inside) => &inside.subquery.subquery,
            Expr::Exists(exists) => &exists.subquery.subquery,
            Expr::SetComparison(inside) => &inside.subquery.subquery,
            Expr::OuterReferenceColumn(_, column) => {
                let found = outer.iter().rev().find_map(|(schema, sources)| {
                    schema
                        .maybe_index_of_column(column)
                        .and_then(|at| sources.get(at))
                });
                match found {
                    Some(found) => source.from.extend(found.from.iter().cloned()),
                    None => {
                        for (_, sources) in outer {
                            source.from.extend(Source::merged(*sources).from);
                        }
                    }
                }
                return Ok(TreeNodeRecursion::Continue);
            }
            _ => return Ok(TreeNodeRecursion::Continue),
        };
        source
            .from
            .extend(Source::merged(&scoped(plan, schema, below, outer)?).from);
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(source)
}

/// A subquery's sources, with the columns around it in reach.
fn scoped(
    plan: &LogicalPlan,
    schema: &DFSchema,
    below: &[Source],
    outer: &Scopes<'_>,
) -> PlanResult<Vec<Source>> {
    let mut scopes = outer.clone();
    scopes.push((schema, below));
    within(plan, &scopes)
}
