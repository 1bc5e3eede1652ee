//! Data keys in Parquet's `key_metadata`: wrapping, unwrapping, and the text they travel in.
//!
//! The text is the key material JSON of the Parquet key tools (`PKMT1`, internal storage, single
//! wrapping), so that a file describes itself to other readers of that format; `wrappedDEK` holds
//! a blob of our own:
//!
//! ```text
//! "LWDK" | version 0x01 | file id 16 | 0x00 footer or 0x01 column | column id 16 | KEK version u32 | sealed DEK
//! ```
//!
//! What a reader would get wrong: the ids in the blob are for tools that look at a file by itself.
//! Ours never believes them: it *supplies* the binding it expects, and the associated data is made
//! of that, with the lake and table, which are not in the blob at all. The JSON is accepted in its
//! canonical spelling only, so that no byte of it can change unnoticed.

use base64::{Engine, engine::general_purpose::STANDARD};
use lakeward_domain::{ColumnId, FileId, KeyId, LakeId, TableId};
use serde::{Deserialize, Serialize};

use crate::{Error, Result, Secret, sealing};

/// What a data key is for: one column, or the footer, of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DekBinding {
    /// The lake.
    pub lake: LakeId,
    /// The table.
    pub table: TableId,
    /// The file.
    pub file: FileId,
    /// The column; none for the footer.
    pub column: Option<ColumnId>,
}

/// Wraps a data key under a KEK; the answer is the `key_metadata` of its column or footer.
pub(crate) fn wrap(
    kek: &Secret,
    (key, version): (KeyId, u32),
    binding: &DekBinding,
    dek: &Secret,
    salt: &[u8; sealing::SALT],
) -> Result<Vec<u8>> {
    let mut blob = header(version, binding);
    let bound = associated_data(&blob, key, binding);
    blob.extend(sealing::seal_salted(
        kek,
        LABEL,
        &bound,
        dek.reveal(),
        salt,
    )?);
    to_json(key, version, binding.column.is_none(), &blob)
}

/// Unwraps what [`wrap`] made for the same binding.
pub(crate) fn unwrap(kek: &Secret, metadata: &KeyMetadata, binding: &DekBinding) -> Result<Secret> {
    if metadata.is_footer != binding.column.is_none() {
        return Err(ALTERED);
    }
    let header = header(metadata.version, binding);
    let sealed = metadata
        .blob
        .strip_prefix(header.as_slice())
        .ok_or(ALTERED)?;
    let bound = associated_data(&header, metadata.key, binding);
    let plain = sealing::open(kek, LABEL, &bound, sealed).map_err(|failure| failure.of(WHAT))?;
    Secret::from_slice(&plain)
}

/// A parsed `key_metadata`.
pub(crate) struct KeyMetadata {
    pub(crate) key: KeyId,
    pub(crate) version: u32,
    is_footer: bool,
    blob: Vec<u8>,
}

impl KeyMetadata {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self> {
        let parsed = Self::parse_loosely(bytes).ok_or(ALTERED)?;
        let canonical = to_json(parsed.key, parsed.version, parsed.is_footer, &parsed.blob)?;
        if canonical == bytes {
            Ok(parsed)
        } else {
            Err(ALTERED)
        }
    }

    fn parse_loosely(bytes: &[u8]) -> Option<Self> {
        let material: KeyMaterial = serde_json::from_slice(bytes).ok()?;
        let (key, version) = material.master_key_id.split_once('@')?;
        Some(Self {
            key: key.parse().ok()?,
            version: version.parse().ok()?,
            is_footer: material.is_footer_key,
            blob: STANDARD.decode(&material.wrapped_dek).ok()?,
        })
    }
}

fn to_json(key: KeyId, version: u32, is_footer: bool, blob: &[u8]) -> Result<Vec<u8>> {
    let instance = is_footer.then(|| String::from("DEFAULT"));
    serde_json::to_vec(&KeyMaterial {
        key_material_type: String::from("PKMT1"),
        internal_storage: true,
        is_footer_key: is_footer,
        kms_instance_id: instance.clone(),
        kms_instance_url: instance,
        master_key_id: format!("{key}@{version}"),
        wrapped_dek: STANDARD.encode(blob),
        double_wrapping: false,
    })
    .map_err(|_| Error::Primitive)
}

/// Key material of the Parquet key tools. The order of the fields is part of our format.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct KeyMaterial {
    key_material_type: String,
    internal_storage: bool,
    is_footer_key: bool,
    #[serde(
        rename = "kmsInstanceID",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    kms_instance_id: Option<String>,
    #[serde(
        rename = "kmsInstanceURL",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    kms_instance_url: Option<String>,
    #[serde(rename = "masterKeyID")]
    master_key_id: String,
    #[serde(rename = "wrappedDEK")]
    wrapped_dek: String,
    double_wrapping: bool,
}

fn header(version: u32, binding: &DekBinding) -> Vec<u8> {
    let mut header = Vec::with_capacity(160);
    header.extend_from_slice(MAGIC);
    header.extend_from_slice(binding.file.as_bytes());
    header.push(u8::from(binding.column.is_some()));
    header.extend_from_slice(binding.column.as_ref().map_or(&[0; 16], |id| id.as_bytes()));
    header.extend_from_slice(&version.to_be_bytes());
    header
}

/// File, column and KEK version are in the header; all parts have fixed widths.
fn associated_data(header: &[u8], key: KeyId, binding: &DekBinding) -> Vec<u8> {
    [
        header,
        binding.lake.as_bytes(),
        binding.table.as_bytes(),
        key.as_bytes(),
    ]
    .concat()
}

const MAGIC: &[u8; 5] = b"LWDK\x01";
const LABEL: &str = "data key";
const WHAT: &str = "data key";
const ALTERED: Error = Error::Altered { what: WHAT };

#[cfg(test)]
mod tests;
