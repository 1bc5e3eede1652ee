//! Checks and binds functions, masks and row filters when they are created.
//!
//! Everything is resolved here, once: calls to other functions are put in by their bodies as they are
//! now, arguments become column ids. So nothing that is created, renamed or replaced later can change
//! what a policy means.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    ops::ControlFlow,
};

use lakeward_domain::{ColumnId, FunctionId, LogicalType, Name, Table, TableName};
use sha2::{Digest, Sha256};
use sqlparser::ast::{Expr, visit_expressions_mut};

use crate::{
    Argument, Error, Function, Result,
    ddl::{ArgumentSpec, FirstArg},
    fold::{REQUESTER_FUNCTIONS, groups_named},
    syntax::{self, arguments, name_parts, parse_expression, print_exactly, substitute},
    total::{self, Kind, is_built_in},
};

/// A function as its statement says it.
#[derive(Debug, Clone, Copy)]
pub struct Draft<'a> {
    /// Its name.
    pub name: &'a TableName,
    /// Parameters in order.
    pub parameters: &'a [(Name, LogicalType)],
    /// The declared result.
    pub returns: Option<&'a LogicalType>,
    /// The body.
    pub body: &'a Expr,
}

/// A function that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The body as SQL text, other functions put in.
    pub body: String,
    /// SHA-256 of parameters and body, in hex.
    pub hash: String,
    /// What the body yields.
    pub yields: Kind,
    /// The functions that were put in.
    pub calls: BTreeSet<FunctionId>,
}

/// Checks a function and puts the bodies of the functions it calls into its own.
///
/// # Errors
/// [`Error::Invalid`], [`Error::NotTotal`] or [`Error::TypeMismatch`], naming what does not fit.
pub fn function<'f>(
    draft: Draft<'_>,
    resolve: &dyn Fn(&TableName) -> Option<&'f Function>,
    group_exists: &dyn Fn(&Name) -> bool,
) -> Result<Bound> {
    if is_built_in(draft.name.table.as_str()) {
        return Err(Error::Invalid(format!(
            "{} is built in and cannot be defined again",
            draft.name.table
        )));
    }
    let mut seen = BTreeSet::new();
    for (parameter, _) in draft.parameters {
        // `user` without quotes is the requester, whatever the parameters are called.
        if REQUESTER_FUNCTIONS.contains(&parameter.as_str()) {
            return Err(Error::Invalid(format!(
                "parameter {parameter} has the name of a function about the requester"
            )));
        }
        if !seen.insert(parameter) {
            return Err(Error::Invalid(format!(
                "parameter {parameter} is there twice"
            )));
        }
    }
    syntax::bounded(draft.body)?;
    let (body, calls) = inline(draft, resolve)?;
    for group in groups_named(&body) {
        if !Name::parse(&group).is_ok_and(|group| group_exists(&group)) {
            return Err(Error::Invalid(format!(
                "group {} does not exist",
                Name::parse(&group).map_or_else(|_| "of that name".into(), |g| g.to_string())
            )));
        }
    }
    let kinds: BTreeMap<&Name, Kind> = draft
        .parameters
        .iter()
        .map(|(name, data_type)| (name, Kind::of(data_type)))
        .collect();
    let yields = total::check_typed(&body, &|name| kinds.get(name).copied())?;
    if let Some(returns) = draft.returns {
        expect_kind("the function's body", yields, returns)?;
    }
    let body = print_exactly(&body)?;
    Ok(Bound {
        hash: hash(draft.parameters, draft.returns, &body),
        body,
        yields,
        calls,
    })
}

/// Binds a mask: its arguments, the masked column first.
///
/// # Errors
/// [`Error::Invalid`] or [`Error::TypeMismatch`], naming what does not fit.
pub fn mask(
    table: &Table,
    column: &Name,
    function: &Function,
    first: &FirstArg,
    using: &[ArgumentSpec],
) -> Result<(ColumnId, Vec<Argument>)> {
    let own = table
        .column(column)
        .ok_or_else(|| Error::NotFound(format!("column {column}")))?;
    if let FirstArg::Named(named) = first
        && named != column
    {
        return Err(Error::Invalid(format!(
            "the first argument of a mask on {column} must be {column} itself"
        )));
    }
    let mut arguments = vec![ArgumentSpec::Column(column.clone())];
    arguments.extend(using.iter().cloned());
    let bound = bind_arguments(table, function, &arguments)?;
    match &function.returns {
        Some(returns) if *returns != own.data_type => {
            return Err(Error::TypeMismatch(format!(
                "{} returns {returns}, and column {column} is {}",
                function.name, own.data_type
            )));
        }
        _ => expect_kind(
            &format!("function {}", function.name),
            yields(function)?,
            &own.data_type,
        )?,
    }
    Ok((own.id, bound))
}

/// Binds a row filter: its arguments.
///
/// # Errors
/// [`Error::Invalid`] or [`Error::TypeMismatch`], naming what does not fit.
pub fn row_filter(
    table: &Table,
    function: &Function,
    on: &[ArgumentSpec],
) -> Result<Vec<Argument>> {
    let bound = bind_arguments(table, function, on)?;
    expect_kind(
        &format!("function {}", function.name),
        yields(function)?,
        &LogicalType::Boolean,
    )?;
    Ok(bound)
}

/// What a stored function's body yields.
///
/// # Errors
/// As [`function()`].
pub fn yields(function: &Function) -> Result<Kind> {
    let kinds: BTreeMap<&Name, Kind> = function
        .parameters
        .iter()
        .map(|(name, data_type)| (name, Kind::of(data_type)))
        .collect();
    total::check_typed(&parse_expression(&function.body)?, &|name| {
        kinds.get(name).copied()
    })
}

