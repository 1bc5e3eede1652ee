//! What is to be taken in, and how far it is.

use std::{fmt, io::Read, path::PathBuf};

use lakeward_domain::TableName;
use lakeward_phi::scrub::ScrubPolicy;

/// How a source is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Records of fields with a header, RFC 4180; comma, semicolon, tab or bar.
    Csv,
    /// One JSON object a line.
    Ndjson,
}

impl Format {
    /// The format that a file name's extension means.
    #[must_use]
    pub fn of_extension(extension: &str) -> Option<Self> {
        match extension.to_ascii_lowercase().as_str() {
            "csv" | "tsv" | "tab" | "psv" | "txt" => Some(Self::Csv),
            "ndjson" | "jsonl" | "ldjson" => Some(Self::Ndjson),
            _ => None,
        }
    }
}

/// Where records come from.
pub enum Source {
    /// A file, read twice: first to learn its types, then to take it in.
    File(PathBuf),
    /// A stream, read once: types are learnt from its first megabytes, which stay in memory.
    Stream {
        /// What to call it; part of its identity when an ingest is resumed.
        label: String,
        /// How it is written.
        format: Format,
        /// The bytes.
        reader: Box<dyn Read + Send>,
    },
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Stream { label, format, .. } => f
                .debug_struct("Stream")
                .field("label", label)
                .field("format", format)
                .finish_non_exhaustive(),
        }
    }
}

/// What is to be taken in.
#[derive(Debug)]
pub struct Request {
    /// Where from.
    pub source: Source,
    /// How it is written; by the file's extension if not told.
    pub format: Option<Format>,
    /// Where to.
    pub into: TableName,
    /// What happens to its columns.
    pub scrub: ScrubPolicy,
    /// Everything but writing.
    pub dry_run: bool,
    /// Rows of one commit.
    pub chunk_rows: usize,
    /// Whether to go on where an ingest of the same source stopped.
    pub resume: bool,
}

impl Request {
    /// Rows of one commit unless told otherwise.
    pub const CHUNK_ROWS: usize = 200_000;

    /// A request with the usual settings.
    #[must_use]
    pub const fn new(source: Source, into: TableName, scrub: ScrubPolicy) -> Self {
        Self {
            source,
            format: None,
            into,
            scrub,
            dry_run: false,
            chunk_rows: Self::CHUNK_ROWS,
            resume: true,
        }
    }
}

/// What an ingest is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Learning types and looking for identifiers.
    Study,
    /// Passing over what an earlier run committed.
    Skip,
    /// Scrubbing and writing.
    Write,
    /// Making rows visible.
    Commit,
    /// Done.
    Done,
}

/// How far an ingest is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the source read in this stage.
    pub bytes_read: u64,
    /// Bytes of the source, where that is known.
    pub bytes_total: Option<u64>,
    /// Records read in this stage.
    pub rows: u64,
    /// Records and values that went to quarantine.
    pub quarantined: u64,
    /// What is going on.
    pub stage: Stage,
}
