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

#[cfg(test)]
mod tests {
    use lakeward_domain::Code;

    use super::*;
    use crate::{LocalKms, derive::unhex};

    fn keys() -> LakeKeys {
        let root = Secret::from_slice(&[1; 32]).unwrap();
        LakeKeys::from_root(LakeId::from_bytes([2; 16]), root).unwrap()
    }

    #[test]
    fn signatures_are_those_of_rfc_8032() {
        // Section 7.1, tests 1 and 2.
        let cases = [
            (
                "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
                "",
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
            ),
            (
                "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
                "72",
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
            ),
        ];
        for (seed, public, message, signature) in cases {
            let pair = Ed25519KeyPair::from_seed_unchecked(&unhex(seed)).unwrap();
            let signer = LedgerSigner(pair);
            assert_eq!(hex(&signer.public_key()), public);
            assert_eq!(hex(&signer.sign(&unhex(message)).unwrap()), signature);
        }
    }

    #[tokio::test]
    async fn a_lake_opens_again_with_the_same_keys() {
        let (kms, lake) = (LocalKms::ephemeral().unwrap(), LakeId::random());
        let (made, record) = LakeKeys::create(&kms, lake).await.unwrap();
        let record: LakeKeyRecord =
            serde_json::from_str(&serde_json::to_string(&record).unwrap()).unwrap();
        let opened = LakeKeys::open(&kms, &record, lake).await.unwrap();
        assert_eq!(made.signer().public_key(), opened.signer().public_key());
        let sealed = made.sealer("catalog").seal(b"plain", b"row").unwrap();
        assert_eq!(
            *opened.sealer("catalog").open(&sealed, b"row").unwrap(),
            b"plain".to_vec()
        );
    }

    #[tokio::test]
    async fn a_record_of_another_lake_kms_or_version_is_refused() {
        let (kms, lake) = (LocalKms::ephemeral().unwrap(), LakeId::random());
        let (_, record) = LakeKeys::create(&kms, lake).await.unwrap();
        let open = async |record: &LakeKeyRecord, lake| {
            let opened = LakeKeys::open(&kms, record, lake).await;
            opened.err().map(|error| error.code())
        };
        assert_eq!(open(&record, lake).await, None);
        assert_eq!(
            open(&record, LakeId::random()).await,
            Some(Code::DataTampered)
        );
        let newer = LakeKeyRecord {
            version: 2,
            ..record.clone()
        };
        assert_eq!(open(&newer, lake).await, Some(Code::LakeVersion));
        let elsewhere = LakeKeyRecord {
            kms: "local-keystore:00".into(),
            ..record.clone()
        };
        assert_eq!(open(&elsewhere, lake).await, Some(Code::NoKey));
        for wrapped in ["", "!", "AQ==", &record.wrapped[4..]] {
            let altered = LakeKeyRecord {
                wrapped: wrapped.to_owned(),
                ..record.clone()
            };
            assert_eq!(open(&altered, lake).await, Some(Code::DataTampered));
        }
    }

    #[test]
    fn two_lakes_with_one_root_key_share_no_derived_key() {
        let root = Secret::from_slice(&[1; 32]).unwrap();
        let other = LakeKeys::from_root(LakeId::random(), root).unwrap();
        assert_ne!(keys().signer().public_key(), other.signer().public_key());
        assert_ne!(keys().name_key("table", "a"), other.name_key("table", "a"));
        let sealed = keys().sealer("catalog").seal(b"plain", b"").unwrap();
        assert!(other.sealer("catalog").open(&sealed, b"").is_err());
    }

    #[test]
    fn sealers_of_two_purposes_do_not_open_each_others_bytes() {
        let sealed = keys().sealer("catalog").seal(b"plain", b"").unwrap();
        assert!(keys().sealer("catalog").open(&sealed, b"").is_ok());
        assert_eq!(
            keys().sealer("ledger").open(&sealed, b""),
            Err(SealError::Altered)
        );
    }

    #[test]
    fn logs_of_two_tables_do_not_open_each_others_objects() {
        let (mine, other) = (TableId::random(), TableId::random());
        let sealed = keys().log_key(mine).seal("a", b"plain").unwrap();
        assert!(keys().log_key(mine).open("a", &sealed).is_ok());
        assert!(keys().log_key(other).open("a", &sealed).is_err());
    }

    #[test]
    fn a_fingerprint_is_stable_within_requester_and_month_only() {
        let (keys, requester) = (keys(), PrincipalId::random());
        // 2024-02-29 and 2024-03-01, UTC.
        let (leap_day, next_day) = (
            Timestamp(1_709_210_096_000_000),
            Timestamp(1_709_296_496_000_000),
        );
        let print = keys.fingerprint(requester, leap_day, "select 1");
        assert_eq!(print.len(), 32);
        assert_eq!(
            print,
            keys.fingerprint(requester, Timestamp(leap_day.0 - 1), "select 1")
        );
        for other in [
            keys.fingerprint(requester, next_day, "select 1"),
            keys.fingerprint(PrincipalId::random(), leap_day, "select 1"),
            keys.fingerprint(requester, leap_day, "select 2"),
        ] {
            assert_ne!(print, other);
        }
    }

    #[test]
    fn tokens_and_name_keys_differ_by_domain_kind_and_name() {
        let keys = keys();
        let token = |domain: &str| keys.token_key(domain).token(b"666-00-0001");
        assert_eq!(token("ssn"), token("ssn"));
        assert_ne!(token("ssn"), token("mrn"));
        assert_eq!(keys.name_key("table", "a"), keys.name_key("table", "a"));
        assert_ne!(keys.name_key("table", "a"), keys.name_key("schema", "a"));
        assert_ne!(keys.name_key("ta", "blea"), keys.name_key("table", "a"));
    }

    #[test]
    fn debug_prints_no_key() {
        let keys = keys();
        let text = format!(
            "{keys:?} {:?} {:?} {:?} {:?}",
            keys.sealer("catalog"),
            keys.signer(),
            keys.token_key("ssn"),
            keys.log_key(TableId::from_bytes([3; 16])),
        );
        assert_eq!(
            text,
            "LakeKeys { lake: l02020202020202020202020202020202, .. } \
             KeySealer { purpose: \"catalog\", .. } LedgerSigner \
             DomainTokenKey { domain: \"ssn\", .. } ObjectSealer { version: 1, .. }"
        );
    }

    /// What the golden files need of this module's inside.
    impl LakeKeys {
        pub(crate) fn golden_seal(&self, purpose: &str, plain: &[u8], context: &[u8]) -> Vec<u8> {
            let key = self.derive(&[b"sealer", purpose.as_bytes()]);
            crate::sealing::seal_salted(
                &key,
                crate::sealing::SEALER_LABEL,
                context,
                plain,
                &[5; crate::sealing::SALT],
            )
            .unwrap()
        }
    }
}
