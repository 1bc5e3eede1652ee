//! Opens the log after whatever happened to it.
//!
//! Repaired, because no one was ever told about it:
//! - bytes behind the last whole seal of the newest segment (a batch torn by a crash): cut off;
//! - a newest segment without any seal (a crash while it was begun): removed;
//! - a `checkpoint` file or tiles that lag behind the last seal (a crash between the steps of a
//!   batch): written again, the sealed entries are kept.
//!
//! Refused as tampering: everything that the `checkpoint` file covers and that is missing or
//! different, seals that this key did not sign, a root that the hashes do not give, a missing
//! `checkpoint` file, a lag of more than one segment.
//!
//! What opening proves: all hashes, the newest segment's bytes, and the length of every older
//! segment. The bytes of older segments are proved when they are read, and all at once by
//! [`crate::verify`].

use std::sync::Arc;

use lakeward_domain::{Clock, LakeId, Sealer, Signer};
use tlog_tiles::Hash;

use crate::{
    Entry, Error, Event, Result,
    frame::{HEADER_BYTES, Header, SEGMENT_RECORDS, Scan, segment_name},
    note::Signed,
    sink::Sink,
    tree::{FullTile, Tree, parse_tile, tile_name},
    writer::{CHECKPOINT, Head, Published, RECORDS, Writer, encode},
};

/// What was repaired at open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Bytes of a batch that was never acknowledged, cut off.
    pub dropped_bytes: u64,
    /// Entries that were sealed, but whose writer died before it could say so. They are kept.
    pub adopted: u64,
    /// Tiles that were missing for these and are written again.
    pub tiles: u64,
}

impl Recovery {
    /// Whether anything was repaired.
    #[must_use]
    pub const fn happened(&self) -> bool {
        self.dropped_bytes > 0 || self.adopted > 0 || self.tiles > 0
    }
}

/// Makes the files of an empty log. The `checkpoint` file is last: with it, there is a ledger.
pub(crate) fn create(sink: &Sink, lake: LakeId, signer: &dyn Signer) -> Result<()> {
    let segment = format!("{RECORDS}/{}", segment_name(0));
    let begun = sink.read(&segment)?.unwrap_or_default();
    // Leftovers of a creation that a crash ended are fine, a ledger without its checkpoint is not.
    if sink.read(CHECKPOINT)?.is_some() || begun.len() > HEADER_BYTES {
        return Err(Error::Exists);
    }
    sink.make_folder(RECORDS)?;
    sink.make_folder("tile/0")?;
    let header = Header {
        lake,
        first: 0,
        previous_bytes: 0,
    };
    sink.replace(&segment, &header.encode(), true)?;
    let tree = Tree::default();
    let empty = Signed {
        lake,
        size: 0,
        root: tree.root(),
    };
    sink.replace(CHECKPOINT, empty.sign(signer)?.as_bytes(), true)
}

/// Opens, checks and repairs.
pub(crate) fn open(
    sink: Sink,
    lake: LakeId,
    sealer: Arc<dyn Sealer>,
    signer: Arc<dyn Signer>,
    clock: &dyn Clock,
) -> Result<(Writer, Recovery)> {
    let key = signer.public_key();
    let note = sink
        .read(CHECKPOINT)?
        .ok_or(Error::tampered("the checkpoint is missing"))?;
    let told = Signed::verify(&note, &key)
        .ok_or(Error::tampered("the checkpoint is not signed by this key"))?;
    if told.lake != lake {
        return Err(Error::tampered("the checkpoint is of another lake"));
    }
    let mut recovery = Recovery::default();
    let last = last_segment(&sink, lake, told.size, &mut recovery)?;
    let Last {
        index,
        bytes,
        scan,
        previous_bytes,
    } = last;

    let base = index * SEGMENT_RECORDS;
    let read = |level, index| read_tile(&sink, level, index);
    let mut tree = Tree::restore(base, read)?;
    let mut told_root = (told.size == base).then(|| tree.root());
    let mut full = Vec::new();
    for record in scan.sealed() {
        tree.push(record.leaf, &mut full);
        if tree.size() == told.size {
            told_root = Some(tree.root());
        }
    }
    if told_root.is_none_or(|root| root != told.root) {
        let what = "entries that the checkpoint covers are missing or different";
        return Err(Error::tampered_at(what, told.size));
    }
    let sealed = last_seal(&bytes, &scan, lake, &key, &tree)?;
    repair_tiles(&sink, &full, told.size, &mut recovery)?;

    let mut growing = sink.grow(&format!("{RECORDS}/{}", segment_name(index)))?;
    let sealed_end = scan.sealed_end as u64;
    if growing.bytes() > sealed_end {
        recovery.dropped_bytes += growing.bytes() - sealed_end;
        growing.cut(sealed_end)?;
    }
    let segment_full = tree.size() == base + SEGMENT_RECORDS;
    recovery.adopted = tree.size() - told.size;
    let note = sealed.unwrap_or_else(|| String::from_utf8_lossy(&note).into_owned());
    if recovery.adopted > 0 {
        sink.replace(CHECKPOINT, note.as_bytes(), true)?;
    }
    let published = Arc::new(Published::new(Head {
        tree: tree.clone(),
        note,
    }));
    let mut writer = Writer {
        sink,
        lake,
        sealer,
        signer,
        previous_bytes: if segment_full {
            sealed_end
        } else {
            previous_bytes
        },
        tree,
        segment: (!segment_full).then_some(growing),
        published,
        stopped: false,
    };
    if recovery.happened() {
        let what = format!(
            "ledger: {} bytes dropped, {} entries adopted, {} tiles written again",
            recovery.dropped_bytes, recovery.adopted, recovery.tiles
        );
        writer.commit(&[encode(&Entry::new(clock.now(), Event::Recovered { what }))?])?;
    }
    Ok((writer, recovery))
}

