//! Who sees what: the golden matrix, the points of the semantics one by one, and "a policy only
//! takes away".

#![expect(clippy::disallowed_methods, reason = "golden files are plain files")]

use std::fmt::Write as _;

use lakeward_domain::RequesterKind;
use proptest::prelude::*;

use super::*;
use crate::{
    Grantee, explain,
    strength::{Strength, shape},
    testing::{World, name, user, with_attribute, with_duty, with_purpose},
};

const SEED: &str = "CREATE FUNCTION redact_ssn(ssn STRING)
  RETURN CASE WHEN is_member('data_scientists') THEN '***-**-****' ELSE ssn END";
const SEED_MASK: &str = "ALTER TABLE phi.patients
  ALTER COLUMN ssn SET MASKED WITH (FUNCTION redact_ssn(ssn))";
const READ: &str = "GRANT SELECT ON phi.patients TO `account users`";

fn decided(world: &World, requester: &Requester) -> TableRuling {
    decide(world, requester, world.table.id, Action::Select).unwrap()
}

/// The outcome of one column: its access, and what stands in its place.
fn outcome(world: &World, requester: &Requester, column: &str) -> String {
    let ruling = decided(world, requester);
    let ruled = &ruling.columns[&world.column(column).id];
    match &ruled.mask {
        Some(mask) if ruled.access != ColumnAccess::Hidden => {
            format!("{} {}", ruled.access, explain::named(mask, &world.table))
        }
        _ => ruled.access.to_string(),
    }
}

fn rows(world: &World, requester: &Requester) -> String {
    decided(world, requester)
        .row_filter
        .map_or_else(|| "all".into(), |f| explain::named(&f.expr, &world.table))
}

/// The clinic's policies, as its policy administrator would write them.
fn clinic() -> World {
    World::with(&[
        "CREATE FUNCTION ssn_mask(v STRING) RETURNS STRING RETURN CASE
           WHEN is_member('billing') THEN v
           WHEN is_member('nurses') AND current_purpose() = 'treatment' THEN mask_show_last_4(v)
           ELSE '***-**-****' END",
        "CREATE FUNCTION mrn_mask(v STRING) RETURN IF(is_member('nurses'), v, token('mrn', v))",
        "CREATE FUNCTION name_mask(v STRING) RETURN IF(is_member('nurses') OR is_member('billing'), v, NULL)",
        "CREATE FUNCTION dob_mask(v DATE) RETURN IF(is_member('nurses'), v, hipaa_year(v))",
        "CREATE FUNCTION zip_mask(v STRING) RETURN hipaa_zip3(v)",
        "CREATE FUNCTION charge_mask(v DECIMAL(10,2), t STRING) RETURN
           CASE WHEN is_member('billing') THEN v WHEN current_tenant() = t THEN v ELSE NULL END",
        "CREATE FUNCTION rows_of(t STRING, c BOOLEAN) RETURN
           is_member('billing') OR (current_tenant() = t AND (is_member('nurses') OR c))",
        "ALTER TABLE phi.patients ALTER COLUMN ssn SET MASK ssn_mask",
        "ALTER TABLE phi.patients ALTER COLUMN mrn SET MASK mrn_mask",
        "ALTER TABLE phi.patients ALTER COLUMN name SET MASK name_mask",
        "ALTER TABLE phi.patients ALTER COLUMN dob SET MASK dob_mask",
        "ALTER TABLE phi.patients ALTER COLUMN zip SET MASK zip_mask",
        "ALTER TABLE phi.patients ALTER COLUMN charge SET MASK charge_mask USING COLUMNS (tenant)",
        "ALTER TABLE phi.patients SET ROW FILTER rows_of ON (tenant, consent)",
        "GRANT SELECT ON phi.patients TO GROUP billing, GROUP nurses, GROUP researchers, GROUP admin",
        "GRANT UNMASK ON TAG phi = 'text' TO GROUP admin",
        "GRANT SELECT ON COLUMN phi.patients.dx TO GROUP data_scientists",
    ])
}

