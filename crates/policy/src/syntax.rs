//! Small tools over the SQL syntax tree that masks and filters are made of.
//!
//! Positions matter here: an identifier's source span survives substitution and folding, and is how
//! [`crate::decide()`] tells *which* mention of a column a requester's branch reads. Equality of
//! expressions ignores it.

use std::{collections::BTreeMap, ops::ControlFlow};

use lakeward_domain::{ColumnId, Name};
use sqlparser::{
    ast::{
        Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName,
        ObjectNamePart, UnaryOperator, Value, ValueWithSpan, Visit, Visitor, visit_expressions,
        visit_expressions_mut,
    },
    dialect::GenericDialect,
    keywords::Keyword,
    parser::Parser,
    tokenizer::{Span, Token, TokenWithSpan, Tokenizer, Whitespace},
};

use crate::{Error, Result};

/// Deeper bodies are refused: every walk over a body recurses.
pub const MAX_DEPTH: usize = 100;
/// Longer bodies are refused.
pub const MAX_TOKENS: usize = 4_000;
/// Bodies with more parts than this, after the functions they call are put in, are refused.
pub const MAX_NODES: usize = 20_000;

/// A literal whose meaning no engine could see differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    /// NULL.
    Null,
    /// TRUE or FALSE.
    Bool(bool),
    /// Text.
    Text(String),
    /// A whole number of at most 18 digits.
    Int(i64),
}

/// The tokens of a text without white space and comments.
pub(crate) fn tokens(sql: &str) -> Result<Vec<TokenWithSpan>> {
    let tokens = Tokenizer::new(&GenericDialect {}, sql)
        .tokenize_with_location()
        .map_err(|error| Error::Syntax {
            expected: "a complete token",
            line: error.location.line,
            column: error.location.column,
        })?;
    Ok(tokens
        .into_iter()
        .filter(|token| {
            !matches!(
                token.token,
                Token::Whitespace(
                    Whitespace::Space
                        | Whitespace::Newline
                        | Whitespace::Tab
                        | Whitespace::SingleLineComment { .. }
                        | Whitespace::MultiLineComment(_)
                ) | Token::EOF
            )
        })
        .collect())
}

/// Parses tokens as one expression and nothing after it.
pub(crate) fn expression_of(tokens: Vec<TokenWithSpan>) -> Result<Expr> {
    if tokens.len() > MAX_TOKENS {
        return Err(Error::Invalid("the expression is too long".into()));
    }
    let (line, column) = start(tokens.first());
    let tokens = without_empty_calls(tokens);
    let syntax = move || Error::Syntax {
        expected: "an expression",
        line,
        column,
    };
    let mut parser = Parser::new(&GenericDialect {}).with_tokens_with_locations(tokens);
    let expr = parser.parse_expr().map_err(|_| syntax())?;
    let rest = parser.peek_token();
    if rest.token != Token::EOF {
        let (line, column) = start(Some(&rest));
        return Err(Error::Syntax {
            expected: "the end of the expression",
            line,
            column,
        });
    }
    bounded(&expr)?;
    Ok(expr)
}

/// `current_user()` as `current_user`: the parser knows these words as constants without parentheses,
/// and stumbles over the ones that Databricks writes.
fn without_empty_calls(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let constant = |token: &Token| {
        matches!(token, Token::Word(word) if word.quote_style.is_none()
            && matches!(word.keyword, Keyword::CURRENT_USER | Keyword::SESSION_USER | Keyword::USER))
    };
    let mut kept: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        if token.token == Token::LParen
            && kept.last().is_some_and(|before| constant(&before.token))
            && tokens
                .peek()
                .is_some_and(|next| next.token == Token::RParen)
        {
            tokens.next();
        } else {
            kept.push(token);
        }
    }
    kept
}

/// Where a token starts; (0, 0) at the end of the text.
pub(crate) fn start(token: Option<&TokenWithSpan>) -> (u64, u64) {
    token.map_or((0, 0), |t| (t.span.start.line, t.span.start.column))
}

/// Parses one expression.
///
/// # Errors
/// [`Error::Syntax`] if it is none, [`Error::Invalid`] if it is too long or too deep.
pub fn parse_expression(sql: &str) -> Result<Expr> {
    expression_of(tokens(sql)?)
}

/// Prints an expression so that it reads back as the same one.
///
/// # Errors
/// [`Error::Invalid`] where the printer and the parser disagree, as they do on some strings with
/// doubled quotes: such a body could not be stored faithfully.
pub fn print_exactly(expr: &Expr) -> Result<String> {
    let text = expr.to_string();
    match parse_expression(&text) {
        Ok(again) if again == *expr => Ok(text),
        Ok(_) | Err(_) => Err(Error::Invalid(
            "the body holds a literal or form that cannot be stored exactly".into(),
        )),
    }
}

