//! `lake.json`: what must be known of a lake before any of its keys is at hand.
//!
//! ```json
//! {
//!   "lake": { "format": "lakeward-lake", "version": 1, "id": "l…", "kms": "local:keystore", … },
//!   "seal": "…",
//!   "sha256": "…"
//! }
//! ```
//!
//! Two protections, and a reader would take the second for the first. The *seal* is an authentication
//! tag under a key of the lake over the record's exact bytes: whoever holds the passphrase notices any
//! change. The *sha256* over all bytes above it is none: it tells damage from another lake, and lets a
//! ledger be verified without a passphrase against a file that is at least whole.
//!
//! INVARIANT: every version of the format ends in such a digest, so that damage is never taken for a
//! newer version; and a file is read only if writing what was read gives the same bytes.

use std::io;

use lakeward_domain::{Code, LakeId, Timestamp};
use lakeward_keys::{LakeKeyRecord, LakeKeys};
use ring::digest;
use serde::{Deserialize, Serialize};

use crate::{Error, Place, Result, files};

/// What `lake.json` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LakeRecord {
    format: String,
    version: u32,
    /// The lake.
    #[serde(rename = "id")]
    pub lake: LakeId,
    /// The key service, a path being relative to the state folder.
    pub kms: String,
    /// The wrapped root key.
    pub root_key: LakeKeyRecord,
    /// The public key that the ledger is signed with, in hexadecimal digits.
    pub ledger_key: String,
    /// The release that made the lake.
    pub release: String,
    /// When.
    pub created: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    lake: LakeRecord,
    seal: String,
    sha256: String,
}

#[derive(Deserialize)]
struct AnyFile {
    lake: AnyRecord,
}

#[derive(Deserialize)]
struct AnyRecord {
    format: String,
    version: u32,
}

/// A record as read, its seal not checked yet.
#[derive(Debug)]
pub(super) struct Unchecked {
    pub(super) record: LakeRecord,
    seal: Vec<u8>,
}

impl LakeRecord {
    pub(super) fn new(
        keys: &LakeKeys,
        root_key: LakeKeyRecord,
        kms: String,
        now: Timestamp,
    ) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            lake: keys.lake(),
            kms,
            root_key,
            ledger_key: hex(&keys.signer().public_key()),
            release: env!("CARGO_PKG_VERSION").to_owned(),
            created: now,
        }
    }

    /// Reads the record of a lake, without any key: what is read is whole, and no more is known.
    ///
    /// # Errors
    /// [`Code::LakeNotFound`], [`Code::LakeTampered`], [`Code::LakeVersion`], and failures to read.
    pub fn read(place: &Place) -> Result<Self> {
        Ok(read(place)?.record)
    }

    /// The ledger's public key.
    ///
    /// # Errors
    /// [`Code::LakeTampered`] when it is none.
    pub fn public_key(&self) -> Result<[u8; 32]> {
        unhex(&self.ledger_key)
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| tampered("holds a public key that is none"))
    }

    pub(super) fn to_text(&self, keys: &LakeKeys) -> Result<String> {
        let bytes = self.bytes()?;
        let seal = keys
            .sealer(PURPOSE)
            .seal(&[], &bytes)
            .map_err(|_| Error::new(Code::NoKey, "the lake's record cannot be sealed"))?;
        text(self, &seal)
    }

    fn bytes(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(|_| Error::new(Code::Internal, "a record has no text"))
    }
}

impl Unchecked {
    /// The record, if it is the one that these keys sealed.
    pub(super) fn check(self, keys: &LakeKeys) -> Result<LakeRecord> {
        keys.sealer(PURPOSE)
            .open(&self.seal, &self.record.bytes()?)
            .map_err(|_| tampered("does not authenticate"))?;
        if self.record.public_key()? != keys.signer().public_key() {
            return Err(tampered("names a public key that is not this lake's"));
        }
        Ok(self.record)
    }
}

