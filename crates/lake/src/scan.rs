//! A snapshot as the engine's plain Parquet scan.
//!
//! Nothing of a key is in the plan: the reader factory that the scan carries asks the
//! [`KeyAccess`] of its query. What a reader would get wrong, in three points. Files are dealt out
//! whole, because the order of rows from split files would tell where filtered rows lie. A
//! predicate prunes by statistics, so it may name only columns whose keys the query has; and the
//! page index is read for all columns of a file at once, so it stays off unless all keys are there.

use std::{fmt, ops::Range, sync::Arc};

use bytes::Bytes;
use datafusion::{
    common::{
        ColumnStatistics, Statistics,
        config::TableParquetOptions,
        stats::Precision,
        tree_node::{Transformed, TreeNode},
    },
    datasource::{
        listing::PartitionedFile,
        physical_plan::{
            FileGroup, FileScanConfigBuilder, ParquetFileMetrics, ParquetFileReaderFactory,
            ParquetSource,
        },
        source::DataSourceExec,
        table_schema::TableSchema,
    },
    error::{DataFusionError, Result as EngineResult},
    physical_expr::{PhysicalExpr, expressions::Column, utils::collect_columns},
    physical_optimizer::pruning::PruningPredicateBuilder,
    physical_plan::{ExecutionPlan, empty::EmptyExec, metrics::ExecutionPlanMetricsSet},
};
use futures::{FutureExt, future::BoxFuture};
use lakeward_domain::ColumnId;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::{
    arrow::{arrow_reader::ArrowReaderOptions, async_reader::AsyncFileReader},
    file::metadata::ParquetMetaData,
};

use crate::{
    Error, KeyAccess, LakeStore, Result, TableSnapshot,
    footer::{FileRef, missing},
    guard::{data_path, file_id},
    schema,
    snapshot::DataFile,
    stats::Pruning,
};

/// What to read of a snapshot.
#[derive(Debug, Clone)]
pub struct ScanRequest {
    /// Which columns' keys the query gets.
    pub access: Arc<KeyAccess>,
    /// Columns to yield, by position in the table; none for all.
    pub projection: Option<Vec<usize>>,
    /// Skips files and row groups that cannot match; rows that do not match may still come. Over
    /// the snapshot's schema, and only columns that `access` allows.
    pub predicate: Option<Arc<dyn PhysicalExpr>>,
    /// Most rows that are needed. Without effect beside a predicate, which lets rows through that do
    /// not match; to be left out under any other filter.
    pub limit: Option<usize>,
    /// Into how many streams to deal the files.
    pub target_partitions: usize,
}

impl LakeStore {
    /// Plans a scan. It yields the projected columns in the order of the projection (the table's
    /// order without one), named by id, with the types of [`schema::arrow_schema`].
    ///
    /// # Errors
    /// [`Error::KeyRefused`] when projection or predicate name a column that `access` does not
    /// allow.
    pub fn scan(
        &self,
        snapshot: &Arc<TableSnapshot>,
        request: ScanRequest,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let table = &snapshot.table;
        let wanted = match request.projection {
            Some(columns) => columns,
            None => (0..table.columns.len()).collect(),
        };
        for position in &wanted {
            let column = table
                .columns
                .get(*position)
                .ok_or(Error::Columns { table: table.id })?;
            refuse_unless_allowed(&request.access, column.id)?;
        }
        let columns = TableColumns::new(snapshot)?;
        let predicate = request
            .predicate
            .map(|predicate| columns.rebind(snapshot, &request.access, predicate))
            .transpose()?;
        let files = self.prune(snapshot, &columns, predicate.as_ref(), &request.access);
        let failed = |error: DataFusionError| Error::library(&error, "plan a scan");
        if files.is_empty() {
            let projected = snapshot.schema.project(&wanted);
            let projected = projected.map_err(|error| Error::library(&error, "plan a scan"))?;
            return Ok(Arc::new(EmptyExec::new(Arc::new(projected))));
        }

        let mut options = TableParquetOptions::default();
        // The Parquet row filter leaves conjuncts out that it cannot build, and logs literals.
        options.global.pushdown_filters = false;
        options.global.bloom_filter_on_read = false;
        options.global.enable_page_index =
            schema::file_schema(table).fields().iter().all(|field| {
                let column = field.name().parse();
                column.is_ok_and(|column: ColumnId| request.access.allows(column))
            });
        let mut source = ParquetSource::new(columns.schema.clone())
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(Arc::new(SealedReaders {
                store: self.clone(),
                snapshot: Arc::clone(snapshot),
                access: Arc::clone(&request.access),
            }));
        let mut limit = request.limit;
        if let Some(predicate) = predicate {
            source = source.with_predicate(predicate);
            limit = None;
        }
        let statistics = columns.statistics(snapshot, &request.access, &files);
        let groups = deal(
            files
                .into_iter()
                .map(|file| columns.file(snapshot, &request.access, file))
                .collect(),
            request.target_partitions,
        );
        let config = FileScanConfigBuilder::new(self.object_store_url().clone(), Arc::new(source))
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_projection_indices(Some(columns.positions(&wanted)))
            .map_err(failed)?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }

