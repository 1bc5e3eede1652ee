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

/// Bytes of a hexadecimal text, for vectors.
#[cfg(test)]
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .as_chunks::<2>()
        .0
        .iter()
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hkdf_gives_the_first_block_of_rfc_5869() {
        let long = |from: u8, to: u8| hex(&(from..=to).collect::<Vec<_>>());
        let cases = [
            // Appendix A.1, A.2, A.3: key material, salt, info, first 32 bytes of the output.
            (
                "0b".repeat(22),
                "000102030405060708090a0b0c".to_owned(),
                "f0f1f2f3f4f5f6f7f8f9".to_owned(),
                "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf",
            ),
            (
                long(0x00, 0x4f),
                long(0x60, 0xaf),
                long(0xb0, 0xff),
                "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c",
            ),
            (
                "0b".repeat(22),
                String::new(),
                String::new(),
                "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d",
            ),
        ];
        for (key, salt, info, expected) in cases {
            let prk = extract(&unhex(&salt), &unhex(&key));
            let info = unhex(&info);
            // In two parts as in one.
            let (left, right) = info.split_at(info.len() / 2);
            assert_eq!(hex(expand(&prk, &[left, right]).reveal()), expected);
        }
    }

    #[test]
    fn hkdf_agrees_with_ring() {
        for length in [0, 1, 31, 32, 64, 65, 300] {
            let (salt, key, info) = (vec![1; length], vec![2; length], vec![3; length]);
            let ours = expand(&extract(&salt, &key), &[&info]);
            let theirs = ring::hkdf::Salt::new(ring::hkdf::HKDF_SHA256, &salt).extract(&key);
            let mut out = [0; HASH];
            theirs
                .expand(&[&info], ring::hkdf::HKDF_SHA256)
                .and_then(|okm| okm.fill(&mut out))
                .unwrap();
            assert_eq!(ours.reveal(), &out);
        }
    }

    #[test]
    fn hmac_is_that_of_rfc_4231() {
        // HMAC pads short keys with zeros, so the RFC's keys fit into ours.
        let cases: [(String, Vec<u8>, &str); 3] = [
            (
                "0b".repeat(20),
                b"Hi There".to_vec(),
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                hex(b"Jefe"),
                b"what do ya want for nothing?".to_vec(),
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                "aa".repeat(20),
                vec![0xdd; 50],
                "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
            ),
        ];
        for (key, data, expected) in cases {
            let mut padded = unhex(&key);
            padded.resize(32, 0);
            let key = Secret::from_slice(&padded).unwrap();
            assert_eq!(hex(&mac(&key, &[&data])), expected);
        }
    }

    #[test]
    fn framed_parts_cannot_be_shifted_into_each_other() {
        assert_ne!(frame(&[b"ab", b"c"]), frame(&[b"a", b"bc"]));
        assert_ne!(frame(&[b"ab"]), frame(&[b"ab", b""]));
    }
}
