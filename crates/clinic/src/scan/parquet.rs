//! Parquet taken apart into pages, unpacked and undone from their encodings.
//!
//! A file whose writer was killed has no footer, and still gives up its pages: they are walked
//! from the front, with every codec tried. Columns whose metadata is encrypted are left alone;
//! that their bytes are ciphertext is for the compression check to say.

use std::io::{self, Read};

use super::codec::{lz4_block, lz4_hadoop};
use super::delta;
use super::thrift::{self, Value};
use super::{Bytes, Scanner, Source, SourceReader};

impl Scanner {
    /// Searches the pages of a Parquet file; anything else is left alone.
    pub(super) fn scan_parquet(
        &mut self,
        place: &str,
        source: &dyn Source,
        depth: u8,
    ) -> io::Result<()> {
        let size = source.size()?;
        let mut magic = [0; 4];
        if size < 12 || source.read_at(0, &mut magic)? < 4 || magic != *MAGIC {
            return Ok(());
        }
        let mut tail = Vec::new();
        SourceReader {
            source,
            at: size - 8,
        }
        .read_to_end(&mut tail)?;
        if tail.get(4..8) != Some(MAGIC.as_slice()) {
            return self.scan_orphan(place, source, depth);
        }
        let footer_size = tail
            .first_chunk()
            .map_or(0, |bytes| u32::from_le_bytes(*bytes));
        let Some(footer_at) = (size - 8).checked_sub(u64::from(footer_size)) else {
            return self.scan_orphan(place, source, depth);
        };
        let footer = read(source, footer_at, u64::from(footer_size))?;
        match thrift::read_struct(&footer) {
            Some((footer, _)) => {
                for (position, chunk) in chunks(&footer).enumerate() {
                    self.scan_chunk(&format!("{place}!chunk{position}"), source, &chunk, depth)?;
                }
                Ok(())
            }
            None => {
                self.report
                    .pass_over(place, "the parquet footer does not parse");
                self.scan_orphan(place, source, depth)
            }
        }
    }

    fn scan_chunk(
        &mut self,
        place: &str,
        source: &dyn Source,
        chunk: &Chunk,
        depth: u8,
    ) -> io::Result<()> {
        if chunk.size > CHUNK_LIMIT {
            self.report
                .pass_over(place, "the column chunk is too large");
            return Ok(());
        }
        let bytes = read(source, chunk.start, chunk.size)?;
        let mut at = 0;
        while at < bytes.len() {
            let Some((page, next)) = Page::read(&bytes, at) else {
                self.report.pass_over(place, "a page header does not parse");
                return Ok(());
            };
            match page.unpack(chunk.codec) {
                Some(plain) => self.scan_page(place, &plain, &page, depth)?,
                None => self.report.pass_over(place, "a page cannot be unpacked"),
            }
            at = next;
        }
        Ok(())
    }

    /// Walks the pages of a file without a footer, as far as they go.
    fn scan_orphan(&mut self, place: &str, source: &dyn Source, depth: u8) -> io::Result<()> {
        let place = format!("{place}!orphan");
        let size = source.size()?;
        let mut at = MAGIC.len() as u64;
        while at < size {
            let most = HEADER_LIMIT.min(size - at);
            let header = read(source, at, most)?;
            let Some((_, header_size, packed_size)) = Page::sizes(&header) else {
                break;
            };
            let end = at + header_size as u64 + packed_size;
            let bytes = read(source, at, end.min(size) - at)?;
            if let Some((page, _)) = Page::read(&bytes, 0) {
                for codec in CODECS {
                    if let Some(plain) = page.unpack(*codec) {
                        self.scan_page(&place, &plain, &page, depth)?;
                    }
                }
            }
            at = end;
        }
        Ok(())
    }

    fn scan_page(
        &mut self,
        place: &str,
        plain: &[u8],
        page: &Page<'_>,
        depth: u8,
    ) -> io::Result<()> {
        self.report.decoded_bytes += plain.len() as u64;
        self.scan_source(place, &Bytes(plain), depth + 1)?;
        for values in page.undo_encoding(plain) {
            self.report.decoded_bytes += values.len() as u64;
            self.scan_source(&format!("{place}!delta"), &Bytes(&values), depth + 1)?;
        }
        Ok(())
    }
}

/// Where a column chunk lies, and how it is packed.
struct Chunk {
    start: u64,
    size: u64,
    codec: i64,
}

/// The chunks whose metadata can be read and that are not encrypted.
fn chunks<'a>(footer: &'a Value<'a>) -> impl Iterator<Item = Chunk> + 'a {
    let columns = footer.list(4).iter().flat_map(|group| group.list(1));
    columns
        .filter(|column| column.field(8).is_none())
        .filter_map(|column| {
            let metadata = column.field(3)?;
            let data: u64 = metadata.integer(9)?;
            let dictionary = metadata.integer(11).filter(|at| *at > 0).unwrap_or(data);
            Some(Chunk {
                start: data.min(dictionary),
                size: metadata.integer(7)?,
                codec: metadata.integer(4)?,
            })
        })
}

/// A page as it is stored.
struct Page<'a> {
    packed: &'a [u8],
    plain_size: usize,
    encoding: i64,
    /// Bytes of levels before the values that no codec packs (version 2 of the data page).
    levels: usize,
    is_packed: bool,
}

