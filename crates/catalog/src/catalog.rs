//! The open catalog: one state that everybody reads, one commit at a time.
//!
//! What a reader would get wrong: a commit runs on a task of its own. A caller that goes away in the
//! middle (a closed connection, a deadline) must not leave a file that is one epoch ahead of memory.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use lakeward_domain::LakeId;
use tokio::sync::{Mutex, watch};

use crate::{
    CatalogKeys, Change, Error, ObjectId, Result, State,
    history::{History, Mark},
    row::{RowKeys, hex},
    store::{Batch, Epoch, Store},
};

/// The catalog of a lake. Cheap to clone; all clones are the same catalog.
#[derive(Debug, Clone)]
pub struct Catalog {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    keys: RowKeys,
    state: watch::Sender<Arc<State>>,
    writer: Mutex<Writer>,
}

#[derive(Debug)]
struct Writer {
    /// `None` once closed, or after a failure whose outcome is unknown.
    store: Option<Store>,
    history: History,
}

impl Catalog {
    /// Makes the catalog of a new lake; epoch 1 holds the first changes.
    ///
    /// # Errors
    /// [`Error::Occupied`] when there is a file, what [`Catalog::commit`] says of the changes, and
    /// failures of the storage.
    pub async fn create(
        path: &Path,
        lake: LakeId,
        keys: impl Into<CatalogKeys>,
        first: Vec<Change>,
    ) -> Result<Self> {
        let keys = keys.into();
        let row_keys = RowKeys::new(lake, keys.clone());
        let (state, touched) = State::default().next(first)?;
        let mut history = History::default();
        let batch = prepare(&row_keys, &state, &touched.objects, &mut history)?;
        Store::create(path, batch).await?;
        Self::open(path, lake, keys).await
    }

    /// Opens a catalog: every row and the root over all of them must verify.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Busy`], [`Error::Version`] for a newer format,
    /// [`Error::Tampered`] when anything was altered or the keys are another lake's, and failures of
    /// the storage.
    pub async fn open(path: &Path, lake: LakeId, keys: impl Into<CatalogKeys>) -> Result<Self> {
        let keys = RowKeys::new(lake, keys.into());
        let mut store = Store::open(path).await?;
        let newest = store.newest().await?;
        keys.check_epoch(newest.epoch, &newest.root, &newest.mac)?;
        let mut records = BTreeMap::new();
        let mut history = History::default();
        for row in store.rows().await? {
            let (record, mac) = keys.open(&row)?;
            let mark = Mark {
                epoch: row.epoch,
                defined: row.epoch,
                mac,
            };
            history.rows.insert(record.id(), mark);
            records.insert(record.id(), record);
        }
        if root(&keys, newest.epoch, &history)[..] != newest.root {
            return Err(Error::Tampered("rows were added, removed or rolled back"));
        }
        let mut state = State::default();
        state.epoch = newest.epoch;
        // In the order of ids, schemas come before what is in them.
        for record in records.into_values() {
            state.put(record)?;
        }
        Ok(Self {
            inner: Arc::new(Inner {
                keys,
                state: watch::Sender::new(Arc::new(state)),
                writer: Mutex::new(Writer {
                    store: Some(store),
                    history,
                }),
            }),
        })
    }

    /// The newest state.
    #[must_use]
    pub fn state(&self) -> Arc<State> {
        Arc::clone(&self.inner.state.borrow())
    }

    /// The newest epoch.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.inner.state.borrow().epoch
    }

    /// Tells of each new state.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Arc<State>> {
        self.inner.state.subscribe()
    }

    /// Applies changes that were computed on the state of epoch `base`, all or none. Durable when it
    /// returns, whether or not the caller is still there. No changes: no new epoch.
    ///
    /// # Errors
    /// [`Error::Conflict`] when something that the changes touch or depend on changed after `base`,
    /// [`Error::NotFound`], [`Error::AlreadyExists`], [`Error::InUse`] and [`Error::Invalid`] where
    /// the changes do not fit, and failures of the storage; the state is then the old one.
    /// [`Error::Closed`] when an earlier failure left open what is on disk.
    pub async fn commit(&self, base: u64, changes: Vec<Change>) -> Result<Arc<State>> {
        let inner = Arc::clone(&self.inner);
        tokio::spawn(async move { inner.commit(base, changes).await })
            .await
            .map_err(|_| Error::Internal("a commit did not come to an end"))?
    }

    /// The root of an epoch in hexadecimal digits, `None` for an epoch that has not been. Goes into
    /// the ledger; the ledger's last epoch must be here with the same root.
    ///
    /// # Errors
    /// [`Error::Tampered`] when the epoch's row was altered or removed, and failures of the storage.
    pub async fn root(&self, epoch: u64) -> Result<Option<String>> {
        let mut writer = self.inner.writer.lock().await;
        if epoch == 0 || epoch > self.epoch() {
            return Ok(None);
        }
        let store = writer.store.as_mut().ok_or(Error::Closed)?;
        let stored = store.epoch(epoch).await?;
        let stored = stored.ok_or(Error::Tampered("an epoch is gone"))?;
        self.inner
            .keys
            .check_epoch(stored.epoch, &stored.root, &stored.mac)?;
        Ok(Some(hex(&stored.root)))
    }

    /// Closes the file after the running commit. States stay readable; commits are refused.
    ///
    /// # Errors
    /// Failures of the storage.
    pub async fn close(&self) -> Result<()> {
        match self.inner.writer.lock().await.store.take() {
            Some(store) => store.close().await,
            None => Ok(()),
        }
    }
}

