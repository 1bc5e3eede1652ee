//! Turns a ruling into expressions over stored columns.
//!
//! The only place where policy text becomes plan. It always compiles in the pinned session, so the
//! reader's settings cannot change what a policy means.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use datafusion::{
    arrow::datatypes::{DataType, SchemaRef},
    common::{DFSchema, ScalarValue, ToDFSchema},
    execution::SessionState,
    logical_expr::{Expr, ExprSchemable, cast, simplify::SimplifyContext},
    optimizer::simplify_expressions::ExprSimplifier,
    sql::sqlparser::ast,
};
use lakeward_domain::{Code, ColumnAccess, ColumnId, Table};
use lakeward_policy::TableRuling;

use crate::error::{Error, Result};

/// A table's ruling as expressions.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lowered {
    /// What stands in for each column that is not raw.
    pub(crate) masks: BTreeMap<ColumnId, Expr>,
    /// Columns that the statement may not touch at all: whoever asks for one is refused.
    pub(crate) denied: BTreeSet<ColumnId>,
    /// Which rows pass. Absent when all do.
    pub(crate) filter: Option<Expr>,
}

impl Lowered {
    /// Whether the requester gets the table as it is stored.
    pub(crate) fn is_identity(&self) -> bool {
        self.masks.is_empty() && self.filter.is_none()
    }
}

/// Lowers a ruling. An expression that does not fit refuses the statement: never a fall-through.
pub(crate) fn lower(
    ruling: &TableRuling,
    table: &Table,
    stored: &SchemaRef,
    pinned: &SessionState,
) -> Result<Lowered> {
    let schema = stored
        .as_ref()
        .clone()
        .to_dfschema()
        .map_err(|_| invalid())?;
    let (mut masks, mut denied) = (BTreeMap::new(), BTreeSet::new());
    for column in &table.columns {
        let Some(ruled) = ruling.columns.get(&column.id) else {
            return Err(Error::new(Code::PlanCheckFailed, "a column has no ruling"));
        };
        let id = column.id.to_string();
        let data_type = stored
            .field_with_name(&id)
            .map_err(|_| invalid())?
            .data_type();
        match (ruled.access, &ruled.mask) {
            (ColumnAccess::Raw, None) => {}
            (ColumnAccess::Hidden, _) => {
                masks.insert(column.id, null_of(data_type)?);
            }
            (ColumnAccess::Computed | ColumnAccess::Constant, Some(mask)) => {
                let lowered = expression(mask, &schema, pinned)?;
                let lowered = as_type(lowered, data_type, &schema, pinned)?;
                masks.insert(column.id, lowered);
            }
            (ColumnAccess::Denied, _) => {
                denied.insert(column.id);
                masks.insert(column.id, null_of(data_type)?);
            }
            (ColumnAccess::Raw, Some(_))
            | (ColumnAccess::Computed | ColumnAccess::Constant, None) => {
                return Err(Error::new(
                    Code::PlanCheckFailed,
                    "a ruling contradicts itself",
                ));
            }
        }
    }
    let filter = match &ruling.row_filter {
        None => None,
        Some(filter) => {
            let lowered = expression(&filter.expr, &schema, pinned)?;
            match as_type(lowered, &DataType::Boolean, &schema, pinned)? {
                Expr::Literal(ScalarValue::Boolean(Some(true)), _) => None,
                other => Some(other),
            }
        }
    };
    Ok(Lowered {
        masks,
        denied,
        filter,
    })
}

/// One policy expression over stored columns, not yet simplified.
pub(crate) fn expression(
    expr: &ast::Expr,
    schema: &DFSchema,
    pinned: &SessionState,
) -> Result<Expr> {
    let named = ast::ExprWithAlias {
        expr: expr.clone(),
        alias: None,
    };
    pinned
        .create_logical_expr_from_sql_expr(named, schema)
        .map_err(|_| invalid())
}

/// Coerces, casts where no value can be lost or refused, and simplifies.
pub(crate) fn as_type(
    expr: Expr,
    data_type: &DataType,
    schema: &DFSchema,
    pinned: &SessionState,
) -> Result<Expr> {
    let context = SimplifyContext::builder()
        .with_schema(Arc::new(schema.clone()))
        .with_config_options(Arc::clone(pinned.config_options()))
        .build();
    let simplifier = ExprSimplifier::new(context);
    let expr = simplifier
        .coerce(expr, schema)
        .and_then(|expr| simplifier.simplify(expr))
        .map_err(|_| invalid())?;
    let from = expr.get_type(schema).map_err(|_| invalid())?;
    if from == *data_type {
        return Ok(expr);
    }
    let literal = matches!(expr, Expr::Literal(..));
    if !literal && !lossless(&from, data_type) {
        return Err(Error::new(
            Code::PolicyInvalid,
            "a policy's result does not have the type of its column",
        ));
    }
    let expr = simplifier
        .simplify(cast(expr, data_type.clone()))
        .map_err(|_| invalid())?;
    if literal && !matches!(expr, Expr::Literal(..)) {
        return Err(Error::new(
            Code::PolicyInvalid,
            "a policy's constant does not have the type of its column",
        ));
    }
    Ok(expr)
}

/// Casts that keep every value and cannot fail.
fn lossless(from: &DataType, to: &DataType) -> bool {
    let text =
        |t: &DataType| matches!(t, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    let bytes = |t: &DataType| {
        matches!(
            t,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView
        )
    };
    if text(from) && text(to) || bytes(from) && bytes(to) || *from == DataType::Null {
        return true;
    }
    let width = |t: &DataType| match t {
        DataType::Int8 => Some(8),
        DataType::Int16 => Some(16),
        DataType::Int32 => Some(32),
        DataType::Int64 => Some(64),
        _ => None,
    };
    match (width(from), width(to)) {
        (Some(from), Some(to)) => from <= to,
        _ => matches!((from, to), (DataType::Float32, DataType::Float64)),
    }
}

fn null_of(data_type: &DataType) -> Result<Expr> {
    let null = ScalarValue::try_from(data_type).map_err(|_| invalid())?;
    Ok(Expr::Literal(null, None))
}

fn invalid() -> Error {
    Error::new(
        Code::PolicyInvalid,
        "a policy of this table cannot be evaluated",
    )
}
