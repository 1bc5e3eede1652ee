//! The Merkle tree over the records (RFC 6962), in C2SP tiles of height eight.
//!
//! Only full tiles are files; the incomplete tile of each level is kept in memory and follows from
//! the records. So the state of a tree of any size is a few kilobytes, and a tile once written
//! never changes.

use tlog_tiles::{EMPTY_HASH, HASH_SIZE, Hash, Tile, node_hash};

use crate::{Error, Result};

const HEIGHT: u8 = 8;
/// Hashes of a full tile.
pub(crate) const WIDTH: u64 = 1 << HEIGHT;

/// A tile that has just become full.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FullTile {
    pub(crate) level: u8,
    pub(crate) index: u64,
    pub(crate) hashes: Vec<Hash>,
}

impl FullTile {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.hashes.iter().flat_map(|hash| hash.0).collect()
    }

    /// How many records there must be for this tile to be full.
    pub(crate) const fn records(&self) -> u64 {
        (self.index + 1) << (8 * (self.level as u64 + 1))
    }

    pub(crate) fn name(&self) -> String {
        tile_name(self.level, self.index)
    }
}

/// A tree that can grow.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    size: u64,
    /// Per level the hashes of its last, incomplete tile.
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    /// The tree of `size` records, a multiple of a tile's width, from its full tiles. What `read`
    /// gives is not trusted: the caller compares the root.
    pub(crate) fn restore(size: u64, read: impl Fn(u8, u64) -> Result<Vec<Hash>>) -> Result<Self> {
        let mut tree = Self {
            size,
            levels: vec![Vec::new()],
        };
        let mut level = 0;
        let mut tiles = size >> HEIGHT;
        while tiles > 0 {
            let open = tiles % WIDTH;
            let hashes = (tiles - open..tiles)
                .map(|index| Ok(subtree(&read(level, index)?)))
                .collect::<Result<_>>()?;
            tree.levels.push(hashes);
            tiles >>= HEIGHT;
            level += 1;
        }
        Ok(tree)
    }

    pub(crate) const fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf; tiles that become full by it are put into `full`.
    pub(crate) fn push(&mut self, leaf: Hash, full: &mut Vec<FullTile>) {
        self.size += 1;
        let mut carry = leaf;
        let mut index = self.size;
        for level in 0_u8.. {
            if self.levels.len() == usize::from(level) {
                self.levels.push(Vec::new());
            }
            let Some(tile) = self.levels.get_mut(usize::from(level)) else {
                return;
            };
            tile.push(carry);
            index >>= HEIGHT;
            if (tile.len() as u64) < WIDTH {
                return;
            }
            let hashes = std::mem::take(tile);
            carry = subtree(&hashes);
            full.push(FullTile {
                level,
                index: index - 1,
                hashes,
            });
        }
    }

    /// The root hash.
    pub(crate) fn root(&self) -> Hash {
        let mut right: Option<Hash> = None;
        // Lower levels hold what stands further right.
        for tile in &self.levels {
            let mut end = tile.len();
            while end > 0 {
                let start = end - (1 << end.trailing_zeros());
                let left = subtree(&tile[start..end]);
                right = Some(right.map_or(left, |right| node_hash(left, right)));
                end = start;
            }
        }
        right.unwrap_or(EMPTY_HASH)
    }

    /// The hashes of a tile, proved against this tree; the incomplete tile of a level included.
    pub(crate) fn tile(
        &self,
        level: u8,
        index: u64,
        read: &impl Fn(u8, u64) -> Result<Vec<Hash>>,
    ) -> Result<Vec<Hash>> {
        let altered = Error::tampered_at("a tile is not the one that was signed", index);
        let full = self.full_tiles(level);
        if index >= full {
            return if index == full {
                Ok(self.open_tile(level).to_vec())
            } else {
                Err(altered)
            };
        }
        let hashes = read(level, index)?;
        let above = self.tile(level + 1, index >> HEIGHT, read)?;
        let place = usize::try_from(index % WIDTH).unwrap_or(usize::MAX);
        if above.get(place) == Some(&subtree(&hashes)) {
            Ok(hashes)
        } else {
            Err(altered)
        }
    }

    fn open_tile(&self, level: u8) -> &[Hash] {
        self.levels
            .get(usize::from(level))
            .map_or(&[], Vec::as_slice)
    }

    fn full_tiles(&self, level: u8) -> u64 {
        let shift = u32::from(HEIGHT) * (u32::from(level) + 1);
        self.size.checked_shr(shift).unwrap_or(0)
    }
}

