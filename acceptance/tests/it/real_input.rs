//! Real files, compared with DuckDB.
//!
//! Every CSV of the Synthea and the OMOP samples goes through ingest, and a script asks DuckDB the
//! same questions over the raw files (`python/expected.py`). What two engines infer may differ
//! without either being wrong, so values are compared as what they mean: numbers as numbers, to six
//! decimals (where an average of decimals ends here; there it is a float); a timestamp at midnight equals its date; a time zone of UTC is no difference. What
//! a column *is* may not differ but in the ways that [`kind_fits`] lists.

use std::{collections::BTreeMap, path::PathBuf, process::Command};

use lakeward_acceptance::{World, shared};
use lakeward_domain::{LogicalType, TableName};
use lakeward_ingest::{Request, Source, run};
use lakeward_phi::scrub::ScrubPolicy;
use serde_json::Value;

const FOLDERS: [(&str, &str); 2] = [
    ("data/synthea-csv-dev", "syn"),
    ("data/omop-eunomia", "omop"),
];

/// What DuckDB says, or `None` where there is no DuckDB. In CI it must be there.
fn expected() -> Option<Value> {
    let mut folders = Vec::new();
    for (folder, schema) in FOLDERS {
        folders.push(format!("{}={schema}", shared(folder)?.display()));
    }
    let python = std::env::var("LAKEWARD_PYTHON").unwrap_or_else(|_| "python3".into());
    let known = Command::new(&python).args(["-c", "import duckdb"]).output();
    if !known.is_ok_and(|output| output.status.success()) {
        assert!(
            std::env::var_os("CI").is_none(),
            "{python} must have duckdb in CI"
        );
        println!("skipped: {python} has no duckdb; set LAKEWARD_PYTHON to one that has");
        return None;
    }
    let out = tempfile::tempdir().unwrap();
    let answers = out.path().join("answers.json");
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("python/expected.py");
    let output = Command::new(&python)
        .arg(script)
        .arg(&answers)
        .args(folders)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    Some(serde_json::from_slice(&std::fs::read(answers).unwrap()).unwrap())
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap()
}

/// A lake with every file in it, as `syn.…` and `omop.…`, and a user who may see all of it.
async fn filled(expected: &Value) -> World {
    let world = World::new().await;
    world
        .script(
            "CREATE SCHEMA syn; CREATE SCHEMA omop; CREATE USER ana;
             GRANT SELECT, UNMASK ON CATALOG TO ana",
        )
        .await;
    let mut session = world.admin().await;
    for table in expected["tables"].as_array().unwrap() {
        let source = Source::File(PathBuf::from(text(table, "path")));
        let into: TableName = text(table, "table").parse().unwrap();
        let scrub = ScrubPolicy::builtin("internal").unwrap();
        let request = Request::new(source, into, scrub);
        let report = Box::pin(run(&mut session, request, &|_| ())).await;
        let report = report.unwrap_or_else(|error| panic!("{}: {error}", text(table, "table")));
        assert_eq!(report.quarantined, 0, "{}", text(table, "table"));
        assert_eq!(report.rows_written, table["rows"].as_u64().unwrap());
    }
    world
}

/// Whether a column is what the values in the file are.
fn kind_fits(rows: u64, theirs: &str, ours: &LogicalType) -> bool {
    use LogicalType as L;
    let whole = matches!(ours, L::TinyInt | L::SmallInt | L::Int | L::BigInt);
    match theirs {
        "DATE" => *ours == L::Date,
        t if t.starts_with("TIMESTAMP") => matches!(ours, L::Timestamp | L::TimestampNtz),
        "BOOLEAN" => *ours == L::Boolean,
        "BIGINT" => whole || matches!(ours, L::Decimal(_, 0)),
        // Money: exact here, a float there.
        "DOUBLE" => whole || matches!(ours, L::Decimal(..) | L::Double),
        // Nothing to infer from: no row, or no value in any row.
        _ => *ours == L::String || rows == 0,
    }
}

/// A value as what it means.
#[derive(Debug, Clone, PartialEq)]
enum Meaning {
    Whole(i64),
    Number(f64),
    Text(String),
}

/// Within this, two numbers are one: the last decimal of an average.
const CLOSE: f64 = 1.5e-6;

impl Meaning {
    fn of(value: &str) -> Self {
        let digits = |b: u8| b.is_ascii_digit() || b"+-.eE".contains(&b);
        let numeric = value.bytes().all(digits) && value.bytes().any(|b| b.is_ascii_digit());
        match value.parse::<f64>() {
            Ok(number)
                if numeric && (number - number.round()).abs() < CLOSE && number.abs() < 1e15 =>
            {
                Self::Whole(number.round() as i64)
            }
            Ok(number) if numeric => Self::Number(number),
            _ => Self::Text(Self::time(value).to_owned()),
        }
    }

