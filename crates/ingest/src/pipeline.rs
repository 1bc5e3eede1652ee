//! Silver and gold: SQL files, run statement by statement as the session's requester.
//!
//! There is no side door: a pipeline is a service that asks like everybody else, and its rights,
//! masks and row filters hold. What it may not see does not arrive in gold.

use std::path::Path;

use lakeward_engine::{Notice, Outcome, Session, split};

use crate::{
    error::{Error, Result},
    source::scripts,
};

/// A file that ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The file, from the pipeline's folder.
    pub file: String,
    /// Statements that ran.
    pub statements: usize,
    /// Rows that they wrote or returned.
    pub rows: u64,
    /// What a person should know beside it.
    pub notices: Vec<Notice>,
}

/// Runs every `.sql` file of a folder and its folders, in the order of their paths.
///
/// # Errors
/// The first statement that fails, named by file and number: what ran before it stays.
pub async fn run(
    session: &mut Session,
    folder: &Path,
    progress: &(dyn Fn(&str) + Send + Sync),
) -> Result<Vec<Step>> {
    let mut steps = Vec::new();
    for script in scripts::read(folder)? {
        progress(&script.file);
        steps.push(run_script(session, script.file, &script.text).await?);
    }
    Ok(steps)
}

async fn run_script(session: &mut Session, file: String, text: &str) -> Result<Step> {
    let statements = split(text).map_err(|error| Error::Script {
        file: file.clone(),
        error,
    })?;
    let mut step = Step {
        file,
        statements: 0,
        rows: 0,
        notices: Vec::new(),
    };
    for sql in &statements {
        let rows = run_statement(session, sql, &mut step.notices)
            .await
            .map_err(|error| Error::Step {
                file: step.file.clone(),
                statement: step.statements + 1,
                error,
            })?;
        step.statements += 1;
        step.rows += rows;
    }
    Ok(step)
}

async fn run_statement(
    session: &mut Session,
    sql: &str,
    notices: &mut Vec<Notice>,
) -> lakeward_engine::Result<u64> {
    let mut answer = Box::pin(session.run(sql)).await?;
    notices.extend_from_slice(answer.notices());
    let written = match answer.outcome() {
        Outcome::Changed { rows, .. } => Some(rows.unwrap_or(0)),
        Outcome::Rows => None,
    };
    let mut returned = 0;
    while let Some(batch) = answer.next().await? {
        returned += batch.num_rows() as u64;
    }
    Ok(written.unwrap_or(returned))
}
