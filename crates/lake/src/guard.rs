//! The object store that every byte of a lake goes through, and that fails closed.
//!
//! * Everything under a table's `_delta_log/` and `_unpublished/` is sealed whole: commits and
//!   checkpoints hold partition values and statistics. Listings give the plaintext's exact size.
//! * Anything else must be a data file of a table, `<table>/<file>.parquet`, and be Parquet with an
//!   encrypted footer from its first byte to its last.
//!
//! What a reader would get wrong: the magic bytes say nothing about *columns*. A Parquet file with
//! an encrypted footer may still hold plaintext columns; [`crate::footer`] looks into each written
//! file's footer for that, and only what passed there can be committed.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    ops::Range,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream::BoxStream};
use lakeward_domain::{FileId, TableId};
use lakeward_keys::{LakeKeys, ObjectSealer};
use object_store::{
    CopyMode, CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, Result, UploadPart, path::Path,
};

use crate::Error;

/// A table's log folder.
pub(crate) const LOG: &str = "_delta_log";
/// Where recovery puts commits that were never published.
pub(crate) const UNPUBLISHED: &str = "_unpublished";
/// First and last bytes of Parquet with an encrypted footer.
const MAGIC: &[u8; 4] = b"PARE";
/// Magic, length of the footer, magic.
const SHORTEST: usize = 12;

/// What an object is, by its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sealed(TableId),
    Data,
    Other,
}

impl Kind {
    fn of(path: &Path) -> Self {
        let mut parts = path.parts();
        let Some(table) = parts
            .next()
            .and_then(|part| part.as_ref().parse::<TableId>().ok())
        else {
            return Self::Other;
        };
        let second = parts.next();
        match (second.as_ref().map(AsRef::as_ref), parts.next()) {
            (Some(LOG | UNPUBLISHED), Some(_)) => Self::Sealed(table),
            (Some(file), None) if file_id(file).is_some() => Self::Data,
            _ => Self::Other,
        }
    }
}

/// The id in a data file's name.
pub(crate) fn file_id(name: &str) -> Option<FileId> {
    name.strip_suffix(".parquet")?.parse().ok()
}

/// The path of a data file, from the lake's root.
pub(crate) fn data_path(table: TableId, file: FileId) -> Path {
    Path::from_iter([table.to_string(), format!("{file}.parquet")])
}

/// The path of a commit, from the lake's root.
pub(crate) fn commit_path(table: TableId, version: u64) -> Path {
    Path::from_iter([
        table.to_string(),
        LOG.to_owned(),
        format!("{version:020}.json"),
    ])
}

/// SHA-256 in hex.
pub(crate) fn digest(bytes: &[u8]) -> String {
    use fmt::Write as _;
    let hash = ring::digest::digest(&ring::digest::SHA256, bytes);
    hash.as_ref().iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The guarded store. Cheap to clone.
#[derive(Clone)]
pub struct GuardStore {
    inner: Arc<dyn ObjectStore>,
    keys: Arc<LakeKeys>,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    sealers: Mutex<HashMap<TableId, Arc<ObjectSealer>>>,
    /// Digests of commits that this process wrote, until the writer takes them.
    digests: Mutex<HashMap<Path, String>>,
    /// Tables of which a sealed object did not open.
    faults: Mutex<HashSet<TableId>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Each holder leaves the map consistent at every step, so a panic elsewhere spoils nothing.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for GuardStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GuardStore")
    }
}

impl fmt::Display for GuardStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("guarded store")
    }
}

impl GuardStore {
    /// Guards a store that is rooted at the lake.
    pub fn new(inner: Arc<dyn ObjectStore>, keys: Arc<LakeKeys>) -> Self {
        Self {
            inner,
            keys,
            shared: Arc::default(),
        }
    }

    fn sealer(&self, table: TableId) -> Arc<ObjectSealer> {
        Arc::clone(
            lock(&self.shared.sealers)
                .entry(table)
                .or_insert_with(|| Arc::new(self.keys.log_key(table))),
        )
    }

    fn seal(&self, table: TableId, path: &Path, plain: &[u8]) -> Result<Vec<u8>> {
        let sealed = self
            .sealer(table)
            .seal(path.as_ref(), plain)
            .map_err(Error::from)?;
        if path.extension() == Some("json") {
            let mut digests = lock(&self.shared.digests);
            // Digests that nobody took are those of failed commits.
            if digests.len() >= 4_096 {
                digests.clear();
            }
            digests.insert(path.clone(), digest(&sealed));
        }
        Ok(sealed)
    }

