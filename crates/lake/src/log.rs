//! A table's Delta log: made, read, verified, appended to.
//!
//! Each commit carries the hash of the sealed commit before it, and the catalog keeps the hash of
//! the newest published one. What a reader would get wrong: sealing alone does not stop a roll-back.
//! A commit that recovery withdrew was sealed properly for the very path that its successor has now,
//! so an old object at an old path still opens; the chain of hashes is what tells them apart.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use chrono::Utc;
use deltalake::{
    DeltaTable, DeltaTableError,
    kernel::{
        Action, Add, Metadata, Protocol, Remove, new_metadata,
        transaction::{CommitBuilder, TableReference, TransactionError},
    },
    logstore::{LogStoreRef, StorageConfig, default_logstore},
    protocol::DeltaOperation,
    table::state::DeltaTableState,
};
use futures::TryStreamExt;
use lakeward_domain::{QueryId, Table, TableId};
use object_store::{ObjectStore, path::Path, prefix::PrefixStore};
use serde_json::{Value, json};
use url::Url;

use crate::{
    Error, NewFile, Result, error,
    guard::{GuardStore, LOG, commit_path, digest},
    schema,
    snapshot::{Listed, LogState},
};

/// What stands in a commit about why it was made. Never a literal of a statement.
#[derive(Debug, Clone, Copy)]
pub struct CommitNote<'a> {
    /// A word such as `insert`.
    pub operation: &'a str,
    /// The statement, for the ledger's sake.
    pub query: QueryId,
}

/// The key under which a commit carries our own data.
const OWN: &str = "lakeward";
const PARENT: &str = "parent";

/// delta-rs' view of one table.
pub(crate) fn log_store(guard: &GuardStore, table: TableId) -> Result<LogStoreRef> {
    // Not `file:`, for which the kernel looks at the file system by itself: all access goes through
    // the guard, which is rooted at the lake. For other schemes listings must come in order.
    let url = Url::parse(&format!("lakeward:///{table}/")).map_err(|_| Error::Misuse {
        what: "a table has no address",
    })?;
    let root: Arc<dyn ObjectStore> = Arc::new(guard.clone());
    let prefixed = PrefixStore::new(Arc::clone(&root), Path::from(table.to_string()));
    Ok(default_logstore(
        Arc::new(prefixed),
        root,
        &url,
        &StorageConfig::default(),
    ))
}

/// Protocol and metadata of a table.
pub(crate) fn declaration(table: &Table) -> Result<(Protocol, Metadata)> {
    let ntz = table
        .columns
        .iter()
        .any(|column| schema::has_ntz(&column.data_type));
    let protocol = if ntz {
        json!({"minReaderVersion": 3, "minWriterVersion": 7,
               "readerFeatures": ["timestampNtz"], "writerFeatures": ["timestampNtz"]})
    } else {
        json!({"minReaderVersion": 1, "minWriterVersion": 2})
    };
    let protocol = serde_json::from_value(protocol)
        .map_err(|error| Error::library(&error, "declare the table"))?;
    let stats: Vec<String> = schema::stats_columns(table)
        .iter()
        .map(ToString::to_string)
        .collect();
    let mut properties = vec![
        // Only our own clean-up may delete: delta-rs goes by object times.
        ("delta.enableExpiredLogCleanup", String::from("false")),
        // Checkpoints keep every tombstone, so that recovery can tell an old file from an orphan.
        (
            "delta.deletedFileRetentionDuration",
            String::from("interval 36500 days"),
        ),
    ];
    properties.push(if stats.is_empty() {
        ("delta.dataSkippingNumIndexedCols", String::from("0"))
    } else {
        ("delta.dataSkippingStatsColumns", stats.join(","))
    });
    let metadata = new_metadata(
        &schema::delta_schema(table)?,
        &table.partitioned_by,
        properties,
    )
    .map_err(|error| Error::library(&error, "declare the table"))?;
    Ok((protocol, metadata))
}

