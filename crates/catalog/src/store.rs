//! The rows in SQLite. Knows nothing of what they mean, and holds no key.
//!
//! What a reader would get wrong: the journal mode. A write-ahead log would be a second file that
//! holds acknowledged commits, and whoever tidied it away would roll the catalog back. With a
//! rollback journal the one file is the whole catalog whenever no process holds it.

#![expect(
    clippy::disallowed_methods,
    reason = "makes the database file and syncs its folder; rows are sealed"
)]

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::fs::{Mode, OFlags};
use sqlx::{
    ConnectOptions, Connection, Row as _, SqliteConnection,
    sqlite::{
        SqliteConnectOptions, SqliteJournalMode, SqliteLockingMode, SqliteRow, SqliteSynchronous,
    },
};

use crate::{Error, Result, row::Row};

/// The newest format that this release reads, and the one it writes.
pub(crate) const FORMAT: i64 = MIGRATIONS.len() as i64;

/// Each step leads to the next format.
const MIGRATIONS: [&str; 1] = [include_str!("../migrations/sqlite/0001_catalog.sql")];

/// An epoch as stored.
#[derive(Debug)]
pub(crate) struct Epoch {
    pub(crate) epoch: u64,
    pub(crate) root: Vec<u8>,
    pub(crate) mac: Vec<u8>,
}

/// What one commit writes.
#[derive(Debug)]
pub(crate) struct Batch {
    /// Rows that must be there, with their epoch, and go.
    pub(crate) old: Vec<(String, u64)>,
    /// Rows that come.
    pub(crate) new: Vec<Row>,
    pub(crate) epoch: Epoch,
}

/// The open file. Held exclusively until closed.
#[derive(Debug)]
pub(crate) struct Store {
    connection: SqliteConnection,
}

