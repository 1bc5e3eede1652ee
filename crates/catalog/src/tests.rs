//! The catalog as others use it: changes, conflicts, tampering, crashes.

#![expect(
    clippy::disallowed_methods,
    reason = "tests make and break catalogs of their own"
)]

mod changes;
mod conflicts;
mod crash;
pub(crate) mod house;
mod plaintext;
mod sequences;
mod size;
mod tamper;
