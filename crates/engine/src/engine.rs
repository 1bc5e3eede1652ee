//! The engine: one lake, opened.

use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, PoisonError},
    time::Duration,
};

use lakeward_audit::{Entry, Event, Ledger};
use lakeward_catalog::{Catalog, Change, State};
use lakeward_domain::{Clock, Code, Door, Duty, LakeId, Name, PrincipalId, Table, TableId};
use lakeward_keys::{Keyring, LakeKeys};
use lakeward_lake::{LakeStore, SealedSpill, Step};
use tokio::sync::Mutex;

use crate::{
    error::{Error, Result},
    resolve::Resolver,
    session::{Session, Sessions},
};

/// What the engine may use of the machine.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Threads of one statement.
    pub threads: usize,
    /// Memory for sorts, joins and aggregates before they spill, in bytes.
    pub memory_bytes: usize,
    /// How long a statement may run unless its session says otherwise.
    pub statement_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: 1 << 30,
            statement_timeout: Duration::from_secs(3_600),
        }
    }
}

/// The concrete rooms that an engine stands on, wired by the binary.
#[derive(Debug)]
pub struct Parts {
    /// The lake's id.
    pub lake_id: LakeId,
    /// The catalog.
    pub catalog: Catalog,
    /// Tables.
    pub lake: Arc<LakeStore>,
    /// The ledger.
    pub ledger: Arc<Ledger>,
    /// KEKs.
    pub keyring: Arc<Keyring>,
    /// Keys below the lake's root.
    pub keys: Arc<LakeKeys>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Sealed temporary files.
    pub spill: Arc<SealedSpill>,
    /// Limits.
    pub settings: Settings,
}

