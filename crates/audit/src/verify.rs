//! Verifies a ledger offline: no server, no lake, no key that could read it.
//!
//! Reads every byte again and trusts none of the code that wrote it: each record is hashed, each
//! seal's signature, size and root checked, each tile compared. It does not take the lock, so it
//! can run beside a lake at work. What no signature covers is counted as the unsealed tail and
//! proves nothing either way: nobody was told that it is there. The last seal speaks for all entries
//! before it; the older ones are spare evidence, so one that is gone is not missed.
//!
//! A ledger that was replaced as a whole by its own older copy verifies, as it must: only a
//! checkpoint that was kept elsewhere (`known`) shows that.

use std::{collections::BTreeMap, path::Path};

use crate::{
    Error, Event, Result,
    frame::{HEADER_BYTES, Header, SEGMENT_RECORDS, Scan, segment_name},
    note::Signed,
    sink::Sink,
    tree::{FullTile, Tree},
    writer::{self, CHECKPOINT, RECORDS},
};
use lakeward_domain::{LakeId, QueryId, Sealer};

/// What verification found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The lake that the ledger belongs to.
    pub lake: LakeId,
    /// Entries that a signature covers.
    pub entries: u64,
    /// Their root hash, in base64 as in a checkpoint.
    pub root: String,
    /// The newest signed checkpoint; keep it elsewhere and give it as `known` next time.
    pub checkpoint: String,
    /// Signed checkpoints that were verified, one per batch.
    pub seals: u64,
    /// Tiles that were compared.
    pub tiles: u64,
    /// Bytes behind the last seal: a batch being written, or one that a crash ended.
    pub unsealed_bytes: u64,
    /// The size of the checkpoint that was given as known, if one was.
    pub known: Option<u64>,
    /// Where the records could be opened: statements that began and have no end, oldest first.
    /// Each counts as fully disclosed, unless it is running right now.
    pub dangling: Option<Vec<(u64, QueryId)>>,
}

/// Verifies without keys.
///
/// `known` is a checkpoint of this ledger that was kept elsewhere: the ledger must contain it.
///
/// # Errors
/// [`Error::Tampered`] at the first thing that does not fit.
pub fn verify(dir: &Path, public_key: &[u8; 32], known: Option<&str>) -> Result<Report> {
    walk(dir, public_key, known, None)
}

/// Verifies and opens every record too, to find statements that never ended.
///
/// # Errors
/// As [`verify`], and [`Error::Key`] if the key cannot be used.
pub fn verify_with_sealer(
    dir: &Path,
    public_key: &[u8; 32],
    known: Option<&str>,
    sealer: &dyn Sealer,
) -> Result<Report> {
    walk(dir, public_key, known, Some(sealer))
}

fn walk(
    dir: &Path,
    public_key: &[u8; 32],
    known: Option<&str>,
    sealer: Option<&dyn Sealer>,
) -> Result<Report> {
    let sink = Sink::new(dir);
    // Before the segments: a lake at work may only have moved on since.
    let note = sink
        .read(CHECKPOINT)?
        .ok_or(Error::tampered("the checkpoint is missing"))?;
    let told = Signed::verify(&note, public_key)
        .ok_or(Error::tampered("the checkpoint is not signed by this key"))?;
    let known = known
        .map(|known| read_known(known, public_key, told.lake))
        .transpose()?;

    let mut walk = Walk {
        sink: &sink,
        public_key,
        told,
        tree: Tree::default(),
        wanted: [Some(told), known].into_iter().flatten().collect(),
        seals: 0,
        tiles: 0,
        checkpoint: String::from_utf8_lossy(&note).into_owned(),
        sealer,
        open: BTreeMap::new(),
    };
    walk.meet()?;
    let unsealed_bytes = walk.segments()?;
    if let Some(missing) = walk.wanted.first() {
        let what = "entries that a checkpoint covers are missing";
        return Err(Error::tampered_at(what, missing.size));
    }
    walk.no_other_tiles()?;
    let mut dangling: Vec<_> = walk
        .open
        .into_iter()
        .map(|(query, at)| (at, query))
        .collect();
    dangling.sort();
    Ok(Report {
        lake: told.lake,
        entries: walk.tree.size(),
        root: walk.tree.root().to_string(),
        checkpoint: walk.checkpoint,
        seals: walk.seals,
        tiles: walk.tiles,
        unsealed_bytes,
        known: known.map(|known| known.size),
        dangling: sealer.map(|_| dangling),
    })
}

fn read_known(known: &str, public_key: &[u8; 32], lake: LakeId) -> Result<Signed> {
    Signed::parse(known.as_bytes()).ok_or(Error::KnownUnreadable)?;
    Signed::verify(known.as_bytes(), public_key)
        .filter(|signed| signed.lake == lake)
        .ok_or(Error::KnownForeign)
}