#[cfg(test)]
impl Catalog {
    /// Runs a statement on the held file, as nobody else can.
    pub(crate) async fn execute(&self, sql: &'static str) {
        let mut writer = self.inner.writer.lock().await;
        writer.store.as_mut().unwrap().execute(sql).await;
    }
}

impl Inner {
    async fn commit(&self, base: u64, changes: Vec<Change>) -> Result<Arc<State>> {
        let mut writer = self.writer.lock().await;
        let state = Arc::clone(&self.state.borrow());
        if base > state.epoch {
            return Err(Error::Conflict(ObjectId::Catalog));
        }
        for change in &changes {
            writer.history.check(&state, base, change)?;
        }
        let (next, touched) = state.next(changes)?;
        if touched.objects.is_empty() {
            return Ok(state);
        }
        let mut history = writer.history.clone();
        let batch = prepare(&self.keys, &next, &touched.objects, &mut history)?;
        for id in touched.objects.difference(&touched.defined) {
            if let (Some(mark), Some(before)) =
                (history.rows.get_mut(id), writer.history.rows.get(id))
            {
                mark.defined = before.defined;
            }
        }
        for table in touched.policies {
            history.policies.insert(table, next.epoch);
        }
        writer.write(state.epoch, batch).await?;
        writer.history = history;
        let next = Arc::new(next);
        self.state.send_replace(Arc::clone(&next));
        Ok(next)
    }
}

impl Writer {
    /// Writes, and after a failure finds out whether it was written.
    async fn write(&mut self, before: u64, batch: Batch) -> Result<()> {
        let mut store = self.store.take().ok_or(Error::Closed)?;
        let wanted = (batch.epoch.epoch, batch.epoch.mac.clone());
        let Err(error) = store.write(batch).await else {
            self.store = Some(store);
            return Ok(());
        };
        match store.newest().await {
            Ok(newest) if newest.epoch == before => {
                self.store = Some(store);
                Err(error)
            }
            Ok(newest) if newest.epoch == wanted.0 && newest.mac == wanted.1 => {
                self.store = Some(store);
                Ok(())
            }
            // INVARIANT: memory is never behind or ahead of the file while commits go on.
            Ok(_) | Err(_) => Err(error),
        }
    }
}

/// The rows of the objects that changed, and the root of all rows; the history then is that of the
/// new epoch.
fn prepare<'a>(
    keys: &RowKeys,
    state: &State,
    touched: impl IntoIterator<Item = &'a ObjectId>,
    history: &mut History,
) -> Result<Batch> {
    let mut old = Vec::new();
    let mut new = Vec::new();
    for id in touched {
        if let Some(mark) = history.rows.remove(id) {
            old.push((id.to_string(), mark.epoch));
        }
        let Some(record) = state.record(*id) else {
            history.dropped.insert(*id, state.epoch);
            continue;
        };
        let row = keys.seal(&record, state.epoch)?;
        let mac = row.mac.as_slice().try_into();
        let mark = Mark {
            epoch: state.epoch,
            defined: state.epoch,
            mac: mac.map_err(|_| Error::Internal("a MAC of another length"))?,
        };
        history.rows.insert(*id, mark);
        history.dropped.remove(id);
        new.push(row);
    }
    let root = root(keys, state.epoch, history);
    Ok(Batch {
        old,
        new,
        epoch: Epoch {
            epoch: state.epoch,
            root: root.to_vec(),
            mac: keys.epoch_mac(state.epoch, &root).to_vec(),
        },
    })
}

fn root(keys: &RowKeys, epoch: u64, history: &History) -> [u8; 32] {
    keys.root(epoch, history.rows.iter().map(|(id, mark)| (id, &mark.mac)))
}