    fn open(&self, table: TableId, path: &Path, sealed: &[u8]) -> Result<Bytes> {
        match self.sealer(table).open(path.as_ref(), sealed) {
            Ok(plain) => Ok(Bytes::from(plain)),
            Err(_) => {
                lock(&self.shared.faults).insert(table);
                Err(Error::Tampered {
                    what: "an object of the table's log",
                }
                .into())
            }
        }
    }

    /// The digest of a commit that this process wrote at this path.
    pub(crate) fn take_digest(&self, path: &Path) -> Option<String> {
        lock(&self.shared.digests).remove(path)
    }

    /// Whether a sealed object of the table did not open since this was last asked.
    pub(crate) fn take_fault(&self, table: TableId) -> bool {
        lock(&self.shared.faults).remove(&table)
    }

    /// The sealed bytes as they lie on the store.
    pub(crate) async fn raw(&self, path: &Path) -> Result<Bytes> {
        self.inner.get(path).await?.bytes().await
    }

    /// Opens sealed bytes that [`GuardStore::raw`] gave.
    pub(crate) fn open_raw(&self, table: TableId, path: &Path, sealed: &[u8]) -> Result<Bytes> {
        self.open(table, path, sealed)
    }

    fn plain_meta(meta: ObjectMeta) -> ObjectMeta {
        match Kind::of(&meta.location) {
            Kind::Sealed(_) => ObjectMeta {
                // A size that no sealing gives is an altered object; reading it will say so.
                size: lakeward_keys::stream::plain_len(meta.size).unwrap_or(meta.size),
                ..meta
            },
            _ => meta,
        }
    }

    async fn get_sealed(
        &self,
        table: TableId,
        path: &Path,
        mut options: GetOptions,
    ) -> Result<GetResult> {
        let range = options.range.take();
        let head = options.head;
        let found = self.inner.get_opts(path, options).await?;
        let meta = Self::plain_meta(found.meta.clone());
        let attributes = found.attributes.clone();
        if head {
            return Ok(GetResult {
                range: 0..meta.size,
                meta,
                attributes,
                payload: GetResultPayload::Stream(futures::stream::empty().boxed()),
            });
        }
        let sealed = found.bytes().await?;
        let plain = self.open(table, path, &sealed)?;
        let length = plain.len() as u64;
        let range = match range {
            Some(wanted) => {
                wanted
                    .as_range(length)
                    .map_err(|source| object_store::Error::Generic {
                        store: "lakeward",
                        source: Box::new(source),
                    })?
            }
            None => 0..length,
        };
        let slice = plain.slice(index(range.start)?..index(range.end)?);
        Ok(GetResult {
            range,
            meta,
            attributes,
            payload: GetResultPayload::Stream(
                futures::stream::once(async move { Ok(slice) }).boxed(),
            ),
        })
    }
}

fn index(offset: u64) -> Result<usize> {
    usize::try_from(offset).map_err(|_| {
        Error::Misuse {
            what: "a range does not fit into memory",
        }
        .into()
    })
}

fn refuse(what: &'static str) -> object_store::Error {
    Error::Plaintext { what }.into()
}

const NOT_PARQUET: &str = "a data file that is not Parquet with an encrypted footer";
const NO_PLACE: &str = "an object outside the places that a table has";

#[async_trait]
impl ObjectStore for GuardStore {
    async fn put_opts(
        &self,
        path: &Path,
        data: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        match Kind::of(path) {
            Kind::Sealed(table) => {
                let sealed = self.seal(table, path, &Bytes::from(data))?;
                self.inner.put_opts(path, sealed.into(), options).await
            }
            Kind::Data => {
                let data = Bytes::from(data);
                if !data.starts_with(MAGIC) || !data.ends_with(MAGIC) || data.len() < SHORTEST {
                    return Err(refuse(NOT_PARQUET));
                }
                self.inner.put_opts(path, data.into(), options).await
            }
            Kind::Other => Err(refuse(NO_PLACE)),
        }
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let kind = Kind::of(path);
        if kind == Kind::Other {
            return Err(refuse(NO_PLACE));
        }
        let inner = self.inner.put_multipart_opts(path, options).await?;
        Ok(match kind {
            Kind::Sealed(table) => Box::new(SealedUpload {
                inner,
                guard: self.clone(),
                table,
                path: path.clone(),
                plain: Vec::new(),
            }),
            _ => Box::new(DataUpload {
                inner,
                head: Vec::new(),
                tail: Vec::new(),
                length: 0,
            }),
        })
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        match Kind::of(path) {
            Kind::Sealed(table) => self.get_sealed(table, path, options).await,
            Kind::Data | Kind::Other => self.inner.get_opts(path, options).await,
        }
    }

