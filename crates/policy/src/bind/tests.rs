//! What is checked when a policy is created.

use lakeward_domain::Code;

use super::*;
use crate::testing::{World, name};

fn code(statements: &[&str]) -> Result<(), Code> {
    let mut world = World::new();
    let (last, before) = statements.split_last().unwrap();
    for sql in before {
        world
            .run(sql)
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    world.run(last).map_err(|error| error.code())
}

const SEED: &str = "CREATE FUNCTION redact_ssn(ssn STRING)
  RETURN CASE WHEN is_member('data_scientists') THEN '***-**-****' ELSE ssn END";

#[test]
fn policies_that_fit_are_bound() {
    for statements in [
        &[
            SEED,
            "ALTER TABLE phi.patients ALTER COLUMN ssn SET MASKED WITH (FUNCTION redact_ssn(ssn))",
        ][..],
        &[
            "CREATE FUNCTION f(a STRING, n INT) RETURNS STRING RETURN a",
            "ALTER TABLE phi.patients ALTER COLUMN ssn SET MASK f USING COLUMNS (4)",
        ],
        &[
            "CREATE FUNCTION f(a STRING, b BOOLEAN) RETURN IF(b, a, NULL)",
            "ALTER TABLE phi.patients ALTER COLUMN ssn SET MASK f USING COLUMNS (consent)",
        ],
        &[
            "CREATE FUNCTION f(a DATE) RETURN NULL",
            "ALTER TABLE phi.patients ALTER COLUMN dob SET MASK f",
        ],
        &[
            "CREATE FUNCTION f(a DECIMAL(10,2)) RETURN 0",
            "ALTER TABLE phi.patients ALTER COLUMN charge SET MASK f",
        ],
        &[
            "CREATE FUNCTION f() RETURN is_member('admin')",
            "ALTER TABLE phi.patients SET ROW FILTER f ON ()",
        ],
        &[
            "CREATE FUNCTION f(a STRING, b STRING) RETURN a = b",
            "ALTER TABLE phi.patients SET ROW FILTER f ON (tenant, 'A')",
        ],
    ] {
        assert_eq!(code(statements), Ok(()), "{statements:?}");
    }
}

#[test]
fn policies_that_do_not_fit_are_refused() {
    for (statements, expected) in [
        (
            &["CREATE FUNCTION f(a STRING) RETURN is_member('nosuch')"][..],
            Code::PolicyInvalid,
        ),
        (
            &["CREATE FUNCTION is_member(a STRING) RETURN true"],
            Code::PolicyInvalid,
        ),
        (
            &["CREATE FUNCTION phi.lower(a STRING) RETURN a"],
            Code::PolicyInvalid,
        ),
        (
            &["CREATE FUNCTION current_user() RETURN 'root'"],
            Code::PolicyInvalid,
        ),
        (
            &["CREATE FUNCTION f(a STRING, A STRING) RETURN a"],
            Code::PolicyInvalid,
        ),
        (
            &["CREATE FUNCTION f(user STRING) RETURN user"],
            Code::PolicyInvalid,
        ),
        (
            &["CREATE FUNCTION f(a STRING) RETURN b"],
            Code::PolicyInvalid,
        ),
        (
            &["CREATE FUNCTION f(a STRING) RETURNS INT RETURN a"],
            Code::TypeMismatch,
        ),
        (
            &["CREATE FUNCTION f(a STRING) RETURN f(a)"],
            Code::PolicyInvalid,
        ),
        (
            &["CREATE FUNCTION f(a STRING) RETURN g(a)"],
            Code::PolicyInvalid,
        ),
        (
            &["CREATE FUNCTION f(a STRING) RETURN CAST(a AS INT)"],
            Code::PolicyNotTotal,
        ),
        (
            &["CREATE FUNCTION f(a STRING) RETURN 'a''''b'"],
            Code::PolicyInvalid,
        ),
        (
            &[
                SEED,
                "ALTER TABLE phi.patients ALTER COLUMN ssn SET MASKED WITH (FUNCTION redact_ssn(name))",
            ],
            Code::PolicyInvalid,
        ),
        (
            &[
                SEED,
                "ALTER TABLE phi.patients ALTER COLUMN ssn SET MASK redact_ssn USING COLUMNS (name)",
            ],
            Code::PolicyInvalid,
        ),
        (
            &[
                SEED,
                "ALTER TABLE phi.patients ALTER COLUMN nosuch SET MASK redact_ssn",
            ],
            Code::NotFound,
        ),
        (
            &[
                SEED,
                "ALTER TABLE phi.patients ALTER COLUMN dob SET MASK redact_ssn",
            ],
            Code::TypeMismatch,
        ),
        (
            &[
                "CREATE FUNCTION f(a STRING) RETURN length(a)",
                "ALTER TABLE phi.patients ALTER COLUMN ssn SET MASK f",
            ],
            Code::TypeMismatch,
        ),
        (
            &[
                "CREATE FUNCTION f(a BIGINT) RETURNS INT RETURN a",
                "ALTER TABLE phi.patients ALTER COLUMN id SET MASK f",
            ],
            Code::TypeMismatch,
        ),
        (
            &[
                "CREATE FUNCTION f(a STRING, n INT) RETURN a",
                "ALTER TABLE phi.patients ALTER COLUMN ssn SET MASK f USING COLUMNS ('x')",
            ],
            Code::TypeMismatch,
        ),
        (
            &[
                "CREATE FUNCTION f(a STRING) RETURN a",
                "ALTER TABLE phi.patients SET ROW FILTER f ON (ssn)",
            ],
            Code::TypeMismatch,
        ),
        (
            &[
                "CREATE FUNCTION f(a STRING) RETURN a = 'x'",
                "ALTER TABLE phi.patients SET ROW FILTER f ON ()",
            ],
            Code::PolicyInvalid,
        ),
    ] {
        assert_eq!(code(statements), Err(expected), "{statements:?}");
    }
}

#[test]
fn a_called_function_is_put_in_as_it_is_now_and_cannot_be_swapped() {
    let mut world = World::with(&[
        "CREATE FUNCTION phi.last4(s STRING) RETURN right(s, 4)",
        "CREATE FUNCTION outer_mask(a STRING, s STRING) RETURN CASE WHEN a = 'x' THEN phi.last4(s || a) ELSE '***' END",
    ]);
    let body = |world: &World, function: &str| {
        world
            .functions
            .iter()
            .find(|f| f.name.table == name(function))
            .unwrap()
            .body
            .clone()
    };
    let before = body(&world, "outer_mask");
    assert_eq!(
        before,
        "CASE WHEN a = 'x' THEN (right((s || a), 4)) ELSE '***' END"
    );
    world
        .run("CREATE OR REPLACE FUNCTION phi.last4(s STRING) RETURN s")
        .unwrap();
    assert_eq!(body(&world, "outer_mask"), before);
}

#[test]
fn put_in_bodies_capture_no_parameter() {
    let world = World::with(&[
        "CREATE FUNCTION second_of(a STRING, b STRING) RETURN b",
        "CREATE FUNCTION swapped(b STRING, a STRING) RETURN second_of(b, a) || second_of(a, b)",
    ]);
    assert_eq!(world.functions[1].body, "(a) || (b)");
}

#[test]
fn bodies_that_explode_when_put_in_are_refused() {
    let mut world = World::with(&["CREATE FUNCTION f0(a STRING) RETURN a || a"]);
    let mut refused = None;
    for i in 1..40 {
        let sql = format!(
            "CREATE FUNCTION f{i}(a STRING) RETURN f{}(a) || f{}(a)",
            i - 1,
            i - 1
        );
        if let Err(error) = world.run(&sql) {
            refused = Some(error.code());
            break;
        }
    }
    assert_eq!(refused, Some(Code::PolicyInvalid));
}

#[test]
fn the_hash_changes_with_every_part() {
    let parameters = [(name("a"), LogicalType::String)];
    let base = hash(&parameters, None, "a");
    assert_eq!(base.len(), 64);
    for other in [
        hash(&[(name("b"), LogicalType::String)], None, "a"),
        hash(&[(name("a"), LogicalType::Int)], None, "a"),
        hash(&parameters, Some(&LogicalType::String), "a"),
        hash(&parameters, None, "b"),
    ] {
        assert_ne!(base, other);
    }
}
