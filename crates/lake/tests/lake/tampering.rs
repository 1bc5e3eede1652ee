use std::{path::PathBuf, sync::Arc};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use lakeward_domain::{Class, Code, LogicalType as T, Table};
use lakeward_lake::code_of;

use crate::house::{House, all, batch, lines, walk};

async fn filled(house: &mut House, commits: i64) -> Table {
    let columns = [
        ("n", T::BigInt, true, Class::Open),
        ("ssn", T::String, true, Class::Phi),
    ];
    let mut table = house.table(&columns, &[]).await;
    for from in 0..commits {
        let rows = rows(&table, from * 10);
        house.append(&mut table, &[rows]).await;
    }
    table
}

fn rows(table: &Table, from: i64) -> RecordBatch {
    let ssn = (from..from + 10).map(|n| format!("900-12-{n:04}"));
    batch(
        table,
        vec![
            Arc::new(Int64Array::from_iter_values(from..from + 10)) as ArrayRef,
            Arc::new(StringArray::from_iter_values(ssn)),
        ],
    )
}

/// What a fresh process reads, or the code of the refusal.
async fn read(house: &House, table: &Table) -> Result<Vec<String>, Code> {
    let house = house.reopened().await;
    let snapshot = house.store.snapshot(table).await.map_err(|e| e.code())?;
    let plan = house
        .store
        .scan(&snapshot, all(&snapshot))
        .map_err(|e| e.code())?;
    match house.run(plan).await {
        Ok(batches) => Ok(lines(&batches)),
        Err(error) => Err(code_of(&error).unwrap_or(Code::ExecutionError)),
    }
}

fn log_file(house: &House, table: &Table, name: &str) -> PathBuf {
    house
        .folder()
        .join(table.id.to_string())
        .join("_delta_log")
        .join(name)
}

