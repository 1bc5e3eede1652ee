use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use datafusion::{
    datasource::{
        physical_plan::{FileScanConfigBuilder, ParquetSource},
        source::DataSourceExec,
    },
    physical_plan::ExecutionPlan,
};
use lakeward_domain::{Class, Code, FileId, LogicalType as T, Table};
use lakeward_keys::Kms;
use lakeward_lake::{Error, GuardStore, ScanRequest, code_of};
use object_store::{ObjectStore, ObjectStoreExt, local::LocalFileSystem, path::Path};

use crate::house::{House, access, all, batch, id, walk};

const SSN: &str = "900-12-3456";

async fn patients(house: &mut House) -> Table {
    let columns = [
        ("n", T::BigInt, true, Class::Open),
        ("zip", T::String, true, Class::Sensitive),
        ("ssn", T::String, true, Class::Phi),
    ];
    house.table(&columns, &[]).await
}

fn rows(table: &Table, from: i64, count: i64) -> RecordBatch {
    let text = |value: String| {
        Arc::new(StringArray::from_iter_values(
            (0..count).map(|_| value.clone()),
        )) as ArrayRef
    };
    batch(
        table,
        vec![
            Arc::new(Int64Array::from_iter_values(from..from + count)),
            text("02139".into()),
            text(SSN.into()),
        ],
    )
}

