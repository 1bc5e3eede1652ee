//! A lake's tables on its object store.
//!
//! The order of a write is data files, then [`LakeStore::commit`], then the catalog publishes what
//! the commit answered. What a reader would get wrong: a commit that is on the store is *not* the
//! table's newest version. Readers see what the catalog published, and only that; whoever commits
//! holds [`LakeStore::lock`] until it is published, so that nothing unpublished lies beneath.

use std::{
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use datafusion::execution::{object_store::ObjectStoreUrl, runtime_env::RuntimeEnv};
use deltalake::{
    kernel::Action,
    protocol::{DeltaOperation, SaveMode},
};
use futures::{StreamExt, TryStreamExt};
use lakeward_domain::{FileId, LakeId, Published, Table, TableId};
use lakeward_keys::{Keyring, LakeKeys};
use object_store::{ObjectStore, ObjectStoreExt, path::Path};
use url::Url;

use crate::{
    CommitNote, Error, NewFile, Options, Result, Step, Steps, TableSnapshot, TableWriter,
    footer::FooterCache,
    guard::{GuardStore, UNPUBLISHED, commit_path, data_path, file_id},
    local::LocalStore,
    log::{self, LogObject},
    schema,
    snapshot::LogState,
};

/// A lake's tables. Cheap to clone.
#[derive(Clone)]
pub struct LakeStore {
    pub(crate) inner: Arc<Inner>,
}

/// What all clones share.
pub(crate) struct Inner {
    pub(crate) lake: LakeId,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) guard: GuardStore,
    pub(crate) options: Options,
    pub(crate) footers: Arc<FooterCache>,
    url: ObjectStoreUrl,
    local: Option<LocalStore>,
    /// Files that are being written or not committed yet.
    live: Mutex<HashSet<FileId>>,
    /// Newest version and hash of each table that this process has published or committed.
    newest: Mutex<HashMap<TableId, Published>>,
    /// Verified logs, oldest first, a few per table.
    states: Mutex<HashMap<TableId, VecDeque<Arc<LogState>>>>,
    commits: Locks,
    publishing: Locks,
}

type Locks = Mutex<HashMap<TableId, Arc<tokio::sync::Mutex<()>>>>;

impl fmt::Debug for LakeStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LakeStore")
            .field("lake", &self.inner.lake)
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A change of a table.
#[derive(Debug)]
pub enum TableChange<'a> {
    /// Adds files.
    Append(Vec<NewFile>),
    /// Puts files in place of all there are.
    Overwrite(Vec<NewFile>),
    /// Puts another definition and files in place of the table.
    Replace {
        /// The definition; same id.
        new: &'a Table,
        /// Its files.
        files: Vec<NewFile>,
    },
}

/// What recovery found and did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Versions that were committed and never published; withdrawn now.
    pub withdrawn: Vec<u64>,
    /// Data files that no version names. [`LakeStore::delete_orphans`] deletes them.
    pub orphans: Vec<FileId>,
    /// Parts of uploads that a crash left behind; deleted now.
    pub parts: u64,
}

impl Recovery {
    /// Whether nothing was found.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        *self == Self::default()
    }
}

/// Held from reading the catalog until a commit is published.
#[derive(Debug)]
pub struct TableLock {
    _guard: tokio::sync::OwnedMutexGuard<()>,
}

/// Verified logs that are kept per table.
const STATES: usize = 3;

impl LakeStore {
    /// Opens the tables of a lake; its folder must be there.
    ///
    /// # Errors
    /// [`Error::NoLake`] for a place that is not a folder on this machine.
    pub fn open(
        url: &Url,
        lake: LakeId,
        keyring: Arc<Keyring>,
        keys: Arc<LakeKeys>,
        options: Options,
    ) -> Result<Self> {
        if url.scheme() != "file" {
            return Err(Error::NoLake);
        }
        let folder = url.to_file_path().map_err(|()| Error::NoLake)?;
        let local = LocalStore::new(&folder).map_err(|_| Error::NoLake)?;
        let store = Arc::new(local.clone());
        let mut opened = Self::over(store, lake, keyring, keys, options)?;
        if let Some(inner) = Arc::get_mut(&mut opened.inner) {
            inner.local = Some(local);
        }
        Ok(opened)
    }

