use std::io::Read;

use proptest::prelude::*;

use super::*;

/// A key for tests: the digest is a sum, which is enough to tell texts apart.
#[derive(Debug)]
pub(crate) struct TestKey;

impl TokenKey for TestKey {
    fn token(&self, text: &[u8]) -> [u8; 32] {
        let mut digest = [0_u8; 32];
        let mut state = 0xcbf2_9ce4_8422_2325_u64;
        for (index, byte) in text.iter().enumerate() {
            state = (state ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
            digest[index % 32] = digest[index % 32].wrapping_add((state >> 32) as u8);
        }
        digest[..8].copy_from_slice(&state.to_le_bytes());
        digest
    }
}

pub(crate) fn key() -> Arc<dyn TokenKey> {
    Arc::new(TestKey)
}

pub(crate) fn stream(format: Format, bytes: impl Into<Vec<u8>>) -> Source {
    Source::Stream {
        label: "test".into(),
        format,
        reader: Box::new(Cursor::new(bytes.into())),
    }
}

fn records(format: Format, bytes: impl Into<Vec<u8>>) -> Result<Records> {
    Input::open(stream(format, bytes), None)?.take(&key(), &Arc::default())
}

type BadRecords = Vec<(u64, Reason)>;

/// Rows of fields, and the reasons of what is bad.
fn rows(bytes: impl Into<Vec<u8>>) -> Result<(Vec<Vec<String>>, BadRecords)> {
    let mut records = records(Format::Csv, bytes)?;
    let (mut rows, mut bad) = (Vec::new(), Vec::new());
    while let Some(batch) = records.next()? {
        let Body::Csv(fields) = &batch.body else {
            panic!("not CSV")
        };
        for row in 0..batch.numbers.len() {
            rows.push(
                (0..fields.width)
                    .map(|column| fields.get(row, column).to_owned())
                    .collect(),
            );
        }
        bad.extend(batch.bad.iter().map(|bad| (bad.number, bad.reason)));
    }
    Ok((rows, bad))
}

fn lines(bytes: impl Into<Vec<u8>>) -> Result<Vec<String>> {
    let mut records = records(Format::Ndjson, bytes)?;
    let mut found = Vec::new();
    while let Some(batch) = records.next()? {
        let Body::Json(lines) = &batch.body else {
            panic!("not JSON")
        };
        found.extend((0..lines.len()).map(|row| lines.get(row).to_owned()));
    }
    Ok(found)
}

fn error(result: Result<impl Sized>) -> String {
    result
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default()
}

#[test]
fn sources_that_are_no_text_are_named() {
    let cases: &[(&[u8], &str)] = &[
        (b"", "empty"),
        (b"\xef\xbb\xbf \n", "empty"),
        (b"\x1f\x8b\x08\x00", "compressed"),
        (b"PK\x03\x04rest", "compressed"),
        (b"PAR1rest", "Parquet"),
        (b"\xff\xfea\x00", "UTF-16"),
        (b"a,b\n1,\x00", "binary"),
    ];
    for (bytes, word) in cases {
        let error = error(records(Format::Csv, *bytes));
        assert!(error.contains(word), "{error}");
    }
    assert!(error(records(Format::Ndjson, "[{\"a\":1}]")).contains("one object a line"));
}

#[test]
fn fields_are_cut_as_the_standard_says() {
    let text = "\u{feff}id,note,end\r\n1,\"a, \"\"b\"\"\r\nc\",x\r\n\r\n2,,\r\n3,\"\",z";
    let (rows, bad) = rows(text).unwrap();
    assert_eq!(
        rows,
        [["1", "a, \"b\"\r\nc", "x"], ["2", "", ""], ["3", "", "z"]]
    );
    assert!(bad.is_empty());
}

#[test]
fn delimiters_are_found() {
    for (text, fields) in [
        ("a;b,c;d\n1;2,3;4\n", ["1", "2,3", "4"]),
        ("a\tb\tc\n1\tx, y\t3\n", ["1", "x, y", "3"]),
        ("a|b|c\n1|2|3\n", ["1", "2", "3"]),
        ("a,b,c\n1,2|;3,3\n", ["1", "2|;3", "3"]),
    ] {
        assert_eq!(rows(text).unwrap().0, [fields], "{text:?}");
    }
    assert_eq!(rows("a\n1\n2\n").unwrap().0, [["1"], ["2"]]);
}

#[test]
fn ragged_and_mis_encoded_records_are_told_apart_and_numbered() {
    let (rows, bad) = rows(b"a,b\n1,2\n3\n4,5,6\n7,M\xfcller\n8,9\n".as_slice()).unwrap();
    assert_eq!(rows, [["1", "2"], ["8", "9"]]);
    assert_eq!(
        bad,
        [
            (2, Reason::Ragged),
            (3, Reason::Ragged),
            (4, Reason::NotUtf8)
        ]
    );
}

#[test]
fn a_character_that_is_cut_by_a_delimiter_is_not_glued_together() {
    let (_, bad) = rows(b"a,b\n\xc3,\xa9\n1,2\n".as_slice()).unwrap();
    assert_eq!(bad, [(1, Reason::NotUtf8)]);
}

#[test]
fn a_cut_source_is_an_error_with_its_line() {
    for (text, line) in [
        ("a,b\n1,2\n3", 3),
        ("a,b\n1,2\n3,\"x\n\n", 3),
        ("a,b\r\n1,\"2\r\n\"\r\n3,\"", 4),
    ] {
        let error = error(rows(text));
        assert!(
            error.contains("cut off") && error.ends_with(&format!("line {line}")),
            "{text:?}: {error}"
        );
    }
    // A quote within an unquoted field opens nothing.
    assert_eq!(rows("a,b\n1,5\" tall\n").unwrap().0, [["1", "5\" tall"]]);
}

/// A line that never ends, made as it is read.
struct Endless {
    head: &'static [u8],
    left: u64,
}

impl Read for Endless {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if !self.head.is_empty() {
            return self.head.read(out);
        }
        let bytes = out.len().min(usize::try_from(self.left).unwrap());
        out[..bytes].fill(b'x');
        self.left -= bytes as u64;
        Ok(bytes)
    }
}

