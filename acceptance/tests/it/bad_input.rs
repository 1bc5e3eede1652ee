//! Sources that are not what they claim to be.

use std::{
    io::{Cursor, Read},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use lakeward_acceptance::{
    World,
    world::{outcome, rows},
};
use lakeward_domain::{Code, TableName};
use lakeward_engine::Session;
use lakeward_ingest::{Error, Format, Report, Request, Source};
use lakeward_phi::scrub::ScrubPolicy;

/// A value that stands in every source below and must stand in no message.
const CANARY: &str = "666-00-4711";

fn table() -> TableName {
    "bronze.people".parse().unwrap()
}

async fn take(
    session: &mut Session,
    format: Format,
    reader: Box<dyn Read + Send>,
) -> Result<Report, Error> {
    let source = Source::Stream {
        label: "test".to_owned(),
        format,
        reader,
    };
    let request = Request::new(source, table(), ScrubPolicy::builtin("internal").unwrap());
    lakeward_ingest::run(session, request, &|_| ()).await
}

async fn take_bytes(
    session: &mut Session,
    format: Format,
    bytes: Vec<u8>,
) -> Result<Report, Error> {
    take(session, format, Box::new(Cursor::new(bytes))).await
}

async fn ready() -> (World, Session) {
    let world = World::new().await;
    world.script("GRANT UNMASK ON CATALOG TO USER root").await;
    let session = world.admin().await;
    (world, session)
}

/// Nothing of a refused source is there: no table, or no row in it.
async fn assert_nothing_there(session: &mut Session, what: &str) {
    for name in ["bronze.people", "quarantine.people"] {
        let count = outcome(session, &format!("SELECT count(*) FROM {name}")).await;
        match count {
            Err(error) => assert_eq!(error.code(), Code::NotFound, "{what}: {error}"),
            Ok(rows) => assert_eq!(rows, [["0"]], "{what}: {name}"),
        }
    }
}

fn utf_16(text: &str) -> Vec<u8> {
    let mut bytes = vec![0xff, 0xfe];
    bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_cannot_be_read_is_refused_with_its_place_and_without_its_values() {
    use Format::{Csv, Ndjson};
    let text = |text: &str| text.replace('$', CANARY).into_bytes();
    let gzip = [&b"\x1f\x8b\x08\0"[..], CANARY.as_bytes()].concat();
    let parquet = [&b"PAR1"[..], CANARY.as_bytes(), b"PAR1"].concat();
    let binary = [b"id,ssn\n1,\0\0", CANARY.as_bytes()].concat();
    let latin_header = [b"id,\xe4rzte\n1,", CANARY.as_bytes(), b"\n"].concat();
    // The message, or a part of it, and the line that it names.
    let cases: Vec<(&str, Format, Vec<u8>, &str)> = vec![
        ("empty", Csv, Vec::new(), "empty"),
        ("only blanks", Csv, b" \n\n \n".to_vec(), "empty"),
        ("empty json", Ndjson, Vec::new(), "empty"),
        (
            "open quote",
            Csv,
            text("id,ssn\n1,a\n2,\"$\n3,b\n4,c"),
            "line 3",
        ),
        (
            "open quote in the header",
            Csv,
            text("id,\"ssn\n1,$\n"),
            "line 1",
        ),
        (
            "cut json",
            Ndjson,
            text("{\"id\":1}\n{\"id\":2,\"ssn\":\"$"),
            "line 2",
        ),
        ("zeros", Csv, binary, "binary"),
        ("gzip", Csv, gzip, "compressed"),
        ("parquet", Csv, parquet, "Parquet"),
        (
            "utf-16",
            Csv,
            utf_16(&format!("id,ssn\n1,{CANARY}\n")),
            "UTF-16",
        ),
        ("a header that is not UTF-8", Csv, latin_header, "line 1"),
        (
            "one array",
            Ndjson,
            text("[{\"id\":1,\"ssn\":\"$\"}]"),
            "array",
        ),
        (
            "csv as json",
            Ndjson,
            text("id,ssn\n1,$\n2,$\n3,$\n"),
            "do not fit",
        ),
        ("json numbers", Ndjson, text("1\n2\n3\n"), "do not fit"),
        (
            "mostly ragged",
            Csv,
            text("id,ssn\n1\n2\n3\n4,$,5\n5,$,6,7\n"),
            "do not fit",
        ),
        (
            "mostly not UTF-8",
            Csv,
            [
                b"id,ssn\n".to_vec(),
                [b"1,\xe4", CANARY.as_bytes(), b"\n"].concat().repeat(20),
            ]
            .concat(),
            "do not fit",
        ),
    ];
    let (_world, mut session) = ready().await;
    for (what, format, bytes, part) in cases {
        match take_bytes(&mut session, format, bytes).await {
            Ok(report) => panic!("{what}: was taken in: {} rows", report.rows_written),
            Err(error) => {
                assert_eq!(error.code(), Code::SourceInvalid, "{what}: {error}");
                let message = error.to_string();
                assert!(message.contains(part), "{what}: {message}");
                assert!(!message.contains("4711"), "{what}: {message}");
                assert!(!format!("{error:?}").contains("4711"), "{what}: {error:?}");
            }
        }
        assert_nothing_there(&mut session, what).await;
    }
    // The same lake takes a good one afterwards.
    let good = format!("id,ssn\n1,{CANARY}\n");
    let report = take_bytes(&mut session, Format::Csv, good.into_bytes())
        .await
        .unwrap();
    assert_eq!(report.rows_written, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_without_records_makes_an_empty_table() {
    for bytes in [&b"id,ssn\n"[..], b"id,ssn"] {
        let (_world, mut session) = ready().await;
        let report = take_bytes(&mut session, Format::Csv, bytes.to_vec())
            .await
            .unwrap();
        assert_eq!(
            (report.rows_read, report.rows_written, report.quarantined),
            (0, 0, 0)
        );
        assert_eq!(
            rows(&mut session, "SELECT count(ssn) FROM bronze.people").await,
            [["0"]]
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_has_a_name_twice_is_told_apart_and_both_are_protected() {
    let (_world, mut session) = ready().await;
    let bytes = format!("id,ssn,SSN,ssn\n1,{CANARY},x,\n2,,y,z\n").into_bytes();
    let report = take_bytes(&mut session, Format::Csv, bytes).await.unwrap();
    assert_eq!(report.rows_written, 2);
    let described = rows(&mut session, "DESCRIBE bronze.people").await;
    let names: Vec<&str> = described.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(names, ["id", "ssn", "ssn_2", "ssn_3"]);
    let tags: Vec<_> = report.columns[1..]
        .iter()
        .map(|column| &column.tags)
        .collect();
    assert!(!tags[0].is_empty(), "{tags:?}");
    assert!(tags.iter().all(|tag| *tag == tags[0]), "{tags:?}");
    assert_eq!(
        rows(
            &mut session,
            "SELECT ssn, ssn_2, ssn_3 FROM bronze.people ORDER BY id"
        )
        .await,
        [[CANARY, "x", "NULL"], ["NULL", "y", "z"]]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_few_records_that_do_not_fit_are_held_and_the_rest_arrives() {
    let (_world, mut session) = ready().await;
    let mut bytes = b"id,ssn\n".to_vec();
    for record in 1..=100 {
        match record {
            20 => bytes.extend(b"20\n"),
            40 => bytes.extend(b"40,666-00-0040,x\n"),
            60 => bytes.extend(b"60,\xff\xfe666-00-0060\n"),
            _ => bytes.extend(format!("{record},666-00-{record:04}\n").into_bytes()),
        }
    }
    let report = take_bytes(&mut session, Format::Csv, bytes).await.unwrap();
    assert_eq!((report.rows_read, report.rows_written), (100, 97));
    assert_eq!(
        rows(
            &mut session,
            "SELECT count(*), count(DISTINCT ssn) FROM bronze.people"
        )
        .await,
        [["97", "97"]]
    );
    let held = "SELECT record, reason FROM quarantine.people ORDER BY record";
    assert_eq!(
        rows(&mut session, held).await,
        [["20", "ragged"], ["40", "ragged"], ["60", "not_utf8"]]
    );
}

/// One line without an end, made while it is read.
struct Endless {
    head: Cursor<Vec<u8>>,
    left: u64,
    read: Arc<AtomicU64>,
}

impl Read for Endless {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let head = self.head.read(into)?;
        if head > 0 || into.is_empty() {
            return Ok(head);
        }
        let count = into
            .len()
            .min(usize::try_from(self.left).unwrap_or(usize::MAX));
        into[..count].fill(b'a');
        self.left -= count as u64;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_a_gigabyte_is_refused_long_before_its_end() {
    let (_world, mut session) = ready().await;
    let heads = [
        (Format::Csv, "id,note\n1,first\n2,", "16 MiB, line 3"),
        (Format::Csv, "id,note\n1,first\n2,\"", "16 MiB, line 3"),
        (Format::Csv, "", "8 MiB, line 1"),
        (Format::Ndjson, "{\"id\":1}\n{\"note\":\"", "16 MiB, line 2"),
    ];
    for (format, head, part) in heads {
        let read = Arc::new(AtomicU64::new(0));
        let source = Endless {
            head: Cursor::new(head.as_bytes().to_vec()),
            left: 1 << 30,
            read: Arc::clone(&read),
        };
        let before = resident_bytes();
        let error = take(&mut session, format, Box::new(source))
            .await
            .unwrap_err();
        assert_eq!(error.code(), Code::SourceInvalid, "{head:?}: {error}");
        assert!(error.to_string().contains(part), "{head:?}: {error}");
        let read = read.load(Ordering::Relaxed);
        assert!(read < 64 << 20, "{head:?}: {read} bytes were read");
        let grown = resident_bytes().saturating_sub(before);
        assert!(grown < 400 << 20, "{head:?}: {grown} bytes more in memory");
        assert_nothing_there(&mut session, head).await;
    }
}

/// What this process holds of the memory.
fn resident_bytes() -> u64 {
    let status = lakeward_acceptance::drill::text(std::path::Path::new("/proc/self/statm"));
    let pages: u64 = status.split(' ').nth(1).unwrap().parse().unwrap();
    pages * 4096
}
