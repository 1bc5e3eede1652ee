//! The record of a look at things that no statement shows: the ledger itself, the lint.
//!
//! The same two steps as a statement's: *decided* is durable before the first line is shown, and a
//! look without the duty is refused on record.

use std::sync::Arc;

use lakeward_audit::{Entry, Event, Ledger, Outcome};
use lakeward_domain::{Clock, Code, Duty, QueryId, Requester, SystemClock};
use lakeward_engine::Session;

use crate::{Error, Result};

/// A look that is on record.
#[derive(Debug)]
pub(super) struct Record {
    requester: Requester,
    query: QueryId,
}

impl Record {
    /// Opens the record of somebody's look, who needs a duty for it.
    pub(super) async fn begin(
        session: &Session,
        statement: &'static str,
        duty: Duty,
    ) -> Result<Self> {
        let engine = session.engine();
        let requester = session.requester()?;
        let record = Self {
            query: QueryId::random(),
            requester,
        };
        let ledger = engine.ledger();
        let fingerprint =
            engine
                .keys()
                .fingerprint(record.requester.id, SystemClock.now(), statement);
        let begin = Event::Begin {
            fingerprint,
            statement: statement.to_owned(),
        };
        record.write(ledger, begin).await?;
        if !record.requester.has(duty) {
            let refused = Event::Refused {
                code: Code::Denied,
                statement: statement.to_owned(),
            };
            record.write(ledger, refused).await?;
            return Err(Error::new(
                Code::Denied,
                format!("this needs the duty {duty}"),
            ));
        }
        let decided = Event::Decided {
            statement: statement.to_owned(),
            shape: statement.to_owned(),
            tables: Vec::new(),
            columns: Vec::new(),
            row_filters: Vec::new(),
            catalog_epoch: engine.state().epoch,
            keys: Vec::new(),
        };
        record.write(ledger, decided).await?;
        Ok(record)
    }

    /// Closes the record.
    pub(super) async fn finish(
        self,
        ledger: &Ledger,
        rows: u64,
        failed: Option<Code>,
    ) -> Result<()> {
        let finished = Event::Finished {
            rows,
            outcome: failed.map_or(Outcome::Ok, Outcome::Failed),
            keys_released: Vec::new(),
        };
        self.write(ledger, finished).await
    }

    /// Closes the record with how the look ended, and gives that back.
    pub(super) async fn end<T>(
        self,
        ledger: &Arc<Ledger>,
        rows: u64,
        ended: Result<T>,
    ) -> Result<T> {
        let failed = ended.as_ref().err().map(Error::code);
        self.finish(ledger, rows, failed).await?;
        ended
    }

    async fn write(&self, ledger: &Ledger, event: Event) -> Result<()> {
        let entry = Entry::of(&self.requester, self.query, SystemClock.now(), event);
        ledger.append(entry).await?;
        Ok(())
    }
}
