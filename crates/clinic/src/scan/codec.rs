//! Codecs undone: by magic where they have one, by trial where they have none.

use std::io::{self, Read};

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// A codec that says where it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Zstd,
    Gzip,
    Zlib,
    Zip,
    Lz4,
    Snappy,
    /// Base64 of gzip or zstd; base64 of text needs no unpacking to be searched.
    Base64,
}

impl Packing {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
            Self::Zlib => "zlib",
            Self::Zip => "zip",
            Self::Lz4 => "lz4",
            Self::Snappy => "snappy",
            Self::Base64 => "base64",
        }
    }

    /// What is inside, as far as it can be read. None where it is not this codec after all.
    pub(super) fn unpack<'a>(self, packed: impl Read + 'a) -> Option<Box<dyn Read + 'a>> {
        Some(match self {
            Self::Zstd => Box::new(
                zstd::stream::read::Decoder::new(packed)
                    .ok()?
                    .single_frame(),
            ),
            Self::Gzip => Box::new(flate2::read::GzDecoder::new(packed)),
            Self::Zlib => Box::new(flate2::read::ZlibDecoder::new(packed)),
            Self::Zip => unzip(packed)?,
            Self::Lz4 => Box::new(lz4_flex::frame::FrameDecoder::new(packed)),
            Self::Snappy => Box::new(snap::read::FrameDecoder::new(packed)),
            Self::Base64 => Box::new(io::Cursor::new(decode_base64(packed)?)),
        })
    }
}

/// Reports each place where a codec may start.
pub(super) fn starts(bytes: &[u8], mut found: impl FnMut(usize, Packing)) {
    // Every magic starts with one of six bytes; memchr takes three at a time.
    let firsts = memchr::memchr3_iter(0x28, 0x1F, 0x78, bytes);
    let others = memchr::memchr3_iter(0x04, 0xFF, b'P', bytes);
    let base64 = memchr::memchr2_iter(b'H', b'K', bytes);
    let mut all: Vec<(usize, Packing)> = firsts
        .chain(others)
        .chain(base64)
        .filter_map(|at| magic(&bytes[at..]).map(|packing| (at, packing)))
        .collect();
    all.sort_unstable_by_key(|(at, _)| *at);
    for (at, packing) in all {
        found(at, packing);
    }
}

fn magic(bytes: &[u8]) -> Option<Packing> {
    const SNAPPY: &[u8] = b"\xFF\x06\x00\x00sNaPpY";
    match bytes {
        [0x28, 0xB5, 0x2F, 0xFD, ..] => Some(Packing::Zstd),
        // Method deflate, no reserved flag.
        [0x1F, 0x8B, 0x08, flags, ..] if flags & 0xE0 == 0 => Some(Packing::Gzip),
        // The header's check sum is weak: most of these are chance and fail at once.
        [0x78, 0x01 | 0x5E | 0x9C | 0xDA, ..] => Some(Packing::Zlib),
        [b'P', b'K', 3, 4, ..] => Some(Packing::Zip),
        [0x04, 0x22, 0x4D, 0x18, ..] => Some(Packing::Lz4),
        [b'H', b'4', b's', b'I', ..] | [b'K', b'L', b'U', b'v', ..] => Some(Packing::Base64),
        _ if bytes.starts_with(SNAPPY) => Some(Packing::Snappy),
        _ => None,
    }
}

/// The bytes as one block of a codec that has no magic, in every reading that comes out whole.
pub(super) fn whole_block(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut readings = Vec::new();
    if bytes.len() < LEAST_BLOCK_BYTES {
        return readings;
    }
    if let Ok(size) = snap::raw::decompress_len(bytes)
        && plausible(size, bytes.len())
        && let Ok(unpacked) = snap::raw::Decoder::new().decompress_vec(bytes)
    {
        readings.push(("snappy_block", unpacked));
    }
    if let Some((size, block)) = bytes.split_first_chunk::<4>()
        && plausible(u32::from_le_bytes(*size) as usize, block.len())
        && let Ok(unpacked) = lz4_block(block, u32::from_le_bytes(*size) as usize)
    {
        readings.push(("lz4_sized_block", unpacked));
    }
    if let Some(unpacked) = lz4_hadoop(bytes, None) {
        readings.push(("lz4_hadoop", unpacked));
    }
    if bytes.len() <= LZ4_GUESS_BYTES
        && let Ok(unpacked) = lz4_block(bytes, bytes.len() * LZ4_GUESS_RATIO)
        && unpacked.len() > bytes.len()
    {
        readings.push(("lz4_block", unpacked));
    }
    readings
}

