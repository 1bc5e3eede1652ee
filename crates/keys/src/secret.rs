//! Key bytes that are overwritten when dropped.

use std::fmt;

use ring::rand::{SecureRandom, SystemRandom};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{Error, Result};

/// A 256-bit key.
///
/// On the heap, so that moving a `Secret` moves a pointer and leaves no copy behind. No `Clone` and
/// no `PartialEq`: share it in an `Arc`, and compare what keys do instead of the keys.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Secret(Box<[u8; 32]>);

impl Secret {
    /// A new random key.
    ///
    /// # Errors
    /// [`Error::Primitive`] when the machine has no randomness.
    pub fn random() -> Result<Self> {
        let mut secret = Self::zero();
        fill(secret.0.as_mut_slice())?;
        Ok(secret)
    }

    /// The key that these bytes are.
    ///
    /// # Errors
    /// [`Error::Altered`] unless there are 32.
    pub fn from_slice(bytes: &[u8]) -> Result<Self> {
        if bytes.len() != 32 {
            return Err(Error::Altered { what: "key" });
        }
        let mut secret = Self::zero();
        secret.0.copy_from_slice(bytes);
        Ok(secret)
    }

    /// The bytes. The name is long so that a reader of the call stops here.
    #[must_use]
    pub fn reveal(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn zero() -> Self {
        Self(Box::new([0; 32]))
    }

    pub(crate) fn as_mut(&mut self) -> &mut [u8; 32] {
        &mut self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

/// Random bytes that are not secret: salts, ids, nonces.
///
/// # Errors
/// [`Error::Primitive`] when the machine has no randomness.
pub fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(bytes)
}

fn fill(bytes: &mut [u8]) -> Result<()> {
    SystemRandom::new()
        .fill(bytes)
        .map_err(|ring::error::Unspecified| Error::Primitive)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print_itself() {
        let secret = Secret::from_slice(&[0x41; 32]).unwrap();
        assert_eq!(format!("{secret:?}"), "[hidden]");
    }

    #[test]
    fn a_key_of_another_length_is_refused() {
        for length in [0, 16, 31, 33] {
            assert!(Secret::from_slice(&vec![1; length]).is_err(), "{length}");
        }
    }

    #[test]
    fn random_keys_differ() {
        assert_ne!(
            Secret::random().unwrap().reveal(),
            Secret::random().unwrap().reveal()
        );
    }
}
