//! Records on their way in: real files, chunks, crashes, bad input.

#![expect(clippy::disallowed_methods, reason = "sources and pipelines are files")]

use std::{
    collections::BTreeMap,
    io::{Cursor, Read},
    path::{Path, PathBuf},
};

use lakeward_acceptance::{World, shared};
use lakeward_audit::Event;
use lakeward_clinic::Clinic;
use lakeward_domain::{Code, TableName};
use lakeward_ingest::{Error, Format, Report, Request, Source, pipeline, run};
use lakeward_phi::scrub::ScrubPolicy;

fn policy(name: &str) -> ScrubPolicy {
    ScrubPolicy::builtin(name).unwrap()
}

fn into(table: &str) -> TableName {
    table.parse().unwrap()
}

fn stream(label: &str, format: Format, text: impl Into<Vec<u8>>) -> Source {
    Source::Stream {
        label: label.into(),
        format,
        reader: Box::new(Cursor::new(text.into())),
    }
}

async fn ingest(world: &World, request: Request) -> Result<Report, Error> {
    Box::pin(run(&mut world.admin().await, request, &|_| ())).await
}

async fn ingest_text(world: &World, table: &str, text: &str) -> Result<Report, Error> {
    let source = stream("test", Format::Csv, text);
    ingest(world, Request::new(source, into(table), policy("internal"))).await
}

async fn count(world: &World, table: &str) -> u64 {
    world
        .rows("root", &format!("SELECT count(*) FROM {table}"))
        .await[0][0]
        .parse()
        .unwrap()
}

/// Records of a CSV file: line ends outside of quotes, without the header.
fn records_of(path: &Path) -> u64 {
    let text = std::fs::read(path).unwrap();
    let (mut quoted, mut records, mut begun) = (false, 0_u64, false);
    for byte in text {
        match byte {
            b'"' => (quoted, begun) = (!quoted, true),
            b'\n' if !quoted => {
                records += u64::from(begun);
                begun = false;
            }
            b'\r' => {}
            _ => begun = true,
        }
    }
    (records + u64::from(begun)).saturating_sub(1)
}

fn csv_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries
        .filter(|path| path.extension().is_some_and(|e| e == "csv"))
        .collect();
    files.sort();
    files
}

/// Takes every CSV of a folder into `bronze`, and gives each table's columns and types.
async fn take_folder(world: &World, folder: &Path) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut types = BTreeMap::new();
    for file in csv_files(folder) {
        let table = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let request = Request::new(
            Source::File(file.clone()),
            into(&format!("bronze.{table}")),
            policy("internal"),
        );
        let report = ingest(world, request)
            .await
            .unwrap_or_else(|error| panic!("{table}: {error}"));
        let expected = records_of(&file);
        assert_eq!(report.rows_read, expected, "{table}");
        assert_eq!(report.rows_written, expected, "{table}");
        assert_eq!(report.quarantined, 0, "{table}");
        assert_eq!(
            count(world, &format!("bronze.{table}")).await,
            expected,
            "{table}"
        );
        let columns = report
            .columns
            .iter()
            .map(|column| (column.name.clone(), column.data_type.to_string()));
        types.insert(table, columns.collect());
    }
    types
}

