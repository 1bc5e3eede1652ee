//! Which key serves which table and class, and the unwrapped ones for as long as they may live.
//!
//! What a reader would get wrong: knowing a record ([`Keyring::load`]), having its key at hand
//! ([`Keyring::prepare`]) and being allowed to use it are three things. The state of the *record*
//! is asked at each use, so that loading a record that says "suspended" takes effect at once, also
//! for a key that is cached; and a key that has been cached for longer than `ttl` is dropped, so
//! that "revoked" is true everywhere at most `ttl` later. A statement that outlives `ttl` prepares
//! again before it opens its next file.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use lakeward_domain::{Clock, KeyId, LakeId, PrincipalId, Timestamp};

use crate::{
    DekBinding, Error, KekRecord, KeyScope, KeyState, Kms, Recipient, Result, Secret, Transition,
    WrapContext,
    envelope::{self, KeyMetadata},
    random,
};

#[derive(Clone, Copy)]
enum Use {
    Wrap,
    Unwrap,
}

/// A key and its version.
type Versioned = (KeyId, u32);

/// The KEKs of one lake.
pub struct Keyring {
    lake: LakeId,
    kms: Arc<dyn Kms>,
    clock: Arc<dyn Clock>,
    ttl: Duration,
    records: RwLock<BTreeMap<Versioned, Arc<KekRecord>>>,
    cache: Mutex<BTreeMap<Versioned, Cached>>,
}

struct Cached {
    kek: Arc<Secret>,
    unwrapped: Timestamp,
}

impl Keyring {
    /// An empty ring.
    #[must_use]
    pub fn new(lake: LakeId, kms: Arc<dyn Kms>, clock: Arc<dyn Clock>, ttl: Duration) -> Self {
        Self {
            lake,
            kms,
            clock,
            ttl,
            records: RwLock::default(),
            cache: Mutex::default(),
        }
    }

    /// The lake.
    #[must_use]
    pub const fn lake(&self) -> LakeId {
        self.lake
    }

    /// Makes a KEK, wrapped by the KMS, as a record to store.
    ///
    /// The ring does not remember it: store the record first, then [`load`](Self::load) it, so that
    /// no file is ever written under a key that a crash loses.
    ///
    /// # Errors
    /// Whatever the KMS answers.
    pub async fn create_kek(
        &self,
        scope: KeyScope,
        actor: Option<PrincipalId>,
    ) -> Result<KekRecord> {
        let (id, version) = (KeyId::random(), 1);
        let context = self.context((id, version), scope);
        let wrapped = self.kms.wrap(&Secret::random()?, &context).await?;
        Ok(KekRecord {
            id,
            version,
            scope,
            state: KeyState::Active,
            transitions: vec![Transition {
                state: KeyState::Active,
                at: self.clock.now(),
                actor,
                reason: String::from("created"),
            }],
            recipients: vec![Recipient {
                kms: self.kms.uri().to_owned(),
                wrapped: STANDARD.encode(wrapped),
            }],
        })
    }

    /// Takes records in, over earlier ones of the same key and version. A key whose new state
    /// forbids unwrapping is forgotten.
    pub fn load(&self, records: impl IntoIterator<Item = KekRecord>) {
        let mut known = self.records.write().unwrap_or_else(PoisonError::into_inner);
        let mut cache = self.cache();
        for record in records {
            let key = (record.id, record.version);
            if !record.state.unwraps() {
                cache.remove(&key);
            }
            known.insert(key, Arc::new(record));
        }
    }

