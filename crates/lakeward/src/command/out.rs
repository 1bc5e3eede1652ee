//! The only place that prints: data on stdout, everything else on stderr.
//!
//! What a reader would get wrong: a terminal obeys what is written to it. Text from data or from a
//! table's names is shown with its control characters spelled out; only what goes to a file or pipe
//! goes out as it is.

mod progress;
mod rows;
mod text;

use std::{
    fmt,
    io::{self, BufWriter, IsTerminal, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use clap::ValueEnum;
use lakeward_engine::{Answer, Notice, Outcome};

use crate::{Error, Result, files};

pub(crate) use progress::Bar;
pub(crate) use rows::text_batch;
pub(crate) use text::printable;

/// How data is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table for people
    Table,
    /// A table in Markdown
    Md,
    /// One JSON array
    Json,
    /// One JSON object a line
    Ndjson,
    /// Comma-separated values with a header
    Csv,
    /// Arrow IPC stream
    Arrow,
    /// A Parquet file, NOT encrypted
    Parquet,
}

impl Format {
    const fn is_binary(self) -> bool {
        matches!(self, Self::Arrow | Self::Parquet)
    }
}

type Stream = Box<dyn Write + Send>;

/// Where a command's output goes.
pub struct Out {
    data: Stream,
    notes: Stream,
    format: Format,
    to: Option<PathBuf>,
    data_is_terminal: bool,
    notes_is_terminal: bool,
    colour: bool,
    answers: u64,
    width: Option<u16>,
}

impl fmt::Debug for Out {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Out")
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

/// What a test captured.
#[derive(Debug, Clone, Default)]
pub struct Captured {
    data: Arc<Mutex<Vec<u8>>>,
    notes: Arc<Mutex<Vec<u8>>>,
}

impl Captured {
    /// What went to stdout.
    #[must_use]
    pub fn data(&self) -> Vec<u8> {
        lock(&self.data).clone()
    }

    /// What went to stdout, as text.
    #[must_use]
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&lock(&self.data)).into_owned()
    }

    /// What went to stderr, as text.
    #[must_use]
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&lock(&self.notes)).into_owned()
    }
}