impl<'a> Page<'a> {
    /// The header, its size, and the size of what follows it.
    fn sizes(bytes: &[u8]) -> Option<(Value<'_>, usize, u64)> {
        let (header, header_size) = thrift::read_struct(bytes)?;
        // Type, and both sizes, are never missing.
        let kind: u8 = header.integer(1)?;
        let _plain_size: u32 = header.integer(2)?;
        let packed_size: u32 = header.integer(3)?;
        (kind <= 3).then_some((header, header_size, u64::from(packed_size)))
    }

    /// The page at a place, and the place after it. A page that is cut is taken as far as it goes.
    fn read(bytes: &'a [u8], at: usize) -> Option<(Self, usize)> {
        let rest = bytes.get(at..)?;
        let (header, header_size, packed_size) = Self::sizes(rest)?;
        let end = header_size.checked_add(usize::try_from(packed_size).ok()?)?;
        let packed = rest.get(header_size..end.min(rest.len()))?;
        let (v1, v2) = (header.field(5), header.field(8));
        let level = |number| v2.and_then(|v2| v2.integer::<usize>(number)).unwrap_or(0);
        let page = Self {
            packed,
            plain_size: header.integer(2)?,
            encoding: v1
                .and_then(|v1| v1.integer(2))
                .or_else(|| v2.and_then(|v2| v2.integer(4)))
                .unwrap_or(PLAIN),
            levels: level(5).checked_add(level(6))?,
            is_packed: v2.and_then(|v2| v2.field(7)) != Some(&Value::Bool(false)),
        };
        Some((page, at.checked_add(end)?))
    }

    fn unpack(&self, codec: i64) -> Option<Vec<u8>> {
        if self.plain_size as u64 > CHUNK_LIMIT {
            return None;
        }
        let (levels, values) = self.packed.split_at_checked(self.levels)?;
        let size = self.plain_size.checked_sub(self.levels)?;
        let plain = if self.is_packed && !values.is_empty() {
            unpack(codec, values, size)?
        } else {
            values.to_vec()
        };
        Some([levels, &plain].concat())
    }

    /// The values of encodings that do not keep them in a row.
    fn undo_encoding(&self, plain: &[u8]) -> Vec<Vec<u8>> {
        let undo: fn(&[u8]) -> Vec<Vec<u8>> = match self.encoding {
            DELTA_BINARY_PACKED => |values| delta::integers_as_bytes(values).into_iter().collect(),
            DELTA_BYTE_ARRAY => |values| delta::byte_arrays(values).into_iter().collect(),
            BYTE_STREAM_SPLIT => unsplit,
            _ => return Vec::new(),
        };
        // Version 1 puts up to two lists of levels before the values, each with its length.
        let mut starts = vec![self.levels];
        if self.levels == 0 {
            let mut at = 0;
            for _ in 0..2 {
                let Some(length) = plain.get(at..).and_then(<[u8]>::first_chunk) else {
                    break;
                };
                at = at.saturating_add(4 + u32::from_le_bytes(*length) as usize);
                starts.push(at);
            }
        }
        starts
            .into_iter()
            .filter_map(|start| plain.get(start..))
            .flat_map(undo)
            .collect()
    }
}

/// Streams of first bytes, second bytes, …, interleaved again, for the widths that numbers have.
fn unsplit(values: &[u8]) -> Vec<Vec<u8>> {
    let widths = [4usize, 8, 9, 11, 12, 16];
    let whole = widths
        .iter()
        .filter(|width| values.len().is_multiple_of(**width));
    whole
        .map(|width| {
            let count = values.len() / width;
            (0..values.len())
                .map(|at| values[at % width * count + at / width])
                .collect()
        })
        .collect()
}

fn unpack(codec: i64, packed: &[u8], size: usize) -> Option<Vec<u8>> {
    let stream = |mut reader: Box<dyn Read + '_>| {
        let mut plain = Vec::new();
        // A page that is cut gives what it has.
        let _ = reader.by_ref().take(size as u64).read_to_end(&mut plain);
        (!plain.is_empty()).then_some(plain)
    };
    match codec {
        UNCOMPRESSED => Some(packed.to_vec()),
        SNAPPY => snap::raw::Decoder::new().decompress_vec(packed).ok(),
        GZIP => stream(Box::new(flate2::read::MultiGzDecoder::new(packed))),
        BROTLI => None,
        LZ4 => lz4_hadoop(packed, Some(size))
            .or_else(|| stream(Box::new(lz4_flex::frame::FrameDecoder::new(packed))))
            .or_else(|| lz4_block(packed, size).ok()),
        ZSTD => stream(Box::new(zstd::stream::read::Decoder::new(packed).ok()?)),
        LZ4_RAW => lz4_block(packed, size).ok(),
        _ => None,
    }
}

fn read(source: &dyn Source, at: u64, size: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    SourceReader { source, at }
        .take(size)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

const MAGIC: &[u8; 4] = b"PAR1";
const UNCOMPRESSED: i64 = 0;
const SNAPPY: i64 = 1;
const GZIP: i64 = 2;
const BROTLI: i64 = 4;
const LZ4: i64 = 5;
const ZSTD: i64 = 6;
const LZ4_RAW: i64 = 7;
/// Those to try where no footer says which; an unpacked page is found by the search itself.
const CODECS: &[i64] = &[SNAPPY, GZIP, LZ4, ZSTD];
const PLAIN: i64 = 0;
const DELTA_BINARY_PACKED: i64 = 5;
const DELTA_BYTE_ARRAY: i64 = 7;
const BYTE_STREAM_SPLIT: i64 = 9;
const CHUNK_LIMIT: u64 = 512 << 20;
/// Statistics may make a header long.
const HEADER_LIMIT: u64 = 1 << 20;