    /// The record of a key, if it is known.
    #[must_use]
    pub fn record(&self, key: KeyId, version: u32) -> Option<Arc<KekRecord>> {
        let known = self.records.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&(key, version)).cloned()
    }

    /// Has the KMS unwrap those of these keys that are not at hand. Keys named twice are unwrapped
    /// once; nothing else is unwrapped.
    ///
    /// # Errors
    /// [`Error::NoKey`] and [`Error::KeyState`] before the KMS is asked for any of them,
    /// [`Error::OtherKms`], [`Error::Altered`], or whatever the KMS answers.
    pub async fn prepare(&self, keys: &[(KeyId, u32)]) -> Result<()> {
        let wanted: BTreeSet<Versioned> = keys.iter().copied().collect();
        let records = wanted
            .into_iter()
            .map(|key| self.usable(key, Use::Unwrap))
            .collect::<Result<Vec<_>>>()?;
        for record in records {
            let key = (record.id, record.version);
            if self.cached(key).is_err() {
                let kek = self.unwrap(&record).await?;
                self.remember(key, kek);
            }
        }
        Ok(())
    }

    /// Makes the data key of one column or footer of one file, and its `key_metadata`.
    ///
    /// # Errors
    /// [`Error::NoKey`], [`Error::KeyState`] unless the KEK is active, [`Error::NotPrepared`].
    pub fn new_dek(&self, kek: (KeyId, u32), binding: &DekBinding) -> Result<(Secret, Vec<u8>)> {
        let record = self.usable(kek, Use::Wrap)?;
        Self::check_scope(&record, binding)?;
        let dek = Secret::random()?;
        let metadata = envelope::wrap(&*self.cached(kek)?, kek, binding, &dek, &random()?)?;
        Ok((dek, metadata))
    }

    /// Opens the data key in a `key_metadata`, which must be for this binding.
    ///
    /// # Errors
    /// [`Error::Altered`] when bytes, binding and KEK do not belong together, [`Error::NoKey`],
    /// [`Error::KeyState`], [`Error::NotPrepared`].
    pub fn unwrap_dek(&self, key_metadata: &[u8], binding: &DekBinding) -> Result<Secret> {
        let metadata = KeyMetadata::parse(key_metadata)?;
        let key = (metadata.key, metadata.version);
        let record = self.usable(key, Use::Unwrap)?;
        Self::check_scope(&record, binding)?;
        envelope::unwrap(&*self.cached(key)?, &metadata, binding)
    }

    /// The KEK that a `key_metadata` names. Not authenticated: it says what to
    /// [`prepare`](Self::prepare), and unwrapping tells whether it was true.
    ///
    /// # Errors
    /// [`Error::Altered`] when it is no key metadata of ours.
    pub fn kek_of(key_metadata: &[u8]) -> Result<(KeyId, u32)> {
        let metadata = KeyMetadata::parse(key_metadata)?;
        Ok((metadata.key, metadata.version))
    }

    /// Drops the keys whose time is over. Every other call does it too; a timer that calls this
    /// makes it true of an idle process.
    pub fn drop_stale(&self) {
        let now = self.clock.now();
        self.cache().retain(|_, cached| self.is_fresh(cached, now));
    }

    /// Drops all unwrapped keys.
    pub fn drop_all(&self) {
        self.cache().clear();
    }

    fn usable(&self, (key, version): Versioned, wanted: Use) -> Result<Arc<KekRecord>> {
        let record = self
            .record(key, version)
            .ok_or(Error::NoKey { key, version })?;
        let state = record.state;
        let (allowed, wanted) = match wanted {
            Use::Wrap => (state.wraps(), "wrap"),
            Use::Unwrap => (state.unwraps(), "unwrap"),
        };
        if allowed {
            Ok(record)
        } else {
            Err(Error::KeyState {
                key,
                version,
                state,
                wanted,
            })
        }
    }

    /// A KEK serves its own table and no other, whatever a file or caller says.
    fn check_scope(record: &KekRecord, binding: &DekBinding) -> Result<()> {
        if record.scope.table == binding.table {
            Ok(())
        } else {
            Err(Error::Altered { what: "data key" })
        }
    }

    fn cached(&self, (key, version): Versioned) -> Result<Arc<Secret>> {
        self.drop_stale();
        self.cache()
            .get(&(key, version))
            .map(|cached| Arc::clone(&cached.kek))
            .ok_or(Error::NotPrepared { key, version })
    }

    fn remember(&self, key: Versioned, kek: Secret) {
        // The state may have changed while the KMS was asked; `load` holds both locks in this order.
        let known = self.records.read().unwrap_or_else(PoisonError::into_inner);
        if known.get(&key).is_some_and(|record| record.state.unwraps()) {
            let cached = Cached {
                kek: Arc::new(kek),
                unwrapped: self.clock.now(),
            };
            self.cache().insert(key, cached);
        }
    }

    /// A clock that went backwards makes a key stale: too short a life is the safe side.
    fn is_fresh(&self, cached: &Cached, now: Timestamp) -> bool {
        let age = now.0.checked_sub(cached.unwrapped.0);
        age.and_then(|micros| u64::try_from(micros).ok())
            .is_some_and(|micros| Duration::from_micros(micros) <= self.ttl)
    }

    async fn unwrap(&self, record: &KekRecord) -> Result<Secret> {
        let recipient = record
            .recipients
            .iter()
            .find(|recipient| recipient.kms == self.kms.uri())
            .ok_or(Error::OtherKms { what: WHAT })?;
        let wrapped = STANDARD
            .decode(&recipient.wrapped)
            .map_err(|_| Error::Altered { what: WHAT })?;
        let context = self.context((record.id, record.version), record.scope);
        self.kms.unwrap(&wrapped, &context).await
    }

    fn context(&self, (key, version): Versioned, scope: KeyScope) -> WrapContext {
        WrapContext {
            lake: self.lake,
            key: Some(key),
            version,
            table: Some(scope.table),
            class: Some(scope.class),
        }
    }

    fn cache(&self) -> MutexGuard<'_, BTreeMap<Versioned, Cached>> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring")
            .field("lake", &self.lake)
            .finish_non_exhaustive()
    }
}

const WHAT: &str = "key-encrypting key";

#[cfg(test)]
mod tests;
