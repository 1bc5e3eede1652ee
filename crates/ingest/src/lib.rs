//! A record's way into the lake.
//!
//! Start reading in [`run`](mod@run): its `run` is the whole way in one function. Everything else here is
//! one step of it, in this order.
//!
//! ```text
//! source -> detect -> scrub -> bronze -> silver -> gold
//!                        \-> quarantine (sealed)
//!
//! run.rs          the way itself
//!   source.rs     opened and looked at: compressed, binary and empty sources end here
//!     source/csv.rs, source/ndjson.rs   cut into records of at most 16 MiB; json.rs takes lines apart
//!   infer.rs      read once to learn its types (a file whole, a stream's first 8 MiB in memory)
//!   detect.rs     what each column and each nested place holds: by name and by a sample of values
//!   layout.rs     the scrub policy meets the source: a plan per place, and the table it makes
//!   bronze.rs     the table is made, tags first; how far an earlier run came is read from it
//!   convert.rs    batch by batch: scrub.rs treats each value, value.rs types it, Arrow columns leave
//!   breaker.rs    too many records that do not fit stop the ingest
//!   quarantine.rs what could not be cleared, committed before the chunk it was left out of
//!   bronze.rs     chunk by chunk through the engine: rows, and how far they go, in one commit
//! pipeline.rs     silver and gold: SQL through the engine as a named requester, no side door
//! ```
//!
//! Nothing is written but through the engine, which encrypts from the first byte and asks for the same
//! rights as INSERT. No value from a source reaches an error, a report or a log: these carry
//! categories, columns and counts.
//!
//! # What becomes of values
//!
//! * An empty CSV field is NULL, in text columns too, quoted or not. A JSON `""` stays an empty text.
//! * A type is inferred only if every value reads back from it without loss: codes with leading
//!   zeros stay STRING, decimals are exact with the largest scale that occurs, and zip codes,
//!   telephone numbers and the like are STRING even where they look like numbers. Of a file all
//!   values are looked at before the first is written; of a stream the first 8 MiB are, and what does
//!   not fit later goes to quarantine. A column that is empty throughout is STRING.
//! * A slashed date is read month first, unless some value of its column can only be day first.
//! * A table that exists is appended to with its own types; columns that it does not have go to
//!   quarantine, and a recognised identifier does not go into a column without a `phi` tag.
//! * Nested JSON becomes STRUCT and ARRAY, each place in it with a plan of its own; where shapes vary it
//!   becomes STRING that holds JSON.
//! * A record that is ragged, not UTF-8, not JSON, or has a value that does not fit, goes to
//!   `quarantine.<table>` as a whole; a value of a column that no rule and no detector knows goes there
//!   alone.

mod breaker;
mod bronze;
mod convert;
mod counts;
mod detect;
mod error;
mod infer;
mod json;
mod layout;
mod names;
pub mod pipeline;
mod quarantine;
mod report;
mod request;
mod run;
mod scrub;
mod source;
mod value;

pub use error::{Error, Result};
pub use report::{ColumnReport, IngestCount, Report};
pub use request::{Format, Progress, Request, Source, Stage};
pub use run::run;