/// The first user may see what it has taken in.
async fn unmask(world: &World) {
    world
        .script("GRANT UNMASK ON CATALOG TO USER root; GRANT SELECT ON CATALOG TO USER root")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_synthea_file_is_taken_whole_and_typed() {
    let Some(folder) = shared("data/synthea-csv-dev") else {
        return;
    };
    let world = World::new().await;
    let types = take_folder(&world, &folder).await;
    for (table, column, data_type) in [
        ("patients", "birthdate", "DATE"),
        ("patients", "ssn", "STRING"),
        ("patients", "zip", "STRING"),
        ("patients", "healthcare_expenses", "DECIMAL(38,13)"),
        ("encounters", "start", "TIMESTAMP"),
        ("encounters", "total_claim_cost", "DECIMAL(18,2)"),
        ("encounters", "code", "BIGINT"),
        ("claims", "outstanding1", "DECIMAL(18,2)"),
        ("claims_transactions", "amount", "DECIMAL(18,2)"),
        ("claims_transactions", "placeofservice", "STRING"),
        ("conditions", "start", "DATE"),
        ("observations", "value", "STRING"),
        ("observations", "date", "TIMESTAMP"),
        ("organizations", "zip", "STRING"),
        ("payers", "qols_avg", "DOUBLE"),
        ("payers", "member_months", "BIGINT"),
        ("supplies", "quantity", "BIGINT"),
    ] {
        let found = types[table].get(column).map(String::as_str);
        assert_eq!(found, Some(data_type), "{table}.{column}");
    }
    unmask(&world).await;
    // As DuckDB answers on the files themselves.
    for (sql, expected) in SYNTHEA_ANSWERS {
        assert_eq!(world.rows("root", sql).await, *expected, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_omop_file_is_taken_whole_and_typed() {
    let Some(folder) = shared("data/omop-eunomia") else {
        return;
    };
    let world = World::new().await;
    let types = take_folder(&world, &folder).await;
    for (table, column, data_type) in [
        ("person", "person_id", "BIGINT"),
        ("person", "year_of_birth", "BIGINT"),
        ("person", "birth_datetime", "TIMESTAMP_NTZ"),
        ("visit_occurrence", "visit_start_date", "DATE"),
        ("visit_occurrence", "visit_start_datetime", "TIMESTAMP_NTZ"),
        ("observation", "observation_date", "DATE"),
        ("observation", "value_as_number", "STRING"),
        ("drug_era", "gap_days", "BIGINT"),
        ("concept", "concept_code", "STRING"),
        ("concept", "valid_end_date", "DATE"),
    ] {
        let found = types[table].get(column).map(String::as_str);
        assert_eq!(found, Some(data_type), "{table}.{column}");
    }
    unmask(&world).await;
    for (sql, expected) in OMOP_ANSWERS {
        assert_eq!(world.rows("root", sql).await, *expected, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn recognised_columns_are_tagged_and_hidden_from_whoever_lacks_unmask() {
    let world = World::new().await;
    world.users(&[("eve", &["analysts"])]).await;
    ingest_text(
        &world,
        "bronze.p",
        "id,ssn,cost\n1,402-19-8877,1.5\n2,402-19-8878,2.25\n",
    )
    .await
    .unwrap();
    world.script("GRANT SELECT ON TABLE bronze.p TO GROUP analysts; GRANT USAGE ON SCHEMA bronze TO GROUP analysts").await;
    let rows = world
        .rows("eve", "SELECT ssn, cost FROM bronze.p ORDER BY cost")
        .await;
    assert_eq!(rows, [["NULL", "1.50"], ["NULL", "2.25"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ingest_that_stopped_goes_on_exactly_where_it_was() {
    let mut world = World::new().await;
    let mut text = String::from("id,word\n");
    for id in 0..30_000 {
        text.push_str(&format!("{id},w{}\n", id % 7));
    }
    // The pipe breaks after the first chunks.
    let broken = Cursor::new(text.clone().into_bytes())
        .take(200_000)
        .chain(Broken);
    let request = |reader: Box<dyn Read + Send>| {
        let source = Source::Stream {
            label: "feed".into(),
            format: Format::Csv,
            reader,
        };
        let mut request = Request::new(source, into("bronze.t"), policy("internal"));
        request.chunk_rows = 8192;
        request
    };
    let error = ingest(&world, request(Box::new(broken))).await.unwrap_err();
    assert_eq!(error.code(), Code::SourceInvalid);
    // Nothing of a stream that breaks within its sample is written; a file's property tells the rest.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("t.csv");
    std::fs::write(&file, &text).unwrap();
    let of_file = |chunk_rows| {
        let mut request = Request::new(
            Source::File(file.clone()),
            into("bronze.t"),
            policy("internal"),
        );
        request.chunk_rows = chunk_rows;
        request
    };
    let report = ingest(&world, of_file(8192)).await.unwrap();
    assert_eq!(
        (report.rows_written, report.rows_skipped_as_done),
        (30_000, 0)
    );
    world.reopen().await;
    let report = ingest(&world, of_file(1000)).await.unwrap();
    assert_eq!(
        (
            report.rows_read,
            report.rows_written,
            report.rows_skipped_as_done
        ),
        (30_000, 0, 30_000)
    );
    assert_eq!(count(&world, "bronze.t").await, 30_000);
    let mut again = of_file(8192);
    again.resume = false;
    ingest(&world, again).await.unwrap();
    assert_eq!(count(&world, "bronze.t").await, 60_000);
}

/// A pipe that broke.
struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_stream_that_breaks_is_resumed_without_a_row_twice() {
    let world = World::new().await;
    let mut text = String::from("id,words\n");
    let mut records = 0;
    while text.len() < 14 << 20 {
        text.push_str(&format!(
            "{records},{}\n",
            "words and more words ".repeat(8)
        ));
        records += 1;
    }
    let request = |reader: Box<dyn Read + Send>| {
        let source = Source::Stream {
            label: "feed".into(),
            format: Format::Csv,
            reader,
        };
        let mut request = Request::new(source, into("bronze.t"), policy("internal"));
        request.chunk_rows = 10_000;
        request
    };
    let broken = Cursor::new(text.clone().into_bytes())
        .take(12 << 20)
        .chain(Broken);
    let error = ingest(&world, request(Box::new(broken))).await.unwrap_err();
    assert_eq!(error.code(), Code::SourceInvalid);
    let before = count(&world, "bronze.t").await;
    assert!(before > 0 && before < records, "{before}");
    // Another stream that begins alike is not taken for this one.
    let other = text.replacen("\n5,words", "\n5,other", 1);
    let report = ingest(&world, request(Box::new(Cursor::new(other.into_bytes())))).await;
    assert_eq!(report.unwrap().rows_skipped_as_done, 0);
    let report = ingest(&world, request(Box::new(Cursor::new(text.into_bytes()))))
        .await
        .unwrap();
    assert_eq!(report.rows_skipped_as_done, before);
    assert_eq!(report.rows_written, records - before);
    assert_eq!(count(&world, "bronze.t").await, records * 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_turns_bad_stops_and_keeps_what_was_committed() {
    let world = World::new().await;
    let mut text = String::from("id,words\n");
    let mut records = 0;
    while text.len() < 9 << 20 {
        text.push_str(&format!(
            "{records},{}\n",
            "words and more words ".repeat(8)
        ));
        records += 1;
    }
    // A few later values do not fit and wait in quarantine; many mean that something is wrong.
    text.push_str("0017,a code\nx,no number\n");
    let request = |label: &str, text: String, table: &str| {
        let source = stream(label, Format::Csv, text);
        let mut request = Request::new(source, into(table), policy("internal"));
        request.chunk_rows = 20_000;
        request
    };
    let report = ingest(&world, request("few", text.clone(), "bronze.few"))
        .await
        .unwrap();
    assert_eq!((report.rows_written, report.quarantined), (records, 2));
    for _ in 0..20_000 {
        text.push_str("x,no number\n");
    }
    let error = ingest(&world, request("many", text, "bronze.many"))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::SourceInvalid);
    assert!(error.to_string().contains("does_not_fit"), "{error}");
    let kept = count(&world, "bronze.many").await;
    assert!(
        kept > 0 && kept <= records && kept.is_multiple_of(8192),
        "{kept}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_planted_passes_the_safe_harbor_pack() {
    let world = World::new().await;
    let clinic = Clinic {
        patients: 100,
        encounters: 400,
        claims: 400,
        ..Clinic::demo()
    };
    let sources: [(&str, Format, Box<dyn Read + Send>); 3] = [
        ("patients", Format::Csv, Box::new(clinic.patients_csv())),
        (
            "encounters",
            Format::Ndjson,
            Box::new(clinic.encounters_ndjson()),
        ),
        ("claims", Format::Csv, Box::new(clinic.claims_csv())),
    ];
    let mut all = String::new();
    for (table, format, reader) in sources {
        let source = Source::Stream {
            label: table.into(),
            format,
            reader,
        };
        let name = format!("bronze.{table}");
        let request = Request::new(source, into(&name), policy("safe_harbor"));
        let report = ingest(&world, request)
            .await
            .unwrap_or_else(|error| panic!("{table}: {error}"));
        unmask(&world).await;
        let rows = world.rows("root", &format!("SELECT * FROM {name}")).await;
        assert!(!rows.is_empty());
        assert_eq!(rows.len() as u64, report.rows_written);
        for row in rows {
            all.push_str(&row.join("\n"));
            all.push('\n');
        }
    }
    let planted = clinic.planted();
    let mut passed: BTreeMap<String, u64> = BTreeMap::new();
    for (kind, identifier) in &planted.identifiers {
        if all.contains(identifier.as_str()) {
            *passed.entry(format!("{kind:?}")).or_default() += 1;
        }
    }
    assert!(
        passed.is_empty(),
        "{passed:?} of {}",
        planted.identifiers.len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_records_are_quarantined_once_and_only_stewards_read_them() {
    let world = World::new().await;
    let mut text = String::from("id,ssn\n");
    for id in 0..500 {
        text.push_str(&format!("{id},402-19-{:04}\n", 1000 + id));
    }
    text.push_str("501\n502,402-19-9999,ragged\n");
    let report = ingest_text(&world, "bronze.t", &text).await.unwrap();
    assert_eq!(
        (report.rows_read, report.rows_written, report.quarantined),
        (502, 500, 2)
    );
    let name = report.quarantine.unwrap().to_string();
    assert_eq!(name, "quarantine.t");
    let again = ingest_text(&world, "bronze.t", &text).await.unwrap();
    assert_eq!((again.rows_written, again.rows_skipped_as_done), (0, 502));
    world.users(&[("eve", &["analysts"])]).await;
    world
        .script(&format!(
            "GRANT SELECT ON TABLE {name} TO GROUP analysts; GRANT USAGE ON SCHEMA quarantine TO GROUP analysts"
        ))
        .await;
    let seen = world
        .outcome("eve", &format!("SELECT value FROM {name}"))
        .await;
    assert!(seen.is_err() || seen.unwrap().iter().flatten().all(|value| value == "NULL"));
    world.script("GRANT DUTY data_steward TO USER root").await;
    unmask(&world).await;
    let held = world
        .rows(
            "root",
            &format!("SELECT record, reason, value FROM {name} ORDER BY record"),
        )
        .await;
    assert_eq!(
        held,
        [
            ["501", "ragged", "[\"501\"]"],
            ["502", "ragged", "[\"502\",\"402-19-9999\",\"ragged\"]"]
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_sources_are_refused_by_name_and_leave_nothing() {
    let world = World::new().await;
    let mut wide = String::from("a,b\n");
    for _ in 0..100 {
        wide.push_str("1,2\n3\n");
    }
    let cases: &[(&[u8], &str)] = &[
        (b"", "empty"),
        (b"\x1f\x8b\x08\x00\x00", "compressed"),
        (b"a,b\n1,\x00\x01", "binary"),
        (b"\xff\xfea\x00,\x00", "UTF-16"),
        (b"a,b\n1,2\n3,\"4", "cut off"),
        (wide.as_bytes(), "100 of 200 records"),
        (b"402-19-8877,1\n402-19-8878,2\n", "header"),
    ];
    for (bytes, word) in cases {
        let source = stream("bad", Format::Csv, *bytes);
        let refused = ingest(
            &world,
            Request::new(source, into("bronze.bad"), policy("internal")),
        )
        .await;
        let error = refused.err().unwrap();
        assert_eq!(error.code(), Code::SourceInvalid, "{word}");
        let text = error.to_string();
        assert!(text.contains(word) && !text.contains("402-19"), "{text}");
    }
    assert_eq!(
        world.outcome("root", "SELECT * FROM bronze.bad").await,
        Err(Code::NotFound)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_counts_and_writes_nothing() {
    let world = World::new().await;
    let text = "id,ssn\n1,402-19-8877\n2,402-19-8878\n";
    let mut request = Request::new(
        stream("dry", Format::Csv, text),
        into("bronze.dry"),
        policy("limited_data_set"),
    );
    request.dry_run = true;
    let report = ingest(&world, request).await.unwrap();
    assert!(report.dry_run && report.rows_written == 2);
    let dropped = report
        .counts
        .iter()
        .find(|count| count.category == "ssn")
        .unwrap();
    assert_eq!(
        (dropped.disposition.as_str(), dropped.count),
        ("dropped", 2)
    );
    assert_eq!(
        world.outcome("root", "SELECT * FROM bronze.dry").await,
        Err(Code::NotFound)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ingest_is_on_record_with_counts_and_no_value() {
    let world = World::new().await;
    ingest_text(&world, "bronze.t", "id,ssn\n1,402-19-8877\n")
        .await
        .unwrap();
    let ledger = world.lake().engine.ledger();
    let entries = ledger.entries(0..ledger.size()).unwrap();
    let found = entries.iter().find_map(|(_, entry)| match &entry.event {
        Event::Ingest {
            name, rows, counts, ..
        } => Some((name.to_string(), *rows, counts.clone())),
        _ => None,
    });
    let (name, rows, counts) = found.unwrap();
    assert_eq!((name.as_str(), rows), ("bronze.t", 1));
    assert!(
        counts
            .iter()
            .any(|count| count.category == "ssn" && count.count == 1)
    );
    assert!(!format!("{entries:?}").contains("402-19-8877"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_may_not_write_a_table_may_not_ingest_into_it() {
    let world = World::new().await;
    world.users(&[("eve", &["analysts"])]).await;
    ingest_text(&world, "bronze.t", "id,word\n1,a\n")
        .await
        .unwrap();
    let source = stream("eve", Format::Csv, "id,word\n2,b\n");
    let request = Request::new(source, into("bronze.t"), policy("internal"));
    let refused = Box::pin(run(&mut world.session("eve").await, request, &|_| ())).await;
    assert!(matches!(
        refused.err().unwrap().code(),
        Code::NotFound | Code::Denied
    ));
    assert_eq!(count(&world, "bronze.t").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clinic_flows_from_bronze_to_gold() {
    let world = World::new().await;
    let clinic = Clinic {
        patients: 200,
        encounters: 1000,
        claims: 2000,
        ..Clinic::demo()
    };
    let sources: [(&str, Format, Box<dyn Read + Send>, u64); 3] = [
        (
            "patients",
            Format::Csv,
            Box::new(clinic.patients_csv()),
            200,
        ),
        (
            "encounters",
            Format::Ndjson,
            Box::new(clinic.encounters_ndjson()),
            1000,
        ),
        ("claims", Format::Csv, Box::new(clinic.claims_csv()), 2000),
    ];
    for (table, format, reader, rows) in sources {
        let source = Source::Stream {
            label: table.into(),
            format,
            reader,
        };
        let request = Request::new(source, into(&format!("bronze.{table}")), policy("internal"));
        let report = ingest(&world, request)
            .await
            .unwrap_or_else(|error| panic!("{table}: {error}"));
        assert_eq!(
            (report.rows_written, report.quarantined),
            (rows, 0),
            "{table}"
        );
    }
    unmask(&world).await;
    let folder = tempfile::tempdir().unwrap();
    for (file, text) in [
        (
            "silver/10_visits.sql",
            "CREATE TABLE silver.visits AS SELECT encounter_id, department FROM bronze.encounters; -- a comment; with a semicolon\n",
        ),
        (
            "gold/10_counts.sql",
            "CREATE TABLE gold.counts AS SELECT department, count(*) AS visits FROM silver.visits GROUP BY department;\nSELECT * FROM gold.counts;",
        ),
        ("notes.txt", "not sql"),
    ] {
        let path = folder.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    // In the order of the paths gold comes before silver, so a pipeline numbers its folders.
    std::fs::rename(
        folder.path().join("silver"),
        folder.path().join("01_silver"),
    )
    .unwrap();
    std::fs::rename(folder.path().join("gold"), folder.path().join("02_gold")).unwrap();
    let mut session = world.admin().await;
    let steps = pipeline::run(&mut session, folder.path(), &|_| ())
        .await
        .unwrap();
    let files: Vec<_> = steps
        .iter()
        .map(|step| (step.file.as_str(), step.statements))
        .collect();
    assert_eq!(
        files,
        [("01_silver/10_visits.sql", 1), ("02_gold/10_counts.sql", 2)]
    );
    let total = world
        .rows("root", "SELECT sum(visits) FROM gold.counts")
        .await;
    assert_eq!(total, [["1000"]]);
    std::fs::write(
        folder.path().join("03_bad.sql"),
        "SELECT 1; SELECT 'CANARY' FROM nowhere",
    )
    .unwrap();
    std::fs::remove_dir_all(folder.path().join("01_silver")).unwrap();
    std::fs::remove_dir_all(folder.path().join("02_gold")).unwrap();
    let error = pipeline::run(&mut session, folder.path(), &|_| ())
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("03_bad.sql, statement 2") && !error.contains("CANARY"),
        "{error}"
    );
}

/// A query and its rows.
type Answer = (&'static str, &'static [&'static [&'static str]]);

const SYNTHEA_ANSWERS: &[Answer] = &[
    (
        "SELECT count(*), count(deathdate), min(birthdate), max(birthdate), count(DISTINCT ssn) FROM bronze.patients",
        &[&["27", "2", "1949-11-26", "2024-01-03", "27"]],
    ),
    (
        "SELECT p.gender, count(*), sum(CAST(e.total_claim_cost AS DECIMAL(18,2))) FROM bronze.patients p JOIN bronze.encounters e ON e.patient = p.id GROUP BY p.gender ORDER BY 1",
        &[&["F", "283", "1592463.41"], &["M", "321", "666708.63"]],
    ),
    (
        "SELECT e.encounterclass, count(*), count(e.reasoncode) FROM bronze.encounters e GROUP BY e.encounterclass ORDER BY 1",
        &[
            &["ambulatory", "174", "125"],
            &["emergency", "17", "10"],
            &["inpatient", "11", "8"],
            &["outpatient", "52", "0"],
            &["urgentcare", "2", "0"],
            &["wellness", "348", "2"],
        ],
    ),
    (
        "SELECT count(*), count(DISTINCT c.patientid) FROM bronze.claims c JOIN bronze.patients p ON p.id = c.patientid JOIN bronze.encounters e ON e.id = c.appointmentid WHERE e.total_claim_cost > 1000",
        &[&["478", "23"]],
    ),
    (
        "SELECT extract(year FROM start), count(*) FROM bronze.conditions GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 3",
        &[&["2023", "39"], &["2022", "24"], &["2014", "20"]],
    ),
    (
        "SELECT type, count(*), sum(CAST(amount AS DECIMAL(18,2))), count(payments) FROM bronze.claims_transactions GROUP BY type ORDER BY type",
        &[
            &["CHARGE", "1545", "1092402.73", "0"],
            &["PAYMENT", "1843", "NULL", "1843"],
            &["TRANSFERIN", "920", "557125.52", "0"],
            &["TRANSFEROUT", "920", "NULL", "0"],
        ],
    ),
];

const OMOP_ANSWERS: &[Answer] = &[
    (
        "SELECT gender_source_value, count(*), min(year_of_birth), max(birth_datetime) FROM bronze.person GROUP BY 1 ORDER BY 1",
        &[
            &["F", "1373", "1908", "1986-04-17T00:00:00"],
            &["M", "1321", "1909", "1986-11-02T00:00:00"],
        ],
    ),
    (
        "SELECT count(*), count(DISTINCT v.person_id), min(v.visit_start_date), max(v.visit_end_datetime) FROM bronze.visit_occurrence v JOIN bronze.person p ON p.person_id = v.person_id",
        &[&["1037", "890", "1923-01-14", "2019-06-08T00:00:00"]],
    ),
    (
        "SELECT c.concept_name, count(*) FROM bronze.condition_era e JOIN bronze.concept c ON c.concept_id = e.condition_concept_id GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 3",
        &[
            &["Viral sinusitis", "17268"],
            &["Acute viral pharyngitis", "10217"],
            &["Acute bronchitis", "8184"],
        ],
    ),
    (
        "SELECT count(*), count(DISTINCT o.person_id), count(o.value_as_number) FROM bronze.observation o JOIN bronze.person p ON p.person_id = o.person_id WHERE o.observation_date >= DATE '2000-01-01'",
        &[&["157", "154", "0"]],
    ),
    (
        "SELECT sum(gap_days), min(gap_days), max(drug_exposure_count) FROM bronze.drug_era",
        &[&["282031307", "-22130", "8"]],
    ),
    (
        "SELECT vocabulary_id, count(*) FROM bronze.concept GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 3",
        &[&["RxNorm", "198"], &["SNOMED", "166"], &["LOINC", "52"]],
    ),
];
