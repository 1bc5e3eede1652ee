//! How much a mask lets through, and which of two masks is the stricter.
//!
//! The lattice is `null > constant > token > generalised > partial > identity`. A mask that differs
//! from row to row has no single place in it: two such masks are incomparable, and the result of two
//! incomparable masks is NULL. So a second policy can only take away.

use std::{collections::BTreeMap, ops::ControlFlow};

use lakeward_domain::ColumnId;
use sqlparser::ast::{DateTimeField, Expr, Function, Visit, Visitor, visit_expressions};

use crate::syntax::{Literal, arguments, call_name, column_of, is_literal, literal, null, strip};

/// What a value shows of the columns it was computed from, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strength {
    /// Nothing, not even a value.
    Null,
    /// Nothing.
    Constant,
    /// Which values are equal: a keyed token.
    Token,
    /// A coarser value: a year, the first three digits of a ZIP code, an age cap.
    Generalised,
    /// Some of the value: its last four digits, its length, a hash that can be tried out.
    Partial,
    /// The value.
    Identity,
}

/// A mask's place in the lattice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// The most that it shows on any row.
    pub shows: Strength,
    /// Whether what it shows differs from row to row.
    pub conditional: bool,
}

/// A mention of a column: its id and its place in the policy's body.
pub type Mention = (ColumnId, u64, u64);

const TOKENS: [&str; 1] = ["token"];
const GENERALISATIONS: [&str; 3] = ["hipaa_zip3", "hipaa_year", "hipaa_age"];

/// The shape of an expression, counting what it shows of the columns for which `counts` is true.
pub fn shape(expr: &Expr, counts: &dyn Fn(ColumnId) -> bool) -> Shape {
    Shape {
        shows: shows(expr, counts),
        conditional: differs_by_row(expr),
    }
}

fn shows(expr: &Expr, counts: &dyn Fn(ColumnId) -> bool) -> Strength {
    let expr = strip(expr);
    if literal(expr) == Some(Literal::Null) {
        return Strength::Null;
    }
    if is_literal(expr) {
        return Strength::Constant;
    }
    if let Some(id) = column_of(expr) {
        return if counts(id) {
            Strength::Identity
        } else {
            Strength::Constant
        };
    }
    let value = |e: &Expr| shows(e, counts);
    // What a computation on values shows: no more than they did, and not all of a raw one.
    let blurred = |most: Strength| match most {
        Strength::Identity => Strength::Partial,
        Strength::Null => Strength::Constant,
        other => other,
    };
    match expr {
        Expr::Case {
            operand,
            conditions,
            else_result,
            ..
        } => {
            let results = conditions
                .iter()
                .map(|c| value(&c.result))
                .chain(else_result.iter().map(|e| value(e)))
                .max()
                .unwrap_or(Strength::Null);
            let asked = conditions
                .iter()
                .map(|c| value(&c.condition))
                .chain(operand.iter().map(|e| value(e)))
                .max()
                .unwrap_or(Strength::Null);
            // A condition shows a bit of what it asks about.
            if asked > Strength::Constant {
                results.max(Strength::Partial)
            } else {
                results
            }
        }
        Expr::Cast { expr, .. } => value(expr),
        Expr::Extract { field, expr, .. } => {
            coarse(matches!(field, DateTimeField::Year), value(expr))
        }
        Expr::Function(function) => call(function, &value, &blurred),
        other => blurred(
            children(other)
                .iter()
                .map(value)
                .max()
                .unwrap_or(Strength::Partial),
        ),
    }
}

fn coarse(generalises: bool, inner: Strength) -> Strength {
    if generalises && inner > Strength::Generalised {
        Strength::Generalised
    } else if inner == Strength::Identity {
        Strength::Partial
    } else {
        inner
    }
}

