//! `lakeward ingest`.

use std::{
    io::{IsTerminal, Read},
    path::Path,
};

use lakeward_domain::{Code, Door};
use lakeward_ingest::{Progress, Report, Request, Source};
use lakeward_phi::scrub::ScrubPolicy;

use super::{Done, login, opened, out::text_batch};
use crate::{
    Error, Out, Result,
    cli::{Ingest, SourceFormat},
    config::Config,
    files,
};

/// Takes in a source.
///
/// # Errors
/// What the source, the scrub policy or the lake says.
pub async fn run(args: Ingest, config: &Config, out: &mut Out) -> Result<Done> {
    let scrub = scrub_policy(&args.scrub)?;
    let format = args.format.map(|format| match format {
        SourceFormat::Csv => lakeward_ingest::Format::Csv,
        SourceFormat::Ndjson => lakeward_ingest::Format::Ndjson,
    });
    let source = source(&args.source, format)?;
    let lake = opened(config, out).await?;
    let mut session = login(&lake, config, None, Door::Ingest).await?;
    let request = Request {
        source,
        format,
        into: args.into,
        scrub,
        dry_run: args.dry_run,
        chunk_rows: usize::try_from(args.chunk_rows).unwrap_or(usize::MAX),
        resume: !args.no_resume,
    };
    let bar = out.progress();
    let show_progress = |progress: Progress| {
        bar.at(
            progress.bytes_read,
            progress.bytes_total,
            progress.rows,
            progress.quarantined,
        );
    };
    let report = Box::pin(lakeward_ingest::run(&mut session, request, &show_progress)).await;
    bar.end();
    show(&report?, out)?;
    Ok(Done::Fine)
}

/// A pack by name, or a file.
pub(super) fn scrub_policy(name: &str) -> Result<ScrubPolicy> {
    if let Some(pack) = ScrubPolicy::builtin(name) {
        return Ok(pack);
    }
    let text = files::read_text(Path::new(name), MOST_BYTES).map_err(|error| {
        Error::new(
            Code::ScrubInvalid,
            format!(
                "{name} is neither a pack ({}) nor a file that can be read: {}",
                ScrubPolicy::BUILTIN.join(", "),
                error.kind()
            ),
        )
    })?;
    Ok(ScrubPolicy::from_toml(&text)?)
}

fn source(path: &Path, format: Option<lakeward_ingest::Format>) -> Result<Source> {
    if path.as_os_str() != "-" {
        // Named before a passphrase is asked for.
        files::check_readable(path).map_err(|error| {
            Error::new(
                Code::SourceInvalid,
                format!("cannot read {}: {}", path.display(), error.kind()),
            )
        })?;
        return Ok(Source::File(path.to_path_buf()));
    }
    if std::io::stdin().is_terminal() {
        return Err(Error::usage(
            "stdin is a terminal; name a file or pipe the records in",
        ));
    }
    let format = format.ok_or_else(|| Error::usage("stdin needs --format csv or ndjson"))?;
    let reader: Box<dyn Read + Send> = Box::new(std::io::stdin());
    Ok(Source::Stream {
        label: "stdin".to_owned(),
        format,
        reader,
    })
}

/// Shows what was taken in: the columns as data, the sums beside.
pub(super) fn show(report: &Report, out: &mut Out) -> Result<()> {
    let rows: Vec<Vec<Option<String>>> = report
        .columns
        .iter()
        .map(|column| {
            let tags: Vec<String> = column
                .tags
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            vec![
                Some(column.name.to_string()),
                Some(column.data_type.to_string()),
                Some(column.action.clone()),
                Some(tags.join(", ")),
            ]
        })
        .collect();
    out.batch(&text_batch(&["column", "type", "action", "tags"], &rows)?)?;
    for count in &report.counts {
        out.note(&format!(
            "  {} in {}: {} {}",
            count.category, count.column, count.count, count.disposition
        ))?;
    }
    let verb = if report.dry_run {
        "would be written"
    } else {
        "written"
    };
    let mut sum = format!(
        "{}: {} rows read, {} {verb}, {} quarantined",
        report.table, report.rows_read, report.rows_written, report.quarantined
    );
    if report.rows_skipped_as_done > 0 {
        sum.push_str(&format!(
            ", {} were there from an earlier run",
            report.rows_skipped_as_done
        ));
    }
    if let Some(quarantine) = &report.quarantine {
        sum.push_str(&format!("; see {quarantine}"));
    }
    out.note(&sum)
}

const MOST_BYTES: u64 = 1 << 20;
