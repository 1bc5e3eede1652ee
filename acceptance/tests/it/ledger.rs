//! What goes on record.

use lakeward_acceptance::World;
use lakeward_audit::Event;

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_leaves_begin_decided_and_finished() {
    let world = World::new().await;
    world.script("CREATE TABLE t (a INT); INSERT INTO t VALUES (1), (2)").await;
    let mut admin = world.admin().await;
    let answer = admin.run("SELECT a FROM t WHERE a > 1").await.unwrap();
    let query = answer.query();
    answer.collect().await.unwrap();
    let ledger = world.lake().engine.ledger();
    let entries = ledger.entries(0..ledger.size()).unwrap();
    let mine: Vec<&Event> = entries
        .iter()
        .filter(|(_, entry)| entry.query == Some(query))
        .map(|(_, entry)| &entry.event)
        .collect();
    assert!(matches!(mine[0], Event::Begin { .. }));
    let Event::Decided { shape, columns, tables, .. } = mine[1] else { panic!("{mine:?}") };
    assert_eq!(shape, "SELECT a FROM t WHERE a > ?");
    assert_eq!(columns.len(), 1);
    assert_eq!(tables[0].version, 1);
    assert!(matches!(mine[2], Event::Finished { rows: 1, .. }));
}
