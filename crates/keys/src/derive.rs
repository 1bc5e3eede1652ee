//! Keys from keys: HKDF-SHA256 (RFC 5869) and HMAC-SHA256 (RFC 2104).
//!
//! Expansion is written out over ring's HMAC instead of `ring::hkdf`, whose expansion can fail by
//! its type: here a sealer, a token or a fingerprint is derived where no error can be reported, and
//! the outputs are one or two blocks. A test holds both implementations against each other and
//! against the published vectors.
//!
//! Parts are length-prefixed before they are hashed ([`frame`]), so that no two lists of parts make
//! the same input.

use ring::{digest, hmac};

use crate::Secret;

/// The output length of SHA-256.
pub(crate) const HASH: usize = 32;

/// HKDF-Extract.
pub(crate) fn extract(salt: &[u8], key: &[u8]) -> hmac::Key {
    let prk = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, salt), key);
    hmac::Key::new(hmac::HMAC_SHA256, prk.as_ref())
}

/// The first block of HKDF-Expand: all that a 256-bit key or commitment needs.
pub(crate) fn expand(prk: &hmac::Key, info: &[&[u8]]) -> Secret {
    let mut context = hmac::Context::with_key(prk);
    for part in info {
        context.update(part);
    }
    context.update(&[1]);
    let mut out = Secret::zero();
    for (to, from) in out.as_mut().iter_mut().zip(context.sign().as_ref()) {
        *to = *from;
    }
    out
}

/// HMAC-SHA256 of the concatenation of the parts.
pub(crate) fn mac(key: &Secret, parts: &[&[u8]]) -> [u8; HASH] {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key.reveal()));
    for part in parts {
        context.update(part);
    }
    array(context.sign().as_ref())
}

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; HASH] {
    array(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// Parts as one unambiguous byte string: each is preceded by its length as a big-endian u64.
pub(crate) fn frame(parts: &[&[u8]]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        framed.extend_from_slice(&(part.len() as u64).to_be_bytes());
        framed.extend_from_slice(part);
    }
    framed
}

fn array(bytes: &[u8]) -> [u8; HASH] {
    let mut out = [0; HASH];
    for (to, from) in out.iter_mut().zip(bytes) {
        *to = *from;
    }
    out
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}
