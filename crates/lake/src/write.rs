//! Record batches into encrypted data files.
//!
//! ```text
//! batch -> conform -> split by partition -> one open file each -> close -> look into its footer
//! ```
//!
//! Each file has its own writer properties with its own fresh keys: properties are never cloned
//! from one file to the next, which would share data keys. A file is encrypted from its first byte
//! and invisible until a commit names it. What a reader would get wrong: encoding runs inline on
//! the async runtime. A batch is a few thousand rows, as for every operator of the engine, and
//! Parquet compresses and encrypts page by page as they fill; what could block for long, the file
//! system, is behind the object store's own blocking pool.

use std::{collections::HashMap, fmt, sync::Arc};

use arrow::{
    array::{ArrayRef, RecordBatch},
    compute::{CastOptions, cast_with_options},
    datatypes::SchemaRef,
};
use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use lakeward_domain::{FileId, Table};
use object_store::{ObjectStoreExt, WriteMultipart};
use parquet::{
    arrow::{
        ArrowSchemaConverter, AsyncArrowWriter, arrow_writer::ArrowWriterOptions,
        async_writer::AsyncFileWriter,
    },
    basic::{Compression, ZstdLevel},
    errors::ParquetError,
    file::properties::WriterProperties,
    schema::types::SchemaDescriptor,
};

use crate::{
    Error, KeyAccess, LakeStore, Result, Step,
    footer::{self, FileRef},
    guard::data_path,
    partition::{self, Values},
    schema, stats,
};

/// A data file that is complete, checked, and named by no commit yet. Only [`TableWriter`] makes
/// one, so that nothing unchecked can be committed.
#[derive(Debug)]
pub struct NewFile {
    pub(crate) file: FileId,
    pub(crate) size: u64,
    pub(crate) rows: u64,
    pub(crate) partition: Values,
    pub(crate) stats: String,
}

impl NewFile {
    /// Its id.
    #[must_use]
    pub const fn file(&self) -> FileId {
        self.file
    }

    /// Its rows.
    #[must_use]
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// Its size on the store.
    #[must_use]
    pub const fn size_bytes(&self) -> u64 {
        self.size
    }
}

/// Writes batches of one table into data files.
///
/// Dropped without [`TableWriter::finish`], it deletes what it wrote.
pub struct TableWriter {
    target: Target,
    max_rows_per_file: Option<u64>,
    open: HashMap<Values, FileWriter>,
    done: Vec<NewFile>,
}

/// Where and what to write. Apart from the open files, because those cannot be shared between
/// threads and a future that borrows them whole could not move from one to another.
struct Target {
    store: LakeStore,
    table: Arc<Table>,
    schema: SchemaRef,
    file_schema: SchemaRef,
    leaves: SchemaDescriptor,
}

impl fmt::Debug for TableWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableWriter")
            .field("table", &self.target.table.id)
            .field("open", &self.open.len())
            .field("done", &self.done.len())
            .finish_non_exhaustive()
    }
}

struct FileWriter {
    file: FileId,
    rows: u64,
    inner: AsyncArrowWriter<Upload>,
}

impl TableWriter {
    pub(crate) fn new(
        store: LakeStore,
        table: &Table,
        max_rows_per_file: Option<u64>,
    ) -> Result<Self> {
        schema::check_partitioning(table)?;
        let file_schema = schema::file_schema(table);
        let leaves = ArrowSchemaConverter::new()
            .convert(&file_schema)
            .map_err(|error| Error::library(&error, "lay out a data file"))?;
        Ok(Self {
            target: Target {
                store,
                table: Arc::new(table.clone()),
                schema: schema::arrow_schema(table),
                file_schema,
                leaves,
            },
            max_rows_per_file,
            open: HashMap::new(),
            done: Vec::new(),
        })
    }