    async fn get_ranges(&self, path: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        match Kind::of(path) {
            Kind::Sealed(_) => {
                let plain = self.get(path).await?.bytes().await?;
                ranges
                    .iter()
                    .map(|range| {
                        let (start, end) = (index(range.start)?, index(range.end)?);
                        if start > end || end > plain.len() {
                            return Err(Error::Misuse {
                                what: "a range lies outside its object",
                            }
                            .into());
                        }
                        Ok(plain.slice(start..end))
                    })
                    .collect()
            }
            Kind::Data | Kind::Other => self.inner.get_ranges(path, ranges).await,
        }
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let found = self.inner.list(prefix);
        found.map(|meta| meta.map(Self::plain_meta)).boxed()
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let found = self.inner.list_with_offset(prefix, offset);
        found.map(|meta| meta.map(Self::plain_meta)).boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let mut found = self.inner.list_with_delimiter(prefix).await?;
        found.objects = found.objects.into_iter().map(Self::plain_meta).collect();
        Ok(found)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        // A data file's pages are bound to its id and a sealed object to its path: a copy of the
        // bytes would open nowhere. Log objects are sealed anew, data files are written anew.
        match (Kind::of(from), Kind::of(to)) {
            (Kind::Sealed(_), Kind::Sealed(_)) => {
                let plain = self.get(from).await?.bytes().await?;
                let mode = match options.mode {
                    CopyMode::Create => PutMode::Create,
                    CopyMode::Overwrite => PutMode::Overwrite,
                };
                self.put_opts(to, plain.into(), mode.into()).await?;
                Ok(())
            }
            _ => Err(refuse("a copy of a data file")),
        }
    }
}

/// Collects a log object and seals it whole.
struct SealedUpload {
    inner: Box<dyn MultipartUpload>,
    guard: GuardStore,
    table: TableId,
    path: Path,
    plain: Vec<u8>,
}

impl fmt::Debug for SealedUpload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedUpload")
    }
}

#[async_trait]
impl MultipartUpload for SealedUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        for chunk in &data {
            self.plain.extend_from_slice(chunk);
        }
        Box::pin(async { Ok(()) })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let plain = std::mem::take(&mut self.plain);
        let sealed = self.guard.seal(self.table, &self.path, &plain)?;
        self.inner.put_part(sealed.into()).await?;
        self.inner.complete().await
    }

    async fn abort(&mut self) -> Result<()> {
        self.plain.clear();
        self.inner.abort().await
    }
}

/// Lets a data file through as long as its ends are those of encrypted Parquet.
#[derive(Debug)]
struct DataUpload {
    inner: Box<dyn MultipartUpload>,
    head: Vec<u8>,
    tail: Vec<u8>,
    length: usize,
}

#[async_trait]
impl MultipartUpload for DataUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        for chunk in &data {
            self.length += chunk.len();
            let missing = MAGIC.len().saturating_sub(self.head.len());
            self.head.extend(chunk.iter().take(missing));
            let keep = chunk.len().min(MAGIC.len());
            self.tail.extend_from_slice(&chunk[chunk.len() - keep..]);
            let surplus = self.tail.len().saturating_sub(MAGIC.len());
            self.tail.drain(..surplus);
        }
        // Parts go out before the file is whole, so the first one decides.
        if MAGIC.starts_with(&self.head) {
            self.inner.put_part(data)
        } else {
            Box::pin(async { Err(refuse(NOT_PARQUET)) })
        }
    }

    async fn complete(&mut self) -> Result<PutResult> {
        if self.head != MAGIC || self.tail != MAGIC || self.length < SHORTEST {
            self.inner.abort().await?;
            return Err(refuse(NOT_PARQUET));
        }
        self.inner.complete().await
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_told_apart_by_their_path() {
        let (table, file) = (TableId::random(), FileId::random());
        let cases = [
            (commit_path(table, 7), Kind::Sealed(table)),
            (
                Path::from(format!("{table}/{UNPUBLISHED}/x.json")),
                Kind::Sealed(table),
            ),
            (data_path(table, file), Kind::Data),
            (Path::from(format!("{table}/x.parquet")), Kind::Other),
            (Path::from(format!("{table}/{LOG}")), Kind::Other),
            (Path::from("notes.txt"), Kind::Other),
            (
                Path::from(format!("other/{table}/{file}.parquet")),
                Kind::Other,
            ),
        ];
        for (path, kind) in cases {
            assert_eq!(Kind::of(&path), kind, "{path}");
        }
    }
}
