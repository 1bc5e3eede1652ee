//! A device that fills up.

use std::{
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use arrow::array::{ArrayRef, Int64Array};
use async_trait::async_trait;
use futures::stream::BoxStream;
use lakeward_domain::{Class, Code, LogicalType as T};
use lakeward_lake::{LakeStore, TableChange};
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result, UploadPart, memory::InMemory,
    path::Path,
};

use crate::house::{House, batch, note, small};

/// Memory with so many bytes left.
#[derive(Debug, Clone)]
struct Small {
    inner: Arc<InMemory>,
    left: Arc<AtomicI64>,
}

impl fmt::Display for Small {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("small")
    }
}

impl Small {
    fn take(&self, bytes: usize) -> Result<()> {
        let bytes = i64::try_from(bytes).unwrap();
        if self.left.fetch_sub(bytes, Ordering::SeqCst) >= bytes {
            return Ok(());
        }
        Err(object_store::Error::Generic {
            store: "small",
            source: Box::new(io::Error::from(io::ErrorKind::StorageFull)),
        })
    }
}

#[async_trait]
impl ObjectStore for Small {
    async fn put_opts(&self, path: &Path, data: PutPayload, o: PutOptions) -> Result<PutResult> {
        self.take(data.content_length())?;
        self.inner.put_opts(path, data, o).await
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Ok(Box::new(SmallUpload {
            inner: self.inner.put_multipart_opts(path, options).await?,
            store: self.clone(),
        }))
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(path, options).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}

#[derive(Debug)]
struct SmallUpload {
    inner: Box<dyn MultipartUpload>,
    store: Small,
}

#[async_trait]
impl MultipartUpload for SmallUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        match self.store.take(data.content_length()) {
            Ok(()) => self.inner.put_part(data),
            Err(error) => Box::pin(async { Err(error) }),
        }
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.inner.complete().await
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_device_has_a_code_of_its_own_and_loses_nothing() {
    let mut house = House::new().await;
    let columns = [("n", T::BigInt, true, Class::Open)];
    let mut table = house.defined(&columns, &[]).await;
    let device = Small {
        inner: Arc::new(InMemory::new()),
        left: Arc::new(AtomicI64::new(1 << 20)),
    };
    let (ring, keys) = (Arc::clone(&house.keyring), Arc::clone(&house.keys));
    let inner = Arc::new(device.clone());
    house.store = LakeStore::over(inner, house.kept.lake, ring, keys, small()).unwrap();
    table.published = house.store.create_table(&table, note()).await.unwrap();
    let rows = |from: i64| {
        let numbers = Int64Array::from_iter_values(from..from + 100);
        batch(&table, vec![Arc::new(numbers) as ArrayRef])
    };
    let (first, second, third) = (rows(0), rows(100), rows(200));
    house.append(&mut table, &[first]).await;
    // Full while a data file is written.
    device.left.store(100, Ordering::SeqCst);
    let mut writer = house.store.writer(&table, None).unwrap();
    let written = writer.write(second.clone()).await;
    let failed = match written {
        Err(error) => error,
        Ok(()) => writer.finish().await.unwrap_err(),
    };
    assert_eq!(failed.code(), Code::StorageFull, "{failed}");
    // Full while the commit is written.
    device.left.store(1 << 20, Ordering::SeqCst);
    let files = house.files(&table, &[second]).await;
    device.left.store(10, Ordering::SeqCst);
    let change = TableChange::Append(files);
    let failed = house
        .store
        .commit(&table, change, note())
        .await
        .unwrap_err();
    assert_eq!(failed.code(), Code::StorageFull, "{failed}");
    assert_eq!(house.lines(&table).await.len(), 100);
    // Space again.
    device.left.store(1 << 20, Ordering::SeqCst);
    house.append(&mut table, &[third]).await;
    assert_eq!(house.lines(&table).await.len(), 200);
}