/// Reads the record of a lake.
pub(super) fn read(place: &Place) -> Result<Unchecked> {
    let bytes = match files::read(&place.record(), MOST_BYTES) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(missing(place)),
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            return Err(tampered("is too long"));
        }
        Err(error) => return Err(Error::io("read lake.json")(error)),
    };
    parse(&bytes)
}

/// No record: no lake, one that was being made, or one whose record was taken away.
fn missing(place: &Place) -> Error {
    let what = if place.marker().exists() {
        format!(
            "init was interrupted in {}; run it again",
            place.state().display()
        )
    } else if place.catalog().exists() || place.ledger().exists() {
        return tampered("is missing beside the other files of a lake");
    } else if place.lake().exists() {
        format!(
            "{} has no state folder {}",
            place.lake().display(),
            place.state().display()
        )
    } else {
        format!("there is no lake at {}", place.lake().display())
    };
    Error::new(Code::LakeNotFound, what)
}

fn parse(bytes: &[u8]) -> Result<Unchecked> {
    let whole = split_digest(bytes).is_some_and(|(body, digest)| digest == sha256(body).as_bytes());
    if !whole {
        return Err(tampered("is damaged"));
    }
    let any: AnyFile =
        serde_json::from_slice(bytes).map_err(|_| tampered("is no record of a lake"))?;
    if any.lake.format != FORMAT {
        return Err(tampered("is no record of a lake"));
    }
    if any.lake.version != VERSION {
        return Err(Error::new(
            Code::LakeVersion,
            format!(
                "the lake has format version {}, this release knows {VERSION}",
                any.lake.version
            ),
        ));
    }
    let file: File =
        serde_json::from_slice(bytes).map_err(|_| tampered("is no record of a lake"))?;
    let seal = unhex(&file.seal).ok_or_else(|| tampered("holds a seal that is none"))?;
    if text(&file.lake, &seal)?.as_bytes() != bytes {
        return Err(tampered("is not written as this release writes it"));
    }
    Ok(Unchecked {
        record: file.lake,
        seal,
    })
}

fn text(record: &LakeRecord, seal: &[u8]) -> Result<String> {
    let file = File {
        lake: record.clone(),
        seal: hex(seal),
        sha256: "0".repeat(DIGEST_DIGITS),
    };
    let mut text = serde_json::to_string_pretty(&file)
        .map_err(|_| Error::new(Code::Internal, "a record has no text"))?;
    text.push('\n');
    let digest = split_digest(text.as_bytes()).map(|(body, _)| sha256(body));
    let digest = digest.ok_or_else(|| Error::new(Code::Internal, "a record has no digest"))?;
    let end = text.len() - TAIL.len();
    text.replace_range(end - DIGEST_DIGITS..end, &digest);
    Ok(text)
}

