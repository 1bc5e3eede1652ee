//! Sources: bytes on their way to records.
//!
//! A file is read twice and a stream once; of a stream only the first megabytes are kept, in memory,
//! to learn types from. Nothing of a source is ever written anywhere but through the engine. A record
//! is never longer than [`RECORD_LIMIT`]: a line without an end is an error and not a full memory.

mod batch;
mod blocks;
mod csv;
mod ndjson;
pub(crate) mod scripts;

use std::{
    fs::File,
    io::{Cursor, Read, Seek, SeekFrom},
    path::Path,
    sync::Arc,
};

use lakeward_domain::TokenKey;
use zeroize::Zeroizing;

pub(crate) use batch::{Batch, Body, Fields, Lines, Reason};
use blocks::Blocks;
pub(crate) use blocks::Meter;

use crate::{
    error::{Error, Result},
    request::{Format, Source},
};

/// Bytes that one record may have.
pub(crate) const RECORD_LIMIT: usize = 16 << 20;
/// Bytes of a stream that types are learnt from.
const SAMPLE: u64 = 8 << 20;
/// Bytes that show what a source is.
const HEAD: usize = 64 << 10;

/// A source that was opened and looks like what it claims to be.
pub(crate) struct Input {
    kind: Kind,
    /// Part of a stream's identity; a file's is its content alone.
    pub(crate) label: String,
    pub(crate) format: Format,
    pub(crate) bytes_total: Option<u64>,
}

enum Kind {
    File(File),
    Stream {
        sample: Sample,
        rest: Box<dyn Read + Send>,
        whole: bool,
    },
}

/// The beginning of a stream; overwritten when it is no longer needed.
#[derive(Clone)]
struct Sample(Arc<Zeroizing<Vec<u8>>>);

impl AsRef<[u8]> for Sample {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Input {
    /// Opens a source and looks at its first bytes. May wait for a stream's first megabytes.
    pub(crate) fn open(source: Source, format: Option<Format>) -> Result<Self> {
        match source {
            Source::File(path) => Self::open_file(&path, format),
            Source::Stream {
                label,
                format: own,
                reader,
            } => Self::open_stream(label, Some(format.unwrap_or(own)), reader),
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "reads a source that a person named"
    )]
    fn open_file(path: &Path, format: Option<Format>) -> Result<Self> {
        let mut file = File::open(path).map_err(|error| Error::reading(&error))?;
        let about = file.metadata().map_err(|error| Error::reading(&error))?;
        let extension = path.extension().and_then(|extension| extension.to_str());
        let format = format.or_else(|| extension.and_then(Format::of_extension));
        if about.is_dir() {
            return Err(Error::Unreadable {
                why: "it is a folder",
            });
        }
        if !about.is_file() {
            return Self::open_stream("pipe".to_owned(), format, Box::new(file));
        }
        let mut head = Zeroizing::new(Vec::new());
        file.by_ref()
            .take(HEAD as u64)
            .read_to_end(&mut head)
            .map_err(|error| Error::reading(&error))?;
        let format = look(&head, format)?;
        let bytes_total = Some(about.len());
        Ok(Self {
            kind: Kind::File(file),
            label: String::new(),
            format,
            bytes_total,
        })
    }

    fn open_stream(
        label: String,
        format: Option<Format>,
        mut reader: Box<dyn Read + Send>,
    ) -> Result<Self> {
        let mut sample = Zeroizing::new(Vec::new());
        let read = reader
            .by_ref()
            .take(SAMPLE)
            .read_to_end(&mut sample)
            .map_err(|error| Error::reading(&error))?;
        let whole = (read as u64) < SAMPLE;
        let format = look(&sample[..sample.len().min(HEAD)], format)?;
        let kind = Kind::Stream {
            sample: Sample(Arc::new(sample)),
            rest: reader,
            whole,
        };
        Ok(Self {
            kind,
            label,
            format,
            bytes_total: whole.then_some(read as u64),
        })
    }

    /// Whether the study sees all records and not a sample.
    pub(crate) const fn is_studied_whole(&self) -> bool {
        match &self.kind {
            Kind::File(_) => true,
            Kind::Stream { whole, .. } => *whole,
        }
    }

    /// Records to learn from.
    pub(crate) fn study(&mut self, key: &Arc<dyn TokenKey>, meter: &Arc<Meter>) -> Result<Records> {
        let cut = !self.is_studied_whole();
        let reader: Box<dyn Read + Send> = match &mut self.kind {
            Kind::File(file) => Box::new(from_start(file)?),
            Kind::Stream { sample, .. } => Box::new(Cursor::new(sample.clone())),
        };
        Records::start(reader, cut, self.format, key, meter)
    }

