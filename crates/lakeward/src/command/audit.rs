//! `lakeward audit`: read the ledger, verify it, keep its checkpoint.
//!
//! Reading it needs the duty auditor and is an entry itself. Verifying it needs nobody's permission
//! and no key: whoever has the files can do it, and the public key is in `lake.json`.

mod entry;

use std::{io, path::Path, time::Duration};

use lakeward_audit::{Ledger, verify};
use lakeward_domain::{Code, Door, Duty};

use super::{Done, login, opened, out::text_batch, record::Record, unlocked};
use crate::{
    Error, Out, Result,
    cli::Audit,
    config::Config,
    files,
    wire_up::{LEDGER, LakeLock, LakeRecord, Unlocked},
};

/// Reads or verifies the ledger.
///
/// # Errors
/// What the ledger says.
pub async fn run(args: Audit, config: &Config, out: &mut Out) -> Result<Done> {
    match args {
        Audit::Tail { lines, follow } => tail(lines, follow, config, out).await,
        Audit::Verify { known } => check(known.as_deref(), config, out).await,
        Audit::Checkpoint => checkpoint(config, out),
    }
}

async fn tail(lines: u64, follow: bool, config: &Config, out: &mut Out) -> Result<Done> {
    let lake = opened(config, out).await?;
    let session = login(&lake, config, None, Door::Cli).await?;
    let record = Record::begin(&session, "audit tail", Duty::Auditor).await?;
    let ledger = std::sync::Arc::clone(lake.engine.ledger());
    let end = ledger.size();
    let mut shown = show(&ledger, end.saturating_sub(lines), end, out);
    if !follow {
        let rows = shown.as_ref().copied().unwrap_or(0);
        record.end(&ledger, rows, shown).await?;
        return Ok(Done::Fine);
    }
    // Other processes write while this one lets go of the lake, which it does between two looks.
    let unlocked = lake.unlocked.clone();
    let wait = config.limits.lock_wait;
    drop((ledger, session, lake));
    let mut next = end;
    let mut rows = 0;
    while let Ok(count) = shown {
        rows += count;
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            _ = tokio::signal::ctrl_c() => break,
        }
        shown = match look(&unlocked, &mut next, out).await {
            Err(error) if error.code() == Code::LakeBusy => Ok(0),
            other => other,
        };
    }
    let _lock = LakeLock::take(&unlocked.place, wait.max(PATIENCE)).await?;
    let ledger = std::sync::Arc::new(unlocked.ledger()?);
    record.end(&ledger, rows, shown).await?;
    Ok(Done::Fine)
}

async fn look(unlocked: &Unlocked, next: &mut u64, out: &mut Out) -> Result<u64> {
    let _lock = LakeLock::take(&unlocked.place, Duration::ZERO).await?;
    let ledger = unlocked.ledger()?;
    let end = ledger.size();
    if end <= *next {
        return Ok(0);
    }
    let rows = show(&ledger, *next, end, out)?;
    *next = end;
    Ok(rows)
}

/// Shows the entries of a range.
pub(super) fn show(ledger: &Ledger, from: u64, to: u64, out: &mut Out) -> Result<u64> {
    let entries = ledger.entries(from..to)?;
    out.batch(&entry::batch(&entries, out.format())?)?;
    Ok(entries.len() as u64)
}

async fn check(known: Option<&Path>, config: &Config, out: &mut Out) -> Result<Done> {
    let place = config.place()?;
    let record = LakeRecord::read(&place)?;
    let known = known.map(read_checkpoint).transpose()?;
    let folder = place.ledger();
    let report = if config.has_passphrase() {
        let unlocked = unlocked(config, out).await?;
        let key = unlocked.record.public_key()?;
        let sealer = unlocked.keys.sealer(LEDGER);
        verify::verify_with_sealer(&folder, &key, known.as_deref(), sealer.as_ref())?
    } else {
        verify::verify(&folder, &record.public_key()?, known.as_deref())?
    };
    if report.lake != record.lake {
        return Err(Error::new(
            Code::LedgerTampered,
            "the ledger belongs to another lake",
        ));
    }
    let mut rows = vec![
        ("ledger", "verified".to_owned()),
        ("lake", report.lake.to_string()),
        ("entries", report.entries.to_string()),
        ("root", report.root.clone()),
        ("signed checkpoints", report.seals.to_string()),
        ("tiles", report.tiles.to_string()),
        (
            "bytes behind the last signature",
            report.unsealed_bytes.to_string(),
        ),
    ];
    if let Some(size) = report.known {
        rows.push(("contains the known checkpoint of size", size.to_string()));
    }
    if let Some(dangling) = &report.dangling {
        rows.push(("statements without an end", dangling.len().to_string()));
    }
    let rows: Vec<Vec<Option<String>>> = rows
        .into_iter()
        .map(|(what, value)| vec![Some(what.to_owned()), Some(value)])
        .collect();
    out.batch(&text_batch(&["what", "value"], &rows)?)?;
    if report.known.is_none() {
        out.note(
            "An older copy of the whole ledger would verify too: keep checkpoints elsewhere and give one with --known.",
        )?;
    }
    match &report.dangling {
        Some(dangling) if !dangling.is_empty() => {
            for (index, query) in dangling {
                out.note(&format!(
                    "entry {index}: statement {query} began and has no end; it counts as fully disclosed"
                ))?;
            }
            Ok(Done::Findings)
        }
        Some(_) | None => Ok(Done::Fine),
    }
}

/// The signed checkpoint as it is on disk, if this lake signed it.
fn checkpoint(config: &Config, out: &mut Out) -> Result<Done> {
    let place = config.place()?;
    let record = LakeRecord::read(&place)?;
    let report = verify::verify(&place.ledger(), &record.public_key()?, None)?;
    for line in report.checkpoint.lines() {
        out.line(line)?;
    }
    Ok(Done::Fine)
}

fn read_checkpoint(path: &Path) -> Result<String> {
    files::read_text(path, MOST_BYTES).map_err(|error: io::Error| {
        Error::new(
            Code::SourceInvalid,
            format!(
                "cannot read the checkpoint {}: {}",
                path.display(),
                error.kind()
            ),
        )
    })
}

const PAUSE: Duration = Duration::from_secs(1);
/// The end of a look goes on record even while others work.
const PATIENCE: Duration = Duration::from_secs(10);
const MOST_BYTES: u64 = 64 << 10;
