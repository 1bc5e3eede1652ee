//! What cannot fail, and what is refused under which code.

use lakeward_domain::Code;

use super::*;
use crate::syntax::parse_expression;

fn typed(sql: &str) -> Result<Kind> {
    let types = |name: &Name| {
        Some(match name.as_str() {
            "t" | "u" => Kind::Text,
            "i" => Kind::Int,
            "f" => Kind::Float,
            "d" => Kind::Date,
            "ts" => Kind::Timestamp,
            "b" => Kind::Bool,
            "m" => Kind::Decimal(10, 2),
            "n" => Kind::Decimal(38, 30),
            "w" => Kind::Decimal(38, 0),
            "s" => Kind::Nested,
            _ => return None,
        })
    };
    check_typed(
        &parse_expression(sql).unwrap_or_else(|error| panic!("{sql}: {error}")),
        &types,
    )
}

#[test]
fn what_cannot_fail_passes_and_its_kind_is_known() {
    for (sql, kind) in [
        ("CASE WHEN is_member('g') THEN '***' ELSE t END", Kind::Text),
        (
            "IF(is_account_group_member('g'), true, t = 'US')",
            Kind::Bool,
        ),
        ("IF(b, i)", Kind::Int),
        ("NULL", Kind::Null),
        ("-1", Kind::Int),
        ("1.5", Kind::Float),
        ("t || '-' || u", Kind::Text),
        ("right(t, 4)", Kind::Text),
        ("left(t, -1)", Kind::Text),
        ("substring(t, 1, 3)", Kind::Text),
        ("SUBSTRING(t FROM 2)", Kind::Text),
        ("substr(t, 1, 0)", Kind::Text),
        ("trim(t)", Kind::Text),
        ("TRIM(BOTH 'x' FROM t)", Kind::Text),
        ("POSITION('x' IN t)", Kind::Int),
        ("length(t) > 3", Kind::Bool),
        ("EXTRACT(YEAR FROM d)", Kind::Int),
        ("date_part('month', ts)", Kind::Int),
        ("regexp_replace(t, '[0-9]', 'x', 'g')", Kind::Text),
        ("coalesce(t, 'x')", Kind::Text),
        ("nullif(i, 0)", Kind::Int),
        ("i + 1", Kind::Int),
        ("f * 2", Kind::Float),
        ("i / 10", Kind::Int),
        ("i % 2 = 0", Kind::Bool),
        ("i = 1.5", Kind::Bool),
        ("m > 10", Kind::Bool),
        ("m > -1.5", Kind::Bool),
        ("m = m", Kind::Bool),
        ("w > 10", Kind::Bool),
        ("IF(b, m, 0)", Kind::Decimal(10, 2)),
        ("d >= '2020-02-29'", Kind::Bool),
        ("d BETWEEN DATE '2020-01-01' AND '2020-12-31'", Kind::Bool),
        ("t IN ('a', 'b', NULL)", Kind::Bool),
        ("t LIKE 'a%' AND NOT b", Kind::Bool),
        ("b IS NOT TRUE", Kind::Bool),
        ("CAST(i AS STRING)", Kind::Text),
        ("CAST(i AS BIGINT)", Kind::Int),
        ("i::DOUBLE", Kind::Float),
        ("CAST(NULL AS DATE)", Kind::Date),
        ("TRY_CAST(t AS INT)", Kind::Int),
        ("TRY_CAST(m AS DOUBLE) / 2", Kind::Float),
        ("token('mrn', t)", Kind::Text),
        ("hipaa_zip3(t)", Kind::Text),
        ("hipaa_age(i)", Kind::Int),
        ("hipaa_year(d)", Kind::Unknown),
        ("mask_show_last_4(t)", Kind::Text),
        ("current_user() = t", Kind::Bool),
        ("current_attribute('site') = t", Kind::Bool),
    ] {
        assert_eq!(typed(sql), Ok(kind), "{sql}");
    }
}

