//! The tokens of a statement, with the freedoms that people take.
//!
//! Names are kept in lower case, and the planner folds what stands unquoted. Here the quoted ones
//! are folded too, because tools quote every name, in whatever case they show it. What a reader
//! would get wrong: the names that a query gives to its own columns keep their case, and so do
//! mentions of them in GROUP BY, HAVING, QUALIFY and ORDER BY. Fields of structs are no names of the
//! lake: `st['Field']` reaches them in any case.

use std::{collections::BTreeSet, ops::ControlFlow};

use datafusion::sql::sqlparser::{
    ast::{self, SelectItem, SetExpr, Visit},
    dialect::GenericDialect,
    keywords::Keyword,
    parser::Parser,
    tokenizer::{Location, Token, TokenWithSpan, Tokenizer},
};

use super::RECURSION_LIMIT;
use crate::error::{Result, syntax};

/// The tokens of a statement.
pub(super) fn tokens(sql: &str) -> Result<Vec<TokenWithSpan>> {
    let tokens = Tokenizer::new(&GenericDialect {}, sql)
        .tokenize_with_location()
        .map_err(|error| syntax(&error.into()))?;
    let mut tokens = without_empty_parentheses(tokens);
    if tokens.iter().any(is_quoted_in_capitals) {
        let kept = kept(&tokens);
        for token in &mut tokens {
            let folds = is_quoted_in_capitals(token) && !kept.contains(&token.span.start);
            if folds && let Token::Word(word) = &mut token.token {
                word.value = word.value.to_lowercase();
            }
        }
    }
    Ok(tokens)
}

fn is_quoted_in_capitals(token: &TokenWithSpan) -> bool {
    matches!(&token.token, Token::Word(word)
        if word.quote_style.is_some() && word.value.chars().any(char::is_uppercase))
}

/// `current_user()` is `current_user`, as Spark and PostgreSQL between them write it.
fn without_empty_parentheses(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let solid = |from: usize| {
        (from..tokens.len()).find(|at| !matches!(tokens[*at].token, Token::Whitespace(_)))
    };
    let mut dropped = BTreeSet::new();
    for (at, token) in tokens.iter().enumerate() {
        let asks = matches!(&token.token, Token::Word(word)
            if matches!(word.keyword, Keyword::CURRENT_USER | Keyword::SESSION_USER));
        if asks
            && let Some(open) = solid(at + 1)
            && let Some(close) = solid(open + 1)
            && tokens[open].token == Token::LParen
            && tokens[close].token == Token::RParen
        {
            dropped.extend([open, close]);
        }
    }
    let mut at = 0;
    let mut tokens = tokens;
    tokens.retain(|_| {
        at += 1;
        !dropped.contains(&(at - 1))
    });
    tokens
}

/// Where the names stand that a query gives to its own columns.
fn kept(tokens: &[TokenWithSpan]) -> BTreeSet<Location> {
    let mut kept = BTreeSet::new();
    let parsed = Parser::new(&GenericDialect {})
        .with_recursion_limit(RECURSION_LIMIT)
        .with_tokens_with_locations(tokens.to_vec())
        .parse_statement();
    let query = match parsed {
        Ok(ast::Statement::Query(query)) => query,
        // A new table's columns are names of the lake. What does not parse is refused later.
        _ => return kept,
    };
    let Some(select) = first_select(&query.body) else {
        return kept;
    };
    let mut given = BTreeSet::new();
    for item in &select.projection {
        if let SelectItem::ExprWithAlias { alias, .. } = item
            && alias.quote_style.is_some()
        {
            given.insert(alias.value.clone());
            kept.insert(alias.span.start);
        }
    }
    let mut mention = |expr: &ast::Expr| -> ControlFlow<()> {
        if let ast::Expr::Identifier(ident) = expr
            && ident.quote_style.is_some()
            && given.contains(&ident.value)
        {
            kept.insert(ident.span.start);
        }
        ControlFlow::Continue(())
    };
    let _ = ast::visit_expressions(&query.order_by, &mut mention);
    let _ = ast::visit_expressions(&select.group_by, &mut mention);
    let _ = ast::visit_expressions(&select.having, &mut mention);
    let _ = ast::visit_expressions(&select.qualify, &mut mention);
    kept
}

/// The SELECT that names the columns of the whole.
fn first_select(body: &SetExpr) -> Option<&ast::Select> {
    match body {
        SetExpr::Select(select) => Some(select),
        SetExpr::Query(query) => first_select(&query.body),
        SetExpr::SetOperation { left, .. } => first_select(left),
        _ => None,
    }
}

/// Verbs that begin a statement of ours: what goes wrong after one is the statement's own fault.
const VERBS: [Keyword; 16] = [
    Keyword::SELECT,
    Keyword::WITH,
    Keyword::VALUES,
    Keyword::FROM,
    Keyword::TABLE,
    Keyword::INSERT,
    Keyword::SET,
    Keyword::SHOW,
    Keyword::DESC,
    Keyword::DESCRIBE,
    Keyword::EXPLAIN,
    Keyword::COMMENT,
    Keyword::GRANT,
    Keyword::REVOKE,
    Keyword::UNSET,
    Keyword::RESET,
];

