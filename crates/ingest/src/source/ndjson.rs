//! NDJSON: one JSON object a line. Lines are cut here and taken apart later.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    RECORD_LIMIT,
    batch::{BYTES, Bad, Batch, Body, Lines, RECORDS, Reason},
    blocks::Blocks,
};
use crate::error::{Error, Result};

/// Lines that are not blank.
pub(crate) struct JsonRecords {
    blocks: Blocks,
    cut: bool,
    line: u64,
    number: u64,
    done: bool,
    /// A line that began in an earlier block.
    begun: Vec<u8>,
}

impl JsonRecords {
    pub(crate) const fn start(blocks: Blocks, cut: bool) -> Self {
        Self {
            blocks,
            cut,
            line: 0,
            number: 0,
            done: false,
            begun: Vec::new(),
        }
    }

    pub(crate) fn next(&mut self) -> Result<Option<Batch>> {
        let mut lines = Lines {
            text: String::new(),
            ends: Vec::new(),
            lines: Vec::new(),
            unended: false,
        };
        let (mut numbers, mut bad) = (Vec::new(), Vec::new());
        while numbers.len() + bad.len() < RECORDS && lines.text.len() < BYTES && !self.done {
            let ended = self.read_line()?;
            self.done = !ended && self.blocks.data().is_empty();
            let line = self.begun.trim_ascii();
            if line.is_empty() || (!ended && self.cut) {
                self.begun.clear();
                continue;
            }
            self.number += 1;
            match std::str::from_utf8(line) {
                Ok(line) => {
                    lines.text.push_str(line);
                    // A batch is far shorter than 4 GB.
                    lines.ends.push(lines.text.len() as u32);
                    lines.lines.push(self.line);
                    lines.unended = !ended;
                    numbers.push(self.number);
                }
                Err(_) => bad.push(Bad {
                    number: self.number,
                    reason: Reason::NotUtf8,
                    raw: STANDARD.encode(line),
                }),
            }
            self.begun.clear();
        }
        self.blocks.count(numbers.len() + bad.len());
        if numbers.is_empty() && bad.is_empty() {
            return Ok(None);
        }
        Ok(Some(Batch {
            numbers,
            body: Body::Json(lines),
            bad,
            last: self.number,
            chain: String::new(),
        }))
    }

    /// Reads one line into `begun`. False if the source ended before the line did.
    fn read_line(&mut self) -> Result<bool> {
        self.line += 1;
        loop {
            if !self.blocks.fill()? {
                return Ok(false);
            }
            let data = self.blocks.data();
            let end = memchr::memchr(b'\n', data);
            self.begun
                .extend_from_slice(&data[..end.unwrap_or(data.len())]);
            let read = end.map_or(data.len(), |end| end + 1);
            self.blocks.consume(read);
            if self.begun.len() > RECORD_LIMIT {
                return Err(Error::source_at(
                    "a record is longer than 16 MiB",
                    self.line,
                ));
            }
            if end.is_some() {
                return Ok(true);
            }
        }
    }
}
