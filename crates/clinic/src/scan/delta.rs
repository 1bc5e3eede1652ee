//! Parquet's delta encodings undone: values that share a beginning are not in a row until then.

use super::thrift::{varint, zigzag};

/// The strings of DELTA_BYTE_ARRAY, one after the other with a zero byte between.
pub(super) fn byte_arrays(bytes: &[u8]) -> Option<Vec<u8>> {
    let (prefixes, used) = integers(bytes)?;
    let rest = &bytes[used..];
    let (lengths, used) = integers(rest)?;
    let mut suffixes = &rest[used..];
    let mut last: Vec<u8> = Vec::new();
    let mut all = Vec::new();
    for (prefix, length) in prefixes.into_iter().zip(lengths) {
        let (suffix, after) = suffixes.split_at_checked(usize::try_from(length).ok()?)?;
        suffixes = after;
        let prefix = usize::try_from(prefix).ok()?;
        if prefix > last.len() {
            return None;
        }
        last.truncate(prefix);
        last.extend_from_slice(suffix);
        all.extend_from_slice(&last);
        all.push(0);
        if all.len() > PLAIN_LIMIT {
            return None;
        }
    }
    Some(all)
}

/// The numbers of DELTA_BINARY_PACKED as 64-bit integers, little end first.
pub(super) fn integers_as_bytes(bytes: &[u8]) -> Option<Vec<u8>> {
    let (integers, _) = integers(bytes)?;
    Some(integers.into_iter().flat_map(i64::to_le_bytes).collect())
}

/// The numbers of DELTA_BINARY_PACKED, and how many bytes they took.
fn integers(bytes: &[u8]) -> Option<(Vec<i64>, usize)> {
    let mut at = 0;
    let number = |at: &mut usize| {
        let (value, length) = varint(bytes.get(*at..)?)?;
        *at += length;
        Some(value)
    };
    let block = usize::try_from(number(&mut at)?).ok()?;
    let parts = usize::try_from(number(&mut at)?).ok()?;
    let count = usize::try_from(number(&mut at)?).ok()?;
    let mut value = zigzag(number(&mut at)?);
    if parts == 0 || block == 0 || block > BLOCK_LIMIT || count > COUNT_LIMIT {
        return None;
    }
    let part = block / parts;
    if part == 0 || !part.is_multiple_of(8) {
        return None;
    }
    let mut values = Vec::new();
    if count > 0 {
        values.push(value);
    }
    while values.len() < count {
        let least = zigzag(number(&mut at)?);
        let widths = bytes.get(at..at.checked_add(parts)?)?;
        at += parts;
        for width in widths {
            if values.len() >= count {
                break;
            }
            let width = usize::from(*width);
            if width > 64 {
                return None;
            }
            let packed = bytes.get(at..at.checked_add(part / 8 * width)?)?;
            at += packed.len();
            for position in 0..part.min(count - values.len()) {
                let delta = bits(packed, position * width, width);
                value = value.wrapping_add(least).wrapping_add(delta.cast_signed());
                values.push(value);
            }
        }
    }
    Some((values, at))
}

/// `width` bits from a bit position on, least significant first.
fn bits(packed: &[u8], from: usize, width: usize) -> u64 {
    (0..width).fold(0, |value, bit| {
        let at = from + bit;
        value | u64::from(packed[at / 8] >> (at % 8) & 1) << bit
    })
}

const BLOCK_LIMIT: usize = 1 << 20;
const COUNT_LIMIT: usize = 1 << 26;
const PLAIN_LIMIT: usize = 1 << 30;