/// Where a tile is kept: the C2SP path, `tile/<level>/<index>`.
pub(crate) fn tile_name(level: u8, index: u64) -> String {
    // The crate's paths name the height, those of the C2SP tlog-tiles do not.
    let path = Tile::new(HEIGHT, level.min(63), index, 1 << HEIGHT, false).path();
    path.replacen("tile/8/", "tile/", 1)
}

/// The hashes of a full tile's file; `None` if it is not one.
pub(crate) fn parse_tile(bytes: &[u8]) -> Option<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks::<HASH_SIZE>();
    (rest.is_empty() && hashes.len() as u64 == WIDTH)
        .then(|| hashes.iter().map(|hash| Hash(*hash)).collect())
}

/// The root of a complete subtree: `hashes` has a power of two of them.
fn subtree(hashes: &[Hash]) -> Hash {
    let mut row = hashes.to_vec();
    while row.len() > 1 {
        row = row
            .chunks(2)
            .map(|pair| match pair {
                [left, right] => node_hash(*left, *right),
                [only, ..] => *only,
                [] => EMPTY_HASH,
            })
            .collect();
    }
    row.first().copied().unwrap_or(EMPTY_HASH)
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, collections::HashMap};

    use tlog_tiles::{HashReader, record_hash, stored_hashes, tree_hash};

    use super::*;

    struct Stored(Vec<Hash>);

    impl HashReader for Stored {
        fn read_hashes(
            &self,
            indexes: &[u64],
        ) -> std::result::Result<Vec<Hash>, tlog_tiles::Error> {
            Ok(indexes.iter().map(|i| self.0[*i as usize]).collect())
        }
    }

    #[test]
    fn every_root_is_that_of_the_reference_crate() {
        let mut stored = Stored(Vec::new());
        let mut tree = Tree::default();
        let mut full = Vec::new();
        assert_eq!(tree.root(), EMPTY_HASH);
        for n in 0..1_300_u64 {
            let leaf = n.to_be_bytes();
            let hashes = stored_hashes(n, &leaf, &stored).unwrap();
            stored.0.extend(hashes);
            tree.push(record_hash(&leaf), &mut full);
            assert_eq!(
                tree.root(),
                tree_hash(n + 1, &stored).unwrap(),
                "size {}",
                n + 1
            );
        }
        assert_eq!(full.len(), 5);
        for tile in full {
            let reference = Tile::new(8, tile.level, tile.index, 256, false);
            assert_eq!(tile.bytes(), reference.read_data(&stored).unwrap());
        }
    }

    #[test]
    fn a_tree_comes_back_from_its_tiles_and_proves_each_of_them() {
        let tiles = RefCell::new(HashMap::new());
        let mut tree = Tree::default();
        let mut full = Vec::new();
        for n in 0..70_144_u64 {
            tree.push(record_hash(&n.to_be_bytes()), &mut full);
        }
        for tile in full {
            tiles
                .borrow_mut()
                .insert((tile.level, tile.index), tile.hashes);
        }
        let read = |level, index| Ok(tiles.borrow()[&(level, index)].clone());
        let again = Tree::restore(tree.size(), read).unwrap();
        assert_eq!(again.root(), tree.root());
        for index in 0..274 {
            assert!(again.tile(0, index, &read).is_ok());
        }
        tiles.borrow_mut().get_mut(&(0, 3)).unwrap()[7].0[0] ^= 1;
        assert!(again.tile(0, 3, &read).is_err());
        assert!(again.tile(0, 4, &read).is_ok());
    }

    #[test]
    fn tiles_are_named_as_c2sp_names_them() {
        for (level, index, name) in [
            (0, 0, "tile/0/000"),
            (1, 12, "tile/1/012"),
            (0, 1_234_067, "tile/0/x001/x234/067"),
        ] {
            assert_eq!(tile_name(level, index), name);
        }
    }
}
