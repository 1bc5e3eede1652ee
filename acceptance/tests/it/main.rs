//! Whole-lake tests: attacks, crashes, real input, doors.

mod attacks;
mod bad_input;
mod commands;
mod concurrency;
mod crash;
mod full_disk;
mod ingest;
mod ledger;
mod masks;
mod pruning;
mod real_input;
mod spill;
mod tamper;
