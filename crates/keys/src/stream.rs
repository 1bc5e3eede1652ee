//! Sealed objects: a whole object in authenticated frames, readable by ranges.
//!
//! ```text
//! "LWSEAL" | version 0x01 | suite 0x01 | key version u32 | salt 32 | commitment 32      76 bytes
//! frame 0: 65,536 bytes of ciphertext | tag 16
//! …
//! last frame: 0 to 65,536 bytes of ciphertext | tag 16
//! ```
//!
//! The frames follow the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár, "Online
//! Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", CRYPTO 2015): the nonce is the
//! frame's number and whether it is the last, so that frames cannot be moved, repeated or cut off.
//! The key is derived per object from the salt, and committed to (module `sealing`); header and
//! path are associated data of every frame, so that an object opens under its own path only.
//!
//! What a reader would get wrong: a range proves its own frames and no more. The size that a
//! listing gives is only as true as the listing, until the frame that claims to be last has been
//! opened; whoever needs the whole object opens the whole object.

use std::{fmt, ops::Range, sync::Arc};

use crate::{
    Error, Result, Secret, random,
    sealing::{COMMITMENT, Failure, MessageKey, SALT, TAG},
};

/// Plain bytes per frame.
pub const FRAME: u64 = 64 * 1024;
/// Bytes before the first frame.
pub const HEADER: u64 = HEADER_LEN as u64;

/// The size of the sealed object of a plain object; none when it would not fit in 64 bits.
#[must_use]
pub const fn sealed_len(plain: u64) -> Option<u64> {
    let frames = if plain == 0 { 1 } else { plain.div_ceil(FRAME) };
    let Some(tags) = frames.checked_mul(TAG as u64) else {
        return None;
    };
    let Some(body) = plain.checked_add(tags) else {
        return None;
    };
    body.checked_add(HEADER)
}

/// The size of the plain object in a sealed one; none when no sealed object has this size.
#[must_use]
pub const fn plain_len(sealed: u64) -> Option<u64> {
    let Some(body) = sealed.checked_sub(HEADER) else {
        return None;
    };
    let frames = body.div_ceil(SEALED_FRAME);
    let Some(plain) = body.checked_sub(frames * TAG as u64) else {
        return None;
    };
    // Refuses a last frame that is too short for its tag, and an empty one that is not the first.
    match sealed_len(plain) {
        Some(expected) if expected == sealed => Some(plain),
        _ => None,
    }
}

/// Which sealed bytes to fetch for a range of plain ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RangePlan {
    /// The header's bytes.
    pub header: Range<u64>,
    /// The frames' bytes.
    pub frames: Range<u64>,
    first: u64,
    end: u64,
    skip: usize,
    length: usize,
}

impl RangePlan {
    /// A plan for a plain range of a sealed object of this size. The range is cut at the object's
    /// end, as object stores do.
    ///
    /// # Errors
    /// [`Error::Altered`] when no sealed object has this size.
    pub fn new(plain: Range<u64>, sealed_total: u64) -> Result<Self> {
        let total = plain_len(sealed_total).ok_or(ALTERED)?;
        let end = plain.end.min(total);
        let start = plain.start.min(end);
        let first = start / FRAME;
        let last = end.saturating_sub(1).max(start) / FRAME;
        let count = total.div_ceil(FRAME).max(1);
        let first = first.min(count - 1);
        let last = last.clamp(first, count - 1);
        let to_usize = |number: u64| usize::try_from(number).map_err(|_| ALTERED);
        Ok(Self {
            header: 0..HEADER,
            frames: HEADER + first * SEALED_FRAME
                ..(last + 1)
                    .saturating_mul(SEALED_FRAME)
                    .saturating_add(HEADER)
                    .min(sealed_total),
            first,
            end: count,
            skip: to_usize(start - first * FRAME)?,
            length: to_usize(end - start)?,
        })
    }
}

/// Seals objects of one table or purpose. Cheap to clone.
#[derive(Clone)]
pub struct ObjectSealer {
    key: Arc<Secret>,
    version: u32,
}

impl ObjectSealer {
    /// A sealer over a key; the version is written into each header.
    pub(crate) fn new(key: Secret, version: u32) -> Self {
        Self {
            key: Arc::new(key),
            version,
        }
    }

    /// Seals an object for its path.
    ///
    /// # Errors
    /// [`Error::Primitive`] when the machine has no randomness.
    pub fn seal(&self, path: &str, plain: &[u8]) -> Result<Vec<u8>> {
        self.seal_salted(path, plain, &random()?)
    }

