//! The engine's temporary files, sealed.
//!
//! Frames go through [`EphemeralFile`]: an unnamed file and a random key in memory. What a reader
//! would get wrong, in three points. A writer that flushes must seal what it has, because a reader
//! may follow it. A reader that catches up with the writer has to wait: ending early would look like
//! the end of the data and silently drop rows. And the engine decodes spilled batches without
//! validation, so authentication is what keeps a changed device from breaking memory safety. The
//! engine's own quota does not see files of a custom factory; the [`Quota`] here is the only one.

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, Write},
    path::PathBuf,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use datafusion::{
    error::{DataFusionError, Result},
    execution::{SpillFile, SpillWriter, TempFileFactory},
};
use futures::{FutureExt, Stream, ready};
use lakeward_keys::{EphemeralFile, Quota};
use tokio::task::JoinHandle;

/// Plain bytes per frame.
const FRAME: usize = 256 * 1024;

/// What was spilled since the factory was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpillCounts {
    /// Files.
    pub files: u64,
    /// Files per operator, by the engine's own description of it.
    pub by_operator: BTreeMap<String, u64>,
    /// Bytes on the device now.
    pub live_bytes: u64,
    /// Bytes ever written.
    pub written_bytes: u64,
}

/// Makes sealed temporary files for the engine.
pub struct SealedSpill {
    folder: PathBuf,
    quota: Quota,
    by_operator: Mutex<BTreeMap<String, u64>>,
}

impl SealedSpill {
    /// Files on the device of this folder, within this quota.
    pub fn new(folder: impl Into<PathBuf>, quota: Quota) -> Self {
        Self {
            folder: folder.into(),
            quota,
            by_operator: Mutex::default(),
        }
    }

    /// What was spilled so far.
    #[must_use]
    pub fn counts(&self) -> SpillCounts {
        let by_operator = lock(&self.by_operator).clone();
        SpillCounts {
            files: by_operator.values().sum(),
            by_operator,
            live_bytes: self.quota.live_bytes(),
            written_bytes: self.quota.written_bytes(),
        }
    }
}

impl fmt::Debug for SealedSpill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedSpill").finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn spill_error(error: lakeward_keys::Error) -> DataFusionError {
    match error {
        // The engine has a kind of its own for it, and answers it by spilling less.
        lakeward_keys::Error::QuotaExceeded { .. } => {
            DataFusionError::ResourcesExhausted(error.to_string())
        }
        other => crate::Error::Keys(other).into(),
    }
}

impl TempFileFactory for SealedSpill {
    fn create_temp_file(&self, description: &str) -> Result<Arc<dyn SpillFile>> {
        let file = EphemeralFile::create(&self.folder, &self.quota).map_err(spill_error)?;
        *lock(&self.by_operator)
            .entry(description.to_owned())
            .or_default() += 1;
        Ok(Arc::new(Spilled(Arc::new(Shared {
            file,
            state: Mutex::default(),
        }))))
    }
}

struct Shared {
    file: EphemeralFile,
    state: Mutex<State>,
}

/// Readers that wait for the next frame, and whether the writer went away without an end.
#[derive(Default)]
struct State {
    waiting: Vec<Waker>,
    broken: bool,
}

impl Shared {
    fn wake(&self) {
        for waker in lock(&self.state).waiting.drain(..) {
            waker.wake();
        }
    }
}

struct Spilled(Arc<Shared>);

impl SpillFile for Spilled {
    fn size(&self) -> Option<u64> {
        Some(self.0.file.bytes_on_disk())
    }

    fn read_stream(&self) -> Result<Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>> {
        Ok(Box::pin(Reader {
            shared: Arc::clone(&self.0),
            next: 0,
            job: None,
            ended: false,
        }))
    }

    fn open_writer(&self) -> Result<Box<dyn SpillWriter>> {
        Ok(Box::new(Writer {
            shared: Arc::clone(&self.0),
            buffer: Vec::with_capacity(FRAME),
            finished: false,
        }))
    }
}

struct Writer {
    shared: Arc<Shared>,
    buffer: Vec<u8>,
    finished: bool,
}

impl Writer {
    fn seal(&mut self) -> Result<(), lakeward_keys::Error> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.shared.file.append_frame(&self.buffer)?;
        self.buffer.clear();
        self.shared.wake();
        Ok(())
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full buffer is one whose sealing failed before; it is tried again, not grown.
        if self.buffer.len() >= FRAME {
            self.seal()?;
        }
        let taken = bytes.len().min(FRAME - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        if self.buffer.len() == FRAME {
            self.seal()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(self.seal()?)
    }
}

impl SpillWriter for Writer {
    fn finish(&mut self) -> Result<()> {
        self.seal().map_err(spill_error)?;
        self.shared.file.finish().map_err(spill_error)?;
        self.finished = true;
        self.shared.wake();
        Ok(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.finished && !self.shared.file.is_finished() {
            // Without this a reader that follows would wait for ever.
            lock(&self.shared.state).broken = true;
            self.shared.wake();
        }
    }
}

struct Reader {
    shared: Arc<Shared>,
    next: usize,
    job: Option<JoinHandle<Result<Vec<u8>, lakeward_keys::Error>>>,
    ended: bool,
}

impl Reader {
    fn failed(&mut self, error: DataFusionError) -> Poll<Option<Result<Bytes>>> {
        self.ended = true;
        Poll::Ready(Some(Err(error)))
    }
}

impl Stream for Reader {
    type Item = Result<Bytes>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if this.ended {
                return Poll::Ready(None);
            }
            if let Some(job) = this.job.as_mut() {
                let done = ready!(job.poll_unpin(context));
                this.job = None;
                return match done {
                    Ok(Ok(frame)) => {
                        this.next += 1;
                        Poll::Ready(Some(Ok(Bytes::from(frame))))
                    }
                    Ok(Err(error)) => this.failed(spill_error(error)),
                    Err(stopped) => this.failed(DataFusionError::External(Box::new(stopped))),
                };
            }
            let mut state = lock(&this.shared.state);
            // The end first: a frame and the end may come between two questions.
            let finished = this.shared.file.is_finished();
            if this.shared.file.frames() <= this.next {
                if finished {
                    drop(state);
                    return match this.shared.file.verify_end() {
                        Ok(()) => {
                            this.ended = true;
                            Poll::Ready(None)
                        }
                        Err(error) => this.failed(spill_error(error)),
                    };
                }
                if state.broken {
                    drop(state);
                    return this.failed(broken());
                }
                if !state
                    .waiting
                    .iter()
                    .any(|old| old.will_wake(context.waker()))
                {
                    state.waiting.push(context.waker().clone());
                }
                return Poll::Pending;
            }
            drop(state);
            let (shared, number) = (Arc::clone(&this.shared), this.next);
            this.job = Some(tokio::task::spawn_blocking(move || {
                shared.file.read_frame(number)
            }));
        }
    }
}

fn broken() -> DataFusionError {
    crate::Error::Misuse {
        what: "a temporary file has no end",
    }
    .into()
}
