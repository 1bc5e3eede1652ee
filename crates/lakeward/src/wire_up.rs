//! Wires the rooms of a lake together. Only here are concrete backends named.
//!
//! ```text
//! init:  lock -> marker -> keystore -> lake keys -> ledger -> catalog -> folders -> lake.json
//! open:  lake.json -> keystore -> lake keys -> lock -> ledger -> catalog -> tables -> engine
//! ```
//!
//! What a reader would get wrong: `lake.json` is written last. With it there is a lake, without it
//! there is none, so a process that dies in [`init`] leaves either; what it leaves besides is cleared
//! by the next [`init`], and only if that init's own marker says that it was one.

mod init;
mod lock;
mod record;
mod unlock;

use std::{path::PathBuf, sync::Arc, time::Duration};

use lakeward_audit::Ledger;
use lakeward_catalog::Catalog;
use lakeward_domain::{Code, Hidden, SystemClock};
use lakeward_engine::{Engine, Parts, Settings};
use lakeward_keys::{Keyring, Kms, Quota};
use lakeward_lake::{LakeStore, Options, SealedSpill};
use url::Url;

pub(crate) use init::refuse_what_is_there;
pub use init::{InitDone, InitOptions, InitStep, init};
pub use lock::LakeLock;
pub use record::LakeRecord;
pub use unlock::{Unlocked, unlock};

use crate::{Error, Place, Result};

/// What a lake may use of the machine while it is open.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Memory for sorts, joins and aggregates before they spill.
    pub memory_bytes: usize,
    /// Sealed temporary files on the device at a time.
    pub spill_bytes: u64,
    /// Threads of one statement.
    pub threads: usize,
    /// How long a statement may run.
    pub statement_timeout: Duration,
    /// How long an unwrapped KEK stays in memory.
    pub key_ttl: Duration,
    /// How long to wait for another process to let go of the lake.
    pub lock_wait: Duration,
    /// How the tables' store is opened.
    pub store: Options,
}

impl Default for Limits {
    fn default() -> Self {
        let settings = Settings::default();
        Self {
            memory_bytes: settings.memory_bytes,
            spill_bytes: 64 << 30,
            threads: settings.threads,
            statement_timeout: settings.statement_timeout,
            key_ttl: Duration::from_secs(300),
            lock_wait: Duration::from_secs(1),
            store: Options::default(),
        }
    }
}

/// What [`open`] needs to know.
#[derive(Debug)]
pub struct OpenOptions {
    /// The lake's folder.
    pub lake: PathBuf,
    /// Its state folder; `LAKE.state` beside it if none is named.
    pub state: Option<PathBuf>,
    /// The keystore's passphrase.
    pub passphrase: Hidden<String>,
    /// What it may use.
    pub limits: Limits,
}

/// A lake that this process holds.
#[derive(Debug)]
pub struct OpenLake {
    /// Everybody's statements go through here.
    pub engine: Arc<Engine>,
    /// Its folders.
    pub place: Place,
    /// Its key service, for counting what was unwrapped.
    pub kms: Arc<dyn Kms>,
    /// Its temporary files, for counting what was spilled.
    pub spill: Arc<SealedSpill>,
    /// Its keys, and the record they came from.
    pub unlocked: Unlocked,
    // Dropped last: while an engine lives, nobody else may hold the lake.
    _lock: LakeLock,
}

/// Opens a lake and holds it.
///
/// # Errors
/// [`Code::LakeNotFound`], [`Code::LakeBusy`], [`Code::LakeVersion`], [`Code::WrongPassphrase`], the
/// tampered code of whichever part does not verify, and failures of the storage.
pub async fn open(options: OpenOptions) -> Result<OpenLake> {
    let place = Place::new(&options.lake, options.state.as_deref())?;
    let unlocked = unlock(&place, options.passphrase).await?;
    open_unlocked(unlocked, &options.limits).await
}

/// As [`open`], with keys that are at hand.
///
/// # Errors
/// As [`open`].
pub async fn open_unlocked(unlocked: Unlocked, limits: &Limits) -> Result<OpenLake> {
    let place = unlocked.place.clone();
    let lock = LakeLock::take(&place, limits.lock_wait).await?;
    if !place.lake().is_dir() {
        return Err(Error::new(
            Code::LakeNotFound,
            format!("the lake's folder {} is not there", place.lake().display()),
        ));
    }
    // Of an init that died at its very end. If it stayed, then with `lake.json` lost an init by
    // mistake would take this lake's keystore for its own leftover.
    crate::files::remove(&place.marker()).map_err(Error::io("remove the marker of init"))?;
    crate::files::make_folder(&place.temporary()).map_err(Error::io("make the folder tmp"))?;
    let lake = unlocked.record.lake;
    let ledger = unlocked.ledger()?;
    let catalog = catalog(&unlocked).await?;
    let keyring = Arc::new(Keyring::new(
        lake,
        Arc::clone(&unlocked.kms),
        Arc::new(SystemClock),
        limits.key_ttl,
    ));
    let url = Url::from_directory_path(place.lake())
        .map_err(|()| Error::new(Code::LakeNotFound, "the lake's path cannot be an address"))?;
    let store = LakeStore::open(
        &url,
        lake,
        Arc::clone(&keyring),
        Arc::clone(&unlocked.keys),
        limits.store.clone(),
    )?;
    let spill = Arc::new(SealedSpill::new(
        place.temporary(),
        Quota::new(limits.spill_bytes),
    ));
    let engine = Engine::open(Parts {
        lake_id: lake,
        catalog,
        lake: Arc::new(store),
        ledger: Arc::new(ledger),
        keyring,
        keys: Arc::clone(&unlocked.keys),
        clock: Arc::new(SystemClock),
        spill: Arc::clone(&spill),
        settings: Settings {
            threads: limits.threads.max(1),
            memory_bytes: limits.memory_bytes,
            statement_timeout: limits.statement_timeout,
        },
    })
    .await?;
    Ok(OpenLake {
        engine,
        place,
        kms: Arc::clone(&unlocked.kms),
        spill,
        unlocked,
        _lock: lock,
    })
}

async fn catalog(unlocked: &Unlocked) -> Result<Catalog> {
    let path = unlocked.place.catalog();
    let opened = Catalog::open(&path, unlocked.record.lake, unlocked.keys.as_ref()).await;
    opened.map_err(|error| match error {
        // There is a lake, since there is its record: a catalog that is gone was taken away.
        lakeward_catalog::Error::Missing => {
            Error::new(Code::CatalogTampered, "the catalog is missing")
        }
        other => other.into(),
    })
}

impl Unlocked {
    /// Opens the ledger; whoever does that holds the lake.
    ///
    /// # Errors
    /// What [`Ledger::open`] says.
    pub fn ledger(&self) -> Result<Ledger> {
        let (ledger, _) = Ledger::open(
            &self.place.ledger(),
            self.record.lake,
            self.keys.sealer(LEDGER),
            self.keys.signer(),
            Arc::new(SystemClock),
        )?;
        Ok(ledger)
    }
}

/// The purpose of the ledger's sealing key.
pub(crate) const LEDGER: &str = "ledger";

#[cfg(test)]
mod tests;