    /// The schema that batches must have: columns named by id, in any order, each of a type that
    /// stands for the same logical type.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.target.schema
    }

    /// Rows written so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        let open: u64 = self.open.values().map(|file| file.rows).sum();
        open + self.done.iter().map(|file| file.rows).sum::<u64>()
    }

    /// Writes a batch.
    ///
    /// # Errors
    /// [`Error::Columns`], [`Error::Type`] and [`Error::Null`] for a batch that does not fit,
    /// [`Error::Full`], [`Error::Storage`], or what the keys answer. The writer is of no more use
    /// then; dropping it deletes its files.
    pub async fn write(&mut self, batch: RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let batch = conform(&self.target.table, &self.target.schema, &batch)?;
        for (values, part) in partition::split(&self.target.table, &batch)? {
            self.write_part(values, part).await?;
        }
        Ok(())
    }

    async fn write_part(&mut self, values: Values, mut part: RecordBatch) -> Result<()> {
        while part.num_rows() > 0 {
            if !self.open.contains_key(&values) {
                self.make_room().await?;
                let file = self.target.begin().await?;
                self.open.insert(values.clone(), file);
            }
            let Some(file) = self.open.get_mut(&values) else {
                continue;
            };
            let rows = part.num_rows() as u64;
            let room = self
                .max_rows_per_file
                .map_or(rows, |most| most.max(1).saturating_sub(file.rows).min(rows));
            let now = part.slice(0, usize::try_from(room).unwrap_or(usize::MAX));
            part = part.slice(now.num_rows(), part.num_rows() - now.num_rows());
            let options = &self.target.store.inner.options;
            let full = file.write(&now, options.row_group_bytes).await?;
            let enough = self.max_rows_per_file.is_some_and(|most| file.rows >= most);
            if enough || full >= options.target_file_bytes {
                self.close(&values).await?;
            }
        }
        Ok(())
    }

    /// Closes the fullest file when too many are open.
    async fn make_room(&mut self) -> Result<()> {
        if self.open.len() < self.target.store.inner.options.open_partitions.max(1) {
            return Ok(());
        }
        let fullest = self.open.iter().max_by_key(|(_, file)| file.rows);
        match fullest.map(|(values, _)| values.clone()) {
            Some(values) => self.close(&values).await,
            None => Ok(()),
        }
    }

    async fn close(&mut self, values: &Values) -> Result<()> {
        let Some(mut writer) = self.open.remove(values) else {
            return Ok(());
        };
        let (file, rows) = (writer.file, writer.rows);
        let closed = writer.inner.finish().await;
        if let Err(error) = closed {
            let failed = Error::library(&error, "finish a data file");
            discard(
                self.target.store.clone(),
                self.target.table.id,
                vec![writer],
                vec![],
            )
            .await;
            return Err(failed);
        }
        self.target
            .store
            .inner
            .options
            .steps
            .reached(Step::FileWritten);
        match self.target.check(file, rows, values.clone()).await {
            Ok(new) => {
                self.target
                    .store
                    .inner
                    .options
                    .steps
                    .reached(Step::FileChecked);
                self.done.push(new);
                Ok(())
            }
            Err(error) => {
                self.target
                    .store
                    .delete_data(self.target.table.id, &[file])
                    .await;
                Err(error)
            }
        }
    }

    /// Closes all files; they can be committed now.
    ///
    /// # Errors
    /// As [`TableWriter::write`].
    pub async fn finish(mut self) -> Result<Vec<NewFile>> {
        let open: Vec<Values> = self.open.keys().cloned().collect();
        for values in open {
            self.close(&values).await?;
        }
        Ok(std::mem::take(&mut self.done))
    }

    /// Deletes what was written.
    pub async fn abort(mut self) {
        let open = std::mem::take(&mut self.open).into_values().collect();
        let done = std::mem::take(&mut self.done);
        discard(self.target.store.clone(), self.target.table.id, open, done).await;
    }
}