/// What CREATE, ALTER and DROP make, change and remove here.
const OBJECTS: [Keyword; 7] = [
    Keyword::TABLE,
    Keyword::SCHEMA,
    Keyword::FUNCTION,
    Keyword::USER,
    Keyword::GROUP,
    Keyword::CATALOG,
    Keyword::OR,
];

/// The keywords of a text that cannot be read as a statement and does not begin like one of ours.
pub(super) fn off_the_list(sql: &str) -> Option<String> {
    let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize().ok()?;
    let mut words = tokens
        .iter()
        .filter(|token| !matches!(token, Token::Whitespace(_)))
        .map_while(|token| match token {
            Token::Word(word) if word.quote_style.is_none() => Some(word.keyword),
            _ => None,
        })
        .take_while(|keyword| *keyword != Keyword::NoKeyword);
    let verb = words.next().filter(|verb| !VERBS.contains(verb))?;
    if !matches!(verb, Keyword::CREATE | Keyword::ALTER | Keyword::DROP) {
        return Some(format!("{verb:?}"));
    }
    let object = words.next().filter(|object| !OBJECTS.contains(object))?;
    Some(format!("{verb:?} {object:?}"))
}

/// The first thing in a query that the planner would answer wrongly: it reads the ALL of EXCEPT and
/// INTERSECT, and then counts as if every row stood there once.
pub(crate) fn miscounted(query: &ast::Query) -> Option<&'static str> {
    struct Multisets;

    impl ast::Visitor for Multisets {
        type Break = &'static str;

        fn pre_visit_query(&mut self, query: &ast::Query) -> ControlFlow<Self::Break> {
            within(&query.body)
        }
    }

    fn within(body: &SetExpr) -> ControlFlow<&'static str> {
        let SetExpr::SetOperation {
            op,
            set_quantifier: ast::SetQuantifier::All | ast::SetQuantifier::AllByName,
            left,
            right,
        } = body
        else {
            return match body {
                SetExpr::SetOperation { left, right, .. } => {
                    within(left)?;
                    within(right)
                }
                _ => ControlFlow::Continue(()),
            };
        };
        match op {
            ast::SetOperator::Except | ast::SetOperator::Minus => ControlFlow::Break("EXCEPT ALL"),
            ast::SetOperator::Intersect => ControlFlow::Break("INTERSECT ALL"),
            ast::SetOperator::Union => {
                within(left)?;
                within(right)
            }
        }
    }

    match query.visit(&mut Multisets) {
        ControlFlow::Break(found) => Some(found),
        ControlFlow::Continue(()) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(sql: &str) -> String {
        tokens(sql)
            .unwrap()
            .iter()
            .map(|token| token.token.to_string())
            .collect()
    }

    #[test]
    fn quoted_names_fold_and_names_of_a_querys_own_columns_do_not() {
        let cases = [
            ("SELECT \"ID\" FROM \"T\"", "SELECT \"id\" FROM \"t\""),
            (
                "SELECT `Id` AS \"Id\" FROM t ORDER BY \"Id\"",
                "SELECT `id` AS \"Id\" FROM t ORDER BY \"Id\"",
            ),
            (
                "SELECT \"S\".\"A\" AS \"A\" FROM (SELECT 1 AS \"A\") AS \"S\" WHERE \"A\" = 1",
                "SELECT \"s\".\"a\" AS \"A\" FROM (SELECT 1 AS \"a\") AS \"s\" WHERE \"a\" = 1",
            ),
            (
                "SELECT a AS \"X\" FROM t UNION SELECT \"B\" FROM t ORDER BY \"X\"",
                "SELECT a AS \"X\" FROM t UNION SELECT \"b\" FROM t ORDER BY \"X\"",
            ),
            ("SELECT 'ID' FROM t", "SELECT 'ID' FROM t"),
            (
                "INSERT INTO \"T\" (\"A\") SELECT 1 AS \"A\"",
                "INSERT INTO \"t\" (\"a\") SELECT 1 AS \"a\"",
            ),
        ];
        for (sql, expected) in cases {
            assert_eq!(text(sql), expected);
        }
    }

    #[test]
    fn the_requesters_name_is_asked_with_or_without_parentheses() {
        assert_eq!(text("SELECT current_user()"), "SELECT current_user");
        assert_eq!(
            text("SELECT SESSION_USER ( )").trim(),
            "SELECT SESSION_USER"
        );
        assert_eq!(text("SELECT f(), \"x\"()"), "SELECT f(), \"x\"()");
    }

    #[test]
    fn set_operations_that_would_be_miscounted_are_found_at_any_depth() {
        let found = |sql: &str| match super::super::statement(sql).unwrap() {
            super::super::Statement::Query(query) => miscounted(&query),
            other => panic!("{other:?}"),
        };
        assert_eq!(found("SELECT 1 EXCEPT ALL SELECT 1"), Some("EXCEPT ALL"));
        assert_eq!(
            found("SELECT * FROM (SELECT 1 INTERSECT ALL SELECT 1) x"),
            Some("INTERSECT ALL")
        );
        assert_eq!(
            found("SELECT 1 UNION ALL (SELECT 2 EXCEPT ALL SELECT 1)"),
            Some("EXCEPT ALL")
        );
        assert_eq!(found("SELECT 1 UNION ALL SELECT 2 EXCEPT SELECT 1"), None);
    }
}
