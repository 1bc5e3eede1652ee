//! The SQL files of a pipeline.

#![expect(
    clippy::disallowed_methods,
    reason = "reads the SQL files of a pipeline, which hold no data"
)]

use std::{fs, io, path::Path};

use crate::error::{Error, Result};

/// One SQL file.
#[derive(Debug)]
pub(crate) struct Script {
    /// Its path from the folder, with forward slashes.
    pub(crate) file: String,
    pub(crate) text: String,
}

/// Every `.sql` file of a folder and of the folders in it, in the order of their paths.
pub(crate) fn read(folder: &Path) -> Result<Vec<Script>> {
    let mut scripts = Vec::new();
    walk(folder, "", &mut scripts).map_err(|error| Error::reading(&error))?;
    if scripts.is_empty() {
        return Err(Error::Unreadable {
            why: "the folder holds no .sql file",
        });
    }
    scripts.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(scripts)
}

fn walk(folder: &Path, prefix: &str, scripts: &mut Vec<Script>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let file = format!("{prefix}{}", entry.file_name().to_string_lossy());
        // A link to a folder is not followed: it may lead in a circle.
        if entry.file_type()?.is_dir() {
            walk(&path, &format!("{file}/"), scripts)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("sql"))
        {
            scripts.push(Script {
                text: fs::read_to_string(&path)?,
                file,
            });
        }
    }
    Ok(())
}
