//! The keys that belong to the lake as a whole, all derived from one root key.
//!
//! The root key is random, wrapped by the KMS, and lives in the lake's own record; everything else
//! is HKDF over it, so nothing else needs storing and a purpose that is new needs no migration.
//! What a reader would get wrong: table data hangs on KEKs ([`crate::Keyring`]) and not on this
//! root, so that a table can be shredded by itself; only its *log* is sealed by a key from here.

use std::{fmt, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use lakeward_domain::{
    LakeId, PrincipalId, SealError, Sealer, Signer, TableId, Timestamp, TokenKey,
};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde::{Deserialize, Serialize};

use crate::{
    Error, Result, Secret,
    derive::{expand, extract, frame, hex, mac},
    kms::{Kms, WrapContext},
    sealing::KeySealer,
    stream::ObjectSealer,
};

/// The wrapped root key, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LakeKeyRecord {
    /// Version of the root key and of the derivations from it.
    pub version: u32,
    /// The KMS and key that can unwrap it, as [`Kms::uri`] gives it.
    pub kms: String,
    /// The wrapped key, base64.
    pub wrapped: String,
}

/// The keys of one lake. Cheap to clone.
#[derive(Clone)]
pub struct LakeKeys {
    lake: LakeId,
    root: Arc<Secret>,
    signer: Arc<LedgerSigner>,
}

impl LakeKeys {
    /// Makes the keys of a new lake, and the record to store.
    ///
    /// # Errors
    /// Whatever the KMS answers.
    pub async fn create(kms: &dyn Kms, lake: LakeId) -> Result<(Self, LakeKeyRecord)> {
        let root = Secret::random()?;
        let wrapped = kms.wrap(&root, &context(lake)).await?;
        let record = LakeKeyRecord {
            version: VERSION,
            kms: kms.uri().to_owned(),
            wrapped: STANDARD.encode(wrapped),
        };
        Ok((Self::from_root(lake, root)?, record))
    }

    /// Opens the keys of a lake by its record.
    ///
    /// # Errors
    /// [`Error::OtherKms`] when this is not the KMS that the record names, [`Error::Altered`] when
    /// record, lake and KMS do not belong together, or whatever the KMS answers.
    pub async fn open(kms: &dyn Kms, record: &LakeKeyRecord, lake: LakeId) -> Result<Self> {
        const WHAT: &str = "lake root key";
        if record.version != VERSION {
            return Err(Error::Version {
                what: WHAT,
                found: record.version,
            });
        }
        if record.kms != kms.uri() {
            return Err(Error::OtherKms { what: WHAT });
        }
        let wrapped = STANDARD
            .decode(&record.wrapped)
            .map_err(|_| Error::Altered { what: WHAT })?;
        Self::from_root(lake, kms.unwrap(&wrapped, &context(lake)).await?)
    }

    /// The keys under a root key that is already at hand, such as one from escrow.
    ///
    /// # Errors
    /// [`Error::Primitive`] when no signing key can be made of it.
    pub fn from_root(lake: LakeId, root: Secret) -> Result<Self> {
        let seed = derive(&root, lake, &[b"signer"]);
        let pair =
            Ed25519KeyPair::from_seed_unchecked(seed.reveal()).map_err(|_| Error::Primitive)?;
        Ok(Self {
            lake,
            root: Arc::new(root),
            signer: Arc::new(LedgerSigner(pair)),
        })
    }

    /// The lake.
    #[must_use]
    pub const fn lake(&self) -> LakeId {
        self.lake
    }

    /// A sealer of its own key for each purpose: `catalog`, `ledger`, `checkpoint`, `progress`,
    /// `quarantine:…`.
    #[must_use]
    pub fn sealer(&self, purpose: &str) -> Arc<dyn Sealer> {
        Arc::new(KeySealer {
            key: Arc::new(self.derive(&[b"sealer", purpose.as_bytes()])),
            purpose: purpose.to_owned(),
        })
    }

    /// The ledger's signing key.
    #[must_use]
    pub fn signer(&self) -> Arc<dyn Signer> {
        Arc::clone(&self.signer) as Arc<dyn Signer>
    }

    /// The token key of a domain. Tokens of two domains cannot be joined.
    #[must_use]
    pub fn token_key(&self, domain: &str) -> Arc<dyn TokenKey> {
        Arc::new(DomainTokenKey {
            key: self.derive(&[b"token", domain.as_bytes()]),
            domain: domain.to_owned(),
        })
    }

    /// The fingerprint of a statement, 32 hexadecimal characters.
    ///
    /// Keyed per requester and month: a statement's literals are identifiers too, and a plain hash
    /// of a nine-digit number is undone by trying them all. Two requesters' equal statements have
    /// different fingerprints on purpose.
    #[must_use]
    pub fn fingerprint(&self, requester: PrincipalId, now: Timestamp, text: &str) -> String {
        let (year, month, _) = now.date();
        let month = format!("{year:04}-{month:02}");
        let key = self.derive(&[b"fingerprint", requester.as_bytes(), month.as_bytes()]);
        hex(&mac(&key, &[text.as_bytes()])[..16])
    }

    /// The keyed lookup value of a name of some kind, for an index that reveals no names.
    #[must_use]
    pub fn name_key(&self, kind: &str, name: &str) -> [u8; 32] {
        let key = self.derive(&[b"name"]);
        mac(&key, &[&frame(&[kind.as_bytes(), name.as_bytes()])])
    }

    /// Seals the Delta log of a table.
    #[must_use]
    pub fn log_key(&self, table: TableId) -> ObjectSealer {
        self.object_sealer(&format!("log:{table}"))
    }

    /// Seals objects of some purpose, each bound to its path.
    #[must_use]
    pub fn object_sealer(&self, purpose: &str) -> ObjectSealer {
        ObjectSealer::new(self.derive(&[b"object", purpose.as_bytes()]), VERSION)
    }

    fn derive(&self, info: &[&[u8]]) -> Secret {
        derive(&self.root, self.lake, info)
    }
}

impl fmt::Debug for LakeKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LakeKeys")
            .field("lake", &self.lake)
            .finish_non_exhaustive()
    }
}

fn context(lake: LakeId) -> WrapContext {
    WrapContext {
        lake,
        key: None,
        version: VERSION,
        table: None,
        class: None,
    }
}

fn derive(root: &Secret, lake: LakeId, info: &[&[u8]]) -> Secret {
    let salt = frame(&[b"lakeward root 1", lake.as_bytes()]);
    expand(&extract(&salt, root.reveal()), &[&frame(info)])
}

const VERSION: u32 = 1;

struct LedgerSigner(Ed25519KeyPair);

impl fmt::Debug for LedgerSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LedgerSigner")
    }
}

impl Signer for LedgerSigner {
    fn public_key(&self) -> [u8; 32] {
        let mut key = [0; 32];
        for (to, from) in key.iter_mut().zip(self.0.public_key().as_ref()) {
            *to = *from;
        }
        key
    }

    fn sign(&self, message: &[u8]) -> Result<[u8; 64], SealError> {
        self.0
            .sign(message)
            .as_ref()
            .try_into()
            .map_err(|_| SealError::NoKey)
    }
}

struct DomainTokenKey {
    key: Secret,
    domain: String,
}

impl fmt::Debug for DomainTokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DomainTokenKey")
            .field("domain", &self.domain)
            .finish_non_exhaustive()
    }
}

impl TokenKey for DomainTokenKey {
    fn token(&self, normalised: &[u8]) -> [u8; 32] {
        mac(&self.key, &[normalised])
    }
}
