//! Temporary files that only their maker can read, for spills, staging and buffers.
//!
//! Each file has a random key that is in memory only and is never written anywhere, so the bytes on
//! the device are noise the moment the process ends, however it ends. The file has no name
//! (`O_TMPFILE`), so a killed process leaves nothing to clean up.
//!
//! What a reader would get wrong: the end of what has been written is not the end of the data. A
//! reader may follow its writer; only after [`EphemeralFile::finish`] does "no more frames" mean
//! that there are no more, and [`EphemeralReader`] fails instead of ending early.

#![expect(
    clippy::disallowed_methods,
    reason = "opens the files that hold sealed frames and have no name"
)]

use std::{
    fmt,
    io::{self, Read, Write},
    os::fd::OwnedFd,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
};

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use rustix::{
    fs::{AtFlags, CWD, Mode, OFlags, openat, unlinkat},
    io::{Errno, pread, pwrite, retry_on_intr},
};
use zeroize::Zeroizing;

use crate::{Error, Result, Secret, derive::hex, random, sealing::TAG};

/// A limit on the bytes that temporary files may have on the device together. Cheap to clone; the
/// clones count together.
#[derive(Debug, Clone)]
pub struct Quota(Arc<Counter>);

#[derive(Debug)]
struct Counter {
    limit_bytes: u64,
    live_bytes: AtomicU64,
    written_bytes: AtomicU64,
}

impl Quota {
    /// A quota.
    #[must_use]
    pub fn new(limit_bytes: u64) -> Self {
        Self(Arc::new(Counter {
            limit_bytes,
            live_bytes: AtomicU64::new(0),
            written_bytes: AtomicU64::new(0),
        }))
    }

    /// The limit.
    #[must_use]
    pub fn limit_bytes(&self) -> u64 {
        self.0.limit_bytes
    }

    /// Bytes on the device now.
    #[must_use]
    pub fn live_bytes(&self) -> u64 {
        self.0.live_bytes.load(Ordering::Relaxed)
    }

    /// Bytes that were ever written under this quota.
    #[must_use]
    pub fn written_bytes(&self) -> u64 {
        self.0.written_bytes.load(Ordering::Relaxed)
    }

    fn reserve(&self, bytes: u64) -> Result<()> {
        let limit_bytes = self.0.limit_bytes;
        self.0
            .live_bytes
            .try_update(Ordering::Relaxed, Ordering::Relaxed, |live| {
                live.checked_add(bytes).filter(|sum| *sum <= limit_bytes)
            })
            .map(drop)
            .map_err(|_| Error::QuotaExceeded { limit_bytes })
    }