impl Drop for TableWriter {
    fn drop(&mut self) {
        let open: Vec<_> = std::mem::take(&mut self.open).into_values().collect();
        let done = std::mem::take(&mut self.done);
        if open.is_empty() && done.is_empty() {
            return;
        }
        // Outside a runtime the files stay; recovery lists them as orphans.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(discard(
                self.target.store.clone(),
                self.target.table.id,
                open,
                done,
            ));
        }
    }
}

impl Target {
    async fn begin(&self) -> Result<FileWriter> {
        let file = FileId::random();
        let reference = self.reference(file, 0);
        let make = |store: &LakeStore| {
            footer::encryption(&store.inner.keyring, &self.table, &reference, &self.leaves)
        };
        let keys = match make(&self.store) {
            Err(Error::Keys(lakeward_keys::Error::NotPrepared { .. })) => {
                footer::prepare_write(&self.store.inner.keyring, &self.table).await?;
                make(&self.store)?
            }
            other => other?,
        };
        // Never print these: their Debug shows key bytes.
        let properties = WriterProperties::builder()
            .set_created_by(String::from("lakeward"))
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(self.store.inner.options.row_group_rows.max(1)))
            .set_bloom_filter_enabled(false)
            .with_file_encryption_properties(keys)
            .build();
        let path = data_path(self.table.id, file);
        let upload = self
            .store
            .inner
            .guard
            .put_multipart(&path)
            .await
            .map_err(|error| Error::below(&error, "begin a data file"))?;
        self.store.live().insert(file);
        let upload = Upload(Some(WriteMultipart::new(upload)));
        let inner = AsyncArrowWriter::try_new_with_options(
            upload,
            Arc::clone(&self.file_schema),
            ArrowWriterOptions::new().with_properties(properties),
        )
        .map_err(|error| Error::library(&error, "begin a data file"))?;
        self.store.inner.options.steps.reached(Step::FileBegun);
        Ok(FileWriter {
            file,
            rows: 0,
            inner,
        })
    }

    fn reference(&self, file: FileId, size: u64) -> FileRef {
        FileRef {
            lake: self.store.inner.lake,
            table: self.table.id,
            file,
            size,
        }
    }

    /// Looks into a written file as it lies on the store, with keys as a reader gets them.
    async fn check(&self, file: FileId, rows: u64, partition: Values) -> Result<NewFile> {
        let path = data_path(self.table.id, file);
        let meta = self.store.inner.guard.head(&path).await;
        let meta = meta.map_err(|error| Error::below(&error, "look into a data file"))?;
        let reference = self.reference(file, meta.size);
        let all = KeyAccess::new(self.table.columns.iter().map(|c| c.id).collect());
        let footer = footer::read(
            &self.store.inner.guard,
            &self.store.inner.keyring,
            &reference,
            &all,
        )
        .await?;
        let leaves: u64 = footer.keys.values().sum();
        let stats = stats::collect(
            &footer.metadata,
            &self.file_schema,
            &schema::stats_columns(&self.table),
        );
        if leaves != self.leaves.num_columns() as u64 || stats.rows != rows {
            return Err(Error::Plaintext {
                what: "a data file that does not hold what was written",
            });
        }
        Ok(NewFile {
            file,
            size: meta.size,
            rows,
            partition,
            stats: stats.to_json(),
        })
    }
}

async fn discard(
    store: LakeStore,
    table: lakeward_domain::TableId,
    open: Vec<FileWriter>,
    done: Vec<NewFile>,
) {
    let mut files: Vec<FileId> = done.iter().map(|file| file.file).collect();
    for writer in open {
        files.push(writer.file);
        let Upload(upload) = writer.inner.into_inner();
        if let Some(upload) = upload
            && upload.abort().await.is_err()
        {
            tracing::warn!(%table, file = %writer.file, "could not abort an upload");
        }
    }
    store.delete_data(table, &files).await;
}

