//! A device that is full, under the lake, the state and the temporary files; and a ledger that
//! cannot be written.

use std::{path::Path, time::Duration};

use lakeward::wire_up::{Limits, OpenLake, open_unlocked};
use lakeward_acceptance::{
    drill::{self, Device},
    world::{limits, outcome, rows, run_script},
};
use lakeward_domain::Code;
use lakeward_engine::{Error, Session};

const ROOM: u64 = 24 << 20;
/// About a megabyte that does not compress.
const BIG: &str =
    "INSERT INTO t SELECT value + 1000, md5(value::string) || md5((value * 7)::string)
    FROM generate_series(1, 20000)";

async fn big(session: &mut Session) -> Result<(), Error> {
    outcome(session, BIG).await.map(|_| ())
}

async fn count(session: &mut Session) -> u64 {
    rows(session, "SELECT count(*) FROM t").await[0][0]
        .parse()
        .unwrap()
}

/// The files of the lake.
fn files(lake: &Path) -> usize {
    drill::Kept::of(lake)
        .files()
        .filter(|(name, _)| *name != Path::new("filler"))
        .count()
}

fn is_quiet(error: &Error) {
    assert!(!error.to_string().contains("666"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_device_under_the_lake_refuses_and_works_again_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let lake_folder = folder.path().join("lake");
    let Some(device) = Device::mount(&lake_folder, ROOM) else {
        return;
    };
    drill::init(folder.path(), |_| ()).await.unwrap();
    let lake = drill::open(folder.path(), &limits()).await.unwrap();
    let mut root = drill::login(&lake, "root").await;
    let setup = "CREATE TABLE t (a BIGINT, note STRING); INSERT INTO t VALUES (1, '666-00-0001')";
    run_script(&mut root, setup).await;
    let before = files(&lake_folder);
    // From no room at all to room for the data and not for the commit.
    for but_for in [0, 4 << 10, 64 << 10, 400 << 10] {
        device.fill(but_for);
        let refused = big(&mut root).await;
        let error = refused.unwrap_err();
        assert_eq!(error.code(), Code::StorageFull, "{but_for}: {error}");
        is_quiet(&error);
        let created = outcome(&mut root, "CREATE TABLE other (a INT)").await;
        if but_for == 0 {
            assert_eq!(created.unwrap_err().code(), Code::StorageFull);
        } else if created.is_ok() {
            run_script(&mut root, "DROP TABLE other").await;
        }
        assert_eq!(count(&mut root).await, 1, "{but_for}");
        device.free();
        assert_eq!(
            files(&lake_folder),
            before,
            "{but_for}: something was left behind"
        );
    }
    // In the same process, as soon as there is room.
    big(&mut root).await.unwrap();
    assert_eq!(count(&mut root).await, 20_001);
    drop((root, lake));
    let lake = drill::open(folder.path(), &limits()).await.unwrap();
    assert_eq!(count(&mut drill::login(&lake, "root").await).await, 20_001);
    assert_eq!(drill::recoveries(&lake), [] as [&str; 0]);
    drop(lake);
    drop(device);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_device_under_the_state_gives_no_answer_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("lake.state");
    let Some(device) = Device::mount(&state, ROOM) else {
        return;
    };
    // On a full device there is no lake, and afterwards there is one.
    device.fill(8 << 10);
    let refused = drill::init(folder.path(), |_| ()).await.unwrap_err();
    // The filler is a file that no init left there.
    assert_eq!(refused.code(), Code::AlreadyExists);
    device.free();
    drill::init(folder.path(), |_| ()).await.unwrap();
    let keys = drill::keys(folder.path()).await;
    let open = || async { open_unlocked(keys.clone(), &limits()).await };
    let mut lake = open().await.unwrap();
    run_script(
        &mut drill::login(&lake, "root").await,
        "CREATE TABLE t (a BIGINT, note STRING)",
    )
    .await;
    let mut acknowledged = 0;
    let mut next = 0;
    for but_for in [0, 4, 8, 12, 16, 24, 32, 48, 64].map(|kilobytes| kilobytes << 10) {
        let mut root = drill::login(&lake, "root").await;
        device.fill(but_for);
        // Until it is full: each answer counts, and the first that is none ends it.
        let mut refused = None;
        let mut tried = 0;
        while refused.is_none() {
            next += 1;
            tried += 1;
            let insert = format!("INSERT INTO t VALUES ({next}, '666-00-0001')");
            match outcome(&mut root, &insert).await {
                Ok(_) => acknowledged += 1,
                Err(error) => refused = Some(error),
            }
            assert!(tried < 200, "{but_for}: never full");
        }
        let error = refused.unwrap();
        is_quiet(&error);
        let full = matches!(error.code(), Code::LedgerUnavailable | Code::StorageFull);
        assert!(full, "{but_for}: {error}");
        // The catalog may refuse first, and the ledger still tell of that; then rows may be read.
        // Once the ledger has stopped there is no answer at all, whatever is asked.
        if error.code() == Code::LedgerUnavailable {
            assert_no_answer(&mut root).await;
        }
        device.free();
        if error.code() == Code::LedgerUnavailable {
            assert_no_answer(&mut root).await;
        } else {
            // What was refused is not made visible by what follows.
            let before = count(&mut root).await;
            assert_eq!(before, acknowledged, "{but_for}");
            next += 1;
            run_script(
                &mut root,
                &format!("INSERT INTO t VALUES ({next}, 'later')"),
            )
            .await;
            acknowledged += 1;
            assert_eq!(count(&mut root).await, acknowledged, "{but_for}");
        }
        drop((root, lake));
        lake = open().await.unwrap();
        let mut root = drill::login(&lake, "root").await;
        let there = count(&mut root).await;
        // One statement was not acknowledged; it may have been done nevertheless, and then whole.
        assert!(
            there == acknowledged || there == acknowledged + 1,
            "{but_for}: {there}"
        );
        let distinct = rows(&mut root, "SELECT count(DISTINCT a), min(a) FROM t").await;
        assert_eq!(
            distinct[0][0],
            there.to_string(),
            "{but_for}: a row is there twice"
        );
        acknowledged = there;
    }
    // A full device at the start says so.
    drop(lake);
    device.fill(0);
    if let Err(error) = open().await {
        let full = matches!(error.code(), Code::LedgerUnavailable | Code::StorageFull);
        assert!(full, "{error}");
    }
    device.free();
    let lake = open().await.unwrap();
    assert_eq!(
        count(&mut drill::login(&lake, "root").await).await,
        acknowledged
    );
    drop(lake);
    drop(device);
}

/// Asks for rows, for a count, and for errors of each kind, and gets one and the same nothing.
async fn assert_no_answer(session: &mut Session) {
    for sql in [
        "SELECT * FROM t",
        "SELECT count(*) FROM t",
        "SELECT * FROM no_such_table",
        "SELECT no_such_column FROM t",
        "SELEKT",
        "SHOW TABLES",
        "EXPLAIN POLICY SELECT * FROM t",
        "INSERT INTO t VALUES (0, 'x')",
        "DROP TABLE t",
        "SET time_zone = 'UTC'",
    ] {
        let error = outcome(session, sql).await.unwrap_err();
        assert_eq!(error.code(), Code::LedgerUnavailable, "{sql}: {error}");
        assert_eq!(
            error.cause(),
            "the ledger cannot be written, so there is no answer",
            "{sql}"
        );
        assert_eq!(error.position(), None, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn full_temporary_space_ends_the_statement_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    drill::init(folder.path(), |_| ()).await.unwrap();
    let temporary = folder.path().join("lake.state/tmp");
    let Some(device) = Device::mount(&temporary, 2 << 20) else {
        return;
    };
    let little = Limits {
        memory_bytes: 48 << 20,
        ..limits()
    };
    let lake = drill::open(folder.path(), &little).await.unwrap();
    let mut root = drill::login(&lake, "root").await;
    run_script(&mut root, "CREATE TABLE t (a BIGINT, note STRING)").await;
    for _ in 0..10 {
        big(&mut root).await.unwrap();
    }
    let sort = "SELECT a, note FROM t ORDER BY note, a";
    let error = outcome(&mut root, sort).await.unwrap_err();
    assert!(
        lake.spill.counts().written_bytes > 1 << 20,
        "{:?}",
        lake.spill.counts()
    );
    assert_eq!(error.code(), Code::StorageFull, "{error}");
    // Its other threads end a moment later.
    for _ in 0..100 {
        if lake.engine.memory_used() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(lake.engine.memory_used(), 0);
    assert_eq!(lake.spill.counts().live_bytes, 0);
    assert_eq!(count(&mut root).await, 200_000);
    // A device with room.
    drop(device);
    let sorted = rows(&mut root, sort).await;
    assert_eq!(sorted.len(), 200_000);
    assert!(sorted.is_sorted_by(|a, b| a[1] <= b[1]));
}

/// A ledger whose next append fails: a folder lies where it puts its checkpoint together.
struct Broken(std::path::PathBuf);

impl Broken {
    fn new(folder: &Path) -> Self {
        let at = folder.join("lake.state/ledger/new");
        drill::make_folder(&at);
        Self(at)
    }

    fn mend(self) {
        drill::remove_folder(&self.0);
    }
}

async fn lake_with_rows(folder: &Path, rows: u64) -> OpenLake {
    drill::init(folder, |_| ()).await.unwrap();
    let lake = drill::open(folder, &limits()).await.unwrap();
    let mut root = drill::login(&lake, "root").await;
    run_script(&mut root, "CREATE TABLE t (a BIGINT, note STRING)").await;
    let fill = format!("INSERT INTO t SELECT value, 'x' FROM generate_series(1, {rows})");
    run_script(&mut root, &fill).await;
    lake
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_ledger_there_is_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let lake = lake_with_rows(folder.path(), 10).await;
    let mut root = drill::login(&lake, "root").await;
    let broken = Broken::new(folder.path());
    assert_no_answer(&mut root).await;
    // Nor a login that fails, nor one that has its session already.
    let name = "nobody".parse().unwrap();
    let nobody = lake.engine.login(&name, None, lakeward_domain::Door::Cli);
    assert_eq!(nobody.await.unwrap_err().code(), Code::LedgerUnavailable);
    broken.mend();
    // It is not guessed that all is well again: whoever mends it opens the lake anew.
    assert_no_answer(&mut root).await;
    drop((root, lake));
    let lake = drill::open(folder.path(), &limits()).await.unwrap();
    let mut root = drill::login(&lake, "root").await;
    assert_eq!(count(&mut root).await, 10);
    run_script(&mut root, "INSERT INTO t VALUES (11, 'y')").await;
    assert_eq!(count(&mut root).await, 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_fails_in_mid_stream_ends_the_stream() {
    let folder = tempfile::tempdir().unwrap();
    let lake = lake_with_rows(folder.path(), 100_000).await;
    let mut root = drill::login(&lake, "root").await;
    // By its own last entry, at the latest.
    let mut answer = root.run("SELECT a FROM t").await.unwrap();
    assert!(answer.next().await.unwrap().is_some());
    let broken = Broken::new(folder.path());
    let mut other = drill::login(&lake, "root").await;
    assert_eq!(
        outcome(&mut other, "SELECT 1").await.unwrap_err().code(),
        Code::LedgerUnavailable
    );
    // Somebody else's entry failed: not one row more.
    let next = answer.next().await;
    let error = next.expect_err("rows after the ledger had stopped");
    assert_eq!(error.code(), Code::LedgerUnavailable);
    assert!(answer.next().await.unwrap().is_none());
    broken.mend();
    drop((answer, root, other, lake));

    let lake = drill::open(folder.path(), &limits()).await.unwrap();
    let mut root = drill::login(&lake, "root").await;
    let answer = root.run("SELECT a FROM t").await.unwrap();
    let broken = Broken::new(folder.path());
    // Its own end: the rows are out, and the stream says that they are not accounted for.
    let error = tokio::time::timeout(Duration::from_secs(60), answer.collect())
        .await
        .unwrap();
    assert_eq!(error.unwrap_err().code(), Code::LedgerUnavailable);
    broken.mend();
}
