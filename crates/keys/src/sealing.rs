//! Sealing of whole byte strings: key-committing AES-256-GCM.
//!
//! AES-GCM alone does not commit to its key: one ciphertext can be made that opens under two keys
//! to two plaintexts (Albertini, Duong, Gueron, Kölbl, Luykx, Schmieg, "How to Abuse and Fix
//! Authenticated Encryption Without Key Commitment", USENIX Security 2022), and a password-derived
//! key can be guessed by halves that way (Len, Grubbs, Ristenpart, "Partitioning Oracle Attacks",
//! USENIX Security 2021). So each message carries an explicit 32-byte commitment beside its
//! ciphertext, in the manner of the AWS Encryption SDK's committing suites (message format 2,
//! suite 0x0478): a fresh salt goes through HKDF-SHA256 with the long-term key, and two labels give
//! the message's encryption key and its commitment. The context's hash is part of both labels, so
//! that the commitment binds key *and* context; it is compared in constant time before anything is
//! decrypted.
//!
//! ```text
//! version 0x01 | salt 32 | commitment 32 | ciphertext | tag 16
//! ```
//!
//! What a reader would get wrong: the AES-GCM nonce is constant. The key is used for one message
//! only, since the 256-bit salt is random per message; a random 96-bit nonce under one long-term
//! key would be limited to 2^32 messages (NIST SP 800-38D, section 8.3).

use std::{fmt, sync::Arc};

use lakeward_domain::{SealError, Sealer};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{
    Error, Result, Secret,
    derive::{expand, extract, frame, sha256},
    random,
};

/// Length of the tag of AES-GCM.
pub(crate) const TAG: usize = 16;
/// Length of a message salt.
pub(crate) const SALT: usize = 32;
/// Length of a commitment.
pub(crate) const COMMITMENT: usize = 32;
/// What sealing adds to a message.
pub(crate) const OVERHEAD: usize = 1 + SALT + COMMITMENT + TAG;

const VERSION: u8 = 1;

/// Why bytes did not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Too short, or of another version.
    Malformed,
    /// Sealed under another key or context, or altered before the ciphertext.
    Commitment,
    /// Right key and context, altered ciphertext.
    Ciphertext,
    /// The primitive failed.
    Primitive,
}

impl Failure {
    /// As the crate's error about a thing.
    pub(crate) fn of(self, what: &'static str) -> Error {
        match self {
            Self::Primitive => Error::Primitive,
            Self::Malformed | Self::Commitment | Self::Ciphertext => Error::Altered { what },
        }
    }
}

/// The one-message key and the commitment to it.
pub(crate) struct MessageKey {
    key: LessSafeKey,
    commitment: Secret,
}

impl MessageKey {
    /// Derives both for a salt and context.
    pub(crate) fn derive(
        key: &Secret,
        label: &str,
        salt: &[u8; SALT],
        context: &[u8],
    ) -> Result<Self, Failure> {
        let prk = extract(salt, key.reveal());
        let context = sha256(context);
        let info = |use_: &[u8]| frame(&[b"lakeward", use_, label.as_bytes(), &context]);
        let unbound = UnboundKey::new(&AES_256_GCM, expand(&prk, &[&info(b"encrypt")]).reveal());
        Ok(Self {
            key: LessSafeKey::new(unbound.map_err(|_| Failure::Primitive)?),
            commitment: expand(&prk, &[&info(b"commit")]),
        })
    }

    /// The commitment to store.
    pub(crate) fn commitment(&self) -> &[u8; COMMITMENT] {
        self.commitment.reveal()
    }

    /// Whether a stored commitment is this key's.
    pub(crate) fn check(&self, stored: &[u8; COMMITMENT]) -> Result<(), Failure> {
        if bool::from(self.commitment().ct_eq(stored)) {
            Ok(())
        } else {
            Err(Failure::Commitment)
        }
    }