struct Walk<'a> {
    sink: &'a Sink,
    public_key: &'a [u8; 32],
    told: Signed,
    tree: Tree,
    /// Checkpoints whose root has not been met yet.
    wanted: Vec<Signed>,
    seals: u64,
    tiles: u64,
    checkpoint: String,
    sealer: Option<&'a dyn Sealer>,
    /// Statements that began and have not ended, with the entry of their begin.
    open: BTreeMap<QueryId, u64>,
}

impl Walk<'_> {
    /// Walks all segments; gives the bytes of the unsealed tail.
    fn segments(&mut self) -> Result<u64> {
        let names = self.sink.list(RECORDS)?;
        let mut previous_bytes = 0;
        let mut unsealed = 0;
        for (index, name) in (0..).zip(&names) {
            if *name != segment_name(index) {
                return Err(Error::tampered_at("a segment is missing or foreign", index));
            }
            let bytes = self
                .sink
                .read(&format!("{RECORDS}/{name}"))?
                .ok_or(Error::tampered_at("a segment is missing", index))?;
            let first = index * SEGMENT_RECORDS;
            if self.tree.size() != first || unsealed > 0 {
                return Err(Error::tampered_at("a segment ends too early", index));
            }
            let scan = Scan::of(&bytes);
            let newest = index + 1 == names.len() as u64;
            let expected = Header {
                lake: self.told.lake,
                first,
                previous_bytes,
            };
            if Header::parse(&bytes)? != Some(expected) {
                // A newest segment whose header was torn has nothing that anybody was told about.
                if newest && index > 0 && scan.seals.is_empty() {
                    return Ok(bytes.len() as u64);
                }
                let what = "a segment does not continue the one before";
                return Err(Error::tampered_at(what, index));
            }
            self.segment(&bytes, &scan)?;
            unsealed = bytes.len().saturating_sub(scan.sealed_end) as u64;
            if newest && index > 0 && scan.seals.is_empty() {
                unsealed += HEADER_BYTES as u64;
            }
            previous_bytes = bytes.len() as u64;
        }
        Ok(unsealed)
    }

    fn segment(&mut self, bytes: &[u8], scan: &Scan) -> Result<()> {
        let mut from = 0;
        for seal in &scan.seals {
            for record in scan.records.get(from..seal.records).unwrap_or_default() {
                let index = self.tree.size();
                let mut full = Vec::new();
                self.tree.push(record.leaf, &mut full);
                for tile in &full {
                    self.tile(tile)?;
                }
                self.meet()?;
                let payload = bytes.get(record.payload.clone()).unwrap_or_default();
                self.follow(index, payload)?;
            }
            let empty = seal.records <= from;
            from = seal.records;
            let note = bytes.get(seal.payload.clone()).unwrap_or_default();
            let expected = Signed {
                lake: self.told.lake,
                size: self.tree.size(),
                root: self.tree.root(),
            };
            if empty || Signed::verify(note, self.public_key) != Some(expected) {
                let what = "a seal is not signed for these entries";
                return Err(Error::tampered_at(what, self.tree.size()));
            }
            self.seals += 1;
            if self.tree.size() >= self.told.size {
                self.checkpoint = String::from_utf8_lossy(note).into_owned();
            }
        }
        Ok(())
    }

    /// Compares the tree with the checkpoints of its size.
    fn meet(&mut self) -> Result<()> {
        let size = self.tree.size();
        if self.wanted.iter().all(|wanted| wanted.size != size) {
            return Ok(());
        }
        let root = self.tree.root();
        if self
            .wanted
            .iter()
            .any(|wanted| wanted.size == size && wanted.root != root)
        {
            let what = "a checkpoint was signed for other entries";
            return Err(Error::tampered_at(what, size));
        }
        self.wanted.retain(|wanted| wanted.size != size);
        Ok(())
    }

    fn tile(&mut self, tile: &FullTile) -> Result<()> {
        match self.sink.read(&tile.name())? {
            Some(found) if found == tile.bytes() => {
                self.tiles += 1;
                Ok(())
            }
            // The writer died, or is right now, between the seal and the tile.
            None if tile.records() > self.told.size => Ok(()),
            _ => Err(Error::tampered_at(
                "a tile is missing or different",
                tile.index,
            )),
        }
    }

    fn no_other_tiles(&self) -> Result<()> {
        // A lake at work may have written more since the segments were read.
        if self.sink.list("tile")?.len() as u64 > self.tiles
            && self.sink.read(CHECKPOINT)?.as_deref() == Some(self.checkpoint.as_bytes())
        {
            return Err(Error::tampered("there are tiles that no entry gives"));
        }
        Ok(())
    }

    fn follow(&mut self, index: u64, payload: &[u8]) -> Result<()> {
        let Some(sealer) = self.sealer else {
            return Ok(());
        };
        let entry = writer::decode(sealer, self.told.lake, index, payload)?;
        if let Some(query) = entry.query {
            match entry.event {
                Event::Begin { .. } => {
                    self.open.insert(query, index);
                }
                Event::Finished { .. } | Event::Refused { .. } => {
                    self.open.remove(&query);
                }
                _ => {}
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