    /// Opens the tables of a lake on any object store that is rooted at the lake, whose writes are
    /// durable and can be create-if-absent, and whose listings come in order.
    ///
    /// # Errors
    /// [`Error::Misuse`] if the lake's id makes no address.
    pub fn over(
        store: Arc<dyn ObjectStore>,
        lake: LakeId,
        keyring: Arc<Keyring>,
        keys: Arc<LakeKeys>,
        options: Options,
    ) -> Result<Self> {
        let url =
            ObjectStoreUrl::parse(format!("lakeward://{lake}/")).map_err(|_| Error::Misuse {
                what: "a lake has no address",
            })?;
        let footers = FooterCache::new(options.footer_ttl, options.footer_cache_bytes);
        Ok(Self {
            inner: Arc::new(Inner {
                lake,
                keyring,
                guard: GuardStore::new(store, keys),
                footers: Arc::new(footers),
                options,
                url,
                local: None,
                live: Mutex::default(),
                newest: Mutex::default(),
                states: Mutex::default(),
                commits: Mutex::default(),
                publishing: Mutex::default(),
            }),
        })
    }

    /// The lake.
    #[must_use]
    pub fn lake(&self) -> LakeId {
        self.inner.lake
    }

    /// Who is told of the steps of a write.
    #[must_use]
    pub fn steps(&self) -> &Steps {
        &self.inner.options.steps
    }

    /// Under which scans look for the lake's store.
    #[must_use]
    pub fn object_store_url(&self) -> &ObjectStoreUrl {
        &self.inner.url
    }

    /// Makes the lake's store known to the engine's runtime.
    pub fn register(&self, runtime: &RuntimeEnv) {
        let guard: Arc<dyn ObjectStore> = Arc::new(self.inner.guard.clone());
        runtime.register_object_store(self.inner.url.as_ref(), guard);
    }

    /// Forgets all cached footers, and with them all data keys. Whoever suspends, revokes or
    /// destroys a key calls this.
    pub fn forget_keys(&self) {
        self.inner.footers.clear();
    }

    /// Footers that scans did not have to read.
    #[must_use]
    pub fn footer_hits(&self) -> u64 {
        self.inner.footers.hits()
    }

    /// Keeps other writers of a table out until it is dropped. Take it *before* reading from the
    /// catalog what is published.
    pub async fn lock(&self, table: TableId) -> TableLock {
        TableLock {
            _guard: Self::lock_in(&self.inner.publishing, table).await,
        }
    }

    async fn lock_in(locks: &Locks, table: TableId) -> tokio::sync::OwnedMutexGuard<()> {
        let mutex = Arc::clone(lock(locks).entry(table).or_default());
        mutex.lock_owned().await
    }

    /// Makes the table's log, version 0.
    ///
    /// # Errors
    /// [`Error::Exists`], [`Error::Partition`], or what the store answers.
    pub async fn create_table(&self, table: &Table, note: CommitNote<'_>) -> Result<Published> {
        schema::check_partitioning(table)?;
        let (protocol, metadata) = log::declaration(table)?;
        let location = Url::parse(&format!("lakeward://{}/{}", self.inner.lake, table.id))
            .map_err(|_| Error::Misuse {
                what: "a table has no address",
            })?;
        let operation = DeltaOperation::Create {
            mode: SaveMode::ErrorIfExists,
            location,
            protocol: protocol.clone(),
            metadata: metadata.clone(),
        };
        let actions = vec![Action::Protocol(protocol), Action::Metadata(metadata)];
        let _commits = Self::lock_in(&self.inner.commits, table.id).await;
        self.inner.options.steps.reached(Step::Committing);
        let made = log::append(&self.inner.guard, table.id, None, actions, operation, note).await;
        let (version, head) = match made {
            Ok(made) => made,
            Err(error) => {
                // What was begun of a folder. Where even that fails, the next start finds it.
                if !matches!(error, Error::Exists { .. })
                    && let Some(local) = &self.inner.local
                {
                    let _ = local.delete_folder(&Path::from(table.id.to_string())).await;
                }
                return Err(error);
            }
        };
        self.inner.options.steps.reached(Step::Committed);
        Ok(self.note_newest(table.id, version, head))
    }

    /// The table at exactly its published version, verified.
    ///
    /// # Errors
    /// [`Error::LogRolledBack`] when the log is not the one that was published.
    pub async fn snapshot(&self, table: &Table) -> Result<Arc<TableSnapshot>> {
        let log = self
            .state(table.id, table.published.version, &table.published.head)
            .await?;
        self.note_newest(table.id, log.version, log.head.clone());
        Ok(Arc::new(TableSnapshot::new(table, &log)?))
    }