/// The `add` action of a new file.
pub(crate) fn add(table: &Table, file: &NewFile) -> Action {
    let names = table.partitioned_by.iter().map(ToString::to_string);
    Action::Add(Add {
        path: format!("{}.parquet", file.file),
        partition_values: names.zip(file.partition.iter().cloned()).collect(),
        size: i64::try_from(file.size).unwrap_or(i64::MAX),
        modification_time: Utc::now().timestamp_millis(),
        data_change: true,
        stats: Some(file.stats.clone()),
        ..Add::default()
    })
}

/// The `remove` action of a listed file.
pub(crate) fn remove(file: &Listed) -> Action {
    Action::Remove(Remove {
        path: format!("{}.parquet", file.file),
        data_change: true,
        deletion_timestamp: Some(Utc::now().timestamp_millis()),
        extended_file_metadata: Some(true),
        partition_values: Some(file.partition.clone()),
        size: i64::try_from(file.size).ok(),
        ..Remove::default()
    })
}

/// Writes a commit on exactly this state; answers its version and hash.
pub(crate) async fn append(
    guard: &GuardStore,
    table: TableId,
    base: Option<&LogState>,
    actions: Vec<Action>,
    operation: DeltaOperation,
    note: CommitNote<'_>,
) -> Result<(u64, String)> {
    let own = json!({
        PARENT: base.map(|base| base.head.as_str()),
        "operation": note.operation,
        "query": note.query,
    });
    let builder = CommitBuilder::default()
        .with_actions(actions)
        .with_app_metadata(HashMap::from([(OWN.to_owned(), own)]))
        // What to do about another writer is decided above, never by delta-rs.
        .with_max_retries(0)
        .build(
            base.map(|base| &base.delta as &dyn TableReference),
            log_store(guard, table)?,
            operation,
        );
    let failed = |error| delta_error(guard, table, base.map(|base| base.version), &error);
    let prepared = builder
        .into_prepared_commit_future()
        .await
        .map_err(failed)?;
    // The post-commit step, which would clean up and write checkpoints, is not run.
    let version = prepared.await.map_err(failed)?.version;
    let path = commit_path(table, version);
    let head = guard.take_digest(&path).ok_or(Error::Misuse {
        what: "a commit went around the guard",
    })?;
    Ok((version, head))
}

/// One of our errors for one of delta-rs'.
fn delta_error(
    guard: &GuardStore,
    table: TableId,
    version: Option<u64>,
    error: &DeltaTableError,
) -> Error {
    let lost = matches!(
        error,
        DeltaTableError::VersionAlreadyExists(_)
            | DeltaTableError::Transaction {
                source: TransactionError::MaxCommitAttempts(_)
                    | TransactionError::CommitConflict(_)
                    | TransactionError::VersionAlreadyExists(_)
            }
    );
    if lost {
        return match version {
            Some(_) => Error::Conflict { table },
            None => Error::Exists { table },
        };
    }
    if guard.take_fault(table) {
        return Error::LogRolledBack {
            table,
            version: version.unwrap_or_default(),
        };
    }
    Error::below(error, "use the table's log")
}

/// Loads the log at a version whose commit must have this hash.
///
/// `verified` is an earlier verified state, if there is one: the chain is followed down to it, else
/// to the newest checkpoint, else to the beginning.
pub(crate) async fn load(
    guard: &GuardStore,
    table: TableId,
    version: u64,
    head: &str,
    verified: Option<&LogState>,
) -> Result<LogState> {
    let verified = verified.filter(|state| state.version <= version);
    verify(guard, table, version, head, verified).await?;
    let store = log_store(guard, table)?;
    let failed = |error| match delta_error(guard, table, Some(version), &error) {
        // The commits are there and are ours. What else the log needs, a checkpoint that is named,
        // is gone or does not decode.
        Error::Storage { .. } if !error::is_of_device(&error) => {
            Error::LogRolledBack { table, version }
        }
        other => other,
    };
    let delta = match verified {
        Some(state) => {
            let mut delta = state.delta.clone();
            delta
                .update(store.as_ref(), Some(version))
                .await
                .map_err(failed)?;
            delta
        }
        None => DeltaTableState::try_new(store.as_ref(), Some(version))
            .await
            .map_err(failed)?,
    };
    if delta.version() != version {
        return Err(Error::LogRolledBack { table, version });
    }
    LogState::new(table, head.to_owned(), delta)
}