fn roles() -> Vec<(&'static str, Requester)> {
    let in_a = |requester| with_attribute(requester, "tenant", "A");
    let mut service = in_a(user(7, "pipeline", &["researchers"]));
    service.kind = RequesterKind::Service;
    vec![
        ("billing", user(1, "bill", &["billing"])),
        ("nurse", in_a(user(2, "nora", &["nurses"]))),
        (
            "nurse treating",
            with_purpose(in_a(user(2, "nora", &["nurses"])), "treatment"),
        ),
        ("researcher", in_a(user(3, "eve", &["researchers"]))),
        ("researcher without tenant", user(4, "ed", &["researchers"])),
        ("reviewer", user(5, "rex", &["admin"])),
        ("data scientist", user(6, "dana", &["data_scientists"])),
        ("service", service),
        ("stranger", user(8, "sam", &[])),
        ("owner", user(9, "olga", &[])),
        (
            "policy administrator",
            with_duty(user(10, "pat", &[]), Duty::PolicyAdmin),
        ),
        (
            "system administrator",
            with_duty(user(11, "sys", &[]), Duty::SystemAdmin),
        ),
        ("auditor", with_duty(user(12, "audrey", &[]), Duty::Auditor)),
    ]
}

#[test]
fn who_sees_what_is_what_the_golden_file_says() {
    let world = clinic();
    let mut found =
        String::from("# role | column | what they get. UPDATE=1 renews; review the difference.\n");
    for (role, requester) in roles() {
        match decide(&world, &requester, world.table.id, Action::Select) {
            Err(error) => {
                let _ = writeln!(found, "{role} | * | {}", error.code());
            }
            Ok(_) => {
                let _ = writeln!(found, "{role} | rows | {}", rows(&world, &requester));
                for column in &world.table.columns {
                    let column = column.name.as_str();
                    let _ = writeln!(
                        found,
                        "{role} | {column} | {}",
                        outcome(&world, &requester, column)
                    );
                }
            }
        }
    }
    if std::env::var_os("UPDATE").is_some() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/expected/who_sees_what.txt"
        );
        std::fs::write(path, &found).unwrap();
        return;
    }
    let expected = include_str!("../../tests/expected/who_sees_what.txt");
    for line in expected.lines() {
        assert!(found.lines().any(|l| l == line), "no longer true: {line}");
    }
    for line in found.lines() {
        assert!(expected.lines().any(|l| l == line), "no row for: {line}");
    }
}

#[test]
fn the_seeds_mask_on_an_untagged_column_shows_what_it_says() {
    let mut world = World::with(&[SEED, SEED_MASK, READ]);
    for column in &mut world.table.columns {
        column.tags.clear();
    }
    let scientist = user(1, "dana", &["data_scientists"]);
    assert_eq!(outcome(&world, &scientist, "ssn"), "constant '***-**-****'");
    assert_eq!(outcome(&world, &user(2, "sam", &[]), "ssn"), "raw");
    let ruling = decided(&world, &scientist);
    let ssn = &ruling.columns[&world.column("ssn").id];
    assert!(ssn.reads.is_empty());
    assert_eq!(
        ssn.because.decided_by,
        ["is_member('data_scientists') is true"]
    );
    assert_eq!(ssn.because.policy, Some(world.policies[0].id));
}

#[test]
fn the_seeds_mask_on_a_phi_column_hides_it_from_strangers() {
    let mut world = World::with(&[SEED, SEED_MASK, READ]);
    assert_eq!(
        outcome(&world, &user(1, "dana", &["data_scientists"]), "ssn"),
        "constant '***-**-****'"
    );
    let sam = user(2, "sam", &["nurses"]);
    assert_eq!(outcome(&world, &sam, "ssn"), "hidden");
    world
        .run("GRANT UNMASK ON COLUMN phi.patients.ssn TO GROUP nurses")
        .unwrap();
    assert_eq!(outcome(&world, &sam, "ssn"), "raw");
}

