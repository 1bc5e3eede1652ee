//! Tables of statements; a parser that never panics.

use std::collections::{BTreeMap, BTreeSet};

use lakeward_domain::{Duty, LogicalType, Name, RequesterKind, TableName};
use proptest::prelude::*;

use super::*;
use crate::{Error, Privilege};

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn table(text: &str) -> TableName {
    text.parse().unwrap()
}

fn ours(sql: &str) -> Statement {
    parse(sql)
        .unwrap_or_else(|error| panic!("{sql}: {error}"))
        .unwrap_or_else(|| panic!("not ours: {sql}"))
}

fn function(sql: &str) -> (String, Vec<(Name, LogicalType)>, Option<LogicalType>) {
    match ours(sql) {
        Statement::CreateFunction {
            parameters,
            returns,
            body,
            ..
        } => (body.to_string(), parameters, returns),
        other => panic!("{sql}: {}", other.kind()),
    }
}

const SEED_FUNCTION: &str = "CREATE FUNCTION redact_ssn(ssn STRING)
  RETURN CASE WHEN is_member('data_scientists') THEN '***-**-****'
              ELSE ssn END;";
const SEED_MASK: &str = "ALTER TABLE silver_health_records
ALTER COLUMN ssn SET MASKED WITH (FUNCTION redact_ssn(ssn));";

#[test]
fn the_seeds_two_statements_parse_verbatim() {
    let (body, parameters, returns) = function(SEED_FUNCTION);
    assert_eq!(
        body,
        "CASE WHEN is_member('data_scientists') THEN '***-**-****' ELSE ssn END"
    );
    assert_eq!(parameters, [(name("ssn"), LogicalType::String)]);
    assert_eq!(returns, None);
    assert_eq!(
        ours(SEED_MASK),
        Statement::SetMask {
            table: table("silver_health_records"),
            column: name("ssn"),
            function: table("redact_ssn"),
            first: FirstArg::Named(name("ssn")),
            using: vec![],
        }
    );
}

#[test]
fn the_functions_of_the_databricks_manual_parse() {
    for (sql, body) in [
        (
            "CREATE FUNCTION us_filter(region STRING)
             RETURN IF(IS_ACCOUNT_GROUP_MEMBER('admin'), true, region='US')",
            "IF(IS_ACCOUNT_GROUP_MEMBER('admin'), true, region = 'US')",
        ),
        (
            "CREATE OR REPLACE FUNCTION s.ssn_mask(ssn STRING) RETURNS STRING DETERMINISTIC
             LANGUAGE SQL COMMENT 'x' CONTAINS SQL
             RETURN CASE WHEN IS_ACCOUNT_GROUP_MEMBER('HumanResourceDept') THEN ssn ELSE '***' END",
            "CASE WHEN IS_ACCOUNT_GROUP_MEMBER('HumanResourceDept') THEN ssn ELSE '***' END",
        ),
        (
            "create function f() returns boolean return current_user = 'a' -- comment",
            "current_user = 'a'",
        ),
        (
            "CREATE FUNCTION f(a DECIMAL(10, 2) COMMENT 'money', b STRUCT<x: INT, y: ARRAY<STRING>>,
              c MAP<STRING, INT>, `d` timestamp without time zone, \"e\" DOUBLE PRECISION)
             RETURNS STRUCT<x: INT> RETURN NULL",
            "NULL",
        ),
        (
            "CREATE FUNCTION f(comment STRING) RETURN comment",
            "comment",
        ),
    ] {
        assert_eq!(function(sql).0, body, "{sql}");
    }
}