    async fn state(&self, table: TableId, version: u64, head: &str) -> Result<Arc<LogState>> {
        let below = {
            let states = lock(&self.inner.states);
            let states = states.get(&table);
            let found = states.into_iter().flatten();
            let mut best: Option<Arc<LogState>> = None;
            for state in found.filter(|state| state.version <= version) {
                if best.as_ref().is_none_or(|b| b.version < state.version) {
                    best = Some(Arc::clone(state));
                }
            }
            best
        };
        if let Some(state) = &below
            && state.version == version
        {
            return if state.head == head {
                Ok(Arc::clone(state))
            } else {
                Err(Error::LogRolledBack { table, version })
            };
        }
        let state = log::load(&self.inner.guard, table, version, head, below.as_deref()).await?;
        let state = Arc::new(state);
        let mut states = lock(&self.inner.states);
        let states = states.entry(table).or_default();
        if !states.iter().any(|known| known.version == version) {
            states.push_back(Arc::clone(&state));
            if states.len() > STATES {
                states.pop_front();
            }
        }
        Ok(state)
    }

    /// Remembers a version if it is newer than what is known; answers it.
    fn note_newest(&self, table: TableId, version: u64, head: String) -> Published {
        let published = Published { version, head };
        let mut newest = lock(&self.inner.newest);
        let known = newest.entry(table).or_insert_with(|| published.clone());
        if known.version < version {
            *known = published.clone();
        }
        published
    }

    /// A writer of data files for the table.
    ///
    /// # Errors
    /// [`Error::Partition`] and such, for a table that cannot be written.
    pub fn writer(&self, table: &Table, max_rows_per_file: Option<u64>) -> Result<TableWriter> {
        TableWriter::new(self.clone(), table, max_rows_per_file)
    }

    /// Commits files to the log; files that will not be committed go to [`LakeStore::discard`]. Nobody sees them until the catalog publishes the answer.
    ///
    /// An append goes on top of whatever this process has committed; anything else only on exactly
    /// the published version. Files of a change that lost are deleted.
    ///
    /// # Errors
    /// [`Error::Conflict`] when another writer was faster, or a crash left commits that
    /// [`LakeStore::recover`] has to withdraw first; [`Error::LogRolledBack`]; what the store
    /// answers, after which only recovery can tell whether the commit is there.
    pub async fn commit(
        &self,
        table: &Table,
        change: TableChange<'_>,
        note: CommitNote<'_>,
    ) -> Result<Published> {
        let _commits = Self::lock_in(&self.inner.commits, table.id).await;
        let published = &table.published;
        let base = self.note_base(table.id, published);
        let (added, appends) = match &change {
            TableChange::Append(files) => (files, true),
            TableChange::Overwrite(files) | TableChange::Replace { files, .. } => (files, false),
        };
        let ids: Vec<FileId> = added.iter().map(|file| file.file).collect();
        // Recovery waits for the commit to end, and may then take them for what they have become:
        // files of the log, or orphans.
        self.live().retain(|file| !ids.contains(file));
        if !appends && base.version != published.version {
            self.delete_data(table.id, &ids).await;
            return Err(Error::Conflict { table: table.id });
        }
        let base = self.state(table.id, base.version, &base.head).await?;
        self.checkpoint_if_due(table, &base).await;
        let (actions, operation) = plan(table, &base, &change)?;
        self.inner.options.steps.reached(Step::Committing);
        let done = log::append(
            &self.inner.guard,
            table.id,
            Some(&*base),
            actions,
            operation,
            note,
        )
        .await;
        match done {
            Ok((version, head)) => {
                self.inner.options.steps.reached(Step::Committed);
                Ok(self.note_newest(table.id, version, head))
            }
            Err(error) => {
                if matches!(error, Error::Conflict { .. }) {
                    self.delete_data(table.id, &ids).await;
                }
                Err(error)
            }
        }
    }

    /// The newer of what is published and what this process has committed.
    fn note_base(&self, table: TableId, published: &Published) -> Published {
        self.note_newest(table, published.version, published.head.clone());
        lock(&self.inner.newest)
            .get(&table)
            .cloned()
            .unwrap_or_else(|| published.clone())
    }

    /// Only published versions get one: a checkpoint of a version that is withdrawn later would
    /// outlive it. A checkpoint that cannot be written costs time and nothing else.
    async fn checkpoint_if_due(&self, table: &Table, base: &LogState) {
        let every = self.inner.options.checkpoint_every.max(1);
        let due = base.version == table.published.version
            && base.version > 0
            && base.version.is_multiple_of(every);
        if due && let Err(error) = self.checkpoint(table).await {
            tracing::warn!(table = %table.id, code = %error.code(), "no checkpoint was written");
        }
    }

