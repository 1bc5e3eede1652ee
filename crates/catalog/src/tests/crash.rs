//! A process that is killed in the middle of commits, and storage that fails.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use super::house::*;
use crate::{Catalog, Change, Error};

const CHILD: &str = "LAKEWARD_CATALOG_TEST_CHILD";

fn publish(version: u64) -> Change {
    Change::Publish {
        table: TABLE,
        expected: None,
        published: published(version),
    }
}

/// Not a test by itself: what the killed process does.
#[tokio::test]
async fn child_commits_until_it_is_killed() {
    let Some(path) = std::env::var_os(CHILD) else {
        return;
    };
    let catalog = Catalog::open(path.as_ref(), LAKE, &keys()).await.unwrap();
    println!("\nopened");
    loop {
        let state = catalog.state();
        let version = state.table(TABLE).unwrap().published.version + 1;
        // A large row beside it, so that a commit is more than a page.
        let mut table = other_table();
        table.comment = Some("x".repeat(20_000));
        table
            .properties
            .insert("version".into(), version.to_string());
        let changes = vec![publish(version), Change::PutTable(table)];
        catalog.commit(state.epoch, changes).await.unwrap();
        println!("acknowledged {version}");
    }
}

#[tokio::test]
async fn a_killed_process_loses_no_acknowledged_commit() {
    let house = House::furnished().await;
    house.catalog.close().await.unwrap();
    let mut last = 0;
    for round in 0..25_u32 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tests::crash::child_commits_until_it_is_killed"])
            .args(["--nocapture", "--test-threads", "1"])
            .env(CHILD, house.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acknowledged = last;
        let mut seen = 0;
        for line in lines {
            let line = line.unwrap();
            if let Some(version) = line.strip_prefix("acknowledged ") {
                acknowledged = version.parse().unwrap();
                seen += 1;
                if seen > round % 4 {
                    // Somewhere in the next commit.
                    let start = Instant::now();
                    while start.elapsed() < Duration::from_micros(u64::from(round) * 150) {
                        std::hint::spin_loop();
                    }
                    child.kill().unwrap();
                    break;
                }
            }
        }
        child.wait().unwrap();
        assert!(seen > 0, "the child never committed");
        let catalog = Catalog::open(&house.path(), LAKE, &keys()).await.unwrap();
        let state = catalog.state();
        let found = state.table(TABLE).unwrap().published.version;
        assert!(found >= acknowledged, "{found} < {acknowledged}");
        // Both changes of a commit, or neither.
        let other = state.table(OTHER_TABLE).unwrap();
        assert_eq!(other.properties.get("version"), Some(&found.to_string()));
        assert!(catalog.root(state.epoch).await.unwrap().is_some());
        catalog.close().await.unwrap();
        last = found;
    }
}

const CREATOR: &str = "LAKEWARD_CATALOG_TEST_CREATOR";

/// Not a test by itself: what the killed process does.
#[tokio::test]
async fn child_creates_until_it_is_killed() {
    let Some(folder) = std::env::var_os(CREATOR) else {
        return;
    };
    for number in 0_u32.. {
        let path = std::path::Path::new(&folder).join(format!("{number}.db"));
        println!("\ncreating {number}");
        let catalog = Catalog::create(&path, LAKE, &keys(), furniture()).await;
        catalog.unwrap().close().await.unwrap();
        println!("created {number}");
    }
}

#[tokio::test]
async fn a_killed_creation_leaves_no_catalog_or_all_of_it() {
    for round in 0..20_u32 {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tests::crash::child_creates_until_it_is_killed"])
            .args(["--nocapture", "--test-threads", "1"])
            .env(CREATOR, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut started = None;
        let mut created = None;
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            if let Some(number) = line.strip_prefix("created ") {
                created = Some(number.parse::<u32>().unwrap());
            }
            if let Some(number) = line.strip_prefix("creating ") {
                started = Some(number.parse::<u32>().unwrap());
                if started > Some(0) {
                    let start = Instant::now();
                    while start.elapsed() < Duration::from_micros(u64::from(round) * 1_500) {
                        std::hint::spin_loop();
                    }
                    child.kill().unwrap();
                    break;
                }
            }
        }
        child.wait().unwrap();
        let open = |number: u32| {
            let path = folder.path().join(format!("{number}.db"));
            async move { Catalog::open(&path, LAKE, &keys()).await }
        };
        let created = open(created.unwrap()).await.unwrap();
        assert_eq!(created.state().policies().count(), 1);
        match open(started.unwrap()).await {
            Ok(catalog) => assert_eq!(catalog.state().policies().count(), 1),
            Err(Error::Missing) => {
                let path = folder.path().join(format!("{}.db", started.unwrap()));
                let again = Catalog::create(&path, LAKE, &keys(), furniture()).await;
                assert_eq!(again.unwrap().epoch(), 1);
            }
            Err(error) => panic!("round {round}: {error}"),
        }
    }
}

#[tokio::test]
async fn a_full_disk_refuses_the_commit_and_keeps_the_old_state() {
    let mut house = House::furnished().await;
    let pages = |sql: &'static str| {
        let catalog = house.catalog.clone();
        async move { catalog.execute(sql).await }
    };
    // SQLite then says SQLITE_FULL, as it does for ENOSPC.
    pages("PRAGMA max_page_count = 1").await;
    let mut large = table();
    large.comment = Some("x".repeat(100_000));
    let change = Change::PutTable(large);
    let refused = house.commit(vec![change.clone()]).await;
    assert_eq!(refused, Err(Error::Full));
    assert_eq!(house.catalog.epoch(), 1);
    // Small enough for free pages or not, it is all or nothing; with space it goes through.
    pages("PRAGMA max_page_count = 100000").await;
    house.commit(vec![change]).await.unwrap();
    house.reopen().await;
    assert_eq!(house.catalog.epoch(), 2);
}

#[tokio::test]
async fn a_row_that_changes_under_the_process_stops_the_commit() {
    let house = House::furnished().await;
    let inside = house.catalog.clone();
    inside
        .execute("DELETE FROM objects WHERE kind = 'policy'")
        .await;
    let refused = house.commit(vec![Change::DropPolicy(POLICY)]).await;
    assert!(matches!(refused, Err(Error::Tampered(_))), "{refused:?}");
}

#[tokio::test]
async fn an_unknown_outcome_closes_the_catalog() {
    let house = House::furnished().await;
    house.catalog.execute("DROP TABLE epochs").await;
    assert!(house.commit(vec![publish(1)]).await.is_err());
    assert_eq!(house.commit(vec![publish(1)]).await, Err(Error::Closed));
    assert_eq!(house.catalog.epoch(), 1);
}
