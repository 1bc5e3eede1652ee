//! Records, some thousand at a time.

/// Records of a batch.
pub(crate) const RECORDS: usize = 8192;
/// Bytes of a batch; one more record may follow.
pub(crate) const BYTES: usize = 8 << 20;

/// Records in the order of the source.
pub(crate) struct Batch {
    /// The number of each record in `body`, counted from one over the whole source.
    pub(crate) numbers: Vec<u64>,
    pub(crate) body: Body,
    /// Records that could not be taken apart.
    pub(crate) bad: Vec<Bad>,
    /// The number of the last record, good or bad.
    pub(crate) last: u64,
    /// What all records up to here are, keyed.
    pub(crate) chain: String,
}

pub(crate) enum Body {
    Csv(Fields),
    Json(Lines),
}

/// Fields of CSV records, unescaped.
pub(crate) struct Fields {
    pub(crate) text: String,
    /// Where each field ends, record after record.
    pub(crate) ends: Vec<u32>,
    /// Fields of a record.
    pub(crate) width: usize,
}

impl Fields {
    /// One field.
    pub(crate) fn get(&self, record: usize, column: usize) -> &str {
        let index = record * self.width + column;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.text
            .get(start as usize..self.ends[index] as usize)
            .unwrap_or_default()
    }
}

/// Lines of JSON.
pub(crate) struct Lines {
    pub(crate) text: String,
    /// Where each line ends.
    pub(crate) ends: Vec<u32>,
    /// The line number of each.
    pub(crate) lines: Vec<u64>,
    /// Whether the last line is the source's last and has no line end.
    pub(crate) unended: bool,
}

impl Lines {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn get(&self, record: usize) -> &str {
        let start = record.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.text
            .get(start as usize..self.ends[record] as usize)
            .unwrap_or_default()
    }
}

/// A record that could not be taken apart.
pub(crate) struct Bad {
    pub(crate) number: u64,
    pub(crate) reason: Reason,
    /// The record as it was: JSON, or base64 where it is not UTF-8.
    pub(crate) raw: String,
}

/// Why a record or value is in quarantine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Reason {
    /// Another number of fields than the header.
    Ragged,
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// A line that is not JSON.
    NotJson,
    /// A line that is JSON and not an object.
    NotObject,
    /// An object that has a key twice.
    TwiceKey,
    /// Values nested too deeply.
    TooDeep,
    /// A value that its column's type cannot hold.
    DoesNotFit,
    /// A value that the column's transform cannot treat.
    NotTransformed,
    /// A column or key that the scrub policy or the table does not know.
    UnknownColumn,
}

impl Reason {
    /// The code that stands in the quarantine table.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Ragged => "ragged",
            Self::NotUtf8 => "not_utf8",
            Self::NotJson => "not_json",
            Self::NotObject => "not_an_object",
            Self::TwiceKey => "key_twice",
            Self::TooDeep => "too_deep",
            Self::DoesNotFit => "does_not_fit",
            Self::NotTransformed => "not_transformed",
            Self::UnknownColumn => "unknown_column",
        }
    }
}