    pub(crate) fn seal_salted(
        &self,
        path: &str,
        plain: &[u8],
        salt: &[u8; SALT],
    ) -> Result<Vec<u8>> {
        let capacity = sealed_len(plain.len() as u64).and_then(|n| usize::try_from(n).ok());
        let mut sealed = Vec::with_capacity(capacity.unwrap_or_default());
        sealed.extend_from_slice(MAGIC);
        sealed.extend_from_slice(&self.version.to_be_bytes());
        sealed.extend_from_slice(salt);
        let key = self.message_key(path, &sealed, salt).map_err(altered)?;
        sealed.extend_from_slice(key.commitment());
        let bound = associated_data(&sealed, path);
        let mut rest = plain;
        for number in 0.. {
            let (frame, after) = rest.split_at(rest.len().min(FRAME_LEN));
            let start = sealed.len();
            sealed.extend_from_slice(frame);
            let nonce = nonce(number, after.is_empty());
            let tag = key
                .encrypt(nonce, &bound, &mut sealed[start..])
                .map_err(altered)?;
            sealed.extend_from_slice(&tag);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        Ok(sealed)
    }

    /// Opens an object that was sealed for this path.
    ///
    /// # Errors
    /// [`Error::Altered`] when bytes, path and key do not belong together, [`Error::Version`] when
    /// a newer release wrote them.
    pub fn open(&self, path: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        let total = sealed.len() as u64;
        let plan = RangePlan::new(0..u64::MAX, total)?;
        let (header, frames) = sealed.split_at_checked(HEADER_LEN).ok_or(ALTERED)?;
        self.open_range(path, &plan, header, frames)
    }

    /// Opens a range: the plan's `header` and `frames` bytes as fetched.
    ///
    /// # Errors
    /// As [`ObjectSealer::open`].
    pub fn open_range(
        &self,
        path: &str,
        plan: &RangePlan,
        header: &[u8],
        frames: &[u8],
    ) -> Result<Vec<u8>> {
        let key = self.check_header(path, header)?;
        if frames.len() as u64 != plan.frames.end - plan.frames.start {
            return Err(ALTERED);
        }
        let bound = associated_data(header, path);
        let mut plain = Vec::with_capacity(frames.len());
        for (number, frame) in (plan.first..).zip(frames.chunks(SEALED_FRAME_LEN)) {
            let start = plain.len();
            plain.extend_from_slice(frame);
            let nonce = nonce(number, number + 1 == plan.end);
            let length = key
                .decrypt(nonce, &bound, &mut plain[start..])
                .map_err(altered)?;
            plain.truncate(start + length);
        }
        plain.drain(..plan.skip.min(plain.len()));
        plain.truncate(plan.length);
        if plain.len() == plan.length {
            Ok(plain)
        } else {
            Err(ALTERED)
        }
    }

    fn check_header(&self, path: &str, header: &[u8]) -> Result<MessageKey> {
        let (start, commitment) = header
            .split_last_chunk::<COMMITMENT>()
            .filter(|_| header.len() == HEADER_LEN)
            .ok_or(ALTERED)?;
        let (prefix, salt) = start.split_last_chunk::<SALT>().ok_or(ALTERED)?;
        match prefix {
            [b'L', b'W', b'S', b'E', b'A', b'L', version, _, ..] if *version > 1 => {
                return Err(Error::Version {
                    what: WHAT,
                    found: u32::from(*version),
                });
            }
            [magic @ .., _, _, _, _] if magic == MAGIC => {}
            _ => return Err(ALTERED),
        }
        if !prefix.ends_with(&self.version.to_be_bytes()) {
            return Err(ALTERED);
        }
        let key = self.message_key(path, start, salt).map_err(altered)?;
        key.check(commitment).map_err(altered)?;
        Ok(key)
    }

    fn message_key(
        &self,
        path: &str,
        start: &[u8],
        salt: &[u8; SALT],
    ) -> Result<MessageKey, Failure> {
        MessageKey::derive(&self.key, LABEL, salt, &associated_data(start, path))
    }
}

impl fmt::Debug for ObjectSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectSealer")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

fn nonce(number: u64, last: bool) -> [u8; 12] {
    let [a, b, c, d, e, f, g, h] = number.to_be_bytes();
    [0, 0, 0, a, b, c, d, e, f, g, h, u8::from(last)]
}

/// The header has a fixed width, so the path needs no length.
fn associated_data(header: &[u8], path: &str) -> Vec<u8> {
    [header, path.as_bytes()].concat()
}

fn altered(failure: Failure) -> Error {
    failure.of(WHAT)
}

const FRAME_LEN: usize = 64 * 1024;
const SEALED_FRAME_LEN: usize = FRAME_LEN + TAG;
const SEALED_FRAME: u64 = SEALED_FRAME_LEN as u64;
const HEADER_LEN: usize = MAGIC.len() + 4 + SALT + COMMITMENT;
/// Magic, format version, suite: AES-256-GCM with HKDF-SHA256 and commitment.
const MAGIC: &[u8; 8] = b"LWSEAL\x01\x01";
const LABEL: &str = "object";
const WHAT: &str = "sealed object";
const ALTERED: Error = Error::Altered { what: WHAT };

#[cfg(test)]
mod tests;
