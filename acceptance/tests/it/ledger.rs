//! What goes on record.

use std::collections::BTreeSet;

use lakeward_acceptance::World;
use lakeward_audit::{Entry, Event};
use lakeward_domain::{Code, Door, Name, QueryId};

fn entries(world: &World) -> Vec<Entry> {
    let ledger = world.lake().engine.ledger();
    let all = ledger.entries(0..ledger.size()).unwrap();
    all.into_iter().map(|(_, entry)| entry).collect()
}

fn of_query(world: &World, query: QueryId) -> Vec<Event> {
    entries(world)
        .into_iter()
        .filter(|entry| entry.query == Some(query))
        .map(|entry| entry.event)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_leaves_begin_decided_and_finished() {
    let world = World::new().await;
    world
        .script("CREATE TABLE t (a INT); INSERT INTO t VALUES (1), (2)")
        .await;
    let mut admin = world.admin().await;
    let answer = admin.run("SELECT a FROM t WHERE a > 1").await.unwrap();
    let query = answer.query();
    answer.collect().await.unwrap();
    let mine = of_query(&world, query);
    assert!(matches!(mine[0], Event::Begin { .. }));
    let Event::Decided {
        shape,
        columns,
        tables,
        keys,
        ..
    } = &mine[1]
    else {
        panic!("{mine:?}")
    };
    assert_eq!(shape, "SELECT a FROM t WHERE a > ?");
    assert_eq!(columns.len(), 1);
    assert_eq!(tables[0].version, 1);
    assert_eq!(keys.len(), 1);
    assert!(matches!(mine[2], Event::Finished { rows: 1, .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn decided_is_durable_before_the_first_row_leaves() {
    let world = World::new().await;
    world
        .script("CREATE TABLE t (a INT); INSERT INTO t VALUES (1), (2)")
        .await;
    let mut admin = world.admin().await;
    let mut answer = admin.run("SELECT a FROM t").await.unwrap();
    let query = answer.query();
    // No row was taken yet, and the decision is there, on the disk and under a signature.
    let mine = of_query(&world, query);
    assert!(
        matches!(mine.last(), Some(Event::Decided { .. })),
        "{mine:?}"
    );
    let key = world.lake().unlocked.record.public_key().unwrap();
    let folder = world.lake().place.ledger();
    let report = lakeward_audit::verify::verify(&folder, &key, None).unwrap();
    assert_eq!(report.entries, world.lake().engine.ledger().size());
    while answer.next().await.unwrap().is_some() {}
    assert!(matches!(
        of_query(&world, query).last(),
        Some(Event::Finished { rows: 2, .. })
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_every_step_are_on_record() {
    let world = World::new().await;
    world.users(&[("sam", &[])]).await;
    world
        .script("CREATE TABLE t (a INT); INSERT INTO t VALUES (1)")
        .await;
    let cases = [
        ("SELECT * FROM t", Code::NotFound),
        ("SELECT * FROM nothing_of_that_name", Code::NotFound),
        ("this is no SQL at all", Code::SyntaxError),
        ("TRUNCATE TABLE t", Code::StatementNotAllowed),
        ("CREATE SCHEMA mine", Code::Denied),
        ("GRANT SELECT ON TABLE t TO sam", Code::NotFound),
    ];
    for (sql, code) in cases {
        let error = world.session("sam").await.run(sql).await.unwrap_err();
        assert_eq!(error.code(), code, "{sql}");
        let mine = of_query(&world, error.query().unwrap());
        assert!(matches!(mine[0], Event::Begin { .. }), "{sql}: {mine:?}");
        assert!(
            matches!(&mine[1], Event::Refused { code: found, .. } if *found == code),
            "{sql}: {mine:?}"
        );
        assert_eq!(mine.len(), 2, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_fails_while_it_runs_is_finished_with_its_code() {
    let world = World::new().await;
    world
        .script("CREATE TABLE t (a INT); INSERT INTO t VALUES (0)")
        .await;
    let mut admin = world.admin().await;
    let answer = admin.run("SELECT 1 / a FROM t").await.unwrap();
    let query = answer.query();
    let error = answer.collect().await.unwrap_err();
    assert_eq!(error.code(), Code::ExecutionError);
    let last = of_query(&world, query).pop();
    let Some(Event::Finished {
        outcome, rows: 0, ..
    }) = last
    else {
        panic!("{last:?}")
    };
    assert_eq!(
        outcome,
        lakeward_audit::Outcome::Failed(Code::ExecutionError)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_logins_are_on_record_without_the_name_that_was_typed() {
    let world = World::new().await;
    world.users(&[("sam", &[])]).await;
    world.script("ALTER USER sam DISABLE").await;
    let engine = &world.lake().engine;
    let name = |text: &str| Name::parse(text).unwrap();
    let before = entries(&world).len();
    for (user, act_as) in [
        ("hunter2-typed-by-mistake", None),
        ("sam", None),
        ("root", Some("nobody")),
    ] {
        let act_as = act_as.map(name);
        let failed = engine.login(&name(user), act_as.as_ref(), Door::Cli).await;
        assert_eq!(failed.unwrap_err().code(), Code::LoginFailed, "{user}");
    }
    let all = entries(&world);
    let failed = &all[before..];
    assert_eq!(failed.len(), 3);
    for entry in failed {
        assert!(matches!(entry.event, Event::LoginFailed { .. }));
    }
    let text = format!("{failed:?}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_and_grants_are_on_record_by_id_and_without_literals() {
    let world = World::new().await;
    world.users(&[("sam", &[])]).await;
    let before = entries(&world).len();
    world
        .script(
            "CREATE TABLE t (a STRING COMMENT 'CANARY-comment');
             INSERT INTO t VALUES ('CANARY-value');
             CREATE FUNCTION f(a STRING) RETURN CASE WHEN a = 'CANARY-literal' THEN 'x' ELSE 'y' END;
             ALTER TABLE t ALTER COLUMN a SET MASK f;
             GRANT SELECT ON TABLE t TO sam;
             REVOKE SELECT ON TABLE t FROM sam;
             GRANT DUTY auditor TO sam;
             ALTER TABLE t ALTER COLUMN a SET TAGS ('phi' = 'name');
             ALTER TABLE t ALTER COLUMN a DROP MASK;
             DROP TABLE t",
        )
        .await;
    let all = entries(&world);
    let new = &all[before..];
    let changed: BTreeSet<&str> = new
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Changed { what, .. } => Some(what.as_str()),
            _ => None,
        })
        .collect();
    for what in [
        "create table",
        "create function",
        "set mask",
        "grant",
        "revoke",
        "grant duty",
        "set tags",
        "drop mask",
        "drop table",
    ] {
        assert!(changed.contains(what), "{what}: {changed:?}");
    }
    assert!(!format!("{new:?}").contains("CANARY"));
}

#[tokio::test(flavor = "multi_thread")]
async fn acting_as_another_user_records_both() {
    let world = World::new().await;
    world.users(&[("sam", &[])]).await;
    let name = |text: &str| Name::parse(text).unwrap();
    let engine = &world.lake().engine;
    let mut session = engine
        .login(&name("root"), Some(&name("sam")), Door::Cli)
        .await
        .unwrap();
    let answer = session.run("SELECT current_user").await.unwrap();
    let query = answer.query();
    answer.collect().await.unwrap();
    let entry = entries(&world)
        .into_iter()
        .find(|entry| entry.query == Some(query))
        .unwrap();
    let who = entry.who.unwrap();
    assert_eq!(who.name.as_str(), "sam");
    assert_eq!(who.impersonator.unwrap().1.as_str(), "root");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_ends_at_its_deadline() {
    let world = World::new().await;
    let mut admin = world.admin().await;
    lakeward_acceptance::world::run_script(&mut admin, "SET statement_timeout = '50ms'").await;
    // Long, and yielding: a computation that does not yield would hold up the test's own end.
    let slow = "SELECT count(*) FROM generate_series(1, 1000000000000) WHERE value % 7 = 3";
    let error = lakeward_acceptance::world::outcome(&mut admin, slow)
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    let last = of_query(&world, error.query().unwrap()).pop();
    assert!(matches!(last, Some(Event::Finished { .. })), "{last:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_statement_ends_when_its_right_is_revoked() {
    let world = World::new().await;
    world.users(&[("sam", &[])]).await;
    world
        .script(
            "CREATE TABLE t (a BIGINT);
             INSERT INTO t SELECT value FROM generate_series(1, 300000);
             GRANT SELECT ON TABLE t TO sam",
        )
        .await;
    let mut sam = world.session("sam").await;
    let mut answer = sam.run("SELECT a FROM t").await.unwrap();
    assert!(answer.next().await.unwrap().is_some());
    world.script("REVOKE SELECT ON TABLE t FROM sam").await;
    let ended = loop {
        match answer.next().await {
            Ok(Some(_)) => {}
            other => break other,
        }
    };
    assert_eq!(ended.unwrap_err().code(), Code::Denied);
    assert_eq!(
        world.outcome("sam", "SELECT a FROM t").await,
        Err(Code::NotFound)
    );
}
