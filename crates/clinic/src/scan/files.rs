//! Files and folders, and files that have no name any more.
//!
//! A file is gone for `ls` when it is unlinked, but its bytes stay on the disk while somebody
//! holds it open, which is how temporary files are made. They are reached by way of `/proc`.

#![expect(
    clippy::disallowed_methods,
    reason = "the scanner reads whatever was left on the disk; it writes nothing"
)]

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

use super::{Scanner, Source};

impl Scanner {
    /// Searches one file and its name.
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn scan_file(&mut self, path: &Path) -> Result<()> {
        let failed = |source| Error::Read {
            place: path.display().to_string(),
            source,
        };
        let file = File::open(path).map_err(failed)?;
        self.scan_name(path);
        self.scan_open(&path.display().to_string(), &file)
            .map_err(failed)
    }

    /// Searches every file under a folder, and the names of files and folders. Symbolic links are
    /// searched for what they say, not followed. A file that is gone by the time it is reached is
    /// no error; one that cannot be read is in [`super::Report::unread`].
    ///
    /// # Errors
    ///
    /// The folder itself cannot be read.
    pub fn scan_dir(&mut self, path: &Path) -> Result<()> {
        let failed = |source| Error::Read {
            place: path.display().to_string(),
            source,
        };
        let mut folders = vec![path.to_path_buf()];
        fs::read_dir(path).map_err(failed)?;
        while let Some(folder) = folders.pop() {
            let place = folder.display().to_string();
            match self.scan_folder(&folder, &mut folders) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    self.report.pass_over(&place, error.kind().to_string());
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Searches the files that this process holds open and that no folder names any more.
    ///
    /// # Errors
    ///
    /// There is no `/proc`.
    pub fn scan_deleted(&mut self) -> Result<()> {
        self.scan_deleted_in(Path::new("/proc/self/fd"))
    }

    /// As [`Scanner::scan_deleted`], for another process of the same user.
    ///
    /// # Errors
    ///
    /// There is no such process, or it belongs to somebody else.
    pub fn scan_deleted_of(&mut self, process: u32) -> Result<()> {
        self.scan_deleted_in(&PathBuf::from(format!("/proc/{process}/fd")))
    }

    fn scan_deleted_in(&mut self, descriptors: &Path) -> Result<()> {
        let failed = |source| Error::Read {
            place: descriptors.display().to_string(),
            source,
        };
        // Listed first: the listing's own descriptor and ours come and go.
        let listed: Vec<PathBuf> = fs::read_dir(descriptors)
            .map_err(failed)?
            .flatten()
            .map(|entry| entry.path())
            .collect();
        for descriptor in listed {
            let Ok(metadata) = fs::metadata(&descriptor) else {
                continue;
            };
            if !metadata.is_file() || metadata.nlink() != 0 {
                continue;
            }
            let place = fs::read_link(&descriptor).map_or_else(
                |_| descriptor.display().to_string(),
                |name| name.display().to_string(),
            );
            let scanned = File::open(&descriptor).and_then(|file| self.scan_open(&place, &file));
            if let Err(error) = scanned {
                self.report.pass_over(&place, error.kind().to_string());
            }
        }
        Ok(())
    }

    fn scan_folder(&mut self, folder: &Path, folders: &mut Vec<PathBuf>) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let path = entry.path();
            let kind = entry.file_type()?;
            self.scan_name(&path);
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_symlink() {
                if let Ok(target) = fs::read_link(&path) {
                    self.scan_name(&target);
                }
            } else if kind.is_file() {
                let scanned = File::open(&path)
                    .and_then(|file| self.scan_open(&path.display().to_string(), &file));
                match scanned {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        self.report
                            .pass_over(&path.display().to_string(), error.kind().to_string());
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    fn scan_open(&mut self, place: &str, file: &File) -> io::Result<()> {
        self.report.files += 1;
        self.scan_stored(place, file)
    }

    /// A find in a name must not repeat the name.
    fn scan_name(&mut self, path: &Path) {
        if let Some(name) = path.file_name() {
            let place = path.parent().unwrap_or(Path::new("")).join("[name]");
            self.find(&place.display().to_string(), name.as_encoded_bytes(), 0);
        }
    }
}

impl Source for File {
    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> io::Result<usize> {
        FileExt::read_at(self, into, at)
    }
}

#[cfg(test)]
mod tests;
