//! An entry of the ledger in a line.

use arrow::array::RecordBatch;
use lakeward_audit::{Entry, Event, Outcome};
use lakeward_domain::ColumnAccess;

use super::text_batch;
use crate::{Error, Format, Result};

/// Entries as rows: for people a sentence each, for programs the whole entry as JSON too.
pub(super) fn batch(entries: &[(u64, Entry)], format: Format) -> Result<RecordBatch> {
    let short = matches!(format, Format::Table | Format::Md);
    let mut names = vec!["entry", "at", "who", "query", "event", "what"];
    if !short {
        names.push("detail");
    }
    let rows = entries
        .iter()
        .map(|(index, entry)| {
            let query = entry.query.map(|query| query.to_string());
            let mut row = vec![
                Some(index.to_string()),
                Some(if short {
                    seconds(entry)
                } else {
                    entry.at.to_string()
                }),
                who(entry),
                if short {
                    query.map(|id| id.chars().take(9).collect())
                } else {
                    query
                },
                Some(kind(&entry.event).to_owned()),
                Some(what(&entry.event)),
            ];
            if !short {
                let detail = serde_json::to_string(entry).map_err(|_| {
                    Error::new(lakeward_domain::Code::Internal, "an entry has no text")
                })?;
                row.push(Some(detail));
            }
            Ok(row)
        })
        .collect::<Result<Vec<_>>>()?;
    text_batch(&names, &rows)
}

/// The time without its fraction.
fn seconds(entry: &Entry) -> String {
    let at = entry.at.to_string();
    at.split_once('.')
        .map_or(at.clone(), |(seconds, _)| format!("{seconds}Z"))
}

fn who(entry: &Entry) -> Option<String> {
    let who = entry.who.as_ref()?;
    let mut text = who.name.to_string();
    if let Some((_, real)) = &who.impersonator {
        text = format!("{real} as {text}");
    }
    if let Some(purpose) = &who.purpose {
        text.push_str(&format!(" for {}", purpose.name));
    }
    Some(text)
}

const fn kind(event: &Event) -> &'static str {
    match event {
        Event::LakeCreated { .. } => "lake created",
        Event::LoginFailed { .. } => "login failed",
        Event::Begin { .. } => "begin",
        Event::Decided { .. } => "decided",
        Event::Finished { .. } => "finished",
        Event::Refused { .. } => "refused",
        Event::Changed { .. } => "changed",
        Event::CatalogEpoch { .. } => "catalog epoch",
        Event::Ingest { .. } => "ingest",
        Event::KeyTransition { .. } => "key",
        Event::Recovered { .. } => "recovered",
    }
}

fn what(event: &Event) -> String {
    match event {
        Event::LakeCreated { release, kms, .. } => format!("release {release}, kms {kms}"),
        Event::LoginFailed { code, .. } => code.to_string(),
        Event::Begin {
            statement,
            fingerprint,
        } => {
            format!(
                "{statement} {}",
                fingerprint.get(..8).unwrap_or(fingerprint)
            )
        }
        Event::Decided {
            statement,
            tables,
            columns,
            row_filters,
            ..
        } => {
            let tables: Vec<String> = tables
                .iter()
                .map(|used| format!("{}@{}", used.name, used.version))
                .collect();
            let mut text = statement.clone();
            if !tables.is_empty() {
                text.push_str(&format!(" on {}", tables.join(", ")));
            }
            for access in [
                ColumnAccess::Raw,
                ColumnAccess::Computed,
                ColumnAccess::Constant,
                ColumnAccess::Hidden,
                ColumnAccess::Denied,
            ] {
                let names: Vec<String> = columns
                    .iter()
                    .filter(|column| column.access == access)
                    .map(|column| column.name.to_string())
                    .collect();
                if !names.is_empty() {
                    text.push_str(&format!("; {access}: {}", names.join(" ")));
                }
            }
            if !row_filters.is_empty() {
                text.push_str(&format!("; {} row filters", row_filters.len()));
            }
            text
        }
        Event::Finished {
            rows,
            outcome,
            keys_released,
        } => {
            let outcome = match outcome {
                Outcome::Ok => "ok".to_owned(),
                Outcome::Failed(code) => code.to_string(),
            };
            format!(
                "{outcome}, {rows} rows, keys of {} columns released",
                keys_released.len()
            )
        }
        Event::Refused { code, statement } => format!("{statement}: {code}"),
        Event::Changed { what, object, .. } => {
            format!("{what} {}", object.get(..9).unwrap_or(object))
        }
        Event::CatalogEpoch { epoch, root } => {
            format!("{epoch}, root {}", root.get(..8).unwrap_or(root))
        }
        Event::Ingest {
            name,
            scrub,
            rows,
            quarantined,
            ..
        } => {
            format!("{rows} rows into {name} by {scrub}, {quarantined} quarantined")
        }
        Event::KeyTransition {
            key,
            version,
            state,
            reason,
        } => {
            format!("{key}@{version} is {state}: {reason}")
        }
        Event::Recovered { what } => what.clone(),
    }
}
