//! The whole way of a source, in one function: [`run`].

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use lakeward_domain::TokenKey;
use lakeward_engine::{IngestRecord, Session};
use lakeward_phi::scrub::ScrubPolicy;
use tokio::{
    sync::mpsc::{self, Receiver, Sender},
    task::JoinHandle,
};

use crate::{
    breaker::Breaker,
    bronze::{self, Bronze, Position},
    convert::{Converted, Converter},
    counts::Counts,
    error::{Error, Result},
    infer::{self, Studied},
    layout,
    quarantine::Quarantine,
    report::Report,
    request::{Progress, Request, Stage},
    source::{Input, Meter, Records},
};

/// The token domain of sources. Policies cannot name it: their domains hold no point.
const SOURCE_DOMAIN: &str = "ingest.source";
/// Batches that wait for the writer.
const WAITING: usize = 2;
/// How often progress is told.
const TELL_EVERY: Duration = Duration::from_millis(100);

/// Takes a source in: learns its types, plans what happens to each column, scrubs, writes.
///
/// # Errors
/// [`Error`] for a source that is not what it claims to be, a policy that cannot be used on it, and
/// whatever the engine refuses. What was committed before stays, and a run of the same source into the
/// same table goes on from there.
pub async fn run(
    session: &mut Session,
    request: Request,
    progress: &(dyn Fn(Progress) + Send + Sync),
) -> Result<Report> {
    let Request {
        source,
        format,
        into,
        scrub,
        dry_run,
        chunk_rows,
        resume,
    } = request;
    let keys = Arc::clone(session.engine().keys());
    let key = keys.token_key(SOURCE_DOMAIN);

    // Source: opened, looked at, read once to learn from.
    let (input, studied) = {
        let watch = Watch::new(progress, Stage::Study);
        let (meter, key) = (Arc::clone(&watch.meter), Arc::clone(&key));
        let task = tokio::task::spawn_blocking(move || {
            let mut input = Input::open(source, format)?;
            meter
                .total
                .store(input.bytes_total.unwrap_or(0), Ordering::Relaxed);
            let judge = input.is_studied_whole();
            let studied = infer::study(input.study(&key, &meter)?, judge)?;
            Ok::<_, Error>((input, studied))
        });
        watch.until(task).await??
    };
    let fingerprint = fingerprint(&key, &input.label, &studied);

    // Detect and plan: what every column holds and what becomes of it.
    let existing = session.engine().state().table_by_name(&into).cloned();
    let layout = layout::lay_out(&studied, &scrub, existing.as_ref(), &|domain| {
        keys.token_key(domain)
    })?;
    let reports = layout.reports.clone();

    // Bronze: made before the first row, with its tags, so that no crash leaves PHI untagged.
    if existing.is_none() && !dry_run {
        bronze::make_table(session, &into, &layout, scrub.statement()).await?;
    }
    let done = if resume {
        bronze::position(session, &into, &fingerprint)
    } else {
        None
    };
    let mut way = Way {
        bronze: Bronze::new(&into, &fingerprint, chunk_rows),
        quarantine: Quarantine::of(session, &into, &fingerprint, resume)?,
        breaker: Breaker::default(),
        counts: Counts::default(),
        held: 0,
        rows: 0,
        dry_run,
        last: done.clone(),
    };

    // Scrub and write: a thread takes records apart and scrubs them, this one writes.
    let read = {
        let watch = Watch::new(
            progress,
            if done.is_some() {
                Stage::Skip
            } else {
                Stage::Write
            },
        );
        watch
            .meter
            .total
            .store(input.bytes_total.unwrap_or(0), Ordering::Relaxed);
        let (sender, receiver) = mpsc::channel(WAITING);
        let converter = Converter::new(layout, scrub.detector().clone());
        let expected = input.is_studied_whole().then(|| studied.chain.clone());
        let meter = Arc::clone(&watch.meter);
        let task = tokio::task::spawn_blocking(move || {
            produce(
                input.take(&key, &meter)?,
                &converter,
                done.as_ref(),
                expected.as_deref(),
                &sender,
            )
        });
        match Box::pin(way.carry(session, receiver, task, &watch)).await {
            Ok(read) => read,
            Err(error) => {
                way.abort(&error).await;
                return Err(error);
            }
        }
    };
    way.finish(session, into, &scrub, fingerprint, read, reports)
        .await
}

