//! The way of rows into a table.
//!
//! Rows are conformed to the table's columns, checked (NOT NULL, and the row filter as WITH CHECK:
//! only true passes) and handed to the lake, which encrypts from the first byte. Nothing is visible
//! before [`publish`] has run.

use std::{collections::BTreeMap, fmt, sync::Arc};

use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, new_null_array},
        compute::{CastOptions, can_cast_types, cast_with_options},
        datatypes::{DataType, Field, Schema, SchemaRef},
        record_batch::{RecordBatch, RecordBatchOptions},
    },
    physical_expr::PhysicalExpr,
};
use lakeward_audit::{Entry, Event, IngestCount};
use lakeward_catalog::Change;
use lakeward_domain::{Code, QueryId, Requester, Table, TableId, TableName};
use lakeward_lake::{CommitNote, NewFile, TableChange, TableWriter};
use lakeward_policy::{Privilege, Securable, allows};

use crate::{
    answer::decided,
    change::taint,
    engine::Engine,
    error::{Error, Result, denied, not_found},
    governed::{GovernedTable, with_check},
    receipt::Receipt,
    resolve::Resolver,
    session::Session,
};

/// Takes rows for one table.
pub(crate) struct Sink {
    columns: Vec<SinkColumn>,
    stored: SchemaRef,
    check: Option<Arc<dyn PhysicalExpr>>,
    writer: TableWriter,
    rows: u64,
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sink")
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

struct SinkColumn {
    name: String,
    data_type: DataType,
    nullable: bool,
    /// Which of the incoming columns; NULL when none.
    from: Option<usize>,
}

impl Sink {
    /// A sink for rows whose columns are those of `incoming`; `mapping` says which of them each
    /// column of the table takes.
    pub(crate) fn new(
        engine: &Engine,
        table: &Table,
        stored: &SchemaRef,
        check: Option<Arc<dyn PhysicalExpr>>,
        incoming: &Schema,
        mapping: &[Option<usize>],
    ) -> Result<Self> {
        let columns = table
            .columns
            .iter()
            .zip(mapping)
            .map(|(column, from)| {
                let data_type = stored
                    .field_with_name(&column.id.to_string())
                    .map_err(|_| Error::new(Code::Internal, "a table does not fit its schema"))?
                    .data_type()
                    .clone();
                if let Some(from) = from {
                    let given = incoming.field(*from).data_type();
                    if !can_cast_types(given, &data_type) {
                        return Err(Error::new(
                            Code::TypeMismatch,
                            format!("column {} cannot take values of that type", column.name),
                        ));
                    }
                }
                Ok(SinkColumn {
                    name: column.name.to_string(),
                    data_type,
                    nullable: column.nullable,
                    from: *from,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let writer = engine.lake.writer(table, None)?;
        Ok(Self {
            columns,
            stored: Arc::clone(stored),
            check,
            writer,
            rows: 0,
        })
    }

    pub(crate) async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let rows = batch.num_rows();
        if rows == 0 {
            return Ok(());
        }
        let columns = self
            .columns
            .iter()
            .map(|column| column.conform(batch))
            .collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.stored), columns, &options)
            .map_err(|_| Error::new(Code::TypeMismatch, "the rows do not fit the table"))?;
        if let Some(check) = &self.check {
            let passes = check
                .evaluate(&batch)
                .and_then(|value| value.into_array(rows))
                .map_err(|_| {
                    Error::new(Code::PolicyEvalFailed, "a policy could not be evaluated")
                })?;
            let passes = passes.as_boolean();
            if passes.true_count() != rows {
                return Err(Error::new(
                    Code::ConstraintViolated,
                    "a new row does not satisfy the table's row filter for you",
                ));
            }
        }
        self.rows += rows as u64;
        self.writer.write(batch).await?;
        Ok(())
    }

    pub(crate) async fn finish(self) -> Result<(Vec<NewFile>, u64)> {
        Ok((self.writer.finish().await?, self.rows))
    }

    pub(crate) async fn abort(self) {
        self.writer.abort().await;
    }
}

impl SinkColumn {
    fn conform(&self, batch: &RecordBatch) -> Result<ArrayRef> {
        let array = match self.from {
            Some(from) => {
                let options = CastOptions {
                    safe: false,
                    ..CastOptions::default()
                };
                cast_with_options(batch.column(from), &self.data_type, &options).map_err(|_| {
                    Error::new(
                        Code::TypeMismatch,
                        format!("a value does not fit column {}", self.name),
                    )
                })?
            }
            None => new_null_array(&self.data_type, batch.num_rows()),
        };
        if !self.nullable && array.null_count() > 0 {
            return Err(Error::new(
                Code::ConstraintViolated,
                format!("column {} may not be NULL", self.name),
            ));
        }
        Ok(array)
    }
}

/// How new files change a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Append,
    Overwrite,
}

/// Commits files to a table and publishes the new version.
///
/// `planned` is the table as the statement saw it. An append goes on top of whatever came since;
/// an overwrite does not.
#[expect(
    clippy::too_many_arguments,
    reason = "each names another part of one commit"
)]
pub(crate) async fn publish(
    engine: &Engine,
    resolver: &Resolver,
    planned: &Table,
    files: Vec<NewFile>,
    mode: Mode,
    operation: &str,
    query: QueryId,
    progress: Option<(String, String)>,
) -> Result<()> {
    let _held = engine.lake.lock(planned.id).await;
    engine.settle(planned.id).await?;
    let state = engine.state();
    let Some(current) = state.table(planned.id) else {
        // DROP has cleared the folder; what this statement wrote since then goes too.
        engine.lake.discard(planned.id, files).await;
        clear(engine, planned.id).await;
        return Err(Error::new(
            Code::Conflict,
            "the table was dropped meanwhile",
        ));
    };
    let same_shape = current.columns == planned.columns
        && current.partitioned_by == planned.partitioned_by
        && current.protected == planned.protected
        // The key class of the files follows from these.
        && current.tags == planned.tags
        && current.inherited_tags == planned.inherited_tags
        && current.keys == planned.keys;
    let read = resolver
        .resolved()
        .into_iter()
        .map(|governed| governed.table.id);
    let protection =
        taint::unchanged(&resolver.state, &state, read.chain([planned.id])).and_then(|()| {
            let still = now_asking(&state, &resolver.requester)?;
            may_modify(&state, &still, current)
        });
    let moved = mode == Mode::Overwrite && current.published != planned.published;
    if let Err(error) = protection {
        engine.lake.discard(planned.id, files).await;
        return Err(error);
    }
    if !same_shape || moved {
        engine.lake.discard(planned.id, files).await;
        return Err(Error::new(Code::Conflict, "the table changed meanwhile"));
    }
    let change = match mode {
        Mode::Append => TableChange::Append(files),
        Mode::Overwrite => TableChange::Overwrite(files),
    };
    let note = CommitNote { operation, query };
    let done = publish_commit(engine, current, change, note, progress).await;
    if done.is_err() {
        withdraw(engine, planned.id).await;
    }
    done
}

