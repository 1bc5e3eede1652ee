//! Whoever has the files: what they change is noticed, and no answer is ever wrong.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use lakeward::wire_up::{Limits, OpenLake, Unlocked, open_unlocked};
use lakeward_acceptance::{
    Rows,
    drill::{self, Kept},
    world::{limits, run_script},
};
use lakeward_domain::Code;
use lakeward_lake::Options;

/// What is asked of the lake before and after.
const ASKED: &[(&str, &str)] = &[
    ("eve", "SELECT * FROM health ORDER BY id"),
    ("bob", "SELECT * FROM health ORDER BY id"),
    (
        "bob",
        "SELECT region, count(*), sum(n) FROM visits GROUP BY region ORDER BY region",
    ),
    (
        "bob",
        "SELECT h.dx, v.n FROM health h JOIN visits v ON h.id = v.id ORDER BY v.n, h.dx",
    ),
    ("bob", "EXPLAIN POLICY SELECT * FROM health"),
    ("sam", "SELECT * FROM health"),
    ("root", "SHOW POLICIES ON TABLE health"),
];

const SETUP: &str = "
    CREATE USER eve; CREATE USER bob; CREATE USER sam;
    CREATE GROUP researchers; ALTER GROUP researchers ADD USER eve;
    CREATE GROUP billing; ALTER GROUP billing ADD USER bob;
    CREATE TABLE health (id BIGINT, ssn STRING, dx STRING, n DOUBLE);
    CREATE TABLE visits (id BIGINT, n BIGINT, region STRING) PARTITIONED BY (region);
    GRANT SELECT ON TABLE health TO GROUP researchers, GROUP billing;
    GRANT SELECT ON TABLE visits TO GROUP billing;
    INSERT INTO health VALUES (1, '666-00-0001', 'E11', 1.5), (2, '666-00-0002', 'B20', NULL);
    INSERT INTO health VALUES (3, NULL, 'J45', 0), (4, '666-00-0004', NULL, -2);
    INSERT INTO health VALUES (5, '666-00-0005', 'I10', 7);
    INSERT INTO visits VALUES (1, 10, 'north'), (2, 20, 'south');
    INSERT INTO visits VALUES (3, 30, 'north'), (5, 50, 'west');
    INSERT INTO visits VALUES (4, 40, 'south');
    CREATE FUNCTION show_ssn(ssn STRING) RETURN
      CASE WHEN is_member('billing') THEN ssn ELSE '***-**-****' END;
    CREATE FUNCTION low(id BIGINT) RETURN id < 4 OR is_member('billing');
    ALTER TABLE health ALTER COLUMN ssn SET MASK show_ssn;
    ALTER TABLE health SET ROW FILTER low ON (id);";

/// A lake that is closed, its files in memory, and what it answers.
struct Victim {
    folder: tempfile::TempDir,
    kept: Kept,
    before: Vec<Result<Rows, Code>>,
    unlocked: Unlocked,
}

fn with_checkpoints() -> Limits {
    let store = Options {
        checkpoint_every: 2,
        ..Options::default()
    };
    Limits {
        store,
        // A child of another test holds our locks for a moment, between its fork and its exec.
        lock_wait: Duration::from_secs(5),
        ..limits()
    }
}