/// SHA-256 over parameters, result and body.
#[must_use]
pub fn hash(
    parameters: &[(Name, LogicalType)],
    returns: Option<&LogicalType>,
    body: &str,
) -> String {
    // Names hold no quote, so no two definitions print alike.
    let mut text = String::from("lakeward-function-v1\n");
    for (name, data_type) in parameters {
        let _ = writeln!(text, "\"{name}\" {data_type}");
    }
    let returns = returns.map_or_else(|| "inferred".to_owned(), ToString::to_string);
    let _ = write!(text, "{returns}\n{body}");
    Sha256::digest(text.as_bytes())
        .iter()
        .fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
}

/// The functions that an expression calls and that are not built in.
pub fn user_calls(expr: &Expr) -> Vec<TableName> {
    let mut calls = Vec::new();
    let _: ControlFlow<()> = sqlparser::ast::visit_expressions(expr, |part| {
        if let Expr::Function(function) = part
            && let Some(name) = user_function(function)
        {
            calls.push(name);
        }
        ControlFlow::Continue(())
    });
    calls
}

fn user_function(function: &sqlparser::ast::Function) -> Option<TableName> {
    let parts = name_parts(&function.name)?;
    match parts.as_slice() {
        [name] if is_built_in(name) => None,
        parts => {
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            TableName::from_parts(&parts).ok()
        }
    }
}

fn inline<'f>(
    draft: Draft<'_>,
    resolve: &dyn Fn(&TableName) -> Option<&'f Function>,
) -> Result<(Expr, BTreeSet<FunctionId>)> {
    let mut body = draft.body.clone();
    let mut calls = BTreeSet::new();
    // Post-order: arguments are inlined before the call around them, and what is put in, having been
    // inlined when it was created, is not visited again.
    let outcome = visit_expressions_mut(&mut body, |part| {
        let Expr::Function(call) = &*part else {
            return ControlFlow::Continue(());
        };
        let Some(name) = user_function(call) else {
            return ControlFlow::Continue(());
        };
        if name == *draft.name {
            return ControlFlow::Break(Error::Invalid(format!("{name} calls itself")));
        }
        let Some(callee) = resolve(&name) else {
            // Whoever cannot see a function and whoever misspells it get the same answer.
            return ControlFlow::Break(Error::Invalid(format!(
                "function {} is not known, or not allowed in a policy",
                name.table
            )));
        };
        match put_in(callee, call) {
            Ok(expr) => {
                calls.insert(callee.id);
                *part = expr;
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(error),
        }
    });
    match outcome {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok((body, calls)),
    }
}

fn put_in(callee: &Function, call: &sqlparser::ast::Function) -> Result<Expr> {
    let given = arguments(call)
        .ok_or_else(|| Error::Invalid(format!("{} must be called plainly", callee.name)))?;
    if given.len() != callee.parameters.len() {
        return Err(wrong_count(callee, given.len()));
    }
    let with: BTreeMap<Name, Expr> = callee
        .parameters
        .iter()
        .zip(given)
        .map(|((name, _), argument)| {
            let argument = match argument {
                Expr::Value(_) | Expr::Identifier(_) | Expr::Nested(_) | Expr::Function(_) => {
                    argument.clone()
                }
                other => Expr::Nested(Box::new(other.clone())),
            };
            (name.clone(), argument)
        })
        .collect();
    let body = substitute(&parse_expression(&callee.body)?, &with);
    syntax::bounded(&body)?;
    Ok(Expr::Nested(Box::new(body)))
}

fn bind_arguments(
    table: &Table,
    function: &Function,
    given: &[ArgumentSpec],
) -> Result<Vec<Argument>> {
    if given.len() != function.parameters.len() {
        return Err(wrong_count(function, given.len()));
    }
    given
        .iter()
        .zip(&function.parameters)
        .map(|(argument, (parameter, expected))| match argument {
            ArgumentSpec::Column(name) => {
                let column = table
                    .column(name)
                    .ok_or_else(|| Error::NotFound(format!("column {name}")))?;
                if column.data_type != *expected {
                    return Err(Error::TypeMismatch(format!(
                        "parameter {parameter} of {} is {expected}, and column {name} is {}",
                        function.name, column.data_type
                    )));
                }
                Ok(Argument::Column(column.id))
            }
            ArgumentSpec::Literal(sql) => {
                let literal = parse_expression(sql)?;
                if !syntax::is_literal(&literal) {
                    return Err(Error::Invalid(format!(
                        "argument {parameter} of {} is neither a column nor a literal",
                        function.name
                    )));
                }
                let kind = total::check_typed(&literal, &|_| None)?;
                expect_kind(
                    &format!("argument {parameter} of {}", function.name),
                    kind,
                    expected,
                )?;
                Ok(Argument::Literal(print_exactly(&literal)?))
            }
        })
        .collect()
}

fn wrong_count(function: &Function, given: usize) -> Error {
    Error::Invalid(format!(
        "{} takes {} arguments, and {given} are given",
        function.name,
        function.parameters.len()
    ))
}

fn expect_kind(what: &str, kind: Kind, expected: &LogicalType) -> Result<()> {
    if kind.becomes(expected) {
        Ok(())
    } else {
        Err(Error::TypeMismatch(format!(
            "{what} does not yield {expected}"
        )))
    }
}

#[cfg(test)]
mod tests;
