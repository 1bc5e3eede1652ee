use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use lakeward_domain::{Class, Code, LogicalType as T, Table};
use lakeward_lake::{Recovery, TableChange};

use crate::house::{House, batch, note, walk};

async fn counted(house: &mut House) -> Table {
    house
        .table(&[("n", T::BigInt, true, Class::Open)], &[])
        .await
}

fn rows(table: &Table, values: Vec<i64>) -> RecordBatch {
    batch(table, vec![Arc::new(Int64Array::from(values)) as ArrayRef])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_table_has_nothing_to_recover() {
    let mut house = House::new().await;
    let mut table = counted(&mut house).await;
    for n in 0..12 {
        let rows = rows(&table, vec![n]);
        house.append(&mut table, &[rows]).await;
    }
    let files = house.files(&table, &[rows(&table, vec![99])]).await;
    let change = TableChange::Overwrite(files);
    table.published = house.store.commit(&table, change, note()).await.unwrap();
    // Files of earlier versions are no orphans, with a checkpoint in between or without.
    house.store.checkpoint(&table).await.unwrap();
    for house in [house.reopened().await, house] {
        let found = house.store.recover(&table).await.unwrap();
        assert_eq!(found, Recovery::default());
        assert!(found.is_clean());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_published_is_not_seen_and_is_withdrawn() {
    let mut house = House::new().await;
    let mut table = counted(&mut house).await;
    let kept = rows(&table, vec![1]);
    house.append(&mut table, &[kept]).await;
    let published = table.published.clone();
    for n in [2, 3] {
        let lost = rows(&table, vec![n]);
        house.append(&mut table, &[lost]).await;
    }
    table.published = published.clone();

    let house = house.reopened().await;
    assert_eq!(house.lines(&table).await.len(), 1);
    // No writer builds on them either.
    let files = house.files(&table, &[rows(&table, vec![4])]).await;
    let change = TableChange::Append(files);
    let refused = house
        .store
        .commit(&table, change, note())
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::Conflict);

    let found = house.store.recover(&table).await.unwrap();
    assert_eq!(found.withdrawn, [2, 3]);
    assert_eq!(found.orphans.len(), 2);
    assert_eq!(
        house
            .store
            .delete_orphans(&table, &found.orphans)
            .await
            .unwrap(),
        2
    );
    assert_eq!(
        house.store.recover(&table).await.unwrap(),
        Recovery::default()
    );

    let files = house.files(&table, &[rows(&table, vec![5])]).await;
    let change = TableChange::Append(files);
    table.published = house.store.commit(&table, change, note()).await.unwrap();
    assert_eq!(table.published.version, published.version + 1);
    assert_eq!(house.lines(&table).await.len(), 2);
    assert_eq!(house.reopened().await.lines(&table).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_commit_is_withdrawn() {
    let mut house = House::new().await;
    let mut table = counted(&mut house).await;
    let kept = rows(&table, vec![1]);
    house.append(&mut table, &[kept]).await;
    let log = house.folder().join(format!("{}/_delta_log", table.id));
    std::fs::write(log.join(format!("{:020}.json", 2)), b"LWSEAL").unwrap();
    std::fs::write(log.join(format!("{:020}.json#1", 3)), b"LWSEAL").unwrap();
    let found = house.store.recover(&table).await.unwrap();
    assert_eq!((found.withdrawn, found.parts), (vec![2], 1));
    let more = rows(&table, vec![2]);
    house.append(&mut table, &[more]).await;
    assert_eq!(house.lines(&table).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_being_written_are_no_orphans() {
    let mut house = House::new().await;
    let table = counted(&mut house).await;
    let mut writer = house.store.writer(&table, Some(1)).unwrap();
    writer.write(rows(&table, vec![1, 2])).await.unwrap();
    assert_eq!(
        house.store.recover(&table).await.unwrap(),
        Recovery::default()
    );
    let files = writer.finish().await.unwrap();
    assert_eq!(
        house.store.recover(&table).await.unwrap(),
        Recovery::default()
    );
    let change = TableChange::Append(files);
    house.store.commit(&table, change, note()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aborted_or_dropped_writer_leaves_nothing() {
    let mut house = House::new().await;
    let table = counted(&mut house).await;
    let before = walk(&house.folder());
    let mut writer = house.store.writer(&table, Some(2)).unwrap();
    writer.write(rows(&table, vec![1, 2, 3])).await.unwrap();
    assert!(walk(&house.folder()).len() > before.len());
    writer.abort().await;
    assert_eq!(walk(&house.folder()), before);
    let mut writer = house.store.writer(&table, Some(2)).unwrap();
    writer.write(rows(&table, vec![1, 2, 3])).await.unwrap();
    drop(writer);
    for _ in 0..100 {
        if walk(&house.folder()) == before {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{:?}", walk(&house.folder()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_made_once() {
    let mut house = House::new().await;
    let table = counted(&mut house).await;
    let again = house.store.create_table(&table, note()).await.unwrap_err();
    assert_eq!(again.code(), Code::AlreadyExists);
    assert!(house.lines(&table).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purged_table_leaves_no_file() {
    let mut house = House::new().await;
    let mut table = counted(&mut house).await;
    let some = rows(&table, vec![1]);
    house.append(&mut table, &[some]).await;
    house.store.purge(table.id).await.unwrap();
    assert!(walk(&house.folder()).is_empty());
}
