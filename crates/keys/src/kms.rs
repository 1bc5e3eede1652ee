//! Key management services: who holds the key at the top.
//!
//! A KMS wraps and unwraps 32-byte keys and never shows its own. Each wrapped key is bound to a
//! [`WrapContext`]; a context that differs in any part does not unwrap, so that a KEK record cannot
//! be moved to another table, class, version or lake.

pub mod local;

use std::{fmt, path::PathBuf, str::FromStr};

use async_trait::async_trait;
use lakeward_domain::{Class, KeyId, LakeId, TableId};

use crate::{Error, Result, Secret};

/// A key management service.
#[async_trait]
pub trait Kms: Send + Sync + fmt::Debug {
    /// What key records call this service and its key. Stable: for a keystore file it is the
    /// keystore's own id, so that a moved or restored keystore still opens its lake.
    fn uri(&self) -> &str;

    /// Wraps a key for a context.
    async fn wrap(&self, key: &Secret, context: &WrapContext) -> Result<Vec<u8>>;

    /// Unwraps what [`Kms::wrap`] made for the same context.
    async fn unwrap(&self, wrapped: &[u8], context: &WrapContext) -> Result<Secret>;

    /// How often [`Kms::unwrap`] was asked since the start, for key accounting.
    fn unwraps(&self) -> u64;
}

/// What a wrapped key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrapContext {
    /// The lake.
    pub lake: LakeId,
    /// The KEK; none for the lake root key.
    pub key: Option<KeyId>,
    /// The key's version.
    pub version: u32,
    /// The table it serves.
    pub table: Option<TableId>,
    /// The class of columns it serves.
    pub class: Option<Class>,
}

impl WrapContext {
    /// The canonical associated data: fixed widths, absence and presence marked.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(80);
        bytes.extend_from_slice(b"lakeward wrap 1\0");
        bytes.extend_from_slice(self.lake.as_bytes());
        option(&mut bytes, self.key.as_ref().map(KeyId::as_bytes));
        bytes.extend_from_slice(&self.version.to_be_bytes());
        option(&mut bytes, self.table.as_ref().map(TableId::as_bytes));
        bytes.push(match self.class {
            None => 0,
            Some(Class::Open) => 1,
            Some(Class::Sensitive) => 2,
            Some(Class::Phi) => 3,
        });
        bytes
    }
}

fn option(bytes: &mut Vec<u8>, id: Option<&[u8; 16]>) {
    bytes.push(u8::from(id.is_some()));
    bytes.extend_from_slice(id.unwrap_or(&[0; 16]));
}

/// Where a KMS is, as a person configures it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KmsUri {
    /// A keystore file, `local:PATH`.
    Local(PathBuf),
}

impl FromStr for KmsUri {
    type Err = Error;

    /// # Errors
    /// [`Error::KmsNotBuilt`] for a known service without a client in this build,
    /// [`Error::InvalidKmsUri`] for anything else.
    fn from_str(text: &str) -> Result<Self> {
        let (scheme, rest) = text.split_once(':').ok_or(Error::InvalidKmsUri)?;
        match scheme {
            "local" if !rest.is_empty() => Ok(Self::Local(PathBuf::from(rest))),
            "awskms" => Err(Error::KmsNotBuilt { scheme: "awskms" }),
            "openbao" => Err(Error::KmsNotBuilt { scheme: "openbao" }),
            "pkcs11" => Err(Error::KmsNotBuilt { scheme: "pkcs11" }),
            _ => Err(Error::InvalidKmsUri),
        }
    }
}

impl fmt::Display for KmsUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => write!(f, "local:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use lakeward_domain::Code;

    use super::*;

    #[test]
    fn a_kms_without_a_client_is_refused_by_its_name() {
        for scheme in ["awskms", "openbao", "pkcs11"] {
            let error = format!("{scheme}:x").parse::<KmsUri>().unwrap_err();
            assert_eq!(error.code(), Code::KmsUnavailable);
            assert_eq!(
                error.to_string(),
                format!("key service {scheme} is not in this build")
            );
        }
    }

    #[test]
    fn a_kms_uri_reads_back_from_its_text() {
        let uri: KmsUri = "local:/state/keystore".parse().unwrap();
        assert_eq!(uri, KmsUri::Local("/state/keystore".into()));
        assert_eq!(uri.to_string(), "local:/state/keystore");
    }

    #[test]
    fn other_texts_are_not_kms_uris() {
        for text in ["", "local", "local:", "LOCAL:x", "file:/x", "/x"] {
            let error = text.parse::<KmsUri>().unwrap_err();
            assert_eq!(error, Error::InvalidKmsUri, "{text:?}");
        }
    }

    #[test]
    fn contexts_that_differ_in_one_part_have_different_bytes() {
        let base = WrapContext {
            lake: LakeId::random(),
            key: Some(KeyId::random()),
            version: 1,
            table: Some(TableId::random()),
            class: Some(Class::Phi),
        };
        let variants = [
            WrapContext {
                lake: LakeId::random(),
                ..base
            },
            WrapContext { key: None, ..base },
            WrapContext { version: 2, ..base },
            WrapContext {
                table: Some(TableId::random()),
                ..base
            },
            WrapContext {
                class: Some(Class::Open),
                ..base
            },
            WrapContext {
                class: None,
                ..base
            },
        ];
        for variant in variants {
            assert_ne!(variant.to_bytes(), base.to_bytes(), "{variant:?}");
        }
    }
}