/// Which masks show PHI through the branch that everybody takes.
#[test]
fn phi_needs_a_branch_that_was_meant_for_the_requester() {
    let tenant_a = with_attribute(user(1, "ana", &["nurses"]), "tenant", "A");
    for (body, expected) in [
        // Everybody's branch, raw or partial.
        ("v", "hidden"),
        ("right(v, 4)", "hidden"),
        ("IF(v IS NULL, 'none', 'some')", "hidden"),
        ("coalesce(v, 'x')", "hidden"),
        (
            "CASE WHEN is_member('billing') THEN '***' ELSE v END",
            "hidden",
        ),
        ("IF(NOT is_member('billing'), v, '***')", "hidden"),
        ("v || current_user()", "hidden"),
        ("CASE WHEN v LIKE '9%' THEN 'odd' ELSE 'good' END", "hidden"),
        ("IF(is_agent(), '***', v)", "hidden"),
        ("IF(current_user() <> 'bob', v, '***')", "hidden"),
        (
            "CASE WHEN current_tenant() <> v THEN '***' ELSE v END",
            "hidden",
        ),
        (
            "IF(coalesce(current_purpose(), '') <> 'research', v, NULL)",
            "hidden",
        ),
        // Everybody's branch, and no raw value in it.
        ("'***'", "constant '***'"),
        ("NULL", "constant NULL"),
        ("token('ssn', v)", "computed token('ssn', ssn)"),
        ("hipaa_zip3(v)", "computed hipaa_zip3(ssn)"),
        // A branch meant for somebody.
        ("IF(is_member('nurses'), v, '***')", "raw"),
        (
            "IF(is_member('nurses'), right(v, 4), v)",
            "computed right(ssn, 4)",
        ),
        ("IF(is_member('nurses'), v, v)", "raw"),
        ("CASE current_user() WHEN 'ana' THEN v END", "raw"),
        ("IF(current_tenant() = 'A', v, '***')", "raw"),
        (
            "CASE WHEN current_tenant() = v THEN v ELSE '***' END",
            "computed CASE WHEN 'A' = ssn THEN ssn ELSE '***' END",
        ),
    ] {
        let world = World::with(&[
            &format!("CREATE FUNCTION m(v STRING) RETURN {body}"),
            "ALTER TABLE phi.patients ALTER COLUMN ssn SET MASK m",
            READ,
        ]);
        assert_eq!(outcome(&world, &tenant_a, "ssn"), expected, "{body}");
    }
}

#[test]
fn a_mask_may_not_smuggle_another_columns_phi_out() {
    let world = World::with(&[
        "CREATE FUNCTION m(v STRING, other STRING) RETURN other",
        "ALTER TABLE phi.patients ALTER COLUMN dx SET MASK m USING COLUMNS (ssn)",
        READ,
    ]);
    assert_eq!(outcome(&world, &user(1, "ana", &[]), "dx"), "hidden");
}

#[test]
fn a_missing_table_and_one_without_rights_answer_alike() {
    let world = clinic();
    let sam = user(8, "sam", &[]);
    for action in [Action::Select, Action::Modify, Action::Metadata] {
        let unseen = decide(&world, &sam, world.table.id, action).unwrap_err();
        let missing = decide(&world, &sam, TableId::from_bytes([77; 16]), action).unwrap_err();
        assert_eq!(unseen, missing);
        assert_eq!(unseen.to_string(), missing.to_string());
    }
}

#[test]
fn owners_and_duties_see_names_and_no_data() {
    let world = clinic();
    let owner = user(9, "olga", &[]);
    assert!(decide(&world, &owner, world.table.id, Action::Metadata).is_err());
    for duty in Duty::ALL {
        let requester = with_duty(user(20, "d", &[]), duty);
        assert!(
            decide(&world, &requester, world.table.id, Action::Select).is_err(),
            "{duty}"
        );
        let names = matches!(
            duty,
            Duty::SystemAdmin | Duty::PolicyAdmin | Duty::DataSteward
        );
        let metadata = decide(&world, &requester, world.table.id, Action::Metadata);
        assert_eq!(metadata.is_ok(), names, "{duty}");
        if let Ok(ruling) = metadata {
            assert!(
                ruling
                    .columns
                    .values()
                    .all(|c| c.access == ColumnAccess::Denied)
            );
        }
    }
}

