//! What a query does not need, it does not read.
//!
//! Proved by taking it away: a file that is gone, or a byte that is flipped, does not matter to a
//! query that must not touch it, and ends one that must.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use lakeward::wire_up::Limits;
use lakeward_acceptance::{World, world::limits};
use lakeward_domain::Code;
use lakeward_lake::Options;

/// The data files of a table.
fn files(world: &World, table: &str) -> BTreeSet<PathBuf> {
    let state = world.lake().engine.state();
    let id = state.table_by_name(&table.parse().unwrap()).unwrap().id;
    let folder = world.lake_folder().join(id.to_string());
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "parquet")
        })
        .collect()
}

/// Runs an INSERT; the one file that it wrote.
async fn insert(world: &World, table: &str, sql: &str) -> PathBuf {
    let before = files(world, table);
    world.script(sql).await;
    let mut new = files(world, table)
        .into_iter()
        .filter(|file| !before.contains(file));
    let file = new.next().unwrap();
    assert!(new.next().is_none(), "one file was expected");
    file
}

/// Flips a byte this far into a file, in hundredths of its length.
fn flip(path: &Path, hundredths: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    let at = bytes.len() * hundredths / 100;
    bytes[at] ^= 0x40;
    std::fs::write(path, bytes).unwrap();
}

const LOST: [Code; 2] = [Code::StorageFailed, Code::DataTampered];

