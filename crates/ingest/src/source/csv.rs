//! CSV: RFC 4180 with any of four delimiters.
//!
//! The parser prefers any parse over none, so what a parser calls fine is checked here: a quote that
//! is never closed, or a last record that is short and has no line end, means a file that was cut.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use csv_core::{ReadRecordResult, Reader};

use super::{
    RECORD_LIMIT,
    batch::{BYTES, Bad, Batch, Body, Fields, RECORDS, Reason},
    blocks::Blocks,
};
use crate::{
    error::{Error, Result},
    json,
};

/// CSV records.
pub(crate) struct CsvRecords {
    raw: RawRecords,
    header: Vec<String>,
    number: u64,
    done: bool,
}

impl CsvRecords {
    /// Finds the delimiter and reads the header. With `cut`, the bytes are the beginning of more, and
    /// a last record without an end is left out.
    pub(crate) fn start(blocks: Blocks, cut: bool) -> Result<Self> {
        let delimiter = delimiter(blocks.data());
        let mut raw = RawRecords::new(blocks, delimiter, cut);
        if raw.next()?.is_none() {
            return Err(if cut {
                Error::source_at("the header has no end within 8 MiB", 1)
            } else {
                Error::source_is("the source is empty")
            });
        }
        let header = raw
            .fields()
            .map(|field| std::str::from_utf8(field).map(str::to_owned))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| {
                Error::source_at("the header is not UTF-8: convert the source first", 1)
            })?;
        Ok(Self {
            raw,
            header,
            number: 0,
            done: false,
        })
    }

    pub(crate) fn header(&self) -> &[String] {
        &self.header
    }

    pub(crate) fn next(&mut self) -> Result<Option<Batch>> {
        if self.done {
            return Ok(None);
        }
        let width = self.header.len();
        let mut fields = Fields {
            text: String::new(),
            ends: Vec::new(),
            width,
        };
        let (mut numbers, mut bad) = (Vec::new(), Vec::new());
        while numbers.len() + bad.len() < RECORDS && fields.text.len() < BYTES {
            let Some(record) = self.raw.next()? else {
                self.done = true;
                break;
            };
            self.number += 1;
            let ends = &self.raw.ends[..self.raw.end_count];
            let reason = if ends.len() != width {
                if record.unended && ends.len() < width {
                    return Err(Error::source_at(
                        "the source is cut off in its last record",
                        record.line,
                    ));
                }
                Reason::Ragged
            } else if let Some(text) = whole_fields(&self.raw.output[..self.raw.output_len], ends) {
                let base = fields.text.len();
                fields.text.push_str(text);
                // A batch is far shorter than 4 GB.
                fields
                    .ends
                    .extend(ends.iter().map(|end| (base + end) as u32));
                numbers.push(self.number);
                continue;
            } else {
                Reason::NotUtf8
            };
            let (reason, raw) = self.raw.as_json(reason);
            bad.push(Bad {
                number: self.number,
                reason,
                raw,
            });
        }
        self.raw.blocks.count(numbers.len() + bad.len());
        if numbers.is_empty() && bad.is_empty() {
            return Ok(None);
        }
        Ok(Some(Batch {
            numbers,
            body: Body::Csv(fields),
            bad,
            last: self.number,
            chain: String::new(),
        }))
    }
}

/// The record's text, if all of it and each field by itself is UTF-8.
fn whole_fields<'a>(output: &'a [u8], ends: &[usize]) -> Option<&'a str> {
    let text = std::str::from_utf8(output).ok()?;
    ends.iter()
        .all(|end| text.is_char_boundary(*end))
        .then_some(text)
}

/// Where a record is.
struct Place {
    line: u64,
    /// Whether the source ended and not the line.
    unended: bool,
}

/// Records as bytes, one at a time, in `output` and `ends`.
struct RawRecords {
    blocks: Blocks,
    core: Reader,
    cut: bool,
    output: Vec<u8>,
    output_len: usize,
    ends: Vec<usize>,
    end_count: usize,
}

impl RawRecords {
    fn new(blocks: Blocks, delimiter: u8, cut: bool) -> Self {
        let core = csv_core::ReaderBuilder::new().delimiter(delimiter).build();
        Self {
            blocks,
            core,
            cut,
            output: vec![0; 4096],
            output_len: 0,
            ends: vec![0; 64],
            end_count: 0,
        }
    }

