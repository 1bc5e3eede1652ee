//! Finds any of a million byte strings in one pass.
//!
//! Eight bytes of every string are its key. A bitmap says at each position whether such a key may
//! stand there, a hash table which strings it belongs to, and a comparison settles it. An
//! automaton over the same strings would take several times the memory and time to build.

use crate::planted::{PlantKind, Planted};
use crate::{Error, Result};

use super::encoding::{Encoding, shapes};

/// The strings to look for, in every shape.
pub(super) struct Index {
    may_be_key: Vec<u64>,
    /// First entry of a key, plus one; 0 is free.
    slots: Vec<u32>,
    slot_bits: u32,
    /// Sorted by key.
    entries: Vec<Entry>,
    arena: Vec<u8>,
    longest: usize,
}

struct Entry {
    key: u64,
    start: u32,
    identifier: u32,
    length: u16,
    /// Where in the string the key stands.
    key_at: u16,
    encoding: Encoding,
}

/// What was found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    /// Position of the identifier in the planted list.
    pub(super) identifier: usize,
    pub(super) encoding: Encoding,
}

impl Index {
    pub(super) fn new(planted: &Planted) -> Result<Self> {
        let mut entries = Vec::new();
        let mut arena = Vec::new();
        let mut longest = KEY_BYTES;
        for (position, (kind, text)) in planted.identifiers.iter().enumerate() {
            let kind_name = kind.as_str();
            if text.len() < KEY_BYTES {
                return Err(Error::TooShort {
                    kind: kind_name,
                    position,
                    least: KEY_BYTES,
                });
            }
            if text.len() > MOST_BYTES {
                return Err(Error::TooLong {
                    kind: kind_name,
                    position,
                    most: MOST_BYTES,
                });
            }
            shapes(*kind, text, |encoding, bytes| {
                let key_at = key_place(*kind, bytes.len());
                entries.push(Entry {
                    key: key_of(&bytes[key_at..]),
                    start: arena.len() as u32,
                    identifier: position as u32,
                    length: bytes.len() as u16,
                    key_at: key_at as u16,
                    encoding,
                });
                longest = longest.max(bytes.len());
                arena.extend_from_slice(bytes);
            });
        }
        entries.sort_unstable_by_key(|entry| entry.key);

        let slot_bits = (entries.len() * 2)
            .next_power_of_two()
            .trailing_zeros()
            .max(4);
        let mut index = Self {
            may_be_key: vec![0; 1 << (BITMAP_BITS - 6)],
            slots: vec![0; 1 << slot_bits],
            slot_bits,
            entries,
            arena,
            longest,
        };
        let mut last = None;
        for position in 0..index.entries.len() {
            let key = index.entries[position].key;
            if last == Some(key) {
                continue;
            }
            last = Some(key);
            let bit = bit_of(key);
            index.may_be_key[bit >> 6] |= 1 << (bit & 63);
            let mut slot = index.slot_of(key);
            while index.slots[slot] != 0 {
                slot = (slot + 1) & (index.slots.len() - 1);
            }
            index.slots[slot] = position as u32 + 1;
        }
        Ok(index)
    }

    /// How many bytes a window must carry over, so that no string is cut.
    pub(super) fn overlap(&self) -> usize {
        self.longest - 1
    }

    /// Reports every string in `bytes` that ends after the first `seen` bytes.
    pub(super) fn search(&self, bytes: &[u8], seen: usize, mut found: impl FnMut(Found)) {
        for (position, window) in bytes.windows(KEY_BYTES).enumerate() {
            let key = key_of(window);
            let bit = bit_of(key);
            if self.may_be_key[bit >> 6] & (1 << (bit & 63)) != 0 {
                self.settle(bytes, position, key, seen, &mut found);
            }
        }
    }

    #[inline(never)]
    fn settle(
        &self,
        bytes: &[u8],
        position: usize,
        key: u64,
        seen: usize,
        found: &mut impl FnMut(Found),
    ) {
        let mut slot = self.slot_of(key);
        let first = loop {
            match self.slots[slot] {
                0 => return,
                entry if self.entries[entry as usize - 1].key == key => break entry as usize - 1,
                _ => slot = (slot + 1) & (self.slots.len() - 1),
            }
        };
        for entry in self.entries[first..]
            .iter()
            .take_while(|entry| entry.key == key)
        {
            let (length, start) = (usize::from(entry.length), entry.start as usize);
            let Some(begin) = position.checked_sub(usize::from(entry.key_at)) else {
                continue;
            };
            let end = begin + length;
            if end > seen && bytes.get(begin..end) == Some(&self.arena[start..start + length]) {
                found(Found {
                    identifier: entry.identifier as usize,
                    encoding: entry.encoding,
                });
            }
        }
    }

    fn slot_of(&self, key: u64) -> usize {
        (key.wrapping_mul(SLOT_FACTOR) >> (64 - self.slot_bits)) as usize
    }
}

/// The rarest eight bytes: a street's number, a mail box's middle, the end of anything else.
fn key_place(kind: PlantKind, length: usize) -> usize {
    match kind {
        PlantKind::Address => 0,
        PlantKind::Email => (length - KEY_BYTES) / 2,
        _ => length - KEY_BYTES,
    }
}

fn key_of(bytes: &[u8]) -> u64 {
    bytes
        .first_chunk()
        .map_or(0, |chunk| u64::from_le_bytes(*chunk))
}

fn bit_of(key: u64) -> usize {
    (key.wrapping_mul(BIT_FACTOR) >> (64 - BITMAP_BITS)) as usize
}

const KEY_BYTES: usize = 8;
/// Of a planted string; its longest shape is three times as long.
const MOST_BYTES: usize = 1_000;
/// Four megabytes: stays in a cache.
const BITMAP_BITS: u32 = 25;
const BIT_FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;
const SLOT_FACTOR: u64 = 0xD6E8_FEB8_6659_FD93;
