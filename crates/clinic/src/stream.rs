//! Rows made one at a time, read as a file would be.

use std::io::{self, Read};

/// A reader over rows that are written when they are asked for; holds a few rows at most.
pub(crate) struct Rows<F> {
    row: usize,
    rows: usize,
    pending: Vec<u8>,
    taken: usize,
    write: F,
}

impl<F: FnMut(usize, &mut Vec<u8>)> Rows<F> {
    pub(crate) fn new(header: &str, rows: usize, write: F) -> Self {
        Self {
            row: 0,
            rows,
            pending: header.as_bytes().to_vec(),
            taken: 0,
            write,
        }
    }
}

impl<F: FnMut(usize, &mut Vec<u8>)> Read for Rows<F> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.pending.len() {
            self.pending.clear();
            self.taken = 0;
            while self.pending.len() < BATCH_BYTES && self.row < self.rows {
                (self.write)(self.row, &mut self.pending);
                self.row += 1;
            }
        }
        let ready = &self.pending[self.taken..];
        let count = ready.len().min(out.len());
        out[..count].copy_from_slice(&ready[..count]);
        self.taken += count;
        Ok(count)
    }
}

const BATCH_BYTES: usize = 64 * 1024;
