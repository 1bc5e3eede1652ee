//! Commits that were computed on a state that is no longer true.

use lakeward_domain::{GrantId, PolicyId, TableId};
use lakeward_policy::{PolicyKind, Securable};

use super::house::*;
use crate::{Change, Error, ObjectId};

fn publish(table: TableId, expected: Option<u64>, version: u64) -> Change {
    Change::Publish {
        table,
        expected,
        published: published(version),
    }
}

fn mask(byte: u8, table: TableId) -> Change {
    let mut other = policy();
    other.id = PolicyId::from_bytes([byte; 16]);
    other.table = table;
    other.kind = PolicyKind::Mask { column: SSN };
    Change::PutPolicy(other)
}

fn commented(mut table: lakeward_domain::Table) -> Change {
    table.comment = Some("changed".into());
    table.protected = true;
    Change::PutTable(table)
}

fn retagged() -> Change {
    let mut schema = schema();
    schema.tags = tags(&[("phi", "yes")]);
    Change::PutSchema(schema)
}

fn regrant() -> Change {
    let mut grant = grant();
    grant.on = Securable::Catalog;
    Change::PutGrant(grant)
}

fn new_grant() -> Change {
    let mut grant = grant();
    grant.id = GrantId::from_bytes([60; 16]);
    grant.on = Securable::Schema(SCHEMA);
    Change::PutGrant(grant)
}

fn replaced() -> Change {
    let mut function = function();
    function.body = "'x'".into();
    Change::PutFunction(function)
}

#[tokio::test]
async fn two_commits_on_one_base_conflict_where_they_meet() {
    let first_tags = || Change::SetCatalogTags(tags(&[("pii", "yes")]));
    let rename = || Change::PutPrincipal(group(BILLING, "billing", &[]));
    // What came first, what comes second on the same base, whether it conflicts.
    let cases = [
        // One table.
        (commented(table()), commented(table()), true),
        (commented(table()), commented(other_table()), false),
        (commented(table()), Change::DropTable(TABLE), true),
        (Change::DropTable(TABLE), commented(table()), true),
        (Change::DropTable(TABLE), Change::DropTable(TABLE), true),
        (Change::DropTable(TABLE), publish(TABLE, None, 1), true),
        // Inserts meet only where they insist.
        (publish(TABLE, None, 1), publish(TABLE, None, 2), false),
        (publish(TABLE, None, 2), publish(TABLE, None, 1), false),
        (publish(TABLE, Some(0), 1), publish(TABLE, Some(0), 2), true),
        (
            publish(TABLE, Some(0), 1),
            publish(OTHER_TABLE, Some(0), 1),
            false,
        ),
        // Inserts and definitions.
        (commented(table()), publish(TABLE, None, 1), true),
        (publish(TABLE, None, 1), commented(table()), true),
        (commented(other_table()), publish(TABLE, None, 1), false),
        (retagged(), publish(TABLE, None, 1), true),
        (first_tags(), publish(TABLE, None, 1), true),
        (retagged(), commented(table()), true),
        (publish(TABLE, None, 1), retagged(), false),
        // Policies.
        (mask(40, TABLE), mask(41, TABLE), true),
        (mask(40, TABLE), mask(41, OTHER_TABLE), false),
        (commented(table()), mask(40, TABLE), true),
        (publish(TABLE, None, 1), mask(40, TABLE), false),
        (mask(40, TABLE), publish(TABLE, None, 1), false),
        (replaced(), mask(40, TABLE), true),
        (mask(40, OTHER_TABLE), replaced(), true),
        (Change::DropPolicy(POLICY), Change::DropPolicy(POLICY), true),
        (
            Change::DropPolicy(POLICY),
            Change::PutPolicy(policy()),
            true,
        ),
        (Change::DropPolicy(POLICY), mask(40, TABLE), true),
        // The rest, by object.
        (rename(), rename(), true),
        (rename(), regrant(), false),
        (regrant(), Change::DropGrant(GRANT), true),
        (new_grant(), regrant(), false),
        (first_tags(), first_tags(), true),
        (Change::PutKek(kek()), Change::PutKek(kek()), true),
    ];
    for (number, (first, second, conflicts)) in cases.into_iter().enumerate() {
        let house = House::furnished().await;
        let base = house.catalog.epoch();
        house.catalog.commit(base, vec![first]).await.unwrap();
        let outcome = house.catalog.commit(base, vec![second]).await;
        match outcome {
            Ok(_) => assert!(!conflicts, "case {number} went through"),
            Err(Error::Conflict(_)) => assert!(conflicts, "case {number} conflicted"),
            Err(error) => panic!("case {number}: {error}"),
        }
    }
}

