//! What folds to what, for whom.

use proptest::prelude::*;

use super::*;
use crate::{
    syntax::parse_expression,
    testing::{name, user, with_attribute, with_purpose},
};

fn folded(sql: &str, requester: &Requester) -> String {
    let expr = parse_expression(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    specialise(&expr, &BTreeMap::new(), requester).0.to_string()
}

#[test]
fn requester_functions_and_logic_fold_to_what_they_mean() {
    let ana = with_purpose(
        with_attribute(
            with_attribute(user(1, "ana", &["nurses"]), "tenant", "A"),
            "clearance",
            "2",
        ),
        "treatment",
    );
    for (sql, expected) in [
        ("is_member('nurses')", "true"),
        ("IS_ACCOUNT_GROUP_MEMBER('NURSES')", "true"),
        ("is_member('admin')", "false"),
        ("current_user()", "'ana'"),
        ("current_user", "'ana'"),
        ("session_user", "'ana'"),
        ("current_tenant()", "'A'"),
        ("current_clearance()", "'2'"),
        ("current_purpose()", "'treatment'"),
        ("current_attribute('Clearance')", "'2'"),
        ("current_attribute('other')", "NULL"),
        ("is_agent()", "false"),
        // Logic, three-valued.
        ("is_member('nurses') AND a", "a"),
        ("is_member('admin') AND a", "false"),
        ("a AND is_member('admin')", "false"),
        ("is_member('nurses') OR a", "true"),
        ("a OR is_member('nurses')", "true"),
        ("a OR is_member('admin')", "a"),
        ("NOT is_member('admin')", "true"),
        ("NULL AND NULL", "NULL"),
        ("NULL AND false", "false"),
        ("NULL OR true", "true"),
        ("NULL AND a", "NULL AND a"),
        ("NOT NULL", "NULL"),
        ("NOT a", "NOT a"),
        // Comparison.
        ("current_user() = 'ana'", "true"),
        ("current_user() <> 'ana'", "false"),
        ("current_user() = 'Ana'", "false"),
        ("current_attribute('x') = a", "NULL"),
        ("a = current_attribute('x')", "NULL"),
        ("current_attribute('x') IS NULL", "true"),
        ("current_attribute('x') IS NOT DISTINCT FROM NULL", "true"),
        ("current_tenant() = a", "'A' = a"),
        ("current_clearance() >= '2'", "true"),
        ("TRY_CAST(current_clearance() AS INT) >= 2", "true"),
        ("TRY_CAST(current_clearance() AS INT) >= 10", "false"),
        ("TRY_CAST(current_attribute('x') AS INT) >= 10", "NULL"),
        // The engine's coercion would decide, so nobody else does.
        ("current_clearance() >= 2", "'2' >= 2"),
        ("TRY_CAST('02' AS INT) = 2", "TRY_CAST('02' AS INT) = 2"),
        ("1 = 1.0", "1 = 1.0"),
        ("current_user() IN ('bob', 'ana')", "true"),
        ("current_user() NOT IN ('bob', 'ana')", "false"),
        ("current_user() IN ('bob', NULL)", "NULL"),
        ("current_user() IN ('bob', a)", "'ana' IN (a)"),
        ("current_user() IN ('bob')", "false"),
        ("current_attribute('x') IN ('bob')", "NULL"),
        ("a IN (current_user(), 'x')", "a IN ('ana', 'x')"),
        ("1 IN (1.0)", "1 IN (1.0)"),
        ("'b' BETWEEN 'a' AND 'c'", "true"),
        ("'d' NOT BETWEEN 'a' AND 'c'", "true"),
        // Choosing.
        ("IF(is_member('nurses'), a, b)", "a"),
        ("IF(is_member('admin'), a, b)", "b"),
        ("IF(c, a, b)", "CASE WHEN c THEN a ELSE b END"),
        (
            "CASE WHEN is_member('admin') THEN a WHEN is_member('nurses') THEN b ELSE c END",
            "b",
        ),
        (
            "CASE WHEN x THEN a WHEN is_member('nurses') THEN b ELSE c END",
            "CASE WHEN x THEN a ELSE b END",
        ),
        ("CASE WHEN is_member('admin') THEN a END", "NULL"),
        ("CASE WHEN NULL THEN a ELSE b END", "b"),
        ("CASE WHEN NULL AND x THEN a ELSE b END", "b"),
        (
            "CASE current_user() WHEN 'bob' THEN a WHEN 'ana' THEN b END",
            "b",
        ),
        (
            "CASE current_user() WHEN x THEN a WHEN 'ana' THEN b END",
            "CASE 'ana' WHEN x THEN a ELSE b END",
        ),
        (
            "CASE current_attribute('x') WHEN NULL THEN a ELSE b END",
            "b",
        ),
        ("coalesce(current_attribute('x'), 'none')", "'none'"),
        ("coalesce(current_attribute('x'), a, b)", "coalesce(a, b)"),
        ("coalesce(a, 'x', b)", "coalesce(a, 'x')"),
        ("nvl(current_tenant(), a)", "'A'"),
        ("nullif(current_user(), 'ana')", "NULL"),
        ("nullif(current_user(), 'bob')", "'ana'"),
        ("nullif(a, 'bob')", "nullif(a, 'bob')"),
        ("nvl2(current_attribute('x'), a, b)", "b"),
        // Text.
        ("'u:' || current_user()", "'u:ana'"),
        ("'u:' || current_attribute('x')", "NULL"),
        ("upper(current_user())", "'ANA'"),
        ("upper('ß')", "upper('ß')"),
        ("CAST(current_user() AS STRING)", "'ana'"),
        // What is not ours stays.
        ("length('abc')", "length('abc')"),
        ("'abc' LIKE 'a%'", "'abc' LIKE 'a%'"),
        ("right(a, 4)", "right(a, 4)"),
        ("token('mrn', a)", "token('mrn', a)"),
        ("1 + 1", "1 + 1"),
    ] {
        assert_eq!(folded(sql, &ana), expected, "{sql}");
    }
}

#[test]
fn decisions_are_told_on_the_branches_taken_only() {
    let ana = user(1, "ana", &["nurses"]);
    let expr = parse_expression(
        "CASE WHEN is_member('nurses') THEN '***' WHEN is_member('admin') THEN current_tenant() ELSE a END",
    )
    .unwrap();
    assert_eq!(
        specialise(&expr, &BTreeMap::new(), &ana).1,
        ["is_member('nurses') is true"]
    );
    let expr = parse_expression("is_member('admin') OR current_tenant() = a").unwrap();
    assert_eq!(
        specialise(&expr, &BTreeMap::new(), &ana).1,
        ["is_member('admin') is false", "current_tenant() is not set"]
    );
}

#[test]
fn a_group_that_is_not_a_literal_stays_and_is_seen() {
    let ana = user(1, "ana", &["nurses"]);
    for sql in [
        "is_member(a)",
        "is_member()",
        "is_member('a', 'b')",
        "is_member(upper(a))",
    ] {
        let expr = parse_expression(sql).unwrap();
        let (left, _) = specialise(&expr, &BTreeMap::new(), &ana);
        assert!(crate::total::asks_about_requester(&left), "{sql}");
    }
}

#[test]
fn substitution_is_hygienic() {
    let ana = user(1, "ana", &[]);
    let bindings = BTreeMap::from([
        (
            name("a"),
            crate::syntax::column(lakeward_domain::ColumnId::from_bytes([1; 16])),
        ),
        (name("b"), crate::syntax::text("a")),
    ]);
    let expr = parse_expression("CASE WHEN \"A\" = b THEN a ELSE 'a' END").unwrap();
    let id = "\"c01010101010101010101010101010101\"";
    assert_eq!(
        specialise(&expr, &bindings, &ana).0.to_string(),
        format!("CASE WHEN {id} = 'a' THEN {id} ELSE 'a' END")
    );
}

#[test]
fn no_name_in_a_policy_matches_a_stranger() {
    for sql in [
        "current_user() = 'nobody'",
        "current_user() IN ('', 'stranger')",
        "is_member('public')",
        "is_agent()",
    ] {
        let expr = parse_expression(sql).unwrap();
        assert_eq!(
            for_a_stranger(&expr, &BTreeMap::new()).to_string(),
            "false",
            "{sql}"
        );
    }
}

/// A condition over three unknown truth values and what the requester decides.
fn condition() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "p",
        "q",
        "r",
        "true",
        "false",
        "NULL",
        "is_member('nurses')",
        "is_member('admin')",
    ])
    .prop_map(str::to_owned);
    leaf.prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} AND {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} OR {b})")),
            inner.clone().prop_map(|a| format!("(NOT {a})")),
            inner.clone().prop_map(|a| format!("({a} IS NULL)")),
            inner.clone().prop_map(|a| format!("({a} IS NOT TRUE)")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} IS DISTINCT FROM {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} = {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("coalesce({a}, {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("nullif({a}, {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} IN ({b}, false))")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("IF({a}, {b}, {c})")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("CASE WHEN {a} THEN {b} WHEN {c} THEN {a} END")),
            (inner.clone(), inner.clone(), inner)
                .prop_map(|(a, b, c)| format!("CASE {a} WHEN {b} THEN {c} ELSE {b} END")),
        ]
    })
}

