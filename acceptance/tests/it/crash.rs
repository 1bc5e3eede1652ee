//! `kill -9` at every step of init, of a statement and of an ingest.
//!
//! A process of its own runs until a step and dies there. Then the lake opens, shows everything that
//! was acknowledged exactly once and nothing by half, and goes on where the other stopped.

use std::{
    io::Cursor,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use lakeward::{
    Place,
    wire_up::{InitStep, LakeRecord, Limits, OpenLake, open_unlocked},
};
use lakeward_acceptance::{
    Rows,
    drill::{self, Kept},
    world::{limits, outcome, run_script},
};
use lakeward_clinic::Scanner;
use lakeward_domain::Code;
use lakeward_ingest::{Format, Report, Request, Source};
use lakeward_lake::{Options, Step, Steps};
use lakeward_phi::scrub::ScrubPolicy;

const FOLDER: &str = "LAKEWARD_TEST_CRASH_FOLDER";
const WHAT: &str = "LAKEWARD_TEST_CRASH_WHAT";
const AT: &str = "LAKEWARD_TEST_CRASH_AT";
const KILLED: Option<i32> = Some(9);

/// Runs in a process of its own, started by the tests below, and dies there.
#[tokio::test(flavor = "multi_thread")]
async fn the_child_that_dies() {
    let (Ok(folder), Ok(what)) = (std::env::var(FOLDER), std::env::var(WHAT)) else {
        return;
    };
    let folder = PathBuf::from(folder);
    match what.as_str() {
        "init" => drill::init(&folder, die_at_init_step).await.unwrap(),
        "statements" => {
            let fatal = std::env::var(AT).unwrap().parse().unwrap();
            let lake = drill::open(&folder, &dying(fatal)).await.unwrap();
            let mut root = drill::login(&lake, "root").await;
            for (number, statement) in STATEMENTS.iter().enumerate() {
                run_script(&mut root, statement).await;
                drill::add_line(&folder.join("acknowledged"), &number.to_string());
            }
        }
        "ingest" => {
            let fatal = std::env::var(AT).unwrap().parse().unwrap();
            let lake = drill::open(&folder, &dying(fatal)).await.unwrap();
            ingest(&lake).await;
        }
        other => panic!("what is {other}?"),
    }
    panic!("still alive");
}

fn die_at_init_step(step: InitStep) {
    if std::env::var(AT).is_ok_and(|at| at == format!("{step:?}")) {
        drill::die();
    }
}

/// Limits of a lake whose process dies at the step of this number, counted from one.
fn dying(fatal: u64) -> Limits {
    let count = AtomicU64::new(0);
    stepping(move |_| {
        if count.fetch_add(1, Ordering::SeqCst) + 1 == fatal {
            drill::die();
        }
    })
}

/// Limits of a lake that tells of its steps, with a checkpoint now and then.
fn stepping(hook: impl Fn(Step) + Send + Sync + 'static) -> Limits {
    let store = Options {
        steps: Steps::new(hook),
        checkpoint_every: 3,
        ..Options::default()
    };
    Limits { store, ..limits() }
}

/// The steps that something takes, in order.
#[derive(Clone, Default)]
struct Taken(Arc<std::sync::Mutex<Vec<Step>>>);

impl Taken {
    fn limits(&self) -> Limits {
        let taken = self.clone();
        stepping(move |step| taken.0.lock().unwrap().push(step))
    }

    fn steps(&self) -> Vec<Step> {
        self.0.lock().unwrap().clone()
    }
}

/// The ledger verifies as a stranger verifies it.
fn assert_ledger_verifies(folder: &Path) {
    let place = Place::new(&folder.join("lake"), None).unwrap();
    let key = LakeRecord::read(&place).unwrap().public_key().unwrap();
    lakeward_audit::verify::verify(&place.ledger(), &key, None).unwrap();
}

/// Each folder of the lake is a table's.
fn assert_no_stray_folder(lake: &OpenLake, folder: &Path, at: &str) {
    let mut tables: Vec<String> = lake
        .engine
        .state()
        .tables()
        .map(|table| table.id.to_string())
        .collect();
    tables.sort();
    assert_eq!(drill::names(&folder.join("lake")), tables, "{at}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_at_any_step_of_init_leaves_a_lake_or_none() {
    let steps = [
        InitStep::Begun,
        InitStep::KeystoreMade,
        InitStep::LedgerMade,
        InitStep::CatalogMade,
        InitStep::RecordWritten,
    ];
    for step in steps {
        let folder = tempfile::tempdir().unwrap();
        let at = format!("{step:?}");
        let environment = [
            (FOLDER, folder.path().to_str().unwrap()),
            (WHAT, "init"),
            (AT, at.as_str()),
        ];
        let (signal, said) = drill::child("crash::the_child_that_dies", &environment);
        assert_eq!(signal, KILLED, "{at}: {said}");
        let opened = drill::open(folder.path(), &limits()).await;
        let again = drill::init(folder.path(), |_| ()).await;
        if step == InitStep::RecordWritten {
            drop(opened.unwrap());
            assert_eq!(again.unwrap_err().code(), Code::AlreadyExists, "{at}");
        } else {
            let error = opened.unwrap_err();
            assert_eq!(error.code(), Code::LakeNotFound, "{at}");
            assert!(
                error.cause().contains("run it again"),
                "{at}: {}",
                error.cause()
            );
            again.unwrap();
        }
        let lake = drill::open(folder.path(), &limits()).await.unwrap();
        run_script(
            &mut drill::login(&lake, "root").await,
            "CREATE TABLE t (a INT)",
        )
        .await;
        drop(lake);
        assert_ledger_verifies(folder.path());
        let names = drill::names(&folder.path().join("lake.state"));
        assert_eq!(
            names,
            [
                "catalog.db",
                "keystore",
                "ledger",
                "lake.json",
                "lock",
                "tmp"
            ]
            .into_iter()
            .chain(
                names
                    .contains(&"catalog.db-journal".into())
                    .then_some("catalog.db-journal")
            )
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>(),
            "{at}: leftovers"
        );
    }
}

/// The marker of an init that died at its very end must not be what lets a later init, by mistake
/// and without `lake.json`, clear away the keystore of a lake in use.
#[tokio::test(flavor = "multi_thread")]
async fn an_init_that_died_late_does_not_let_a_later_one_destroy_keys() {
    let folder = tempfile::tempdir().unwrap();
    let environment = [
        (FOLDER, folder.path().to_str().unwrap()),
        (WHAT, "init"),
        (AT, "RecordWritten"),
    ];
    let (signal, said) = drill::child("crash::the_child_that_dies", &environment);
    assert_eq!(signal, KILLED, "{said}");
    drop(drill::open(folder.path(), &limits()).await.unwrap());
    let record = folder.path().join("lake.state/lake.json");
    let text = drill::text(&record);
    drill::remove(&record);
    let before = Kept::of(folder.path());
    let again = drill::init(folder.path(), |_| ()).await;
    assert_eq!(
        again.map_err(|error| error.code()),
        Err(Code::AlreadyExists)
    );
    assert_eq!(Kept::of(folder.path()), before);
    drill::write(&record, text.as_bytes());
    drill::open(folder.path(), &limits()).await.unwrap();
}

/// What the child runs, one acknowledgement each.
const STATEMENTS: &[&str] = &[
    "INSERT INTO t VALUES (3, 'patient 666-10-0003'), (4, 'patient 666-10-0004')",
    "CREATE TABLE u (a BIGINT, note STRING, region STRING) PARTITIONED BY (region)",
    "INSERT INTO u VALUES (1, 'patient 666-10-0005', 'n'), (2, 'patient 666-10-0006', 's')",
    "INSERT OVERWRITE t VALUES (9, 'patient 666-10-0007')",
    "CREATE TABLE v AS SELECT a, note FROM u",
    "CREATE OR REPLACE TABLE v (a BIGINT, other STRING)",
    "INSERT INTO t VALUES (10, 'patient 666-10-0008')",
    "ALTER TABLE t ALTER COLUMN note SET MASK hide",
    "REVOKE SELECT ON TABLE t FROM USER bob",
    "DROP TABLE u",
];
const PLANTED: &[&str] = &[
    "patient 666-10-0001",
    "patient 666-10-0003",
    "patient 666-10-0004",
    "patient 666-10-0005",
    "patient 666-10-0006",
    "patient 666-10-0007",
    "patient 666-10-0008",
    "666-10-000",
];
const ASKED: &[(&str, &str)] = &[
    ("root", "SELECT * FROM t ORDER BY a"),
    ("bob", "SELECT * FROM t ORDER BY a"),
    ("root", "SELECT * FROM u ORDER BY a"),
    ("root", "SELECT * FROM v ORDER BY a"),
    ("root", "SHOW TABLES"),
    ("root", "SHOW GRANTS ON TABLE t"),
    ("root", "DESCRIBE v"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_at_any_step_of_a_statement_loses_and_shows_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    drill::init(at, |_| ()).await.unwrap();
    let keys = drill::keys(at).await;
    let open = |limits: Limits| {
        let keys = keys.clone();
        async move { open_unlocked(keys, &limits).await.unwrap() }
    };
    let lake = open(limits()).await;
    let setup = "
        CREATE USER bob;
        CREATE TABLE t (a BIGINT, note STRING);
        GRANT SELECT ON TABLE t TO USER bob;
        INSERT INTO t VALUES (1, 'patient 666-10-0001'), (2, NULL);
        CREATE FUNCTION hide(x STRING) RETURN 'hidden'";
    run_script(&mut drill::login(&lake, "root").await, setup).await;
    drop(lake);
    let base = Kept::of(at);

    // Without a kill: the picture after each statement, and all steps.
    let taken = Taken::default();
    let lake = open(taken.limits()).await;
    let mut pictures = vec![drill::answers(&lake, ASKED).await];
    let mut root = drill::login(&lake, "root").await;
    for statement in STATEMENTS {
        run_script(&mut root, statement).await;
        pictures.push(drill::answers(&lake, ASKED).await);
    }
    drop((root, lake));
    let steps = taken.steps();
    for kind in [
        Step::FileBegun,
        Step::FileWritten,
        Step::FileChecked,
        Step::Committing,
    ]
    .into_iter()
    .chain([
        Step::Committed,
        Step::Published,
        Step::OnRecord,
        Step::Checkpointed,
    ]) {
        assert!(
            steps.contains(&kind),
            "the statements never come to {kind:?}"
        );
    }
    for pair in pictures.windows(2) {
        assert_ne!(
            pair[0], pair[1],
            "a statement that changes nothing proves nothing"
        );
    }

    let mut scanner = drill::scanner(PLANTED);
    assert_finds_what_is_plain(&mut scanner, PLANTED);
    for (number, step) in steps.iter().enumerate() {
        base.put_back(at);
        let (number, place) = (
            number + 1,
            format!("step {} of {}: {step:?}", number + 1, steps.len()),
        );
        let number = number.to_string();
        let environment = [
            (FOLDER, at.to_str().unwrap()),
            (WHAT, "statements"),
            (AT, number.as_str()),
        ];
        let (signal, said) = drill::child("crash::the_child_that_dies", &environment);
        assert_eq!(signal, KILLED, "{place}: {said}");
        drill::assert_sealed(&mut scanner, at);
        let acknowledged = drill::text(&at.join("acknowledged")).lines().count();

        let lake = open(limits()).await;
        let place = format!("{place}, in {:?}", STATEMENTS[acknowledged]);
        let picture = drill::answers(&lake, ASKED).await;
        let done = if picture == pictures[acknowledged] {
            acknowledged
        } else {
            acknowledged + 1
        };
        assert_eq!(picture, pictures[done], "{place}");
        // Only what the catalog names can be there.
        let visible = matches!(step, Step::Published | Step::OnRecord);
        assert!(
            done == acknowledged || visible,
            "{place}: visible before it is published"
        );
        assert_no_stray_folder(&lake, at, &place);
        let unfinished = matches!(
            step,
            Step::FileBegun | Step::FileWritten | Step::FileChecked | Step::Committed
        );
        let recoveries = drill::recoveries(&lake);
        assert!(
            !unfinished || !recoveries.is_empty(),
            "{place}: no recovery on record"
        );

        // It goes on, and ends where it would have ended.
        let mut root = drill::login(&lake, "root").await;
        for statement in &STATEMENTS[done..] {
            run_script(&mut root, statement).await;
        }
        assert_eq!(
            &drill::answers(&lake, ASKED).await,
            pictures.last().unwrap(),
            "{place}"
        );
        drop((root, lake));
        // Nothing is left to recover.
        let lake = open(limits()).await;
        assert_eq!(drill::recoveries(&lake), recoveries, "{place}");
        assert_eq!(
            &drill::answers(&lake, ASKED).await,
            pictures.last().unwrap(),
            "{place}"
        );
        drop(lake);
        assert_ledger_verifies(at);
    }
}

fn assert_finds_what_is_plain(scanner: &mut Scanner, planted: &[&str]) {
    scanner.take_report();
    scanner.scan_bytes("memory", planted.join("\n").as_bytes());
    assert_eq!(
        scanner.take_report().found(),
        planted.len(),
        "the scanner is blind"
    );
}

const RECORDS: usize = 20_000;
/// The least that an ingest commits at a time.
const CHUNK: usize = 8_192;
/// Every so many lines one does not fit.
const BENT: usize = 4_500;
const HELD: usize = RECORDS / BENT;

fn ssn(record: usize) -> String {
    format!("666-{:02}-{:04}", record / 10_000 + 10, record % 10_000)
}

fn source() -> Source {
    let mut text = String::from("id,ssn,paid\n");
    for record in 1..=RECORDS {
        let more = if record % BENT == 0 {
            ",one field too many"
        } else {
            ""
        };
        text.push_str(&format!(
            "{record},{},{}.5{more}\n",
            ssn(record),
            record % 97
        ));
    }
    Source::Stream {
        label: "people".to_owned(),
        format: Format::Csv,
        reader: Box::new(Cursor::new(text.into_bytes())),
    }
}

async fn ingest(lake: &OpenLake) -> Report {
    let mut root = drill::login(lake, "root").await;
    let request = Request {
        chunk_rows: CHUNK,
        ..Request::new(
            source(),
            "bronze.people".parse().unwrap(),
            ScrubPolicy::builtin("internal").unwrap(),
        )
    };
    lakeward_ingest::run(&mut root, request, &|_| ())
        .await
        .unwrap()
}

/// What root, who may see it all, finds: the people, and what is held.
async fn taken_in(lake: &OpenLake) -> Vec<Result<Rows, Code>> {
    let mut root = drill::login(lake, "root").await;
    let mut found = Vec::new();
    for sql in [
        "SELECT id, ssn, paid FROM bronze.people ORDER BY id",
        "SELECT record, \"column\", reason, value FROM quarantine.people ORDER BY record",
    ] {
        found.push(outcome(&mut root, sql).await.map_err(|error| error.code()));
    }
    found
}

/// The first and a middle step of each kind.
fn telling(steps: &[Step]) -> Vec<usize> {
    let mut chosen = std::collections::BTreeSet::new();
    for step in steps {
        let of_kind: Vec<usize> = (0..steps.len()).filter(|at| steps[*at] == *step).collect();
        chosen.extend([of_kind[0], of_kind[of_kind.len() * 2 / 3]]);
    }
    chosen.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_at_any_step_of_an_ingest_is_taken_up_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    drill::init(at, |_| ()).await.unwrap();
    let keys = drill::keys(at).await;
    let open = |limits: Limits| {
        let keys = keys.clone();
        async move { open_unlocked(keys, &limits).await.unwrap() }
    };
    let lake = open(limits()).await;
    run_script(
        &mut drill::login(&lake, "root").await,
        "GRANT UNMASK ON CATALOG TO USER root",
    )
    .await;
    drop(lake);
    let base = Kept::of(at);

    let taken = Taken::default();
    let lake = open(taken.limits()).await;
    let report = ingest(&lake).await;
    let whole = taken_in(&lake).await;
    drop(lake);
    let wanted = (RECORDS - HELD, HELD);
    assert_eq!(
        (report.rows_read, report.rows_written),
        (RECORDS as u64, wanted.0 as u64)
    );
    let sizes: Vec<usize> = whole
        .iter()
        .map(|rows| rows.as_ref().unwrap().len())
        .collect();
    assert_eq!((sizes[0], sizes[1]), wanted);
    let steps = taken.steps();
    let chunks: Vec<usize> = [0, CHUNK, 2 * CHUNK, RECORDS]
        .map(|records| records - records / BENT)
        .to_vec();

    let planted: Vec<String> = (1..=RECORDS).map(ssn).collect();
    let planted: Vec<&str> = planted.iter().map(String::as_str).collect();
    let mut scanner = drill::scanner(&planted);
    assert_finds_what_is_plain(&mut scanner, &planted);
    let mut partial = 0;
    for number in telling(&steps) {
        base.put_back(at);
        let place = format!(
            "step {} of {}: {:?}",
            number + 1,
            steps.len(),
            steps[number]
        );
        let number = (number + 1).to_string();
        let environment = [
            (FOLDER, at.to_str().unwrap()),
            (WHAT, "ingest"),
            (AT, number.as_str()),
        ];
        let (signal, said) = drill::child("crash::the_child_that_dies", &environment);
        assert_eq!(signal, KILLED, "{place}: {said}");
        drill::assert_sealed(&mut scanner, at);

        let lake = open(limits()).await;
        assert_no_stray_folder(&lake, at, &place);
        // Whole chunks, each once, from the beginning on.
        if let Ok(rows) = &taken_in(&lake).await[0] {
            assert!(chunks.contains(&rows.len()), "{place}: {} rows", rows.len());
            assert_eq!(
                rows[..],
                whole[0].as_ref().unwrap()[..rows.len()],
                "{place}"
            );
            partial += u32::from(!rows.is_empty() && rows.len() < wanted.0);
        }
        let again = ingest(&lake).await;
        assert_eq!(again.rows_read, RECORDS as u64, "{place}");
        assert!(
            taken_in(&lake).await == whole,
            "{place}: not what an ingest without a kill gives"
        );
        drop(lake);
        assert_ledger_verifies(at);
    }
    assert!(partial > 0, "no kill fell between two chunks");
    drill::assert_sealed(&mut scanner, at);
}
