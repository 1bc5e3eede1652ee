//! Writes batches of entries: seal, hash, sign, append, sync, publish.
//!
//! Order of a batch, which recovery relies on: records and their seal in one append, synced; tiles
//! that became full; the file `checkpoint`. Nobody is told before the last of these. So a record
//! that somebody was told about is covered by the `checkpoint` file, and a record that no seal
//! covers was told to nobody.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use lakeward_domain::{LakeId, Sealer, Signer};
use tokio::sync::{mpsc, oneshot};

use crate::{
    Entry, Error, Result, frame,
    frame::{Header, SEGMENT_RECORDS, segment_name},
    note::Signed,
    sink::{Growing, Sink},
    tree::Tree,
};

pub(crate) const CHECKPOINT: &str = "checkpoint";
pub(crate) const RECORDS: &str = "records";
/// The version of an entry's plaintext: this byte, then JSON.
const ENTRY_VERSION: u8 = 1;
/// Where a batch ends even if more is waiting.
const BATCH_BYTES: usize = 4 << 20;
const BATCH_ENTRIES: u64 = 512;

/// What readers may see: everything acknowledged.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) tree: Tree,
    pub(crate) note: String,
}

/// The newest [`Head`], shared between writer and readers.
#[derive(Debug)]
pub(crate) struct Published {
    head: Mutex<Arc<Head>>,
    stopped: AtomicBool,
}

impl Published {
    pub(crate) fn new(head: Head) -> Self {
        Self {
            head: Mutex::new(Arc::new(head)),
            stopped: AtomicBool::new(false),
        }
    }

    pub(crate) fn head(&self) -> Arc<Head> {
        Arc::clone(&self.head.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a write has failed.
    pub(crate) fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    fn set(&self, head: Head) {
        *self.head.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(head);
    }

    fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
    }
}

/// An entry that waits to be written, encoded.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) plain: Vec<u8>,
    pub(crate) done: oneshot::Sender<Result<u64>>,
}

/// The end of the log, with everything that is needed to make it longer.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) sink: Sink,
    pub(crate) lake: LakeId,
    pub(crate) sealer: Arc<dyn Sealer>,
    pub(crate) signer: Arc<dyn Signer>,
    pub(crate) tree: Tree,
    /// The segment that grows; none before the first entry of a new one.
    pub(crate) segment: Option<Growing>,
    /// The length of the segment before the next one, where that is to be made.
    pub(crate) previous_bytes: u64,
    pub(crate) published: Arc<Published>,
    pub(crate) stopped: bool,
}

impl Writer {
    /// Serves jobs until every sender is gone. Runs on a thread of its own.
    pub(crate) fn serve(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(first) = jobs.blocking_recv() {
            let mut bytes = first.plain.len();
            let mut batch = vec![first];
            // Whoever came while the last batch was synced shares the next sync.
            while bytes < BATCH_BYTES
                && (batch.len() as u64) < self.room().min(BATCH_ENTRIES)
                && let Ok(job) = jobs.try_recv()
            {
                bytes += job.plain.len();
                batch.push(job);
            }
            let (plain, waiting): (Vec<_>, Vec<_>) =
                batch.into_iter().map(|job| (job.plain, job.done)).unzip();
            match self.commit(&plain) {
                Ok(first) => {
                    for (index, done) in (first..).zip(waiting) {
                        // A caller that went away has its entry nevertheless.
                        drop(done.send(Ok(index)));
                    }
                }
                Err(error) => {
                    if self.stopped {
                        self.published.stop();
                    }
                    let mut error = Some(error);
                    for done in waiting {
                        let error = error.take().unwrap_or(Error::Stopped);
                        drop(done.send(Err(error)));
                    }
                }
            }
        }
    }