    /// Records to take in.
    pub(crate) fn take(self, key: &Arc<dyn TokenKey>, meter: &Arc<Meter>) -> Result<Records> {
        let reader: Box<dyn Read + Send> = match self.kind {
            Kind::File(mut file) => Box::new(from_start(&mut file)?),
            Kind::Stream { sample, rest, .. } => Box::new(Cursor::new(sample).chain(rest)),
        };
        Records::start(reader, false, self.format, key, meter)
    }
}

fn from_start(file: &mut File) -> Result<File> {
    file.seek(SeekFrom::Start(0))
        .map_err(|error| Error::reading(&error))?;
    file.try_clone().map_err(|error| Error::reading(&error))
}

/// Looks at the first bytes: whether this can be text of records at all, and of which format.
fn look(head: &[u8], told: Option<Format>) -> Result<Format> {
    const PACKED: &[&[u8]] = &[
        b"\x1f\x8b",
        b"\x28\xb5\x2f\xfd",
        b"PK\x03\x04",
        b"BZh",
        b"\xfd7zXZ",
        b"\x04\x22\x4d\x18",
    ];
    const UTF_16: &[&[u8]] = &[b"\xff\xfe", b"\xfe\xff"];
    const TABLES: &[&[u8]] = &[b"PAR1", b"PARE", b"ARROW1", b"ORC", b"Obj\x01"];
    let starts = |list: &[&[u8]]| list.iter().any(|magic| head.starts_with(magic));
    let text = head
        .strip_prefix(b"\xef\xbb\xbf")
        .unwrap_or(head)
        .trim_ascii_start();
    if text.is_empty() {
        return Err(Error::source_is("the source is empty"));
    }
    if starts(PACKED) {
        return Err(Error::source_is(
            "the source is compressed: unpack it first",
        ));
    }
    if starts(UTF_16) {
        return Err(Error::source_is(
            "the source is UTF-16: convert it to UTF-8 first",
        ));
    }
    if starts(TABLES) {
        return Err(Error::source_is(
            "the source is a Parquet, ORC, Avro or Arrow file, not text",
        ));
    }
    if memchr::memchr(0, head).is_some() {
        return Err(Error::source_is("the source is binary, not text"));
    }
    let format = told.unwrap_or(if text[0] == b'{' {
        Format::Ndjson
    } else {
        Format::Csv
    });
    if text[0] == b'[' && (format == Format::Ndjson || told.is_none()) {
        return Err(Error::source_is(
            "the source is one JSON array: write one object a line",
        ));
    }
    Ok(format)
}

/// Records, a batch at a time, each batch chained to all before it.
pub(crate) struct Records {
    reader: Reader,
    chain: Chain,
}

enum Reader {
    Csv(Box<csv::CsvRecords>),
    Json(ndjson::JsonRecords),
}

impl Records {
    fn start(
        reader: Box<dyn Read + Send>,
        cut: bool,
        format: Format,
        key: &Arc<dyn TokenKey>,
        meter: &Arc<Meter>,
    ) -> Result<Self> {
        let blocks = Blocks::new(reader, Arc::clone(meter))?;
        let mut chain = Chain {
            key: Arc::clone(key),
            state: [0; 32],
        };
        let reader = match format {
            Format::Csv => {
                let records = csv::CsvRecords::start(blocks, cut)?;
                for name in records.header() {
                    chain.add(&[name.as_bytes(), b"\n"]);
                }
                Reader::Csv(Box::new(records))
            }
            Format::Ndjson => Reader::Json(ndjson::JsonRecords::start(blocks, cut)),
        };
        Ok(Self { reader, chain })
    }

    /// The names of the columns, where the format says them once.
    pub(crate) fn header(&self) -> Option<&[String]> {
        match &self.reader {
            Reader::Csv(records) => Some(records.header()),
            Reader::Json(_) => None,
        }
    }

    /// The next records; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Batch>> {
        let batch = match &mut self.reader {
            Reader::Csv(records) => records.next()?,
            Reader::Json(records) => records.next()?,
        };
        let Some(mut batch) = batch else {
            return Ok(None);
        };
        let (text, ends) = match &batch.body {
            Body::Csv(fields) => (&fields.text, &fields.ends),
            Body::Json(lines) => (&lines.text, &lines.ends),
        };
        let ends: Vec<u8> = ends.iter().flat_map(|end| end.to_le_bytes()).collect();
        self.chain.add(&[text.as_bytes(), &ends]);
        for bad in &batch.bad {
            self.chain.add(&[bad.raw.as_bytes()]);
        }
        batch.chain = self.chain.hex();
        Ok(Some(batch))
    }

    /// What all records so far are, keyed: equal for equal records and no others.
    pub(crate) fn chain(&self) -> String {
        self.chain.hex()
    }
}

struct Chain {
    key: Arc<dyn TokenKey>,
    state: [u8; 32],
}

impl Chain {
    fn add(&mut self, parts: &[&[u8]]) {
        let mut text = Zeroizing::new(Vec::with_capacity(
            32 + parts.iter().map(|p| p.len()).sum::<usize>(),
        ));
        text.extend_from_slice(&self.state);
        for part in parts {
            text.extend_from_slice(part);
        }
        self.state = self.key.token(&text);
    }

    fn hex(&self) -> String {
        use std::fmt::Write as _;
        self.state[..16]
            .iter()
            .fold(String::with_capacity(32), |mut text, byte| {
                // Writing to a string does not fail.
                let _ = write!(text, "{byte:02x}");
                text
            })
    }
}

#[cfg(test)]
pub(crate) mod tests;