#[test]
fn every_form_parses_to_what_it_says() {
    let t = || table("t");
    let c = || name("c");
    let f = || table("f");
    let column = |c: &str| ArgumentSpec::Column(name(c));
    let literal = |l: &str| ArgumentSpec::Literal(l.into());
    let mask = |first, using| Statement::SetMask {
        table: t(),
        column: c(),
        function: f(),
        first,
        using,
    };
    let grant = |privileges: &[Privilege], on, to: &[GranteeSpec]| Statement::Grant {
        privileges: privileges.to_vec(),
        on,
        to: to.to_vec(),
    };
    let any = |n: &str| GranteeSpec::Any(name(n));
    let tags = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect::<BTreeMap<_, _>>()
    };
    let keys = |keys: &[&str]| {
        keys.iter()
            .map(|k| (*k).to_owned())
            .collect::<BTreeSet<_>>()
    };
    for (sql, statement) in [
        (
            "ALTER TABLE t ALTER COLUMN c SET MASK f",
            mask(FirstArg::Implied, vec![]),
        ),
        (
            "alter table lake.default.t alter `c` set mask f using columns (c2, 'lit', 4, -1, true, null);",
            mask(
                FirstArg::Implied,
                vec![
                    column("c2"),
                    literal("'lit'"),
                    literal("4"),
                    literal("-1"),
                    literal("TRUE"),
                    literal("NULL"),
                ],
            ),
        ),
        (
            "ALTER TABLE t MODIFY COLUMN c SET MASKED WITH (FUNCTION f(c, c2, 'it''s'))",
            mask(FirstArg::Named(c()), vec![column("c2"), literal("'it''s'")]),
        ),
        (
            "ALTER TABLE t ALTER COLUMN c ADD MASKED WITH (FUNCTION f(x))",
            mask(FirstArg::Named(name("x")), vec![]),
        ),
        (
            "ALTER TABLE t ALTER COLUMN c DROP MASK",
            Statement::DropMask {
                table: t(),
                column: c(),
            },
        ),
        (
            "ALTER TABLE t ALTER COLUMN c DROP MASKED",
            Statement::DropMask {
                table: t(),
                column: c(),
            },
        ),
        (
            "ALTER TABLE t SET ROW FILTER f ON (region, 'x')",
            Statement::SetRowFilter {
                table: t(),
                function: f(),
                on: vec![column("region"), literal("'x'")],
            },
        ),
        (
            "ALTER TABLE t SET ROW FILTER f ON ()",
            Statement::SetRowFilter {
                table: t(),
                function: f(),
                on: vec![],
            },
        ),
        (
            "ALTER TABLE t DROP ROW FILTER",
            Statement::DropRowFilter { table: t() },
        ),
        (
            "ALTER TABLE t ALTER COLUMN c SET TAGS ('PHI' = 'SSN', reviewed)",
            Statement::SetTags {
                target: TagTarget::Column(t(), c()),
                tags: tags(&[("phi", "ssn"), ("reviewed", "")]),
            },
        ),
        (
            "ALTER TABLE t SET TAGS ('k'='v')",
            Statement::SetTags {
                target: TagTarget::Table(t()),
                tags: tags(&[("k", "v")]),
            },
        ),
        (
            "ALTER SCHEMA s SET TAGS ('k'='v')",
            Statement::SetTags {
                target: TagTarget::Schema(name("s")),
                tags: tags(&[("k", "v")]),
            },
        ),
        (
            "ALTER CATALOG lake SET TAGS (k = 'v')",
            Statement::SetTags {
                target: TagTarget::Catalog,
                tags: tags(&[("k", "v")]),
            },
        ),
        (
            "ALTER CATALOG UNSET TAGS (k)",
            Statement::UnsetTags {
                target: TagTarget::Catalog,
                keys: keys(&["k"]),
            },
        ),
        (
            "ALTER TABLE t ALTER COLUMN c UNSET TAGS ('phi', 'x')",
            Statement::UnsetTags {
                target: TagTarget::Column(t(), c()),
                keys: keys(&["phi", "x"]),
            },
        ),
        (
            "GRANT SELECT, MODIFY ON TABLE t TO USER a, GROUP b, `account users`",
            grant(
                &[Privilege::Select, Privilege::Modify],
                SecurableSpec::Table(t()),
                &[
                    GranteeSpec::User(name("a")),
                    GranteeSpec::Group(name("b")),
                    GranteeSpec::AccountUsers,
                ],
            ),
        ),
        (
            "GRANT SELECT ON t TO a",
            grant(&[Privilege::Select], SecurableSpec::Table(t()), &[any("a")]),
        ),
        (
            "GRANT SELECT ON SCHEMA s TO PUBLIC",
            grant(
                &[Privilege::Select],
                SecurableSpec::Schema(name("s")),
                &[GranteeSpec::AccountUsers],
            ),
        ),
        (
            "GRANT USE SCHEMA ON SCHEMA lake.s TO account users",
            grant(
                &[Privilege::Usage],
                SecurableSpec::Schema(name("s")),
                &[GranteeSpec::AccountUsers],
            ),
        ),
        (
            "GRANT CREATE ON CATALOG TO a",
            grant(&[Privilege::Create], SecurableSpec::Catalog, &[any("a")]),
        ),
        (
            "GRANT MANAGE ON CATALOG lake TO a",
            grant(&[Privilege::Manage], SecurableSpec::Catalog, &[any("a")]),
        ),
        (
            "GRANT UNMASK ON COLUMN s.t.c TO a",
            grant(
                &[Privilege::Unmask],
                SecurableSpec::Column(table("s.t"), c()),
                &[any("a")],
            ),
        ),
        (
            "GRANT UNMASK ON TAG phi = 'ssn' TO a",
            grant(
                &[Privilege::Unmask],
                SecurableSpec::Tag("phi".into(), Some("ssn".into())),
                &[any("a")],
            ),
        ),
        (
            "GRANT UNMASK ON TAG phi=ssn TO a",
            grant(
                &[Privilege::Unmask],
                SecurableSpec::Tag("phi".into(), Some("ssn".into())),
                &[any("a")],
            ),
        ),
        (
            "GRANT UNMASK ON TAG 'phi' TO a",
            grant(
                &[Privilege::Unmask],
                SecurableSpec::Tag("phi".into(), None),
                &[any("a")],
            ),
        ),
        (
            "GRANT UNMASK TO MaskingTestUser",
            grant(
                &[Privilege::Unmask],
                SecurableSpec::Catalog,
                &[any("maskingtestuser")],
            ),
        ),
        (
            "GRANT EXECUTE ON FUNCTION f TO GROUP g",
            grant(
                &[Privilege::Execute],
                SecurableSpec::Function(f()),
                &[GranteeSpec::Group(name("g"))],
            ),
        ),
        // Words that are also names.
        (
            "GRANT SELECT ON table TO user",
            grant(
                &[Privilege::Select],
                SecurableSpec::Table(table("table")),
                &[any("user")],
            ),
        ),
        (
            "GRANT SELECT ON \"t\" TO USER 'ann smith'",
            grant(
                &[Privilege::Select],
                SecurableSpec::Table(t()),
                &[GranteeSpec::User(name("ann smith"))],
            ),
        ),
        (
            "GRANT ALL PRIVILEGES ON t TO a",
            grant(
                &[
                    Privilege::Usage,
                    Privilege::Select,
                    Privilege::Modify,
                    Privilege::Create,
                    Privilege::Execute,
                ],
                SecurableSpec::Table(t()),
                &[any("a")],
            ),
        ),
        (
            "REVOKE ALL ON t FROM a",
            Statement::Revoke {
                privileges: Privilege::ALL.to_vec(),
                on: SecurableSpec::Table(t()),
                from: vec![any("a")],
            },
        ),
        (
            "REVOKE SELECT, SELECT ON TABLE t FROM USER a",
            Statement::Revoke {
                privileges: vec![Privilege::Select],
                on: SecurableSpec::Table(t()),
                from: vec![GranteeSpec::User(name("a"))],
            },
        ),
        (
            "GRANT DUTY auditor, policy_admin TO USER a, b",
            Statement::GrantDuty {
                duties: vec![Duty::Auditor, Duty::PolicyAdmin],
                to: vec![name("a"), name("b")],
            },
        ),
        (
            "REVOKE DUTY auditor FROM a",
            Statement::RevokeDuty {
                duties: vec![Duty::Auditor],
                from: vec![name("a")],
            },
        ),
        (
            "CREATE USER a",
            Statement::CreateUser {
                name: name("a"),
                kind: RequesterKind::User,
                if_not_exists: false,
                attributes: tags(&[]),
            },
        ),
        (
            "CREATE USER IF NOT EXISTS a WITH ATTRIBUTES (clearance='2', tenant='A')",
            Statement::CreateUser {
                name: name("a"),
                kind: RequesterKind::User,
                if_not_exists: true,
                attributes: tags(&[("clearance", "2"), ("tenant", "A")]),
            },
        ),
        (
            "CREATE SERVICE x",
            Statement::CreateUser {
                name: name("x"),
                kind: RequesterKind::Service,
                if_not_exists: false,
                attributes: tags(&[]),
            },
        ),
        (
            "ALTER USER a SET ATTRIBUTES (clearance = 3) UNSET ATTRIBUTES (tenant) DISABLE",
            Statement::AlterUser {
                name: name("a"),
                set: tags(&[("clearance", "3")]),
                unset: keys(&["tenant"]),
                disabled: Some(true),
            },
        ),
        (
            "DROP USER IF EXISTS a",
            Statement::DropUser {
                name: name("a"),
                if_exists: true,
            },
        ),
        (
            "CREATE GROUP g",
            Statement::CreateGroup {
                name: name("g"),
                if_not_exists: false,
            },
        ),
        (
            "ALTER GROUP g ADD USER a, GROUP h, b DROP USER x",
            Statement::AlterGroup {
                name: name("g"),
                add: vec![
                    MemberSpec::User(name("a")),
                    MemberSpec::Group(name("h")),
                    MemberSpec::Any(name("b")),
                ],
                drop: vec![MemberSpec::User(name("x"))],
            },
        ),
        (
            "DROP GROUP g",
            Statement::DropGroup {
                name: name("g"),
                if_exists: false,
            },
        ),
        (
            "DROP FUNCTION IF EXISTS f",
            Statement::DropFunction {
                name: f(),
                if_exists: true,
            },
        ),
        ("SHOW GRANTS", Statement::ShowGrants(ShowGrantsOf::Own)),
        (
            "SHOW GRANTS ON SCHEMA s",
            Statement::ShowGrants(ShowGrantsOf::On(SecurableSpec::Schema(name("s")))),
        ),
        (
            "SHOW GRANTS ON CATALOG",
            Statement::ShowGrants(ShowGrantsOf::On(SecurableSpec::Catalog)),
        ),
        (
            "SHOW GRANTS TO USER a",
            Statement::ShowGrants(ShowGrantsOf::To(GranteeSpec::User(name("a")))),
        ),
        (
            "SHOW POLICIES ON t",
            Statement::ShowPolicies { on: Some(t()) },
        ),
        (
            "SHOW POLICIES ON TABLE t",
            Statement::ShowPolicies { on: Some(t()) },
        ),
        ("SHOW POLICIES", Statement::ShowPolicies { on: None }),
        ("SHOW USERS", Statement::ShowUsers),
        ("SHOW GROUPS", Statement::ShowGroups),
        ("SHOW FUNCTIONS", Statement::ShowFunctions),
        ("SHOW USER FUNCTIONS", Statement::ShowFunctions),
        (
            "DESCRIBE FUNCTION EXTENDED f",
            Statement::DescribeFunction { name: f() },
        ),
        (
            "SET PURPOSE 'treatment' REFERENCE 'ticket-123'",
            Statement::SetPurpose {
                name: name("treatment"),
                reference: Some("ticket-123".into()),
            },
        ),
        (
            "SET PURPOSE = treatment",
            Statement::SetPurpose {
                name: name("treatment"),
                reference: None,
            },
        ),
        ("UNSET PURPOSE", Statement::UnsetPurpose),
        (
            "EXPLAIN POLICY\n  SELECT 'ü', ssn\nFROM t WHERE x = ';' ;",
            Statement::ExplainPolicy("SELECT 'ü', ssn\nFROM t WHERE x = ';'".into()),
        ),
    ] {
        assert_eq!(ours(sql), statement, "{sql}");
    }
}