    /// Writes a checkpoint of the published version, so that opening the table reads fewer commits.
    ///
    /// # Errors
    /// [`Error::LogRolledBack`], or what the store answers.
    pub async fn checkpoint(&self, table: &Table) -> Result<()> {
        let published = &table.published;
        let state = self
            .state(table.id, published.version, &published.head)
            .await?;
        let there = log::list(&self.inner.guard, table.id).await?;
        if there.contains(&LogObject::Checkpoint(state.version)) {
            return Ok(());
        }
        log::checkpoint(&self.inner.guard, table.id, &state).await?;
        self.inner.options.steps.reached(Step::Checkpointed);
        Ok(())
    }

    /// Withdraws commits that were never published, and finds files that no version names. Run it at
    /// start, and after a commit that could not be published; hold [`LakeStore::lock`].
    ///
    /// # Errors
    /// [`Error::LogRolledBack`], or what the store answers.
    pub async fn recover(&self, table: &Table) -> Result<Recovery> {
        let _commits = Self::lock_in(&self.inner.commits, table.id).await;
        let published = &table.published;
        let mut recovery = Recovery::default();
        for object in log::list(&self.inner.guard, table.id).await? {
            match object {
                LogObject::Commit(version) if version > published.version => {
                    recovery.withdrawn.push(version);
                }
                _ => {}
            }
        }
        // From the newest down: at no moment is there a gap in the log.
        recovery.withdrawn.sort_unstable();
        for version in recovery.withdrawn.iter().rev() {
            self.withdraw(table.id, *version).await?;
        }
        lock(&self.inner.newest).insert(table.id, published.clone());
        if let Some(states) = lock(&self.inner.states).get_mut(&table.id) {
            states.retain(|state| state.version <= published.version);
        }
        let state = self
            .state(table.id, published.version, &published.head)
            .await?;
        recovery.orphans = self.orphans(table.id, &state).await?;
        if let Some(local) = &self.inner.local {
            let folders = [
                Path::from(table.id.to_string()),
                Path::from_iter([table.id.to_string(), crate::guard::LOG.to_owned()]),
            ];
            let live: BTreeSet<String> = self
                .live()
                .iter()
                .map(|file| format!("{file}.parquet"))
                .collect();
            for folder in folders {
                recovery.parts += local
                    .delete_parts(&folder, live.clone())
                    .await
                    .map_err(|error| Error::below(&error, "delete parts of uploads"))?;
            }
        }
        Ok(recovery)
    }

    async fn withdraw(&self, table: TableId, version: u64) -> Result<()> {
        let failed = |error| Error::below(&error, "withdraw a commit");
        let path = commit_path(table, version);
        let sealed = self.inner.guard.raw(&path).await.map_err(failed)?;
        // A commit that does not open was torn by a crash: there is nothing to keep.
        if let Ok(plain) = self.inner.guard.open_raw(table, &path, &sealed) {
            let kept = Path::from_iter([
                table.to_string(),
                UNPUBLISHED.to_owned(),
                format!("{version:020}-{}.json", uuid::Uuid::new_v4().simple()),
            ]);
            self.inner
                .guard
                .put(&kept, plain.into())
                .await
                .map_err(failed)?;
            self.inner.guard.take_digest(&kept);
        }
        self.inner.guard.take_fault(table);
        self.inner.guard.delete(&path).await.map_err(failed)
    }

    /// Data files on the store that no version names and nobody is writing.
    async fn orphans(&self, table: TableId, state: &LogState) -> Result<Vec<FileId>> {
        let failed = |error| Error::below(&error, "list data files");
        let mut named: HashSet<FileId> = state.files.iter().map(|file| file.file).collect();
        let store = log::log_store(&self.inner.guard, table)?;
        let tombstones: Vec<String> = state
            .delta
            .all_tombstones(store.as_ref())
            .map_ok(|view| view.path().to_string())
            .try_collect()
            .await
            .map_err(|error| Error::below(&error, "read the table's log"))?;
        named.extend(tombstones.iter().filter_map(|path| file_id(path)));
        let prefix = Path::from(table.to_string());
        let found = self
            .inner
            .guard
            .list_with_delimiter(Some(&prefix))
            .await
            .map_err(failed)?;
        let live = self.live();
        Ok(found
            .objects
            .iter()
            .filter_map(|meta| file_id(meta.location.filename()?))
            .filter(|file| !named.contains(file) && !live.contains(file))
            .collect())
    }

