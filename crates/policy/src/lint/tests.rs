//! What is found, and that the proposals are right.

use super::*;
use crate::{
    Action, Statement, bind, ddl, decide,
    syntax::column,
    testing::{World, user},
};

fn findings(sql: &str) -> Vec<Finding> {
    let world = World::with(&[sql]);
    function(world.functions.last().unwrap())
}

fn rules(sql: &str) -> Vec<&'static str> {
    findings(sql).into_iter().map(|f| f.rule).collect()
}

#[test]
fn the_seeds_mask_is_fail_open_and_the_corrected_function_is_told() {
    let found = findings(
        "CREATE FUNCTION redact_ssn(ssn STRING)
           RETURN CASE WHEN is_member('data_scientists') THEN '***-**-****' ELSE ssn END",
    );
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].rule, "POLICY_FAIL_OPEN");
    assert_eq!(code(&found[0]), Code::PolicyFailOpen);
    assert_eq!(
        found[0].corrected.as_deref(),
        Some(
            "CREATE OR REPLACE FUNCTION redact_ssn(ssn STRING) RETURN \
             CASE WHEN is_member('who_may_see_it') THEN ssn ELSE '***-**-****' END"
        )
    );
}

#[test]
fn fail_open_masks_are_found_and_others_are_not() {
    for (body, open) in [
        ("IF(is_member('admin'), '***', v)", true),
        ("IF(NOT is_member('admin'), v, '***')", true),
        ("v", true),
        ("coalesce(v, 'x')", true),
        (
            "CASE WHEN is_member('admin') THEN '***' WHEN is_member('nurses') THEN right(v, 4) ELSE v END",
            true,
        ),
        ("IF(current_purpose() = 'research', NULL, v)", true),
        ("IF(is_member('admin'), v, '***')", false),
        ("IF(is_member('admin'), v, right(v, 4))", false),
        ("token('d', v)", false),
        ("NULL", false),
        ("IF(current_tenant() = 'A', v, NULL)", false),
        ("v = 'x'", false),
    ] {
        let rules = rules(&format!("CREATE FUNCTION m(v STRING) RETURN {body}"));
        assert_eq!(rules.contains(&FAIL_OPEN), open, "{body}");
    }
}

#[test]
fn every_proposal_parses_binds_and_is_no_longer_fail_open() {
    for body in [
        "CASE WHEN is_member('admin') THEN '***' ELSE v END",
        "IF(NOT is_member('admin'), v, '***')",
        "v",
        "coalesce(v, 'x')",
        "CASE WHEN is_member('admin') THEN '***' WHEN is_member('nurses') THEN right(v, 4) ELSE v END",
        "CASE WHEN is_member('admin') THEN 'it''s' ELSE lower(v) || v END",
    ] {
        for parameters in ["v STRING", "v STRING, \"select\" STRING"] {
            let found = findings(&format!("CREATE FUNCTION m({parameters}) RETURN {body}"));
            let Some(corrected) = found.iter().find_map(|f| f.corrected.clone()) else {
                assert!(body.contains("lower"), "{body}");
                continue;
            };
            let Some(Statement::CreateFunction {
                name,
                parameters,
                returns,
                body,
                ..
            }) = ddl::parse(&corrected).unwrap()
            else {
                panic!("{corrected}");
            };
            let draft = bind::Draft {
                name: &name,
                parameters: &parameters,
                returns: returns.as_ref(),
                body: &body,
            };
            bind::function(draft, &|_| None, &|_| true).unwrap();
            let stranger = for_a_stranger(&body, &BTreeMap::new());
            assert!(
                shows_parameter(&stranger, &parameters[0].0) < Strength::Identity,
                "{corrected}"
            );
        }
    }
}

#[test]
fn literals_that_look_like_identifiers_are_found_and_not_repeated() {
    for (literal, found) in [
        ("'666-00-0001'", true),
        ("'666000001'", true),
        ("'(555) 010-9999'", true),
        ("'jane@example.org'", true),
        ("'***-**-****'", false),
        ("'2020-01-01'", false),
        ("'us,ca,mx'", false),
        ("'@'", false),
    ] {
        let found_here = findings(&format!("CREATE FUNCTION m(v STRING) RETURN v = {literal}"));
        assert_eq!(
            found_here.iter().any(|f| f.rule == "LITERAL_PHI"),
            found,
            "{literal}"
        );
        assert!(
            found_here
                .iter()
                .all(|f| !f.message.contains("666") && !f.message.contains("jane"))
        );
    }
    assert!(rules("CREATE FUNCTION m(v BIGINT) RETURN v = 666000001").contains(&"LITERAL_PHI"));
}

#[test]
fn an_unkeyed_hash_is_found() {
    assert_eq!(
        rules("CREATE FUNCTION m(v STRING) RETURN md5(v)"),
        ["UNKEYED_HASH"]
    );
}

#[test]
fn the_whole_lake_is_looked_over() {
    let mut world = World::with(&[
        "CREATE FUNCTION first4(v STRING) RETURN mask_show_first_4(v)",
        "CREATE FUNCTION last4(v STRING) RETURN right(v, 4)",
        "CREATE FUNCTION nobody() RETURN is_member('admin')",
        "ALTER TABLE phi.patients ALTER COLUMN ssn SET MASK first4",
        "ALTER TABLE phi.patients ALTER COLUMN name SET MASK last4",
        "ALTER TABLE phi.patients SET ROW FILTER nobody ON ()",
    ]);
    let name = world
        .table
        .columns
        .iter_mut()
        .find(|c| c.name.as_str() == "name")
        .unwrap();
    name.tags.insert("phi".into(), "ssn".into());
    let table = world.table.id;
    let rules = |world: &World| -> Vec<&str> {
        whole(world, &[table]).into_iter().map(|f| f.rule).collect()
    };
    for rule in ["COMPLEMENTARY_PARTIALS", "FILTER_READS_NOTHING"] {
        assert!(rules(&world).contains(&rule), "{rule}");
    }
    assert!(!rules(&world).contains(&"NO_POLICY_LEFT"));
    world.policies.clear();
    assert!(rules(&world).contains(&"NO_POLICY_LEFT"));
    world.table.protected = false;
    assert!(rules(&world).contains(&"PHI_WITHOUT_POLICY"));
}

#[test]
fn a_finding_changes_nothing() {
    let world = World::with(&[
        "CREATE FUNCTION m(v STRING) RETURN IF(is_member('admin'), '***', v)",
        "ALTER TABLE phi.patients ALTER COLUMN dx SET MASK m",
        "GRANT SELECT ON phi.patients TO `account users`",
    ]);
    let before = decide(&world, &user(1, "sam", &[]), world.table.id, Action::Select).unwrap();
    assert!(!whole(&world, &[world.table.id]).is_empty());
    let after = decide(&world, &user(1, "sam", &[]), world.table.id, Action::Select).unwrap();
    assert_eq!(before, after);
    let dx = world.column("dx").id;
    assert_eq!(
        before.columns[&dx]
            .mask
            .clone()
            .unwrap_or_else(|| column(dx)),
        column(dx)
    );
}
