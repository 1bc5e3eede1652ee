//! Whole-lake tests: attacks, crashes, real input, doors.

mod ingest;
mod ledger;
mod masks;
