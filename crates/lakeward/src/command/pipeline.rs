//! `lakeward pipeline`: silver and gold, as SQL files run by a named service.
//!
//! No side door: the service logs in like anybody, sees what it was granted, and is in the ledger.

use lakeward_domain::Door;

use super::{Done, opened};
use crate::{Out, Result, cli::Pipeline, config::Config};

/// Runs a folder of SQL files.
///
/// # Errors
/// What the first failing statement says.
pub async fn run(args: Pipeline, config: &Config, out: &mut Out) -> Result<Done> {
    let Pipeline::Run { folder, service } = args;
    let lake = opened(config, out).await?;
    let user = config.user()?;
    let mut session = lake
        .engine
        .login(&user, Some(&service), Door::Pipeline)
        .await?;
    let bar = out.progress();
    let say = |file: &str| bar.say(file);
    let steps = Box::pin(lakeward_ingest::pipeline::run(&mut session, &folder, &say)).await;
    bar.end();
    let mut rows = 0;
    for step in steps? {
        rows += step.rows;
        out.note(&format!(
            "{}: {} statements, {} rows written",
            step.file, step.statements, step.rows
        ))?;
        for notice in &step.notices {
            out.notice(notice)?;
        }
    }
    out.note(&format!("{rows} rows written as {service}"))?;
    Ok(Done::Fine)
}