    /// Files that may hold a row for which the predicate is true.
    fn prune<'a>(
        &self,
        snapshot: &'a TableSnapshot,
        columns: &TableColumns,
        predicate: Option<&Arc<dyn PhysicalExpr>>,
        access: &KeyAccess,
    ) -> Vec<&'a DataFile> {
        let all: Vec<&DataFile> = snapshot.files.iter().collect();
        let Some(predicate) = predicate else {
            return all;
        };
        let built = PruningPredicateBuilder::new()
            .with_file_schema(Arc::clone(columns.schema.table_schema()))
            .try_build(Arc::clone(predicate));
        let partitions = snapshot.table.partitioned_by.iter().enumerate();
        let statistics = Pruning {
            files: all.iter().map(|file| &file.stats).collect(),
            partitions: partitions
                .map(|(number, id)| {
                    let values = all.iter().map(|file| file.partition[number].clone());
                    (*id, values.collect())
                })
                .collect(),
            types: snapshot
                .known
                .iter()
                .filter(|(column, _)| access.allows(**column))
                .map(|(column, data_type)| (*column, data_type.clone()))
                .collect(),
        };
        match built.and_then(|built| built.prune(&statistics)) {
            Ok(kept) => all
                .into_iter()
                .zip(kept)
                .filter_map(|(file, keep)| keep.then_some(file))
                .collect(),
            // A predicate that statistics say nothing about.
            Err(_) => all,
        }
    }
}

fn refuse_unless_allowed(access: &KeyAccess, column: ColumnId) -> Result<()> {
    if access.allows(column) {
        Ok(())
    } else {
        Err(Error::KeyRefused { column })
    }
}

/// Deals files into at most so many groups, in turn. By their number and not by their size: sizes
/// tell of hidden rows and cells, and the order in which unsorted rows come would tell of sizes.
fn deal(files: Vec<PartitionedFile>, groups: usize) -> Vec<FileGroup> {
    let groups = groups.clamp(1, files.len().max(1));
    let mut dealt: Vec<Vec<PartitionedFile>> = vec![Vec::new(); groups];
    for (number, file) in files.into_iter().enumerate() {
        if let Some(group) = dealt.get_mut(number % groups) {
            group.push(file);
        }
    }
    dealt.into_iter().map(FileGroup::new).collect()
}

/// The scan's own column order: what is in the files, then the partition columns.
struct TableColumns {
    schema: TableSchema,
    /// Position in the scan's order, by position in the table.
    by_table: Vec<usize>,
    ids: Vec<ColumnId>,
}