/// Clears the folder of a table that is gone. Somebody else may be clearing it too, so a file that
/// has vanished is no failure of this statement.
pub(crate) async fn clear(engine: &Engine, table: TableId) {
    if let Err(error) = engine.lake.purge(table).await {
        tracing::warn!(%table, code = %error.code(), "a dropped table's folder was not cleared");
    }
}

/// Takes out of a table's log what the catalog did not publish: the next append would stand on it,
/// and make visible what was reported as failed. Hold the table's lock.
pub(crate) async fn withdraw(engine: &Engine, table: TableId) {
    engine.unpublished(table).await;
}

async fn publish_commit(
    engine: &Engine,
    table: &Table,
    change: TableChange<'_>,
    note: CommitNote<'_>,
    progress: Option<(String, String)>,
) -> Result<()> {
    let published = engine.lake.commit(table, change, note).await?;
    // The files are in the log now. The version is published whatever else moved in the catalog.
    loop {
        let state = engine.state();
        let Some(current) = state.table(table.id) else {
            return Err(Error::new(
                Code::Conflict,
                "the table was dropped meanwhile",
            ));
        };
        let change = match &progress {
            None => Change::Publish {
                table: table.id,
                expected: None,
                published: published.clone(),
            },
            Some((key, value)) => {
                let mut next = current.clone();
                next.published = published.clone();
                next.properties.insert(key.clone(), value.clone());
                Change::PutTable(next)
            }
        };
        match engine.commit(state.epoch, vec![change]).await {
            Err(error) if error.code() == Code::Conflict => {}
            other => return other.map(|_| ()),
        }
    }
}

