//! A process that dies at each step of a write, and the next one that starts after it.

use std::{process::Command, sync::Arc};

use arrow::array::{ArrayRef, Int64Array, StringArray};
use lakeward_domain::{Class, Hidden, LogicalType as T};
use lakeward_keys::LocalKms;
use lakeward_lake::{Options, Step, Steps, TableChange};
use tempfile::TempDir;

use crate::house::{House, Kept, batch, note, small, walk};

const FOLDER: &str = "LAKE_TEST_CRASH_FOLDER";
const STEP: &str = "LAKE_TEST_CRASH_STEP";

const STEPS: [(&str, Step); 5] = [
    ("begun", Step::FileBegun),
    ("written", Step::FileWritten),
    ("checked", Step::FileChecked),
    ("committing", Step::Committing),
    ("committed", Step::Committed),
];

fn rows(kept: &Kept, from: i64) -> arrow::array::RecordBatch {
    let table = kept.table.as_ref().unwrap();
    batch(
        table,
        vec![
            Arc::new(Int64Array::from_iter_values(from..from + 100)) as ArrayRef,
            Arc::new(StringArray::from_iter_values(
                (from..from + 100).map(|n| format!("900-12-{n:04}")),
            )),
        ],
    )
}

/// Runs in a process of its own, started by the test below, and dies there.
#[tokio::test(flavor = "multi_thread")]
async fn the_child_that_dies() {
    let (Ok(folder), Ok(step)) = (std::env::var(FOLDER), std::env::var(STEP)) else {
        return;
    };
    let fatal = STEPS.iter().find(|(name, _)| *name == step).unwrap().1;
    let folder = std::path::PathBuf::from(folder);
    let kept = std::fs::read(folder.join("kept.json")).unwrap();
    let kept: Kept = serde_json::from_slice(&kept).unwrap();
    let passphrase = Hidden::new(String::from("correct horse battery staple"));
    let kms = LocalKms::open(&folder.join("keystore"), &passphrase).unwrap();
    let options = Options {
        steps: Steps::new(move |step| {
            if step == fatal {
                let me = std::process::id().to_string();
                Command::new("kill").args(["-9", &me]).status().unwrap();
            }
        }),
        ..small()
    };
    // The folder belongs to the parent: this handle must not delete it.
    let dir = Arc::new(TempDir::new_in(&folder).unwrap());
    let lake = dir.path().join("lake");
    std::os::unix::fs::symlink(folder.join("lake"), &lake).unwrap();
    let house = House::open(dir, Arc::new(kms), kept.clone(), options).await;
    let table = kept.table.clone().unwrap();
    let files = house.files(&table, &[rows(&kept, 100)]).await;
    house
        .store
        .commit(&table, TableChange::Append(files), note())
        .await
        .unwrap();
    panic!("still alive after {step}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_killed_at_any_step_of_a_write_loses_and_shows_nothing() {
    let mut house = House::new().await;
    let columns = [
        ("n", T::BigInt, true, Class::Open),
        ("ssn", T::String, true, Class::Phi),
    ];
    let mut table = house.table(&columns, &[]).await;
    let first = rows(&house.kept, 0);
    house.append(&mut table, &[first]).await;
    let kept = serde_json::to_vec(&house.kept).unwrap();
    std::fs::write(house.dir.path().join("kept.json"), kept).unwrap();
    let before = house.lines(&table).await;
    assert_eq!(before.len(), 100);
    for (name, _) in STEPS {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::the_child_that_dies", "--nocapture"])
            .env(FOLDER, house.dir.path())
            .env(STEP, name)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&child.stderr).into_owned();
        use std::os::unix::process::ExitStatusExt;
        assert_eq!(child.status.signal(), Some(9), "{name}: {text}");

        // No plaintext, not even of a file without an end.
        for path in walk(&house.folder()) {
            let bytes = std::fs::read(&path).unwrap();
            assert!(
                !bytes.windows(7).any(|w| w == b"900-12-"),
                "{}",
                path.display()
            );
        }
        // The next process sees what was published, and can write at once after recovery.
        let mut next = house.reopened().await;
        assert_eq!(next.lines(&table).await, before, "{name}");
        let found = next.store.recover(&table).await.unwrap();
        assert!(!found.is_clean(), "{name}");
        assert_eq!(found.withdrawn.len(), usize::from(name == "committed"));
        next.store
            .delete_orphans(&table, &found.orphans)
            .await
            .unwrap();
        assert!(
            next.store.recover(&table).await.unwrap().is_clean(),
            "{name}"
        );
        let mut after = table.clone();
        let more = rows(&house.kept, 200);
        next.append(&mut after, &[more]).await;
        assert_eq!(next.lines(&after).await.len(), 200, "{name}");
        // As if that had not been published either.
        let found = next.store.recover(&table).await.unwrap();
        assert_eq!(found.withdrawn.len(), 1);
        next.store
            .delete_orphans(&table, &found.orphans)
            .await
            .unwrap();
    }
}
