//! A plan that does not carry its rulings is refused, whatever broke it.

#![expect(
    clippy::disallowed_methods,
    reason = "a lake of its own, in a folder that goes away"
)]

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use datafusion::{
    common::ScalarValue,
    physical_expr::expressions::{Column as PhysicalColumn, Literal},
    physical_plan::ExecutionPlan,
};
use lakeward_audit::Ledger;
use lakeward_catalog::{Catalog, Change};
use lakeward_domain::{
    Clock, Door, Duty, GrantId, LakeId, Name, Principal, PrincipalId, RequesterKind, Schema,
    SchemaId, SystemClock,
};
use lakeward_keys::{Keyring, Kms, LakeKeys, Quota, Secret, WrapContext};
use lakeward_lake::{LakeStore, Options, SealedSpill};
use lakeward_policy::{Grant, Grantee, Privilege, Securable};

use super::*;
use crate::{
    barrier::Output,
    engine::{Engine, Parts, Settings},
    parse::{self, Statement},
    session::Session,
};

/// Wraps nothing: these tests are about plans.
#[derive(Debug)]
struct PlainKms;

#[async_trait]
impl Kms for PlainKms {
    fn uri(&self) -> &str {
        "test:"
    }

    async fn wrap(&self, key: &Secret, _: &WrapContext) -> lakeward_keys::Result<Vec<u8>> {
        Ok(key.reveal().to_vec())
    }

    async fn unwrap(&self, wrapped: &[u8], _: &WrapContext) -> lakeward_keys::Result<Secret> {
        Secret::from_slice(wrapped)
    }

    fn unwraps(&self) -> u64 {
        0
    }
}

fn first_objects() -> Vec<Change> {
    let (owner, now) = (PrincipalId::random(), SystemClock.now());
    let grant = |privilege| {
        Change::PutGrant(Grant {
            id: GrantId::random(),
            grantee: Grantee::Principal(owner),
            privilege,
            on: Securable::Catalog,
            grantor: owner,
            created: now,
        })
    };
    vec![
        Change::PutPrincipal(Principal::User {
            id: owner,
            name: Name::parse("root").unwrap(),
            requester_kind: RequesterKind::User,
            attributes: Default::default(),
            duties: Duty::ALL.into_iter().collect::<BTreeSet<_>>(),
            disabled: false,
        }),
        Change::PutSchema(Schema {
            id: SchemaId::random(),
            name: Name::parse(names::DEFAULT_SCHEMA).unwrap(),
            comment: None,
            tags: Default::default(),
            owner,
            created: now,
        }),
        grant(Privilege::Usage),
        grant(Privilege::Create),
        grant(Privilege::Manage),
    ]
}

/// An engine over a folder, with a table of three policies and one without any.
async fn engine(folder: &std::path::Path) -> Arc<Engine> {
    let lake = LakeId::random();
    let kms: Arc<dyn Kms> = Arc::new(PlainKms);
    let (keys, _) = LakeKeys::create(kms.as_ref(), lake).await.unwrap();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let signer = keys.signer();
    let ledger = Ledger::create(
        &folder.join("ledger"),
        lake,
        keys.sealer("ledger"),
        signer,
        Arc::clone(&clock),
    )
    .unwrap();
    let catalog = Catalog::create(&folder.join("catalog"), lake, &keys, first_objects())
        .await
        .unwrap();
    let keys = Arc::new(keys);
    let ttl = Duration::from_secs(60);
    let keyring = Arc::new(Keyring::new(lake, kms, Arc::clone(&clock), ttl));
    let tables = folder.join("tables");
    std::fs::create_dir(&tables).unwrap();
    let url = url::Url::from_directory_path(&tables).unwrap();
    let (ring, root) = (Arc::clone(&keyring), Arc::clone(&keys));
    let store = LakeStore::open(&url, lake, ring, root, Options::default()).unwrap();
    let engine = Engine::open(Parts {
        lake_id: lake,
        catalog,
        lake: Arc::new(store),
        ledger: Arc::new(ledger),
        keyring,
        keys,
        clock,
        spill: Arc::new(SealedSpill::new(folder, Quota::new(1 << 20))),
        settings: Settings {
            threads: 1,
            ..Settings::default()
        },
    })
    .await
    .unwrap();
    let mut root = login(&engine, "root").await;
    for sql in [
        "CREATE USER eve",
        "CREATE TABLE patients (id BIGINT, tenant STRING, ssn STRING, name STRING)",
        "CREATE TABLE open (id BIGINT, ssn STRING)",
        "CREATE FUNCTION stars(v STRING) RETURN CASE WHEN is_member('nobody') THEN v ELSE '***' END",
        "CREATE FUNCTION zip(v STRING) RETURN left(v, 1)",
        "CREATE FUNCTION own(tenant STRING) RETURN tenant = 'A'",
        "ALTER TABLE patients ALTER COLUMN ssn SET MASK stars",
        "ALTER TABLE patients ALTER COLUMN name SET MASK zip",
        "ALTER TABLE patients SET ROW FILTER own ON (tenant)",
        "GRANT SELECT ON TABLE patients TO USER eve",
        "GRANT SELECT ON TABLE open TO USER eve",
        "INSERT INTO open VALUES (1, 'x')",
        "INSERT INTO patients VALUES (1, 'A', 'x', 'y')",
    ] {
        // A policy that names a group needs the group.
        if sql.starts_with("CREATE FUNCTION stars") {
            root.run("CREATE GROUP nobody").await.unwrap();
        }
        let answer = root.run(sql).await;
        answer
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
            .collect()
            .await
            .unwrap();
    }
    engine
}