#[tokio::test]
async fn a_late_insert_does_not_publish_an_older_version() {
    let house = House::furnished().await;
    house.commit(vec![publish(TABLE, None, 5)]).await.unwrap();
    house.commit(vec![publish(TABLE, None, 4)]).await.unwrap();
    let state = house.catalog.state();
    assert_eq!(state.table(TABLE).unwrap().published, published(5));
    assert_eq!(state.epoch, 2);
}

#[tokio::test]
async fn two_heads_of_one_version_are_refused_for_good() {
    let house = House::furnished().await;
    house.commit(vec![publish(TABLE, None, 1)]).await.unwrap();
    let mut forked = published(1);
    forked.head = "f".repeat(64);
    let change = Change::Publish {
        table: TABLE,
        expected: None,
        published: forked,
    };
    let refused = house.commit(vec![change]).await.unwrap_err();
    assert!(matches!(refused, Error::Invalid { .. }), "{refused}");
    assert!(!refused.retry());
}

#[tokio::test]
async fn a_new_definition_keeps_what_its_own_commit_published() {
    let house = House::furnished().await;
    let changes = vec![publish(TABLE, Some(0), 1), commented(table())];
    house.commit(changes).await.unwrap();
    let state = house.catalog.state();
    let table = state.table(TABLE).unwrap();
    assert_eq!(table.published, published(1));
    assert_eq!(table.comment.as_deref(), Some("changed"));
}

#[tokio::test]
async fn a_base_from_the_future_conflicts() {
    let house = House::furnished().await;
    let outcome = house.catalog.commit(9, vec![new_grant()]).await;
    assert_eq!(outcome.map(drop), Err(Error::Conflict(ObjectId::Catalog)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_writers_that_insist_on_one_version_exactly_one_wins() {
    let house = House::furnished().await;
    let base = house.catalog.epoch();
    let mut writers = tokio::task::JoinSet::new();
    for version in 1..=16 {
        let catalog = house.catalog.clone();
        writers.spawn(async move {
            let change = publish(TABLE, Some(0), version);
            catalog.commit(base, vec![change]).await.is_ok()
        });
    }
    let won = writers.join_all().await.into_iter().filter(|won| *won);
    assert_eq!(won.count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn retried_commits_lose_no_update() {
    let house = House::furnished().await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..8_u8 {
        let catalog = house.catalog.clone();
        writers.spawn(async move {
            for round in 0..5_u8 {
                loop {
                    let state = catalog.state();
                    let mut table = state.table(TABLE).unwrap().clone();
                    table
                        .properties
                        .insert(format!("{writer}"), format!("{round}"));
                    match catalog
                        .commit(state.epoch, vec![Change::PutTable(table)])
                        .await
                    {
                        Ok(_) => break,
                        Err(error) => assert!(error.retry(), "{error}"),
                    }
                }
            }
        });
    }
    writers.join_all().await;
    let state = house.catalog.state();
    let properties = &state.table(TABLE).unwrap().properties;
    assert_eq!(properties.len(), 8);
    assert!(properties.values().all(|round| round == "4"));
    assert_eq!(state.epoch, 1 + 8 * 5);
}

#[tokio::test]
async fn a_commit_whose_caller_went_away_leaves_file_and_memory_alike() {
    let mut house = House::furnished().await;
    for version in 1..=20 {
        let catalog = house.catalog.clone();
        let epoch = catalog.epoch();
        let caller = tokio::spawn(async move {
            let change = publish(TABLE, None, version);
            catalog.commit(epoch, vec![change]).await.map(drop)
        });
        tokio::task::yield_now().await;
        caller.abort();
        let _ = caller.await;
    }
    // Waits its turn behind whatever is still running.
    house.catalog.close().await.unwrap();
    let in_memory = house.catalog.state();
    house.reopen().await;
    let on_disk = house.catalog.state();
    assert_eq!(in_memory.epoch, on_disk.epoch);
    assert_eq!(in_memory.table(TABLE), on_disk.table(TABLE));
}
