//! Whole-lake tests: attacks, crashes, real input, doors.

mod ledger;
mod masks;