fn call(
    function: &Function,
    value: &dyn Fn(&Expr) -> Strength,
    blurred: &dyn Fn(Strength) -> Strength,
) -> Strength {
    let (Some(name), Some(arguments)) = (call_name(function), arguments(function)) else {
        return Strength::Identity;
    };
    let most = arguments
        .iter()
        .map(|a| value(a))
        .max()
        .unwrap_or(Strength::Constant);
    match name.as_str() {
        name if TOKENS.contains(&name) => most.min(Strength::Token),
        name if GENERALISATIONS.contains(&name) => coarse(true, most),
        "date_part" | "extract" => {
            let year = arguments
                .first()
                .and_then(|field| literal(field))
                .is_some_and(
                    |field| matches!(field, Literal::Text(t) if t.eq_ignore_ascii_case("year")),
                );
            coarse(year, most)
        }
        "coalesce" | "nvl" | "ifnull" | "nullif" | "nvl2" | "greatest" | "least" => most,
        _ => blurred(most),
    }
}

/// The direct parts of an expression.
fn children(expr: &Expr) -> Vec<Expr> {
    struct Direct {
        depth: usize,
        found: Vec<Expr>,
    }
    impl Visitor for Direct {
        type Break = ();

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            if self.depth == 1 {
                self.found.push(expr.clone());
            }
            self.depth += 1;
            ControlFlow::Continue(())
        }

        fn post_visit_expr(&mut self, _: &Expr) -> ControlFlow<()> {
            self.depth -= 1;
            ControlFlow::Continue(())
        }
    }
    let mut direct = Direct {
        depth: 0,
        found: Vec::new(),
    };
    let _ = expr.visit(&mut direct);
    direct.found
}

