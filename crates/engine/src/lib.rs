//! A query's way through the house.
//!
//! Start reading in [`query`]: its `run` is the whole way in one function. Everything else here
//! is one step of it.
//!
//! ```text
//! door -> Requester -> query::run
//!   ledger.begin        keyed fingerprint of the text, before anything else
//!   parse               parse.rs: allow-listed statements only
//!   resolve             resolve.rs: names and tables at ONE catalog epoch, rulings per table
//!   plan                plan.rs over governed.rs: reader expressions stay above barrier.rs
//!   check               plan.rs: the finished physical plan against the rulings
//!   ledger.decided      answer.rs: durable before the first row leaves
//!   run                 keys are released only for columns whose ruling needs them
//!   answer              answer.rs: rows stream out; ledger.finished
//! ```
//!
//! A change goes down the same road as far as `decided`, then through `change/`.
//! The public face is Arrow schemas and record batches: no DataFusion type leaves this crate.

mod answer;
mod barrier;
mod buffers;
mod change;
mod engine;
mod error;
mod explain;
mod functions;
mod governed;
mod leakproof;
mod lineage;
mod lower;
mod parse;
mod plan;
mod pump;
pub mod query;
mod receipt;
mod resolve;
mod session;
mod shape;
mod show;
mod write;

pub use answer::{Answer, Notice, Outcome};
pub use change::ddl::{NewColumn, NewTable};
pub use engine::{Engine, Parts, Settings};
pub use error::{Error, Result};
pub use lakeward_audit::IngestCount;
pub use parse::split;
pub use session::Session;
pub use write::{IngestRecord, TableAppend};
