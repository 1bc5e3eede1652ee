//! The bytes of a segment: a header, then frames of records and seals.
//!
//! A frame's check tells a torn write from a whole one and nothing more: what was signed is proved
//! by the tree. Every batch ends with a seal (a signed checkpoint), in the same write as its
//! records, so one fsync makes both durable and the last whole seal says where the valid part ends.
//!
//! ```text
//! header  "LWLEDGER" | version u32 | lake 16 | first entry u64 | bytes of the segment before u64
//! frame   kind u8    | length u32  | check 8 | payload                          (big endian)
//! ```
//! The check is the first eight bytes of the payload's RFC 6962 leaf hash.

use std::ops::Range;

use lakeward_domain::LakeId;
use tlog_tiles::{Hash, record_hash};

use crate::{Error, Result};

/// The format version of segments and records.
pub(crate) const VERSION: u32 = 1;
/// Records of a full segment. A multiple of a tile's width, so that a segment starts a tile.
pub(crate) const SEGMENT_RECORDS: u64 = 4_096;
/// The largest sealed record.
pub(crate) const MAX_RECORD_BYTES: usize = 16 << 20;
pub(crate) const HEADER_BYTES: usize = 44;

const MAGIC: &[u8; 8] = b"LWLEDGER";
const FRAME_BYTES: usize = 13;
// Far apart, so that no flipped bit turns one into the other.
const RECORD: u8 = 0x52;
const SEAL: u8 = 0xad;

/// What a segment's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) lake: LakeId,
    pub(crate) first: u64,
    pub(crate) previous_bytes: u64,
}

impl Header {
    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_be_bytes());
        bytes[12..28].copy_from_slice(self.lake.as_bytes());
        bytes[28..36].copy_from_slice(&self.first.to_be_bytes());
        bytes[36..].copy_from_slice(&self.previous_bytes.to_be_bytes());
        bytes
    }

    /// The header at the start of a segment; `None` if there is none.
    ///
    /// # Errors
    /// [`Error::Version`] for a header of another version.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Self>> {
        let Some((header, _)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
            return Ok(None);
        };
        if &header[..8] != MAGIC {
            return Ok(None);
        }
        let found = u32::from_be_bytes(array(&header[8..12]));
        if found != VERSION {
            return Err(Error::Version {
                found,
                known: VERSION,
            });
        }
        Ok(Some(Self {
            lake: LakeId::from_bytes(array(&header[12..28])),
            first: u64::from_be_bytes(array(&header[28..36])),
            previous_bytes: u64::from_be_bytes(array(&header[36..44])),
        }))
    }
}

/// A record, where it stands in its segment.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) leaf: Hash,
    pub(crate) payload: Range<usize>,
}

/// A signed checkpoint, where it stands in its segment.
#[derive(Debug, Clone)]
pub(crate) struct Seal {
    /// Records of this segment that stand before it.
    pub(crate) records: usize,
    pub(crate) payload: Range<usize>,
}

/// The whole frames of a segment, up to the first that is not whole.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    pub(crate) records: Vec<Record>,
    pub(crate) seals: Vec<Seal>,
    /// Where the last seal ends, or the header where there is none.
    pub(crate) sealed_end: usize,
}

impl Scan {
    /// Reads a segment. Never fails: where a frame is not whole, the segment ends.
    pub(crate) fn of(segment: &[u8]) -> Self {
        let mut scan = Self {
            sealed_end: HEADER_BYTES.min(segment.len()),
            ..Self::default()
        };
        let mut at = scan.sealed_end;
        while let Some((kind, leaf, payload)) = frame_at(segment, at) {
            at = payload.end;
            if kind == RECORD {
                scan.records.push(Record { leaf, payload });
            } else {
                scan.sealed_end = at;
                scan.seals.push(Seal {
                    records: scan.records.len(),
                    payload,
                });
            }
        }
        scan
    }

    /// The records that a seal covers.
    pub(crate) fn sealed(&self) -> &[Record] {
        let count = self.seals.last().map_or(0, |seal| seal.records);
        self.records.get(..count).unwrap_or_default()
    }
}

fn frame_at(segment: &[u8], at: usize) -> Option<(u8, Hash, Range<usize>)> {
    let (head, rest) = segment.get(at..)?.split_first_chunk::<FRAME_BYTES>()?;
    let kind = head[0];
    let length = usize::try_from(u32::from_be_bytes(array(&head[1..5]))).ok()?;
    if (kind != RECORD && kind != SEAL) || length > MAX_RECORD_BYTES {
        return None;
    }
    let leaf = record_hash(rest.get(..length)?);
    let start = at + FRAME_BYTES;
    (leaf.0[..8] == head[5..]).then_some((kind, leaf, start..start + length))
}

/// Appends a record's frame; gives its leaf hash.
pub(crate) fn push_record(to: &mut Vec<u8>, sealed: &[u8]) -> Result<Hash> {
    push(to, RECORD, sealed)
}

/// Appends a seal's frame.
pub(crate) fn push_seal(to: &mut Vec<u8>, note: &str) -> Result<()> {
    push(to, SEAL, note.as_bytes()).map(|_| ())
}

fn push(to: &mut Vec<u8>, kind: u8, payload: &[u8]) -> Result<Hash> {
    let too_large = Error::TooLarge {
        bytes: payload.len(),
    };
    let length = match u32::try_from(payload.len()) {
        Ok(length) if payload.len() <= MAX_RECORD_BYTES => length,
        _ => return Err(too_large),
    };
    let leaf = record_hash(payload);
    to.push(kind);
    to.extend_from_slice(&length.to_be_bytes());
    to.extend_from_slice(&leaf.0[..8]);
    to.extend_from_slice(payload);
    Ok(leaf)
}

/// The associated data of a record: it opens in this lake and at this place only.
pub(crate) fn context(lake: LakeId, index: u64) -> Vec<u8> {
    let mut context = b"lakeward ledger record 1\0".to_vec();
    context.extend_from_slice(lake.as_bytes());
    context.extend_from_slice(&index.to_be_bytes());
    context
}

/// The file of a segment.
pub(crate) fn segment_name(segment: u64) -> String {
    format!("{segment:08}")
}

// Callers slice exactly N bytes; a shorter slice would read as zeros, not panic.
fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    for (to, from) in array.iter_mut().zip(bytes) {
        *to = *from;
    }
    array
}
