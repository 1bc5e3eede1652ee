//! The ledger's files; the only place of this crate that touches the file system.
//!
//! Everything written here is sealed, hashed or signed by the caller. A file is replaced whole
//! (written beside, synced, renamed) or grows at its end; nothing is changed in place.

#![expect(
    clippy::disallowed_methods,
    reason = "the ledger's records are sealed before they come here"
)]

use std::{
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use crate::{Error, Result};

const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;
const BESIDE: &str = "new";

/// A ledger's folder.
#[derive(Debug, Clone)]
pub(crate) struct Sink {
    folder: PathBuf,
    #[cfg(test)]
    pub(crate) fault: std::sync::Arc<testing::Fault>,
}

/// Holds the ledger against other processes until dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// A file that grows.
#[derive(Debug)]
pub(crate) struct Growing {
    sink: Sink,
    file: File,
    bytes: u64,
}

impl Sink {
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            #[cfg(test)]
            fault: std::sync::Arc::default(),
        }
    }

    /// Makes a folder with what is missing above it.
    pub(crate) fn make_folder(&self, name: &str) -> Result<()> {
        self.step()
            .and_then(|()| {
                DirBuilder::new()
                    .recursive(true)
                    .mode(FOLDER_MODE)
                    .create(self.folder.join(name))
            })
            .map_err(Error::io("make a folder"))
    }

    /// Takes the lock.
    pub(crate) fn lock(&self) -> Result<Lock> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(FILE_MODE)
            .open(self.folder.join("lock"))
            .map_err(Error::io("open its lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(Error::Busy),
            Err(TryLockError::Error(error)) => Err(Error::io("take its lock")(error)),
        }
    }

    /// A whole file, if there is one.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        match fs::read(self.folder.join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("read a file")(error)),
        }
    }

    /// The first `limit` bytes of a file and its length, if there is one.
    pub(crate) fn read_start(&self, name: &str, limit: u64) -> Result<Option<(Vec<u8>, u64)>> {
        let file = match File::open(self.folder.join(name)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read a file")(error)),
        };
        let mut start = Vec::new();
        file.metadata()
            .and_then(|metadata| {
                file.take(limit).read_to_end(&mut start)?;
                Ok(Some((start, metadata.len())))
            })
            .map_err(Error::io("read a file"))
    }

    /// The files in a folder and below, as paths relative to it, sorted.
    pub(crate) fn list(&self, folder: &str) -> Result<Vec<String>> {
        let mut found = Vec::new();
        let mut folders = vec![(self.folder.join(folder), String::new())];
        while let Some((folder, prefix)) = folders.pop() {
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(Error::io("list a folder")(error)),
            };
            for entry in entries {
                let entry = entry.map_err(Error::io("list a folder"))?;
                let kind = entry.file_type().map_err(Error::io("list a folder"))?;
                let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
                if kind.is_dir() {
                    folders.push((entry.path(), format!("{name}/")));
                } else {
                    found.push(name);
                }
            }
        }
        found.sort();
        Ok(found)
    }

    /// Replaces a file whole: old or new is there after a crash, never half of it. With
    /// `lasting`, the new one is there after a power cut too; without, the one before may be.
    pub(crate) fn replace(&self, name: &str, bytes: &[u8], lasting: bool) -> Result<()> {
        let beside = self.folder.join(BESIDE);
        let target = self.folder.join(name);
        let write = || {
            self.step()?;
            let mut file = OpenOptions::new()
                .create(true)
                .truncate(true)
                .write(true)
                .mode(FILE_MODE)
                .open(&beside)?;
            self.write_all(&mut file, bytes)?;
            self.step()?;
            file.sync_all()?;
            self.step()?;
            fs::rename(&beside, &target)
        };
        write().map_err(Error::io("replace a file"))?;
        if lasting {
            let folder = target.parent().unwrap_or(&self.folder);
            self.sync_path(folder)?;
        }
        Ok(())
    }

    /// Makes the names in a folder durable.
    pub(crate) fn sync_folder(&self, name: &str) -> Result<()> {
        self.sync_path(&self.folder.join(name))
    }

    pub(crate) fn remove(&self, name: &str) -> Result<()> {
        self.step()
            .and_then(|()| match fs::remove_file(self.folder.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            })
            .map_err(Error::io("remove a file"))
    }

    /// Opens a file to grow at its end, made if it is not there.
    pub(crate) fn grow(&self, name: &str) -> Result<Growing> {
        let open = || {
            self.step()?;
            let file = OpenOptions::new()
                .create(true)
                .append(true)
                .mode(FILE_MODE)
                .open(self.folder.join(name))?;
            let bytes = file.metadata()?.len();
            Ok(Growing {
                sink: self.clone(),
                file,
                bytes,
            })
        };
        open().map_err(Error::io("open a segment"))
    }

    fn sync_path(&self, folder: &Path) -> Result<()> {
        self.step()
            .and_then(|()| File::open(folder)?.sync_all())
            .map_err(Error::io("sync a folder"))
    }

    #[cfg(not(test))]
    fn step(&self) -> io::Result<()> {
        Ok(())
    }

    #[cfg(test)]
    fn step(&self) -> io::Result<()> {
        self.fault.step()
    }

    #[cfg(not(test))]
    fn write_all(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        io::Write::write_all(file, bytes)
    }

    #[cfg(test)]
    fn write_all(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        self.fault.write_all(file, bytes)
    }
}