fn lock(bytes: &Mutex<Vec<u8>>) -> std::sync::MutexGuard<'_, Vec<u8>> {
    bytes.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Out {
    /// The process's own stdout and stderr, or a new file for the data.
    ///
    /// # Errors
    /// [`lakeward_domain::Code::Usage`] for a binary format on a terminal.
    pub fn standard(format: Format, to: Option<&Path>) -> Result<Self> {
        let data_is_terminal = to.is_none() && io::stdout().is_terminal();
        if format.is_binary() && data_is_terminal {
            return Err(Error::usage(
                "this format is not for terminals: name a file with --to, or pipe stdout",
            ));
        }
        let colour = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let notes_is_terminal = io::stderr().is_terminal();
        Ok(Self {
            data: Box::new(BufWriter::with_capacity(BUFFER, io::stdout())),
            notes: Box::new(io::stderr()),
            format,
            to: to.map(Path::to_path_buf),
            data_is_terminal,
            notes_is_terminal,
            colour: colour && notes_is_terminal,
            answers: 0,
            width: None,
        })
    }

    /// Everything to memory.
    #[must_use]
    pub fn captured(format: Format) -> (Self, Captured) {
        let captured = Captured::default();
        let out = Self {
            data: Box::new(Shared(Arc::clone(&captured.data))),
            notes: Box::new(Shared(Arc::clone(&captured.notes))),
            format,
            to: None,
            data_is_terminal: false,
            notes_is_terminal: false,
            colour: false,
            answers: 0,
            width: None,
        };
        (out, captured)
    }

    /// How data is written.
    #[must_use]
    pub const fn format(&self) -> Format {
        self.format
    }

    /// Writes data in another format from here on.
    pub(crate) const fn set_format(&mut self, format: Format) {
        self.format = format;
    }

    /// Wraps the cells of tables so that they are not wider than this.
    pub(crate) const fn set_width(&mut self, columns: u16) {
        self.width = Some(columns);
    }

    /// Whether a person reads stderr as it comes.
    #[must_use]
    pub const fn has_terminal(&self) -> bool {
        self.notes_is_terminal
    }

    /// A progress bar, shown where a person reads stderr.
    pub(crate) fn progress(&mut self) -> Bar {
        Bar::new(self.notes_is_terminal)
    }

    /// A line of data that is no row: a checkpoint, a script, a demo's prose.
    pub(crate) fn line(&mut self, text: &str) -> Result<()> {
        let text = if self.data_is_terminal {
            printable(text)
        } else {
            text.into()
        };
        self.data
            .write_all(text.as_bytes())
            .and_then(|()| self.data.write_all(b"\n"))
            .and_then(|()| self.data.flush())
            .map_err(|error| Error::output(&error))
    }

    /// A sentence beside the data.
    ///
    /// # Errors
    /// [`lakeward_domain::Code::OutputFailed`].
    pub fn note(&mut self, sentence: &str) -> Result<()> {
        self.write_note(&format!("{sentence}\n"))
    }

    /// Something that a statement wants known.
    pub(crate) fn notice(&mut self, notice: &Notice) -> Result<()> {
        let head = match notice.code {
            Some(code) => self.paint(YELLOW, code.as_str()),
            None => "NOTICE".to_owned(),
        };
        self.write_note(&format!("{head}: {}\n", notice.text))
    }

    /// An error: code and cause, the place in the requester's own text, what to do, the query's id.
    ///
    /// # Errors
    /// [`lakeward_domain::Code::OutputFailed`].
    pub fn error(&mut self, error: &Error) -> Result<()> {
        if matches!(error, Error::ReaderGone) {
            return Ok(());
        }
        let code = error.code();
        let mut text = format!("{}: {}\n", self.paint(RED, code.as_str()), error.cause());
        if let Some((sql, line, column)) = error.place() {
            text.push_str(&text::caret(sql, line, column));
        }
        text.push_str(&format!("help: {}\n", code.help()));
        if let Some(query) = error.query() {
            text.push_str(&format!("query: {query}\n"));
        }
        self.write_note(&text)
    }

    fn write_note(&mut self, text: &str) -> Result<()> {
        // Colours are ours and no data; everything else is spelled out on a terminal.
        let text = if self.notes_is_terminal && !self.colour {
            printable(text)
        } else {
            text.into()
        };
        self.data.flush().map_err(|error| Error::output(&error))?;
        self.notes
            .write_all(text.as_bytes())
            .and_then(|()| self.notes.flush())
            .map_err(|error| Error::output(&error))
    }

    fn paint(&self, colour: &str, text: &str) -> String {
        if self.colour {
            format!("\x1b[{colour}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    /// Writes a statement's answer as it comes: rows to stdout, the rest to stderr.
    ///
    /// # Errors
    /// What ends the statement, and failures to write.
    pub async fn answer(&mut self, mut answer: Answer) -> Result<u64> {
        let notices = answer.notices().to_vec();
        let mut count = 0;
        match answer.outcome().clone() {
            Outcome::Rows => {
                let schema = answer.schema();
                let mut sink = self.open(&schema)?;
                let ended = loop {
                    match answer.next().await {
                        Ok(Some(batch)) => {
                            count += batch.num_rows() as u64;
                            if let Err(error) = sink.write(&batch) {
                                break Err(error);
                            }
                        }
                        Ok(None) => break Ok(()),
                        Err(error) => break Err(Error::from(error)),
                    }
                };
                sink.close(ended)?;
                self.flush()?;
                if matches!(self.format, Format::Table) {
                    let s = if count == 1 { "" } else { "s" };
                    self.note(&format!("{count} row{s}"))?;
                }
            }
            Outcome::Changed { message, .. } => {
                // Nothing comes, but *finished* is written when it is asked for.
                while answer.next().await?.is_some() {}
                self.note(&message)?;
            }
        }
        for notice in &notices {
            self.notice(notice)?;
        }
        Ok(count)
    }

    /// Writes rows of our own.
    pub(crate) fn batch(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut sink = self.open(&batch.schema())?;
        let ended = sink.write(batch);
        sink.close(ended)?;
        self.flush()
    }

    fn flush(&mut self) -> Result<()> {
        self.data.flush().map_err(|error| Error::output(&error))
    }

    fn open(&mut self, schema: &SchemaRef) -> Result<rows::Sink<'_>> {
        self.answers += 1;
        if self.answers > 1 && (self.format.is_binary() || self.to.is_some()) {
            return Err(Error::usage("a file takes the rows of one statement"));
        }
        let style = rows::Style {
            format: self.format,
            terminal: self.data_is_terminal,
            width: self.width,
        };
        match &self.to {
            Some(path) => {
                let file = files::create_new(path).map_err(|error| match error.kind() {
                    io::ErrorKind::AlreadyExists => {
                        Error::usage(format!("{} is there already", path.display()))
                    }
                    _ => Error::output(&error),
                })?;
                let writer: Stream = Box::new(BufWriter::with_capacity(BUFFER, file));
                rows::Sink::new(rows::Target::File(writer, path.clone()), schema, style)
            }
            None => rows::Sink::new(rows::Target::Stream(&mut self.data), schema, style),
        }
    }
}

const BUFFER: usize = 256 << 10;
const RED: &str = "1;31";
const YELLOW: &str = "1;33";

#[cfg(test)]
mod tests;
