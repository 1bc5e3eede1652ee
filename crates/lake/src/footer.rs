//! Keys of data files, and their footers.
//!
//! A footer is decoded twice. The first pass has the footer's key only and yields, per leaf column,
//! the wrapped data key; then the data keys of the allowed columns are unwrapped; the second pass
//! decodes the metadata of just these. Parquet's own key retriever would be asked for every column
//! again for each row group and page, and a cached footer would go on asking on behalf of the query
//! that filled the cache.
//!
//! What a reader would get wrong: once any column has a key, Parquet writes a column *without* one
//! in the clear, and bloom filters always. [`check`] is why that cannot happen to a committed file,
//! and it is run again on everything that is read.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use lakeward_domain::{ColumnId, FileId, KeyId, LakeId, Table, TableId};
use lakeward_keys::{DekBinding, Keyring};
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::{
    encryption::{
        decrypt::{FileDecryptionProperties, KeyRetriever},
        encrypt::FileEncryptionProperties,
    },
    errors::ParquetError,
    file::{
        column_crypto_metadata::ColumnCryptoMetaData,
        metadata::{ParquetMetaData, ParquetMetaDataReader},
    },
    schema::types::SchemaDescriptor,
};

use crate::{Error, KeyAccess, Result, guard::data_path};

/// The top-level column of a leaf.
fn top_level(path: &[String]) -> Option<ColumnId> {
    path.first()?.parse().ok()
}

/// Which file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FileRef {
    pub(crate) lake: LakeId,
    pub(crate) table: TableId,
    pub(crate) file: FileId,
    pub(crate) size: u64,
}

impl FileRef {
    /// What the file's pages and footer are bound to, besides their place in the file. Derived and
    /// supplied at every read; the copy in the file is for other readers and not looked at.
    fn aad_prefix(&self) -> Vec<u8> {
        [
            b"lakeward\x01".as_slice(),
            self.lake.as_bytes(),
            self.table.as_bytes(),
            self.file.as_bytes(),
        ]
        .concat()
    }

    fn binding(&self, column: Option<ColumnId>) -> DekBinding {
        DekBinding {
            lake: self.lake,
            table: self.table,
            file: self.file,
            column,
        }
    }

    pub(crate) fn tampered(&self) -> Error {
        Error::DataTampered {
            table: self.table,
            file: self.file,
        }
    }
}

/// The KEK of the footer: that of the least sensitive class that the table has a key for, so that
/// whoever reads nothing sensitive needs no sensitive key.
fn footer_kek(table: &Table) -> Result<(KeyId, u32)> {
    let first = table.keys.first_key_value();
    first.map(|(_, kek)| *kek).ok_or(Error::NoTableKey {
        table: table.id,
        class: lakeward_domain::Class::Open,
    })
}

/// Has the KMS unwrap what a new file of the table needs.
pub(crate) async fn prepare_write(keyring: &Keyring, table: &Table) -> Result<()> {
    let mut keks = vec![footer_kek(table)?];
    for column in &table.columns {
        keks.push(kek(table, column.id)?);
    }
    Ok(keyring.prepare(&keks).await?)
}

fn kek(table: &Table, column: ColumnId) -> Result<(KeyId, u32)> {
    let column = table
        .column_by_id(column)
        .ok_or(Error::Columns { table: table.id })?;
    let class = table.class(column);
    table.keys.get(&class).copied().ok_or(Error::NoTableKey {
        table: table.id,
        class,
    })
}

/// Fresh keys for one new file: its footer and *every* leaf column of its schema.
pub(crate) fn encryption(
    keyring: &Keyring,
    table: &Table,
    file: &FileRef,
    schema: &SchemaDescriptor,
) -> Result<Arc<FileEncryptionProperties>> {
    let (footer, metadata) = keyring.new_dek(footer_kek(table)?, &file.binding(None))?;
    let mut builder = FileEncryptionProperties::builder(footer.reveal().to_vec())
        .with_footer_key_metadata(metadata)
        .with_aad_prefix(file.aad_prefix())
        .with_aad_prefix_storage(true);
    for leaf in schema.columns() {
        let column = top_level(leaf.path().parts()).ok_or(Error::Columns { table: table.id })?;
        let (dek, metadata) = keyring.new_dek(kek(table, column)?, &file.binding(Some(column)))?;
        builder = builder.with_column_key_and_metadata(
            &leaf.path().string(),
            dek.reveal().to_vec(),
            metadata,
        );
    }
    builder
        .build()
        .map_err(|error| Error::library(&error, "make the keys of a file"))
}