/// Refuses expressions on which recursion could exhaust the stack.
///
/// # Errors
/// [`Error::Invalid`] beyond [`MAX_DEPTH`] or [`MAX_NODES`].
pub fn bounded(expr: &Expr) -> Result<()> {
    struct Depth {
        now: usize,
        nodes: usize,
    }
    impl Visitor for Depth {
        type Break = ();

        fn pre_visit_expr(&mut self, _: &Expr) -> ControlFlow<()> {
            self.now += 1;
            self.nodes += 1;
            if self.now > MAX_DEPTH || self.nodes > MAX_NODES {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        }

        fn post_visit_expr(&mut self, _: &Expr) -> ControlFlow<()> {
            self.now -= 1;
            ControlFlow::Continue(())
        }
    }
    let mut depth = Depth { now: 0, nodes: 0 };
    if expr.visit(&mut depth).is_break() {
        return Err(Error::Invalid(
            "the expression is too long or nested too deeply".into(),
        ));
    }
    Ok(())
}

/// NULL.
#[must_use]
pub fn null() -> Expr {
    Expr::value(Value::Null)
}

/// TRUE or FALSE.
#[must_use]
pub fn boolean(value: bool) -> Expr {
    Expr::value(Value::Boolean(value))
}

/// A text literal.
#[must_use]
pub fn text(value: impl Into<String>) -> Expr {
    Expr::value(Value::SingleQuotedString(value.into()))
}

/// A column by its id, quoted so that the id stays exact.
#[must_use]
pub fn column(id: ColumnId) -> Expr {
    Expr::Identifier(column_ident(id, Span::empty()))
}

fn column_ident(id: ColumnId, span: Span) -> Ident {
    Ident {
        value: id.to_string(),
        quote_style: Some('"'),
        span,
    }
}

/// The column that this expression is, if it is nothing but a column.
#[must_use]
pub fn column_of(expr: &Expr) -> Option<ColumnId> {
    match strip(expr) {
        Expr::Identifier(ident) => ident.value.parse().ok(),
        _ => None,
    }
}

/// An expression without parentheses around it.
#[must_use]
pub fn strip(expr: &Expr) -> &Expr {
    let mut expr = expr;
    while let Expr::Nested(inner) = expr {
        expr = inner;
    }
    expr
}

/// The literal that this expression is.
#[must_use]
pub fn literal(expr: &Expr) -> Option<Literal> {
    match strip(expr) {
        Expr::Value(ValueWithSpan { value, .. }) => match value {
            Value::Null => Some(Literal::Null),
            Value::Boolean(value) => Some(Literal::Bool(*value)),
            Value::SingleQuotedString(value) => Some(Literal::Text(value.clone())),
            Value::Number(digits, false) => whole(digits).map(Literal::Int),
            _ => None,
        },
        Expr::UnaryOp {
            op: UnaryOperator::Minus,
            expr,
        } => match literal(expr)? {
            Literal::Int(value) => value.checked_neg().map(Literal::Int),
            Literal::Null | Literal::Bool(_) | Literal::Text(_) => None,
        },
        _ => None,
    }
}

/// A literal as an expression.
#[must_use]
pub fn of_literal(literal: Literal) -> Expr {
    match literal {
        Literal::Null => null(),
        Literal::Bool(value) => boolean(value),
        Literal::Text(value) => text(value),
        Literal::Int(value) => {
            let digits = Expr::value(Value::Number(value.unsigned_abs().to_string(), false));
            if value < 0 {
                Expr::UnaryOp {
                    op: UnaryOperator::Minus,
                    expr: Box::new(digits),
                }
            } else {
                digits
            }
        }
    }
}

/// Whether this is a literal of any kind, sign included.
#[must_use]
pub fn is_literal(expr: &Expr) -> bool {
    match strip(expr) {
        Expr::Value(_) => true,
        Expr::UnaryOp {
            op: UnaryOperator::Minus | UnaryOperator::Plus,
            expr,
        } => matches!(
            strip(expr),
            Expr::Value(ValueWithSpan {
                value: Value::Number(..),
                ..
            })
        ),
        _ => false,
    }
}

/// A plain decimal number of at most 18 digits without leading zeros.
pub(crate) fn whole(digits: &str) -> Option<i64> {
    let plain = !digits.is_empty()
        && digits.len() <= 18
        && digits.bytes().all(|b| b.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'));
    if plain { digits.parse().ok() } else { None }
}

/// The parts of a function's name in lower case.
#[must_use]
pub fn name_parts(name: &ObjectName) -> Option<Vec<String>> {
    name.0
        .iter()
        .map(|part| match part {
            ObjectNamePart::Identifier(ident) => Some(ident.value.to_lowercase()),
            ObjectNamePart::Function(_) => None,
        })
        .collect()
}

/// The name of a call to an unqualified function, in lower case.
#[must_use]
pub fn call_name(function: &Function) -> Option<String> {
    match name_parts(&function.name)?.as_slice() {
        [name] => Some(name.clone()),
        _ => None,
    }
}

/// The arguments of a plain scalar call: no DISTINCT, FILTER, OVER, names or wildcards.
#[must_use]
pub fn arguments(function: &Function) -> Option<Vec<&Expr>> {
    let plain = !function.uses_odbc_syntax
        && matches!(function.parameters, FunctionArguments::None)
        && function.filter.is_none()
        && function.null_treatment.is_none()
        && function.over.is_none()
        && function.within_group.is_empty();
    if !plain {
        return None;
    }
    match &function.args {
        FunctionArguments::None => Some(Vec::new()),
        FunctionArguments::Subquery(_) => None,
        FunctionArguments::List(list) => {
            if list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
                return None;
            }
            list.args
                .iter()
                .map(|argument| match argument {
                    FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
                    _ => None,
                })
                .collect()
        }
    }
}

/// Replaces every identifier for which `with` has something; a replacement keeps the position of
/// the identifier it replaces.
pub(crate) fn substitute(expr: &Expr, with: &BTreeMap<Name, Expr>) -> Expr {
    let mut result = expr.clone();
    // Post-order: what is put in is not visited again, so nothing is captured.
    let _: ControlFlow<()> = visit_expressions_mut(&mut result, |part| {
        if let Expr::Identifier(ident) = part
            && let Ok(name) = Name::parse(&ident.value)
            && let Some(replacement) = with.get(&name)
        {
            let span = ident.span;
            *part = match replacement {
                Expr::Identifier(new) => Expr::Identifier(Ident {
                    span,
                    ..new.clone()
                }),
                other => other.clone(),
            };
        }
        ControlFlow::Continue(())
    });
    result
}

/// The expression with column ids in the place of names.
#[must_use]
pub fn rename_columns(expr: &Expr, ids: &BTreeMap<Name, ColumnId>) -> Expr {
    let with = ids
        .iter()
        .map(|(name, id)| (name.clone(), column(*id)))
        .collect();
    substitute(expr, &with)
}

/// Every identifier of an expression, in order.
#[must_use]
pub fn identifiers(expr: &Expr) -> Vec<Ident> {
    let mut found = Vec::new();
    let _: ControlFlow<()> = visit_expressions(expr, |part| {
        match part {
            Expr::Identifier(ident) => found.push(ident.clone()),
            Expr::CompoundIdentifier(idents) => found.extend(idents.iter().cloned()),
            _ => {}
        }
        ControlFlow::Continue(())
    });
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deep_or_long_expression_is_refused_and_does_not_overflow() {
        for sql in [
            "(".repeat(10_000),
            "NOT ".repeat(10_000) + "a",
            "a OR ".repeat(1_900) + "a",
            "a OR ".repeat(10_000) + "a",
            "CASE WHEN ".repeat(1_000),
            "- ".repeat(3_000) + "1",
        ] {
            assert!(parse_expression(&sql).is_err(), "{}", &sql[..20]);
        }
        assert!(parse_expression(&("a OR ".repeat(80) + "a")).is_ok());
    }

    #[test]
    fn a_string_that_does_not_read_back_is_refused() {
        let good = parse_expression("'it''s'").unwrap();
        assert_eq!(print_exactly(&good).unwrap(), "'it''s'");
        // Content `a''b`: the printer takes the doubled quote for an escape.
        let bad = parse_expression("'a''''b'").unwrap();
        assert!(print_exactly(&bad).is_err());
    }

    #[test]
    fn a_replacement_keeps_its_position_and_is_not_replaced_again() {
        let a = Name::parse("a").unwrap();
        let b = Name::parse("b").unwrap();
        let with = BTreeMap::from([
            (a, Expr::Identifier(Ident::new("b"))),
            (b, Expr::Identifier(Ident::new("a"))),
        ]);
        let expr = parse_expression("A = b").unwrap();
        let swapped = substitute(&expr, &with);
        assert_eq!(swapped.to_string(), "b = a");
        let spans = |e: &Expr| {
            identifiers(e)
                .iter()
                .map(|i| i.span.start.column)
                .collect::<Vec<_>>()
        };
        assert_eq!(spans(&swapped), spans(&expr));
    }

    #[test]
    fn only_plain_numbers_are_whole() {
        for (digits, value) in [
            ("0", Some(0)),
            ("42", Some(42)),
            ("042", None),
            ("1.0", None),
            ("", None),
            ("1234567890123456789", None),
        ] {
            assert_eq!(whole(digits), value, "{digits}");
        }
    }
}