/// What is hashed, and the digest.
fn split_digest(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    bytes
        .strip_suffix(TAIL.as_bytes())?
        .split_at_checked(bytes.len().checked_sub(TAIL.len() + DIGEST_DIGITS)?)
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

pub(super) fn tampered(how: &str) -> Error {
    Error::new(Code::LakeTampered, format!("lake.json {how}"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len() / 2)
        .map(|i| u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok())
        .collect()
}

const FORMAT: &str = "lakeward-lake";
const VERSION: u32 = 1;
const PURPOSE: &str = "lake.json";
const DIGEST_DIGITS: usize = 64;
const TAIL: &str = "\"\n}\n";
const MOST_BYTES: u64 = 64 << 10;

#[cfg(test)]
mod tests {
    use lakeward_keys::LocalKms;

    use super::*;

    async fn sealed() -> (LakeKeys, String) {
        let kms = LocalKms::ephemeral().unwrap();
        let (keys, root) = LakeKeys::create(&kms, LakeId::random()).await.unwrap();
        let record = LakeRecord::new(&keys, root, "local:keystore".into(), Timestamp(1));
        let text = record.to_text(&keys).unwrap();
        (keys, text)
    }

    #[tokio::test]
    async fn a_record_reads_back() {
        let (keys, text) = sealed().await;
        let record = parse(text.as_bytes()).unwrap().check(&keys).unwrap();
        assert_eq!(
            record.to_text(&keys).map(|again| again.len()).ok(),
            Some(text.len())
        );
        assert_eq!(record.public_key().ok(), Some(keys.signer().public_key()));
    }

    /// `UPDATE=1` writes the fixture anew. A change of it is a change of the format: raise its version.
    #[test]
    fn lake_json_of_format_1_still_opens() {
        #![expect(clippy::disallowed_methods, reason = "the golden file")]
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../fixtures/formats/lake-record-1.json");
        let lake = LakeId::from_bytes([7; 16]);
        let root = lakeward_keys::Secret::from_slice(&[9; 32]).unwrap();
        let keys = LakeKeys::from_root(lake, root).unwrap();
        if std::env::var_os("UPDATE").is_some() {
            let wrapped = r#"{"version":1,"kms":"local-keystore:0","wrapped":"AAAA"}"#;
            let wrapped: LakeKeyRecord = serde_json::from_str(wrapped).unwrap();
            let record = LakeRecord::new(&keys, wrapped, "local:keystore".into(), Timestamp(1));
            std::fs::write(&path, record.to_text(&keys).unwrap()).unwrap();
        }
        let text = std::fs::read(&path).unwrap();
        let record = parse(&text).unwrap().check(&keys).unwrap();
        assert_eq!(record.lake, lake);
        assert_eq!(record.kms, "local:keystore");
        assert_eq!(record.created, Timestamp(1));
        assert_eq!(record.release, "0.1.0");
    }

    #[tokio::test]
    async fn every_flipped_byte_is_noticed_without_a_passphrase() {
        let (_, text) = sealed().await;
        for at in 0..text.len() {
            for bit in [1, 0x20, 0x80] {
                let mut bytes = text.clone().into_bytes();
                bytes[at] ^= bit;
                assert_eq!(
                    parse(&bytes).unwrap_err().code(),
                    Code::LakeTampered,
                    "byte {at}"
                );
            }
        }
        for length in 0..text.len() {
            let cut = parse(&text.as_bytes()[..length]).unwrap_err();
            assert_eq!(cut.code(), Code::LakeTampered, "{length} bytes");
        }
    }

    /// The digest is no secret: whoever edits the file repairs it too.
    fn repaired(edited: &str) -> String {
        let (body, _) = split_digest(edited.as_bytes()).unwrap();
        let digest = sha256(body);
        let mut text = edited.to_owned();
        let end = text.len() - TAIL.len();
        text.replace_range(end - DIGEST_DIGITS..end, &digest);
        text
    }

    #[tokio::test]
    async fn an_edit_with_a_repaired_digest_does_not_authenticate() {
        let (keys, text) = sealed().await;
        for (from, to) in [
            ("local:keystore", "local:elsewhere"),
            ("\"created\": 1", "\"created\": 2"),
        ] {
            let edited = repaired(&text.replace(from, to));
            let error = parse(edited.as_bytes()).unwrap().check(&keys).unwrap_err();
            assert_eq!(error.code(), Code::LakeTampered, "{to}");
        }
        let spaced = repaired(&text.replace("\"lake\": {", "\"lake\":  {"));
        assert_eq!(
            parse(spaced.as_bytes()).unwrap_err().code(),
            Code::LakeTampered
        );
    }

    #[tokio::test]
    async fn another_version_is_named_as_such() {
        let (_, text) = sealed().await;
        let newer = repaired(&text.replacen("\"version\": 1", "\"version\": 7", 1));
        let error = parse(newer.as_bytes()).unwrap_err();
        assert_eq!(error.code(), Code::LakeVersion);
        assert!(error.cause().contains('7'));
    }
}