/// The wrapped keys of a file's leaf columns, by leaf path.
type Wrapped = BTreeMap<String, (ColumnId, Vec<u8>)>;

/// Looks into a footer: every column chunk must have a key of its own column, and none a bloom
/// filter.
fn check(metadata: &ParquetMetaData) -> Result<Wrapped> {
    let mut wrapped = Wrapped::new();
    for group in metadata.row_groups() {
        for chunk in group.columns() {
            let Some(ColumnCryptoMetaData::ENCRYPTION_WITH_COLUMN_KEY(key)) =
                chunk.crypto_metadata()
            else {
                return Err(Error::Plaintext {
                    what: "a column without a key of its own",
                });
            };
            let described = chunk.column_descr().path().parts();
            let column = top_level(&key.path_in_schema);
            let (Some(column), Some(metadata)) = (column, &key.key_metadata) else {
                return Err(Error::Plaintext {
                    what: "a column without key metadata",
                });
            };
            if key.path_in_schema != described {
                return Err(Error::Plaintext {
                    what: "a column under the key of another",
                });
            }
            if chunk.bloom_filter_offset().is_some() {
                return Err(Error::Plaintext {
                    what: "a bloom filter, which Parquet does not encrypt",
                });
            }
            let path = key.path_in_schema.join(".");
            let known = wrapped
                .entry(path)
                .or_insert_with(|| (column, metadata.clone()));
            if known.1 != *metadata {
                return Err(Error::Plaintext {
                    what: "a column with several keys",
                });
            }
        }
    }
    Ok(wrapped)
}

/// Bytes that are fetched from a file's end at first.
const TAIL: u64 = 64 * 1024;

/// A decoded footer and what it took to decode it.
#[derive(Debug)]
pub(crate) struct Footer {
    pub(crate) metadata: Arc<ParquetMetaData>,
    /// Data keys in it, per column.
    pub(crate) keys: BTreeMap<ColumnId, u64>,
    /// KEKs that wrapped them and the footer's.
    pub(crate) keks: BTreeSet<(KeyId, u32)>,
}

/// The retriever of the first pass: answers for the footer's key, and for no column.
struct FooterRetriever {
    key: Mutex<Option<Vec<u8>>>,
    /// The footer's own key metadata, seen at the first question.
    seen: Mutex<Option<Vec<u8>>>,
}

