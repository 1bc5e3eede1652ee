//! Looks for planted identifiers in anything that was stored.
//!
//! A plain search would pass over most of what a leak looks like: pages are compressed, sort keys
//! flipped, text wide or in base64. So each string is looked for in every [`Encoding`], codecs are
//! undone where their magic stands, and Parquet is taken apart page by page. What a scan could not
//! read is in the report, because an unread file is not a clean one.

mod codec;
mod delta;
mod encoding;
mod files;
mod index;
mod parquet;
mod report;
mod thrift;

use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use crate::planted::{PlantKind, Planted};
use crate::{Error, Result};

use codec::Packing;
use index::Index;
use report::Tally;

pub use encoding::Encoding;
pub use report::{Compressible, Hit, Report, Unread};

/// Searches bytes, files and folders, and adds up what it finds.
#[derive(Clone)]
pub struct Scanner {
    index: Arc<Index>,
    kinds: Arc<[PlantKind]>,
    report: Report,
}

impl Scanner {
    /// A scanner for these strings. Building it costs more than a small scan: to scan again, take
    /// the report with [`Scanner::take_report`] and go on with the same scanner.
    ///
    /// # Errors
    ///
    /// A string is so short that it would be found by chance, or absurdly long.
    pub fn new(planted: &Planted) -> Result<Self> {
        Ok(Self {
            index: Arc::new(Index::new(planted)?),
            kinds: planted.identifiers.iter().map(|(kind, _)| *kind).collect(),
            report: Report::empty(planted),
        })
    }

    /// What was found so far.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// What was found so far; the next scan starts a new report.
    pub fn take_report(&mut self) -> Report {
        let fresh = Report {
            found: vec![false; self.kinds.len()],
            ..Report::default()
        };
        std::mem::replace(&mut self.report, fresh)
    }

    /// Searches bytes that are all in memory, as if they were a file.
    pub fn scan_bytes(&mut self, place: &str, bytes: &[u8]) {
        // Memory does not fail to be read.
        let _ = self.scan_stored(place, &Bytes(bytes));
    }

    /// Searches a stream in windows, so that it may be longer than memory. A codec that starts in
    /// one window is undone as far as that window goes.
    ///
    /// # Errors
    ///
    /// The stream cannot be read.
    pub fn scan_reader(&mut self, place: &str, mut reader: impl Read) -> Result<()> {
        let failed = |source| Error::Read {
            place: place.to_owned(),
            source,
        };
        self.scan_pieces(place, &mut reader, 0).map_err(failed)
    }

    /// Searches one thing as it is stored: a file, or bytes in a file's stead.
    fn scan_stored(&mut self, place: &str, source: &dyn Source) -> io::Result<()> {
        self.report.bytes += source.size()?;
        self.scan_source(place, source, 0)?;
        self.weigh(place, source)
    }

    fn scan_source(&mut self, place: &str, source: &dyn Source, depth: u8) -> io::Result<()> {
        let starts = self.search(place, source)?;
        if depth >= DEPTH_LIMIT {
            if !starts.is_empty() {
                self.report.pass_over(place, "codecs are nested too deeply");
            }
            return Ok(());
        }
        for (at, packing) in starts {
            let inside = format!("{place}!{}@{at}", packing.as_str());
            let packed = SourceReader { source, at };
            if let Some(mut unpacked) = packing.unpack(packed) {
                self.scan_unpacked(&inside, &mut unpacked, depth + 1);
            }
        }
        self.scan_parquet(place, source, depth)?;
        self.scan_whole_block(place, source, depth)
    }

    /// Searches the bytes as they are, and notes where a codec's magic stands.
    fn search(&mut self, place: &str, source: &dyn Source) -> io::Result<Vec<(u64, Packing)>> {
        let overlap = self.index.overlap().max(codec::LONGEST_MAGIC);
        let mut window = vec![0; (WINDOW_BYTES + overlap).min(source.size()? as usize + 1)];
        let (mut filled, mut carried, mut base) = (0, 0, 0u64);
        let mut starts = Vec::new();
        let mut next_start = 0;
        loop {
            while filled < window.len() {
                match source.read_at(base + filled as u64, &mut window[filled..])? {
                    0 => break,
                    count => filled += count,
                }
            }
            if filled == carried {
                return Ok(starts);
            }
            self.find(place, &window[..filled], carried);
            codec::starts(&window[..filled], |at, packing| {
                let at = base + at as u64;
                if at >= next_start {
                    next_start = at + 1;
                    starts.push((at, packing));
                }
            });
            if filled < window.len() {
                return Ok(starts);
            }
            carried = overlap.min(filled);
            base += (filled - carried) as u64;
            window.copy_within(filled - carried..filled, 0);
            filled = carried;
        }
    }

    fn find(&mut self, place: &str, bytes: &[u8], seen: usize) {
        let mut tally = Tally::new();
        let Self {
            index,
            kinds,
            report,
        } = self;
        index.search(bytes, seen, |found| {
            report.found[found.identifier] = true;
            *tally
                .entry((kinds[found.identifier], found.encoding))
                .or_default() += 1;
        });
        report.add_hits(place, tally);
    }