    fn next(&mut self) -> Result<Option<Place>> {
        (self.output_len, self.end_count) = (0, 0);
        // The second half of a CRLF still belongs to the line before.
        let line = self.core.line() + u64::from(self.blocks.data().first() == Some(&b'\n'));
        // At the end of the source the parser is given one more line end: if that does not end the
        // record but becomes part of it, a quote is open.
        let mut unended = false;
        loop {
            let more = self.blocks.fill()?;
            unended |= !more;
            let input = if more { self.blocks.data() } else { b"\n" };
            let (result, read, written, ends) = self.core.read_record(
                input,
                &mut self.output[self.output_len..],
                &mut self.ends[self.end_count..],
            );
            self.blocks.consume(read);
            self.output_len += written;
            self.end_count += ends;
            match result {
                ReadRecordResult::InputEmpty if more => {}
                ReadRecordResult::InputEmpty if written > 0 && !self.cut => {
                    return Err(Error::source_at(
                        "a quote is never closed: the source is cut off",
                        line,
                    ));
                }
                ReadRecordResult::InputEmpty | ReadRecordResult::End => return Ok(None),
                ReadRecordResult::OutputFull => {
                    let longer = self.output.len() * 2;
                    self.output.resize(longer, 0);
                }
                ReadRecordResult::OutputEndsFull => {
                    let longer = self.ends.len() * 2;
                    self.ends.resize(longer, 0);
                }
                ReadRecordResult::Record if unended && self.cut => return Ok(None),
                ReadRecordResult::Record => return Ok(Some(Place { line, unended })),
            }
            if self.output_len > RECORD_LIMIT || self.end_count > RECORD_LIMIT / 16 {
                return Err(Error::source_at("a record is longer than 16 MiB", line));
            }
        }
    }

    fn fields(&self) -> impl Iterator<Item = &[u8]> {
        let ends = &self.ends[..self.end_count];
        let starts = std::iter::once(0).chain(ends.iter().copied());
        starts
            .zip(ends)
            .map(|(start, end)| self.output.get(start..*end).unwrap_or_default())
    }

    /// The record as a JSON array of its fields, or in base64.
    fn as_json(&self, reason: Reason) -> (Reason, String) {
        let texts: Option<Vec<&str>> = self
            .fields()
            .map(|field| std::str::from_utf8(field).ok())
            .collect();
        match texts {
            Some(texts) => {
                let mut raw = String::from("[");
                for (index, text) in texts.iter().enumerate() {
                    if index > 0 {
                        raw.push(',');
                    }
                    json::write_text(text, &mut raw);
                }
                raw.push(']');
                (reason, raw)
            }
            None => (
                Reason::NotUtf8,
                STANDARD.encode(&self.output[..self.output_len]),
            ),
        }
    }
}

/// The delimiter that cuts the first records into the same number of fields, the most of them.
fn delimiter(head: &[u8]) -> u8 {
    const CANDIDATES: [u8; 4] = [b',', b'\t', b';', b'|'];
    let score = |delimiter: u8| {
        let widths = widths(head, delimiter);
        let Some(first) = widths.first().copied().filter(|width| *width > 1) else {
            return (0, 0);
        };
        let same = widths.iter().filter(|width| **width == first).count();
        (same * 100 / widths.len(), first)
    };
    let mut best = (b',', score(b','));
    for candidate in &CANDIDATES[1..] {
        let score = score(*candidate);
        if score > best.1 {
            best = (*candidate, score);
        }
    }
    best.0
}

/// Fields of each of the first records.
fn widths(head: &[u8], delimiter: u8) -> Vec<usize> {
    const LOOK_AT: usize = 50;
    let mut core = csv_core::ReaderBuilder::new().delimiter(delimiter).build();
    let (mut output, mut ends) = (vec![0; 4096], vec![0; 256]);
    let (mut rest, mut width, mut widths) = (head, 0, Vec::new());
    while widths.len() < LOOK_AT && !rest.is_empty() {
        let (result, read, _, ended) = core.read_record(rest, &mut output, &mut ends);
        rest = rest.get(read..).unwrap_or_default();
        width += ended;
        if result == ReadRecordResult::Record {
            widths.push(width);
            width = 0;
        }
    }
    if widths.is_empty() {
        // One line without an end: a header alone.
        let (_, _, _, ended) = core.read_record(&[], &mut output, &mut ends);
        widths.push(width + ended);
    }
    widths
}
