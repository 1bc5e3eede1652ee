use std::sync::Arc;

use arrow::array::Int64Array;
use lakeward_domain::{Class, Code, LogicalType as T, Table};
use lakeward_lake::TableChange;

use crate::house::{House, batch, note};

async fn counted(house: &mut House) -> Table {
    house
        .table(&[("n", T::BigInt, true, Class::Open)], &[])
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn thirty_two_appends_at_once_lose_nothing() {
    let mut house = House::new().await;
    let mut table = counted(&mut house).await;
    let house = Arc::new(house);
    let tasks: Vec<_> = (0..32_i64)
        .map(|task| {
            let (house, table) = (Arc::clone(&house), table.clone());
            tokio::spawn(async move {
                let numbers = Int64Array::from_iter_values(task * 10..task * 10 + 10);
                let rows = batch(&table, vec![Arc::new(numbers)]);
                let files = house.files(&table, &[rows]).await;
                let change = TableChange::Append(files);
                house.store.commit(&table, change, note()).await.unwrap()
            })
        })
        .collect();
    let mut versions = Vec::new();
    for task in tasks {
        versions.push(task.await.unwrap());
    }
    versions.sort_by_key(|published| published.version);
    let numbers: Vec<u64> = versions.iter().map(|published| published.version).collect();
    assert_eq!(numbers, (1..=32).collect::<Vec<_>>());
    table.published = versions.pop().unwrap();
    let mut lines = house.lines(&table).await;
    lines.dedup();
    assert_eq!(lines.len(), 320);
    // The chain of hashes is whole for another process too.
    assert_eq!(house.reopened().await.lines(&table).await.len(), 320);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_overwrite_of_what_has_changed_meanwhile_is_a_conflict() {
    let mut house = House::new().await;
    let mut table = counted(&mut house).await;
    let rows = batch(&table, vec![Arc::new(Int64Array::from(vec![1, 2, 3]))]);
    let stale = table.clone();
    house.append(&mut table, std::slice::from_ref(&rows)).await;
    let before = crate::house::walk(&house.folder()).len();
    let files = house.files(&stale, std::slice::from_ref(&rows)).await;
    let lost = house
        .store
        .commit(&stale, TableChange::Overwrite(files), note())
        .await
        .unwrap_err();
    assert_eq!(lost.code(), Code::Conflict);
    assert_eq!(
        crate::house::walk(&house.folder()).len(),
        before,
        "its files are gone"
    );
    // On the newest version it works.
    let rows = batch(&table, vec![Arc::new(Int64Array::from(vec![9]))]);
    let files = house.files(&table, &[rows]).await;
    let change = TableChange::Overwrite(files);
    table.published = house.store.commit(&table, change, note()).await.unwrap();
    assert_eq!(house.lines(&table).await.len(), 1);
    // Readers of the version before still have their files.
    house.reopened().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_overwrites_at_once_one_wins() {
    let mut house = House::new().await;
    let table = counted(&mut house).await;
    let house = Arc::new(house);
    let tasks: Vec<_> = (0..8_i64)
        .map(|task| {
            let (house, table) = (Arc::clone(&house), table.clone());
            tokio::spawn(async move {
                let rows = batch(&table, vec![Arc::new(Int64Array::from(vec![task]))]);
                let files = house.files(&table, &[rows]).await;
                let change = TableChange::Overwrite(files);
                house.store.commit(&table, change, note()).await
            })
        })
        .collect();
    let mut won = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => won += 1,
            Err(error) => assert_eq!(error.code(), Code::Conflict),
        }
    }
    assert_eq!(won, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_keeps_other_writers_out_until_it_is_dropped() {
    let mut house = House::new().await;
    let table = counted(&mut house).await;
    let held = house.store.lock(table.id).await;
    let store = house.store.clone();
    let second = tokio::spawn(async move { store.lock(table.id).await });
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    assert!(!second.is_finished());
    drop(held);
    second.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_keep_their_version_while_others_write() {
    let mut house = House::new().await;
    let mut table = counted(&mut house).await;
    let one = batch(&table, vec![Arc::new(Int64Array::from(vec![1]))]);
    house.append(&mut table, std::slice::from_ref(&one)).await;
    let before = table.clone();
    house.append(&mut table, &[one]).await;
    assert_eq!(house.lines(&before).await.len(), 1);
    assert_eq!(house.lines(&table).await.len(), 2);
}