/// SQL's three-valued logic, written a second time and plainly.
fn evaluate(expr: &Expr, row: &dyn Fn(&str) -> Option<bool>) -> Option<bool> {
    let go = |e: &Expr| evaluate(e, row);
    let equal = |a: Option<bool>, b: Option<bool>| Some(a? == b?);
    match expr {
        Expr::Nested(inner) => go(inner),
        Expr::Identifier(ident) => row(&ident.value),
        Expr::Value(_) => match literal(expr) {
            Some(Literal::Bool(value)) => Some(value),
            _ => None,
        },
        Expr::UnaryOp { expr, .. } => go(expr).map(|v| !v),
        Expr::IsNull(inner) => Some(go(inner).is_none()),
        Expr::IsNotTrue(inner) => Some(go(inner) != Some(true)),
        Expr::IsDistinctFrom(a, b) => Some(go(a) != go(b)),
        Expr::BinaryOp { left, op, right } => match (op, go(left), go(right)) {
            (BinaryOperator::And, Some(false), _) | (BinaryOperator::And, _, Some(false)) => {
                Some(false)
            }
            (BinaryOperator::And, a, b) => Some(a? && b?),
            (BinaryOperator::Or, Some(true), _) | (BinaryOperator::Or, _, Some(true)) => Some(true),
            (BinaryOperator::Or, a, b) => Some(a? || b?),
            (BinaryOperator::Eq, a, b) => equal(a, b),
            other => panic!("{other:?}"),
        },
        Expr::InList { expr, list, .. } => {
            let hits: Vec<_> = list.iter().map(|item| equal(go(expr), go(item))).collect();
            if hits.contains(&Some(true)) {
                Some(true)
            } else if hits.contains(&None) {
                None
            } else {
                Some(false)
            }
        }
        Expr::Case {
            operand,
            conditions,
            else_result,
            ..
        } => {
            for when in conditions {
                let hit = match operand {
                    Some(operand) => equal(go(operand), go(&when.condition)),
                    None => go(&when.condition),
                };
                if hit == Some(true) {
                    return go(&when.result);
                }
            }
            else_result.as_ref().and_then(|e| go(e))
        }
        Expr::Function(function) => {
            let arguments = arguments(function).unwrap();
            match call_name(function).unwrap().as_str() {
                "is_member" => Some(literal(arguments[0]) == Some(Literal::Text("nurses".into()))),
                "coalesce" => arguments.iter().find_map(|a| go(a)),
                "nullif" => {
                    let (a, b) = (go(arguments[0]), go(arguments[1]));
                    if equal(a, b) == Some(true) { None } else { a }
                }
                "if" => {
                    if go(arguments[0]) == Some(true) {
                        go(arguments[1])
                    } else {
                        go(arguments[2])
                    }
                }
                other => panic!("{other}"),
            }
        }
        other => panic!("{other}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Folding changes what is computed, never the answer, on any row.
    #[test]
    fn folding_keeps_the_meaning(sql in condition()) {
        let ana = user(1, "ana", &["nurses"]);
        let expr = parse_expression(&sql).unwrap();
        let (left, _) = specialise(&expr, &BTreeMap::new(), &ana);
        prop_assert!(!crate::total::asks_about_requester(&left));
        // Printed and read again it is still the same: nothing relies on lost parentheses.
        let again = parse_expression(&left.to_string()).unwrap();
        let values = [None, Some(false), Some(true)];
        for n in 0..27_usize {
            let (p, q, r) = (values[n % 3], values[n / 3 % 3], values[n / 9]);
            let row = |column: &str| match column { "p" => p, "q" => q, _ => r };
            let meant = evaluate(&expr, &row);
            prop_assert_eq!(evaluate(&left, &row), meant, "{} -> {}", sql, left);
            prop_assert_eq!(evaluate(&again, &row), meant, "{} -> {}", sql, left);
            if never_true(&left) {
                prop_assert_ne!(meant, Some(true));
            }
        }
    }
}