    /// Deletes the orphans that recovery found; those that have become live or named meanwhile stay.
    ///
    /// # Errors
    /// As [`LakeStore::recover`].
    pub async fn delete_orphans(&self, table: &Table, orphans: &[FileId]) -> Result<usize> {
        let _commits = Self::lock_in(&self.inner.commits, table.id).await;
        let published = &table.published;
        let state = self
            .state(table.id, published.version, &published.head)
            .await?;
        let still: HashSet<_> = self.orphans(table.id, &state).await?.into_iter().collect();
        let gone: Vec<_> = orphans
            .iter()
            .copied()
            .filter(|file| still.contains(file))
            .collect();
        self.delete_data(table.id, &gone).await;
        Ok(gone.len())
    }

    /// Deletes files that were written and will not be committed.
    pub async fn discard(&self, table: TableId, files: Vec<NewFile>) {
        let ids: Vec<_> = files.iter().map(|file| file.file).collect();
        self.delete_data(table, &ids).await;
    }

    /// Tables that are on the store and that the caller does not know: what a crash leaves between
    /// making a table and publishing it, or between dropping it and [`LakeStore::purge`].
    ///
    /// # Errors
    /// What the store answers.
    pub async fn strays(&self, known: impl Fn(TableId) -> bool) -> Result<Vec<TableId>> {
        let found = self.inner.guard.list_with_delimiter(None).await;
        let found = found.map_err(|error| Error::below(&error, "list the tables"))?;
        let tables = found
            .common_prefixes
            .iter()
            .filter_map(|folder| folder.filename());
        Ok(tables
            .filter_map(|name| name.parse().ok())
            .filter(|table| !known(*table))
            .collect())
    }

    /// Deletes everything that a table has on the store. For a table that no catalog epoch names.
    ///
    /// # Errors
    /// What the store answers.
    pub async fn purge(&self, table: TableId) -> Result<()> {
        let _commits = Self::lock_in(&self.inner.commits, table).await;
        let failed = |error| Error::below(&error, "delete a table");
        let prefix = Path::from(table.to_string());
        match &self.inner.local {
            Some(local) => local.delete_folder(&prefix).await.map_err(failed)?,
            None => {
                let found = self.inner.guard.list(Some(&prefix));
                let paths = found.map_ok(|meta| meta.location).boxed();
                self.inner
                    .guard
                    .delete_stream(paths)
                    .try_for_each(|_| async { Ok(()) })
                    .await
                    .map_err(failed)?;
            }
        }
        lock(&self.inner.states).remove(&table);
        lock(&self.inner.newest).remove(&table);
        Ok(())
    }

    /// Deletes data files as far as it can: one that stays is an orphan that recovery finds.
    pub(crate) async fn delete_data(&self, table: TableId, files: &[FileId]) {
        for file in files {
            match self.inner.guard.delete(&data_path(table, *file)).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(_) => tracing::warn!(%table, %file, "could not delete a data file"),
            }
            self.live().remove(file);
        }
    }

    pub(crate) fn live(&self) -> MutexGuard<'_, HashSet<FileId>> {
        lock(&self.inner.live)
    }
}

/// Actions and operation of a change.
fn plan(
    table: &Table,
    base: &LogState,
    change: &TableChange<'_>,
) -> Result<(Vec<Action>, DeltaOperation)> {
    let removes = || base.files.iter().map(log::remove);
    let write = |mode, predicate: Option<&str>| DeltaOperation::Write {
        mode,
        partition_by: None,
        predicate: predicate.map(str::to_owned),
    };
    Ok(match change {
        TableChange::Append(files) => (
            files.iter().map(|file| log::add(table, file)).collect(),
            write(SaveMode::Append, None),
        ),
        TableChange::Overwrite(files) => (
            removes()
                .chain(files.iter().map(|file| log::add(table, file)))
                .collect(),
            // The literal says that the whole table was read.
            write(SaveMode::Overwrite, Some("true")),
        ),
        TableChange::Replace { new, files } => {
            if new.id != table.id {
                return Err(Error::Misuse {
                    what: "a table was replaced by one of another id",
                });
            }
            schema::check_partitioning(new)?;
            let (protocol, metadata) = log::declaration(new)?;
            let actions = [Action::Protocol(protocol), Action::Metadata(metadata)]
                .into_iter()
                .chain(removes())
                .chain(files.iter().map(|file| log::add(new, file)))
                .collect();
            (actions, write(SaveMode::Overwrite, Some("true")))
        }
    })
}