impl Store {
    /// Makes the file with its first epoch. A crash leaves no file or all of it.
    pub(crate) async fn create(path: &Path, first: Batch) -> Result<()> {
        match rustix::fs::stat(path) {
            Ok(_) => return Err(Error::Occupied),
            Err(rustix::io::Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        let building = beside(path, ".new");
        let journal = beside(&building, "-journal");
        // What an interrupted call left; and a journal without its catalog would be applied to the
        // new one.
        remove(&building)?;
        remove(&journal)?;
        remove(&beside(path, "-journal"))?;
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        drop(rustix::fs::open(&building, flags, Mode::RUSR | Mode::WUSR)?);
        let mut store = Self::connect(&building).await?;
        for step in MIGRATIONS {
            store.run(step).await?;
        }
        sqlx::query("INSERT INTO meta (name, value) VALUES ($1, $2)")
            .bind(FORMAT_NAME)
            .bind(FORMAT)
            .execute(&mut store.connection)
            .await?;
        store.write(first).await?;
        store.close().await?;
        remove(&journal)?;
        let folder = folder(path)?;
        rustix::fs::renameat_with(
            rustix::fs::CWD,
            &building,
            rustix::fs::CWD,
            path,
            rustix::fs::RenameFlags::NOREPLACE,
        )?;
        rustix::fs::fsync(&folder)?;
        Ok(())
    }

    /// Opens the file and takes its lock.
    pub(crate) async fn open(path: &Path) -> Result<Self> {
        let stat = rustix::fs::stat(path)?;
        if stat.st_size == 0 {
            return Err(Error::Tampered("the file is empty"));
        }
        let mut store = Self::connect(path).await?;
        match store.format().await? {
            FORMAT => {}
            found if found > FORMAT => {
                return Err(Error::Version {
                    found,
                    known: FORMAT,
                });
            }
            _ => return Err(Error::Tampered("an impossible format version")),
        }
        if schema(&mut store.connection).await? != expected_schema().await? {
            return Err(Error::Tampered("tables, indexes or triggers were changed"));
        }
        Ok(store)
    }

    async fn connect(path: &Path) -> Result<Self> {
        let connection = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            .locking_mode(SqliteLockingMode::Exclusive)
            .journal_mode(SqliteJournalMode::Truncate)
            .synchronous(SqliteSynchronous::Extra)
            // Long enough for a process that is just going away.
            .busy_timeout(Duration::from_secs(1))
            // A key record that is replaced leaves no copy in a free page.
            .pragma("secure_delete", "ON")
            .pragma("trusted_schema", "OFF")
            .pragma("cell_size_check", "ON")
            .pragma("temp_store", "MEMORY")
            .disable_statement_logging()
            .connect()
            .await?;
        let mut store = Self { connection };
        // In exclusive mode the lock of the first write stays; take it now and not at a commit.
        store.run("BEGIN EXCLUSIVE; COMMIT").await?;
        Ok(store)
    }

    async fn format(&mut self) -> Result<i64> {
        let tables =
            sqlx::query("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'meta'");
        if tables.fetch_optional(&mut self.connection).await?.is_none() {
            return Err(Error::Tampered("the file is not a catalog"));
        }
        let row = sqlx::query("SELECT value FROM meta WHERE name = $1")
            .bind(FORMAT_NAME)
            .fetch_optional(&mut self.connection)
            .await?
            .ok_or(Error::Tampered("the format version is gone"))?;
        Ok(row.try_get(0)?)
    }

    /// All rows, in no order.
    pub(crate) async fn rows(&mut self) -> Result<Vec<Row>> {
        sqlx::query("SELECT id, kind, parent, name_key, epoch, sealed, mac FROM objects")
            .fetch_all(&mut self.connection)
            .await?
            .iter()
            .map(|row| {
                Ok(Row {
                    id: row.try_get(0)?,
                    kind: row.try_get(1)?,
                    parent: row.try_get(2)?,
                    name_key: row.try_get(3)?,
                    epoch: unsigned(row, 4)?,
                    sealed: row.try_get(5)?,
                    mac: row.try_get(6)?,
                })
            })
            .collect()
    }

    /// The newest epoch. Every epoch from 1 on must be there.
    pub(crate) async fn newest(&mut self) -> Result<Epoch> {
        let row = sqlx::query("SELECT COUNT(*), MIN(epoch), MAX(epoch) FROM epochs")
            .fetch_one(&mut self.connection)
            .await?;
        if unsigned(&row, 0)? == 0 {
            return Err(Error::Tampered("the epochs are gone"));
        }
        let (count, first, last) = (unsigned(&row, 0)?, unsigned(&row, 1)?, unsigned(&row, 2)?);
        if first != 1 || last != count {
            return Err(Error::Tampered("an epoch is gone"));
        }
        self.epoch(last)
            .await?
            .ok_or(Error::Tampered("an epoch is gone"))
    }

    /// An epoch.
    pub(crate) async fn epoch(&mut self, epoch: u64) -> Result<Option<Epoch>> {
        let row = sqlx::query("SELECT epoch, root, mac FROM epochs WHERE epoch = $1")
            .bind(signed(epoch)?)
            .fetch_optional(&mut self.connection)
            .await?;
        row.map(|row| {
            Ok(Epoch {
                epoch: unsigned(&row, 0)?,
                root: row.try_get(1)?,
                mac: row.try_get(2)?,
            })
        })
        .transpose()
    }

    /// Writes a commit; durable when it returns.
    pub(crate) async fn write(&mut self, batch: Batch) -> Result<()> {
        // By hand and not by `sqlx::Transaction`: on a full disk SQLite rolls back by itself, and
        // sqlx then still counts a transaction.
        self.run("BEGIN IMMEDIATE").await?;
        let written = match self.insert(batch).await {
            Ok(()) => self.run("COMMIT").await,
            Err(error) => Err(error),
        };
        if written.is_err() {
            // Fails where SQLite did it already; the caller looks at what is there anyway.
            let _ = self.run("ROLLBACK").await;
        }
        written
    }

    async fn insert(&mut self, batch: Batch) -> Result<()> {
        // Old rows go before new ones come, so that two objects can swap names.
        for (id, epoch) in batch.old {
            let deleted = sqlx::query("DELETE FROM objects WHERE id = $1 AND epoch = $2")
                .bind(id)
                .bind(signed(epoch)?)
                .execute(&mut self.connection)
                .await?;
            if deleted.rows_affected() != 1 {
                return Err(Error::Tampered("a row changed under this process"));
            }
        }
        for row in batch.new {
            sqlx::query(
                "INSERT INTO objects (id, kind, parent, name_key, epoch, sealed, mac) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(row.id)
            .bind(row.kind)
            .bind(row.parent)
            .bind(row.name_key)
            .bind(signed(row.epoch)?)
            .bind(row.sealed)
            .bind(row.mac)
            .execute(&mut self.connection)
            .await?;
        }
        sqlx::query("INSERT INTO epochs (epoch, root, mac) VALUES ($1, $2, $3)")
            .bind(signed(batch.epoch.epoch)?)
            .bind(batch.epoch.root)
            .bind(batch.epoch.mac)
            .execute(&mut self.connection)
            .await?;
        Ok(())
    }

    /// Runs a statement of ours that has no parameters.
    async fn run(&mut self, sql: &'static str) -> Result<()> {
        sqlx::raw_sql(sql).execute(&mut self.connection).await?;
        Ok(())
    }

    /// Closes the file and releases its lock.
    pub(crate) async fn close(self) -> Result<()> {
        Ok(self.connection.close().await?)
    }
}

#[cfg(test)]
impl Store {
    pub(crate) async fn execute(&mut self, sql: &'static str) {
        self.run(sql).await.unwrap();
    }
}

/// Everything that the database itself defines, in a fixed order.
async fn schema(
    connection: &mut SqliteConnection,
) -> Result<Vec<(String, String, Option<String>)>> {
    sqlx::query("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name")
        .fetch_all(connection)
        .await?
        .iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)))
        .collect()
}

/// What [`schema`] says of a fresh catalog.
async fn expected_schema() -> Result<Vec<(String, String, Option<String>)>> {
    let mut fresh = SqliteConnectOptions::new()
        .in_memory(true)
        .disable_statement_logging()
        .connect()
        .await?;
    for step in MIGRATIONS {
        sqlx::raw_sql(step).execute(&mut fresh).await?;
    }
    schema(&mut fresh).await
}

const FORMAT_NAME: &str = "format";

fn unsigned(row: &SqliteRow, column: usize) -> Result<u64> {
    u64::try_from(row.try_get::<i64, _>(column)?).map_err(|_| Error::Tampered("a negative number"))
}

fn signed(number: u64) -> Result<i64> {
    i64::try_from(number).map_err(|_| Error::Internal("an epoch beyond 63 bits"))
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Removes a file that may not be there.
fn remove(path: &Path) -> Result<()> {
    match rustix::fs::unlink(path) {
        Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn folder(path: &Path) -> Result<rustix::fd::OwnedFd> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(rustix::fs::open(folder, flags, Mode::empty())?)
}
