use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use datafusion::{
    datasource::{physical_plan::ParquetSource, source::DataSourceExec},
    logical_expr::Operator,
    physical_expr::{
        PhysicalExpr,
        expressions::{BinaryExpr, Column, IsNullExpr, Literal},
    },
    physical_plan::{ExecutionPlan, ExecutionPlanProperties, metrics::MetricValue},
    scalar::ScalarValue,
};
use lakeward_domain::{Class, LogicalType as T, Table};
use lakeward_lake::{Error, ScanRequest};

use crate::house::{House, access, all, batch, id};

/// Two partitions of four files each of 2,000 rows in two row groups.
async fn table(house: &mut House) -> Table {
    let columns = [
        ("p", T::Int, true, Class::Open),
        ("n", T::BigInt, true, Class::Open),
        ("mrn", T::BigInt, true, Class::Phi),
        ("ssn", T::String, true, Class::Phi),
    ];
    let mut table = house.table(&columns, &["p"]).await;
    for file in 0..4_i64 {
        for p in [Some(1), None] {
            let from = file * 2_000;
            let rows = rows(&table, p, from);
            house.append(&mut table, &[rows]).await;
        }
    }
    table
}

fn rows(table: &Table, p: Option<i32>, from: i64) -> RecordBatch {
    let numbers = || Arc::new(Int64Array::from_iter_values(from..from + 2_000)) as ArrayRef;
    let ssn = (from..from + 2_000).map(|n| format!("900-{n:06}"));
    batch(
        table,
        vec![
            Arc::new(Int32Array::from(vec![p; 2_000])),
            numbers(),
            numbers(),
            Arc::new(StringArray::from_iter_values(ssn)),
        ],
    )
}

fn column(table: &Table, name: &str) -> Arc<dyn PhysicalExpr> {
    let id = id(table, name);
    let position = table.columns.iter().position(|column| column.id == id);
    Arc::new(Column::new(&id.to_string(), position.unwrap()))
}

fn compare(left: Arc<dyn PhysicalExpr>, op: Operator, value: ScalarValue) -> Arc<dyn PhysicalExpr> {
    Arc::new(BinaryExpr::new(left, op, Arc::new(Literal::new(value))))
}

fn files(plan: &Arc<dyn ExecutionPlan>) -> usize {
    let Some(scan) = plan.downcast_ref::<DataSourceExec>() else {
        return 0;
    };
    let (config, _) = scan.downcast_to_file_source::<ParquetSource>().unwrap();
    config.file_groups.iter().map(|group| group.len()).sum()
}