impl FileWriter {
    /// Writes rows; answers the bytes of the file so far.
    async fn write(&mut self, rows: &RecordBatch, row_group_bytes: usize) -> Result<u64> {
        let failed = |error: ParquetError| Error::library(&error, "write a data file");
        self.inner.write(rows).await.map_err(failed)?;
        self.rows += rows.num_rows() as u64;
        if self.inner.memory_size() > row_group_bytes {
            self.inner.flush().await.map_err(failed)?;
        }
        Ok((self.inner.bytes_written() + self.inner.in_progress_size()) as u64)
    }
}

/// Parts that may be on their way to the store at a time.
const PARTS_IN_FLIGHT: usize = 4;

struct Upload(Option<WriteMultipart>);

impl AsyncFileWriter for Upload {
    fn write(&mut self, bytes: Bytes) -> BoxFuture<'_, parquet::errors::Result<()>> {
        async move {
            let upload = self.0.as_mut().ok_or_else(ended)?;
            upload.wait_for_capacity(PARTS_IN_FLIGHT).await?;
            upload.put(bytes);
            Ok(())
        }
        .boxed()
    }

    fn complete(&mut self) -> BoxFuture<'_, parquet::errors::Result<()>> {
        async move {
            let upload = self.0.take().ok_or_else(ended)?;
            upload.finish().await?;
            Ok(())
        }
        .boxed()
    }
}

fn ended() -> ParquetError {
    Error::Misuse {
        what: "a data file was written to after its end",
    }
    .into()
}

/// Brings a batch into the table's columns, order and types; never changes a value.
fn conform(table: &Table, schema: &SchemaRef, batch: &RecordBatch) -> Result<RecordBatch> {
    if batch.num_columns() != table.columns.len() {
        return Err(Error::Columns { table: table.id });
    }
    let columns = table
        .columns
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| {
            let array = batch
                .column_by_name(field.name())
                .ok_or(Error::Columns { table: table.id })?;
            if !column.nullable && array.logical_null_count() > 0 {
                return Err(Error::Null { column: column.id });
            }
            if array.data_type() == field.data_type() {
                return Ok(ArrayRef::clone(array));
            }
            let mismatch = || Error::Type { column: column.id };
            let given = schema::logical_type(array.data_type()).ok_or_else(mismatch)?;
            if !same_but_for_nulls(&given, &column.data_type) {
                return Err(mismatch());
            }
            // Strict: a value that does not fit fails instead of turning into NULL.
            let strict = CastOptions {
                safe: false,
                ..CastOptions::default()
            };
            cast_with_options(array, field.data_type(), &strict).map_err(|_| mismatch())
        })
        .collect::<Result<Vec<_>>>()?;
    RecordBatch::try_new(Arc::clone(schema), columns)
        .map_err(|error| Error::library(&error, "read a batch"))
}

/// Whether two types differ at most in what may be NULL inside them; the cast checks that.
fn same_but_for_nulls(
    left: &lakeward_domain::LogicalType,
    right: &lakeward_domain::LogicalType,
) -> bool {
    use lakeward_domain::LogicalType as T;
    match (left, right) {
        (T::Struct(left), T::Struct(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|(left, right)| {
                    left.name == right.name && same_but_for_nulls(&left.data_type, &right.data_type)
                })
        }
        (T::Array(left, _), T::Array(right, _)) => same_but_for_nulls(left, right),
        (T::Map(left_key, left, _), T::Map(right_key, right, _)) => {
            same_but_for_nulls(left_key, right_key) && same_but_for_nulls(left, right)
        }
        _ => left == right,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_send<T: Send>(_: &T) {}

    /// Compiles or does not.
    #[expect(dead_code, reason = "only its types matter")]
    fn writing_can_move_between_threads(mut writer: TableWriter, batch: RecordBatch) {
        is_send(&writer.write(batch));
        is_send(&writer.finish());
    }
}
