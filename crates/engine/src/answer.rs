//! The answer to a statement, and what of it goes on record.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, PoisonError},
    time::Duration,
};

use datafusion::arrow::{
    datatypes::{Schema, SchemaRef},
    record_batch::RecordBatch,
};
use futures::{StreamExt, stream::BoxStream};
use lakeward_audit::{ColumnDecision, Event, FilterDecision, TableUse};
use lakeward_catalog::State;
use lakeward_domain::{Code, ColumnId, QueryId, Table};
use lakeward_policy::{Action, decide};
use tokio::{sync::watch, time::Instant};

use crate::{
    error::{Error, Phase, Result, foreign},
    plan::GovernedPlan,
    pump::Pump,
    receipt::Receipt,
    resolve::Resolver,
    shape,
    write::now_asking,
};

/// Something a person should know beside the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The code, where the notice is a finding.
    pub code: Option<Code>,
    /// One or more sentences.
    pub text: String,
}

/// What a statement did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It returned rows.
    Rows,
    /// It changed something.
    Changed {
        /// Rows written, where rows were.
        rows: Option<u64>,
        /// In words.
        message: String,
    },
}

/// The answer. It exists only together with its entry in the ledger.
pub struct Answer {
    query: QueryId,
    schema: SchemaRef,
    batches: BoxStream<'static, Result<RecordBatch>>,
    outcome: Outcome,
    notices: Vec<Notice>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("query", &self.query)
            .finish_non_exhaustive()
    }
}

impl Answer {
    /// The id under which the ledger knows this statement.
    #[must_use]
    pub const fn query(&self) -> QueryId {
        self.query
    }

    /// The columns.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    /// What the statement did.
    #[must_use]
    pub const fn outcome(&self) -> &Outcome {
        &self.outcome
    }

    /// What a person should know beside it.
    #[must_use]
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    /// The next rows; `None` once *finished* is in the ledger.
    ///
    /// # Errors
    /// Whatever ends the statement, a ledger that cannot be written included.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>> {
        self.batches.next().await.transpose()
    }

    /// All rows at once.
    ///
    /// # Errors
    /// As [`Answer::next`].
    pub async fn collect(mut self) -> Result<Vec<RecordBatch>> {
        let mut all = Vec::new();
        while let Some(batch) = self.next().await? {
            all.push(batch);
        }
        Ok(all)
    }

    /// An answer whose rows still have to be computed.
    pub(crate) fn stream(
        plan: &GovernedPlan,
        resolver: Arc<Resolver>,
        states: watch::Receiver<Arc<State>>,
        receipt: Receipt,
        kind: &'static str,
        timeout: Duration,
    ) -> Result<Self, Box<(Receipt, Error)>> {
        let query = receipt.query();
        let schema = plan.schema();
        let context = plan.session.task_ctx();
        let rows =
            match datafusion::physical_plan::execute_stream(Arc::clone(&plan.physical), context) {
                Ok(rows) => rows,
                Err(error) => return Err(Box::new((receipt, foreign(&error, Phase::Run)))),
            };
        let state = Running {
            rows: Pump::start(rows),
            receipt: Some(receipt),
            resolver,
            states,
            kind,
            count: 0,
            deadline: Instant::now() + timeout,
        };
        let batches = futures::stream::unfold(state, |mut running| async move {
            let next = running.next().await?;
            Some((next, running))
        });
        Ok(Self {
            query,
            schema,
            batches: batches.boxed(),
            outcome: Outcome::Rows,
            notices: Vec::new(),
        })
    }

    /// An answer that is already there.
    pub(crate) async fn ready(
        receipt: Receipt,
        rows: Option<RecordBatch>,
        outcome: Outcome,
        notices: Vec<Notice>,
        keys: Vec<String>,
    ) -> Result<Self> {
        let query = receipt.query();
        let count = match (&rows, &outcome) {
            (Some(batch), _) => batch.num_rows() as u64,
            (None, Outcome::Changed { rows, .. }) => rows.unwrap_or(0),
            (None, Outcome::Rows) => 0,
        };
        receipt.finished(count, keys).await?;
        let schema = rows
            .as_ref()
            .map_or_else(|| Arc::new(Schema::empty()), RecordBatch::schema);
        let batches = futures::stream::iter(rows.into_iter().map(Ok)).boxed();
        Ok(Self {
            query,
            schema,
            batches,
            outcome,
            notices,
        })
    }
}

struct Running {
    rows: Pump,
    receipt: Option<Receipt>,
    resolver: Arc<Resolver>,
    states: watch::Receiver<Arc<State>>,
    kind: &'static str,
    count: u64,
    deadline: Instant,
}

impl Drop for Running {
    /// An answer that nobody reads to its end is finished with the rows that left. Where no runtime
    /// is left to write that, the statement counts as fully disclosed.
    fn drop(&mut self) {
        if let (Some(receipt), Ok(runtime)) =
            (self.receipt.take(), tokio::runtime::Handle::try_current())
        {
            let (count, keys) = (self.count, released(&self.resolver));
            runtime.spawn(receipt.finished(count, keys));
        }
    }
}