/// One lake, opened: everybody's statements go through here.
pub struct Engine {
    pub(crate) lake_id: LakeId,
    catalog: Catalog,
    pub(crate) lake: Arc<LakeStore>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) keys: Arc<LakeKeys>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) sessions: Sessions,
    pub(crate) settings: Settings,
    /// Held from a catalog commit until its root is in the ledger.
    commits: Mutex<()>,
    /// Tables whose store may hold a commit that was not published.
    unsettled: std::sync::Mutex<BTreeSet<TableId>>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("lake", &self.lake_id)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Opens a lake: compares the catalog with the ledger, loads keys, recovers tables.
    ///
    /// # Errors
    /// [`Code::CatalogRolledBack`] or [`Code::CatalogTampered`] when the catalog is not the one
    /// that the ledger has seen; errors of the rooms below.
    pub async fn open(parts: Parts) -> Result<Arc<Self>> {
        let sessions = Sessions::new(
            &parts.settings,
            &parts.lake,
            Arc::clone(&parts.spill),
            &parts.keys,
        )?;
        let engine = Arc::new(Self {
            lake_id: parts.lake_id,
            catalog: parts.catalog,
            lake: parts.lake,
            ledger: parts.ledger,
            keyring: parts.keyring,
            keys: parts.keys,
            clock: parts.clock,
            sessions,
            settings: parts.settings,
            commits: Mutex::new(()),
            unsettled: std::sync::Mutex::default(),
        });
        engine.compare_catalog_with_ledger().await?;
        let state = engine.state();
        engine.keyring.load(state.keks().cloned());
        // What a crash leaves belongs to a change that was decided and did not finish. Without one in
        // the ledger, files that nobody names are not ours to delete: a state folder that is older
        // than the lake, from a backup, would take newer tables for leftovers.
        let crashed = engine.left_unfinished()?;
        for table in state.tables() {
            engine.recover(table, crashed).await?;
        }
        let known = |table| state.table(table).is_some();
        for table in engine.lake.strays(known).await? {
            if !crashed {
                tracing::warn!(%table, "a folder that the catalog does not name was left alone");
                continue;
            }
            engine.lake.purge(table).await?;
            let what = format!("table {table}: deleted, because the catalog does not name it");
            engine.record(Event::Recovered { what }).await?;
        }
        Ok(engine)
    }

    /// Whether the newest part of the ledger holds a change that was decided and did not finish.
    fn left_unfinished(&self) -> Result<bool> {
        let size = self.ledger.size();
        let newest = size.saturating_sub(UNFINISHED_WITHIN)..size;
        let mut open = BTreeSet::new();
        for (_, entry) in self.ledger.entries(newest)? {
            let Some(query) = entry.query else { continue };
            match &entry.event {
                Event::Decided { statement, .. } if !only_reads(statement) => {
                    open.insert(query);
                }
                Event::Finished { .. } | Event::Refused { .. } => {
                    open.remove(&query);
                }
                _ => {}
            }
        }
        Ok(!open.is_empty())
    }

    /// Withdraws what a table's store has beyond what is published, and puts that on record.
    async fn recover(&self, table: &Table, delete: bool) -> Result<()> {
        let recovery = self.lake.recover(table).await?;
        let left_alone = !delete && recovery.withdrawn.is_empty() && recovery.parts == 0;
        if recovery.is_clean() || left_alone {
            return Ok(());
        }
        let deleted = if delete {
            self.lake.delete_orphans(table, &recovery.orphans).await?
        } else {
            0
        };
        let what = format!(
            "table {}: {} unpublished versions withdrawn, {deleted} files and {} parts of files deleted",
            table.id,
            recovery.withdrawn.len(),
            recovery.parts
        );
        self.record(Event::Recovered { what }).await
    }

    /// Before a commit to a table's log: nothing that failed may lie beneath it, or it would be
    /// published with it. Hold the table's lock.
    ///
    /// # Errors
    /// What recovery says, and a catalog that must be opened again: it may name the commit.
    pub(crate) async fn settle(&self, table: TableId) -> Result<()> {
        if !self.unsettled().contains(&table) {
            return Ok(());
        }
        let state = self.state();
        self.catalog.root(state.epoch).await?;
        if let Some(table) = state.table(table) {
            self.recover(table, true).await?;
        }
        self.unsettled().remove(&table);
        Ok(())
    }

    /// After a commit to a table's log that failed, or was not published. Hold the table's lock.
    pub(crate) async fn unpublished(&self, table: TableId) {
        self.unsettled().insert(table);
        // What cannot be settled now is settled before the next commit, or at the next start.
        if let Err(error) = self.settle(table).await {
            tracing::warn!(%table, code = %error.code(), "a failed commit is still there");
        }
    }

    fn unsettled(&self) -> std::sync::MutexGuard<'_, BTreeSet<TableId>> {
        self.unsettled
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// A catalog older than the ledger's last word, or different from it, is refused. One commit
    /// more than the ledger knows is what a crash between the two leaves behind: it is adopted.
    async fn compare_catalog_with_ledger(&self) -> Result<()> {
        let seen = self.ledger.latest(|entry| match &entry.event {
            Event::CatalogEpoch { epoch, root } => Some((*epoch, root.clone())),
            _ => None,
        })?;
        let newest = self.state().epoch;
        if let Some((epoch, root)) = &seen {
            if newest < *epoch {
                return Err(Error::new(
                    Code::CatalogRolledBack,
                    format!("the catalog is at epoch {newest}, the ledger has seen epoch {epoch}"),
                ));
            }
            if self.catalog.root(*epoch).await?.as_ref() != Some(root) {
                return Err(Error::new(
                    Code::CatalogTampered,
                    format!("the catalog's epoch {epoch} is not the one in the ledger"),
                ));
            }
            if newest == *epoch {
                return Ok(());
            }
            if newest > epoch + 1 {
                return Err(Error::new(
                    Code::CatalogTampered,
                    "the catalog has commits that the ledger has never seen",
                ));
            }
        }
        self.record_epoch(newest).await
    }

    async fn record_epoch(&self, epoch: u64) -> Result<()> {
        let root = self
            .catalog
            .root(epoch)
            .await?
            .ok_or_else(|| Error::new(Code::CatalogTampered, "the catalog has no root"))?;
        self.record(Event::CatalogEpoch { epoch, root }).await
    }

    /// Writes an entry that belongs to no statement.
    pub(crate) async fn record(&self, event: Event) -> Result<()> {
        let entry = Entry {
            at: self.clock.now(),
            query: None,
            who: None,
            event,
        };
        self.ledger.append(entry).await?;
        Ok(())
    }

    /// The catalog now.
    #[must_use]
    pub fn state(&self) -> Arc<State> {
        self.catalog.state()
    }

    /// The ledger.
    #[must_use]
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// Keys below the lake's root, for sealing and tokens outside of SQL (ingest).
    #[must_use]
    pub fn keys(&self) -> &Arc<LakeKeys> {
        &self.keys
    }

    /// The tables' store, for counters and checks.
    #[must_use]
    pub fn lake(&self) -> &Arc<LakeStore> {
        &self.lake
    }

    /// Memory that statements hold now, in bytes.
    #[must_use]
    pub fn memory_used(&self) -> usize {
        self.sessions.memory_used()
    }

    /// Commits to the catalog and puts the new root on record.
    pub(crate) async fn commit(&self, base: u64, changes: Vec<Change>) -> Result<Arc<State>> {
        let _turn = self.commits.lock().await;
        // A ledger that has stopped would never learn of this epoch, and one epoch is all that the
        // next start may find beyond it.
        if self.ledger.is_stopped() {
            return Err(lakeward_audit::Error::Stopped.into());
        }
        let state = self.catalog.commit(base, changes).await?;
        self.lake.steps().reached(Step::Published);
        self.keyring.load(state.keks().cloned());
        self.record_epoch(state.epoch).await?;
        self.lake.steps().reached(Step::OnRecord);
        Ok(state)
    }

    /// The view of the catalog for one statement.
    pub(crate) fn resolver(&self, session: &Session) -> Result<Arc<Resolver>> {
        let state = self.state();
        let requester = session.requester_in(&state)?;
        Ok(Resolver::new(
            state,
            requester,
            Arc::clone(&self.lake),
            self.sessions.pinned(),
        ))
    }

    /// Tells of each new state of the catalog.
    pub(crate) fn watch(&self) -> tokio::sync::watch::Receiver<Arc<State>> {
        self.catalog.watch()
    }

    /// Logs a person or program in by name: the embedded door, where the passphrase was the proof.
    ///
    /// `act_as` needs the impersonation duty; the ledger then names both.
    ///
    /// # Errors
    /// [`Code::LoginFailed`], which is an entry of its own in the ledger.
    pub async fn login(
        self: &Arc<Self>,
        name: &Name,
        act_as: Option<&Name>,
        door: Door,
    ) -> Result<Session> {
        let state = self.state();
        let real = state.requester(name, door);
        let session = match (real, act_as) {
            (Some(real), None) => Some(self.session(real.id, None, door)),
            (Some(real), Some(other)) if other == name => Some(self.session(real.id, None, door)),
            (Some(real), Some(other)) if real.has(Duty::Impersonator) => state
                .requester(other, door)
                .map(|acted| self.session(acted.id, Some((real.id, real.name)), door)),
            _ => None,
        };
        match session {
            Some(session) => Ok(session),
            None => {
                let tried = act_as.unwrap_or(name);
                let nobody = PrincipalId::from_bytes([0; 16]);
                let name_fingerprint =
                    self.keys
                        .fingerprint(nobody, self.clock.now(), tried.as_str());
                self.record(Event::LoginFailed {
                    name_fingerprint,
                    code: Code::LoginFailed,
                })
                .await?;
                Err(Error::new(
                    Code::LoginFailed,
                    "the user does not exist, is disabled, or may not be acted for",
                ))
            }
        }
    }

    fn session(
        self: &Arc<Self>,
        principal: PrincipalId,
        impersonator: Option<(PrincipalId, Name)>,
        door: Door,
    ) -> Session {
        Session::new(Arc::clone(self), principal, impersonator, door)
    }
}

/// How many of the newest entries are searched for a change that did not finish.
const UNFINISHED_WITHIN: u64 = 10_000;

/// Kinds of statement, as the ledger names them, that write no file.
fn only_reads(kind: &str) -> bool {
    kind == "select"
        || ["explain", "show", "describe", "set"]
            .iter()
            .any(|word| kind.split(' ').next() == Some(word))
}