impl Growing {
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Appends and makes durable. On an error the file may have grown by a part of it.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.sink
            .write_all(&mut self.file, bytes)
            .map_err(Error::io("append to a segment"))?;
        self.sink
            .step()
            .and_then(|()| self.file.sync_data())
            .map_err(Error::io("sync a segment"))?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Cuts the file and makes that durable.
    pub(crate) fn cut(&mut self, bytes: u64) -> Result<()> {
        self.sink
            .step()
            .and_then(|()| {
                self.file.set_len(bytes)?;
                self.file.sync_all()
            })
            .map_err(Error::io("cut a segment"))?;
        self.bytes = bytes;
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! Faults at every step, and files for tests.

    use std::{
        path::{Path, PathBuf},
        sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    };

    use super::{File, fs, io};
    use std::io::Write as _;

    /// Lets a number of steps pass, then fails that and every later one, as if the process had
    /// died there: nothing more is changed. A write that fails is torn.
    #[derive(Debug)]
    pub(crate) struct Fault {
        left: AtomicI64,
        steps: AtomicU64,
        full: AtomicBool,
    }

    impl Default for Fault {
        fn default() -> Self {
            Self {
                left: AtomicI64::new(i64::MAX),
                steps: AtomicU64::new(0),
                full: AtomicBool::new(false),
            }
        }
    }

    impl Fault {
        /// Dies after this many more steps.
        pub(crate) fn die_after(&self, steps: i64) {
            self.left.store(steps, Ordering::SeqCst);
        }

        /// From now on every write is torn and says that the disk is full; the rest works.
        pub(crate) fn fill_disk(&self, full: bool) {
            self.full.store(full, Ordering::SeqCst);
        }

        pub(crate) fn steps(&self) -> u64 {
            self.steps.load(Ordering::SeqCst)
        }

        pub(crate) fn step(&self) -> io::Result<()> {
            self.steps.fetch_add(1, Ordering::SeqCst);
            if self.left.fetch_sub(1, Ordering::SeqCst) > 0 {
                Ok(())
            } else {
                Err(io::Error::other("died"))
            }
        }

        pub(crate) fn write_all(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
            // The last step before death tears the write; deeper in, nothing is written at all.
            let dead = self.left.load(Ordering::SeqCst) < 0;
            let half = bytes.len() / 2;
            if self.full.load(Ordering::SeqCst) {
                file.write_all(&bytes[..half])?;
                return Err(io::ErrorKind::StorageFull.into());
            }
            match self.step() {
                Ok(()) => file.write_all(bytes),
                Err(error) => {
                    if !dead {
                        file.write_all(&bytes[..half])?;
                    }
                    Err(error)
                }
            }
        }
    }

    /// A folder that is removed when dropped.
    #[derive(Debug)]
    pub(crate) struct Folder(pub(crate) PathBuf);

    impl Folder {
        pub(crate) fn new() -> Self {
            let name = lakeward_domain::QueryId::random();
            let path = std::env::temp_dir().join(format!("lakeward-audit-{name}"));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        /// A copy of another.
        pub(crate) fn copy_of(other: &Path) -> Self {
            let copy = Self::new();
            copy_all(other, &copy.0);
            copy
        }

        pub(crate) fn path(&self) -> &Path {
            &self.0
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            drop(fs::remove_dir_all(&self.0));
        }
    }

    fn copy_all(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let target = to.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                copy_all(&entry.path(), &target);
            } else {
                fs::copy(entry.path(), target).unwrap();
            }
        }
    }

    pub(crate) fn read(path: &Path) -> Vec<u8> {
        fs::read(path).unwrap()
    }

    pub(crate) fn write(path: &Path, bytes: &[u8]) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub(crate) fn remove(path: &Path) {
        fs::remove_file(path).unwrap();
    }

    pub(crate) fn make_folder(path: &Path) {
        fs::create_dir_all(path).unwrap();
    }
}
