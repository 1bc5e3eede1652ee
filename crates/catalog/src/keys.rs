//! The keys that the catalog needs, and no others.

use std::{fmt, sync::Arc};

use lakeward_domain::Sealer;
use lakeward_keys::LakeKeys;

/// A keyed one-way function of (kind, name).
pub type NameKey = Arc<dyn Fn(&str, &str) -> [u8; 32] + Send + Sync>;

/// What seals rows and hides names.
#[derive(Clone)]
pub struct CatalogKeys {
    /// Seals payloads.
    pub sealer: Arc<dyn Sealer>,
    /// Hides names, and gives the key of the row MACs. Must not be callable by requesters.
    pub name_key: NameKey,
}

impl fmt::Debug for CatalogKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CatalogKeys")
    }
}

impl From<&LakeKeys> for CatalogKeys {
    fn from(keys: &LakeKeys) -> Self {
        let named = keys.clone();
        Self {
            sealer: keys.sealer("catalog"),
            name_key: Arc::new(move |kind, name| named.name_key(kind, name)),
        }
    }
}