    /// Searches what comes out of a codec. A broken end is normal here: the magic may be a chance
    /// of the bytes, and the packed part may be cut; what came out before the end is searched.
    fn scan_unpacked(&mut self, place: &str, unpacked: &mut dyn Read, depth: u8) {
        let _ = self.scan_pieces(place, unpacked, depth);
    }

    fn scan_pieces(&mut self, place: &str, reader: &mut dyn Read, depth: u8) -> io::Result<()> {
        let overlap = self.index.overlap();
        let mut piece = Vec::new();
        let (mut carried, mut total) = (0, 0u64);
        loop {
            let wanted = (PIECE_BYTES - piece.len()) as u64;
            let outcome = (&mut *reader).take(wanted).read_to_end(&mut piece);
            let fresh = piece.len() - carried;
            total += fresh as u64;
            if depth == 0 {
                self.report.bytes += fresh as u64;
            } else {
                self.report.decoded_bytes += fresh as u64;
            }
            if fresh > 0 {
                self.scan_piece(place, &piece, carried, depth)?;
            }
            outcome?;
            if piece.len() < PIECE_BYTES {
                return Ok(());
            }
            if depth > 0 && total > UNPACKED_LIMIT {
                self.report
                    .pass_over(place, "unpacks to more than is reasonable");
                return Ok(());
            }
            piece.drain(..piece.len() - overlap);
            carried = overlap;
        }
    }

    fn scan_piece(&mut self, place: &str, piece: &[u8], seen: usize, depth: u8) -> io::Result<()> {
        if seen == 0 {
            return self.scan_source(place, &Bytes(piece), depth);
        }
        // The carried bytes were searched with the piece before.
        self.find(place, piece, seen);
        let mut starts = Vec::new();
        codec::starts(&piece[seen..], |at, packing| starts.push((at, packing)));
        for (at, packing) in starts {
            if depth < DEPTH_LIMIT
                && let Some(mut unpacked) = packing.unpack(&piece[seen + at..])
            {
                let inside = format!("{place}!{}", packing.as_str());
                self.scan_unpacked(&inside, &mut unpacked, depth + 1);
            }
        }
        Ok(())
    }

    /// Tries the codecs that have no magic on something that may be one block of them.
    fn scan_whole_block(&mut self, place: &str, source: &dyn Source, depth: u8) -> io::Result<()> {
        if source.size()? > BLOCK_LIMIT {
            return Ok(());
        }
        let mut bytes = Vec::new();
        SourceReader { source, at: 0 }.read_to_end(&mut bytes)?;
        for (codec, unpacked) in codec::whole_block(&bytes) {
            self.report.decoded_bytes += unpacked.len() as u64;
            self.scan_source(&format!("{place}!{codec}"), &Bytes(&unpacked), depth + 1)?;
        }
        Ok(())
    }

    /// Looks for stretches that compress: ciphertext does not.
    fn weigh(&mut self, place: &str, source: &dyn Source) -> io::Result<()> {
        let mut window = Vec::with_capacity(WEIGHED_BYTES);
        let mut reader = SourceReader { source, at: 0 };
        let mut worst = Compressible {
            place: place.to_owned(),
            windows: 0,
            of: 0,
            ratio: 1.0,
        };
        loop {
            window.clear();
            reader
                .by_ref()
                .take(WEIGHED_BYTES as u64)
                .read_to_end(&mut window)?;
            if window.len() < LEAST_WEIGHED_BYTES {
                break;
            }
            worst.of += 1;
            let ratio = codec::ratio(&window)?;
            if ratio < CIPHERTEXT_RATIO {
                worst.windows += 1;
                worst.ratio = worst.ratio.min(ratio);
            }
        }
        if worst.windows > 0 {
            self.report.compressible.push(worst);
        }
        Ok(())
    }
}

impl fmt::Debug for Scanner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scanner")
            .field("planted", &self.kinds.len())
            .finish_non_exhaustive()
    }
}

/// Bytes that can be read from any place, so that a codec can start in the middle.
trait Source {
    fn size(&self) -> io::Result<u64>;
    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize>;
}

struct Bytes<'a>(&'a [u8]);

impl Source for Bytes<'_> {
    fn size(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        let rest = self.0.get(at as usize..).unwrap_or_default();
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}

#[derive(Clone, Copy)]
struct SourceReader<'a> {
    source: &'a dyn Source,
    at: u64,
}

impl Read for SourceReader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read_at(self.at, out)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// Read at a time.
const WINDOW_BYTES: usize = 4 << 20;
/// Unpacked at a time.
const PIECE_BYTES: usize = 32 << 20;
/// Out of one codec.
const UNPACKED_LIMIT: u64 = 8 << 30;
/// Of something that may be one block without a magic.
const BLOCK_LIMIT: u64 = 64 << 20;
/// Codecs within codecs.
const DEPTH_LIMIT: u8 = 5;
const WEIGHED_BYTES: usize = 32 << 10;
/// Less says nothing.
const LEAST_WEIGHED_BYTES: usize = 4 << 10;
/// Random bytes stay above 1; a few readable words in a window may take it a little below.
const CIPHERTEXT_RATIO: f64 = 0.9;

#[cfg(test)]
mod tests;