impl TableColumns {
    fn new(snapshot: &TableSnapshot) -> Result<Self> {
        let table = &snapshot.table;
        let columns = Error::Columns { table: table.id };
        let partitions = table
            .partitioned_by
            .iter()
            .map(|id| {
                Ok(Arc::new(schema::arrow_field(
                    table.column_by_id(*id).ok_or(columns.clone())?,
                )))
            })
            .collect::<Result<Vec<_>>>()?;
        let schema = TableSchema::builder(schema::file_schema(table))
            .with_table_partition_cols(partitions)
            .build();
        let ids = schema
            .table_schema()
            .fields()
            .iter()
            .map(|field| field.name().parse().map_err(|_| columns.clone()))
            .collect::<Result<Vec<ColumnId>>>()?;
        let by_table = table
            .columns
            .iter()
            .map(|column| {
                let position = ids.iter().position(|id| *id == column.id);
                position.ok_or_else(|| columns.clone())
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Self {
            schema,
            by_table,
            ids,
        })
    }

    fn positions(&self, wanted: &[usize]) -> Vec<usize> {
        wanted
            .iter()
            .filter_map(|position| self.by_table.get(*position).copied())
            .collect()
    }

    /// A predicate over the table's order, over the scan's.
    fn rebind(
        &self,
        snapshot: &TableSnapshot,
        access: &KeyAccess,
        predicate: Arc<dyn PhysicalExpr>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        for column in collect_columns(&predicate) {
            let known = snapshot
                .table
                .columns
                .get(column.index())
                .filter(|known| known.id.to_string() == column.name());
            let known = known.ok_or(Error::Misuse {
                what: "a predicate is not over the snapshot's schema",
            })?;
            refuse_unless_allowed(access, known.id)?;
        }
        predicate
            .transform(|node| {
                let moved = node.downcast_ref::<Column>().and_then(|column| {
                    let position = self.by_table.get(column.index())?;
                    Some(Arc::new(Column::new(column.name(), *position)))
                });
                Ok(match moved {
                    Some(moved) => Transformed::yes(moved as Arc<dyn PhysicalExpr>),
                    None => Transformed::no(node),
                })
            })
            .map(|done| done.data)
            .map_err(|error| Error::library(&error, "plan a scan"))
    }

    fn file(
        &self,
        snapshot: &TableSnapshot,
        access: &KeyAccess,
        file: &DataFile,
    ) -> PartitionedFile {
        let path = data_path(snapshot.table.id, file.file);
        let mut planned = PartitionedFile::new(path.as_ref(), file.size);
        planned.partition_values.clone_from(&file.partition);
        planned.statistics = Some(Arc::new(self.statistics(snapshot, access, &[file])));
        planned
    }

    /// Of these files together: exact rows, and NULLs and bounds of the columns that may be known.
    fn statistics(
        &self,
        snapshot: &TableSnapshot,
        access: &KeyAccess,
        files: &[&DataFile],
    ) -> Statistics {
        let rows: u64 = files.iter().map(|file| file.stats.rows).sum();
        let bytes: u64 = files.iter().map(|file| file.size).sum();
        let count = |number| Precision::Exact(usize::try_from(number).unwrap_or(usize::MAX));
        let column_statistics = self
            .ids
            .iter()
            .map(|id| {
                if !access.allows(*id) || !snapshot.known.contains_key(id) {
                    return ColumnStatistics::new_unknown();
                }
                column_statistics(snapshot, *id, files)
            })
            .collect();
        Statistics {
            num_rows: count(rows),
            total_byte_size: count(bytes).to_inexact(),
            column_statistics,
        }
    }
}

fn column_statistics(
    snapshot: &TableSnapshot,
    column: ColumnId,
    files: &[&DataFile],
) -> ColumnStatistics {
    let partition = snapshot
        .table
        .partitioned_by
        .iter()
        .position(|id| *id == column);
    let mut known = ColumnStatistics::new_unknown();
    let mut nulls = Some(0_u64);
    let mut range = None;
    let mut bounded = true;
    for file in files {
        let (file_nulls, file_range) = match partition {
            Some(number) => match &file.partition[number] {
                null if null.is_null() => (Some(file.stats.rows), None),
                value => (Some(0), Some((value.clone(), value.clone()))),
            },
            None => match file.stats.columns.get(&column) {
                Some(bounds) => (Some(bounds.nulls), bounds.range.clone()),
                None => (None, None),
            },
        };
        nulls = nulls.zip(file_nulls).map(|(sum, more)| sum + more);
        match file_range {
            Some((low, high)) => {
                range = Some(match range.take() {
                    None => (low, high),
                    Some((min, max)) => (
                        if low < min { low } else { min },
                        if high > max { high } else { max },
                    ),
                });
            }
            // All NULL adds nothing to the range; an unknown range spoils it.
            None => bounded &= file_nulls == Some(file.stats.rows),
        }
    }
    if let Some(nulls) = nulls.and_then(|nulls| usize::try_from(nulls).ok()) {
        known.null_count = Precision::Exact(nulls);
    }
    if let Some((min, max)) = range.filter(|_| bounded) {
        // Bounds and not always values: a long text was shortened.
        known.min_value = Precision::Inexact(min);
        known.max_value = Precision::Inexact(max);
    }
    known
}

/// Opens data files with the keys of one query.
struct SealedReaders {
    store: LakeStore,
    snapshot: Arc<TableSnapshot>,
    access: Arc<KeyAccess>,
}

impl fmt::Debug for SealedReaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedReaders")
            .field("table", &self.snapshot.table.id)
            .finish_non_exhaustive()
    }
}

