//! A session at the prompt, or the same lines from a pipe.
//!
//! Typed literals are PHI: there is no history file, and without `--history` none in memory either.
//! Ctrl-C drops the line that is being typed, or the query that is running. A *change* that is running
//! goes on to its end, since the half of one helps nobody.

use std::io::{BufRead, BufReader, Read};

use lakeward_domain::Code;
use lakeward_engine::Session;
use rustyline::{Config, Editor, error::ReadlineError, history::MemHistory};
use zeroize::Zeroizing;

use super::{complete, statement};
use crate::{Error, Out, Result, command::quote};

/// Where lines come from.
pub(super) enum Lines {
    /// A person. Taken out while its thread waits for the next line.
    Terminal(Option<Box<Editor<(), MemHistory>>>),
    /// A program.
    Piped(Option<Box<dyn BufRead + Send>>),
}

enum Line {
    Text(Zeroizing<String>),
    Interrupted,
    End,
}

impl Lines {
    pub(super) fn terminal(history: bool) -> Result<Self> {
        let failed = |_| Error::new(Code::OutputFailed, "the terminal cannot be used");
        let size = if history { HISTORY_LINES } else { 0 };
        let config = Config::builder()
            .max_history_size(size)
            .map_err(failed)?
            .auto_add_history(history)
            .build();
        let memory = MemHistory::with_config(&config);
        let editor = Editor::with_history(config, memory).map_err(failed)?;
        Ok(Self::Terminal(Some(Box::new(editor))))
    }

    pub(super) fn piped(source: impl Read + Send + 'static) -> Self {
        Self::Piped(Some(Box::new(BufReader::new(source))))
    }

    const fn is_terminal(&self) -> bool {
        matches!(self, Self::Terminal(_))
    }

    async fn next(&mut self, prompt: &'static str) -> Result<Line> {
        let gone = || Error::new(Code::Internal, "the session's input is gone");
        match self {
            Self::Terminal(slot) => {
                let mut editor = slot.take().ok_or_else(gone)?;
                let (editor, line) = tokio::task::spawn_blocking(move || {
                    let line = editor.readline(prompt);
                    (editor, line)
                })
                .await
                .map_err(|_| gone())?;
                *slot = Some(editor);
                match line {
                    Ok(text) => Ok(Line::Text(Zeroizing::new(text))),
                    Err(ReadlineError::Interrupted) => Ok(Line::Interrupted),
                    Err(ReadlineError::Eof) => Ok(Line::End),
                    Err(_) => Err(Error::new(
                        Code::OutputFailed,
                        "the terminal cannot be used",
                    )),
                }
            }
            Self::Piped(slot) => {
                let mut source = slot.take().ok_or_else(gone)?;
                let (source, line) = tokio::task::spawn_blocking(move || {
                    let mut line = Zeroizing::new(String::new());
                    let read = source.read_line(&mut line).map(|count| (count, line));
                    (source, read)
                })
                .await
                .map_err(|_| gone())?;
                *slot = Some(source);
                match line {
                    Ok((0, _)) => Ok(Line::End),
                    Ok((_, line)) => Ok(Line::Text(line)),
                    Err(error) => Err(Error::new(
                        Code::SourceInvalid,
                        format!("cannot read the statements: {}", error.kind()),
                    )),
                }
            }
        }
    }
}

/// Reads and runs statements until the end. At a prompt errors are shown and the session goes on; from
/// a pipe the first one ends it.
pub(super) async fn run(session: &mut Session, mut lines: Lines, out: &mut Out) -> Result<()> {
    let terminal = lines.is_terminal();
    if terminal {
        out.note("Statements end with a semicolon. \\? lists commands, \\q leaves.")?;
    }
    let mut typed = Zeroizing::new(String::new());
    loop {
        let fresh = complete::is_blank(&typed);
        let line = match lines.next(if fresh { PROMPT } else { GOES_ON }).await? {
            Line::Text(line) => line,
            Line::Interrupted => {
                typed = Zeroizing::default();
                continue;
            }
            Line::End => break,
        };
        if fresh && line.trim_start().starts_with('\\') {
            let known = command(line.trim());
            let ended = match known {
                Some(Meta::Quit) => return Ok(()),
                Some(Meta::Help) => out.note(HELP),
                Some(Meta::Statement(sql)) => one(session, &sql, terminal, out).await,
                None => Err(Error::usage(
                    "this is no command of the session; \\? lists them",
                )),
            };
            shown(ended, terminal, out)?;
            continue;
        }
        typed.push_str(&line);
        if !typed.ends_with('\n') {
            typed.push('\n');
        }
        while let Some(end) = complete::end(&typed) {
            let rest = Zeroizing::new(typed[end + 1..].to_owned());
            let sql = Zeroizing::new(typed[..end].trim().to_owned());
            typed = rest;
            if !complete::is_blank(&sql) {
                shown(one(session, &sql, terminal, out).await, terminal, out)?;
            }
        }
    }
    if !terminal && !complete::is_blank(&typed) {
        statement(session, typed.trim(), out).await?;
    }
    Ok(())
}