async fn verify(
    guard: &GuardStore,
    table: TableId,
    version: u64,
    head: &str,
    verified: Option<&LogState>,
) -> Result<()> {
    let floor = match verified {
        Some(state) => state.version,
        None => newest_checkpoint(guard, table, version).await?.unwrap_or(0),
    };
    let mut expected = head.to_owned();
    let mut at = version;
    loop {
        let broken = || Error::LogRolledBack { table, version: at };
        if let Some(state) = verified
            && at == state.version
        {
            return if state.head == expected {
                Ok(())
            } else {
                Err(broken())
            };
        }
        let path = commit_path(table, at);
        let sealed = match guard.raw(&path).await {
            Ok(sealed) => sealed,
            Err(object_store::Error::NotFound { .. }) => return Err(broken()),
            Err(error) => return Err(Error::below(&error, "read the table's log")),
        };
        if digest(&sealed) != expected {
            return Err(broken());
        }
        if at <= floor {
            return Ok(());
        }
        let plain = guard
            .open_raw(table, &path, &sealed)
            .map_err(|_| broken())?;
        expected = parent(&plain).ok_or_else(broken)?;
        at -= 1;
    }
}

/// The hash of the commit before, as a commit says it.
fn parent(commit: &Bytes) -> Option<String> {
    commit.split(|byte| *byte == b'\n').find_map(|line| {
        let action: Value = serde_json::from_slice(line).ok()?;
        let own = action.get("commitInfo")?.get(OWN)?;
        Some(own.get(PARENT)?.as_str()?.to_owned())
    })
}

/// The newest checkpoint at or below a version.
async fn newest_checkpoint(
    guard: &GuardStore,
    table: TableId,
    version: u64,
) -> Result<Option<u64>> {
    let versions = list(guard, table).await?;
    Ok(versions
        .into_iter()
        .filter_map(|object| match object {
            LogObject::Checkpoint(found) if found <= version => Some(found),
            _ => None,
        })
        .max())
}

/// What lies in a log folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogObject {
    Commit(u64),
    Checkpoint(u64),
}

impl LogObject {
    fn of(name: &str) -> Option<Self> {
        let (number, kind) = name.split_once('.')?;
        let version = (number.len() == 20)
            .then(|| number.parse().ok())
            .flatten()?;
        match kind {
            "json" => Some(Self::Commit(version)),
            _ if kind.starts_with("checkpoint.") => Some(Self::Checkpoint(version)),
            _ => None,
        }
    }
}

/// The log's objects, in no order.
pub(crate) async fn list(guard: &GuardStore, table: TableId) -> Result<Vec<LogObject>> {
    let folder = Path::from_iter([table.to_string(), LOG.to_owned()]);
    guard
        .list(Some(&folder))
        .try_filter_map(|meta| async move { Ok(meta.location.filename().and_then(LogObject::of)) })
        .try_collect()
        .await
        .map_err(|error| Error::below(&error, "list the table's log"))
}

/// Writes a checkpoint of a state.
pub(crate) async fn checkpoint(guard: &GuardStore, table: TableId, state: &LogState) -> Result<()> {
    let failed = |error| delta_error(guard, table, Some(state.version), &error);
    let mut delta = DeltaTable::new(log_store(guard, table)?);
    delta.load_version(state.version).await.map_err(failed)?;
    deltalake::checkpoints::create_checkpoint(&delta, None)
        .await
        .map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_objects_are_told_by_their_names() {
        let cases = [
            ("00000000000000000007.json", Some(LogObject::Commit(7))),
            (
                "00000000000000000010.checkpoint.parquet",
                Some(LogObject::Checkpoint(10)),
            ),
            (
                "00000000000000000010.checkpoint.0000000001.0000000002.parquet",
                Some(LogObject::Checkpoint(10)),
            ),
            ("_last_checkpoint", None),
            ("7.json", None),
            ("00000000000000000007.crc", None),
        ];
        for (name, expected) in cases {
            assert_eq!(LogObject::of(name), expected, "{name}");
        }
    }
}