fn pruned_row_groups(plan: &Arc<dyn ExecutionPlan>) -> usize {
    let metrics = plan.metrics().unwrap();
    let found = metrics.sum_by_name("row_groups_pruned_statistics");
    match found {
        Some(MetricValue::PruningMetrics {
            pruning_metrics, ..
        }) => pruning_metrics.pruned(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_pruned_by_partition_and_by_statistics() {
    let mut house = House::new().await;
    let table = table(&mut house).await;
    let snapshot = house.store.snapshot(&table).await.unwrap();
    let is_null: Arc<dyn PhysicalExpr> = Arc::new(IsNullExpr::new(column(&table, "p")));
    let int = |value| ScalarValue::Int32(Some(value));
    let long = |value| ScalarValue::Int64(Some(value));
    let cases = [
        (None, 8),
        (Some(compare(column(&table, "p"), Operator::Eq, int(1))), 4),
        (Some(compare(column(&table, "p"), Operator::Eq, int(2))), 0),
        (Some(is_null), 4),
        (
            Some(compare(column(&table, "n"), Operator::GtEq, long(6_000))),
            2,
        ),
        (Some(compare(column(&table, "n"), Operator::Lt, long(0))), 0),
        // No statistics of PHI in the log.
        (
            Some(compare(column(&table, "mrn"), Operator::Lt, long(0))),
            8,
        ),
    ];
    for (predicate, expected) in cases {
        let request = ScanRequest {
            predicate: predicate.clone(),
            ..all(&snapshot)
        };
        let plan = house.store.scan(&snapshot, request).unwrap();
        assert_eq!(files(&plan), expected, "{predicate:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn row_groups_of_encrypted_files_are_pruned_even_by_phi() {
    let mut house = House::new().await;
    let table = table(&mut house).await;
    let snapshot = house.store.snapshot(&table).await.unwrap();
    let wanted = ScalarValue::Utf8View(Some("900-004500".into()));
    let request = ScanRequest {
        predicate: Some(compare(column(&table, "ssn"), Operator::Eq, wanted)),
        ..all(&snapshot)
    };
    let plan = house.store.scan(&snapshot, request).unwrap();
    let read = house.run(Arc::clone(&plan)).await.unwrap();
    let rows: usize = read.iter().map(RecordBatch::num_rows).sum();
    // Of 16 row groups, one in each partition; the page index narrows it further.
    assert_eq!(pruned_row_groups(&plan), 14);
    assert!(rows <= 2_000, "{rows}");
    let found: usize = read
        .iter()
        .map(|batch| {
            let ssn = arrow::compute::cast(batch.column(3), &arrow::datatypes::DataType::Utf8);
            let ssn = ssn.unwrap();
            let ssn = ssn.as_any().downcast_ref::<StringArray>().unwrap().clone();
            (0..ssn.len())
                .filter(|row| ssn.value(*row) == "900-004500")
                .count()
        })
        .sum();
    assert_eq!(found, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_predicate_works_when_some_columns_are_refused() {
    let mut house = House::new().await;
    let table = table(&mut house).await;
    let snapshot = house.store.snapshot(&table).await.unwrap();
    let request = ScanRequest {
        access: access(&table, &["p", "n"]),
        projection: Some(vec![1]),
        predicate: Some(compare(
            column(&table, "n"),
            Operator::Lt,
            ScalarValue::Int64(Some(500)),
        )),
        ..all(&snapshot)
    };
    let plan = house.store.scan(&snapshot, request).unwrap();
    let read = house.run(Arc::clone(&plan)).await.unwrap();
    assert_eq!(pruned_row_groups(&plan), 2);
    assert_eq!(read.iter().map(RecordBatch::num_rows).sum::<usize>(), 2_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_predicate_on_a_refused_column_is_refused() {
    let mut house = House::new().await;
    let table = table(&mut house).await;
    let snapshot = house.store.snapshot(&table).await.unwrap();
    let request = ScanRequest {
        access: access(&table, &["n"]),
        projection: Some(vec![1]),
        predicate: Some(compare(
            column(&table, "mrn"),
            Operator::Lt,
            ScalarValue::Int64(Some(0)),
        )),
        ..all(&snapshot)
    };
    let refused = house.store.scan(&snapshot, request).unwrap_err();
    assert!(matches!(refused, Error::KeyRefused { .. }), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_of_a_column_that_became_phi_are_not_used() {
    let mut house = House::new().await;
    let mut table = table(&mut house).await;
    let n = id(&table, "n");
    for column in &mut table.columns {
        if column.id == n {
            column.tags.insert("phi".into(), "mrn".into());
        }
    }
    let snapshot = house.store.snapshot(&table).await.unwrap();
    let request = ScanRequest {
        predicate: Some(compare(
            column(&table, "n"),
            Operator::Lt,
            ScalarValue::Int64(Some(0)),
        )),
        ..all(&snapshot)
    };
    let plan = house.store.scan(&snapshot, request).unwrap();
    assert_eq!(files(&plan), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_dealt_out_whole() {
    let mut house = House::new().await;
    let table = table(&mut house).await;
    let snapshot = house.store.snapshot(&table).await.unwrap();
    for (wanted, expected) in [(1, 1), (3, 3), (100, 8), (0, 1)] {
        let request = ScanRequest {
            target_partitions: wanted,
            ..all(&snapshot)
        };
        let plan = house.store.scan(&snapshot, request).unwrap();
        assert_eq!(plan.output_partitioning().partition_count(), expected);
        assert_eq!(files(&plan), 8);
    }
}
