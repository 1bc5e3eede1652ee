#![expect(
    clippy::disallowed_methods,
    reason = "tests read back what was written as output"
)]

use std::sync::Arc;

use arrow::{
    array::{Array, Int64Array, ListArray, StringArray},
    datatypes::{DataType, Field, Int64Type, Schema},
};
use lakeward_domain::Code;

use super::*;

fn batch() -> RecordBatch {
    let lists =
        ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1), Some(2)]), None]);
    let schema = Schema::new(vec![
        Field::new("n", DataType::Int64, true),
        Field::new("text", DataType::Utf8, true),
        Field::new("list", lists.data_type().clone(), true),
    ]);
    RecordBatch::try_new(
        Arc::new(schema),
        vec![
            Arc::new(Int64Array::from(vec![Some(7), None])),
            Arc::new(StringArray::from(vec![Some("a,\"b\""), None])),
            Arc::new(lists),
        ],
    )
    .unwrap()
}

fn written(format: Format) -> Vec<u8> {
    let (mut out, captured) = Out::captured(format);
    out.batch(&batch()).unwrap();
    assert_eq!(captured.stderr(), "");
    captured.data()
}

#[test]
fn each_format_holds_the_rows() {
    let text = |format| String::from_utf8(written(format)).unwrap();
    assert_eq!(
        text(Format::Json),
        "[{\"n\":7,\"text\":\"a,\\\"b\\\"\",\"list\":[1,2]},{\"n\":null,\"text\":null,\"list\":null}]\n"
    );
    assert_eq!(text(Format::Ndjson).lines().count(), 2);
    assert_eq!(
        text(Format::Csv),
        "n,text,list\n7,\"a,\"\"b\"\"\",\"[1, 2]\"\n,,\n"
    );
    assert!(text(Format::Table).contains("NULL"));
    assert!(text(Format::Md).starts_with('|'));
    let arrow = written(Format::Arrow);
    let stream = arrow::ipc::reader::StreamReader::try_new(&arrow[..], None);
    assert_eq!(stream.unwrap().next().unwrap().unwrap(), batch());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.parquet");
    let (mut out, _) = Out::captured(Format::Parquet);
    out.to = Some(path.clone());
    out.batch(&batch()).unwrap();
    assert_eq!(
        files::read(&path, 1 << 20).unwrap(),
        written(Format::Parquet)
    );
    assert!(written(Format::Parquet).starts_with(b"PAR1"));
}

#[test]
fn a_long_table_comes_in_sections_and_loses_no_row() {
    let n = 2_500;
    let schema = Schema::new(vec![Field::new("n", DataType::Int64, false)]);
    let column = Int64Array::from_iter_values(0..n);
    let batch = RecordBatch::try_new(Arc::new(schema), vec![Arc::new(column)]).unwrap();
    let (mut out, captured) = Out::captured(Format::Table);
    out.batch(&batch).unwrap();
    let text = captured.stdout();
    let rows = text
        .lines()
        .filter(|line| line.contains(|c: char| c.is_ascii_digit()))
        .count();
    assert_eq!(rows, 2_500);
    assert_eq!(text.matches(" n ").count(), 3);
}

#[test]
fn an_error_says_code_cause_place_and_what_to_do() {
    let (mut out, captured) = Out::captured(Format::Table);
    out.error(&Error::new(
        Code::NotFound,
        "table does not exist, or you may not see it",
    ))
    .unwrap();
    assert_eq!(
        captured.stderr(),
        format!(
            "NOT_FOUND: table does not exist, or you may not see it\nhelp: {}\n",
            Code::NotFound.help()
        )
    );
    assert_eq!(captured.stdout(), "");
}

#[test]
fn a_file_is_for_its_owner_and_takes_one_answer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.csv");
    let (mut out, captured) = Out::captured(Format::Csv);
    out.to = Some(path.clone());
    out.batch(&batch()).unwrap();
    assert_eq!(files::mode(&path).unwrap(), 0o600);
    assert_eq!(captured.stdout(), "");
    assert_eq!(out.batch(&batch()).unwrap_err().code(), Code::Usage);
    let (mut again, _) = Out::captured(Format::Csv);
    again.to = Some(path);
    assert_eq!(again.batch(&batch()).unwrap_err().code(), Code::Usage);
}
