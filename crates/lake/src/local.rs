//! A folder as an object store whose writes are durable when they return.
//!
//! `object_store`'s own local store renames a finished file into place and leaves it to the kernel
//! when it reaches the disk. A commit that was acknowledged must outlive a power cut, so here the
//! file and every folder above it, up to the lake's, are synchronised before a write returns.

#![expect(
    clippy::disallowed_methods,
    reason = "the guard sits above; what arrives here is sealed, or was looked into"
)]

use std::{
    collections::BTreeSet,
    fmt,
    ops::Range,
    path::{Path as OsPath, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{
    StreamExt, TryFutureExt, TryStreamExt,
    stream::{self, BoxStream},
};
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart,
    local::LocalFileSystem, path::Path,
};
use rustix::{
    fs::{AtFlags, Dir, Mode, OFlags, fsync, open, unlinkat},
    io::Errno,
};

/// A folder.
#[derive(Debug, Clone)]
pub(crate) struct LocalStore {
    inner: Arc<LocalFileSystem>,
    root: PathBuf,
}

impl LocalStore {
    /// The folder must be there.
    pub(crate) fn new(root: &OsPath) -> Result<Self> {
        Ok(Self {
            inner: Arc::new(LocalFileSystem::new_with_prefix(root)?),
            root: root.to_owned(),
        })
    }

    /// Where an object lies.
    pub(crate) fn os_path(&self, path: &Path) -> PathBuf {
        let mut full = self.root.clone();
        full.extend(path.parts().map(|part| part.as_ref().to_owned()));
        full
    }

    /// Deletes the parts of unfinished uploads in a folder, but for those of live objects. The
    /// local store names them `<object>#<number>` and hides them from its own listings.
    pub(crate) async fn delete_parts(&self, folder: &Path, live: BTreeSet<String>) -> Result<u64> {
        let folder = self.os_path(folder);
        let job = move || -> std::io::Result<u64> {
            let opened = open(
                &folder,
                OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
                Mode::empty(),
            );
            let folder = match opened {
                Err(Errno::NOENT) => return Ok(0),
                other => other?,
            };
            let mut deleted = 0;
            for entry in Dir::read_from(&folder)? {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy();
                let Some((object, number)) = name.rsplit_once('#') else {
                    continue;
                };
                let is_part = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
                if is_part && !live.contains(object) {
                    unlinkat(&folder, entry.file_name(), AtFlags::empty())?;
                    deleted += 1;
                }
            }
            Ok(deleted)
        };
        tokio::task::spawn_blocking(job)
            .await
            .map_err(|error| failed(Box::new(error)))?
            .map_err(|error| failed(Box::new(error)))
    }

    /// Deletes a folder with everything in it, what its listings hide included.
    pub(crate) async fn delete_folder(&self, folder: &Path) -> Result<()> {
        let (root, folder) = (self.root.clone(), self.os_path(folder));
        let job = move || -> std::io::Result<()> {
            match std::fs::remove_dir_all(folder) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            Ok(fsync(open(
                &root,
                OFlags::RDONLY | OFlags::CLOEXEC,
                Mode::empty(),
            )?)?)
        };
        tokio::task::spawn_blocking(job)
            .await
            .map_err(|error| failed(Box::new(error)))?
            .map_err(|error| failed(Box::new(error)))
    }

    async fn sync(&self, path: &Path) -> Result<()> {
        sync(self.root.clone(), self.os_path(path)).await
    }
}

fn failed(source: Box<dyn std::error::Error + Send + Sync>) -> object_store::Error {
    object_store::Error::Generic {
        store: "lakeward",
        source,
    }
}

/// Synchronises a file and the folders above it.
async fn sync(root: PathBuf, file: PathBuf) -> Result<()> {
    let job = move || -> std::io::Result<()> {
        let mut next = Some(file.as_path());
        while let Some(path) = next {
            fsync(open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?)?;
            next = (path != root).then(|| path.parent()).flatten();
        }
        Ok(())
    };
    tokio::task::spawn_blocking(job)
        .await
        .map_err(|error| failed(Box::new(error)))?
        .map_err(|error| failed(Box::new(error)))
}

impl fmt::Display for LocalStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("local")
    }
}

#[async_trait]
impl ObjectStore for LocalStore {
    async fn put_opts(
        &self,
        path: &Path,
        data: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let done = self.inner.put_opts(path, data, options).await?;
        self.sync(path).await?;
        Ok(done)
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Ok(Box::new(LocalUpload {
            inner: self.inner.put_multipart_opts(path, options).await?,
            root: self.root.clone(),
            file: self.os_path(path),
        }))
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(path, options).await
    }

    async fn get_ranges(&self, path: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(path, ranges).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(paths)
    }

    /// In the order of paths, as object stores on the network list and the kernel expects.
    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let found = self.inner.list(prefix);
        let sorted = async move {
            let mut found: Vec<ObjectMeta> = found.try_collect().await?;
            found.sort_unstable_by(|a, b| a.location.cmp(&b.location));
            Ok::<_, object_store::Error>(stream::iter(found.into_iter().map(Ok)))
        };
        sorted.try_flatten_stream().boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await?;
        self.sync(to).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.inner.rename_opts(from, to, options).await?;
        self.sync(to).await
    }
}

#[derive(Debug)]
struct LocalUpload {
    inner: Box<dyn MultipartUpload>,
    root: PathBuf,
    file: PathBuf,
}

#[async_trait]
impl MultipartUpload for LocalUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.inner.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let done = self.inner.complete().await?;
        sync(self.root.clone(), self.file.clone()).await?;
        Ok(done)
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}
