//! Which reader predicates may run below the barrier.
//!
//! Only what cannot fail and cannot tell: comparisons, BETWEEN, IN, IS NULL and their AND, OR, NOT,
//! on columns that the ruling gives raw, against literals of the same type. The list is closed; a
//! new expression kind stays above until someone adds it here with a reason.

use std::sync::Arc;

use datafusion::{
    arrow::datatypes::{DataType, Schema},
    logical_expr::{Between, BinaryExpr as LogicalBinary, Expr, Operator, expr::InList},
    physical_expr::{
        PhysicalExpr,
        expressions::{
            BinaryExpr, Column, DynamicFilterPhysicalExpr, InListExpr, IsNotNullExpr, IsNullExpr,
            Literal, NotExpr,
        },
    },
};

pub(crate) const fn is_comparison(operator: Operator) -> bool {
    matches!(
        operator,
        Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
    )
}

/// Whether a logical predicate may cross. `identity` gives the type of a column that is raw.
pub(crate) fn logical(expr: &Expr, identity: &dyn Fn(&str) -> Option<DataType>) -> bool {
    let column = |expr: &Expr| match expr {
        Expr::Column(column) => identity(&column.name),
        _ => None,
    };
    let literal = |expr: &Expr, of: &DataType| matches!(expr, Expr::Literal(value, _) if value.data_type() == *of);
    match expr {
        Expr::Column(_) => column(expr) == Some(DataType::Boolean),
        Expr::Literal(value, _) => value.data_type() == DataType::Boolean,
        Expr::Not(inner) => logical(inner, identity),
        Expr::IsNull(inner) | Expr::IsNotNull(inner) => column(inner).is_some(),
        Expr::Between(Between {
            expr, low, high, ..
        }) => column(expr).is_some_and(|of| literal(low, &of) && literal(high, &of)),
        Expr::InList(InList { expr, list, .. }) => {
            column(expr).is_some_and(|of| list.iter().all(|item| literal(item, &of)))
        }
        Expr::BinaryExpr(LogicalBinary {
            left,
            op: Operator::And | Operator::Or,
            right,
        }) => logical(left, identity) && logical(right, identity),
        Expr::BinaryExpr(LogicalBinary { left, op, right }) if is_comparison(*op) => {
            column(left).is_some_and(|of| literal(right, &of))
                || column(right).is_some_and(|of| literal(left, &of))
        }
        _ => false,
    }
}

/// Whether a physical predicate over `schema` may cross; `identity` says which columns are raw.
pub(crate) fn physical(
    expr: &Arc<dyn PhysicalExpr>,
    schema: &Schema,
    identity: &dyn Fn(usize) -> bool,
) -> bool {
    let column = |expr: &Arc<dyn PhysicalExpr>| {
        expr.downcast_ref::<Column>()
            .is_some_and(|column| identity(column.index()))
    };
    let literal = |expr: &Arc<dyn PhysicalExpr>| expr.is::<Literal>();
    let data_type = |expr: &Arc<dyn PhysicalExpr>| expr.data_type(schema).ok();
    if let Some(dynamic) = expr.downcast_ref::<DynamicFilterPhysicalExpr>() {
        // A join's or TopK's filter: its content comes later, so only its keys can be judged.
        return dynamic.children().into_iter().all(column);
    }
    if let Some(binary) = expr.downcast_ref::<BinaryExpr>() {
        return match binary.op() {
            Operator::And | Operator::Or => {
                physical(binary.left(), schema, identity)
                    && physical(binary.right(), schema, identity)
            }
            op if is_comparison(*op) => {
                data_type(binary.left()) == data_type(binary.right())
                    && (column(binary.left()) && literal(binary.right())
                        || literal(binary.left()) && column(binary.right()))
            }
            _ => false,
        };
    }
    if let Some(not) = expr.downcast_ref::<NotExpr>() {
        return physical(not.arg(), schema, identity);
    }
    if let Some(is_null) = expr.downcast_ref::<IsNullExpr>() {
        return column(is_null.arg());
    }
    if let Some(is_not_null) = expr.downcast_ref::<IsNotNullExpr>() {
        return column(is_not_null.arg());
    }
    if let Some(in_list) = expr.downcast_ref::<InListExpr>() {
        return column(in_list.expr())
            && in_list
                .list()
                .iter()
                .all(|item| literal(item) && data_type(item) == data_type(in_list.expr()));
    }
    false
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::{cast, col, lit};

    use super::*;

    #[test]
    fn only_total_same_type_predicates_on_raw_columns_cross() {
        let identity = |name: &str| match name {
            "id" => Some(DataType::Int64),
            "tenant" => Some(DataType::Utf8),
            "consent" => Some(DataType::Boolean),
            _ => None,
        };
        let crosses = [
            col("id").eq(lit(7_i64)),
            lit(7_i64).lt(col("id")),
            col("id").between(lit(1_i64), lit(2_i64)),
            col("tenant").in_list(vec![lit("A"), lit("B")], false),
            col("consent").and(col("id").is_not_null()),
            col("id").eq(lit(1_i64)).or(!col("consent")),
        ];
        let stays = [
            col("ssn").eq(lit("666-00-0001")),
            col("id").eq(lit(7_i32)),
            col("id").eq(lit("7")),
            cast(col("id"), DataType::Utf8).eq(lit("7")),
            (lit(1_i64) / col("id")).gt(lit(0_i64)),
            col("tenant").like(lit("A%")),
            col("id").eq(col("id")),
            col("ssn").is_null(),
            col("id").eq(lit(1_i64)).and(col("ssn").is_null()),
        ];
        for expr in crosses {
            assert!(logical(&expr, &identity), "{expr}");
        }
        for expr in stays {
            assert!(!logical(&expr, &identity), "{expr}");
        }
    }
}