fn shown(ended: Result<()>, terminal: bool, out: &mut Out) -> Result<()> {
    match ended {
        Err(error) if terminal && !matches!(error, Error::ReaderGone) => out.error(&error),
        other => other,
    }
}

async fn one(session: &mut Session, sql: &str, terminal: bool, out: &mut Out) -> Result<()> {
    if !terminal {
        return statement(session, sql, out).await.map(|_| ());
    }
    let reads = only_reads(sql);
    {
        let running = statement(session, sql, out);
        tokio::pin!(running);
        loop {
            tokio::select! {
                ended = &mut running => return ended.map(|_| ()),
                signal = tokio::signal::ctrl_c() => {
                    if reads || signal.is_err() {
                        break;
                    }
                }
            }
        }
    }
    out.note("cancelled; in the ledger the statement stays without an end")
}

/// Whether dropping the statement half-way leaves nothing half-way.
fn only_reads(sql: &str) -> bool {
    let word: String = sql
        .trim_start()
        .chars()
        .take_while(|c| c.is_ascii_alphabetic())
        .collect();
    [
        "select", "with", "values", "explain", "show", "describe", "desc", "table",
    ]
    .iter()
    .any(|known| word.eq_ignore_ascii_case(known))
        || sql.trim_start().starts_with('(')
}

enum Meta {
    Quit,
    Help,
    Statement(String),
}

fn command(line: &str) -> Option<Meta> {
    let (word, argument) = match line.split_once(char::is_whitespace) {
        Some((word, argument)) => (word, argument.trim().trim_end_matches(';')),
        None => (line.trim_end_matches(';'), ""),
    };
    let table = || {
        let name: lakeward_domain::TableName = argument.parse().ok()?;
        Some(format!(
            "{}.{}",
            quote::name(&name.schema),
            quote::name(&name.table)
        ))
    };
    Some(match (word, argument.is_empty()) {
        ("\\q", _) => Meta::Quit,
        ("\\?" | "\\h", _) => Meta::Help,
        ("\\d", true) => Meta::Statement("SHOW TABLES".to_owned()),
        ("\\d", false) => Meta::Statement(format!("DESCRIBE {}", table()?)),
        ("\\dn", true) => Meta::Statement("SHOW SCHEMAS".to_owned()),
        ("\\du", true) => Meta::Statement("SHOW USERS".to_owned()),
        ("\\dg", true) => Meta::Statement("SHOW GROUPS".to_owned()),
        ("\\dp", true) => Meta::Statement("SHOW POLICIES".to_owned()),
        ("\\dp", false) => Meta::Statement(format!("SHOW POLICIES ON {}", table()?)),
        ("\\z", true) => Meta::Statement("SHOW GRANTS".to_owned()),
        _ => return None,
    })
}

const PROMPT: &str = "lakeward> ";
const GOES_ON: &str = "     ...> ";
const HISTORY_LINES: usize = 1_000;
const HELP: &str = "\
\\d [TABLE]    tables that you may see, or the columns of one
\\dn           schemas
\\dp [TABLE]   policies
\\du, \\dg      users, groups
\\z            what is granted to you
\\q            leave
EXPLAIN POLICY SELECT … says what you see of each column, and why.
Ctrl-C drops what is typed, or the query that runs.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_can_be_dropped_half_way_and_changes_cannot() {
        for (sql, reads) in [
            ("select 1", true),
            ("  WITH a AS (select 1) select * from a", true),
            ("(select 1)", true),
            ("explain policy select 1", true),
            ("insert into t select 1", false),
            ("create table t as select 1", false),
            ("grant select on t to a", false),
        ] {
            assert_eq!(only_reads(sql), reads, "{sql}");
        }
    }

    #[test]
    fn commands_become_statements_with_quoted_names() {
        let sql = |line| match command(line) {
            Some(Meta::Statement(sql)) => Some(sql),
            _ => None,
        };
        assert_eq!(sql("\\d"), Some("SHOW TABLES".into()));
        assert_eq!(
            sql("\\d bronze.Patients"),
            Some("DESCRIBE \"bronze\".\"patients\"".into())
        );
        assert_eq!(
            sql("\\d a; drop table b"),
            Some("DESCRIBE \"default\".\"a; drop table b\"".into())
        );
        assert!(command("\\x").is_none());
        assert!(matches!(command("\\q"), Some(Meta::Quit)));
    }
}
