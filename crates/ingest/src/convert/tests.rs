use arrow::{
    array::{Array, AsArray},
    util::display::{ArrayFormatter, FormatOptions},
};
use lakeward_domain::{
    Column, ColumnId, LogicalType, Name, PrincipalId, Published, SchemaId, Table, TableId, Tags,
    Timestamp,
};
use lakeward_phi::scrub::ScrubPolicy;

use super::*;
use crate::{
    infer,
    layout::{self, lay_out},
    request::Format,
    source::{
        Input,
        tests::{key, stream},
    },
};

/// Everything that becomes of a source, without an engine.
struct Done {
    columns: Vec<(String, LogicalType, Tags)>,
    rows: Vec<Vec<String>>,
    held: Vec<Held>,
    counts: Vec<crate::IngestCount>,
}

fn policy(name: &str) -> ScrubPolicy {
    ScrubPolicy::builtin(name).unwrap()
}

fn take(
    format: Format,
    text: &str,
    policy: &ScrubPolicy,
    existing: Option<&Table>,
) -> Result<Done> {
    let mut input = Input::open(stream(format, text), None)?;
    let studied = infer::study(input.study(&key(), &Arc::default())?, true)?;
    let layout = lay_out(&studied, policy, existing, &|_| key())?;
    let columns = layout
        .table
        .iter()
        .map(|column| {
            (
                column.name.to_string(),
                column.data_type.clone(),
                column.tags.clone(),
            )
        })
        .collect();
    let converter = Converter::new(layout, policy.detector().clone());
    let mut records = input.take(&key(), &Arc::default())?;
    let (mut rows, mut held, mut counts) = (Vec::new(), Vec::new(), Counts::default());
    while let Some(batch) = records.next()? {
        let converted = converter.convert(&batch, 0)?;
        rows.extend(text_of(&converted.rows));
        held.extend(converted.held);
        counts.merge(converted.counts);
    }
    Ok(Done {
        columns,
        rows,
        held,
        counts: counts.list(),
    })
}

fn text_of(batch: &RecordBatch) -> Vec<Vec<String>> {
    let options = FormatOptions::default().with_null("NULL");
    let columns: Vec<_> = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).unwrap())
        .collect();
    (0..batch.num_rows())
        .map(|row| {
            columns
                .iter()
                .map(|column| column.value(row).to_string())
                .collect()
        })
        .collect()
}

type Described<'a> = (&'a str, LogicalType, &'a [(&'a str, &'a str)]);