    /// Writes a batch that fits into the segment; gives the index of its first entry.
    pub(crate) fn commit(&mut self, batch: &[Vec<u8>]) -> Result<u64> {
        if self.stopped {
            return Err(Error::Stopped);
        }
        let first = self.tree.size();
        let mut tree = self.tree.clone();
        let mut full = Vec::new();
        let mut bytes = Vec::new();
        let new_segment = self.segment.is_none();
        if new_segment {
            let header = Header {
                lake: self.lake,
                first,
                previous_bytes: self.previous_bytes,
            };
            bytes.extend_from_slice(&header.encode());
        }
        for plain in batch {
            let context = frame::context(self.lake, tree.size());
            let sealed = self.sealer.seal(plain, &context).map_err(Error::Key)?;
            tree.push(frame::push_record(&mut bytes, &sealed)?, &mut full);
        }
        let note = Signed {
            lake: self.lake,
            size: tree.size(),
            root: tree.root(),
        }
        .sign(&*self.signer)?;
        frame::push_seal(&mut bytes, &note)?;

        // From here on a failure leaves files that differ from what is known here.
        self.stopped = true;
        self.append(&bytes, first / SEGMENT_RECORDS)?;
        if new_segment {
            self.sink.sync_folder(RECORDS)?;
        }
        for tile in full {
            let name = tile.name();
            if let Some((folder, _)) = name.rsplit_once('/') {
                self.sink.make_folder(folder)?;
            }
            self.sink.replace(&name, &tile.bytes(), true)?;
        }
        // A full segment is never looked into again at open, so its checkpoint must outlast a
        // power cut.
        let segment_full = tree.size().is_multiple_of(SEGMENT_RECORDS);
        self.sink
            .replace(CHECKPOINT, note.as_bytes(), new_segment || segment_full)?;
        if segment_full {
            self.previous_bytes = self.segment.take().map_or(0, |segment| segment.bytes());
        }
        self.tree = tree.clone();
        self.published.set(Head { tree, note });
        self.stopped = false;
        Ok(first)
    }

    fn append(&mut self, bytes: &[u8], segment: u64) -> Result<()> {
        let growing = match &mut self.segment {
            Some(growing) => growing,
            none => none.insert(
                self.sink
                    .grow(&format!("{RECORDS}/{}", segment_name(segment)))?,
            ),
        };
        let before = growing.bytes();
        growing.append(bytes).inspect_err(|_| {
            // Best effort: the next open would drop the same bytes.
            drop(growing.cut(before));
        })
    }

    fn room(&self) -> u64 {
        SEGMENT_RECORDS - self.tree.size() % SEGMENT_RECORDS
    }
}

/// The plaintext of an entry.
pub(crate) fn encode(entry: &Entry) -> Result<Vec<u8>> {
    let mut plain = vec![ENTRY_VERSION];
    serde_json::to_writer(&mut plain, entry).map_err(|_| Error::Encode)?;
    // Room for what sealing adds, so that an entry is refused before it is sealed.
    if plain.len() > frame::MAX_RECORD_BYTES - 1_024 {
        return Err(Error::TooLarge { bytes: plain.len() });
    }
    Ok(plain)
}

/// Opens a sealed record.
pub(crate) fn decode(
    sealer: &dyn Sealer,
    lake: LakeId,
    index: u64,
    sealed: &[u8],
) -> Result<Entry> {
    let plain = sealer
        .open(sealed, &frame::context(lake, index))
        .map_err(|error| match error {
            lakeward_domain::SealError::Altered => {
                Error::tampered_at("a record does not open at its place", index)
            }
            error => Error::Key(error),
        })?;
    let unknown = |found: u8| Error::Version {
        found: u32::from(found),
        known: u32::from(ENTRY_VERSION),
    };
    match plain.split_first() {
        Some((&ENTRY_VERSION, json)) => {
            // It authenticates, so it was written by us: an entry that cannot be read is newer.
            serde_json::from_slice(json).map_err(|_| unknown(ENTRY_VERSION + 1))
        }
        Some((&found, _)) => Err(unknown(found)),
        None => Err(unknown(0)),
    }
}
