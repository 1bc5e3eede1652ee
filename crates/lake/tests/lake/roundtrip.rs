use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array,
        Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, LargeStringArray, ListArray,
        MapBuilder, StringArray, StringBuilder, StructArray, TimestampMicrosecondArray,
        TimestampNanosecondArray,
    },
    datatypes::{DataType, Int64Type},
};
use lakeward_domain::{Class, Code, Field, LogicalType as T, Name};
use lakeward_lake::{Error, ScanRequest, TableChange, arrow_type};

use crate::house::{House, access, all, batch, id, lines, note};

#[tokio::test(flavor = "multi_thread")]
async fn every_type_comes_back_as_it_was_written() {
    let mut house = House::new().await;
    let name = |text: &str| Name::parse(text).unwrap();
    let inner = T::Struct(vec![
        Field {
            name: name("ssn"),
            data_type: T::String,
            nullable: true,
        },
        Field {
            name: name("codes"),
            data_type: T::Array(Box::new(T::Int), true),
            nullable: true,
        },
    ]);
    let columns = [
        ("b", T::Boolean, true, Class::Open),
        ("i1", T::TinyInt, true, Class::Open),
        ("i2", T::SmallInt, true, Class::Sensitive),
        ("i4", T::Int, true, Class::Phi),
        ("i8", T::BigInt, false, Class::Open),
        ("f4", T::Float, true, Class::Open),
        ("f8", T::Double, true, Class::Phi),
        ("d", T::Decimal(12, 2), true, Class::Open),
        ("s", T::String, true, Class::Phi),
        ("y", T::Binary, true, Class::Phi),
        ("day", T::Date, true, Class::Open),
        ("at", T::Timestamp, true, Class::Open),
        ("wall", T::TimestampNtz, true, Class::Open),
        ("st", inner.clone(), true, Class::Phi),
        ("l", T::Array(Box::new(T::BigInt), true), true, Class::Open),
        (
            "m",
            T::Map(Box::new(T::String), Box::new(T::String), true),
            true,
            Class::Phi,
        ),
    ];
    let mut table = house.table(&columns, &[]).await;
    let list = ListArray::from_iter_primitive::<Int64Type, _, _>([
        Some(vec![Some(1), None]),
        None,
        Some(vec![]),
    ]);
    let DataType::Struct(fields) = arrow_type(&inner) else {
        panic!("a struct");
    };
    let codes = ListArray::from_iter_primitive::<arrow::datatypes::Int32Type, _, _>([
        Some(vec![Some(7)]),
        None,
        Some(vec![None]),
    ]);
    let codes = arrow::compute::cast(&codes, fields[1].data_type()).unwrap();
    let st = StructArray::new(
        fields,
        vec![
            Arc::new(StringArray::from(vec![Some("900-12-3456"), None, Some("")])) as ArrayRef,
            codes,
        ],
        Some(vec![true, true, false].into()),
    );
    let mut map = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    map.keys().append_value("k");
    map.values().append_null();
    map.append(true).unwrap();
    map.append(false).unwrap();
    map.append(true).unwrap();
    let rows = batch(
        &table,
        vec![
            Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])),
            Arc::new(Int8Array::from(vec![Some(-128), None, Some(127)])),
            Arc::new(Int16Array::from(vec![Some(-1), None, Some(1)])),
            Arc::new(Int32Array::from(vec![Some(i32::MIN), None, Some(i32::MAX)])),
            Arc::new(Int64Array::from(vec![i64::MIN, 0, i64::MAX])),
            Arc::new(Float32Array::from(vec![Some(f32::NAN), None, Some(-0.0)])),
            Arc::new(Float64Array::from(vec![
                Some(1.5),
                None,
                Some(f64::INFINITY),
            ])),
            Arc::new(
                Decimal128Array::from(vec![Some(-123_456), None, Some(1)])
                    .with_precision_and_scale(12, 2)
                    .unwrap(),
            ),
            // Other spellings of the table's types are taken too.
            Arc::new(LargeStringArray::from(vec![
                Some("Ünï\u{0}"),
                None,
                Some(""),
            ])),
            Arc::new(BinaryArray::from(vec![
                Some(&b"\xff\x00"[..]),
                None,
                Some(b""),
            ])),
            Arc::new(Date32Array::from(vec![Some(-719_000), None, Some(19_782)])),
            Arc::new(
                TimestampNanosecondArray::from(vec![
                    Some(1_709_210_096_000_007_000),
                    None,
                    Some(0),
                ])
                .with_timezone("UTC"),
            ),
            Arc::new(TimestampMicrosecondArray::from(vec![
                Some(-1),
                None,
                Some(1),
            ])),
            Arc::new(st),
            Arc::new(list),
            Arc::new(map.finish()),
        ],
    );
    house
        .append(&mut table, &[rows.clone(), rows.clone()])
        .await;
    let read = house.read(&table).await.unwrap();
    assert_eq!(read[0].schema(), lakeward_lake::arrow_schema(&table));
    let cast: Vec<ArrayRef> = read[0]
        .schema()
        .fields()
        .iter()
        .map(|field| {
            let array = rows.column_by_name(field.name()).unwrap();
            arrow::compute::cast(array, field.data_type()).unwrap()
        })
        .collect();
    let expected = arrow::array::RecordBatch::try_new(read[0].schema(), cast).unwrap();
    assert_eq!(lines(&read), lines(&[expected.clone(), expected]));
    // Another process reads the same.
    let other = house.reopened().await;
    assert_eq!(other.lines(&table).await, lines(&read));
}