#[test]
fn other_statements_are_left_to_the_engine() {
    for sql in [
        "",
        ";",
        "SELECT 1",
        "select ssn from patients where is_member('x')",
        "CREATE TABLE t (a INT)",
        "CREATE SCHEMA s",
        "CREATE OR REPLACE VIEW v AS SELECT 1",
        "ALTER TABLE t ADD COLUMN c INT",
        "ALTER TABLE t ALTER COLUMN c SET NOT NULL",
        "ALTER TABLE t RENAME TO u",
        "ALTER TABLE t SET TBLPROPERTIES ('a' = 'b')",
        "ALTER TABLE IF EXISTS t DROP COLUMN c",
        "DROP TABLE t",
        "EXPLAIN SELECT 1",
        "SHOW TABLES",
        "SHOW FUNCTIONS LIKE 'a%'",
        "DESCRIBE t",
        "SET timezone = 'UTC'",
    ] {
        assert_eq!(parse(sql), Ok(None), "{sql}");
    }
}

#[test]
fn a_statement_that_begins_like_ours_and_goes_wrong_is_an_error() {
    for sql in [
        "CREATE FUNCTION f(a STRING) RETURN",
        "CREATE FUNCTION f(a STRING) AS a",
        "CREATE FUNCTION f(a STRING) RETURN a; DROP TABLE t",
        "CREATE FUNCTION f(a) RETURN a",
        "CREATE FUNCTION f(a UUID) RETURN a",
        "CREATE FUNCTION f(a STRING) LANGUAGE PYTHON RETURN a",
        "CREATE FUNCTION f(a STRING) NOT DETERMINISTIC RETURN a",
        "CREATE FUNCTION f(a STRING) RETURN a b",
        "CREATE FUNCTION x.y.z.f(a STRING) RETURN a",
        "CREATE FUNCTION other.s.f(a STRING) RETURN a",
        "CREATE OR REPLACE USER a",
        "ALTER TABLE t ALTER COLUMN a.b SET MASK f",
        "ALTER TABLE t ALTER COLUMN c SET MASK f USING (c2)",
        "ALTER TABLE t ALTER COLUMN c SET MASKED WITH (FUNCTION = 'partial(1,\"x\",1)')",
        "ALTER TABLE t ALTER COLUMN c SET MASKED WITH (FUNCTION f())",
        "ALTER TABLE t ALTER COLUMN c SET MASKED WITH (FUNCTION f('x'))",
        "ALTER TABLE t ALTER COLUMN c SET MASK f USING COLUMNS (c + 1)",
        "ALTER TABLE t SET ROW FILTER f",
        "ALTER TABLE t SET TAGS ()",
        "ALTER TABLE t SET TAGS ('a'='b', 'A'='c')",
        "GRANT SELECT TO a",
        "GRANT INSERT ON t TO a",
        "GRANT SELECT ON t",
        "GRANT SELECT ON t TO a WITH GRANT OPTION",
        "GRANT MANAGE ON CATALOG other TO a",
        "GRANT DUTY emperor TO a",
        "ALTER USER a",
        "ALTER GROUP g",
        "SHOW POLICIES FROM t",
        "EXPLAIN POLICY",
        "SET PURPOSE",
        "SET PURPOSE 'a' 'b'",
        "EXPLAIN POLICY SELECT 'unterminated",
    ] {
        assert!(parse(sql).is_err(), "{sql}");
    }
}