    /// Encrypts in place; returns the tag.
    pub(crate) fn encrypt(
        &self,
        nonce: [u8; 12],
        context: &[u8],
        text: &mut [u8],
    ) -> Result<[u8; TAG], Failure> {
        let tag = self
            .key
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(context),
                text,
            )
            .map_err(|_| Failure::Primitive)?;
        tag.as_ref().try_into().map_err(|_| Failure::Primitive)
    }

    /// Decrypts `ciphertext | tag` in place; returns the plaintext's length.
    pub(crate) fn decrypt(
        &self,
        nonce: [u8; 12],
        context: &[u8],
        text: &mut [u8],
    ) -> Result<usize, Failure> {
        self.key
            .open_in_place(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(context),
                text,
            )
            .map(|plain| plain.len())
            .map_err(|_| Failure::Ciphertext)
    }
}

/// Seals a message; the label separates uses of one key, the context must be given again to open.
pub(crate) fn seal(key: &Secret, label: &str, context: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
    seal_salted(key, label, context, plain, &random()?)
}

/// [`seal`] with a given salt. A salt that repeats under one key and context breaks the sealing.
pub(crate) fn seal_salted(
    key: &Secret,
    label: &str,
    context: &[u8],
    plain: &[u8],
    salt: &[u8; SALT],
) -> Result<Vec<u8>> {
    let primitive = |failure: Failure| failure.of("message");
    let message = MessageKey::derive(key, label, salt, context).map_err(primitive)?;
    let mut sealed = Vec::with_capacity(plain.len() + OVERHEAD);
    sealed.push(VERSION);
    sealed.extend_from_slice(salt);
    sealed.extend_from_slice(message.commitment());
    let start = sealed.len();
    sealed.extend_from_slice(plain);
    let tag = message
        .encrypt(NONCE, context, &mut sealed[start..])
        .map_err(primitive)?;
    sealed.extend_from_slice(&tag);
    Ok(sealed)
}

/// Opens what [`seal`] made.
pub(crate) fn open(
    key: &Secret,
    label: &str,
    context: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let (version, rest) = sealed.split_first().ok_or(Failure::Malformed)?;
    let (salt, rest) = rest.split_first_chunk::<SALT>().ok_or(Failure::Malformed)?;
    let (commitment, rest) = rest
        .split_first_chunk::<COMMITMENT>()
        .ok_or(Failure::Malformed)?;
    if *version != VERSION || rest.len() < TAG {
        return Err(Failure::Malformed);
    }
    let message = MessageKey::derive(key, label, salt, context)?;
    message.check(commitment)?;
    let mut plain = Zeroizing::new(rest.to_vec());
    let length = message.decrypt(NONCE, context, &mut plain)?;
    plain.truncate(length);
    Ok(plain)
}

const NONCE: [u8; 12] = [0; 12];

/// The border trait over one derived key.
pub(crate) struct KeySealer {
    pub(crate) key: Arc<Secret>,
    pub(crate) purpose: String,
}

impl fmt::Debug for KeySealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySealer")
            .field("purpose", &self.purpose)
            .finish_non_exhaustive()
    }
}

impl Sealer for KeySealer {
    fn seal(&self, plain: &[u8], context: &[u8]) -> Result<Vec<u8>, SealError> {
        Ok(seal(&self.key, SEALER_LABEL, context, plain)?)
    }

    fn open(&self, sealed: &[u8], context: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        open(&self.key, SEALER_LABEL, context, sealed)
            .map_err(|failure| failure.of("sealed data").into())
    }
}

