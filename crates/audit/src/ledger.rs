//! The ledger as the other rooms see it.
//!
//! One thread writes; everybody's appends meet there and share its syncs. Reading blocks on files:
//! call it where blocking is fine (`spawn_blocking`).

use std::{
    fmt,
    ops::Range,
    path::Path,
    sync::Arc,
    thread::{self, JoinHandle},
};

use lakeward_domain::{Clock, LakeId, Sealer, Signer};
use tokio::sync::{mpsc, oneshot};

use crate::{
    Entry, Error, Recovery, Result,
    frame::{SEGMENT_RECORDS, Scan, segment_name},
    recover,
    sink::{Lock, Sink},
    tree::WIDTH,
    writer::{self, Head, Job, Published, RECORDS, Writer},
};

/// Appends that may wait for the writer before callers have to.
const QUEUE: usize = 1_024;

/// An open ledger. Share it as an `Arc`; dropping the last one waits for the writer.
pub struct Ledger {
    lake: LakeId,
    sink: Sink,
    sealer: Arc<dyn Sealer>,
    clock: Arc<dyn Clock>,
    published: Arc<Published>,
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    // Dropped last, when the writer is gone.
    _lock: Lock,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("lake", &self.lake)
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}

impl Ledger {
    /// Makes an empty ledger in a folder, which is made too.
    ///
    /// # Errors
    /// [`Error::Exists`] if there is one, [`Error::Unavailable`] if files cannot be written.
    pub fn create(
        dir: &Path,
        lake: LakeId,
        sealer: Arc<dyn Sealer>,
        signer: Arc<dyn Signer>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let sink = Sink::new(dir);
        Self::create_in(sink, lake, sealer, signer, clock)
    }

    /// Opens a ledger, and repairs what a crash left (see [`Recovery`]).
    ///
    /// # Errors
    /// [`Error::Tampered`] if the files are not what was signed, [`Error::Busy`] if another process
    /// has the ledger open.
    pub fn open(
        dir: &Path,
        lake: LakeId,
        sealer: Arc<dyn Sealer>,
        signer: Arc<dyn Signer>,
        clock: Arc<dyn Clock>,
    ) -> Result<(Self, Recovery)> {
        let sink = Sink::new(dir);
        Self::open_in(sink, lake, sealer, signer, clock)
    }

    pub(crate) fn create_in(
        sink: Sink,
        lake: LakeId,
        sealer: Arc<dyn Sealer>,
        signer: Arc<dyn Signer>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        sink.make_folder("")?;
        let lock = sink.lock()?;
        recover::create(&sink, lake, &*signer)?;
        let (writer, _) = recover::open(sink, lake, sealer, signer, &*clock)?;
        Self::start(writer, clock, lock)
    }

    pub(crate) fn open_in(
        sink: Sink,
        lake: LakeId,
        sealer: Arc<dyn Sealer>,
        signer: Arc<dyn Signer>,
        clock: Arc<dyn Clock>,
    ) -> Result<(Self, Recovery)> {
        if sink.read(writer::CHECKPOINT)?.is_none() {
            return Err(Error::tampered("the checkpoint is missing"));
        }
        let lock = sink.lock()?;
        let (writer, recovery) = recover::open(sink, lake, sealer, signer, &*clock)?;
        Ok((Self::start(writer, clock, lock)?, recovery))
    }