impl Victim {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        drill::init(folder.path(), |_| ()).await.unwrap();
        let lake = drill::open(folder.path(), &with_checkpoints())
            .await
            .unwrap();
        run_script(&mut drill::login(&lake, "root").await, SETUP).await;
        let before = drill::answers(&lake, ASKED).await;
        assert_eq!(before[0].as_ref().unwrap().len(), 3);
        assert_eq!(before[1].as_ref().unwrap().len(), 5);
        assert_eq!(before[5], Err(Code::NotFound));
        assert!(before.iter().filter(|answer| answer.is_ok()).count() == ASKED.len() - 1);
        drop(lake);
        let unlocked = drill::keys(folder.path()).await;
        let kept = Kept::of(folder.path());
        Self {
            folder,
            kept,
            before,
            unlocked,
        }
    }

    fn at(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Opens with keys that are at hand, or from the passphrase where those files are concerned.
    async fn open(&self, from_passphrase: bool) -> lakeward::Result<OpenLake> {
        if from_passphrase {
            drill::open(self.folder.path(), &with_checkpoints()).await
        } else {
            open_unlocked(self.unlocked.clone(), &with_checkpoints()).await
        }
    }

    /// Opens the changed lake: whether it is noticed, with one of these codes; a wrong answer is a
    /// failure.
    async fn is_noticed(&self, what: &str, from_passphrase: bool, codes: &[Code]) -> bool {
        let lake = match self.open(from_passphrase).await {
            Ok(lake) => lake,
            Err(error) => {
                assert!(codes.contains(&error.code()), "{what}: {error}");
                return true;
            }
        };
        let mut noticed = false;
        for (at, got) in drill::answers(&lake, ASKED).await.into_iter().enumerate() {
            match got {
                Err(code) if codes.contains(&code) => noticed = true,
                other => assert_eq!(other, self.before[at], "{what}: {:?}", ASKED[at]),
            }
        }
        noticed
    }

    async fn control(&self) {
        self.kept.put_back(self.folder.path());
        assert!(
            !self.is_noticed("nothing", false, &[]).await,
            "the untouched lake is refused"
        );
        self.kept.put_back(self.folder.path());
    }
}

/// What may be said about a change in a file, and whether every changed byte of it must be noticed.
fn codes_of(name: &Path) -> (&'static [Code], bool) {
    let text = name.to_string_lossy();
    let file = name.file_name().unwrap().to_string_lossy();
    match &*text {
        "lake.state/lake.json" => (&[Code::LakeTampered], true),
        "lake.state/keystore" => (&[Code::KeystoreTampered], true),
        // Free bytes of its pages mean nothing. Its format version is no secret.
        "lake.state/catalog.db" => (&[Code::CatalogTampered, Code::LakeVersion], false),
        // Tiles and older seals are spare evidence.
        text if text.starts_with("lake.state/ledger") => {
            (&[Code::LedgerTampered, Code::LakeVersion], false)
        }
        // What a checkpoint made superfluous is not read.
        text if text.contains("_delta_log") => (&[Code::LogRolledBack, Code::DataTampered], false),
        // The lengths before its parts are not what is read.
        _ if file.ends_with(".parquet") => (&[Code::DataTampered], false),
        other => panic!("a file that nobody expects: {other}"),
    }
}

/// Places in a file of that length: both ends, quarters, and some that follow from a seed.
fn places(length: usize, seed: usize) -> BTreeSet<usize> {
    let mut places: BTreeSet<usize> = [0, 1, 5, length / 4, length / 2, length / 4 * 3]
        .into_iter()
        .chain([1, 2, 5, 9, 40].map(|back| length.saturating_sub(back)))
        .collect();
    let mut next = seed.wrapping_mul(2_654_435_761) + 12_345;
    for _ in 0..4 {
        next = next
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        places.insert((next >> 33) % length.max(1));
    }
    places.retain(|at| *at < length);
    places
}