#[test]
fn a_line_of_a_gigabyte_is_an_error_and_not_held() {
    for (format, head) in [
        (Format::Csv, b"a,b\n1,2\n3," as &[u8]),
        (Format::Csv, b"a,b\n1,2\n3,\"" as &[u8]),
        (Format::Ndjson, b"{\"a\":1}\n{\"a\":2}\n{\"a\":\"" as &[u8]),
    ] {
        let endless = Endless {
            head,
            left: 1 << 30,
        };
        let source = Source::Stream {
            label: String::new(),
            format,
            reader: Box::new(endless),
        };
        let meter = Arc::default();
        let input = Input::open(source, None).unwrap();
        let mut records = input.take(&key(), &meter).unwrap();
        let error = loop {
            match records.next() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("no error"),
                Err(error) => break error.to_string(),
            }
        };
        assert!(error.contains("16 MiB, line 3"), "{error}");
        assert!(meter.bytes.load(std::sync::atomic::Ordering::Relaxed) < 20 << 20);
    }
}

#[test]
fn lines_are_cut_wherever_a_block_ends() {
    let mut text = String::from("\u{feff}");
    for index in 0..30_000 {
        text.push_str(&format!("{{\"id\":{index},\"text\":\"some words\"}}\r\n"));
    }
    text.push_str("\n  \n{\"id\":30000}");
    let lines = lines(text).unwrap();
    assert_eq!(lines.len(), 30_001);
    assert_eq!(lines[30_000], "{\"id\":30000}");
    assert!(lines[17_000].starts_with("{\"id\":17000,"));
}

#[test]
fn the_chain_tells_sources_apart_and_not_how_they_were_read() {
    let chain = |text: &str| {
        let mut records = records(Format::Csv, text).unwrap();
        while records.next().unwrap().is_some() {}
        records.chain()
    };
    let one = chain("a,b\n1,2\n");
    assert_eq!(one, chain("a,b\r\n1,2"));
    for other in [
        "a,b\n1,3\n",
        "a,b\n12,\n",
        "a,c\n1,2\n",
        "a,b\n1,2\n1,2\n",
        "a,b\n1,2\n3\n4,4\n",
    ] {
        assert_ne!(one, chain(other), "{other}");
    }
}

#[test]
fn a_stream_is_learnt_from_its_beginning_and_taken_whole() {
    let mut text = String::from("id,words\n");
    while text.len() < 10 << 20 {
        text.push_str(&format!(
            "{},{}\n",
            text.len(),
            "words and words ".repeat(20)
        ));
    }
    let total = text.lines().count() - 1;
    let mut input = Input::open(stream(Format::Csv, text), None).unwrap();
    assert!(!input.is_studied_whole());
    let count = |mut records: Records| {
        let mut last = 0;
        while let Some(batch) = records.next().unwrap() {
            assert!(batch.bad.is_empty());
            last = batch.last;
        }
        usize::try_from(last).unwrap()
    };
    let studied = count(input.study(&key(), &Arc::default()).unwrap());
    assert!(studied > total / 2 && studied < total);
    assert_eq!(count(input.take(&key(), &Arc::default()).unwrap()), total);
}

fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r', ';', '\t', '|']) || field.is_empty() {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_back_and_another_reader_agrees(
        table in (1_usize..5).prop_flat_map(|width| {
            prop::collection::vec(prop::collection::vec("[a-z,\"\n\r é0-9]{0,6}", width), 1..20)
        }),
        crlf in any::<bool>(),
    ) {
        let end = if crlf { "\r\n" } else { "\n" };
        let header: Vec<String> = (0..table[0].len()).map(|index| format!("c{index}")).collect();
        let mut text = header.join(",") + end;
        for row in &table {
            text.push_str(&row.iter().map(|field| quoted(field)).collect::<Vec<_>>().join(","));
            text.push_str(end);
        }
        let (found, bad) = rows(text.clone()).unwrap();
        prop_assert!(bad.is_empty());
        prop_assert_eq!(&found, &table);
        let mut other = ::csv::Reader::from_reader(text.as_bytes());
        let other: Vec<Vec<String>> = other
            .records()
            .map(|record| record.unwrap().iter().map(str::to_owned).collect())
            .collect();
        prop_assert_eq!(found, other);
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = rows(bytes.clone());
        let _ = lines(bytes);
    }
}