impl KeyRetriever for FooterRetriever {
    fn retrieve_key(&self, key_metadata: &[u8]) -> parquet::errors::Result<Vec<u8>> {
        // Parquet asks for the footer's key first, and cannot go on without it.
        lock(&self.seen).get_or_insert_with(|| key_metadata.to_vec());
        let key = lock(&self.key).take();
        key.ok_or_else(|| ParquetError::General(String::from("key not released")))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The first pass; also answers the footer's key metadata, if it got so far.
fn decode_first(tail: &Bytes, file: &FileRef, key: Option<Vec<u8>>) -> (Decoded, Option<Vec<u8>>) {
    let retriever = Arc::new(FooterRetriever {
        key: Mutex::new(key),
        seen: Mutex::default(),
    });
    let properties = FileDecryptionProperties::with_key_retriever(Arc::clone(&retriever) as _)
        .with_aad_prefix(file.aad_prefix())
        .build();
    let decoded = properties.map_or(Decoded::Bad, |properties| decode(tail, file, &properties));
    (decoded, lock(&retriever.seen).take())
}

enum Decoded {
    Done(ParquetMetaData),
    /// The tail must be at least this long.
    More(u64),
    Bad,
}

fn decode(tail: &Bytes, file: &FileRef, properties: &Arc<FileDecryptionProperties>) -> Decoded {
    let mut reader =
        ParquetMetaDataReader::new().with_decryption_properties(Some(Arc::clone(properties)));
    match reader.try_parse_sized(tail, file.size) {
        Ok(()) => reader.finish().map_or(Decoded::Bad, Decoded::Done),
        Err(ParquetError::NeedMoreData(length)) => Decoded::More(length as u64),
        Err(_) => Decoded::Bad,
    }
}

/// Reads and decodes a footer with the keys of the allowed columns.
pub(crate) async fn read(
    store: &dyn ObjectStore,
    keyring: &Keyring,
    file: &FileRef,
    access: &KeyAccess,
) -> Result<Footer> {
    let mut tail = fetch(store, file, TAIL).await?;
    // Without a key first: that fetches what is missing of the tail and shows the key metadata.
    let metadata = loop {
        match decode_first(&tail, file, None) {
            (_, Some(metadata)) => break metadata,
            (Decoded::More(length), None) if length > tail.len() as u64 => {
                tail = fetch(store, file, length).await?;
            }
            _ => return Err(file.tampered()),
        }
    };
    let mut keks = BTreeSet::from([kek_of(&metadata, file)?]);
    let key = unwrap(keyring, file, &[(None, &metadata)]).await?;
    let key = key.into_iter().next().ok_or_else(|| file.tampered())?;
    let (Decoded::Done(first), _) = decode_first(&tail, file, Some(key.clone())) else {
        return Err(file.tampered());
    };
    // What is not as this crate writes it was not written by this crate.
    let wrapped = check(&first).map_err(|_| file.tampered())?;

    let mut released = BTreeMap::<ColumnId, u64>::new();
    let allowed: Vec<_> = wrapped
        .iter()
        .filter(|(_, (column, _))| access.allows(*column))
        .collect();
    let wanted: Vec<_> = allowed
        .iter()
        .map(|(_, (column, metadata))| (Some(*column), metadata.as_slice()))
        .collect();
    let keys = unwrap(keyring, file, &wanted).await?;
    let mut builder = FileDecryptionProperties::builder(key).with_aad_prefix(file.aad_prefix());
    for ((path, (column, metadata)), dek) in allowed.into_iter().zip(keys) {
        keks.insert(kek_of(metadata, file)?);
        builder = builder.with_column_key(path, dek);
        *released.entry(*column).or_default() += 1;
    }
    let properties = builder
        .build()
        .map_err(|error| Error::library(&error, "use the keys of a file"))?;
    let Decoded::Done(second) = decode(&tail, file, &properties) else {
        return Err(file.tampered());
    };
    check(&second).map_err(|_| file.tampered())?;
    Ok(Footer {
        metadata: Arc::new(second),
        keys: released,
        keks,
    })
}

async fn fetch(store: &dyn ObjectStore, file: &FileRef, length: u64) -> Result<Bytes> {
    let start = file.size.saturating_sub(length);
    store
        .get_range(&data_path(file.table, file.file), start..file.size)
        .await
        .map_err(|error| missing(&error, file))
}

/// A file that is gone or shorter than the log says was tampered with; anything else is the store.
pub(crate) fn missing(error: &object_store::Error, file: &FileRef) -> Error {
    match error {
        object_store::Error::NotFound { .. } => file.tampered(),
        other if is_short(other) => file.tampered(),
        other => Error::below(other, "read a data file"),
    }
}

fn is_short(error: &object_store::Error) -> bool {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(here) = next {
        if here
            .downcast_ref::<std::io::Error>()
            .is_some_and(|io| io.kind() == std::io::ErrorKind::UnexpectedEof)
        {
            return true;
        }
        next = here.source();
    }
    // The local store has a private error of its own for it.
    let text = error.to_string();
    text.contains("Out of range") || text.contains("Requested range")
}

fn kek_of(metadata: &[u8], file: &FileRef) -> Result<(KeyId, u32)> {
    Keyring::kek_of(metadata).map_err(|_| file.tampered())
}

/// Unwraps data keys, asking the KMS only for KEKs that are not at hand.
async fn unwrap(
    keyring: &Keyring,
    file: &FileRef,
    wanted: &[(Option<ColumnId>, &[u8])],
) -> Result<Vec<Vec<u8>>> {
    let open = |wanted: &[(Option<ColumnId>, &[u8])]| {
        wanted
            .iter()
            .map(|(column, metadata)| {
                let dek = keyring.unwrap_dek(metadata, &file.binding(*column))?;
                Ok(dek.reveal().to_vec())
            })
            .collect::<Result<Vec<_>, lakeward_keys::Error>>()
    };
    let keys = match open(wanted) {
        Err(lakeward_keys::Error::NotPrepared { .. }) => {
            let keks = wanted
                .iter()
                .map(|(_, metadata)| kek_of(metadata, file))
                .collect::<Result<BTreeSet<_>>>()?;
            keyring
                .prepare(&keks.into_iter().collect::<Vec<_>>())
                .await?;
            open(wanted)
        }
        other => other,
    };
    keys.map_err(|error| match error {
        lakeward_keys::Error::Altered { .. } => file.tampered(),
        other => other.into(),
    })
}

/// Decoded footers, by file and the columns whose keys are in them.
///
/// A footer holds data keys, so entries die after a time, and all of them with
/// [`FooterCache::clear`].
pub(crate) struct FooterCache {
    ttl: Duration,
    budget_bytes: usize,
    entries: Mutex<Entries>,
    hits: AtomicU64,
}

type CacheKey = (FileId, BTreeSet<ColumnId>);

#[derive(Default)]
struct Entries {
    by_key: HashMap<CacheKey, (Instant, Arc<Footer>)>,
    oldest: VecDeque<CacheKey>,
    bytes: usize,
}

impl Entries {
    fn remove(&mut self, key: &CacheKey) {
        if let Some((_, footer)) = self.by_key.remove(key) {
            self.bytes = self.bytes.saturating_sub(footer.metadata.memory_size());
        }
    }

    fn drop_oldest(&mut self) -> bool {
        match self.oldest.pop_front() {
            Some(key) => {
                self.remove(&key);
                true
            }
            None => false,
        }
    }
}

impl fmt::Debug for FooterCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FooterCache")
            .field("ttl", &self.ttl)
            .finish_non_exhaustive()
    }
}