async fn assert_lost(world: &World, sql: &str) {
    let code = world.outcome("root", sql).await.unwrap_err();
    assert!(LOST.contains(&code), "{sql}: {code}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_other_partitions_are_not_opened() {
    let mut world = World::new().await;
    world
        .script("CREATE TABLE t (state STRING, day DATE, n INT) PARTITIONED BY (state, day)")
        .await;
    insert(
        &world,
        "default.t",
        "INSERT INTO t VALUES ('MA', '2024-01-01', 1)",
    )
    .await;
    let ny = insert(
        &world,
        "default.t",
        "INSERT INTO t VALUES ('NY', '2024-01-01', 2)",
    )
    .await;
    insert(
        &world,
        "default.t",
        "INSERT INTO t VALUES ('MA', '2024-02-01', 4)",
    )
    .await;
    let none = insert(&world, "default.t", "INSERT INTO t VALUES (NULL, NULL, 8)").await;
    std::fs::remove_file(ny).unwrap();
    std::fs::remove_file(none).unwrap();
    world.reopen().await;
    for (predicate, sum) in [
        ("state = 'MA'", "5"),
        ("state = 'MA' AND day = '2024-02-01'", "4"),
        ("state IN ('MA', 'VT')", "5"),
        ("state < 'N'", "5"),
        ("day > '2024-01-15'", "4"),
        ("state = 'MA' AND n > 1", "4"),
    ] {
        let sql = format!("SELECT sum(n) FROM t WHERE {predicate}");
        assert_eq!(world.rows("root", &sql).await, [[sum]], "{predicate}");
    }
    assert_lost(&world, "SELECT sum(n) FROM t").await;
    assert_lost(&world, "SELECT sum(n) FROM t WHERE state = 'NY'").await;
    assert_lost(&world, "SELECT sum(n) FROM t WHERE state IS NULL").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_filter_prunes_as_a_predicate_does() {
    let mut world = World::new().await;
    world
        .script(
            "CREATE USER ann WITH ATTRIBUTES (tenant = 'a');
             CREATE TABLE t (tenant STRING, n INT) PARTITIONED BY (tenant);
             GRANT SELECT ON TABLE t TO ann",
        )
        .await;
    insert(&world, "default.t", "INSERT INTO t VALUES ('a', 1)").await;
    let other = insert(&world, "default.t", "INSERT INTO t VALUES ('b', 2)").await;
    world
        .script(
            "CREATE FUNCTION own(t STRING) RETURN t = current_tenant();
             ALTER TABLE t SET ROW FILTER own ON (tenant)",
        )
        .await;
    std::fs::remove_file(other).unwrap();
    world.reopen().await;
    assert_eq!(world.rows("ann", "SELECT sum(n) FROM t").await, [["1"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_whose_statistics_exclude_them_are_not_opened() {
    let mut world = World::new().await;
    world
        .script("CREATE TABLE t (id INT, name STRING, secret INT TAGS ('phi' = 'age'))")
        .await;
    insert(
        &world,
        "default.t",
        "INSERT INTO t VALUES (1, 'a', 1), (99, 'b', 2)",
    )
    .await;
    let high = insert(
        &world,
        "default.t",
        "INSERT INTO t VALUES (100, 'm', 3), (199, 'z', 4)",
    )
    .await;
    std::fs::remove_file(high).unwrap();
    world.reopen().await;
    for predicate in [
        "id < 100",
        "id = 50",
        "id BETWEEN 1 AND 9",
        "id < 100 AND name = 'b'",
        "id IN (1, 2)",
    ] {
        let sql = format!("SELECT count(*) FROM t WHERE {predicate}");
        assert!(world.outcome("root", &sql).await.is_ok(), "{predicate}");
    }
    assert_lost(&world, "SELECT count(*), max(name) FROM t WHERE id >= 100").await;
    assert_lost(&world, "SELECT max(name) FROM t").await;
}

fn small_row_groups() -> Limits {
    Limits {
        store: Options {
            row_group_rows: 1_000,
            ..Options::default()
        },
        ..limits()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_groups_whose_statistics_exclude_them_are_not_decrypted() {
    let mut world = World::with(small_row_groups()).await;
    world
        .script("CREATE TABLE t (id BIGINT, text STRING)")
        .await;
    let file = insert(
        &world,
        "default.t",
        "INSERT INTO t SELECT value, md5(CAST(value AS STRING)) FROM generate_series(1, 4000)",
    )
    .await;
    // Four row groups of a like size: this one is the last.
    flip(&file, 85);
    world.reopen().await;
    for (predicate, count) in [
        ("id <= 1000", "1000"),
        ("id = 1", "1"),
        ("id > 1000 AND id <= 3000", "2000"),
    ] {
        let sql = format!("SELECT count(text) FROM t WHERE {predicate}");
        assert_eq!(world.rows("root", &sql).await, [[count]], "{predicate}");
    }
    assert_lost(&world, "SELECT count(text) FROM t WHERE id > 3500").await;
    assert_lost(&world, "SELECT max(text) FROM t").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_that_are_not_asked_for_are_not_decrypted() {
    let mut world = World::new().await;
    world
        .script("CREATE TABLE t (id BIGINT, small INT, text STRING)")
        .await;
    let file = insert(
        &world,
        "default.t",
        "INSERT INTO t SELECT value, value % 7, md5(CAST(value AS STRING)) || md5(CAST(-value AS STRING)) FROM generate_series(1, 4000)",
    )
    .await;
    // By far most of the file is the text.
    flip(&file, 70);
    world.reopen().await;
    assert_eq!(
        world.rows("root", "SELECT sum(id) FROM t").await,
        [["8002000"]]
    );
    assert_eq!(
        world
            .rows("root", "SELECT count(*) FROM t WHERE small = 3 AND id > 10")
            .await,
        [["570"]]
    );
    assert_lost(&world, "SELECT max(text) FROM t").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_constant_mask_reads_nothing_of_its_column() {
    let mut world = World::new().await;
    world
        .script(
            "CREATE USER eve; CREATE TABLE t (id BIGINT, text STRING);
             GRANT SELECT ON TABLE t TO eve",
        )
        .await;
    let file = insert(
        &world,
        "default.t",
        "INSERT INTO t SELECT value, md5(CAST(value AS STRING)) || md5(CAST(-value AS STRING)) FROM generate_series(1, 2000)",
    )
    .await;
    world
        .script(
            "CREATE FUNCTION stars(a STRING) RETURN '***';
             ALTER TABLE t ALTER COLUMN text SET MASK stars",
        )
        .await;
    flip(&file, 70);
    world.reopen().await;
    assert_eq!(
        world.rows("eve", "SELECT max(text), sum(id) FROM t").await,
        [["***", "2001000"]]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_footer_is_opened_once_and_then_taken_from_memory() {
    let world = World::new().await;
    world
        .script("CREATE TABLE t (id BIGINT, text STRING)")
        .await;
    for _ in 0..3 {
        world
            .script("INSERT INTO t VALUES (1, 'a'), (2, 'b')")
            .await;
    }
    let hits = || world.lake().engine.lake().footer_hits();
    let sql = "SELECT sum(id) FROM t WHERE id > 0";
    world.rows("root", sql).await;
    let cold = hits();
    assert_eq!(world.rows("root", sql).await, [["9"]]);
    let warm = hits();
    assert!(warm >= cold + 3, "{cold} {warm}");
    // Other columns need other keys, so theirs is another entry.
    world.rows("root", "SELECT max(text) FROM t").await;
    let other = hits();
    world.rows("root", "SELECT max(text) FROM t").await;
    assert!(hits() >= other + 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_stops_reading() {
    let mut world = World::with(small_row_groups()).await;
    world
        .script("CREATE TABLE t (id BIGINT, text STRING)")
        .await;
    let file = insert(
        &world,
        "default.t",
        "INSERT INTO t SELECT value, md5(CAST(value AS STRING)) FROM generate_series(1, 20000)",
    )
    .await;
    // In the text of the tenth row group.
    flip(&file, 53);
    world.reopen().await;
    assert_eq!(
        world.rows("root", "SELECT text FROM t LIMIT 3").await.len(),
        3
    );
    assert_lost(&world, "SELECT max(text) FROM t").await;
}