    fn release(&self, bytes: u64) {
        self.0.live_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// A sealed temporary file of frames. All methods take `&self`; appends are put in order.
pub struct EphemeralFile {
    device: OwnedFd,
    key: LessSafeKey,
    id: [u8; 16],
    quota: Quota,
    append: Mutex<()>,
    index: RwLock<Index>,
}

#[derive(Default)]
struct Index {
    frames: Vec<Frame>,
    end: u64,
    finished: bool,
    broken: bool,
}

#[derive(Clone, Copy)]
struct Frame {
    start: u64,
    length: usize,
}

impl EphemeralFile {
    /// Makes a file on the device of a folder.
    ///
    /// # Errors
    /// [`Error::Io`] when the folder is not there or not writable.
    pub fn create(folder: &Path, quota: &Quota) -> Result<Self> {
        let key = UnboundKey::new(&AES_256_GCM, Secret::random()?.reveal());
        Ok(Self {
            device: unnamed(folder)?,
            key: LessSafeKey::new(key.map_err(|_| Error::Primitive)?),
            id: random()?,
            quota: quota.clone(),
            append: Mutex::default(),
            index: RwLock::default(),
        })
    }

    /// Seals and appends a frame.
    ///
    /// # Errors
    /// [`Error::QuotaExceeded`], [`Error::Io`] (a full device has its own code), and
    /// [`Error::EphemeralMisuse`] after [`finish`](Self::finish). The frame is not there then.
    pub fn append_frame(&self, plain: &[u8]) -> Result<()> {
        self.append(plain, false)
    }

    /// Marks the end. Finishing twice is as finishing once.
    ///
    /// # Errors
    /// As [`append_frame`](Self::append_frame): the end is a frame too.
    pub fn finish(&self) -> Result<()> {
        if self.is_finished() {
            return Ok(());
        }
        self.append(&[], true)
    }

    /// How many frames can be read now.
    #[must_use]
    pub fn frames(&self) -> usize {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        index.frames.len() - usize::from(index.finished)
    }

    /// Reads a frame.
    ///
    /// # Errors
    /// [`Error::EphemeralMisuse`] unless the number is below [`frames`](Self::frames),
    /// [`Error::Altered`] when the device gives back other bytes than were written, or fewer.
    pub fn read_frame(&self, number: usize) -> Result<Vec<u8>> {
        match self.frame(number) {
            Some((frame, false)) => self.open(number, frame, false),
            _ => Err(NO_SUCH_FRAME),
        }
    }

    /// Whether the end is marked.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.index
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .finished
    }

    /// Bytes on the device.
    #[must_use]
    pub fn bytes_on_disk(&self) -> u64 {
        self.index
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .end
    }

    /// Checks the mark at the end.
    ///
    /// # Errors
    /// [`Error::EphemeralMisuse`] when the file is not finished, [`Error::Altered`] when the mark
    /// is not what was written.
    pub fn verify_end(&self) -> Result<()> {
        let number = self.frames();
        match self.frame(number) {
            Some((frame, true)) => self.open(number, frame, true).map(drop),
            _ => Err(NOT_FINISHED),
        }
    }

    /// A buffered writer of frames.
    #[must_use]
    pub fn writer(self: &Arc<Self>) -> EphemeralWriter {
        EphemeralWriter {
            file: Arc::clone(self),
            buffer: Zeroizing::new(Vec::with_capacity(WRITER_FRAME)),
        }
    }

    /// A reader from the first frame on.
    #[must_use]
    pub fn reader(self: &Arc<Self>) -> EphemeralReader {
        EphemeralReader {
            file: Arc::clone(self),
            next: 0,
            frame: Zeroizing::new(Vec::new()),
            position: 0,
        }
    }

    fn append(&self, plain: &[u8], last: bool) -> Result<()> {
        let _in_order = self.append.lock().unwrap_or_else(PoisonError::into_inner);
        let (number, start) = {
            let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
            match (index.broken, index.finished, last) {
                (true, _, _) => return Err(APPEND_AFTER_FAILURE),
                (_, true, true) => return Ok(()),
                (_, true, false) => return Err(APPEND_AFTER_END),
                (false, false, _) => (index.frames.len(), index.end),
            }
        };
        let mut sealed = Vec::with_capacity(plain.len() + TAG);
        sealed.extend_from_slice(plain);
        let (nonce, bound) = self.position(number, last);
        self.key
            .seal_in_place_append_tag(nonce, Aad::from(bound), &mut sealed)
            .map_err(|_| Error::Primitive)?;
        let length = sealed.len();
        self.quota.reserve(length as u64)?;
        if let Err(error) = write_all(&self.device, &sealed, start) {
            // INVARIANT: no nonce seals two frames that reach the device. Part of this one may have,
            // so the file takes no more; what was appended before stays readable, without an end.
            self.quota.release(length as u64);
            self.index
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .broken = true;
            return Err(error);
        }
        self.quota
            .0
            .written_bytes
            .fetch_add(length as u64, Ordering::Relaxed);
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        index.frames.push(Frame { start, length });
        index.end = start + length as u64;
        index.finished = last;
        Ok(())
    }

    fn frame(&self, number: usize) -> Option<(Frame, bool)> {
        let index = self.index.read().unwrap_or_else(PoisonError::into_inner);
        let frame = index.frames.get(number)?;
        let last = index.finished && number + 1 == index.frames.len();
        Some((*frame, last))
    }

    fn open(&self, number: usize, frame: Frame, last: bool) -> Result<Vec<u8>> {
        let mut sealed = vec![0; frame.length];
        read_exact(&self.device, &mut sealed, frame.start)?;
        let (nonce, bound) = self.position(number, last);
        let length = self
            .key
            .open_in_place(nonce, Aad::from(bound), &mut sealed)
            .map_err(|_| ALTERED)?
            .len();
        sealed.truncate(length);
        Ok(sealed)
    }

    /// A frame's nonce and associated data: its number, whether it is the last, and the file's id.
    fn position(&self, number: usize, last: bool) -> (Nonce, [u8; 25]) {
        let number = (number as u64).to_be_bytes();
        let mut nonce = [0; 12];
        nonce[3..11].copy_from_slice(&number);
        nonce[11] = u8::from(last);
        let mut bound = [0; 25];
        bound[..16].copy_from_slice(&self.id);
        bound[16..24].copy_from_slice(&number);
        bound[24] = u8::from(last);
        (Nonce::assume_unique_for_key(nonce), bound)
    }
}

impl fmt::Debug for EphemeralFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EphemeralFile")
            .field("frames", &self.frames())
            .finish_non_exhaustive()
    }
}

impl Drop for EphemeralFile {
    fn drop(&mut self) {
        self.quota.release(self.bytes_on_disk());
    }
}