impl FooterCache {
    pub(crate) fn new(ttl: Duration, budget_bytes: usize) -> Self {
        Self {
            ttl,
            budget_bytes,
            entries: Mutex::default(),
            hits: AtomicU64::new(0),
        }
    }

    /// The footer with the allowed columns' keys; counts them as released either way.
    pub(crate) async fn get(
        &self,
        store: &dyn ObjectStore,
        keyring: &Keyring,
        file: &FileRef,
        access: &KeyAccess,
    ) -> Result<Arc<Footer>> {
        let key = (file.file, access.allowed().clone());
        let footer = match self.cached(&key) {
            Some(footer) => footer,
            None => {
                let footer = Arc::new(read(store, keyring, file, access).await?);
                self.put(key, Arc::clone(&footer));
                footer
            }
        };
        access.count(&footer.keys, &footer.keks);
        Ok(footer)
    }

    fn cached(&self, key: &CacheKey) -> Option<Arc<Footer>> {
        let mut entries = lock(&self.entries);
        let (made, footer) = entries.by_key.get(key)?;
        if made.elapsed() < self.ttl {
            self.hits.fetch_add(1, Ordering::Relaxed);
            return Some(Arc::clone(footer));
        }
        entries.remove(key);
        entries.oldest.retain(|old| old != key);
        None
    }

    fn put(&self, key: CacheKey, footer: Arc<Footer>) {
        let mut entries = lock(&self.entries);
        if entries.by_key.contains_key(&key) {
            return;
        }
        entries.bytes += footer.metadata.memory_size();
        entries.by_key.insert(key.clone(), (Instant::now(), footer));
        entries.oldest.push_back(key);
        while entries.bytes > self.budget_bytes && entries.drop_oldest() {}
    }

    /// Forgets everything, keys included.
    pub(crate) fn clear(&self) {
        *lock(&self.entries) = Entries::default();
    }

    /// Footers that did not have to be read.
    pub(crate) fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests;
