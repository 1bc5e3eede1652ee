//! Numbers that look random and come again for the same seed.
//!
//! SplitMix64, keyed by (seed, stream, index): each row has a generator of its own, so any row can
//! be made without the rows before it. Not for keys or tokens: it is predictable by design.

/// One row's source of numbers.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

/// Which thing a generator makes; two streams of one seed are unrelated.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stream {
    Person = 1,
    Encounter = 2,
    Note = 3,
    Claim = 4,
    Relative = 5,
}

impl Random {
    pub(crate) fn new(seed: u64, stream: Stream, index: usize) -> Self {
        let stream = mix((stream as u64).wrapping_mul(GOLDEN));
        Self(mix(seed ^ stream).wrapping_add(mix(index as u64 ^ stream.rotate_left(17))))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// A number below `bound`, or 0 where there is none.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        // The high half of a product is even enough: bounds here are tiny against 2^64.
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }

    /// True in `percent` of a hundred cases.
    pub(crate) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of a non-empty table.
    pub(crate) fn pick<T: Copy>(&mut self, table: &[T]) -> T {
        table[self.below(table.len())]
    }
}

/// A number below `modulus` that no other index below `modulus` gets, so that numbers handed out
/// are distinct without a memory of those before.
pub(crate) fn spread(index: usize, seed: u64, modulus: u64) -> u64 {
    // A prime that divides none of the moduli in use, hence a bijection.
    const STEP: u128 = 2_654_435_761;
    let start = u128::from(mix(seed) % modulus);
    ((index as u128 * STEP + start) % u128::from(modulus)) as u64
}

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_key_gives_the_same_numbers_and_another_gives_others() {
        let numbers = |seed, stream, index| {
            let mut random = Random::new(seed, stream, index);
            [random.next(), random.next(), random.next()]
        };
        let one = numbers(7, Stream::Person, 3);
        assert_eq!(one, numbers(7, Stream::Person, 3));
        assert_ne!(one, numbers(8, Stream::Person, 3));
        assert_ne!(one, numbers(7, Stream::Claim, 3));
        assert_ne!(one, numbers(7, Stream::Person, 4));
    }

    #[test]
    fn spread_numbers_are_distinct() {
        let mut seen: Vec<u64> = (0..20_000).map(|i| spread(i, 42, 989_901)).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 20_000);
    }
}