fn guard(house: &House) -> GuardStore {
    let inner = LocalFileSystem::new_with_prefix(house.folder()).unwrap();
    GuardStore::new(Arc::new(inner), Arc::clone(&house.keys))
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_on_the_disk_can_be_read() {
    let mut house = House::new().await;
    let mut table = patients(&mut house).await;
    for from in 0..12 {
        let batch = rows(&table, from, 100);
        house.append(&mut table, &[batch]).await;
    }
    house.store.checkpoint(&table).await.unwrap();
    let column = id(&table, "ssn").to_string();
    let words = [
        SSN,
        "02139",
        "numRecords",
        "commitInfo",
        "insert",
        &column,
        "patients",
    ];
    let files = walk(&house.folder());
    assert!(files.len() >= 25);
    let holds = |bytes: &[u8], word: &str| bytes.windows(word.len()).any(|w| w == word.as_bytes());
    let mut seen = 0;
    for path in files {
        let bytes = std::fs::read(&path).unwrap();
        if path.extension().is_some_and(|ext| ext == "parquet")
            && !path.to_string_lossy().contains("_delta_log")
        {
            assert!(bytes.starts_with(b"PARE") && bytes.ends_with(b"PARE"));
            seen += 1;
        } else {
            assert!(bytes.starts_with(b"LWSEAL"), "{}", path.display());
        }
        for word in words {
            assert!(!holds(&bytes, word), "{word} in {}", path.display());
        }
    }
    assert_eq!(seen, 12);
    // The positive control: the same words in the opened log.
    let log = Path::from(format!("{}/_delta_log/00000000000000000001.json", table.id));
    let open = guard(&house)
        .get(&log)
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    for word in ["numRecords", "commitInfo", "insert"] {
        assert!(holds(&open, word), "{word}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_has_statistics_of_open_columns_only() {
    let mut house = House::new().await;
    let mut table = patients(&mut house).await;
    let batch = rows(&table, 5, 10);
    house.append(&mut table, &[batch]).await;
    let log = Path::from(format!("{}/_delta_log/00000000000000000001.json", table.id));
    let open = guard(&house)
        .get(&log)
        .await
        .unwrap()
        .bytes()
        .await
        .unwrap();
    let text = String::from_utf8(open.to_vec()).unwrap();
    assert!(!text.contains(SSN) && !text.contains("02139"));
    assert!(!text.contains(&id(&table, "ssn").to_string()));
    assert!(!text.contains(&id(&table, "zip").to_string()));
    let n = id(&table, "n").to_string();
    assert!(
        text.contains(&format!("\\\"minValues\\\":{{\\\"{n}\\\":5}}")),
        "{text}"
    );
    assert!(text.contains("\\\"numRecords\\\":10"));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_allowed_columns_keys_are_released() {
    let mut house = House::new().await;
    let mut table = patients(&mut house).await;
    for from in [0, 100] {
        let batch = rows(&table, from, 100);
        house.append(&mut table, &[batch]).await;
    }
    // A process that has unwrapped nothing yet.
    let house = house.reopened().await;
    let snapshot = house.store.snapshot(&table).await.unwrap();
    let before = house.kms.unwraps();
    let open = access(&table, &["n"]);
    let request = ScanRequest {
        access: Arc::clone(&open),
        projection: Some(vec![0]),
        ..all(&snapshot)
    };
    let plan = house.store.scan(&snapshot, request.clone()).unwrap();
    house.run(plan).await.unwrap();
    assert_eq!(
        open.released().into_iter().collect::<Vec<_>>(),
        [(id(&table, "n"), 2)]
    );
    assert_eq!(
        house.kms.unwraps() - before,
        1,
        "the KEK of open columns, which footers use too"
    );
    // Again, from the footer cache: no file is read for it, and it counts the same.
    let hits = house.store.footer_hits();
    let plan = house.store.scan(&snapshot, request).unwrap();
    house.run(plan).await.unwrap();
    assert_eq!(house.store.footer_hits() - hits, 2);
    assert_eq!(open.released()[&id(&table, "n")], 4);
    // All columns: a cached footer of fewer columns does not serve.
    let full = all(&snapshot);
    let plan = house.store.scan(&snapshot, full.clone()).unwrap();
    assert_eq!(
        house
            .run(plan)
            .await
            .unwrap()
            .iter()
            .map(RecordBatch::num_rows)
            .sum::<usize>(),
        200
    );
    assert_eq!(full.access.released().values().sum::<u64>(), 6);
    assert_eq!(house.kms.unwraps() - before, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_of_a_refused_column_is_refused() {
    let mut house = House::new().await;
    let mut table = patients(&mut house).await;
    let batch = rows(&table, 0, 10);
    house.append(&mut table, &[batch]).await;
    let snapshot = house.store.snapshot(&table).await.unwrap();
    let request = ScanRequest {
        access: access(&table, &["n", "zip"]),
        ..all(&snapshot)
    };
    let refused = house.store.scan(&snapshot, request).unwrap_err();
    assert!(matches!(refused, Error::KeyRefused { column } if column == id(&table, "ssn")));
}

/// A bug that gets past the check: the plan is changed after it.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_column_cannot_be_decrypted_even_by_a_changed_plan() {
    let mut house = House::new().await;
    let mut table = patients(&mut house).await;
    let batch = rows(&table, 0, 10);
    house.append(&mut table, &[batch]).await;
    let snapshot = house.store.snapshot(&table).await.unwrap();
    let widened = |names: &[&str], projection: Vec<usize>| {
        let request = ScanRequest {
            access: access(&table, names),
            projection: Some(projection),
            ..all(&snapshot)
        };
        let plan = house.store.scan(&snapshot, request).unwrap();
        let scan = plan.downcast_ref::<DataSourceExec>().unwrap();
        let (config, source) = scan.downcast_to_file_source::<ParquetSource>().unwrap();
        // The same source without the pushed-down projection: it reads all columns.
        let fresh = ParquetSource::new(source_schema(&table)).with_parquet_file_reader_factory(
            Arc::clone(source.parquet_file_reader_factory().unwrap()),
        );
        let config = FileScanConfigBuilder::new(config.object_store_url.clone(), Arc::new(fresh))
            .with_file_groups(config.file_groups.clone())
            .build();
        DataSourceExec::from_data_source(config) as Arc<dyn ExecutionPlan>
    };
    // Positive control: with all keys the changed plan reads everything.
    let plan = widened(&["n", "zip", "ssn"], vec![0, 1, 2]);
    assert_eq!(house.run(plan).await.unwrap()[0].num_columns(), 3);
    let plan = widened(&["n"], vec![0]);
    let error = house.run(plan).await.unwrap_err();
    assert!(!error.to_string().contains(SSN));
}

fn source_schema(table: &Table) -> arrow::datatypes::SchemaRef {
    lakeward_lake::arrow_schema(table)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_file_and_leaf_column_has_a_key_of_its_own() {
    let mut house = House::new().await;
    let nested = T::Map(Box::new(T::String), Box::new(T::String), true);
    let columns = [
        ("n", T::BigInt, true, Class::Open),
        ("m", nested, true, Class::Phi),
    ];
    let mut table = house.table(&columns, &[]).await;
    let empty = |table: &Table| {
        let schema = lakeward_lake::arrow_schema(table);
        let columns = schema.fields().iter();
        let columns = columns.map(|f| arrow::array::new_null_array(f.data_type(), 3));
        batch(table, columns.collect())
    };
    for _ in 0..2 {
        let rows = empty(&table);
        house.append(&mut table, &[rows]).await;
    }
    let snapshot = house.store.snapshot(&table).await.unwrap();
    let request = all(&snapshot);
    let plan = house.store.scan(&snapshot, request.clone()).unwrap();
    house.run(plan).await.unwrap();
    let released = request.access.released();
    assert_eq!(released[&id(&table, "n")], 2);
    assert_eq!(
        released[&id(&table, "m")],
        4,
        "key and value leaves of two files"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_one_name_does_not_pass_for_another() {
    let mut house = House::new().await;
    let mut table = patients(&mut house).await;
    for from in [0, 100] {
        let batch = rows(&table, from, 100);
        house.append(&mut table, &[batch]).await;
    }
    let files: Vec<_> = walk(&house.folder())
        .into_iter()
        .filter(|path| path.parent().unwrap().ends_with(table.id.to_string()))
        .collect();
    let (first, second) = (
        std::fs::read(&files[0]).unwrap(),
        std::fs::read(&files[1]).unwrap(),
    );
    std::fs::write(&files[0], &second).unwrap();
    std::fs::write(&files[1], &first).unwrap();
    let house = house.reopened().await;
    let snapshot = house.store.snapshot(&table).await.unwrap();
    let plan = house.store.scan(&snapshot, all(&snapshot)).unwrap();
    let error = house.run(plan).await.unwrap_err();
    assert_eq!(code_of(&error), Some(Code::DataTampered), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_guard_refuses_what_is_not_encrypted() {
    let mut house = House::new().await;
    let table = patients(&mut house).await;
    let guard = guard(&house);
    let data = Path::from(format!("{}/{}.parquet", table.id, FileId::random()));
    let cases: [(&Path, &[u8]); 5] = [
        (&data, b"PAR1 a plain Parquet file PAR1"),
        (&data, b"PARE begun well, ended PAR1"),
        (&data, b"PARE"),
        (&Path::from("notes.txt"), b"PARE anything PARE"),
        (
            &Path::from(format!("{}/x.csv", table.id)),
            b"ssn\n900-12-3456\n",
        ),
    ];
    for (path, bytes) in cases {
        let refused = guard.put(path, bytes.to_vec().into()).await.unwrap_err();
        assert!(
            refused.to_string().contains("refused to write"),
            "{path}: {refused}"
        );
        let part = async {
            let mut upload = guard.put_multipart(path).await?;
            for chunk in bytes.chunks(3) {
                upload.put_part(chunk.to_vec().into()).await?;
            }
            upload.complete().await
        };
        assert!(part.await.is_err(), "{path}");
        assert!(guard.head(path).await.is_err(), "{path} is there");
    }
    let to = Path::from(format!("{}/{}.parquet", table.id, FileId::random()));
    assert!(guard.copy(&data, &to).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn sealed_objects_have_their_plain_size_and_ranges() {
    let mut house = House::new().await;
    let table = patients(&mut house).await;
    let guard = guard(&house);
    let path = Path::from(format!(
        "{}/_delta_log/00000000000000000099.checkpoint.parquet",
        table.id
    ));
    let plain: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
    let mut upload = guard.put_multipart(&path).await.unwrap();
    for chunk in plain.chunks(70_001) {
        upload.put_part(chunk.to_vec().into()).await.unwrap();
    }
    upload.complete().await.unwrap();
    assert_eq!(guard.head(&path).await.unwrap().size, plain.len() as u64);
    let range = guard.get_range(&path, 65_530..65_545).await.unwrap();
    assert_eq!(range, plain[65_530..65_545]);
    let ranges = guard
        .get_ranges(&path, &[0..1, 799_999..800_000])
        .await
        .unwrap();
    assert_eq!(ranges[1], plain[799_999..800_000]);
    assert_eq!(
        guard.get(&path).await.unwrap().bytes().await.unwrap(),
        plain
    );
    // Bound to its path: a copy elsewhere by hand does not open.
    let file = house.folder().join(path.as_ref());
    let moved = Path::from(format!(
        "{}/_delta_log/00000000000000000098.checkpoint.parquet",
        table.id
    ));
    std::fs::copy(file, house.folder().join(moved.as_ref())).unwrap();
    assert!(guard.get(&moved).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn forgotten_keys_are_asked_for_again() {
    let mut house = House::new().await;
    let mut table = patients(&mut house).await;
    let batch = rows(&table, 0, 10);
    house.append(&mut table, &[batch]).await;
    house.lines(&table).await;
    house.store.forget_keys();
    house.keyring.drop_all();
    let before = house.kms.unwraps();
    house.lines(&table).await;
    assert_eq!(house.kms.unwraps() - before, 3);
}