fn table(columns: &[Described<'_>]) -> Table {
    let columns = columns
        .iter()
        .map(|(name, data_type, tags)| Column {
            id: ColumnId::random(),
            name: Name::parse(name).unwrap(),
            data_type: data_type.clone(),
            nullable: true,
            comment: None,
            tags: tags
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
        })
        .collect();
    Table {
        id: TableId::random(),
        schema: SchemaId::random(),
        name: "bronze.t".parse().unwrap(),
        columns,
        partitioned_by: Vec::new(),
        comment: None,
        tags: Tags::new(),
        inherited_tags: Tags::new(),
        properties: Default::default(),
        owner: PrincipalId::random(),
        created: Timestamp(0),
        keys: Default::default(),
        published: Published {
            version: 0,
            head: String::new(),
        },
        protected: false,
    }
}

const PATIENTS: &str = "Id,BIRTHDATE,SSN,Zip,COST,Visited\n\
    p-1,2014-10-06,999-17-5017,02155,77.49,2023-01-27T16:17:47Z\n\
    p-2,1931-04-07,402-19-8877,21244,0.5,\n";

#[test]
fn internal_keeps_everything_typed_and_tagged() {
    let done = take(Format::Csv, PATIENTS, &policy("internal"), None).unwrap();
    let types: Vec<String> = done
        .columns
        .iter()
        .map(|(_, data_type, _)| data_type.to_string())
        .collect();
    assert_eq!(
        types,
        [
            "STRING",
            "DATE",
            "STRING",
            "STRING",
            "DECIMAL(18,2)",
            "TIMESTAMP"
        ]
    );
    let phi: Vec<Option<&str>> = done
        .columns
        .iter()
        .map(|(_, _, tags)| tags.get("phi").map(String::as_str))
        .collect();
    assert_eq!(phi[1..5], [Some("date"), Some("ssn"), Some("zip"), None]);
    assert_eq!(
        done.rows,
        [
            [
                "p-1",
                "2014-10-06",
                "999-17-5017",
                "02155",
                "77.49",
                "2023-01-27T16:17:47Z"
            ],
            ["p-2", "1931-04-07", "402-19-8877", "21244", "0.50", "NULL"],
        ]
    );
    assert!(done.held.is_empty());
    assert!(
        done.counts
            .iter()
            .any(|c| c.column == "ssn" && c.disposition == "kept" && c.count == 2)
    );
}

#[test]
fn each_action_does_what_its_name_says() {
    let policy = ScrubPolicy::from_toml(
        r#"
        format = 1
        name = "test"
        version = 1
        claim = "internal_pseudonymised"
        unknown = "quarantine"
        as_of = "2024-12-31"
        [kinds]
        other_id = { token = "person" }
        date = "year"
        ssn = "drop"
        zip = "zip3"
        age = "age_cap"
        name = { redact = "[NAME]" }
        [[column]]
        names = ["note"]
        action = "scrub_text"
        [[column]]
        names = ["cost"]
        action = "keep"
        "#,
    )
    .unwrap();
    let text = "patient_id,birthdate,ssn,zip,age,last_name,cost,note,shoe\n\
        7,2014-10-06,402-19-8877,02155,34,Lee,1.5,Mail ann.lee@example.org now,42\n\
        7,1931-04-07,402-19-8878,03601,95,Lee,2,,43\n";
    let done = take(Format::Csv, text, &policy, None).unwrap();
    let names: Vec<&str> = done
        .columns
        .iter()
        .map(|(name, ..)| name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "patient_id",
            "birthdate",
            "zip",
            "age",
            "last_name",
            "cost",
            "note"
        ]
    );
    assert_eq!(done.rows[0][0].len(), 32);
    assert_eq!(done.rows[0][0], done.rows[1][0]);
    assert_eq!(
        done.rows[0][1..7],
        ["2014", "021", "34", "[NAME]", "1.5", "Mail [EMAIL] now"]
    );
    assert_eq!(
        done.rows[1][1..7],
        ["NULL", "000", "90+", "[NAME]", "2.0", "NULL"]
    );
    assert_eq!(done.columns[1].1, LogicalType::Int);
    let held: Vec<_> = done
        .held
        .iter()
        .map(|held| (held.record, held.column.as_deref(), held.value.as_str()))
        .collect();
    assert_eq!(held, [(1, Some("shoe"), "42"), (2, Some("shoe"), "43")]);
    let count = |category: &str, disposition: &str| {
        done.counts
            .iter()
            .filter(|c| c.category == category && c.disposition == disposition)
            .map(|c| c.count)
            .sum::<u64>()
    };
    assert_eq!(count("ssn", "dropped"), 2);
    assert_eq!(count("email", "redacted"), 1);
    assert_eq!(count("unknown", "quarantined"), 2);
    // A report tells what was done and how often, never to which value.
    assert!(
        done.counts
            .iter()
            .all(|c| !c.column.contains("Lee") && !c.column.contains("402"))
    );
}