/// Rows on their way into a table, from outside of SQL: ingest and import.
#[derive(Debug)]
pub struct TableAppend {
    engine: Arc<Engine>,
    resolver: Arc<Resolver>,
    target: GovernedTable,
    sink: Sink,
    receipt: Receipt,
    kind: &'static str,
}

/// The requester as the catalog has them now: a right that was revoked while a statement ran is gone.
pub(crate) fn now_asking(
    state: &lakeward_catalog::State,
    requester: &Requester,
) -> Result<Requester> {
    let gone = || denied("a user who is still allowed to log in");
    let principal = state.principal(requester.id).ok_or_else(gone)?;
    let mut now = state
        .requester(principal.name(), requester.door)
        .ok_or_else(gone)?;
    now.purpose = requester.purpose.clone();
    now.impersonator = requester.impersonator.clone();
    Ok(now)
}

/// The right to write, or the same "not found" as for a table that is not there.
pub(crate) fn may_modify(
    state: &lakeward_catalog::State,
    requester: &Requester,
    table: &Table,
) -> Result<()> {
    if allows(
        state,
        requester,
        Privilege::Modify,
        &Securable::Table(table.id),
    ) {
        return Ok(());
    }
    if lakeward_policy::decide(
        state,
        requester,
        table.id,
        lakeward_policy::Action::Metadata,
    )
    .is_ok()
    {
        return Err(denied("the right MODIFY on the table"));
    }
    Err(not_found("table"))
}

/// Columns by name, as an append takes them.
pub(crate) fn logical_schema(table: &Table, stored: &SchemaRef) -> SchemaRef {
    let fields: Vec<Field> = table
        .columns
        .iter()
        .filter_map(|column| {
            let field = stored.field_with_name(&column.id.to_string()).ok()?;
            Some(Field::new(
                column.name.as_str(),
                field.data_type().clone(),
                column.nullable,
            ))
        })
        .collect();
    Arc::new(Schema::new(fields))
}

impl Session {
    /// Opens a table for rows from outside of SQL. The same rights, checks and record as INSERT.
    ///
    /// # Errors
    /// [`Code::NotFound`] or [`Code::Denied`] without MODIFY; what the rooms below refuse.
    pub async fn append(&self, table: &TableName, kind: &'static str) -> Result<TableAppend> {
        let engine = Arc::clone(self.engine());
        let requester = self.requester()?;
        let fingerprint =
            engine
                .keys
                .fingerprint(requester.id, engine.clock.now(), &format!("{kind} {table}"));
        let receipt =
            Receipt::begin(&engine.ledger, &engine.clock, &requester, fingerprint, kind).await?;
        let opened = async {
            let resolver = engine.resolver(self)?;
            let found = resolver
                .state
                .table_by_name(table)
                .ok_or_else(|| not_found("table"))?;
            may_modify(&resolver.state, &requester, found)?;
            let target = resolver.target(table)?;
            let incoming = logical_schema(&target.table, &target.stored);
            let mapping: Vec<Option<usize>> = (0..target.table.columns.len()).map(Some).collect();
            let sink = Sink::new(
                &engine,
                &target.table,
                &target.stored,
                with_check(&target)?,
                &incoming,
                &mapping,
            )?;
            receipt
                .write(decided(&resolver, "", kind, &[], Some(&target.table)))
                .await?;
            Ok((resolver, target, sink))
        };
        match opened.await {
            Ok((resolver, target, sink)) => Ok(TableAppend {
                engine,
                resolver,
                target,
                sink,
                receipt,
                kind,
            }),
            Err(error) => Err(receipt.refuse(kind, error, 0).await),
        }
    }
}