/// A full tile's hashes, as the file says.
pub(crate) fn read_tile(sink: &Sink, level: u8, index: u64) -> Result<Vec<Hash>> {
    sink.read(&tile_name(level, index))?
        .as_deref()
        .and_then(parse_tile)
        .ok_or(Error::tampered_at("a tile is missing or cut", index))
}

/// The newest segment with a whole seal.
struct Last {
    index: u64,
    bytes: Vec<u8>,
    scan: Scan,
    previous_bytes: u64,
}

/// Finds it, checks every segment's header and length, and removes a segment that was only begun.
fn last_segment(sink: &Sink, lake: LakeId, told: u64, recovery: &mut Recovery) -> Result<Last> {
    let names = sink.list(RECORDS)?;
    for (index, name) in (0..).zip(&names) {
        if *name != segment_name(index) {
            return Err(Error::tampered_at("a segment is missing or foreign", index));
        }
    }
    let mut count = names.len() as u64;
    if let Some(newest) = count.checked_sub(1).filter(|newest| *newest > 0)
        && told <= newest * SEGMENT_RECORDS
    {
        let name = format!("{RECORDS}/{}", segment_name(newest));
        let bytes = sink.read(&name)?.unwrap_or_default();
        if Header::parse(&bytes)?.is_none() || Scan::of(&bytes).seals.is_empty() {
            recovery.dropped_bytes += bytes.len() as u64;
            sink.remove(&name)?;
            sink.sync_folder(RECORDS)?;
            count = newest;
        }
    }
    let mut previous_bytes = 0;
    for index in 0..count {
        let name = format!("{RECORDS}/{}", segment_name(index));
        let (start, length) = sink
            .read_start(&name, HEADER_BYTES as u64)?
            .ok_or(Error::tampered_at("a segment is missing", index))?;
        let expected = Header {
            lake,
            first: index * SEGMENT_RECORDS,
            previous_bytes,
        };
        if Header::parse(&start)? != Some(expected) {
            let what = "a segment does not continue the one before";
            return Err(Error::tampered_at(what, index));
        }
        if index + 1 == count {
            let bytes = sink.read(&name)?.unwrap_or_default();
            let scan = Scan::of(&bytes);
            return Ok(Last {
                index,
                bytes,
                scan,
                previous_bytes,
            });
        }
        previous_bytes = length;
    }
    Err(Error::tampered("there are no records"))
}

/// The newest segment's last seal, if it has one: ours, and about exactly these records. Of the
/// seals before it only the place is checked; the last one speaks for all entries.
fn last_seal(
    bytes: &[u8],
    scan: &Scan,
    lake: LakeId,
    key: &[u8; 32],
    tree: &Tree,
) -> Result<Option<String>> {
    let Some(seal) = scan.seals.last() else {
        return Ok(None);
    };
    let foreign = Error::tampered_at("a seal is not signed for these entries", tree.size());
    let base = tree.size() - seal.records as u64;
    let mut covered = 0;
    for seal in &scan.seals {
        let note = bytes.get(seal.payload.clone()).unwrap_or_default();
        let in_place = Signed::parse(note)
            .is_some_and(|(_, signed)| signed.size == base + seal.records as u64);
        if !in_place || seal.records <= covered {
            return Err(foreign);
        }
        covered = seal.records;
    }
    let note = bytes.get(seal.payload.clone()).unwrap_or_default();
    let expected = Signed {
        lake,
        size: tree.size(),
        root: tree.root(),
    };
    match (Signed::verify(note, key), String::from_utf8(note.to_vec())) {
        (Some(signed), Ok(note)) if signed == expected => Ok(Some(note)),
        _ => Err(foreign),
    }
}

fn repair_tiles(sink: &Sink, full: &[FullTile], told: u64, recovery: &mut Recovery) -> Result<()> {
    for tile in full {
        let name = tile.name();
        match sink.read(&name)? {
            Some(found) if found == tile.bytes() => {}
            // The writer died between the seal and the tile.
            None if tile.records() > told => {
                if let Some((folder, _)) = name.rsplit_once('/') {
                    sink.make_folder(folder)?;
                }
                sink.replace(&name, &tile.bytes(), true)?;
                recovery.tiles += 1;
            }
            _ => {
                let what = "a tile is missing or different";
                return Err(Error::tampered_at(what, tile.index));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
