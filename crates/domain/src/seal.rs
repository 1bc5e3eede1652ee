//! Border traits to the keys: other rooms seal, sign and tokenise without seeing a key.

use std::fmt;

use zeroize::Zeroizing;

/// Sealing, opening or signing failed. Says no more on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The sealed bytes were altered, belong elsewhere, or were sealed under another key.
    #[error("sealed data does not authenticate")]
    Altered,
    /// The key is not there or may not be used.
    #[error("key is not available")]
    NoKey,
}

/// Seals bytes with a key that stays inside. Key-committing authenticated encryption.
pub trait Sealer: Send + Sync + fmt::Debug {
    /// Seals; `context` is bound as associated data and must be given again to open.
    ///
    /// # Errors
    /// [`SealError::NoKey`] when the key cannot be used.
    fn seal(&self, plain: &[u8], context: &[u8]) -> Result<Vec<u8>, SealError>;

    /// Opens what [`Sealer::seal`] made.
    ///
    /// # Errors
    /// [`SealError::Altered`] when bytes, context or key do not belong together.
    fn open(&self, sealed: &[u8], context: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError>;
}

/// Signs with Ed25519 (RFC 8032).
pub trait Signer: Send + Sync + fmt::Debug {
    /// The public key.
    fn public_key(&self) -> [u8; 32];

    /// The signature of a message.
    ///
    /// # Errors
    /// [`SealError::NoKey`] when the key cannot be used.
    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SealError>;
}

/// Makes keyed tokens: HMAC-SHA256 (RFC 2104) with a key per domain.
pub trait TokenKey: Send + Sync + fmt::Debug {
    /// The token of an already normalised value.
    fn token(&self, normalised: &[u8]) -> [u8; 32];
}