/// Writes bytes as frames. Dropped without [`finish`](Self::finish), it leaves the file without an
/// end, so that no reader takes what is there for the whole.
#[derive(Debug)]
pub struct EphemeralWriter {
    file: Arc<EphemeralFile>,
    buffer: Zeroizing<Vec<u8>>,
}

impl EphemeralWriter {
    /// Seals what is buffered and marks the end.
    ///
    /// # Errors
    /// As [`EphemeralFile::append_frame`].
    pub fn finish(mut self) -> Result<()> {
        self.seal()?;
        self.file.finish()
    }

    fn seal(&mut self) -> Result<()> {
        if !self.buffer.is_empty() {
            self.file.append_frame(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }
}

impl Write for EphemeralWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffer.len() >= WRITER_FRAME {
            self.seal()?;
        }
        // Never beyond the capacity: growing would leave plaintext in freed memory.
        let room = WRITER_FRAME.saturating_sub(self.buffer.len());
        let taken = bytes.get(..room).unwrap_or(bytes);
        self.buffer.extend_from_slice(taken);
        Ok(taken.len())
    }

    /// Seals the frame that is not full yet: a reader that follows sees all that was written.
    fn flush(&mut self) -> io::Result<()> {
        Ok(self.seal()?)
    }
}

/// Reads the frames of a file as bytes. Fails at the end of a file that has no end yet.
#[derive(Debug)]
pub struct EphemeralReader {
    file: Arc<EphemeralFile>,
    next: usize,
    frame: Zeroizing<Vec<u8>>,
    position: usize,
}

impl Read for EphemeralReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.position >= self.frame.len() {
            // Finished first, frames second: the other order would take frames that a writer adds
            // between the two questions for frames that are not there.
            let finished = self.file.is_finished();
            if self.next < self.file.frames() {
                self.frame = Zeroizing::new(self.file.read_frame(self.next)?);
                self.position = 0;
                self.next += 1;
            } else if finished {
                self.file.verify_end()?;
                return Ok(0);
            } else {
                return Err(NOT_FINISHED.into());
            }
        }
        let mut rest = self.frame.get(self.position..).unwrap_or_default();
        let count = rest.read(buffer)?;
        self.position += count;
        Ok(count)
    }
}

/// Where the filesystem has no unnamed files, a random name that is removed before first use.
fn unnamed(folder: &Path) -> Result<OwnedFd> {
    const OPERATION: &str = "make a temporary file";
    let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::EXCL;
    let mode = Mode::RUSR | Mode::WUSR;
    match openat(CWD, folder, flags | OFlags::TMPFILE, mode) {
        Ok(device) => Ok(device),
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => {
            let path = folder.join(format!(".{}.tmp", hex(&random::<16>()?)));
            let device = openat(CWD, &path, flags | OFlags::CREATE, mode)
                .map_err(Error::errno(OPERATION))?;
            unlinkat(CWD, &path, AtFlags::empty()).map_err(Error::errno(OPERATION))?;
            Ok(device)
        }
        Err(errno) => Err(Error::errno(OPERATION)(errno)),
    }
}

fn write_all(device: &OwnedFd, bytes: &[u8], at: u64) -> Result<()> {
    const OPERATION: &str = "write a temporary file";
    let mut done = 0;
    while let Some(rest) = bytes.get(done..).filter(|rest| !rest.is_empty()) {
        match retry_on_intr(|| pwrite(device, rest, at + done as u64)) {
            Ok(0) => return Err(Error::errno(OPERATION)(Errno::IO)),
            Ok(count) => done += count,
            Err(errno) => return Err(Error::errno(OPERATION)(errno)),
        }
    }
    Ok(())
}

fn read_exact(device: &OwnedFd, bytes: &mut [u8], at: u64) -> Result<()> {
    let mut done = 0;
    while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match retry_on_intr(|| pread(device, &mut *rest, at + done as u64)) {
            Ok(0) => return Err(ALTERED),
            Ok(count) => done += count,
            Err(errno) => return Err(Error::errno("read a temporary file")(errno)),
        }
    }
    Ok(())
}

/// Plain bytes that the writer puts into a frame.
const WRITER_FRAME: usize = 256 * 1024;
const ALTERED: Error = Error::Altered {
    what: "temporary file",
};
const APPEND_AFTER_END: Error = Error::EphemeralMisuse {
    what: "was appended to after its end",
};

const NO_SUCH_FRAME: Error = Error::EphemeralMisuse {
    what: "has no frame of this number",
};
const NOT_FINISHED: Error = Error::EphemeralMisuse {
    what: "is not finished yet",
};
const APPEND_AFTER_FAILURE: Error = Error::EphemeralMisuse {
    what: "was appended to after a write failed",
};

#[cfg(test)]
mod tests;