/// What an ingest did, for the ledger: counts and fingerprints, never a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngestRecord {
    /// The table.
    pub table: TableName,
    /// Keyed fingerprint of the source.
    pub source: String,
    /// The scrub policy used: its name, version and claim.
    pub scrub: String,
    /// Rows that went into the table.
    pub rows: u64,
    /// Records and values that went into quarantine.
    pub quarantined: u64,
    /// Findings by category, column and disposition.
    pub counts: Vec<IngestCount>,
}

impl Session {
    /// Puts on record what an ingest did, after its last commit. Each commit has entries of its own;
    /// this one adds up.
    ///
    /// # Errors
    /// [`Code::NotFound`] when the table is gone or not visible; a ledger that cannot be written.
    pub async fn record_ingest(&self, record: IngestRecord) -> Result<()> {
        let engine = self.engine();
        let requester = self.requester()?;
        let state = engine.state();
        let table = state
            .table_by_name(&record.table)
            .ok_or_else(|| not_found("table"))?;
        may_modify(&state, &requester, table)?;
        let event = Event::Ingest {
            table: table.id,
            name: record.table,
            source: record.source,
            scrub: record.scrub,
            rows: record.rows,
            quarantined: record.quarantined,
            counts: record.counts,
        };
        let entry = Entry::of(&requester, QueryId::random(), engine.clock.now(), event);
        engine.ledger.append(entry).await?;
        Ok(())
    }
}

impl TableAppend {
    /// The columns that each batch must have, by name and in this order.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        logical_schema(&self.target.table, &self.target.stored)
    }

    /// The table as it is written.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.target.table
    }

    /// Takes rows. After an error only [`TableAppend::abort`] makes sense.
    ///
    /// # Errors
    /// [`Code::TypeMismatch`], [`Code::ConstraintViolated`], storage errors.
    pub async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.sink.write(batch).await
    }

    /// Makes all rows visible at once. `progress` is kept with the table in the same commit, so
    /// that whoever feeds it knows exactly how far it came.
    ///
    /// # Errors
    /// [`Code::Conflict`] when the table was changed or dropped meanwhile; storage errors.
    pub async fn commit(
        self,
        progress: Option<(String, String)>,
        detail: BTreeMap<String, String>,
    ) -> Result<u64> {
        let Self {
            engine,
            resolver,
            target,
            sink,
            receipt,
            kind,
        } = self;
        let query = receipt.query();
        let done = async {
            let (files, rows) = sink.finish().await?;
            publish(
                &engine,
                &resolver,
                &target.table,
                files,
                Mode::Append,
                kind,
                query,
                progress,
            )
            .await?;
            Ok::<u64, Error>(rows)
        };
        match done.await {
            Ok(rows) => {
                receipt
                    .write(Event::Changed {
                        what: kind.to_owned(),
                        object: target.table.id.to_string(),
                        detail,
                    })
                    .await?;
                receipt.finished(rows, Vec::new()).await?;
                Ok(rows)
            }
            Err(error) => Err(receipt.refuse(kind, error, 0).await),
        }
    }

    /// Gives up; what was written is removed.
    pub async fn abort(self, error: Error) -> Error {
        self.sink.abort().await;
        self.receipt.refuse(self.kind, error, 0).await
    }
}