async fn login(engine: &Arc<Engine>, user: &str) -> Session {
    engine
        .login(&Name::parse(user).unwrap(), None, Door::Cli)
        .await
        .unwrap()
}

async fn planned(engine: &Arc<Engine>, sql: &str) -> (GovernedPlan, Arc<Resolver>) {
    let session = login(engine, "eve").await;
    let resolver = engine.resolver(&session).unwrap();
    let Statement::Query(query) = parse::statement(sql).unwrap() else {
        panic!("{sql}")
    };
    let reader = engine.sessions.reader(&resolver, &session.options);
    let plan = over_governed_tables(reader, &resolver, query)
        .await
        .unwrap();
    (plan, resolver)
}

fn hidden_of(plan: &Arc<dyn ExecutionPlan>) -> Option<(Hidden, SchemaRef)> {
    if let Some(barrier) = plan.downcast_ref::<BarrierExec>() {
        return Some((barrier.hidden().clone(), barrier.schema()));
    }
    plan.children().into_iter().find_map(hidden_of)
}

type Break = fn(&mut Hidden);

fn output<'h>(hidden: &'h mut Hidden, name: &str) -> &'h mut Output {
    hidden
        .outputs
        .iter_mut()
        .find(|output| output.name == name)
        .unwrap()
}

/// Where a column stands in the hidden scan.
fn stored(hidden: &Hidden, output: &str) -> Arc<dyn PhysicalExpr> {
    let output = hidden.outputs.iter().find(|o| o.name == output).unwrap();
    let first = datafusion::physical_expr::utils::collect_columns(&output.expr);
    let column: &PhysicalColumn = first.iter().next().unwrap();
    Arc::new(column.clone())
}

fn literal(value: ScalarValue) -> Arc<dyn PhysicalExpr> {
    Arc::new(Literal::new(value))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_was_broken_after_its_ruling_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path()).await;
    let sql = "SELECT id, tenant, ssn, name FROM patients";
    let (plan, resolver) = planned(&engine, sql).await;
    assert!(has_barrier(&plan.physical));
    check(&plan.physical, &resolver).expect("the control: what was planned passes");

    let breaks: [(&str, Break); 9] = [
        ("no filter at all", |hidden| {
            (hidden.filter, hidden.guard) = (None, None)
        }),
        ("no guard", |hidden| hidden.guard = None),
        ("a guard that lets all pass", |hidden| {
            hidden.guard = Some(literal(ScalarValue::Boolean(Some(true))));
        }),
        ("another filter", |hidden| {
            hidden.filter = Some(literal(ScalarValue::Boolean(Some(true))));
            hidden.guard.clone_from(&hidden.filter);
        }),
        ("another constant", |hidden| {
            output(hidden, "ssn").expr = literal(ScalarValue::Utf8View(Some("x".into())));
        }),
        ("raw for computed", |hidden| {
            let raw = stored(hidden, "name");
            output(hidden, "name").expr = raw;
        }),
        ("raw for computed, and said to be", |hidden| {
            let raw = stored(hidden, "name");
            let name = output(hidden, "name");
            (name.expr, name.identity) = (raw, true);
        }),
        ("one column for another", |hidden| {
            let raw = stored(hidden, "name");
            output(hidden, "tenant").expr = raw;
        }),
        ("a mask that is said to be raw", |hidden| {
            output(hidden, "ssn").identity = true
        }),
    ];
    let (whole, shown) = hidden_of(&plan.physical).unwrap();
    for (what, broken) in breaks {
        let mut hidden = whole.clone();
        broken(&mut hidden);
        let plan: Arc<dyn ExecutionPlan> =
            Arc::new(BarrierExec::new(hidden, Arc::clone(&shown), 1, None));
        let refused = check(&plan, &resolver).map_err(|error| error.code());
        assert_eq!(refused, Err(Code::PlanCheckFailed), "{what}");
    }

    // Columns computed for one name and shown under another.
    let mut hidden = whole.clone();
    hidden.outputs.swap(1, 3);
    let plan: Arc<dyn ExecutionPlan> =
        Arc::new(BarrierExec::new(hidden, Arc::clone(&shown), 1, None));
    assert_eq!(
        check(&plan, &resolver).unwrap_err().code(),
        Code::PlanCheckFailed
    );

    // The scan without its barrier, also deep in a plan.
    let bare = Arc::clone(&whole.scan);
    assert_eq!(
        check(&bare, &resolver).unwrap_err().code(),
        Code::PlanCheckFailed
    );
    let below: Arc<dyn ExecutionPlan> = Arc::new(
        datafusion::physical_plan::limit::GlobalLimitExec::new(bare, 0, Some(1)),
    );
    assert_eq!(
        check(&below, &resolver).unwrap_err().code(),
        Code::PlanCheckFailed
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bare_scan_passes_only_where_the_ruling_is_identity() {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(folder.path()).await;
    let (open, resolver) = planned(&engine, "SELECT id, ssn FROM open").await;
    assert!(!has_barrier(&open.physical));
    check(&open.physical, &resolver).expect("nothing stands on the table");
    // The same scan in a statement that never resolved its table.
    let (_, other) = planned(&engine, "SELECT id FROM patients").await;
    assert_eq!(
        check(&open.physical, &other).unwrap_err().code(),
        Code::PlanCheckFailed
    );
}
