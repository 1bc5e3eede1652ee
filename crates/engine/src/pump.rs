//! Runs a plan on a task of its own.
//!
//! A deadline, a revocation or a reader that goes away must end a statement even while an operator is
//! deep in a computation that does not yield; polled in place, it would be asked only afterwards.

use datafusion::{
    arrow::record_batch::RecordBatch, error::DataFusionError, execution::SendableRecordBatchStream,
};
use futures::StreamExt;
use tokio::{sync::mpsc, task::JoinHandle};

/// Batches that may wait for their reader.
const AHEAD: usize = 1;

/// Rows that are computed elsewhere; dropping it ends the computation.
#[derive(Debug)]
pub(crate) struct Pump {
    rows: mpsc::Receiver<Result<RecordBatch, DataFusionError>>,
    task: JoinHandle<()>,
    ended: bool,
}

impl Pump {
    /// Starts.
    pub(crate) fn start(mut stream: SendableRecordBatchStream) -> Self {
        let (send, rows) = mpsc::channel(AHEAD);
        let task = tokio::spawn(async move {
            while let Some(batch) = stream.next().await {
                let last = batch.is_err();
                if send.send(batch).await.is_err() || last {
                    return;
                }
            }
        });
        Self {
            rows,
            task,
            ended: false,
        }
    }

    /// The next rows; nothing after the last ones or an error. A computation that panicked is an error.
    pub(crate) async fn next(&mut self) -> Option<Result<RecordBatch, DataFusionError>> {
        if let Some(batch) = self.rows.recv().await {
            return Some(batch);
        }
        if self.ended {
            return None;
        }
        self.ended = true;
        match (&mut self.task).await {
            Ok(()) => None,
            Err(_) => Some(Err(DataFusionError::Internal("a task ended".into()))),
        }
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        self.task.abort();
    }
}