impl ParquetFileReaderFactory for SealedReaders {
    fn create_reader(
        &self,
        partition: usize,
        planned: PartitionedFile,
        _metadata_size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> EngineResult<Box<dyn AsyncFileReader + Send>> {
        let table = self.snapshot.table.id;
        let location = &planned.object_meta.location;
        let file = location.filename().and_then(file_id);
        let file = file.filter(|file| data_path(table, *file) == *location);
        let file = file.ok_or(Error::Misuse {
            what: "a scan names a file that is not the table's",
        })?;
        Ok(Box::new(SealedReader {
            file: FileRef {
                lake: self.store.lake(),
                table,
                file,
                size: planned.object_meta.size,
            },
            metrics: ParquetFileMetrics::new(partition, location.as_ref(), metrics),
            store: self.store.clone(),
            access: Arc::clone(&self.access),
        }))
    }
}

struct SealedReader {
    file: FileRef,
    metrics: ParquetFileMetrics,
    store: LakeStore,
    access: Arc<KeyAccess>,
}

impl AsyncFileReader for SealedReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, parquet::errors::Result<Bytes>> {
        self.count(std::slice::from_ref(&range));
        async move {
            let path = data_path(self.file.table, self.file.file);
            let bytes = self.store.inner.guard.get_range(&path, range).await;
            Ok(bytes.map_err(|error| missing(&error, &self.file))?)
        }
        .boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, parquet::errors::Result<Vec<Bytes>>> {
        self.count(&ranges);
        async move {
            let path = data_path(self.file.table, self.file.file);
            let bytes = self.store.inner.guard.get_ranges(&path, &ranges).await;
            Ok(bytes.map_err(|error| missing(&error, &self.file))?)
        }
        .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        _options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, parquet::errors::Result<Arc<ParquetMetaData>>> {
        async move {
            let footer = self
                .store
                .inner
                .footers
                .get(
                    &self.store.inner.guard,
                    &self.store.inner.keyring,
                    &self.file,
                    &self.access,
                )
                .await?;
            Ok(Arc::clone(&footer.metadata))
        }
        .boxed()
    }
}

impl SealedReader {
    fn count(&self, ranges: &[Range<u64>]) {
        let bytes: u64 = ranges
            .iter()
            .map(|range| range.end.saturating_sub(range.start))
            .sum();
        self.metrics
            .bytes_scanned
            .add(usize::try_from(bytes).unwrap_or(usize::MAX));
    }
}
