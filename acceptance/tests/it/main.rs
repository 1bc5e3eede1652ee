//! Whole-lake tests: attacks, crashes, real input, doors.

mod attacks;
mod ingest;
mod ledger;
mod masks;
