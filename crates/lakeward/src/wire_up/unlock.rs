//! From a passphrase to the keys of a lake, before anything of the lake is opened or locked.

use std::{fmt, path::PathBuf, sync::Arc};

use lakeward_domain::{Code, Hidden};
use lakeward_keys::{Kms, KmsUri, LakeKeys, LocalKms};

use super::record::{self, LakeRecord};
use crate::{Error, Place, Result};

/// A lake's keys.
#[derive(Clone)]
pub struct Unlocked {
    /// Its folders.
    pub place: Place,
    /// What `lake.json` says, authenticated.
    pub record: LakeRecord,
    /// Its key service.
    pub kms: Arc<dyn Kms>,
    /// The keys below the lake's root.
    pub keys: Arc<LakeKeys>,
}

impl fmt::Debug for Unlocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unlocked")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

/// Opens the key service and the lake's keys, and checks that `lake.json` is theirs.
///
/// # Errors
/// [`Code::LakeNotFound`], [`Code::WrongPassphrase`], [`Code::KeystoreTampered`],
/// [`Code::LakeTampered`], [`Code::LakeVersion`] and failures to read.
pub async fn unlock(place: &Place, passphrase: Hidden<String>) -> Result<Unlocked> {
    let unchecked = record::read(place)?;
    let kms = open_kms(place, &unchecked.record.kms, passphrase).await?;
    let lake = unchecked.record.lake;
    let keys = LakeKeys::open(kms.as_ref(), &unchecked.record.root_key, lake).await;
    let keys = keys.map_err(|error| match error {
        lakeward_keys::Error::Altered { .. } => {
            record::tampered("holds a root key that the key service did not wrap")
        }
        other => other.into(),
    })?;
    let record = unchecked.check(&keys)?;
    Ok(Unlocked {
        place: place.clone(),
        record,
        kms,
        keys: Arc::new(keys),
    })
}

async fn open_kms(place: &Place, uri: &str, passphrase: Hidden<String>) -> Result<Arc<dyn Kms>> {
    let path = keystore_path(place, uri)?;
    blocking(move || LocalKms::open(&path, &passphrase)).await
}

/// The keystore of a `local:` service; a relative path is relative to the state folder.
pub(crate) fn keystore_path(place: &Place, uri: &str) -> Result<PathBuf> {
    match uri.parse::<KmsUri>()? {
        KmsUri::Local(path) => Ok(place.state().join(path)),
        _ => Err(Error::new(
            Code::KmsUnavailable,
            "this key service is not in this build",
        )),
    }
}

/// Argon2id takes its time and memory on purpose, so not on a thread that others wait for.
pub(super) async fn blocking(
    open: impl FnOnce() -> lakeward_keys::Result<LocalKms> + Send + 'static,
) -> Result<Arc<dyn Kms>> {
    let kms = tokio::task::spawn_blocking(open).await.map_err(|_| {
        Error::new(
            Code::Internal,
            "opening the keystore did not come to an end",
        )
    })??;
    Ok(Arc::new(kms))
}