    fn start(writer: Writer, clock: Arc<dyn Clock>, lock: Lock) -> Result<Self> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let lake = writer.lake;
        let sink = writer.sink.clone();
        let sealer = Arc::clone(&writer.sealer);
        let published = Arc::clone(&writer.published);
        let thread = thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || writer.serve(queue))
            .map_err(Error::io("start its writer"))?;
        Ok(Self {
            lake,
            sink,
            sealer,
            clock,
            published,
            jobs: Some(jobs),
            thread: Some(thread),
            _lock: lock,
        })
    }

    /// Appends an entry and gives its index. The entry is durable and covered by a signed
    /// checkpoint before this returns. A caller that stops waiting has its entry nevertheless.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if it could not be written; every later append is then refused with
    /// [`Error::Stopped`] until the ledger is opened again. An entry whose append failed may be
    /// found in the ledger nevertheless, never the other way round.
    pub async fn append(&self, entry: Entry) -> Result<u64> {
        let plain = writer::encode(&entry)?;
        let (done, wait) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or(Error::Stopped)?;
        jobs.send(Job { plain, done })
            .await
            .map_err(|_| Error::Stopped)?;
        wait.await.map_err(|_| Error::Stopped)?
    }

    /// The clock that entries take their time from.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// The lake it belongs to.
    #[must_use]
    pub const fn lake(&self) -> LakeId {
        self.lake
    }

    /// Whether a write has failed, so that nothing more is accepted until it is opened again. A
    /// statement that is still under way must end then.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.published.stopped()
    }

    /// How many entries it has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.published.head().tree.size()
    }

    /// The newest signed checkpoint, which covers every acknowledged entry. Keep a copy elsewhere:
    /// only against such a copy is an old copy of the whole ledger noticed.
    ///
    /// # Errors
    /// Kept in memory, so it does not fail; the type leaves room for a sink that has to fetch it.
    pub fn checkpoint(&self) -> Result<String> {
        Ok(self.published.head().note.clone())
    }

    /// The root hash, in base64 as in the checkpoint.
    #[must_use]
    pub fn root(&self) -> String {
        self.published.head().tree.root().to_string()
    }

    /// Entries by index, as far as there are any, each proved against the newest checkpoint.
    ///
    /// # Errors
    /// [`Error::Tampered`] if one is not what was signed.
    pub fn entries(&self, range: Range<u64>) -> Result<Vec<(u64, Entry)>> {
        let head = self.published.head();
        let end = range.end.min(head.tree.size());
        let mut entries = Vec::new();
        let mut at = range.start;
        while at < end {
            let segment = at / SEGMENT_RECORDS;
            let stop = end.min((segment + 1) * SEGMENT_RECORDS);
            let segment = Segment::read(&self.sink, &head, segment)?;
            for index in at..stop {
                let sealed = segment.record(index)?;
                let entry = writer::decode(&*self.sealer, self.lake, index, sealed)?;
                entries.push((index, entry));
            }
            at = stop;
        }
        Ok(entries)
    }

    /// The newest entry that `wanted` finds something in.
    ///
    /// # Errors
    /// As [`Ledger::entries`].
    pub fn latest<T>(&self, wanted: impl Fn(&Entry) -> Option<T>) -> Result<Option<T>> {
        let head = self.published.head();
        let size = head.tree.size();
        for segment in (0..size.div_ceil(SEGMENT_RECORDS)).rev() {
            let first = segment * SEGMENT_RECORDS;
            let end = size.min(first + SEGMENT_RECORDS);
            let segment = Segment::read(&self.sink, &head, segment)?;
            for index in (first..end).rev() {
                let sealed = segment.record(index)?;
                let entry = writer::decode(&*self.sealer, self.lake, index, sealed)?;
                if let Some(found) = wanted(&entry) {
                    return Ok(Some(found));
                }
            }
        }
        Ok(None)
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // The writer does not panic; if it did, what it acknowledged is on disk.
            drop(thread.join());
        }
    }
}

/// A segment in memory, with the hashes that prove it.
struct Segment {
    first: u64,
    bytes: Vec<u8>,
    scan: Scan,
    leaves: Vec<tlog_tiles::Hash>,
}

impl Segment {
    fn read(sink: &Sink, head: &Head, segment: u64) -> Result<Self> {
        let bytes = sink
            .read(&format!("{RECORDS}/{}", segment_name(segment)))?
            .ok_or(Error::tampered_at("a segment is missing", segment))?;
        let scan = Scan::of(&bytes);
        let first = segment * SEGMENT_RECORDS;
        let end = head.tree.size().min(first + SEGMENT_RECORDS);
        let read = |level, index| recover::read_tile(sink, level, index);
        let mut leaves = Vec::new();
        for tile in first / WIDTH..end.div_ceil(WIDTH) {
            leaves.extend(head.tree.tile(0, tile, &read)?);
        }
        Ok(Self {
            first,
            bytes,
            scan,
            leaves,
        })
    }

    fn record(&self, index: u64) -> Result<&[u8]> {
        let place = usize::try_from(index - self.first).unwrap_or(usize::MAX);
        let record = self.scan.records.get(place);
        record
            .filter(|record| self.leaves.get(place) == Some(&record.leaf))
            .and_then(|record| self.bytes.get(record.payload.clone()))
            .ok_or(Error::tampered_at(
                "an entry is missing or different",
                index,
            ))
    }
}

#[cfg(test)]
mod tests;