#[test]
fn errors_tell_the_place_and_nothing_of_the_text() {
    let error = parse("GRANT SELECT ON t\nTO a '666-00-0001'").unwrap_err();
    assert_eq!(
        error,
        Error::Syntax {
            expected: "the end of the statement",
            line: 2,
            column: 6
        }
    );
    for sql in [
        "CREATE FUNCTION f(a STRING) RETURN a = '666-00-0001' '666-00-0001'",
        "GRANT SELECT ON '666-00-0001' TO a",
        "CREATE USER '666/00/0001'",
        "ALTER TABLE t SET TAGS ('666-00-0001' = 1 2)",
        "EXPLAIN POLICY SELECT '666-00-0001",
    ] {
        let text = parse(sql).unwrap_err().to_string();
        assert!(!text.contains("666"), "{text}");
    }
}

/// Words of the grammar, in any order: random text seldom gets past the first one.
fn statement_like() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "CREATE",
        "OR",
        "REPLACE",
        "FUNCTION",
        "f",
        "(",
        ")",
        "ssn",
        "STRING",
        ",",
        "RETURN",
        "RETURNS",
        "CASE",
        "WHEN",
        "THEN",
        "ELSE",
        "END",
        "is_member",
        "'x'",
        "ALTER",
        "TABLE",
        "t",
        ".",
        "COLUMN",
        "SET",
        "MASK",
        "MASKED",
        "WITH",
        "USING",
        "COLUMNS",
        "DROP",
        "ROW",
        "FILTER",
        "ON",
        "TAGS",
        "=",
        "GRANT",
        "REVOKE",
        "SELECT",
        "UNMASK",
        "TO",
        "FROM",
        "USER",
        "GROUP",
        "DUTY",
        "auditor",
        "TAG",
        "CATALOG",
        "SCHEMA",
        "lake",
        "EXPLAIN",
        "POLICY",
        "SHOW",
        "GRANTS",
        "POLICIES",
        "PURPOSE",
        "REFERENCE",
        "ATTRIBUTES",
        "1",
        "-",
        ";",
        "<",
        ">",
        ">>",
        "STRUCT",
        "ARRAY",
        "MAP",
        "DECIMAL",
        "`a b`",
        "\"q\"",
        "\n",
        "--c\n",
        "/*",
        "NOT",
        "IN",
        "ü",
        "''",
        "ADD",
        "IF",
        "EXISTS",
        "ALL",
        "UNSET",
        "::",
        "[",
        "]",
        "DESCRIBE",
    ]);
    prop::collection::vec(word, 0..40).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_parser_never_panics_on_words_of_the_grammar(sql in statement_like()) {
        let _ = parse(&sql);
    }

    #[test]
    fn the_parser_never_panics_on_any_text(sql in any::<String>()) {
        let _ = parse(&sql);
    }

    #[test]
    fn the_parser_never_panics_on_a_damaged_statement(
        cut in 0_usize..120,
        put in "[a-z'\"`();,ü<> ]{0,3}",
        which in prop::sample::select(vec![
            SEED_FUNCTION,
            SEED_MASK,
            "GRANT SELECT, MODIFY ON TABLE t TO USER a, GROUP b, `account users`",
            "CREATE FUNCTION f(a DECIMAL(10,2), b STRUCT<x: ARRAY<INT>>) RETURNS INT RETURN IF(a > 1, 2, 3)",
            "EXPLAIN POLICY SELECT 'ü', ssn FROM t",
        ]),
    ) {
        let mut chars: Vec<char> = which.chars().collect();
        let cut = cut.min(chars.len());
        let until = (cut + 2).min(chars.len());
        chars.splice(cut..until, put.chars());
        let _ = parse(&chars.into_iter().collect::<String>());
    }
}