fn differs_by_row(expr: &Expr) -> bool {
    visit_expressions(expr, |part| {
        let chooses = match part {
            Expr::Case { .. } => true,
            Expr::Function(function) => matches!(
                call_name(function).as_deref(),
                Some(
                    "coalesce" | "nvl" | "ifnull" | "nullif" | "nvl2" | "if" | "greatest" | "least"
                )
            ),
            _ => false,
        };
        if chooses {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })
    .is_break()
}

/// Where an expression shows raw or partial values of columns for which `counts` is true.
#[must_use]
pub fn revealing_mentions(expr: &Expr, counts: &dyn Fn(ColumnId) -> bool) -> Vec<Mention> {
    let mut found = Vec::new();
    collect(expr, counts, &mut found);
    found
}

fn collect(expr: &Expr, counts: &dyn Fn(ColumnId) -> bool, found: &mut Vec<Mention>) {
    let expr = strip(expr);
    if let Expr::Identifier(ident) = expr {
        if let Some(id) = column_of(expr)
            && counts(id)
        {
            found.push((id, ident.span.start.line, ident.span.start.column));
        }
        return;
    }
    // A token or a generalisation ends the trail, unless what goes into it chose by raw values.
    let ends = match expr {
        Expr::Function(_) | Expr::Extract { .. } => shows(expr, counts) <= Strength::Generalised,
        _ => false,
    };
    if !ends {
        for child in children(expr) {
            collect(&child, counts, found);
        }
    }
}

/// The stricter of two masks on column `own`. What they show is measured over `counts`.
#[must_use]
pub fn strictest(a: Expr, b: Expr, own: ColumnId, counts: &dyn Fn(ColumnId) -> bool) -> Expr {
    if a == b {
        return a;
    }
    let (of_a, of_b) = (shape(&a, counts), shape(&b, counts));
    match (of_a, of_b) {
        (
            Shape {
                shows: Strength::Null,
                ..
            },
            _,
        ) => a,
        (
            _,
            Shape {
                shows: Strength::Null,
                ..
            },
        ) => b,
        // A literal shows nothing on any row, so it beats whatever shows something; a row-dependent
        // "constant" still tells which branch was taken.
        _ if is_literal(&a) && !is_literal(&b) => a,
        _ if is_literal(&b) && !is_literal(&a) => b,
        _ if column_of(&a) == Some(own) => b,
        _ if column_of(&b) == Some(own) => a,
        _ if of_a.conditional || of_b.conditional || of_a.shows == of_b.shows => null(),
        _ if of_a.shows < of_b.shows => a,
        _ => b,
    }
}

/// How many times each column is mentioned, for tests and lints.
#[must_use]
pub fn mentions(expr: &Expr) -> BTreeMap<ColumnId, usize> {
    let mut counts = BTreeMap::new();
    for ident in crate::syntax::identifiers(expr) {
        if let Ok(id) = ident.value.parse::<ColumnId>() {
            *counts.entry(id).or_insert(0) += 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::parse_expression;

    fn fixture(sql: &str) -> (Expr, ColumnId) {
        let id = ColumnId::from_bytes([7; 16]);
        (
            parse_expression(&sql.replace('$', &format!("\"{id}\""))).unwrap(),
            id,
        )
    }

    #[test]
    fn the_lattice_knows_the_mask_vocabulary() {
        for (sql, expected, conditional) in [
            ("NULL", Strength::Null, false),
            ("'***'", Strength::Constant, false),
            ("-1", Strength::Constant, false),
            ("token('mrn', $)", Strength::Token, false),
            ("'T-' || left(token('mrn', $), 8)", Strength::Token, false),
            ("hipaa_year($)", Strength::Generalised, false),
            ("EXTRACT(YEAR FROM $)", Strength::Generalised, false),
            ("EXTRACT(DAY FROM $)", Strength::Partial, false),
            ("date_part('year', $)", Strength::Generalised, false),
            ("date_part('month', $)", Strength::Partial, false),
            ("right($, 4)", Strength::Partial, false),
            ("sha256($)", Strength::Partial, false),
            ("$ IS NULL", Strength::Partial, false),
            ("($)", Strength::Identity, false),
            ("CAST($ AS STRING)", Strength::Identity, false),
            ("coalesce($, '')", Strength::Identity, true),
            (
                "CASE WHEN $ = 'x' THEN 'a' ELSE 'b' END",
                Strength::Partial,
                true,
            ),
            (
                "CASE WHEN 1 = 1 THEN token('d', $) END",
                Strength::Token,
                true,
            ),
            (
                "token('d', CASE WHEN $ = 'x' THEN 'a' END)",
                Strength::Token,
                true,
            ),
        ] {
            let (expr, id) = fixture(sql);
            assert_eq!(
                shape(&expr, &|c| c == id),
                Shape {
                    shows: expected,
                    conditional
                },
                "{sql}"
            );
        }
    }

    #[test]
    fn of_two_masks_the_stricter_wins_and_incomparable_ones_are_null() {
        for (a, b, result) in [
            ("NULL", "'x'", "NULL"),
            ("'x'", "token('d', $)", "'x'"),
            ("'x'", "'y'", "NULL"),
            ("'x'", "'x'", "'x'"),
            ("token('d', $)", "hipaa_year($)", "token('d', $)"),
            ("hipaa_year($)", "right($, 4)", "hipaa_year($)"),
            ("right($, 4)", "left($, 4)", "NULL"),
            ("$", "right($, 4)", "right($, 4)"),
            (
                "$",
                "CASE WHEN $ = 'a' THEN $ END",
                "CASE WHEN $ = 'a' THEN $ END",
            ),
            ("hipaa_year($)", "CASE WHEN $ = 'a' THEN $ END", "NULL"),
            ("'x'", "CASE WHEN $ = 'a' THEN $ END", "'x'"),
        ] {
            let ((a, id), (b, _), (result, _)) = (fixture(a), fixture(b), fixture(result));
            let counts = |c| c == id;
            assert_eq!(
                strictest(a.clone(), b.clone(), id, &counts),
                result,
                "{a} + {b}"
            );
            assert_eq!(
                strictest(b.clone(), a.clone(), id, &counts),
                result,
                "{b} + {a}"
            );
        }
    }
}
