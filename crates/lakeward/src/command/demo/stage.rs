//! What the demo says, in sections.

use std::time::Instant;

use lakeward_audit::Ledger;
use lakeward_domain::{Door, Name};
use lakeward_engine::{Notice, Session};
use lakeward_ingest::Report;

use crate::{
    Out, Result,
    command::{audit, out::Bar, out::text_batch},
    wire_up::OpenLake,
};

/// Prints the demo.
pub(super) struct Stage<'o> {
    out: &'o mut Out,
    section: u32,
    begun: Instant,
}

impl<'o> Stage<'o> {
    pub(super) fn new(out: &'o mut Out) -> Self {
        Self {
            out,
            section: 0,
            begun: Instant::now(),
        }
    }

    pub(super) fn heading(&mut self, text: &str) -> Result<()> {
        self.section += 1;
        if self.section > 1 {
            self.out.line("")?;
        }
        let seconds = self.begun.elapsed().as_secs();
        self.out
            .line(&format!("{}. {text}  [{seconds} s]", self.section))?;
        self.out.line("")
    }

    pub(super) fn say(&mut self, text: &str) -> Result<()> {
        self.out.line(format!("  {text}").trim_end())
    }

    /// A text as somebody would type it.
    pub(super) fn quote(&mut self, text: &str) -> Result<()> {
        for line in text.lines() {
            self.out.line(&format!("    {line}"))?;
        }
        Ok(())
    }

    pub(super) fn table(&mut self, names: &[&str], rows: &[Vec<Option<String>>]) -> Result<()> {
        self.out.batch(&text_batch(names, rows)?)
    }

    pub(super) fn entries(&mut self, ledger: &Ledger, from: u64, to: u64) -> Result<()> {
        audit::show(ledger, from, to, self.out).map(|_| ())
    }

    pub(super) fn progress(&mut self) -> Bar {
        self.out.progress()
    }

    /// Runs statements as the owner, without showing more than what they want known.
    pub(super) async fn owner(
        &mut self,
        lake: &OpenLake,
        owner: &Name,
        script: &str,
    ) -> Result<Vec<Notice>> {
        let mut session = lake.engine.login(owner, None, Door::Cli).await?;
        run(&mut session, script).await
    }

    pub(super) fn taken_in(&mut self, report: &Report) -> Result<()> {
        self.say(&format!(
            "{:<18} {:>7} rows, {:>6} values or rows quarantined",
            report.table, report.rows_written, report.quarantined
        ))?;
        let tagged: Vec<String> = report
            .columns
            .iter()
            .filter_map(|column| {
                let tag = column.tags.get("phi")?;
                Some(format!("{} ({tag}, {})", column.name, column.action))
            })
            .collect();
        if !tagged.is_empty() {
            self.wrapped("      tagged PHI: ", &tagged)?;
        }
        Ok(())
    }

    fn wrapped(&mut self, head: &str, words: &[String]) -> Result<()> {
        let mut line = head.to_owned();
        for (i, word) in words.iter().enumerate() {
            if line.len() + word.len() > WIDTH && line.len() > head.len() {
                self.out.line(line.trim_end())?;
                line = " ".repeat(head.len());
            }
            line.push_str(word);
            if i + 1 < words.len() {
                line.push_str(", ");
            }
        }
        self.out.line(&line)
    }
}

/// Runs statements and gives what they want known.
pub(super) async fn run(session: &mut Session, script: &str) -> Result<Vec<Notice>> {
    let mut notices = Vec::new();
    for sql in lakeward_engine::split(script)? {
        let answer = Box::pin(session.run(&sql))
            .await
            .map_err(|error| crate::Error::from(error).in_text(&sql))?;
        notices.extend_from_slice(answer.notices());
        answer.collect().await?;
    }
    Ok(notices)
}

const WIDTH: usize = 100;