#[test]
fn what_can_fail_or_is_not_known_is_refused_by_its_code() {
    for (sql, code) in [
        // Errors on a value.
        ("CAST(t AS INT)", Code::PolicyNotTotal),
        ("t::DATE", Code::PolicyNotTotal),
        ("CAST(i AS INT)", Code::PolicyNotTotal),
        ("CAST(d AS TIMESTAMP)", Code::PolicyNotTotal),
        ("1 / i", Code::PolicyNotTotal),
        ("i / 0", Code::PolicyNotTotal),
        ("i / -1", Code::PolicyNotTotal),
        ("i % i", Code::PolicyNotTotal),
        ("m + m", Code::PolicyNotTotal),
        ("substring(t, 1, i)", Code::PolicyNotTotal),
        ("substring(t, 1, -1)", Code::PolicyNotTotal),
        ("split_part(t, '-', 0)", Code::PolicyNotTotal),
        ("repeat(t, 100000000)", Code::PolicyNotTotal),
        ("lpad(t, i)", Code::PolicyNotTotal),
        ("regexp_replace(t, u, 'x')", Code::PolicyNotTotal),
        ("date_trunc('year', d)", Code::PolicyNotTotal),
        ("to_date(t)", Code::PolicyNotTotal),
        ("t LIKE u", Code::PolicyNotTotal),
        ("DATE '2020-02-30'", Code::PolicyNotTotal),
        ("abs(i)", Code::PolicyNotTotal),
        // Casts that the engine would put in.
        ("t = 1", Code::TypeMismatch),
        ("t IN (1, 2)", Code::TypeMismatch),
        ("i BETWEEN '1' AND '2'", Code::TypeMismatch),
        ("d = t", Code::TypeMismatch),
        ("d = 'yesterday'", Code::TypeMismatch),
        ("ts = '2020-01-01'", Code::TypeMismatch),
        ("CASE WHEN b THEN t ELSE 5 END", Code::TypeMismatch),
        ("coalesce(i, 'x')", Code::TypeMismatch),
        ("t AND b", Code::TypeMismatch),
        ("CASE WHEN t THEN 1 END", Code::TypeMismatch),
        ("lower(i)", Code::TypeMismatch),
        ("t + 1", Code::TypeMismatch),
        ("m = i", Code::TypeMismatch),
        ("m = f", Code::TypeMismatch),
        ("m = n", Code::TypeMismatch),
        ("n = 1", Code::TypeMismatch),
        ("w = 1.5", Code::TypeMismatch),
        ("hipaa_age(t)", Code::TypeMismatch),
        // Not for a policy.
        ("random()", Code::PolicyInvalid),
        ("now()", Code::PolicyInvalid),
        ("CURRENT_TIMESTAMP", Code::PolicyInvalid),
        ("sum(i)", Code::PolicyInvalid),
        ("length(DISTINCT t)", Code::PolicyInvalid),
        ("row_number() OVER ()", Code::PolicyInvalid),
        ("nosuch(t)", Code::PolicyInvalid),
        ("a.b.c.lower(t)", Code::PolicyInvalid),
        ("(SELECT 1)", Code::PolicyInvalid),
        ("EXISTS (SELECT 1)", Code::PolicyInvalid),
        ("t IN (SELECT 1)", Code::PolicyInvalid),
        ("s.field", Code::PolicyInvalid),
        ("other", Code::PolicyInvalid),
        ("is_member(t)", Code::PolicyInvalid),
        ("is_member()", Code::PolicyInvalid),
        ("current_attribute(t)", Code::PolicyInvalid),
        ("current_tenant(1)", Code::PolicyInvalid),
        ("regexp_like(t, '(')", Code::PolicyInvalid),
        ("-i", Code::PolicyInvalid),
        ("i & 1", Code::PolicyInvalid),
        ("ARRAY[1]", Code::PolicyInvalid),
        ("INTERVAL '1 day'", Code::PolicyInvalid),
        ("12345678901234567890", Code::PolicyInvalid),
        ("N'x'", Code::PolicyInvalid),
        ("X'00'", Code::PolicyInvalid),
        ("EXTRACT(EPOCH FROM ts)", Code::PolicyInvalid),
    ] {
        assert_eq!(typed(sql).map_err(|error| error.code()), Err(code), "{sql}");
    }
}

#[test]
fn refusals_name_functions_and_never_literals() {
    for sql in [
        "nosuch('666-00-0001')",
        "date_trunc('666-00-0001', d)",
        "t = CAST('666-00-0001' AS INT)",
        "is_member(t || '666-00-0001')",
        "regexp_like(t, '(666-00-0001')",
    ] {
        let text = typed(sql).unwrap_err().to_string();
        assert!(!text.contains("666"), "{text}");
    }
}

#[test]
fn without_types_what_depends_on_them_passes_and_the_rest_does_not() {
    let check = |sql: &str| check(&parse_expression(sql).unwrap());
    assert!(check("x + 1 > y").is_ok());
    assert!(check("CAST(x AS INT)").is_ok());
    assert!(check("1 / x").is_err());
    assert!(check("random()").is_err());
}