#[test]
fn nested_values_become_structs_and_lists_with_a_plan_for_each_place() {
    let text = concat!(
        r#"{"id":1,"visit":{"on":"2024-05-01","vitals":{"pulse":61,"temp":97.5}},"codes":["a","b"]}"#,
        "\n",
        r#"{"id":2,"visit":{"on":"2024-05-02","vitals":null},"codes":[]}"#,
        "\n",
        r#"{"id":3,"codes":null}"#,
        "\n",
    );
    let done = take(Format::Ndjson, text, &policy("internal"), None).unwrap();
    let types: Vec<String> = done
        .columns
        .iter()
        .map(|(_, data_type, _)| data_type.to_string())
        .collect();
    assert_eq!(
        types,
        [
            "BIGINT",
            "STRUCT<on: DATE, vitals: STRUCT<pulse: BIGINT, temp: DECIMAL(18,1)>>",
            "ARRAY<STRING>"
        ]
    );
    assert_eq!(
        done.rows[0][1],
        "{on: 2024-05-01, vitals: {pulse: 61, temp: 97.5}}"
    );
    assert_eq!(done.rows[1][1..], ["{on: 2024-05-02, vitals: NULL}", "[]"]);
    assert_eq!(done.rows[2][1..], ["NULL", "NULL"]);
}

#[test]
fn an_identifier_deep_in_nested_json_is_scrubbed() {
    let text = concat!(
        r#"{"encounter_id":1,"payload":{"subject":{"ssn":"402-19-8877","display":"x"},"contact":[{"phone":"617-555-0142"}]}}"#,
        "\n",
        r#"{"encounter_id":2,"payload":{"subject":{"ssn":"402-19-8878"},"contact":[]}}"#,
        "\n",
    );
    let policy = ScrubPolicy::from_toml(
        "format = 1\nname = \"t\"\nversion = 1\nclaim = \"internal_pseudonymised\"\nunknown = \"keep\"\n\
         [kinds]\nssn = \"drop\"\nphone = { redact = \"[PHONE]\" }\nother_id = \"keep\"\n",
    )
    .unwrap();
    let done = take(Format::Ndjson, text, &policy, None).unwrap();
    assert_eq!(
        done.rows[0][1],
        "{subject: {display: x}, contact: [{phone: [PHONE]}]}"
    );
    assert!(
        done.counts.iter().any(|c| c.column == "payload.subject.ssn"
            && c.disposition == "dropped"
            && c.count == 2)
    );
    let safe = take(Format::Ndjson, text, &self::policy("safe_harbor"), None);
    assert!(matches!(safe, Err(Error::NoColumn)));
}