/// The label of [`KeySealer`]; purposes differ by key.
pub(crate) const SEALER_LABEL: &str = "sealer";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::derive::{hex, unhex};

    fn secret(byte: u8) -> Secret {
        Secret::from_slice(&[byte; 32]).unwrap()
    }

    /// A message key that is given instead of derived.
    fn given(key: &str) -> MessageKey {
        let unbound = UnboundKey::new(&AES_256_GCM, &unhex(key)).unwrap();
        MessageKey {
            key: LessSafeKey::new(unbound),
            commitment: secret(0),
        }
    }

    #[test]
    fn encryption_is_that_of_the_published_gcm_vectors() {
        // McGrew, Viega, "The Galois/Counter Mode of Operation", test cases 13, 14 and 16.
        let zero = "00".repeat(32);
        let key = "feffe9928665731c6d6a8f9467308308".repeat(2);
        let cases = [
            (
                zero.as_str(),
                "000000000000000000000000",
                "",
                "",
                "",
                "530f8afbc74536b9a963b4f1c4cb738b",
            ),
            (
                zero.as_str(),
                "000000000000000000000000",
                "",
                "00000000000000000000000000000000",
                "cea7403d4d606b6e074ec5d3baf39d18",
                "d0d1c8a799996bf0265b98b5d48ab919",
            ),
            (
                key.as_str(),
                "cafebabefacedbaddecaf888",
                "feedfacedeadbeeffeedfacedeadbeefabaddad2",
                "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
                 1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
                "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
                 8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
                "76fc6ece0f4e1768cddf8853bb2d551b",
            ),
        ];
        for (key, nonce, context, plain, cipher, tag) in cases {
            let (key, context) = (given(key), unhex(context));
            let nonce: [u8; 12] = unhex(nonce).try_into().unwrap();
            let mut text = unhex(plain);
            assert_eq!(hex(&key.encrypt(nonce, &context, &mut text).unwrap()), tag);
            assert_eq!(hex(&text), cipher);
            text.extend(unhex(tag));
            let length = key.decrypt(nonce, &context, &mut text).unwrap();
            assert_eq!(hex(&text[..length]), plain);
        }
    }

    #[test]
    fn what_is_sealed_opens_under_its_key_label_and_context_only() {
        let sealed = seal(&secret(1), "a", b"row 1", b"plain").unwrap();
        assert_eq!(sealed.len(), 5 + OVERHEAD);
        assert_eq!(
            *open(&secret(1), "a", b"row 1", &sealed).unwrap(),
            b"plain".to_vec()
        );
        for (key, label, context) in [
            (2, "a", b"row 1".as_slice()),
            (1, "b", b"row 1"),
            (1, "a", b"row 2"),
            (1, "a", b""),
        ] {
            assert_eq!(
                open(&secret(key), label, context, &sealed).err(),
                Some(Failure::Commitment),
                "{key} {label} {context:?}"
            );
        }
    }

    #[test]
    fn a_flipped_bit_anywhere_is_noticed() {
        let sealed = seal(&secret(1), "a", b"row 1", b"plain").unwrap();
        for place in 0..sealed.len() {
            for bit in 0..8 {
                let mut altered = sealed.clone();
                altered[place] ^= 1 << bit;
                assert!(
                    open(&secret(1), "a", b"row 1", &altered).is_err(),
                    "{place}.{bit}"
                );
            }
        }
        for length in 0..sealed.len() {
            assert!(open(&secret(1), "a", b"row 1", &sealed[..length]).is_err());
        }
    }

    #[test]
    fn one_message_under_two_keys_is_stopped_by_the_commitment() {
        // A ciphertext and tag that are right for the second key, under the first one's commitment.
        let (salt, context) = ([7; SALT], b"row 1");
        let first = seal_salted(&secret(1), "a", context, b"plain", &salt).unwrap();
        let second = seal_salted(&secret(2), "a", context, b"other", &salt).unwrap();
        let cut = 1 + SALT + COMMITMENT;
        let spliced = [&first[..cut], &second[cut..]].concat();
        assert_eq!(
            open(&secret(2), "a", context, &spliced).err(),
            Some(Failure::Commitment)
        );
        assert_eq!(
            open(&secret(1), "a", context, &spliced).err(),
            Some(Failure::Ciphertext)
        );
    }

    #[test]
    fn sealing_twice_gives_different_bytes() {
        let seal = || seal(&secret(1), "a", b"", b"plain").unwrap();
        assert_ne!(seal(), seal());
    }

    proptest! {
        #[test]
        fn opening_arbitrary_bytes_fails_without_a_panic(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..200),
            versioned: bool,
        ) {
            if versioned && let Some(first) = bytes.first_mut() {
                *first = VERSION;
            }
            prop_assert!(open(&secret(1), "a", b"", &bytes).is_err());
        }
    }
}