fn commit_file(house: &House, table: &Table, version: u64) -> PathBuf {
    log_file(house, table, &format!("{version:020}.json"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flipped_byte_in_a_data_file_is_noticed_or_changes_nothing() {
    let mut house = House::new().await;
    let table = filled(&mut house, 1).await;
    let whole = read(&house, &table).await.unwrap();
    let file = walk(&house.folder())
        .into_iter()
        .find(|path| path.parent().unwrap().ends_with(table.id.to_string()));
    let file = file.unwrap();
    let bytes = std::fs::read(&file).unwrap();
    let (mut noticed, mut unread) = (0, Vec::new());
    for position in (0..bytes.len()).step_by(7) {
        let mut flipped = bytes.clone();
        flipped[position] ^= 0x10;
        std::fs::write(&file, &flipped).unwrap();
        match read(&house, &table).await {
            Err(code) => {
                assert_eq!(code, Code::DataTampered, "byte {position}");
                noticed += 1;
            }
            Ok(lines) => {
                assert_eq!(lines, whole, "byte {position}");
                unread.push(position);
            }
        }
    }
    // What no query reads: the first magic, the page index, the stored copy of the AAD prefix.
    assert!(
        noticed > unread.len(),
        "{noticed} noticed, {unread:?} not read of {}",
        bytes.len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_or_shortened_data_file_is_noticed() {
    let mut house = House::new().await;
    let table = filled(&mut house, 1).await;
    let file = walk(&house.folder())
        .into_iter()
        .find(|path| path.parent().unwrap().ends_with(table.id.to_string()));
    let file = file.unwrap();
    let bytes = std::fs::read(&file).unwrap();
    for length in [0, 3, 11, bytes.len() / 2, bytes.len() - 1] {
        std::fs::write(&file, &bytes[..length]).unwrap();
        assert_eq!(
            read(&house, &table).await,
            Err(Code::DataTampered),
            "{length}"
        );
    }
    std::fs::remove_file(&file).unwrap();
    assert_eq!(read(&house, &table).await, Err(Code::DataTampered));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_anywhere_in_the_log_is_noticed() {
    let mut house = House::new().await;
    let table = filled(&mut house, 3).await;
    for version in 0..=3 {
        let file = commit_file(&house, &table, version);
        let bytes = std::fs::read(&file).unwrap();
        for position in (0..bytes.len()).step_by(bytes.len() / 9) {
            let mut flipped = bytes.clone();
            flipped[position] ^= 1;
            std::fs::write(&file, &flipped).unwrap();
            let seen = read(&house, &table).await;
            assert_eq!(
                seen,
                Err(Code::LogRolledBack),
                "byte {position} of {version}"
            );
        }
        std::fs::write(&file, &bytes).unwrap();
    }
    assert_eq!(read(&house, &table).await.map(|lines| lines.len()), Ok(30));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_lost_commits_is_noticed() {
    let mut house = House::new().await;
    let table = filled(&mut house, 3).await;
    for version in [3, 2, 0] {
        let file = commit_file(&house, &table, version);
        let bytes = std::fs::read(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        assert_eq!(
            read(&house, &table).await,
            Err(Code::LogRolledBack),
            "{version}"
        );
        std::fs::write(&file, &bytes).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_that_changed_places_are_noticed() {
    let mut house = House::new().await;
    let table = filled(&mut house, 3).await;
    let (one, two) = (
        commit_file(&house, &table, 1),
        commit_file(&house, &table, 2),
    );
    let (first, second) = (std::fs::read(&one).unwrap(), std::fs::read(&two).unwrap());
    std::fs::write(&one, &second).unwrap();
    std::fs::write(&two, &first).unwrap();
    assert_eq!(read(&house, &table).await, Err(Code::LogRolledBack));
}

/// Both commits of version 2 were sealed for the same path; only the chain tells them apart.
#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawn_commit_put_back_in_its_place_is_noticed() {
    let mut house = House::new().await;
    let mut table = filled(&mut house, 1).await;
    let published = table.published.clone();
    let withdrawn = rows(&table, 500);
    house.append(&mut table, &[withdrawn]).await;
    let file = commit_file(&house, &table, 2);
    let old = std::fs::read(&file).unwrap();
    table.published = published;
    assert_eq!(house.store.recover(&table).await.unwrap().withdrawn, [2]);
    for from in [100, 200] {
        let rows = rows(&table, from);
        house.append(&mut table, &[rows]).await;
    }
    assert_eq!(read(&house, &table).await.map(|lines| lines.len()), Ok(30));
    std::fs::write(&file, &old).unwrap();
    assert_eq!(read(&house, &table).await, Err(Code::LogRolledBack));
}

#[tokio::test(flavor = "multi_thread")]
async fn yesterdays_folder_is_noticed() {
    let mut house = House::new().await;
    let mut table = filled(&mut house, 2).await;
    let yesterday: Vec<_> = walk(&house.folder())
        .into_iter()
        .map(|path| (std::fs::read(&path).unwrap(), path))
        .collect();
    let more = rows(&table, 70);
    house.append(&mut table, &[more]).await;
    for path in walk(&house.folder()) {
        std::fs::remove_file(path).unwrap();
    }
    for (bytes, path) in yesterday {
        std::fs::write(path, bytes).unwrap();
    }
    assert_eq!(read(&house, &table).await, Err(Code::LogRolledBack));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_in_a_checkpoint_is_noticed() {
    let mut house = House::new().await;
    let table = filled(&mut house, 12).await;
    let file = log_file(&house, &table, "00000000000000000010.checkpoint.parquet");
    let bytes = std::fs::read(&file).unwrap();
    for position in (0..bytes.len()).step_by(bytes.len() / 11) {
        let mut flipped = bytes.clone();
        flipped[position] ^= 1;
        std::fs::write(&file, &flipped).unwrap();
        assert_eq!(
            read(&house, &table).await,
            Err(Code::LogRolledBack),
            "{position}"
        );
    }
    std::fs::write(&file, &bytes).unwrap();
    assert_eq!(read(&house, &table).await.map(|lines| lines.len()), Ok(120));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_stands_for_the_commits_before_it() {
    let mut house = House::new().await;
    let table = filled(&mut house, 12).await;
    for version in 0..10 {
        std::fs::remove_file(commit_file(&house, &table, version)).unwrap();
    }
    assert_eq!(read(&house, &table).await.map(|lines| lines.len()), Ok(120));
}