/// One LZ4 block of at most this size.
pub(super) fn lz4_block(block: &[u8], most: usize) -> Result<Vec<u8>, ()> {
    let mut unpacked = vec![0; most];
    let size = lz4_flex::block::decompress_into(block, &mut unpacked).map_err(|_| ())?;
    unpacked.truncate(size);
    Ok(unpacked)
}

/// Hadoop's framing of LZ4: both sizes, big end first, then a block; again and again.
pub(super) fn lz4_hadoop(mut bytes: &[u8], size: Option<usize>) -> Option<Vec<u8>> {
    let mut unpacked = Vec::new();
    while !bytes.is_empty() {
        let (plain, rest) = bytes.split_first_chunk::<4>()?;
        let (packed, rest) = rest.split_first_chunk::<4>()?;
        let (plain, packed) = (u32::from_be_bytes(*plain), u32::from_be_bytes(*packed));
        let block = rest.get(..packed as usize)?;
        if !plausible(plain as usize, block.len()) {
            return None;
        }
        unpacked.extend(lz4_block(block, plain as usize).ok()?);
        bytes = &rest[packed as usize..];
    }
    size.is_none_or(|size| size == unpacked.len())
        .then_some(unpacked)
}

/// Compressed size over size.
pub(super) fn ratio(bytes: &[u8]) -> io::Result<f64> {
    let compressed = zstd::bulk::compress(bytes, 1)?;
    Ok(compressed.len() as f64 / bytes.len() as f64)
}

/// Neither codec packs tighter than 1:255, and a block that grows is not worth its codec.
fn plausible(size: usize, packed: usize) -> bool {
    size > 0 && size >= packed / 2 && size / 255 <= packed && size <= BLOCK_LIMIT
}

fn unzip<'a>(mut packed: impl Read + 'a) -> Option<Box<dyn Read + 'a>> {
    let mut header = [0; 30];
    packed.read_exact(&mut header).ok()?;
    let number = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    let names = u64::from(number(26)) + u64::from(number(28));
    io::copy(&mut packed.by_ref().take(names), &mut io::sink()).ok()?;
    // Stored entries are found by the search itself.
    (number(8) == 8).then(|| Box::new(flate2::read::DeflateDecoder::new(packed)) as Box<dyn Read>)
}

/// The base64 text at the start, decoded; line ends within are skipped.
fn decode_base64(packed: impl Read) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    packed
        .take(BLOCK_LIMIT as u64)
        .read_to_end(&mut text)
        .ok()?;
    let end = text
        .iter()
        .position(|byte| !byte.is_ascii_alphanumeric() && !b"+/-_\r\n".contains(byte))
        .unwrap_or(text.len());
    text.truncate(end);
    text.retain(|byte| !byte.is_ascii_whitespace());
    for byte in &mut text {
        match byte {
            b'-' => *byte = b'+',
            b'_' => *byte = b'/',
            _ => {}
        }
    }
    if text.len() % 4 == 1 {
        text.pop();
    }
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true);
    GeneralPurpose::new(&alphabet::STANDARD, config)
        .decode(&text)
        .ok()
}

/// Of the magics, the longest but one byte.
pub(super) const LONGEST_MAGIC: usize = 10;
const LEAST_BLOCK_BYTES: usize = 12;
const BLOCK_LIMIT: usize = 64 << 20;
/// A block without its size is tried up to this many bytes, unpacking to at most so many times.
const LZ4_GUESS_BYTES: usize = 2 << 20;
const LZ4_GUESS_RATIO: usize = 24;
