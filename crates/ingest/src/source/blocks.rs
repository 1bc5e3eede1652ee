//! A source's bytes, a block at a time, and how many there were.

use std::{
    io::Read,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// Bytes of a block.
const BLOCK: usize = 256 << 10;

/// How far the reading is, for whoever watches; and whether it is to stop.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    pub(crate) bytes: AtomicU64,
    pub(crate) records: AtomicU64,
    /// Bytes of the whole source; 0 where that is not known.
    pub(crate) total: AtomicU64,
    pub(crate) stop: AtomicBool,
}

/// The bytes.
pub(crate) struct Blocks {
    reader: Box<dyn Read + Send>,
    buffer: Zeroizing<Vec<u8>>,
    start: usize,
    end: usize,
    meter: Arc<Meter>,
}

impl Blocks {
    /// Reads the first block and passes over a byte order mark.
    pub(crate) fn new(reader: Box<dyn Read + Send>, meter: Arc<Meter>) -> Result<Self> {
        let buffer = Zeroizing::new(vec![0; BLOCK]);
        let mut blocks = Self {
            reader,
            buffer,
            start: 0,
            end: 0,
            meter,
        };
        blocks.fill()?;
        if blocks.data().starts_with(b"\xef\xbb\xbf") {
            blocks.consume(3);
        }
        Ok(blocks)
    }

    /// What is there and not consumed.
    pub(crate) fn data(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    pub(crate) fn consume(&mut self, bytes: usize) {
        self.start = (self.start + bytes).min(self.end);
    }

    /// Reads the next block once the last is consumed. False at the end.
    pub(crate) fn fill(&mut self) -> Result<bool> {
        if self.start < self.end {
            return Ok(true);
        }
        (self.start, self.end) = (0, 0);
        // Filled to the brim, so that where a block ends does not depend on how a pipe is written.
        while self.end < self.buffer.len() {
            if self.meter.stop.load(Ordering::Relaxed) {
                return Err(Error::BrokeOff);
            }
            let Some(free) = self.buffer.get_mut(self.end..) else {
                break;
            };
            match self.reader.read(free) {
                Ok(0) => break,
                Ok(read) => self.end += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::reading(&error)),
            }
        }
        self.meter
            .bytes
            .fetch_add(self.end as u64, Ordering::Relaxed);
        Ok(self.end > 0)
    }

    pub(crate) fn count(&self, records: usize) {
        self.meter
            .records
            .fetch_add(records as u64, Ordering::Relaxed);
    }
}