/// The name of a source in the lake: says nothing to whoever lacks the lake's key.
fn fingerprint(key: &Arc<dyn TokenKey>, label: &str, studied: &Studied) -> String {
    use std::fmt::Write as _;
    let token = key.token(format!("{label}\n{}", studied.chain).as_bytes());
    token[..16]
        .iter()
        .fold(String::with_capacity(32), |mut text, byte| {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// How much of a source there was.
#[derive(Debug, Clone, Copy, Default)]
struct Read {
    records: u64,
    skipped: u64,
}

/// Takes records apart and scrubs them, batch by batch, until the source ends or nobody listens.
fn produce(
    mut records: Records,
    converter: &Converter,
    done: Option<&Position>,
    expected: Option<&str>,
    sender: &Sender<Converted>,
) -> Result<Read> {
    let mut read = Read::default();
    let skip = done.map_or(0, |done| done.record);
    while let Some(batch) = records.next()? {
        read.records = batch.last;
        if let Some(done) = done
            && batch.last == done.record
            && batch.chain != done.chain
        {
            return Err(Error::source_is(
                "the source is not the one that was begun: use another name for it, or do not resume",
            ));
        }
        if batch.last <= skip {
            continue;
        }
        if sender
            .blocking_send(converter.convert(&batch, skip)?)
            .is_err()
        {
            return Err(Error::BrokeOff);
        }
    }
    if read.records < skip {
        return Err(Error::source_is(
            "the source is shorter than what an earlier run took of it",
        ));
    }
    if expected.is_some_and(|expected| expected != records.chain()) {
        return Err(Error::source_is("the source changed while it was read"));
    }
    read.skipped = skip;
    Ok(read)
}

/// The writing end of the way.
struct Way {
    bronze: Bronze,
    quarantine: Quarantine,
    breaker: Breaker,
    counts: Counts,
    /// Records and values held.
    held: u64,
    /// Rows that went on.
    rows: u64,
    dry_run: bool,
    last: Option<Position>,
}

impl Way {
    async fn carry(
        &mut self,
        session: &mut Session,
        mut receiver: Receiver<Converted>,
        task: JoinHandle<Result<Read>>,
        watch: &Watch<'_>,
    ) -> Result<Read> {
        while let Some(batch) = watch.during(Stage::Skip, receiver.recv()).await {
            Box::pin(self.take(session, batch)).await?;
            watch.tell(Stage::Write, self.held);
            if self.bronze.is_full() && !self.dry_run {
                watch.tell(Stage::Commit, self.held);
                self.commit(session).await?;
            }
        }
        // The last chunk waits for the source's own end: a cut or changed source is not committed.
        let read = task.await.map_err(|_| Error::BrokeOff)??;
        self.breaker.finish()?;
        watch.tell(Stage::Commit, self.held);
        if !self.dry_run {
            self.commit(session).await?;
        }
        watch.tell(Stage::Done, self.held);
        Ok(read)
    }

    async fn take(&mut self, session: &mut Session, batch: Converted) -> Result<()> {
        self.breaker.add(batch.records, &batch.bad)?;
        self.counts.merge(batch.counts);
        for reason in &batch.bad {
            self.counts
                .add(reason.as_str(), "(record)", "quarantined", 1);
        }
        self.held += batch.held.len() as u64;
        self.rows += batch.rows.num_rows() as u64;
        if self.dry_run {
            self.quarantine.used |= !batch.held.is_empty();
        } else {
            self.quarantine.hold(session, &batch.held).await?;
            self.bronze
                .write(session, &batch.rows, batch.records)
                .await?;
        }
        self.last = Some(Position {
            record: batch.last,
            chain: batch.chain,
        });
        Ok(())
    }

    /// Quarantine first: a record that is left out of the table is held before that is visible.
    async fn commit(&mut self, _: &Session) -> Result<()> {
        if let Some(position) = self.last.clone() {
            self.quarantine.commit(&position).await?;
            self.bronze.commit(&position).await?;
        }
        Ok(())
    }

    async fn abort(&mut self, error: &Error) {
        self.quarantine.abort(error).await;
        self.bronze.abort(error).await;
    }

    async fn finish(
        self,
        session: &Session,
        into: lakeward_domain::TableName,
        scrub: &ScrubPolicy,
        fingerprint: String,
        read: Read,
        columns: Vec<crate::report::ColumnReport>,
    ) -> Result<Report> {
        let counts = self.counts.list();
        if !self.dry_run {
            let record = IngestRecord {
                table: into.clone(),
                source: fingerprint,
                scrub: scrub.statement(),
                rows: self.bronze.written,
                quarantined: self.held,
                counts: counts.clone(),
            };
            session.record_ingest(record).await?;
        }
        tracing::info!(
            rows = self.rows,
            quarantined = self.held,
            bad = self.breaker.bad(),
            dry_run = self.dry_run,
            "ingest finished"
        );
        Ok(Report {
            table: into,
            rows_read: read.records,
            rows_written: self.rows,
            rows_skipped_as_done: read.skipped,
            quarantined: self.held,
            quarantine: self.quarantine.used.then_some(self.quarantine.name),
            columns,
            counts,
            statement: scrub.statement(),
            dry_run: self.dry_run,
        })
    }
}

/// Tells how far a reading is, and stops it when nobody waits for it any more.
struct Watch<'a> {
    progress: &'a (dyn Fn(Progress) + Send + Sync),
    stage: Stage,
    meter: Arc<Meter>,
    held: AtomicU64,
}

impl<'a> Watch<'a> {
    fn new(progress: &'a (dyn Fn(Progress) + Send + Sync), stage: Stage) -> Self {
        Self {
            progress,
            stage,
            meter: Arc::default(),
            held: AtomicU64::new(0),
        }
    }

    fn tell(&self, stage: Stage, held: u64) {
        self.held.store(held, Ordering::Relaxed);
        let total = self.meter.total.load(Ordering::Relaxed);
        (self.progress)(Progress {
            bytes_read: self.meter.bytes.load(Ordering::Relaxed),
            bytes_total: (total > 0).then_some(total),
            rows: self.meter.records.load(Ordering::Relaxed),
            quarantined: held,
            stage,
        });
    }

    /// Waits, telling how far it is meanwhile.
    async fn during<T>(&self, stage: Stage, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = tokio::time::sleep(TELL_EVERY) => {
                    let stage = if self.stage == Stage::Skip { stage } else { self.stage };
                    self.tell(stage, self.held.load(Ordering::Relaxed));
                }
            }
        }
    }

    async fn until<T>(&self, task: JoinHandle<T>) -> Result<T> {
        let done = self
            .during(self.stage, task)
            .await
            .map_err(|_| Error::BrokeOff)?;
        self.tell(self.stage, 0);
        Ok(done)
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.meter.stop.store(true, Ordering::Relaxed);
    }
}
