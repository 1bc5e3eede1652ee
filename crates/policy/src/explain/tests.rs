//! What an explanation says, and to whom it says how.

use super::*;
use crate::{
    Action, decide,
    testing::{World, user, with_attribute},
};

fn world() -> World {
    World::with(&[
        "CREATE FUNCTION redact_ssn(ssn STRING) RETURN
           CASE WHEN is_member('data_scientists') THEN '***-**-****' ELSE ssn END",
        "ALTER TABLE phi.patients ALTER COLUMN ssn SET MASKED WITH (FUNCTION redact_ssn(ssn))",
        "CREATE FUNCTION zip_mask(v STRING) RETURN hipaa_zip3(v)",
        "ALTER TABLE phi.patients ALTER COLUMN zip SET MASK zip_mask",
        "CREATE FUNCTION own(t STRING) RETURN current_tenant() = t",
        "ALTER TABLE phi.patients SET ROW FILTER own ON (tenant)",
        "GRANT SELECT ON phi.patients TO `account users`",
    ])
}

fn explained(may_see_bodies: bool) -> Vec<ExplainRow> {
    let world = world();
    let dana = with_attribute(user(1, "dana", &["data_scientists"]), "tenant", "A");
    let ruling = decide(&world, &dana, world.table.id, Action::Select).unwrap();
    lines(&ruling, &world.table, &dana, may_see_bodies)
}

#[test]
fn every_column_and_filter_has_its_line_with_policy_tag_and_cause() {
    let rows = explained(false);
    assert_eq!(rows.len(), 1 + world().table.columns.len());
    let filter = &rows[0];
    assert_eq!(
        (filter.column.as_ref(), filter.outcome.as_str()),
        (None, "row filter")
    );
    assert_eq!(filter.decided_by, "current_tenant() is 'A'");
    for (column, outcome, policy, tag, decided_by) in [
        (
            "ssn",
            "constant",
            true,
            Some("phi=ssn"),
            "is_member('data_scientists') is true",
        ),
        ("zip", "computed", true, Some("phi=zip"), "user dana"),
        ("name", "hidden", false, Some("phi=name"), "user dana"),
        ("dx", "raw", false, None, "user dana"),
    ] {
        let row = rows
            .iter()
            .find(|r| r.column.as_ref().is_some_and(|c| c.as_str() == column))
            .unwrap();
        assert_eq!(row.object, "phi.patients");
        assert_eq!(row.outcome, outcome, "{column}");
        assert_eq!(row.policy.is_some(), policy, "{column}");
        assert_eq!(row.version.is_some(), policy, "{column}");
        assert_eq!(row.tag.as_deref(), tag, "{column}");
        assert_eq!(row.decided_by, decided_by, "{column}");
        assert!(!row.reason.is_empty());
    }
}

#[test]
fn bodies_are_for_policy_administrators_and_are_told_by_name() {
    assert!(explained(false).iter().all(|row| row.expression.is_none()));
    let bodies: Vec<_> = explained(true)
        .into_iter()
        .filter_map(|r| r.expression)
        .collect();
    assert_eq!(bodies, ["'A' = tenant", "'***-**-****'", "hipaa_zip3(zip)"]);
}

#[test]
fn a_requester_who_gets_no_row_is_told_so() {
    let world = world();
    let sam = user(2, "sam", &[]);
    let ruling = decide(&world, &sam, world.table.id, Action::Select).unwrap();
    let rows = lines(&ruling, &world.table, &sam, false);
    assert_eq!(rows[0].outcome, "no rows");
    assert_eq!(rows[0].decided_by, "current_tenant() is not set");
}
