//! A statement's entries in the ledger, from *begin* to *finished*.
//!
//! An [`crate::Answer`] cannot be built without a receipt, and a receipt exists only after *begin*
//! is durable: types, not discipline.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use lakeward_audit::{Entry, Event, Ledger, Outcome, Who};
use lakeward_domain::{Clock, QueryId, Requester};

use crate::error::{Error, Result};

/// Proof that a statement is on record.
#[derive(Debug)]
pub(crate) struct Receipt {
    ledger: Arc<Ledger>,
    clock: Arc<dyn Clock>,
    query: QueryId,
    who: Who,
    decided: AtomicBool,
}

impl Receipt {
    /// Opens the record, before the text is even parsed.
    pub(crate) async fn begin(
        ledger: &Arc<Ledger>,
        clock: &Arc<dyn Clock>,
        requester: &Requester,
        fingerprint: String,
        statement: &str,
    ) -> Result<Self> {
        let receipt = Self {
            ledger: Arc::clone(ledger),
            clock: Arc::clone(clock),
            query: QueryId::random(),
            who: Who::from(requester),
            decided: AtomicBool::new(false),
        };
        receipt
            .write(Event::Begin {
                fingerprint,
                statement: statement.to_owned(),
            })
            .await?;
        Ok(receipt)
    }

    pub(crate) const fn query(&self) -> QueryId {
        self.query
    }

    /// Whether the ledger still takes entries.
    ///
    /// # Errors
    /// The ledger's, when it has stopped: rows that leave after that could not be accounted for.
    pub(crate) fn is_kept(&self) -> Result<()> {
        if self.ledger.is_stopped() {
            return Err(lakeward_audit::Error::Stopped.into());
        }
        Ok(())
    }

    /// Writes one more entry of this statement; durable when it returns.
    pub(crate) async fn write(&self, event: Event) -> Result<()> {
        let entry = Entry {
            at: self.clock.now(),
            query: Some(self.query),
            who: Some(self.who.clone()),
            event,
        };
        let decided = matches!(entry.event, Event::Decided { .. });
        self.ledger.append(entry).await.map_err(Error::from)?;
        self.decided.fetch_or(decided, Ordering::Relaxed);
        Ok(())
    }

    /// A change of an object.
    pub(crate) async fn changed(
        &self,
        what: &str,
        object: String,
        detail: BTreeMap<String, String>,
    ) -> Result<()> {
        self.write(Event::Changed {
            what: what.to_owned(),
            object,
            detail,
        })
        .await
    }

    /// Closes the record of a refused or failed statement and gives the error its query id. `rows`
    /// is how many had left by then: none, where it was refused before it was decided.
    pub(crate) async fn refuse(self, statement: &str, error: Error, rows: u64) -> Error {
        self.failed(statement, error, rows, Vec::new()).await
    }

    /// As [`Receipt::refuse`], with the keys that were released by then.
    pub(crate) async fn failed(
        self,
        statement: &str,
        error: Error,
        rows: u64,
        keys_released: Vec<String>,
    ) -> Error {
        let query = self.query;
        let event = if self.decided.load(Ordering::Relaxed) {
            let outcome = Outcome::Failed(error.code());
            Event::Finished {
                rows,
                outcome,
                keys_released,
            }
        } else {
            Event::Refused {
                code: error.code(),
                statement: statement.to_owned(),
            }
        };
        match self.write(event).await {
            Ok(()) => error.of_query(query),
            Err(unwritten) => unwritten.of_query(query),
        }
    }

    /// Closes the record.
    pub(crate) async fn finished(self, rows: u64, keys_released: Vec<String>) -> Result<()> {
        self.write(Event::Finished {
            rows,
            outcome: Outcome::Ok,
            keys_released,
        })
        .await
    }
}
