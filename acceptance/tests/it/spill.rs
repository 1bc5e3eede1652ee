//! Sorts and joins that are larger than memory: sealed while they run, gone afterwards.

use std::io::Write as _;

use lakeward::wire_up::Limits;
use lakeward_acceptance::{
    World, drill,
    world::{limits, rows, run_script, text_of},
};
use lakeward_domain::Code;

const ROWS: usize = 300_000;
/// Every so many rows the identifier is looked for.
const LOOKED_FOR: usize = 60;

fn ssn(row: usize) -> String {
    format!("666-{:02}-{:04}", row / 10_000 + 10, row % 10_000)
}

async fn world(spill_bytes: u64) -> World {
    // One thread: each sets memory aside for its merge.
    let world = World::with(Limits {
        memory_bytes: 32 << 20,
        spill_bytes,
        threads: 1,
        ..limits()
    })
    .await;
    // Whatever the order of the keys, the identifiers are in the rows that are spilled.
    let fill = format!(
        "CREATE TABLE people (id BIGINT, ssn STRING, note STRING);
         INSERT INTO people SELECT value,
           concat('666-', lpad((value / 10000 + 10)::string, 2, '0'), '-',
                  lpad((value % 10000)::string, 4, '0')),
           concat('note of ', reverse(value::string), repeat(' and more', 8))
           FROM generate_series(0, {})",
        ROWS - 1
    );
    world.script(&fill).await;
    world
}

const SORT: &str = "SELECT id, ssn, note FROM people ORDER BY note DESC, ssn";
const JOIN: &str = "SELECT a.id, b.ssn, b.note
    FROM (SELECT id, ssn, note FROM people WHERE id < 3000) b JOIN people a ON a.id % 3000 = b.id
    ORDER BY b.note, a.id";
/// Both sides are larger than memory.
const WIDE_JOIN: &str = "SELECT a.note, b.note FROM people a JOIN people b ON a.note = b.note
    ORDER BY a.ssn";

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_into_memory_is_spilled_sealed_and_comes_back_right() {
    let world = world(1 << 30).await;
    let planted: Vec<String> = (0..ROWS).step_by(LOOKED_FOR).map(ssn).collect();
    let planted: Vec<&str> = planted.iter().map(String::as_str).collect();
    let mut scanner = drill::scanner(&planted);

    // The control: the same scan finds one row of plaintext in a file without a name.
    let mut plain = tempfile::tempfile_in(world.state_folder().join("tmp")).unwrap();
    plain.write_all(ssn(7 * LOOKED_FOR).as_bytes()).unwrap();
    scanner.scan_deleted().unwrap();
    let report = scanner.take_report();
    assert!(report.found() == 1 && report.has(7), "{:?}", report.hits);
    drop(plain);

    let mut admin = world.admin().await;
    for (sql, people, downwards) in [(SORT, ROWS, true), (JOIN, 3000, false)] {
        let before = world.lake().spill.counts();
        let mut answer = admin.run(sql).await.unwrap();
        let first = answer
            .next()
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
        let mut batches = vec![first.unwrap()];
        // The first row is out, so all are sorted, and most of them lie on the device.
        let counts = world.lake().spill.counts();
        assert!(
            counts.live_bytes > 0,
            "{sql}: nothing was spilled: {counts:?}"
        );
        assert!(counts.files > before.files);
        scanner.scan_deleted().unwrap();
        let report = scanner.take_report();
        assert!(
            report.files > 0 && report.bytes >= counts.live_bytes / 2,
            "{report:?}"
        );
        assert!(
            report.is_clean(),
            "{sql}: {:?} {:?}",
            report.hits,
            report.unread
        );
        drill::assert_sealed(&mut scanner, world.folder());
        while let Some(batch) = answer.next().await.unwrap() {
            batches.push(batch);
        }
        let found = text_of(&batches);
        assert_eq!(found.len(), ROWS, "{sql}");
        let mut wanted: Vec<(usize, usize, String)> = (0..ROWS)
            .map(|id| {
                let person = id % people;
                let backwards: String = person.to_string().chars().rev().collect();
                (
                    id,
                    person,
                    format!("note of {backwards}{}", " and more".repeat(8)),
                )
            })
            .collect();
        wanted.sort_by(|a, b| {
            let notes = if downwards {
                b.2.cmp(&a.2)
            } else {
                a.2.cmp(&b.2)
            };
            notes.then_with(|| a.0.cmp(&b.0))
        });
        let wanted: Vec<Vec<String>> = wanted
            .into_iter()
            .map(|(id, person, note)| vec![id.to_string(), ssn(person), note])
            .collect();
        assert!(found == wanted, "{sql}: wrong rows or a wrong order");
        drop(answer);
        assert_empty(&world).await;
        assert_eq!(
            drill::names(&world.state_folder().join("tmp")),
            [] as [&str; 0]
        );
    }
}

/// Neither memory nor temporary space is held; a statement's other threads end a moment after it.
async fn assert_empty(world: &World) {
    let held = || {
        (
            world.lake().spill.counts().live_bytes,
            world.lake().engine.memory_used(),
        )
    };
    for _ in 0..100 {
        if held() == (0, 0) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(held(), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_the_quota_is_refused_and_the_next_statement_has_it_again() {
    let world = world(1 << 20).await;
    let mut admin = world.admin().await;
    for _ in 0..2 {
        let answer = admin.run(SORT).await.unwrap();
        let error = answer.collect().await.unwrap_err();
        assert_eq!(error.code(), Code::ResourcesExhausted, "{error}");
        assert!(!error.to_string().contains("666"), "{error}");
        assert_empty(&world).await;
    }
    let few = rows(
        &mut admin,
        "SELECT id FROM people WHERE id < 3 ORDER BY ssn DESC",
    )
    .await;
    assert_eq!(few, [["2"], ["1"], ["0"]]);
}

/// The smaller side of a join stays in memory: where it does not fit, that is said and nothing else
/// suffers.
#[tokio::test(flavor = "multi_thread")]
async fn a_join_whose_smaller_side_does_not_fit_is_refused() {
    let world = world(1 << 30).await;
    let mut admin = world.admin().await;
    let answer = admin.run(WIDE_JOIN).await.unwrap();
    let error = answer.collect().await.unwrap_err();
    assert_eq!(error.code(), Code::ResourcesExhausted, "{error}");
    assert_empty(&world).await;
    assert_eq!(
        rows(&mut admin, "SELECT count(*) FROM people").await,
        [[ROWS.to_string()]]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_nobody_reads_to_the_end_leaves_nothing() {
    let world = world(1 << 30).await;
    let mut admin = world.admin().await;
    let mut answer = admin.run(SORT).await.unwrap();
    assert!(answer.next().await.unwrap().is_some());
    assert!(world.lake().spill.counts().live_bytes > 0);
    drop(answer);
    assert_empty(&world).await;
    run_script(&mut admin, "DROP TABLE people").await;
}