/// Changes each file below a folder in every way, and adds up how often that was noticed.
async fn change_each_file(victim: &Victim, below: &str) {
    victim.control().await;
    let files: Vec<_> = victim
        .kept
        .files()
        .filter(|(name, bytes)| name.starts_with(below) && !bytes.is_empty())
        .collect();
    assert!(files.len() > 2, "too few files below {below}");
    for (number, (name, bytes)) in files.iter().enumerate() {
        let (codes, every) = codes_of(name);
        let secret = matches!(
            name.to_str(),
            Some("lake.state/lake.json" | "lake.state/keystore")
        );
        let (mut noticed, mut tried) = (0, 0);
        let mut changes: Vec<(String, Vec<u8>)> = places(bytes.len(), number)
            .into_iter()
            .map(|at| {
                let mut changed = bytes.to_vec();
                changed[at] ^= if at % 2 == 0 { 0x01 } else { 0x80 };
                (format!("byte {at} of {} flipped", bytes.len()), changed)
            })
            .collect();
        changes.push(("cut in half".into(), bytes[..bytes.len() / 2].to_vec()));
        changes.push(("cut by one".into(), bytes[..bytes.len() - 1].to_vec()));
        changes.push(("emptied".into(), Vec::new()));
        for (what, changed) in changes {
            victim.kept.put_back(victim.folder.path());
            drill::write(&victim.at(name), &changed);
            let what = format!("{} {what}", name.display());
            let seen = victim.is_noticed(&what, secret, codes).await;
            assert!(seen || !every, "{what}: not noticed");
            noticed += u32::from(seen);
            tried += 1;
        }
        println!("{}: {noticed} of {tried} changes noticed", name.display());
        let least = match name.extension().and_then(|extension| extension.to_str()) {
            Some("db") => tried / 2,
            // A Parquet file begins with four bytes that nobody reads.
            Some("parquet") => tried * 3 / 4,
            _ => 0,
        };
        assert!(noticed >= least, "{}: {noticed} of {tried}", name.display());
    }
    victim.control().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_byte_in_any_file_of_the_lake_is_noticed() {
    change_each_file(&Victim::new().await, "lake").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_byte_in_any_file_of_the_state_is_noticed() {
    change_each_file(&Victim::new().await, "lake.state").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_passphrase_opens_nothing() {
    let victim = Victim::new().await;
    for wrong in [
        "",
        "correct horse battery stapl",
        "correct horse battery staple ",
    ] {
        let opened = drill::open_with(victim.folder.path(), &limits(), wrong).await;
        assert_eq!(
            opened.unwrap_err().code(),
            Code::WrongPassphrase,
            "{wrong:?}"
        );
    }
    assert_eq!(
        Kept::of(victim.folder.path()),
        victim.kept,
        "trying left something behind"
    );
    victim.control().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_of_a_newer_format_is_named_as_such() {
    let victim = Victim::new().await;
    let text = drill::text(&victim.at("lake.state/lake.json"));
    let newer = text.replacen("\"version\": 1", "\"version\": 2", 1);
    assert_ne!(newer, text);
    // Damage is no newer version: the digest goes with the text.
    drill::write(&victim.at("lake.state/lake.json"), newer.as_bytes());
    assert_eq!(
        victim.open(true).await.unwrap_err().code(),
        Code::LakeTampered
    );
    let tail = "\"\n}\n";
    let body = &newer[..newer.len() - tail.len() - 64];
    let digest = hex_sha256(body.as_bytes());
    drill::write(
        &victim.at("lake.state/lake.json"),
        format!("{body}{digest}{tail}").as_bytes(),
    );
    let error = victim.open(true).await.unwrap_err();
    assert_eq!(error.code(), Code::LakeVersion);
    assert!(error.cause().contains('2'), "{}", error.cause());
    victim.control().await;
}

/// SHA-256 by the system's own program: what checks must not be what is checked.
fn hex_sha256(bytes: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    drill::write(file.path(), bytes);
    let output = std::process::Command::new("sha256sum")
        .arg(file.path())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()[..64].to_owned()
}

const CHILD_FOLDER: &str = "LAKEWARD_TEST_HOLD";

/// Runs in a process of its own, started by the test below.
#[tokio::test(flavor = "multi_thread")]
async fn the_child_that_wants_the_lake() {
    let Ok(folder) = std::env::var(CHILD_FOLDER) else {
        return;
    };
    let opened = drill::open(Path::new(&folder), &with_checkpoints()).await;
    println!(
        "the child got {:?}",
        opened.map(|_| ()).map_err(|error| error.code())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_at_a_time_holds_a_lake() {
    let victim = Victim::new().await;
    let folder = victim.folder.path().to_str().unwrap().to_owned();
    let held = victim.open(true).await.unwrap();
    let again = victim.open(true).await;
    assert_eq!(again.unwrap_err().code(), Code::LakeBusy);
    let child = || {
        drill::child(
            "tamper::the_child_that_wants_the_lake",
            &[(CHILD_FOLDER, &folder)],
        )
    };
    let (_, said) = child();
    assert!(said.contains("the child got Err(LakeBusy)"), "{said}");
    // Nor is a lake made over it.
    let made = drill::init(victim.folder.path(), |_| ()).await;
    assert_eq!(made.unwrap_err().code(), Code::AlreadyExists);
    assert_eq!(drill::answers(&held, ASKED).await, victim.before);
    drop(held);
    let (_, said) = child();
    assert!(said.contains("the child got Ok(())"), "{said}");
    // Whoever waits for a while gets it when the other lets go.
    let held = Arc::new(victim.open(false).await.unwrap());
    let patient = Limits {
        lock_wait: Duration::from_secs(20),
        ..with_checkpoints()
    };
    let waiting = tokio::spawn({
        let unlocked = victim.unlocked.clone();
        async move { open_unlocked(unlocked, &patient).await.map(|_| ()) }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!waiting.is_finished());
    drop(held);
    waiting.await.unwrap().unwrap();
}

/// Yesterday's copy of a part of the lake.
async fn roll_back(part: &str, code: Code) {
    let victim = Victim::new().await;
    let lake = victim.open(false).await.unwrap();
    let later = "
        ALTER TABLE health DROP ROW FILTER;
        INSERT INTO health VALUES (6, '666-00-0006', 'Z99', 6);
        CREATE FUNCTION gone(ssn STRING) RETURN 'hidden';
        ALTER TABLE health ALTER COLUMN ssn SET MASK gone";
    run_script(&mut drill::login(&lake, "root").await, later).await;
    drop(lake);
    let today = Kept::of(victim.folder.path());
    victim
        .kept
        .put_back_part(victim.folder.path(), Path::new(part));
    match victim.open(false).await {
        Err(error) => assert_eq!(error.code(), code, "{error}"),
        Ok(lake) => {
            for (answer, asked) in drill::answers(&lake, ASKED).await.iter().zip(ASKED) {
                if asked.1.contains("health") && asked.0 != "sam" && asked.1.starts_with("SELECT") {
                    assert_eq!(*answer, Err(code), "{asked:?}");
                }
            }
        }
    }
    // The newest copy of everything opens again.
    today.put_back(victim.folder.path());
    victim.open(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn yesterdays_catalog_is_noticed() {
    roll_back("lake.state/catalog.db", Code::CatalogRolledBack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn yesterdays_tables_are_noticed() {
    roll_back("lake", Code::LogRolledBack).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn yesterdays_ledger_is_noticed() {
    roll_back("lake.state/ledger", Code::CatalogTampered).await;
}

/// A backup of the state is put back beside a lake that went on: the lake's newer files are
/// ciphertext that the newer state still opens, so nothing of them may be deleted.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_state_beside_a_newer_lake_deletes_nothing() {
    let mut world = lakeward_acceptance::World::new().await;
    world
        .script("CREATE TABLE t (a INT); INSERT INTO t VALUES (1)")
        .await;
    world.close();
    let state = Kept::of(&world.state_folder());
    world.reopen().await;
    world
        .script(
            "INSERT INTO t VALUES (2); CREATE TABLE newer (a INT); INSERT INTO newer VALUES (3)",
        )
        .await;
    world.close();
    let newer_state = Kept::of(&world.state_folder());
    let data = |kept: &Kept| -> BTreeSet<PathBuf> {
        let files = kept.files().map(|(name, _)| name.to_owned());
        files
            .filter(|name| name.extension().is_some_and(|e| e == "parquet"))
            .collect()
    };
    let lake = Kept::of(&world.lake_folder());
    assert_eq!(data(&lake).len(), 3);
    state.put_back(&world.state_folder());
    world.reopen().await;
    assert_eq!(world.rows("root", "SELECT a FROM t").await, [["1"]]);
    world.close();
    assert_eq!(data(&Kept::of(&world.lake_folder())), data(&lake));
    // With the newer state and its logs back, everything is there again.
    newer_state.put_back(&world.state_folder());
    lake.put_back(&world.lake_folder());
    world.reopen().await;
    assert_eq!(
        world.rows("root", "SELECT a FROM t ORDER BY a").await,
        [["1"], ["2"]]
    );
    assert_eq!(world.rows("root", "SELECT a FROM newer").await, [["3"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn any_file_that_is_deleted_is_missed() {
    let victim = Victim::new().await;
    for (name, _) in victim.kept.files().filter(|(_, bytes)| !bytes.is_empty()) {
        victim.kept.put_back(victim.folder.path());
        drill::remove(&victim.at(name));
        let text = name.to_string_lossy();
        let (codes, needed): (&[Code], bool) = match &*text {
            // Without a keystore there is none to be damaged.
            "lake.state/keystore" => (&[Code::KmsUnavailable], true),
            text if text.ends_with("lock") => (&[], false),
            text if text.contains("/tile/") || text.contains("_delta_log") => {
                (codes_of(name).0, false)
            }
            _ => (codes_of(name).0, true),
        };
        let secret = text.ends_with("keystore") || text.ends_with("lake.json");
        let what = format!("{text} deleted");
        let noticed = victim.is_noticed(&what, secret, codes).await;
        println!("{what}: {}", if noticed { "noticed" } else { "not needed" });
        assert!(noticed || !needed, "{what}: not noticed");
    }
    victim.control().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_without_its_newest_commit_is_noticed() {
    let victim = Victim::new().await;
    let folders: BTreeSet<_> = victim
        .kept
        .files()
        .filter(|(name, _)| name.to_string_lossy().contains("_delta_log/"))
        .map(|(name, _)| name.parent().unwrap().to_owned())
        .collect();
    assert_eq!(folders.len(), 2);
    for folder in folders {
        victim.kept.put_back(victim.folder.path());
        let names = drill::names(&victim.at(&folder));
        let newest = names.iter().rfind(|name| name.ends_with(".json")).unwrap();
        drill::remove(&victim.at(folder.join(newest)));
        assert!(
            victim
                .is_noticed(newest, false, &[Code::LogRolledBack])
                .await,
            "{newest}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_is_nowhere_cut_unnoticed() {
    let victim = Victim::new().await;
    let segment = Path::new("lake.state/ledger/records");
    let name = victim
        .kept
        .files()
        .find_map(|(name, _)| name.starts_with(segment).then(|| name.to_owned()))
        .unwrap();
    let bytes = victim
        .kept
        .files()
        .find(|(file, _)| *file == name)
        .unwrap()
        .1
        .to_vec();
    for part in 0..16 {
        victim.kept.put_back(victim.folder.path());
        drill::write(&victim.at(&name), &bytes[..bytes.len() * part / 16]);
        let what = format!("{part} sixteenths");
        assert!(
            victim
                .is_noticed(&what, false, &[Code::LedgerTampered])
                .await,
            "{what}"
        );
    }
    victim.control().await;
}

/// SQLite's own program is not at hand everywhere, so the rows are taken out by the library that the
/// catalog itself uses: in a copy of the file, whose row is then missing.
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_row_cannot_be_taken_out_unnoticed() {
    let victim = Victim::new().await;
    let path = victim.at("lake.state/catalog.db");
    let rows = victim
        .kept
        .files()
        .find(|(name, _)| name.ends_with("catalog.db"))
        .unwrap()
        .1
        .len();
    assert!(rows > 0);
    let Some(ids) = sqlite(&path, "SELECT id FROM objects") else {
        return;
    };
    let ids: Vec<&str> = ids.lines().collect();
    assert!(ids.len() > 15, "{}", ids.len());
    for id in ids {
        for change in [
            format!("DELETE FROM objects WHERE id = '{id}'"),
            format!("UPDATE objects SET epoch = epoch - 1 WHERE id = '{id}'"),
            format!("UPDATE objects SET sealed = zeroblob(length(sealed)) WHERE id = '{id}'"),
        ] {
            victim.kept.put_back(victim.folder.path());
            sqlite(&path, &change).unwrap();
            let opened = victim.open(false).await;
            let code = opened.map(|_| ()).map_err(|error| error.code());
            assert_eq!(code, Err(Code::CatalogTampered), "{change}");
        }
    }
    victim.control().await;
}

/// Runs a statement on a database, by Python's own library. None, with a printed line, without one.
fn sqlite(path: &Path, sql: &str) -> Option<String> {
    const SCRIPT: &str = "import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
print('\\n'.join(str(row[0]) for row in db.execute(sys.argv[2])))
db.commit()";
    let output = std::process::Command::new("python3")
        .args(["-c", SCRIPT])
        .arg(path)
        .arg(sql)
        .output();
    match output {
        Ok(output) if output.status.success() => Some(String::from_utf8(output.stdout).unwrap()),
        Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stderr)),
        Err(_) => {
            println!("skipped: no python3 to change a database with");
            None
        }
    }
}
