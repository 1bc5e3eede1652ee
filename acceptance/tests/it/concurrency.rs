//! Many at once: no update is lost, no half of one is seen.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use lakeward_acceptance::{Rows, World};
use lakeward_domain::Code;
use tokio::runtime::Handle;

/// Does the same thing on as many threads.
fn at_once<T: Send>(many: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let work = &work;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..many)
            .map(|which| {
                thread::Builder::new()
                    .stack_size(8 << 20)
                    .spawn_scoped(scope, move || work(which))
                    .unwrap()
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    })
}

/// One statement, from a thread that is not the runtime's.
fn run(world: &World, handle: &Handle, sql: &str) -> Result<Rows, Code> {
    handle.block_on(world.outcome("root", sql))
}

fn number(rows: &Rows) -> i64 {
    rows[0][0].parse().unwrap()
}

fn ok(outcomes: &[Result<Rows, Code>]) -> usize {
    outcomes.iter().filter(|outcome| outcome.is_ok()).count()
}

/// Every failure is one that a person can do something about.
fn assert_codes(outcomes: &[Result<Rows, Code>], expected: &[Code]) {
    for code in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        assert!(expected.contains(code), "{code}");
    }
}

fn versions(world: &World, table: &str) -> u64 {
    let state = world.lake().engine.state();
    state
        .table_by_name(&table.parse().unwrap())
        .unwrap()
        .published
        .version
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_writers_append_and_no_row_is_lost() {
    const WRITERS: usize = 16;
    const EACH: usize = 4;
    let mut world = World::new().await;
    world.script("CREATE TABLE t (writer INT, n INT)").await;
    let handle = Handle::current();
    let done: Vec<usize> = tokio::task::block_in_place(|| {
        at_once(WRITERS, |writer| {
            (0..EACH)
                .filter(|n| {
                    let sql = format!("INSERT INTO t VALUES ({writer}, {n}), ({writer}, -{n} - 1)");
                    run(&world, &handle, &sql).is_ok()
                })
                .count()
        })
    });
    // Appends never stand in each other's way.
    assert_eq!(done, vec![EACH; WRITERS]);
    assert_eq!(versions(&world, "default.t"), (WRITERS * EACH) as u64);
    for _ in 0..2 {
        let sql = "SELECT count(*), count(DISTINCT writer * 100 + n), sum(n) FROM t";
        let expected = [
            (WRITERS * EACH * 2).to_string(),
            (WRITERS * EACH * 2).to_string(),
            (-((WRITERS * EACH) as i64)).to_string(),
        ];
        assert_eq!(world.rows("root", sql).await, [expected]);
        world.reopen().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_counter_that_many_overwrite_counts_each_success_once() {
    let world = World::new().await;
    world
        .script("CREATE TABLE c (n BIGINT); INSERT INTO c VALUES (0)")
        .await;
    let handle = Handle::current();
    let outcomes: Vec<_> = tokio::task::block_in_place(|| {
        at_once(8, |_| {
            (0..4)
                .map(|_| run(&world, &handle, "INSERT OVERWRITE c SELECT n + 1 FROM c"))
                .collect::<Vec<_>>()
        })
    })
    .concat();
    assert_codes(&outcomes, &[Code::Conflict]);
    let n = number(&world.rows("root", "SELECT n FROM c").await);
    assert_eq!(n, ok(&outcomes) as i64);
    assert!(n >= 4, "{n}");
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_and_overwrites_end_in_some_order_of_theirs() {
    let world = World::new().await;
    world.script("CREATE TABLE t (kind STRING, n INT)").await;
    let handle = Handle::current();
    let outcomes: Vec<(usize, Result<Rows, Code>)> = tokio::task::block_in_place(|| {
        at_once(12, |which| {
            let sql = if which % 3 == 0 {
                format!("INSERT OVERWRITE t VALUES ('over', {which}), ('over', {which})")
            } else {
                format!("INSERT INTO t VALUES ('append', {which}), ('append', {which})")
            };
            (which, run(&world, &handle, &sql))
        })
    });
    let all: Vec<_> = outcomes
        .iter()
        .map(|(_, outcome)| outcome.clone())
        .collect();
    assert_codes(&all, &[Code::Conflict]);
    let appended: Vec<_> = outcomes
        .iter()
        .filter(|(which, _)| which % 3 != 0)
        .collect();
    assert!(appended.iter().all(|(_, outcome)| outcome.is_ok()));
    assert_eq!(versions(&world, "default.t"), ok(&all) as u64);
    // What is left: the rows of at most one overwrite, and whole appends that came after it.
    let rows = world
        .rows(
            "root",
            "SELECT kind, n, count(*) FROM t GROUP BY 1, 2 ORDER BY 1, 2",
        )
        .await;
    assert!(rows.iter().all(|row| row[2] == "2"), "{rows:?}");
    let overs = rows.iter().filter(|row| row[0] == "over").count();
    let overwritten = outcomes
        .iter()
        .any(|(which, outcome)| which % 3 == 0 && outcome.is_ok());
    assert_eq!(overs, usize::from(overwritten), "{rows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_see_whole_versions_while_writers_replace_them() {
    let world = World::new().await;
    world
        .script("CREATE TABLE t (v BIGINT, i BIGINT); INSERT INTO t SELECT 0, value FROM generate_series(1, 1000)")
        .await;
    let handle = Handle::current();
    let stop = AtomicBool::new(false);
    let seen: Vec<Vec<Vec<String>>> = tokio::task::block_in_place(|| {
        at_once(5, |which| {
            let mut seen = Vec::new();
            if which == 0 {
                for _ in 0..8 {
                    run(&world, &handle, "INSERT OVERWRITE t SELECT v + 1, i FROM t").unwrap();
                }
                stop.store(true, Ordering::SeqCst);
                return seen;
            }
            let sql = "SELECT min(v), max(v), count(*), sum(i) FROM t";
            while !stop.load(Ordering::SeqCst) {
                seen.extend(run(&world, &handle, sql).unwrap());
            }
            seen
        })
    });
    let seen = seen.concat();
    assert!(!seen.is_empty());
    for row in seen {
        assert_eq!(row[0], row[1], "rows of two versions");
        assert_eq!((row[2].as_str(), row[3].as_str()), ("1000", "500500"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_has_begun_ends_with_the_version_it_began_with() {
    let world = World::new().await;
    world
        .script(
            "CREATE TABLE t (i BIGINT); INSERT INTO t SELECT value FROM generate_series(1, 50000)",
        )
        .await;
    let mut reader = world.admin().await;
    let mut answer = reader.run("SELECT i FROM t").await.unwrap();
    let first = answer.next().await.unwrap().unwrap();
    world.script("INSERT OVERWRITE t VALUES (-1)").await;
    let mut rows = first.num_rows();
    while let Some(batch) = answer.next().await.unwrap() {
        rows += batch.num_rows();
    }
    assert_eq!(rows, 50_000);
    assert_eq!(world.rows("root", "SELECT i FROM t").await, [["-1"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_create_or_drop_a_table_one_succeeds() {
    let world = World::new().await;
    let handle = Handle::current();
    let at_once = |sql: &str| -> Vec<Result<Rows, Code>> {
        tokio::task::block_in_place(|| at_once(8, |_| run(&world, &handle, sql)))
    };
    for _ in 0..3 {
        let created = at_once("CREATE TABLE t AS SELECT 1 AS a");
        assert_eq!(ok(&created), 1, "{created:?}");
        assert_codes(&created, &[Code::AlreadyExists]);
        assert_eq!(
            number(&world.rows("root", "SELECT count(*) FROM t").await),
            1
        );
        let dropped = at_once("DROP TABLE t");
        assert_eq!(ok(&dropped), 1, "{dropped:?}");
        assert_codes(&dropped, &[Code::NotFound]);
    }
    assert_eq!(ok(&at_once("CREATE TABLE IF NOT EXISTS t (a INT)")), 8);
    assert_eq!(ok(&at_once("DROP TABLE IF EXISTS t")), 8);
    let schemas = at_once("CREATE SCHEMA s");
    assert_eq!(ok(&schemas), 1);
    assert_codes(&schemas, &[Code::AlreadyExists]);
    let users = at_once("CREATE USER eve");
    assert_eq!(ok(&users), 1);
    assert_codes(&users, &[Code::AlreadyExists]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_comes_and_goes_under_its_writers_leaves_nothing_behind() {
    let mut world = World::new().await;
    let handle = Handle::current();
    let outcomes: Vec<_> = tokio::task::block_in_place(|| {
        at_once(6, |which| {
            let statements = match which % 3 {
                0 => ["CREATE TABLE t (a INT)", "DROP TABLE t"],
                1 => ["INSERT INTO t VALUES (1)", "SELECT count(*) FROM t"],
                _ => [
                    "CREATE OR REPLACE TABLE t AS SELECT 7 AS a",
                    "INSERT OVERWRITE t VALUES (2)",
                ],
            };
            (0..4)
                .flat_map(|_| statements.map(|sql| run(&world, &handle, sql)))
                .collect::<Vec<_>>()
        })
    })
    .concat();
    assert!(ok(&outcomes) > 0);
    assert_codes(
        &outcomes,
        &[Code::Conflict, Code::NotFound, Code::AlreadyExists],
    );
    // Whatever the order was, the lake opens, and holds the folders of its tables only.
    world.reopen().await;
    let state = world.lake().engine.state();
    let mut expected: Vec<String> = state.tables().map(|table| table.id.to_string()).collect();
    expected.sort();
    let mut found: Vec<String> = std::fs::read_dir(world.lake_folder())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_dir() && holds_files(&entry.path()))
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with('t'))
        .collect();
    found.sort();
    assert_eq!(found, expected);
    let _ = world
        .outcome("root", "DROP TABLE IF EXISTS t")
        .await
        .unwrap();
    world
        .script("CREATE TABLE t (a INT); INSERT INTO t VALUES (5)")
        .await;
    assert_eq!(world.rows("root", "SELECT a FROM t").await, [["5"]]);
}

fn holds_files(folder: &std::path::Path) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let entry = entry.unwrap();
        !entry.file_type().unwrap().is_dir() || holds_files(&entry.path())
    })
}
