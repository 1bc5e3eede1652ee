//! The catalog as others use it: changes, conflicts, tampering, crashes.

mod changes;
mod conflicts;
mod crash;
pub(crate) mod house;
mod plaintext;
mod sequences;
mod size;
mod tamper;