impl Running {
    async fn next(&mut self) -> Option<Result<RecordBatch>> {
        let receipt = self.receipt.take()?;
        let next = match self.rows_or_end().await {
            Ok(next) => next,
            Err(error) => {
                return Some(Err({
                    let keys = released(&self.resolver);
                    receipt.failed(self.kind, error, self.count, keys).await
                }));
            }
        };
        match next {
            Some(Ok(batch)) => {
                // Somebody else's entry may have failed meanwhile: no row leaves after that.
                if let Err(unwritten) = receipt.is_kept() {
                    return Some(Err(unwritten.of_query(receipt.query())));
                }
                self.count += batch.num_rows() as u64;
                self.receipt = Some(receipt);
                Some(Ok(batch))
            }
            Some(Err(error)) => {
                // A table that was dropped meanwhile has no files: that is no broken disk.
                let now = Arc::clone(&self.states.borrow());
                let error = match self.still_allowed(&now) {
                    Ok(()) => foreign(&error, Phase::Run),
                    Err(gone) => gone,
                };
                Some(Err({
                    let keys = released(&self.resolver);
                    receipt.failed(self.kind, error, self.count, keys).await
                }))
            }
            None => {
                let keys = released(&self.resolver);
                match receipt.finished(self.count, keys).await {
                    Ok(()) => None,
                    Err(error) => Some(Err(error)),
                }
            }
        }
    }

    /// The next rows, unless the deadline or a revocation comes first.
    async fn rows_or_end(
        &mut self,
    ) -> Result<Option<std::result::Result<RecordBatch, datafusion::error::DataFusionError>>> {
        let mut watching = true;
        loop {
            if self.states.has_changed().unwrap_or(false) {
                let now = Arc::clone(&self.states.borrow_and_update());
                self.still_allowed(&now)?;
            }
            tokio::select! {
                changed = self.states.changed(), if watching => match changed {
                    Ok(()) => {
                        let now = Arc::clone(&self.states.borrow());
                        self.still_allowed(&now)?;
                    }
                    // The engine is closing: nothing more will change.
                    Err(_) => watching = false,
                },
                next = tokio::time::timeout_at(self.deadline, self.rows.next()) => {
                    return next.map_err(|_| {
                        Error::new(
                            Code::DeadlineExceeded,
                            "the statement ran into its deadline",
                        )
                    });
                }
            }
        }
    }

    /// Whether the requester would still be ruled as they were (POLICY.md point 12).
    fn still_allowed(&self, now: &State) -> Result<()> {
        let revoked = || Error::new(Code::Denied, "your rights changed while the statement ran");
        let requester = now_asking(now, &self.resolver.requester).map_err(|_| revoked())?;
        for governed in self.resolver.resolved() {
            if now.table(governed.table.id).is_none() {
                return Err(Error::new(
                    Code::Conflict,
                    "a table of the statement was dropped meanwhile",
                ));
            }
            match decide(now, &requester, governed.table.id, Action::Select) {
                Ok(ruling) if ruling == *governed.ruling => {}
                _ => return Err(revoked()),
            }
        }
        Ok(())
    }
}

/// KEKs that were really used, and columns whose data keys were unwrapped, by id.
pub(crate) fn released(resolver: &Resolver) -> Vec<String> {
    let mut columns: BTreeMap<String, u64> = BTreeMap::new();
    let mut keks = BTreeSet::new();
    for access in resolver.keys() {
        keks.extend(access.keks());
        for (column, count) in access.released() {
            *columns.entry(column.to_string()).or_default() += count;
        }
    }
    let keks = keks
        .into_iter()
        .map(|(key, version)| format!("{key}@{version}"));
    keks.chain(
        columns
            .into_iter()
            .map(|(column, count)| format!("{column}*{count}")),
    )
    .collect()
}

/// What was decided, for the ledger, before the first row leaves.
pub(crate) fn decided(
    resolver: &Resolver,
    sql: &str,
    kind: &str,
    functions: &[String],
    target: Option<&Table>,
) -> Event {
    let mut known: BTreeSet<String> = functions.iter().cloned().collect();
    let (mut tables, mut columns, mut row_filters, mut keys) =
        (Vec::new(), Vec::new(), Vec::new(), BTreeSet::new());
    if let Some(table) = target {
        known.insert(table.name.schema.to_string());
        known.insert(table.name.table.to_string());
        known.extend(table.columns.iter().map(|column| column.name.to_string()));
        tables.push(TableUse {
            table: table.id,
            name: table.name.clone(),
            version: table.published.version,
        });
    }
    for governed in resolver.resolved() {
        let table = &governed.table;
        known.insert(table.name.schema.to_string());
        known.insert(table.name.table.to_string());
        known.extend(table.columns.iter().map(|column| column.name.to_string()));
        tables.push(TableUse {
            table: table.id,
            name: table.name.clone(),
            version: table.published.version,
        });
        let asked = governed
            .asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        for column in table
            .columns
            .iter()
            .filter(|column| asked.contains(&column.id))
        {
            let Some(ruling) = governed.ruling.columns.get(&column.id) else {
                continue;
            };
            keys.extend(ruling.reads.iter().filter_map(|id| key_of(table, *id)));
            columns.push(ColumnDecision {
                table: table.id,
                column: column.id,
                name: column.name.clone(),
                access: ruling.access,
                because: ruling.because.clone(),
            });
        }
        if let Some(filter) = &governed.ruling.row_filter {
            keys.extend(filter.reads.iter().filter_map(|id| key_of(table, *id)));
            row_filters.extend(filter.because.iter().map(|because| FilterDecision {
                table: table.id,
                because: because.clone(),
            }));
        }
    }
    Event::Decided {
        statement: kind.to_owned(),
        shape: shape::of(sql, &known),
        tables,
        columns,
        row_filters,
        catalog_epoch: resolver.state.epoch,
        keys: keys.into_iter().collect(),
    }
}

/// The KEK that a column's new files are under.
fn key_of(table: &Table, column: ColumnId) -> Option<String> {
    let class = table.class(table.column_by_id(column)?);
    let (key, version) = table.keys.get(&class)?;
    Some(format!("{key}@{version}"))
}