    fn time(value: &str) -> &str {
        let bytes = value.as_bytes();
        let is_time =
            bytes.len() >= 19 && bytes[4] == b'-' && bytes[10] == b'T' && bytes[13] == b':';
        if !is_time {
            return value;
        }
        let value = value.strip_suffix('Z').unwrap_or(value);
        let value = value.strip_suffix("+00:00").unwrap_or(value);
        value.strip_suffix("T00:00:00").unwrap_or(value)
    }

    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => (a - b).abs() <= CLOSE + 1e-9 * a.abs(),
            _ => self == other,
        }
    }

    /// Rows sort by what is exact first, so that a last digit does not change who stands beside whom.
    fn exact(&self) -> Option<String> {
        match self {
            Self::Whole(number) => Some(format!("{number:020}")),
            Self::Number(_) => None,
            Self::Text(text) => Some(text.clone()),
        }
    }
}

/// Rows in an order of ours: ties, and text that two engines sort by different collations, are not
/// what is compared.
fn in_order(mut rows: Vec<Vec<Meaning>>) -> Vec<Vec<Meaning>> {
    rows.sort_by(|a, b| {
        let exact = |row: &[Meaning]| row.iter().map(Meaning::exact).collect::<Vec<_>>();
        let inexact = |row: &[Meaning]| {
            let number = |cell: &Meaning| match cell {
                Meaning::Number(number) => *number,
                Meaning::Whole(_) | Meaning::Text(_) => 0.0,
            };
            row.iter().map(number).collect::<Vec<f64>>()
        };
        let numbers = || {
            inexact(a)
                .partial_cmp(&inexact(b))
                .unwrap_or(std::cmp::Ordering::Equal)
        };
        exact(a).cmp(&exact(b)).then_with(numbers)
    });
    rows
}

/// The first pair of rows that differ.
fn differ(got: &[Vec<Meaning>], wanted: &[Vec<Meaning>]) -> Option<String> {
    if got.len() != wanted.len() {
        return Some(format!("{} rows, {} in DuckDB", got.len(), wanted.len()));
    }
    got.iter()
        .zip(wanted)
        .find(|(a, b)| a.len() != b.len() || !a.iter().zip(b.iter()).all(|(a, b)| a.is(b)))
        .map(|(a, b)| format!("{a:?} here, {b:?} in DuckDB"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_file_comes_in_whole_and_answers_as_duckdb_does() {
    let Some(expected) = expected() else { return };
    let tables = expected["tables"].as_array().unwrap();
    assert!(tables.len() >= 50, "{} files", tables.len());
    let world = filled(&expected).await;
    let state = world.lake().engine.state();

    let mut wrong = Vec::new();
    for table in tables {
        let name = text(table, "table");
        let rows = table["rows"].as_u64().unwrap();
        let counted = world
            .rows("ana", &format!("SELECT count(*) FROM {name}"))
            .await;
        assert_eq!(counted, [[rows.to_string()]], "{name}");
        let ours: BTreeMap<String, LogicalType> = state
            .table_by_name(&name.parse().unwrap())
            .unwrap()
            .columns
            .iter()
            .map(|column| (column.name.to_string(), column.data_type.clone()))
            .collect();
        let theirs = table["columns"].as_array().unwrap();
        assert_eq!(ours.len(), theirs.len(), "{name}");
        for column in theirs {
            let (column, kind) = (text(column, "name"), text(column, "type"));
            match ours.get(column) {
                Some(own) if kind_fits(rows, kind, own) => {}
                other => wrong.push(format!("{name}.{column}: {kind} there, {other:?} here")),
            }
        }
    }

    let queries = expected["queries"].as_array().unwrap();
    assert!(queries.len() >= 150, "{} queries", queries.len());
    let mut session = world.session("ana").await;
    for query in queries {
        let sql = text(query, "sql");
        let got = match lakeward_acceptance::world::outcome(&mut session, sql).await {
            Ok(rows) => rows
                .iter()
                .map(|row| row.iter().map(|value| Meaning::of(value)).collect())
                .collect(),
            Err(error) => {
                wrong.push(format!("{sql}\n  {error}"));
                continue;
            }
        };
        let wanted = query["rows"].as_array().unwrap().iter().map(|row| {
            let values = row.as_array().unwrap().iter();
            values
                .map(|value| Meaning::of(value.as_str().unwrap_or("NULL")))
                .collect()
        });
        if let Some(why) = differ(&in_order(got), &in_order(wanted.collect())) {
            wrong.push(format!("{sql}\n  {why}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