#[test]
fn shapes_that_vary_become_json_text() {
    let text = "{\"v\":{\"a\":1.50}}\n{\"v\":[1,\"x\"]}\n{\"v\":\"plain\"}\n{\"v\":null}\n";
    let done = take(Format::Ndjson, text, &policy("internal"), None).unwrap();
    assert_eq!(done.columns[0].1, LogicalType::String);
    assert_eq!(
        done.columns[0].2.get("phi").map(String::as_str),
        Some("free_text")
    );
    let column: Vec<&str> = done.rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(
        column,
        [r#"{"a":1.50}"#, r#"[1,"x"]"#, r#""plain""#, "NULL"]
    );
}

#[test]
fn a_value_that_the_table_cannot_hold_sends_its_record_to_quarantine() {
    let existing = table(&[
        ("id", LogicalType::BigInt, &[("phi", "other_id")]),
        ("cost", LogicalType::Decimal(7, 2), &[]),
        ("later", LogicalType::String, &[]),
    ]);
    let mut text = String::from("id,cost,extra\n");
    for id in 0..200 {
        text.push_str(&format!("{id},1.25,x\n"));
    }
    text.push_str("0200,1.25,x\n201,1.255,x\n");
    let done = take(Format::Csv, &text, &policy("internal"), Some(&existing)).unwrap();
    assert_eq!(done.rows.len(), 200);
    assert_eq!(done.rows[3], ["3", "1.25", "NULL"]);
    let spoiled: Vec<_> = done
        .held
        .iter()
        .filter(|held| held.reason == Reason::DoesNotFit)
        .collect();
    assert_eq!(spoiled.len(), 2);
    assert_eq!(spoiled[0].column.as_deref(), Some("id"));
    assert_eq!(
        spoiled[0].value,
        r#"{"id":"0200","cost":"1.25","extra":"x"}"#
    );
    assert_eq!(
        done.held
            .iter()
            .filter(|held| held.reason == Reason::UnknownColumn)
            .count(),
        200
    );
}

#[test]
fn a_recognised_identifier_does_not_go_into_an_untagged_column() {
    let existing = table(&[("ssn", LogicalType::String, &[])]);
    let text = "ssn\n402-19-8877\n";
    let refused = take(Format::Csv, text, &policy("internal"), Some(&existing))
        .err()
        .unwrap();
    assert_eq!(refused.code(), lakeward_domain::Code::ScrubInvalid);
    assert!(refused.to_string().contains("ssn") && !refused.to_string().contains("8877"));
    let tagged = table(&[("ssn", LogicalType::String, &[("phi", "ssn")])]);
    assert_eq!(
        take(Format::Csv, text, &policy("internal"), Some(&tagged))
            .unwrap()
            .rows
            .len(),
        1
    );
}

#[test]
fn bad_lines_are_held_with_their_number_and_reason() {
    let mut text = String::new();
    for id in 0..100 {
        text.push_str(&format!("{{\"v\":{id}}}\n"));
    }
    text.push_str("not json\n[1]\n{\"v\":1,\"v\":2}\n{\"v\":\"\\ud800\"}\n{\"v\":7}\n");
    let done = take(Format::Ndjson, &text, &policy("internal"), None).unwrap();
    assert_eq!(done.rows.len(), 101);
    let held: Vec<_> = done
        .held
        .iter()
        .map(|held| (held.record, held.reason))
        .collect();
    assert_eq!(
        held,
        [
            (101, Reason::NotJson),
            (102, Reason::NotObject),
            (103, Reason::TwiceKey),
            (104, Reason::NotJson)
        ]
    );
}

#[test]
fn a_key_that_appears_late_in_a_stream_is_held_and_a_key_that_is_a_value_is_not_named() {
    let text = "{\"v\":1,\"402-19-8877\":true}\n{\"v\":2}\n";
    let done = take(Format::Ndjson, text, &policy("internal"), None).unwrap();
    assert_eq!(done.rows.len(), 2);
    assert_eq!(done.held[0].column.as_deref(), Some("[KEY]"));
    assert!(
        done.counts
            .iter()
            .all(|count| !count.column.contains("402"))
    );
}

#[test]
fn a_source_without_a_header_is_refused() {
    for text in [
        "402-19-8877,x\n402-19-8878,y\n",
        "1,2\n3,4\n",
        "2014-10-06,a\n2014-10-07,b\n",
        ",,\n1,2,3\n",
    ] {
        let error = take(Format::Csv, text, &policy("internal"), None)
            .err()
            .unwrap()
            .to_string();
        assert!(
            error.contains("a header is needed") && !error.contains("402"),
            "{error}"
        );
    }
    let only_header = take(Format::Csv, "a,b\n", &policy("internal"), None).unwrap();
    assert_eq!(only_header.columns.len(), 2);
    assert!(only_header.rows.is_empty());
}

#[test]
fn records_done_before_are_passed_over_exactly() {
    let mut input = Input::open(stream(Format::Csv, "a\nx\ny\nz\n"), None).unwrap();
    let studied = infer::study(input.study(&key(), &Arc::default()).unwrap(), true).unwrap();
    let layout = layout::lay_out(&studied, &policy("internal"), None, &|_| key()).unwrap();
    let converter = Converter::new(layout, policy("internal").detector().clone());
    let batch = input
        .take(&key(), &Arc::default())
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let converted = converter.convert(&batch, 2).unwrap();
    assert_eq!((converted.rows.num_rows(), converted.records), (1, 1));
    assert_eq!(converted.rows.column(0).as_string_view().value(0), "z");
    assert_eq!(converted.rows.column(0).len(), 1);
}
