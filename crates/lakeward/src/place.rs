//! Where a lake is: the folder of its tables, and beside it the folder of its state.
//!
//! Two folders, so that whoever copies the data does not copy the keys with it (45 CFR 164.312(a):
//! keys apart from data).

use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// The folders of a lake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    lake: PathBuf,
    state: PathBuf,
}

impl Place {
    /// The folders by name. Without a state folder it is `LAKE.state` beside the lake.
    ///
    /// # Errors
    /// [`lakeward_domain::Code::Usage`] for paths that cannot be folders of a lake, such as one
    /// within the other where that would put keys beside data by accident.
    pub fn new(lake: &Path, state: Option<&Path>) -> Result<Self> {
        let lake = absolute(lake)?;
        let state = match state {
            Some(state) => absolute(state)?,
            None => {
                let Some(name) = lake.file_name() else {
                    return Err(Error::usage("the lake's folder needs a name"));
                };
                let mut name = name.to_owned();
                name.push(".state");
                lake.with_file_name(name)
            }
        };
        if lake == state {
            return Err(Error::usage("lake and state cannot be the same folder"));
        }
        if lake.starts_with(&state) {
            return Err(Error::usage(
                "the lake cannot be inside its own state folder",
            ));
        }
        Ok(Self { lake, state })
    }

    /// The folder of the tables.
    #[must_use]
    pub fn lake(&self) -> &Path {
        &self.lake
    }

    /// The folder of the state.
    #[must_use]
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// The lake's own record.
    #[must_use]
    pub fn record(&self) -> PathBuf {
        self.state.join("lake.json")
    }

    /// The default keystore.
    #[must_use]
    pub fn keystore(&self) -> PathBuf {
        self.state.join("keystore")
    }

    /// The catalog.
    #[must_use]
    pub fn catalog(&self) -> PathBuf {
        self.state.join("catalog.db")
    }

    /// The ledger's folder.
    #[must_use]
    pub fn ledger(&self) -> PathBuf {
        self.state.join("ledger")
    }

    /// Where unnamed temporary files live.
    #[must_use]
    pub fn temporary(&self) -> PathBuf {
        self.state.join("tmp")
    }

    /// The file that the OS lock is on.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.state.join("lock")
    }

    /// Says that an init has begun here and not ended.
    pub(crate) fn marker(&self) -> PathBuf {
        self.state.join("init.begun")
    }
}

fn absolute(path: &Path) -> Result<PathBuf> {
    let path = std::path::absolute(path)
        .map_err(|_| Error::usage("an empty path is no folder of a lake"))?;
    // `a/./b` and `a/b/` are the same folder; `..` is left to the file system.
    Ok(path.components().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_lies_beside_the_lake_unless_said_otherwise() {
        let place = Place::new(Path::new("/data/clinic/"), None).unwrap();
        assert_eq!(place.state(), Path::new("/data/clinic.state"));
        let place = Place::new(Path::new("/data/clinic"), Some(Path::new("/keys"))).unwrap();
        assert_eq!(place.record(), Path::new("/keys/lake.json"));
    }

    #[test]
    fn folders_that_would_mix_data_and_state_are_refused() {
        for (lake, state) in [("/a", Some("/a")), ("/a/b", Some("/a")), ("/", None)] {
            assert!(
                Place::new(Path::new(lake), state.map(Path::new)).is_err(),
                "{lake}"
            );
        }
    }
}