#[test]
fn manage_is_no_right_to_read() {
    let world = World::with(&["GRANT MANAGE ON CATALOG TO GROUP admin"]);
    let admin = user(1, "adam", &["admin"]);
    for (privilege, held) in [
        (Privilege::Select, false),
        (Privilege::Modify, false),
        (Privilege::Unmask, false),
        (Privilege::Export, false),
        (Privilege::Manage, true),
        (Privilege::Create, true),
        (Privilege::Execute, true),
        (Privilege::Usage, true),
    ] {
        let on = Securable::Table(world.table.id);
        assert_eq!(allows(&world, &admin, privilege, &on), held, "{privilege}");
    }
}

#[test]
fn grants_reach_what_is_inside_and_nothing_else() {
    let ann = user(1, "ann", &["admin"]);
    let inside = |grant: &str, on: &dyn Fn(&World) -> Securable, privilege| {
        let world = World::with(&[grant]);
        allows(&world, &ann, privilege, &on(&world))
    };
    let schema = |w: &World| Securable::Schema(w.schema.id);
    let table = |w: &World| Securable::Table(w.table.id);
    let ssn = |w: &World| Securable::Column(w.table.id, w.column("ssn").id);
    let dx = |w: &World| Securable::Column(w.table.id, w.column("dx").id);
    let catalog = |_: &World| Securable::Catalog;
    type On<'a> = &'a dyn Fn(&World) -> Securable;
    let cases: [(&str, On<'_>, bool); 15] = [
        ("GRANT SELECT ON CATALOG TO admin", &ssn, true),
        ("GRANT SELECT ON CATALOG TO admin", &schema, true),
        ("GRANT SELECT ON SCHEMA phi TO admin", &table, true),
        ("GRANT SELECT ON SCHEMA phi TO admin", &dx, true),
        ("GRANT SELECT ON SCHEMA phi TO admin", &catalog, false),
        ("GRANT SELECT ON phi.patients TO admin", &ssn, true),
        ("GRANT SELECT ON phi.patients TO admin", &schema, false),
        (
            "GRANT SELECT ON COLUMN phi.patients.ssn TO admin",
            &ssn,
            true,
        ),
        (
            "GRANT SELECT ON COLUMN phi.patients.ssn TO admin",
            &dx,
            false,
        ),
        (
            "GRANT SELECT ON COLUMN phi.patients.ssn TO admin",
            &table,
            false,
        ),
        ("GRANT SELECT ON TAG phi = 'ssn' TO admin", &ssn, true),
        ("GRANT SELECT ON TAG phi = 'ssn' TO admin", &dx, false),
        ("GRANT SELECT ON TAG phi TO admin", &ssn, true),
        ("GRANT SELECT ON TAG phi TO admin", &table, false),
        ("GRANT MODIFY ON phi.patients TO admin", &table, false),
    ];
    for (grant, on, expected) in cases {
        assert_eq!(inside(grant, on, Privilege::Select), expected, "{grant}");
    }
    assert!(inside(
        "GRANT SELECT ON COLUMN phi.patients.ssn TO admin",
        &schema,
        Privilege::Usage
    ));
    assert!(!inside(
        "GRANT SELECT ON phi.patients TO nurses",
        &table,
        Privilege::Select
    ));
}

#[test]
fn an_unverified_table_is_for_data_stewards_only() {
    let mut world = World::with(&[READ]);
    world
        .table
        .inherited_tags
        .insert("classification".into(), "unverified".into());
    let ann = user(1, "ann", &[]);
    let refused = decide(&world, &ann, world.table.id, Action::Select).unwrap_err();
    assert_eq!(refused.code(), lakeward_domain::Code::Denied);
    assert!(decide(&world, &ann, world.table.id, Action::Metadata).is_ok());
    let steward = with_duty(ann.clone(), Duty::DataSteward);
    assert!(decide(&world, &steward, world.table.id, Action::Select).is_ok());
    // The table's own tag wins over the schema's; one waiting column blocks the table.
    world
        .table
        .tags
        .insert("classification".into(), "verified".into());
    assert!(decide(&world, &ann, world.table.id, Action::Select).is_ok());
    world.table.columns[3]
        .tags
        .insert("classification".into(), "unverified".into());
    assert!(decide(&world, &ann, world.table.id, Action::Select).is_err());
}

#[test]
fn dropping_the_last_policy_leaves_the_table_closed() {
    let mut world = World::with(&[SEED, SEED_MASK, READ]);
    let ann = user(1, "ann", &["admin"]);
    world
        .run("ALTER TABLE phi.patients ALTER COLUMN ssn DROP MASK")
        .unwrap();
    for column in world.table.columns.clone() {
        assert_eq!(outcome(&world, &ann, column.name.as_str()), "hidden");
    }
    assert_eq!(rows(&world, &ann), "false");
    world
        .run("GRANT UNMASK ON COLUMN phi.patients.dx TO admin")
        .unwrap();
    assert_eq!(outcome(&world, &ann, "dx"), "raw");
    assert_eq!(outcome(&world, &ann, "id"), "hidden");
    assert_eq!(rows(&world, &ann), "all");
}

#[test]
fn a_policy_that_cannot_be_evaluated_denies() {
    let base = World::with(&[
        "CREATE FUNCTION m(v STRING) RETURN IF(is_member('admin'), v, '***')",
        "ALTER TABLE phi.patients ALTER COLUMN ssn SET MASK m",
        "CREATE FUNCTION r(v STRING) RETURN v = 'A' OR is_member('nurses')",
        "ALTER TABLE phi.patients SET ROW FILTER r ON (tenant)",
        READ,
    ]);
    let admin = user(1, "adam", &["admin"]);
    type Break<'a> = &'a dyn Fn(&mut World);
    let breaks: [(&str, Break<'_>); 8] = [
        ("function is gone", &|w| w.functions.clear()),
        ("group is gone", &|w| w.groups.clear()),
        ("body does not parse", &|w| {
            w.functions
                .iter_mut()
                .for_each(|f| f.body = "CASE WHEN".into())
        }),
        ("body is not total", &|w| {
            w.functions
                .iter_mut()
                .for_each(|f| f.body = "CAST(v AS INT) > 1/0".into())
        }),
        ("body reads something else", &|w| {
            w.functions.iter_mut().for_each(|f| f.body = "w".into())
        }),
        ("body asks strangely", &|w| {
            w.functions
                .iter_mut()
                .for_each(|f| f.body = "is_member(v)".into())
        }),
        ("argument is missing", &|w| {
            w.policies.iter_mut().for_each(|p| p.arguments.clear())
        }),
        ("column is another table's", &|w| {
            w.policies
                .iter_mut()
                .for_each(|p| p.arguments = vec![Argument::Column(ColumnId::from_bytes([99; 16]))]);
        }),
    ];
    for (what, damage) in breaks {
        let mut world = base.clone();
        damage(&mut world);
        assert!(
            decide(&world, &admin, world.table.id, Action::Select).is_err(),
            "{what}"
        );
        world.policies.retain(|p| p.kind != PolicyKind::RowFilter);
        assert_eq!(outcome(&world, &admin, "ssn"), "denied", "{what}");
        assert_eq!(outcome(&world, &admin, "dx"), "raw", "{what}");
    }
}

#[test]
fn row_filters_and_together_and_lifted_ones_are_told() {
    let world = World::with(&[
        "CREATE FUNCTION a(t STRING) RETURN current_tenant() = t OR is_member('admin')",
        "CREATE FUNCTION b(c BOOLEAN) RETURN c OR is_member('nurses')",
        "ALTER TABLE phi.patients SET ROW FILTER a ON (tenant)",
        "ALTER TABLE phi.patients SET ROW FILTER b ON (consent)",
        READ,
    ]);
    let in_a = |groups: &[&str]| with_attribute(user(1, "ana", groups), "tenant", "A");
    for (requester, expected, lifted) in [
        (in_a(&[]), "'A' = tenant AND consent", 0),
        (in_a(&["nurses"]), "'A' = tenant", 1),
        (in_a(&["admin"]), "consent", 1),
        (in_a(&["admin", "nurses"]), "all", 2),
        (user(2, "bob", &[]), "false", 0),
        (user(2, "bob", &["nurses"]), "false", 1),
    ] {
        assert_eq!(rows(&world, &requester), expected);
        assert_eq!(decided(&world, &requester).lifted.len(), lifted);
    }
    // No row, and nothing read to find that out.
    let filter = decided(&world, &user(2, "bob", &[])).row_filter.unwrap();
    assert!(filter.reads.is_empty());
    let filter = decided(&world, &in_a(&[])).row_filter.unwrap();
    assert_eq!(filter.reads.len(), 2);
    assert_eq!(filter.because.len(), 2);
}

#[test]
fn unmask_lifts_masks_and_leaves_row_filters() {
    let mut world = clinic();
    world
        .run("GRANT UNMASK ON phi.patients TO GROUP researchers")
        .unwrap();
    let eve = with_attribute(user(3, "eve", &["researchers"]), "tenant", "A");
    assert!(
        decided(&world, &eve)
            .columns
            .values()
            .all(|c| c.access == ColumnAccess::Raw)
    );
    assert_eq!(rows(&world, &eve), "('A' = tenant AND consent)");
}

#[test]
fn modify_needs_its_own_right_and_brings_no_reading() {
    let mut world = clinic();
    let eve = with_attribute(user(3, "eve", &["researchers"]), "tenant", "A");
    let refused = decide(&world, &eve, world.table.id, Action::Modify).unwrap_err();
    assert_eq!(refused.code(), lakeward_domain::Code::Denied);
    world
        .run("GRANT MODIFY ON phi.patients TO GROUP data_scientists")
        .unwrap();
    let writer = with_attribute(user(6, "dana", &["data_scientists"]), "tenant", "A");
    let ruling = decide(&world, &writer, world.table.id, Action::Modify).unwrap();
    assert_eq!(
        ruling.columns[&world.column("ssn").id].access,
        ColumnAccess::Denied
    );
    assert!(ruling.row_filter.is_some());
}

#[test]
fn the_columns_that_decide_about_others_are_known() {
    let world = clinic();
    let inputs: Vec<_> = world
        .table
        .columns
        .iter()
        .filter(|c| policy_inputs(&world, world.table.id).contains(&c.id))
        .map(|c| c.name.to_string())
        .collect();
    assert_eq!(inputs, ["tenant", "consent"]);
}

#[test]
fn the_order_of_policies_does_not_matter() {
    let mut world = clinic();
    world
        .run("CREATE FUNCTION second(v STRING) RETURN right(v, 2)")
        .unwrap();
    world
        .run("ALTER TABLE phi.patients ALTER COLUMN ssn SET MASK second")
        .unwrap();
    let mut turned = world.clone();
    turned.policies.reverse();
    turned.grants.reverse();
    for (role, requester) in roles() {
        assert_eq!(
            decide(&world, &requester, world.table.id, Action::Select),
            decide(&turned, &requester, world.table.id, Action::Select),
            "{role}"
        );
    }
}

// "Adding a policy never widens access", over generated policies and requesters.

const MASK_BODIES: [&str; 16] = [
    "v",
    "NULL",
    "'x'",
    "'y'",
    "token('d', v)",
    "hipaa_zip3(v)",
    "right(v, 4)",
    "left(v, 4)",
    "IF(is_member('admin'), v, '***')",
    "IF(is_member('nurses'), v, right(v, 4))",
    "IF(is_member('nurses'), 'x', v)",
    "IF(current_tenant() = 'A', token('d', v), NULL)",
    "CASE WHEN t = current_tenant() THEN v ELSE 'x' END",
    "CASE WHEN t = 'B' THEN 'x' ELSE hipaa_zip3(v) END",
    "coalesce(v, 'x')",
    "IF(current_purpose() = 'treatment', v, NULL)",
];
const FILTER_BODIES: [&str; 7] = [
    "true",
    "false",
    "NULL",
    "is_member('admin')",
    "t = current_tenant()",
    "t = 'A' OR is_member('nurses')",
    "c AND t <> 'B'",
];

fn world_of(masks: &[usize], filters: &[usize], phi: bool, unmask: bool) -> World {
    let mut world = World::with(&[READ]);
    if !phi {
        for column in &mut world.table.columns {
            column.tags.clear();
        }
    }
    if unmask {
        world
            .run("GRANT UNMASK ON COLUMN phi.patients.ssn TO GROUP admin")
            .unwrap();
    }
    for mask in masks {
        add_mask(&mut world, *mask);
    }
    for filter in filters {
        add_filter(&mut world, *filter);
    }
    world
}

fn has(world: &World, function: &str) -> bool {
    world
        .functions
        .iter()
        .any(|f| f.name.table == name(function))
}

fn add_mask(world: &mut World, mask: usize) {
    if !has(world, &format!("m{mask}")) {
        world
            .run(&format!(
                "CREATE FUNCTION m{mask}(v STRING, t STRING) RETURN {}",
                MASK_BODIES[mask]
            ))
            .unwrap();
    }
    world
        .run(&format!(
            "ALTER TABLE phi.patients ALTER COLUMN ssn SET MASK m{mask} USING COLUMNS (tenant)"
        ))
        .unwrap();
}

fn add_filter(world: &mut World, filter: usize) {
    if !has(world, &format!("r{filter}")) {
        world
            .run(&format!(
                "CREATE FUNCTION r{filter}(t STRING, c BOOLEAN) RETURN {}",
                FILTER_BODIES[filter]
            ))
            .unwrap();
    }
    world
        .run(&format!(
            "ALTER TABLE phi.patients SET ROW FILTER r{filter} ON (tenant, consent)"
        ))
        .unwrap();
}

fn requesters() -> impl Strategy<Value = Requester> {
    (
        prop::sample::subsequence(vec!["admin", "nurses", "billing"], 0..=3),
        prop::option::of(prop::sample::select(vec!["A", "B"])),
        any::<bool>(),
    )
        .prop_map(|(groups, tenant, treating)| {
            let mut requester = user(1, "ana", &groups);
            if let Some(tenant) = tenant {
                requester = with_attribute(requester, "tenant", tenant);
            }
            if treating {
                requester = with_purpose(requester, "treatment");
            }
            requester
        })
}

/// Whether the second ruling of a column shows no more than the first, on every row.
fn no_wider(world: &World, before: &ColumnRuling, after: &ColumnRuling) -> bool {
    let id = world.column("ssn").id;
    let expr = |ruling: &ColumnRuling| match ruling.access {
        ColumnAccess::Denied | ColumnAccess::Hidden => null(),
        ColumnAccess::Raw | ColumnAccess::Computed | ColumnAccess::Constant => {
            ruling.mask.clone().unwrap_or_else(|| column(id))
        }
    };
    let (a, b) = (expr(before), expr(after));
    let of = |e: &Expr| shape(e, &|c| c == id);
    a == b
        || of(&b).shows == Strength::Null
        || crate::syntax::is_literal(&b)
        || column_of(&a) == Some(id)
        || (!of(&a).conditional && !of(&b).conditional && of(&b).shows < of(&a).shows)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn adding_a_policy_never_widens_access(
        masks in prop::sample::subsequence((0..MASK_BODIES.len()).collect::<Vec<_>>(), 0..3),
        filters in prop::sample::subsequence((0..FILTER_BODIES.len()).collect::<Vec<_>>(), 0..3),
        mask in 0..MASK_BODIES.len(),
        filter in 0..FILTER_BODIES.len(),
        which in any::<bool>(),
        unmask in any::<bool>(),
        requester in requesters(),
    ) {
        // On an untagged column: PHI without a policy is hidden, and a policy is what opens it.
        let before = world_of(&masks, &filters, false, unmask);
        let mut after = before.clone();
        if which { add_mask(&mut after, mask) } else { add_filter(&mut after, filter) }
        let (a, b) = (decided(&before, &requester), decided(&after, &requester));
        let id = before.column("ssn").id;
        prop_assert!(no_wider(&before, &a.columns[&id], &b.columns[&id]), "{:?} -> {:?}", a.columns[&id], b.columns[&id]);
        // Row filters: each conjunct that stood still stands, or no row is left.
        if let Some(stood) = a.row_filter {
            let stands = b.row_filter.unwrap();
            prop_assert!(
                stands.expr == boolean(false)
                    || stands.expr.to_string().contains(&stood.expr.to_string())
            );
        }
    }

    /// With PHI too, once one mask speaks.
    #[test]
    fn a_second_mask_on_phi_never_widens_access(
        masks in prop::sample::subsequence((0..MASK_BODIES.len()).collect::<Vec<_>>(), 1..4),
        mask in 0..MASK_BODIES.len(),
        requester in requesters(),
    ) {
        let before = world_of(&masks, &[], true, false);
        let mut after = before.clone();
        add_mask(&mut after, mask);
        let id = before.column("ssn").id;
        let (a, b) = (decided(&before, &requester), decided(&after, &requester));
        prop_assert!(no_wider(&before, &a.columns[&id], &b.columns[&id]));
    }

    #[test]
    fn a_policy_that_fails_never_widens_access(
        masks in prop::sample::subsequence((0..MASK_BODIES.len()).collect::<Vec<_>>(), 1..3),
        filters in prop::sample::subsequence((0..FILTER_BODIES.len()).collect::<Vec<_>>(), 0..3),
        broken in prop::sample::select(vec!["1/0", "v", "is_member(x)", "", "CAST(t AS INT) = 1", "nosuch()", "(("]),
        phi in any::<bool>(),
        requester in requesters(),
    ) {
        let before = world_of(&masks, &filters, phi, false);
        let mut after = before.clone();
        let victim = after.policies[0].function;
        for function in &mut after.functions {
            if function.id == victim {
                function.body = broken.into();
            }
        }
        let id = before.column("ssn").id;
        let a = decided(&before, &requester);
        if let Ok(b) = decide(&after, &requester, after.table.id, Action::Select) {
            let (a, b) = (&a.columns[&id], &b.columns[&id]);
            // `v` is a body like any other, and the only one here that evaluates.
            prop_assert!(broken == "v" || b.access == ColumnAccess::Denied, "{b:?}");
            prop_assert!(broken == "v" || no_wider(&before, a, b));
        }
    }

    /// What nobody is told costs no key: constant and hidden columns read nothing.
    #[test]
    fn a_column_is_read_only_if_its_ruling_needs_it(
        masks in prop::sample::subsequence((0..MASK_BODIES.len()).collect::<Vec<_>>(), 0..3),
        phi in any::<bool>(),
        requester in requesters(),
    ) {
        let world = world_of(&masks, &[], phi, false);
        for ruling in decided(&world, &requester).columns.values() {
            prop_assert_eq!(ruling.access.reads_data(), !ruling.reads.is_empty());
        }
    }
}

#[test]
fn a_grant_to_everybody_reaches_everybody() {
    let mut world = World::new();
    world.grant(Grantee::AccountUsers, Privilege::Select, Securable::Catalog);
    assert_eq!(outcome(&world, &user(1, "ann", &[]), "dx"), "raw");
    assert_eq!(outcome(&world, &user(1, "ann", &[]), "ssn"), "hidden");
    assert_eq!(world.column("ssn").name, name("ssn"));
}