#[tokio::test(flavor = "multi_thread")]
async fn partitioned_tables_come_back_in_the_tables_own_column_order() {
    let mut house = House::new().await;
    let columns = [
        ("state", T::String, true, Class::Open),
        ("n", T::BigInt, true, Class::Phi),
        ("day", T::Date, true, Class::Open),
    ];
    let mut table = house.table(&columns, &["day", "state"]).await;
    let rows = batch(
        &table,
        vec![
            Arc::new(StringArray::from(vec![
                Some("MA"),
                Some(""),
                None,
                Some("MA"),
                Some("\\x"),
            ])),
            Arc::new(Int64Array::from(vec![1, 2, 3, 4, 5])),
            Arc::new(Date32Array::from(vec![
                Some(1),
                Some(1),
                None,
                Some(1),
                Some(2),
            ])),
        ],
    );
    house.append(&mut table, std::slice::from_ref(&rows)).await;
    let snapshot = house.store.snapshot(&table).await.unwrap();
    assert_eq!((snapshot.file_count(), snapshot.rows()), (4, 5));
    assert_eq!(house.lines(&table).await, lines(&[rows]));
    // A projection in any order.
    let request = ScanRequest {
        projection: Some(vec![2, 1]),
        access: access(&table, &["day", "n"]),
        ..all(&snapshot)
    };
    let plan = house.store.scan(&snapshot, request).unwrap();
    let names: Vec<_> = plan
        .schema()
        .fields()
        .iter()
        .map(|f| f.name().clone())
        .collect();
    assert_eq!(
        names,
        [id(&table, "day").to_string(), id(&table, "n").to_string()]
    );
    assert_eq!(
        house
            .run(plan)
            .await
            .unwrap()
            .iter()
            .map(|b| b.num_rows())
            .sum::<usize>(),
        5
    );
    // No value is in a path.
    for path in crate::house::walk(&house.folder()) {
        let path = path.to_string_lossy();
        assert!(!path.contains("MA") && !path.contains('='), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_table_yields_no_rows_with_the_tables_schema() {
    let mut house = House::new().await;
    let table = house.table(&[("n", T::Int, true, Class::Open)], &[]).await;
    let snapshot = house.store.snapshot(&table).await.unwrap();
    let plan = house.store.scan(&snapshot, all(&snapshot)).unwrap();
    assert_eq!(plan.schema(), *snapshot.schema());
    assert!(
        house
            .run(plan)
            .await
            .unwrap()
            .iter()
            .all(|b| b.num_rows() == 0)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_that_do_not_fit_are_refused_by_column() {
    let mut house = House::new().await;
    let columns = [
        ("n", T::BigInt, false, Class::Open),
        ("s", T::String, true, Class::Phi),
    ];
    let table = house.table(&columns, &[]).await;
    let n = |values: Vec<Option<i64>>| Arc::new(Int64Array::from(values)) as ArrayRef;
    let s = |text: &str| Arc::new(StringArray::from(vec![text])) as ArrayRef;
    let cases = [
        (
            batch(&table, vec![n(vec![None]), s("x")]),
            Code::ConstraintViolated,
        ),
        (batch(&table, vec![s("1"), s("x")]), Code::TypeMismatch),
        (batch(&table, vec![n(vec![Some(1)])]), Code::TypeMismatch),
    ];
    for (rows, code) in cases {
        let mut writer = house.store.writer(&table, None).unwrap();
        let error = writer.write(rows).await.unwrap_err();
        assert_eq!(error.code(), code, "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_rolls_over_to_a_new_file() {
    let mut house = House::new().await;
    let table = house
        .table(&[("n", T::BigInt, true, Class::Open)], &[])
        .await;
    let mut writer = house.store.writer(&table, Some(400)).unwrap();
    let rows = batch(
        &table,
        vec![Arc::new(Int64Array::from_iter_values(0..1_000))],
    );
    writer.write(rows).await.unwrap();
    assert_eq!(writer.rows(), 1_000);
    let files = writer.finish().await.unwrap();
    let rows: Vec<u64> = files.iter().map(|file| file.rows()).collect();
    assert_eq!(rows.iter().sum::<u64>(), 1_000);
    assert_eq!(rows.iter().max(), Some(&400));
    house.store.discard(table.id, files).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn few_open_partitions_still_take_all_rows() {
    let options = lakeward_lake::Options {
        open_partitions: 3,
        ..crate::house::small()
    };
    let mut house = House::with(options).await;
    let columns = [
        ("p", T::Int, true, Class::Open),
        ("n", T::BigInt, true, Class::Open),
    ];
    let mut table = house.table(&columns, &["p"]).await;
    let rows = |from: i64| {
        batch(
            &table,
            vec![
                Arc::new(Int32Array::from_iter_values((0..100).map(|i| i % 10))) as ArrayRef,
                Arc::new(Int64Array::from_iter_values(from..from + 100)),
            ],
        )
    };
    let batches = [rows(0), rows(100), rows(200)];
    house.append(&mut table, &batches).await;
    assert_eq!(house.lines(&table).await, lines(&batches));
}

#[tokio::test(flavor = "multi_thread")]
async fn phi_and_inexact_types_are_no_partition_columns() {
    let mut house = House::new().await;
    for (data_type, class) in [(T::String, Class::Phi), (T::Double, Class::Open)] {
        let columns = [
            ("p", data_type, true, class),
            ("n", T::BigInt, true, Class::Open),
        ];
        let table = house.defined(&columns, &["p"]).await;
        let refused = house.store.create_table(&table, note()).await;
        assert!(
            matches!(refused, Err(Error::Partition { .. })),
            "{refused:?}"
        );
        assert!(house.store.writer(&table, None).is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_can_be_replaced_by_other_columns() {
    let mut house = House::new().await;
    let mut table = house
        .table(&[("n", T::BigInt, true, Class::Open)], &[])
        .await;
    let rows = batch(&table, vec![Arc::new(Int64Array::from(vec![1, 2]))]);
    house.append(&mut table, &[rows]).await;
    let mut new = house
        .defined(&[("wall", T::TimestampNtz, true, Class::Phi)], &[])
        .await;
    (new.id, new.keys) = (table.id, table.keys.clone());
    let rows = batch(
        &new,
        vec![Arc::new(TimestampMicrosecondArray::from(vec![5]))],
    );
    let files = house.files(&new, std::slice::from_ref(&rows)).await;
    let change = TableChange::Replace { new: &new, files };
    new.published = house.store.commit(&table, change, note()).await.unwrap();
    assert_eq!(house.lines(&new).await, lines(&[rows]));
    // The version before is still there for who reads at it.
    assert_eq!(house.lines(&table).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn counting_rows_reads_no_file_and_releases_no_key() {
    let mut house = House::new().await;
    let columns = [("s", T::String, true, Class::Phi)];
    let mut table = house.table(&columns, &[]).await;
    let rows = batch(&table, vec![Arc::new(StringArray::from(vec!["a", "b"]))]);
    house.append(&mut table, &[rows]).await;
    let snapshot = house.store.snapshot(&table).await.unwrap();
    let access = access(&table, &[]);
    let request = ScanRequest {
        access: Arc::clone(&access),
        projection: Some(vec![]),
        ..all(&snapshot)
    };
    let plan = house.store.scan(&snapshot, request).unwrap();
    let rows: usize = house
        .run(plan)
        .await
        .unwrap()
        .iter()
        .map(|b| b.num_rows())
        .sum();
    assert_eq!(rows, 2);
    assert!(access.released().is_empty());
}
