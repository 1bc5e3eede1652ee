//! A large catalog opens quickly, and a small change to it writes little.

use std::time::Instant;

use lakeward_domain::{PolicyId, TableId};

use super::house::*;
use crate::Change;

#[tokio::test]
async fn a_thousand_tables_and_ten_thousand_policies_open() {
    let mut first = vec![
        Change::PutKek(kek()),
        Change::PutSchema(schema()),
        Change::PutFunction(function()),
    ];
    for number in 0..1_000 {
        let mut table = table();
        table.id = TableId::random();
        table.name = table_name(&format!("silver.t{number}"));
        let id = table.id;
        first.push(Change::PutTable(table));
        first.extend((0..10).map(|_| {
            let mut policy = policy();
            policy.id = PolicyId::random();
            policy.table = id;
            Change::PutPolicy(policy)
        }));
    }
    let start = Instant::now();
    let mut house = House::with(first).await;
    println!("created in {:?}", start.elapsed());
    house.catalog.close().await.unwrap();
    let start = Instant::now();
    house.reopen().await;
    println!("opened in {:?}", start.elapsed());
    let state = house.catalog.state();
    assert_eq!(
        (state.tables().count(), state.policies().count()),
        (1_000, 10_000)
    );

    let table = state.tables().next().unwrap().id;
    let start = Instant::now();
    let change = Change::Publish {
        table,
        expected: Some(0),
        published: published(1),
    };
    house.commit(vec![change]).await.unwrap();
    println!("published in {:?}", start.elapsed());
    house.catalog.close().await.unwrap();
    let mut raw = super::tamper::raw(&house.path()).await;
    let written = "SELECT COUNT(*) FROM objects WHERE epoch = 2";
    let written: i64 = sqlx::query_scalar(written)
        .fetch_one(&mut raw)
        .await
        .unwrap();
    assert_eq!(written, 1);
}
